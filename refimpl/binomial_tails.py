"""The binomial distribution function, its complement and their logarithms, which are finite however small these are.

k, n and p broadcast together; k, which counts what lies at or below it and need not be whole, and n are data, and the
gradient is that of p alone. The results have the dtype of p. NaN in k or p propagates. Every function raises
ValueError for shapes that do not broadcast, a p outside [0, 1] and an n that is negative or not whole, and
NotImplementedError in an array namespace without gammaln or betainc.
Source: Abramowitz and Stegun, *Handbook of Mathematical Functions* (1964), section 26.5.24.
"""

from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, FloatOrIntegerArray, operation
from fiducial.refimpl._binomial import Formula, gradient, logpmf, value
from fiducial.refimpl._special import lower_incomplete_beta, upper_incomplete_beta

# Below it SciPy's incomplete beta functions may be wrong, or 0: they take powers of p that underflow before the tail.
SMALL = 1e-200


def _inside(k: Any, n: Any) -> tuple[Any, Any]:
    """Where 0 < P(K <= k) < 1 is possible, and the whole number there: 0 elsewhere."""
    xp = array_namespace(k)
    inside = (k >= 0) & (k < n)
    return inside, xp.where(inside, xp.floor(k), 0.0)


def _bounded(incomplete_beta: Formula, at_least: float, k: Any, n: Any, p: Any) -> Any:
    """The incomplete beta function at (k + 1, n - k, p); beyond the support 0 or 1."""
    xp, (inside, whole) = array_namespace(p), _inside(k, n)
    within = incomplete_beta(whole + 1, xp.where(inside, n - whole, 1.0), p)
    return xp.where(inside, within, xp.where(k < 0, 1 - at_least, xp.full_like(p, at_least)))


def _relative_sum(falling: Any, rising: Any, odds: Any) -> Any:
    """1 + sum_j prod_(i < j) odds (falling - i) / (rising + i): a tail, relative to its first and largest term."""
    xp = array_namespace(odds)
    term = total = xp.ones_like(odds)
    i = 0
    while xp.any(term > xp.finfo(total.dtype).eps / 2 * total):
        term = term * (odds * (falling - i) / (rising + i))
        total = total + term
        i += 1
    return total


def _far_logcdf(k: Any, n: Any, p: Any) -> Any:
    """log P(K <= k) by the terms from k downwards."""
    return logpmf(k, n, p) + array_namespace(p).log(_relative_sum(k, n - k + 1, (1 - p) / p))


def _far_logsf(k: Any, n: Any, p: Any) -> Any:
    """log P(K > k) by the terms from k + 1 upwards."""
    return logpmf(k + 1, n, p) + array_namespace(p).log(_relative_sum(n - k - 1, k + 2, p / (1 - p)))


def _far_cdf(k: Any, n: Any, p: Any) -> Any:
    return array_namespace(p).exp(_far_logcdf(k, n, p))


def _far_sf(k: Any, n: Any, p: Any) -> Any:
    return array_namespace(p).exp(_far_logsf(k, n, p))


def _with_far(near: Any, tail: Any, far: Formula, last: Any, k: Any, n: Any, p: Any) -> Any:
    """`near`, and where the tail is small `far`; elsewhere `far` is asked for the last k, of which it has one term."""
    xp, (inside, whole) = array_namespace(p), _inside(k, n)
    small = inside & (tail < SMALL)
    return xp.where(small, far(xp.where(small, whole, last), n, p), near) if xp.any(small) else near


def _cdf(k: Any, n: Any, p: Any) -> Any:
    cdf = _bounded(upper_incomplete_beta, 1.0, k, n, p)
    return _with_far(cdf, cdf, _far_cdf, 0.0, k, n, p)


def _sf(k: Any, n: Any, p: Any) -> Any:
    sf = _bounded(lower_incomplete_beta, 0.0, k, n, p)
    return _with_far(sf, sf, _far_sf, n - 1, k, n, p)


def _log_by_smaller(tail: Any, other: Any) -> Any:
    """log tail, which of a tail near 1 is known better from the other one."""
    xp = array_namespace(tail)
    return xp.where(other < 0.5, xp.log1p(-other), xp.log(tail))


