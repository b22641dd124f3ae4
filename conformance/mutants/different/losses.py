"""Losses by other routes: fused, by SciPy's words, in other orders, with the logits' logarithms picked."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from fiducial.conformance.mutants.different._tools import folded, in_float64, pairwise, widened
from fiducial.conformance.mutants.planted import DIFFERENT, RIGHT

NARROWER = ("float32", "bfloat16", "float16")


def _reduced(loss: Any, reduction: str, add: Any = pairwise) -> Any:
    if reduction == "none":
        return loss
    total = add(loss.reshape(-1))
    return total / loss.size if reduction == "mean" else total


@DIFFERENT.enter("mse_loss", "dot product", "the difference times itself by BLAS")
@widened
def mse_loss(y: Any, t: Any, *, reduction: str = "mean") -> Any:
    d = (t - y).reshape(-1)
    return (d * d).reshape(y.shape) if reduction == "none" else d @ d / (y.size if reduction == "mean" else 1)


@DIFFERENT.enter("mse_loss", "root of the mean, squared", "by the Euclidean length, which is squared again",
                 dtypes=NARROWER)  # fmt: skip
@in_float64
def by_length(y: Any, t: Any, *, reduction: str = "mean") -> Any:
    d = y - t
    return d * d if reduction == "none" else np.linalg.norm(d.reshape(-1)) ** 2 / (y.size if reduction == "mean" else 1)


@DIFFERENT.enter("sum_squared_error", "halves first", "half the difference, times the difference, from the last")
@widened
def sum_squared_error(y: Any, t: Any) -> Any:
    d = (y - t).reshape(-1)
    return folded((d / 2 * d)[::-1], np.add, 0)


@DIFFERENT.enter("l1_loss", "greater less smaller", "max(y, t) - min(y, t), added up in pairs")
@widened
def l1_loss(y: Any, t: Any, *, reduction: str = "mean") -> Any:
    return _reduced(np.maximum(y, t) - np.minimum(y, t), reduction)


@DIFFERENT.enter("huber_loss", "clipped", "q |d| - q^2 / 2 = q (|d| - q / 2) with q = min(|d|, delta)")
@widened
def huber_loss(y: Any, t: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    size = np.abs(y - t)
    q = np.minimum(size, delta)
    return _reduced(q * (size - q / 2), reduction)


@DIFFERENT.enter("huber_loss_vjp", "clipped", "the difference, clipped to [-delta, delta]")
@widened
def huber_loss_vjp(cotangent: Any, y: Any, t: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    dy = cotangent * np.clip(y - t, -delta, delta) / (y.size if reduction == "mean" else 1)
    return dy, -dy


@DIFFERENT.enter("cross_entropy", "xlogy", "by SciPy's x log y, rows from the last column")
@widened
def cross_entropy(y: Any, t: Any, *, reduction: str = "mean") -> Any:
    terms = special.xlogy(t, y).astype(y.dtype)
    return _reduced(-folded(terms[:, ::-1], np.add, 0), reduction)


@DIFFERENT.enter("binary_cross_entropy", "xlogy and xlog1py", "by SciPy's x log y and x log(1 + y)")
@widened
def binary_cross_entropy(p: Any, t: Any, *, reduction: str = "mean") -> Any:
    return _reduced((-special.xlog1py(1 - t, -p) - special.xlogy(t, p)).astype(p.dtype), reduction)


@DIFFERENT.enter("kl_divergence", "two products", "p log p - p log q, as PyTorch has it")
@widened
def kl_divergence(log_q: Any, p: Any, *, reduction: str = "mean") -> Any:
    return _reduced((special.xlogy(p, p) - p * log_q).astype(p.dtype), reduction)


@DIFFERENT.enter("binary_cross_entropy_with_logits", "softplus of both signs", "(1 - t) softplus(x) + w t softplus(-x)")
@widened
def with_logits(x: Any, t: Any, *, reduction: str = "mean", pos_weight: float | None = None) -> Any:
    w = 1.0 if pos_weight is None else pos_weight
    return _reduced((1 - t) * np.logaddexp(0, x) + w * t * np.logaddexp(0, -x), reduction)


@DIFFERENT.enter("binary_cross_entropy_with_logits", "maximum and absolute value",
                 "max(x, 0) - x t + log1p(exp(-|x|)), in float64 and rounded once", dtypes=NARROWER)  # fmt: skip
@in_float64
def by_maximum(x: Any, t: Any, *, reduction: str = "mean", pos_weight: float | None = None) -> Any:
    if pos_weight is not None:
        return RIGHT.binary_cross_entropy_with_logits(x, t, reduction=reduction, pos_weight=pos_weight)
    return _reduced(np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x))), reduction)


def _log_rows(x: Any) -> Any:
    """x - logsumexp(x), with log1p for all but the greatest."""
    place = np.argmax(x, axis=1)[:, None]
    shifted = x - np.take_along_axis(x, place, 1)
    e = np.exp(shifted)
    np.put_along_axis(e, place, 0, 1)
    return shifted - np.log1p(e.sum(axis=1, keepdims=True))


@DIFFERENT.enter("softmax_cross_entropy", "picked or weighted", "the label's logarithm picked, or by einsum")
@widened
def softmax_cross_entropy(
    x: Any, t: Any, *, reduction: str = "mean", label_smoothing: float = 0.0, ignore_index: int = -100
) -> Any:
    logs, smooth = _log_rows(x), x.dtype.type(label_smoothing)
    if t.dtype.kind == "f":
        return _reduced(-np.einsum("nk,nk->n", (1 - smooth) * t + smooth / x.shape[1], logs), reduction)
    counted = t != ignore_index
    own = np.take_along_axis(logs, np.where(counted, t, 0)[:, None], 1)[:, 0]
    rows = -(1 - smooth) * own - smooth * logs.sum(axis=1) / x.shape[1]
    loss = np.where(counted, rows if label_smoothing else -own, 0)
    return loss.sum() / counted.sum().astype(x.dtype) if reduction == "mean" else _reduced(loss, reduction)


@DIFFERENT.enter("softmax_cross_entropy_vjp", "differences of pairs", "dx_k = sum_l (p_k t_l - t_k p_l)")
@widened
def softmax_cross_entropy_vjp(
    cotangent: Any, x: Any, t: Any, *, reduction: str = "mean", label_smoothing: float = 0.0, ignore_index: int = -100
) -> Any:
    if t.dtype.kind != "f" or label_smoothing:
        return RIGHT.softmax_cross_entropy_vjp(cotangent, x, t, reduction=reduction, label_smoothing=label_smoothing,
                                               ignore_index=ignore_index)  # fmt: skip
    c = (cotangent / x.shape[0] if reduction == "mean" else cotangent) * np.ones(x.shape[0], x.dtype)
    p = RIGHT.softmax(x, axis=1)
    off = ~np.eye(x.shape[1], dtype=bool)
    pairs = np.where(off, p[:, :, None] * t[:, None, :] - t[:, :, None] * p[:, None, :], 0)
    return c[:, None] * pairs.sum(axis=2), -c[:, None] * _log_rows(x)


@DIFFERENT.enter("l2_penalty", "dot product", "weight (W . W) / 2 by BLAS")
@widened
def l2_penalty(W: Any, *, weight: float = 1.0) -> Any:
    flat = W.reshape(-1)
    return weight * (flat @ flat) / 2


@DIFFERENT.enter("l1_penalty", "positive and negative parts", "the sum of the positive less that of the negative")
@widened
def l1_penalty(W: Any, *, weight: float = 1.0) -> Any:
    spoiled = np.isnan(W).any()
    return np.where(spoiled, np.nan, weight * W[W > 0].sum() - weight * W[W < 0].sum())
