"""ONNX Runtime on the CPU: each operation is one node of a graph, run in a session that is kept for its signature.

There are no gradients. What has no kernel in a dtype is reported as unsupported, in the runtime's own words. Where ONNX
has the gates in another order or the time before the batch, inputs and outputs are laid out for it. ONNX keeps
attributes in float32: eps is judged at a value that float32 holds.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NoKernel
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

from fiducial.conformance.subjects._shared import sizes

name = "onnxruntime"
version = f"{onnxruntime.__version__}, onnx {onnx.__version__}"
dtypes = ("float64", "float32", "float16")
conventions: dict[str, dict[str, Any]] = {
    "lstm": {"gate_order": "iofg"},
    "gru": {"gate_order": "zrn"},
    "batch_norm": {"eps": 0.0625},
    "layer_norm": {"eps": 0.0625},
    "rms_norm": {"eps": 0.0625},
}
OPSET, IR = 24, 9


@functools.cache
def _session(operator: str, types: tuple[Any, ...], outputs: int, attributes: tuple[Any, ...], domain: str) -> Any:
    """A session of one node; an input of type None is left out."""
    names = ["" if kind is None else f"x{k}" for k, kind in enumerate(types)]
    results = [f"y{k}" for k in range(outputs)]
    node = helper.make_node(operator, names, results, domain=domain, **dict(attributes))
    given = [
        helper.make_tensor_value_info(label, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), None)
        for label, kind in zip(names, types, strict=True)
        if label
    ]
    graph = helper.make_graph([node], operator, given, [onnx.ValueInfoProto(name=result) for result in results])
    versions = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the suite's workers are the parallelism
    model = helper.make_model(graph, opset_imports=versions, ir_version=IR).SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(operator: str, *inputs: Any, outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
    types = tuple(None if x is None else x.dtype.str for x in inputs)
    kept = tuple((key, tuple(v) if isinstance(v, list) else v) for key, v in attributes.items())
    try:
        session = _session(operator, types, outputs, kept, domain)
        found = session.run(None, {f"x{k}": np.asarray(x) for k, x in enumerate(inputs) if x is not None})
    except NoKernel as error:
        raise NotImplementedError(str(error)) from error
    except RuntimeException as error:
        if "does not support" in str(error):
            raise NotImplementedError(str(error)) from error
        raise
    return found[0] if outputs == 1 else found


# --- elementwise ---


def sigmoid(x: Any) -> Any:
    return _run("Sigmoid", x)


def tanh(x: Any) -> Any:
    return _run("Tanh", x)


def relu(x: Any) -> Any:
    return _run("Relu", x)


def softplus(x: Any) -> Any:
    return _run("Softplus", x)


def silu(x: Any) -> Any:
    return _run("Swish", x)


def leaky_relu(x: Any, *, negative_slope: float = 0.01) -> Any:
    return _run("LeakyRelu", x, alpha=float(negative_slope))


def elu(x: Any, *, alpha: float = 1.0) -> Any:
    return _run("Elu", x, alpha=float(alpha))


def gelu(x: Any, *, approximate: str = "none") -> Any:
    return _run("Gelu", x, approximate=approximate)


# --- nodes ---


def add(x: Any, y: Any) -> Any:
    return _run("Add", x, y)


def subtract(x: Any, y: Any) -> Any:
    return _run("Sub", x, y)


def multiply(x: Any, y: Any) -> Any:
    return _run("Mul", x, y)


def divide(x: Any, y: Any) -> Any:
    return _run("Div", x, y)


def maximum(x: Any, y: Any) -> Any:
    return _run("Max", x, y)


def matmul(a: Any, b: Any) -> Any:
    return _run("MatMul", a, b)


def _reduced(operator: str, x: Any, axis: Any, keepdims: bool) -> Any:
    axes = None if axis is None else np.atleast_1d(np.asarray(axis, dtype=np.int64))
    return _run(operator, x, axes, keepdims=int(keepdims))


def sum(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return _reduced("ReduceSum", x, axis, keepdims)


def mean(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return _reduced("ReduceMean", x, axis, keepdims)


def amax(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return _reduced("ReduceMax", x, axis, keepdims)


def norm(x: Any, *, axis: int = -1) -> Any:
    return _reduced("ReduceL2", x, axis, False)


def affine(x: Any, W: Any, b: Any) -> Any:
    return _run("Gemm", x, W, b)


def one_hot(labels: Any, *, num_classes: int) -> Any:
    return _run("OneHot", labels, np.array(num_classes), np.array([0, 1], dtype=np.float32))


def embedding(W: Any, indices: Any) -> Any:
    return _run("Gather", W, indices)


# --- losses ---


def logsumexp(x: Any, *, axis: int = -1) -> Any:
    return _reduced("ReduceLogSumExp", x, axis, False)


def softmax(x: Any, *, axis: int = -1) -> Any:
    return _run("Softmax", x, axis=axis)


def log_softmax(x: Any, *, axis: int = -1) -> Any:
    return _run("LogSoftmax", x, axis=axis)


def softmax_cross_entropy(x: Any, t: Any, *, reduction: str = "mean", ignore_index: int = -100) -> Any:
    if t.dtype.kind == "f":
        raise NotImplementedError("SoftmaxCrossEntropyLoss takes integer labels alone")
    return _run("SoftmaxCrossEntropyLoss", x, t, reduction=reduction, ignore_index=ignore_index)


# --- convolution and pooling ---

Sizes = int | tuple[int, ...]


def _convolution(
    x: Any,
    w: Any,
    b: Any = None,
    *,
    stride: Sizes = 1,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Any:
    axes = x.ndim - 2
    windows: dict[str, Any] = {"strides": sizes(stride, axes), "pads": 2 * sizes(padding, axes)}
    return _run("Conv", x, w, b, dilations=sizes(dilation, axes), group=groups, **windows)


conv1d = conv2d = conv3d = _convolution


def _windows(kernel_size: Sizes, stride: Sizes | None, padding: Sizes) -> dict[str, Any]:
    steps = sizes(kernel_size if stride is None else stride, 2)
    return {"kernel_shape": sizes(kernel_size, 2), "strides": steps, "pads": 2 * sizes(padding, 2)}


def max_pool2d(x: Any, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> Any:
    return _run("MaxPool", x, **_windows(kernel_size, stride, padding))


def avg_pool2d(
    x: Any, *, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, count_include_pad: bool = True
) -> Any:
    windows = _windows(kernel_size, stride, padding)
    return _run("AveragePool", x, count_include_pad=int(count_include_pad), **windows)


# --- normalisation and attention ---


def batch_norm(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    running = np.zeros_like(gamma), np.ones_like(gamma)
    return _run("BatchNormalization", x, gamma, beta, *running, outputs=3, training_mode=1, epsilon=eps)[0]


def layer_norm(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    return _run("LayerNormalization", x, gamma, beta, epsilon=eps)


def rms_norm(x: Any, gamma: Any, *, eps: float = 1e-5) -> Any:
    return _run("RMSNormalization", x, gamma, epsilon=eps)


def scaled_dot_product_attention(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
    heads = [x.reshape(-1, 1, *x.shape[-2:]) for x in (q, k, v)]
    scaled: dict[str, Any] = {} if scale is None else {"scale": scale}
    return _run("Attention", *heads, is_causal=int(causal), **scaled).reshape(*q.shape[:-1], v.shape[-1])


# --- recurrent: time before batch, weights transposed, an axis for the directions, two biases side by side ---


def _layer(operator: str, x: Any, states: list[Any], Wx: Any, Wh: Any, biases: list[Any], **attributes: Any) -> Any:
    weights = [np.ascontiguousarray(a.T)[None] for a in (Wx, Wh)]
    both = np.concatenate(biases)[None]
    sequence, initial = np.swapaxes(x, 0, 1), [h[None] for h in states]
    found = _run(operator, sequence, *weights, both, None, *initial, outputs=1 + len(states),
                 hidden_size=Wh.shape[0], **attributes)  # fmt: skip
    return [np.swapaxes(found[0][:, 0], 0, 1), *(state[0] for state in found[1:])]


def rnn(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    return _layer("RNN", x, [h0], Wx, Wh, [b, np.zeros_like(b)])[0]


def lstm(x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any) -> tuple[Any, Any]:
    hs, _, c = _layer("LSTM", x, [h0, c0], Wx, Wh, [b, np.zeros_like(b)])
    return hs, c


def gru(x: Any, h0: Any, Wx: Any, Wh: Any, bx: Any, bh: Any, *, reset_after: bool = True) -> Any:
    return _layer("GRU", x, [h0], Wx, Wh, [bx, bh], linear_before_reset=int(reset_after))[0]


# --- linear algebra ---


def det(a: Any) -> Any:
    return _run("Det", a)


def inverse(a: Any) -> Any:
    return _run("Inverse", a, domain="com.microsoft")


# Not here, because ONNX has no such operator under this contract: step; log_sigmoid; softplus with a beta; other losses
# than cross-entropy; optimisers (its training operators have no kernel here); dropout of a given mask; statistics;
# truncated gradients.
