"""Activations by other formulas that are as accurate: two branches, log1p, expm1, erfc, logaddexp."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from fiducial.conformance.mutants.different._tools import in_float64, in_own, widened
from fiducial.conformance.mutants.planted import DIFFERENT, RIGHT


def _branches(x: Any) -> Any:
    """The logistic function without an exponential that overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


DIFFERENT.enter("sigmoid", "two branches", "exp(x) / (1 + exp(x)) below 0")(widened(_branches))
DIFFERENT.enter("sigmoid", "expit", "SciPy's")(in_float64(special.expit))
DIFFERENT.enter("sigmoid", "in the format itself", "each step rounded to the dtype, also in 16 bits")(in_own(_branches))
DIFFERENT.enter("log_sigmoid", "minus softplus", "-softplus(-x)")(widened(lambda x: -_softplus(-x)))
DIFFERENT.enter("log_sigmoid", "logaddexp", "-log(e^0 + e^-x)")(widened(lambda x: -np.logaddexp(0, -x)))
DIFFERENT.enter("log_sigmoid", "log_expit", "SciPy's")(in_float64(special.log_expit))
DIFFERENT.enter("relu", "product", "x times whether it is positive, but for infinities and NaN")(
    widened(lambda x: np.where(np.isfinite(x), x * (x > 0), np.maximum(x, 0)))
)
DIFFERENT.enter("relu", "clip", "by clip")(widened(lambda x: np.clip(x, 0, None)))


@DIFFERENT.enter("softplus", "logaddexp", "log(e^0 + e^(beta x)) / beta")
@widened
def softplus(x: Any, *, beta: float = 1.0) -> Any:
    return np.logaddexp(0, beta * x) / beta


@DIFFERENT.enter("softplus", "maximum and log1p", "max(beta x, 0) + log1p(exp(-|beta x|)), over beta")
@widened
def stable_softplus(x: Any, *, beta: float = 1.0) -> Any:
    return _softplus(beta * x) / beta


@DIFFERENT.enter("tanh", "expm1", "e / (e + 2) with e = expm1(2 |x|), and the sign")
@widened
def tanh(x: Any) -> Any:
    e = np.expm1(2 * np.minimum(np.abs(x), 30))
    return np.where(np.abs(x) < 1e-30, x, np.copysign(e / (e + 2), x))


@DIFFERENT.enter("tanh_vjp", "sech", "c / cosh^2, squared last so that nothing overflows early")
@widened
def tanh_vjp(cotangent: Any, x: Any) -> Any:
    sech = 1 / np.cosh(x)
    return cotangent * sech * sech


@DIFFERENT.enter("sigmoid_vjp", "from both sides", "c s(x) s(-x)")
@widened
def sigmoid_vjp(cotangent: Any, x: Any) -> Any:
    return cotangent * _branches(x) * _branches(-x)


@DIFFERENT.enter("sigmoid_vjp", "one exponential", "c e / (1 + e)^2 with e = exp(-|x|)")
@widened
def sigmoid_vjp_by_exp(cotangent: Any, x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return cotangent * (e / (1 + e) ** 2)


@DIFFERENT.enter("elu", "two parts", "max(x, 0) + alpha expm1(min(x, 0))")
@widened
def elu(x: Any, *, alpha: float = 1.0) -> Any:
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))


@DIFFERENT.enter("leaky_relu", "two parts", "max(x, 0) + slope min(x, 0)")
@widened
def leaky_relu(x: Any, *, negative_slope: float = 0.01) -> Any:
    return np.maximum(x, 0) + negative_slope * np.minimum(x, 0)


@DIFFERENT.enter("silu", "quotient", "x / (1 + exp(-x)), and below 0 x exp(x) / (1 + exp(x))")
@widened
def silu(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    value = np.where(x >= 0, x / (1 + e), x * (e / (1 + e)))
    return np.where(x == -np.inf, 0, value)


@DIFFERENT.enter("silu", "in float64, rounded once", "x expit(x)", dtypes=("float32", "bfloat16", "float16"))
@in_float64
def wide_silu(x: Any) -> Any:
    return np.where(x == -np.inf, 0, x * special.expit(x))


@DIFFERENT.enter("silu_vjp", "one more product", "c s (1 + x s(-x))")
@widened
def silu_vjp(cotangent: Any, x: Any) -> Any:
    return cotangent * (_branches(x) * (1 + x * _branches(-x)))


def _erfc(x: Any) -> Any:
    return np.asarray(np.frompyfunc(math.erfc, 1, 1)(x), dtype=np.float64)


@DIFFERENT.enter("gelu", "erfc in float64", "x erfc(-x / sqrt 2) / 2, rounded once")
@in_float64
def gelu(x: Any, *, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return RIGHT.gelu(x, approximate=approximate)
    return np.where(x == -np.inf, 0, x * _erfc(-x * math.sqrt(0.5)) / 2)


@DIFFERENT.enter("gelu", "logistic form", "x s(2 u) for 1 + tanh(u) = 2 s(2 u)")
@widened
def gelu_tanh(x: Any, *, approximate: str = "none") -> Any:
    if approximate == "none":
        return RIGHT.gelu(x, approximate=approximate)
    u = np.sqrt(x.dtype.type(2 / math.pi)) * (x + x.dtype.type(0.044715) * x * x * x)
    return np.where(x == -np.inf, 0, x * _branches(2 * u))


@DIFFERENT.enter("step", "heaviside", "by NumPy's heaviside function")
@widened
def step(x: Any, *, at_zero: float = 0) -> Any:
    return np.heaviside(x, x.dtype.type(at_zero))
