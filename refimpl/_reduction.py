"""How the losses are reduced: "mean", "sum" or "none"."""

import math
from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import require, require_shape


def reduce(loss: Any, reduction: str, count: Any = None) -> Any:
    """The reduced loss; the mean is over `count`, which is the number of entries of the loss by default."""
    xp = array_namespace(loss)
    require(reduction in ("mean", "sum", "none"), "reduction", "'mean', 'sum' or 'none'", reduction)
    if reduction == "none":
        return loss
    return xp.sum(loss) if reduction == "sum" else xp.sum(loss) / (math.prod(loss.shape) if count is None else count)


def reduce_vjp(cotangent: Any, shape: tuple[int, ...], reduction: str, count: Any = None) -> Any:
    """The cotangent of the unreduced loss of this shape (or one that broadcasts to it)."""
    require(reduction in ("mean", "sum", "none"), "reduction", "'mean', 'sum' or 'none'", reduction)
    require_shape("cotangent", cotangent, shape if reduction == "none" else ())
    return cotangent / (math.prod(shape) if count is None else count) if reduction == "mean" else cotangent
