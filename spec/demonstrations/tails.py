"""Distribution functions: the binomial tail as an incomplete beta function, the normal one and its inverse."""

from __future__ import annotations

from math import comb
from typing import Any

import sympy
from flint import acb, arb, fmpq, fmpq_poly
from sympy import Rational, Symbol, binomial, diff, erfc, erfcinv, gammasimp, sqrt

from fiducial.spec.demonstrations.exact import Pair, enclosed
from fiducial.spec.demonstrations.gaussian import ball_density, density
from fiducial.spec.theorems import Derived

n = Symbol("n", integer=True, positive=True)
k, i = (Symbol(name, integer=True, nonnegative=True) for name in "ki")
p, x, z, q = Symbol("p", positive=True), Symbol("x", real=True), Symbol("z", real=True), Symbol("q", positive=True)

CASES = [(5, 0, fmpq(2, 7)), (6, 5, fmpq(1, 3)), (9, 4, fmpq(5, 6)), (12, 3, fmpq(1, 10))]


def _ratio(a: Any, b: Any) -> Any:
    """a / b, with binomials and beta functions as gamma functions."""
    quotient = sympy.powsimp((a / b).rewrite(sympy.gamma))
    return sympy.simplify(gammasimp(sympy.powsimp(sympy.expand(gammasimp(quotient)))))


def _lost(at: Any) -> Any:
    return at * binomial(n, at) * p ** (at - 1) * (1 - p) ** (n - at)


SLOPE = -(n - k) * binomial(n, k) * p**k * (1 - p) ** (n - k - 1)


def _telescoped() -> list[Pair]:
    """The derivative of term i is T_i - T_(i + 1): from 0 to k, all cancel but T_0 = 0 and -T_(k + 1)."""
    term = binomial(n, i) * p**i * (1 - p) ** (n - i)
    slope = _ratio(diff(term, p), term)
    return [(slope, _ratio(_lost(i), term) - _ratio(_lost(i + 1), term)), (_lost(0), 0),
            (_ratio(-_lost(k + 1), SLOPE), 1)]  # fmt: skip


def _as_polynomial(size: int, successes: int) -> fmpq_poly:
    """The sum of the probabilities up to k, as a polynomial in p."""
    one, chance = fmpq_poly([1, -1]), fmpq_poly([0, 1])
    terms = (comb(size, j) * chance**j * one ** (size - j) for j in range(successes + 1))
    return sum(terms, fmpq_poly([0]))


def _seen_slope() -> list[Pair]:
    return [
        (_as_polynomial(size, j).derivative()(at), -(size - j) * comb(size, j) * at**j * (1 - at) ** (size - j - 1))
        for size, j, at in CASES
    ]


def _regularised_beta(upper: Any, a: Any, b: Any) -> Any:
    u = Symbol("u", positive=True)
    return sympy.Integral(u ** (a - 1) * (1 - u) ** (b - 1), (u, 0, upper)) / sympy.beta(a, b)


def _regularised() -> list[Pair]:
    """Both have the same derivative in p, and both are 0 at p = 1; the terms are those of i = n - j with j > 0."""
    whole, other = _regularised_beta(1 - p, n - k, k + 1), _regularised_beta(p, k + 1, n - k)
    j = Symbol("j", integer=True, positive=True)
    term = (binomial(n, i) * p**i * (1 - p) ** (n - i)).subs(i, n - j)
    return [(_ratio(diff(whole, p), SLOPE), 1), (whole.subs(p, 1).doit(), 0), (term.subs(p, 1), 0),
            (_ratio(diff(other, p), -SLOPE), 1), (other.subs(p, 0).doit(), 0)]  # fmt: skip


def _seen_regularised() -> list[Pair]:
    """Exactly, by integrating the polynomial u^(n - k - 1) (1 - u)^k, and with Arb's function."""
    pairs: list[Pair] = []
    for size, j, at in CASES:
        part = (fmpq_poly([0, 1]) ** (size - j - 1) * fmpq_poly([1, -1]) ** j).integral()
        exact = _as_polynomial(size, j)(at)
        pairs.append((exact, part(1 - at) / part(fmpq(1))))
        pairs.append((arb(exact), arb(1 - at).beta_lower(size - j, j + 1, regularized=True)))
        pairs.append((arb(1 - exact), arb(at).beta_lower(j + 1, size - j, regularized=True)))
    return pairs


