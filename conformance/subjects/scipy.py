"""SciPy: scipy.stats, scipy.linalg and scipy.special; no gradients.

The distributions compute and return float64 whatever the inputs' dtype, so other dtypes are reported as unsupported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
from scipy import linalg, special
from scipy.stats import bernoulli, binom
from scipy.stats import norm as normal

name = "scipy"
version = scipy.__version__
dtypes = ("float64", "float32")


def _in_float64(function: Callable[..., Any]) -> Callable[..., Any]:
    def computed(*inputs: Any) -> Any:
        if any(np.asarray(a).dtype != np.float64 for a in inputs):
            raise NotImplementedError("SciPy's distributions compute and return float64, whatever the inputs' dtype")
        return function(*inputs)

    return computed


def _skewness(n: Any, p: Any) -> Any:
    return binom.stats(n, p, moments="s")


# --- distributions ---

bernoulli_pmf, bernoulli_logpmf, bernoulli_cdf = map(_in_float64, (bernoulli.pmf, bernoulli.logpmf, bernoulli.cdf))
bernoulli_mean, bernoulli_variance = map(_in_float64, (bernoulli.mean, bernoulli.var))
bernoulli_entropy = _in_float64(bernoulli.entropy)

binomial_pmf, binomial_logpmf = map(_in_float64, (binom.pmf, binom.logpmf))
binomial_cdf, binomial_sf = map(_in_float64, (binom.cdf, binom.sf))
binomial_logcdf, binomial_logsf = map(_in_float64, (binom.logcdf, binom.logsf))
binomial_mean, binomial_variance, binomial_skewness = map(_in_float64, (binom.mean, binom.var, _skewness))

normal_pdf, normal_logpdf = map(_in_float64, (normal.pdf, normal.logpdf))
normal_cdf, normal_sf, normal_ppf = map(_in_float64, (normal.cdf, normal.sf, normal.ppf))
normal_logcdf, normal_logsf = map(_in_float64, (normal.logcdf, normal.logsf))
normal_entropy = _in_float64(normal.entropy)


def bernoulli_sample(p: Any, *, shape: Any, seed: int) -> Any:
    return bernoulli.rvs(p, size=shape, random_state=seed)


def binomial_sample(n: Any, p: Any, *, shape: Any, seed: int) -> Any:
    return binom.rvs(np.asarray(n).astype(np.int64), p, size=shape, random_state=seed)


def normal_sample(mu: Any, sigma: Any, *, shape: Any, seed: int) -> Any:
    if np.asarray(mu).dtype != np.float64:
        raise NotImplementedError("SciPy draws normal numbers in float64")
    return normal.rvs(mu, sigma, size=shape, random_state=seed)


# --- linear algebra ---


def eigh(a: Any) -> Any:
    return linalg.eigh(a)


def eig(a: Any) -> Any:
    return linalg.eig(a)


def svd(a: Any) -> Any:
    return linalg.svd(a, full_matrices=False)


def det(a: Any) -> Any:
    if a.dtype != np.float64:
        raise NotImplementedError("scipy.linalg.det returns float64, whatever the matrix's dtype")
    return linalg.det(a)


def inverse(a: Any) -> Any:
    return linalg.inv(a)


def solve(a: Any, b: Any) -> Any:
    return linalg.solve(a, b)


def least_squares(X: Any, y: Any) -> Any:
    return linalg.lstsq(X, y)[0]


def norm(x: Any, *, axis: int = -1) -> Any:
    return linalg.norm(x, axis=axis, check_finite=False)


# --- special functions ---

sigmoid, log_sigmoid = special.expit, special.log_expit


def softplus(x: Any) -> Any:
    return special.softplus(x)


def _over_last_axis(function: Callable[..., Any]) -> Callable[..., Any]:
    def over(x: Any, *, axis: int = -1) -> Any:
        return function(x, axis=axis)

    return over


logsumexp, softmax, log_softmax = map(_over_last_axis, (special.logsumexp, special.softmax, special.log_softmax))


# Not here, because SciPy owns no such function under this contract: the normal divergence; estimates of a probability
# or a variance (`norm.fit` gives the standard deviation); posteriors; trace and PCA; softplus with another beta.
