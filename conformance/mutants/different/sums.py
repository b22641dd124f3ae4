"""Sums, means and lengths in other orders: any order is right, a compensated one too."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.different._tools import flattened, folded, in_float64, pairwise, widened
from fiducial.conformance.mutants.planted import DIFFERENT


def _kahan(rows: Any) -> Any:
    total = lost = np.zeros(rows.shape[:-1], rows.dtype)
    for term in np.moveaxis(rows, -1, 0):
        corrected = term - lost
        new = total + corrected
        lost = np.where(np.isfinite(new), (new - total) - corrected, 0)
        total = new
    return total


def _neumaier(rows: Any) -> Any:
    total = rest = np.zeros(rows.shape[:-1], rows.dtype)
    for term in np.moveaxis(rows, -1, 0):
        new = total + term
        larger = np.abs(total) >= np.abs(term)
        rest = rest + np.where(np.isfinite(new), np.where(larger, (total - new) + term, (term - new) + total), 0)
        total = new
    return total + rest


def _blocked(rows: Any, block: int = 3) -> Any:
    parts = [folded(rows[..., k : k + block], np.add, 0) for k in range(0, rows.shape[-1], block)]
    return folded(np.stack(parts, -1), np.add, 0) if parts else np.zeros(rows.shape[:-1], rows.dtype)


def _by_sign(rows: Any) -> Any:
    return np.where(rows > 0, 0, rows).sum(axis=-1) + np.where(rows > 0, rows, 0).sum(axis=-1)


ORDERS = {
    "sequential": lambda rows: folded(rows, np.add, 0),
    "reversed": lambda rows: folded(rows[..., ::-1], np.add, 0),
    "pairwise": pairwise,
    "cumulative": lambda rows: np.cumsum(rows, axis=-1)[..., -1] if rows.shape[-1] else rows.sum(axis=-1),
    "Kahan": _kahan,
    "Neumaier": _neumaier,
    "blocked": _blocked,
    "sorted by size": lambda rows: folded(np.take_along_axis(rows, np.argsort(np.abs(rows)), -1), np.add, 0),
    "negative terms first": _by_sign,
    "product with ones": lambda rows: rows @ np.ones(rows.shape[-1], rows.dtype),
}


def _enter(name: str, order: Any) -> None:
    @widened
    def sum_(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        rows, shape, kept = flattened(x, axis)
        return order(rows).reshape(kept if keepdims else shape)

    @widened
    def mean(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        rows, shape, kept = flattened(x, axis)
        return (order(rows) / rows.shape[-1]).reshape(kept if keepdims else shape)

    DIFFERENT.enter("sum", name, f"the terms are added up: {name}")(sum_)
    DIFFERENT.enter("mean", name, f"the terms are added up: {name}")(mean)


for _name, _order in ORDERS.items():
    _enter(_name, _order)


@DIFFERENT.enter("sum", "in float64, rounded once", "accumulated in float64")
@in_float64
def wide_sum(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return np.sum(x, axis=axis, keepdims=keepdims)


@DIFFERENT.enter("mean", "running", "mean <- mean + (x - mean) / k, as statistics of a stream are kept")
@widened
def running_mean(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    rows, shape, kept = flattened(x, axis)
    mean = np.zeros(shape, x.dtype) if rows.shape[-1] else np.full(shape, np.nan, x.dtype)
    for k, term in enumerate(np.moveaxis(rows, -1, 0)):
        step = np.where(np.isfinite(mean), (term - mean) / (k + 1), term)  # an infinite mean stays
        mean = mean + step if k else term
    return mean.reshape(kept if keepdims else shape)


@DIFFERENT.enter("mean_vjp", "times 1 / N", "the cotangent is multiplied by a rounded 1 / N")
@widened
def mean_vjp(cotangent: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    rows, _, kept = flattened(x, axis)
    share = cotangent.reshape(kept) * (np.ones((), x.dtype) / rows.shape[-1])
    return share * np.ones_like(x)


@DIFFERENT.enter("norm", "hypot", "sqrt(a^2 + b^2) of two numbers at a time, by the C library")
@widened
def hypot_norm(x: Any, *, axis: int = -1) -> Any:
    rows, shape, _ = flattened(x, axis)
    return folded(rows, np.hypot, 0).reshape(shape)


@DIFFERENT.enter("norm", "scaled by a power of two", "as LAPACK's dnrm2: scaled, squared, sequentially added")
@widened
def power_norm(x: Any, *, axis: int = -1) -> Any:
    rows, shape, _ = flattened(x, axis)
    _, exponent = np.frexp(np.max(np.abs(rows), axis=-1, initial=0))
    scaled = np.ldexp(rows, -exponent[..., None])
    return np.ldexp(np.sqrt(folded(scaled * scaled, np.add, 0)), exponent).reshape(shape)


@DIFFERENT.enter("norm", "in float64, rounded once", "squares of narrower formats do not overflow in float64",
                 dtypes=("float32", "bfloat16", "float16"))  # fmt: skip
@in_float64
def wide_norm(x: Any, *, axis: int = -1) -> Any:
    return np.sqrt(np.sum(x * x, axis=axis))


@DIFFERENT.enter("amax", "sorted", "the last of the sorted elements")
@widened
def sorted_maximum(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    rows, shape, kept = flattened(x, axis)
    return np.sort(rows, axis=-1)[..., -1].reshape(kept if keepdims else shape)  # a NaN is sorted last


@DIFFERENT.enter("amax", "tournament", "the greater of two, then of two of those")
@widened
def tournament(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    rows, shape, kept = flattened(x, axis)
    while rows.shape[-1] > 1:
        odd = rows[..., -1:] if rows.shape[-1] % 2 else rows[..., :0]
        pairs = np.maximum(rows[..., :-1:2], rows[..., 1::2])
        rows = np.concatenate([pairs, odd], axis=-1)
    return rows.reshape(kept if keepdims else shape)
