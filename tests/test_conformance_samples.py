"""Tests of samplers: a right one passes at every seed, wrong ones are found, and the probabilities are exact."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from fiducial.conformance import Deviation, check
from fiducial.conformance.levels import Plan, examine
from fiducial.conformance.samples import _binomial
from fiducial.conformance.subject import from_functions
from fiducial.spec.catalogue import CATALOGUE


def normal(mu, sigma, *, shape, seed):
    z = np.random.default_rng(seed).standard_normal(shape)
    return (mu.astype(float) + sigma.astype(float) * z).astype(mu.dtype)


def bernoulli(p, *, shape, seed):
    return (np.random.default_rng(seed).random(shape) < p.astype(float)).astype(p.dtype)


def binomial(n, p, *, shape, seed):
    return np.asarray(np.random.default_rng(seed).binomial(int(n), float(p), shape)).astype(p.dtype)


RIGHT = {"normal_sample": normal, "bernoulli_sample": bernoulli, "binomial_sample": binomial}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_sampler_is_never_accused(name):
    subject = from_functions({name: RIGHT[name]})
    for seed in range(5):
        result = examine(subject, CATALOGUE[name], "distribution", "float32", Plan(seed=seed))
        assert (result.outcome, result.vacuous) == ("tight", 0), result.message


def _variance_for_deviation(mu, sigma, *, shape, seed):
    return normal(mu, sigma**2, shape=shape, seed=seed)


def _uniform(mu, sigma, *, shape, seed):
    u = np.random.default_rng(seed).random(shape)
    return (mu + sigma * np.sqrt(12.0) * (u - 0.5)).astype(mu.dtype)


def _seed_ignored(mu, sigma, *, shape, seed):
    return normal(mu, sigma, shape=shape, seed=5)


def _in_order(mu, sigma, *, shape, seed):
    return np.sort(normal(mu, sigma, shape=shape, seed=seed).reshape(-1)).reshape(shape)


def _each_twice(mu, sigma, *, shape, seed):
    return np.repeat(normal(mu, sigma, shape=(int(np.prod(shape) + 1) // 2,), seed=seed), 2)[: int(np.prod(shape))]\
        .reshape(shape)  # fmt: skip


_state = np.random.default_rng(0)


def _global_state(mu, sigma, *, shape, seed):
    return (mu + sigma * _state.standard_normal(shape)).astype(mu.dtype)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (_variance_for_deviation, "variance"),
        (_uniform, "distribution"),
        (_seed_ignored, "two seeds"),
        (_in_order, "neighbours|halves"),
        (_each_twice, "neighbours"),
        (_global_state, "the same seed gave another"),
    ],
)
def test_a_wrong_normal_sampler_is_found(wrong, told):
    with pytest.raises(Deviation, match=told):
        check(wrong, "normal_sample", dtypes=["float64"])


def test_wrong_counts_are_found():
    with pytest.raises(Deviation, match="mean|how often"):
        check(lambda p, *, shape, seed: bernoulli(p**1.1, shape=shape, seed=seed).astype(p.dtype), "bernoulli_sample")
    with pytest.raises(Deviation, match="must always give"):
        check(lambda p, *, shape, seed: bernoulli(p.clip(1e-2, 0.99), shape=shape, seed=seed).astype(p.dtype),
              "bernoulli_sample")  # fmt: skip
    with pytest.raises(Deviation, match="mean|how often|outside|must always give"):
        check(lambda n, p, *, shape, seed: binomial(n + 1, p, shape=shape, seed=seed), "binomial_sample")

    def by_normal_approximation(n, p, *, shape, seed):
        mean, deviation = float(n * p), float(np.sqrt(n * p * (1 - p)))
        drawn = np.round(np.random.default_rng(seed).normal(mean, deviation, shape))
        return drawn.clip(0, float(n)).astype(p.dtype)

    with pytest.raises(Deviation, match="how often|mean"):
        check(by_normal_approximation, "binomial_sample")


def test_the_probability_of_a_count_is_exact():
    n, p = 12, Fraction(3, 8)
    mass = [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    for k in range(n + 1):
        exact = min(Fraction(1), 2 * min(sum(mass[: k + 1]), sum(mass[k:])))
        assert 0 <= _binomial(k, n, float(p)) - float(exact) <= 2.0**-50 * float(exact)
