"""Distributions by other routes: SciPy's special functions, Loader's saddle point, sums of probabilities in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from fiducial.conformance.mutants.different._tools import Function, in_float64, pairwise, widened
from fiducial.conformance.mutants.planted import DIFFERENT

CARELESS: dict[str, Any] = {"conventions": {"refuses": False}}  # leaves the domain to its caller, and says so
NARROWER = ("float32", "bfloat16", "float16")


def _bernoulli(at_zero: Any, at_one: Any) -> Any:
    def of(k: Any, p: Any) -> Any:
        k = np.asarray(k, p.dtype)
        return at_zero(p) * (k == 0) + at_one(p) * (k == 1) + 0 * k + 0 * p

    return of


DIFFERENT.enter("bernoulli_pmf", "powers", "p^k (1 - p)^(1 - k)", **CARELESS)(
    widened(lambda k, p: np.where((k == 0) | (k == 1) | np.isnan(k), p**k * (1 - p) ** (1 - k), 0 * p))
)
DIFFERENT.enter("bernoulli_pmf", "indicators", "a sum of the two cases", **CARELESS)(
    widened(_bernoulli(lambda p: 1 - p, lambda p: p))
)
DIFFERENT.enter("bernoulli_entropy", "entr", "SciPy's -x log x of both probabilities", **CARELESS)(
    in_float64(lambda p: np.where((p < 0) | (p > 1), np.nan, special.entr(p) - special.xlog1py(1 - p, -p)))
)
DIFFERENT.enter("binomial_variance", "other order", "n (1 - p) p", **CARELESS)(widened(lambda n, p: (1 - p) * p * n))
DIFFERENT.enter("binomial_skewness", "inverse of the root", "(1 - 2 p) times the inverse root", **CARELESS)(
    widened(lambda n, p: (0.5 - p) * 2 * (1 / np.sqrt(n * (p * (1 - p)))))
)


def _deviance(x: Any, mean: Any) -> Any:
    """x log(x / mean) + mean - x without cancellation (Loader 2000, bd0)."""
    v = (x - mean) / (x + mean)
    series, term = (x - mean) * v, 2 * x * v
    for j in range(1, 60):
        term = term * v * v
        series = series + term / (2 * j + 1)
    plain = special.xlogy(x, x / mean) + mean - x
    return np.where(np.abs(v) < 0.3, series, plain)


def _stirling_error(n: Any) -> Any:
    """log n! - log(sqrt(2 pi n) (n / e)^n)."""
    m = np.maximum(n, 1)
    tables = [
        math.lgamma(k + 1) - (k + 0.5) * math.log(k) + k - 0.5 * math.log(2 * math.pi) if k else 0 for k in range(16)
    ]
    q = 1 / (m * m)
    tail = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - q / 1188) * q) * q) * q) / m
    return np.where(n < 16, np.asarray(tables)[np.minimum(m, 15).astype(int)], tail)


def _saddle(k: Any, n: Any, p: Any) -> Any:
    """log of the binomial probability by Loader's saddle point expansion."""
    inside = (k > 0) & (k < n) & (p > 0) & (p < 1)
    a, b, s = np.where(inside, k, 1.0), np.where(inside, n, 2.0), np.where(inside, p, 0.5)
    errors = _stirling_error(b) - _stirling_error(a) - _stirling_error(b - a)
    within = errors - _deviance(a, b * s) - _deviance(b - a, b * (1 - s)) - 0.5 * np.log(2 * np.pi * a * (b - a) / b)
    edge = special.xlogy(k, p) + special.xlog1py(n - k, -p)  # at k = 0 and k = n, and where p is 0 or 1
    possible = (k >= 0) & (k <= n) & (k == np.floor(k))
    value = np.where(possible, np.where(inside, within, edge), -np.inf)
    return np.where(np.isnan(k) | np.isnan(p), np.nan, value)


def _broadcast(function: Any) -> Any:
    return in_float64(lambda k, n, p: function(*np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (k, n, p)))))


DIFFERENT.enter("binomial_logpmf", "saddle point", "Loader's expansion, as R's dbinom", **CARELESS)(_broadcast(_saddle))
DIFFERENT.enter("binomial_pmf", "saddle point", "Loader's expansion, as R's dbinom", **CARELESS)(
    _broadcast(lambda k, n, p: np.exp(_saddle(k, n, p)))
)


