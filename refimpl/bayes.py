"""Posterior distributions: of finitely many hypotheses, and of the conjugate pairs, with their products.

Every function raises ValueError for shapes that do not fit and for arguments outside their range, naming the argument.
Source: Bishop, *Pattern Recognition and Machine Learning* (2006), sections 1.2.3, 2.1.1 and 2.3.6.
"""

from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, FloatOrIntegerArray, operation, require, require_shape
from fiducial.refimpl._distributions import require_all, require_cotangents, require_positive
from fiducial.refimpl._shapes import copy
from fiducial.refimpl.estimation import trials


def _joint(prior: Any, likelihood: Any) -> tuple[Any, Any, Any, Any]:
    """The joint probabilities over their sum, and factors a, b of the joint and their scales: each is at most 1 where
    the other counts, so that a product of small numbers does not underflow."""
    require(prior.ndim == 1 and prior.shape[0] > 0, "prior", "a non-empty array (K,)", tuple(prior.shape))
    require_shape("likelihood", likelihood, prior.shape)
    require_all(~(prior < 0), "prior", "at least 0", prior)
    require_all(~(likelihood < 0), "likelihood", "at least 0", likelihood)
    xp = array_namespace(prior, likelihood)
    counts = (prior != 0) & (likelihood != 0)
    possible = xp.any(counts)
    require(possible, "likelihood", "positive for some hypothesis of positive prior", "evidence 0")
    scales = [xp.max(xp.where(counts, x, 0.0)) for x in (prior, likelihood)]
    a, b = prior / scales[0], likelihood / scales[1]
    joint = xp.where(counts, a * b, 0.0)
    evidence = xp.sum(joint)
    return joint / evidence, a / evidence, b / evidence, scales


@operation
def bayes_posterior(prior: Array, likelihood: Array) -> Array:
    """prior likelihood / sum (prior likelihood) for K hypotheses, each (K,); the prior need not sum to 1.

    Raises:
        ValueError: an entry is negative, or the evidence, which is the sum, is 0.
    """
    return _joint(prior, likelihood)[0]


@operation
def bayes_posterior_vjp(cotangent: Array, prior: Array, likelihood: Array) -> tuple[Array, Array]:
    """dprior = likelihood / evidence (c - sum c posterior), dlikelihood = prior / evidence (c - sum c posterior)."""
    require_shape("cotangent", cotangent, prior.shape)
    posterior, a, b, (prior_scale, likelihood_scale) = _joint(prior, likelihood)
    # The sum of c_j - c_k over k keeps its relative accuracy where one posterior rounds to 1.
    surplus = array_namespace(cotangent).sum((cotangent[:, None] - cotangent) * posterior, axis=1)
    return surplus * b / prior_scale, surplus * a / likelihood_scale


def _counts(alpha: Any, beta: Any, sample: Any, n: Any) -> tuple[Any, Any]:
    for name, parameter in (("alpha", alpha), ("beta", beta)):
        require_shape(name, parameter, ())
        require_positive(name, parameter)
    require(sample.ndim == 1, "sample", "an array (N,)", tuple(sample.shape))
    xp = array_namespace(alpha, sample)
    sample = xp.astype(sample, alpha.dtype)
    n = trials(n, sample)
    return xp.sum(sample), xp.sum(n - sample)


@operation
def beta_binomial_posterior(
    alpha: Array, beta: Array, sample: FloatOrIntegerArray, n: FloatOrIntegerArray
) -> tuple[Array, Array]:
    """alpha + sum k and beta + sum (n - k): the beta distribution of p after the counts k among n trials each.

    alpha, beta and n are of rank 0, the sample is (N,); it may be empty.
    """
    successes, failures = _counts(alpha, beta, sample, n)
    return alpha + successes, beta + failures


@operation
def beta_binomial_posterior_vjp(
    cotangent: tuple[Array, Array], alpha: Array, beta: Array, sample: FloatOrIntegerArray, n: FloatOrIntegerArray
) -> tuple[Array, Array]:
    """dalpha and dbeta are the cotangents of the two outputs."""
    _counts(alpha, beta, sample, n)
    require_cotangents(cotangent, (), ())
    return copy(cotangent[0]), copy(cotangent[1])


def _shares(mu0: Any, sigma0: Any, sigma: Any, sample: Any) -> tuple[Any, Any, Any]:
    """s = sigma / h and s0 = sigma0 / h for h^2 = sigma^2 + N sigma0^2, and h."""
    for name, parameter in (("mu0", mu0), ("sigma0", sigma0), ("sigma", sigma)):
        require_shape(name, parameter, ())
    require_positive("sigma0", sigma0)
    require_positive("sigma", sigma)
    require(sample.ndim == 1, "sample", "an array (N,)", tuple(sample.shape))
    xp = array_namespace(mu0, sample)
    # Scaled by the larger of the two, so that the squares do not overflow.
    scale = xp.maximum(sigma0, sigma)
    h = scale * xp.sqrt((sigma / scale) ** 2 + sample.shape[0] * (sigma0 / scale) ** 2)
    return sigma / h, sigma0 / h, h


@operation
def normal_normal_posterior(mu0: Array, sigma0: Array, sigma: Array, sample: Array) -> tuple[Array, Array]:
    """The mean and the standard deviation of mu ~ N(mu0, sigma0^2) after a sample (N,) from N(mu, sigma^2).

    (mu0 sigma^2 + sigma0^2 sum x) / (sigma^2 + N sigma0^2) and sigma0 sigma / sqrt(sigma^2 + N sigma0^2), of rank 0 as
    mu0, sigma0 and sigma; all in the unit of x. The sample may be empty.
    """
    s, s0, _ = _shares(mu0, sigma0, sigma, sample)
    return s * s * mu0 + s0 * s0 * array_namespace(sample).sum(sample), s * sigma0


@operation
def normal_normal_posterior_vjp(
    cotangent: tuple[Array, Array], mu0: Array, sigma0: Array, sigma: Array, sample: Array
) -> tuple[Array, Array, Array]:
    """With h^2 = sigma^2 + N sigma0^2, s = sigma / h, s0 = sigma0 / h and d = sum (x - mu0): dmu0 = s^2,
    dsigma0 = 2 s0 s^2 d / h for the mean and s^3 for the deviation, dsigma = -2 s s0^2 d / h and N s0^3."""
    s, s0, h = _shares(mu0, sigma0, sigma, sample)
    require_cotangents(cotangent, (), ())
    mean, deviation = cotangent
    pull = 2 * mean * array_namespace(sample).sum(sample - mu0) / h
    dsigma0 = pull * s0 * s * s + deviation * s**3
    dsigma = -pull * s * s0 * s0 + deviation * (sample.shape[0] * s0**3)
    return mean * s * s, dsigma0, dsigma
