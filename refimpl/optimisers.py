"""Optimisers: one update step as a function, and an object that applies it to a model's parameters."""

from collections.abc import Sequence
from typing import Any

from fiducial.refimpl._arrays import Array, operation, require_shape


@operation
def sgd(w: Array, g: Array, *, lr: float = 1e-3, weight_decay: float = 0) -> Array:
    """w - lr (g + weight_decay w) for parameters w and their gradient g, of one shape.

    Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), sections 7.1.1 and 8.3.1.

    Raises:
        ValueError: w and g differ in shape.
    """
    require_shape("g", g, w.shape)
    return w - lr * (g + weight_decay * w)


@operation
def sgd_vjp(cotangent: Array, w: Array, g: Array, *, lr: float = 1e-3, weight_decay: float = 0) -> tuple[Array, Array]:
    """dw = (1 - lr weight_decay) c, dg = -lr c."""
    require_shape("g", g, w.shape)
    require_shape("cotangent", cotangent, w.shape)
    return (1 - lr * weight_decay) * cotangent, -lr * cotangent


class SGD:
    """Stochastic gradient descent with learning rate `lr` and L2 weight decay."""

    def __init__(self, lr: float = 1e-3, weight_decay: float = 0) -> None:
        self.lr = lr
        self.weight_decay = weight_decay

    def update(self, params: Sequence[Any], grads: Sequence[Any]) -> None:
        """Move every parameter in place, against its gradient."""
        for w, g in zip(params, grads, strict=True):
            w[...] = sgd(w, g, lr=self.lr, weight_decay=self.weight_decay)
