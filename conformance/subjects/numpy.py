"""NumPy: its linear algebra, statistics, arithmetic and samplers; no gradients.

numpy.linalg documents no half precision: those rows are reported as unsupported there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

name = "numpy"
version = np.__version__
dtypes = ("float64", "float32", "float16")


def _single_at_least(a: Any) -> None:
    if a.dtype == np.float16:
        raise NotImplementedError("numpy.linalg factors no float16")


# --- nodes ---

add, subtract, multiply, divide = np.add, np.subtract, np.multiply, np.divide
matmul, maximum, tanh = np.matmul, np.maximum, np.tanh


def sum(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return np.sum(x, axis=axis, keepdims=keepdims)


def mean(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return np.mean(x, axis=axis, keepdims=keepdims)


def amax(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return np.amax(x, axis=axis, keepdims=keepdims)


def norm(x: Any, *, axis: int = -1) -> Any:
    return np.linalg.norm(x, axis=axis)


# --- statistics ---


def variance(x: Any, *, axis: Any = None, ddof: int = 0) -> Any:
    return np.var(x, axis=axis, ddof=ddof)


def std(x: Any, *, axis: Any = None, ddof: int = 0) -> Any:
    return np.std(x, axis=axis, ddof=ddof)


def covariance(x: Any, *, ddof: int = 1) -> Any:
    # NumPy drops the axes of a single variable's matrix, and computes in float64 unless told otherwise.
    return np.atleast_2d(np.cov(x, rowvar=False, ddof=ddof, dtype=x.dtype))


def correlation(x: Any) -> Any:
    return np.atleast_2d(np.corrcoef(x, rowvar=False, dtype=x.dtype))


def bernoulli_sample(p: Any, *, shape: Any, seed: int) -> Any:
    return np.random.default_rng(seed).binomial(1, p, size=shape)


def binomial_sample(n: Any, p: Any, *, shape: Any, seed: int) -> Any:
    return np.random.default_rng(seed).binomial(np.asarray(n).astype(np.int64), p, size=shape)


def normal_sample(mu: Any, sigma: Any, *, shape: Any, seed: int) -> Any:
    if np.asarray(mu).dtype != np.float64:
        raise NotImplementedError("NumPy draws normal numbers in float64")
    return np.random.default_rng(seed).normal(mu, sigma, size=shape)


# --- linear algebra ---


def eigh(a: Any) -> Any:
    _single_at_least(a)
    return np.linalg.eigh(a)


def eig(a: Any) -> Any:
    _single_at_least(a)
    return np.linalg.eig(a)


def svd(a: Any) -> Any:
    _single_at_least(a)
    return np.linalg.svd(a, full_matrices=False)


def det(a: Any) -> Any:
    _single_at_least(a)
    return np.linalg.det(a)


def trace(a: Any) -> Any:
    return np.trace(a)


def inverse(a: Any) -> Any:
    _single_at_least(a)
    return np.linalg.inv(a)


def solve(a: Any, b: Any) -> Any:
    _single_at_least(a)
    return np.linalg.solve(a, b)


def least_squares(X: Any, y: Any) -> Any:
    _single_at_least(X)
    return np.linalg.lstsq(X, y, rcond=None)[0]
