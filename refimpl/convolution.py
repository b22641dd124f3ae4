"""Convolution (cross-correlation) in one, two and three dimensions, with its vector-Jacobian products.

    y[n, o, p] = b[o] + sum_{c, k} w[o, c, k] xpad[n, c + first channel of o's group, stride p + dilation k]

The windows of x become the columns of a matrix (im2col), so that the sum over channels and kernel is one matrix
product; the gradient of x adds the columns back to where they came from.

Every function takes x (N, C, spatial), w (O, C/groups, kernel), b (O) or None -> (N, O, output sizes); stride, padding
and dilation are integers or tuples with one integer for each dimension. Every function raises ValueError for shapes,
groups or attributes that do not fit, and for a kernel larger than the padded input, naming the argument.
Source: Dumoulin and Visin, *A guide to convolution arithmetic for deep learning* (2016).
"""

import itertools
import math
from collections.abc import Iterator
from numbers import Integral
from typing import Any, NamedTuple

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, operation, require, require_shape

Sizes = tuple[int, ...]
PerDimension = int | Sizes


def per_dimension(argument: str, value: Any, dimensions: int, least: int) -> Sizes:
    """One integer for each spatial dimension; raises ValueError for another count or one below the least."""
    given = value if isinstance(value, tuple) else (value,) * dimensions
    fits = len(given) == dimensions and all(isinstance(n, Integral) and int(n) >= least for n in given)
    require(fits, argument, f"an integer or a tuple of {dimensions} integers, at least {least}", value)
    return tuple(int(n) for n in given)


