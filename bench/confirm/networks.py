"""The formulas of networks, as textbooks print them."""

from __future__ import annotations

from typing import Any

import numpy as np

from confirm.numbers import Array, exp, log, mp, mpf, ncdf, reduced, sqrt, tanh, times_log, total, where
from confirm.numbers import sigmoid as s

# --- elementwise ---


def sigmoid(x: Array) -> Array:
    return s(x)


def log_sigmoid(x: Array) -> Array:
    return -log(1 + exp(-x))


def silu(x: Array) -> Array:
    return x * s(x)


def softplus(x: Array, *, beta: float = 1.0, threshold: Any = 20.0) -> Array:
    return where(x * mpf(beta) > float(threshold), x, log(1 + exp(x * mpf(beta))) / mpf(beta))


def elu(x: Array, *, alpha: float = 1.0) -> Array:
    return where(x > 0, x, mpf(alpha) * (exp(x) - 1))


def leaky_relu(x: Array, *, negative_slope: float = 0.01) -> Array:
    return where(x > 0, x, mpf(negative_slope) * x)


def gelu(x: Array, *, approximate: str = "none") -> Array:
    if approximate == "tanh":
        inner = mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3)
        return x * (1 + tanh(inner)) / 2
    return x * ncdf(x)


# --- nodes ---


def add(x: Array, y: Array) -> Array:
    return x + y


def divide(x: Array, y: Array) -> Array:
    return x / y


def norm(x: Array, *, axis: int = -1) -> Array:
    return sqrt(total(x * x, axis))


def sum(x: Array, *, axis: Any = None, keepdims: bool = False) -> Array:
    return total(x, axis, keepdims)


def mean(x: Array, *, axis: Any = None, keepdims: bool = False) -> Array:
    summed = total(x, axis, keepdims)
    return summed * mpf(np.size(summed)) / mpf(x.size)


# --- softmax and losses ---


def logsumexp(x: Array, *, axis: int = -1) -> Array:
    return log(total(exp(x), axis))


def softmax(x: Array, *, axis: int = -1) -> Array:
    return exp(x) / total(exp(x), axis, keepdims=True)


def log_softmax(x: Array, *, axis: int = -1) -> Array:
    return x - log(total(exp(x), axis, keepdims=True))


def softmax_cross_entropy(
    x: Array, t: Array, *, reduction: str = "mean", label_smoothing: float = 0.0, ignore_index: int = -100
) -> Array:
    e = mpf(label_smoothing)
    if t.ndim == 1:
        t = np.array([[mpf(int(k == label)) for k in range(x.shape[1])] for label in t], dtype=object)
    targets = (1 - e) * t + e / x.shape[1]
    return reduced(-total(targets * log_softmax(x), 1), reduction)


def binary_cross_entropy(p: Array, t: Array, *, reduction: str = "mean") -> Array:
    return reduced(-(times_log(t, p) + times_log(1 - t, 1 - p)), reduction)


def binary_cross_entropy_with_logits(
    x: Array, t: Array, *, reduction: str = "mean", pos_weight: float | None = None
) -> Array:
    w = mpf(1 if pos_weight is None else pos_weight)
    return reduced(-(w * t * log_sigmoid(x) + (1 - t) * log_sigmoid(-x)), reduction)


def huber_loss(y: Array, t: Array, *, delta: float = 1.0, reduction: str = "mean") -> Array:
    d, r = mpf(delta), abs(y - t)
    return reduced(where(r <= d, r * r / 2, d * (r - d / 2)), reduction)


def mse_loss(y: Array, t: Array, *, reduction: str = "mean") -> Array:
    return reduced((y - t) ** 2, reduction)


def kl_divergence(log_q: Array, p: Array, *, reduction: str = "mean") -> Array:
    return reduced(times_log(p, p) - p * log_q, reduction)


def l2_penalty(W: Array, *, weight: float = 1.0) -> Array:
    return mpf(weight) / 2 * total(W * W)


# --- layers: x (N, C, ...) or (..., D) ---


