"""Maximum likelihood of Bernoulli, binomial and categorical samples, at their boundaries too.

A sample enters by its sufficient statistics: S successes and F failures, or n_k observations of each category.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import comb, prod

import sympy
from flint import fmpq, fmpq_poly
from sympy import Rational, Symbol, diff, log

from fiducial.spec.demonstrations.exact import Pair, enclosed, unless
from fiducial.spec.language import index, positive, size
from fiducial.spec.theorems import Derived

N, S, F, p, r = (Symbol(name, positive=True) for name in "NSFpr")

SAMPLES = ((0, 1, 1, 0, 1), (1, 0, 0, 0, 0, 0, 1), (1, 1, 0))
COUNTS = ((4, (3, 1, 4)), (3, (0, 2, 1, 1)))


def _tosses() -> list[Pair]:
    likelihood = S * log(p) + F * log(1 - p)
    (best,) = sympy.solve(diff(likelihood, p), p)
    curvature = diff(likelihood, p, 2).subs(p, r / (1 + r))
    return [(best, S / (S + F)), (curvature, -S * (1 + r) ** 2 / r**2 - F * (1 + r) ** 2),
            (unless(sympy.cancel(curvature).is_negative), 0)]  # fmt: skip


def _trials() -> list[Pair]:
    """N values of n tosses each with the sum S: the binomial coefficients do not depend on p."""
    n = Symbol("n", positive=True)
    likelihood = S * log(p) + (N * n - S) * log(1 - p)
    (best,) = sympy.solve(diff(likelihood, p), p)
    curvature = diff(likelihood, p, 2).subs(N, (S + F) / n).subs(p, r / (1 + r))
    return [(best, S / (N * n)), (curvature, -S * (1 + r) ** 2 / r**2 - F * (1 + r) ** 2),
            (unless(sympy.cancel(curvature).is_negative), 0)]  # fmt: skip


def _toss(tosses: int, successes: int) -> fmpq_poly:
    """The probability as a polynomial in p."""
    return comb(tosses, successes) * fmpq_poly([0, 1]) ** successes * fmpq_poly([1, -1]) ** (tosses - successes)


def _greatest_at(tosses: int, sample: Sequence[int]) -> list[Pair]:
    """The product of the probabilities has one critical point inside (0, 1), a maximum, at the mean."""
    likelihood = fmpq_poly([1])
    for value in sample:
        likelihood *= _toss(tosses, value)
    at, slope = fmpq(sum(sample), tosses * len(sample)), likelihood.derivative()
    inside = [root for root, _ in slope.factor()[1] if root.degree() == 1 and 0 < -root[0] / root[1] < 1]
    grid = [fmpq(i, 97) for i in range(98)]
    return [(slope(at), fmpq(0)), (bool(slope.derivative()(at) < 0), True), (len(inside), 1),
            (all(likelihood(g) <= likelihood(at) for g in grid), True)]  # fmt: skip


def _seen_tosses() -> list[Pair]:
    return [pair for sample in SAMPLES for pair in _greatest_at(1, sample)]


def _seen_trials() -> list[Pair]:
    return [pair for tosses, sample in COUNTS for pair in _greatest_at(tosses, sample)]


def _one_sided() -> list[Pair]:
    """All zeros: N log(1 - p) falls; all ones: N log p rises; the supremum 0 is reached at the end."""
    zeros, ones, inside = N * log(1 - p), N * log(p), {p: r / (1 + r)}
    return [(diff(zeros, p).subs(inside), -N * (1 + r)), (zeros.subs(p, 0), 0),
            (diff(ones, p).subs(inside), N * (1 + r) / r), (ones.subs(p, 1), 0)]  # fmt: skip


def _seen_one_sided() -> list[Pair]:
    grid = [fmpq(i, 50) for i in range(51)]
    zeros, ones = ([_toss(1, value)(g) ** 4 for g in grid] for value in (0, 1))
    falls = all(a > b for a, b in zip(zeros, zeros[1:], strict=False))
    rises = all(a < b for a, b in zip(ones, ones[1:], strict=False))
    return [(falls, True), (zeros[0], fmpq(1)), (rises, True), (ones[-1], fmpq(1))]


BERNOULLI_MLE = (
    Derived("stationary point: S log p + F log(1 - p) has derivative 0 at p = S / (S + F) only, and the second "
            "derivative is -S / p^2 - F / (1 - p)^2 < 0", _tosses, _seen_tosses),
    Derived("boundary: the likelihood of N zeros falls from 1 at p = 0, that of N ones rises to 1 at p = 1: the "
            "maximum is the sample's mean there too", _one_sided, _seen_one_sided),
)  # fmt: skip

BINOMIAL_MLE = (
    Derived("stationary point: with N values of n tosses each and the sum S it is p = S / (N n), and the second "
            "derivative is -S / p^2 - (N n - S) / (1 - p)^2 < 0", _trials, _seen_trials),
)  # fmt: skip

COUNTED = [Symbol(f"n{k}", positive=True) for k in range(4)]
CHANCES = [Symbol(f"p{k}", positive=True) for k in range(4)]
LABELS = (0, 2, 1, 2, 2)


def _categories() -> list[Pair]:
    """Lagrange: sum_k n_k log p_k - m (sum_k p_k - 1)."""
    m = Symbol("m", positive=True)
    lagrangian = sum(c * log(x) for c, x in zip(COUNTED, CHANCES, strict=True)) - m * (sum(CHANCES) - 1)
    (best,) = sympy.solve([diff(lagrangian, x) for x in (*CHANCES, m)], [*CHANCES, m], dict=True)
    curvature = sympy.hessian(lagrangian, CHANCES)
    concave = sympy.diag(*(-c / x**2 for c, x in zip(COUNTED, CHANCES, strict=True)))
    return [(best[m], sum(COUNTED)), *((best[x], c / sum(COUNTED)) for c, x in zip(COUNTED, CHANCES, strict=True)),
            *zip(curvature, concave, strict=True)]  # fmt: skip


def _cross_entropy() -> list[Pair]:
    """With one-hot targets t of the labels, -(1/N) sum_i sum_k t[i, k] log p[k] is minus the log-likelihood over N."""
    k, c, chances = index("k", size("K")), index("c", size("K")), positive("p")
    one = sympy.Sum(sympy.KroneckerDelta(k, c) * log(chances[k]), k)  # one observation, any number of categories
    targets = [[sympy.Integer(label == column) for column in range(3)] for label in LABELS]
    loss = -sum(t * log(x) for row in targets for t, x in zip(row, CHANCES[:3], strict=True)) / len(LABELS)
    likelihood = prod(CHANCES[label] for label in LABELS)
    return [(one, log(chances[c])), (sympy.exp(sympy.expand(-loss * len(LABELS))), likelihood)]


def _seen_categories() -> list[Pair]:
    """The likelihood, a product over the sample, on all points of a grid in the simplex."""
    pairs: list[Pair] = []
    for labels in ((0, 2, 1, 2, 2, 0), (1, 0, 1, 1, 2)):
        best = [Rational(labels.count(k), len(labels)) for k in range(3)]
        grid = [(Rational(a, 24), Rational(b, 24)) for a, b in product(range(25), repeat=2) if a + b <= 24]
        greatest = prod(best[label] for label in labels)
        others = [prod((a, b, 1 - a - b)[label] for label in labels) for a, b in grid]
        pairs.append((all(o < greatest or list(g) == best[:2] for o, g in zip(others, grid, strict=True)), True))
    return pairs


def _seen_cross_entropy() -> list[Pair]:
    pairs: list[Pair] = []
    for chances in ((Rational(1, 2), Rational(1, 3), Rational(1, 6)), (Rational(1, 5), Rational(1, 5), Rational(3, 5))):
        loss = sum((-enclosed(log(chances[label])) for label in LABELS), enclosed(0)) / len(LABELS)
        pairs.append(((-loss * len(LABELS)).exp(), enclosed(prod(chances[label] for label in LABELS))))
    return pairs


CATEGORICAL_MLE = (
    Derived("stationary point: with n_k observations of category k the likelihood is greatest at p_k = n_k / N; the "
            "multiplier is N and sum_k n_k log p_k is concave (four categories)", _categories, _seen_categories),
    Derived("minimising the cross-entropy is maximum likelihood: exp(-N loss) is the likelihood of the labels",
            _cross_entropy, _seen_cross_entropy),
)  # fmt: skip