class Windows(NamedTuple):
    """Where a kernel stands on a padded input; one integer for each dimension."""

    kernel: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes

    def fitting(self, argument: str, sizes: Sizes) -> Sizes:
        """The count of windows in each dimension; raises ValueError, naming the argument, where none fits."""
        padded = tuple(n + 2 * p for n, p in zip(sizes, self.padding, strict=True))
        spans = tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))
        fits = all(1 <= span <= n for span, n in zip(spans, padded, strict=True))
        require(fits, argument, f"a kernel that spans 1 to {padded} entries of the padded input", spans)
        return tuple((n - span) // s + 1 for n, span, s in zip(padded, spans, self.stride, strict=True))

    def slices(self, counts: Sizes) -> Iterator[tuple[Any, ...]]:
        """For each place in the kernel, the entries of the padded input that lie there, over all windows."""
        for place in itertools.product(*map(range, self.kernel)):
            starts = [d * i for d, i in zip(self.dilation, place, strict=True)]
            steps = zip(starts, self.stride, counts, strict=True)
            yield (..., *(slice(a, a + s * (m - 1) + 1, s) for a, s, m in steps))

    def inside(self, sizes: Sizes) -> tuple[Any, ...]:
        """The part of the padded input that is the input."""
        return (..., *(slice(p, p + n) for p, n in zip(self.padding, sizes, strict=True)))

    def padded(self, x: Any, value: float) -> Any:
        """x with the value around its spatial dimensions; x itself where there is no padding."""
        if not any(self.padding):
            return x
        d, xp = len(self.padding), array_namespace(x)
        shape = (*x.shape[:-d], *(n + 2 * p for n, p in zip(x.shape[-d:], self.padding, strict=True)))
        result = xp.full(shape, value, dtype=x.dtype, device=device(x))
        result[self.inside(x.shape[-d:])] = x
        return result


def conv_output_size(size: int, *, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """floor((size + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1: how many windows fit.

    Raises:
        ValueError: an argument is too small or no integer, or the dilated kernel is larger than the padded input.
    """
    given: list[tuple[str, Any, int]] = [("size", size, 0), ("kernel_size", kernel_size, 1), ("stride", stride, 1)]
    for name, value, least in [*given, ("padding", padding, 0), ("dilation", dilation, 1)]:
        require(isinstance(value, Integral) and int(value) >= least, name, f"an integer, at least {least}", value)
    return int(Windows((kernel_size,), (stride,), (padding,), (dilation,)).fitting("kernel_size", (size,))[0])


class _Columns(NamedTuple):
    """The columns of x (N, groups, C/groups * places, windows), the rows of w that they meet, and the shapes."""

    columns: Any
    rows: Any
    windows: Windows
    counts: Sizes


def _columns(d: int, x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: Any) -> _Columns:
    xp = array_namespace(x, w)
    some = x.ndim == d + 2 and x.shape[0] > 0
    require(some, "x", f"an array (N, C) with N > 0 and {d} spatial dimensions", tuple(x.shape))
    require(w.ndim == d + 2, "w", f"an array (O, C/groups) with {d} kernel dimensions", tuple(w.shape))
    (N, C), (O, c) = x.shape[:2], w.shape[:2]
    divides = isinstance(groups, Integral) and int(groups) >= 1 and C % groups == 0 and O % groups == 0
    require(divides, "groups", f"a positive integer that divides the channels, {C} of x and {O} of w", groups)
    require(c == C // groups, "w", f"an array with C/groups = {C // groups} channels", tuple(w.shape))
    if b is not None:
        require_shape("b", b, (O,))
    attributes = (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1))
    windows = Windows(tuple(w.shape[2:]), *(per_dimension(name, value, d, least) for name, value, least in attributes))
    counts = windows.fitting("w", tuple(x.shape[2:]))
    padded = windows.padded(x, 0.0)
    columns = xp.stack([padded[s] for s in windows.slices(counts)], axis=2)
    depth = c * math.prod(windows.kernel)
    columns = xp.reshape(columns, (N, groups, depth, math.prod(counts)))
    return _Columns(columns, xp.reshape(w, (groups, O // groups, depth)), windows, counts)


def _convolve(d: int, x: Any, w: Any, b: Any, *attributes: Any) -> Any:
    xp = array_namespace(x, w)
    columns, rows, _, counts = _columns(d, x, w, b, *attributes)
    y = xp.matmul(rows, columns)
    if b is not None:
        y += xp.reshape(b, (*rows.shape[:2], 1))
    return xp.reshape(y, (x.shape[0], w.shape[0], *counts))


def _convolve_vjp(d: int, cotangent: Any, x: Any, w: Any, b: Any, *attributes: Any) -> tuple[Any, ...]:
    xp = array_namespace(cotangent, x, w)
    columns, rows, windows, counts = _columns(d, x, w, b, *attributes)
    require_shape("cotangent", cotangent, (x.shape[0], w.shape[0], *counts))
    c = xp.reshape(cotangent, (x.shape[0], *rows.shape[:2], columns.shape[-1]))
    dw = xp.reshape(xp.sum(xp.matmul(c, xp.matrix_transpose(columns)), axis=0), w.shape)
    dcolumns = xp.matmul(xp.matrix_transpose(rows), c)
    dcolumns = xp.reshape(dcolumns, (*x.shape[:2], math.prod(windows.kernel), *counts))
    dx = windows.padded(xp.zeros_like(x), 0.0)
    for k, s in enumerate(windows.slices(counts)):
        dx[s] += dcolumns[:, :, k, ...]
    dx = dx[windows.inside(x.shape[2:])]
    return (dx, dw) if b is None else (dx, dw, xp.sum(cotangent, axis=(0, *range(2, d + 2))))


@operation
def conv1d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: PerDimension = 1,
    padding: PerDimension = 0,
    dilation: PerDimension = 1,
    groups: int = 1,
) -> Array:
    """x (N, C, L), w (O, C/groups, K) -> (N, O, L')."""
    return _convolve(1, x, w, b, stride, padding, dilation, groups)


@operation
def conv1d_vjp(
    cotangent: Array,
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: PerDimension = 1,
    padding: PerDimension = 0,
    dilation: PerDimension = 1,
    groups: int = 1,
) -> tuple[Array, ...]:
    """dx, dw and db (left out where b is None)."""
    return _convolve_vjp(1, cotangent, x, w, b, stride, padding, dilation, groups)


@operation
def conv2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: PerDimension = 1,
    padding: PerDimension = 0,
    dilation: PerDimension = 1,
    groups: int = 1,
) -> Array:
    """x (N, C, H, W), w (O, C/groups, K, K') -> (N, O, H', W')."""
    return _convolve(2, x, w, b, stride, padding, dilation, groups)


@operation
def conv2d_vjp(
    cotangent: Array,
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: PerDimension = 1,
    padding: PerDimension = 0,
    dilation: PerDimension = 1,
    groups: int = 1,
) -> tuple[Array, ...]:
    """dx, dw and db (left out where b is None)."""
    return _convolve_vjp(2, cotangent, x, w, b, stride, padding, dilation, groups)


@operation
def conv3d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: PerDimension = 1,
    padding: PerDimension = 0,
    dilation: PerDimension = 1,
    groups: int = 1,
) -> Array:
    """x (N, C, D, H, W), w (O, C/groups, K, K', K'') -> (N, O, D', H', W')."""
    return _convolve(3, x, w, b, stride, padding, dilation, groups)


@operation
def conv3d_vjp(
    cotangent: Array,
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: PerDimension = 1,
    padding: PerDimension = 0,
    dilation: PerDimension = 1,
    groups: int = 1,
) -> tuple[Array, ...]:
    """dx, dw and db (left out where b is None)."""
    return _convolve_vjp(3, cotangent, x, w, b, stride, padding, dilation, groups)
