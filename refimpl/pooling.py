"""Pooling over windows of the last two dimensions, with its vector-Jacobian products.

Every function takes x (N, C, H, W) -> (N, C, H', W'); kernel_size, stride (None: the kernel's size) and padding are
integers or pairs. Every function raises ValueError for shapes or attributes that do not fit, for a kernel larger than
the padded input, and for a padding of more than half the kernel, with which a window could lie outside x.
Source: Dumoulin and Visin, *A guide to convolution arithmetic for deep learning* (2016), chapter 3.
"""

import math
from typing import Any

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, operation, require, require_shape
from fiducial.refimpl._shapes import copy
from fiducial.refimpl.convolution import PerDimension, Sizes, Windows, per_dimension


def _windows(x: Any, kernel_size: Any, stride: Any, padding: Any) -> tuple[Windows, Sizes]:
    some = x.ndim == 4 and x.shape[0] > 0 and min(x.shape[2:]) > 0
    require(some, "x", "an array (N, C, H, W) with N, H, W > 0", tuple(x.shape))
    kernel = per_dimension("kernel_size", kernel_size, 2, 1)
    steps = kernel if stride is None else per_dimension("stride", stride, 2, 1)
    pads = per_dimension("padding", padding, 2, 0)
    fits = all(2 * p <= k for p, k in zip(pads, kernel, strict=True))
    require(fits, "padding", f"at most half of kernel_size {kernel}", padding)
    windows = Windows(kernel, steps, pads, (1, 1))
    return windows, windows.fitting("kernel_size", tuple(x.shape[2:]))


def _maximum(x: Any, windows: Windows, counts: Sizes) -> Any:
    xp = array_namespace(x)
    first, *others = windows.slices(counts)
    y = copy(x[first])
    for s in others:
        y = xp.maximum(y, x[s])
    return y


@operation
def max_pool2d(
    x: Array, *, kernel_size: PerDimension, stride: PerDimension | None = None, padding: PerDimension = 0
) -> Array:
    """The maximum of each window of x, which is padded with -infinity; NaN where the window has a NaN."""
    windows, counts = _windows(x, kernel_size, stride, padding)
    return _maximum(windows.padded(x, -math.inf), windows, counts)


@operation
def max_pool2d_vjp(
    cotangent: Array,
    x: Array,
    *,
    kernel_size: PerDimension,
    stride: PerDimension | None = None,
    padding: PerDimension = 0,
) -> Array:
    """The cotangent of each window, to the first entry that attains its maximum (or the first NaN)."""
    xp = array_namespace(cotangent, x)
    windows, counts = _windows(x, kernel_size, stride, padding)
    require_shape("cotangent", cotangent, (*x.shape[:2], *counts))
    padded = windows.padded(
        xp.where(xp.isnan(x), xp.inf, x), -math.inf
    )  # NaN counts as the greatest, and equals itself
    y, dx = _maximum(padded, windows, counts), xp.zeros_like(padded)
    free = xp.ones(y.shape, dtype=xp.bool, device=device(x))
    for s in windows.slices(counts):
        chosen = free & (padded[s] == y)
        dx[s] += xp.where(chosen, cotangent, 0.0)
        free = free & ~chosen
    return dx[windows.inside(x.shape[2:])]


def _sums(x: Any, windows: Windows, counts: Sizes) -> Any:
    first, *others = windows.slices(counts)
    y = copy(x[first])
    for s in others:
        y += x[s]
    return y


def _averaged_over(x: Any, windows: Windows, counts: Sizes, count_include_pad: bool) -> Any:
    """How many entries each window counts: all of its places, or those that are not padding."""
    if count_include_pad:
        return math.prod(windows.kernel)
    xp = array_namespace(x)
    ones = xp.ones((1, 1, *x.shape[2:]), dtype=x.dtype, device=device(x))
    return _sums(windows.padded(ones, 0.0), windows, counts)


@operation
def avg_pool2d(
    x: Array,
    *,
    kernel_size: PerDimension,
    stride: PerDimension | None = None,
    padding: PerDimension = 0,
    count_include_pad: bool = True,
) -> Array:
    """The mean of each window of x, which is padded with zeros that count or (count_include_pad=False) do not."""
    windows, counts = _windows(x, kernel_size, stride, padding)
    sums = _sums(windows.padded(x, 0.0), windows, counts)
    return sums / _averaged_over(x, windows, counts, count_include_pad)


@operation
def avg_pool2d_vjp(
    cotangent: Array,
    x: Array,
    *,
    kernel_size: PerDimension,
    stride: PerDimension | None = None,
    padding: PerDimension = 0,
    count_include_pad: bool = True,
) -> Array:
    """The cotangent of each window, in equal parts to the entries that it counts."""
    xp = array_namespace(cotangent, x)
    windows, counts = _windows(x, kernel_size, stride, padding)
    require_shape("cotangent", cotangent, (*x.shape[:2], *counts))
    share = cotangent / _averaged_over(x, windows, counts, count_include_pad)
    dx = windows.padded(xp.zeros_like(x), 0.0)
    for s in windows.slices(counts):
        dx[s] += share
    return dx[windows.inside(x.shape[2:])]
