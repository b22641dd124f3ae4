"""float64 balls enclose what Arb computes; the balls of a narrow format enclose what that format computes."""

import flint
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.spec.formats import FORMATS
from fiducial.spec.numbers.ball import Ball
from fiducial.spec.numbers.ball_numbers import BallNumbers
from fiducial.spec.numbers.base import FUNCTIONS
from fiducial.spec.numbers.objects import ArbArray, ArbNumbers
from fiducial.spec.numbers.rounding import Rounding

ENCLOSURE = Rounding.enclosure()
NUMBERS = BallNumbers(ENCLOSURE)
BITS = 4400  # sums of the largest and the smallest numbers, and of their products, are exact
FEWER_BITS = 300  # for functions, whose arguments are of one size

TINY, NORMAL, LARGEST = 5e-324, 2.0**-1022, np.finfo(float).max
HARD = [
    0.0, -0.0, TINY, -TINY, 3 * TINY, NORMAL, -NORMAL, NORMAL - TINY, 1.5 * NORMAL, 2.0**-600, -(2.0**-538), 1.0, -1.0,
    1 + 2.0**-52, 1 - 2.0**-53, -(1 + 2.0**-52), 2.0**-53, 1.5 * 2.0**-53, 2.0**-27 + 2.0**-53, 3.0, 1 / 3, 0.1, -0.7,
    710.0, -745.2, -708.5, 6.0, -6.5, 27.3, -27.3, 1e-300, 1e300, -1e300, 2.0**511, 2.0**512, 2.0**53, 2.0**53 + 2,
    LARGEST, -LARGEST, LARGEST / 2, 8.98846567431158e307, float("inf"), float("-inf"),
]  # fmt: skip
FINITE = [v for v in HARD if np.isfinite(v)]


def balls(mids, rads=0.0):
    """Balls of the enclosing arithmetic; radii beyond float64 are infinite."""
    mids = np.asarray(mids, dtype=float)
    return Ball(mids, np.broadcast_to(np.asarray(rads, dtype=float), mids.shape).copy(), ENCLOSURE, np)


_point = np.frompyfunc(lambda m, r, s: flint.arb(m) + flint.arb(s) * flint.arb(r) if r else flint.arb(m), 3, 1)


def interior(ball, rng):
    """Exact points inside the balls: the ends, the middle, and one anywhere."""
    ends = []
    for sign in (*(-1.0, 0.0, 1.0), rng.uniform(-1, 1)):
        places = np.where((ball.rad > 0) & np.isfinite(ball.rad), sign, 0.0)
        radii = np.where(np.isfinite(ball.rad), ball.rad, 0.0)
        ends.append(ArbArray(_point(ball.mid, radii, places)))
    return ends


def assert_encloses(result, exact):
    """Every exact value lies within the radius of the midpoint (Arb compares); an infinite radius promises nothing."""
    mid, rad = np.broadcast_arrays(result.mid, result.rad)
    assert not np.isnan(rad).any() and (rad >= 0).all()
    for m, r, truth in zip(mid.ravel(), rad.ravel(), np.ravel(exact.items), strict=True):
        if np.isinf(r):
            continue
        if np.isinf(m):
            assert not truth.is_finite() and float(truth) == m, f"{m} +- {r} for {truth}"
            continue
        assert truth.is_finite(), f"{m} +- {r} for {truth}"
        assert abs(truth - flint.arb(m)) <= flint.arb(r), f"{m} +- {r} misses {truth}"


def check(operation, *operands, rng=None, bits=BITS):
    """``operation`` on balls against the same on exact points of them."""
    rng = rng or np.random.default_rng(0)
    with np.errstate(all="ignore"), flint.ctx.workprec(bits):
        result = operation(*operands)
        for points in zip(*(interior(b, rng) for b in operands), strict=True):
            assert_encloses(result, operation(*points))
        mixed = [p[rng.integers(len(p))] for p in (interior(b, rng) for b in operands)]
        assert_encloses(result, operation(*mixed))


PAIRS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "maximum": lambda a, b: a.maximum(b),
}


def pairs(values):
    a, b = np.meshgrid(values, values)
    return a.ravel(), b.ravel()


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


RANGES = {
    "exp": (-760, 711), "log": (0, 1e308), "log1p": (-1, 1e308), "expm1": (-60, 711), "tanh": (-25, 25), "erf": (-7, 7),
    "erfc": (-7, 28), "sqrt": (0, 1e308), "logistic": (-740, 740), "erfcx": (-26, 1e300), "erfcinv": (0, 2),
    "lgamma": (0, 1e300),
}  # fmt: skip


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


def test_a_nan_in_a_matrix_product_stays_in_its_row() -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    a[1, 2] = np.nan
    with np.errstate(all="ignore"):
        found = balls(a).matmul(balls(b))
    assert np.isfinite(found.mid[0]).all() and np.isfinite(found.rad[0]).all()
    assert np.isnan(found.mid[1]).all()
