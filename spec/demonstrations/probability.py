"""Conditional probability: Bayes' rule, the chain rule, Simpson's paradox."""

from __future__ import annotations

from itertools import permutations, product
from math import prod
from typing import Any

import sympy
from sympy import Matrix, Rational, Symbol

from fiducial.spec.demonstrations.exact import Pair, unless
from fiducial.spec.language import array, index, size
from fiducial.spec.theorems import Derived

k, l = index("k", size("K")), index("l", size("K"))
prior, first, second = array("prior"), array("first"), array("second")

# How many of 60 equally likely outcomes lie in each hypothesis (row) and each observation (column).
OUTCOMES = Matrix([[3, 7, 2, 8], [1, 1, 12, 6], [5, 9, 4, 2]])


def _posterior(weights: Any, likelihood: Any) -> Any:
    """weights[k] likelihood[k] over its total, where both are functions of an index."""
    total = sympy.Sum(weights(l) * likelihood(l), l)
    return lambda at: weights(at) * likelihood(at) / total


def _bayes() -> list[Pair]:
    posterior = _posterior(lambda at: prior[at], lambda at: first[at])
    return [(sympy.Sum(posterior(k), k), 1)]


def _seen_bayes() -> list[Pair]:
    """By counting: outcomes of a hypothesis among those of an observation."""
    pairs: list[Pair] = []
    total = sum(OUTCOMES)
    for seen in range(4):
        chances = [Rational(sum(OUTCOMES[h, :]), total) for h in range(3)]
        likelihoods = [Rational(OUTCOMES[h, seen], sum(OUTCOMES[h, :])) for h in range(3)]
        evidence = sum(a * b for a, b in zip(chances, likelihoods, strict=True))
        pairs.append((evidence, Rational(sum(OUTCOMES[:, seen]), total)))
        for h in range(3):
            counted = Rational(OUTCOMES[h, seen], sum(OUTCOMES[:, seen]))
            pairs.append((chances[h] * likelihoods[h] / evidence, counted))
    return pairs


def _twice() -> list[Pair]:
    once = _posterior(lambda at: prior[at], lambda at: first[at] * second[at])
    inner = sympy.Sum(prior[l] * first[l], l)
    step = _posterior(lambda at: prior[at] * first[at] / inner, lambda at: second[at])
    return [(step(k), once(k))]


def _seen_twice() -> list[Pair]:
    """Draws with replacement from one of three urns: all equally likely pairs of draws, counted."""
    urns = ("aab", "abbbb", "abcc")
    pairs: list[Pair] = []
    for draws in ("ab", "bb", "ac"):
        weights = [Rational(1, 3)] * 3
        for letter in draws:
            weights = [w * Rational(urn.count(letter), len(urn)) for w, urn in zip(weights, urns, strict=True)]
            weights = [w / sum(weights) for w in weights]
        joint = [Rational(sum(pair == tuple(draws) for pair in product(urn, repeat=2)), len(urn) ** 2) for urn in urns]
        pairs += [(w, j / sum(joint)) for w, j in zip(weights, joint, strict=True)]
    return pairs


def _chain() -> list[Pair]:
    """Any joint probabilities of three variables with two values each."""
    joint = {at: Symbol("p" + "".join(map(str, at)), positive=True) for at in product((0, 1), repeat=3)}

    def chance(*start: int) -> Any:
        return sum(q for at, q in joint.items() if at[: len(start)] == start)

    return [(chance(a) / chance() * (chance(a, b) / chance(a)) * (chance(a, b, c) / chance(a, b)), q / chance())
            for (a, b, c), q in joint.items()]  # fmt: skip


def _seen_chain() -> list[Pair]:
    """Cards drawn without replacement: the product of the conditional fractions, and all ordered draws counted."""
    cards = "aaabbc"
    draws = ["".join(draw) for draw in permutations(cards, 3)]
    pairs: list[Pair] = []
    for hand in ("aab", "abc", "bba", "aaa"):
        chained = prod(
            Rational(cards.count(card) - hand[:i].count(card), len(cards) - i) for i, card in enumerate(hand)
        )
        pairs.append((chained, Rational(draws.count(hand), len(draws))))
    return pairs


BAYES = (
    Derived("total probability: the posterior prior[k] likelihood[k] / Sum_l prior[l] likelihood[l] sums to 1",
            _bayes, _seen_bayes),
    Derived("two updates one after the other are one with the product of the likelihoods", _twice, _seen_twice),
    Derived("chain rule: P(a, b, c) = P(a) P(b | a) P(c | a, b)", _chain, _seen_chain),
)  # fmt: skip

