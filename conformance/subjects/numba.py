"""Kernels written by hand for Numba: softmax and its logarithms over rows, forward and backward.

A subject as someone writes one who has a kernel of their own to judge. Each number is computed in the rows' own dtype.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

name = "numba"
version = numba.__version__
dtypes = ("float64", "float32")

rows: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(error_model="numpy")


@rows
def _logsumexp(x: Any) -> Any:
    y = np.empty(x.shape[0], x.dtype)
    for i in range(x.shape[0]):
        largest = x[i, 0]
        for j in range(1, x.shape[1]):
            # A NaN is larger than all: it has to reach the result.
            largest = x[i, j] if x[i, j] > largest or math.isnan(x[i, j]) else largest
        total = x.dtype.type(0)
        for j in range(x.shape[1]):
            total += math.exp(x[i, j] - largest)
        y[i] = largest + math.log(total) if math.isfinite(largest) else largest
    return y


@rows
def _softmax(x: Any) -> Any:
    y = np.empty_like(x)
    for i in range(x.shape[0]):
        largest = x[i, 0]
        for j in range(1, x.shape[1]):
            largest = x[i, j] if x[i, j] > largest or math.isnan(x[i, j]) else largest
        total = x.dtype.type(0)
        for j in range(x.shape[1]):
            y[i, j] = math.exp(x[i, j] - largest)
            total += y[i, j]
        for j in range(x.shape[1]):
            y[i, j] /= total
    return y


@rows
def _log_softmax(x: Any) -> Any:
    y = np.empty_like(x)
    for i in range(x.shape[0]):
        largest = x[i, 0]
        for j in range(1, x.shape[1]):
            largest = x[i, j] if x[i, j] > largest or math.isnan(x[i, j]) else largest
        total = x.dtype.type(0)
        for j in range(x.shape[1]):
            total += math.exp(x[i, j] - largest)
        for j in range(x.shape[1]):
            y[i, j] = x[i, j] - largest - math.log(total)
    return y


@rows
def _logsumexp_vjp(g: Any, x: Any) -> Any:
    p = _softmax(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            p[i, j] *= g[i]
    return p


@rows
def _softmax_vjp(g: Any, x: Any) -> Any:
    p = _softmax(x)
    for i in range(x.shape[0]):
        inner = x.dtype.type(0)
        for j in range(x.shape[1]):
            inner += g[i, j] * p[i, j]
        for j in range(x.shape[1]):
            p[i, j] *= g[i, j] - inner
    return p


@rows
def _log_softmax_vjp(g: Any, x: Any) -> Any:
    p = _softmax(x)
    for i in range(x.shape[0]):
        total = x.dtype.type(0)
        for j in range(x.shape[1]):
            total += g[i, j]
        for j in range(x.shape[1]):
            p[i, j] = g[i, j] - p[i, j] * total
    return p


# --- any axis of an array, as rows ---


def _as_rows(x: Any, axis: int) -> tuple[Any, tuple[int, ...]]:
    last = np.moveaxis(x, axis, -1)
    return np.ascontiguousarray(last).reshape(-1, last.shape[-1]), last.shape


def _of_rows(kernel: Callable[..., Any], backward: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(x: Any, *, axis: int = -1) -> Any:
        flat, shape = _as_rows(x, axis)
        return np.moveaxis(kernel(flat).reshape(shape), -1, axis)

    def gradient(g: Any, x: Any, *, axis: int = -1) -> Any:
        flat, shape = _as_rows(x, axis)
        return np.moveaxis(backward(_as_rows(g, axis)[0], flat).reshape(shape), -1, axis)

    return forward, gradient


softmax, softmax_vjp = _of_rows(_softmax, _softmax_vjp)
log_softmax, log_softmax_vjp = _of_rows(_log_softmax, _log_softmax_vjp)


def logsumexp(x: Any, *, axis: int = -1) -> Any:
    flat, shape = _as_rows(x, axis)
    return _logsumexp(flat).reshape(shape[:-1])


def logsumexp_vjp(g: Any, x: Any, *, axis: int = -1) -> Any:
    flat, shape = _as_rows(x, axis)
    return np.moveaxis(_logsumexp_vjp(np.ascontiguousarray(g).reshape(-1), flat).reshape(shape), -1, axis)
