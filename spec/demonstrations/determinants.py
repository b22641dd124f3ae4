"""Determinant, trace and inverse: products, and derivatives along any direction."""

from __future__ import annotations

from typing import Any

import sympy
from flint import fmpq, fmpq_mat, fmpq_poly
from sympy import Matrix, Symbol, diff

from fiducial.spec.demonstrations.exact import Pair, entries
from fiducial.spec.theorems import Derived

t = Symbol("t", real=True)


def symbols(name: str, rows: int, columns: int) -> Matrix:
    return Matrix(rows, columns, lambda i, j: Symbol(f"{name}{i}{j}", real=True))


def rational(seed: int, rows: int, columns: int) -> fmpq_mat:
    """A matrix without structure: small fractions from a quadratic residue sequence."""
    values = [((seed * (k + 3) ** 2 + 5 * k) % 19 - 9, (seed + k) % 3 + 1) for k in range(rows * columns)]
    return fmpq_mat(rows, columns, [fmpq(*value) for value in values])


def listed(a: fmpq_mat) -> list[fmpq]:
    return [a[i, j] for i in range(a.nrows()) for j in range(a.ncols())]


def trace(a: fmpq_mat) -> fmpq:
    return sum((a[i, i] for i in range(a.nrows())), fmpq(0))


def _by_permutations(a: fmpq_mat) -> fmpq:
    """Leibniz: the sum over permutations of their signs times a product of entries."""
    total, size = fmpq(0), a.nrows()
    for order in sympy.utilities.iterables.multiset_permutations(list(range(size))):
        term = fmpq(sympy.combinatorics.Permutation(order).signature())
        for i, j in enumerate(order):
            term *= a[i, j]
        total += term
    return total


def _products() -> list[Pair]:
    pairs: list[Pair] = []
    for size in (2, 3):
        a, b = symbols("a", size, size), symbols("b", size, size)
        pairs += [((a * b).det(), a.det() * b.det()), (a.T.det(), a.det())]
    return pairs


def _seen_products() -> list[Pair]:
    pairs: list[Pair] = []
    for size in (3, 4, 5):
        a, b = rational(2, size, size), rational(7, size, size)
        pairs.append((_by_permutations(a * b), _by_permutations(a) * _by_permutations(b)))
        pairs.append((_by_permutations(a.transpose()), _by_permutations(a)))
    return pairs


def _jacobi() -> list[Pair]:
    pairs: list[Pair] = []
    for size in (2, 3):
        a, e = symbols("a", size, size), symbols("e", size, size)
        slope = diff((a + t * e).det(), t).subs(t, 0)
        pairs += [(sympy.expand(slope), sympy.expand((a.adjugate() * e).trace())),
                  (sympy.cancel(a.det() * (a.inv() * e).trace()), sympy.expand(slope))]  # fmt: skip
    return pairs


def interpolated(values: list[fmpq]) -> fmpq_poly:
    """The polynomial with these values at 0, 1, 2, ..."""
    whole = fmpq_poly([0])
    for i, value in enumerate(values):
        basis = fmpq_poly([value])
        for j in range(len(values)):
            if j != i:
                basis *= fmpq_poly([fmpq(-j, i - j), fmpq(1, i - j)])
        whole += basis
    return whole


def _seen_jacobi() -> list[Pair]:
    """det(A + t E) is a polynomial in t, found from its values."""
    pairs: list[Pair] = []
    for size in (3, 4, 5):
        a, e = rational(2, size, size), rational(7, size, size)
        along = interpolated([_by_permutations(a + fmpq(k) * e) for k in range(size + 1)])
        pairs.append((along.derivative()(fmpq(0)), a.det() * trace(a.inv() * e)))
    return pairs


DET = (
    Derived("det(A B) = det(A) det(B), and det(A^T) = det(A) (n = 2, 3)", _products, _seen_products),
    Derived("Jacobi: the derivative of det(A) along E is det(A) tr(A^-1 E) = tr(adj(A) E) (n = 2, 3)",
            _jacobi, _seen_jacobi),
)  # fmt: skip


