"""Optimisers, clipping, penalties and dropout: hand-computed steps, gradients, dtypes, namespaces and errors."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import array_api_strict
import ml_dtypes
import numpy
import pytest
from held import assert_held

from fiducial import refimpl
from fiducial.refimpl.adam import _one_minus_power

ADAM = {"step": 3, "lr": 0.5, "beta1": 0.75, "beta2": 0.875, "eps": 0.125}
# Every rate is large, so that no term of a gradient is lost beside the others.
STEPS: list[tuple[str, int, dict[str, Any]]] = [
    ("sgd", 2, {"lr": 0.5, "weight_decay": 0.25}),
    ("momentum", 3, {"lr": 0.5, "momentum": 0.75, "weight_decay": 0.25}),
    ("momentum", 3, {"lr": 0.5, "momentum": 0.75, "weight_decay": 0.25, "nesterov": True}),
    ("adagrad", 3, {"lr": 0.5, "eps": 0.125}),
    ("rmsprop", 3, {"lr": 0.5, "eps": 0.125, "rho": 0.75}),
    ("adam", 4, {**ADAM, "weight_decay": 0.25}),
    ("adamw", 4, {**ADAM, "weight_decay": 0.25}),
    ("l1_penalty", 1, {"weight": 0.75}),
    ("l2_penalty", 1, {"weight": 0.75}),
]
each_step = pytest.mark.parametrize(("name", "n", "attributes"), STEPS, ids=[f"{s[0]}{i}" for i, s in enumerate(STEPS)])


def several(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]


def assert_gradients(f: Callable[..., Any], vjp: Callable[..., Any], inputs: list[Any]) -> None:
    """<gradient, d> = <c, J d> for each input, with J d by a central difference of step 1e-5 in float64.

    For inputs and derivatives around 1 its truncation is about 1e-10 and its rounding 1e-11, summed over some tens of
    entries: 1e-8 is allowed. The products themselves are required to be large enough that 1 % would be seen.
    """
    rng = numpy.random.default_rng(3)
    outputs = several(f(*inputs))
    c = [rng.uniform(0.5, 1.5, y.shape) for y in outputs]
    kind = type(f(*inputs)) if isinstance(f(*inputs), tuple | list) else next
    gradients = several(vjp(kind(iter(c)), *inputs))
    assert len(gradients) == len(inputs)
    for i, (x, gradient) in enumerate(zip(inputs, gradients, strict=True)):
        d = rng.uniform(0.5, 1.5, x.shape)
        ahead, behind = (several(f(*inputs[:i], x + h * d, *inputs[i + 1 :])) for h in (1e-5, -1e-5))
        along = sum(numpy.sum(k * (a - b)) for k, a, b in zip(c, ahead, behind, strict=True)) / 2e-5
        assert gradient.shape == x.shape
        assert abs(along) > 1e-4
        assert abs(numpy.sum(gradient * d) - along) <= 1e-8 * max(1, abs(along))


def inputs_of(n: int, dtype: Any = numpy.float64) -> list[Any]:
    """w and g of both signs, then states that are positive, all away from 0."""
    rng = numpy.random.default_rng(5)
    signs = [1 if i > 1 else rng.choice([-1, 1], (3, 2)) for i in range(n)]
    return [(s * rng.integers(32, 96, (3, 2)) / 64).astype(dtype) for s in signs]


@each_step
def test_gradients(name: str, n: int, attributes: dict[str, Any]) -> None:
    f, vjp = getattr(refimpl, name), getattr(refimpl, f"{name}_vjp")
    assert_gradients(lambda *a: f(*a, **attributes), lambda *a: vjp(*a, **attributes), inputs_of(n))


@pytest.mark.parametrize("max_norm", [0.5, 50.0], ids=["clipped", "as it is"])
def test_clip_and_dropout_gradients(max_norm: float) -> None:
    mask = numpy.asarray([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    assert_gradients(
        lambda *gs: refimpl.clip_by_global_norm(list(gs), max_norm=max_norm, eps=0.125),
        lambda c, *gs: refimpl.clip_by_global_norm_vjp(c, list(gs), max_norm=max_norm, eps=0.125),
        [*inputs_of(2), numpy.asarray([0.5, -2.0]), numpy.asarray(1.5)],
    )
    assert_gradients(
        lambda x: refimpl.dropout(x, mask, rate=0.25),
        lambda c, x: refimpl.dropout_vjp(c, x, mask, rate=0.25),
        inputs_of(1),
    )


def calls(name: str, n: int, attributes: dict[str, Any], convert: Callable[[Any], Any]) -> list[Any]:
    """The outputs, and the gradients with the outputs as cotangents."""
    inputs = [convert(a) for a in inputs_of(n)]
    outputs = getattr(refimpl, name)(*inputs, **attributes)
    return several(outputs) + several(getattr(refimpl, f"{name}_vjp")(outputs, *inputs, **attributes))


@each_step
def test_array_namespaces_and_dtypes(name: str, n: int, attributes: dict[str, Any]) -> None:
    wide = calls(name, n, attributes, lambda a: a)
    device = array_api_strict.Device("device1")
    for a, b in zip(
        wide, calls(name, n, attributes, lambda a: array_api_strict.asarray(a, device=device)), strict=True
    ):
        assert b.device == device
        assert numpy.array_equal(a, numpy.asarray(b.to_device(array_api_strict.Device("CPU_DEVICE"))))
    for dtype in (numpy.float16, ml_dtypes.bfloat16, numpy.float32):
        narrow = calls(name, n, attributes, lambda a, t=dtype: a.astype(t))
        assert all(isinstance(b, numpy.ndarray) and b.dtype == dtype for b in narrow)
        assert_held(name, inputs_of(n), attributes, narrow, numpy.dtype(dtype).name)


def test_clip_and_dropout_keep_namespace_and_dtype() -> None:
    strict = [array_api_strict.asarray(a) for a in (numpy.asarray([3.0]), numpy.asarray([[4.0]]))]
    clipped = refimpl.clip_by_global_norm(strict, max_norm=1.0)
    gradients = refimpl.clip_by_global_norm_vjp(clipped, strict, max_norm=1.0)
    assert [a.shape for a in (*clipped, *gradients)] == [(1,), (1, 1), (1,), (1, 1)]
    x, mask = array_api_strict.ones(3), array_api_strict.asarray([0.0, 1.0, 1.0])
    assert numpy.array_equal(numpy.asarray(refimpl.dropout(x, mask, rate=0.5)), [0, 2, 2])
    half = numpy.ones(4, dtype=numpy.float16)
    assert refimpl.dropout_vjp(half, half, half, rate=0.5).dtype == numpy.float16
    assert [g.dtype for g in refimpl.clip_by_global_norm([half, half], max_norm=1.0)] == [numpy.float16] * 2


def test_steps_computed_by_hand() -> None:
    w, g, v = (numpy.asarray([z]) for z in (1.0, 2.0, 3.0))
    rates: dict[str, Any] = {"lr": 0.5, "momentum": 0.5}
    assert refimpl.momentum(w, g, v, **rates) == (-0.75, 3.5)
    assert refimpl.momentum(w, g, v, nesterov=True, **rates) == (-0.875, 3.5)
    assert refimpl.momentum(w, g, v, weight_decay=1.0, **rates) == (-1.25, 4.5)
    assert refimpl.adagrad(w, v, numpy.asarray([16.0]), lr=0.5, eps=1.0) == (0.75, 25)
    assert refimpl.rmsprop(w, w + v, numpy.asarray([16.0]), lr=0.5, eps=4.0, rho=0.75) == (0.75, 16)
    # m = 2, v = 3, both corrected by 1 - 1/2^2: 8/3 and 4.
    at_two: dict[str, Any] = {"step": 2, "lr": 0.75, "beta1": 0.5, "beta2": 0.5, "eps": 0.0}
    expected = [numpy.asarray([e]) for e in (1 - 0.75 * (8 / 3) / 2, 2.0, 3.0)]
    for name, given, decay, by_hand in (
        ("adam", (w, g, g, g), 0.0, expected),
        ("adamw", (w, g, g, g), 0.5, [expected[0] - 0.375, *expected[1:]]),
        ("adam", (w, g - 0.5, g, g), 0.5, expected),
    ):
        attributes = {**at_two, "weight_decay": decay}
        for results in (by_hand, getattr(refimpl, name)(*given, **attributes)):
            assert_held(name, given, attributes, results)


def test_first_adam_step_is_the_learning_rate() -> None:
    zero = numpy.zeros(4)
    given, attributes = (zero, numpy.asarray([1e-3, 5.0, -2.0, 1e150]), zero, zero), {"step": 1, "lr": 0.1, "eps": 0.0}
    w, m, v = refimpl.adam(*given, **attributes)
    for result in (w, numpy.asarray([-0.1, -0.1, 0.1, -0.1])):
        assert_held("adam", given, attributes, [result, m, v])


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000, 12345])
@pytest.mark.parametrize("beta", [0.9, 0.999, 0.0, 0.999999])
def test_bias_correction_does_not_cancel(beta: float, step: int) -> None:
    exact = 1 - Fraction(beta) ** step
    # At each of log2(step) levels two powers, a product with a sum, and a sum of products: nine roundings at most.
    assert abs(Fraction(_one_minus_power(beta, step)) / exact - 1) <= 9 * step.bit_length() * 2**-53


def test_clipping_by_hand_and_at_the_ends_of_the_range() -> None:
    for size in (1.0, 1e200, 1e-200):
        gs = [numpy.asarray([3 * size]), numpy.asarray([[4 * size]])]
        a, b = refimpl.clip_by_global_norm(gs, max_norm=size, eps=0.0)
        # A scale, two squares, a sum, a root, a quotient, a product, and the division here: nine roundings.
        assert numpy.allclose([a[0] / size, b[0, 0] / size], [0.6, 0.8], rtol=9 * 2**-53, atol=0)
    kept = refimpl.clip_by_global_norm([numpy.asarray([0.3]), numpy.zeros(0)], max_norm=0.5)
    assert kept[0] == 0.3 and kept[1].shape == (0,)
    assert refimpl.clip_by_global_norm([numpy.zeros(2)], max_norm=1.0, eps=0.0)[0].tolist() == [0, 0]


def test_penalties_by_hand() -> None:
    W = numpy.asarray([[-2.0, 0.0], [3.0, 1.0]])
    assert refimpl.l1_penalty(W, weight=0.5) == 3.0 and refimpl.l1_penalty(W).shape == ()
    assert refimpl.l2_penalty(W, weight=0.5) == 3.5
    assert refimpl.l1_penalty_vjp(numpy.asarray(2.0), W, weight=0.5).tolist() == [[-1, 0], [1, 1]]


OBJECTS: list[tuple[Any, Callable[..., Any], dict[str, Any]]] = [
    (refimpl.SGD(0.1, 0.5), refimpl.sgd, {"lr": 0.1, "weight_decay": 0.5}),
    (refimpl.Momentum(0.1, nesterov=True), refimpl.momentum, {"lr": 0.1, "nesterov": True}),
    (refimpl.Adagrad(0.1, 1e-3), refimpl.adagrad, {"lr": 0.1, "eps": 1e-3}),
    (refimpl.RMSprop(rho=0.5), refimpl.rmsprop, {"rho": 0.5}),
    (refimpl.Adam(beta1=0.5, weight_decay=0.5), refimpl.adam, {"beta1": 0.5, "weight_decay": 0.5}),
    (refimpl.AdamW(beta2=0.5), refimpl.adamw, {"beta2": 0.5, "weight_decay": 1e-2}),
]


@pytest.mark.parametrize(("optimiser", "function", "attributes"), OBJECTS, ids=[type(o[0]).__name__ for o in OBJECTS])
def test_objects_keep_their_states(optimiser: Any, function: Callable[..., Any], attributes: dict[str, Any]) -> None:
    params = [numpy.asarray([1.0, -2.0]), numpy.asarray([[3.0]])]
    expected = [[w.copy()] + [numpy.zeros_like(w)] * optimiser.number_of_states for w in params]
    counted = isinstance(optimiser, refimpl.Adam)
    for t in range(1, 4):
        grads = [t * w - 0.5 for w in params]
        step = {"step": t} if counted else {}
        expected = [
            several(function(e[0], g, *e[1:], **step, **attributes)) for e, g in zip(expected, grads, strict=True)
        ]
        optimiser.update(params, grads)
        assert all(numpy.array_equal(w, e[0]) for w, e in zip(params, expected, strict=True))


A, B = numpy.ones((3, 2)), numpy.ones(3)
ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: refimpl.momentum(A, A, B), r"v must be an array of shape \(3, 2\), got \(3,\)"),
    (lambda: refimpl.momentum(A, A, A, momentum=math.nan), "momentum must be a finite number, got nan"),
    (lambda: refimpl.momentum_vjp((A,), A, A, A), "cotangent must be a tuple of 2 arrays"),  # type: ignore[arg-type]
    (lambda: refimpl.adam_vjp((A, A, B), A, A, A, A, step=1), r"cotangent must be .*\(3, 2\), got \(3,\)"),
    (lambda: refimpl.sgd(A, A, lr=math.inf), "lr must be a finite number, got inf"),
    (lambda: refimpl.adagrad(A, A, A, eps=math.inf), "eps must be a finite number, got inf"),
    (lambda: refimpl.rmsprop(A, A, A, rho=-math.inf), "rho must be a finite number, got -inf"),
    (lambda: refimpl.adam(A, A, A, A, step=0), "step must be an integer of at least 1, got 0"),
    (lambda: refimpl.adamw(A, A, A, A, step=1.0), "step must be an integer of at least 1, got 1.0"),  # type: ignore[arg-type]
    (lambda: refimpl.adamw(A, A, A, A, step=1, beta2=math.nan), "beta2 must be a finite number, got nan"),
    (lambda: refimpl.clip_by_global_norm([], max_norm=1.0), r"gs must be a list of at least one array, got \[\]"),
    (lambda: refimpl.clip_by_global_norm([A], max_norm=0.0), "max_norm must be a positive finite number, got 0.0"),
    (lambda: refimpl.clip_by_global_norm([A], max_norm=math.inf), "max_norm must be a finite number, got inf"),
    (lambda: refimpl.clip_by_global_norm_vjp([A], [A, B], max_norm=1.0), "cotangent must be a list of 2 arrays"),
    (lambda: refimpl.clip_by_global_norm_vjp([B], [A], max_norm=1.0), r"cotangent must be .*\(3, 2\), got \(3,\)"),
    (lambda: refimpl.dropout(A, A, rate=1), r"rate must be in \[0, 1\), got 1"),
    (lambda: refimpl.dropout(A, A, rate=math.nan), r"rate must be in \[0, 1\), got nan"),
    (lambda: refimpl.dropout(A, B, rate=0.5), r"mask must be an array of shape \(3, 2\), got \(3,\)"),
    (lambda: refimpl.l1_penalty_vjp(A, A), r"cotangent must be an array of shape \(\), got \(3, 2\)"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=[message for _, message in ERRORS])
def test_errors(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_clipping_takes_a_list_of_float_arrays() -> None:
    with pytest.raises(TypeError, match="^gs must be a list of arrays, got ndarray"):
        refimpl.clip_by_global_norm(A, max_norm=1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="^gs must be an array of dtype float, got dtype int64"):
        refimpl.clip_by_global_norm([numpy.asarray([1])], max_norm=1.0)