def _summed(upper: bool) -> Any:
    """The tail as a sum of exact integers' quotients, in float64: terms of one sign, the smallest first."""

    def one(k: float, n: float, p: float) -> float:
        if math.isnan(k) or math.isnan(p):
            return math.nan
        first, last = (math.floor(k) + 1, int(n)) if upper else (0, min(math.floor(k), int(n)))
        terms = _saddle(np.arange(max(first, 0), last + 1.0), np.float64(n), np.float64(p))
        return math.fsum(np.exp(terms))

    return _broadcast(lambda k, n, p: np.asarray(np.frompyfunc(one, 3, 1)(k, n, p), dtype=np.float64))


DIFFERENT.enter("binomial_cdf", "summed", "the sum of the probabilities up to k", **CARELESS, dtypes=NARROWER)(
    _summed(False)
)
DIFFERENT.enter("binomial_sf", "summed", "the sum of the probabilities beyond k", **CARELESS, dtypes=NARROWER)(
    _summed(True)
)


def _z(x: Any, mu: Any, sigma: Any) -> Any:
    return np.where(sigma > 0, (x - mu) / sigma, np.nan)


NORMAL: dict[str, tuple[str, str, Function]] = {
    "normal_cdf": ("ndtr", "SciPy's ndtr", lambda x, mu, sigma: special.ndtr(_z(x, mu, sigma))),
    "normal_sf": ("ndtr", "SciPy's ndtr of -z", lambda x, mu, sigma: special.ndtr(-_z(x, mu, sigma))),
    "normal_logcdf": ("log_ndtr", "SciPy's log_ndtr", lambda x, mu, sigma: special.log_ndtr(_z(x, mu, sigma))),
    "normal_logsf": ("log_ndtr", "SciPy's log_ndtr", lambda x, mu, sigma: special.log_ndtr(-_z(x, mu, sigma))),
    "normal_ppf": ("erfcinv", "-sqrt(2) erfcinv(2 q)",
                   lambda q, mu, sigma: mu - sigma * math.sqrt(2) * special.erfcinv(2 * q)),
    "normal_pdf": ("one exponential", "exp(-z^2 / 2) / (sigma sqrt(2 pi))",
                   lambda x, mu, sigma: np.exp(-(_z(x, mu, sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi))),
    "normal_logpdf": ("one logarithm", "-(log(2 pi sigma^2) + z^2) / 2",
                      lambda x, mu, sigma: -(np.log(2 * math.pi * sigma * sigma) + _z(x, mu, sigma) ** 2) / 2),
    "normal_entropy": ("one logarithm", "log(2 pi e sigma^2) / 2",
                       lambda mu, sigma: np.log(2 * math.pi * math.e * sigma * sigma) / 2 + np.zeros_like(mu)),
    "normal_kl": ("quotients", "(r - 1 - log r + d^2) / 2 for r = (sigma0 / sigma1)^2",
                  lambda a, s, b, t: ((s / t) ** 2 - 1 - 2 * np.log(s / t) + ((a - b) / t) ** 2) / 2),
}  # fmt: skip
for _operation, (_name, _what, _function) in NORMAL.items():
    DIFFERENT.enter(_operation, f"{_name} in float64", _what, **CARELESS, dtypes=NARROWER)(in_float64(_function))
DIFFERENT.enter("normal_logpdf", "one logarithm", NORMAL["normal_logpdf"][1], **CARELESS)(
    widened(NORMAL["normal_logpdf"][2])
)


@DIFFERENT.enter(
    "bayes_posterior", "normalised prior first", "prior over its sum, likelihood over its greatest", **CARELESS
)
@widened
def bayes_posterior(prior: Any, likelihood: Any) -> Any:
    joint = np.where((prior == 0) | (likelihood == 0), 0, prior / prior.sum() * (likelihood / likelihood.max()))
    return joint / pairwise(joint[None])[0]


@DIFFERENT.enter("normal_normal_posterior", "precisions", "the mean weighted by precisions", **CARELESS)
@widened
def normal_normal_posterior(mu0: Any, sigma0: Any, sigma: Any, sample: Any) -> Any:
    a, b = 1 / (sigma0 * sigma0), sample.size / (sigma * sigma)
    total = sample.sum() / (sigma * sigma)
    return (a * mu0 + total) / (a + b), 1 / np.sqrt(a + b)


@DIFFERENT.enter(
    "autoregressive_logpdf", "term by term", "each step's density, past values from the nearest", **CARELESS
)
@widened
def autoregressive_logpdf(x: Any, coefficients: Any, sigma: Any) -> Any:
    terms = []
    for t in range(len(x)):
        rest = x[t]
        for i, a in enumerate(coefficients[:t]):
            rest = rest - a * x[t - 1 - i]
        terms.append(-((rest / sigma) ** 2) / 2 - np.log(sigma * np.sqrt(x.dtype.type(2 * np.pi))))
    return pairwise(np.asarray(terms, x.dtype)[None])[0]
