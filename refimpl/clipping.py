"""Clipping of gradients by their length, all of them together."""

import itertools
import math
from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, operation, require, require_shape
from fiducial.refimpl._updates import check
from fiducial.refimpl.reductions import norm, norm_vjp


def _flat(gs: tuple[Any, ...]) -> Any:
    xp = array_namespace(*gs)
    return xp.concat([xp.reshape(g, (-1,)) for g in gs])


def _check_clip(gs: Any, max_norm: Any, eps: Any) -> None:
    if not isinstance(gs, list | tuple):
        raise TypeError(f"gs must be a list of arrays, got {type(gs).__name__}")
    require(len(gs) > 0, "gs", "a list of at least one array", gs)
    check((), {}, max_norm=max_norm, eps=eps)
    require(max_norm > 0, "max_norm", "a positive finite number", max_norm)


def clip_by_global_norm(gs: list[Array], *, max_norm: float, eps: float = 1e-6) -> list[Array]:
    """Each array times min(1, max_norm / (norm + eps)), with norm the Euclidean length of all of them together.

    The arrays may differ in shape. The length of numbers whose squares overflow or vanish is exact as well.
    Source: Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks* (2013), algorithm 1,
    in the form of torch.nn.utils.clip_grad_norm_.

    Raises:
        ValueError: the list is empty, or max_norm is not a positive finite number.
        TypeError: gs is not a list of float arrays.
    """
    _check_clip(gs, max_norm, eps)
    return list(_clip(tuple(gs), max_norm=max_norm, eps=eps))


def clip_by_global_norm_vjp(
    cotangent: list[Array], gs: list[Array], *, max_norm: float, eps: float = 1e-6
) -> list[Array]:
    """f (c - u <c, u> norm / (norm + eps)) where the factor f is less than 1, with u = g / norm; else c."""
    _check_clip(gs, max_norm, eps)
    given = isinstance(cotangent, list | tuple) and len(cotangent) == len(gs)
    require(given, "cotangent", f"a list of {len(gs)} arrays", cotangent)
    for c, g in zip(cotangent, gs, strict=True):
        require_shape("cotangent", c, g.shape)
    return list(_clip_vjp(tuple(cotangent), tuple(gs), max_norm=max_norm, eps=eps))


@operation
def _clip(gs: tuple[Array, ...], *, max_norm: float, eps: float) -> tuple[Array, ...]:
    xp = array_namespace(*gs)
    factor = xp.minimum(max_norm / (norm(_flat(gs)) + eps), 1.0)
    return tuple(g * xp.astype(factor, g.dtype) for g in gs)


@operation
def _clip_vjp(cotangent: tuple[Array, ...], gs: tuple[Array, ...], *, max_norm: float, eps: float) -> tuple[Array, ...]:
    xp = array_namespace(*gs)
    c, g = _flat(cotangent), _flat(gs)
    length = norm(g)
    u = norm_vjp(xp.ones_like(length), g)
    along = xp.sum(c * u) * (length / (length + eps))
    clipped = max_norm / (length + eps) * (c - u * along)
    return _parts(xp.where(length + eps > max_norm, clipped, c), gs)


def _parts(flat: Any, like: tuple[Any, ...]) -> tuple[Any, ...]:
    """The entries of a flat array in the shapes of these arrays, one after the other."""
    xp = array_namespace(flat)
    ends = list(itertools.accumulate(math.prod(a.shape) for a in like))
    pieces = zip([0, *ends[:-1]], ends, like, strict=True)
    return tuple(xp.astype(xp.reshape(flat[start:end], a.shape), a.dtype) for start, end, a in pieces)
