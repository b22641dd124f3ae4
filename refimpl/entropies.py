"""Losses that are entropies, with their vector-Jacobian products.

`reduction` is "mean", "sum" or "none"; with "none" the cotangent has the shape of the unreduced loss.
Every function raises ValueError for shapes, labels or attributes that do not fit, naming the argument.
Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), sections 3.13, 5.5 and 6.2.
"""

from typing import Any

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, FloatOrIntegerArray, constant, dtype_kind, operation, require, require_shape
from fiducial.refimpl._reduction import reduce, reduce_vjp
from fiducial.refimpl.elementwise import log_sigmoid, sigmoid
from fiducial.refimpl.linear import one_hot_rows
from fiducial.refimpl.softmax import log_softmax, softmax, sum_of_others


def _weighted(weight: Any, logarithm: Any) -> Any:
    """weight * logarithm with 0 log 0 = 0."""
    return array_namespace(weight, logarithm).where(weight == 0, 0.0, weight * logarithm)


@operation
def cross_entropy(y: Array, t: Array, *, reduction: str = "mean") -> Array:
    """-sum_k t log y for probabilities y (N, K) and targets t (N, K); per row (N), the mean over N."""
    require(y.ndim == 2, "y", "an array (N, K)", tuple(y.shape))
    require_shape("t", t, y.shape)
    xp = array_namespace(y, t)
    return reduce(-xp.sum(_weighted(t, xp.log(y)), axis=1), reduction)


@operation
def cross_entropy_vjp(cotangent: Array, y: Array, t: Array, *, reduction: str = "mean") -> tuple[Array, Array]:
    """dy = -t / y (0 where t is 0), dt = -log y."""
    require(y.ndim == 2, "y", "an array (N, K)", tuple(y.shape))
    require_shape("t", t, y.shape)
    xp = array_namespace(y, t)
    c = reduce_vjp(cotangent, y.shape[:1], reduction)[..., None]
    return -c * _weighted(t, 1 / y), -c * xp.log(y)


def _rows(x: Any, t: Any, label_smoothing: float, ignore_index: int) -> tuple[Any, Any]:
    """The smoothed targets (N, K), and which rows count (N)."""
    xp = array_namespace(x, t)
    require(x.ndim == 2 and x.shape[1] > 0, "x", "an array (N, K)", tuple(x.shape))
    require(0 <= label_smoothing <= 1, "label_smoothing", "in [0, 1]", label_smoothing)
    classes = x.shape[1]
    if dtype_kind(t) == "float":
        require_shape("t", t, x.shape)
        counted = xp.ones(x.shape[:1], dtype=xp.bool, device=device(x))
    else:
        require_shape("t", t, x.shape[:1])
        t = xp.astype(t, xp.int64)
        counted = t != ignore_index
        t = one_hot_rows("t", xp.where(counted, t, 0), classes, x.dtype)
    smoothing = constant(x, label_smoothing)
    return xp.where(counted[:, None], (1 - smoothing) * t + smoothing / classes, 0.0), counted


@operation
def softmax_cross_entropy(
    x: Array,
    t: FloatOrIntegerArray,
    *,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
) -> Array:
    """-sum_k t_k log softmax(x)_k for logits x (N, K), and targets (N, K) or integer labels t (N); per row (N).

    Targets are smoothed to (1 - label_smoothing) t + label_smoothing / K. Rows labelled `ignore_index` are 0 and do
    not count in the mean, which is NaN when no row counts.
    """
    xp = array_namespace(x, t)
    targets, counted = _rows(x, t, label_smoothing, ignore_index)
    loss = -xp.sum(_weighted(targets, log_softmax(x, axis=1)), axis=1)
    return reduce(loss, reduction, xp.sum(xp.astype(counted, x.dtype)))


