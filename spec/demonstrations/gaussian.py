"""The normal distribution: moments, generating functions, entropy, sums, divergence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from flint import acb, arb
from sympy import Integer, Rational, Symbol, cos, diff, exp, log, pi, sqrt

from fiducial.spec.demonstrations.exact import Pair, enclosed, formula, gaussian_integral, unless
from fiducial.spec.theorems import Derived

x, y, t, mu, mu0, mu1 = (Symbol(name, real=True) for name in "x y t mu mu0 mu1".split())
sigma, sigma0, sigma1, r = (Symbol(name, positive=True) for name in "sigma sigma0 sigma1 r".split())

POINTS = [{mu: Rational(1, 3), sigma: Rational(2, 5)}, {mu: Integer(-2), sigma: Integer(3)}]
AT_T = [{**point, t: Rational(3, 7) - i} for i, point in enumerate(POINTS)]
TWO = [{mu0: Rational(1, 3), sigma0: Rational(2, 5), mu1: Integer(-1), sigma1: Rational(3, 2)},
       {mu0: Integer(2), sigma0: Integer(3), mu1: Rational(1, 2), sigma1: Integer(2)}]  # fmt: skip


def density(at: Any, mean: Any, scale: Any) -> Any:
    return exp(-(((at - mean) / scale) ** 2) / 2) / (scale * sqrt(2 * pi))


def log_density(at: Any, mean: Any, scale: Any) -> Any:
    return -(((at - mean) / scale) ** 2) / 2 - log(scale) - log(2 * pi) / 2


def ball_density(at: acb, mean: Any, scale: Any) -> acb:
    m, s = enclosed(mean), enclosed(scale)
    return (-(((at - m) / s) ** 2) / 2).exp() / (s * (2 * arb.pi()).sqrt())


def ball_log_density(at: acb, mean: Any, scale: Any) -> acb:
    m, s = enclosed(mean), enclosed(scale)
    return -(((at - m) / s) ** 2) / 2 - s.log() - (2 * arb.pi()).log() / 2


def _expected(f: Any, mean: Any = mu, scale: Any = sigma) -> Any:
    """E[f(x)], by integration."""
    return sympy.simplify(sympy.integrate(f * density(x, mean, scale), (x, -sympy.oo, sympy.oo)))


def _seen(f: Callable[[acb], acb], mean: Any, scale: Any) -> arb:
    """E[f(x)], by certified integration."""
    return gaussian_integral(lambda at: f(at) * ball_density(at, mean, scale), mean, scale)


def _seen_central(mean: Any, scale: Any, order: int) -> arb:
    return _seen(lambda at: (at - enclosed(mean)) ** order, mean, scale)


def _standard() -> list[Pair]:
    """The density of z = (x - mu) / sigma is that of x at mu + sigma z, times dx/dz."""
    at = mu + sigma * y
    return [(sympy.simplify(density(at, mu, sigma) * diff(at, y)), density(y, 0, 1))]


def _seen_standard() -> list[Pair]:
    """The probability of an interval, and that of the standardised one."""
    return [_of_interval(m, s, m - Rational(5, 7), m + Rational(9, 4)) for m, s in (point.values() for point in POINTS)]


def _of_interval(mean: Any, scale: Any, lower: Any, upper: Any) -> Pair:
    whole = acb.integral(lambda at, _: ball_density(at, mean, scale), enclosed(lower), enclosed(upper))
    ends = enclosed((lower - mean) / scale), enclosed((upper - mean) / scale)
    return whole.real, acb.integral(lambda at, _: ball_density(at, 0, 1), *ends).real


GENERATING = exp(mu * t + sigma**2 * t**2 / 2)


def _sum() -> list[Pair]:
    """Independent: the generating functions are multiplied, and they say which distribution it is."""
    first, second = (GENERATING.subs({mu: m, sigma: s}) for m, s in ((mu0, sigma0), (mu1, sigma1)))
    whole = GENERATING.subs({mu: mu0 + mu1, sigma: sqrt(sigma0**2 + sigma1**2)})
    return [(sympy.expand_log(log(first * second), force=True), sympy.expand_log(log(whole), force=True))]


def _seen_sum() -> list[Pair]:
    return [_convolution(Rational(5, 3), *point.values()) for point in TWO]


def _convolution(at: Any, m0: Any, s0: Any, m1: Any, s1: Any) -> Pair:
    x0 = acb(enclosed(at))
    whole = gaussian_integral(lambda y: ball_density(y, m0, s0) * ball_density(x0 - y, m1, s1), m0, s0)
    return whole, ball_density(x0, m0 + m1, sqrt(s0**2 + s1**2)).real


DIVERGENCE = log(sigma1 / sigma0) + (sigma0**2 + (mu0 - mu1) ** 2) / (2 * sigma1**2) - Rational(1, 2)


def _divergence() -> Any:
    ratio = sympy.expand(log_density(x, mu0, sigma0) - log_density(x, mu1, sigma1))
    return sum(ratio.coeff(x, i) * _expected(x**i, mu0, sigma0) for i in range(3))


def _seen_divergence(m0: Any, s0: Any, m1: Any, s1: Any) -> arb:
    return _seen(lambda at: ball_log_density(at, m0, s0) - ball_log_density(at, m1, s1), m0, s0)


def _never_negative() -> list[Pair]:
    scales = r**2 / 2 - Rational(1, 2) - log(r)
    whole = scales.subs(r, sigma0 / sigma1) + ((mu0 - mu1) / sigma1) ** 2 / 2
    (lowest,) = sympy.solve(diff(scales, r), r)
    return [(DIVERGENCE - sympy.expand_log(whole), 0), (lowest, 1), (scales.subs(r, lowest), 0),
            (unless(diff(scales, r, 2).is_positive), 0)]  # fmt: skip


def _seen_never_negative() -> list[Pair]:
    cases = [(Rational(a), Rational(b, 4), Rational(1), Rational(c, 4)) for a in (0, 1) for b in (3, 5) for c in (2, 7)]
    same = _seen_divergence(Rational(1), Rational(3, 4), Rational(1), Rational(3, 4))
    return [(same, enclosed(0)), *((bool(_seen_divergence(*case) > 0), True) for case in cases)]


RAW = (mu, mu**2 + sigma**2, mu**3 + 3 * mu * sigma**2, mu**4 + 6 * mu**2 * sigma**2 + 3 * sigma**4)


def _moments() -> list[Pair]:
    """From the moment generating function."""
    return [(diff(GENERATING, t, order).subs(t, 0), claim) for order, claim in enumerate(RAW, start=1)]


def _seen_moments() -> list[Pair]:
    def seen(order: int, m: Any, s: Any) -> arb:
        return _seen(lambda at: at**order, m, s)

    return [(seen(i, *at.values()), enclosed(c.subs(at))) for at in POINTS for i, c in enumerate(RAW, start=1)]


NORMAL = (
    formula("normalisation: the density integrates to 1", lambda: _expected(1), Integer(1),
            lambda m, s: _seen(lambda at: acb(1), m, s), POINTS),
    formula("mean: E[x] = mu", lambda: _expected(x), mu, lambda m, s: _seen(lambda at: at, m, s), POINTS),
    formula("variance: E[(x - mu)^2] = sigma^2", lambda: _expected((x - mu) ** 2), sigma**2,
            lambda m, s: _seen_central(m, s, 2), POINTS),
    formula("skewness: E[(x - mu)^3] / sigma^3 = 0", lambda: _expected((x - mu) ** 3) / sigma**3, Integer(0),
            lambda m, s: _seen_central(m, s, 3) / enclosed(s) ** 3, POINTS),
    formula("kurtosis: E[(x - mu)^4] / sigma^4 = 3, an excess of 0", lambda: _expected((x - mu) ** 4) / sigma**4,
            Integer(3), lambda m, s: _seen_central(m, s, 4) / enclosed(s) ** 4, POINTS),
    formula("moment generating function: E[e^(t x)] = exp(mu t + sigma^2 t^2 / 2)", lambda: _expected(exp(t * x)),
            GENERATING, lambda m, s, at: _seen(lambda z: (enclosed(at) * z).exp(), m, s), AT_T),
    formula("characteristic function of x - mu: E[cos(t (x - mu))] = exp(-sigma^2 t^2 / 2)",
            lambda: _expected(cos(t * x), Integer(0)), exp(-(sigma**2) * t**2 / 2),
            lambda m, s, at: _seen(lambda z: (enclosed(at) * (z - enclosed(m))).cos(), m, s), AT_T),
    Derived("raw moments: mu, mu^2 + sigma^2, mu^3 + 3 mu sigma^2, mu^4 + 6 mu^2 sigma^2 + 3 sigma^4",
            _moments, _seen_moments),
    Derived("standardisation: (x - mu) / sigma has the density exp(-z^2 / 2) / sqrt(2 pi)", _standard, _seen_standard),
    Derived("the sum of two independent ones is normal, with mean mu0 + mu1 and variance sigma0^2 + sigma1^2",
            _sum, _seen_sum),
)  # fmt: skip

NORMAL_ENTROPY = (
    formula("entropy: -E[log f(x)] = log(2 pi e sigma^2) / 2, in nats",
            lambda: _expected(-log_density(x, mu, sigma)), log(2 * pi * sympy.E * sigma**2) / 2,
            lambda m, s: _seen(lambda at: -ball_log_density(at, m, s), m, s), POINTS),
)  # fmt: skip

NORMAL_KL = (
    formula("divergence: E0[log f0(x) - log f1(x)] = log(sigma1/sigma0) + (sigma0^2 + (mu0 - mu1)^2) / (2 sigma1^2) "
            "- 1/2", _divergence, DIVERGENCE, _seen_divergence, TWO),
    Derived("it is never negative: with r = sigma0/sigma1 it is r^2/2 - 1/2 - log r, whose only minimum is 0 at r = 1, "
            "plus the square ((mu0 - mu1)/sigma1)^2 / 2", _never_negative, _seen_never_negative),
)  # fmt: skip
