"""Covariance, correlation and variance, of samples of any size and of populations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

import sympy
from sympy import Rational, Sum, Symbol, diff, sqrt

from fiducial.spec.demonstrations.exact import Pair
from fiducial.spec.language import array, index, size
from fiducial.spec.theorems import Derived

N = size("N")
n, m = index("n", N), index("m", N)
X, Y = array("x")[n], array("y")[n]
a, b, c, d = sympy.symbols("a b c d", real=True)

SAMPLES = (((1, 4, -2, 3), (2, 2, 5, -1)), ((Rational(1, 3), 2, 0, Rational(5, 2), 7), (1, -1, 4, 4, Rational(2, 7))))


def _mean(e: Any) -> Any:
    """Over the observations n, for their symbolic number N."""
    return Sum(e, n) / N


def _covariance(e: Any, f: Any) -> Any:
    """The mean product of the deviations from the means, as it is defined."""
    centres = [_mean(g).xreplace({n: m}) for g in (e, f)]
    return _mean((e - centres[0]) * (f - centres[1]))


def _average(values: Sequence[Any]) -> Any:
    return sum(values) / Rational(len(values))


def _by_pairs(xs: Sequence[Any], ys: Sequence[Any]) -> Any:
    """The covariance without any mean: half the mean product of differences, over all pairs of observations."""
    together = list(zip(xs, ys, strict=True))
    return _average([(p[0] - q[0]) * (p[1] - q[1]) for p in together for q in together]) / 2


def _at_samples(facts: Callable[[Any, Any], Sequence[Pair]]) -> Callable[[], list[Pair]]:
    return lambda: [pair for xs, ys in SAMPLES for pair in facts(xs, ys)]


def _seen_products(xs: Any, ys: Any) -> list[Pair]:
    claimed = _average([p * q for p, q in zip(xs, ys, strict=True)]) - _average(xs) * _average(ys)
    deviations = [(p - _average(xs)) * (q - _average(ys)) for p, q in zip(xs, ys, strict=True)]
    return [(_average(deviations), claimed), (_by_pairs(xs, ys), claimed)]


def _seen_sum(xs: Any, ys: Any) -> list[Pair]:
    sums = [p + q for p, q in zip(xs, ys, strict=True)]
    return [(_by_pairs(sums, sums), _by_pairs(xs, xs) + _by_pairs(ys, ys) + 2 * _by_pairs(xs, ys))]


def _seen_affine(xs: Any, ys: Any) -> list[Pair]:
    moved, turned = [3 * p - 7 for p in xs], [Rational(-2, 5) * q + 4 for q in ys]
    return [(_by_pairs(moved, turned), Rational(-6, 5) * _by_pairs(xs, ys))]


def _seen_two_passes(xs: Any, ys: Any) -> list[Pair]:
    values = [*xs, *ys]
    centre = _average(values)
    return [(_by_pairs(values, values), _average([v**2 for v in values]) - centre**2),
            (_average([(v - centre) ** 2 for v in values]), _by_pairs(values, values))]  # fmt: skip


VARIANCE = (
    Derived("two passes and one are the same in real numbers: Sum_n (x[n] - mean)^2 / N = Sum_n x[n]^2 / N - mean^2",
            lambda: [(_covariance(X, X), _mean(X**2) - _mean(X) ** 2)], _at_samples(_seen_two_passes)),
    Derived("var(a x + b) = a^2 var(x)", lambda: [(_covariance(a * X + b, a * X + b), a**2 * _covariance(X, X))],
            _at_samples(lambda xs, ys: [(_by_pairs([3 * p - 7 for p in xs], [3 * p - 7 for p in xs]),
                                         9 * _by_pairs(xs, xs))])),
)  # fmt: skip

COVARIANCE = (
    Derived("cov(x, y) = E[x y] - E[x] E[y]",
            lambda: [(_covariance(X, Y), _mean(X * Y) - _mean(X) * _mean(Y))], _at_samples(_seen_products)),
    Derived("var(x + y) = var(x) + var(y) + 2 cov(x, y)",
            lambda: [(_covariance(X + Y, X + Y), _covariance(X, X) + _covariance(Y, Y) + 2 * _covariance(X, Y))],
            _at_samples(_seen_sum)),
    Derived("cov(a x + b, c y + d) = a c cov(x, y)",
            lambda: [(_covariance(a * X + b, c * Y + d), a * c * _covariance(X, Y))], _at_samples(_seen_affine)),
)  # fmt: skip


def _at_most_one() -> list[Pair]:
    """y's part along x taken away, what remains is a sum of squares; for four values, Lagrange's identity."""
    squares_x, squares_y, products = Sum(X**2, n), Sum(Y**2, n), Sum(X * Y, n)
    remaining = Sum((Y - products.xreplace({n: m}) / squares_x.xreplace({n: m}) * X) ** 2, n)
    p, q = (sympy.symbols(f"{name}0:4", real=True) for name in "pq")
    left = sum(s**2 for s in p) * sum(s**2 for s in q) - sum(s * t for s, t in zip(p, q, strict=True)) ** 2
    lagrange = sum((p[i] * q[j] - p[j] * q[i]) ** 2 for j in range(4) for i in range(j))
    return [(squares_x * remaining, squares_x * squares_y - products**2), (left, lagrange)]


def _seen_at_most_one(xs: Any, ys: Any) -> list[Pair]:
    squared = _by_pairs(xs, ys) ** 2 / (_by_pairs(xs, xs) * _by_pairs(ys, ys))
    line = [2 * p - 3 for p in xs]
    return [(bool(squared < 1), True), (_by_pairs(xs, line) ** 2 / (_by_pairs(xs, xs) * _by_pairs(line, line)), 1)]


def _any_divisor() -> list[Pair]:
    """Sums of products of deviations over a divisor v = N - ddof."""
    v, sxx, syy, sxy = (Symbol(name, positive=True) for name in ("v", "sxx", "syy", "sxy"))
    correlation = (sxy / v) / sqrt(sxx / v * (syy / v))
    moved = Symbol("a", positive=True) * X + b
    squared = _covariance(moved, Y) ** 2 / (_covariance(moved, moved) * _covariance(Y, Y))
    return [(diff(correlation, v), 0), (sympy.powsimp(correlation), sxy / sqrt(sxx * syy)),
            (squared, _covariance(X, Y) ** 2 / (_covariance(X, X) * _covariance(Y, Y)))]  # fmt: skip


def _seen_any_divisor(xs: Any, ys: Any) -> list[Pair]:
    def correlation(us: Any, vs: Any, ddof: int) -> Any:
        fix = Rational(len(us), len(us) - ddof)
        return fix * _by_pairs(us, vs) / sqrt(fix * _by_pairs(us, us) * fix * _by_pairs(vs, vs))

    moved = [3 * p - 7 for p in xs]
    return [(correlation(xs, ys, 0), correlation(xs, ys, 1)), (correlation(moved, ys, 0), correlation(xs, ys, 0))]


CORRELATION = (
    Derived("|corr(x, y)| <= 1: Sum x^2 Sum y^2 - (Sum x y)^2 = Sum x^2 Sum (y - x Sum x y / Sum x^2)^2 >= 0, in the "
            "deviations from the means", _at_most_one, _at_samples(_seen_at_most_one)),
    Derived("it does not depend on ddof, nor (for a > 0) on a and b in a x + b", _any_divisor,
            _at_samples(_seen_any_divisor)),
)  # fmt: skip

mu, t = Symbol("mu", real=True), Symbol("t", real=True)
sigma, count = Symbol("sigma", positive=True), Symbol("N", positive=True)
LAW = {Rational(-1): Rational(1, 2), Rational(2): Rational(1, 3), Rational(5): Rational(1, 6)}


def _population() -> list[Pair]:
    """Moments of the sum of N independent values from M(t)^N, M having the first two moments of any distribution."""
    generating = (1 + mu * t + (sigma**2 + mu**2) * t**2 / 2) ** count
    total, total_squared = (diff(generating, t, order).subs(t, 0) for order in (1, 2))
    squares = count * (sigma**2 + mu**2)
    return [(total / count, mu), (total_squared / count**2 - (total / count) ** 2, sigma**2 / count),
            ((squares - total_squared / count) / (count - 1), sigma**2)]  # fmt: skip


def _seen_population() -> list[Pair]:
    """Over all samples of a distribution on three points."""
    centre = sum(w * v for v, w in LAW.items())
    variance = sum(w * (v - centre) ** 2 for v, w in LAW.items())
    pairs: list[Pair] = []
    for number in (2, 3, 4):
        samples = [(sample, prod(LAW[v] for v in sample)) for sample in product(LAW, repeat=number)]
        unbiased = sum(w * _by_pairs(s, s) * Rational(number, number - 1) for s, w in samples)
        pairs += [(sum(w * _average(s) for s, w in samples), centre), (unbiased, variance),
                  (sum(w * (_average(s) - centre) ** 2 for s, w in samples), variance / number)]  # fmt: skip
    return pairs


def _central() -> list[Pair]:
    """E is linear, and turns x^j into m_j."""
    v, moments = Symbol("v"), sympy.symbols("m0:5", real=True)
    m1, m2, m3, m4 = moments[1:]

    def expected(e: Any) -> Any:
        coefficients = sympy.Poly(e, v).all_coeffs()[::-1]
        return sum(k * moments[j] for j, k in enumerate(coefficients)).subs(moments[0], 1)

    return [(expected((v - m1) ** 2), m2 - m1**2), (expected((v - m1) ** 3), m3 - 3 * m1 * m2 + 2 * m1**3),
            (expected((v - m1) ** 4), m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4)]  # fmt: skip


def _seen_central() -> list[Pair]:
    m1, m2, m3, m4 = (sum(w * v**j for v, w in LAW.items()) for j in range(1, 5))
    claimed = (m2 - m1**2, m3 - 3 * m1 * m2 + 2 * m1**3, m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4)
    return [(sum(w * (v - m1) ** j for v, w in LAW.items()), claim) for j, claim in enumerate(claimed, start=2)]


POPULATION = (
    Derived("N independent values: the mean of their mean is mu, its variance sigma^2 / N, and the mean of "
            "Sum (x - mean)^2 / (N - 1) is sigma^2", _population, _seen_population),
    Derived("central moments from raw ones, by the binomial theorem: m2 - m1^2, m3 - 3 m1 m2 + 2 m1^3, "
            "m4 - 4 m1 m3 + 6 m1^2 m2 - 3 m1^4", _central, _seen_central),
)  # fmt: skip
