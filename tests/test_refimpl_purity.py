"""Every operation of the reference implementation leaves its inputs alone, keeps their dtype and takes any layout."""

import inspect
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import array_api_strict
import ml_dtypes
import numpy
import pytest
import scipy.special

from fiducial import refimpl
from fiducial.conformance.cases import Case, build, draw
from fiducial.spec.catalogue import CATALOGUE

DTYPES = [numpy.float16, ml_dtypes.bfloat16, numpy.float32, numpy.float64]
OPERATIONS = [name for name in refimpl.__all__ if f"{name}_vjp" in refimpl.__all__]
ELEMENTWISE = ["elu", "gelu", "leaky_relu", "log_sigmoid", "relu", "sigmoid", "silu", "softplus", "step", "tanh"]
ELEMENTWISE += ["add", "subtract", "multiply", "divide", "maximum", "sgd"]


def call_of(name: str, dtype: Any = numpy.float64, shape: tuple[int, ...] | None = None) -> Case:
    """The catalogue's plainest call of the operation, or one with arrays of this shape."""
    operation, kind = CATALOGUE[name], numpy.dtype(dtype).name
    pick, rng = (lambda options: options[0]), numpy.random.default_rng(7)
    if shape is None:
        return draw(operation, kind, pick, rng, lambda given: {**operation.defaults, **given}, "one sign")
    shapes = [shape] * len(operation.default_definition().system.inputs)
    return build(operation, kind, operation.defaults, shapes, rng, "one sign")


def mapped(change: Callable[[Any], Any], arguments: Any) -> Any:
    """The arguments with every array changed; lists of arrays stay lists."""
    return [mapped(change, a) if isinstance(a, list) else change(a) if hasattr(a, "dtype") else a for a in arguments]


def nested(change: Callable[[Any], Any], results: Any) -> Any:
    """The outputs with every array changed, in the same tuples and lists."""
    return type(results)(map(change, results)) if isinstance(results, list | tuple) else change(results)


def flat(results: Any) -> list[Any]:
    """The arrays of nested tuples and lists."""
    return [b for a in results for b in flat(a)] if isinstance(results, list | tuple) else [results]


def called(case: Case) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The operation and its gradient, with the case's attributes."""
    name, vjp = case.operation.name, f"{case.operation.name}_vjp"
    taken = inspect.signature(getattr(refimpl, name)).parameters
    attributes = {attribute: value for attribute, value in case.passed.items() if attribute in taken}
    return partial(getattr(refimpl, name), **attributes), partial(getattr(refimpl, vjp), **attributes)


def both(case: Case, arguments: Any = None) -> list[Any]:
    """The outputs, and the gradients with the outputs as the cotangents."""
    given = case.arguments if arguments is None else arguments
    forward, vjp = called(case)
    outputs = forward(*given)
    return [*flat(outputs), *flat(vjp(outputs, *given))]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("name", OPERATIONS)
def test_inputs_unmodified_dtype_kept_and_calls_repeatable(name: str, dtype: Any) -> None:
    case = call_of(name, dtype)
    inputs = flat(case.arguments)
    before = [a.copy() for a in inputs]
    first, second = both(case), both(case)
    for a, b in zip(inputs, before, strict=True):
        assert a.tobytes() == b.tobytes()
    for a, b in zip(first, second, strict=True):
        assert isinstance(a, numpy.ndarray) and a.dtype == dtype
        assert a.tobytes() == b.tobytes()
        assert not any(numpy.shares_memory(a, given) for given in inputs)


@pytest.mark.parametrize(
    "layout",
    [
        lambda a: numpy.repeat(a[..., None], 2, axis=-1)[..., 0],
        lambda a: numpy.flip(numpy.flip(a).copy()),
        lambda a: numpy.array(a, order="F"),
        lambda a: numpy.broadcast_to(a, a.shape),
    ],
    ids=["strided", "reversed", "transposed", "read-only"],
)
@pytest.mark.parametrize("name", OPERATIONS)
def test_layout_does_not_matter(name: str, layout: Callable[[Any], Any]) -> None:
    case = call_of(name)
    for a, b in zip(both(case), both(case, mapped(layout, case.arguments)), strict=True):
        finite = numpy.isfinite(a)
        assert a.shape == b.shape and finite.any()
        assert numpy.array_equal(a[~finite], b[~finite], equal_nan=True)  # an infinite cotangent times 0 is NaN
        # Another layout in memory may change the order in which the linear algebra adds up.
        a, b = a[finite], b[finite]
        assert numpy.all(abs(a - b) <= 64 * numpy.finfo(a.dtype).eps * abs(a).max(initial=0))


@pytest.mark.parametrize("shape", [(0,), (2, 0, 3), ()], ids=str)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_zero_size_and_zero_dimensions(name: str, shape: tuple[int, ...]) -> None:
    assert all(a.shape == shape for a in both(call_of(name, shape=shape)))


@pytest.mark.parametrize("name", OPERATIONS)
def test_stays_on_the_device_and_in_the_namespace(name: str) -> None:
    case = call_of(name)
    there = partial(array_api_strict.asarray, device=array_api_strict.Device("device1"))
    forward, vjp = called(case)
    cotangents = nested(there, forward(*case.arguments))
    arguments = mapped(there, case.arguments)
    for function, given in ((forward, arguments), (vjp, [cotangents, *arguments])):
        try:
            results = flat(function(*given))
        except NotImplementedError as error:
            # The array API standard has no special functions.
            missing = re.fullmatch(r"array_api_strict has no (\w+), which this operation needs", str(error))
            assert missing and hasattr(scipy.special, missing[1]) and not hasattr(array_api_strict, missing[1])
        else:
            assert results and all(a.device == there.keywords["device"] for a in results)


def test_narrow_dtypes_accumulate_wide() -> None:
    ones = numpy.ones(40_000, dtype=numpy.float16)
    assert refimpl.sum(ones) == 40_000
    assert refimpl.norm(numpy.array([600, 800], dtype=numpy.float16)) == 1000
    index = numpy.zeros(300, dtype=numpy.int64)
    table = numpy.zeros((2, 1), dtype=ml_dtypes.bfloat16)
    gradient = refimpl.embedding_vjp(numpy.ones((300, 1), dtype=ml_dtypes.bfloat16), table, index)
    assert gradient[:, 0].tolist() == [300, 0]


def test_no_warning_for_extreme_input(recwarn: pytest.WarningsRecorder) -> None:
    extremes = numpy.array([-numpy.inf, -1e300, -1e-310, 0.0, 1e300, numpy.inf, numpy.nan])
    for name in ELEMENTWISE[:10]:
        both(call_of(name, shape=extremes.shape), [extremes])
    assert not recwarn.list
