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
from fiducial.conformance.subjects.paddle_kernels import kernels

# A subject's rows are its module's names.
from fiducial.conformance.subjects.paddle_optimisers import *  # noqa: F403
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
    with kernels:
        paddle.autograd.backward([y for y, _ in recorded], [c for _, c in recorded])
    return tuple(x.grad for x in floats)


# --- elementwise ---


def _of_one(function: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
    return kernels(lambda x: function(x))


def _of_two(function: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return kernels(lambda x, y: function(x, y))


sigmoid, tanh, relu, silu, log_sigmoid = map(_of_one, (F.sigmoid, paddle.tanh, F.relu, F.silu, F.log_sigmoid))


@kernels
def step(x: Tensor, *, at_zero: float = 0.0) -> Tensor:
    return paddle.heaviside(x, paddle.full([], at_zero, x.dtype))


@kernels
def leaky_relu(x: Tensor, *, negative_slope: float = 0.01) -> Tensor:
    return F.leaky_relu(x, negative_slope)


@kernels
def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return F.elu(x, alpha)


@kernels
def softplus(x: Tensor, *, beta: float = 1.0) -> Tensor:
    return F.softplus(x, beta)


@kernels
def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    return F.gelu(x, approximate == "tanh")


# --- nodes ---

add, subtract, multiply, divide = map(_of_two, (paddle.add, paddle.subtract, paddle.multiply, paddle.divide))
maximum, matmul = _of_two(paddle.maximum), _of_two(paddle.matmul)


@kernels
def sum(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return paddle.sum(x, axis=axis, keepdim=keepdims)


@kernels
def mean(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return paddle.mean(x, axis=axis, keepdim=keepdims)


@kernels
def amax(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return paddle.amax(x, axis=axis, keepdim=keepdims)


@kernels
def repeat(x: Tensor, *, n: int, axis: int = 0) -> Tensor:
    return paddle.stack([x] * n, axis=axis)


@kernels
def branch(x: Tensor, *, n: int = 2) -> tuple[Tensor, ...]:
    return tuple(paddle.unbind(paddle.expand(x, [n, *x.shape])))


@kernels
def norm(x: Tensor, *, axis: int = -1) -> Tensor:
    return paddle.linalg.vector_norm(x, axis=axis)


@kernels
def affine(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return F.linear(x, W, b)


def one_hot(labels: Tensor, *, num_classes: int) -> Tensor:
    return F.one_hot(labels, num_classes)


@kernels
def embedding(W: Tensor, indices: Tensor) -> Tensor:
    return F.embedding(indices, W)


# --- losses ---


def _over_last_axis(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def over(x: Tensor, *, axis: int = -1) -> Tensor:
        return function(x, axis=axis)

    return kernels(over)


logsumexp, softmax, log_softmax = map(_over_last_axis, (paddle.logsumexp, F.softmax, F.log_softmax))


@kernels
def mse_loss(y: Tensor, t: Tensor, *, reduction: str = "mean") -> Tensor:
    return F.mse_loss(y, t, reduction)


@kernels
def l1_loss(y: Tensor, t: Tensor, *, reduction: str = "mean") -> Tensor:
    return F.l1_loss(y, t, reduction)


@kernels
def huber_loss(y: Tensor, t: Tensor, *, delta: float = 1.0, reduction: str = "mean") -> Tensor:
    return F.smooth_l1_loss(y, t, reduction, delta)


@kernels
def softmax_cross_entropy(
    x: Tensor, t: Tensor, *, reduction: str = "mean", label_smoothing: float = 0.0, ignore_index: int = -100
) -> Tensor:
    soft = {"soft_label": t.is_floating_point(), "label_smoothing": label_smoothing}
    _limit(bool(label_smoothing) and not t.is_floating_point(), "smooths integer labels in another way")
    _limit(t.is_floating_point() and not bool((t.sum(axis=-1) == 1).all()), "takes targets that sum to one: documented")
    loss = F.cross_entropy(x, t, ignore_index=ignore_index, reduction=reduction, **soft)
    return loss.reshape([x.shape[0]]) if reduction == "none" else loss


@kernels
def binary_cross_entropy_with_logits(
    x: Tensor, t: Tensor, *, reduction: str = "mean", pos_weight: float | None = None
) -> Tensor:
    weight = None if pos_weight is None else paddle.full([1], pos_weight, x.dtype)
    return F.binary_cross_entropy_with_logits(x, t, reduction=reduction, pos_weight=weight)


@kernels
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

    return kernels(convolved)


conv1d, conv2d, conv3d = map(_convolution, (F.conv1d, F.conv2d, F.conv3d))


@kernels
def max_pool2d(x: Tensor, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> Tensor:
    return F.max_pool2d(x, kernel_size, stride, padding)


@kernels
def avg_pool2d(
    x: Tensor, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, count_include_pad: bool = True
) -> Tensor:
    return F.avg_pool2d(x, kernel_size, stride, padding, exclusive=not count_include_pad)


# --- normalisation and attention ---


@kernels
def batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    _limit(x.ndim > 5, "normalises batches of at most five axes")
    running = paddle.zeros_like(gamma).detach(), paddle.ones_like(gamma).detach()
    layout = {2: "NC", 3: "NCL", 4: "NCHW", 5: "NCDHW"}[x.ndim]
    return F.batch_norm(x, *running, gamma, beta, training=True, epsilon=eps, data_format=layout)


@kernels
def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    _limit(x.ndim < 2, "normalises rows of a batch")
    return F.layer_norm(x, x.shape[-1:], gamma, beta, eps)


@kernels
def rms_norm(x: Tensor, gamma: Tensor, *, eps: float = 1e-5) -> Tensor:
    return F.rms_norm(x, x.shape[-1:], gamma, eps)


@kernels
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


@kernels
def rnn(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    return _run(paddle.nn.SimpleRNNCell, x, h0, Wx, Wh, b, paddle.zeros_like(b))[0]


@kernels
def lstm(x: Tensor, h0: Tensor, c0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    hs, (_, c) = _run(paddle.nn.LSTMCell, x, (h0, c0), Wx, Wh, b, paddle.zeros_like(b))
    return hs, c


@kernels
def gru(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, bx: Tensor, bh: Tensor) -> Tensor:
    return _run(paddle.nn.GRUCell, x, h0, Wx, Wh, bx, bh)[0]


# Not here, because Paddle owns no such operation under this contract: sum_squared_error; losses of probabilities, which
# it clamps; conv_output_size; l1_penalty and l2_penalty; dropout of a given mask; truncated gradients; text. There is
# no `hvp`: many operations have no second gradient, and after an error in one `paddle.grad` finds its inputs no more.
