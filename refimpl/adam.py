"""Adam and AdamW: one update step as a function of parameters w, gradient g and the moments m and v.

Every function raises ValueError when shapes differ or a number is not finite, naming the argument.
Source: Kingma and Ba, *Adam* (2015); Loshchilov and Hutter, *Decoupled Weight Decay Regularization* (2019).
"""

from numbers import Integral
from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, constant, operation, require
from fiducial.refimpl._updates import check, check_cotangent


def _one_minus_power(beta: Any, n: int) -> Any:
    """1 - beta^n as a sum of positive terms: nothing cancels for beta near 1."""
    if n == 1:
        return 1 - beta
    even = _one_minus_power(beta, n // 2) * (1 + beta ** (n // 2))
    return even + beta ** (n - 1) * (1 - beta) if n % 2 else even


def _check_adam(w: Any, g: Any, m: Any, v: Any, step: int, **numbers: Any) -> None:
    require(isinstance(step, Integral) and step >= 1, "step", "an integer of at least 1", step)
    check(w.shape, {"g": g, "m": m, "v": v}, **numbers)


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
    check_cotangent(cotangent, 3, w.shape)
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
    check_cotangent(cotangent, 3, w.shape)
    dg, dm, dv = _moments_vjp(cotangent, g, m, v, step, lr, beta1, beta2, eps)
    return (1 - lr * weight_decay) * cotangent[0], dg, dm, dv
