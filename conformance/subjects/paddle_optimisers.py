"""Paddle's optimisers, for the subject paddle: the state is set before the step and read after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paddle
from paddle import Tensor

from fiducial.conformance.subjects.paddle_kernels import kernels


def _stepped(kind: Any, w: Tensor, g: Tensor, states: dict[str, Tensor], **settings: Any) -> tuple[Tensor, ...]:
    """The parameter and its first states after a step."""
    parameter = paddle.create_parameter(w.shape, w.dtype)
    parameter.set_value(w)
    parameter.grad = g.clone()
    optimizer = kind(parameters=[parameter], **settings)
    optimizer.set_state_dict({f"{parameter.name}_{key}_0": s.clone() for key, s in states.items()})
    optimizer.step()
    found = optimizer.state_dict()
    return (parameter.detach(), *(found[f"{parameter.name}_{key}_0"] for key in states))


@kernels
def sgd(w: Tensor, g: Tensor, *, lr: float = 1e-3, weight_decay: float = 0) -> Tensor:
    decay = float(weight_decay) or None
    return _stepped(paddle.optimizer.SGD, w, g, {}, learning_rate=lr, weight_decay=decay)[0]


@kernels
def momentum(
    w: Tensor,
    g: Tensor,
    v: Tensor,
    *,
    lr: float = 1e-3,
    momentum: float = 0.9,
    nesterov: bool = False,
    weight_decay: float = 0,
) -> tuple[Tensor, ...]:
    rates: dict[str, Any] = {"learning_rate": lr, "momentum": momentum, "use_nesterov": nesterov}
    decay = float(weight_decay) or None
    return _stepped(paddle.optimizer.Momentum, w, g, {"velocity": v}, weight_decay=decay, **rates)


@kernels
def adagrad(w: Tensor, g: Tensor, s: Tensor, *, lr: float = 1e-2, eps: float = 1e-10) -> tuple[Tensor, ...]:
    return _stepped(paddle.optimizer.Adagrad, w, g, {"moment": s}, learning_rate=lr, epsilon=eps)


@kernels
def rmsprop(w: Tensor, g: Tensor, s: Tensor, *, lr: float = 1e-2, rho: float = 0.99) -> tuple[Tensor, ...]:
    states = {"mean_square": s, "mean_grad": paddle.zeros_like(s), "momentum": paddle.zeros_like(s)}
    return _stepped(paddle.optimizer.RMSProp, w, g, states, learning_rate=lr, epsilon=0.0, rho=rho)[:2]


def _adam(kind: Any, decay: float) -> Callable[..., tuple[Tensor, ...]]:
    def stepped(
        w: Tensor,
        g: Tensor,
        m: Tensor,
        v: Tensor,
        *,
        step: int,
        lr: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = decay,
    ) -> tuple[Tensor, ...]:
        powers = {f"beta{k}_pow_acc": paddle.full([1], b**step, w.dtype) for k, b in ((1, beta1), (2, beta2))}
        rates: dict[str, Any] = {"learning_rate": lr, "beta1": beta1, "beta2": beta2, "epsilon": eps}
        settings = {**rates, "weight_decay": float(weight_decay)}
        return _stepped(kind, w, g, {"moment1": m, "moment2": v, **powers}, **settings)[:3]

    return kernels(stepped)


adam, adamw = _adam(paddle.optimizer.Adam, 0), _adam(paddle.optimizer.AdamW, 1e-2)


@kernels
def clip_by_global_norm(gs: list[Tensor], *, max_norm: float) -> list[Tensor]:
    parameters = [paddle.create_parameter(g.shape, g.dtype) for g in gs]
    clipped = paddle.nn.ClipGradByGlobalNorm(max_norm)([(p, g.clone()) for p, g in zip(parameters, gs, strict=True)])
    return [g for _, g in clipped]
