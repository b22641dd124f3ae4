"""Symmetric matrices: the spectral theorem, and the derivatives of simple eigenvalues and their eigenvectors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import sympy
from flint import fmpq, fmpq_mat, fmpq_poly
from sympy import Matrix, Symbol, diff

from fiducial.spec.demonstrations.determinants import interpolated, listed, rational
from fiducial.spec.demonstrations.exact import Pair, entries, number
from fiducial.spec.demonstrations.spectra import characteristic, lam
from fiducial.spec.theorems import Derived

a, b, d, m = sympy.symbols("a b d m", real=True)
w1, w2 = sympy.symbols("w1 w2", real=True)


def rotation(tangent: Any) -> Matrix:
    """By an angle whose half has this tangent: all rotations of the plane but the half turn."""
    c, s = (1 - tangent**2) / (1 + tangent**2), 2 * tangent / (1 + tangent**2)
    return Matrix([[c, -s], [s, c]])


def orthogonal(seed: int, size: int) -> fmpq_mat:
    """Cayley: (I - K)^-1 (I + K) is orthogonal where K is skew."""
    half = rational(seed, size, size)
    skew, one = half - half.transpose(), unit(size)
    return (one - skew).inv() * (one + skew)


def unit(size: int) -> fmpq_mat:
    return diagonal([1] * size)


def diagonal(values: Any) -> fmpq_mat:
    size = len(values)
    return fmpq_mat([[values[i] if i == j else 0 for j in range(size)] for i in range(size)])


def column(matrix: fmpq_mat, j: int) -> fmpq_mat:
    return fmpq_mat([[matrix[i, j]] for i in range(matrix.nrows())])


def _spectral() -> list[Pair]:
    """Two by two, with the radicals."""
    matrix = Matrix([[a, b], [b, d]])
    roots = sympy.solve(characteristic(matrix), lam)
    vectors = [Matrix([b, root - a]) for root in roots]
    rebuilt = sympy.zeros(2)
    for root, v in zip(roots, vectors, strict=True):
        rebuilt += root * v * v.T / (v.T * v)[0]
    (discriminant,) = {sympy.expand((2 * root - a - d) ** 2) for root in roots}
    return [(discriminant, sympy.expand((a - d) ** 2 + 4 * b**2)), (sympy.expand((vectors[0].T * vectors[1])[0]), 0),
            *entries(rebuilt, matrix)]  # fmt: skip


SPECTRA: tuple[tuple[int, tuple[Any, ...]], ...] = ((2, (-3, 1)), (3, (-1, 2, fmpq(7, 2))), (4, (-5, fmpq(1, 3), 2, 4)))


def _with_spectrum(size: int, values: Any) -> tuple[fmpq_mat, fmpq_mat]:
    vectors = orthogonal(4, size)
    return vectors * diagonal(values) * vectors.transpose(), vectors


def _seen_spectral() -> list[Pair]:
    """Symmetric matrices of integers up to 5 x 5: as many real eigenvalues (Sturm) as rows."""
    pairs: list[Pair] = []
    for size in (2, 3, 4, 5):
        half = rational(6, size, size)
        whole = half + half.transpose()
        polynomial = sympy.Poly([number(c) for c in whole.charpoly().coeffs()[::-1]], lam)
        pairs.append((polynomial.count_roots(), size))
    for size, values in SPECTRA:
        matrix, vectors = _with_spectrum(size, values)
        pairs += zip(listed(matrix), listed(matrix.transpose()), strict=True)
        pairs += zip(listed(matrix * vectors), listed(vectors * diagonal(values)), strict=True)
        pairs += zip(listed(vectors.transpose() * vectors), listed(unit(size)), strict=True)
    return pairs


def _real() -> list[Pair]:
    """Cauchy and Binet: the discriminant of the characteristic polynomial is a Gram determinant of I, A, A^2."""
    matrix = Matrix(3, 3, lambda i, j: Symbol(f"a{min(i, j)}{max(i, j)}", real=True))
    columns = Matrix.hstack(*((matrix**power).reshape(9, 1) for power in range(3)))
    minors = (columns.extract(list(rows), [0, 1, 2]).det() for rows in combinations(range(9), 3))
    discriminant = sympy.discriminant(characteristic(matrix), lam)
    return [(sympy.expand(discriminant), sympy.expand(sum(minor**2 for minor in minors)))]


def _seen_real() -> list[Pair]:
    """The product of the squared differences of known eigenvalues, which is never negative."""
    pairs: list[Pair] = []
    cases: tuple[tuple[Any, ...], ...] = ((-1, 2, fmpq(7, 2)), (1, 1, 4), (fmpq(-2, 3), 0, 5))
    for values in cases:
        matrix, _ = _with_spectrum(3, values)
        squares = fmpq(1)
        for p, q in combinations(values, 2):
            squares *= fmpq(p - q) ** 2
        powers = [listed(unit(3)), listed(matrix), listed(matrix * matrix)]
        gram = fmpq_mat([[sum((x * y for x, y in zip(p, q, strict=True)), fmpq(0)) for q in powers] for p in powers])
        pairs += [(fmpq_poly(matrix.charpoly()).discriminant(), squares), (gram.det(), squares)]
    return pairs


def _along() -> tuple[Matrix, Matrix, Matrix]:
    """A = V diag(w1, w2) V^T of its eigenvalues and angle: how these move along a direction E of A's entries.

    An entry above and the one below the diagonal are one variable of a symmetric matrix: E enters by (E + E^T) / 2.
    """
    vectors, e = rotation(m), Matrix(2, 2, sympy.symbols("e:4", real=True))
    matrix = vectors * sympy.diag(w1, w2) * vectors.T
    jacobian = Matrix([matrix[0, 0], matrix[0, 1], matrix[1, 1]]).jacobian([w1, w2, m]).applyfunc(sympy.cancel)
    direction = Matrix([e[0, 0], (e[0, 1] + e[1, 0]) / 2, e[1, 1]])
    return vectors, e, jacobian.inv(method="ADJ").applyfunc(sympy.cancel) * direction


def _eigenvalue_along() -> list[Pair]:
    vectors, e, moved = _along()
    claimed = (vectors.T * e * vectors).diagonal()
    return [(sympy.cancel(moved[i]), sympy.cancel(claimed[i])) for i in range(2)]


def _eigenvector_along() -> list[Pair]:
    vectors, e, moved = _along()
    symmetric = (e + e.T) / 2
    derived = vectors.applyfunc(lambda element: diff(element, m)) * moved[2]
    mixed = (vectors[:, 1].T * symmetric * vectors[:, 0])[0]
    claimed = Matrix.hstack(vectors[:, 1] * mixed / (w1 - w2), vectors[:, 0] * mixed / (w2 - w1))
    return entries(derived.applyfunc(sympy.cancel), claimed.applyfunc(sympy.cancel))


def _directions() -> Iterator[tuple[int, Any, fmpq_mat, fmpq_mat, fmpq_mat]]:
    """Matrices of known spectrum and eigenvectors, each with a symmetric direction."""
    for size, values in SPECTRA:
        matrix, vectors = _with_spectrum(size, values)
        half = rational(7, size, size)
        yield size, values, matrix, vectors, half + half.transpose()


def _seen_eigenvalue_along() -> list[Pair]:
    """From det(lambda I - A - t E) = 0, a polynomial in both, as minus the quotient of its slopes."""
    pairs: list[Pair] = []
    for size, values, matrix, vectors, e in _directions():
        for j, value in enumerate(values):
            moved = [(value * unit(size) - matrix - fmpq(k) * e).det() for k in range(size + 1)]
            along, across = interpolated(moved).derivative()(fmpq(0)), matrix.charpoly().derivative()(fmpq(value))
            v = column(vectors, j)
            pairs.append((-along / across, (v.transpose() * e * v)[0, 0]))
    return pairs


def _seen_eigenvector_along() -> list[Pair]:
    """(A - w) dv - v dw = -E v and v^T dv = 0, solved as one linear system."""
    pairs: list[Pair] = []
    for size, values, matrix, vectors, e in _directions():
        for j, value in enumerate(values):
            v = column(vectors, j)
            claimed = fmpq_mat(size, 1)
            for i in (i for i in range(size) if i != j):
                u = column(vectors, i)
                claimed += ((u.transpose() * e * v)[0, 0] / (fmpq(value) - values[i])) * u
            pairs += zip(_bordered(matrix - value * unit(size), v, e * v), listed(claimed), strict=True)
    return pairs


def _bordered(shifted: fmpq_mat, v: fmpq_mat, right: fmpq_mat) -> list[fmpq]:
    size = shifted.nrows()
    rows = [[*(shifted[i, j] for j in range(size)), -v[i, 0]] for i in range(size)]
    border = fmpq_mat([*rows, [*listed(v), fmpq(0)]])
    return listed(border.solve(fmpq_mat([[-x] for x in listed(right)] + [[fmpq(0)]])))[:size]


EIGH = (
    Derived("spectral theorem: [[a, b], [b, d]] has real eigenvalues, (a + d +- sqrt((a - d)^2 + 4 b^2)) / 2, "
            "orthogonal eigenvectors (b, w - a), and is the sum of w v v^T / |v|^2", _spectral, _seen_spectral),
    Derived("3 x 3: all eigenvalues are real, as the discriminant of the characteristic polynomial is a sum of "
            "squares: of the minors of (I, A, A^2) as columns", _real, _seen_real),
    Derived("the derivative of a simple eigenvalue by A[i,j] is v_i v_j (2 x 2, as a function of the symmetric part)",
            _eigenvalue_along, _seen_eigenvalue_along),
    Derived("the derivative of its eigenvector along a symmetric E is the sum over the others of "
            "u (u^T E v) / (w - w_u) (2 x 2)", _eigenvector_along, _seen_eigenvector_along),
)  # fmt: skip
