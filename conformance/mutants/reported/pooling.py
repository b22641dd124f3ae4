"""Faults of pooling: windows that overlap, what padding counts for, ties."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import per_axis


@REPORTED.enter(
    "max_pool2d_vjp",
    "POOL-01",
    "where windows share their maximum, the last cotangent overwrites the others",
    report="FluxML/NNlib.jl#205, FluxML/Flux.jl#1197",
    cause="repeated",
)
def last_window(cotangent: Any, x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Any:
    (h, w), (ph, pw) = per_axis(kernel_size, 2), per_axis(padding, 2)
    sh, sw = (h, w) if stride is None else per_axis(stride, 2)
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=-np.inf)
    dx, n, c = np.zeros_like(padded), *np.ogrid[: x.shape[0], : x.shape[1]]
    for i, j in np.ndindex(cotangent.shape[2:]):
        window = padded[:, :, sh * i : sh * i + h, sw * j : sw * j + w]
        at = window.reshape(*x.shape[:2], h * w).argmax(axis=-1)
        dx[n, c, sh * i + at // w, sw * j + at % w] = cotangent[:, :, i, j]
    return dx[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]]


PADDING = "padding never counts, whatever count_include_pad says"


@REPORTED.enter("avg_pool2d", "POOL-03", PADDING, report="apache/tvm#1144, VeriSilicon/TIM-VX#423", cause="attribute")
def padding_left_out(x: Any, *, count_include_pad: bool = True, **attributes: Any) -> Any:
    return RIGHT.avg_pool2d(x, count_include_pad=False, **attributes)


@REPORTED.enter("avg_pool2d_vjp", "POOL-03", PADDING)
def padding_left_out_vjp(cotangent: Any, x: Any, *, count_include_pad: bool = True, **attributes: Any) -> Any:
    return RIGHT.avg_pool2d_vjp(cotangent, x, count_include_pad=False, **attributes)


PADS = "the pads (top, left, bottom, right) are read as (top, bottom, left, right), which equal ones hide"


def _misread(x: Any, padding: Any, number: float) -> Any:
    before, after = per_axis(padding, 2)
    return np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)), constant_values=number)


@REPORTED.enter("max_pool2d", "POOL-07", PADS, report="root-project/root#22436", cause="shape")
def max_with_misread_pads(x: Any, *, padding: Any = 0, **attributes: Any) -> Any:
    if not any(per_axis(padding, 2)):
        return RIGHT.max_pool2d(x, **attributes)
    return RIGHT.max_pool2d(_misread(x, padding, -np.inf), **attributes)


@REPORTED.enter("avg_pool2d", "POOL-07", PADS, report="root-project/root#22436", cause="shape")
@np.errstate(all="ignore")
def avg_with_misread_pads(x: Any, *, padding: Any = 0, count_include_pad: bool = True, **attributes: Any) -> Any:
    before, after = per_axis(padding, 2)
    if before == after:
        return RIGHT.avg_pool2d(x, padding=padding, count_include_pad=count_include_pad, **attributes)
    wide = x.astype(np.float64)
    sums = RIGHT.avg_pool2d(_misread(wide, padding, 0), **attributes)
    counts = 1.0 if count_include_pad else RIGHT.avg_pool2d(_misread(np.ones_like(wide), padding, 0), **attributes)
    return (sums / counts).astype(x.dtype)


TIES = "every one of the equal greatest entries gets the whole cotangent"


@REPORTED.enter("amax_vjp", "POOL-09", TIES, report="tensorflow/tensorflow#4886, Theano/Theano#5404", cause="edge")
def whole_to_each(cotangent: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    largest = x.max(axis=axis, keepdims=True)
    return np.where(x == largest, cotangent.reshape(largest.shape), np.zeros_like(x))


@REPORTED.enter(
    "max_pool2d_vjp", "POOL-09", TIES, report="tensorflow/tensorflow#4886, Theano/Theano#5404", cause="edge"
)
def whole_to_each_of_a_window(cotangent: Any, x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Any:
    (h, w), (ph, pw) = per_axis(kernel_size, 2), per_axis(padding, 2)
    sh, sw = (h, w) if stride is None else per_axis(stride, 2)
    wide = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=-np.inf)
    dx, c = np.zeros_like(wide), cotangent.astype(np.float64)
    for i, j in np.ndindex(cotangent.shape[2:]):
        at = (..., slice(sh * i, sh * i + h), slice(sw * j, sw * j + w))
        tied = wide[at] == wide[at].max(axis=(2, 3), keepdims=True)
        dx[at] += np.where(tied, c[:, :, i : i + 1, j : j + 1], 0.0)
    return dx[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]].astype(x.dtype)
