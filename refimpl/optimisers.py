"""Optimisers: one update step as a function of parameters w, gradient g and states, all of one shape, and an object
that keeps the states of a model's parameters.

The step is a differentiable function as well: `NAME_vjp` takes the cotangents of all its outputs, as a tuple where
there are several. Every function raises ValueError when shapes differ or a number is not finite, naming the argument.
Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), sections 8.3 and 8.5; others as noted.
"""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, ClassVar

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, constant, operation, require, require_shape
from fiducial.refimpl._shapes import copy
from fiducial.refimpl.reductions import norm, norm_vjp


def _check(shape: tuple[int, ...], arrays: dict[str, Any], **numbers: Any) -> None:
    for argument, array in arrays.items():
        require_shape(argument, array, shape)
    for argument, number in numbers.items():
        # Infinities and NaN fail; a symbol, on which the code can run too, passes.
        require(number - number == 0, argument, "a finite number", number)


def _check_cotangent(cotangent: Any, n: int, shape: tuple[int, ...]) -> None:
    require(isinstance(cotangent, tuple) and len(cotangent) == n, "cotangent", f"a tuple of {n} arrays", cotangent)
    for c in cotangent:
        require_shape("cotangent", c, shape)


@operation
def sgd(w: Array, g: Array, *, lr: float = 1e-3, weight_decay: float = 0) -> Array:
    """w - lr (g + weight_decay w).

    Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), sections 7.1.1 and 8.3.1.
    """
    _check(w.shape, {"g": g}, lr=lr, weight_decay=weight_decay)
    return w - lr * (g + weight_decay * w)


@operation
def sgd_vjp(cotangent: Array, w: Array, g: Array, *, lr: float = 1e-3, weight_decay: float = 0) -> tuple[Array, Array]:
    """dw = (1 - lr weight_decay) c, dg = -lr c."""
    _check(w.shape, {"g": g, "cotangent": cotangent}, lr=lr, weight_decay=weight_decay)
    return (1 - lr * weight_decay) * cotangent, -lr * cotangent


@operation
def momentum(
    w: Array,
    g: Array,
    v: Array,
    *,
    lr: float = 1e-3,
    momentum: float = 0.9,
    nesterov: bool = False,
    weight_decay: float = 0,
) -> tuple[Array, Array]:
    """The next w and v: v <- momentum v + g', w <- w - lr v, with g' = g + weight_decay w.

    With `nesterov` w <- w - lr (g' + momentum v), with the new v.
    Source: Sutskever, Martens, Dahl and Hinton, *On the importance of initialization and momentum* (2013), in the form
    of torch.optim.SGD.
    """
    _check(w.shape, {"g": g, "v": v}, lr=lr, momentum=momentum, weight_decay=weight_decay)
    decayed = g + weight_decay * w
    v = momentum * v + decayed
    return w - lr * (decayed + momentum * v if nesterov else v), v


@operation
def momentum_vjp(
    cotangent: tuple[Array, Array],
    w: Array,
    g: Array,
    v: Array,
    *,
    lr: float = 1e-3,
    momentum: float = 0.9,
    nesterov: bool = False,
    weight_decay: float = 0,
) -> tuple[Array, Array, Array]:
    """dw = c_w + weight_decay dg, dg = a, dv = momentum a, with a = c_v - lr c_w.

    With `nesterov` a = c_v - lr momentum c_w and dg = a - lr c_w.
    """
    _check(w.shape, {"g": g, "v": v}, lr=lr, momentum=momentum, weight_decay=weight_decay)
    _check_cotangent(cotangent, 2, w.shape)
    c_w, c_v = cotangent
    a = c_v - lr * (momentum * c_w if nesterov else c_w)
    dg = a - lr * c_w if nesterov else a
    return c_w + weight_decay * dg, dg, momentum * a


def _root_step(w: Any, g: Any, s: Any, lr: Any, eps: Any, decay: Any, gain: Any) -> tuple[Any, Any]:
    """s <- decay s + gain g^2, w <- w - lr g / (sqrt(s) + eps)."""
    s = decay * s + gain * g * g
    return w - lr * (g / (array_namespace(s).sqrt(s) + eps)), s


def _root_step_vjp(
    cotangent: tuple[Any, Any], g: Any, s: Any, lr: Any, eps: Any, decay: Any, gain: Any
) -> tuple[Any, Any, Any]:
    """With r = sqrt(new s): d(g / (r + eps)) / dg = (eps + decay s / r) / (r + eps)^2, a form in which
    r^2 - gain g^2 = decay s does not cancel."""
    c_w, c_s = cotangent
    xp = array_namespace(s)
    r = xp.sqrt(decay * s + gain * g * g)
    d = r + eps
    dg = 2 * gain * g * c_s - lr * (c_w / d) * ((eps + decay * (s / r)) / d)
    ds = decay * (c_s + lr * (c_w / d) * (g / d) / (2 * r))
    return copy(c_w), dg, ds


