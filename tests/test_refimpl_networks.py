"""Convolution, pooling, normalisation, attention and recurrence against loops over their definitions.

The definitions below are complex-analytic, so that a step of i 1e-100 gives a derivative without a difference: every
entry of every gradient is compared with the sum of the cotangent times that derivative. A state that truncation
detaches loses its imaginary part.
"""

import itertools
from collections.abc import Callable
from typing import Any

import array_api_strict
import ml_dtypes
import numpy
import pytest

from fiducial import refimpl

# Entries are below 8 and come out of fewer than 64 roundings, each of half a unit in the last place.
TOLERANCE = 64 * 8 * numpy.finfo(numpy.float64).eps
Definition = Callable[..., Any]


def per_axis(value: Any, dimensions: int) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) * dimensions


def windows(sizes: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """For each window: its index, and for each place of the kernel inside the array, both positions."""
    axes = zip(sizes, kernel, stride, padding, dilation, strict=True)
    starts = [range(-p, n + p - d * (k - 1), s) for n, k, s, p, d in axes]
    for window in itertools.product(*map(enumerate, starts)):
        places = []
        for place in numpy.ndindex(*kernel):
            at = tuple(a + d * i for (_, a), d, i in zip(window, dilation, place, strict=True))
            if all(0 <= a < n for a, n in zip(at, sizes, strict=True)):
                places.append((place, at))
        yield tuple(i for i, _ in window), places


def convolution(
    x: Any, w: Any, b: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    dimensions, (O, c) = x.ndim - 2, w.shape[:2]
    steps = [per_axis(value, dimensions) for value in (stride, padding, dilation)]
    found = {}
    for window, places in windows(x.shape[2:], w.shape[2:], *steps):
        for n, o in numpy.ndindex(len(x), O):
            first = o // (O // groups) * c
            terms = [w[(o, i, *place)] * x[(n, first + i, *at)] for place, at in places for i in range(c)]
            found[(n, o, *window)] = sum(terms) + (0 if b is None else b[o])
    return gathered(found)


def gathered(found: dict[tuple[int, ...], Any]) -> Any:
    return numpy.array(list(dict(sorted(found.items())).values())).reshape([n + 1 for n in max(found)])


def pooling(reduced: Definition) -> Definition:
    def pool(x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0, **attributes: Any) -> Any:
        steps = [per_axis(value, 2) for value in (kernel_size, stride or kernel_size, padding, 1)]
        found = {}
        for window, places in windows(x.shape[2:], *steps):
            for image in numpy.ndindex(*x.shape[:2]):
                found[image + window] = reduced([x[image + at] for _, at in places], steps[0], **attributes)
        return gathered(found)

    return pool


def average(entries: list[Any], kernel: tuple[int, int], count_include_pad: bool = True) -> Any:
    return sum(entries) / (kernel[0] * kernel[1] if count_include_pad else len(entries))


def standardised(x: Any, eps: float) -> Any:
    d = x - sum(x) / len(x)
    return d / numpy.sqrt(sum(d * d) / len(d) + eps)


def batch_norm(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    y = numpy.empty_like(x, dtype=numpy.result_type(x, gamma, beta))
    for c in range(x.shape[1]):
        y[:, c] = gamma[c] * standardised(x[:, c].ravel(), eps).reshape(x[:, c].shape) + beta[c]
    return y


def layer_norm(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    rows = [gamma * standardised(row, eps) + beta for row in x.reshape(-1, x.shape[-1])]
    return numpy.array(rows).reshape(x.shape)


def rms_norm(x: Any, gamma: Any, *, eps: float = 1e-5) -> Any:
    rows = [gamma * row / numpy.sqrt(sum(row * row) / len(row) + eps) for row in x.reshape(-1, x.shape[-1])]
    return numpy.array(rows).reshape(x.shape)


def attention(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
    factor = q.shape[-1] ** -0.5 if scale is None else scale
    y = numpy.empty((*q.shape[:-1], v.shape[-1]), dtype=numpy.result_type(q, k, v))
    for *batch, i in numpy.ndindex(*q.shape[:-1]):
        at = tuple(batch)
        seen = [j for j in range(k.shape[-2]) if j <= i or not causal]
        weights = [numpy.exp(factor * sum(q[(*at, i)] * k[(*at, j)])) for j in seen]
        y[(*at, i)] = sum(w * v[(*at, j)] for w, j in zip(weights, seen, strict=True)) / sum(weights)
    return y


def sigmoid(x: Any) -> Any:
    return 1 / (1 + numpy.exp(-x))


def kept(state: Any, t: int, truncate: int | None) -> Any:
    return state.real if truncate is not None and t > 0 and t % truncate == 0 else state


def blocks(order: str, a: Any) -> dict[str, Any]:
    return dict(zip(order, numpy.split(a, len(order)), strict=True))


def batch_first(hs: list[Any]) -> Any:
    return numpy.moveaxis(numpy.array(hs), 0, 1)


def rnn(x: Any, h: Any, Wx: Any, Wh: Any, b: Any, *, truncate: int | None = None) -> Any:
    hs = []
    for t in range(x.shape[1]):
        h = numpy.tanh(x[:, t] @ Wx + kept(h, t, truncate) @ Wh + b)
        hs.append(h)
    return batch_first(hs)


def lstm(x, h, c, Wx, Wh, b, *, gate_order: str = "ifgo", truncate: int | None = None):  # type: ignore[no-untyped-def]
    hs = []
    for t in range(x.shape[1]):
        h, c = kept(h, t, truncate), kept(c, t, truncate)
        a = blocks(gate_order, (x[:, t] @ Wx + h @ Wh + b).T)
        c = sigmoid(a["f"].T) * c + sigmoid(a["i"].T) * numpy.tanh(a["g"].T)
        h = sigmoid(a["o"].T) * numpy.tanh(c)
        hs.append(h)
    return batch_first(hs), c


def gru(x, h, Wx, Wh, bx, bh, *, gate_order="rzn", reset_after=True, truncate=None):  # type: ignore[no-untyped-def]
    hs = []
    for t in range(x.shape[1]):
        h = kept(h, t, truncate)
        of_x, of_h = (blocks(gate_order, a.T) for a in (x[:, t] @ Wx + bx, h @ Wh + bh))
        r, z = (sigmoid(of_x[g] + of_h[g]).T for g in "rz")
        before = (r * h) @ blocks(gate_order, Wh.T)["n"].T + blocks(gate_order, bh)["n"]
        n = numpy.tanh(of_x["n"].T + (r * of_h["n"].T if reset_after else before))
        h = (1 - z) * n + z * h
        hs.append(h)
    return batch_first(hs)


Cases = list[tuple[list[tuple[int, ...]], dict[str, Any]]]
CONVOLUTIONS: Cases = [
    ([(2, 3, 5), (2, 3, 3), (2,)], {}),
    ([(2, 4, 7), (6, 2, 3), (6,)], {"stride": 2, "padding": 3, "dilation": 2, "groups": 2}),
    ([(2, 1, 4, 5), (3, 1, 2, 3)], {"stride": (2, 1), "padding": (1, 0)}),
    ([(1, 4, 5, 4), (4, 1, 3, 2), (4,)], {"dilation": (2, 1), "padding": 2, "stride": (3, 2), "groups": 4}),
    ([(1, 2, 3, 4, 3), (2, 1, 2, 2, 1), (2,)], {"stride": (1, 2, 2), "padding": (0, 1, 0), "groups": 2}),
]
POOLINGS: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": (3, 2), "stride": (1, 3), "padding": (1, 0)},
]
ROWS = [(2, 3, 4), (1, 5), (3,)]
ATTENTIONS: Cases = [
    ([(2, 1, 3, 2), (2, 1, 4, 2), (2, 1, 4, 3)], {}),
    ([(4, 2), (2, 2), (2, 1)], {"causal": True}),
    ([(2, 2, 3), (2, 4, 3), (2, 4, 2)], {"causal": True, "scale": -0.75}),
]
TRUNCATIONS: list[dict[str, Any]] = [{"truncate": k} for k in (None, 1, 2, 3, 9)]
N, T, D, H = 2, 5, 3, 2


def recurrent(gates: int, states: int, biases: int) -> list[tuple[int, ...]]:
    return [(N, T, D), *[(N, H)] * states, (D, gates * H), (H, gates * H), *[(gates * H,)] * biases]


def table() -> Any:
    for shapes, attributes in CONVOLUTIONS:
        yield f"conv{len(shapes[0]) - 2}d", convolution, shapes, attributes
    for attributes in POOLINGS:
        yield "max_pool2d", pooling(lambda entries, kernel: max(entries, key=numpy.real)), [(2, 2, 4, 5)], attributes
        for counted in (True, False):
            yield "avg_pool2d", pooling(average), [(2, 1, 4, 5)], {**attributes, "count_include_pad": counted}
    for shape in [(4, 3), (2, 2, 3), (3, 2, 2, 1)]:
        yield "batch_norm", batch_norm, [shape, shape[1:2], shape[1:2]], {"eps": 0.25}
    for shape in ROWS:
        yield "layer_norm", layer_norm, [shape, shape[-1:], shape[-1:]], {}
        yield "rms_norm", rms_norm, [shape, shape[-1:]], {"eps": 0.25}
    for shapes, attributes in ATTENTIONS:
        yield "scaled_dot_product_attention", attention, shapes, attributes
    for attributes in TRUNCATIONS:
        yield "rnn", rnn, recurrent(1, 1, 1), attributes
    for attributes, order in zip(TRUNCATIONS, ("ifgo", "fgio", "ogfi", "gofi", "iogf"), strict=True):
        yield "lstm", lstm, recurrent(4, 2, 1), {"gate_order": order, **attributes}
    for attributes, order in zip(TRUNCATIONS, ("rzn", "zrn", "nzr", "rnz", "nrz"), strict=True):
        for reset_after in (True, False):
            variant = {"gate_order": order, "reset_after": reset_after, **attributes}
            yield "gru", gru, recurrent(3, 1, 2), variant


CASES = [pytest.param(*case, id=f"{case[0]}-{i}") for i, case in enumerate(table())]
on_every_case = pytest.mark.parametrize(("name", "definition", "shapes", "attributes"), CASES)


def several(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def random(shapes: list[tuple[int, ...]], seed: int) -> list[Any]:
    """Odd multiples of 1/128 in (-1, 1), which every dtype holds; all different in an array of up to 126 entries."""
    generator, arrays = numpy.random.default_rng(seed), []
    for shape in shapes:
        size = int(numpy.prod(shape))
        arrays.append((2 * (generator.permutation(max(126, size))[:size] % 126) - 125).reshape(shape) / 128)
    return arrays


def call(name: str, arrays: list[Any], cotangents: list[Any], attributes: dict[str, Any]) -> tuple[Any, ...]:
    """The outputs, and the gradients for these cotangents."""
    cotangent = tuple(cotangents) if len(cotangents) > 1 else cotangents[0]
    outputs = getattr(refimpl, name)(*arrays, **attributes)
    return several(outputs) + several(getattr(refimpl, f"{name}_vjp")(cotangent, *arrays, **attributes))


def inputs_of(definition: Definition, shapes: Any, attributes: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    arrays = random(shapes, 1)
    return arrays, random([y.shape for y in several(definition(*arrays, **attributes))], 2)


def gradients(definition: Definition, arrays: list[Any], cotangents: list[Any], attributes: dict[str, Any]) -> Any:
    step = 1e-100
    for i, x in enumerate(arrays):
        gradient = numpy.empty(x.shape)
        for entry in numpy.ndindex(*x.shape):
            moved = x.astype(complex)
            moved[entry] += step * 1j
            outputs = several(definition(*arrays[:i], moved, *arrays[i + 1 :], **attributes))
            gradient[entry] = sum(numpy.sum(c * y.imag) for c, y in zip(cotangents, outputs, strict=True)) / step
        yield gradient


def assert_close(got: Any, expected: Any, tolerance: float = TOLERANCE) -> None:
    assert tuple(got.shape) == expected.shape
    assert numpy.max(numpy.abs(numpy.asarray(got, dtype=float) - expected), initial=0) <= tolerance


@on_every_case
def test_values_and_gradients(name: str, definition: Definition, shapes: Any, attributes: dict[str, Any]) -> None:
    arrays, cotangents = inputs_of(definition, shapes, attributes)
    truths = [*several(definition(*arrays, **attributes)), *gradients(definition, arrays, cotangents, attributes)]
    for got, truth in zip(call(name, arrays, cotangents, attributes), truths, strict=True):
        assert_close(got, truth)


@on_every_case
def test_in_another_namespace(name: str, definition: Definition, shapes: Any, attributes: dict[str, Any]) -> None:
    arrays, cotangents = inputs_of(definition, shapes, attributes)
    device = array_api_strict.Device("device1")
    strict, along = ([array_api_strict.asarray(a, device=device) for a in given] for given in (arrays, cotangents))
    pairs = zip(call(name, strict, along, attributes), call(name, arrays, cotangents, attributes), strict=True)
    for got, expected in pairs:
        assert got.device == device and got.dtype == array_api_strict.float64
        assert_close(numpy.asarray(got.to_device(array_api_strict.Device("CPU_DEVICE"))), expected)


@pytest.mark.parametrize("dtype", [numpy.float16, ml_dtypes.bfloat16], ids=lambda dtype: dtype.__name__)
@on_every_case
def test_narrow_dtypes_are_computed_in_float32(
    name: str, definition: Definition, shapes: Any, attributes: dict[str, Any], dtype: Any
) -> None:
    arrays, cotangents = inputs_of(definition, shapes, attributes)

    def computed_in(d: Any) -> tuple[Any, ...]:
        return call(name, [a.astype(d) for a in arrays], [c.astype(d) for c in cotangents], attributes)

    for got, expected in zip(computed_in(dtype), computed_in(numpy.float32), strict=True):
        assert got.dtype == dtype and expected.dtype == numpy.float32
        assert got.tobytes() == expected.astype(dtype).tobytes()


NO_BATCH: list[tuple[str, list[tuple[int, ...]], dict[str, Any], list[tuple[int, ...]]]] = [
    ("conv1d", [(2, 0, 4), (3, 0, 2), (3,)], {}, [(2, 3, 3)]),
    ("avg_pool2d", [(2, 0, 4, 5)], {"kernel_size": 2, "count_include_pad": False}, [(2, 0, 2, 2)]),
    ("layer_norm", [(2, 0, 4), (4,), (4,)], {}, [(2, 0, 4)]),
    ("rms_norm", [(0, 4), (4,)], {}, [(0, 4)]),
    ("batch_norm", [(3, 0, 2), (0,), (0,)], {}, [(3, 0, 2)]),
    ("scaled_dot_product_attention", [(0, 3, 2), (0, 4, 2), (0, 4, 1)], {"causal": True}, [(0, 3, 1)]),
    ("scaled_dot_product_attention", [(2, 0, 2), (2, 4, 2), (2, 4, 1)], {}, [(2, 0, 1)]),
]


@pytest.mark.parametrize(("name", "shapes", "attributes", "expected"), NO_BATCH)
def test_zero_sizes(name: str, shapes: Any, attributes: dict[str, Any], expected: Any) -> None:
    arrays, cotangents = random(shapes, 1), random(expected, 2)
    results = call(name, arrays, cotangents, attributes)
    assert [a.shape for a in results] == [*expected, *shapes]
    assert not any(numpy.shares_memory(a, given) for a in results for given in (*arrays, *cotangents))


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_convolution_of_integers_is_exact(dimensions: int) -> None:
    generator = numpy.random.default_rng(3)
    shapes = [(2, 4, *(5, 6, 4)[:dimensions]), (6, 2, *(2, 3, 2)[:dimensions]), (6,)]
    arrays = [generator.integers(-9, 10, shape).astype(float) for shape in shapes]
    attributes = {"stride": 2, "padding": 1, "groups": 2}
    expected = convolution(*arrays, **attributes)
    assert numpy.array_equal(getattr(refimpl, f"conv{dimensions}d")(*arrays, **attributes), expected)


def test_conv_output_size_counts_the_windows() -> None:
    for size, kernel, stride, padding, dilation in itertools.product(
        range(7), range(1, 4), (1, 2, 3), range(3), (1, 2)
    ):
        count = len(range(-padding, size + padding - dilation * (kernel - 1), stride))
        if count:
            attributes = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
            assert refimpl.conv_output_size(size, **attributes) == count


def test_maximum_at_ties_nan_and_infinity() -> None:
    x = numpy.array([[1, 1, numpy.nan, 5], [1, 0, 7, 2], [-numpy.inf] * 4, [-numpy.inf, -numpy.inf, 3, 3]])[None, None]
    y = refimpl.max_pool2d(x, kernel_size=2)
    assert numpy.array_equal(y[0, 0], [[1, numpy.nan], [-numpy.inf, 3]], equal_nan=True)
    gradient = refimpl.max_pool2d_vjp(numpy.array([[[[2.0, 3.0], [4.0, numpy.inf]]]]), x, kernel_size=2)
    assert gradient[0, 0].tolist() == [[2, 0, 3, 0], [0, 0, 0, 0], [4, 0, 0, 0], [0, 0, numpy.inf, 0]]


def test_normalisation_far_from_zero() -> None:
    x = numpy.array([[1.0, 2.0, 4.0, 9.0]])
    one, zero = numpy.ones(4), numpy.zeros(4)
    assert numpy.array_equal(refimpl.layer_norm(x + 2.0**40, one, zero), refimpl.layer_norm(x, one, zero))
    column, moved = x.T, x.T + 2.0**40
    assert numpy.array_equal(*(refimpl.batch_norm(a, one[:1], zero[:1]) for a in (column, moved)))


def test_attention_to_scores_that_overflow_the_exponential() -> None:
    q, k, v = numpy.array([[1e3], [-1e3]]), numpy.array([[1e3], [0.0]]), numpy.array([[2.0], [5.0]])
    assert refimpl.scaled_dot_product_attention(q, k, v).tolist() == [[2.0], [5.0]]
    assert refimpl.scaled_dot_product_attention(q, k, v, causal=True).tolist() == [[2.0], [5.0]]
    later = numpy.array([[1.0], [-1e300]])
    assert numpy.array_equal(refimpl.scaled_dot_product_attention(q, k, later, causal=True)[0], [1.0])


def test_saturated_gates(recwarn: pytest.WarningsRecorder) -> None:
    """An input gate at sigmoid(-1000) = 0 and a forget gate at 1 keep the cell; slopes keep their relative accuracy."""
    x, h, c, W = numpy.ones((1, 3, 1)), numpy.ones((1, 1)), numpy.full((1, 1), 0.5), numpy.zeros((1, 4))
    bias = numpy.array([-1000.0, 50.0, 1000.0, 0.25])
    hs, last = refimpl.lstm(x, h, c, W, W, bias)
    assert last[0, 0] == 0.5 and numpy.array_equal(hs[0, :, 0], numpy.tanh(numpy.full(3, 0.5)) / (1 + numpy.exp(-0.25)))
    gradient = refimpl.lstm_vjp((numpy.zeros((1, 3, 1)), numpy.ones((1, 1))), x, h, c, W, W, bias)[5]
    assert gradient[0] == 0 and gradient[1] == pytest.approx(1.5 * numpy.exp(-50), rel=1e-14) and gradient[2] == 0
    assert not recwarn.list
