"""The balls of a narrow format enclose what that format computes; constants are held or enclosed."""

import flint
import numpy as np
import pytest
import sympy
from balls import NUMBERS, PAIRS, RANGES, assert_encloses, balls

from fiducial.spec.formats import FORMATS
from fiducial.spec.numbers.ball import Ball
from fiducial.spec.numbers.ball_numbers import BallNumbers
from fiducial.spec.numbers.base import FUNCTIONS
from fiducial.spec.numbers.objects import ArbNumbers
from fiducial.spec.numbers.rounded import RoundedNumbers
from fiducial.spec.numbers.rounding import Rounding

NARROW = {"float32": np.float32, "float16": np.float16}


def samples(dtype, shape, rng):
    """Exact numbers of the format, over all its magnitudes, with zeros and ends."""
    info = np.finfo(dtype)
    size = int(np.prod(shape))
    exponents = rng.uniform(info.minexp - info.nmant, info.maxexp - 1, size)
    wide = 2.0**exponents * rng.choice([-1, 1], size)
    near = rng.normal(size=size)
    values = np.where(rng.random(size) < 0.4, wide, near)
    edges = map(float, (info.tiny, info.smallest_subnormal, info.max, 1 + info.eps))
    special = np.array([0.0, 1.0, -1.0, *edges])
    values = np.where(rng.random(size) < 0.05, rng.choice(special, size), values)
    return values.astype(dtype).reshape(shape)


def model_ball(array, format):
    return Ball(array.astype(float), np.zeros(array.shape), Rounding.of(FORMATS[format]), np)


def assert_stays_inside(found, ball):
    """What the format computed, an overflow apart, lies in the ball."""
    found = found.astype(float)
    assert ball.rad.shape == found.shape
    with np.errstate(all="ignore"):
        inside = np.abs(found - ball.mid) <= ball.rad
    wrong = ~(inside | np.isinf(ball.rad) | (found == ball.mid))
    assert not wrong.any(), (found[wrong][:3], ball.mid[wrong][:3], ball.rad[wrong][:3])


@pytest.mark.parametrize("format", NARROW)
@pytest.mark.parametrize("name", PAIRS)
def test_a_format_stays_inside_for_pairs(format, name):
    rng = np.random.default_rng(10)
    a, b = (samples(NARROW[format], (50_000,), rng) for _ in range(2))
    with np.errstate(all="ignore"):
        found = {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b, "maximum": np.maximum(a, b)}[name]
        ball = PAIRS[name](model_ball(a, format), model_ball(b, format))
    assert_stays_inside(found, ball)


@pytest.mark.parametrize("format", NARROW)
def test_a_format_stays_inside_for_sums(format):
    rng = np.random.default_rng(11)
    a = samples(NARROW[format], (4000, 12), rng)
    a[rng.random(a.shape) < 0.3] = 0
    with np.errstate(all="ignore"):
        ball = model_ball(a, format)
        sequential = np.zeros(len(a), a.dtype)
        for column in a.T[::-1]:
            sequential = sequential + column
        pairwise = ((a[:, 0::4] + a[:, 1::4]) + (a[:, 2::4] + a[:, 3::4])).T
        assert_stays_inside(sequential, ball.sum(1))
        assert_stays_inside(pairwise[0] + (pairwise[1] + pairwise[2]), ball.sum(1))
        parts = [model_ball(c, format) for c in a.T]
        assert_stays_inside(sequential, parts[0].total(parts[1:]))
        others = np.stack([_added(np.delete(a, k, axis=1)) for k in range(12)], axis=1)
        assert_stays_inside(others, ball.sum_of_others(1))


def _added(a):
    total = a[:, 0]
    for column in a.T[1:]:
        total = total + column
    return total


@pytest.mark.parametrize("format", NARROW)
def test_a_format_stays_inside_for_products_of_matrices(format):
    rng = np.random.default_rng(12)
    a, b = samples(NARROW[format], (300, 9), rng), samples(NARROW[format], (9, 40), rng)
    with np.errstate(all="ignore"):
        found = np.zeros((300, 40), a.dtype)
        for k in range(9):
            found = found + a[:, k, None] * b[None, k]
        assert_stays_inside(found, model_ball(a, format).matmul(model_ball(b, format)))


