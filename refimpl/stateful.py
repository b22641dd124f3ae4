"""Optimisers as objects: each keeps the states of a model's parameters and applies its rule to them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from array_api_compat import array_namespace

from fiducial.refimpl.adam import adam, adamw
from fiducial.refimpl.optimisers import adagrad, momentum, rmsprop, sgd


@dataclass(eq=False)
class Optimiser(ABC):
    """Applies a rule to every parameter, in place, and keeps the states of each, which start at zero."""

    number_of_states: ClassVar[int] = 0
    steps: int = field(default=0, init=False)
    states: list[tuple[Any, ...]] = field(default_factory=list, init=False, repr=False)

    @abstractmethod
    def rule(self, w: Any, g: Any, *states: Any) -> tuple[Any, ...]:
        """The next w and states."""

    def update(self, params: Sequence[Any], grads: Sequence[Any]) -> None:
        """Move every parameter in place, against its gradient; each call takes the same parameters in one order."""
        if not self.states:
            self.states = [
                tuple(array_namespace(w).zeros_like(w) for _ in range(self.number_of_states)) for w in params
            ]
        self.steps += 1
        for i, (w, g, states) in enumerate(zip(params, grads, self.states, strict=True)):
            w[...], *updated = self.rule(w, g, *states)
            self.states[i] = tuple(updated)


@dataclass(eq=False)
class SGD(Optimiser):
    """Stochastic gradient descent: `sgd`."""

    lr: float = 1e-3
    weight_decay: float = 0

    def rule(self, w: Any, g: Any, *states: Any) -> tuple[Any, ...]:
        return (sgd(w, g, lr=self.lr, weight_decay=self.weight_decay),)


@dataclass(eq=False)
class Momentum(Optimiser):
    """Gradient descent with velocity: `momentum`."""

    number_of_states = 1
    lr: float = 1e-3
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0

    def rule(self, w: Any, g: Any, *states: Any) -> tuple[Any, ...]:
        rates = {"lr": self.lr, "momentum": self.momentum, "weight_decay": self.weight_decay}
        return momentum(w, g, *states, nesterov=self.nesterov, **rates)


@dataclass(eq=False)
class Adagrad(Optimiser):
    """A learning rate for every parameter, by the sum of its squared gradients: `adagrad`."""

    number_of_states = 1
    lr: float = 1e-2
    eps: float = 1e-10

    def rule(self, w: Any, g: Any, *states: Any) -> tuple[Any, ...]:
        return adagrad(w, g, *states, lr=self.lr, eps=self.eps)


@dataclass(eq=False)
class RMSprop(Optimiser):
    """A learning rate for every parameter, by the moving mean of its squared gradients: `rmsprop`."""

    number_of_states = 1
    lr: float = 1e-2
    eps: float = 1e-8
    rho: float = 0.99

    def rule(self, w: Any, g: Any, *states: Any) -> tuple[Any, ...]:
        return rmsprop(w, g, *states, lr=self.lr, eps=self.eps, rho=self.rho)


@dataclass(eq=False)
class Adam(Optimiser):
    """Moving means of the gradients and of their squares: `adam`, with the weight decay in the gradient."""

    number_of_states = 2
    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0
    step: ClassVar[Callable[..., tuple[Any, ...]]] = staticmethod(adam)

    def rule(self, w: Any, g: Any, *states: Any) -> tuple[Any, ...]:
        rates = {"lr": self.lr, "beta1": self.beta1, "beta2": self.beta2, "eps": self.eps}
        return self.step(w, g, *states, step=self.steps, weight_decay=self.weight_decay, **rates)


@dataclass(eq=False)
class AdamW(Adam):
    """Adam with the weight decay apart from the gradient: `adamw`."""

    weight_decay: float = 1e-2
    step = staticmethod(adamw)
