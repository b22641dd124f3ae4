"""JAX, with Flax's layers and Optax's losses and optimisers: each operation is theirs, its gradients are `jax.vjp`'s.

Layers and gradients are compiled as a whole (`jax.jit`), as JAX is used: each primitive by itself would be compiled
anew for every shape, several times as slow. Conventions are declared, not guessed: Flax's gates have one order, Optax's
clipping adds no eps to the norm and its adagrad adds it elsewhere (so that it is 0 here). What they do not offer
(`_limit`) is reported as unsupported. Optax's losses are elementwise; their means and sums are `jnp`'s.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")  # the suite's workers are the parallelism

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import Array

from fiducial.conformance.subjects._shared import NOT_DIFFERENTIABLE, limit, sizes

# A subject's rows are its module's names.
from fiducial.conformance.subjects.jax_optimisers import *  # noqa: F403
from fiducial.conformance.subjects.jax_statistics import *  # noqa: F403
from fiducial.conformance.subjects.jax_statistics import UNCHECKED

jax.config.update("jax_enable_x64", True)
_limit = partial(limit, "JAX")
name = "jax"
version = f"{jax.__version__}, flax {flax.__version__}, optax {optax.__version__}"
dtypes = ("float64", "float32", "bfloat16", "float16")
devices = ("cpu", "gpu")
conventions: dict[str, dict[str, Any]] = {
    "*": {"flushes_subnormals": ("float64", "float32", "bfloat16")},  # on the CPU; documented among the sharp bits
    "lstm": {"gate_order": "ifgo"},
    "gru": {"gate_order": "rzn", "reset_after": True},
    "adagrad": {"eps": 0.0},
    "clip_by_global_norm": {"eps": 0.0},
    # Nothing is checked: a compiled function cannot raise, and formulas are documented for parameters of the domain.
    **{name: {"refuses": False} for name in UNCHECKED},
}


def asarray(array: Any, device: str | None = None) -> Array:
    return jnp.asarray(array, device=jax.devices(device or "cpu")[0])


FORGET = 256  # gradients, after which what was compiled for their shapes is dropped: it grows to gigabytes
_asked = count(1)
# How many of the first inputs are data (counts and trials) and have no gradient.
DATA = {"bernoulli_pmf": 1, "bernoulli_logpmf": 1, "bernoulli_cdf": 1, "binomial_pmf": 2, "binomial_logpmf": 2}


def vjp(operation: str, cotangent: Any, *inputs: Array | None, **attributes: Any) -> tuple[Array, ...]:
    """The gradients of an operation, one for each float input."""
    return _gradient(*_fixed(operation, inputs, attributes), inputs, cotangent)  # type: ignore[no-any-return]


def hvp(operation: str, cotangent: Any, directions: Any, *inputs: Array | None, **attributes: Any) -> tuple[Array, ...]:
    """The gradient of <directions, gradient>: `vjp` of `vjp`."""
    along = directions if isinstance(directions, tuple) else (directions,)
    return _second(*_fixed(operation, inputs, attributes), inputs, cotangent, along)  # type: ignore[no-any-return]


def _fixed(operation: str, inputs: Any, attributes: dict[str, Any]) -> tuple[str, tuple[tuple[str, Any], ...]]:
    """What a compiled gradient is made for, beside shapes and dtypes. Refuses what a trace could not see."""
    _limit(operation in NOT_DIFFERENTIABLE, f"has no gradient of {operation}")
    _no_ignored(*inputs)
    if next(_asked) % FORGET == 0:
        jax.clear_caches()
    return operation, tuple(attributes.items())


@partial(jax.jit, static_argnums=(0, 1))
def _gradient(operation: str, attributes: Any, inputs: Any, cotangent: Any) -> tuple[Array, ...]:
    function, floats = _of_floats(operation, attributes, inputs)
    return jax.vjp(function, *floats)[1](cotangent)  # type: ignore[no-any-return]


@partial(jax.jit, static_argnums=(0, 1))
def _second(operation: str, attributes: Any, inputs: Any, cotangent: Any, directions: Any) -> tuple[Array, ...]:
    function, floats = _of_floats(operation, attributes, inputs)
    return jax.vjp(lambda *at: jax.vjp(function, *at)[1](cotangent), *floats)[1](directions)  # type: ignore[no-any-return]


def _of_floats(operation: str, attributes: Any, inputs: Any) -> tuple[Callable[..., Any], tuple[Array, ...]]:
    """An operation as a function of its float inputs, and these."""
    chosen = [k for k, x in enumerate(inputs) if k >= DATA.get(operation, 0) and _is_float(x)]

    def function(*floats: Array) -> Any:
        given = dict(enumerate(inputs)) | dict(zip(chosen, floats, strict=True))
        return globals()[operation](*given.values(), **dict(attributes))

    return function, tuple(inputs[k] for k in chosen)


def _is_float(x: Any) -> bool:
    return x is not None and bool(jnp.issubdtype(x.dtype, jnp.floating))


def _no_ignored(*inputs: Any) -> None:
    """Refuses labels below 0, which stand for ignored ones."""
    labels = (x for x in inputs if isinstance(x, Array) and not _is_float(x) and not isinstance(x, jax.core.Tracer))
    _limit(any(bool((x < 0).any()) for x in labels), "ignores no labels")


# --- elementwise ---

sigmoid, log_sigmoid, tanh = jax.nn.sigmoid, jax.nn.log_sigmoid, jnp.tanh


def relu(x: Array) -> Array:
    return jax.nn.relu(x)


def silu(x: Array) -> Array:
    return jax.nn.silu(x)


def softplus(x: Array) -> Array:
    return jax.nn.softplus(x)


def step(x: Array, *, at_zero: float = 0.0) -> Array:
    return jnp.heaviside(x, at_zero)


def leaky_relu(x: Array, *, negative_slope: float = 0.01) -> Array:
    return jax.nn.leaky_relu(x, negative_slope)


def elu(x: Array, *, alpha: float = 1.0) -> Array:
    return jax.nn.elu(x, alpha)


def gelu(x: Array, *, approximate: str = "none") -> Array:
    return jax.nn.gelu(x, approximate=approximate == "tanh")


# --- nodes ---

add, subtract, multiply, divide = jnp.add, jnp.subtract, jnp.multiply, jnp.divide
maximum = jnp.maximum


def matmul(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b)


def sum(x: Array, *, axis: Any = None, keepdims: bool = False) -> Array:
    return jnp.sum(x, axis=axis, keepdims=keepdims)


def mean(x: Array, *, axis: Any = None, keepdims: bool = False) -> Array:
    return jnp.mean(x, axis=axis, keepdims=keepdims)


def amax(x: Array, *, axis: Any = None, keepdims: bool = False) -> Array:
    return jnp.max(x, axis=axis, keepdims=keepdims)


def repeat(x: Array, *, n: int, axis: int = 0) -> Array:
    return jnp.stack([x] * n, axis=axis)


def branch(x: Array, *, n: int = 2) -> tuple[Array, ...]:
    return tuple(jnp.unstack(jnp.broadcast_to(x, (n, *x.shape))))


def norm(x: Array, *, axis: int = -1) -> Array:
    return jnp.linalg.norm(x, axis=axis)


def affine(x: Array, W: Array, b: Array) -> Array:
    return _applied(nn.Dense(W.shape[1]), {"kernel": W, "bias": b}, x)


def one_hot(labels: Array, *, num_classes: int) -> Array:
    return jax.nn.one_hot(labels, num_classes)


def embedding(W: Array, indices: Array) -> Array:
    return jnp.take(W, indices, axis=0)


@partial(jax.jit, static_argnums=0)
def _applied(layer: nn.Module, parameters: dict[str, Any], *inputs: Any, **keywords: Any) -> Any:
    return layer.apply({"params": parameters}, *inputs, **keywords)


# --- losses ---


def softmax(x: Array, *, axis: int = -1) -> Array:
    return jax.nn.softmax(x, axis=axis)


def log_softmax(x: Array, *, axis: int = -1) -> Array:
    return jax.nn.log_softmax(x, axis=axis)


def logsumexp(x: Array, *, axis: int = -1) -> Array:
    return jax.nn.logsumexp(x, axis=axis)


REDUCTIONS: dict[str, Callable[[Array], Array]] = {"mean": jnp.mean, "sum": jnp.sum, "none": lambda x: x}


def mse_loss(y: Array, t: Array, *, reduction: str = "mean") -> Array:
    return REDUCTIONS[reduction](optax.losses.squared_error(y, t))


def sum_squared_error(y: Array, t: Array) -> Array:
    return jnp.sum(optax.losses.l2_loss(y, t))


def huber_loss(y: Array, t: Array, *, delta: float = 1.0, reduction: str = "mean") -> Array:
    return REDUCTIONS[reduction](optax.losses.huber_loss(y, t, delta=delta))


def softmax_cross_entropy(x: Array, t: Array, *, reduction: str = "mean", label_smoothing: float = 0.0) -> Array:
    _limit(bool(label_smoothing) and not _is_float(t), "smooths no integer labels")
    if not _is_float(t):
        _no_ignored(t)
        return REDUCTIONS[reduction](optax.losses.softmax_cross_entropy_with_integer_labels(x, t))
    targets = optax.losses.smooth_labels(t, label_smoothing) if label_smoothing else t
    return REDUCTIONS[reduction](optax.losses.softmax_cross_entropy(x, targets))


def binary_cross_entropy_with_logits(x: Array, t: Array, *, reduction: str = "mean") -> Array:
    return REDUCTIONS[reduction](optax.losses.sigmoid_binary_cross_entropy(x, t))


def kl_divergence(log_q: Array, p: Array, *, reduction: str = "mean") -> Array:
    # Optax sums over an axis: here one of length 1.
    return REDUCTIONS[reduction](optax.losses.kl_divergence(log_q[..., None], p[..., None]))


# --- convolution and pooling: Flax's layers have the channels last ---

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
    axes = x.ndim - 2
    layer = nn.Conv(
        w.shape[0],
        w.shape[2:],
        strides=sizes(stride, axes),
        padding=tuple((p, p) for p in sizes(padding, axes)),
        kernel_dilation=sizes(dilation, axes),
        feature_group_count=groups,
        use_bias=b is not None,
    )
    kernel = jnp.moveaxis(w, (0, 1), (-1, -2))
    found = _applied(layer, {"kernel": kernel} | ({} if b is None else {"bias": b}), jnp.moveaxis(x, 1, -1))
    return jnp.moveaxis(found, -1, 1)


conv1d = conv2d = conv3d = _convolution


def _windows(kernel_size: Sizes, stride: Sizes | None, padding: Sizes) -> dict[str, Any]:
    pads = [(p, p) for p in sizes(padding, 2)]
    return {"strides": sizes(kernel_size if stride is None else stride, 2), "padding": pads}


def max_pool2d(x: Array, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> Array:
    windows = _windows(kernel_size, stride, padding)
    return jnp.moveaxis(nn.max_pool(jnp.moveaxis(x, 1, -1), sizes(kernel_size, 2), **windows), -1, 1)


def avg_pool2d(
    x: Array, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, count_include_pad: bool = True
) -> Array:
    windows = _windows(kernel_size, stride, padding) | {"count_include_pad": count_include_pad}
    return jnp.moveaxis(nn.avg_pool(jnp.moveaxis(x, 1, -1), sizes(kernel_size, 2), **windows), -1, 1)


# --- normalisation and attention ---


def batch_norm(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    layer = nn.BatchNorm(use_running_average=False, axis=1, epsilon=eps)
    running = {"mean": jnp.zeros_like(gamma), "var": jnp.ones_like(gamma)}
    parameters = {"scale": gamma, "bias": beta}
    y, _ = layer.apply({"params": parameters, "batch_stats": running}, x, mutable=["batch_stats"])
    return y


def layer_norm(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    return _applied(nn.LayerNorm(epsilon=eps), {"scale": gamma, "bias": beta}, x)


def rms_norm(x: Array, gamma: Array, *, eps: float = 1e-5) -> Array:
    return _applied(nn.RMSNorm(epsilon=eps), {"scale": gamma}, x)


def scaled_dot_product_attention(q: Array, k: Array, v: Array, *, causal: bool = False) -> Array:
    # Flax's, since jax.nn's takes no values of another length than the keys'; with one head.
    heads = [x[..., None, :] for x in (q, k, v)]
    positions = [jnp.broadcast_to(jnp.arange(x.shape[-2]), x.shape[:-1]) for x in (q, k)]
    mask = nn.make_attention_mask(*positions, pairwise_fn=jnp.greater_equal, dtype=bool) if causal else None
    return _attention(*heads, mask=mask)[..., 0, :]


_attention = jax.jit(nn.dot_product_attention)


# --- recurrent: Flax has a kernel for each gate, and one bias where two would be added ---


def _run(cell: nn.RNNCellBase, parameters: dict[str, Any], x: Array, state: Any) -> Any:
    return _applied(nn.RNN(cell, return_carry=True), {"cell": parameters}, x, initial_carry=state)


def rnn(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> Array:
    return _run(nn.SimpleCell(h0.shape[1]), {"i": {"kernel": Wx, "bias": b}, "h": {"kernel": Wh}}, x, h0)[1]


def lstm(x: Array, h0: Array, c0: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, Array]:
    parts = zip("ifgo", *(jnp.split(a, 4, axis=-1) for a in (Wx, Wh, b)), strict=True)
    parameters: dict[str, Any] = {}
    for gate, wx, wh, bias in parts:
        parameters |= {f"i{gate}": {"kernel": wx}, f"h{gate}": {"kernel": wh, "bias": bias}}
    (c, _), hs = _run(nn.OptimizedLSTMCell(h0.shape[1]), parameters, x, (c0, h0))
    return hs, c


def gru(x: Array, h0: Array, Wx: Array, Wh: Array, bx: Array, bh: Array) -> Array:
    parts = zip("rzn", *(jnp.split(a, 3, axis=-1) for a in (Wx, Wh, bx, bh)), strict=True)
    parameters: dict[str, Any] = {}
    for gate, wx, wh, b_input, b_state in parts:
        own = {"bias": b_state} if gate == "n" else {}
        bias = b_input if own else b_input + b_state
        parameters |= {f"i{gate}": {"kernel": wx, "bias": bias}, f"h{gate}": {"kernel": wh, **own}}
    return _run(nn.GRUCell(h0.shape[1]), parameters, x, h0)[1]


# Not here, because none of the three owns such an operation under this contract: softplus with a beta; l1_loss;
# cross_entropy and binary_cross_entropy of probabilities; positive weights and ignored labels; a scale of attention;
# conv_output_size; l1_penalty and l2_penalty; dropout of a given mask (Flax draws its own); truncated gradients through
# time; the operations of text.
