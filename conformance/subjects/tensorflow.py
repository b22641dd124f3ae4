"""TensorFlow with its Keras: each operation is theirs, its gradients are those of `tf.GradientTape`.

Conventions are declared, not guessed: Keras's GRU has the gates in the order zrn, its optimisers add eps in other
places (so that eps is 0 here) and keep -v of momentum where lr is 1. What they do not offer (`_limit`), or have no
kernel for on the CPU, is reported as unsupported.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from fiducial.conformance.subjects._shared import NOT_DIFFERENTIABLE, limit, sizes

# A subject's rows are its module's names.
from fiducial.conformance.subjects.tensorflow_optimisers import *  # noqa: F403
from fiducial.conformance.subjects.tensorflow_statistics import *  # noqa: F403
from fiducial.conformance.subjects.tensorflow_statistics import Tensor

tf.config.threading.set_intra_op_parallelism_threads(1)  # the suite's workers are the parallelism
tf.config.threading.set_inter_op_parallelism_threads(1)
keras.config.set_floatx("float64")  # the dtype in which Keras keeps learning rates; all else is given a dtype
_limit = partial(limit, "TensorFlow")
name = "tensorflow"
version = f"{tf.__version__}, keras {keras.__version__}"
dtypes = ("float64", "float32", "bfloat16", "float16")
conventions: dict[str, dict[str, Any]] = {
    "*": {"flushes_subnormals": ("float64", "float32", "bfloat16")},  # on the CPU; its denormal_test demands it
    "lstm": {"gate_order": "ifgo"},
    "gru": {"gate_order": "zrn", "reset_after": True},
    "momentum": {"lr": 1.0},
    "adagrad": {"eps": 0.0},
    "rmsprop": {"eps": 0.0},
    "adam": {"eps": 0.0},
    "adamw": {"eps": 0.0},
    "clip_by_global_norm": {"eps": 0.0},
}


def asarray(array: Any, device: str | None = None) -> Tensor:
    return tf.constant(array)


def to_numpy(tensor: Any) -> Any:
    return tf.convert_to_tensor(tensor).numpy()


def vjp(operation: str, cotangent: Any, *inputs: Tensor | None, **attributes: Any) -> list[Tensor]:
    """The tape's gradients of an operation, one for each float input."""
    return _gradient(operation, cotangent, inputs, attributes)


def hvp(operation: str, cotangent: Any, directions: Any, *inputs: Tensor | None, **attributes: Any) -> list[Tensor]:
    """The gradient of <directions, gradient>: a tape around a tape."""
    _refuse(operation, inputs)
    soft = operation == "softmax_cross_entropy" and len(_floats(inputs)) == 2
    _limit(soft, "documents this gradient for targets that sum to one: it has no derivative by them")
    floats = _floats(inputs)
    with _unsupported(), tf.GradientTape() as tape:
        tape.watch(floats)
        gradients = _gradient(operation, cotangent, inputs, attributes)
    along = list(directions) if isinstance(directions, tuple | list) else [directions]
    with _unsupported():
        return _dense(tape.gradient(gradients, floats, output_gradients=along, unconnected_gradients="zero"))


def _gradient(operation: str, cotangent: Any, inputs: Any, attributes: dict[str, Any]) -> list[Tensor]:
    _refuse(operation, inputs)
    floats = _floats(inputs)
    with _unsupported(), tf.GradientTape() as tape:
        tape.watch(floats)
        outputs = globals()[operation](*inputs, **attributes)
    with _unsupported():
        return _dense(tape.gradient(outputs, floats, output_gradients=cotangent, unconnected_gradients="zero"))


def _refuse(operation: str, inputs: Any) -> None:
    _limit(operation in NOT_DIFFERENTIABLE, f"has no gradient of {operation}")
    if operation == "softmax_cross_entropy" and inputs[1].dtype.is_floating:
        totals = tf.reduce_sum(tf.cast(inputs[1], tf.float64), axis=-1)
        distributions = bool(tf.reduce_all(tf.abs(totals - 1) < 1e-9))
        _limit(not distributions, "documents this gradient for targets that sum to one")


def _dense(gradients: list[Any]) -> list[Tensor]:
    return [tf.convert_to_tensor(g) for g in gradients]  # an embedding's are slices


def _floats(inputs: Any) -> list[Tensor]:
    return [x for x in inputs if x is not None and x.dtype.is_floating]


