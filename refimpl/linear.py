"""Linear algebra of layers: matmul, affine, one-hot and embedding, with their vector-Jacobian products.

Every function raises ValueError for shapes, axes or indices that do not fit, naming the argument.
Source: Saito, *Deep Learning from Scratch 2* (2019), section 1.3; the array API standard for matmul.
"""

import math
from numbers import Integral
from typing import Any

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, IntegerArray, operation, require, require_shape
from fiducial.refimpl._shapes import broadcast_shape, require_indices, unbroadcast


def _matmul_shapes(a: Any, b: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of the operands as stacks of matrices; raises ValueError when they do not fit."""
    for name, array in (("a", a), ("b", b)):
        require(array.ndim > 0, name, "an array of at least one dimension", tuple(array.shape))
    rows = a.shape if a.ndim > 1 else (1, *a.shape)
    columns = b.shape if b.ndim > 1 else (*b.shape, 1)
    k = rows[-1]
    require(columns[-2] == k, "b", f"an array of shape (..., {k}, n) or ({k},), for a of shape {a.shape}", b.shape)
    broadcast_shape(a=rows[:-2], b=columns[:-2])
    return rows, columns


@operation
def matmul(a: Array, b: Array) -> Array:
    """a b for a (..., m, k) and b (..., k, n) -> (..., m, n), broadcasting the batch axes; 1-d operands are vectors."""
    _matmul_shapes(a, b)
    return array_namespace(a, b).matmul(a, b)


@operation
def matmul_vjp(cotangent: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """da = c b^T, db = a^T c, summed over broadcast batch axes."""
    xp = array_namespace(cotangent, a, b)
    rows, columns = _matmul_shapes(a, b)
    batch = broadcast_shape(a=rows[:-2], b=columns[:-2])
    require_shape("cotangent", cotangent, (*batch, *a.shape[-2:-1], *columns[-1:][: b.ndim - 1]))
    c = xp.reshape(cotangent, (*batch, rows[-2], columns[-1]))
    da = xp.matmul(c, xp.matrix_transpose(xp.reshape(b, columns)))
    db = xp.matmul(xp.matrix_transpose(xp.reshape(a, rows)), c)
    return xp.reshape(unbroadcast(da, rows), a.shape), xp.reshape(unbroadcast(db, columns), b.shape)


def _check_affine(x: Any, W: Any, b: Any) -> None:
    require(x.ndim == 2, "x", "an array (N, D)", tuple(x.shape))
    require(W.ndim == 2 and W.shape[0] == x.shape[1], "W", f"an array ({x.shape[1]}, M)", tuple(W.shape))
    if b is not None:
        require_shape("b", b, (W.shape[1],))


@operation
def affine(x: Array, W: Array, b: Array | None = None) -> Array:
    """x W + b for x (N, D), W (D, M), b (M) or None -> (N, M)."""
    _check_affine(x, W, b)
    y = array_namespace(x, W).matmul(x, W)
    return y if b is None else y + b


@operation
def affine_vjp(cotangent: Array, x: Array, W: Array, b: Array | None = None) -> tuple[Array, ...]:
    """dx = c W^T, dW = x^T c, db = sum_n c (left out where b is None)."""
    xp = array_namespace(cotangent, x, W)
    _check_affine(x, W, b)
    require_shape("cotangent", cotangent, (x.shape[0], W.shape[1]))
    dx, dW = xp.matmul(cotangent, xp.matrix_transpose(W)), xp.matmul(xp.matrix_transpose(x), cotangent)
    return (dx, dW) if b is None else (dx, dW, xp.sum(cotangent, axis=0))


@operation
def one_hot(labels: IntegerArray, *, num_classes: int) -> Array:
    """1.0 at [n, labels[n]] and 0.0 elsewhere: labels (...) -> float64 (..., num_classes)."""
    return one_hot_rows("labels", labels, num_classes, array_namespace(labels).float64)


def one_hot_rows(argument: str, labels: Any, num_classes: int, dtype: Any) -> Any:
    """one_hot with the dtype and the name of the labels in errors given by the caller."""
    xp = array_namespace(labels)
    require(isinstance(num_classes, Integral) and num_classes >= 1, "num_classes", "a positive integer", num_classes)
    require_indices(argument, labels, num_classes)
    classes = xp.arange(num_classes, dtype=xp.int64, device=device(labels))
    return xp.astype(xp.astype(labels, xp.int64)[..., None] == classes, dtype)


@operation
def embedding(W: Array, indices: IntegerArray) -> Array:
    """W[indices]: W (V, D), indices (...) -> (..., D)."""
    xp = array_namespace(W, indices)
    require(W.ndim == 2, "W", "an array (V, D)", tuple(W.shape))
    require_indices("indices", indices, W.shape[0])
    rows = xp.take(W, xp.astype(xp.reshape(indices, (-1,)), xp.int64), axis=0)
    return xp.reshape(rows, (*indices.shape, W.shape[1]))


@operation
def embedding_vjp(cotangent: Array, W: Array, indices: IntegerArray) -> Array:
    """dW[v] = the sum of the cotangents at the places where index v stands.

    The rows are summed within runs of equal sorted indices, in log2(n) doublings: deterministic on every device.
    """
    xp = array_namespace(cotangent, W, indices)
    require(W.ndim == 2, "W", "an array (V, D)", tuple(W.shape))
    require_indices("indices", indices, W.shape[0])
    require_shape("cotangent", cotangent, (*indices.shape, W.shape[1]))
    n = math.prod(indices.shape)
    if n == 0:
        return xp.zeros_like(W)
    flat = xp.astype(xp.reshape(indices, (-1,)), xp.int64)
    order = xp.argsort(flat)
    runs = xp.take(flat, order)
    sums = xp.take(xp.reshape(cotangent, (n, W.shape[1])), order, axis=0)
    width = 1
    while width < n:
        same = (runs[width:] == runs[:-width])[:, None]
        sums = xp.concat([sums[:width, :], sums[width:, :] + xp.where(same, sums[:-width, :], 0.0)])
        width *= 2
    rows = xp.arange(W.shape[0], dtype=xp.int64, device=device(W))
    last = xp.searchsorted(runs, rows, side="right") - 1
    last = xp.where(last < 0, 0, last)
    return xp.where((xp.take(runs, last) == rows)[:, None], xp.take(sums, last, axis=0), 0.0)
