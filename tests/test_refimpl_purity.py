"""Every operation of the reference implementation leaves its inputs alone, keeps their dtype and takes any layout."""

import inspect
from collections.abc import Callable
from typing import Any

import array_api_strict
import ml_dtypes
import numpy
import pytest

from fiducial import refimpl

DTYPES = [numpy.float16, ml_dtypes.bfloat16, numpy.float32, numpy.float64]
OPERATIONS = [name for name in refimpl.__all__ if f"{name}_vjp" in refimpl.__all__]
SHAPES = {"matmul": [(2, 3, 4), (4, 2)], "affine": [(3, 4), (4, 2), (2,)], "embedding": [(5, 3)]}
ATTRIBUTES: dict[str, dict[str, Any]] = {"repeat": {"n": 3}}
ELEMENTWISE = ["elu", "gelu", "leaky_relu", "log_sigmoid", "relu", "sigmoid", "silu", "softplus", "step", "tanh"]
ELEMENTWISE += ["add", "subtract", "multiply", "divide", "maximum", "sgd"]


def inputs_of(name: str, dtype: Any = numpy.float64, shape: tuple[int, ...] | None = None) -> list[Any]:
    """Multiples of 1/64 in (0, 1), which every dtype holds, shaped as in the table or (3, 4); embedding's indices."""
    generator = numpy.random.default_rng(7)
    parameters = inspect.signature(getattr(refimpl, name)).parameters.values()
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    shapes = [shape] * len(positional) if shape is not None else SHAPES.get(name, [(3, 4)] * len(positional))
    arrays = [(generator.integers(7, 58, size) / numpy.float64(64)).astype(dtype) for size in shapes]
    return [*arrays, numpy.array([[1, 4, 1], [0, 1, 1]])] if name == "embedding" else arrays


def both(name: str, inputs: list[Any]) -> list[Any]:
    """The outputs, and the gradients with the outputs as the cotangents."""
    attributes = ATTRIBUTES.get(name, {})
    outputs = getattr(refimpl, name)(*inputs, **attributes)
    gradients = getattr(refimpl, f"{name}_vjp")(outputs, *inputs, **attributes)
    return [a for result in (outputs, gradients) for a in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("name", OPERATIONS)
def test_inputs_unmodified_dtype_kept_and_calls_repeatable(name: str, dtype: Any) -> None:
    inputs = inputs_of(name, dtype)
    before = [a.copy() for a in inputs]
    first, second = both(name, inputs), both(name, inputs)
    for a, b in zip(inputs, before, strict=True):
        assert a.tobytes() == b.tobytes()
    for a, b in zip(first, second, strict=True):
        assert isinstance(a, numpy.ndarray) and a.dtype == dtype
        assert a.tobytes() == b.tobytes()
        assert not any(numpy.shares_memory(a, given) for given in inputs)


@pytest.mark.parametrize(
    "layout",
    [
        lambda a: numpy.repeat(a, 2, axis=-1)[..., ::2],
        lambda a: numpy.flip(numpy.flip(a, 0).copy(), 0),
        numpy.asfortranarray,
        lambda a: numpy.broadcast_to(a, a.shape),
    ],
    ids=["strided", "reversed", "transposed", "read-only"],
)
@pytest.mark.parametrize("name", OPERATIONS)
def test_layout_does_not_matter(name: str, layout: Callable[[Any], Any]) -> None:
    plain = inputs_of(name)
    for a, b in zip(both(name, plain), both(name, [layout(a) for a in plain]), strict=True):
        assert numpy.array_equal(a, b)


@pytest.mark.parametrize("shape", [(0,), (2, 0, 3), ()], ids=str)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_zero_size_and_zero_dimensions(name: str, shape: tuple[int, ...]) -> None:
    assert all(a.shape == shape for a in both(name, inputs_of(name, shape=shape)))


@pytest.mark.parametrize("name", OPERATIONS)
def test_stays_on_the_device_and_in_the_namespace(name: str) -> None:
    device = array_api_strict.Device("device1")
    inputs = [array_api_strict.asarray(a, device=device) for a in inputs_of(name)]
    if name == "gelu":
        with pytest.raises(NotImplementedError, match="erfc"):
            refimpl.gelu(*inputs)
        return
    for a in both(name, inputs):
        assert a.device == device


def test_narrow_dtypes_accumulate_wide() -> None:
    ones = numpy.ones(40_000, dtype=numpy.float16)
    assert refimpl.sum(ones) == 40_000
    assert refimpl.norm(numpy.array([600, 800], dtype=numpy.float16)) == 1000
    index = numpy.zeros(300, dtype=numpy.int64)
    table = numpy.zeros((2, 1), dtype=ml_dtypes.bfloat16)
    gradient = refimpl.embedding_vjp(numpy.ones((300, 1), dtype=ml_dtypes.bfloat16), table, index)
    assert gradient[:, 0].tolist() == [300, 0]


def test_no_warning_for_extreme_input(recwarn: pytest.WarningsRecorder) -> None:
    for name in ELEMENTWISE[:10]:
        both(name, [numpy.array([-numpy.inf, -1e300, -1e-310, 0.0, 1e300, numpy.inf, numpy.nan])])
    assert not recwarn.list