@operation
def adagrad(w: Array, g: Array, s: Array, *, lr: float = 1e-2, eps: float = 1e-10) -> tuple[Array, Array]:
    """The next w and s: s <- s + g^2, w <- w - lr g / (sqrt(s) + eps).

    Source: Duchi, Hazan and Singer, *Adaptive subgradient methods* (2011), in the form of torch.optim.Adagrad.
    """
    _check(w.shape, {"g": g, "s": s}, lr=lr, eps=eps)
    return _root_step(w, g, s, lr, eps, 1, 1)


@operation
def adagrad_vjp(
    cotangent: tuple[Array, Array], w: Array, g: Array, s: Array, *, lr: float = 1e-2, eps: float = 1e-10
) -> tuple[Array, Array, Array]:
    """The gradients of w, g and s; sqrt has no derivative where the new s is 0."""
    _check(w.shape, {"g": g, "s": s}, lr=lr, eps=eps)
    _check_cotangent(cotangent, 2, w.shape)
    return _root_step_vjp(cotangent, g, s, lr, eps, 1, 1)


@operation
def rmsprop(
    w: Array, g: Array, s: Array, *, lr: float = 1e-2, eps: float = 1e-8, rho: float = 0.99
) -> tuple[Array, Array]:
    """The next w and s: s <- rho s + (1 - rho) g^2, w <- w - lr g / (sqrt(s) + eps).

    Source: Tieleman and Hinton, *Lecture 6.5: RMSProp* (2012), in the form of torch.optim.RMSprop.
    """
    _check(w.shape, {"g": g, "s": s}, lr=lr, eps=eps, rho=rho)
    return _root_step(w, g, s, lr, eps, rho, 1 - rho)


@operation
def rmsprop_vjp(
    cotangent: tuple[Array, Array],
    w: Array,
    g: Array,
    s: Array,
    *,
    lr: float = 1e-2,
    eps: float = 1e-8,
    rho: float = 0.99,
) -> tuple[Array, Array, Array]:
    """The gradients of w, g and s; sqrt has no derivative where the new s is 0."""
    _check(w.shape, {"g": g, "s": s}, lr=lr, eps=eps, rho=rho)
    _check_cotangent(cotangent, 2, w.shape)
    return _root_step_vjp(cotangent, g, s, lr, eps, rho, 1 - rho)


def _one_minus_power(beta: Any, n: int) -> Any:
    """1 - beta^n as a sum of positive terms: nothing cancels for beta near 1."""
    if n == 1:
        return 1 - beta
    even = _one_minus_power(beta, n // 2) * (1 + beta ** (n // 2))
    return even + beta ** (n - 1) * (1 - beta) if n % 2 else even


def _check_adam(w: Any, g: Any, m: Any, v: Any, step: int, **numbers: Any) -> None:
    require(isinstance(step, Integral) and step >= 1, "step", "an integer of at least 1", step)
    _check(w.shape, {"g": g, "m": m, "v": v}, **numbers)


def _moments(g: Any, m: Any, v: Any, step: int, beta1: Any, beta2: Any) -> tuple[Any, Any, Any, Any]:
    """The new m and v, m / (1 - beta1^step), and sqrt(v / (1 - beta2^step)), whose quotient could overflow."""
    xp = array_namespace(v)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    root = xp.sqrt(v) / xp.sqrt(constant(v, _one_minus_power(beta2, step)))
    return m, v, m / _one_minus_power(beta1, step), root


def _moments_vjp(
    cotangent: tuple[Any, Any, Any], g: Any, m: Any, v: Any, step: int, lr: Any, beta1: Any, beta2: Any, eps: Any
) -> tuple[Any, Any, Any]:
    """The gradients of g, m and v of one step; g^2 / v is left out of dg, where it cancels."""
    c_w, c_m, c_v = cotangent
    c1, c2 = _one_minus_power(beta1, step), _one_minus_power(beta2, step)
    _, _, m_hat, root = _moments(g, m, v, step, beta1, beta2)
    d = root + eps
    slope = lr * (c_w / d)
    a_m, a_v = c_m - slope / c1, c_v + slope * (m_hat / d) / (2 * c2 * root)
    others = ((1 - beta1) * beta2 * (v / root) - beta1 * (1 - beta2) * g * (m / root)) / c2
    dg = (1 - beta1) * c_m + 2 * (1 - beta2) * g * c_v - slope / c1 * (((1 - beta1) * eps + others) / d)
    return dg, beta1 * a_m, beta2 * a_v


@operation
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
    weight_decay: float = 0,
) -> tuple[Array, Array, Array]:
    """The next w, m and v, with g' = g + weight_decay w and the step counted from 1:

    m <- beta1 m + (1 - beta1) g', v <- beta2 v + (1 - beta2) g'^2,
    w <- w - lr (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + eps).

    Source: Kingma and Ba, *Adam* (2015), algorithm 1.

    Raises:
        ValueError: shapes differ, a number is not finite, or step is not an integer of at least 1.
    """
    _check_adam(w, g, m, v, step, lr=lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)
    m, v, m_hat, root = _moments(g + weight_decay * w, m, v, step, beta1, beta2)
    return w - lr * (m_hat / (root + eps)), m, v


