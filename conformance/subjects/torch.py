"""PyTorch: each operation is the framework's own, its gradients are autograd's.

Conventions are declared, not guessed: PyTorch's softplus is the identity beyond a threshold of 20.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

torch.set_num_threads(1)  # the suite's workers are the parallelism
name = "torch"
version = torch.__version__
dtypes = ("float64", "float32", "bfloat16", "float16")
devices = ("cpu", "cuda")
conventions = {"softplus": {"threshold": 20.0}}


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


NOT_DIFFERENTIABLE = ("step", "sgd")  # no derivative of heaviside; an optimiser's step is not recorded


def vjp(operation: str, cotangent: Any, *inputs: Tensor, **attributes: Any) -> tuple[Tensor, ...]:
    """Autograd's gradients of an operation, one for each float input."""
    leaves, outputs = _recorded(operation, inputs, attributes)
    grads = torch.autograd.grad(outputs, _floats(leaves), _tuple(cotangent), allow_unused=True)
    return tuple(torch.zeros_like(x) if g is None else g for x, g in zip(_floats(leaves), grads, strict=True))


def hvp(operation: str, cotangent: Any, directions: Any, *inputs: Tensor, **attributes: Any) -> tuple[Tensor, ...]:
    """The gradient of <directions, gradient>: autograd through autograd."""
    leaves, outputs = _recorded(operation, inputs, attributes)
    floats = _floats(leaves)
    grads = torch.autograd.grad(outputs, floats, _tuple(cotangent), create_graph=True, allow_unused=True)
    pairs = [(g, d) for g, d in zip(grads, directions, strict=True) if g is not None and g.requires_grad]
    if not pairs:
        return tuple(map(torch.zeros_like, floats))
    second = torch.autograd.grad([g for g, _ in pairs], floats, [d for _, d in pairs], allow_unused=True)
    return tuple(torch.zeros_like(x) if g is None else g for x, g in zip(floats, second, strict=True))


def _recorded(
    operation: str, inputs: tuple[Tensor, ...], attributes: dict[str, Any]
) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    if operation in NOT_DIFFERENTIABLE:
        raise NotImplementedError(f"autograd does not go through {operation}")
    leaves = [x.detach().requires_grad_(x.is_floating_point()) for x in inputs]
    outputs = _tuple(globals()[operation](*leaves, **attributes))
    # An output that does not depend on the inputs has no graph.
    return leaves, tuple(y if y.requires_grad else y + 0 * leaves[0].sum() for y in outputs)


def _floats(leaves: list[Tensor]) -> list[Tensor]:
    return [x for x in leaves if x.is_floating_point()]


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


# --- optimisers ---


def sgd(w: Tensor, g: Tensor, *, lr: float = 1e-3, weight_decay: float = 0) -> Tensor:
    parameter = w.detach().clone().requires_grad_(True)
    parameter.grad = g.detach().clone()
    torch.optim.SGD([parameter], lr=lr, weight_decay=weight_decay).step()
    return parameter.detach()


# Not here, because PyTorch owns no such operation under this contract: sum_squared_error; cross_entropy of
# probabilities; binary_cross_entropy, whose logarithm PyTorch clamps at -100 (a convention that the contract excludes).
