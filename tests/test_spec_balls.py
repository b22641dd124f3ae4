"""float64 balls enclose what Arb computes: sums, products, quotients, reductions, choices."""

import flint
import numpy as np
import pytest
from balls import (
    BITS,
    ENCLOSURE,
    FINITE,
    HARD,
    NUMBERS,
    PAIRS,
    TINY,
    assert_encloses,
    balls,
    check,
    interior,
    pairs,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.spec.numbers.ball import Ball


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("relative", [0.0, 2.0**-53, 1e-9, 0.3, 1.5])
def test_pairs_of_hard_numbers(name, relative):
    a, b = pairs(FINITE)
    if name == "div" and not relative:
        a, b = a[b != 0], b[b != 0]
    with np.errstate(over="ignore"):
        check(PAIRS[name], balls(a, relative * np.abs(a)), balls(b, relative * np.abs(b)))


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_with_radii_of_their_own(name):
    a, b = pairs([0.0, TINY, 1.0, -3.0, 1e-300, 2.0**600])
    rng = np.random.default_rng(1)
    for _ in range(4):
        ra, rb = (rng.choice([0.0, TINY, 2.0**-60, 0.25, 2.0**590], a.shape) for _ in range(2))
        check(PAIRS[name], balls(a, ra), balls(b, rb), rng=rng)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "maximum"])
def test_an_exact_infinity_stays_exact_or_is_not_promised(name):
    a, b = pairs(HARD)
    some = np.isinf(a) | np.isinf(b)
    with np.errstate(all="ignore"):
        result = PAIRS[name](balls(a[some]), balls(b[some]))
        expected = {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b, "maximum": np.maximum(a, b)}[name][some]
    assert np.array_equal(result.mid, expected, equal_nan=True)
    # Where the result has no value, the radius must say so.
    assert np.isinf(result.rad[np.isnan(expected)]).all()


@settings(max_examples=150, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False),
       st.floats(0, 2, allow_subnormal=False), st.floats(0, 2, allow_subnormal=False), st.sampled_from(sorted(PAIRS)),
       st.integers(0, 2**32 - 1))  # fmt: skip
def test_pairs_of_any_numbers(a, b, ra, rb, name, seed):
    with np.errstate(all="ignore"):
        left, right = balls([a], ra * abs(a)), balls([b], rb * abs(b))
    if np.isinf(left.rad).any() or np.isinf(right.rad).any() or (name == "div" and abs(b) <= right.rad[0]):
        return
    check(PAIRS[name], left, right, rng=np.random.default_rng(seed))


def test_a_divisor_that_may_be_zero_promises_nothing():
    with np.errstate(all="ignore"):
        result = balls([1.0, 0.0, -2.0, 1.0]) / balls([1.0, 0.5, 0.0, -3.0], [1.0, 0.5, 1.0, 4.0])
    assert np.isinf(result.rad[[0, 2, 3]]).all()


ONES = {
    "abs": lambda a: abs(a),
    "neg": lambda a: -a,
    "half": lambda a: a.scaled(0.5),
    "double": lambda a: a.scaled(2.0),
    "minus 2^-40": lambda a: a.scaled(-(2.0**-40)),
    "total": lambda a: a.total([a.reshape(a.shape), -a, a.scaled(0.25)]),
    "sum": lambda a: a.reshape((-1, 3)).sum(1),
    "max": lambda a: a.reshape((-1, 3)).max(1),
    "sum_of_others": lambda a: a.reshape((-1, 3)).sum_of_others(1),
    "sum of rows": lambda a: a.reshape((-1, 3)).sum(0),
    "sum of other rows": lambda a: a.reshape((-1, 3)).sum_of_others(0),
    "gather": lambda a: a.gather(np.arange(6).reshape(2, 3)),
    "matmul": lambda a: a.reshape((-1, 3)).matmul(a.reshape((3, -1))),
}


def triples():
    """Cancelling, subnormal and very unequal triples."""
    rng = np.random.default_rng(2)
    picked = rng.choice(FINITE, (60, 3))
    cancelling = np.array([[1e16, 1.0, -1e16], [1 + 2.0**-52, -1.0, 2.0**-54], [TINY, -TINY, TINY],
                           [1e300, -1e300, TINY], [0.0, 0.0, 3.0], [0.0, 1 / 3, 0.1], [2.0**53, 1.0, 1.0],
                           [0.0, 0.0, 0.0]])  # fmt: skip
    return np.concatenate([picked, cancelling, rng.normal(size=(60, 3))]).ravel()


@pytest.mark.parametrize("name", ONES)
@pytest.mark.parametrize("relative", [0.0, 2.0**-53, 0.4])
def test_reductions_of_hard_numbers(name, relative):
    a = triples()
    if name == "matmul":
        a = a[np.random.default_rng(3).permutation(len(a))[:90]]
    check(ONES[name], balls(a, relative * np.abs(a)))


