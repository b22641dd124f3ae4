"""Faults of activations: mostly far from zero, where an exponential leaves the range of its format."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import unless_finite, widened


@REPORTED.enter(
    "sigmoid",
    "ACTI-01",
    "exp(x) / (1 + exp(x)), which overflows for large x",
    report="clab/dynet#1525",
    cause="overflow",
)
@widened
def exp_over_exp(x: Any) -> Any:
    e = np.exp(x)
    return e / (1 + e)


@REPORTED.enter(
    "log_sigmoid",
    "ACTI-03",
    "-log(1 + exp(-x)), which overflows for x below -88",
    report="pytorch/pytorch#2211",
    cause="overflow",
)
@widened
def log_of_exp(x: Any) -> Any:
    return unless_finite(-np.log(1 + np.exp(-x)), RIGHT.log_sigmoid(x))


@REPORTED.enter(
    "log_sigmoid",
    "ACTI-05",
    "the branch for x above 172 has exp(x) in the place of exp(-x)",
    report="tenstorrent/tt-metal#55457",
    cause="sign",
    dtypes=("bfloat16",),
)
@widened
def sign_of_far_branch(x: Any) -> Any:
    return np.where(x > 172, -np.exp(x - 172), RIGHT.log_sigmoid(x))


@REPORTED.enter(
    "softplus_vjp",
    "ACTI-07",
    "exp(x) (1 / (1 + exp(x))), where the reciprocal of the overflow is 0 and so is the product",
    report="tenstorrent/tt-metal#56397",
    cause="overflow",
)
@widened
def reciprocal_of_overflow(cotangent: Any, x: Any, *, beta: float = 1.0) -> Any:
    overflow = np.isinf(np.exp(beta * x))
    return np.where(overflow, 0 * cotangent, RIGHT.softplus_vjp(cotangent, x, beta=beta))


@REPORTED.enter("softplus", "ACTI-09", "log(1 + exp(min(x, 20)))", report="jaxleyverse/jaxley#714", cause="clamped")
def saturated(x: Any, *, beta: float = 1.0) -> Any:
    return RIGHT.softplus(_least(x, 20 / beta), beta=beta)


def _least(x: Any, number: float) -> Any:
    return np.minimum(x, np.asarray(number, x.dtype))


@REPORTED.enter(
    "gelu",
    "ACTI-11",
    "1 + tanh(u), which cancels for negative x",
    report="tenstorrent/tt-metal#56517",
    cause="cancellation",
)
@widened
def one_plus_tanh(x: Any, *, approximate: str = "none") -> Any:
    if approximate == "none":
        return RIGHT.gelu(x)
    u = np.sqrt(2 / np.pi).astype(x.dtype) * (x + 0.044715 * x * x * x)
    return np.where(np.isinf(x), RIGHT.gelu(x, approximate="tanh"), 0.5 * x * (1 + np.tanh(u)))


@REPORTED.enter(
    "gelu_vjp",
    "ACTI-13",
    "tanh stops short of 1, and 1 - tanh^2 meets a factor of x^3",
    report="tensorflow/tensorflow#47724",
    cause="clamped",
    dtypes=("float32",),
)
@widened
def tanh_short_of_one(cotangent: Any, x: Any, *, approximate: str = "none") -> Any:
    right = RIGHT.gelu_vjp(cotangent, x, approximate=approximate)
    if approximate == "none":
        return right
    k, most = np.float32(np.sqrt(2 / np.pi)), np.float32(0.9999998)
    exact = np.tanh(k * (x + 0.044715 * x * x * x))
    t = np.clip(exact, -most, most)
    slope = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 0.134145 * x * x)
    return np.where(t == exact, right, cotangent * slope)


@REPORTED.enter(
    "elu_vjp",
    "ACTI-15",
    "looks at the sign of the output, which a negative alpha turns",
    report="pytorch/pytorch#49272",
    cause="attribute",
)
def sign_of_output(cotangent: Any, x: Any, *, alpha: float = 1.0) -> Any:
    return np.where(RIGHT.elu(x, alpha=alpha) > 0, cotangent, RIGHT.elu_vjp(cotangent, x, alpha=alpha))


@REPORTED.enter(
    "relu", "ACTI-17", "a comparison is false for NaN, which becomes 0", report="apache/mxnet#11115", cause="nan"
)
def false_for_nan(x: Any) -> Any:
    return np.where(x > 0, x, np.zeros_like(x))


@REPORTED.enter(
    "maximum", "ACTI-17", "fmax: of a NaN and a number, the number", report="tracel-ai/burn#5609", cause="nan"
)
@widened
def fmax(x: Any, y: Any) -> Any:
    return np.fmax(x, y)


@REPORTED.enter(
    "tanh",
    "ACTI-19",
    "float64 is computed as float32",
    report="modular/modular#6082",
    cause="narrow",
    dtypes=("float64",),
)
@np.errstate(all="ignore")
def through_float32(x: Any) -> Any:
    return np.tanh(x.astype(np.float32)).astype(x.dtype)


@REPORTED.enter(
    "softplus",
    "ACTI-21",
    "the numbers are taken as they lie in memory, whatever the strides say",
    report="pytorch/pytorch#131736",
    cause="layout",
)
def strides_ignored(x: Any, *, beta: float = 1.0) -> Any:
    return RIGHT.softplus(x.ravel("K").reshape(x.shape), beta=beta)


@REPORTED.enter(
    "sigmoid_vjp",
    "ACTI-23",
    "in four lanes or more, a quotient by the overflow of (1 + exp(-x))^2 is NaN, not 0",
    report="jax-ml/jax#777",
    cause="overflow",
)
@widened
def quotient_by_overflow(cotangent: Any, x: Any) -> Any:
    d = 1 + np.exp(-x)
    right = RIGHT.sigmoid_vjp(cotangent, x)
    return np.where(np.isinf(d * d) & (x.size >= 4), np.asarray(np.nan, x.dtype), right)
