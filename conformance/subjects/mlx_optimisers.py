"""MLX's optimisers, for the subject mlx: the state is set before the step and read after it."""

from __future__ import annotations

from functools import partial
from typing import Any

import mlx.core as mx
import mlx.optimizers as optim
from mlx.core import array as Array

from fiducial.conformance.subjects._shared import limit

_limit = partial(limit, "MLX")


def _stepped(optimizer: Any, w: Array, g: Array, step: int = 1, **states: Array) -> tuple[Array, ...]:
    state = dict(states)
    optimizer.state["step"] = mx.array(step, mx.uint64)
    return (optimizer.apply_single(g, w, state), *(state[key] for key in states))


def sgd(w: Array, g: Array, *, lr: float = 1e-3, weight_decay: float = 0) -> Array:
    return _stepped(optim.SGD(lr, weight_decay=weight_decay), w, g)[0]


def momentum(
    w: Array,
    g: Array,
    v: Array,
    *,
    lr: float = 1e-3,
    momentum: float = 0.9,
    nesterov: bool = False,
    weight_decay: float = 0,
) -> tuple[Array, ...]:
    _limit(momentum == 0, "keeps no velocity without momentum")
    return _stepped(optim.SGD(lr, momentum, weight_decay, nesterov=nesterov), w, g, v=v)


def adagrad(w: Array, g: Array, s: Array, *, lr: float = 1e-2, eps: float = 1e-10) -> tuple[Array, ...]:
    return _stepped(optim.Adagrad(lr, eps), w, g, v=s)


def rmsprop(
    w: Array, g: Array, s: Array, *, lr: float = 1e-2, eps: float = 1e-8, rho: float = 0.99
) -> tuple[Array, ...]:
    return _stepped(optim.RMSprop(lr, rho, eps), w, g, v=s)


def adam(
    w: Array,
    g: Array,
    m: Array,
    v: Array,
    *,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> tuple[Array, ...]:
    return _stepped(optim.Adam(lr, [beta1, beta2], eps, bias_correction=True), w, g, step, m=m, v=v)


def adamw(
    w: Array,
    g: Array,
    m: Array,
    v: Array,
    *,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> tuple[Array, ...]:
    rule = optim.AdamW(lr, [beta1, beta2], eps, weight_decay, bias_correction=True)
    return _stepped(rule, w, g, step, m=m, v=v)


def clip_by_global_norm(gs: list[Array], *, max_norm: float) -> list[Array]:
    return list(optim.clip_grad_norm(gs, max_norm)[0])
