"""Singular values: the decomposition, what they add up to, the best approximation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy
from flint import acb, acb_mat, arb, fmpq, fmpq_mat
from sympy import Matrix, Symbol, diff, eye

from fiducial.spec.demonstrations.determinants import listed, rational, symbols
from fiducial.spec.demonstrations.exact import Pair, entries, unless
from fiducial.spec.demonstrations.spectra import characteristic, lam
from fiducial.spec.demonstrations.symmetric import column, orthogonal, rotation, unit
from fiducial.spec.theorems import Derived

s2, gap, m, n = (Symbol(name, positive=True) for name in ("s2", "g", "m", "n"))


def squares(elements: Iterable[Any]) -> Any:
    """The sum of squares: |A|^2 (Frobenius) for a matrix."""
    return sum(element**2 for element in elements)


def _decomposed() -> list[Pair]:
    """G = A^T A has eigenvectors v: the A v are orthogonal, |A v|^2 = w |v|^2, and the v v^T / |v|^2 add up to I."""
    g, h, k = sympy.symbols("g h k", real=True)
    gram = Matrix([[g, h], [h, k]])
    roots = sympy.solve(characteristic(gram), lam)
    vectors = [Matrix([h, root - g]) for root in roots]
    projections = [v * v.T / (v.T * v)[0] for v in vectors]
    lengths = [((v.T * gram * v)[0], root * (v.T * v)[0]) for v, root in zip(vectors, roots, strict=True)]
    return [((vectors[0].T * gram * vectors[1])[0], 0), ((vectors[0].T * vectors[1])[0], 0), *lengths,
            *entries(projections[0] + projections[1], eye(2))]  # fmt: skip


def _seen_decomposed() -> list[Pair]:
    """Certified eigenvectors of A^T A as V, the A v / s as U: V and U are orthogonal, and U S V^T is A."""
    pairs: list[Pair] = []
    for rows, columns in ((2, 2), (3, 2), (4, 3)):
        a = rational(6, rows, columns)
        values, found = acb_mat(a.transpose() * a).eig(right=True)
        v = acb_mat([[found[i, j] / _length(found, j) for j in range(columns)] for i in range(columns)])
        scale = acb_mat([[values[i].sqrt() if i == j else 0 for j in range(columns)] for i in range(columns)])
        u = acb_mat(a) * v * scale.inv()
        for left, right in ((u.transpose() * u, unit(columns)), (v.transpose() * v, unit(columns)),
                            (u * scale * v.transpose(), a)):  # fmt: skip
            pairs += [(x.real, arb(y)) for x, y in zip(left.entries(), listed(right), strict=True)]
    return pairs


def _length(vectors: acb_mat, j: int) -> acb:
    return sum((vectors[i, j] ** 2 for i in range(vectors.nrows())), acb(0)).sqrt()


def _sums() -> list[Pair]:
    """Three by two: the sum and the product of the eigenvalues of A^T A, the product as squares of minors."""
    a = symbols("a", 3, 2)
    gram = a.T * a
    first, second = sympy.solve(characteristic(gram), lam)
    minors = [a.extract(list(rows), [0, 1]).det() for rows in ((0, 1), (0, 2), (1, 2))]
    return [(sympy.expand(first + second), sympy.expand(squares(a))),
            (sympy.expand(gram.det()), sympy.expand(squares(minors))),
            (sympy.expand(first * second), sympy.expand(gram.det()))]  # fmt: skip


def _seen_sums() -> list[Pair]:
    pairs: list[Pair] = []
    for rows, columns in ((3, 2), (4, 3), (5, 4)):
        a = rational(6, rows, columns)
        values = [value.real for value in acb_mat(a.transpose() * a).eig()]
        pairs.append((sum(values, arb(0)), arb(squares(listed(a)))))
        pairs += [(bool(value > 0), True) for value in values]
    return pairs


def _best_rank_one() -> list[Pair]:
    """A = diag(s1, s2) with s1 = s2 + g, rotations change no distance: x y^T with the best x for its y."""
    a = Matrix([[s2 + gap, 0], [0, s2], [0, 0]])
    x, y = Matrix(sympy.symbols("x:3", real=True)), Matrix(sympy.symbols("y:2", real=True))
    error = squares(a - x * y.T)
    best = sympy.solve([diff(error, e) for e in x], list(x), dict=True)[0]
    excess = sympy.factor(error.subs(best) - s2**2)
    never_negative = all(part.is_nonnegative for part in sympy.fraction(excess))
    turned = rotation(m) * symbols("a", 2, 2) * rotation(n)
    return [(excess, (2 * s2 + gap) * gap * y[1] ** 2 / (y.T * y)[0]), (unless(never_negative), 0),
            (excess.subs(y[1], 0), 0), (error.subs(best).subs(y[0], 0), (s2 + gap) ** 2),
            (sympy.cancel(squares(turned)), squares(symbols("a", 2, 2)))]  # fmt: skip


def spanned(u: fmpq_mat, values: Any, v: fmpq_mat) -> fmpq_mat:
    """Sum of s_i u_i v_i^T."""
    whole = fmpq_mat(u.nrows(), v.nrows())
    for i, value in enumerate(values):
        whole += fmpq(value) * column(u, i) * column(v, i).transpose()
    return whole


def _seen_best_rank_one() -> list[Pair]:
    """Known decompositions; other matrices of rank one are farther, by the least over x for each y of a grid."""
    pairs: list[Pair] = []
    for rows, columns, values in ((3, 2, (5, 2)), (4, 3, (7, 3, fmpq(1, 2)))):
        u, v = orthogonal(4, rows), orthogonal(2, columns)
        a = spanned(u, values, v)
        least = sum((fmpq(value) ** 2 for value in values[1:]), fmpq(0))
        pairs.append((squares(listed(a - spanned(u, values[:1], v))), least))
        for seed in range(2, 12):
            y = rational(seed, columns, 1)
            x = (a * y) * (1 / (y.transpose() * y)[0, 0])
            pairs.append((bool(squares(listed(a - x * y.transpose())) > least), True))
    return pairs


SVD = (
    Derived("A = U S V^T: V are the eigenvectors of A^T A, S the roots of its eigenvalues, U = A V S^-1; U and V are "
            "orthogonal (two columns)", _decomposed, _seen_decomposed),
    Derived("|A|^2 = Sum s^2, and the product of the s^2 is det(A^T A), a sum of squares: the s are real (3 x 2)",
            _sums, _seen_sums),
    Derived("Eckart-Young: for s1 > s2 the nearest matrix of rank one is s1 u1 v1^T; x y^T leaves at least "
            "s2^2 + (s1^2 - s2^2) y2^2 / |y|^2 (3 x 2, Frobenius)", _best_rank_one, _seen_best_rank_one),
)  # fmt: skip
