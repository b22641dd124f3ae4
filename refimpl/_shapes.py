"""Axes, broadcasting and indices: what they must satisfy, and the sums that undo a broadcast."""

from numbers import Integral
from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import require

Axis = int | tuple[int, ...] | None


def axes(x: Any, axis: Axis) -> tuple[int, ...]:
    """The axes as non-negative integers; raises ValueError when one is out of range or repeated."""
    given = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    for a in given:
        if not isinstance(a, Integral):
            raise TypeError(f"axis must be an integer, a tuple of integers or None, got {axis!r}")
        require(-x.ndim <= a < x.ndim, "axis", f"in [-{x.ndim}, {x.ndim}) for an array of {x.ndim} dimensions", axis)
    positive = tuple(int(a) % x.ndim for a in given)
    require(len(set(positive)) == len(positive), "axis", "without repetitions", axis)
    return positive


def copy(x: Any) -> Any:
    return array_namespace(x).asarray(x, copy=True)


def broadcast_shape(**shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape to which the named arrays of these shapes broadcast."""
    result: tuple[int, ...] = ()
    for name, shape in shapes.items():
        ndim = max(len(result), len(shape))
        sizes = list(zip((1,) * (ndim - len(result)) + result, (1,) * (ndim - len(shape)) + shape, strict=True))
        fits = all(m == n or 1 in (m, n) for m, n in sizes)
        require(fits, name, f"an array whose shape broadcasts with {result}", tuple(shape))
        result = tuple(n if m == 1 else m for m, n in sizes)
    return result


def unbroadcast(gradient: Any, shape: tuple[int, ...]) -> Any:
    """Sum over the axes along which an array of this shape was broadcast; never a view of the cotangent."""
    xp = array_namespace(gradient)
    lead = gradient.ndim - len(shape)
    stretched = (lead + i for i, n in enumerate(shape) if n == 1 and gradient.shape[lead + i] != 1)
    repeated = (*range(lead), *stretched)
    return copy(xp.reshape(xp.sum(gradient, axis=repeated) if repeated else gradient, shape))


def require_indices(argument: str, indices: Any, size: int) -> None:
    xp = array_namespace(indices)
    outside = (indices < 0) | (indices >= size)
    if xp.any(outside):
        require(False, argument, f"in [0, {size})", [int(xp.min(indices)), int(xp.max(indices))])
