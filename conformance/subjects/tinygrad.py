"""tinygrad: each operation is a method of its Tensor or a layer of its nn, its gradients are `Tensor.gradient`'s.

It computes when the numbers are asked for: with clang on the CPU. What it does not offer (`_limit`) is reported as
unsupported.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import version as version_of
from typing import Any

import ml_dtypes
import numpy as np
from tinygrad import Context, Tensor, nn
from tinygrad import dtypes as dt

from fiducial.conformance.subjects._shared import limit, listed

_limit = partial(limit, "tinygrad")
name = "tinygrad"
version = version_of("tinygrad")
dtypes = ("float64", "float32", "bfloat16", "float16")
conventions: dict[str, dict[str, Any]] = {
    "softmax_cross_entropy": {"ignore_index": -100},
    "lstm": {"gate_order": "ifgo"},
}


def asarray(array: Any, device: str | None = None) -> Tensor:
    array = np.asarray(array)
    if array.dtype == ml_dtypes.bfloat16:
        return asarray(array.astype(np.float32)).cast(dt.bfloat16).realize()
    return Tensor(np.array(array.reshape(-1), order="C")).reshape(array.shape)  # a 0-d array would become a constant


def to_numpy(tensor: Any) -> Any:
    if isinstance(tensor, Tensor) and tensor.dtype == dt.bfloat16:
        return tensor.float().numpy().astype(ml_dtypes.bfloat16)
    return tensor.numpy() if isinstance(tensor, Tensor) else np.asarray(tensor)


NOT_DIFFERENTIABLE = ("sgd", "momentum")


def vjp(operation: str, cotangent: Any, *inputs: Tensor | None, **attributes: Any) -> list[Tensor]:
    """The gradients of an operation, one for each float input."""
    _limit(operation in NOT_DIFFERENTIABLE, f"has no gradient of {operation}")
    return _gradients(listed(globals()[operation](*inputs, **attributes)), listed(cotangent), _floats(inputs))


def hvp(operation: str, cotangent: Any, directions: Any, *inputs: Tensor | None, **attributes: Any) -> list[Tensor]:
    """The gradient of <directions, gradient>: `Tensor.gradient` of `Tensor.gradient`."""
    return _gradients(vjp(operation, cotangent, *inputs, **attributes), listed(directions), _floats(inputs))


def _gradients(outputs: list[Tensor], cotangents: list[Tensor], inputs: list[Tensor]) -> list[Tensor]:
    _limit(not all(y.is_floating_point() for y in outputs), "has gradients of floats alone")
    if len(outputs) == 1:
        return list(outputs[0].gradient(*inputs, gradient=cotangents[0]))
    products = [(y * c).sum() for y, c in zip(outputs, cotangents, strict=True)]
    return list(products[0].stack(*products[1:]).sum().gradient(*inputs))


def _floats(inputs: Any) -> list[Tensor]:
    return [x for x in inputs if x is not None and x.is_floating_point()]


# --- elementwise ---


def _of_one(method: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: method(x)


sigmoid, log_sigmoid, tanh = map(_of_one, (Tensor.sigmoid, Tensor.logsigmoid, Tensor.tanh))
relu, silu = map(_of_one, (Tensor.relu, Tensor.silu))


def leaky_relu(x: Tensor, *, negative_slope: float = 0.01) -> Tensor:
    return x.leaky_relu(negative_slope)


def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return x.elu(alpha)


def softplus(x: Tensor, *, beta: float = 1.0) -> Tensor:
    return x.softplus(beta)


def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    return x.gelu(approximate)


# --- nodes ---


def _of_two(method: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, y: method(x, y)


add, subtract, multiply, divide = map(_of_two, (Tensor.add, Tensor.sub, Tensor.mul, Tensor.div))
matmul, maximum = map(_of_two, (Tensor.matmul, Tensor.maximum))


def sum(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return x.sum(axis, keepdims)


def mean(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return x.mean(axis, keepdims)


def amax(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return x.max(axis, keepdims)


def repeat(x: Tensor, *, n: int, axis: int = 0) -> Tensor:
    return x.stack(*[x] * (n - 1), dim=axis)


def branch(x: Tensor, *, n: int = 2) -> tuple[Tensor, ...]:
    return tuple(x.expand(n, *x.shape)[k] for k in range(n))


def affine(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return x.linear(W, b)


def one_hot(labels: Tensor, *, num_classes: int) -> Tensor:
    return labels.one_hot(num_classes)


def embedding(W: Tensor, indices: Tensor) -> Tensor:
    return _set(nn.Embedding(*W.shape), weight=W)(indices)


def _set(layer: Any, **parameters: Tensor) -> Any:
    for key, value in parameters.items():
        setattr(layer, key, value)
    return layer


# --- softmax and losses ---


def logsumexp(x: Tensor, *, axis: int = -1) -> Tensor:
    return x.logsumexp(axis)


def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    return x.softmax(axis)


def log_softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    return x.log_softmax(axis)


def softmax_cross_entropy(x: Tensor, t: Tensor, *, reduction: str = "mean", label_smoothing: float = 0.0) -> Tensor:
    return x.cross_entropy(t, reduction, label_smoothing)


def binary_cross_entropy(p: Tensor, t: Tensor, *, reduction: str = "mean") -> Tensor:
    return p.binary_crossentropy(t, reduction)


def binary_cross_entropy_with_logits(
    x: Tensor, t: Tensor, *, reduction: str = "mean", pos_weight: float | None = None
) -> Tensor:
    weight = None if pos_weight is None else Tensor([pos_weight], dtype=x.dtype)
    return x.binary_crossentropy_logits(t, reduction, weight)


# --- convolution and pooling ---

Sizes = int | tuple[int, ...]


def _convolution(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    stride: Sizes = 1,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    return x.conv2d(w, b, groups, stride, dilation, padding)  # of any number of axes


conv1d = conv2d = conv3d = _convolution


def max_pool2d(x: Tensor, *, kernel_size: Any, stride: Any = None, padding: Sizes = 0) -> Tensor:
    pooled = x.max_pool2d(kernel_size, stride, 1, padding)
    assert isinstance(pooled, Tensor)
    return pooled


def avg_pool2d(
    x: Tensor, *, kernel_size: Any, stride: Any = None, padding: Sizes = 0, count_include_pad: bool = True
) -> Tensor:
    return x.avg_pool2d(kernel_size, stride, 1, padding, count_include_pad=count_include_pad)


# --- normalisation, attention, recurrence ---


def batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    layer = nn.BatchNorm(int(x.shape[1]), eps, track_running_stats=False)
    return _set(layer, weight=gamma, bias=beta)(x)


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    return _set(nn.LayerNorm(int(x.shape[-1]), eps), weight=gamma, bias=beta)(x)


def rms_norm(x: Tensor, gamma: Tensor, *, eps: float = 1e-5) -> Tensor:
    return _set(nn.RMSNorm(int(x.shape[-1]), eps), weight=gamma)(x)


def scaled_dot_product_attention(q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False) -> Tensor:
    return q.scaled_dot_product_attention(k, v, is_causal=causal)


def lstm(x: Tensor, h0: Tensor, c0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    cell = nn.LSTMCell(int(Wx.shape[0]), int(Wh.shape[0]), bias=False)
    cell = _set(cell, weight_ih=Wx.T, weight_hh=Wh.T, bias_ih=b)
    h, c, hs = h0, c0, []
    for step in range(int(x.shape[1])):
        h, c = cell(x[:, step], (h, c))
        hs.append(h)
    return hs[0].stack(*hs[1:], dim=1), c


# --- optimisers: the state is set before the step and read after it ---


def _stepped(rule: Callable[..., Any], w: Tensor, g: Tensor, states: dict[str, Tensor], **rest: Any) -> list[Tensor]:
    _limit(w.dtype != dt.float32, "keeps the states of its optimisers in float32")
    w = asarray(w.numpy())  # clone() of what was just made from an array shares its memory
    w.grad = g
    optimizer = rule([w], **rest)
    for key, state in states.items():
        setattr(optimizer, key, [asarray(state.numpy())])
    with Context(TRAINING=1):
        optimizer.step()
    return [w, *(getattr(optimizer, key)[0] for key in states)]


def sgd(w: Tensor, g: Tensor, *, lr: float = 1e-3, weight_decay: float = 0) -> Tensor:
    return _stepped(nn.optim.SGD, w, g, {}, lr=lr, weight_decay=weight_decay)[0]


def momentum(
    w: Tensor,
    g: Tensor,
    v: Tensor,
    *,
    lr: float = 1e-3,
    momentum: float = 0.9,
    nesterov: bool = False,
    weight_decay: float = 0,
) -> list[Tensor]:
    _limit(momentum == 0, "keeps no velocity without momentum")
    options = {"momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    return _stepped(nn.optim.SGD, w, g, {"b": v}, lr=lr, **options)


# --- statistics ---


def variance(x: Tensor, *, axis: Any = None, ddof: int = 0) -> Tensor:
    return x.var(axis, correction=ddof)


def std(x: Tensor, *, axis: Any = None, ddof: int = 0) -> Tensor:
    return x.std(axis, correction=ddof)


def normal_sample(mu: Tensor, sigma: Tensor, *, shape: Any, seed: int) -> Tensor:
    Tensor.manual_seed(seed)
    return Tensor.randn(*shape, dtype=mu.dtype) * sigma + mu


# Not here, because tinygrad owns no such operation under this contract: step; norm; losses of regression; rnn and gru;
# adagrad and rmsprop, and Adam at a given step; dropout of a given mask; distributions; decompositions (its svd is a
# number of Jacobi rounds); text.
