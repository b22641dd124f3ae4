"""What every operation shares: the array namespace, the working precision and the checks of its arguments."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, TypeVar, cast, get_type_hints

import numpy
from array_api_compat import array_namespace, device, is_array_api_obj, is_numpy_namespace

from fiducial.refimpl._special import special

Array = Annotated[Any, ("float",)]
IntegerArray = Annotated[Any, ("integer",)]
FloatOrIntegerArray = Annotated[Any, ("float", "integer")]

NARROW = ("float16", "bfloat16")
FLOATS = (*NARROW, "float32", "float64")

P = ParamSpec("P")
R = TypeVar("R")


def require(condition: Any, argument: str, required: str, got: Any) -> None:
    """Raise ValueError naming the argument, what is required and what came, unless the condition holds."""
    if not condition:
        raise ValueError(f"{argument} must be {required}, got {got!r}")


def require_shape(argument: str, array: Any, shape: tuple[int, ...]) -> None:
    require(tuple(array.shape) == tuple(shape), argument, f"an array of shape {tuple(shape)}", tuple(array.shape))


@functools.cache
def _name_of(kind: type, dtype: Any) -> str:
    """Cached, as str(dtype) is slow; by the dtype's type too, as dtypes of two libraries may not be compared."""
    return str(dtype).rpartition(".")[2]


def dtype_kind(array: Any) -> str:
    """Answer "float", "integer" or the dtype's own name; the array API's isdtype does not know bfloat16."""
    name = _name_of(array.dtype.__class__, array.dtype)
    if name in FLOATS:
        return "float"
    return "integer" if name.startswith(("int", "uint")) else name


def _is_narrow(array: Any) -> bool:
    return _name_of(array.dtype.__class__, array.dtype) in NARROW


def _check_array(argument: str, value: Any, kinds: tuple[str, ...]) -> None:
    if is_array(value) and dtype_kind(value) in kinds:
        return
    came = f"dtype {value.dtype}" if is_array(value) else type(value).__name__
    raise TypeError(f"{argument} must be an array of dtype {' or '.join(kinds)}, got {came}")


def is_array(value: Any) -> bool:
    # NumPy's arrays, the most frequent ones, are told at once.
    return isinstance(value, numpy.ndarray) or is_array_api_obj(value)


def _map(function: Callable[[Any], Any], value: Any) -> Any:
    return tuple(function(item) for item in value) if isinstance(value, tuple) else function(value)


def _working(argument: str, kinds: tuple[str, ...], like: Any, value: Any) -> Any:
    """The checked array, widened where it is narrow; a Python number becomes an array like the given one."""
    if isinstance(value, int | float) and like is not None and "float" in kinds:
        value = constant(like, value)
    _check_array(argument, value, kinds)
    if not _is_narrow(value):
        return value
    xp = array_namespace(value)
    return xp.astype(value, xp.float32)


def _finished(value: Any, dtype: Any) -> Any:
    """An array (NumPy's reductions give scalars), of the narrow dtype where there is one."""
    if dtype is None and isinstance(value, numpy.ndarray):
        return value
    xp = array_namespace(value)
    value = xp.asarray(value)
    # No complex number is narrower than complex64.
    return value if dtype is None or dtype_kind(value).startswith("complex") else xp.astype(value, dtype)


def operation(function: Callable[P, R]) -> Callable[P, R]:
    """Check the arrays, compute float16 and bfloat16 in float32, and give the result the dtype of the inputs.

    Floating-point warnings are off inside: infinities and NaN are values that the definitions speak about.
    """
    signature = inspect.signature(function)
    hints = get_type_hints(function, include_extras=True)
    kinds = {
        name: hints[name].__metadata__[0] if hasattr(hints[name], "__metadata__") else ("float",)
        for name, parameter in signature.parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }

    names, run = tuple(kinds), cast(Callable[..., R], function)
    attributes_of = frozenset(signature.parameters) - set(names)

    def arguments(args: Any, keywords: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arrays by name, and the attributes. Binding is slow: it is left to the calls that need it."""
        if len(args) == len(names) and attributes_of.issuperset(keywords):
            return dict(zip(names, args, strict=True)), keywords
        bound = signature.bind(*args, **keywords).arguments
        return {n: bound[n] for n in names if n in bound}, {n: v for n, v in bound.items() if n not in kinds}

    @functools.wraps(function)
    def call(*args: P.args, **keywords: P.kwargs) -> R:
        given, attributes = arguments(args, keywords)
        arrays = [a for value in given.values() for a in (value if isinstance(value, tuple) else (value,))]
        floats = [a for a in arrays if is_array(a) and dtype_kind(a) == "float"]
        like: Any = floats[0] if floats else None
        with numpy.errstate(all="ignore"):
            for name, value in given.items():
                if value is not None:
                    given[name] = _map(functools.partial(_working, name, kinds[name], like), value)
            narrow = like.dtype if floats and _is_narrow(like) and all(a.dtype == like.dtype for a in floats) else None
            result = run(**given, **attributes)
            return cast(R, _map(lambda a: _finished(a, narrow), result))

    return call


def constant(x: Any, value: Any) -> Any:
    """A 0-d array with the dtype and the device of x."""
    return array_namespace(x).asarray(value, dtype=x.dtype, device=device(x))


def erfc(x: Any) -> Any:
    """The complementary error function, which the array API standard does not have.

    Raises:
        NotImplementedError: the namespace has no erfc and is neither NumPy nor CuPy.
    """
    return special("erfc", x)


def named_dtype(xp: Any, name: str) -> Any:
    """The namespace's float dtype of this name; NumPy knows bfloat16 once ml_dtypes is there."""
    require(name in FLOATS, "dtype", f"one of {', '.join(FLOATS)}", name)
    if name == "bfloat16" and is_numpy_namespace(xp):
        import ml_dtypes

        return numpy.dtype(ml_dtypes.bfloat16)
    return getattr(xp, name)
