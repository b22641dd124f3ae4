"""Faults of losses: the logarithm of 0, smoothed targets, and what the cotangent is taken for."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import reduced, unless_finite, widened


@REPORTED.enter(
    "softmax_cross_entropy",
    "LOSS-01",
    "an ignored row still adds the uniform part of its smoothed target",
    report="pytorch/pytorch#73205, tinygrad/tinygrad#3574",
    cause="term",
)
@widened
def smoothing_unmasked(
    x: Any, t: Any, *, reduction: str = "mean", label_smoothing: float = 0.0, ignore_index: int = -100
) -> Any:
    given = {"label_smoothing": label_smoothing, "ignore_index": ignore_index}
    if t.dtype.kind not in "iu":
        return RIGHT.softmax_cross_entropy(x, t, reduction=reduction, **given)
    ignored = t == ignore_index
    uniform = -label_smoothing * RIGHT.log_softmax(x, axis=1).mean(axis=1)
    loss = RIGHT.softmax_cross_entropy(x, t, reduction="none", **given) + np.where(ignored, uniform, 0 * uniform)
    return reduced(loss, reduction, np.sum(~ignored))


@REPORTED.enter(
    "binary_cross_entropy",
    "LOSS-05",
    "p is clipped at 1 - 1e-9, which float32 rounds to 1: at p = 1 there is a 0 log 0",
    report="keras-team/keras#377",
    cause="overflow",
    dtypes=("float32",),
)
@widened
def clipped_at_one(p: Any, t: Any, *, reduction: str = "mean") -> Any:
    clipped = np.minimum(p, np.float32(1 - 1e-9))
    naive = -(t * np.log(clipped) + (1 - t) * np.log(1 - clipped))
    return reduced(np.where(p == 1, naive, RIGHT.binary_cross_entropy(p, t, reduction="none")), reduction)


@REPORTED.enter(
    "binary_cross_entropy_with_logits",
    "LOSS-07",
    "shifted by max(x, 0) in the place of max(-x, 0): the exponential of a negative logit overflows",
    report="pytorch/pytorch#2221",
    cause="overflow",
)
@widened
def shifted_the_wrong_way(x: Any, t: Any, *, reduction: str = "mean", pos_weight: Any = None) -> Any:
    right = RIGHT.binary_cross_entropy_with_logits(x, t, reduction="none", pos_weight=pos_weight)
    if pos_weight is None:
        m = np.maximum(x, np.zeros_like(x))
        right = unless_finite(x - x * t + m + np.log(np.exp(-m) + np.exp(-x - m)), right)
    return reduced(right, reduction)


@REPORTED.enter(
    "binary_cross_entropy_with_logits",
    "LOSS-09",
    "with pos_weight, log(1 + exp(-x)) without a shift",
    report="pytorch/pytorch#13863",
    cause="overflow",
)
@widened
def unshifted_with_weight(x: Any, t: Any, *, reduction: str = "mean", pos_weight: Any = None) -> Any:
    right = RIGHT.binary_cross_entropy_with_logits(x, t, reduction="none", pos_weight=pos_weight)
    if pos_weight is not None:
        weight = 1 + (pos_weight - 1) * t
        right = unless_finite((1 - t) * x + weight * np.log(1 + np.exp(-x)), right)
    return reduced(right, reduction)


@REPORTED.enter(
    "binary_cross_entropy_with_logits",
    "LOSS-11",
    "the sigmoid is rounded to float16 and clipped before the logarithms of it and of 1 less it",
    report="keras-team/keras-core#196",
    cause="cancellation",
    dtypes=("float16",),
)
@np.errstate(all="ignore")
def through_the_sigmoid(x: Any, t: Any, *, reduction: str = "mean", pos_weight: Any = None) -> Any:
    least, weight = x.dtype.type(1e-7), 1.0 if pos_weight is None else pos_weight
    s = np.clip(RIGHT.sigmoid(x), least, 1 - least)
    log_p, log_q = (np.log(a).astype(np.float32) for a in (s, 1 - s))
    wide = t.astype(np.float32)
    return reduced(-(weight * wide * log_p + (1 - wide) * log_q), reduction).astype(x.dtype)


@REPORTED.enter(
    "softmax_cross_entropy_vjp",
    "LOSS-13",
    "the cotangent of the unreduced loss is taken as one number, its first",
    report="linkedin/Liger-Kernel#968, linkedin/Liger-Kernel#678",
    cause="cotangent",
)
def first_cotangent(cotangent: Any, x: Any, t: Any, **attributes: Any) -> Any:
    alike = np.broadcast_to(cotangent.reshape(-1)[:1], cotangent.shape) if cotangent.ndim else cotangent
    return RIGHT.softmax_cross_entropy_vjp(alike, x, t, **attributes)


@REPORTED.enter(
    "kl_divergence_vjp",
    "LOSS-15",
    "the gradient of a target of 0 is NaN",
    report="pytorch/pytorch#89558",
    cause="edge",
)
def nan_at_zero_target(cotangent: Any, log_q: Any, p: Any, **attributes: Any) -> Any:
    dlog_q, dp = RIGHT.kl_divergence_vjp(cotangent, log_q, p, **attributes)
    return dlog_q, np.where(p == 0, np.asarray(np.nan, p.dtype), dp)


@REPORTED.enter(
    "huber_loss",
    "LOSS-19",
    "the line beyond delta is that of delta = 1",
    report="pytorch/pytorch#17447",
    cause="attribute",
)
@widened
def line_of_one(y: Any, t: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    d = np.abs(y - t)
    return reduced(np.where(d <= delta, d * d / 2, d - np.asarray(0.5, d.dtype)), reduction)


@REPORTED.enter(
    "softmax_cross_entropy",
    "LOSS-21",
    "the sum over the rows is kept in float16, and overflows before it is divided",
    report="pytorch/pytorch#61523",
    cause="overflow",
    dtypes=("float16",),
)
@np.errstate(all="ignore")
def sum_in_half(x: Any, t: Any, *, reduction: str = "mean", **attributes: Any) -> Any:
    total = RIGHT.softmax_cross_entropy(x, t, reduction="sum", **attributes)
    right = RIGHT.softmax_cross_entropy(x, t, reduction=reduction, **attributes)
    return total if reduction == "mean" and np.isinf(total) else right
