"""Exact gradients of decompositions and of what is computed from a matrix, enclosed by Arb at one point.

Each function takes inputs, outputs and cotangents (``dw``) by name and returns, for each input, its gradient and the
scale of what a backward pass may lose in it: size times condition times the sizes of the terms. Eigenvectors are those
that came, projected onto the exact eigenspaces, so that signs agree. Where the spectrum is not simple, only what
treats the values of a group alike, and no vector, has a gradient; for other cotangents nothing is returned.
Source: Giles, Collected Matrix Derivative Results for Forward and Reverse Mode, 2008; Townsend, Differentiating the
Singular Value Decomposition, 2016.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpq_mat

from fiducial.spec.numbers.spectrum import (
    clusters,
    columns,
    covariance,
    eigenvalues,
    exactly,
    frobenius,
    identity,
    in_arb,
    least,
    projector,
    real_roots,
)

Arrays = Mapping[str, Any]
Gradients = list[tuple[arb_mat, arb]]
APART = 2.0**-7  # of the norm: eigenvalues nearer than this are not taken for simple


def balls(a: Any) -> arb_mat:
    """A float64 array of one or two axes, exactly; a vector is a column."""
    table = a if a.ndim == 2 else a.reshape(-1, 1)
    return columns(table, range(table.shape[1]))


def _gap(values: Sequence[arb], chosen: Sequence[int]) -> arb:
    """How far the chosen values are from all others."""
    apart = [abs(values[k] - values[j]) for k in chosen for j in range(len(values)) if j != k]
    return least(apart, arb(1))


def _unit(p: arb_mat, v: arb_mat) -> arb_mat:
    projected = p * v
    return projected / frobenius(projected)


def _column(a: arb_mat, k: int) -> arb_mat:
    return arb_mat(a.nrows(), 1, [a[i, k] for i in range(a.nrows())])


def _sum(terms: Sequence[arb_mat]) -> arb_mat:
    return reduce(lambda a, b: a + b, terms)


def _symmetric(a: arb_mat, values: list[arb], chosen: Sequence[int], v: Any, dw: Any, dv: Any) -> arb_mat:
    """The gradient by a symmetric matrix, through the chosen eigenvalues and their vectors.

    For each: dw v v^T, and v^T dv of every other eigenspace over the distance of the eigenvalues.
    """
    total = arb_mat(a.nrows(), a.nrows())
    spaces = {j: projector(a, values, [j]) for j in range(len(values))}
    distinct = [j for j, w in enumerate(values) if not any(w.overlaps(values[k]) for k in range(j))]
    for position, k in enumerate(chosen):
        mine = _unit(spaces[k], balls(v[:, position]))
        others = [spaces[j] * balls(dv[:, position]) / (values[k] - values[j]) for j in distinct
                  if not values[j].overlaps(values[k])]  # fmt: skip
        column = _sum([mine * arb(float(dw[position])), *others])
        total += column * mine.transpose()
    return (total + total.transpose()) / 2


def _sizes(dw: Any, dv: Any, gap: arb) -> arb:
    return frobenius(balls(dw)) + frobenius(balls(dv)) / gap


def eigh_gradient(arrays: Arrays) -> Gradients:
    a, n = in_arb(exactly(arrays["a"])), arrays["a"].shape[0]
    values = eigenvalues(arrays["a"])
    gap, norm = _gap(values, range(n)), frobenius(a)
    if not n:
        return []
    if not gap > norm * APART:
        return _invariant(a, values, norm, arrays["dw"], arrays["dv"])
    found = _symmetric(a, values, range(n), arrays["v"], arrays["dw"], arrays["dv"])
    return [(found, n * (1 + norm / gap) * _sizes(arrays["dw"], arrays["dv"], gap))]


def _invariant(a: arb_mat, values: list[arb], norm: arb, dw: Any, dv: Any) -> Gradients:
    """The gradient of a sum of groups of eigenvalues, each of which is moved by the projector onto its space."""
    groups = clusters(values, norm * APART)
    if np.any(dv) or any(np.ptp(dw[group]) for group in groups):
        return []
    total = _sum([projector(a, values, group) * arb(float(dw[group[0]])) for group in groups])
    apart = [abs(values[g[0]] - values[k]) for g in groups for k in range(len(values)) if k not in g]
    gap = least(apart, norm)
    return [(total, len(values) * (1 + norm / gap) * frobenius(balls(dw)))]


def pca_gradient(arrays: Arrays) -> Gradients:
    x, ddof = arrays["x"], int(arrays["ddof"])
    count, (centred, matrix) = x.shape[0], covariance(x, ddof)
    values = real_roots(matrix)[::-1]
    c, z = in_arb(matrix), in_arb(centred)
    number = arrays["components"].shape[0]
    gap, norm = _gap(values, range(number)), frobenius(c)
    if not gap > norm * APART:
        return []
    v, dv = arrays["components"].T, arrays["dcomponents"].T
    by_covariance = _symmetric(c, values, range(number), v, arrays["dexplained_variance"], dv)
    shared = balls(np.tile(arrays["dmean"], (count, 1))) / count
    size = frobenius(z) / (count - ddof) * _sizes(arrays["dexplained_variance"], dv, gap)
    found = z * by_covariance * 2 / (count - ddof) + shared
    return [(found, max(x.shape) * ((1 + norm / gap) * (1 + frobenius(balls(x)) / frobenius(z)) * size
                                    + frobenius(shared)))]  # fmt: skip


def svd_gradient(arrays: Arrays) -> Gradients:
    m = exactly(arrays["a"])
    a, rank = in_arb(m), min(m.nrows(), m.ncols())
    squares = real_roots(m.transpose() * m)[::-1]
    s = [w.sqrt() for w in squares[:rank]]
    gap = least([_gap(s, range(rank)), *s], arb(0))
    gram = in_arb(m.transpose() * m)
    if not rank or not all(w > frobenius(a) * APART for w in s):
        return []
    if not gap > frobenius(a) * APART:
        return _nuclear(a, gram, squares, s, arrays)
    v = _beside([_unit(projector(gram, squares, [k]), balls(arrays["vh"][k])) for k in range(rank)])
    u = _beside([a * _column(v, k) / s[k] for k in range(rank)])
    du, dv = balls(arrays["du"]), balls(arrays["dvh"].T)
    scale = max(a.nrows(), a.ncols()) * (1 + s[0] / gap)
    size = frobenius(balls(arrays["ds"])) + (frobenius(du) + frobenius(dv)) / gap
    return [(_through_svd(u, s, v, du, arrays["ds"], dv), scale * size)]


def _nuclear(a: arb_mat, gram: arb_mat, squares: list[arb], s: list[arb], arrays: Arrays) -> Gradients:
    """Of a sum of singular values, some of which are equal: a P / s for each of their spaces."""
    ds, groups = arrays["ds"], clusters(s, frobenius(a) * APART)
    if np.any(arrays["du"]) or np.any(arrays["dvh"]) or any(np.ptp(ds[group]) for group in groups):
        return []
    total = _sum([a * projector(gram, squares, g) * arb(float(ds[g[0]])) / s[g[0]] for g in groups])
    return [(total, max(a.nrows(), a.ncols()) * (1 + s[0] / s[-1]) * frobenius(balls(ds)))]


def _through_svd(u: arb_mat, s: list[arb], v: arb_mat, du: arb_mat, ds: Any, dv: arb_mat) -> arb_mat:
    rank = len(s)
    stretch = arb_mat(rank, rank, [s[i] if i == j else arb(0) for i in range(rank) for j in range(rank)])
    shrink = stretch.inv()

    def turned(x: arb_mat, dx: arb_mat) -> arb_mat:
        skew = x.transpose() * dx - dx.transpose() * x
        return arb_mat(rank, rank, [skew[i, j] / (s[j] ** 2 - s[i] ** 2) if i != j else arb(0)
                                    for i in range(rank) for j in range(rank)])  # fmt: skip

    straight = arb_mat(rank, rank, [arb(float(ds[i])) if i == j else arb(0) for i in range(rank) for j in range(rank)])
    inside = turned(u, du) * stretch + stretch * turned(v, dv) + straight
    left = (identity(u.nrows()) - u * u.transpose()) * du * shrink
    right = shrink * dv.transpose() * (identity(v.nrows()) - v * v.transpose())
    return u * inside * v.transpose() + left * v.transpose() + u * right


def _beside(parts: list[arb_mat]) -> arb_mat:
    rows = parts[0].nrows()
    return arb_mat(rows, len(parts), [part[i, 0] for i in range(rows) for part in parts])


# --- inverse, solution, determinant, least squares ---


def _inverse(a: fmpq_mat) -> arb_mat | None:
    return in_arb(a.inv()) if a.nrows() and a.det() != 0 else None


def _condition(a: arb_mat, inverse: arb_mat) -> arb:
    return a.nrows() * (1 + frobenius(a) * frobenius(inverse))


def det_gradient(arrays: Arrays) -> Gradients:
    a = exactly(arrays["a"])
    inverse = _inverse(a)
    if inverse is None:
        return []
    found = inverse.transpose() * (arb(a.det()) * arb(float(arrays["ddet"])))
    return [(found, _condition(in_arb(a), inverse) * frobenius(found))]


def inverse_gradient(arrays: Arrays) -> Gradients:
    a = exactly(arrays["a"])
    inverse = _inverse(a)
    if inverse is None:
        return []
    g = balls(arrays["dx"])
    found = -inverse.transpose() * g * inverse.transpose()
    return [(found, _condition(in_arb(a), inverse) * frobenius(inverse) ** 2 * frobenius(g))]


def solve_gradient(arrays: Arrays) -> Gradients:
    a = exactly(arrays["a"])
    inverse = _inverse(a)
    if inverse is None:
        return []
    g, x = balls(arrays["dx"]), inverse * balls(arrays["b"])
    db = inverse.transpose() * g
    scale = _condition(in_arb(a), inverse) * frobenius(inverse) * frobenius(g)
    return [(-db * x.transpose(), scale * frobenius(x)), (db, scale)]


def least_squares_gradient(arrays: Arrays) -> Gradients:
    """w = (X^T X)^-1 g; dy = X w, dX = residual w^T - X w b^T."""
    table, y = exactly(arrays["X"]), exactly(arrays["y"].reshape(-1, 1))
    gram = table.transpose() * table
    if gram.det() == 0:
        return []
    x, b = in_arb(table), in_arb(gram.inv() * table.transpose() * y)
    w = in_arb(gram.inv()) * balls(arrays["dcoefficients"])
    residual, dy = in_arb(y) - x * b, x * w
    condition = frobenius(x) * frobenius(in_arb(gram.inv() * table.transpose()))
    scale = table.nrows() * (1 + condition) ** 2 * frobenius(x) * frobenius(w)
    by_table = residual * w.transpose() - dy * b.transpose()
    return [(by_table, scale * (frobenius(b) + frobenius(in_arb(y)) / frobenius(x))), (dy, scale)]
