"""The normal distribution N(mu, sigma^2), with the vector-Jacobian products of its functions.

x (q for `normal_ppf`), mu and sigma, in the unit of x, broadcast together; the gradients are those of all three, summed
over broadcast axes. With z = (x - mu) / sigma, phi(z) = exp(-z^2 / 2) / sqrt(2 pi) and Phi its integral from -infinity.
At an infinite x every function has its limit. NaN propagates.
Every function raises ValueError for shapes that do not broadcast and for a sigma that is not positive, and those that
need erfc, erfcx or ndtri raise NotImplementedError in an array namespace without them.
Source: Abramowitz and Stegun, *Handbook of Mathematical Functions* (1964), sections 7.1 and 26.2.
"""

from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, constant, operation
from fiducial.refimpl._distributions import pulled_back, require_positive, require_probability
from fiducial.refimpl._shapes import broadcast_shape
from fiducial.refimpl._special import special


def _standardised(x: Any, mu: Any, sigma: Any) -> Any:
    broadcast_shape(x=x.shape, mu=mu.shape, sigma=sigma.shape)
    require_positive("sigma", sigma)
    return (x - mu) / sigma


def _over_root2(z: Any) -> Any:
    return z / array_namespace(z).sqrt(constant(z, 2))


def _root_2pi(z: Any) -> Any:
    xp = array_namespace(z)
    return xp.sqrt(constant(z, 2 * xp.pi))


def _gated(gate: Any, factor: Any) -> Any:
    """gate * factor, and 0 where the gate is: for a factor that grows more slowly than the gate vanishes."""
    return array_namespace(gate, factor).where(gate == 0, 0.0, gate * factor)


def _root_density(z: Any) -> Any:
    """exp(-z^2 / 4): the square of it may underflow where the square over a small sigma does not."""
    return array_namespace(z).exp(-(z * z) / 4)


def _density(z: Any, sigma: Any) -> Any:
    root = _root_density(z)
    return root / sigma * (root / _root_2pi(z))


def _lower(z: Any) -> Any:
    """Phi(z)."""
    return special("erfc", _over_root2(-z)) / 2


def _log_lower(z: Any) -> Any:
    """log Phi(z): erfcx(x) = exp(x^2) erfc(x) does not underflow, and log1p sees an upper tail that Phi rounds off."""
    xp = array_namespace(z)
    tail = xp.log(special("erfcx", _over_root2(-z)) / 2) - z * z / 2
    return xp.where(z > 0, xp.log1p(-_lower(-z)), tail)


def _log_lower_slope(z: Any, sigma: Any) -> Any:
    """phi(z) / Phi(z) / sigma."""
    xp = array_namespace(z)
    tail = 2 / (_root_2pi(z) * special("erfcx", _over_root2(-z))) / sigma
    return xp.where(z > 0, _density(z, sigma) / _lower(z), tail)


def _location_scale(cotangent: Any, z: Any, slope: Any, x: Any, mu: Any, sigma: Any) -> tuple[Any, ...]:
    """The gradients of a function of z alone, from its derivative by x."""
    return pulled_back(cotangent, z.shape, (x, slope), (mu, -slope), (sigma, -_gated(slope, z)))


@operation
def normal_pdf(x: Array, mu: Array, sigma: Array) -> Array:
    """phi(z) / sigma."""
    return _density(_standardised(x, mu, sigma), sigma)


@operation
def normal_pdf_vjp(cotangent: Array, x: Array, mu: Array, sigma: Array) -> tuple[Array, ...]:
    """dx = -z phi(z) / sigma^2, dmu = -dx, dsigma = (z^2 - 1) phi(z) / sigma^2."""
    z = _standardised(x, mu, sigma)
    root = _root_density(z)
    left, right = root / sigma, root / sigma / _root_2pi(z)
    dx = -_gated(left, z) * right
    return pulled_back(cotangent, z.shape, (x, dx), (mu, -dx), (sigma, _gated(left, z - 1) * _gated(right, z + 1)))


@operation
def normal_logpdf(x: Array, mu: Array, sigma: Array) -> Array:
    """-z^2 / 2 - log sigma - log(2 pi) / 2."""
    xp, z = array_namespace(x, mu, sigma), _standardised(x, mu, sigma)
    return -(z * z) / 2 - (xp.log(sigma) + xp.log(constant(z, 2 * xp.pi)) / 2)


