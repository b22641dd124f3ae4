"""PyTorch's distributions, moments, samplers and linear algebra, for the subject torch.

What torch.distributions refuses by its documentation (a value outside the support, a forbidden parameter) is reported
as unsupported, as are the factorisations of 16-bit matrices.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Binomial, Normal, kl_divergence


def _refusals(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(function)
    def checked(*inputs: Tensor) -> Tensor:
        try:
            return function(*inputs)
        except ValueError as error:
            raise NotImplementedError(f"PyTorch refuses: {str(error).splitlines()[0]}") from error

    return checked


# --- distributions ---


@_refusals
def bernoulli_logpmf(k: Tensor, p: Tensor) -> Tensor:
    return Bernoulli(p).log_prob(k)


@_refusals
def bernoulli_mean(p: Tensor) -> Tensor:
    return Bernoulli(p).mean


@_refusals
def bernoulli_variance(p: Tensor) -> Tensor:
    return Bernoulli(p).variance


@_refusals
def bernoulli_entropy(p: Tensor) -> Tensor:
    return Bernoulli(p).entropy()


@_refusals
def binomial_logpmf(k: Tensor, n: Tensor, p: Tensor) -> Tensor:
    return Binomial(n, p).log_prob(k)


@_refusals
def binomial_mean(n: Tensor, p: Tensor) -> Tensor:
    return Binomial(n, p).mean


@_refusals
def binomial_variance(n: Tensor, p: Tensor) -> Tensor:
    return Binomial(n, p).variance


@_refusals
def normal_logpdf(x: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    return Normal(mu, sigma).log_prob(x)


@_refusals
def normal_cdf(x: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    return Normal(mu, sigma).cdf(x)


@_refusals
def normal_logcdf(x: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    normal = Normal(mu, sigma)  # which refuses forbidden parameters; it has no log_cdf of its own
    return torch.special.log_ndtr((x - normal.loc) / normal.scale)


@_refusals
def normal_ppf(q: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    return Normal(mu, sigma).icdf(q)


@_refusals
def normal_entropy(mu: Tensor, sigma: Tensor) -> Tensor:
    return Normal(mu, sigma).entropy()


@_refusals
def normal_kl(mu0: Tensor, sigma0: Tensor, mu1: Tensor, sigma1: Tensor) -> Tensor:
    return kl_divergence(Normal(mu0, sigma0), Normal(mu1, sigma1))


# --- samplers: torch.distributions takes no generator ---


def _seeded(parameter: Tensor, seed: int) -> torch.Generator:
    return torch.Generator(parameter.device).manual_seed(seed)


def bernoulli_sample(p: Tensor, *, shape: Any, seed: int) -> Tensor:
    return torch.bernoulli(p.expand(shape), generator=_seeded(p, seed))


def binomial_sample(n: Tensor, p: Tensor, *, shape: Any, seed: int) -> Tensor:
    return torch.binomial(n.to(p.dtype).expand(shape), p.expand(shape), generator=_seeded(p, seed))


def normal_sample(mu: Tensor, sigma: Tensor, *, shape: Any, seed: int) -> Tensor:
    return torch.normal(mu.expand(shape), sigma.expand(shape), generator=_seeded(mu, seed))


# --- moments ---


def variance(x: Tensor, *, axis: Any = None, ddof: int = 0) -> Tensor:
    return torch.var(x, dim=axis, correction=ddof)


def std(x: Tensor, *, axis: Any = None, ddof: int = 0) -> Tensor:
    return torch.std(x, dim=axis, correction=ddof)


def covariance(x: Tensor, *, ddof: int = 1) -> Tensor:
    return torch.atleast_2d(torch.cov(x.T, correction=ddof))  # PyTorch drops the axes of a single variable's matrix


def correlation(x: Tensor) -> Tensor:
    return torch.atleast_2d(torch.corrcoef(x.T))


# --- linear algebra ---


def _single_at_least(a: Tensor) -> Tensor:
    if a.dtype in (torch.float16, torch.bfloat16):
        raise NotImplementedError("PyTorch factors no 16-bit matrices")
    return a


def eigh(a: Tensor) -> tuple[Tensor, ...]:
    return tuple(torch.linalg.eigh(_single_at_least(a)))


def eig(a: Tensor) -> tuple[Tensor, ...]:
    return tuple(torch.linalg.eig(_single_at_least(a)))


def svd(a: Tensor) -> tuple[Tensor, ...]:
    return tuple(torch.linalg.svd(_single_at_least(a), full_matrices=False))


def det(a: Tensor) -> Tensor:
    return torch.linalg.det(_single_at_least(a))


def trace(a: Tensor) -> Tensor:
    return torch.trace(a)


def inverse(a: Tensor) -> Tensor:
    return torch.linalg.inv(_single_at_least(a))


def solve(a: Tensor, b: Tensor) -> Tensor:
    return torch.linalg.solve(_single_at_least(a), b)


def least_squares(X: Tensor, y: Tensor) -> Tensor:
    return torch.linalg.lstsq(_single_at_least(X), y[:, None]).solution[:, 0]
