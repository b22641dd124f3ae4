"""Reductions over axes: sum, mean, maximum and Euclidean length, with their vector-Jacobian products.

Every function raises ValueError for shapes, axes or indices that do not fit, naming the argument.
Source: Saito, *Deep Learning from Scratch 2* (2019), section 1.3; the array API standard for axes.
"""

import math
from typing import Any

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, operation, require, require_shape
from fiducial.refimpl._shapes import Axis, axes, copy


def _reduced(shape: tuple[int, ...], over: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    return tuple(1 if i in over else n for i, n in enumerate(shape) if keepdims or i not in over)


def _spread(cotangent: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    """The cotangent of a reduction of x, with its reduced axes back as axes of length 1."""
    over = axes(x, axis)
    require_shape("cotangent", cotangent, _reduced(x.shape, over, keepdims))
    return array_namespace(x).reshape(cotangent, _reduced(x.shape, over, True))


def _count(x: Any, axis: Axis) -> int:
    return math.prod(x.shape[i] for i in axes(x, axis))


@operation
def sum(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The sum over the axes (all of them by default)."""
    return array_namespace(x).sum(x, axis=axes(x, axis), keepdims=keepdims)


@operation
def sum_vjp(cotangent: Array, x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The cotangent, copied along the summed axes (the book's Sum node is the reverse of Repeat)."""
    return copy(array_namespace(x).broadcast_to(_spread(cotangent, x, axis, keepdims), x.shape))


@operation
def mean(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The arithmetic mean over the axes (all of them by default); NaN over no elements."""
    return array_namespace(x).sum(x, axis=axes(x, axis), keepdims=keepdims) / _count(x, axis)


@operation
def mean_vjp(cotangent: Array, x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The cotangent over the number of averaged elements, copied along the averaged axes."""
    share = _spread(cotangent, x, axis, keepdims) / _count(x, axis)
    return copy(array_namespace(x).broadcast_to(share, x.shape))


def _maximum_over(x: Any, axis: Axis) -> Any:
    over = axes(x, axis)
    require(_count(x, axis) > 0, "x", f"an array with an element along axis {axis}", tuple(x.shape))
    return array_namespace(x).max(x, axis=over, keepdims=True)


@operation
def amax(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The maximum over the axes (all of them by default); raises ValueError over no elements."""
    return array_namespace(x).reshape(_maximum_over(x, axis), _reduced(x.shape, axes(x, axis), keepdims))


@operation
def amax_vjp(cotangent: Array, x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The cotangent, in equal parts to the elements that attain the maximum."""
    xp = array_namespace(x)
    attained = xp.astype(x == _maximum_over(x, axis), x.dtype)
    return _spread(cotangent, x, axis, keepdims) * attained / xp.sum(attained, axis=axes(x, axis), keepdims=True)


def _scaled(x: Any, axis: Axis) -> tuple[Any, Any, Any]:
    """A positive scale, y = x / scale with entries of at most 1, and |y|: the squares neither overflow nor vanish."""
    xp = array_namespace(x)
    largest = xp.max(xp.abs(x), axis=axes(x, axis), keepdims=True)
    scale = xp.where((largest > 0) & xp.isfinite(largest), largest, 1.0)
    y = x / scale
    return scale, y, xp.sqrt(xp.sum(y * y, axis=axes(x, axis), keepdims=True))


@operation
def norm(x: Array, *, axis: Axis = -1) -> Array:
    """The Euclidean length sqrt(sum x^2) along the axis; 0 over no elements."""
    xp, shape = array_namespace(x), _reduced(x.shape, axes(x, axis), False)
    if _count(x, axis) == 0:
        return xp.zeros(shape, dtype=x.dtype, device=device(x))
    scale, _, length = _scaled(x, axis)
    return xp.reshape(scale * length, shape)


@operation
def norm_vjp(cotangent: Array, x: Array, *, axis: Axis = -1) -> Array:
    """x / |x|, and at x = 0 the subgradient 0."""
    c = _spread(cotangent, x, axis, False)
    if _count(x, axis) == 0:
        return copy(x)
    xp = array_namespace(x)
    _, y, length = _scaled(x, axis)
    return c * (y / xp.where(length == 0, 1.0, length))
