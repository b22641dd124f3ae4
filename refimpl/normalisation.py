"""Batch, layer and RMS normalisation, with their vector-Jacobian products.

The variance is the mean squared distance from the mean, in a second pass over x, since E[x^2] - E[x]^2 cancels; eps
stands inside the root. Every function raises ValueError for shapes that do not fit, for a mean over no entries, and
for an eps that is negative or not finite, naming the argument.
Source: Ioffe and Szegedy, *Batch Normalization* (2015); Ba, Kiros and Hinton, *Layer Normalization* (2016); Zhang and
Sennrich, *Root Mean Square Layer Normalization* (2019).
"""

import math
from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, operation, require, require_shape

Axes = tuple[int, ...]


def _check(x: Any, least: int, over: Axes, features: int, eps: float, **parameters: Any) -> None:
    require(x.ndim >= least, "x", f"an array of at least {least} dimensions", tuple(x.shape))
    require(0 <= eps < math.inf, "eps", "a finite number, at least 0", eps)
    require(math.prod(x.shape[a] for a in over) > 0, "x", "an array with entries to take the mean of", tuple(x.shape))
    for name, array in parameters.items():
        require_shape(name, array, (x.shape[features],))


def _mean(x: Any, over: Axes) -> Any:
    return array_namespace(x).mean(x, axis=over, keepdims=True)


def _standardised(x: Any, over: Axes, eps: float) -> tuple[Any, Any]:
    """y = (x - mean) / sqrt(variance + eps), a new array, and 1 / sqrt(variance + eps)."""
    y = x - _mean(x, over)
    scale = _inverse_root(y, over, eps)
    y *= scale
    return y, scale


def _inverse_root(x: Any, over: Axes, eps: float) -> Any:
    return 1 / array_namespace(x).sqrt(_mean(x * x, over) + eps)


def _sum_to_last(x: Any) -> Any:
    return array_namespace(x).sum(x, axis=tuple(range(x.ndim - 1)))


def _check_batch(x: Any, gamma: Any, beta: Any, eps: float) -> tuple[Axes, tuple[int, ...]]:
    """The axes of the statistics, and the shape in which a parameter of each channel meets x."""
    over = tuple(a for a in range(x.ndim) if a != 1)
    _check(x, 2, over, 1, eps, gamma=gamma, beta=beta)
    return over, (x.shape[1], *(1,) * (x.ndim - 2))


@operation
def batch_norm(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """gamma (x - mean) / sqrt(variance + eps) + beta for x (N, C, ...), gamma (C), beta (C) -> (N, C, ...).

    The mean and the biased variance of each channel are those of this batch.
    """
    xp = array_namespace(x, gamma, beta)
    over, shape = _check_batch(x, gamma, beta, eps)
    y, _ = _standardised(x, over, eps)
    y *= xp.reshape(gamma, shape)
    y += xp.reshape(beta, shape)
    return y


@operation
def batch_norm_vjp(
    cotangent: Array, x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5
) -> tuple[Array, Array, Array]:
    """dx = gamma (c - mean c - y mean(c y)) / sqrt(variance + eps), dgamma = sum c y, dbeta = sum c."""
    xp = array_namespace(cotangent, x, gamma, beta)
    over, shape = _check_batch(x, gamma, beta, eps)
    require_shape("cotangent", cotangent, x.shape)
    y, scale = _standardised(x, over, eps)
    dgamma, dbeta, n = (
        xp.sum(cotangent * y, axis=over),
        xp.sum(cotangent, axis=over),
        math.prod(x.shape[a] for a in over),
    )
    y *= xp.reshape(-dgamma / n, shape)
    y += cotangent
    y -= xp.reshape(dbeta / n, shape)
    y *= xp.reshape(gamma, shape) * scale
    return y, dgamma, dbeta


@operation
def layer_norm(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """gamma (x - mean) / sqrt(variance + eps) + beta over the last axis: x (..., D), gamma (D), beta (D)."""
    _check(x, 1, (-1,), -1, eps, gamma=gamma, beta=beta)
    y, _ = _standardised(x, (-1,), eps)
    y *= gamma
    y += beta
    return y


@operation
def layer_norm_vjp(
    cotangent: Array, x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5
) -> tuple[Array, Array, Array]:
    """dx = (g - mean g - y mean(g y)) / sqrt(variance + eps) with g = gamma c; dgamma = sum c y; dbeta = sum c."""
    _check(x, 1, (-1,), -1, eps, gamma=gamma, beta=beta)
    require_shape("cotangent", cotangent, x.shape)
    y, scale = _standardised(x, (-1,), eps)
    dx, dgamma = _rms_gradients(cotangent, y, scale, gamma)
    dx -= _mean(dx, (-1,))
    return dx, dgamma, _sum_to_last(cotangent)


def _rms_gradients(cotangent: Any, y: Any, scale: Any, gamma: Any) -> tuple[Any, Any]:
    """scale (g - y mean(g y)) for g = gamma c, and sum c y."""
    dx, cy = gamma * cotangent, cotangent * y
    dx -= y * _mean(gamma * cy, (-1,))
    dx *= scale
    return dx, _sum_to_last(cy)


@operation
def rms_norm(x: Array, gamma: Array, *, eps: float = 1e-5) -> Array:
    """gamma x / sqrt(mean x^2 + eps) over the last axis: x (..., D), gamma (D) -> (..., D)."""
    _check(x, 1, (-1,), -1, eps, gamma=gamma)
    y = x * _inverse_root(x, (-1,), eps)
    y *= gamma
    return y


@operation
def rms_norm_vjp(cotangent: Array, x: Array, gamma: Array, *, eps: float = 1e-5) -> tuple[Array, Array]:
    """dx = (g - y mean(g y)) / sqrt(mean x^2 + eps) with g = gamma c; dgamma = sum c y."""
    _check(x, 1, (-1,), -1, eps, gamma=gamma)
    require_shape("cotangent", cotangent, x.shape)
    scale = _inverse_root(x, (-1,), eps)
    return _rms_gradients(cotangent, x * scale, scale, gamma)
