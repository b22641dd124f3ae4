"""Faults of statistics: tails, certain events, components in another order, sums that stall."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import widened


@REPORTED.enter(
    "normal_logcdf",
    "STAT-01",
    "the logarithm of the distribution function, which underflows in the lower tail",
    report="stan-dev/stan#1424, FBruzzesi/polars-stats#37",
    cause="overflow",
)
@widened
def log_of_cdf(x: Any, mu: Any, sigma: Any) -> Any:
    cdf = RIGHT.normal_cdf(x, mu, sigma)
    return np.where(cdf == 0, np.log(cdf), RIGHT.normal_logcdf(x, mu, sigma))


@REPORTED.enter(
    "binomial_logpmf",
    "STAT-07",
    "0 log 0 is NaN: at k = n with p = 1, and at k = 0 with p = 0",
    report="stan-dev/math#1986",
    cause="overflow",
)
@widened
def zero_log_zero(k: Any, n: Any, p: Any) -> Any:
    naive = k * np.log(p) + (n - k) * np.log1p(-p)
    return np.where(np.isnan(naive), naive, RIGHT.binomial_logpmf(k, n, p)).astype(p.dtype)


@REPORTED.enter(
    "bernoulli_logpmf",
    "STAT-09",
    "the probability is clamped to [eps, 1 - eps]",
    report="pytorch/pytorch#186825",
    cause="clamped",
)
def clamped_probability(k: Any, p: Any) -> Any:
    RIGHT.bernoulli_logpmf(k, p)  # refuses what is no probability
    one = p.dtype.type(1)
    eps = np.nextafter(one, p.dtype.type(2)) - one
    return RIGHT.bernoulli_logpmf(k, np.clip(p, eps, one - eps).astype(p.dtype))


@REPORTED.enter(
    "pca",
    "STAT-13",
    "the eigenvectors are sorted by rows: v[order] in the place of v[:, order]",
    report="rasbt/mlxtend#476, agyorev/Eigenfaces#2",
    cause="transposed",
)
def rows_sorted(x: Any, *, n_components: Any = None, ddof: int = 1) -> Any:
    mean, components, variances = RIGHT.pca(x, n_components=n_components, ddof=ddof)
    d = x - mean
    w, v = np.linalg.eigh(d.T @ d)
    return mean, v[np.argsort(-w)].T[: len(components)], variances


@REPORTED.enter(
    "pca",
    "STAT-15",
    "the variances are reversed, the components are not",
    report="biocore/DEICODE#33",
    cause="order",
)
def variances_reversed(x: Any, **attributes: Any) -> Any:
    mean, components, variances = RIGHT.pca(x, **attributes)
    return mean, components, variances[::-1].copy()


def _rows(x: Any, axis: Any) -> Any:
    """x with the reduced axes as its last one."""
    over = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    kept = [a for a in range(x.ndim) if a not in {b % x.ndim for b in over}]
    last = [a for a in range(x.ndim) if a not in kept]
    return x.transpose(*kept, *last).reshape(*(x.shape[a] for a in kept), -1)


@REPORTED.enter(
    "variance",
    "STAT-17",
    "two batches are merged with the quotient of their counts as an integer, 0 where the second is larger",
    report="scikit-learn/scikit-learn#16448",
    cause="overflow",
)
@widened
def integer_quotient(x: Any, *, axis: Any = None, ddof: int = 0) -> Any:
    rows, right = _rows(x, axis), RIGHT.variance(x, axis=axis, ddof=ddof)
    n = rows.shape[-1]
    first, second = rows[..., : n // 3], rows[..., n // 3 :]
    if not first.shape[-1]:
        return right
    a, b = first.sum(axis=-1), second.sum(axis=-1)
    squares = sum(np.var(part, axis=-1) * part.shape[-1] for part in (first, second))
    quotient = np.asarray(first.shape[-1] // second.shape[-1], x.dtype)
    return (squares + quotient / n * (a / quotient - b) ** 2) / (n - ddof)


@REPORTED.enter(
    "batch_norm",
    "STAT-19",
    "the mean of a constant channel is dropped (in the report, of a standardised feature)",
    report="elixir-nx/scholar#363",
    cause="term",
)
@widened
def mean_dropped(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    over, shape = tuple(a for a in range(x.ndim) if a != 1), (-1, *(1,) * (x.ndim - 2))
    kept = gamma.reshape(shape) * (x / np.sqrt(np.asarray(eps, x.dtype))) + beta.reshape(shape)
    constant = np.ptp(x, axis=over, keepdims=True) == 0
    return np.where(constant, kept, RIGHT.batch_norm(x, gamma, beta, eps=eps))


@REPORTED.enter(
    "mean",
    "STAT-21",
    "float32 is added up one by one, and stalls at 2^24",
    report="numpy/numpy#22956, numpy/numpy#5681",
    cause="narrow",
    dtypes=("float32",),
)
@np.errstate(all="ignore")
def one_by_one(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    right, rows = RIGHT.mean(x, axis=axis, keepdims=keepdims), _rows(x, axis)
    if not rows.shape[-1]:
        return right
    total = np.cumsum(rows, axis=-1, dtype=x.dtype)[..., -1]
    return (total / np.asarray(rows.shape[-1], x.dtype)).reshape(right.shape)