@operation
def softmax_cross_entropy_vjp(
    cotangent: Array,
    x: Array,
    t: FloatOrIntegerArray,
    *,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
) -> Array | tuple[Array, Array]:
    """dx = p_k sum_{l != k} t_l - t_k sum_{l != k} p_l, which is p - t for targets that sum to one; dt = -log p.

    dt is for float targets; with integer labels dx comes alone.
    """
    xp = array_namespace(x, t)
    targets, counted = _rows(x, t, label_smoothing, ignore_index)
    c = reduce_vjp(cotangent, x.shape[:1], reduction, xp.sum(xp.astype(counted, x.dtype)))[..., None]
    p = softmax(x, axis=1)
    dx = xp.where(counted[:, None], c * (p * sum_of_others(targets, 1) - targets * sum_of_others(p, 1)), 0.0)
    if dtype_kind(t) == "integer":
        return dx
    return dx, -c * (1 - constant(x, label_smoothing)) * log_softmax(x, axis=1)


@operation
def binary_cross_entropy(p: Array, t: Array, *, reduction: str = "mean") -> Array:
    """-(t log p + (1 - t) log(1 - p)), over all elements; the logarithms are not clamped."""
    require_shape("t", t, p.shape)
    xp = array_namespace(p, t)
    return reduce(-(_weighted(t, xp.log(p)) + _weighted(1 - t, xp.log1p(-p))), reduction)


@operation
def binary_cross_entropy_vjp(cotangent: Array, p: Array, t: Array, *, reduction: str = "mean") -> tuple[Array, Array]:
    """dp = (p - t) / (p (1 - p)), which at t = 0 is 1 / (1 - p) and at t = 1 is -1 / p; dt = log(1 - p) - log p."""
    require_shape("t", t, p.shape)
    xp = array_namespace(p, t)
    c = reduce_vjp(cotangent, p.shape, reduction)
    dp = xp.where(t == 0, 1 / (1 - p), xp.where(t == 1, -1 / p, (p - t) / p / (1 - p)))
    # Around 1/2 the two logarithms cancel, and 1 - 2p is exact.
    dt = xp.where(xp.abs(p - 0.5) < 0.25, 2 * xp.atanh(1 - 2 * p), xp.log1p(-p) - xp.log(p))
    return c * dp, c * dt


@operation
def binary_cross_entropy_with_logits(
    x: Array, t: Array, *, reduction: str = "mean", pos_weight: float | None = None
) -> Array:
    """-(w t log s(x) + (1 - t) log s(-x)), over all elements, with w = pos_weight (1 for None); no term cancels."""
    require_shape("t", t, x.shape)
    weight = 1 if pos_weight is None else pos_weight
    return reduce(-(_weighted(weight * t, log_sigmoid(x)) + _weighted(1 - t, log_sigmoid(-x))), reduction)


@operation
def binary_cross_entropy_with_logits_vjp(
    cotangent: Array, x: Array, t: Array, *, reduction: str = "mean", pos_weight: float | None = None
) -> tuple[Array, Array]:
    """dx = (1 - t) s(x) - w t s(-x), dt = log s(-x) - w log s(x), which is -x for w = 1."""
    require_shape("t", t, x.shape)
    weight = 1 if pos_weight is None else pos_weight
    c = reduce_vjp(cotangent, x.shape, reduction)
    dx = (1 - t) * sigmoid(x) - weight * t * sigmoid(-x)
    dt = -x if weight == 1 else log_sigmoid(-x) - weight * log_sigmoid(x)
    return c * dx, c * dt


@operation
def kl_divergence(log_q: Array, p: Array, *, reduction: str = "mean") -> Array:
    """p (log p - log q), over all elements (also for "mean"); 0 where p is 0."""
    require_shape("p", p, log_q.shape)
    xp = array_namespace(log_q, p)
    return reduce(_weighted(p, xp.log(p) - log_q), reduction)


@operation
def kl_divergence_vjp(cotangent: Array, log_q: Array, p: Array, *, reduction: str = "mean") -> tuple[Array, Array]:
    """dlog_q = -p, dp = log p - log q + 1, which is -infinity at p = 0."""
    require_shape("p", p, log_q.shape)
    xp = array_namespace(log_q, p)
    c = reduce_vjp(cotangent, p.shape, reduction)
    return -c * p, c * (xp.log(p) - log_q + 1)
