"""Eigenvalues and eigenvectors: the characteristic polynomial, the spectral theorem, derivatives."""

from __future__ import annotations

from math import prod
from typing import Any

import sympy
from flint import acb_mat, arb, fmpq, fmpq_mat
from sympy import Matrix, Symbol, eye

from fiducial.spec.demonstrations.determinants import listed, rational, symbols, trace
from fiducial.spec.demonstrations.exact import Pair, entries
from fiducial.spec.theorems import Derived

lam = Symbol("lambda")
a, b, d = sympy.symbols("a b d", real=True)


def characteristic(matrix: Matrix) -> Any:
    """det(lambda I - A), by permutations."""
    return sympy.expand((lam * eye(matrix.rows) - matrix).det(method="berkowitz"))


def _pairs() -> list[Pair]:
    """Two by two: (b, lambda - a) at each root; a companion matrix of size 3: (1, lambda, lambda^2)."""
    c = Symbol("c", real=True)
    matrix = Matrix([[a, b], [c, d]])
    pairs: list[Pair] = []
    for root in sympy.roots(characteristic(matrix), lam):
        v = Matrix([b, root - a])
        pairs += [(sympy.expand(e), 0) for e in matrix * v - root * v]
    companion = Matrix([[0, 1, 0], [0, 0, 1], [a, b, c]])
    v = Matrix([1, lam, lam**2])
    pairs += entries((companion * v - lam * v).applyfunc(sympy.expand), Matrix([0, 0, -characteristic(companion)]))
    return pairs


SIZES = (2, 3, 4)


def _eigenvalues(matrix: fmpq_mat, vectors: bool = False) -> Any:
    return acb_mat(matrix).eig(right=vectors)


def _parts(left: Any, right: Any) -> list[Pair]:
    return [(left.real, right.real), (left.imag, right.imag)]


def _seen_pairs() -> list[Pair]:
    """Certified eigenvalues and eigenvectors, with the exact characteristic polynomial."""
    pairs: list[Pair] = []
    for size in SIZES:
        matrix = rational(6, size, size)
        values, vectors = _eigenvalues(matrix, True)
        residual = acb_mat(matrix) * vectors
        for j, value in enumerate(values):
            polynomial = sum((c * value**i for i, c in enumerate(matrix.charpoly().coeffs())), value * 0)
            pairs += _parts(polynomial, 0 * value)
            for i in range(size):
                pairs += _parts(residual[i, j], value * vectors[i, j])
    return pairs


def _vieta() -> list[Pair]:
    """The coefficients of det(lambda I - A) are those of the product of lambda - lambda_i."""
    pairs: list[Pair] = []
    for size in SIZES:
        roots = sympy.symbols(f"w0:{size}")
        matrix = symbols("a", size, size)
        products = sympy.Poly(prod(lam - w for w in roots), lam).all_coeffs()
        found = sympy.Poly(characteristic(matrix), lam).all_coeffs()
        pairs += [(-products[1], sum(roots)), (-found[1], matrix.trace()), ((-1) ** size * products[-1], prod(roots)),
                  ((-1) ** size * found[-1], sympy.expand(matrix.det()))]  # fmt: skip
    return pairs


def _seen_vieta() -> list[Pair]:
    pairs: list[Pair] = []
    for size in (*SIZES, 5):
        matrix = rational(6, size, size)
        values = _eigenvalues(matrix)
        total, whole = sum(values), prod(values)
        pairs += [(total.real, arb(trace(matrix))), (total.imag, arb(0)), (whole.real, arb(matrix.det())),
                  (whole.imag, arb(0))]  # fmt: skip
    return pairs


def _cayley_hamilton() -> list[Pair]:
    pairs: list[Pair] = []
    for size in SIZES:
        matrix = symbols("a", size, size)
        whole = sympy.zeros(size)
        for coefficient in sympy.Poly(characteristic(matrix), lam).all_coeffs():
            whole = (whole * matrix + coefficient * eye(size)).applyfunc(sympy.expand)
        pairs += entries(whole, sympy.zeros(size))
    return pairs


def _seen_cayley_hamilton() -> list[Pair]:
    pairs: list[Pair] = []
    for size in (*SIZES, 5):
        matrix, one = rational(6, size, size), fmpq_mat(size, size, [fmpq(i % (size + 1) == 0) for i in range(size**2)])
        whole = fmpq_mat(size, size)
        for coefficient in matrix.charpoly().coeffs()[::-1]:
            whole = whole * matrix + coefficient * one
        pairs += [(element, fmpq(0)) for element in listed(whole)]
    return pairs


def _similar() -> list[Pair]:
    """P = I + s E_ij (s != -1 where i = j): their products are all the invertible matrices."""
    s, matrix = Symbol("s", positive=True), symbols("a", 3, 3)
    claimed = characteristic(matrix)
    pairs: list[Pair] = []
    for i in range(3):
        for j in range(3):
            change = eye(3)
            change[i, j] += s
            moved = (change * matrix * change.inv()).applyfunc(sympy.expand)
            pairs.append((sympy.cancel(characteristic(moved)), claimed))
    return pairs


def _seen_similar() -> list[Pair]:
    pairs: list[Pair] = []
    for size in (3, 4, 5):
        matrix, change = rational(6, size, size), rational(2, size, size)
        pairs.append(((change * matrix * change.inv()).charpoly(), matrix.charpoly()))
    return pairs


EIG = (
    Derived("A v = lambda v at the roots of det(lambda I - A) = 0: v = (b, lambda - a) for [[a, b], [c, d]]; "
            "(1, lambda, lambda^2) for a companion matrix", _pairs, _seen_pairs),
    Derived("the eigenvalues add up to the trace and multiply to the determinant (n = 2, 3, 4)", _vieta, _seen_vieta),
    Derived("Cayley-Hamilton: a matrix is a root of its characteristic polynomial (n = 2, 3, 4)",
            _cayley_hamilton, _seen_cayley_hamilton),
    Derived("similar matrices P A P^-1 have the same characteristic polynomial (n = 3)", _similar, _seen_similar),
)  # fmt: skip
