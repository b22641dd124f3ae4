"""Matrix products in other orders and layouts: blocked, transposed, fused, by einsum."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from fiducial.conformance.mutants.different._tools import fused, in_float64, widened
from fiducial.conformance.mutants.planted import DIFFERENT, RIGHT


def _matrices(a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Both as stacks of matrices, and what removes the axes that vectors were given."""
    drop = tuple(ax for ax, one in ((-2, a.ndim == 1), (-1, b.ndim == 1)) if one)
    return (a[None, :] if a.ndim == 1 else a), (b[:, None] if b.ndim == 1 else b), lambda y: np.squeeze(y, axis=drop)


def _by_blocks(a: Any, b: Any, block: int = 2) -> Any:
    parts = [a[..., k : k + block] @ b[..., k : k + block, :] for k in range(0, a.shape[-1], block)]
    return reduce(np.add, parts) if parts else a @ b


def _outer(a: Any, b: Any) -> Any:
    """A sum of outer products, the last first."""
    terms = [a[..., k, None] * b[..., k, None, :] for k in reversed(range(a.shape[-1]))]
    return reduce(np.add, terms) if terms else a @ b


def _transposed(a: Any, b: Any) -> Any:
    return np.swapaxes(np.swapaxes(b, -1, -2).copy() @ np.swapaxes(a, -1, -2).copy(), -1, -2)


def _tiles(a: Any, b: Any) -> Any:
    """The four quarters of the result, each from its own rows and columns."""
    i, j = a.shape[-2] // 2, b.shape[-1] // 2
    rows = [np.concatenate([p @ b[..., :j], p @ b[..., j:]], -1) for p in (a[..., :i, :], a[..., i:, :])]
    return np.concatenate(rows, -2)


def _fused(a: Any, b: Any) -> Any:
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    y = np.zeros((*batch, a.shape[-2], b.shape[-1]), a.dtype)
    for k in range(a.shape[-1]):
        y = fused(a[..., k, None], b[..., k, None, :], y)
    return y


PRODUCTS: dict[str, tuple[str, Any]] = {
    "blocked": ("split along the summed axis", widened(_by_blocks)),
    "outer products": ("a sum of outer products, the last first", widened(_outer)),
    "transposed": ("(b^T a^T)^T", widened(_transposed)),
    "tiles": ("the quarters of the result", widened(_tiles)),
    "einsum": ("by einsum, without BLAS", widened(lambda a, b: np.einsum("...ik,...kj->...ij", a, b))),
    "in float64, rounded once": ("accumulated in float64", in_float64(lambda a, b: a @ b)),
}


def _enter(name: str, what: str, product: Any, **options: Any) -> None:
    def matmul(a: Any, b: Any) -> Any:
        first, second, dropped = _matrices(a, b)
        return dropped(product(first, second))

    def affine(x: Any, W: Any, b: Any) -> Any:
        return product(x, W) + b

    def affine_vjp(cotangent: Any, x: Any, W: Any, b: Any) -> Any:
        ones = np.ones((1, cotangent.shape[0]), x.dtype)
        return product(cotangent, W.T), product(x.T, cotangent), product(ones, cotangent)[0]

    DIFFERENT.enter("matmul", name, what, **options)(matmul)
    DIFFERENT.enter("affine", name, what, **options)(affine)
    DIFFERENT.enter("affine_vjp", name, what, **options)(affine_vjp)


for _name, (_what, _product) in PRODUCTS.items():
    _enter(_name, _what, _product)
_enter("fused", "multiply and add with one rounding", widened(_fused), dtypes=("float32", "bfloat16", "float16"))


@DIFFERENT.enter("affine", "bias as a weight", "a column of ones beside x, and b as the last row of W")
@widened
def homogeneous(x: Any, W: Any, b: Any) -> Any:
    return np.concatenate([x, np.ones_like(x[:, :1])], 1) @ np.concatenate([W, b[None]]) if x.shape[1] else x @ W + b


@DIFFERENT.enter("affine", "bias first", "the products are added to b one after the other, fused",
                 dtypes=("float32", "bfloat16", "float16"))  # fmt: skip
@widened
def bias_first(x: Any, W: Any, b: Any) -> Any:
    y = np.broadcast_to(b, (x.shape[0], W.shape[1]))
    for k in range(x.shape[1]):
        y = fused(x[:, k, None], W[k], y)
    return y


@DIFFERENT.enter("matmul_vjp", "einsum", "both gradients by einsum over the batch axes at once")
@widened
def matmul_vjp(cotangent: Any, a: Any, b: Any) -> Any:
    if min(a.ndim, b.ndim) < 2 or a.shape[:-2] != b.shape[:-2]:
        return RIGHT.matmul_vjp(cotangent, a, b)
    return np.einsum("...ij,...kj->...ik", cotangent, b), np.einsum("...ij,...ik->...kj", cotangent, a)


@DIFFERENT.enter("embedding_vjp", "scattered", "the rows are added where they belong, in the order of the indices")
@widened
def scattered(cotangent: Any, W: Any, indices: Any) -> Any:
    dW = np.zeros_like(W)
    np.add.at(dW, indices.reshape(-1), cotangent.reshape((-1, W.shape[1])))
    return dW


@DIFFERENT.enter("embedding_vjp", "one-hot product", "the one-hot matrix of the indices, transposed, times the rows")
@widened
def by_one_hot(cotangent: Any, W: Any, indices: Any) -> Any:
    chosen = (indices.reshape(-1)[:, None] == np.arange(W.shape[0])).astype(W.dtype)
    return chosen.T @ cotangent.reshape((chosen.shape[0], W.shape[1]))


@DIFFERENT.enter("trace", "einsum", "the diagonal by einsum, added up from its end")
@widened
def trace(a: Any) -> Any:
    return np.einsum("ii", a[::-1, ::-1])
