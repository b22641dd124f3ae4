"""Bernoulli and binomial distributions: what they sum to, their moments, entropy and generating functions.

The probability is written p = r / (1 + r): the odds r > 0 run over all of 0 < p < 1, and roots have one sign.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import comb
from typing import Any

import flint
import sympy
from sympy import Integer, Rational, Sum, Symbol, binomial, diff, exp, log, sqrt

from fiducial.spec.demonstrations.exact import Pair, enclosed, formula
from fiducial.spec.theorems import Derived

n = Symbol("n", integer=True, positive=True)
k = Symbol("k", integer=True, nonnegative=True)
r, u, z = (Symbol(name, positive=True) for name in "ruz")
t = Symbol("t", real=True)
p, q = r / (1 + r), 1 / (1 + r)

TOSSES = [{r: Rational(2, 5)}, {r: Rational(1)}, {r: Rational(7, 3)}]
POINTS = [{n: 1, r: Rational(2, 5)}, {n: 4, r: Rational(1, 2)}, {n: 9, r: Rational(5)}]
AT_Z = [{**point, z: Rational(3, 7) + i} for i, point in enumerate(POINTS)]
AT_T = [{**point, t: Rational(3, 7) - i} for i, point in enumerate(POINTS)]


def _toss(f: Callable[[int], Any]) -> Any:
    """E[f(k)] for one toss."""
    return sum((p**i * q ** (1 - i) * f(i) for i in (0, 1)), sympy.S.Zero)


def _tosses(size: int, odds: Any, f: Callable[[int], Any]) -> Any:
    """E[f(k)] over all sequences of tosses, each with the product of its probabilities."""
    chance = {1: odds / (1 + odds), 0: 1 / (1 + odds)}
    return sum(sympy.Mul(*(chance[i] for i in toss)) * f(sum(toss)) for toss in product((0, 1), repeat=size))


def _series(term: Any) -> Any:
    """Sum over k of C(n, k) r^k times the term, over (1 + r)^n.

    SymPy names a condition for its closed form. Both sides are polynomials in r for each n, so it is not needed.
    """
    whole = Sum(binomial(n, k) * r**k * term, (k, 0, n)).doit()
    return sympy.powsimp(whole.args[0][0] / (1 + r) ** n)


GENERATING = ((1 + r * z) / (1 + r)) ** n


def _factorial(order: int) -> Any:
    """E[k (k - 1) ... (k - order + 1)] from the generating function."""
    return diff(GENERATING, z, order).subs(z, 1)


def _central(order: int) -> Any:
    """E[(k - n p)^order] from the moment generating function."""
    return sympy.factor(diff(exp(-n * p * t) * GENERATING.subs(z, exp(t)), t, order).subs(t, 0))


def _toss_central(order: int) -> Any:
    return sympy.factor(_toss(lambda i: (i - p) ** order))


def _seen_central(size: int, odds: Any, order: int) -> Any:
    return _tosses(size, odds, lambda i: (i - size * odds / (1 + odds)) ** order)


def _seen_standardised(size: int, odds: Any, order: int) -> Any:
    return _seen_central(size, odds, order) / _seen_central(size, odds, 2) ** Rational(order, 2)


def _greatest_entropy() -> list[Pair]:
    x = Symbol("x", positive=True)
    entropy = -x * log(x) - (1 - x) * log(1 - x)
    (where,) = sympy.solve(sympy.logcombine(diff(entropy, x), force=True), x)
    curvature = sympy.factor(diff(entropy, x, 2).subs(x, p))
    return [(where, Rational(1, 2)), (entropy.subs(x, where), log(2)), (curvature, -((1 + r) ** 2) / r)]


def _seen_greatest_entropy() -> list[Pair]:
    half = enclosed(_entropy_of(3, Rational(1))) / 3
    below = [_entropy_of(1, Rational(i, 7)) for i in range(1, 7)]
    return [(half, enclosed(log(2))), *((bool(enclosed(h) < half), True) for h in below)]


def _entropy_of(size: int, odds: Any) -> Any:
    """Of independent tosses, over all their sequences: they add up."""
    chance = {1: odds / (1 + odds), 0: 1 / (1 + odds)}
    all_of_them = [sympy.Mul(*(chance[i] for i in toss)) for toss in product((0, 1), repeat=size)]
    return -sympy.Add(*(c * log(c) for c in all_of_them))


ENTROPY = -p * log(p) - q * log(q)

BERNOULLI = (
    formula("normalisation: P(0) + P(1) = 1", lambda: _toss(lambda i: 1), Integer(1),
            lambda odds: _tosses(1, odds, lambda i: 1), TOSSES),
    formula("mean: E[k] = p", lambda: _toss(lambda i: i), p, lambda odds: _tosses(1, odds, lambda i: i), TOSSES),
    formula("variance: E[(k - p)^2] = p (1 - p)", lambda: _toss_central(2), p * q,
            lambda odds: _seen_central(1, odds, 2), TOSSES),
    formula("skewness: (1 - 2 p) / sqrt(p (1 - p))", lambda: _toss_central(3) / _toss_central(2) ** Rational(3, 2),
            (q - p) / sqrt(p * q), lambda odds: _seen_standardised(1, odds, 3), TOSSES),
    formula("excess kurtosis: (1 - 6 p (1 - p)) / (p (1 - p))", lambda: _toss_central(4) / _toss_central(2) ** 2 - 3,
            (1 - 6 * p * q) / (p * q), lambda odds: _seen_standardised(1, odds, 4) - 3, TOSSES),
    formula("probability generating function: E[z^k] = 1 - p + p z", lambda: _toss(lambda i: z**i), q + p * z,
            lambda size, odds, at: _tosses(1, odds, lambda i: at**i), AT_Z),
    formula("moment generating function: E[e^(t k)] = 1 - p + p e^t", lambda: _toss(lambda i: exp(t * i)),
            q + p * exp(t), lambda size, odds, at: enclosed(_tosses(1, odds, lambda i: exp(at * i))), AT_T),
    formula("entropy: -E[log P(k)] = -p log p - (1 - p) log(1 - p), in nats; a third of that of three tosses",
            lambda: -_toss(lambda i: i * log(p) + (1 - i) * log(q)), ENTROPY,
            lambda odds: enclosed(_entropy_of(3, odds)) / 3, TOSSES),
    Derived("the entropy is greatest, log 2, at p = 1/2 only: its second derivative is -1 / (p (1 - p)) < 0",
            _greatest_entropy, _seen_greatest_entropy),
)  # fmt: skip


def _sum_of_tosses() -> list[Pair]:
    """The product of n generating functions; and one more toss gives Pascal's rule."""
    whole = sympy.product(_toss(lambda i: z**i), (k, 1, n))
    more = (p * binomial(n, k - 1) * p ** (k - 1) * q ** (n - k + 1) + q * binomial(n, k) * p**k * q ** (n - k)) / (
        binomial(n + 1, k) * p**k * q ** (n + 1 - k)
    )
    return [(sympy.cancel(whole / GENERATING), 1), (sympy.simplify(sympy.gammasimp(more)), 1)]


