"""PyTorch: each operation is the framework's own, its gradients are autograd's.

Conventions are declared, not guessed: PyTorch's softplus is the identity beyond a threshold of 20, its gates have one
order. What it refuses by its documentation (`_limit`) is reported as unsupported.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ml_dtypes
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from fiducial.conformance.subjects._shared import NOT_DIFFERENTIABLE, limit

# A subject's rows are its module's names.
from fiducial.conformance.subjects.torch_statistics import *  # noqa: F403

torch.set_num_threads(1)  # the suite's workers are the parallelism
_limit = partial(limit, "PyTorch")
name = "torch"
version = torch.__version__
dtypes = ("float64", "float32", "bfloat16", "float16")
devices = ("cpu", "cuda")
conventions: dict[str, dict[str, Any]] = {
    "softplus": {"threshold": 20.0},
    "lstm": {"gate_order": "ifgo"},
    "gru": {"gate_order": "rzn", "reset_after": True},
}


def asarray(array: Any, device: str | None = None) -> Tensor:
    """A tensor that holds exactly these numbers, with the array's strides."""
    array = np.asarray(array)
    if not array.flags.writeable:
        array = array.copy()
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16).to(device or "cpu")
    return torch.from_numpy(array).to(device or "cpu")


def to_numpy(tensor: Any) -> Any:
    """The tensor's numbers as a NumPy array of the same dtype."""
    tensor = torch.as_tensor(tensor).detach().cpu().clone()  # autograd's lazy zeros become plain ones
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


# How many of the first inputs are data (counts and trials) and have no gradient.
DATA = {"bernoulli_logpmf": 1, "binomial_logpmf": 2, "binomial_mean": 1, "binomial_variance": 1}


def vjp(operation: str, cotangent: Any, *inputs: Tensor | None, **attributes: Any) -> tuple[Tensor, ...]:
    """Autograd's gradients of an operation, one for each float input."""
    leaves, outputs = _recorded(operation, inputs, attributes)
    grads = torch.autograd.grad(outputs, _floats(leaves), _tuple(cotangent), allow_unused=True)
    return tuple(torch.zeros_like(x) if g is None else g for x, g in zip(_floats(leaves), grads, strict=True))


def hvp(
    operation: str, cotangent: Any, directions: Any, *inputs: Tensor | None, **attributes: Any
) -> tuple[Tensor, ...]:
    """The gradient of <directions, gradient>: autograd through autograd."""
    # The fused kernels of attention and of cuDNN's recurrent layers have no second derivative.
    with sdpa_kernel(SDPBackend.MATH), torch.backends.cudnn.flags(enabled=False):
        leaves, outputs = _recorded(operation, inputs, attributes)
        floats = _floats(leaves)
        grads = torch.autograd.grad(outputs, floats, _tuple(cotangent), create_graph=True, allow_unused=True)
        pairs = [(g, d) for g, d in zip(grads, _tuple(directions), strict=True) if g is not None and g.requires_grad]
        if not pairs:
            return tuple(map(torch.zeros_like, floats))
        second = torch.autograd.grad([g for g, _ in pairs], floats, [d for _, d in pairs], allow_unused=True)
    return tuple(torch.zeros_like(x) if g is None else g for x, g in zip(floats, second, strict=True))


def _recorded(
    operation: str, inputs: tuple[Tensor | None, ...], attributes: dict[str, Any]
) -> tuple[list[Tensor | None], tuple[Tensor, ...]]:
    if operation in NOT_DIFFERENTIABLE:
        raise NotImplementedError(f"autograd does not go through {operation}")
    data = DATA.get(operation, 0)
    leaves = [
        None if x is None else x.detach().requires_grad_(x.is_floating_point() and position >= data)
        for position, x in enumerate(inputs)
    ]
    outputs = _tuple(globals()[operation](*leaves, **attributes))
    # An output that does not depend on the inputs has no graph.
    return leaves, tuple(y if y.requires_grad else y + 0 * _floats(leaves)[0].sum() for y in outputs)


def _floats(leaves: list[Tensor | None]) -> list[Tensor]:
    return [x for x in leaves if x is not None and x.requires_grad]


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


# --- elementwise ---

sigmoid, tanh, relu, silu, log_sigmoid = torch.sigmoid, torch.tanh, torch.relu, F.silu, F.logsigmoid


def step(x: Tensor, *, at_zero: float = 0.0) -> Tensor:
    return torch.heaviside(x, torch.tensor(at_zero, dtype=x.dtype, device=x.device))


