"""Softmax and its logarithm by other routes: online, in other orders, through one another."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from fiducial.conformance.mutants.different._tools import folded, in_float64, pairwise, widened
from fiducial.conformance.mutants.planted import DIFFERENT

NARROWER = ("float32", "bfloat16", "float16")


def _last(function: Any) -> Any:
    """A function of rows, along any axis."""

    def rows(x: Any, *, axis: int = -1) -> Any:
        return np.moveaxis(function(np.moveaxis(x, axis, -1)), -1, axis)

    return rows


def _exponentials(x: Any) -> Any:
    return np.exp(x - x.max(axis=-1, keepdims=True))


def _reversed_order(x: Any) -> Any:
    e = _exponentials(x)
    return e / folded(e[..., ::-1], np.add, 0)[..., None]


def _halves(x: Any) -> Any:
    e = _exponentials(x)
    return e / pairwise(e)[..., None]


def _online(x: Any) -> Any:
    """Milakov and Gimelshein (2018): the maximum and the sum in one pass."""
    most = x[..., 0]
    total = (most > -np.inf) + 0 * np.maximum(most, 0)  # 1, and a NaN stays
    for term in np.moveaxis(x[..., 1:], -1, 0):
        new = np.maximum(most, term)
        shift = np.where(new == -np.inf, 0, new)  # nothing has been seen yet but -inf
        total = total * np.exp(most - shift) + np.exp(term - shift)
        most = new
    return np.exp(x - most[..., None]) / total[..., None]


def _two_blocks(x: Any) -> Any:
    """Each half by itself, and then both brought to the greater of their maxima."""
    parts = [p for p in np.array_split(x, 2, axis=-1) if p.shape[-1]]
    most = reduce(np.maximum, [p.max(axis=-1, keepdims=True) for p in parts])
    blocks = [np.exp(p - most) for p in parts]
    total = sum(b.sum(axis=-1, keepdims=True) for b in reversed(blocks))
    return np.concatenate([b / total for b in blocks], axis=-1)


def _shares(x: Any) -> Any:
    """1 / sum_l exp(x_l - x_k), where the greatest exponential counts as its own."""
    e = _exponentials(x)
    inverse = 1 / e.sum(axis=-1, keepdims=True)
    return e * inverse


SOFTMAX = {
    "reversed order": ("the exponentials are added up from the last one", widened(_last(_reversed_order))),
    "pairwise": ("the exponentials are added up in halves of halves", widened(_last(_halves))),
    "online": ("maximum and sum in one pass", widened(_last(_online))),
    "two blocks": ("each half by itself", widened(_last(_two_blocks))),
    "times the inverse": ("multiplied by the rounded inverse of the sum", widened(_last(_shares))),
    "in float64, rounded once": ("computed in float64", in_float64(_last(_halves))),
}
for _name, (_what, _function) in SOFTMAX.items():
    DIFFERENT.enter("softmax", _name, _what)(_function)


def _log_of_others(x: Any) -> tuple[Any, Any]:
    """The greatest entry, and log1p of the sum of the other exponentials relative to it."""
    place = np.argmax(x, axis=-1)[..., None]
    most = np.take_along_axis(x, place, -1)
    shift = np.where(np.isfinite(most), most, 0)
    e = np.exp(x - shift)
    np.put_along_axis(e, place, 0, -1)
    return most, np.log1p(folded(e, np.add, 0))[..., None]


@DIFFERENT.enter(
    "logsumexp",
    "logaddexp",
    "log(e^a + e^b) of two at a time",
    loses="every step rounds the logarithm, not the last alone",
)
@widened
def pairs(x: Any, *, axis: int = -1) -> Any:
    return np.logaddexp.reduce(x, axis=axis)


@DIFFERENT.enter("logsumexp", "log1p of the others", "the greatest term is left to log1p, the others in order")
@widened
def of_others(x: Any, *, axis: int = -1) -> Any:
    most, rest = _log_of_others(np.moveaxis(x, axis, -1))
    return (most + rest)[..., 0]


@DIFFERENT.enter("logsumexp", "in float64, rounded once", "the maximum, and the logarithm of the sum", dtypes=NARROWER)
@in_float64
def wide(x: Any, *, axis: int = -1) -> Any:
    most = x.max(axis=axis, keepdims=True)
    shift = np.where(np.isfinite(most), most, 0)
    total = np.exp(x - shift).sum(axis=axis, keepdims=True)
    return np.squeeze(shift + np.log(total), axis=axis)


@DIFFERENT.enter("logsumexp_vjp", "quotient of sums", "c e / sum e, the product first")
@widened
def logsumexp_vjp(cotangent: Any, x: Any, *, axis: int = -1) -> Any:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.expand_dims(cotangent, axis) * e / e.sum(axis=axis, keepdims=True)


@DIFFERENT.enter("log_softmax", "log1p of the others", "x - greatest - log1p(sum of the others)")
@widened
def log_softmax(x: Any, *, axis: int = -1) -> Any:
    rows = np.moveaxis(x, axis, -1)
    most, rest = _log_of_others(rows)
    return np.moveaxis((rows - most) - rest, -1, axis)


@DIFFERENT.enter("log_softmax", "in float64, rounded once", "x - logsumexp(x)", dtypes=NARROWER)
@in_float64
def wide_log_softmax(x: Any, *, axis: int = -1) -> Any:
    rows = np.moveaxis(x, axis, -1)
    most, rest = _log_of_others(rows)
    return np.moveaxis((rows - most) - rest, -1, axis)


@DIFFERENT.enter("softmax_vjp", "differences of pairs", "p_k sum_l p_l (c_k - c_l)")
@widened
def softmax_vjp(cotangent: Any, x: Any, *, axis: int = -1) -> Any:
    e = _exponentials(np.moveaxis(x, axis, -1))
    p, c = e / e.sum(axis=-1, keepdims=True), np.moveaxis(cotangent, axis, -1)
    pairs = (c[..., :, None] - c[..., None, :]) * p[..., None, :]
    return np.moveaxis(p * pairs.sum(axis=-1), -1, axis)


@DIFFERENT.enter("softmax_vjp", "the Jacobian matrix", "the matrix diag(p) - p p^T, its diagonal by the others",
                 dtypes=NARROWER)  # fmt: skip
@in_float64
def by_matrix(cotangent: Any, x: Any, *, axis: int = -1) -> Any:
    e = _exponentials(np.moveaxis(x, axis, -1))
    p, c = e / e.sum(axis=-1, keepdims=True), np.moveaxis(cotangent, axis, -1)
    off = -p[..., :, None] * p[..., None, :] * (1 - np.eye(p.shape[-1]))
    jacobian = off - np.eye(p.shape[-1]) * off.sum(axis=-1)[..., None]
    return np.moveaxis(np.einsum("...kl,...l->...k", jacobian, c), -1, axis)