def _cyclic() -> list[Pair]:
    pairs: list[Pair] = []
    for rows, columns in ((2, 2), (2, 3), (3, 3)):
        a, b = symbols("a", rows, columns), symbols("b", columns, rows)
        pairs += [(sympy.expand((a * b).trace()), sympy.expand((b * a).trace())),
                  *entries(_gradient((a * b).trace(), a), b.T)]  # fmt: skip
    return pairs


def _gradient(e: Any, a: Matrix) -> Matrix:
    return Matrix(*a.shape, lambda i, j: diff(e, a[i, j]))


def _seen_cyclic() -> list[Pair]:
    """And a sum is linear: a whole step in one entry of A is the derivative."""
    a, b = rational(2, 3, 5), rational(7, 5, 3)
    pairs: list[Pair] = [(trace(a * b), trace(b * a))]
    for i, j in ((0, 0), (2, 4), (1, 3)):
        step = fmpq_mat(3, 5)
        step[i, j] = 1
        pairs.append((trace((a + step) * b) - trace(a * b), b[j, i]))
    return pairs


TRACE = (Derived("tr(A B) = tr(B A), and its gradient in A is B^T (2 x 2, 2 x 3, 3 x 3)", _cyclic, _seen_cyclic),)


def _inverse_along() -> list[Pair]:
    pairs: list[Pair] = []
    for size in (2, 3):
        a, e = symbols("a", size, size), symbols("e", size, size)
        # A^-1 = adj(A) / det(A): the quotient rule, over det(A)^2.
        moved = a + t * e
        slope = diff(moved.adjugate(), t) * moved.det() - moved.adjugate() * diff(moved.det(), t)
        claimed = -a.adjugate() * e * a.adjugate()
        pairs += entries(slope.subs(t, 0).applyfunc(sympy.expand), claimed.applyfunc(sympy.expand))
    return pairs


def _seen_inverse_along() -> list[Pair]:
    """A difference quotient's error is exactly h A^-1 E A^-1 E (A + h E)^-1, at h = 1/7."""
    h, pairs = fmpq(1, 7), []
    for size in (2, 3, 4):
        a, e = rational(2, size, size), rational(7, size, size)
        inverse, moved = a.inv(), (a + h * e).inv()
        slope = -inverse * e * inverse
        error = h * inverse * e * inverse * e * moved
        pairs += list(zip(listed((moved - inverse) * (1 / h)), listed(slope + error), strict=True))
    return pairs


def _solution_along() -> list[Pair]:
    """x = A^-1 b: the derivative along E and f solves A dx = f - E x."""
    a, e = symbols("a", 2, 2), symbols("e", 2, 2)
    b, f = symbols("b", 2, 1), symbols("f", 2, 1)
    x = (a + t * e).inv() * (b + t * f)
    slope = x.applyfunc(lambda element: diff(element, t)).subs(t, 0)
    return entries((a * slope).applyfunc(sympy.cancel), (f - e * x.subs(t, 0)).applyfunc(sympy.cancel))


def _seen_solution_along() -> list[Pair]:
    """Cramer: each element is a quotient of two polynomials in t, found from their values."""
    size, pairs = 3, []
    a, e, b, f = rational(2, 3, 3), rational(7, 3, 3), rational(4, 3, 1), rational(5, 3, 1)
    slope = a.solve(f - e * a.solve(b))
    below = interpolated([_by_permutations(a + fmpq(k) * e) for k in range(size + 1)])
    for column in range(size):
        above = interpolated([_by_permutations(_replaced(a + fmpq(k) * e, column, b + fmpq(k) * f)) for k in range(4)])
        quotient = above.derivative() * below - above * below.derivative()
        pairs.append((quotient(fmpq(0)) / below(fmpq(0)) ** 2, slope[column, 0]))
    return pairs


def _replaced(a: fmpq_mat, column: int, by: fmpq_mat) -> fmpq_mat:
    rows = [[by[i, 0] if j == column else a[i, j] for j in range(a.ncols())] for i in range(a.nrows())]
    return fmpq_mat(rows)


INVERSE = (
    Derived("the derivative of A^-1 along E is -A^-1 E A^-1 (n = 2, 3)", _inverse_along, _seen_inverse_along),
)  # fmt: skip
SOLVE = (
    Derived("the derivative of x = A^-1 b along E and f is A^-1 (f - E x) (n = 2)", _solution_along,
            _seen_solution_along),
)  # fmt: skip