def leaky_relu(x: Tensor, *, negative_slope: float = 0.01) -> Tensor:
    return F.leaky_relu(x, negative_slope)


def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return F.elu(x, alpha)


def softplus(x: Tensor, *, beta: float = 1.0) -> Tensor:
    return F.softplus(x, beta)


def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    return F.gelu(x, approximate=approximate)


# --- nodes ---

add, subtract, multiply, divide = torch.add, torch.subtract, torch.multiply, torch.divide
matmul, maximum = torch.matmul, torch.maximum


def sum(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return torch.sum(x, dim=axis, keepdim=keepdims)


def mean(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return torch.mean(x, dim=axis, keepdim=keepdims)


def amax(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return torch.amax(x, dim=() if axis is None else axis, keepdim=keepdims)


def repeat(x: Tensor, *, n: int, axis: int = 0) -> Tensor:
    return torch.stack([x] * n, dim=axis)


def branch(x: Tensor, *, n: int = 2) -> tuple[Tensor, ...]:
    return tuple(torch.unbind(x.expand(n, *x.shape)))


def norm(x: Tensor, *, axis: int = -1) -> Tensor:
    return torch.linalg.vector_norm(x, dim=axis)


def affine(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return F.linear(x, W.T, b)


def one_hot(labels: Tensor, *, num_classes: int) -> Tensor:
    return F.one_hot(labels, num_classes)


def embedding(W: Tensor, indices: Tensor) -> Tensor:
    return F.embedding(indices, W)


# --- losses ---


def _over_last_axis(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def over(x: Tensor, *, axis: int = -1) -> Tensor:
        return function(x, dim=axis)

    return over


logsumexp, softmax, log_softmax = map(_over_last_axis, (torch.logsumexp, torch.softmax, torch.log_softmax))


def mse_loss(y: Tensor, t: Tensor, *, reduction: str = "mean") -> Tensor:
    return F.mse_loss(y, t, reduction=reduction)


def l1_loss(y: Tensor, t: Tensor, *, reduction: str = "mean") -> Tensor:
    return F.l1_loss(y, t, reduction=reduction)


def huber_loss(y: Tensor, t: Tensor, *, delta: float = 1.0, reduction: str = "mean") -> Tensor:
    return F.huber_loss(y, t, reduction=reduction, delta=delta)


def softmax_cross_entropy(
    x: Tensor, t: Tensor, *, reduction: str = "mean", label_smoothing: float = 0.0, ignore_index: int = -100
) -> Tensor:
    return F.cross_entropy(x, t, reduction=reduction, label_smoothing=label_smoothing, ignore_index=ignore_index)


def binary_cross_entropy_with_logits(
    x: Tensor, t: Tensor, *, reduction: str = "mean", pos_weight: float | None = None
) -> Tensor:
    weight = None if pos_weight is None else torch.tensor(pos_weight, dtype=x.dtype, device=x.device)
    return F.binary_cross_entropy_with_logits(x, t, reduction=reduction, pos_weight=weight)


def kl_divergence(log_q: Tensor, p: Tensor, *, reduction: str = "mean") -> Tensor:
    return F.kl_div(log_q, p, reduction=reduction)


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

    return convolved


conv1d, conv2d, conv3d = map(_convolution, (F.conv1d, F.conv2d, F.conv3d))


def _padding_limit(kernel_size: Sizes, padding: Sizes) -> None:
    kernels, pads = ((n,) * 2 if isinstance(n, int) else n for n in (kernel_size, padding))
    _limit(any(2 * p > k for p, k in zip(pads, kernels, strict=True)), "pads a pooling by half its kernel at most")


def max_pool2d(x: Tensor, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> Tensor:
    _padding_limit(kernel_size, padding)
    return F.max_pool2d(x, kernel_size, stride, padding)


def avg_pool2d(
    x: Tensor, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, count_include_pad: bool = True
) -> Tensor:
    _padding_limit(kernel_size, padding)
    return F.avg_pool2d(x, kernel_size, stride, padding, count_include_pad=count_include_pad)


# --- normalisation and attention ---


def batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    _limit(x.numel() == x.shape[1], "normalises batches of more than one value for each channel")
    return F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], gamma, beta, eps)


def rms_norm(x: Tensor, gamma: Tensor, *, eps: float = 1e-5) -> Tensor:
    return F.rms_norm(x, x.shape[-1:], gamma, eps)


def scaled_dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False, scale: float | None = None
) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale)


# --- recurrent: PyTorch has the weights transposed, a leading axis for the layers, and two biases ---


def _run(
    kind: type[torch.nn.RNNBase], x: Tensor, state: Any, Wx: Tensor, Wh: Tensor, bx: Tensor, bh: Tensor
) -> tuple[Tensor, Any]:
    _limit(x.shape[1] == 0, "takes sequences of at least one step")
    module = kind(x.shape[2], Wh.shape[0], batch_first=True, device="meta")
    weights = {"weight_ih_l0": Wx.T, "weight_hh_l0": Wh.T, "bias_ih_l0": bx, "bias_hh_l0": bh}
    return torch.func.functional_call(module, weights, (x, state))  # type: ignore[no-any-return]


def rnn(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    return _run(torch.nn.RNN, x, h0[None], Wx, Wh, b, torch.zeros_like(b))[0]


def lstm(x: Tensor, h0: Tensor, c0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    hs, (_, c) = _run(torch.nn.LSTM, x, (h0[None], c0[None]), Wx, Wh, b, torch.zeros_like(b))
    return hs, c[0]


def gru(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, bx: Tensor, bh: Tensor) -> Tensor:
    return _run(torch.nn.GRU, x, h0[None], Wx, Wh, bx, bh)[0]


# --- optimisers: the state is set before the step and read after it ---


def _stepped(
    kind: type[torch.optim.Optimizer], w: Tensor, g: Tensor, states: dict[str, Tensor], step: int = 1, **settings: Any
) -> tuple[Tensor, ...]:
    """The parameter and its states after step number `step`."""
    parameter = w.detach().clone().requires_grad_(True)
    parameter.grad = g.detach().clone()
    try:
        optimizer = kind([parameter], foreach=False, **settings)
    except ValueError as error:
        raise NotImplementedError(f"PyTorch refuses: {error}") from error
    state = {name: s.detach().clone() for name, s in states.items()}
    optimizer.state[parameter] = {"step": torch.tensor(float(step - 1)), **state}
    optimizer.step()
    return (parameter.detach(), *(optimizer.state[parameter][name] for name in states))


def sgd(w: Tensor, g: Tensor, *, lr: float = 1e-3, weight_decay: float = 0) -> Tensor:
    return _stepped(torch.optim.SGD, w, g, {}, lr=lr, weight_decay=weight_decay)[0]


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
    _limit(momentum == 0, "keeps no velocity without momentum")
    rates: dict[str, Any] = {"lr": lr, "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    return _stepped(torch.optim.SGD, w, g, {"momentum_buffer": v}, **rates)


def adagrad(w: Tensor, g: Tensor, s: Tensor, *, lr: float = 1e-2, eps: float = 1e-10) -> tuple[Tensor, ...]:
    return _stepped(torch.optim.Adagrad, w, g, {"sum": s}, lr=lr, eps=eps)


def rmsprop(
    w: Tensor, g: Tensor, s: Tensor, *, lr: float = 1e-2, eps: float = 1e-8, rho: float = 0.99
) -> tuple[Tensor, ...]:
    return _stepped(torch.optim.RMSprop, w, g, {"square_avg": s}, lr=lr, eps=eps, alpha=rho)


def _adam(kind: type[torch.optim.Optimizer], decay: float) -> Callable[..., tuple[Tensor, ...]]:
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
        rates: dict[str, Any] = {"lr": lr, "betas": (beta1, beta2), "eps": eps, "weight_decay": weight_decay}
        return _stepped(kind, w, g, {"exp_avg": m, "exp_avg_sq": v}, step, **rates)

    return stepped


adam, adamw = _adam(torch.optim.Adam, 0), _adam(torch.optim.AdamW, 1e-2)


def clip_by_global_norm(gs: list[Tensor], *, max_norm: float) -> list[Tensor]:
    """With the eps of 1e-6 that `clip_grad_norm_` fixes."""
    parameters = [torch.empty_like(g, requires_grad=True) for g in gs]
    for parameter, g in zip(parameters, gs, strict=True):
        parameter.grad = g.detach().clone()
    torch.nn.utils.clip_grad_norm_(parameters, max_norm, foreach=False)
    return [parameter.grad for parameter in parameters]


# Not here, because PyTorch owns no such operation under this contract: sum_squared_error; cross_entropy of
# probabilities; binary_cross_entropy, whose logarithm PyTorch clamps at -100 (a convention that the contract excludes);
# conv_output_size; l1_penalty and l2_penalty; dropout of a given mask (PyTorch draws its own); truncated gradients
# through time; the operations of text.
