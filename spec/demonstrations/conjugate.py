"""Conjugate posteriors: beta for successes and failures, normal for a normal mean."""

from __future__ import annotations

from math import prod
from typing import Any

import sympy
from flint import arb, fmpq, fmpq_poly
from sympy import Rational, Symbol, gammasimp

from fiducial.spec.demonstrations.exact import Pair, enclosed, gaussian_integral
from fiducial.spec.demonstrations.gaussian import ball_density
from fiducial.spec.theorems import Derived

x, alpha, beta, n, s, n2, s2 = (Symbol(name, positive=True) for name in "x alpha beta n s n2 s2".split())
BETAS = ((2, 3, 5, 4), (1, 1, 3, 0), (4, 2, 6, 6))


def _beta_density(a: Any, b: Any) -> Any:
    return x ** (a - 1) * (1 - x) ** (b - 1) / sympy.beta(a, b)


def _evidence(a: Any, b: Any) -> Any:
    """The integral of x^s (1 - x)^(n - s) under a beta density: a ratio of normalisations."""
    return sympy.beta(a + s, b + n - s) / sympy.beta(a, b)


def _beta_binomial() -> list[Pair]:
    posterior = _beta_density(alpha, beta) * x**s * (1 - x) ** (n - s) / _evidence(alpha, beta)
    again = _beta_density(alpha + s, beta + n - s) * x**s2 * (1 - x) ** (n2 - s2)
    both = _beta_density(alpha, beta) * x ** (s + s2) * (1 - x) ** (n + n2 - s - s2)
    slope = sympy.diff(sympy.expand_log(sympy.log(again / both), force=True), x)
    mean = (sympy.beta(alpha + s + 1, beta + n - s) / sympy.beta(alpha + s, beta + n - s)).rewrite(sympy.gamma)
    return [(sympy.powsimp(posterior / _beta_density(alpha + s, beta + n - s)), 1), (sympy.simplify(slope), 0),
            (gammasimp(mean), (alpha + s) / (alpha + beta + n))]  # fmt: skip


def _mean_by_integration(polynomial: fmpq_poly) -> fmpq:
    chance = fmpq_poly([0, 1])
    return (chance * polynomial).integral()(fmpq(1)) / polynomial.integral()(fmpq(1))


def _seen_beta_binomial() -> list[Pair]:
    """Polynomials in the probability: prior times likelihood, integrated exactly; a second update after it."""
    chance, other = fmpq_poly([0, 1]), fmpq_poly([1, -1])
    pairs: list[Pair] = []
    for a, b, tosses, successes in BETAS:
        weights = chance ** (a - 1) * other ** (b - 1) * chance**successes * other ** (tosses - successes)
        posterior = weights / weights.integral()(fmpq(1))
        claimed = chance ** (a + successes - 1) * other ** (b + tosses - successes - 1)
        pairs.append((posterior(fmpq(1, 3)), claimed(fmpq(1, 3)) / claimed.integral()(fmpq(1))))
        pairs.append((_mean_by_integration(weights), fmpq(a + successes, a + b + tosses)))
        pairs.append((_mean_by_integration(weights * chance * other**2), fmpq(a + successes + 1, a + b + tosses + 3)))
    return pairs


BETA_BINOMIAL = (
    Derived("a Beta(alpha, beta) prior times s successes in n tosses is Beta(alpha + s, beta + n - s), whose mean is "
            "(alpha + s) / (alpha + beta + n); a second sample does the same again",
            _beta_binomial, _seen_beta_binomial),
)  # fmt: skip

theta, mu0, S1, S2, m2 = (Symbol(name, real=True) for name in ("theta", "mu0", "S1", "S2", "m2"))
sigma0, sigma, N, M = (Symbol(name, positive=True) for name in ("sigma0", "sigma", "N", "M"))
SAMPLES = ((Rational(1, 2), 2, Rational(3, 4), (1, 3, -1)), (-1, Rational(1, 3), 1, (2,)))


def _updated(mean: Any, precision: Any, count: Any, total: Any) -> tuple[Any, Any]:
    """The square completed in theta, for a normal prior and ``count`` values with a sum."""
    exponent = -precision * (theta - mean) ** 2 / 2 - (count * theta**2 - 2 * theta * total) / (2 * sigma**2)
    quadratic, linear, _ = sympy.Poly(exponent, theta).all_coeffs()
    return linear / (-2 * quadratic), -2 * quadratic


def _normal_normal() -> list[Pair]:
    mean, precision = _updated(mu0, 1 / sigma0**2, N, S1)
    return [(precision, 1 / sigma0**2 + N / sigma**2), (mean, (mu0 / sigma0**2 + S1 / sigma**2) / precision)]


def _normal_twice() -> list[Pair]:
    step = _updated(*_updated(mu0, 1 / sigma0**2, N, S1), M, m2)
    return list(zip(step, _updated(mu0, 1 / sigma0**2, N + M, S1 + m2), strict=True))


def _by_integration(m0: Any, s0: Any, s: Any, sample: Any) -> tuple[arb, arb]:
    """Mean and variance of the posterior, from integrals of prior times likelihood."""

    def integral(power: int) -> arb:
        def weighted(at: Any) -> Any:
            return prod((ball_density(at, value, s) for value in sample), start=at**power * ball_density(at, m0, s0))

        return gaussian_integral(weighted, m0, s0)

    whole, mean, square = (integral(power) for power in range(3))
    return mean / whole, square / whole - (mean / whole) ** 2


def _seen_normal_normal() -> list[Pair]:
    pairs: list[Pair] = []
    for m0, s0, s, sample in SAMPLES:
        precision = Rational(1) / s0**2 + Rational(len(sample)) / s**2
        mean = (Rational(m0) / s0**2 + Rational(sum(sample)) / s**2) / precision
        pairs += zip(_by_integration(m0, s0, s, sample), (enclosed(mean), enclosed(1 / precision)), strict=True)
    return pairs


def _seen_twice() -> list[Pair]:
    """One value after another, by the formula, and all at once, by integration."""
    pairs: list[Pair] = []
    for m0, s0, s, sample in SAMPLES:
        mean, variance = Rational(m0), Rational(s0) ** 2
        for value in sample:
            precision = 1 / variance + 1 / Rational(s) ** 2
            mean, variance = (mean / variance + value / Rational(s) ** 2) / precision, 1 / precision
        pairs += zip(_by_integration(m0, s0, s, sample), (enclosed(mean), enclosed(variance)), strict=True)
    return pairs


NORMAL_NORMAL = (
    Derived("N values with the sum S1: precisions add, 1 / sigma0^2 + N / sigma^2, and the mean is the "
            "precision-weighted (mu0 / sigma0^2 + S1 / sigma^2) / precision, by completing the square",
            _normal_normal, _seen_normal_normal),
    Derived("two updates one after the other are one with all values", _normal_twice, _seen_twice),
)  # fmt: skip
