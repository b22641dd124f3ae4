"""Activations: elementwise functions of an array of any shape, and their vector-Jacobian products.

Every `NAME_vjp(cotangent, x)` is the cotangent times the derivative, and raises ValueError when the shapes differ.
Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), sections 3.10 and 6.3; others as noted.
"""

from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, constant, erfc, operation, require, require_shape


def _logistic(x: Any) -> Any:
    """1 / (1 + exp(-x)) with no exponential that can overflow."""
    xp = array_namespace(x)
    return xp.exp(xp.minimum(x, 0.0)) / (1 + xp.exp(-xp.abs(x)))


def _logistic_slope(x: Any) -> Any:
    """s(x) s(-x): unlike s (1 - s), it keeps its relative accuracy where s rounds to 1."""
    xp = array_namespace(x)
    e = xp.exp(-xp.abs(x))
    return e / (1 + e) ** 2


def _finite_times(a: Any, b: Any) -> Any:
    """a b where a is finite, else 0: for a factor b that vanishes faster than a grows."""
    xp = array_namespace(a)
    return xp.where(xp.isfinite(a), a * b, 0.0)


def _chain(cotangent: Any, x: Any, derivative: Any) -> Any:
    require_shape("cotangent", cotangent, x.shape)
    return cotangent * derivative


@operation
def step(x: Array, *, at_zero: float = 0) -> Array:
    """0 for x < 0, 1 for x > 0, `at_zero` at 0."""
    xp = array_namespace(x)
    return xp.where(x > 0, 1.0, xp.where(x < 0, 0.0, xp.where(x == 0, at_zero, x)))


@operation
def step_vjp(cotangent: Array, x: Array, *, at_zero: float = 0) -> Array:
    """0: the derivative everywhere but at 0, where there is none."""
    return _chain(cotangent, x, array_namespace(x).zeros_like(x))


@operation
def sigmoid(x: Array) -> Array:
    """s(x) = 1 / (1 + exp(-x))."""
    return _logistic(x)


@operation
def sigmoid_vjp(cotangent: Array, x: Array) -> Array:
    """s'(x) = s(x) s(-x)."""
    return _chain(cotangent, x, _logistic_slope(x))


@operation
def log_sigmoid(x: Array) -> Array:
    """log s(x) = min(x, 0) - log(1 + exp(-|x|))."""
    xp = array_namespace(x)
    return xp.minimum(x, 0.0) - xp.log1p(xp.exp(-xp.abs(x)))


@operation
def log_sigmoid_vjp(cotangent: Array, x: Array) -> Array:
    """(log s)'(x) = s(-x)."""
    return _chain(cotangent, x, _logistic(-x))


@operation
def tanh(x: Array) -> Array:
    """tanh x."""
    return array_namespace(x).tanh(x)


@operation
def tanh_vjp(cotangent: Array, x: Array) -> Array:
    """tanh'(x) = 1 / cosh(x)^2 = 4 s(2x) s(-2x): unlike 1 - tanh^2, accurate where tanh rounds to 1."""
    return _chain(cotangent, x, 4 * _logistic_slope(2 * x))


@operation
def relu(x: Array) -> Array:
    """max(x, 0); NaN stays NaN."""
    return array_namespace(x).maximum(x, 0.0)


@operation
def relu_vjp(cotangent: Array, x: Array) -> Array:
    """1 for x > 0, else 0 (at 0 the subgradient 0)."""
    return _chain(cotangent, x, array_namespace(x).astype(x > 0, x.dtype))


@operation
def leaky_relu(x: Array, *, negative_slope: float = 0.01) -> Array:
    """x for x > 0, else negative_slope x (Maas, Hannun and Ng, 2013)."""
    return array_namespace(x).where(x > 0, x, negative_slope * x)