def _normalised(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    n = mpf(int(np.prod([x.shape[a] for a in axes])))
    centred = x - total(x, axes, keepdims=True) / n
    return centred / sqrt(total(centred**2, axes, keepdims=True) / n + mpf(eps))


def batch_norm(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    shape = (1, -1, *(1,) * (x.ndim - 2))
    axes = (0, *range(2, x.ndim))
    return gamma.reshape(shape) * _normalised(x, axes, eps) + beta.reshape(shape)


def layer_norm(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    return gamma * _normalised(x, (x.ndim - 1,), eps) + beta


def rms_norm(x: Array, gamma: Array, *, eps: float = 1e-5) -> Array:
    return gamma * x / sqrt(total(x * x, -1, keepdims=True) / x.shape[-1] + mpf(eps))


def scaled_dot_product_attention(
    q: Array, k: Array, v: Array, *, causal: bool = False, scale: float | None = None
) -> Array:
    factor = 1 / mp.sqrt(q.shape[-1]) if scale is None else mpf(scale)
    rows = []
    for i in range(q.shape[-2]):  # each query with the keys that it sees
        seen = min(i + 1, k.shape[-2]) if causal else k.shape[-2]
        scores = factor * total(q[..., i : i + 1, :] * k[..., :seen, :], -1)
        rows.append(total(softmax(scores)[..., None] * v[..., :seen, :], -2))
    return np.stack(rows, -2)


def avg_pool2d(
    x: Array, *, kernel_size: int, stride: int | None = None, padding: int = 0, count_include_pad: bool = True
) -> Array:
    k, step = kernel_size, stride or kernel_size
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), constant_values=mpf(0))
    inside = np.pad(np.ones(x.shape[2:], int), padding, constant_values=int(count_include_pad))
    spots = [range(0, n - k + 1, step) for n in padded.shape[2:]]
    found = [[total(padded[..., i : i + k, j : j + k], (2, 3)) / mpf(int(inside[i : i + k, j : j + k].sum()))
              for j in spots[1]] for i in spots[0]]  # fmt: skip
    return np.moveaxis(np.array(found, dtype=object), (0, 1), (2, 3))


# --- recurrent: x (N, T, D), a gate's columns side by side ---


def rnn(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array, *, truncate: None = None) -> Array:
    h, steps = h0, []
    for t in range(x.shape[1]):
        h = tanh(x[:, t] @ Wx + h @ Wh + b)
        steps.append(h)
    return np.stack(steps, 1)


def lstm(
    x: Array, h0: Array, c0: Array, Wx: Array, Wh: Array, b: Array, *, gate_order: str = "ifgo", truncate: None = None
) -> tuple[Array, ...]:
    h, c, steps = h0, c0, []
    for t in range(x.shape[1]):
        gates = dict(zip(gate_order, np.split(x[:, t] @ Wx + h @ Wh + b, 4, axis=1), strict=True))
        c = s(gates["f"]) * c + s(gates["i"]) * tanh(gates["g"])
        h = s(gates["o"]) * tanh(c)
        steps.append(h)
    return np.stack(steps, 1), c


def gru(
    x: Array, h0: Array, Wx: Array, Wh: Array, bx: Array, bh: Array, *,
    gate_order: str = "rzn", reset_after: bool = True, truncate: None = None,
) -> Array:  # fmt: skip
    h, steps = h0, []
    for t in range(x.shape[1]):
        parts = (dict(zip(gate_order, np.split(a, 3, axis=1), strict=True)) for a in (x[:, t] @ Wx + bx, h @ Wh + bh))
        of_x, of_h = parts
        r, z = s(of_x["r"] + of_h["r"]), s(of_x["z"] + of_h["z"])
        n = tanh(of_x["n"] + r * of_h["n"])
        h = (1 - z) * n + z * h
        steps.append(h)
    return np.stack(steps, 1)


# --- optimisers ---


def momentum(
    w: Array, g: Array, v: Array, *, lr: float, momentum: float = 0.9, nesterov: bool = False, weight_decay: float = 0
) -> tuple[Array, ...]:
    g = g + mpf(weight_decay) * w
    v = mpf(momentum) * v + g
    return w - mpf(lr) * (g + mpf(momentum) * v if nesterov else v), v


def rmsprop(
    w: Array, g: Array, s: Array, *, lr: float = 1e-2, eps: float = 1e-8, rho: float = 0.99
) -> tuple[Array, ...]:
    s = mpf(rho) * s + (1 - mpf(rho)) * g * g
    return w - mpf(lr) * g / (sqrt(s) + mpf(eps)), s


def adam(
    w: Array, g: Array, m: Array, v: Array, *, step: int, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
    eps: float = 1e-8, weight_decay: float = 0, decoupled: bool = False,
) -> tuple[Array, ...]:  # fmt: skip
    a, b, e = mpf(beta1), mpf(beta2), mpf(weight_decay)
    g = g if decoupled else g + e * w
    m, v = a * m + (1 - a) * g, b * v + (1 - b) * g * g
    update = (m / (1 - a**step)) / (sqrt(v / (1 - b**step)) + mpf(eps))
    return w * (1 - mpf(lr) * e if decoupled else 1) - mpf(lr) * update, m, v


def adamw(*inputs: Array, **attributes: Any) -> tuple[Array, ...]:
    return adam(*inputs, **attributes, decoupled=True)
