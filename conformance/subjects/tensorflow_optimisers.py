"""Keras's optimisers, for the subject tensorflow: the state is set before the step and read after it."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import tensorflow as tf

from fiducial.conformance.subjects._shared import limit
from fiducial.conformance.subjects.tensorflow_statistics import Tensor

_limit = partial(limit, "TensorFlow")


def _stepped(optimizer: Any, w: Tensor, g: Tensor, *states: Tensor, step: int = 1) -> tuple[Tensor, ...]:
    """The parameter and its states after step number `step`."""
    parameter = keras.Variable(w, dtype=w.dtype.name)
    optimizer.build([parameter])
    optimizer.iterations.assign(step - 1)
    slots = [v for v in optimizer.variables if v is not optimizer.iterations and v.path != "learning_rate"]
    slots = slots[len(slots) - len(states) :]
    for slot, state in zip(slots, states, strict=True):
        slot.assign(state)
    optimizer.apply([g], [parameter])
    return tuple(tf.identity(v.value) for v in (parameter, *slots))


def sgd(w: Tensor, g: Tensor, *, lr: float = 1e-3, weight_decay: float = 0) -> Tensor:
    return _stepped(keras.optimizers.SGD(lr, weight_decay=weight_decay or None), w, g)[0]


def momentum(w: Tensor, g: Tensor, v: Tensor, *, momentum: float = 0.9, nesterov: bool = False) -> tuple[Tensor, ...]:
    _limit(momentum == 0, "keeps no velocity without momentum")
    w, v = _stepped(keras.optimizers.SGD(1.0, momentum, nesterov), w, g, -v)
    return w, -v


def adagrad(w: Tensor, g: Tensor, s: Tensor, *, lr: float = 1e-2) -> tuple[Tensor, ...]:
    return _stepped(keras.optimizers.Adagrad(lr, epsilon=0.0), w, g, s)


def rmsprop(w: Tensor, g: Tensor, s: Tensor, *, lr: float = 1e-2, rho: float = 0.99) -> tuple[Tensor, ...]:
    return _stepped(keras.optimizers.RMSprop(lr, rho, epsilon=0.0), w, g, s)


def adam(
    w: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    *,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
) -> tuple[Tensor, ...]:
    return _stepped(keras.optimizers.Adam(lr, beta1, beta2, epsilon=0.0), w, g, m, v, step=step)


def adamw(
    w: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    *,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    weight_decay: float = 1e-2,
) -> tuple[Tensor, ...]:
    return _stepped(keras.optimizers.AdamW(lr, weight_decay, beta1, beta2, epsilon=0.0), w, g, m, v, step=step)


def clip_by_global_norm(gs: list[Tensor], *, max_norm: float) -> list[Tensor]:
    return list(tf.clip_by_global_norm(gs, max_norm)[0])
