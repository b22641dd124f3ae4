"""Maximum likelihood of a normal sample: the estimates, their bias, samples without a maximum, squared error.

A sample enters by its sufficient statistics: N values with the sum S1 and the sum of squares S2.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import sympy
from flint import arb
from sympy import Matrix, Rational, Symbol, diff, log, pi, sqrt

from fiducial.spec.demonstrations.exact import Pair, enclosed, unless
from fiducial.spec.demonstrations.gaussian import log_density
from fiducial.spec.theorems import Derived

N, r, v, sigma = (Symbol(name, positive=True) for name in ("N", "r", "v", "sigma"))
S1, S2, mu, t, x = (Symbol(name, real=True) for name in ("S1", "S2", "mu", "t", "x"))

SAMPLES = ((1, 2, 4, 8), (Rational(-1, 2), 3, Rational(2, 3)), (5, 5, 6, 4, 9))
LIKELIHOOD = -N * log(2 * pi * v) / 2 - (S2 - 2 * mu * S1 + N * mu**2) / (2 * v)
MEAN, VARIANCE = S1 / N, S2 / N - (S1 / N) ** 2


def _statistics() -> list[Pair]:
    """One more value x adds 1 to N, x to S1 and x^2 to S2."""
    more = LIKELIHOOD.subs({N: N + 1, S1: S1 + x, S2: S2 + x**2}, simultaneous=True)
    return [(more - LIKELIHOOD, sympy.expand_log(log_density(x, mu, sqrt(v))))]


def _seen_statistics() -> list[Pair]:
    pairs: list[Pair] = []
    for sample in SAMPLES:
        at = {N: len(sample), S1: sum(sample), S2: sum(x**2 for x in sample), mu: Rational(2, 3), v: Rational(5, 7)}
        density = prod((enclosed(sympy.exp(log_density(x, at[mu], sqrt(at[v])))) for x in sample), start=arb(1))
        pairs.append((density.log(), enclosed(LIKELIHOOD.subs(at))))
    return pairs


def _stationary() -> list[Pair]:
    (best,) = sympy.solve([diff(LIKELIHOOD, mu), diff(LIKELIHOOD, v)], [mu, v], dict=True)
    second = sympy.hessian(LIKELIHOOD, (mu, v)).subs(S2, N * v + S1**2 / N).subs(mu, MEAN).applyfunc(sympy.cancel)
    negative = Matrix([[-N / v, 0], [0, -N / (2 * v**2)]])
    return [(best[mu], MEAN), (best[v], VARIANCE), *zip(second, negative, strict=True)]


def _estimates(sample: Sequence[Any]) -> tuple[Any, Any]:
    mean = Rational(sum(sample)) / len(sample)
    return mean, sum((value - mean) ** 2 for value in sample) / len(sample)


def _seen_stationary() -> list[Pair]:
    """The derivatives of each value's own log-density, added up at the estimates."""
    one = -log(2 * pi * v) / 2 - (x - mu) ** 2 / (2 * v)
    derivatives = [diff(one, mu), diff(one, v), diff(one, mu, 2), diff(one, mu, v), diff(one, v, 2)]
    pairs: list[Pair] = []
    for sample in SAMPLES:
        mean, variance = _estimates(sample)
        found = [sum(d.subs({mu: mean, v: variance, x: value}) for value in sample) for d in derivatives]
        count = Rational(len(sample))
        pairs += zip(found, (0, 0, -count / variance, 0, -count / (2 * variance**2)), strict=True)
    return pairs


def _gap(count: Any, ratio: Any, distance: Any, variance: Any) -> Any:
    return count * (ratio - 1 - log(ratio)) / 2 + count * distance**2 / (2 * variance)


def _greatest() -> list[Pair]:
    spread = {S2: N * r * v + S1**2 / N}
    best = LIKELIHOOD.subs({mu: MEAN, v: r * v}, simultaneous=True).subs(spread)
    gap = sympy.expand_log(best - LIKELIHOOD.subs(spread), force=True)
    scales = r - 1 - log(r)
    (lowest,) = sympy.solve(diff(scales, r), r)
    return [(gap, _gap(N, r, mu - MEAN, v)), (lowest, 1), (scales.subs(r, lowest), 0),
            (unless(diff(scales, r, 2).is_positive), 0)]  # fmt: skip


def _log_likelihood(sample: Sequence[Any], mean: Any, variance: Any) -> arb:
    return sum((enclosed(log_density(value, mean, sqrt(variance))) for value in sample), arb(0))


def _seen_greatest() -> list[Pair]:
    pairs: list[Pair] = []
    for sample in SAMPLES:
        mean, variance = _estimates(sample)
        best = _log_likelihood(sample, mean, variance)
        for m, s in ((mean + 1, variance), (mean, variance * 2), (mean - Rational(1, 9), variance / 3)):
            gap = best - _log_likelihood(sample, m, s)
            pairs += [(gap, enclosed(_gap(len(sample), variance / s, m - mean, s))), (bool(gap > 0), True)]
    return pairs


