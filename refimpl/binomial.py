"""The binomial distribution of the successes k among n trials of probability p: its probabilities and its moments.

k, n and p broadcast together; k and n are data, and the gradient is that of p alone. The results have the dtype of p.
NaN in k or p propagates; 0 log 0 = 0. Every function raises ValueError for shapes that do not broadcast, a p outside
[0, 1] and an n that is negative or not whole; the probabilities raise NotImplementedError in an array namespace
without gammaln.
Source: Abramowitz and Stegun, *Handbook of Mathematical Functions* (1964), section 26.1.20.
"""

from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, FloatOrIntegerArray, operation
from fiducial.refimpl._binomial import gradient, in_support, log_terms, logpmf, value
from fiducial.refimpl._distributions import pulled_back, require_count, require_probability
from fiducial.refimpl._shapes import broadcast_shape


def _pmf_slope(k: Any, n: Any, p: Any) -> Any:
    xp, inside = array_namespace(p), in_support(k, n)
    k = xp.where(inside, k, 0.0)
    powers = xp.maximum(k - 1, 0.0), xp.maximum(n - k - 1, 0.0)
    # At k = 0 there is no p to take from the powers, at k = n no 1 - p. Between, this cancels less than k - n p.
    factor = xp.where(k == n, n, xp.where(k == 0, -n, k * (1 - p) - (n - k) * p))
    return xp.where(inside, xp.exp(log_terms(n, k, p, *powers)) * factor, 0.0)


def _logpmf_slope(k: Any, n: Any, p: Any) -> Any:
    xp = array_namespace(p)
    slope = xp.where(k == 0, 0.0, k / p) - xp.where(k == n, 0.0, (n - k) / (1 - p))
    return xp.where(in_support(k, n), slope, 0.0)


@operation
def binomial_pmf(k: FloatOrIntegerArray, n: FloatOrIntegerArray, p: Array) -> Array:
    """C(n, k) p^k (1 - p)^(n - k), and 0 for a k that is not a whole number in [0, n]."""
    return value(lambda *given: array_namespace(p).exp(logpmf(*given)), k, n, p)


@operation
def binomial_pmf_vjp(cotangent: Array, k: FloatOrIntegerArray, n: FloatOrIntegerArray, p: Array) -> Array:
    """dp = C(n, k) p^(k - 1) (1 - p)^(n - k - 1) (k (1 - p) - (n - k) p)."""
    return gradient(_pmf_slope, cotangent, k, n, p)


@operation
def binomial_logpmf(k: FloatOrIntegerArray, n: FloatOrIntegerArray, p: Array) -> Array:
    """log C(n, k) + k log p + (n - k) log(1 - p), and -infinity for a k that is not a whole number in [0, n]."""
    return value(logpmf, k, n, p)


@operation
def binomial_logpmf_vjp(cotangent: Array, k: FloatOrIntegerArray, n: FloatOrIntegerArray, p: Array) -> Array:
    """dp = k / p - (n - k) / (1 - p)."""
    return gradient(_logpmf_slope, cotangent, k, n, p)


def _checked(n: Any, p: Any) -> Any:
    """n with the dtype of p."""
    broadcast_shape(n=n.shape, p=p.shape)
    n = array_namespace(n, p).astype(n, p.dtype)
    require_count("n", n)
    require_probability("p", p)
    return n


@operation
def binomial_mean(n: FloatOrIntegerArray, p: Array) -> Array:
    """n p."""
    return _checked(n, p) * p


@operation
def binomial_mean_vjp(cotangent: Array, n: FloatOrIntegerArray, p: Array) -> Array:
    """dp = n."""
    return pulled_back(cotangent, broadcast_shape(n=n.shape, p=p.shape), (p, _checked(n, p)))[0]


@operation
def binomial_variance(n: FloatOrIntegerArray, p: Array) -> Array:
    """n p (1 - p)."""
    return _checked(n, p) * p * (1 - p)


@operation
def binomial_variance_vjp(cotangent: Array, n: FloatOrIntegerArray, p: Array) -> Array:
    """dp = n (1 - 2 p)."""
    slope = _checked(n, p) * (1 - 2 * p)
    return pulled_back(cotangent, slope.shape, (p, slope))[0]


@operation
def binomial_skewness(n: FloatOrIntegerArray, p: Array) -> Array:
    """(1 - 2 p) / sqrt(n p (1 - p)); as the quotient says, not finite where the variance is 0."""
    return (1 - 2 * p) / array_namespace(n, p).sqrt(_checked(n, p) * p * (1 - p))


@operation
def binomial_skewness_vjp(cotangent: Array, n: FloatOrIntegerArray, p: Array) -> Array:
    """dp = -1 / (2 p (1 - p) sqrt(n p (1 - p)))."""
    variance = _checked(n, p) * p * (1 - p)
    slope = -1 / (2 * p * (1 - p) * array_namespace(n, p).sqrt(variance))
    return pulled_back(cotangent, slope.shape, (p, slope))[0]