def _logcdf(k: Any, n: Any, p: Any) -> Any:
    cdf = _cdf(k, n, p)
    return _with_far(_log_by_smaller(cdf, _sf(k, n, p)), cdf, _far_logcdf, 0.0, k, n, p)


def _logsf(k: Any, n: Any, p: Any) -> Any:
    sf = _sf(k, n, p)
    return _with_far(_log_by_smaller(sf, _cdf(k, n, p)), sf, _far_logsf, n - 1, k, n, p)


def _slope(k: Any, n: Any, p: Any, log_tail: Any = 0.0) -> Any:
    """n C(n - 1, k) p^k (1 - p)^(n - 1 - k), over the tail of this logarithm: -dcdf/dp and dsf/dp."""
    xp, (inside, whole) = array_namespace(p), _inside(k, n)
    return xp.where(inside, xp.exp(xp.log(n) + logpmf(whole, n - 1, p) - log_tail), 0.0)


def _log_slope(k: Any, n: Any, p: Any, log_tail: Any) -> Any:
    """Infinite where the tail is 0, which it is at an end of [0, 1] only."""
    xp, (inside, _) = array_namespace(p), _inside(k, n)
    return xp.where(inside & xp.isinf(log_tail), xp.inf, _slope(k, n, p, log_tail))


def _cdf_slope(k: Any, n: Any, p: Any) -> Any:
    return -_slope(k, n, p)


def _logcdf_slope(k: Any, n: Any, p: Any) -> Any:
    return -_log_slope(k, n, p, _logcdf(k, n, p))


def _logsf_slope(k: Any, n: Any, p: Any) -> Any:
    return _log_slope(k, n, p, _logsf(k, n, p))


@operation
def binomial_cdf(k: FloatOrIntegerArray, n: FloatOrIntegerArray, p: Array) -> Array:
    """P(K <= k) = I_(1-p)(n - k, k + 1), with k rounded down; 0 for k < 0, 1 for k >= n."""
    return value(_cdf, k, n, p)


@operation
def binomial_cdf_vjp(cotangent: Array, k: FloatOrIntegerArray, n: FloatOrIntegerArray, p: Array) -> Array:
    """dp = -n C(n - 1, k) p^k (1 - p)^(n - 1 - k), with k rounded down; 0 beyond the support."""
    return gradient(_cdf_slope, cotangent, k, n, p)


@operation
def binomial_sf(k: FloatOrIntegerArray, n: FloatOrIntegerArray, p: Array) -> Array:
    """P(K > k) = I_p(k + 1, n - k), with k rounded down; 1 for k < 0, 0 for k >= n."""
    return value(_sf, k, n, p)


@operation
def binomial_sf_vjp(cotangent: Array, k: FloatOrIntegerArray, n: FloatOrIntegerArray, p: Array) -> Array:
    """dp = n C(n - 1, k) p^k (1 - p)^(n - 1 - k), with k rounded down; 0 beyond the support."""
    return gradient(_slope, cotangent, k, n, p)


@operation
def binomial_logcdf(k: FloatOrIntegerArray, n: FloatOrIntegerArray, p: Array) -> Array:
    """log P(K <= k); -infinity for k < 0."""
    return value(_logcdf, k, n, p)


@operation
def binomial_logcdf_vjp(cotangent: Array, k: FloatOrIntegerArray, n: FloatOrIntegerArray, p: Array) -> Array:
    """dp = -n C(n - 1, k) p^k (1 - p)^(n - 1 - k) / P(K <= k), with k rounded down; 0 beyond the support."""
    return gradient(_logcdf_slope, cotangent, k, n, p)


@operation
def binomial_logsf(k: FloatOrIntegerArray, n: FloatOrIntegerArray, p: Array) -> Array:
    """log P(K > k); -infinity for k >= n."""
    return value(_logsf, k, n, p)


@operation
def binomial_logsf_vjp(cotangent: Array, k: FloatOrIntegerArray, n: FloatOrIntegerArray, p: Array) -> Array:
    """dp = n C(n - 1, k) p^k (1 - p)^(n - 1 - k) / P(K > k), with k rounded down; 0 beyond the support."""
    return gradient(_logsf_slope, cotangent, k, n, p)
