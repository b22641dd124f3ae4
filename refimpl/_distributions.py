"""What the distributions share: the checks of their parameters, and 0 log 0 = 0."""

import functools
import operator
from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import require, require_shape
from fiducial.refimpl._shapes import unbroadcast


def require_all(holds: Any, argument: str, required: str, array: Any) -> None:
    """Raise ValueError, with the largest of the entries that came, unless the condition holds for every entry."""
    xp = array_namespace(array)
    if not xp.all(holds):
        require(False, argument, required, float(xp.max(xp.where(holds, -xp.inf, array))))


def require_probability(argument: str, p: Any) -> None:
    """NaN passes, and propagates."""
    require_all(~((p < 0) | (p > 1)), argument, "in [0, 1]", p)


def require_positive(argument: str, value: Any) -> None:
    """NaN passes, and propagates."""
    require_all(~(value <= 0), argument, "positive", value)


def require_count(argument: str, n: Any) -> None:
    xp = array_namespace(n)
    require_all((n >= 0) & xp.isfinite(n) & (n == xp.floor(n)), argument, "a whole number, at least 0", n)


def with_nan(value: Any, *data: Any) -> Any:
    """The value, and NaN where any of the data is NaN."""
    xp = array_namespace(value)
    return xp.where(functools.reduce(operator.or_, map(xp.isnan, data)), xp.nan, value)


def times_log(weight: Any, logarithm: Any) -> Any:
    """weight * logarithm with 0 log 0 = 0."""
    return array_namespace(weight, logarithm).where(weight == 0, 0.0, weight * logarithm)


def pulled_back(cotangent: Any, shape: tuple[int, ...], *slopes: tuple[Any, Any]) -> tuple[Any, ...]:
    """The gradients from pairs of an input and the slope along it: each is summed over broadcast axes.

    `shape` is that of the result, with which the slopes broadcast.
    """
    require_shape("cotangent", cotangent, shape)
    return tuple(unbroadcast(cotangent * slope, array.shape) for array, slope in slopes)


def require_cotangents(cotangent: Any, *shapes: tuple[int, ...]) -> None:
    """One for each of several outputs, in a tuple."""
    tupled = isinstance(cotangent, tuple) and len(cotangent) == len(shapes)
    require(tupled, "cotangent", f"a tuple of {len(shapes)} arrays", cotangent)
    for c, shape in zip(cotangent, shapes, strict=True):
        require_shape("cotangent", c, shape)
