"""Faults of memory: what is overwritten while it is read, never written, or out of an index's reach."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import widened

SCALED = 256  # elements, where the report has 2^32


@REPORTED.enter(
    "covariance_vjp",
    "MEMO-01",
    "c += c.T, element by element: below the diagonal it reads what it has written above it",
    report="cupy/cupy#2407, numpy/numpy#5241, pytorch/pytorch#48401, numba/numba#6949",
    cause="layout",
)
@widened
def overlapping(cotangent: Any, x: Any, *, ddof: int = 1) -> Any:
    c = cotangent.copy()
    for i, j in np.ndindex(c.shape):
        c[i, j] += c[j, i] if i != j else c[i, i]
    d = x - x.mean(axis=0)
    return (d - d.mean(axis=0)) @ c / np.asarray(len(x) - ddof, x.dtype)


@REPORTED.enter(
    "matmul",
    "MEMO-05",
    "a product over no elements is never written (here: what was there is 1)",
    report="cupy/cupy#1231, apache/tvm#19578, numba/numba#5779",
    cause="unwritten",
)
def never_written(a: Any, b: Any) -> Any:
    right = RIGHT.matmul(a, b)
    return right if a.shape[-1] else np.ones_like(right)


@REPORTED.enter(
    "matmul_vjp",
    "MEMO-07",
    f"in gradients of batches, an index wraps at {SCALED} elements (scaled down from 2^32)",
    report="pytorch/pytorch#197636",
    cause="size",
)
def wrapped_index(cotangent: Any, a: Any, b: Any) -> Any:
    found = RIGHT.matmul_vjp(cotangent, a, b)
    return tuple(d.reshape(-1)[np.arange(d.size) % SCALED].reshape(d.shape) if d.ndim > 2 else d for d in found)


@REPORTED.enter(
    "scaled_dot_product_attention_vjp",
    "MEMO-09",
    "causal, with more queries than keys: the queries that an alignment at the bottom masks whole have NaN gradients",
    report="Dao-AILab/flash-attention#443",
    cause="overflow",
)
def masked_whole(cotangent: Any, q: Any, k: Any, v: Any, *, causal: bool = False, scale: Any = None) -> Any:
    dq, dk, dv = RIGHT.scaled_dot_product_attention_vjp(cotangent, q, k, v, causal=causal, scale=scale)
    if causal and q.shape[-2] > k.shape[-2]:
        dq = dq.copy()
        dq[..., : q.shape[-2] - k.shape[-2], :] = np.nan
    return dq, dk, dv
