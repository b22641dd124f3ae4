"""Other subgradients: at ties and kinks any point of the subdifferential is right."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.different._tools import flattened, widened
from fiducial.conformance.mutants.planted import DIFFERENT, RIGHT


def _at_zero(name: str, value: float) -> None:
    @widened
    def relu_vjp(cotangent: Any, x: Any) -> Any:
        return cotangent * np.where(x == 0, value, x > 0).astype(x.dtype)

    @widened
    def l1_loss_vjp(cotangent: Any, y: Any, t: Any, *, reduction: str = "mean") -> Any:
        share = cotangent / y.size if reduction == "mean" else cotangent
        dy = share * np.where(y == t, 2 * value - 1, np.sign(y - t))
        return dy, -dy

    @widened
    def l1_penalty_vjp(cotangent: Any, W: Any, *, weight: float = 1.0) -> Any:
        return weight * (cotangent * np.where(W == 0, 2 * value - 1, np.sign(W)).astype(W.dtype))

    @widened
    def maximum_vjp(cotangent: Any, x: Any, y: Any) -> Any:
        to_x = np.where(x == y, value, x > y).astype(x.dtype)
        unbroadcast = RIGHT.add_vjp  # adding has the slopes 1 and 1, and sums over broadcast axes
        return unbroadcast(cotangent * to_x, x, y)[0], unbroadcast(cotangent * (1 - to_x), x, y)[1]

    what = f"the subgradient {value} of [0, 1] at the kink"
    for function in (relu_vjp, l1_loss_vjp, l1_penalty_vjp, maximum_vjp):
        DIFFERENT.enter(function.__name__, name, what)(function)


_at_zero("the right one at a kink", 1.0)
_at_zero("the left one at a kink", 0.0)
_at_zero("a quarter at a kink", 0.25)


@DIFFERENT.enter("leaky_relu_vjp", "the right one at a kink", "the slope 1 at 0")
@widened
def leaky_relu_vjp(cotangent: Any, x: Any, *, negative_slope: float = 0.01) -> Any:
    return cotangent * np.where(x >= 0, 1, negative_slope).astype(x.dtype)


def _amax(name: str, choose: Any) -> None:
    @widened
    def amax_vjp(cotangent: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        over = axis if axis is not None else tuple(range(x.ndim))
        rows, _, kept = flattened(x, over)
        places, _, _ = flattened(np.arange(x.size).reshape(x.shape), over)
        attained = rows == rows.max(axis=-1, keepdims=True)
        shares = choose(attained).astype(x.dtype) * cotangent.reshape(rows.shape[:-1])[..., None]
        dx = np.zeros(x.size, x.dtype)
        dx[places.reshape(-1)] = shares.reshape(-1)
        return dx.reshape(x.shape)

    DIFFERENT.enter("amax_vjp", name, f"of tied elements, {name} get the cotangent")(amax_vjp)


def _only(attained: Any, pick: Any) -> Any:
    return np.arange(attained.shape[-1]) == pick(attained)[..., None]


_amax("the first", lambda a: _only(a, lambda m: np.argmax(m, axis=-1)))
_amax("the last", lambda a: _only(a, lambda m: m.shape[-1] - 1 - np.argmax(m[..., ::-1], axis=-1)))
_amax(
    "the first twice as much as the others",
    lambda a: (a * (1.0 + (np.cumsum(a, -1) == 1))) / (1 + a.sum(-1, keepdims=True)),
)


@DIFFERENT.enter("norm_vjp", "a unit vector at 0", "at x = 0 any vector of length at most 1 is a subgradient")
@widened
def norm_vjp(cotangent: Any, x: Any, *, axis: int = -1) -> Any:
    length = np.expand_dims(RIGHT.norm(x, axis=axis), axis)
    last = (np.arange(x.shape[axis]) == x.shape[axis] - 1).astype(x.dtype)
    last = np.moveaxis(np.broadcast_to(last, np.moveaxis(x, axis, -1).shape), -1, axis)
    return np.expand_dims(cotangent, axis) * np.where(length == 0, last, x / np.where(length == 0, 1, length))
