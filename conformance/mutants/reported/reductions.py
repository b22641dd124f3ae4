"""Faults of lengths, maxima and eigenvalues, mostly in their gradients: zeros to divide by, ties, squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import spread, widened


@REPORTED.enter(
    "norm_vjp",
    "AUTO-21",
    "x / |x| is NaN for a vector of zeros",
    report="pytorch/pytorch#2421, HIPS/autograd#151",
    cause="overflow",
)
def zero_over_zero(cotangent: Any, x: Any, *, axis: int = -1) -> Any:
    right = RIGHT.norm_vjp(cotangent, x, axis=axis)
    return np.where(np.all(x == 0, axis=axis, keepdims=True), np.asarray(np.nan, x.dtype), right)


@REPORTED.enter(
    "norm",
    "AUTO-23",
    "the squares overflow or vanish in the format of x",
    report="numpy/numpy#8775, numpy/numpy#19097, jax-ml/jax#5816",
    cause="overflow",
)
@np.errstate(all="ignore")
def naive_squares(x: Any, *, axis: int = -1) -> Any:
    return np.sqrt(np.add.reduce(x * x, axis=axis))


@REPORTED.enter(
    "amax_vjp",
    "AUTO-25",
    "the number of ties is held in float16: beyond 65504 it is infinite, and each share 0",
    report="tinygrad/tinygrad#12296",
    cause="overflow",
    dtypes=("float16",),
)
@np.errstate(all="ignore")
def ties_in_half(cotangent: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    tied = x == x.max(axis=axis, keepdims=True)
    many = np.sum(tied, axis=axis, keepdims=True).astype(x.dtype)
    right = RIGHT.amax_vjp(cotangent, x, axis=axis, keepdims=keepdims)
    return np.where(np.isinf(many), np.zeros_like(x), right)


@REPORTED.enter(
    "amax_vjp",
    "AUTO-27",
    "what lies within 0.01 of the maximum counts as a tie",
    report="mni-ml/framework#22",
    cause="edge",
)
@widened
def nearly_tied(cotangent: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    tied = (np.abs(x - x.max(axis=axis, keepdims=True)) < 1e-2).astype(x.dtype)
    return spread(cotangent, x, axis) * tied / np.sum(tied, axis=axis, keepdims=True)


@REPORTED.enter(
    "eigh_vjp",
    "AUTO-29",
    "1 / (w_j - w_i) is infinite for a repeated eigenvalue, and NaN with a cotangent of 0",
    report="pytorch/pytorch#47599, jax-ml/jax#669, XanaduAI/GradDFT#35",
    cause="overflow",
)
@np.errstate(all="ignore")
def infinite_gaps(cotangent: Any, a: Any) -> Any:
    (w, v), (dw, dv) = RIGHT.eigh(a), cotangent
    gaps = 1 / (w - w[:, None])
    np.fill_diagonal(gaps, 0)
    turn = v.T @ dv
    da = v @ (gaps * (turn - turn.T) / 2 + np.diag(dw)) @ v.T
    return (da + da.T) / 2