class _unsupported:
    """Turns TensorFlow's own words for it (no gradient, no kernel) into ours."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        said = str(error) if isinstance(error, tf.errors.InvalidArgumentError) else ""
        words = any(word in said for word in ("not in the list of allowed values", "do not yet support"))
        if words or isinstance(error, tf.errors.UnimplementedError | tf.errors.NotFoundError | LookupError):
            raise NotImplementedError(str(error).splitlines()[0]) from error


# --- elementwise ---


def _of_one(function: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
    def applied(x: Tensor) -> Tensor:
        return function(x)

    return applied


sigmoid, tanh, log_sigmoid, softplus = map(_of_one, (tf.sigmoid, tf.tanh, tf.math.log_sigmoid, tf.math.softplus))
relu, silu = _of_one(tf.nn.relu), _of_one(tf.nn.silu)


def step(x: Tensor, *, at_zero: float = 0.0) -> Tensor:
    return keras.ops.heaviside(x, tf.constant(at_zero, x.dtype))


def leaky_relu(x: Tensor, *, negative_slope: float = 0.01) -> Tensor:
    return tf.nn.leaky_relu(x, negative_slope)


def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return keras.activations.elu(x, alpha)


def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    return tf.nn.gelu(x, approximate=approximate == "tanh")


# --- nodes ---


def _of_two(function: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    def applied(x: Tensor, y: Tensor) -> Tensor:
        return function(x, y)

    return applied


add, subtract, multiply, divide = map(_of_two, (tf.add, tf.subtract, tf.multiply, tf.divide))
maximum, matmul = _of_two(tf.maximum), _of_two(keras.ops.matmul)


def sum(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return tf.reduce_sum(x, axis=axis, keepdims=keepdims)


def mean(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return tf.reduce_mean(x, axis=axis, keepdims=keepdims)


def amax(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return tf.reduce_max(x, axis=axis, keepdims=keepdims)


def repeat(x: Tensor, *, n: int, axis: int = 0) -> Tensor:
    return tf.stack([x] * n, axis=axis)


def branch(x: Tensor, *, n: int = 2) -> tuple[Tensor, ...]:
    return tuple(tf.unstack(tf.broadcast_to(x, (n, *x.shape))))


def norm(x: Tensor, *, axis: int = -1) -> Tensor:
    return tf.norm(x, axis=axis)


def affine(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return tf.nn.bias_add(tf.matmul(x, W), b)


def one_hot(labels: Tensor, *, num_classes: int) -> Tensor:
    return tf.one_hot(labels, num_classes)


def embedding(W: Tensor, indices: Tensor) -> Tensor:
    return tf.nn.embedding_lookup(W, indices)


# --- losses ---


def logsumexp(x: Tensor, *, axis: int = -1) -> Tensor:
    return tf.reduce_logsumexp(x, axis=axis)


def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    return tf.nn.softmax(x, axis=axis)


def log_softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    return tf.nn.log_softmax(x, axis=axis)


def _loss(kind: Any, y: Tensor, t: Tensor, reduction: str, **settings: Any) -> Tensor:
    """Keras's losses are means over the last axis: for those of single numbers, one of length 1."""
    named = {"mean": "sum_over_batch_size", "sum": "sum", "none": None}[reduction]
    return kind(reduction=named, dtype=y.dtype.name, **settings)(t, y)


def mse_loss(y: Tensor, t: Tensor, *, reduction: str = "mean") -> Tensor:
    return _loss(keras.losses.MeanSquaredError, y[..., None], t[..., None], reduction)


def l1_loss(y: Tensor, t: Tensor, *, reduction: str = "mean") -> Tensor:
    return _loss(keras.losses.MeanAbsoluteError, y[..., None], t[..., None], reduction)


def huber_loss(y: Tensor, t: Tensor, *, delta: float = 1.0, reduction: str = "mean") -> Tensor:
    return _loss(keras.losses.Huber, y[..., None], t[..., None], reduction, delta=delta)


def sum_squared_error(y: Tensor, t: Tensor) -> Tensor:
    return tf.nn.l2_loss(y - t)


def softmax_cross_entropy(
    x: Tensor, t: Tensor, *, reduction: str = "mean", label_smoothing: float = 0.0, ignore_index: int = -100
) -> Tensor:
    if t.dtype.is_floating:
        kind = keras.losses.CategoricalCrossentropy
        return _loss(kind, x, t, reduction, from_logits=True, label_smoothing=label_smoothing)
    _limit(bool(label_smoothing), "smooths no integer labels")
    kind = keras.losses.SparseCategoricalCrossentropy
    return _loss(kind, x, t, reduction, from_logits=True, ignore_class=ignore_index)


REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {"mean": tf.reduce_mean, "sum": tf.reduce_sum, "none": lambda x: x}


def binary_cross_entropy_with_logits(
    x: Tensor, t: Tensor, *, reduction: str = "mean", pos_weight: float | None = None
) -> Tensor:
    if pos_weight is None:
        return REDUCTIONS[reduction](tf.nn.sigmoid_cross_entropy_with_logits(t, x))
    return REDUCTIONS[reduction](tf.nn.weighted_cross_entropy_with_logits(t, x, pos_weight))


