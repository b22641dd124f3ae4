"""Scaled dot-product attention, with its vector-Jacobian product.

Source: Vaswani et al., *Attention Is All You Need* (2017), section 3.2.1.
"""

from typing import Any

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, constant, operation, require, require_shape


def _check(q: Any, k: Any, v: Any) -> None:
    require(q.ndim >= 2 and q.shape[-1] > 0, "q", "an array (..., L, E) with E > 0", tuple(q.shape))
    batch, E = tuple(q.shape[:-2]), q.shape[-1]
    fits = k.ndim == q.ndim and tuple(k.shape[:-2]) == batch and k.shape[-1] == E and k.shape[-2] > 0
    require(fits, "k", f"an array ({', '.join(map(str, (*batch, 'S', E)))}) with S > 0", tuple(k.shape))
    fits = v.ndim == q.ndim and tuple(v.shape[:-1]) == tuple(k.shape[:-1])
    require(fits, "v", f"an array ({', '.join(map(str, (*batch, k.shape[-2], 'F')))})", tuple(v.shape))


def _factor(q: Any, scale: Any) -> Any:
    return 1 / array_namespace(q).sqrt(constant(q, q.shape[-1])) if scale is None else scale


def _weights(q: Any, k: Any, causal: bool, scale: Any) -> Any:
    """softmax(scale q k^T): the weight of each key for each query; a later key than the query is left out if causal."""
    xp = array_namespace(q, k)
    scores = xp.matmul(q * _factor(q, scale), xp.matrix_transpose(k))
    if causal:
        queries, keys = (xp.arange(n, dtype=xp.int64, device=device(q)) for n in scores.shape[-2:])
        scores = xp.where(keys <= queries[:, None], scores, -xp.inf)
    # The formula holds for any key in place of the best one, which keeps the exponentials in [0, 1].
    best = xp.argmax(scores, axis=-1, keepdims=True)
    e = xp.exp(scores - xp.take_along_axis(scores, best, axis=-1))
    return e / xp.sum(e, axis=-1, keepdims=True)


@operation
def scaled_dot_product_attention(
    q: Array, k: Array, v: Array, *, causal: bool = False, scale: float | None = None
) -> Array:
    """softmax(scale q k^T) v: q (..., L, E), k (..., S, E), v (..., S, F) -> (..., L, F), scale 1/sqrt(E) by default.

    With causal=True query i sees the keys 0..i, also where L and S differ.

    Raises:
        ValueError: the shapes do not fit, or there is no key or no feature.
    """
    _check(q, k, v)
    return array_namespace(q, k, v).matmul(_weights(q, k, causal, scale), v)


@operation
def scaled_dot_product_attention_vjp(
    cotangent: Array, q: Array, k: Array, v: Array, *, causal: bool = False, scale: float | None = None
) -> tuple[Array, Array, Array]:
    """dv = p^T c, dq = scale ds k, dk = scale ds^T q with dp = c v^T, ds = p (dp - sum_k dp p)."""
    xp = array_namespace(cotangent, q, k, v)
    _check(q, k, v)
    require_shape("cotangent", cotangent, (*q.shape[:-1], v.shape[-1]))
    p = _weights(q, k, causal, scale)
    dp = xp.matmul(cotangent, xp.matrix_transpose(v))
    ds = p * (dp - xp.sum(dp * p, axis=-1, keepdims=True))
    factor = _factor(q, scale)
    dq, dk = factor * xp.matmul(ds, k), xp.matmul(xp.matrix_transpose(ds), q * factor)
    return dq, dk, xp.matmul(xp.matrix_transpose(p), cotangent)
