"""Autoregression: the likelihood as a joint normal density, and with a hidden state."""

from __future__ import annotations

from itertools import product
from typing import Any

import sympy
from flint import acb, arb, fmpq, fmpq_mat
from sympy import Function, Matrix, Rational, Symbol, log, pi

from fiducial.spec.demonstrations.exact import Pair, enclosed, gaussian_integral, number
from fiducial.spec.demonstrations.gaussian import ball_density, log_density
from fiducial.spec.theorems import Derived

a1, a2 = sympy.symbols("a1 a2", real=True)
sigma, noise = Symbol("sigma", positive=True), Symbol("r", positive=True)
x = Matrix(sympy.symbols("x1:4", real=True))
CASES = ((fmpq(1, 2), fmpq(-1, 3), fmpq(3, 4), (fmpq(1), fmpq(-2, 5), fmpq(7, 3))),
         (fmpq(-4, 3), fmpq(0), fmpq(2), (fmpq(0), fmpq(5), fmpq(-1, 7))))  # fmt: skip


def _by_steps() -> Any:
    """The sum of the log-densities of x_t given the two before it; x = 0 before the start."""
    past = [0, 0, *x]
    return sum(log_density(past[i + 2], a1 * past[i + 1] + a2 * past[i], sigma) for i in range(3))


def _jointly() -> list[Pair]:
    """The shocks are L x, so that the covariance of x is sigma^2 (L^T L)^-1."""
    lower = Matrix([[1, 0, 0], [-a1, 1, 0], [-a2, -a1, 1]])
    covariance = sigma**2 * lower.inv() * lower.inv().T
    quadratic = sympy.expand((x.T * covariance.inv() * x)[0])
    determinant = sympy.factor(covariance.det())
    density = -quadratic / 2 - log(determinant) / 2 - 3 * log(2 * pi) / 2
    return [(determinant, sigma**6), (sympy.expand(_by_steps()), sympy.expand_log(density))]


def _covariance(c1: fmpq, c2: fmpq, scale: fmpq) -> fmpq_mat:
    """From the shocks' weights in each value, by running the recursion."""
    weights = [[fmpq(0)] * 3, [fmpq(0)] * 3]
    for t in range(3):
        shock = [scale * (t == i) for i in range(3)]
        weights.append([c1 * p + c2 * q + e for p, q, e in zip(weights[-1], weights[-2], shock, strict=True)])
    rows = fmpq_mat(weights[2:])
    return rows * rows.transpose()


def _seen_jointly() -> list[Pair]:
    pairs: list[Pair] = []
    for c1, c2, scale, values in CASES:
        covariance, column = _covariance(c1, c2, scale), fmpq_mat([[v] for v in values])
        quadratic = (column.transpose() * covariance.inv() * column)[0, 0]
        joint = -(arb(quadratic) + arb(covariance.det()).log() + 3 * (2 * arb.pi()).log()) / 2
        at = {a1: c1, a2: c2, sigma: scale, **dict(zip(x, values, strict=True))}
        pairs.append((enclosed(_by_steps().subs({s: number(v) for s, v in at.items()})), joint))
        pairs.append((covariance.det(), scale**6))
    return pairs


h0 = Symbol("h0")
state, chance = Function("f"), Function("g")


def _sequence(values: tuple[int, ...]) -> Any:
    """The product of P(x_t | h_t), with h_t = f(h_(t-1), x_(t-1)) and P(1 | h) = g(h)."""
    h, whole = h0, sympy.S.One
    for value in values:
        whole *= chance(h) if value else 1 - chance(h)
        h = state(h, value)
    return whole


def _hidden() -> list[Pair]:
    """Three binary values, any f and g: a law, whose conditional probabilities are those of the state."""
    joint = {values: _sequence(values) for values in product((0, 1), repeat=3)}
    pairs: list[Pair] = [(sum(joint.values()), 1)]
    for first, second in product((0, 1), repeat=2):
        both = joint[first, second, 0] + joint[first, second, 1]
        pairs.append((joint[first, second, 1] / both, chance(state(state(h0, first), second))))
    return pairs


def _seen_hidden() -> list[Pair]:
    """A machine of three states, simulated: all equally likely rolls of a six-sided die, counted."""
    ones = (1, 4, 3)  # of six faces, in each state

    def run(rolls: tuple[int, ...]) -> tuple[int, ...]:
        h, values = 0, []
        for roll in rolls:
            values.append(int(roll < ones[h]))
            h = (2 * h + values[-1] + 1) % 3
        return tuple(values)

    seen = [run(rolls) for rolls in product(range(6), repeat=3)]
    pairs: list[Pair] = []
    for values in product((0, 1), repeat=3):
        h, expected = 0, Rational(1)
        for value in values:
            expected *= Rational(ones[h] if value else 6 - ones[h], 6)
            h = (2 * h + value + 1) % 3
        pairs.append((Rational(seen.count(values), 6**3), expected))
    return pairs


