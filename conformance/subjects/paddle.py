"""PaddlePaddle: each operation is the framework's own, its gradients are those of `paddle.autograd`.

Conventions are declared, not guessed: its softplus is the identity beyond a threshold of 20, its gates have one order,
its clipping and RMSProp add eps in other places (so that eps is 0 here). What it has no kernel for is unsupported.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor

from fiducial.conformance.subjects._shared import NOT_DIFFERENTIABLE, limit, listed

# A subject's rows are its module's names.
from fiducial.conformance.subjects.paddle_statistics import *  # noqa: F403
from fiducial.conformance.subjects.paddle_statistics import UNCHECKED

paddle.set_device("cpu")
paddle.set_flags({"FLAGS_paddle_num_threads": 1})  # the suite's workers are the parallelism
_limit = functools.partial(limit, "Paddle")
name = "paddle"
version = paddle.__version__
dtypes = ("float64", "float32")  # its CPU kernels, but for a few
conventions: dict[str, dict[str, Any]] = {
    "softplus": {"threshold": 20.0},
    "lstm": {"gate_order": "ifgo"},
    "gru": {"gate_order": "rzn", "reset_after": True},
    "layer_norm": {"eps": 1e-5},  # at most 1e-3: documented
    "rmsprop": {"eps": 0.0},
    "clip_by_global_norm": {"eps": 0.0},
    **{name: {"refuses": False} for name in UNCHECKED},
}


def asarray(array: Any, device: str | None = None) -> Tensor:
    return paddle.to_tensor(np.array(array))


def to_numpy(tensor: Any) -> Any:
    return tensor.detach().numpy()


# How many of the first inputs are data (counts and trials) and have no gradient.
DATA = {"bernoulli_logpmf": 1, "bernoulli_cdf": 1, "binomial_logpmf": 2, "binomial_mean": 1, "binomial_variance": 1}


def vjp(operation: str, cotangent: Any, *inputs: Tensor | None, **attributes: Any) -> tuple[Tensor | None, ...]:
    """The gradients of an operation, one for each float input; None where Paddle has none (a loss's targets)."""
    _limit(operation in NOT_DIFFERENTIABLE, f"has no gradient of {operation}")
    leaves, floats = [], []
    for position, x in enumerate(inputs):
        leaf = None if x is None else x.detach()
        if leaf is not None and leaf.is_floating_point() and position >= DATA.get(operation, 0):
            leaf.stop_gradient = False
            floats.append(leaf)
        leaves.append(leaf)
    outputs = listed(globals()[operation](*leaves, **attributes))
    recorded = [(y, c) for y, c in zip(outputs, listed(cotangent), strict=True) if not y.stop_gradient]
    _limit(not recorded, f"has no gradient of {operation}")
    with _unsupported():
        paddle.autograd.backward([y for y, _ in recorded], [c for _, c in recorded])
    return tuple(x.grad for x in floats)


class _unsupported:
    """Turns Paddle's own words for it (no kernel, no gradient of a gradient) into ours."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        words = ("not registered", "is not exist", "Unimplemented", "don't have", "no double grad", "NotFound")
        if isinstance(error, RuntimeError | NotImplementedError) and any(word in str(error) for word in words):
            raise NotImplementedError(" ".join(str(error).split())[-200:]) from error


def _kernels(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which says so where there is no kernel for a dtype."""

    @functools.wraps(function)
    def called(*inputs: Any, **attributes: Any) -> Any:
        with _unsupported():
            return function(*inputs, **attributes)

    return called


# --- elementwise ---


def _of_one(function: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
    return _kernels(lambda x: function(x))


def _of_two(function: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return _kernels(lambda x, y: function(x, y))


sigmoid, tanh, relu, silu, log_sigmoid = map(_of_one, (F.sigmoid, paddle.tanh, F.relu, F.silu, F.log_sigmoid))


@_kernels
def step(x: Tensor, *, at_zero: float = 0.0) -> Tensor:
    return paddle.heaviside(x, paddle.full([], at_zero, x.dtype))


@_kernels
def leaky_relu(x: Tensor, *, negative_slope: float = 0.01) -> Tensor:
    return F.leaky_relu(x, negative_slope)


@_kernels
def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return F.elu(x, alpha)


@_kernels
def softplus(x: Tensor, *, beta: float = 1.0) -> Tensor:
    return F.softplus(x, beta)


@_kernels
def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    return F.gelu(x, approximate == "tanh")


# --- nodes ---

add, subtract, multiply, divide = map(_of_two, (paddle.add, paddle.subtract, paddle.multiply, paddle.divide))
maximum, matmul = _of_two(paddle.maximum), _of_two(paddle.matmul)


@_kernels
def sum(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return paddle.sum(x, axis=axis, keepdim=keepdims)


@_kernels
def mean(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return paddle.mean(x, axis=axis, keepdim=keepdims)


@_kernels
def amax(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return paddle.amax(x, axis=axis, keepdim=keepdims)


@_kernels
def repeat(x: Tensor, *, n: int, axis: int = 0) -> Tensor:
    return paddle.stack([x] * n, axis=axis)


@_kernels
def branch(x: Tensor, *, n: int = 2) -> tuple[Tensor, ...]:
    return tuple(paddle.unbind(paddle.expand(x, [n, *x.shape])))


@_kernels
def norm(x: Tensor, *, axis: int = -1) -> Tensor:
    return paddle.linalg.vector_norm(x, axis=axis)


@_kernels
def affine(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return F.linear(x, W, b)


def one_hot(labels: Tensor, *, num_classes: int) -> Tensor:
    return F.one_hot(labels, num_classes)


@_kernels
def embedding(W: Tensor, indices: Tensor) -> Tensor:
    return F.embedding(indices, W)


# --- losses ---


def _over_last_axis(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def over(x: Tensor, *, axis: int = -1) -> Tensor:
        return function(x, axis=axis)

    return _kernels(over)


logsumexp, softmax, log_softmax = map(_over_last_axis, (paddle.logsumexp, F.softmax, F.log_softmax))


@_kernels
def mse_loss(y: Tensor, t: Tensor, *, reduction: str = "mean") -> Tensor:
    return F.mse_loss(y, t, reduction)


@_kernels
def l1_loss(y: Tensor, t: Tensor, *, reduction: str = "mean") -> Tensor:
    return F.l1_loss(y, t, reduction)


@_kernels
def huber_loss(y: Tensor, t: Tensor, *, delta: float = 1.0, reduction: str = "mean") -> Tensor:
    return F.smooth_l1_loss(y, t, reduction, delta)


@_kernels
def softmax_cross_entropy(
    x: Tensor, t: Tensor, *, reduction: str = "mean", label_smoothing: float = 0.0, ignore_index: int = -100
) -> Tensor:
    soft = {"soft_label": t.is_floating_point(), "label_smoothing": label_smoothing}
    _limit(bool(label_smoothing) and not t.is_floating_point(), "smooths integer labels in another way")
    _limit(t.is_floating_point() and not bool((t.sum(axis=-1) == 1).all()), "takes targets that sum to one: documented")
    loss = F.cross_entropy(x, t, ignore_index=ignore_index, reduction=reduction, **soft)
    return loss.reshape([x.shape[0]]) if reduction == "none" else loss


@_kernels
def binary_cross_entropy_with_logits(
    x: Tensor, t: Tensor, *, reduction: str = "mean", pos_weight: float | None = None
) -> Tensor:
    weight = None if pos_weight is None else paddle.full([1], pos_weight, x.dtype)
    return F.binary_cross_entropy_with_logits(x, t, reduction=reduction, pos_weight=weight)


@_kernels
def kl_divergence(log_q: Tensor, p: Tensor, *, reduction: str = "mean") -> Tensor:
    return F.kl_div(log_q, p, reduction)


# --- convolution and pooling ---

Sizes = int | tuple[int, ...]


def _convolution(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def convolved(
        x: Tensor,
        w: Tensor,
        b: Tensor | None = None,
        *,
        stride: Sizes = 1,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
    ) -> Tensor:
        return function(x, w, b, stride, padding, dilation, groups)

    return _kernels(convolved)


conv1d, conv2d, conv3d = map(_convolution, (F.conv1d, F.conv2d, F.conv3d))


@_kernels
def max_pool2d(x: Tensor, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> Tensor:
    return F.max_pool2d(x, kernel_size, stride, padding)


@_kernels
def avg_pool2d(
    x: Tensor, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, count_include_pad: bool = True
) -> Tensor:
    return F.avg_pool2d(x, kernel_size, stride, padding, exclusive=not count_include_pad)


# --- normalisation and attention ---


@_kernels
def batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    _limit(x.ndim > 5, "normalises batches of at most five axes")
    running = paddle.zeros_like(gamma).detach(), paddle.ones_like(gamma).detach()
    layout = {2: "NC", 3: "NCL", 4: "NCHW", 5: "NCDHW"}[x.ndim]
    return F.batch_norm(x, *running, gamma, beta, training=True, epsilon=eps, data_format=layout)


@_kernels
def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    _limit(x.ndim < 2, "normalises rows of a batch")
    return F.layer_norm(x, x.shape[-1:], gamma, beta, eps)


@_kernels
def rms_norm(x: Tensor, gamma: Tensor, *, eps: float = 1e-5) -> Tensor:
    return F.rms_norm(x, x.shape[-1:], gamma, eps)


@_kernels
def scaled_dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False, scale: float | None = None
) -> Tensor:
    heads = [x.reshape([-1, x.shape[-2], 1, x.shape[-1]]) for x in (q, k, v)]  # with one head
    found = F.scaled_dot_product_attention(*heads, is_causal=causal, scale=scale)
    return found.reshape([*q.shape[:-1], v.shape[-1]])


# --- recurrent: the weights transposed, and two biases ---


def _run(kind: Any, x: Tensor, states: Any, Wx: Tensor, Wh: Tensor, bx: Tensor, bh: Tensor) -> Any:
    cell = kind(x.shape[2], Wh.shape[0])
    weights = {"weight_ih": Wx.T, "weight_hh": Wh.T, "bias_ih": bx, "bias_hh": bh}
    for key, weight in weights.items():
        del cell._parameters[key]
        object.__setattr__(cell, key, weight)
    return paddle.nn.RNN(cell)(x, states)


@_kernels
def rnn(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    return _run(paddle.nn.SimpleRNNCell, x, h0, Wx, Wh, b, paddle.zeros_like(b))[0]


@_kernels
def lstm(x: Tensor, h0: Tensor, c0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    hs, (_, c) = _run(paddle.nn.LSTMCell, x, (h0, c0), Wx, Wh, b, paddle.zeros_like(b))
    return hs, c


@_kernels
def gru(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, bx: Tensor, bh: Tensor) -> Tensor:
    return _run(paddle.nn.GRUCell, x, h0, Wx, Wh, bx, bh)[0]


# --- optimisers: the state is set before the step and read after it ---


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


@_kernels
def sgd(w: Tensor, g: Tensor, *, lr: float = 1e-3, weight_decay: float = 0) -> Tensor:
    decay = float(weight_decay) or None
    return _stepped(paddle.optimizer.SGD, w, g, {}, learning_rate=lr, weight_decay=decay)[0]


@_kernels
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


@_kernels
def adagrad(w: Tensor, g: Tensor, s: Tensor, *, lr: float = 1e-2, eps: float = 1e-10) -> tuple[Tensor, ...]:
    return _stepped(paddle.optimizer.Adagrad, w, g, {"moment": s}, learning_rate=lr, epsilon=eps)


@_kernels
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

    return _kernels(stepped)


adam, adamw = _adam(paddle.optimizer.Adam, 0), _adam(paddle.optimizer.AdamW, 1e-2)


@_kernels
def clip_by_global_norm(gs: list[Tensor], *, max_norm: float) -> list[Tensor]:
    parameters = [paddle.create_parameter(g.shape, g.dtype) for g in gs]
    clipped = paddle.nn.ClipGradByGlobalNorm(max_norm)([(p, g.clone()) for p, g in zip(parameters, gs, strict=True)])
    return [g for _, g in clipped]


# Not here, because Paddle owns no such operation under this contract: sum_squared_error; losses of probabilities, which
# it clamps; conv_output_size; l1_penalty and l2_penalty; dropout of a given mask; truncated gradients; text. There is
# no `hvp`: many operations have no second gradient, and after an error in one `paddle.grad` finds its inputs no more.
