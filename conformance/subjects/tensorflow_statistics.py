"""TensorFlow's moments, samplers and linear algebra, for the subject tensorflow. Its distributions are not its own."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

Tensor = Any  # tf.Tensor


def _single_at_least(a: Tensor) -> Tensor:
    if a.dtype.size < 4:
        raise NotImplementedError("TensorFlow factors no 16-bit matrices")
    return a


# --- moments and samplers ---


def variance(x: Tensor, *, axis: Any = None) -> Tensor:
    return tf.math.reduce_variance(x, axis=axis)


def std(x: Tensor, *, axis: Any = None) -> Tensor:
    return tf.math.reduce_std(x, axis=axis)


def correlation(x: Tensor) -> Tensor:
    return keras.ops.corrcoef(tf.transpose(x))


def binomial_sample(n: Tensor, p: Tensor, *, shape: Any, seed: int) -> Tensor:
    if p.dtype == tf.bfloat16:
        raise NotImplementedError("TensorFlow draws no binomial numbers from bfloat16")
    return tf.random.stateless_binomial(shape, [seed, 0], n, p, output_dtype=tf.int64)


def normal_sample(mu: Tensor, sigma: Tensor, *, shape: Any, seed: int) -> Tensor:
    return tf.random.stateless_normal(shape, [seed, 0], mu, sigma, dtype=mu.dtype)


# --- linear algebra ---


def eigh(a: Tensor) -> tuple[Tensor, ...]:
    return tuple(tf.linalg.eigh(_single_at_least(a)))


def eig(a: Tensor) -> tuple[Tensor, ...]:
    return tuple(tf.linalg.eig(_single_at_least(a)))


def svd(a: Tensor) -> tuple[Tensor, ...]:
    s, u, v = tf.linalg.svd(_single_at_least(a))
    return u, s, tf.linalg.adjoint(v)


def det(a: Tensor) -> Tensor:
    return tf.linalg.det(_single_at_least(a))


def trace(a: Tensor) -> Tensor:
    return tf.linalg.trace(a)


def inverse(a: Tensor) -> Tensor:
    return tf.linalg.inv(_single_at_least(a))


def solve(a: Tensor, b: Tensor) -> Tensor:
    if b.shape.rank == 1:
        return tf.linalg.solve(_single_at_least(a), b[:, None])[:, 0]
    return tf.linalg.solve(_single_at_least(a), b)


def least_squares(X: Tensor, y: Tensor) -> Tensor:
    return tf.linalg.lstsq(_single_at_least(X), y[:, None])[:, 0]
