"""Optimisers in rearranged but equal forms: as frameworks fuse them, with multiply-add, with factors folded."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fiducial.conformance.mutants.different._tools import fused, in_float64, in_own, widened
from fiducial.conformance.mutants.planted import DIFFERENT

NARROWER = ("float32", "bfloat16", "float16")


@DIFFERENT.enter("sgd", "decayed weights", "(1 - lr weight_decay) w - lr g")
@widened
def sgd(w: Any, g: Any, *, lr: float = 1e-3, weight_decay: float = 0) -> Any:
    return (1 - lr * weight_decay) * w - lr * g


@DIFFERENT.enter("sgd", "fused", "multiply and add with one rounding", dtypes=NARROWER)
@widened
def fused_sgd(w: Any, g: Any, *, lr: float = 1e-3, weight_decay: float = 0) -> Any:
    decayed = fused(w, np.asarray(weight_decay, w.dtype), g)
    return fused(decayed, np.asarray(-lr, w.dtype), w)


def _momentum_step(
    w: Any, g: Any, v: Any, *,
    lr: float = 1e-3, momentum: float = 0.9, nesterov: bool = False, weight_decay: float = 0,
) -> Any:  # fmt: skip
    d = weight_decay * w + g
    v = d + momentum * v
    if not nesterov:
        return w - lr * v, v
    return w - lr * d - lr * momentum * v, v


DIFFERENT.enter("momentum", "two steps", "w - lr d, and from that lr momentum v")(widened(_momentum_step))
DIFFERENT.enter("momentum", "in float64, rounded once", "computed in float64")(in_float64(_momentum_step))
DIFFERENT.enter("momentum", "in the format itself", "each step rounded, also in 16 bits")(in_own(_momentum_step))


@DIFFERENT.enter("momentum", "fused", "multiply and add with one rounding", dtypes=NARROWER)
@widened
def fused_momentum(
    w: Any, g: Any, v: Any, *,
    lr: float = 1e-3, momentum: float = 0.9, nesterov: bool = False, weight_decay: float = 0,
) -> Any:  # fmt: skip
    decay, keep, rate = (np.asarray(n, w.dtype) for n in (weight_decay, momentum, -lr))
    d = fused(w, decay, g)
    v = fused(v, keep, d)
    return fused(fused(v, keep, d) if nesterov else v, rate, w), v


@DIFFERENT.enter("adagrad", "lr over the root first", "w - (lr / (root + eps)) g")
@widened
def adagrad(w: Any, g: Any, s: Any, *, lr: float = 1e-2, eps: float = 1e-10) -> Any:
    s = g * g + s
    return w - lr / (np.sqrt(s) + eps) * g, s


@DIFFERENT.enter("rmsprop", "interpolated", "s + (1 - rho) (g^2 - s), and lr g first")
@widened
def rmsprop(w: Any, g: Any, s: Any, *, lr: float = 1e-2, eps: float = 1e-8, rho: float = 0.99) -> Any:
    s = s + (1 - rho) * (g * g - s)
    return w - lr * g / (np.sqrt(s) + eps), s


def _adam_step(w: Any, g: Any, m: Any, v: Any, step: int, lr: float, beta1: float, beta2: float, eps: float) -> Any:
    """As PyTorch has it: m interpolated, the corrections in the rate and in the root, eps beside it."""
    m = m + (1 - beta1) * (g - m)
    v = beta2 * v + (1 - beta2) * g * g
    root = np.sqrt(v) / math.sqrt(-math.expm1(step * math.log(beta2)))
    return w + (-lr / -math.expm1(step * math.log(beta1))) * (m / (root + eps)), m, v


def _adam(
    w: Any, g: Any, m: Any, v: Any, *, step: int, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
    eps: float = 1e-8, weight_decay: float = 0,
) -> Any:  # fmt: skip
    return _adam_step(w, w * weight_decay + g, m, v, step, lr, beta1, beta2, eps)


def _adamw(
    w: Any, g: Any, m: Any, v: Any, *, step: int, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
    eps: float = 1e-8, weight_decay: float = 1e-2,
) -> Any:  # fmt: skip
    return _adam_step(w * (1 - lr * weight_decay), g, m, v, step, lr, beta1, beta2, eps)


def _adam_by_epsilon(
    w: Any, g: Any, m: Any, v: Any, *, step: int, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
    eps: float = 1e-8, weight_decay: float = 0,
) -> Any:  # fmt: skip
    """Kingma and Ba's efficient form: both corrections in the rate, with eps scaled likewise."""
    g = g + weight_decay * w
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    correction = math.sqrt(-math.expm1(step * math.log(beta2)))
    rate = lr * correction / -math.expm1(step * math.log(beta1))
    return w - rate * m / (np.sqrt(v) + eps * correction), m, v


for _decorate, _name, _what in (
    (widened, "corrections in the rate", "as PyTorch has it, m interpolated"),
    (in_float64, "in float64, rounded once", "as PyTorch has it, in float64"),
    (in_own, "in the format itself", "as PyTorch has it, each step rounded, also in 16 bits"),
):
    DIFFERENT.enter("adam", _name, _what)(_decorate(_adam))
    DIFFERENT.enter("adamw", _name, _what)(_decorate(_adamw))
DIFFERENT.enter("adam", "both corrections in the rate", "eps is scaled by the same factor")(widened(_adam_by_epsilon))


@DIFFERENT.enter("clip_by_global_norm", "where", "the factor is taken only where the length is too great")
def clip_by_global_norm(gs: Any, *, max_norm: float, eps: float = 1e-6) -> Any:
    with np.errstate(all="ignore"):
        squares = sum(float(np.sum(np.square(g.astype(np.float64)))) for g in reversed(gs))
        length = math.sqrt(squares)
        spoiled = math.isnan(length)
        factor = max_norm / (length + eps) if length + eps > max_norm or spoiled else 1.0
        return [(g.astype(np.float64) * factor).astype(g.dtype) for g in gs]
