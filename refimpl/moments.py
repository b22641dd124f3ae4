"""Sample moments: variance, deviation, covariance, correlation, autocorrelation, with vector-Jacobian products.

Each takes differences from the mean first and squares them then, since E[x^2] - E[x]^2 cancels. NaN propagates.
`ddof` is what is taken from the number of observations before dividing: 0 for the moment of the sample, 1 for an
unbiased variance. Every function raises ValueError for shapes, axes or a ddof that do not fit, for an empty array,
and for no more than ddof observations, naming the argument.
Source: Chan, Golub and LeVeque, *Algorithms for computing the sample variance* (1983).
"""

import math
from numbers import Integral
from typing import Any

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, constant, operation, require, require_shape
from fiducial.refimpl._shapes import Axis, axes
from fiducial.refimpl.reductions import norm, norm_vjp, sum, sum_vjp


def degrees(count: int, ddof: int) -> int:
    """count - ddof, which must be positive."""
    require(isinstance(ddof, Integral) and ddof >= 0, "ddof", "an integer, at least 0", ddof)
    require(count > ddof, "x", f"an array of at least {ddof + 1} observations for ddof={ddof}", count)
    return count - int(ddof)


def centred(x: Any, over: tuple[int, ...]) -> tuple[Any, Any]:
    """x less its mean over these axes, and the mean.

    The mean is taken of the distances from the first observation, so that it is exact for a constant sample; what it
    lacks for others is found in a second pass.
    """
    xp = array_namespace(x)
    first = x[tuple(slice(0, 1) if a in over else slice(None) for a in range(x.ndim))]
    mean = first + xp.mean(x - first, axis=over, keepdims=True)
    difference = x - mean
    rest = xp.mean(difference, axis=over, keepdims=True)
    return difference - rest, mean + rest


def _differences(x: Any, axis: Axis, ddof: int) -> tuple[Any, int]:
    over = axes(x, axis)
    require(math.prod(x.shape) > 0, "x", "a non-empty array", tuple(x.shape))
    degrees_of_freedom = degrees(math.prod(x.shape[a] for a in over), ddof)
    return centred(x, over)[0], degrees_of_freedom


def _root(x: Any, n: int) -> Any:
    return array_namespace(x).sqrt(constant(x, n))


@operation
def variance(x: Array, *, axis: Axis = None, ddof: int = 0) -> Array:
    """sum (x - mean)^2 / (N - ddof) over the N elements along the axes (all of them by default)."""
    difference, degrees_of_freedom = _differences(x, axis, ddof)
    return sum(difference * difference, axis=axis) / degrees_of_freedom


@operation
def variance_vjp(cotangent: Array, x: Array, *, axis: Axis = None, ddof: int = 0) -> Array:
    """dx = 2 c (x - mean) / (N - ddof)."""
    difference, degrees_of_freedom = _differences(x, axis, ddof)
    return sum_vjp(cotangent, difference, axis=axis) * (2 * difference / degrees_of_freedom)


@operation
def std(x: Array, *, axis: Axis = None, ddof: int = 0) -> Array:
    """The square root of the variance, of scaled differences whose squares neither overflow nor vanish."""
    difference, degrees_of_freedom = _differences(x, axis, ddof)
    return norm(difference, axis=axis) / _root(x, degrees_of_freedom)


@operation
def std_vjp(cotangent: Array, x: Array, *, axis: Axis = None, ddof: int = 0) -> Array:
    """dx = c (x - mean) / ((N - ddof) std), and for a constant sample the subgradient 0."""
    difference, degrees_of_freedom = _differences(x, axis, ddof)
    return norm_vjp(cotangent, difference, axis=axis) / _root(x, degrees_of_freedom)


def _observations(x: Any, ddof: int) -> tuple[Any, int]:
    """The centred columns of x (N, D), and N - ddof."""
    require(x.ndim == 2, "x", "an array (observations, variables)", tuple(x.shape))
    return _differences(x, 0, ddof)


@operation
def covariance(x: Array, *, ddof: int = 1) -> Array:
    """(x - mean)^T (x - mean) / (N - ddof) for x (N, D) -> (D, D)."""
    y, degrees_of_freedom = _observations(x, ddof)
    xp = array_namespace(x)
    return xp.matmul(xp.matrix_transpose(y), y) / degrees_of_freedom


