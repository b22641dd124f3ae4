"""Matrices, chosen to hurt: graded, clustered, degenerate, defective, rank-deficient, Hilbert, huge, tiny, empty.

The kinds are those of LAPACK's test programs (Anderson et al., LAPACK Users' Guide, 1999), with exactly degenerate ones
added: their entries are small whole numbers, so that rounding does not part the eigenvalues.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fiducial.spec.formats import FORMATS

Labelled = Iterator[tuple[str, Any]]


def drawn(rng: Any, kind: str, plain: Any) -> Any:
    """A matrix of a kind from one of independent entries."""
    return (plain + plain.T) / 2 if kind == "symmetric" and plain.shape[0] == plain.shape[1] else plain


def hard(kind: str, dtype: str, rng: Any) -> Labelled:
    """Matrices of a kind, in float64; rounding them to the dtype keeps what their label says."""
    format = FORMATS[dtype]
    half = {"huge": np.log2(format.largest) // 2 - 4, "tiny": np.log2(format.normal) // 2 + 4}
    extremes = {} if kind == "moderate" else {name: 2.0**exponent for name, exponent in half.items()}
    if kind in ("symmetric", "square", "moderate"):
        yield from _square(extremes, format.unit, rng)
        yield from _symmetric(format.unit) if kind == "symmetric" else _defective()
    elif kind == "invertible":
        yield from _invertible(extremes, rng)
    elif kind == "any":
        yield from _rectangular(extremes, format.unit, rng)
    elif kind == "full rank":
        yield from _tables()
    else:
        yield from _data(rng)


def _normal(rng: Any, *shape: int) -> Any:
    return rng.normal(0.3, 1.7, shape)


def _orthogonal(rng: Any, n: int) -> Any:
    return np.linalg.qr(rng.normal(size=(n, n)))[0]


def _hilbert(m: int, n: int) -> Any:
    return 1.0 / (1.0 + np.add.outer(np.arange(m), np.arange(n)))


def _square(extremes: dict[str, float], unit: float, rng: Any) -> Labelled:
    """Symmetric ones, for both eigenproblems."""
    yield "0 x 0", np.zeros((0, 0))
    yield "1 x 1", np.array([[-2.5]])
    yield "zeros", np.zeros((3, 3))
    yield "identity", np.eye(4)
    yield "Hilbert", _hilbert(8, 8)
    yield "degenerate: all ones", np.ones((4, 4))
    yield "degenerate: 1, 3, 3", np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
    for name, scale in extremes.items():
        yield name, scale * drawn(rng, "symmetric", _normal(rng, 6, 6))
    q, spread = _orthogonal(rng, 7), np.geomspace(1.0, unit, 7)
    yield "graded", drawn(rng, "symmetric", (q * (spread * rng.choice([-1.0, 1.0], 7))) @ q.T)
    yield "diagonal and graded", np.diag(spread)


def _symmetric(unit: float) -> Labelled:
    yield "clustered", np.diag(1 + 4 * unit * np.arange(6)) + np.diag([3.0] + [0.0] * 5)
    size = np.abs(np.arange(-10, 11)).astype(float)
    yield "Wilkinson's W21+", np.diag(size) + np.diag(np.ones(20), 1) + np.diag(np.ones(20), -1)


def _defective() -> Labelled:
    yield "Jordan block", np.diag(np.full(5, 2.0)) + np.diag(np.ones(4), 1)
    yield "nilpotent", np.diag(np.ones(3), 1)
    yield "rotation", np.array([[0.0, -1.0], [1.0, 0.0]])
    yield "companion", np.diag(np.ones(3), -1) + np.array([[0.0, 0.0, 0.0, -24.0]] * 1 + [[0.0] * 4] * 3)
    yield "cyclic", np.roll(np.eye(5), 1, axis=0)


def _invertible(extremes: dict[str, float], rng: Any) -> Labelled:
    yield "1 x 1", np.array([[-2.5]])
    yield "identity", np.eye(4)
    yield "permutation", np.eye(5)[[2, 0, 4, 1, 3]]
    yield "Hilbert", _hilbert(5, 5)
    yield "graded", np.diag(np.geomspace(1.0, 1e-6, 5)) + np.triu(np.ones((5, 5)), 1)
    yield "needs pivoting", np.array([[0.0, 1.0, 2.0], [1e-3, 1.0, -1.0], [3.0, 0.5, 0.0]])
    for name, scale in extremes.items():
        yield name, np.sqrt(scale) * _normal(rng, 4, 4)


def _rectangular(extremes: dict[str, float], unit: float, rng: Any) -> Labelled:
    yield "1 x 1", np.array([[-2.5]])
    yield "zeros", np.zeros((3, 2))
    yield "a row", np.array([[3.0, 0.0, 4.0]])
    yield "rank 1", np.outer([1.0, 2.0, -3.0, 0.0], [2.0, -1.0, 5.0])
    yield "rank 2, wide", np.array([[1.0, 2, 3, 4, 5], [0, 1, 0, 1, 0], [1, 3, 3, 5, 5]])
    yield "degenerate: equal singular values", np.array([[0.0, 2.0], [2.0, 0.0], [0.0, 0.0]])
    yield "Hilbert, tall", _hilbert(8, 5)
    yield "tall", _normal(rng, 20, 3)
    yield "wide", _normal(rng, 3, 20)
    yield "graded", _orthogonal(rng, 6)[:, :5] * np.geomspace(1.0, unit, 5) @ _orthogonal(rng, 5)
    for name, scale in extremes.items():
        yield name, scale * _normal(rng, 4, 6)


def _tables() -> Labelled:
    t = np.linspace(-1.0, 1.0, 9)
    yield "line", np.stack([np.ones(9), t], axis=1)
    yield "polynomial", t[:, None] ** np.arange(5)
    yield "columns of very different lengths", np.stack([np.ones(9), 1e4 * t, 1e-3 * t**2], axis=1)
    yield "nearly dependent columns", np.stack([np.ones(9), t, 1 + t + t**3 / 64], axis=1)
    yield "square", _hilbert(4, 4)


def _data(rng: Any) -> Labelled:
    x = _normal(rng, 9, 4)
    yield "far from zero", x + 1000.0
    yield "a constant column", np.concatenate([x, np.full((9, 1), 2.5)], axis=1)
    yield "dependent columns", np.concatenate([x, x[:, :1] + x[:, 1:2]], axis=1)
    yield "graded", x * np.geomspace(1.0, 1e-3, 4)
    yield "more columns than rows", _normal(rng, 3, 7)