BINOMIAL_CDF = (
    Derived("the derivative in p of P(X <= k) is -(n - k) C(n, k) p^k (1 - p)^(n - k - 1): that of C(n, i) p^i "
            "(1 - p)^(n - i) is T_i - T_(i + 1) with T_i = i C(n, i) p^(i - 1) (1 - p)^(n - i)",
            _telescoped, _seen_slope),
    Derived("P(X <= k) = I_(1 - p)(n - k, k + 1), the regularised incomplete beta function, and P(X > k) = "
            "I_p(k + 1, n - k), for k < n", _regularised, _seen_regularised),
)  # fmt: skip


def _cdf(at: Any) -> Any:
    return erfc(-at / sqrt(2)) / 2


def _ppf(at: Any) -> Any:
    return -sqrt(2) * erfcinv(2 * at)


def _as_erfc() -> list[Pair]:
    whole = sympy.integrate(density(x, 0, 1), (x, -sympy.oo, z))
    return [(sympy.expand(whole.rewrite(sympy.erf)), sympy.expand(_cdf(z).rewrite(sympy.erf)))]


def _below(at: arb) -> arb:
    """The integral of the density from 40 standard deviations below, where less than exp(-800) is left."""
    return acb.integral(lambda u, _: ball_density(u, 0, 1), -40, at).real + arb(0, arb(-800).exp())


AT = (Rational(-7, 3), Rational(2, 5), Rational(4))
STEP = Rational(1, 2**120)


def _ball_cdf(at: Any) -> arb:
    return (-enclosed(at) / arb(2).sqrt()).erfc() / 2


def _ball_ppf(at: Any) -> arb:
    return -arb(2).sqrt() * enclosed(2 * at).erfcinv()


def _seen_density() -> list[Pair]:
    """The density falls where x > mu: a difference quotient lies between those at its ends."""
    pairs: list[Pair] = []
    for m, s, at in ((Rational(1, 3), Rational(2, 5), Rational(1)), (Rational(-2), Rational(3), Rational(1, 7))):
        quotient = (_ball_cdf((at + STEP - m) / s) - _ball_cdf((at - m) / s)) / enclosed(STEP)
        ends = [ball_density(acb(enclosed(e)), m, s).real for e in (at, at + STEP)]
        pairs.append((quotient, ends[0].union(ends[1])))
    return pairs


def _inverse() -> list[Pair]:
    mu, sigma = Symbol("mu", real=True), Symbol("sigma", positive=True)
    slope = diff(mu + sigma * _ppf(q), q)
    return [(_cdf(_ppf(q)), q), (sympy.simplify(slope * density(mu + sigma * _ppf(q), mu, sigma)), 1)]


def _seen_inverse() -> list[Pair]:
    """The integral up to the quantile; and it is convex above 1/2, so that slopes at the ends enclose a quotient's."""
    pairs: list[Pair] = [(_below(_ball_ppf(at)), enclosed(at)) for at in (Rational(1, 9), Rational(4, 5))]
    for at in (Rational(4, 7), Rational(99, 100)):
        quotient = (_ball_ppf(at + STEP) - _ball_ppf(at)) / enclosed(STEP)
        ends = [1 / ball_density(acb(_ball_ppf(e)), 0, 1).real for e in (at, at + STEP)]
        pairs.append((quotient, ends[0].union(ends[1])))
    return pairs


NORMAL_CDF = (
    Derived("the integral of the standard density up to z is erfc(-z / sqrt 2) / 2",
            _as_erfc, lambda: [(_below(enclosed(at)), _ball_cdf(at)) for at in AT]),
    Derived("its derivative is the density: d/dx cdf((x - mu) / sigma) = exp(-((x - mu)/sigma)^2 / 2) / (sigma "
            "sqrt(2 pi))",
            lambda: [(diff(_cdf((x - z) / q), x), density(x, z, q))], _seen_density),
    Derived("symmetry: cdf(-z) = 1 - cdf(z)",
            lambda: [(sympy.expand(_cdf(-z).rewrite(sympy.erf)), sympy.expand((1 - _cdf(z)).rewrite(sympy.erf)))],
            lambda: [(_below(enclosed(-at)), 1 - _below(enclosed(at))) for at in AT]),
)  # fmt: skip

NORMAL_PPF = (
    Derived("the quantile function mu - sigma sqrt(2) erfcinv(2 q) inverts the distribution function, and its "
            "derivative is 1 / density at the quantile", _inverse, _seen_inverse),
)  # fmt: skip
