"""Optax's optimisers, for the subject jax: the state is set before the step and read after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
from jax import Array


def _stepped(rule: optax.GradientTransformation, w: Array, g: Array, **states: Any) -> tuple[Array, ...]:
    """The parameter and its states after a step."""
    state = optax.tree_utils.tree_set(rule.init(w), **states)
    updates, state = rule.update(g, state, w)
    kept = (optax.tree_utils.tree_get(state, key) for key in states if key != "count")
    return (optax.apply_updates(w, updates), *kept)


def _coupled(rule: optax.GradientTransformation, weight_decay: float) -> optax.GradientTransformation:
    return optax.chain(optax.add_decayed_weights(weight_decay), rule)


def sgd(w: Array, g: Array, *, lr: float = 1e-3, weight_decay: float = 0) -> Array:
    return _stepped(_coupled(optax.sgd(lr), weight_decay), w, g)[0]


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
    return _stepped(_coupled(optax.sgd(lr, momentum, nesterov), weight_decay), w, g, trace=v)


def adagrad(w: Array, g: Array, s: Array, *, lr: float = 1e-2) -> tuple[Array, ...]:
    return _stepped(optax.adagrad(lr, eps=0.0), w, g, sum_of_squares=s)


def rmsprop(
    w: Array, g: Array, s: Array, *, lr: float = 1e-2, eps: float = 1e-8, rho: float = 0.99
) -> tuple[Array, ...]:
    return _stepped(optax.rmsprop(lr, decay=rho, eps=eps, eps_in_sqrt=False), w, g, nu=s)


def _adam(rule: Callable[..., Any], decay: float) -> Callable[..., tuple[Array, ...]]:
    def stepped(
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
        weight_decay: float = decay,
    ) -> tuple[Array, ...]:
        count = jnp.asarray(step - 1, jnp.int32)
        return _stepped(rule(lr, beta1, beta2, eps, weight_decay), w, g, count=count, mu=m, nu=v)

    return stepped


adam = _adam(lambda lr, b1, b2, eps, decay: _coupled(optax.adam(lr, b1, b2, eps), decay), 0)
adamw = _adam(lambda lr, b1, b2, eps, decay: optax.adamw(lr, b1, b2, eps, weight_decay=decay), 1e-2)


def clip_by_global_norm(gs: list[Array], *, max_norm: float) -> list[Array]:
    rule = optax.clip_by_global_norm(max_norm)
    clipped, _ = rule.update(gs, rule.init(gs))
    return list(clipped)
