"""Maximum-likelihood estimates from a sample of shape (N,).

They are of rank 0 and have the dtype of the sample. Every function raises ValueError for a sample that is empty, holds
NaN or values that the distribution does not take, naming the argument.
Source: Bishop, *Pattern Recognition and Machine Learning* (2006), sections 1.2.4 and 2.1.
"""

from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, FloatOrIntegerArray, operation, require, require_shape
from fiducial.refimpl._distributions import require_all
from fiducial.refimpl.moments import centred


def _check(sample: Any) -> None:
    require(sample.ndim == 1 and sample.shape[0] > 0, "sample", "a non-empty array (N,)", tuple(sample.shape))


def trials(n: Any, sample: Any) -> Any:
    """The number of trials with the dtype of the sample, of which every entry is a whole number in [0, n]."""
    require_shape("n", n, ())
    xp = array_namespace(sample)
    n = xp.astype(n, sample.dtype)
    require_all((n > 0) & xp.isfinite(n) & (n == xp.floor(n)), "n", "a positive whole number", n)
    fits = (sample >= 0) & (sample <= n) & (sample == xp.floor(sample))
    require_all(fits, "sample", f"whole numbers in [0, {int(n)}]", sample)
    return n


@operation
def bernoulli_mle(sample: Array) -> Array:
    """p = the mean of a sample of 0 and 1."""
    _check(sample)
    require_all((sample == 0) | (sample == 1), "sample", "0 or 1", sample)
    return array_namespace(sample).mean(sample)


@operation
def binomial_mle(sample: Array, n: FloatOrIntegerArray) -> Array:
    """p = the mean of the sample over n, for counts among n trials each; n is a number or an array of rank 0."""
    _check(sample)
    n = trials(n, sample)
    return array_namespace(sample).mean(sample) / n


@operation
def normal_mle(sample: Array) -> tuple[Array, Array]:
    """mu = the mean, and sigma^2 = the mean of (x - mu)^2: the variance with ddof 0, in the squared unit."""
    _check(sample)
    xp = array_namespace(sample)
    require_all(xp.isfinite(sample), "sample", "finite", sample)
    difference, mean = centred(sample, (0,))
    return xp.reshape(mean, ()), xp.mean(difference * difference)
