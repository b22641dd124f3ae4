"""MLX: each operation is the framework's own (mlx.core, mlx.nn, mlx.optimizers), its gradients are `mx.vjp`'s.

What it has no gradient or no kernel of is reported as unsupported, in its own words.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from importlib.metadata import version as version_of
from typing import Any

import ml_dtypes
import mlx.core as mx
import mlx.nn as nn
import numpy as np

from fiducial.conformance.subjects._shared import NOT_DIFFERENTIABLE, limit, listed

# A subject's rows are its module's names.
from fiducial.conformance.subjects.mlx_optimisers import *  # noqa: F403

Array = Any  # mx.array

_limit = partial(limit, "MLX")
name = "mlx"
version = version_of("mlx")
dtypes = ("float32", "bfloat16", "float16")
conventions: dict[str, dict[str, Any]] = {
    "step": {"at_zero": 0.0},
    "leaky_relu": {"negative_slope": [0.01, -0.5]},  # documented as max(slope x, x)
    "lstm": {"gate_order": "ifgo"},
    "gru": {"gate_order": "rzn", "reset_after": True},
}


def asarray(array: Any, device: str | None = None) -> Array:
    array = np.ascontiguousarray(array).reshape(np.shape(array))
    if array.dtype == ml_dtypes.bfloat16:
        return mx.array(array.view(np.uint16)).view(mx.bfloat16)
    return mx.array(array)


def to_numpy(array: Any) -> Any:
    if isinstance(array, mx.array) and array.dtype == mx.bfloat16:
        return np.array(array.view(mx.uint16)).view(ml_dtypes.bfloat16)
    return np.array(array)


def vjp(operation: str, cotangent: Any, *inputs: Array | None, **attributes: Any) -> list[Array | None]:
    """The gradients of an operation, one for each float input; None where there is none."""
    _limit(operation in NOT_DIFFERENTIABLE, f"has no gradient of {operation}")
    found = _evaluated(_gradient(operation, cotangent, inputs, attributes), _floats(inputs))
    # Its cross-entropy is that of targets that sum to one: among them alone it has a derivative.
    return [found[0], None] if operation == "softmax_cross_entropy" and len(found) == 2 else found


def hvp(operation: str, cotangent: Any, directions: Any, *inputs: Array | None, **attributes: Any) -> list[Array]:
    """The gradient of <directions, gradient>: `vjp` of `vjp`."""
    _limit(operation in NOT_DIFFERENTIABLE, f"has no gradient of {operation}")
    soft = operation == "softmax_cross_entropy" and len(_floats(inputs)) == 2
    _limit(soft, "takes targets that sum to one: it has no derivative by them")
    gradient, along = _gradient(operation, cotangent, inputs, attributes), listed(directions)
    return _evaluated(lambda *floats: mx.vjp(gradient, floats, along)[1], _floats(inputs))


def _gradient(operation: str, cotangent: Any, inputs: Any, attributes: dict[str, Any]) -> Callable[..., list[Array]]:
    def function(*floats: Array) -> list[Array]:
        left = iter(floats)
        return listed(globals()[operation](*(next(left) if _is_float(x) else x for x in inputs), **attributes))

    return lambda *floats: mx.vjp(function, floats, listed(cotangent))[1]


def _evaluated(gradient: Callable[..., list[Array]], floats: list[Array]) -> list[Array]:
    try:
        found = gradient(*floats)
        mx.eval(found)
    except ValueError as error:
        _limit("Not implemented" in str(error), str(error))
        raise
    return found


def _floats(inputs: Any) -> list[Array]:
    return [x for x in inputs if _is_float(x)]


def _is_float(x: Any) -> bool:
    return x is not None and mx.issubdtype(x.dtype, mx.floating)


# --- elementwise ---


def _of_one(function: Callable[..., Array]) -> Callable[[Array], Array]:
    return lambda x: function(x)


def _of_two(function: Callable[..., Array]) -> Callable[[Array, Array], Array]:
    return lambda x, y: function(x, y)


sigmoid, tanh, relu, silu = map(_of_one, (mx.sigmoid, mx.tanh, nn.relu, nn.silu))
log_sigmoid, softplus, step = map(_of_one, (nn.log_sigmoid, nn.softplus, nn.step))


def leaky_relu(x: Array, *, negative_slope: float = 0.01) -> Array:
    return nn.leaky_relu(x, negative_slope)


def elu(x: Array, *, alpha: float = 1.0) -> Array:
    return nn.elu(x, alpha)


def gelu(x: Array, *, approximate: str = "none") -> Array:
    return nn.gelu_approx(x) if approximate == "tanh" else nn.gelu(x)


# --- nodes ---

add, subtract, multiply, divide = map(_of_two, (mx.add, mx.subtract, mx.multiply, mx.divide))
maximum, matmul = _of_two(mx.maximum), _of_two(mx.matmul)


def sum(x: Array, *, axis: Any = None, keepdims: bool = False) -> Array:
    return mx.sum(x, axis, keepdims)


def mean(x: Array, *, axis: Any = None, keepdims: bool = False) -> Array:
    return mx.mean(x, axis, keepdims)


def amax(x: Array, *, axis: Any = None, keepdims: bool = False) -> Array:
    return mx.max(x, axis, keepdims)


def repeat(x: Array, *, n: int, axis: int = 0) -> Array:
    return mx.stack([x] * n, axis)


def branch(x: Array, *, n: int = 2) -> tuple[Array, ...]:
    return tuple(mx.unstack(mx.broadcast_to(x, (n, *x.shape))))


def norm(x: Array, *, axis: int = -1) -> Array:
    return mx.linalg.norm(x, axis=axis)


def affine(x: Array, W: Array, b: Array) -> Array:
    return mx.addmm(b, x, W)


def embedding(W: Array, indices: Array) -> Array:
    return mx.take(W, indices, axis=0)


# --- losses ---


def logsumexp(x: Array, *, axis: int = -1) -> Array:
    return mx.logsumexp(x, axis)


def softmax(x: Array, *, axis: int = -1) -> Array:
    return mx.softmax(x, axis)


def log_softmax(x: Array, *, axis: int = -1) -> Array:
    return nn.log_softmax(x, axis)


def mse_loss(y: Array, t: Array, *, reduction: str = "mean") -> Array:
    return nn.losses.mse_loss(y, t, reduction)


def l1_loss(y: Array, t: Array, *, reduction: str = "mean") -> Array:
    return nn.losses.l1_loss(y, t, reduction)


def huber_loss(y: Array, t: Array, *, delta: float = 1.0, reduction: str = "mean") -> Array:
    return nn.losses.huber_loss(y, t, delta, reduction)


def softmax_cross_entropy(x: Array, t: Array, *, reduction: str = "mean", label_smoothing: float = 0.0) -> Array:
    sums = mx.sum(t, axis=-1) if _is_float(t) else mx.ones(1)
    _limit(not bool(mx.all(sums == 1)), "takes targets that are probabilities: documented")
    return nn.losses.cross_entropy(x, t, label_smoothing=label_smoothing, reduction=reduction)


def binary_cross_entropy_with_logits(x: Array, t: Array, *, reduction: str = "mean") -> Array:
    return nn.losses.binary_cross_entropy(x, t, with_logits=True, reduction=reduction)


# --- convolution and pooling: the channels last ---

Sizes = int | tuple[int, ...]


def _convolution(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Array:
    _limit(groups > 1 and x.ndim > 4, "groups channels in one and two dimensions alone")
    windows = {"stride": stride, "padding": padding, "kernel_dilation": dilation}
    found = mx.conv_general(mx.moveaxis(x, 1, -1), mx.moveaxis(w, 1, -1), groups=groups, **windows)
    return mx.moveaxis(found if b is None else found + b, -1, 1)


conv1d = conv2d = conv3d = _convolution


def max_pool2d(x: Array, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> Array:
    return mx.moveaxis(nn.MaxPool2d(kernel_size, stride, padding)(mx.moveaxis(x, 1, -1)), -1, 1)


def avg_pool2d(x: Array, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> Array:
    return mx.moveaxis(nn.AvgPool2d(kernel_size, stride, padding)(mx.moveaxis(x, 1, -1)), -1, 1)


# --- normalisation and attention ---


def _set(layer: Any, **parameters: Array) -> Any:
    for key, value in parameters.items():
        setattr(layer, key, value)
    return layer


def batch_norm(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    _limit(x.ndim > 4, "normalises batches of at most four axes")
    layer = _set(nn.BatchNorm(x.shape[1], eps, track_running_stats=False), weight=gamma, bias=beta)
    return mx.moveaxis(layer(mx.moveaxis(x, 1, -1)), -1, 1)


def layer_norm(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    return mx.fast.layer_norm(x, gamma, beta, eps)


def rms_norm(x: Array, gamma: Array, *, eps: float = 1e-5) -> Array:
    return mx.fast.rms_norm(x, gamma, eps)


def scaled_dot_product_attention(
    q: Array, k: Array, v: Array, *, causal: bool = False, scale: float | None = None
) -> Array:
    heads = [x.reshape(-1, 1, *x.shape[-2:]) for x in (q, k, v)]
    mask = (
        mx.tri(q.shape[-2], k.shape[-2], dtype=mx.bool_) if causal else None
    )  # its own is aligned at the bottom right
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    found = mx.fast.scaled_dot_product_attention(*heads, scale=factor, mask=mask)
    return found.reshape(*q.shape[:-1], v.shape[-1])


# --- recurrent: the weights transposed, and one bias where two would be added ---


def rnn(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> Array:
    return _set(nn.RNN(*Wx.shape), Wxh=Wx.T, Whh=Wh.T, bias=b)(x, h0)


def lstm(x: Array, h0: Array, c0: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, Array]:
    hs, cs = _set(nn.LSTM(Wx.shape[0], Wh.shape[0]), Wx=Wx.T, Wh=Wh.T, bias=b)(x, h0, c0)
    return hs, cs[:, -1]


def gru(x: Array, h0: Array, Wx: Array, Wh: Array, bx: Array, bh: Array) -> Array:
    H = Wh.shape[0]
    biases = {"b": mx.concatenate([bx[: 2 * H] + bh[: 2 * H], bx[2 * H :]]), "bhn": bh[2 * H :]}
    return _set(nn.GRU(Wx.shape[0], H), Wx=Wx.T, Wh=Wh.T, **biases)(x, h0)


# --- statistics and linear algebra ---


def bernoulli_sample(p: Array, *, shape: Any, seed: int) -> Array:
    return mx.random.bernoulli(p, shape, key=mx.random.key(seed))


def normal_sample(mu: Array, sigma: Array, *, shape: Any, seed: int) -> Array:
    return mx.random.normal(shape, mu.dtype, mu, sigma, key=mx.random.key(seed))


def variance(x: Array, *, axis: Any = None, ddof: int = 0) -> Array:
    return mx.var(x, axis, ddof=ddof)


def std(x: Array, *, axis: Any = None, ddof: int = 0) -> Array:
    return mx.std(x, axis, ddof=ddof)


def _single(a: Array) -> Array:
    _limit(a.dtype != mx.float32, "factors no 16-bit matrices")
    return a


def _now(parts: Any) -> tuple[Array, ...]:
    """Evaluated in the call, which then raises where LAPACK fails."""
    mx.eval(parts)
    return tuple(parts)


def eigh(a: Array) -> tuple[Array, ...]:
    return _now(mx.linalg.eigh(_single(a), stream=mx.cpu))


def eig(a: Array) -> tuple[Array, ...]:
    return _now(mx.linalg.eig(_single(a), stream=mx.cpu))


def svd(a: Array) -> tuple[Array, ...]:
    u, s, vh = _now(mx.linalg.svd(_single(a), stream=mx.cpu))  # of all columns
    return u[:, : s.shape[0]], s, vh[: s.shape[0]]


def det(a: Array) -> Array:
    return mx.linalg.det(_single(a), stream=mx.cpu)


def trace(a: Array) -> Array:
    return mx.trace(a)


def inverse(a: Array) -> Array:
    return mx.linalg.inv(_single(a), stream=mx.cpu)


def solve(a: Array, b: Array) -> Array:
    return mx.linalg.solve(_single(a), b, stream=mx.cpu)


# Not here, because MLX owns no such operation under this contract: softplus with a beta; one_hot; losses of
# probabilities (its divergence takes logarithms of both, its cross-entropy clamps them); averages that leave the
# padding out; weight decay that is coupled with adam; dropout of a given mask; distributions; truncated gradients
# through time; the operations of text.
