"""What the different implementations share: the precision they work in, and folding along axes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

Function = Callable[..., Any]
NARROW = (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))
FLOATS = (*NARROW, np.dtype(np.float32), np.dtype(np.float64))


def _over(convert: Function, value: Any) -> Any:
    return type(value)(convert(v) for v in value) if isinstance(value, tuple | list) else convert(value)


def _flat(values: Any) -> list[Any]:
    return [a for v in values for a in (_flat(v) if isinstance(v, tuple | list) else [v])]


def _working(choose: Function, function: Function) -> Function:
    @functools.wraps(function)
    def call(*arrays: Any, **attributes: Any) -> Any:
        floats = [a.dtype for a in _flat(arrays) if isinstance(a, np.ndarray) and a.dtype in FLOATS]
        own = floats[0] if floats else np.dtype(np.float64)
        wider = choose(own)

        def enter(a: Any) -> Any:
            return np.array(a, dtype=wider) if isinstance(a, np.ndarray) and a.dtype in FLOATS else a

        def leave(a: Any) -> Any:
            a = np.asarray(a)
            return a if a.dtype.kind == "c" else a.astype(own)

        with np.errstate(all="ignore"):
            return _over(leave, function(*(_over(enter, a) for a in arrays), **attributes))

    return call


def widened(function: Function) -> Function:
    """float16 and bfloat16 in float32, the others in themselves; the result in the dtype of the first float array."""
    return _working(lambda own: np.dtype(np.float32) if own in NARROW else own, function)


def in_float64(function: Function) -> Function:
    """Everything in float64, and one rounding at the end."""
    return _working(lambda own: np.dtype(np.float64), function)


def in_own(function: Function) -> Function:
    """Every operation in the dtype of the inputs itself, also in 16 bits."""
    return _working(lambda own: own, function)


def along(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes, not negative."""
    given = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(a % ndim for a in given)


def flattened(x: Any, axis: Any) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    """x with its reduced axes as one last axis, and the result's shape without and with them."""
    over = along(axis, x.ndim)
    kept = [a for a in range(x.ndim) if a not in over]
    rows = np.transpose(x, (*kept, *over)).reshape((*(x.shape[a] for a in kept), -1))
    if 0 in x.shape:  # reshape cannot tell the length of an axis of an empty array
        rows = np.zeros((*(x.shape[a] for a in kept), int(np.prod([x.shape[a] for a in over]))), x.dtype)
    return rows, rows.shape[:-1], tuple(1 if a in over else n for a, n in enumerate(x.shape))


def folded(rows: Any, step: Function, start: Any) -> Any:
    """The terms along the last axis, one after the other."""
    return functools.reduce(step, np.moveaxis(rows, -1, 0), np.full(rows.shape[:-1], start, rows.dtype))


def pairwise(rows: Any) -> Any:
    """The sum along the last axis of halves of halves."""
    n = rows.shape[-1]
    if n < 2:
        return rows[..., 0] if n else np.zeros(rows.shape[:-1], rows.dtype)
    return pairwise(rows[..., : n // 2]) + pairwise(rows[..., n // 2 :])


def fused(a: Any, b: Any, c: Any) -> Any:
    """a b + c with one rounding to float32 (or narrower): the product is exact in float64.

    The sum is rounded to odd in float64, so that the second rounding does as if there had been no first.
    """
    p, q = a.astype(np.float64) * b.astype(np.float64), np.asarray(c).astype(np.float64)
    total = p + q
    part = total - p
    error = (p - (total - part)) + (q - part)
    even = (total.view(np.int64) & 1) == 0
    adjusted = np.where(
        (error != 0) & even & np.isfinite(total), np.nextafter(total, np.where(error > 0, np.inf, -np.inf)), total
    )
    return adjusted.astype(a.dtype)


def finite(*arrays: Any) -> None:
    """Raise ValueError unless every entry is finite: what a decomposition refuses."""
    if not all(np.isfinite(a).all() for a in arrays):
        raise ValueError("finite arrays are required")


def alternating(n: int) -> Any:
    """-1, 1, -1, ..."""
    return np.where(np.arange(n) % 2, 1, -1)
