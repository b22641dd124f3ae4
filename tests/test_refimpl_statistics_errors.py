"""Bad input to the statistics and the decompositions: an error names the argument, what is required and what came."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from fiducial import refimpl


def number(value: float) -> numpy.ndarray:
    return numpy.asarray(value, dtype=numpy.float64)


ZERO, ONE, HALF = number(0), number(1), number(0.5)
COLUMN = numpy.asarray([0.0, 1.0, 1.0])
TABLE = numpy.asarray([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0]])
SQUARE = numpy.asarray([[2.0, 1.0], [1.0, 3.0]])
SINGULAR = numpy.asarray([[1.0, 2.0], [2.0, 4.0]])
NAN = numpy.asarray([[1.0, numpy.nan], [numpy.nan, 1.0]])

MOMENTS: list[tuple[Callable[[], Any], str]] = [
    (lambda: refimpl.variance(COLUMN[:0]), r"x must be a non-empty array, got \(0,\)"),
    (lambda: refimpl.variance(COLUMN, ddof=3), "x must be an array of at least 4 observations for ddof=3, got 3"),
    (lambda: refimpl.std(TABLE, axis=1, ddof=2), "x must be an array of at least 3 observations for ddof=2, got 2"),
    (lambda: refimpl.std(COLUMN, ddof=-1), "ddof must be an integer, at least 0, got -1"),
    (lambda: refimpl.std(COLUMN, ddof=0.5), "ddof must be an integer, at least 0, got 0.5"),  # type: ignore[arg-type]
    (lambda: refimpl.std(COLUMN, axis=1), r"axis must be in \[-1, 1\) .*got 1"),
    (lambda: refimpl.std_vjp(COLUMN, COLUMN), r"cotangent must be an array of shape \(\), got \(3,\)"),
    (lambda: refimpl.covariance(COLUMN), r"x must be an array \(observations, variables\), got \(3,\)"),
    (lambda: refimpl.covariance(TABLE[:1]), "x must be an array of at least 2 observations for ddof=1, got 1"),
    (lambda: refimpl.covariance_vjp(TABLE, TABLE), r"cotangent must be an array of shape \(2, 2\), got \(3, 2\)"),
    (lambda: refimpl.correlation(numpy.full((7, 2), 0.1)), "x must be an array of columns that vary, .*a constant col"),
]

DISTRIBUTIONS: list[tuple[Callable[[], Any], str]] = [
    (lambda: refimpl.bernoulli_pmf(ONE, number(1.5)), r"p must be in \[0, 1\], got 1.5"),
    (lambda: refimpl.bernoulli_entropy(number(-0.25)), r"p must be in \[0, 1\], got -0.25"),
    (lambda: refimpl.bernoulli_pmf(COLUMN, COLUMN[:2]), r"p must be .*broadcasts with \(3,\), got \(2,\)"),
    (lambda: refimpl.bernoulli_pmf_vjp(COLUMN, ONE, HALF), r"cotangent must be an array of shape \(\), got \(3,\)"),
    (lambda: refimpl.binomial_cdf(ONE, number(2.5), HALF), "n must be a whole number, at least 0, got 2.5"),
    (lambda: refimpl.binomial_mean(-ONE, HALF), "n must be a whole number, at least 0, got -1.0"),
    (lambda: refimpl.binomial_pmf(ONE, number(numpy.inf), HALF), "n must be a whole number, at least 0, got inf"),
    (lambda: refimpl.binomial_logsf(ONE, ONE, -HALF), r"p must be in \[0, 1\], got -0.5"),
    (lambda: refimpl.normal_pdf(ONE, ZERO, ZERO), "sigma must be positive, got 0.0"),
    (lambda: refimpl.normal_logcdf_vjp(ONE, ONE, ZERO, -ONE), "sigma must be positive, got -1.0"),
    (lambda: refimpl.normal_ppf(number(1.5), ZERO, ONE), r"q must be in \[0, 1\], got 1.5"),
    (lambda: refimpl.normal_kl(ZERO, ONE, ZERO, ZERO), "sigma1 must be positive, got 0.0"),
    (lambda: refimpl.bernoulli_sample(HALF, shape=(-1,), seed=0), "shape must be a tuple of integers, at least 0"),
    (lambda: refimpl.normal_sample(COLUMN, ONE, shape=(2,), seed=0), r"mu must be .*broadcasts with \(2,\), got \(3,"),
    (lambda: refimpl.normal_sample(COLUMN, ONE, shape=(1,), seed=0), r"mu must be .*broadcasts to \(1,\), got \(3,\)"),
    (lambda: refimpl.binomial_sample(ONE, HALF, shape=(), seed=-1), "seed must be an integer, at least 0, got -1"),
]

ESTIMATES: list[tuple[Callable[[], Any], str]] = [
    (lambda: refimpl.bernoulli_mle(COLUMN[:0]), r"sample must be a non-empty array \(N,\), got \(0,\)"),
    (lambda: refimpl.bernoulli_mle(2 * COLUMN), "sample must be 0 or 1, got 2.0"),
    (lambda: refimpl.binomial_mle(COLUMN, ZERO), "n must be a positive whole number, got 0.0"),
    (lambda: refimpl.binomial_mle(9 * COLUMN, number(4)), r"sample must be whole numbers in \[0, 4\], got 9.0"),
    (lambda: refimpl.binomial_mle(numpy.full(2, 0.5), number(4)), r"sample must be whole .*\[0, 4\], got 0.5"),
    (lambda: refimpl.normal_mle(TABLE), r"sample must be a non-empty array \(N,\), got \(3, 2\)"),
    (lambda: refimpl.normal_mle(NAN[0]), "sample must be finite, got nan"),
    (lambda: refimpl.bayes_posterior(-COLUMN, COLUMN), "prior must be at least 0, got -1.0"),
    (lambda: refimpl.bayes_posterior(COLUMN, -COLUMN), "likelihood must be at least 0, got -1.0"),
    (lambda: refimpl.bayes_posterior(COLUMN, 1 - COLUMN), "likelihood must be positive for some hypothesis of positiv"),
    (lambda: refimpl.bayes_posterior(COLUMN, COLUMN[:2]), r"likelihood must be an array of shape \(3,\), got \(2,\)"),
    (lambda: refimpl.beta_binomial_posterior(ZERO, ONE, COLUMN, ONE), "alpha must be positive, got 0.0"),
    (lambda: refimpl.beta_binomial_posterior(ONE, ONE, 5 * COLUMN, ONE), r"sample must be .*\[0, 1\], got 5.0"),
    (lambda: refimpl.normal_normal_posterior(ZERO, ONE, ZERO, COLUMN), "sigma must be positive, got 0.0"),
    (lambda: refimpl.normal_normal_posterior(COLUMN, ONE, ONE, COLUMN), r"mu0 must be an array of shape \(\), got"),
    (lambda: refimpl.autoregressive_logpdf(COLUMN, HALF, ONE), r"coefficients must be an array \(p,\), got \(\)"),
    (lambda: refimpl.autoregressive_logpdf(COLUMN, COLUMN, -ONE), "sigma must be positive, got -1.0"),
    (lambda: refimpl.least_squares(TABLE.T, COLUMN[:2]), r"X must be an array \(N, p\) with N >= p, got \(2, 3\)"),
    (lambda: refimpl.least_squares(TABLE, COLUMN[:2]), r"y must be an array of shape \(3,\), got \(2,\)"),
    (lambda: refimpl.least_squares(0 * TABLE, COLUMN), "X must be an array of linearly independent columns"),
    (lambda: refimpl.least_squares(NAN, COLUMN[:2]), "X must be finite, got nan"),
]

MATRICES: list[tuple[Callable[[], Any], str]] = [
    (lambda: refimpl.det(TABLE), r"a must be a square matrix \(n, n\), got \(3, 2\)"),
    (lambda: refimpl.trace(COLUMN), r"a must be a square matrix \(n, n\), got \(3,\)"),
    (lambda: refimpl.inverse(SINGULAR), "a must be a matrix with an inverse in this dtype, got 'a singular one'"),
    (lambda: refimpl.inverse(1e-320 * SQUARE), "a must be a matrix with an inverse in this dtype"),
    (lambda: refimpl.det_vjp(ONE, SINGULAR), "a must be a matrix with an inverse in this dtype"),
    (lambda: refimpl.solve(SINGULAR, COLUMN[:2]), "a must be a matrix with an inverse in this dtype"),
    (lambda: refimpl.solve(SQUARE, COLUMN), r"b must be an array \(2,\) or \(2, m\), got \(3,\)"),
    (lambda: refimpl.solve(NAN, COLUMN[:2]), "a must be finite, got nan"),
    (lambda: refimpl.eigh(SQUARE + [[0.0, 0.5], [0.0, 0.0]]), "a must be a symmetric matrix, got .* up to 0.5"),
    (lambda: refimpl.eigh(NAN), "a must be finite, got nan"),
    (
        lambda: refimpl.eigh_vjp((COLUMN[:2], SQUARE @ [[0.0, 1], [0, 1]]), numpy.eye(2)),
        "a must be .*distinct eigenval",
    ),
    (lambda: refimpl.eigh_vjp((COLUMN[:2],), SQUARE), "cotangent must be a tuple of 2 arrays"),  # type: ignore[arg-type]
    (lambda: refimpl.eig(TABLE), r"a must be a square matrix \(n, n\), got \(3, 2\)"),
    (lambda: refimpl.svd(COLUMN), r"a must be a matrix \(m, n\), got \(3,\)"),
    (
        lambda: refimpl.svd_vjp((TABLE[:2], COLUMN[:2], SQUARE), numpy.eye(2)),
        "a must be .*distinct singular",
    ),
    (lambda: refimpl.pca(TABLE[:0]), r"x must be a non-empty array \(observations, variables\), got \(0, 2\)"),
    (lambda: refimpl.pca(TABLE, n_components=3), r"n_components must be an integer in \[1, 2\] or None, got 3"),
    (lambda: refimpl.pca(TABLE[:1]), "x must be an array of at least 2 observations for ddof=1, got 1"),
    (
        lambda: refimpl.pca_vjp((TABLE[0], TABLE[:2], TABLE[0]), TABLE[:2]),
        "n_components must be below the number of observations, got 2",
    ),
]
CASES = MOMENTS + DISTRIBUTIONS + ESTIMATES + MATRICES


@pytest.mark.parametrize(("call", "message"), CASES, ids=[message for _, message in CASES])
def test_value_error(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_counts_and_samples_have_to_be_numbers() -> None:
    with pytest.raises(TypeError, match="k must be an array of dtype float or integer, got dtype bool"):
        refimpl.binomial_pmf(COLUMN > 0, ONE, HALF)
    with pytest.raises(TypeError, match="sample must be an array of dtype float, got list"):
        refimpl.normal_mle([1.0])


def test_repeated_values_are_allowed_where_their_vectors_do_not_count() -> None:
    identity, none = numpy.eye(2), numpy.zeros((2, 2))
    assert refimpl.eigh_vjp((numpy.ones(2), none), identity).tolist() == identity.tolist()
    assert refimpl.svd_vjp((none, numpy.ones(2), none), identity).tolist() == identity.tolist()
