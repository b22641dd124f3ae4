"""The entropy of a normal distribution and the divergence of one from another, with their vector-Jacobian products.

mu and sigma, in the same unit, broadcast together; the results are in nats. NaN propagates. Every function raises
ValueError for shapes that do not broadcast and for a sigma that is not positive.
Source: Cover and Thomas, *Elements of Information Theory* (2006), sections 8.1 and 8.5.
"""

from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, constant, operation, require_shape
from fiducial.refimpl._distributions import pulled_back, require_positive
from fiducial.refimpl._shapes import broadcast_shape, unbroadcast


@operation
def normal_entropy(mu: Array, sigma: Array) -> Array:
    """log sigma + (1 + log 2 pi) / 2."""
    broadcast_shape(mu=mu.shape, sigma=sigma.shape)
    require_positive("sigma", sigma)
    xp = array_namespace(mu, sigma)
    return xp.log(sigma) + 0.5 + xp.log(constant(sigma, 2 * xp.pi)) / 2 + xp.zeros_like(mu)


@operation
def normal_entropy_vjp(cotangent: Array, mu: Array, sigma: Array) -> tuple[Array, ...]:
    """dmu = 0, dsigma = 1 / sigma."""
    require_positive("sigma", sigma)
    require_shape("cotangent", cotangent, broadcast_shape(mu=mu.shape, sigma=sigma.shape))
    return array_namespace(mu).zeros_like(mu), unbroadcast(cotangent / sigma, sigma.shape)


def _relative(mu0: Any, sigma0: Any, mu1: Any, sigma1: Any) -> tuple[Any, Any]:
    """(sigma0 - sigma1) / sigma1 and (mu0 - mu1) / sigma1."""
    broadcast_shape(mu0=mu0.shape, sigma0=sigma0.shape, mu1=mu1.shape, sigma1=sigma1.shape)
    require_positive("sigma0", sigma0)
    require_positive("sigma1", sigma1)
    return (sigma0 - sigma1) / sigma1, (mu0 - mu1) / sigma1


@operation
def normal_kl(mu0: Array, sigma0: Array, mu1: Array, sigma1: Array) -> Array:
    """log(sigma1 / sigma0) + (sigma0^2 + (mu0 - mu1)^2) / (2 sigma1^2) - 1/2, that of N(mu0, sigma0^2) from the other.

    With u = sigma0 / sigma1 - 1 and d = (mu0 - mu1) / sigma1 it is (u - log(1 + u)) + u^2 / 2 + d^2 / 2, of which only
    the difference cancels for distributions that are nearly equal.
    """
    u, d = _relative(mu0, sigma0, mu1, sigma1)
    return (u - array_namespace(u).log1p(u)) + (u * u + d * d) / 2


@operation
def normal_kl_vjp(cotangent: Array, mu0: Array, sigma0: Array, mu1: Array, sigma1: Array) -> tuple[Array, ...]:
    """dmu0 = d / sigma1, dmu1 = -dmu0, dsigma0 = u (u + 2) / sigma0, dsigma1 = -(u (u + 2) + d^2) / sigma1."""
    u, d = _relative(mu0, sigma0, mu1, sigma1)
    squares = u * (u + 2)
    shape = (u + d).shape
    slopes = (mu0, d / sigma1), (sigma0, squares / sigma0), (mu1, -d / sigma1), (sigma1, -(squares + d * d) / sigma1)
    return pulled_back(cotangent, shape, *slopes)
