"""What the functions of the binomial distribution share: their arrays, and the logarithm of the probability of k.

Source: Abramowitz and Stegun, *Handbook of Mathematical Functions* (1964), section 26.1.20.
"""

from collections.abc import Callable
from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._distributions import pulled_back, require_count, require_probability, times_log, with_nan
from fiducial.refimpl._shapes import broadcast_shape
from fiducial.refimpl._special import special

Formula = Callable[[Any, Any, Any], Any]


def _prepared(k: Any, n: Any, p: Any) -> list[Any]:
    """The checked arrays, broadcast, in float64: log n! in float32 would be off by a rounding of n log n."""
    broadcast_shape(k=k.shape, n=n.shape, p=p.shape)
    xp = array_namespace(k, n, p)
    k, n, p = (xp.astype(a, xp.float64) for a in (k, n, p))
    require_count("n", n)
    require_probability("p", p)
    return list(xp.broadcast_arrays(k, n, p))


def value(formula: Formula, k: Any, n: Any, p: Any) -> Any:
    """The formula at the prepared arrays, with the dtype of p; NaN where k or p is NaN."""
    given = _prepared(k, n, p)
    return array_namespace(p).astype(with_nan(formula(*given), given[0], given[2]), p.dtype)


def gradient(slope: Formula, cotangent: Any, k: Any, n: Any, p: Any) -> Any:
    """The gradient of p, from the formula of the derivative along p."""
    xp, given = array_namespace(p), _prepared(k, n, p)
    along = with_nan(slope(*given), given[0], given[2])
    return xp.astype(pulled_back(xp.astype(cotangent, xp.float64), along.shape, (p, along))[0], p.dtype)


def in_support(k: Any, n: Any) -> Any:
    return (k >= 0) & (k <= n) & (k == array_namespace(k).floor(k))


def log_terms(n: Any, k: Any, p: Any, successes: Any, failures: Any) -> Any:
    """log C(n, k) p^successes (1 - p)^failures, for 0 <= k <= n."""
    xp = array_namespace(p)
    coefficient = special("gammaln", n + 1) - (special("gammaln", k + 1) + special("gammaln", n - k + 1))
    return coefficient + (times_log(successes, xp.log(p)) + times_log(failures, xp.log1p(-p)))


def logpmf(k: Any, n: Any, p: Any) -> Any:
    xp, inside = array_namespace(p), in_support(k, n)
    k = xp.where(inside, k, 0.0)
    return xp.where(inside, log_terms(n, k, p, k, n - k), -xp.inf)
