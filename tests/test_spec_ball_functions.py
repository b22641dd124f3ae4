"""float64 balls enclose what Arb computes: functions of one number."""

import numpy as np
import pytest
from balls import FEWER_BITS, FINITE, NUMBERS, RANGES, balls, check

from fiducial.spec.numbers.base import FUNCTIONS
from fiducial.spec.numbers.objects import ArbArray, ArbNumbers


def points_of(function):
    low, high = RANGES[function]
    rng = np.random.default_rng(6)
    hard = np.array([v for v in FINITE if low <= v <= high])
    magnitudes = 2.0 ** rng.uniform(-1070, np.log2(high), 300) * rng.choice([-1.0, 1.0], 300)
    spread = np.concatenate([rng.uniform(low, min(high, 800.0), 300), magnitudes, hard])
    near = 1 + rng.uniform(-1, 1, 100) * 2.0 ** rng.uniform(-52, -1, 100)
    points = np.concatenate([spread, near, -near, near - 1])
    return points[(points >= low) & (points <= high)]


def applied(function):
    def apply(value):
        return (ArbNumbers() if isinstance(value, ArbArray) else NUMBERS).apply(function, value)

    return apply


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions(function):
    a = points_of(function)
    low, _ = RANGES[function]
    if function in ("log", "log1p", "lgamma", "erfcinv"):
        a = a[(a != low) & (a != 2)]
    check(applied(function), balls(a), bits=FEWER_BITS)
    for relative in (2.0**-53, 1e-12, 0.01, 0.5):
        rad = relative * np.abs(a)
        inside = a - 1.01 * rad > low if low in (0, -1) else np.full(a.shape, True)
        check(applied(function), balls(a[inside], rad[inside]), bits=FEWER_BITS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_with_a_wide_ball_around_a_point(function):
    low, high = RANGES[function]
    rng = np.random.default_rng(8)
    rad = 2.0 ** rng.uniform(-1074, 2, 300)
    a = rng.uniform(max(low, -30), min(high, 30), 300)
    inside = a - 1.01 * rad > low if low in (0, -1) else np.full(a.shape, True)
    check(applied(function), balls(a[inside], rad[inside]), bits=FEWER_BITS)


@pytest.mark.parametrize("function", ["log", "log1p", "sqrt"])
def test_a_ball_that_leaves_the_domain_promises_nothing(function):
    edge = RANGES[function][0]
    with np.errstate(all="ignore"):
        found = NUMBERS.apply(function, balls([edge + 0.5, edge, edge + 1e-300], [0.75, 0.5, 0.25]))
    assert np.isinf(found.rad).all()


def test_functions_at_infinities_and_zero():
    values = balls([np.inf, -np.inf, 0.0])
    bounded = {"tanh": [1, -1, 0], "erf": [1, -1, 0], "erfc": [0, 2, 1]}
    expected = {"exp": [np.inf, 0, 1], "expm1": [np.inf, -1, 0], **bounded}
    for function, limits in expected.items():
        found = NUMBERS.apply(function, values)
        assert found.mid.tolist() == limits
        assert (found.rad[np.isfinite(limits)] < 1e-14).all() and (found.rad[np.isinf(limits)] == 0).all()
    with np.errstate(divide="ignore"):
        pole = NUMBERS.apply("log", balls([0.0]))
    assert (pole.mid[0], pole.rad[0]) == (-np.inf, 0.0)
