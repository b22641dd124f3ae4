"""Losses of the difference between outputs and targets, with their vector-Jacobian products.

`reduction` is "mean", "sum" or "none"; with "none" the cotangent has the shape of the unreduced loss.
Every function raises ValueError for shapes, targets or attributes that do not fit, naming the argument.
Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), section 5.5; others as noted.
"""

from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, operation, require, require_shape
from fiducial.refimpl._reduction import reduce, reduce_vjp


def _difference(y: Any, t: Any) -> Any:
    require_shape("t", t, y.shape)
    return y - t


@operation
def mse_loss(y: Array, t: Array, *, reduction: str = "mean") -> Array:
    """(y - t)^2, over all elements; y and t of one shape."""
    return reduce(_difference(y, t) ** 2, reduction)


@operation
def mse_loss_vjp(cotangent: Array, y: Array, t: Array, *, reduction: str = "mean") -> tuple[Array, Array]:
    """dy = 2 (y - t), dt = -dy."""
    dy = reduce_vjp(cotangent, y.shape, reduction) * 2 * _difference(y, t)
    return dy, -dy


@operation
def l1_loss(y: Array, t: Array, *, reduction: str = "mean") -> Array:
    """|y - t|, over all elements; y and t of one shape."""
    return reduce(array_namespace(y).abs(_difference(y, t)), reduction)


@operation
def l1_loss_vjp(cotangent: Array, y: Array, t: Array, *, reduction: str = "mean") -> tuple[Array, Array]:
    """dy = sign(y - t), 0 where they are equal; dt = -dy."""
    dy = reduce_vjp(cotangent, y.shape, reduction) * array_namespace(y).sign(_difference(y, t))
    return dy, -dy


@operation
def sum_squared_error(y: Array, t: Array) -> Array:
    """sum (y - t)^2 / 2 over all elements (the book's form); y and t of one shape."""
    return array_namespace(y).sum(_difference(y, t) ** 2) / 2


@operation
def sum_squared_error_vjp(cotangent: Array, y: Array, t: Array) -> tuple[Array, Array]:
    """dy = y - t, dt = -dy."""
    dy = reduce_vjp(cotangent, y.shape, "sum") * _difference(y, t)
    return dy, -dy


@operation
def huber_loss(y: Array, t: Array, *, delta: float = 1.0, reduction: str = "mean") -> Array:
    """d^2 / 2 for |d| <= delta, else delta (|d| - delta / 2), with d = y - t (Huber, 1964)."""
    require(delta > 0, "delta", "a positive number", delta)
    xp, d = array_namespace(y), _difference(y, t)
    size = xp.abs(d)
    return reduce(xp.where(size <= delta, d * d / 2, delta * (size - delta / 2)), reduction)


@operation
def huber_loss_vjp(
    cotangent: Array, y: Array, t: Array, *, delta: float = 1.0, reduction: str = "mean"
) -> tuple[Array, Array]:
    """dy = d for |d| <= delta, else delta sign(d); dt = -dy."""
    require(delta > 0, "delta", "a positive number", delta)
    xp, d = array_namespace(y), _difference(y, t)
    slope = xp.where(xp.abs(d) <= delta, d, delta * xp.sign(d))
    dy = reduce_vjp(cotangent, y.shape, reduction) * slope
    return dy, -dy