@operation
def adam_vjp(
    cotangent: tuple[Array, Array, Array],
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
    weight_decay: float = 0,
) -> tuple[Array, Array, Array, Array]:
    """The gradients of w, g, m and v; sqrt has no derivative where the new v is 0."""
    _check_adam(w, g, m, v, step, lr=lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)
    _check_cotangent(cotangent, 3, w.shape)
    dg, dm, dv = _moments_vjp(cotangent, g + weight_decay * w, m, v, step, lr, beta1, beta2, eps)
    return cotangent[0] + weight_decay * dg, dg, dm, dv


@operation
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
) -> tuple[Array, Array, Array]:
    """adam without weight_decay in g', and with w - lr weight_decay w in the place of w.

    Source: Loshchilov and Hutter, *Decoupled weight decay regularization* (2019), in the form of torch.optim.AdamW.

    Raises:
        ValueError: as for adam.
    """
    _check_adam(w, g, m, v, step, lr=lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)
    m, v, m_hat, root = _moments(g, m, v, step, beta1, beta2)
    return w - lr * weight_decay * w - lr * (m_hat / (root + eps)), m, v


@operation
def adamw_vjp(
    cotangent: tuple[Array, Array, Array],
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
) -> tuple[Array, Array, Array, Array]:
    """The gradients of w, g, m and v; sqrt has no derivative where the new v is 0."""
    _check_adam(w, g, m, v, step, lr=lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)
    _check_cotangent(cotangent, 3, w.shape)
    dg, dm, dv = _moments_vjp(cotangent, g, m, v, step, lr, beta1, beta2, eps)
    return (1 - lr * weight_decay) * cotangent[0], dg, dm, dv


def _flat(gs: tuple[Any, ...]) -> Any:
    xp = array_namespace(*gs)
    return xp.concat([xp.reshape(g, (-1,)) for g in gs])


def _check_clip(gs: Any, max_norm: Any, eps: Any) -> None:
    if not isinstance(gs, list | tuple):
        raise TypeError(f"gs must be a list of arrays, got {type(gs).__name__}")
    require(len(gs) > 0, "gs", "a list of at least one array", gs)
    _check((), {}, max_norm=max_norm, eps=eps)
    require(max_norm > 0, "max_norm", "a positive finite number", max_norm)


def clip_by_global_norm(gs: list[Array], *, max_norm: float, eps: float = 1e-6) -> list[Array]:
    """Each array times min(1, max_norm / (norm + eps)), with norm the Euclidean length of all of them together.

    The arrays may differ in shape. The length of numbers whose squares overflow or vanish is exact as well.
    Source: Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks* (2013), algorithm 1,
    in the form of torch.nn.utils.clip_grad_norm_.

    Raises:
        ValueError: the list is empty, or max_norm is not a positive finite number.
        TypeError: gs is not a list of float arrays.
    """
    _check_clip(gs, max_norm, eps)
    return list(_clip(tuple(gs), max_norm=max_norm, eps=eps))


def clip_by_global_norm_vjp(
    cotangent: list[Array], gs: list[Array], *, max_norm: float, eps: float = 1e-6
) -> list[Array]:
    """f (c - u <c, u> norm / (norm + eps)) where the factor f is less than 1, with u = g / norm; else c."""
    _check_clip(gs, max_norm, eps)
    given = isinstance(cotangent, list | tuple) and len(cotangent) == len(gs)
    require(given, "cotangent", f"a list of {len(gs)} arrays", cotangent)
    for c, g in zip(cotangent, gs, strict=True):
        require_shape("cotangent", c, g.shape)
    return list(_clip_vjp(tuple(cotangent), tuple(gs), max_norm=max_norm, eps=eps))


@operation
def _clip(gs: tuple[Array, ...], *, max_norm: float, eps: float) -> tuple[Array, ...]:
    xp = array_namespace(*gs)
    factor = xp.minimum(max_norm / (norm(_flat(gs)) + eps), 1.0)
    return tuple(g * xp.astype(factor, g.dtype) for g in gs)


@operation
def _clip_vjp(cotangent: tuple[Array, ...], gs: tuple[Array, ...], *, max_norm: float, eps: float) -> tuple[Array, ...]:
    xp = array_namespace(*gs)
    c, g = _flat(cotangent), _flat(gs)
    length = norm(g)
    u = norm_vjp(xp.ones_like(length), g)
    along = xp.sum(c * u) * (length / (length + eps))
    clipped = max_norm / (length + eps) * (c - u * along)
    return _parts(xp.where(length + eps > max_norm, clipped, c), gs)


def _parts(flat: Any, like: tuple[Any, ...]) -> tuple[Any, ...]:
    """The entries of a flat array in the shapes of these arrays, one after the other."""
    xp = array_namespace(flat)
    ends = list(itertools.accumulate(math.prod(a.shape) for a in like))
    pieces = zip([0, *ends[:-1]], ends, like, strict=True)
    return tuple(xp.astype(xp.reshape(flat[start:end], a.shape), a.dtype) for start, end, a in pieces)


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
