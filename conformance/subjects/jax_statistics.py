"""JAX's distributions, moments, samplers and linear algebra, for the subject jax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.stats import bernoulli, binom
from jax.scipy.stats import norm as normal

# --- distributions ---

bernoulli_pmf, bernoulli_logpmf, bernoulli_cdf = bernoulli.pmf, bernoulli.logpmf, bernoulli.cdf
binomial_pmf, binomial_logpmf = binom.pmf, binom.logpmf
normal_pdf, normal_logpdf = normal.pdf, normal.logpdf


def _single_at_least(a: Array) -> Array:
    if a.dtype.itemsize < 4:
        raise NotImplementedError("JAX factors no 16-bit matrices and has no 16-bit ndtr: documented")
    return a


def _of_ndtr(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda x, mu, sigma: function(_single_at_least(x), mu, sigma)


normal_cdf, normal_logcdf = _of_ndtr(normal.cdf), _of_ndtr(normal.logcdf)
normal_sf, normal_logsf = _of_ndtr(normal.sf), _of_ndtr(normal.logsf)
normal_ppf = _of_ndtr(normal.ppf)

UNCHECKED = [name for name in list(globals()) if name.startswith(("bernoulli_", "binomial_", "normal_"))]


def bernoulli_sample(p: Array, *, shape: Any, seed: int) -> Array:
    return jax.random.bernoulli(jax.random.key(seed), p, shape)


def binomial_sample(n: Array, p: Array, *, shape: Any, seed: int) -> Array:
    return jax.random.binomial(jax.random.key(seed), n, p, shape)


# --- moments ---


def variance(x: Array, *, axis: Any = None, ddof: int = 0) -> Array:
    return jnp.var(x, axis=axis, ddof=ddof)


def std(x: Array, *, axis: Any = None, ddof: int = 0) -> Array:
    return jnp.std(x, axis=axis, ddof=ddof)


def covariance(x: Array, *, ddof: int = 1) -> Array:
    return jnp.atleast_2d(jnp.cov(x, rowvar=False, ddof=ddof))  # JAX drops the axes of a single variable's matrix


def correlation(x: Array) -> Array:
    return jnp.atleast_2d(jnp.corrcoef(x, rowvar=False))


# --- linear algebra ---


def eigh(a: Array) -> tuple[Array, ...]:
    return tuple(jnp.linalg.eigh(_single_at_least(a)))


def eig(a: Array) -> tuple[Array, ...]:
    return tuple(jnp.linalg.eig(_single_at_least(a)))


def svd(a: Array) -> tuple[Array, ...]:
    return tuple(jnp.linalg.svd(_single_at_least(a), full_matrices=False))


def det(a: Array) -> Array:
    return jnp.linalg.det(_single_at_least(a))


def trace(a: Array) -> Array:
    return jnp.trace(a)


def inverse(a: Array) -> Array:
    return jnp.linalg.inv(_single_at_least(a))


def solve(a: Array, b: Array) -> Array:
    return jnp.linalg.solve(_single_at_least(a), b)


def least_squares(X: Array, y: Array) -> Array:
    return jnp.linalg.lstsq(_single_at_least(X), y)[0]