@operation
def normal_logpdf_vjp(cotangent: Array, x: Array, mu: Array, sigma: Array) -> tuple[Array, ...]:
    """dx = -z / sigma, dmu = z / sigma, dsigma = (z^2 - 1) / sigma."""
    z = _standardised(x, mu, sigma)
    slopes = (x, -z / sigma), (mu, z / sigma), (sigma, (z * z - 1) / sigma)
    return pulled_back(cotangent, z.shape, *slopes)


@operation
def normal_cdf(x: Array, mu: Array, sigma: Array) -> Array:
    """Phi(z) = erfc(-z / sqrt 2) / 2, which keeps its relative accuracy in the lower tail."""
    return _lower(_standardised(x, mu, sigma))


@operation
def normal_cdf_vjp(cotangent: Array, x: Array, mu: Array, sigma: Array) -> tuple[Array, ...]:
    """dx = phi(z) / sigma, dmu = -dx, dsigma = -z dx."""
    z = _standardised(x, mu, sigma)
    return _location_scale(cotangent, z, _density(z, sigma), x, mu, sigma)


@operation
def normal_sf(x: Array, mu: Array, sigma: Array) -> Array:
    """1 - Phi(z) = Phi(-z), which keeps its relative accuracy in the upper tail."""
    return _lower(-_standardised(x, mu, sigma))


@operation
def normal_sf_vjp(cotangent: Array, x: Array, mu: Array, sigma: Array) -> tuple[Array, ...]:
    """dx = -phi(z) / sigma, dmu = -dx, dsigma = -z dx."""
    z = _standardised(x, mu, sigma)
    return _location_scale(cotangent, z, -_density(z, sigma), x, mu, sigma)


@operation
def normal_logcdf(x: Array, mu: Array, sigma: Array) -> Array:
    """log Phi(z), finite also where Phi underflows, and accurate where it rounds to 1."""
    return _log_lower(_standardised(x, mu, sigma))


@operation
def normal_logcdf_vjp(cotangent: Array, x: Array, mu: Array, sigma: Array) -> tuple[Array, ...]:
    """dx = phi(z) / Phi(z) / sigma, dmu = -dx, dsigma = -z dx."""
    z = _standardised(x, mu, sigma)
    return _location_scale(cotangent, z, _log_lower_slope(z, sigma), x, mu, sigma)


@operation
def normal_logsf(x: Array, mu: Array, sigma: Array) -> Array:
    """log Phi(-z)."""
    return _log_lower(-_standardised(x, mu, sigma))


@operation
def normal_logsf_vjp(cotangent: Array, x: Array, mu: Array, sigma: Array) -> tuple[Array, ...]:
    """dx = -phi(z) / Phi(-z) / sigma, dmu = -dx, dsigma = -z dx."""
    z = _standardised(x, mu, sigma)
    return _location_scale(cotangent, z, -_log_lower_slope(-z, sigma), x, mu, sigma)


def _quantile(q: Any, mu: Any, sigma: Any) -> Any:
    """The z for which Phi(z) = q."""
    broadcast_shape(q=q.shape, mu=mu.shape, sigma=sigma.shape)
    require_probability("q", q)
    require_positive("sigma", sigma)
    return special("ndtri", q)


@operation
def normal_ppf(q: Array, mu: Array, sigma: Array) -> Array:
    """The quantile mu + sigma z with Phi(z) = q; -infinity at q = 0 and infinity at q = 1.

    Raises:
        ValueError: a q outside [0, 1].
    """
    return mu + sigma * _quantile(q, mu, sigma)


@operation
def normal_ppf_vjp(cotangent: Array, q: Array, mu: Array, sigma: Array) -> tuple[Array, ...]:
    """dq = sigma / phi(z), dmu = 1, dsigma = z."""
    z = _quantile(q, mu, sigma)
    root = _root_density(z)
    shape = broadcast_shape(q=q.shape, mu=mu.shape, sigma=sigma.shape)
    return pulled_back(cotangent, shape, (q, sigma / root * (_root_2pi(z) / root)), (mu, 1), (sigma, z))
