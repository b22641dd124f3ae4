"""Faults of optimisers and of what is added to a loss: weight decay, eps, the count of steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import widened

FOLDED = "the bias corrections are folded into lr, and eps is left out of them"
ADAM = "pytorch/pytorch#22628, tensorflow/tensorflow#9047, karpathy/nanochat#304"


@REPORTED.enter("adam", "OPTI-01", FOLDED, report=ADAM, cause="attribute")
def adam_folded(*arrays: Any, step: int, beta2: float = 0.999, eps: float = 1e-8, **others: Any) -> Any:
    return RIGHT.adam(*arrays, step=step, beta2=beta2, eps=eps / (1 - beta2**step) ** 0.5, **others)


@REPORTED.enter("adamw", "OPTI-01", FOLDED, report=ADAM, cause="attribute")
def adamw_folded(*arrays: Any, step: int, beta2: float = 0.999, eps: float = 1e-8, **others: Any) -> Any:
    return RIGHT.adamw(*arrays, step=step, beta2=beta2, eps=eps / (1 - beta2**step) ** 0.5, **others)


@REPORTED.enter(
    "adam", "OPTI-03", "the count of steps stays at 1", report="ikostrikov/pytorch-a3c#12", cause="attribute"
)
def first_step_forever(*arrays: Any, step: int, **others: Any) -> Any:
    return RIGHT.adam(*arrays, step=1, **others)


DECAY = "weight decay has the wrong sign"


@REPORTED.enter("sgd", "OPTI-05", DECAY, report="chainer/chainer#261", cause="sign")
def growing(w: Any, g: Any, *, weight_decay: float = 0, **others: Any) -> Any:
    return RIGHT.sgd(w, g, weight_decay=-weight_decay, **others)


@REPORTED.enter("momentum", "OPTI-05", DECAY, report="chainer/chainer#261", cause="sign")
def growing_with_momentum(w: Any, g: Any, v: Any, *, weight_decay: float = 0, **others: Any) -> Any:
    return RIGHT.momentum(w, g, v, weight_decay=-weight_decay, **others)


WITHOUT = "without momentum there is an early return, before weight decay"


@REPORTED.enter("sgd", "OPTI-07", WITHOUT, report="ml-explore/mlx#473", cause="attribute")
def early_return(w: Any, g: Any, *, lr: float = 1e-3, weight_decay: float = 0) -> Any:
    return RIGHT.sgd(w, g, lr=lr)


@REPORTED.enter("momentum", "OPTI-07", WITHOUT, report="ml-explore/mlx#473", cause="attribute")
def early_return_of_momentum(
    w: Any, g: Any, v: Any, *, momentum: float = 0.9, weight_decay: float = 0, **others: Any
) -> Any:
    decay = weight_decay if momentum else 0
    return RIGHT.momentum(w, g, v, momentum=momentum, weight_decay=decay, **others)


@REPORTED.enter(
    "adam",
    "OPTI-09",
    "*= for =: the gradient is multiplied by 1 + weight_decay w (in the report, of Nadam)",
    report="apache/mxnet#8925",
    cause="term",
)
@widened
def multiplied_by_decay(w: Any, g: Any, m: Any, v: Any, *, weight_decay: float = 0, **others: Any) -> Any:
    return RIGHT.adam(w, g * (1 + weight_decay * w), m, v, **others)


@REPORTED.enter(
    "adamw",
    "OPTI-11",
    "the weights decay after the update, not before it",
    report="bitsandbytes-foundation/bitsandbytes#2010",
    cause="order",
)
@widened
def decay_last(w: Any, g: Any, m: Any, v: Any, *, lr: float = 1e-3, weight_decay: float = 1e-2, **others: Any) -> Any:
    update, m, v = RIGHT.adamw(np.zeros_like(w), g, m, v, lr=lr, weight_decay=0, **others)
    return (w + update) * (1 - lr * weight_decay), m, v


@REPORTED.enter("l2_penalty", "OPTI-15", "the weight counts twice", report="nitrain/nitrain#42", cause="scale")
def weight_squared(W: Any, *, weight: float = 1.0) -> Any:
    return RIGHT.l2_penalty(W, weight=weight * weight)


@REPORTED.enter("l2_penalty_vjp", "OPTI-15", "the weight counts twice")
def weight_squared_vjp(cotangent: Any, W: Any, *, weight: float = 1.0) -> Any:
    return RIGHT.l2_penalty_vjp(cotangent, W, weight=weight * weight)


@REPORTED.enter(
    "l2_penalty_vjp",
    "OPTI-17",
    "a bias (an array of one axis) is penalised, but has no gradient of it",
    report="Burton2000/CS231n-2017#9",
    cause="term",
)
def bias_left_out(cotangent: Any, W: Any, *, weight: float = 1.0) -> Any:
    return np.zeros_like(W) if W.ndim == 1 else RIGHT.l2_penalty_vjp(cotangent, W, weight=weight)


COMPLEMENT = "scaled by 1 / rate in the place of 1 / (1 - rate), which a rate of 1/2 hides"


def _complement(rate: float) -> float:
    return 1 - rate if rate else 0.0


@REPORTED.enter("dropout", "DROP-01", COMPLEMENT, report="lmjohns3/theanets#123", cause="scale")
def one_over_rate(x: Any, mask: Any, *, rate: float) -> Any:
    return RIGHT.dropout(x, mask, rate=_complement(rate))


@REPORTED.enter("dropout_vjp", "DROP-01", COMPLEMENT)
def one_over_rate_vjp(cotangent: Any, x: Any, mask: Any, *, rate: float) -> Any:
    return RIGHT.dropout_vjp(cotangent, x, mask, rate=_complement(rate))


@REPORTED.enter("dropout", "DROP-03", "scaled twice", report="CSTR-Edinburgh/mlpractical#32", cause="scale")
def scaled_twice(x: Any, mask: Any, *, rate: float) -> Any:
    return RIGHT.dropout(x, mask, rate=1 - (1 - rate) ** 2)
