"""Normalisation by other routes: Welford, compensated and merged variances, other gradients, blocked attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.different._tools import Function, in_float64, pairwise, widened
from fiducial.conformance.mutants.planted import DIFFERENT


def _welford(rows: Any) -> tuple[Any, Any]:
    """Mean and biased variance in one pass."""
    mean = spread = np.zeros(rows.shape[:-1], rows.dtype)
    for k, term in enumerate(np.moveaxis(rows, -1, 0)):
        before = term - mean
        mean = mean + before / (k + 1)
        spread = spread + before * (term - mean)
    return mean[..., None], (spread / rows.shape[-1])[..., None]


def _two_passes(rows: Any) -> tuple[Any, Any]:
    """Differences from the mean, whose own sum corrects the rest (Chan, Golub and LeVeque)."""
    n = rows.shape[-1]
    mean = (pairwise(rows) / n)[..., None]
    d = rows - mean
    return mean, (pairwise(d * d)[..., None] - pairwise(d)[..., None] ** 2 / n) / n


def _chan(rows: Any) -> tuple[Any, Any]:
    """The halves' means and variances, put together."""
    n = rows.shape[-1]
    if n == 1:
        return rows, np.zeros_like(rows)
    (a, p), (b, q) = _chan(rows[..., : n // 2]), _chan(rows[..., n // 2 :])
    m, r = n // 2, n - n // 2
    d = b - a
    return a + d * (r / n), (m * p + r * q) / n + d * d * (m * r / n**2)


STATISTICS: dict[str, tuple[str, Function, Function]] = {
    "Welford": ("mean and variance in one pass by Welford's recurrence", _welford, widened),
    "compensated": ("two passes, the second corrected by its own sum", _two_passes, widened),
    "in halves": ("the statistics of halves, put together as Chan has it", _chan, widened),
    "in float64, rounded once": ("computed in float64", _two_passes, in_float64),
}


def _enter(name: str, what: str, statistics: Function, decorate: Function) -> None:
    def standardised(x: Any, eps: float) -> Any:
        mean, variance = statistics(x)
        return (x - mean) / np.sqrt(variance + eps)

    @decorate
    def layer_norm(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
        return standardised(x, eps) * gamma + beta

    @decorate
    def batch_norm(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
        channels = np.moveaxis(x, 1, 0)
        y = standardised(channels.reshape((x.shape[1], -1)), eps) * gamma[:, None] + beta[:, None]
        return np.moveaxis(y.reshape(channels.shape), 0, 1)

    DIFFERENT.enter("layer_norm", name, what)(layer_norm)
    DIFFERENT.enter("batch_norm", name, what)(batch_norm)


for _name, _parts in STATISTICS.items():
    _enter(_name, *_parts)


@DIFFERENT.enter("layer_norm_vjp", "sums over D", "(D g - sum g - y sum(g y)) / (D deviation)")
@widened
def layer_norm_vjp(cotangent: Any, x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    n, (mean, variance) = x.shape[-1], _two_passes(x)
    root = np.sqrt(variance + eps)
    y, g = (x - mean) / root, gamma * cotangent
    dx = (n * g - pairwise(g)[..., None] - y * pairwise(g * y)[..., None]) / (n * root)
    lead = tuple(range(x.ndim - 1))
    return dx, np.sum(cotangent * y, axis=lead), np.sum(cotangent, axis=lead)


@DIFFERENT.enter("batch_norm_vjp", "through mean and variance", "the graph of the book, node by node")
@widened
def batch_norm_vjp(cotangent: Any, x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    over, wide = tuple(a for a in range(x.ndim) if a != 1), (slice(None), *(None,) * (x.ndim - 2))
    n = x.size // x.shape[1]
    centred = x - np.mean(x, axis=over, keepdims=True)
    root = np.sqrt(np.mean(centred * centred, axis=over, keepdims=True) + eps)
    y, dy = centred / root, gamma[wide] * cotangent
    droot = -np.sum(dy * centred, axis=over, keepdims=True) / (root * root)
    dcentred = dy / root + centred * (droot / (n * root))
    dx = dcentred - np.mean(dcentred, axis=over, keepdims=True)
    return dx, np.sum(cotangent * y, axis=over), np.sum(cotangent, axis=over)


@DIFFERENT.enter("rms_norm", "inverse root first", "gamma times the rounded inverse root, and then x")
@widened
def rms_norm(x: Any, gamma: Any, *, eps: float = 1e-5) -> Any:
    inverse = 1 / np.sqrt(np.einsum("...d,...d->...", x, x)[..., None] / x.shape[-1] + eps)
    return x * inverse * gamma


@DIFFERENT.enter("rms_norm", "quotient", "divided by the root, the squares added up in halves")
@widened
def rms_norm_quotient(x: Any, gamma: Any, *, eps: float = 1e-5) -> Any:
    return gamma * (x / np.sqrt(pairwise(x * x)[..., None] / x.shape[-1] + eps))


def _flash(block: int) -> Any:
    """Dao et al. (2022): keys and values in blocks, with a running maximum and sum."""

    def attention(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        factor = 1 / np.sqrt(q.dtype.type(q.shape[-1])) if scale is None else q.dtype.type(scale)
        most = np.full((*q.shape[:-1], 1), -np.inf, q.dtype)
        total, y = np.zeros_like(most), np.zeros((*q.shape[:-1], v.shape[-1]), q.dtype)
        for start in range(0, k.shape[-2], block):
            keys = k[..., start : start + block, :]
            scores = (q @ np.swapaxes(keys, -1, -2)) * factor
            allowed = np.full(scores.shape[-2:], True)
            if causal:
                allowed = start + np.arange(scores.shape[-1]) <= np.arange(scores.shape[-2])[:, None]
            scores = np.where(allowed, scores, -np.inf)
            new = np.maximum(most, scores.max(axis=-1, keepdims=True))
            e, shrink = np.exp(scores - new), np.exp(most - new)
            y = y * shrink + e @ v[..., start : start + block, :]
            total, most = total * shrink + e.sum(axis=-1, keepdims=True), new
        return y / total

    return attention


DIFFERENT.enter("scaled_dot_product_attention", "blocks of two keys", "flash attention")(widened(_flash(2)))
DIFFERENT.enter("scaled_dot_product_attention", "key by key", "flash attention with blocks of one key")(
    widened(_flash(1))
)
