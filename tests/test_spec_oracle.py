"""The oracle's answers enclose what mpmath computes; sets at ties; climbing to Arb; shapes and refusals."""

import ml_dtypes
import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.formats import FORMATS
from fiducial.spec.oracle import (
    FINE,
    Call,
    gradients,
    result_shapes,
    second_order,
    values,
    values_and_gradients,
    values_as_written,
)

DTYPES = {"float64": np.float64, "float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
DIGITS = 80


def call(name, *arrays, **attributes):
    return Call(CATALOGUE[name], tuple(np.asarray(a) for a in arrays), attributes)


def sample(dtype, shape, scale, seed=0):
    return (np.random.default_rng(seed).normal(size=shape) * scale).astype(DTYPES[dtype])


def row_softmax(row):
    powers = [mp.exp(v) for v in row]
    return [p / mp.fsum(powers) for p in powers]


def phi(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


ELEMENTWISE = {
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "log_sigmoid": lambda x: -mp.log1p(mp.exp(-x)),
    "tanh": mp.tanh,
    "relu": lambda x: max(x, mpf(0)),
    "leaky_relu": lambda x: x if x > 0 else mpf(0.01) * x,
    "elu": lambda x: x if x > 0 else mp.expm1(x),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "gelu": lambda x: x * phi(x),
    "silu": lambda x: x / (1 + mp.exp(-x)),
}
SLOPES = {
    "sigmoid": lambda x: mp.exp(-x) / (1 + mp.exp(-x)) ** 2,
    "log_sigmoid": lambda x: 1 / (1 + mp.exp(x)),
    "tanh": lambda x: 1 / mp.cosh(x) ** 2,
    "softplus": lambda x: 1 / (1 + mp.exp(-x)),
    "gelu": lambda x: phi(x) + x * mp.exp(-(x**2) / 2) / mp.sqrt(2 * mp.pi),
    "silu": lambda x: 1 / (1 + mp.exp(-x)) + x * mp.exp(-x) / (1 + mp.exp(-x)) ** 2,
}
CURVATURES = {
    "sigmoid": lambda x: mp.exp(-x) * (mp.exp(-x) - 1) / (1 + mp.exp(-x)) ** 3,
    "softplus": lambda x: mp.exp(-x) / (1 + mp.exp(-x)) ** 2,
    "tanh": lambda x: -2 * mp.tanh(x) / mp.cosh(x) ** 2,
    "gelu": lambda x: (2 - x**2) * mp.exp(-(x**2) / 2) / mp.sqrt(2 * mp.pi),
}


def rows(function):
    return lambda a: [function([mpf(float(v)) for v in row]) for row in a]


ROWS = {
    "softmax": row_softmax,
    "log_softmax": lambda row: [v - mp.log(mp.fsum(map(mp.exp, row))) for v in row],
    "logsumexp": lambda row: mp.log(mp.fsum(map(mp.exp, row))),
    "norm": lambda row: mp.sqrt(mp.fsum(v**2 for v in row)),
    "sum": mp.fsum,
    "mean": lambda row: mp.fsum(row) / len(row),
    "amax": max,
}


def assert_encloses(answer, exact):
    """Each exact number lies in mid + rest +- rad, and the enclosure is fine enough to judge by."""
    flat = np.ravel(np.asarray(exact, dtype=object))
    parts = [np.ravel(a).tolist() for a in (answer.mid, answer.rest, answer.rad, answer.bound)]
    assert answer.resolved.all()
    assert len(flat) == len(parts[0])
    for mid, rest, rad, bound, truth in zip(*parts, flat, strict=True):
        distance = abs(truth - mpf(mid) - mpf(rest))
        assert distance <= mpf(rad) * (1 + mpf(10) ** (-DIGITS // 2)), f"{mid} + {rest} +- {rad} misses {truth}"
        subnormal = 2 * mpf(2) ** -1074
        assert rad <= max(bound / FINE, subnormal) or rad == 0, f"radius {rad} for the bound {bound}"


@pytest.fixture(autouse=True)
def high_precision():
    with mp.workdps(400):
        yield


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_values(name, dtype):
    hard = np.array([0.0, -0.0, 1e-4, -20.0, -37.5, 40.0, 88.0, -103.0, -9.0, 2.0**-14], dtype=DTYPES[dtype])
    x = np.concatenate([hard, sample(dtype, 12, 3)])
    (answer,) = values(call(name, x), FORMATS[dtype])
    assert_encloses(answer, [ELEMENTWISE[name](mpf(float(v))) for v in x])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", SLOPES)
def test_elementwise_gradients(name, dtype):
    x, g = np.concatenate([sample(dtype, 12, 3), np.array([-30.0, 30.0], DTYPES[dtype])]), sample(dtype, 14, 1, seed=1)
    (answer,) = gradients(call(name, x), [g], FORMATS[dtype])
    assert_encloses(answer, [SLOPES[name](mpf(float(v))) * mpf(float(c)) for v, c in zip(x, g, strict=True)])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CURVATURES)
def test_elementwise_second_order(name, dtype):
    x, g, h = sample(dtype, 8, 2), sample(dtype, 8, 1, seed=1), sample(dtype, 8, 1, seed=2)
    (answer,) = second_order(call(name, x), [g], [h], FORMATS[dtype])
    exact = [CURVATURES[name](mpf(float(v))) * mpf(float(c)) * mpf(float(d)) for v, c, d in zip(x, g, h, strict=True)]
    assert_encloses(answer, exact)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ROWS)
def test_rows(name, dtype):
    x = sample(dtype, (5, 4), 4)
    x[1] = x[1, 0]
    x[2] *= DTYPES[dtype](20)
    (answer,) = values(call(name, x, axis=-1), FORMATS[dtype])
    assert_encloses(answer, [ROWS[name]([mpf(float(v)) for v in row]) for row in x])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_gradient_of_the_softmax(dtype):
    x, g = sample(dtype, (3, 4), 4), sample(dtype, (3, 4), 1, seed=1)
    (answer,) = gradients(call("softmax", x), [g], FORMATS[dtype])
    exact = []
    for row, cotangent in zip(x, g, strict=True):
        p, c = row_softmax([mpf(float(v)) for v in row]), [mpf(float(v)) for v in cotangent]
        mean = mp.fsum(a * b for a, b in zip(p, c, strict=True))
        exact.append([a * (b - mean) for a, b in zip(p, c, strict=True)])
    assert_encloses(answer, exact)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_softmax_cross_entropy(dtype, reduction):
    """Labels, one of them ignored: value and gradient."""
    x, labels = sample(dtype, (4, 3), 5), np.array([2, 0, 1, 2])
    made = call("softmax_cross_entropy", x, labels, reduction=reduction, ignore_index=1)
    probabilities = [row_softmax([mpf(float(v)) for v in row]) for row in x]
    losses = [mpf(0) if t == 1 else -mp.log(p[t]) for p, t in zip(probabilities, labels, strict=True)]
    exact = {"mean": mp.fsum(losses) / 3, "sum": mp.fsum(losses), "none": losses}[reduction]
    assert_encloses(values(made, FORMATS[dtype])[0], exact)
    cotangent = np.array([0.5, -2.0, 1.0, 3.0]) if reduction == "none" else np.array(1.5)
    weights = np.broadcast_to(cotangent, 4)
    (gradient,) = gradients(made, [cotangent], FORMATS[dtype])
    count = 3 if reduction == "mean" else 1
    assert_encloses(gradient, [[0 * v if t == 1 else mpf(float(w)) * (v - (k == t)) / count for k, v in enumerate(p)]
                               for p, t, w in zip(probabilities, labels, weights, strict=True)])  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
def test_matmul_and_its_gradients(dtype):
    a, b, g = sample(dtype, (2, 3, 4), 1), sample(dtype, (4, 2), 3, seed=1), sample(dtype, (2, 3, 2), 1, seed=2)
    exact = np.frompyfunc(lambda v: mpf(float(v)), 1, 1)
    p, q, r = exact(a), exact(b), exact(g)
    made = call("matmul", a, b)
    assert_encloses(values(made, FORMATS[dtype])[0], p @ q)
    da, db = gradients(made, [g], FORMATS[dtype])
    assert_encloses(da, r @ q.T)
    assert_encloses(db, (p.transpose(0, 2, 1) @ r).sum(axis=0))


# --- climbing to Arb ---


def test_a_cancelling_sum_is_climbed_for():
    x = np.array([1e300, 1.0, -1e300, 2.0**-1074, 2.0**-60])
    (answer,) = values(call("sum", x), FORMATS["float64"])
    assert answer.escalated > 0 and answer.resolved
    with mp.workdps(800):
        assert_encloses(answer, mp.fsum(map(mpf, x.tolist())))


def test_an_enclosure_is_fine_where_float64_loses_everything():
    """log(softmax) far below the greatest logit, and 1e-320 / 3: one is exact, the other below the normal numbers."""
    (answer,) = values(call("log_softmax", np.array([[1e5, -1e5, 0.0]])), FORMATS["float64"])
    assert_encloses(answer, ROWS["log_softmax"](list(map(mpf, (1e5, -1e5, 0.0)))))
    (answer,) = values(call("divide", np.array([1e-320]), np.array([3.0])), FORMATS["float64"])
    assert answer.resolved.all() and abs(mpf(1e-320) / 3 - mpf(float(answer.mid[0]))) <= answer.rad[0] + answer.bound[0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values_that_float64_overflows_on_the_way(dtype):
    (answer,) = values(call("norm", np.array([[3e200, 4e200]])), FORMATS["float64"])
    assert_encloses(answer, [mp.sqrt(mpf(3e200) ** 2 + mpf(4e200) ** 2)])
    x = np.array([3e38, -3e38, 88.9, 3e4], dtype=np.float32).astype(DTYPES[dtype])
    for name in ("softplus", "silu", "gelu", "elu"):
        (answer,) = values(call(name, x), FORMATS[dtype])
        # The exact exponentials have exponents beyond any format, and round to 0 or to the identity.
        assert answer.resolved.all()
        assert np.array_equal(answer.mid, np.where(x > 0, x, -1.0 if name == "elu" else 0.0))


@pytest.mark.parametrize("name", ["gelu", "silu", "sigmoid", "softplus", "log_sigmoid"])
@pytest.mark.parametrize("tail", [-5.0, -9.0, -12.5])
def test_the_stable_form_keeps_relative_accuracy_in_the_tails(name, tail):
    """What is written must also be what is evaluated: SymPy turned erfc(-x) into 2 - erfc(x)."""
    x = np.array([tail if name != "log_sigmoid" else -tail])
    (answer,) = values(call(name, x), FORMATS["float32"])
    (gradient,) = gradients(call(name, x), [np.ones(1)], FORMATS["float32"])
    for found in (answer, gradient):
        assert found.bound[0] < 4 * (8 + tail**2) * 2.0**-24 * abs(found.mid[0])


def test_the_form_as_written_is_bounded_more_loosely():
    x = np.array([-9.0])
    (stable,) = values(call("gelu", x), FORMATS["float32"])
    ((written,),) = values_as_written(call("gelu", x), FORMATS["float32"])
    assert written[0] > 1e6 * stable.bound[0]


# --- sets ---


def assert_set(answer, at, low, high):
    """The answer at a place is the whole interval, and no more than a bound beyond it."""
    mid, rad, bound = (float(a[at]) for a in (answer.mid + answer.rest, answer.rad, answer.bound))
    slack = bound + 1e-7 * (high - low)
    assert answer.resolved[at]
    assert low - slack <= mid - rad <= low and high <= mid + rad <= high + slack, (mid, rad, bound)


FORMATS_OF_TIES = pytest.mark.parametrize("format", [FORMATS["float32"], FORMATS["float64"]], ids=lambda f: f.name)


@FORMATS_OF_TIES
def test_relu_at_zero(format):
    (answer,) = gradients(call("relu", np.array([0.0, -0.0, 2.0, -3.0])), [np.array([3.0, -2.0, 5.0, 7.0])], format)
    assert_set(answer, 0, 0.0, 3.0)
    assert_set(answer, 1, -2.0, 0.0)
    assert abs(answer.mid[2] - 5) <= answer.bound[2] < 1e-5 and (answer.mid[3], answer.rad[3]) == (0.0, 0.0)


@FORMATS_OF_TIES
def test_leaky_relu_at_zero(format):
    (answer,) = gradients(call("leaky_relu", np.array([0.0]), negative_slope=0.25), [np.array([4.0])], format)
    assert_set(answer, 0, 1.0, 4.0)


@FORMATS_OF_TIES
def test_maximum_at_a_tie(format):
    made = call("maximum", np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    for k, answer in enumerate(gradients(made, [np.array([2.0, 3.0])], format)):
        assert_set(answer, 0, 0.0, 2.0)
        assert abs(answer.mid[1] - (3.0, 0.0)[k]) <= answer.bound[1] < 1e-5


@FORMATS_OF_TIES
def test_amax_at_a_tie_of_two_in_three(format):
    made = call("amax", np.array([[4.0, 1.0, 4.0], [1.0, 5.0, 2.0]]), axis=1)
    (answer,) = gradients(made, [np.array([2.0, 3.0])], format)
    assert_set(answer, (0, 0), 0.0, 2.0)
    assert_set(answer, (0, 2), 0.0, 2.0)
    assert (answer.mid[0, 1], answer.rad[0, 1]) == (0.0, 0.0)
    assert np.abs(answer.mid[1] - [0.0, 3.0, 0.0]).max() < 1e-5 and answer.rad[1].max() < 1e-12


@FORMATS_OF_TIES
def test_l1_loss_at_zero(format):
    made = call("l1_loss", np.array([1.0, 2.0]), np.array([1.0, 1.0]), reduction="sum")
    for sign, answer in zip((1.0, -1.0), gradients(made, [np.array(2.0)], format), strict=True):
        assert_set(answer, 0, -2.0, 2.0)
        assert abs(answer.mid[1] - 2 * sign) <= answer.bound[1] < 1e-5


@FORMATS_OF_TIES
def test_norm_at_zero(format):
    (answer,) = gradients(call("norm", np.zeros((2, 3))), [np.array([3.0, 1.0])], format)
    for k in range(3):
        assert_set(answer, (0, k), -3.0, 3.0)
        assert_set(answer, (1, k), -1.0, 1.0)


@FORMATS_OF_TIES
def test_away_from_a_kink_nothing_is_a_set(format):
    """A wide bound is no set: the radius is a fraction of it, or it is exact."""
    for name in ELEMENTWISE:
        (answer,) = gradients(call(name, sample("float32", 20, 2)), [np.ones(20)], format)
        assert (answer.rad <= np.maximum(answer.bound / FINE, 0)).all()


# --- shapes and refusals ---


SHAPES = [((2, 3, 4), (1, 4)), ((), (2, 3)), ((3, 1), (1, 2)), ((0, 3), (1, 3)), ((5,), (5,))]


def within_bound(computed, answer):
    """Whether NumPy's float64 result is as near to the exact one as the answer's own derived bound says."""
    return bool(np.all(np.abs((computed - answer.mid) - answer.rest) <= answer.bound + answer.rad))


@pytest.mark.parametrize("shapes", SHAPES)
def test_gradients_have_the_shapes_of_their_inputs(shapes):
    x, y = (sample("float64", shape, 1, seed=k) for k, shape in enumerate(shapes))
    made = call("multiply", x, y)
    (shape,) = result_shapes(made)
    assert shape == np.broadcast_shapes(*shapes)
    cotangent = sample("float64", shape, 1, seed=3)
    dx, dy = gradients(made, [cotangent], FORMATS["float64"])
    assert (dx.shape, dy.shape) == shapes
    for found, other, like in ((dx, y, x), (dy, x, y)):
        whole = np.broadcast_to(cotangent * other, shape)
        padded = (1,) * (len(shape) - like.ndim) + like.shape
        axes = tuple(a for a, (p, q) in enumerate(zip(padded, shape, strict=True)) if p == 1 != q)
        assert within_bound(whole.sum(axis=axes).reshape(like.shape), found)


@pytest.mark.parametrize("axis", [0, 1, -1, 2])
def test_repeat(axis):
    x = sample("float64", (2, 3), 1)
    made = call("repeat", x, n=4, axis=axis)
    expected = np.repeat(np.expand_dims(x, axis), 4, axis=axis)
    (answer,) = values(made, FORMATS["float64"])
    assert answer.shape == expected.shape == result_shapes(made)[0] and np.array_equal(answer.mid, expected)
    g = sample("float64", expected.shape, 1, seed=1)
    (gradient,) = gradients(made, [g], FORMATS["float64"])
    assert gradient.shape == x.shape and within_bound(g.sum(axis=axis), gradient)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (2, 0)])
@pytest.mark.parametrize("keepdims", [True, False])
def test_sums_over_axes(axis, keepdims):
    x = sample("float64", (2, 3, 4), 1)
    made = call("sum", x, axis=axis, keepdims=keepdims)
    (answer,) = values(made, FORMATS["float64"])
    expected = x.sum(axis=axis, keepdims=keepdims)
    assert answer.shape == expected.shape and within_bound(expected, answer)
    (gradient,) = gradients(made, [expected], FORMATS["float64"])
    whole = np.broadcast_to(x.sum(axis=axis, keepdims=True), x.shape)
    assert gradient.shape == x.shape and np.array_equal(gradient.mid, whole)


def test_an_embedding_accumulates_repeated_positions():
    table, positions, g = sample("float64", (4, 2), 1), np.array([[1, 3], [1, 1]]), np.ones((2, 2, 2))
    (gradient,) = gradients(call("embedding", table, positions), [g], FORMATS["float64"])
    assert gradient.mid.tolist() == [[0, 0], [3, 3], [0, 0], [1, 1]] and (gradient.rad == 0).all()


@pytest.mark.parametrize("name, arrays, named, sizes", [
    ("affine", [(2, 3), (4, 5), (5,)], "W", "D = 3"),
    ("affine", [(2, 3), (3, 5), (4,)], "b", "M = 5"),
    ("softmax_cross_entropy", [(2, 3), (2, 4)], "t", "K = 3"),
    ("cross_entropy", [(2, 3), (4, 3)], "t", "N = 2"),
    ("mse_loss", [(3,), (4,)], "t", "I = 3"),
])  # fmt: skip
def test_sizes_that_do_not_match_are_refused_by_name(name, arrays, named, sizes):
    with pytest.raises(ValueError, match=rf"^{named}: {sizes} is required by the other inputs, got \d"):
        values(call(name, *map(np.ones, arrays)), FORMATS["float64"])


def test_the_reference_agrees_with_itself():
    """mpmath's own derivative of gelu is the slope that the tests above use."""
    for x in (-3.0, 0.5, 2.0):
        assert abs(mpmath.diff(ELEMENTWISE["gelu"], mpf(x)) - SLOPES["gelu"](mpf(x))) < mpf(10) ** -50


@pytest.mark.parametrize("name", ["softmax", "affine", "mse_loss"])
def test_values_and_gradients_together_are_what_each_is_alone(name):
    rng = np.random.default_rng(3)
    operation = CATALOGUE[name]
    shapes, laid = operation.layout.volume(operation.default_definition())
    arrays = tuple(rng.normal(size=shape).astype(np.float32).astype(float) for shape in shapes)
    call = Call(operation, arrays, {**operation.defaults, **laid})
    alone = values(call, FORMATS["float32"])
    cotangents = [rng.normal(size=a.shape) for a in alone]
    both = values_and_gradients(call, cotangents, FORMATS["float32"])
    for got, want in zip([*both[0], *both[1]], [*alone, *gradients(call, cotangents, FORMATS["float32"])], strict=True):
        assert np.array_equal(got.mid, want.mid) and np.array_equal(got.bound, want.bound)
