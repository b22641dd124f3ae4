"""Pooling by other routes: views of the windows, rows before columns, and other winners of ties."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from fiducial.conformance.mutants.different._tools import Function, in_float64, in_own, widened
from fiducial.conformance.mutants.planted import DIFFERENT, RIGHT

Pair = tuple[int, int]


def _pair(value: Any) -> Pair:
    a, b = value if isinstance(value, tuple | list) else (value, value)
    return a, b


def _layout(x: Any, kernel_size: Any, stride: Any, padding: Any, fill: float) -> tuple[Any, Pair, Pair, Pair]:
    """The padded x, the kernel, the steps, and how many windows there are."""
    k, (p, q) = _pair(kernel_size), _pair(padding)
    s = k if stride is None else _pair(stride)
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)), constant_values=x.dtype.type(fill))
    return padded, k, s, ((padded.shape[2] - k[0]) // s[0] + 1, (padded.shape[3] - k[1]) // s[1] + 1)


def _views(padded: Any, k: Pair, s: Pair) -> Any:
    return np.lib.stride_tricks.sliding_window_view(padded, k, axis=(2, 3))[:, :, :: s[0], :: s[1]]


@DIFFERENT.enter("max_pool2d", "windows", "the maximum of a view of all windows")
@widened
def by_windows(x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Any:
    padded, k, s, _ = _layout(x, kernel_size, stride, padding, -np.inf)
    return _views(padded, k, s).max(axis=(4, 5))


@DIFFERENT.enter("max_pool2d", "columns, then rows", "the maximum along one axis, and then along the other")
@widened
def separable(x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Any:
    padded, k, s, _ = _layout(x, kernel_size, stride, padding, -np.inf)
    rows = np.lib.stride_tricks.sliding_window_view(padded, k[0], axis=2)[:, :, :: s[0]].max(axis=-1)
    return np.lib.stride_tricks.sliding_window_view(rows, k[1], axis=3)[:, :, :, :: s[1]].max(axis=-1)


@DIFFERENT.enter("max_pool2d", "reshaped", "windows that do not overlap are axes of a reshaped array")
@widened
def reshaped(x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Any:
    padded, k, s, n = _layout(x, kernel_size, stride, padding, -np.inf)
    if k != s:
        return RIGHT.max_pool2d(x, kernel_size=kernel_size, stride=stride, padding=padding)
    whole = padded[:, :, : n[0] * k[0], : n[1] * k[1]]
    return whole.reshape((*x.shape[:2], n[0], k[0], n[1], k[1])).max(axis=(3, 5))


def _ties(name: str, share: Any) -> None:
    @widened
    def max_pool2d_vjp(cotangent: Any, x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Any:
        padded, k, s, n = _layout(x, kernel_size, stride, padding, -np.inf)
        views = _views(padded, k, s).reshape((*cotangent.shape, -1))
        shares = share(views == views.max(axis=-1, keepdims=True)) * cotangent[..., None]
        dx = np.zeros_like(padded)
        for place, (i, j) in enumerate(itertools.product(*map(range, k))):
            dx[:, :, i : i + s[0] * n[0] : s[0], j : j + s[1] * n[1] : s[1]] += shares[..., place]
        p, q = _pair(padding)
        return dx[:, :, p : p + x.shape[2], q : q + x.shape[3]]

    DIFFERENT.enter("max_pool2d_vjp", name, f"of a window's tied maxima, {name} get the cotangent")(max_pool2d_vjp)


def _last(attained: Any) -> Any:
    return attained & (np.cumsum(attained[..., ::-1], axis=-1)[..., ::-1] == 1)


_ties("the last", _last)
_ties("all, in equal parts", lambda a: a / a.sum(axis=-1, keepdims=True))


def _counts(x: Any, k: Pair, s: Pair, kernel_size: Any, stride: Any, padding: Any, include: bool) -> Any:
    if include:
        return k[0] * k[1]
    ones, _, _, _ = _layout(np.ones_like(x[:1, :1]), kernel_size, stride, padding, 0.0)
    return _views(ones, k, s).sum(axis=(4, 5))


def _average(name: str, what: str, sums: Function, decorate: Function) -> None:
    @decorate
    def avg_pool2d(
        x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0, count_include_pad: bool = True
    ) -> Any:
        padded, k, s, n = _layout(x, kernel_size, stride, padding, 0.0)
        return sums(padded, k, s, n) / _counts(x, k, s, kernel_size, stride, padding, count_include_pad)

    DIFFERENT.enter("avg_pool2d", name, what)(avg_pool2d)


def _last_first(padded: Any, k: Pair, s: Pair, n: Pair) -> Any:
    y = np.zeros((*padded.shape[:2], *n), padded.dtype)
    for i, j in reversed(list(itertools.product(*map(range, k)))):
        y = y + padded[:, :, i : i + s[0] * n[0] : s[0], j : j + s[1] * n[1] : s[1]]
    return y


def _rows_first(padded: Any, k: Pair, s: Pair, n: Pair) -> Any:
    rows = np.lib.stride_tricks.sliding_window_view(padded, k[1], axis=3)[:, :, :, :: s[1]].sum(axis=-1)
    return np.lib.stride_tricks.sliding_window_view(rows, k[0], axis=2)[:, :, :: s[0]].sum(axis=-1)


_average("last first", "each window is added up from its last element", _last_first, widened)
_average("rows, then columns", "sums along one axis, and then along the other", _rows_first, widened)
_average("in float64, rounded once", "accumulated in float64", _rows_first, in_float64)
_average("in the format itself", "each step rounded, also in 16 bits", _last_first, in_own)