# Charig et al. 1986: stones removed, and patients, by treatment (A: open surgery) and by the stones' size.
REMOVED = {"A": ((81, 87), (192, 263)), "B": ((234, 270), (55, 80))}


def _rates(treatment: str) -> tuple[list[Rational], list[int]]:
    return [Rational(*stratum) for stratum in REMOVED[treatment]], [patients for _, patients in REMOVED[treatment]]


def _weighted(rates: list[Any], weights: Any) -> Any:
    """Total probability: the sum of P(success | stratum) P(stratum)."""
    return sum(rate * weight for rate, weight in zip(rates, weights, strict=True)) / sum(weights)


def _simpson() -> list[Pair]:
    """Pooled, each treatment is weighted by its own patients; adjusted, both by all patients."""
    (a, in_a), (b, in_b) = _rates("A"), _rates("B")
    everyone = [x + y for x, y in zip(in_a, in_b, strict=True)]
    pooled = [_weighted(a, in_a), _weighted(b, in_b)]
    adjusted = [_weighted(a, everyone), _weighted(b, everyone)]
    return [(pooled[0], Rational(273, 350)), (pooled[1], Rational(289, 350)),
            (adjusted[0], Rational(634983, 762700)), (adjusted[1], Rational(6231, 8000)),
            (unless(a[0] > b[0] and a[1] > b[1]), 0), (unless(pooled[0] < pooled[1]), 0),
            (unless(adjusted[0] > adjusted[1]), 0)]  # fmt: skip


def _seen_simpson() -> list[Pair]:
    """Patient by patient; adjusted: what each of all patients could expect, by the own stones' size."""
    patients = [(treatment, stones, i < removed) for treatment, strata in REMOVED.items()
                for stones, (removed, treated) in enumerate(strata) for i in range(treated)]  # fmt: skip

    def rate(treatment: str, *stones: int) -> Rational:
        outcomes = [success for t, s, success in patients if t == treatment and s in stones]
        return Rational(sum(outcomes), len(outcomes))

    def adjusted(treatment: str) -> Rational:
        return sum(rate(treatment, stones) for _, stones, _ in patients) / len(patients)

    small, large, pooled = ([rate(t, *stones) for t in "AB"] for stones in ((0,), (1,), (0, 1)))
    same = [adjusted(t) for t in "AB"]
    return [(small[0] > small[1], True), (large[0] > large[1], True), (pooled[0] < pooled[1], True),
            (pooled[0], Rational(273, 350)), (pooled[1], Rational(289, 350)),
            (same[0], Rational(634983, 762700)), (same[1], Rational(6231, 8000))]  # fmt: skip


def _decomposed() -> list[Pair]:
    """For two strata: a difference at equal weights, plus what the different weights do."""
    a, b, v, w = (sympy.symbols(f"{name}0:2", positive=True) for name in "abvw")
    pooled = _weighted(a, v) - _weighted(b, w)
    same = [x - y for x, y in zip(a, b, strict=True)]
    confounded = (a[0] - a[1]) * (v[0] / sum(v) - w[0] / sum(w))
    return [(pooled, _weighted(same, w) + confounded)]


def _seen_decomposed() -> list[Pair]:
    """The pooled difference, counted, against its two parts."""
    (a, v), (b, w) = _rates("A"), _rates("B")
    pooled = Rational(81 + 192, 87 + 263) - Rational(234 + 55, 270 + 80)
    same = (a[0] - b[0]) * Rational(270, 350) + (a[1] - b[1]) * Rational(80, 350)
    return [(pooled, same + (a[0] - a[1]) * (Rational(v[0], sum(v)) - Rational(w[0], sum(w))))]


SIMPSON = (
    Derived("Simpson's paradox (Charig et al. 1986): A is ahead in each stratum, 81/87 > 234/270 and 192/263 > 55/80, "
            "yet behind in all, 273/350 < 289/350; with the strata of all patients ahead, 634983/762700 > 6231/8000",
            _simpson, _seen_simpson),
    Derived("two strata: the pooled difference is that of the rates with one's weights, plus (rate[0] - rate[1]) times "
            "the difference of the weights", _decomposed, _seen_decomposed),
)  # fmt: skip
