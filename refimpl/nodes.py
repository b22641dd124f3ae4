"""Nodes of the computational graph: arithmetic with broadcasting, maximum, repeat and branch, and their products.

Every function raises ValueError for shapes, axes or indices that do not fit, naming the argument.
Source: Saito, *Deep Learning from Scratch 2* (2019), section 1.3; the array API standard for broadcasting.
"""

from numbers import Integral
from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, operation, require, require_shape
from fiducial.refimpl._shapes import broadcast_shape, copy, unbroadcast


def _binary_vjp(cotangent: Any, x: Any, y: Any, dx: Any, dy: Any) -> tuple[Any, Any]:
    return unbroadcast(cotangent * dx, x.shape), unbroadcast(cotangent * dy, y.shape)


def _check_cotangent(cotangent: Any, x: Any, y: Any) -> None:
    require_shape("cotangent", cotangent, broadcast_shape(x=x.shape, y=y.shape))


@operation
def add(x: Array, y: Array) -> Array:
    """x + y, with broadcasting."""
    broadcast_shape(x=x.shape, y=y.shape)
    return x + y


@operation
def add_vjp(cotangent: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """dx = c, dy = c, summed over broadcast axes."""
    _check_cotangent(cotangent, x, y)
    return unbroadcast(cotangent, x.shape), unbroadcast(cotangent, y.shape)


@operation
def subtract(x: Array, y: Array) -> Array:
    """x - y, with broadcasting."""
    broadcast_shape(x=x.shape, y=y.shape)
    return x - y


@operation
def subtract_vjp(cotangent: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """dx = c, dy = -c, summed over broadcast axes."""
    _check_cotangent(cotangent, x, y)
    return unbroadcast(cotangent, x.shape), unbroadcast(-cotangent, y.shape)


@operation
def multiply(x: Array, y: Array) -> Array:
    """x y elementwise, with broadcasting."""
    broadcast_shape(x=x.shape, y=y.shape)
    return x * y


@operation
def multiply_vjp(cotangent: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """dx = c y, dy = c x, summed over broadcast axes."""
    _check_cotangent(cotangent, x, y)
    return _binary_vjp(cotangent, x, y, y, x)


@operation
def divide(x: Array, y: Array) -> Array:
    """x / y elementwise, with broadcasting."""
    broadcast_shape(x=x.shape, y=y.shape)
    return x / y


@operation
def divide_vjp(cotangent: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """dx = c / y, dy = -(c / y) (x / y), which needs no y^2 that could overflow; summed over broadcast axes."""
    _check_cotangent(cotangent, x, y)
    return _binary_vjp(cotangent / y, x, y, 1, -x / y)


@operation
def maximum(x: Array, y: Array) -> Array:
    """max(x, y) elementwise, with broadcasting."""
    broadcast_shape(x=x.shape, y=y.shape)
    return array_namespace(x, y).maximum(x, y)


@operation
def maximum_vjp(cotangent: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """The cotangent goes to the larger one; at a tie, half to each."""
    _check_cotangent(cotangent, x, y)
    xp = array_namespace(x, y)
    share = xp.where(x > y, 1.0, xp.where(x == y, 0.5, xp.zeros_like(cotangent)))
    return _binary_vjp(cotangent, x, y, share, 1 - share)


def _new_axis(x: Any, n: int, axis: int) -> int:
    require(isinstance(n, Integral) and n >= 1, "n", "a positive integer", n)
    require(-x.ndim - 1 <= axis <= x.ndim, "axis", f"in [-{x.ndim + 1}, {x.ndim}]", axis)
    return int(axis % (x.ndim + 1))


@operation
def repeat(x: Array, *, n: int, axis: int = 0) -> Array:
    """n copies of x, stacked along a new axis (the book's Repeat node): shape (..., n, ...)."""
    xp, new = array_namespace(x), _new_axis(x, n, axis)
    return copy(xp.broadcast_to(xp.expand_dims(x, axis=new), (*x.shape[:new], n, *x.shape[new:])))


@operation
def repeat_vjp(cotangent: Array, x: Array, *, n: int, axis: int = 0) -> Array:
    """The sum of the copies' cotangents."""
    new = _new_axis(x, n, axis)
    require_shape("cotangent", cotangent, (*x.shape[:new], n, *x.shape[new:]))
    return array_namespace(x).sum(cotangent, axis=new)


@operation
def branch(x: Array, *, n: int = 2) -> tuple[Array, ...]:
    """n copies of x, as a tuple (the book's branch node)."""
    _new_axis(x, n, 0)
    return tuple(copy(x) for _ in range(n))


@operation
def branch_vjp(cotangent: tuple[Array, ...], x: Array, *, n: int = 2) -> Array:
    """The sum of the branches' cotangents."""
    _new_axis(x, n, 0)
    require(isinstance(cotangent, tuple) and len(cotangent) == n, "cotangent", f"a tuple of {n} arrays", cotangent)
    for c in cotangent:
        require_shape("cotangent", c, x.shape)
    xp = array_namespace(x)
    return xp.sum(xp.stack(cotangent), axis=0)