def test_long_sums_and_products():
    rng = np.random.default_rng(4)
    a = rng.normal(size=(6, 500)) * 10.0 ** rng.integers(-12, 12, (6, 500))
    a[rng.random(a.shape) < 0.3] = 0.0
    check(lambda p: p.sum(1), balls(a))
    check(lambda p: p.sum_of_others(1), balls(a[:2, :80]))
    check(lambda p, q: p.matmul(q), balls(a), balls(a.T.copy()))
    check(lambda p, q: p.matmul(q), balls(a, 1e-10 * abs(a)), balls(a.T.copy(), 1e-3))


def test_subnormal_products_in_a_matrix():
    rng = np.random.default_rng(5)
    a, b = (rng.normal(size=s) * 2.0**-537 for s in ((5, 40), (40, 5)))
    check(lambda p, q: p.matmul(q), balls(a), balls(b))
    check(lambda p, q: (p * q).sum(1), balls(a), balls(b.T.copy()))


def test_a_matrix_product_with_infinities():
    """inf times a certain sign is inf; times zero, or against the other infinity, nothing is promised."""
    a = balls([[np.inf, 1.0, 2.0], [1.0, 2.0, 3.0], [np.inf, -np.inf, 0.0]])
    b = balls([[1.0, 0.0], [2.0, 3.0], [4.0, 5.0]])
    with np.errstate(invalid="ignore"):
        found = a.matmul(b)
    assert (found.mid[0, 0], found.rad[0, 0]) == (np.inf, 0.0)
    assert np.isinf(found.rad[0, 1]) and np.isinf(found.rad[2]).all()
    assert np.isfinite(found.rad[1]).all()


def test_sums_with_infinities():
    rows = balls([[np.inf, 1.0, 2.0], [-np.inf, 1e308, 1e308], [np.inf, -np.inf, 0.0], [1e308, 1e308, -1e308]])
    with np.errstate(all="ignore"):
        summed = rows.sum(1)
        first, *rest = (rows.gather(np.arange(k, 12, 3)) for k in range(3))
        added, others = first.total(rest), rows.sum_of_others(1)
    for found in (summed, added):
        assert found.mid[0] == np.inf and found.rad[0] == 0
        assert np.isinf(found.rad[[2, 3]]).all()
    assert (added.mid[1], added.rad[1]) == (-np.inf, 0.0)
    assert others.rad[0, 0] < 1e-15 and (others.mid[0, 1], others.rad[0, 1]) == (np.inf, 0.0)


def test_an_infinity_of_uncertain_sign_promises_nothing():
    with np.errstate(all="ignore"):
        product = balls([np.inf]) * balls([1.0], 2.0)
        quotient = balls([np.inf]) / balls([1.0], 2.0)
        total = balls([np.inf]) + balls([1.0], np.inf)
        zero = balls([0.0]) * balls([1.0], np.inf)
    assert all(np.isinf(b.rad[0]) for b in (product, quotient, total, zero))


def test_a_radius_below_the_last_place_is_not_lost():
    """1 +- 1e-17 is no exact 1: comparing the ends, rounded, would say so."""
    ball = balls([[1.0, 1.0, 0.5]], 1e-17)
    assert ball.max(1).rad[0] >= 1e-17
    assert ball.maximum(balls([[0.0, 1.0, 0.25]])).rad.min() >= 1e-17
    assert NUMBERS.choose(np.array(False), np.array(False), ball, balls([[1.0, 1.0, 0.5]])).rad.min() >= 1e-17


@pytest.mark.parametrize("unknown", [0.0, 1.0])
def test_choose_covers_both_where_it_does_not_know(unknown):
    rng = np.random.default_rng(9)
    a, b = (balls(rng.choice(FINITE, 200), 0.0) for _ in range(2))
    a.rad[:] = unknown * np.abs(a.mid) / 4
    b.rad[:] = unknown * np.abs(b.mid) / 4
    yes = rng.random(200) < 0.3
    no = ~yes & (rng.random(200) < 0.5)
    with np.errstate(all="ignore"), flint.ctx.workprec(BITS):
        chosen = NUMBERS.choose(yes, no, a, b)
        for mask, source in ((~no, a), (~yes, b)):
            part = Ball(chosen.mid[mask], chosen.rad[mask], ENCLOSURE, np)
            inside = Ball(source.mid[mask], source.rad[mask], ENCLOSURE, np)
            for points in interior(inside, rng):
                assert_encloses(part, points)


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 1e300))
def test_comparisons_are_certain(mid, rad):
    ball = balls([mid], rad)
    (above, not_above), (below, not_below) = ball.positive(), ball.negative()
    low, high = flint.arb(mid) - flint.arb(rad), flint.arb(mid) + flint.arb(rad)
    with flint.ctx.workprec(2200):
        assert bool(above[0]) <= bool(low > 0) and bool(not_above[0]) <= bool(high <= 0)
        assert bool(below[0]) <= bool(high < 0) and bool(not_below[0]) <= bool(low >= 0)


# --- the balls of a format hold what the format computes ---


def test_a_nan_in_a_matrix_product_stays_in_its_row() -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    a[1, 2] = np.nan
    with np.errstate(all="ignore"):
        found = balls(a).matmul(balls(b))
    assert np.isfinite(found.mid[0]).all() and np.isfinite(found.rad[0]).all()
    assert np.isnan(found.mid[1]).all()
