"""Regularisation: weight penalties and dropout, with their vector-Jacobian products.

Every function raises ValueError for shapes or attributes that do not fit, naming the argument.
Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), sections 7.1 and 7.12.
"""

from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, operation, require, require_shape


@operation
def l1_penalty(W: Array, *, weight: float = 1.0) -> Array:
    """weight sum |W| over all elements, for W of any shape -> ()."""
    xp = array_namespace(W)
    return weight * xp.sum(xp.abs(W))


@operation
def l1_penalty_vjp(cotangent: Array, W: Array, *, weight: float = 1.0) -> Array:
    """weight sign(W), which at 0 is the subgradient 0."""
    require_shape("cotangent", cotangent, ())
    return cotangent * weight * array_namespace(W).sign(W)


@operation
def l2_penalty(W: Array, *, weight: float = 1.0) -> Array:
    """weight / 2 sum W^2 over all elements, for W of any shape -> ()."""
    return weight / 2 * array_namespace(W).sum(W * W)


@operation
def l2_penalty_vjp(cotangent: Array, W: Array, *, weight: float = 1.0) -> Array:
    """weight W: the weight decay of an optimiser."""
    require_shape("cotangent", cotangent, ())
    return cotangent * weight * W


def _kept(x: Any, mask: Any, rate: float) -> Any:
    """The factor of each element: 0, or 1 / (1 - rate), which keeps the expected value."""
    require(0 <= rate < 1, "rate", "in [0, 1)", rate)
    require_shape("mask", mask, x.shape)
    return mask / (1 - rate)


@operation
def dropout(x: Array, mask: Array, *, rate: float) -> Array:
    """x mask / (1 - rate) for x of any shape and a mask of zeros (dropped) and ones of that shape.

    Source: Srivastava et al., *Dropout* (2014), scaled in training ("inverted").

    Raises:
        ValueError: the shapes differ, or rate is not in [0, 1).
    """
    return x * _kept(x, mask, rate)


@operation
def dropout_vjp(cotangent: Array, x: Array, mask: Array, *, rate: float) -> Array:
    """dx = c mask / (1 - rate); the mask is data."""
    require_shape("cotangent", cotangent, x.shape)
    return cotangent * _kept(x, mask, rate)
