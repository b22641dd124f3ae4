"""Faults of normalisation: the variance, eps, gamma, and which entries a mean is over."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import as_stored, widened


@REPORTED.enter(
    "layer_norm",
    "NORM-01",
    "the variance as E[x^2] - E[x]^2, which cancels where the mean is far from 0",
    report="pytorch/pytorch#51102, microsoft/onnxruntime#28463, tracel-ai/burn#5607, ml-explore/mlx#2238",
    cause="cancellation",
)
@widened
def one_pass(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    m = x.mean(axis=-1, keepdims=True)
    v = (x * x).mean(axis=-1, keepdims=True) - m * m
    return gamma * ((x - m) / np.sqrt(v + eps)) + beta


@REPORTED.enter(
    "layer_norm",
    "NORM-03",
    "a row is padded with zeros to a power of two, and the padding's distances from the mean count",
    report="triton-lang/triton#9838",
    cause="size",
)
@widened
def padding_counts(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    D = x.shape[-1]
    lanes = 1 << (D - 1).bit_length()
    m = x.mean(axis=-1, keepdims=True)
    v = (np.sum((x - m) ** 2, axis=-1, keepdims=True) + (lanes - D) * m * m) / D
    return gamma * ((x - m) / np.sqrt(v + eps)) + beta


EPS = "eps is not used"


@REPORTED.enter("layer_norm", "NORM-05", EPS, report="torchcvnn/torchcvnn#32", cause="attribute")
def layer_without_eps(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    return RIGHT.layer_norm(x, gamma, beta, eps=0.0)


@REPORTED.enter("batch_norm", "NORM-05", EPS, report="torchcvnn/torchcvnn#32", cause="attribute")
def batch_without_eps(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    return RIGHT.batch_norm(x, gamma, beta, eps=0.0)


@REPORTED.enter(
    "batch_norm_vjp",
    "NORM-07",
    "gamma is missing in the gradient of x, which a gamma of 1 hides",
    report="denizyuret/Knet.jl#288",
    cause="term",
)
def without_gamma(cotangent: Any, x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    _, dgamma, dbeta = RIGHT.batch_norm_vjp(cotangent, x, gamma, beta, eps=eps)
    return RIGHT.batch_norm_vjp(cotangent, x, np.ones_like(gamma), beta, eps=eps)[0], dgamma, dbeta


@REPORTED.enter(
    "layer_norm_vjp",
    "NORM-09",
    "with three axes or more, the rows are taken to be the entries of the first one, and all else as the features",
    report="flagos-ai/FlagGems#5392",
    cause="shape",
)
def rows_of_first_axis(cotangent: Any, x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    if x.ndim < 3:
        return RIGHT.layer_norm_vjp(cotangent, x, gamma, beta, eps=eps)
    M, D = x.shape[0], x.shape[-1]
    repeated = (np.tile(a, x.size // (M * D)) for a in (gamma, beta))
    dx, dgamma, dbeta = RIGHT.layer_norm_vjp(cotangent.reshape(M, -1), x.reshape(M, -1), *repeated, eps=eps)
    return dx.reshape(x.shape), dgamma[:D], dbeta[:D]  # what follows is out of bounds


@REPORTED.enter("batch_norm", "NORM-13", "the square root is left out", report="jax-ml/jax#443", cause="term")
@widened
def without_root(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    over, shape = tuple(a for a in range(x.ndim) if a != 1), (-1, *(1,) * (x.ndim - 2))
    d = x - x.mean(axis=over, keepdims=True)
    v = np.mean(d * d, axis=over, keepdims=True)
    return gamma.reshape(shape) * (d / (v + eps)) + beta.reshape(shape)


@REPORTED.enter(
    "layer_norm_vjp",
    "NORM-15",
    "of a single row, every column reads a variance of its own, of which all but the first lie out of range (here 0)",
    report="PaddlePaddle/Paddle#35480",
    cause="size",
)
@widened
def variance_out_of_range(cotangent: Any, x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    dx, dgamma, dbeta = RIGHT.layer_norm_vjp(cotangent, x, gamma, beta, eps=eps)
    if x.size == x.shape[-1]:
        v = np.var(x, axis=-1, keepdims=True)
        dx = dx * np.where(np.arange(x.shape[-1]) == 0, np.ones_like(v), np.sqrt((v + eps) / np.asarray(eps, x.dtype)))
    return dx, dgamma, dbeta


STRIDES = "the strides of x are ignored: its memory is read from the start"


@REPORTED.enter(
    "batch_norm",
    "NORM-19",
    STRIDES,
    report="pytorch/pytorch#175189, pytorch/pytorch#133520",
    cause="layout",
)
def read_from_start(x: Any, gamma: Any, beta: Any, **attributes: Any) -> Any:
    return RIGHT.batch_norm(as_stored(x), gamma, beta, **attributes)


@REPORTED.enter("batch_norm_vjp", "NORM-19", STRIDES)
def read_from_start_vjp(cotangent: Any, x: Any, gamma: Any, beta: Any, **attributes: Any) -> Any:
    return RIGHT.batch_norm_vjp(cotangent, as_stored(x), gamma, beta, **attributes)
