"""Determinant, trace, inverse and solution of a linear system, with their vector-Jacobian products.

`a` is one matrix (n, n), 0 by 0 included. Every function raises ValueError for shapes that do not fit, naming the
argument. Source: Golub and Van Loan, *Matrix Computations* (2013), chapter 3; Giles, *An extended collection of matrix
derivative results* (2008).
"""

from collections.abc import Callable
from typing import Any

import numpy
from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, operation, require, require_shape
from fiducial.refimpl._distributions import require_all


def require_square(a: Any) -> None:
    require(a.ndim == 2 and a.shape[0] == a.shape[1], "a", "a square matrix (n, n)", tuple(a.shape))


def require_finite(argument: str, array: Any) -> None:
    require_all(array_namespace(array).isfinite(array), argument, "finite", array)


def _regular(result: Callable[[], Any]) -> Any:
    """The result, unless the matrix is singular: of this some libraries raise LinAlgError, the others return inf."""
    try:
        value = result()
    except numpy.linalg.LinAlgError:
        value = None
    regular = value is not None and array_namespace(value).all(array_namespace(value).isfinite(value))
    require(regular, "a", "a matrix with an inverse in this dtype", "a singular one")
    return value


def _inverse(a: Any) -> Any:
    require_square(a)
    require_finite("a", a)
    return _regular(lambda: array_namespace(a).linalg.inv(a))


def _solution(a: Any, b: Any) -> Any:
    require_square(a)
    fits = b.ndim in (1, 2) and b.shape[0] == a.shape[0]
    require(fits, "b", f"an array ({a.shape[0]},) or ({a.shape[0]}, m)", tuple(b.shape))
    require_finite("a", a)
    require_finite("b", b)
    return _regular(lambda: array_namespace(a, b).linalg.solve(a, b))


@operation
def det(a: Array) -> Array:
    """The determinant, of rank 0; 1 for a matrix 0 by 0."""
    require_square(a)
    return array_namespace(a).linalg.det(a)


@operation
def det_vjp(cotangent: Array, a: Array) -> Array:
    """da = c det(a) a^-T; raises ValueError for a singular matrix."""
    require_shape("cotangent", cotangent, ())
    xp = array_namespace(cotangent, a)
    return cotangent * xp.linalg.det(a) * xp.matrix_transpose(_inverse(a))


@operation
def trace(a: Array) -> Array:
    """The sum of the diagonal, of rank 0."""
    require_square(a)
    return array_namespace(a).linalg.trace(a)


@operation
def trace_vjp(cotangent: Array, a: Array) -> Array:
    """da = c I."""
    require_square(a)
    require_shape("cotangent", cotangent, ())
    return cotangent * array_namespace(a).eye(a.shape[0], dtype=a.dtype, device=device(a))


@operation
def inverse(a: Array) -> Array:
    """a^-1 (n, n); raises ValueError for a matrix that is singular or not finite."""
    return _inverse(a)


@operation
def inverse_vjp(cotangent: Array, a: Array) -> Array:
    """da = -a^-T c a^-T."""
    require_shape("cotangent", cotangent, a.shape)
    xp = array_namespace(cotangent, a)
    transposed = xp.matrix_transpose(_inverse(a))
    return -xp.matmul(xp.matmul(transposed, cotangent), transposed)


@operation
def solve(a: Array, b: Array) -> Array:
    """The x with a x = b, for b (n,) or (n, m); raises ValueError for an `a` that is singular, or if not finite."""
    return _solution(a, b)


@operation
def solve_vjp(cotangent: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """db = a^-T c, da = -db x^T."""
    require_shape("cotangent", cotangent, b.shape)
    xp, x = array_namespace(cotangent, a, b), _solution(a, b)
    db = _solution(xp.matrix_transpose(a), cotangent)
    columns = (a.shape[0], -1) if b.size else (a.shape[0], 0)
    return -xp.matmul(xp.reshape(db, columns), xp.matrix_transpose(xp.reshape(x, columns))), db