def _unbounded() -> list[Pair]:
    """N values, all mu: what is left is -N log(2 pi v) / 2."""
    constant = sympy.expand(LIKELIHOOD.subs({S1: N * mu, S2: N * mu**2}))
    return [(constant, -N * log(2 * pi * v) / 2), (sympy.limit(constant, v, 0, "+"), sympy.oo),
            (VARIANCE.subs({S1: N * mu, S2: N * mu**2}), 0)]  # fmt: skip


def _seen_unbounded() -> list[Pair]:
    """It passes every bound: at v = 4^-b it is above N (b log 2 - 1)."""
    cases = [(sample, b) for sample in ((Rational(7, 3),), (2, 2, 2)) for b in (10, 10**3, 10**4)]
    return [(bool(_log_likelihood(sample, sample[0], Rational(1, 4**b)) > len(sample) * (b * arb(2).log() - 1)), True)
            for sample, b in cases]  # fmt: skip


def _biased() -> list[Pair]:
    """E[S1^2] is the second derivative of M(t)^N at 0, where M is any generating function with these moments."""
    generating = 1 + mu * t + (sigma**2 + mu**2) * t**2 / 2
    squared_sum = diff(generating**N, t, 2).subs(t, 0)
    mean_of_variance = (sigma**2 + mu**2) - squared_sum / N**2
    return [(mean_of_variance, (N - 1) / N * sigma**2), (mean_of_variance * N / (N - 1), sigma**2)]


def _seen_biased() -> list[Pair]:
    """Over all samples of a distribution on a few points."""
    law = {Rational(-1): Rational(1, 2), Rational(2): Rational(1, 3), Rational(5): Rational(1, 6)}
    mean = sum(w * value for value, w in law.items())
    variance = sum(w * (value - mean) ** 2 for value, w in law.items())
    pairs: list[Pair] = []
    for count in (1, 2, 3, 4):
        samples = list(product(law, repeat=count))
        expected = sum(prod(law[value] for value in sample) * _estimates(sample)[1] for sample in samples)
        pairs.append((expected, Rational(count - 1, count) * variance))
    return pairs


NORMAL_MLE = (
    Derived("log-likelihood: -N log(2 pi v) / 2 - (S2 - 2 mu S1 + N mu^2) / (2 v), the sum of the log-densities",
            _statistics, _seen_statistics),
    Derived("stationary point: mu = S1 / N and v = S2 / N - (S1 / N)^2 only; the second derivatives there are "
            "diag(-N / v, -N / (2 v^2)), negative definite", _stationary, _seen_stationary),
    Derived("it is the maximum: with r = estimate / v the likelihood lacks N (r - 1 - log r) / 2 + N (mu - mean)^2 / "
            "(2 v) >= 0, which is 0 there only", _greatest, _seen_greatest),
    Derived("a constant sample (one value is such) has no maximum: the likelihood is unbounded as sigma -> 0",
            _unbounded, _seen_unbounded),
    Derived("the estimate of the variance is biased: its mean is (N - 1) / N sigma^2, for every distribution",
            _biased, _seen_biased),
)  # fmt: skip

Y, FIT = (Matrix([Symbol(f"{name}{i}", real=True) for i in range(3)]) for name in "yf")


def _squared_error() -> list[Pair]:
    loss = sum((y - f) ** 2 for y, f in zip(Y, FIT, strict=True))
    likelihood = sum(log_density(y, f, sigma) for y, f in zip(Y, FIT, strict=True))
    constant = -3 * log(sigma) - 3 * log(2 * pi) / 2
    return [(likelihood + loss / (2 * sigma**2), constant),
            *((diff(loss, f), -2 * sigma**2 * diff(likelihood, f)) for f in FIT)]  # fmt: skip


def _seen_squared_error() -> list[Pair]:
    """The ratio of the likelihoods of two fits says their squared errors' difference."""
    y, fits, s = SAMPLES[1], ((0, 1, 2), (Rational(1, 3), 2, 0), (-1, 1, 1)), Rational(3, 4)
    densities = [prod((enclosed(sympy.exp(log_density(a, b, s))) for a, b in zip(y, fit, strict=True)), start=arb(1))
                 for fit in fits]  # fmt: skip
    losses = [sum((a - b) ** 2 for a, b in zip(y, fit, strict=True)) for fit in fits]
    return [((densities[0] / densities[i]).log(), enclosed((losses[i] - losses[0]) / (2 * s**2))) for i in (1, 2)]


SQUARED_ERROR = (
    Derived("minimising the squared error is maximum likelihood of normal errors with a fixed sigma: log f = constant "
            "- |y - f|^2 / (2 sigma^2) (N = 3)", _squared_error, _seen_squared_error),
)  # fmt: skip
