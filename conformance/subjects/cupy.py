"""CuPy: its own ufuncs, reductions, linear algebra and special functions, on a GPU; no gradients.

Without a GPU it can be imported, and every array says why there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cupy
import cupyx.scipy.special as special
import numpy as np

from fiducial.conformance.subject import NotAvailable

name = "cupy"
version = cupy.__version__
dtypes = ("float64", "float32", "float16")
devices = ("cuda",)


def asarray(array: Any, device: str | None = None) -> Any:
    if not cupy.cuda.is_available():
        raise NotAvailable("cupy finds no GPU")
    return cupy.asarray(array)


def to_numpy(array: Any) -> Any:
    return cupy.asnumpy(array)


def _single_at_least(a: Any) -> Any:
    if a.dtype == np.float16:
        raise NotImplementedError("cupy.linalg factors no float16")
    return a


# --- elementwise and nodes ---

add, subtract, multiply, divide = cupy.add, cupy.subtract, cupy.multiply, cupy.divide
maximum, matmul, tanh = cupy.maximum, cupy.matmul, cupy.tanh
sigmoid, log_sigmoid = special.expit, special.log_expit


def sum(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return cupy.sum(x, axis=axis, keepdims=keepdims)


def mean(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return cupy.mean(x, axis=axis, keepdims=keepdims)


def amax(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return cupy.amax(x, axis=axis, keepdims=keepdims)


def repeat(x: Any, *, n: int, axis: int = 0) -> Any:
    return cupy.stack([x] * n, axis=axis)


def norm(x: Any, *, axis: int = -1) -> Any:
    return cupy.linalg.norm(x, axis=axis)


def embedding(W: Any, indices: Any) -> Any:
    return cupy.take(W, indices, axis=0)


def _over_last_axis(function: Callable[..., Any]) -> Callable[..., Any]:
    def over(x: Any, *, axis: int = -1) -> Any:
        return function(x, axis=axis)

    return over


logsumexp, softmax, log_softmax = map(_over_last_axis, (special.logsumexp, special.softmax, special.log_softmax))


# --- statistics ---


def variance(x: Any, *, axis: Any = None, ddof: int = 0) -> Any:
    return cupy.var(x, axis=axis, ddof=ddof)


def std(x: Any, *, axis: Any = None, ddof: int = 0) -> Any:
    return cupy.std(x, axis=axis, ddof=ddof)


def covariance(x: Any, *, ddof: int = 1) -> Any:
    return cupy.atleast_2d(cupy.cov(x, rowvar=False, ddof=ddof, dtype=x.dtype))


def correlation(x: Any) -> Any:
    return cupy.atleast_2d(cupy.corrcoef(x, rowvar=False, dtype=x.dtype))


# --- linear algebra ---


def eigh(a: Any) -> tuple[Any, ...]:
    return tuple(cupy.linalg.eigh(_single_at_least(a)))


def svd(a: Any) -> tuple[Any, ...]:
    return tuple(cupy.linalg.svd(_single_at_least(a), full_matrices=False))


def det(a: Any) -> Any:
    return cupy.linalg.det(_single_at_least(a))


def trace(a: Any) -> Any:
    return cupy.trace(a)


def inverse(a: Any) -> Any:
    return cupy.linalg.inv(_single_at_least(a))


def solve(a: Any, b: Any) -> Any:
    return cupy.linalg.solve(_single_at_least(a), b)


def least_squares(X: Any, y: Any) -> Any:
    return cupy.linalg.lstsq(_single_at_least(X), y, rcond=None)[0]