@operation
def covariance_vjp(cotangent: Array, x: Array, *, ddof: int = 1) -> Array:
    """dx = (x - mean) (c + c^T) / (N - ddof)."""
    y, degrees_of_freedom = _observations(x, ddof)
    require_shape("cotangent", cotangent, 2 * x.shape[1:])
    xp = array_namespace(cotangent, x)
    return xp.matmul(y, cotangent + xp.matrix_transpose(cotangent)) / degrees_of_freedom


def _unit_columns(x: Any, ddof: int) -> tuple[Any, Any]:
    """The centred columns, each over its length, and the lengths."""
    y, _ = _observations(x, ddof)
    length = norm(y, axis=0)
    varying = array_namespace(x).all(length != 0)
    require(varying, "x", "an array of columns that vary, to have correlations", "a constant column")
    return y / length, length


@operation
def correlation(x: Array, *, ddof: int = 1) -> Array:
    """The covariance over the product of the standard deviations, for x (N, D) -> (D, D); it does not depend on ddof.

    Raises:
        ValueError: a column is constant.
    """
    y, _ = _unit_columns(x, ddof)
    xp = array_namespace(x)
    return xp.matmul(xp.matrix_transpose(y), y)


@operation
def correlation_vjp(cotangent: Array, x: Array, *, ddof: int = 1) -> Array:
    """dx_j = sum_(i != j) (c + c^T)_ij (y_i - r_ij y_j) / |x_j - mean_j|, with the unit columns y and r = y^T y.

    The diagonal of r is constant, and so its cotangent counts for nothing.
    """
    y, length = _unit_columns(x, ddof)
    require_shape("cotangent", cotangent, 2 * x.shape[1:])
    xp = array_namespace(cotangent, x)
    off_diagonal = 1 - xp.eye(x.shape[1], dtype=x.dtype, device=device(x))
    weights = off_diagonal * (cotangent + xp.matrix_transpose(cotangent))
    r = xp.matmul(xp.matrix_transpose(y), y)
    return (xp.matmul(y, weights) - y * xp.sum(weights * r, axis=0)) / length


def _unit_series(x: Any, lag: int) -> tuple[Any, Any]:
    """The centred series over its length, and the length."""
    require(x.ndim == 1, "x", "an array (T,)", tuple(x.shape))
    require(isinstance(lag, Integral) and lag >= 1, "lag", "an integer, at least 1", lag)
    require(x.shape[0] > lag, "x", f"an array of at least {lag + 1} terms for lag={lag}", x.shape[0])
    difference = centred(x, (0,))[0]
    varying = array_namespace(x).any(difference != 0)
    require(varying, "x", "a series that varies, to have an autocorrelation", "a constant series")
    length = norm(difference)
    return difference / length, length


@operation
def autocorrelation(x: Array, *, lag: int = 1) -> Array:
    """r = sum_(t < T - lag) d_t d_(t+lag) / sum_t d_t^2 with d = x - mean, for a series x (T,) -> ().

    Raises:
        ValueError: there are no more than lag terms, or the series is constant.
    Source: Box, Jenkins, Reinsel and Ljung, *Time Series Analysis* (2015), section 2.1.5.
    """
    y, _ = _unit_series(x, lag)
    return array_namespace(x).sum(y[:-lag] * y[lag:])


@operation
def autocorrelation_vjp(cotangent: Array, x: Array, *, lag: int = 1) -> Array:
    """dx = c (g - mean(g)) / |d| with g_t = y_(t-lag) + y_(t+lag) - 2 r y_t, y = d / |d|, and y = 0 beyond its ends."""
    require_shape("cotangent", cotangent, ())
    y, length = _unit_series(x, lag)
    xp = array_namespace(cotangent, x)
    beyond = xp.zeros((lag,), dtype=y.dtype, device=device(y))
    neighbours = xp.concat([beyond, y[:-lag]]) + xp.concat([y[lag:], beyond])
    return cotangent * centred(neighbours - 2 * xp.sum(y[:-lag] * y[lag:]) * y, (0,))[0] / length
