"""PaddlePaddle's distributions, moments, samplers and linear algebra, for the subject paddle."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor
from paddle.distribution import Bernoulli, Binomial, Normal, kl_divergence

# --- distributions ---


def bernoulli_logpmf(k: Tensor, p: Tensor) -> Tensor:
    return Bernoulli(p).log_prob(k)


def bernoulli_cdf(k: Tensor, p: Tensor) -> Tensor:
    return Bernoulli(p).cdf(k)


def bernoulli_mean(p: Tensor) -> Tensor:
    return Bernoulli(p).mean


def bernoulli_variance(p: Tensor) -> Tensor:
    return Bernoulli(p).variance


def bernoulli_entropy(p: Tensor) -> Tensor:
    return Bernoulli(p).entropy()


def binomial_logpmf(k: Tensor, n: Tensor, p: Tensor) -> Tensor:
    return Binomial(n, p).log_prob(k)


def normal_pdf(x: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    return Normal(mu, sigma).probs(x)


def normal_logpdf(x: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    return Normal(mu, sigma).log_prob(x)


def normal_entropy(mu: Tensor, sigma: Tensor) -> Tensor:
    return Normal(mu, sigma).entropy()


def normal_kl(mu0: Tensor, sigma0: Tensor, mu1: Tensor, sigma1: Tensor) -> Tensor:
    return kl_divergence(Normal(mu0, sigma0), Normal(mu1, sigma1))


# Normal and Bernoulli take what they are given; Binomial checks its parameters.
UNCHECKED = [name for name in list(globals()) if name.startswith(("normal_", "bernoulli_"))]


# --- moments ---


def variance(x: Tensor, *, axis: Any = None, ddof: int = 0) -> Tensor:
    return paddle.var(x, axis=axis, unbiased=bool(ddof))


def std(x: Tensor, *, axis: Any = None, ddof: int = 0) -> Tensor:
    return paddle.std(x, axis=axis, unbiased=bool(ddof))


def covariance(x: Tensor, *, ddof: int = 1) -> Tensor:
    # Paddle drops the axes of a single variable's matrix.
    return paddle.linalg.cov(x, rowvar=False, ddof=bool(ddof)).reshape([x.shape[1]] * 2)


def correlation(x: Tensor) -> Tensor:
    return paddle.linalg.corrcoef(x, rowvar=False).reshape([x.shape[1]] * 2)


# --- linear algebra ---


def eigh(a: Tensor) -> tuple[Tensor, ...]:
    return tuple(paddle.linalg.eigh(a))


def eig(a: Tensor) -> tuple[Tensor, ...]:
    return tuple(paddle.linalg.eig(a))


def svd(a: Tensor) -> tuple[Tensor, ...]:
    return tuple(paddle.linalg.svd(a, full_matrices=False))


def det(a: Tensor) -> Tensor:
    return paddle.linalg.det(a)


def trace(a: Tensor) -> Tensor:
    return paddle.trace(a)


def inverse(a: Tensor) -> Tensor:
    return paddle.linalg.inv(a)


def solve(a: Tensor, b: Tensor) -> Tensor:
    return paddle.linalg.solve(a, b)


def least_squares(X: Tensor, y: Tensor) -> Tensor:
    return paddle.linalg.lstsq(X, y.unsqueeze(-1))[0].squeeze(-1)
