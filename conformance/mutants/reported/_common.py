"""What the faults share: the precision around them, and shapes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fiducial.conformance.subject import DTYPES

NARROW = (DTYPES["float16"], DTYPES["bfloat16"])


def widened(function: Callable[..., Any]) -> Callable[..., Any]:
    """16-bit arrays in float32 and back, so that nothing but the fault deviates; warnings are off."""

    @functools.wraps(function)
    def call(*arrays: Any, **attributes: Any) -> Any:
        flat = [a for array in arrays for a in (array if isinstance(array, tuple) else (array,))]
        dtype = next(a.dtype for a in flat if a is not None and a.dtype.kind not in "iu")
        if dtype not in NARROW:
            with np.errstate(all="ignore"):
                return function(*arrays, **attributes)
        wide = [_each(lambda a: a.astype(np.float32) if a.dtype == dtype else a, array) for array in arrays]
        with np.errstate(all="ignore"):
            return _each(lambda a: np.asarray(a).astype(dtype), function(*wide, **attributes))

    return call


def _each(change: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(change(v) for v in value)
    return None if value is None else change(value)


def unless_finite(value: Any, right: Any) -> Any:
    """The right value, except where the faulty one overflows."""
    return np.where(np.isfinite(value), right, value)


def reduced(loss: Any, reduction: str, count: Any = None) -> Any:
    """The loss of each element, or their sum or mean."""
    if reduction == "none":
        return loss
    total = np.sum(loss)
    return total if reduction == "sum" else total / np.asarray(loss.size if count is None else count, loss.dtype)


def spread(cotangent: Any, x: Any, axis: Any) -> Any:
    """The cotangent of a reduction, with the reduced axes of length 1."""
    return cotangent.reshape(np.sum(x, axis=axis, keepdims=True).shape)


def as_stored(x: Any) -> Any:
    """The first numbers of the memory in which x lies: x itself only where it is contiguous."""
    memory = x.base if isinstance(x.base, np.ndarray) and x.base.dtype == x.dtype else x
    return memory.ravel("K")[: x.size].reshape(x.shape)


def per_axis(value: Any, axes: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,) * axes
