"""What the recurrent layers share: gates, checks of shapes, and the products over all time steps at once."""

from numbers import Integral
from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import require, require_shape


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), where an exponential that overflows to infinity gives the right limit, 0."""
    return 1 / (1 + array_namespace(x).exp(-x))


def check_shapes(
    gates: str, order: str, x: Any, h0: Any, Wx: Any, Wh: Any, truncate: int | None, **others: Any
) -> None:
    """Raise ValueError unless the arguments fit; of the others, those named b are biases and the rest states."""
    require(
        isinstance(order, str) and sorted(order) == sorted(gates), "gate_order", f"a permutation of {gates!r}", order
    )
    some = x.ndim == 3 and min(x.shape[:2]) > 0
    require(some, "x", "an array (N, T, D) with N > 0 sequences of T > 0 steps", tuple(x.shape))
    require(h0.ndim == 2 and h0.shape[0] == x.shape[0], "h0", f"an array ({x.shape[0]}, H)", tuple(h0.shape))
    columns = len(gates) * h0.shape[1]
    require_shape("Wx", Wx, (x.shape[2], columns))
    require_shape("Wh", Wh, (h0.shape[1], columns))
    for name, array in others.items():
        require_shape(name, array, (columns,) if name.startswith("b") else h0.shape)
    fits = truncate is None or (isinstance(truncate, Integral) and truncate >= 1)
    require(fits, "truncate", "a positive integer or None", truncate)


def reordered(a: Any, order: str, wanted: str) -> Any:
    """The blocks of columns of a, which stand in the given order, in the wanted one."""
    xp, H = array_namespace(a), a.shape[-1] // len(order)
    return xp.concat([a[..., H * k : H * (k + 1)] for k in map(order.index, wanted)], axis=-1)


def time_first(x: Any) -> Any:
    return array_namespace(x).permute_dims(x, (1, 0, 2))


def rows(x: Any) -> Any:
    """An array (A, B, D) as a matrix (A B, D)."""
    return array_namespace(x).reshape(x, (x.shape[0] * x.shape[1], x.shape[2]))


def projected(x: Any, Wx: Any, b: Any) -> Any:
    """x Wx + b for all steps at once, time first: (T, N, columns)."""
    xp = array_namespace(x, Wx)
    a = xp.matmul(rows(time_first(x)), Wx)
    a += b
    return xp.reshape(a, (x.shape[1], x.shape[0], Wx.shape[1]))


def stacked(steps: list[Any], like: Any, axis: int) -> Any:
    """The states (N, H) of the steps as one array."""
    return array_namespace(like).stack(steps, axis=axis)


def flows(t: int, truncate: int | None) -> bool:
    """Whether the gradient goes on from step t to the state before it; the initial state always has its gradient."""
    return t == 0 or truncate is None or t % truncate != 0


def product(a: Any, b: Any) -> Any:
    """sum_{t, n} a b, as a matrix: the gradient of a weight between a and the pre-activations with the gradient b."""
    xp = array_namespace(a, b)
    return xp.matmul(xp.matrix_transpose(rows(a)), rows(b))


def input_gradients(da: Any, x: Any, Wx: Any) -> tuple[Any, Any, Any]:
    """dx, dWx and db, given the gradient of the pre-activations (T, N, columns)."""
    xp = array_namespace(da, x)
    dx = xp.reshape(xp.matmul(rows(da), xp.matrix_transpose(Wx)), (x.shape[1], x.shape[0], x.shape[2]))
    return time_first(dx), product(time_first(x), da), xp.sum(da, axis=(0, 1))
