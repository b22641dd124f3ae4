"""Linear regression by least squares, and the likelihood of an autoregressive process, with their products.

Every function raises ValueError for shapes that do not fit, naming the argument.
"""

from typing import Any

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, constant, operation, require, require_shape
from fiducial.refimpl._distributions import require_all, require_positive


def _factors(X: Any, y: Any) -> tuple[Any, Any]:
    """X = Q R with orthonormal columns Q (N, p) and an upper triangle R (p, p)."""
    fits = X.ndim == 2 and X.shape[0] >= X.shape[1]
    require(fits, "X", "an array (N, p) with N >= p", tuple(X.shape))
    require_shape("y", y, X.shape[:1])
    xp = array_namespace(X, y)
    require_all(xp.isfinite(X), "X", "finite", X)
    require_all(xp.isfinite(y), "y", "finite", y)
    q, r = xp.linalg.qr(X, mode="reduced")
    full = xp.all(xp.linalg.diagonal(r) != 0)
    require(full, "X", "an array of linearly independent columns", "dependent ones")
    return q, r


def _substituted(r: Any, b: Any) -> Any:
    """R^-1 b. With zeros below the diagonal, elimination has nothing to do: what is left is substitution."""
    xp = array_namespace(r, b)
    x = xp.linalg.solve(r, b)
    require(xp.all(xp.isfinite(x)), "X", "an array of linearly independent columns", "dependent ones")
    return x


def _substituted_transposed(r: Any, b: Any) -> Any:
    """R^-T b, with both axes reversed: so R^T is an upper triangle too, and elimination picks no other pivots."""
    xp = array_namespace(r, b)
    return xp.flip(_substituted(xp.flip(xp.matrix_transpose(r)), xp.flip(b)))


@operation
def least_squares(X: Array, y: Array) -> Array:
    """The b (p,) that minimises |y - X b| for X (N, p) and y (N,), by Householder's factors X = Q R: R b = Q^T y.

    Raises:
        ValueError: N < p, an entry is not finite, or the columns of X are linearly dependent: R has a zero on its
            diagonal, or b is not finite.
    Source: Golub and Van Loan, *Matrix Computations* (2013), section 5.3.3.
    """
    q, r = _factors(X, y)
    xp = array_namespace(X, y)
    return _substituted(r, xp.matmul(xp.matrix_transpose(q), y))


@operation
def least_squares_vjp(cotangent: Array, X: Array, y: Array) -> tuple[Array, Array]:
    """dy = X w with w = (X^T X)^-1 c, dX = (y - X b) w^T - dy b^T.

    Source: Golub and Pereyra, *The differentiation of pseudo-inverses* (1973).
    """
    require_shape("cotangent", cotangent, X.shape[1:])
    q, r = _factors(X, y)
    xp = array_namespace(cotangent, X, y)
    b = _substituted(r, xp.matmul(xp.matrix_transpose(q), y))
    along = _substituted_transposed(r, cotangent)
    w, dy = _substituted(r, along), xp.matmul(q, along)
    residual = y - xp.matmul(X, b)
    return residual[:, None] * w - dy[:, None] * b, dy


def _shifted(x: Any, order: int, first: int) -> Any:
    """The windows (T, order) of x from first on, with 0 beyond its ends."""
    xp = array_namespace(x)
    zeros = xp.zeros((order,), dtype=x.dtype, device=device(x))
    padded = xp.concat([zeros, x, zeros])
    rows, columns = (xp.arange(n, dtype=xp.int64, device=device(x)) for n in (x.shape[0], order))
    ahead = columns if first > 0 else -columns
    positions = xp.reshape(rows[:, None] + ahead + (order + first), (-1,))
    return xp.reshape(xp.take(padded, positions), (x.shape[0], order))


def _innovations(x: Any, coefficients: Any, sigma: Any) -> tuple[Any, Any]:
    """z_t = (x_t - sum_i a_i x_(t-i)) / sigma, and the past (T, p) that it is taken from."""
    require(x.ndim == 1, "x", "an array (T,)", tuple(x.shape))
    require(coefficients.ndim == 1, "coefficients", "an array (p,)", tuple(coefficients.shape))
    require_shape("sigma", sigma, ())
    require_positive("sigma", sigma)
    past = _shifted(x, coefficients.shape[0], -1)
    return (x - array_namespace(x, coefficients).matmul(past, coefficients)) / sigma, past


@operation
def autoregressive_logpdf(x: Array, coefficients: Array, sigma: Array) -> Array:
    """sum_t log N(x_t; sum_i a_i x_(t-i), sigma^2) for x (T,), coefficients a (p,), a_1 first, and sigma of rank 0.

    x is 0 before the start, and all T terms count. Raises ValueError for a sigma that is not positive.
    Source: Box, Jenkins, Reinsel and Ljung, *Time Series Analysis* (2015), section 7.1; the chain rule of
    conditional probabilities.
    """
    z, _ = _innovations(x, coefficients, sigma)
    xp = array_namespace(x, coefficients)
    return -xp.sum(z * z) / 2 - x.shape[0] * (xp.log(sigma) + xp.log(constant(x, 2 * xp.pi)) / 2)


@operation
def autoregressive_logpdf_vjp(
    cotangent: Array, x: Array, coefficients: Array, sigma: Array
) -> tuple[Array, Array, Array]:
    """With z_t as above: dx_t = (sum_i a_i z_(t+i) - z_t) / sigma, da_i = sum_t z_t x_(t-i) / sigma,
    dsigma = sum_t (z_t - 1) (z_t + 1) / sigma."""
    require_shape("cotangent", cotangent, ())
    z, past = _innovations(x, coefficients, sigma)
    xp, c = array_namespace(x, coefficients), cotangent / sigma
    dx = xp.matmul(_shifted(z, coefficients.shape[0], 1), coefficients) - z
    return c * dx, c * xp.matmul(xp.matrix_transpose(past), z), c * xp.sum((z - 1) * (z + 1))
