"""The incomplete beta functions and their logarithms: exact sums, what balls of them enclose, and far tails."""

from fractions import Fraction
from math import comb

import flint
import numpy as np
import pytest
import sympy
from flint import arb, fmpq

from fiducial.spec.numbers.ball import Ball
from fiducial.spec.numbers.ball_numbers import BallNumbers
from fiducial.spec.numbers.base import SEVERAL
from fiducial.spec.numbers.objects import ArbArray, ArbNumbers
from fiducial.spec.numbers.rounding import Rounding
from fiducial.spec.positions import _exactly


def binomial_tail(k: int, n: int, p: Fraction) -> Fraction:
    """P(X > k), which is I_p(k + 1, n - k)."""
    return sum((comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1, n + 1)), Fraction(0))


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_they_are_sums_of_binomial_probabilities(n):
    with flint.ctx.workprec(200):
        for p in (Fraction(1, 3), Fraction(7, 8), Fraction(1, 10**9)):
            for k in range(n):
                tail = binomial_tail(k, n, p)
                at = [ArbArray(arb(k + 1)), ArbArray(arb(n - k)), ArbArray(arb(fmpq(p.numerator, p.denominator)))]
                for name, exact in zip(SEVERAL, (tail, 1 - tail), strict=True):
                    found = ArbNumbers().apply(name, *at).items.item()
                    wanted = arb(fmpq(exact.numerator, exact.denominator)).log()
                    assert found.overlaps(wanted) and found.rel_accuracy_bits() > 100


@pytest.mark.parametrize("name", SEVERAL)
def test_balls_of_them_enclose_what_the_operands_may_be(name):
    rng = np.random.default_rng(0)
    a, b = rng.integers(1, 60, (2, 60)).astype(float)
    mids, numbers = [a, b, rng.uniform(0.01, 0.99, 60)], BallNumbers(Rounding.enclosure())
    for relative in (0.0, 2.0**-40, 1e-3):
        balls = [Ball(m, relative * m * (1 - 0.5 * (k == 2)), numbers.model, np) for k, m in enumerate(mids)]
        found = numbers.apply(name, *balls)
        assert np.isfinite(found.rad).all()
        for sides in rng.uniform(-1, 1, (4, 3, 60)):
            points = [m + s * x.rad for m, x, s in zip(mids, balls, sides, strict=True)]
            with flint.ctx.workprec(128):
                exact = ArbNumbers().apply(name, *(ArbNumbers().data(x) for x in points)).items
                off = [abs(e - arb(float(m))) for e, m in zip(exact, found.mid, strict=True)]
            assert all(o <= arb(float(r)) for o, r in zip(off, found.rad, strict=True))


def test_probabilities_that_underflow_have_logarithms():
    numbers = BallNumbers(Rounding.enclosure())
    found = numbers.apply("log_betainc", *map(numbers.data, ([301.0], [700.0], [1e-9])))
    p, n = Fraction(1e-9), 1000
    first = comb(n, 301) * p**301  # the next terms are smaller by 1e-9 each
    with flint.ctx.workprec(128):
        leading = arb(fmpq(first.numerator, first.denominator)).log() + 699 * (1 - arb(1e-9)).log()
    assert abs(float(leading) - found.mid[0]) < 1e-5 and found.mid[0] < -5000


def test_an_attribute_is_a_number_and_never_text():
    assert _exactly(0.1) == sympy.Rational(0.1) and _exactly(np.float32(0.5)) == sympy.Rational(1, 2)
    assert _exactly(3) == 3 and _exactly(float("inf")) == sympy.oo
    with pytest.raises(TypeError, match="a number is required, got str"):
        _exactly("1 + 1")
