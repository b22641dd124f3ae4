"""Log-sum-exp, softmax and log-softmax along an axis, with their vector-Jacobian products.

Differences such as 1 - p_k are written as the sum of the other probabilities, which keeps its relative accuracy where
p_k rounds to 1. Every function raises ValueError for an axis that is out of range or has no entries.
Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), sections 4.1 and 6.2.2.3.
"""

from typing import Any

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, operation, require, require_shape
from fiducial.refimpl._shapes import axes


def _pivot(x: Any, axis: int) -> tuple[Any, Any]:
    """The largest entry along the axis, and where it stands (one place, also in a tie).

    Each formula below holds with any other entry as the pivot; the largest one keeps the exponentials in [0, 1].
    """
    xp = array_namespace(x)
    (along,) = axes(x, axis)
    require(x.shape[along] > 0, "x", f"an array with an entry along axis {axis}", tuple(x.shape))
    index = xp.argmax(x, axis=along, keepdims=True)
    positions = xp.arange(x.shape[along], dtype=index.dtype, device=device(x))
    positions = xp.reshape(positions, tuple(-1 if i == along else 1 for i in range(x.ndim)))
    return xp.take_along_axis(x, index, axis=along), positions == index


def _log_sum_of_shifted(shifted: Any, is_pivot: Any, axis: int) -> Any:
    """log sum exp(shifted) where the pivot, whose exponential is 1, is left to log1p."""
    xp = array_namespace(shifted)
    return xp.log1p(xp.sum(xp.where(is_pivot, 0.0, xp.exp(shifted)), axis=axis, keepdims=True))


def sum_of_others(x: Any, axis: int) -> Any:
    """At each entry the sum of the other entries along the axis, without a subtraction."""
    xp = array_namespace(x)
    rows = xp.moveaxis(x, axis, -1)
    before = xp.cumulative_sum(rows, axis=-1, include_initial=True)[..., :-1]
    after = xp.flip(xp.cumulative_sum(xp.flip(rows, axis=-1), axis=-1, include_initial=True)[..., :-1], axis=-1)
    return xp.moveaxis(before + after, -1, axis)


def _check_cotangent(cotangent: Any, x: Any, axis: int) -> None:
    axes(x, axis)
    require_shape("cotangent", cotangent, x.shape)


@operation
def logsumexp(x: Array, *, axis: int = -1) -> Array:
    """log sum exp(x) along the axis, which is removed; -infinity where every entry is -infinity."""
    xp = array_namespace(x)
    largest, is_pivot = _pivot(x, axis)
    shift = xp.where(xp.isfinite(largest), largest, 0.0)
    return xp.squeeze(largest + _log_sum_of_shifted(x - shift, is_pivot, axis), axis=axis)


@operation
def logsumexp_vjp(cotangent: Array, x: Array, *, axis: int = -1) -> Array:
    """softmax(x), times the cotangent of its row."""
    (along,) = axes(x, axis)
    require_shape("cotangent", cotangent, (*x.shape[:along], *x.shape[along + 1 :]))
    return array_namespace(x).expand_dims(cotangent, axis=along) * softmax(x, axis=axis)


@operation
def softmax(x: Array, *, axis: int = -1) -> Array:
    """exp(x) / sum exp(x) along the axis; NaN where every entry is -infinity."""
    xp = array_namespace(x)
    e = xp.exp(x - _pivot(x, axis)[0])
    return e / xp.sum(e, axis=axis, keepdims=True)


@operation
def softmax_vjp(cotangent: Array, x: Array, *, axis: int = -1) -> Array:
    """p_k (c_k - sum_l c_l p_l) = p_k (c_k sum_{l != k} p_l - sum_{l != k} c_l p_l)."""
    _check_cotangent(cotangent, x, axis)
    p = softmax(x, axis=axis)
    return p * (cotangent * sum_of_others(p, axis) - sum_of_others(cotangent * p, axis))


@operation
def log_softmax(x: Array, *, axis: int = -1) -> Array:
    """x - logsumexp(x) along the axis; NaN where every entry is -infinity."""
    largest, is_pivot = _pivot(x, axis)
    return (x - largest) - _log_sum_of_shifted(x - largest, is_pivot, axis)


@operation
def log_softmax_vjp(cotangent: Array, x: Array, *, axis: int = -1) -> Array:
    """c_k - p_k sum_l c_l = c_k sum_{l != k} p_l - p_k sum_{l != k} c_l."""
    _check_cotangent(cotangent, x, axis)
    p = softmax(x, axis=axis)
    return cotangent * sum_of_others(p, axis) - p * sum_of_others(cotangent, axis)
