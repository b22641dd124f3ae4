"""HIPS autograd: NumPy's and SciPy's functions as it wraps them, and its own gradients of them.

Its normal distribution is SciPy's, which computes and returns float64: other dtypes are reported as unsupported.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version as version_of
from typing import Any

import autograd
import autograd.numpy as np
from autograd import builtins
from autograd.scipy import special
from autograd.scipy.stats import norm as normal

name = "autograd"
version = version_of("autograd")
dtypes = ("float64", "float32", "float16")


def vjp(operation: str, cotangent: Any, *inputs: Any, **attributes: Any) -> tuple[Any, ...]:
    """The gradients of an operation, one for each float input."""
    return tuple(_gradient(operation, cotangent, inputs, attributes)(*_floats(inputs)))


def hvp(operation: str, cotangent: Any, directions: Any, *inputs: Any, **attributes: Any) -> tuple[Any, ...]:
    """The gradient of <directions, gradient>: the gradient of the gradient."""
    along = builtins.tuple(directions if isinstance(directions, tuple) else (directions,))
    return tuple(_pulled(_gradient(operation, cotangent, inputs, attributes), along)(*_floats(inputs)))


def _gradient(operation: str, cotangent: Any, inputs: Any, attributes: dict[str, Any]) -> Callable[..., Any]:
    def function(*floats: Any) -> Any:
        left = iter(floats)
        outputs = globals()[operation](*(next(left) if _is_float(x) else x for x in inputs), **attributes)
        return builtins.tuple(outputs) if isinstance(cotangent, tuple) else outputs

    return _pulled(function, builtins.tuple(cotangent) if isinstance(cotangent, tuple) else cotangent)


def _pulled(function: Callable[..., Any], cotangent: Any) -> Callable[..., Any]:
    def pulled(*floats: Any) -> Any:
        pull, _ = autograd.make_vjp(lambda given: function(*given))(builtins.tuple(floats))
        return pull(cotangent)

    return pulled


def _floats(inputs: Any) -> tuple[Any, ...]:
    return tuple(x for x in inputs if _is_float(x))


def _is_float(x: Any) -> bool:
    return bool(x.dtype.kind == "f")


# --- elementwise and nodes ---


def _of_one(function: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda x: function(x)


def _of_two(function: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: function(x, y)


tanh = _of_one(np.tanh)


def sigmoid(x: Any) -> Any:
    if x.dtype == np.float16:
        raise NotImplementedError("SciPy's expit returns float64 for float16")
    return special.expit(x)


add, subtract, multiply, divide = map(_of_two, (np.add, np.subtract, np.multiply, np.divide))
maximum, matmul = _of_two(np.maximum), _of_two(np.matmul)


def sum(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return np.sum(x, axis=axis, keepdims=keepdims)


def mean(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return np.mean(x, axis=axis, keepdims=keepdims)


def amax(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return np.max(x, axis=axis, keepdims=keepdims)


def repeat(x: Any, *, n: int, axis: int = 0) -> Any:
    return np.stack([x] * n, axis=axis)


def norm(x: Any, *, axis: int = -1) -> Any:
    return np.linalg.norm(x, axis=axis)


def embedding(W: Any, indices: Any) -> Any:
    return W[indices]


def logsumexp(x: Any, *, axis: int = -1) -> Any:
    return special.logsumexp(x, axis=axis)


# --- statistics ---


def variance(x: Any, *, axis: Any = None, ddof: int = 0) -> Any:
    return np.var(x, axis=axis, ddof=ddof)


def std(x: Any, *, axis: Any = None, ddof: int = 0) -> Any:
    return np.std(x, axis=axis, ddof=ddof)


def _in_float64(function: Callable[..., Any]) -> Callable[..., Any]:
    def computed(x: Any, mu: Any, sigma: Any) -> Any:
        if x.dtype != np.float64:
            raise NotImplementedError("SciPy's distributions compute and return float64, whatever the inputs' dtype")
        return function(x, mu, sigma)

    return computed


normal_pdf, normal_logpdf = _in_float64(normal.pdf), _in_float64(normal.logpdf)
normal_cdf, normal_logcdf = _in_float64(normal.cdf), _in_float64(normal.logcdf)
normal_sf, normal_logsf = _in_float64(normal.sf), _in_float64(normal.logsf)


# --- linear algebra ---


def _single_at_least(a: Any) -> Any:
    if a.dtype == np.float16:
        raise NotImplementedError("numpy.linalg factors no float16")
    return a


def eigh(a: Any) -> Any:
    return tuple(np.linalg.eigh(_single_at_least(a)))


def eig(a: Any) -> Any:
    return tuple(np.linalg.eig(_single_at_least(a)))


def svd(a: Any) -> Any:
    return tuple(np.linalg.svd(_single_at_least(a), full_matrices=False))


def det(a: Any) -> Any:
    return np.linalg.det(_single_at_least(a))


def trace(a: Any) -> Any:
    return np.trace(a)


def inverse(a: Any) -> Any:
    return np.linalg.inv(_single_at_least(a))


def solve(a: Any, b: Any) -> Any:
    return np.linalg.solve(_single_at_least(a), b)


# Not here, because autograd is a differentiator and no library of networks: all else. Its optimisers keep their state
# to themselves.
