"""The Bernoulli distribution of a trial that succeeds (k = 1) with probability p, with the products of its functions.

k, which is data and has no gradient, and p broadcast together; the results have the dtype of p. NaN propagates.
Every function raises ValueError for shapes that do not broadcast and for a p outside [0, 1].
Source: Bishop, *Pattern Recognition and Machine Learning* (2006), sections 1.6 and 2.1.
"""

from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, FloatOrIntegerArray, operation
from fiducial.refimpl._distributions import pulled_back, require_probability, times_log, with_nan
from fiducial.refimpl._shapes import broadcast_shape, copy


def _checked(k: Any, p: Any) -> Any:
    """k with the dtype of p."""
    broadcast_shape(k=k.shape, p=p.shape)
    require_probability("p", p)
    return array_namespace(k, p).astype(k, p.dtype)


def _by_outcome(k: Any, p: Any, at_zero: Any, at_one: Any, elsewhere: float) -> Any:
    k, xp = _checked(k, p), array_namespace(k, p)
    value = xp.where(k == 0, at_zero, xp.where(k == 1, at_one, elsewhere))
    return with_nan(value, k, p)


@operation
def bernoulli_pmf(k: FloatOrIntegerArray, p: Array) -> Array:
    """p for k = 1, 1 - p for k = 0, and 0 for any other k."""
    return _by_outcome(k, p, 1 - p, p, 0.0)


@operation
def bernoulli_pmf_vjp(cotangent: Array, k: FloatOrIntegerArray, p: Array) -> Array:
    """dp = 1 for k = 1, -1 for k = 0, else 0."""
    one = array_namespace(k, p).ones_like(p)
    slope = _by_outcome(k, p, -one, one, 0.0)
    return pulled_back(cotangent, slope.shape, (p, slope))[0]


@operation
def bernoulli_logpmf(k: FloatOrIntegerArray, p: Array) -> Array:
    """log p for k = 1, log(1 - p) for k = 0, and -infinity for any other k."""
    xp = array_namespace(k, p)
    return _by_outcome(k, p, xp.log1p(-p), xp.log(p), -xp.inf)


@operation
def bernoulli_logpmf_vjp(cotangent: Array, k: FloatOrIntegerArray, p: Array) -> Array:
    """dp = 1 / p for k = 1, -1 / (1 - p) for k = 0, else 0."""
    slope = _by_outcome(k, p, -1 / (1 - p), 1 / p, 0.0)
    return pulled_back(cotangent, slope.shape, (p, slope))[0]


@operation
def bernoulli_cdf(k: FloatOrIntegerArray, p: Array) -> Array:
    """P(K <= k): 0 for k < 0, 1 - p for 0 <= k < 1, else 1."""
    k, xp = _checked(k, p), array_namespace(k, p)
    return with_nan(xp.where(k < 0, 0.0, xp.where(k < 1, 1 - p, 1.0)), k, p)


@operation
def bernoulli_cdf_vjp(cotangent: Array, k: FloatOrIntegerArray, p: Array) -> Array:
    """dp = -1 for 0 <= k < 1, else 0."""
    k, xp = _checked(k, p), array_namespace(k, p)
    slope = with_nan(xp.where((k >= 0) & (k < 1), -xp.ones_like(p), 0.0), k, p)
    return pulled_back(cotangent, slope.shape, (p, slope))[0]


@operation
def bernoulli_mean(p: Array) -> Array:
    """p."""
    require_probability("p", p)
    return copy(p)


@operation
def bernoulli_mean_vjp(cotangent: Array, p: Array) -> Array:
    """dp = 1."""
    require_probability("p", p)
    return pulled_back(cotangent, p.shape, (p, 1))[0]


@operation
def bernoulli_variance(p: Array) -> Array:
    """p (1 - p)."""
    require_probability("p", p)
    return p * (1 - p)


@operation
def bernoulli_variance_vjp(cotangent: Array, p: Array) -> Array:
    """dp = 1 - 2 p."""
    require_probability("p", p)
    return pulled_back(cotangent, p.shape, (p, 1 - 2 * p))[0]


@operation
def bernoulli_entropy(p: Array) -> Array:
    """-p log p - (1 - p) log(1 - p), in nats; 0 at 0 and 1."""
    require_probability("p", p)
    xp = array_namespace(p)
    return -times_log(p, xp.log(p)) - times_log(1 - p, xp.log1p(-p))


@operation
def bernoulli_entropy_vjp(cotangent: Array, p: Array) -> Array:
    """dp = log(1 - p) - log p: infinity at 0, -infinity at 1."""
    require_probability("p", p)
    xp = array_namespace(p)
    # Around 1/2 the two logarithms cancel, and 1 - 2p is exact.
    slope = xp.where(xp.abs(p - 0.5) < 0.25, 2 * xp.atanh(1 - 2 * p), xp.log1p(-p) - xp.log(p))
    return pulled_back(cotangent, p.shape, (p, slope))[0]
