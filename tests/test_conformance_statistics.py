"""What statistics libraries got wrong is found; what they may do differently is not accused."""

import numpy as np
import pytest
from scipy import special

from fiducial import refimpl
from fiducial.conformance import Deviation, check

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the suite gives them infinities and NaN


def log_of_the_cdf(x, mu, sigma):
    with np.errstate(all="ignore"):
        return np.log(special.ndtr((x - mu) / sigma)).astype(x.dtype)


def cdf_by_erf(x, mu, sigma):
    return ((1 + special.erf((x - mu) / (sigma * np.sqrt(2.0)))) / 2).astype(x.dtype)


def _logpmf(k, n, p, q):
    choose = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    with np.errstate(all="ignore"):
        inside = choose + k * np.log(p) + (n - k) * np.log1p(-q)
    return np.where((k < 0) | (k > n), -np.inf, inside).astype(p.dtype)


def zero_times_log_of_zero(k, n, p):
    return _logpmf(k, n, p, p)


def clipped_probability(k, n, p):
    clipped = np.clip(p, np.finfo(p.dtype).eps, 1 - np.finfo(p.dtype).eps)
    return _logpmf(k, n, clipped, clipped)


def tail_as_a_difference(k, n, p):
    return (1 - refimpl.binomial_cdf(k, n, p)).astype(p.dtype)


def forgotten_ddof(x, *, axis=None, ddof=0):
    return np.asarray(x.var(axis=axis), dtype=x.dtype)


def one_pass(x, *, axis=None, ddof=0):
    count = x.size if axis is None else np.prod([x.shape[a] for a in np.atleast_1d(axis)])
    mean, squares = x.sum(axis=axis) / count, (x * x).sum(axis=axis) / count
    return np.asarray((squares - mean * mean) * count / (count - ddof), dtype=x.dtype)


def flat_prior(prior, likelihood):
    return likelihood / likelihood.sum()


def rows_of_eigenvectors(x, *, n_components=None, ddof=1):
    mean = x.mean(axis=0)
    w, v = np.linalg.eigh(np.cov(x, rowvar=False, ddof=ddof).reshape(x.shape[1], x.shape[1]))
    order = np.argsort(w)[::-1][:n_components]
    return mean, v[order].astype(x.dtype), np.maximum(w[order], 0).astype(x.dtype)


def finite_everywhere(x, mu, sigma):
    return refimpl.normal_logpdf(x, mu, np.maximum(sigma, x.dtype.type(1e-6)))


WRONG = [
    (log_of_the_cdf, "normal_logcdf"),  # stan-dev/stan#1424
    (cdf_by_erf, "normal_cdf"),  # pytorch/pytorch#192295
    (zero_times_log_of_zero, "binomial_logpmf"),  # stan-dev/math#1986
    (clipped_probability, "binomial_logpmf"),  # pytorch/pytorch#186825
    (tail_as_a_difference, "binomial_sf"),
    (forgotten_ddof, "variance"),
    (flat_prior, "bayes_posterior"),
    (rows_of_eigenvectors, "pca"),  # rasbt/mlxtend#476
    (finite_everywhere, "normal_logpdf"),  # sigma = 0 has no density
]


@pytest.mark.parametrize(("wrong", "operation"), WRONG, ids=lambda v: v if isinstance(v, str) else v.__name__)
def test_it_is_found(wrong, operation):
    with pytest.raises(Deviation, match=operation):
        check(wrong, operation, dtypes=["float64"])


def test_variance_in_one_pass_is_found_by_the_data_of_nist():
    with pytest.raises(Deviation, match="variance|std"):
        check(lambda x, *, axis=None, ddof=0: np.sqrt(one_pass(x, axis=axis, ddof=ddof)), "std", dtypes=["float64"])


def right_and_different_variance(x, *, axis=None, ddof=0):
    """In float64, rounded once."""
    return np.asarray(x.astype(np.float64).var(axis=axis, ddof=ddof)).astype(x.dtype)


def right_and_different_logcdf(x, mu, sigma):
    """It does not look at sigma, and says so."""
    return special.log_ndtr((x.astype(np.float64) - mu) / sigma).astype(x.dtype)


def right_and_different_posterior(prior, likelihood):
    logs = np.log(prior.astype(np.float64)) + np.log(likelihood.astype(np.float64))
    weights = np.exp(logs - logs.max())
    return (weights / weights.sum()).astype(prior.dtype)


@pytest.mark.parametrize(
    ("right", "operation"),
    [
        (right_and_different_variance, "variance"),
        (right_and_different_logcdf, "normal_logcdf"),
        (right_and_different_posterior, "bayes_posterior"),
    ],
    ids=lambda v: v if isinstance(v, str) else v.__name__,
)
def test_another_right_way_is_not_accused(right, operation):
    declared = {"normal_logcdf": {"refuses": False}}
    assert check(right, operation, dtypes=["float32"], profile="full", conventions=declared)


def test_only_an_error_or_nan_is_a_refusal():
    def nothing(x, mu, sigma):
        return None if np.any(sigma <= 0) else refimpl.normal_logpdf(x, mu, sigma)

    with pytest.raises(Deviation, match="returned None"):
        check(nothing, "normal_logpdf", dtypes=["float64"])


def test_what_is_not_refused_is_found_unless_it_is_declared():
    with pytest.raises(Deviation, match="outside the domain"):
        check(right_and_different_logcdf, "normal_logcdf", dtypes=["float32"])
