"""Convolutions by other routes: shifts and additions, loops, windows, Toeplitz matrices, transposed convolution."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from fiducial.conformance.mutants.different._tools import fused, in_float64, widened
from fiducial.conformance.mutants.planted import DIFFERENT, RIGHT

Sizes = tuple[int, ...]


def _per(value: Any, d: int) -> Sizes:
    return tuple(value) if isinstance(value, tuple | list) else (value,) * d


def _parts(x: Any, w: Any, stride: Any, padding: Any, dilation: Any) -> tuple[Any, Sizes, list[tuple[Sizes, Any]]]:
    """The padded x, the output's sizes, and for each tap of the kernel where its inputs lie."""
    d = x.ndim - 2
    s, p, r = (_per(v, d) for v in (stride, padding, dilation))
    padded = np.pad(x, [(0, 0), (0, 0), *((n, n) for n in p)])
    sizes = tuple((n - q * (k - 1) - 1) // t + 1
                  for n, q, k, t in zip(padded.shape[2:], r, w.shape[2:], s, strict=True))  # fmt: skip
    taps: list[tuple[Sizes, Any]] = []
    for tap in itertools.product(*map(range, w.shape[2:])):
        steps = zip(r, tap, s, sizes, strict=True)
        taps.append((tap, (..., *(slice(q * i, q * i + t * (m - 1) + 1, t) for q, i, t, m in steps))))
    return padded, sizes, taps


def _grouped(x: Any, w: Any, groups: int, one: Any) -> Any:
    """The convolution of each group by itself."""
    pairs = zip(np.split(x, groups, axis=1), np.split(w, groups, axis=0), strict=True)
    return np.concatenate([one(a, b) for a, b in pairs], axis=1)


def _with_bias(y: Any, b: Any) -> Any:
    return y if b is None else y + b.reshape((-1, *(1,) * (y.ndim - 2)))


def _shifts(last_first: bool, add: Any) -> Any:
    """One product of channels for each tap, added to the shifted output."""

    def convolve(x: Any, w: Any, b: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                 groups: int = 1) -> Any:  # fmt: skip
        def one(x: Any, w: Any) -> Any:
            padded, sizes, taps = _parts(x, w, stride, padding, dilation)
            y = np.zeros((x.shape[0], w.shape[0], *sizes), x.dtype)
            for tap, where in reversed(taps) if last_first else taps:
                y = add(y, padded[where], w[(..., *tap)])
            return y

        return _with_bias(_grouped(x, w, groups, one), b)

    return convolve


def _einsum_add(y: Any, x: Any, w: Any) -> Any:
    return y + np.einsum("nc...,oc->no...", x, w)


def _channel_add(y: Any, x: Any, w: Any) -> Any:
    for c in range(x.shape[1]):
        y = y + x[:, None, c] * w[:, c].reshape((1, -1, *(1,) * (x.ndim - 2)))
    return y


def _fused_add(y: Any, x: Any, w: Any) -> Any:
    for c in range(x.shape[1]):
        y = fused(x[:, None, c], w[:, c].reshape((1, -1, *(1,) * (x.ndim - 2))), y)
    return y


def _windows(x: Any, w: Any, b: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
             groups: int = 1) -> Any:  # fmt: skip
    """Sliding windows (a view) and one tensor product, channels last."""

    def one(x: Any, w: Any) -> Any:
        padded, _, _ = _parts(x, w, stride, padding, dilation)
        d = x.ndim - 2
        s, r = _per(stride, d), _per(dilation, d)
        spans = tuple(q * (k - 1) + 1 for q, k in zip(r, w.shape[2:], strict=True))
        views = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=tuple(range(2, d + 2)))
        views = views[
            (slice(None), slice(None), *(slice(None, None, t) for t in s), *(slice(None, None, q) for q in r))
        ]
        inner = tuple(range(2 + d, 2 + 2 * d))
        return np.moveaxis(np.tensordot(views, w, axes=((1, *inner), (1, *range(2, 2 + d)))), -1, 1)

    return _with_bias(_grouped(x, w, groups, one), b)


