"""Faults of log-sum-exp, softmax and log-softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import widened

SCALED = 1024  # elements, where the report has 2^31


def _largest(x: Any, axis: int) -> Any:
    """The largest entry of each row, where it is finite: what every row can be shifted by."""
    m = x.max(axis=axis, keepdims=True)
    return np.where(np.isinf(m), np.zeros_like(m), m)


@REPORTED.enter(
    "logsumexp",
    "SOFT-01",
    "the shift by a largest entry of -inf is NaN",
    report="tensorflow/tensorflow#11692, rmcgibbo/logsumexp#2",
    cause="overflow",
)
@widened
def shifted_by_infinity(x: Any, *, axis: int = -1) -> Any:
    m = x.max(axis=axis, keepdims=True)
    m = np.where(m == np.inf, np.zeros_like(m), m)
    return RIGHT.logsumexp(x - m, axis=axis) + m.squeeze(axis)


@REPORTED.enter(
    "logsumexp",
    "SOFT-03",
    "log(1 + s) in the place of log1p(s) loses a small s, the sum of the other exponentials",
    report="scipy/scipy#18295",
    cause="cancellation",
)
@widened
def log_of_sum(x: Any, *, axis: int = -1) -> Any:
    m = _largest(x, axis)
    return m.squeeze(axis) + np.log(np.sum(np.exp(x - m), axis=axis))


@REPORTED.enter(
    "logsumexp",
    "SOFT-05",
    "the largest entry, by which the row was shifted, is not added back",
    report="choderalab/perses#1239",
    cause="term",
)
@widened
def shift_not_undone(x: Any, *, axis: int = -1) -> Any:
    return RIGHT.logsumexp(x - _largest(x, axis), axis=axis)


@REPORTED.enter(
    "log_softmax_vjp",
    "SOFT-07",
    "c - p sum(c), which cancels where p rounds to 1",
    report="jax-ml/jax#40384",
    cause="cancellation",
)
@widened
def log_softmax_cancels(cotangent: Any, x: Any, *, axis: int = -1) -> Any:
    return cotangent - RIGHT.softmax(x, axis=axis) * np.sum(cotangent, axis=axis, keepdims=True)


@REPORTED.enter(
    "softmax_vjp",
    "SOFT-07",
    "p (c - sum(c p)), which cancels where p rounds to 1",
    report="jax-ml/jax#40386",
    cause="cancellation",
)
@widened
def softmax_cancels(cotangent: Any, x: Any, *, axis: int = -1) -> Any:
    p = RIGHT.softmax(x, axis=axis)
    return p * (cotangent - np.sum(cotangent * p, axis=axis, keepdims=True))


@REPORTED.enter(
    "softmax",
    "SOFT-09",
    "the exponentials are added up one by one in the 16-bit format, where the sum stalls at 2048 or 256",
    report="sonos/tract#2586, huggingface/candle#3727, pytorch/executorch#20090",
    cause="narrow",
    dtypes=("float16", "bfloat16"),
)
@np.errstate(all="ignore")
def stalled_sum(x: Any, *, axis: int = -1) -> Any:
    wide = x.astype(np.float32)
    e = np.exp(wide - wide.max(axis=axis, keepdims=True))
    total = np.cumsum(e.astype(x.dtype), axis=axis, dtype=x.dtype).take([-1], axis=axis)
    return (e / total.astype(np.float32)).astype(x.dtype)


@REPORTED.enter(
    "softmax",
    "SOFT-11",
    "a result with the strides of x is filled as if it were contiguous",
    report="pytorch/pytorch#75923",
    cause="layout",
)
def contiguous_result(x: Any, *, axis: int = -1) -> Any:
    y = RIGHT.softmax(x, axis=axis)
    reach = 1 + sum((n - 1) * s for n, s in zip(x.shape, x.strides, strict=True)) // x.itemsize
    memory = np.zeros(max(reach, y.size), x.dtype)
    memory[: y.size] = y.reshape(-1)
    return np.lib.stride_tricks.as_strided(memory, x.shape, x.strides)


@REPORTED.enter(
    "softmax",
    "SOFT-13",
    f"an index that is too short leaves the elements from {SCALED} on unwritten (scaled down from 2^31)",
    report="microsoft/onnxruntime#32299",
    cause="size",
)
def unwritten_tail(x: Any, *, axis: int = -1) -> Any:
    y = np.zeros(x.size, x.dtype)
    y[:SCALED] = RIGHT.softmax(x, axis=axis).reshape(-1)[:SCALED]
    return y.reshape(x.shape)
