"""The formulas of statistics, as textbooks print them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from confirm.numbers import DIGITS, Array, each, exp, log, mp, mpf, ncdf, sqrt, times_log, total

# --- normal ---


def normal_pdf(x: Array, mu: Array, sigma: Array) -> Array:
    return exp(-(((x - mu) / sigma) ** 2) / 2) / (sigma * mp.sqrt(2 * mp.pi))


def normal_logpdf(x: Array, mu: Array, sigma: Array) -> Array:
    return -(((x - mu) / sigma) ** 2) / 2 - log(sigma) - mp.log(2 * mp.pi) / 2


def normal_cdf(x: Array, mu: Array, sigma: Array) -> Array:
    return ncdf((x - mu) / sigma)


def normal_sf(x: Array, mu: Array, sigma: Array) -> Array:
    return ncdf((mu - x) / sigma)


def normal_logcdf(x: Array, mu: Array, sigma: Array) -> Array:
    return log(normal_cdf(x, mu, sigma))


def normal_logsf(x: Array, mu: Array, sigma: Array) -> Array:
    return log(normal_sf(x, mu, sigma))


def normal_ppf(q: Array, mu: Array, sigma: Array) -> Array:
    return mu + sigma * each(_quantile)(q)


def _quantile(q: Any) -> Any:
    """The z with ncdf(z) = q, by Newton's method on log ncdf from the smaller tail."""
    low = min(q, 1 - q)
    z = -mp.sqrt(-2 * mp.log(low)) if low < 0.3 else mpf(0)
    for _ in range(40):
        p = mp.erfc(-z / mp.sqrt(2)) / 2
        move = (mp.log(p) - mp.log(low)) * p * mp.sqrt(2 * mp.pi) * mp.exp(z * z / 2)
        z -= move
        if abs(move) < mpf(10) ** -400:
            break
    return z if q < 0.5 else -z


def normal_entropy(mu: Array, sigma: Array) -> Array:
    return mp.log(2 * mp.pi * mp.e) / 2 + log(sigma) + 0 * mu


def normal_kl(mu0: Array, sigma0: Array, mu1: Array, sigma1: Array) -> Array:
    return log(sigma1 / sigma0) + (sigma0**2 + (mu0 - mu1) ** 2) / (2 * sigma1**2) - mpf(1) / 2


# --- Bernoulli and binomial ---


def binomial_pmf(k: Array, n: Array, p: Array) -> Array:
    return np.frompyfunc(_pmf, 3, 1)(k, n, p)


def _pmf(k: Any, n: Any, p: Any) -> Any:
    if k < 0 or k > n:
        return mpf(0)
    return math.comb(int(n), int(k)) * p ** int(k) * (1 - p) ** int(n - k)


def _between(first: int, last: int, n: Any, p: Any) -> Any:
    """The probability of all counts from the first to the last: each term from the one before."""
    term = added = _pmf(first, n, p)
    for k in range(first, last):
        term = term * (n - k) / (k + 1) * p / (1 - p)
        added += term
        if term * n < added * mpf(10) ** -DIGITS:  # the logarithms of the terms are concave: no later one is larger
            break
    return added


def binomial_logpmf(k: Array, n: Array, p: Array) -> Array:
    return each(lambda v: mp.log(v) if v else -mp.inf)(binomial_pmf(k, n, p))


def binomial_cdf(k: Array, n: Array, p: Array) -> Array:
    upto = lambda k, n, p: _between(0, int(mp.floor(k)), n, p) if k >= 0 else mpf(0)  # noqa: E731
    return np.frompyfunc(upto, 3, 1)(k, n, p)


def binomial_sf(k: Array, n: Array, p: Array) -> Array:
    beyond = lambda k, n, p: _between(max(int(mp.floor(k)) + 1, 0), int(n), n, p) if k < n else mpf(0)  # noqa: E731
    return np.frompyfunc(beyond, 3, 1)(k, n, p)


def binomial_logcdf(k: Array, n: Array, p: Array) -> Array:
    return log(binomial_cdf(k, n, p))


def binomial_logsf(k: Array, n: Array, p: Array) -> Array:
    return log(binomial_sf(k, n, p))


def binomial_variance(n: Array, p: Array) -> Array:
    return n * p * (1 - p)


def binomial_skewness(n: Array, p: Array) -> Array:
    return (1 - 2 * p) / sqrt(n * p * (1 - p))


def bernoulli_pmf(k: Array, p: Array) -> Array:
    return binomial_pmf(k, 0 * p + 1, p)


def bernoulli_logpmf(k: Array, p: Array) -> Array:
    return binomial_logpmf(k, 0 * p + 1, p)


def bernoulli_cdf(k: Array, p: Array) -> Array:
    return binomial_cdf(k, 0 * p + 1, p)


def bernoulli_mean(p: Array) -> Array:
    return 1 * p


def bernoulli_variance(p: Array) -> Array:
    return p * (1 - p)


def bernoulli_entropy(p: Array) -> Array:
    return -times_log(p, p) - times_log(1 - p, 1 - p)


# --- moments ---


def _centred(x: Array, axis: Any) -> tuple[Array, int]:
    summed = total(x, axis, keepdims=True)
    count = x.size // np.size(summed)
    return x - summed / mpf(count), count


def variance(x: Array, *, axis: Any = None, ddof: int = 0) -> Array:
    centred, count = _centred(x, axis)
    return total(centred**2, axis) / mpf(count - ddof)


def std(x: Array, *, axis: Any = None, ddof: int = 0) -> Array:
    return sqrt(variance(x, axis=axis, ddof=ddof))


def covariance(x: Array, *, ddof: int = 1) -> Array:
    centred, count = _centred(x, 0)
    return centred.T @ centred / mpf(count - ddof)


def correlation(x: Array, *, ddof: int = 1) -> Array:
    shared = covariance(x)
    lengths = sqrt(np.diagonal(shared))
    return shared / np.outer(lengths, lengths)
