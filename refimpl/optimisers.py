"""Optimisers: one update step as a function of parameters w, gradient g and states, all of one shape.

The step is a differentiable function as well: `NAME_vjp` takes the cotangents of all its outputs, as a tuple where
there are several. Every function raises ValueError when shapes differ or a number is not finite, naming the argument.
Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), sections 8.3 and 8.5; others as noted.
"""

from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, operation
from fiducial.refimpl._shapes import copy
from fiducial.refimpl._updates import check, check_cotangent


@operation
def sgd(w: Array, g: Array, *, lr: float = 1e-3, weight_decay: float = 0) -> Array:
    """w - lr (g + weight_decay w).

    Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), sections 7.1.1 and 8.3.1.
    """
    check(w.shape, {"g": g}, lr=lr, weight_decay=weight_decay)
    return w - lr * (g + weight_decay * w)


@operation
def sgd_vjp(cotangent: Array, w: Array, g: Array, *, lr: float = 1e-3, weight_decay: float = 0) -> tuple[Array, Array]:
    """dw = (1 - lr weight_decay) c, dg = -lr c."""
    check(w.shape, {"g": g, "cotangent": cotangent}, lr=lr, weight_decay=weight_decay)
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
    check(w.shape, {"g": g, "v": v}, lr=lr, momentum=momentum, weight_decay=weight_decay)
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
    check(w.shape, {"g": g, "v": v}, lr=lr, momentum=momentum, weight_decay=weight_decay)
    check_cotangent(cotangent, 2, w.shape)
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
    check(w.shape, {"g": g, "s": s}, lr=lr, eps=eps)
    return _root_step(w, g, s, lr, eps, 1, 1)


@operation
def adagrad_vjp(
    cotangent: tuple[Array, Array], w: Array, g: Array, s: Array, *, lr: float = 1e-2, eps: float = 1e-10
) -> tuple[Array, Array, Array]:
    """The gradients of w, g and s; sqrt has no derivative where the new s is 0."""
    check(w.shape, {"g": g, "s": s}, lr=lr, eps=eps)
    check_cotangent(cotangent, 2, w.shape)
    return _root_step_vjp(cotangent, g, s, lr, eps, 1, 1)


@operation
def rmsprop(
    w: Array, g: Array, s: Array, *, lr: float = 1e-2, eps: float = 1e-8, rho: float = 0.99
) -> tuple[Array, Array]:
    """The next w and s: s <- rho s + (1 - rho) g^2, w <- w - lr g / (sqrt(s) + eps).

    Source: Tieleman and Hinton, *Lecture 6.5: RMSProp* (2012), in the form of torch.optim.RMSprop.
    """
    check(w.shape, {"g": g, "s": s}, lr=lr, eps=eps, rho=rho)
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
    check(w.shape, {"g": g, "s": s}, lr=lr, eps=eps, rho=rho)
    check_cotangent(cotangent, 2, w.shape)
    return _root_step_vjp(cotangent, g, s, lr, eps, rho, 1 - rho)