@pytest.mark.parametrize("format", NARROW)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_format_stays_inside_for_functions(format, function):
    """The correctly rounded function, and its neighbours where two units in the last place are allowed."""
    rng = np.random.default_rng(13)
    a = samples(NARROW[format], (10_000,), rng)
    low, _ = RANGES[function]
    a = a[a > low] if low in (0, -1) else a
    model = Rounding.of(FORMATS[format])
    with np.errstate(all="ignore"):
        exact = NUMBERS.apply(function, balls(a.astype(float))).mid
        rounded = exact.astype(a.dtype)
        ball = BallNumbers(model).apply(function, model_ball(a, format))
    assert_stays_inside(rounded, ball)
    if function != "sqrt" and model.function_units >= 4:
        off = (rounded != 0) & np.isfinite(rounded) & (a != 0)
        for direction in (np.inf, -np.inf):
            with np.errstate(all="ignore"):
                moved = np.nextafter(rounded, np.array(direction, rounded.dtype))[off]
            part = Ball(ball.mid[off], ball.rad[off], model, np)
            assert_stays_inside(moved, part)


@pytest.mark.parametrize("format", NARROW)
def test_a_format_stays_inside_for_a_whole_formula(format):
    """A softmax and its sum of squares, each operation rounded once."""
    rng = np.random.default_rng(14)
    dtype, numbers = NARROW[format], BallNumbers(Rounding.of(FORMATS[format]))
    x = rng.normal(size=(3000, 6), scale=3).astype(dtype)
    with np.errstate(all="ignore"):
        e = np.exp(x)
        total = _added(e)[:, None]
        p = e / total
        found = _added(p * p)
        ball = numbers.apply("exp", model_ball(x, format))
        shares = ball / ball.sum(1).reshape((-1, 1))
        assert_stays_inside(p, shares)
        assert_stays_inside(found, (shares * shares).sum(1))


# --- subnormal numbers flushed ---


def _near_underflow(shape, rng):
    """float32 numbers whose sums, products and quotients may be subnormal."""
    exponents = rng.choice([-126, -125, -120, -100, -64, -20, 0, 3], shape)
    return rng.choice([-1, 0, 1, 1], shape) * rng.uniform(1, 2, shape).astype(np.float32) * 2.0**exponents


FLUSHED = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (b + b * b),
    "total": lambda a, b: a.total([b, a.scaled(-0.5), b.scaled(-0.75)]),
    "sum": lambda a, b: (a - b).sum(1),
    "sum of others": lambda a, b: (a - b).sum_of_others(1),
    "matmul": lambda a, b: a.matmul(b.reshape((3, -1))),
}


@pytest.mark.parametrize("name", FLUSHED)
def test_a_flushing_format_stays_inside(name):
    """And does not where underflow is taken to be gradual."""
    rng, format = np.random.default_rng(15), FORMATS["float32"].flushing()
    a, b = (_near_underflow((1200, 3), rng) for _ in range(2))
    array = RoundedNumbers(format).array
    with np.errstate(all="ignore"):
        found = FLUSHED[name](array(a), array(b)).items

        def ball(model):
            return FLUSHED[name](*(Ball(x, np.zeros(x.shape), Rounding.of(model), np) for x in (a, b)))

        assert_stays_inside(found, ball(format))
        with pytest.raises(AssertionError):
            assert_stays_inside(found, ball(FORMATS["float32"]))


@pytest.mark.parametrize("format", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("number", ["1/3", "2", "1/1024", "1/10", "sqrt(2/pi)", "44715/10**6", "1/10**10", "1/10**320",
                                    "0", "oo", "1 + 2**(-30)", "pi", "-7/9", "10**6"])  # fmt: skip
def test_a_constant_is_held_or_enclosed(format, number):
    exact, model = sympy.sympify(number), Rounding.of(FORMATS[format])
    found = BallNumbers(model).constant(exact)
    with flint.ctx.workprec(300):
        assert_encloses(found, ArbNumbers().constant(exact))
    if format in NARROW and exact.is_finite:
        with np.errstate(all="ignore"):
            assert_stays_inside(np.asarray(float(exact)).astype(NARROW[format]), found)
    if number in ("2", "0", "oo", "1/1024"):
        assert found.rad == 0