def l1_penalty(W: Tensor, *, weight: float = 1.0) -> Tensor:
    return keras.regularizers.L1(weight)(W)


def l2_penalty(W: Tensor, *, weight: float = 1.0) -> Tensor:
    return keras.regularizers.L2(weight / 2)(W)


# --- convolution and pooling: the channels last, on the CPU ---

Sizes = int | tuple[int, ...]


def _last(x: Tensor) -> Tensor:
    return tf.transpose(x, [0, *range(2, x.shape.rank), 1])


def _first(x: Tensor) -> Tensor:
    return tf.transpose(x, [0, x.shape.rank - 1, *range(1, x.shape.rank - 1)])


def _padding(padding: Sizes) -> Any:
    if not any(sizes(padding, 2)):
        return "VALID"
    return [[0, 0], *([p, p] for p in sizes(padding, 2)), [0, 0]]


def _convolution(axes: int, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
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
        _limit(axes != 2 and any(sizes(padding, axes)), "pads these convolutions with SAME alone")
        _limit(groups > 1, "has no convolutions of groups on the CPU")
        kernel = tf.transpose(w, [*range(2, 2 + axes), 1, 0])
        found = function(_last(x), kernel, stride, padding, dilation)
        return _first(found if b is None else tf.nn.bias_add(found, b))

    return convolved


conv1d = _convolution(1, lambda x, w, s, p, d: tf.nn.conv1d(x, w, sizes(s, 1), "VALID", dilations=sizes(d, 1)))
conv2d = _convolution(2, lambda x, w, s, p, d: tf.nn.conv2d(x, w, sizes(s, 2), _padding(p), dilations=sizes(d, 2)))
conv3d = _convolution(
    3, lambda x, w, s, p, d: tf.nn.conv3d(x, w, [1, *sizes(s, 3), 1], "VALID", dilations=[1, *sizes(d, 3), 1])
)


def max_pool2d(x: Tensor, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> Tensor:
    windows, steps = sizes(kernel_size, 2), sizes(kernel_size if stride is None else stride, 2)
    return _first(tf.nn.max_pool2d(_last(x), windows, steps, _padding(padding)))


def avg_pool2d(x: Tensor, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> Tensor:
    _limit(any(sizes(padding, 2)), "pads averages with SAME alone")
    windows, steps = sizes(kernel_size, 2), sizes(kernel_size if stride is None else stride, 2)
    return _first(tf.nn.avg_pool2d(_last(x), windows, steps, "VALID"))


# --- normalisation and attention ---


def batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    layer = keras.layers.BatchNormalization(axis=1, epsilon=eps, dtype=x.dtype.name)
    layer.build(x.shape)
    return layer.stateless_call([gamma, beta], layer.non_trainable_variables, x, training=True)[0]


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    return keras.ops.layer_normalization(x, gamma, beta, axis=-1, epsilon=eps)


def rms_norm(x: Tensor, gamma: Tensor, *, eps: float = 1e-5) -> Tensor:
    return keras.ops.rms_normalization(x, gamma, axis=-1, epsilon=eps)


def scaled_dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False, scale: float | None = None
) -> Tensor:
    heads = [tf.reshape(x, (-1, x.shape[-2], 1, x.shape[-1])) for x in (q, k, v)]  # with one head
    found = keras.ops.dot_product_attention(*heads, is_causal=causal, scale=scale)
    return tf.reshape(found, (*q.shape[:-1], v.shape[-1]))


# --- recurrent ---


def _run(kind: Any, x: Tensor, states: list[Tensor], *weights: Tensor) -> Any:
    _limit(x.shape[1] == 0, "takes sequences of at least one step")
    # An orthogonal start has no kernel in bfloat16.
    settings = {"recurrent_initializer": "zeros", "return_sequences": True, "return_state": True}
    layer = kind(states[0].shape[1], dtype=x.dtype.name, **settings)
    layer.build(x.shape)
    with _unsupported():
        return layer.stateless_call(list(weights), layer.non_trainable_variables, x, initial_state=states)[0]


def rnn(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    return _run(keras.layers.SimpleRNN, x, [h0], Wx, Wh, b)[0]


def lstm(x: Tensor, h0: Tensor, c0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    hs, _, c = _run(keras.layers.LSTM, x, [h0, c0], Wx, Wh, b)
    return hs, c


def gru(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, bx: Tensor, bh: Tensor) -> Tensor:
    return _run(keras.layers.GRU, x, [h0], Wx, Wh, tf.stack([bx, bh]))[0]


# Not here, because TensorFlow owns no such operation under this contract: softplus with a beta; losses of
# probabilities, which Keras clips to [1e-7, 1 - 1e-7]; Keras's weight decay with momentum or adam, which is decoupled;
# conv_output_size; dropout of a given mask; truncated gradients through time; the operations of text.