@operation
def leaky_relu_vjp(cotangent: Array, x: Array, *, negative_slope: float = 0.01) -> Array:
    """1 for x > 0, else negative_slope; it looks at the sign of x, not of the output, as a slope may be negative."""
    xp = array_namespace(x)
    return _chain(cotangent, x, xp.where(x > 0, xp.ones_like(x), negative_slope))


@operation
def elu(x: Array, *, alpha: float = 1.0) -> Array:
    """x for x > 0, else alpha (exp(x) - 1) (Clevert, Unterthiner and Hochreiter, 2016)."""
    xp = array_namespace(x)
    return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0.0)))


@operation
def elu_vjp(cotangent: Array, x: Array, *, alpha: float = 1.0) -> Array:
    """1 for x > 0, else alpha exp(x)."""
    xp = array_namespace(x)
    return _chain(cotangent, x, xp.where(x > 0, 1.0, alpha * xp.exp(xp.minimum(x, 0.0))))


@operation
def softplus(x: Array, *, beta: float = 1.0) -> Array:
    """log(1 + exp(beta x)) / beta, for every x: there is no threshold beyond which it becomes the identity.

    Raises:
        ValueError: beta is 0.
    """
    require(beta != 0, "beta", "a number other than 0", beta)
    xp = array_namespace(x)
    line = xp.maximum(x, 0.0) if beta > 0 else xp.minimum(x, 0.0)
    return line + xp.log1p(xp.exp(-xp.abs(beta * x))) / beta


@operation
def softplus_vjp(cotangent: Array, x: Array, *, beta: float = 1.0) -> Array:
    """s(beta x)."""
    require(beta != 0, "beta", "a number other than 0", beta)
    return _chain(cotangent, x, _logistic(beta * x))


def _gelu_gate(x: Any, approximate: str) -> tuple[Any, Any]:
    """The factor g(x) of x g(x), and x g'(x): the normal distribution function, or the logistic one in its place."""
    require(approximate in ("none", "tanh"), "approximate", "'none' or 'tanh'", approximate)
    xp = array_namespace(x)
    if approximate == "none":
        density = xp.exp(-x * x / 2) / xp.sqrt(constant(x, 2 * xp.pi))
        return erfc(-x / xp.sqrt(constant(x, 2))) / 2, _finite_times(x, density)
    # 1 + tanh(u) = 2 s(2u), which does not cancel for negative u.
    k = xp.sqrt(constant(x, 8 / xp.pi))
    u = k * (x + 0.044715 * x**3)
    return _logistic(u), _finite_times(k * (x + 0.134145 * x**3), _logistic_slope(u))


@operation
def gelu(x: Array, *, approximate: str = "none") -> Array:
    """x Phi(x), or with approximate="tanh" x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2; 0 at -infinity.

    Source: Hendrycks and Gimpel, *Gaussian Error Linear Units* (2016).

    Raises:
        ValueError: approximate is neither "none" nor "tanh".
        NotImplementedError: approximate is "none" and the array namespace has no erfc.
    """
    xp = array_namespace(x)
    gate, _ = _gelu_gate(x, approximate)
    return xp.where(x == -xp.inf, 0.0, x * gate)


@operation
def gelu_vjp(cotangent: Array, x: Array, *, approximate: str = "none") -> Array:
    """Phi(x) + x phi(x), or the derivative of the tanh form."""
    gate, x_gate_slope = _gelu_gate(x, approximate)
    return _chain(cotangent, x, gate + x_gate_slope)


@operation
def silu(x: Array) -> Array:
    """x s(x); 0 at -infinity (Elfwing, Uchibe and Doya, 2018)."""
    xp = array_namespace(x)
    return xp.where(x == -xp.inf, 0.0, x * _logistic(x))


@operation
def silu_vjp(cotangent: Array, x: Array) -> Array:
    """s(x) + x s(x) s(-x)."""
    return _chain(cotangent, x, _logistic(x) + _finite_times(x, _logistic_slope(x)))