def _toeplitz(x: Any, w: Any, b: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
              groups: int = 1) -> Any:  # fmt: skip
    """The convolution's own matrix, between flattened inputs and outputs; its zeros would spread a NaN."""
    if not (np.isfinite(x).all() and np.isfinite(w).all()):
        return _windows(x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups)

    def one(x: Any, w: Any) -> Any:
        padded, sizes, taps = _parts(x, w, stride, padding, dilation)
        places = np.arange(math.prod(padded.shape[2:])).reshape((1, 1, *padded.shape[2:]))
        matrix = np.zeros((w.shape[1], places.size, w.shape[0], math.prod(sizes)), x.dtype)
        columns = np.arange(math.prod(sizes))
        for tap, where in taps:
            matrix[:, places[where].reshape(-1), :, columns] += w[(..., *tap)].T
        flat = padded.reshape((x.shape[0], -1))
        y = flat @ matrix.reshape((flat.shape[1], -1))
        return y.reshape((x.shape[0], w.shape[0], *sizes))

    return _with_bias(_grouped(x, w, groups, one), b)


ROUTES: dict[str, tuple[str, Any, tuple[str, ...]]] = {
    "shift and add": (
        "for each tap of the kernel a shifted product, added up",
        widened(_shifts(False, _einsum_add)),
        (),
    ),
    "last tap first": ("tap by tap and channel by channel from the last", widened(_shifts(True, _channel_add)), ()),
    "fused": ("multiply and add with one rounding", widened(_shifts(False, _fused_add)), ("float64",)),
    "sliding windows": ("a tensor product with a view of all windows", widened(_windows), ()),
    "Toeplitz matrix": ("one product with the convolution's own matrix", widened(_toeplitz), ()),
    "in float64, rounded once": ("accumulated in float64", in_float64(_windows), ()),
}
for _name, (_what, _function, _without) in ROUTES.items():
    # One route in three dimensions: they differ by a tuple's length, and each takes minutes.
    for _operation in ("conv1d", "conv2d", *(("conv3d",) if _name == "shift and add" else ())):
        _dtypes = [d for d in ("float64", "float32", "bfloat16", "float16") if d not in _without]
        DIFFERENT.enter(_operation, _name, _what, dtypes=_dtypes)(_function)


def _transposed(cotangent: Any, x: Any, w: Any, b: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                groups: int = 1) -> Any:  # fmt: skip
    """dx: the cotangent with zeros between its elements, convolved with the flipped kernel; dw: with the input."""
    d = x.ndim - 2
    s, p, r = (_per(v, d) for v in (stride, padding, dilation))
    convolve = getattr(RIGHT, f"conv{d}d")
    full = tuple(n + 2 * q for n, q in zip(x.shape[2:], p, strict=True))
    inner = (n - q * (k - 1) for n, q, k in zip(full, r, w.shape[2:], strict=True))
    spread: Any = np.zeros((*cotangent.shape[:2], *inner), x.dtype)
    spread[(..., *(slice(None, t * m, t) for t, m in zip(s, cotangent.shape[2:], strict=True)))] = cotangent
    kernel = np.flip(w, axis=tuple(range(2, d + 2))).reshape((groups, -1, *w.shape[1:])).swapaxes(1, 2)
    around = tuple(q * (k - 1) for q, k in zip(r, w.shape[2:], strict=True))
    dx = convolve(
        spread, kernel.reshape((x.shape[1], -1, *w.shape[2:])), None, padding=around, dilation=r, groups=groups
    )
    dx = dx[(..., *(slice(q, q + n) for q, n in zip(p, x.shape[2:], strict=True)))]
    padded, _, taps = _parts(x, w, stride, padding, dilation)
    c = cotangent.reshape((x.shape[0], groups, -1, math.prod(cotangent.shape[2:])))
    dw = np.empty_like(w)
    for tap, where in taps:
        seen = padded[where].reshape((x.shape[0], groups, -1, c.shape[-1]))
        dw[(..., *tap)] = (c @ seen.swapaxes(2, 3)).sum(axis=0).reshape(w.shape[:2])
    return (dx, dw) if b is None else (dx, dw, np.einsum("ngop->go", c).reshape(b.shape))


for _operation in ("conv1d", "conv2d", "conv3d"):
    DIFFERENT.enter(f"{_operation}_vjp", "transposed convolution", "zeros between the cotangents, a flipped kernel")(
        widened(_transposed)
    )