def _convolved() -> list[Pair]:
    pairs: list[Pair] = []
    for size, odds in ((3, Rational(2, 5)), (8, Rational(7, 3))):
        toss, law = [1 / (1 + odds), odds / (1 + odds)], [Integer(1)]
        for _ in range(size):
            law = [toss[0] * a + toss[1] * b for a, b in zip([*law, 0], [0, *law], strict=True)]
        pairs += [(c, comb(size, i) * toss[1] ** i * toss[0] ** (size - i)) for i, c in enumerate(law)]
    return pairs


def _standardised_limit() -> list[Pair]:
    """With u = 1 / sqrt(n): log E[e^(t (k - n p) / sqrt(n p (1 - p)))] = (log(1 - p + p e^(s u)) - p s u) / u^2."""
    s = t * (1 + r) / sqrt(r)  # t / sqrt(p (1 - p))
    standardised = (log(q + p * exp(s * u)) - p * s * u) / u**2
    return [(sympy.simplify(sympy.limit(standardised, u, 0)), t**2 / 2)]


def _standardised_far_out() -> list[Pair]:
    """The third derivative of log(1 - p + p e^x) is at most 1 / (6 sqrt 3) in size, which bounds Taylor's remainder.

    So the logarithm differs from t^2 / 2 by at most |t / sigma|^3 / (36 sqrt(3) sqrt(n)), less than / 62.
    """
    pairs: list[Pair] = []
    with flint.ctx.workprec(1024):
        for odds, at in ((Rational(2, 5), Rational(3, 2)), (Rational(7, 3), Rational(-5, 4))):
            chance, root = enclosed(odds / (1 + odds)), flint.arb(2) ** 120
            scaled = enclosed(at * (1 + odds)) / enclosed(odds).sqrt()
            x = scaled / root
            standardised = ((chance * x.expm1()).log1p() - chance * x) * root**2
            pairs.append((standardised, enclosed(at**2 / 2) + flint.arb(0, abs(scaled) ** 3 / 62 / root)))
    return pairs


BINOMIAL = (
    formula("normalisation: Sum_k C(n, k) p^k (1 - p)^(n - k) = 1", lambda: _series(1), Integer(1),
            lambda size, odds: _tosses(size, odds, lambda i: 1), POINTS),
    formula("probability generating function: E[z^k] = (1 - p + p z)^n", lambda: _series(z**k), GENERATING,
            lambda size, odds, at: _tosses(size, odds, lambda i: at**i), AT_Z),
    formula("moment generating function: E[e^(t k)] = (1 - p + p e^t)^n",
            lambda: _series(z**k).subs(z, exp(t)), (q + p * exp(t)) ** n,
            lambda size, odds, at: enclosed(_tosses(size, odds, lambda i: exp(at * i))), AT_T),
    formula("mean: E[k] = n p, from the generating function (1 - p + p z)^n", lambda: _factorial(1), n * p,
            lambda size, odds: _tosses(size, odds, lambda i: i), POINTS),
    formula("variance: n p (1 - p)", lambda: _factorial(2) + _factorial(1) - _factorial(1) ** 2, n * p * q,
            lambda size, odds: _seen_central(size, odds, 2), POINTS),
    formula("skewness: (1 - 2 p) / sqrt(n p (1 - p))", lambda: _central(3) / _central(2) ** Rational(3, 2),
            (q - p) / sqrt(n * p * q), lambda size, odds: _seen_standardised(size, odds, 3), POINTS),
    formula("excess kurtosis: (1 - 6 p (1 - p)) / (n p (1 - p))", lambda: _central(4) / _central(2) ** 2 - 3,
            (1 - 6 * p * q) / (n * p * q), lambda size, odds: _seen_standardised(size, odds, 4) - 3, POINTS),
    Derived("it is the sum of n independent tosses: (1 - p + p z)^n is the product of n generating functions, and "
            "P(k; n + 1) = p P(k - 1; n) + (1 - p) P(k; n)", _sum_of_tosses, _convolved),
    Derived("de Moivre-Laplace: log E[exp(t (k - n p) / sqrt(n p (1 - p)))] -> t^2 / 2, that of the standard normal "
            "distribution, as n grows", _standardised_limit, _standardised_far_out),
)  # fmt: skip