def _integrated(exponent: Any, h: Symbol) -> tuple[Any, Any]:
    """The integral over h of exp(exponent), by completing the square: the exponent left, and the factor's square."""
    quadratic, linear, constant = sympy.Poly(exponent, h).all_coeffs()
    return constant - linear**2 / (4 * quadratic), pi / -quadratic


def _noisy_covariance(a: Any, s: Any, r: Any) -> Matrix:
    return Matrix([[s**2 + r**2, a * s**2], [a * s**2, (1 + a**2) * s**2 + r**2]])


def _observed() -> list[Pair]:
    """h_1 = sigma e_1, h_2 = a h_1 + sigma e_2, x_t = h_t + r u_t: both states integrated out."""
    h1, h2 = sympy.symbols("h1 h2", real=True)
    squares = ((h1 / sigma) ** 2, ((h2 - a1 * h1) / sigma) ** 2, ((x[0] - h1) / noise) ** 2, ((x[1] - h2) / noise) ** 2)
    exponent, second = _integrated(-sympy.Add(*squares) / 2, h2)
    exponent, first = _integrated(sympy.expand(exponent), h1)
    factor = second * first / (2 * pi * sigma * noise) ** 4
    covariance, both = _noisy_covariance(a1, sigma, noise), x[:2, 0]
    return [(sympy.cancel(exponent), sympy.cancel(-(both.T * covariance.inv() * both)[0] / 2)),
            (sympy.cancel(factor), sympy.cancel(1 / ((2 * pi) ** 2 * covariance.det())))]  # fmt: skip


def _seen_observed() -> list[Pair]:
    """A certified integral over h_1; given it, x_2 is the sum of a h_1 and two independent normals."""
    pairs: list[Pair] = []
    for a, s, r, first, second in ((Rational(3, 5), 1, 2, Rational(1, 3), -1), (-2, Rational(1, 2), 1, 2, -3)):
        spread, given_first = sympy.sqrt(s**2 + r**2), enclosed(first)
        pairs.append((_marginal(a, s, r, spread, given_first, enclosed(second)), _bivariate(a, s, r, first, second)))
        pairs.append(_step(a, s, r, spread, enclosed(second)))
    return pairs


def _marginal(a: Any, s: Any, r: Any, spread: Any, first: arb, second: arb) -> arb:
    def weighted(h: acb) -> acb:
        return ball_density(h, 0, s) * ball_density(first - h, 0, r) * ball_density(second - enclosed(a) * h, 0, spread)

    return gaussian_integral(weighted, 0, s)


def _step(a: Any, s: Any, r: Any, spread: Any, second: arb) -> Pair:
    """The integral over h_2, at h_1 = 1."""
    whole = gaussian_integral(lambda h: ball_density(h, a, s) * ball_density(second - h, 0, r), a, s)
    return whole, ball_density(acb(second), a, spread).real


def _bivariate(a: Any, s: Any, r: Any, *values: Any) -> arb:
    covariance, both = _noisy_covariance(a, Rational(s), Rational(r)), Matrix(values)
    quadratic = (both.T * covariance.inv() * both)[0]
    return (-enclosed(quadratic) / 2).exp() / (2 * arb.pi() * enclosed(covariance.det()).sqrt())


AUTOREGRESSIVE = (
    Derived("the sum of log N(x_t; a_1 x_(t-1) + a_2 x_(t-2), sigma^2), zeros before the start, is the log-density of "
            "a joint normal with covariance sigma^2 (L^T L)^-1, whose determinant is sigma^(2 T) (order 2, T = 3)",
            _jointly, _seen_jointly),
)  # fmt: skip

LATENT_AUTOREGRESSIVE = (
    Derived("a hidden state h_t = f(h_(t-1), x_(t-1)), any f and P(x_t | h_t): the product of P(x_t | h_t) is a joint "
            "law, and P(x_t | all before) = P(x_t | h_t) (binary, T = 3)", _hidden, _seen_hidden),
    Derived("a noisy linear state h_t = a h_(t-1) + sigma e_t, x_t = h_t + r u_t: with the states integrated out x is "
            "normal, with variances sigma^2 + r^2, (1 + a^2) sigma^2 + r^2 and covariance a sigma^2 (T = 2)",
            _observed, _seen_observed),
)  # fmt: skip
