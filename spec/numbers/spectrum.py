"""Certified spectra of small matrices: exact characteristic polynomials, their roots enclosed by Arb, projectors.

Matrices are float64 arrays and are taken exactly. A characteristic polynomial over the rationals keeps multiplicities,
so degenerate and defective matrices are no harder than others. The caller sets the precision (``flint.ctx.workprec``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from flint import acb, arb, arb_mat, fmpq, fmpq_mat

Matrix = Any  # a float64 array of two axes


def exactly(a: Matrix) -> fmpq_mat:
    """The rational matrix with exactly these numbers."""
    rows, columns_ = a.shape
    return fmpq_mat(rows, columns_, [fmpq(*float(x).as_integer_ratio()) for x in np.ravel(a)])


def roots(a: fmpq_mat) -> list[acb]:
    """The eigenvalues of a square matrix, as often as their multiplicity."""
    if not a.nrows():
        return []
    found: Any = a.charpoly().numer().complex_roots()
    return [root for root, times in found for _ in range(times)]


def real_roots(a: fmpq_mat) -> list[arb]:
    """The eigenvalues of a symmetric matrix, ascending, as often as their multiplicity."""
    return sorted((root.real for root in roots(a)), key=lambda w: w.mid())  # as floats they may overflow


def eigenvalues(a: Matrix) -> list[arb]:
    """The eigenvalues of a symmetric matrix of float64, ascending."""
    return real_roots(exactly(a))


def singular_values(a: Matrix) -> list[arb]:
    """The min(m, n) singular values, descending."""
    m = exactly(a)
    gram = m * m.transpose() if m.nrows() <= m.ncols() else m.transpose() * m
    return [arb(0) if s == 0 else s.sqrt() for s in reversed(real_roots(gram))]


def covariance(x: Matrix, ddof: int) -> tuple[fmpq_mat, fmpq_mat]:
    """The centred observations (rows) and their covariance matrix, both exact."""
    data, count = exactly(x), x.shape[0]
    centred = data - fmpq_mat(count, count, [fmpq(1, count)] * count**2) * data
    return centred, centred.transpose() * centred / fmpq(count - ddof)


def least(values: Iterable[arb], default: arb) -> arb:
    """The smallest of the values, by their midpoints."""
    return min(values, key=lambda v: v.mid(), default=default)


def in_arb(a: fmpq_mat) -> arb_mat:
    """The matrix as balls."""
    return arb_mat(a.nrows(), a.ncols(), [arb(x) for x in a.entries()])


def clusters(values: Sequence[arb], gap: arb) -> list[list[int]]:
    """Positions of sorted values, in groups that are further apart than ``gap``."""
    found: list[list[int]] = []
    for k, value in enumerate(values):
        near = bool(found) and not abs(value - values[k - 1]) > gap
        found[-1].append(k) if near else found.append([k])
    return found


def projector(a: arb_mat, values: Sequence[arb], members: Sequence[int]) -> arb_mat:
    """The orthogonal projector onto the eigenspaces of some eigenvalues of a symmetric matrix.

    It is a polynomial in the matrix: for each distinct value, the product of (A - other) / (value - other).
    """
    n, distinct = a.nrows(), _distinct(values)
    inside = _distinct([values[k] for k in members])
    total = arb_mat(n, n)
    for value in inside:
        others = [w for w in distinct if w is not value and not w.overlaps(value)]
        total += reduce(lambda p, w: p * (a - w * identity(n)) / (value - w), others, identity(n))
    return total


def _distinct(values: Sequence[arb]) -> list[arb]:
    found: list[arb] = []
    for value in values:
        if not any(value.overlaps(w) for w in found):
            found.append(value)
    return found


def identity(n: int) -> arb_mat:
    return arb_mat(n, n, [arb(int(i == j)) for i in range(n) for j in range(n)])


def frobenius(a: arb_mat) -> arb:
    """The square root of the sum of squares."""
    total = sum((x * x for x in a.entries()), arb(0))
    return total.sqrt() if total >= 0 else total.upper().sqrt() * arb(0.5, 0.5)  # somewhere between 0 and its upper end


def columns(a: Matrix, members: Sequence[int]) -> arb_mat:
    """Some columns of a float64 array, exactly."""
    part = a[:, list(members)]
    rows, number = part.shape
    return arb_mat(rows, number, [arb(float(x)) for x in part.ravel()])
