"""Eigenvalues and singular values of one matrix, with their vector-Jacobian products.

Eigenvectors and singular vectors are of length 1, and their signs (for `eig` their phases) are free; the sign of a
column of u goes with that of its row of vh. Each gradient is that of a function that does not depend on the signs, and
is defined where the values that it divides by are distinct.
Every function raises ValueError for shapes that do not fit and for entries that are not finite, naming the argument.
Source: Golub and Van Loan, *Matrix Computations* (2013), chapters 7 and 8; Giles, *An extended collection of matrix
derivative results* (2008); Townsend, *Differentiating the singular value decomposition* (2016).
"""

from typing import Any

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, operation, require
from fiducial.refimpl._distributions import require_cotangents
from fiducial.refimpl.matrices import require_finite, require_square


def _over(numerator: Any, denominator: Any, values: str) -> Any:
    """The quotient, and 0 where the numerator is 0; raises ValueError where only the denominator is."""
    xp = array_namespace(numerator, denominator)
    unneeded = numerator == 0
    defined = xp.all(unneeded | (denominator != 0))
    require(defined, "a", f"a matrix of distinct {values}", f"equal or vanishing {values}")
    return xp.where(unneeded, 0.0, numerator / xp.where(unneeded, 1.0, denominator))


def _symmetric(a: Any) -> tuple[Any, Any]:
    require_square(a)
    require_finite("a", a)
    xp = array_namespace(a)
    if not xp.all(a == xp.matrix_transpose(a)):
        largest = float(xp.max(xp.abs(a - xp.matrix_transpose(a))))
        require(False, "a", "a symmetric matrix", f"entries that differ by up to {largest} from those across")
    values, vectors = xp.linalg.eigh(a)
    return values, vectors


@operation
def eigh(a: Array) -> tuple[Array, Array]:
    """w (n,) ascending and v (n, n) with a v = v diag(w) and v^T v = I, for a symmetric a (n, n).

    Raises:
        ValueError: a is not exactly equal to its transpose.
    """
    return _symmetric(a)


@operation
def eigh_vjp(cotangent: tuple[Array, Array], a: Array) -> Array:
    """da = v (diag(dw) + F o (v^T dv)) v^T, of which the symmetric part, with F_ij = 1 / (w_j - w_i).

    Raises:
        ValueError: an eigenvalue is repeated, and the cotangent of v tells its eigenvectors apart.
    """
    w, v = _symmetric(a)
    require_cotangents(cotangent, w.shape, v.shape)
    dw, dv = cotangent
    xp = array_namespace(a)
    turn = xp.matmul(xp.matrix_transpose(v), dv)
    inner = _over((turn - xp.matrix_transpose(turn)) / 2, w - w[:, None], "eigenvalues") + _diagonal(dw)
    da = xp.matmul(xp.matmul(v, inner), xp.matrix_transpose(v))
    return (da + xp.matrix_transpose(da)) / 2


def _diagonal(values: Any) -> Any:
    xp = array_namespace(values)
    return values * xp.eye(values.shape[0], dtype=values.dtype, device=device(values))


@operation
def eig(a: Array) -> tuple[Array, Array]:
    """w (n,) and v (n, n), complex, with a v = v diag(w) and columns of length 1, for a square a (n, n).

    They are complex64 for an `a` narrower than float64; it has no vector-Jacobian product here.

    Raises:
        NotImplementedError: the array namespace has no linalg.eig.
    """
    require_square(a)
    require_finite("a", a)
    xp = array_namespace(a)
    if not hasattr(xp.linalg, "eig"):
        raise NotImplementedError(f"{xp.__name__} has no linalg.eig")
    # NumPy's are real where all the eigenvalues are.
    dtype = xp.complex128 if a.dtype == xp.float64 else xp.complex64
    w, v = xp.linalg.eig(a)
    return xp.astype(w, dtype), xp.astype(v, dtype)


def thin_svd(a: Any) -> tuple[Any, Any, Any]:
    require(a.ndim == 2, "a", "a matrix (m, n)", tuple(a.shape))
    require_finite("a", a)
    u, s, vh = array_namespace(a).linalg.svd(a, full_matrices=False)
    return u, s, vh


@operation
def svd(a: Array) -> tuple[Array, Array, Array]:
    """u (m, k), s (k,) descending and vh (k, n) with a = u diag(s) vh and u^T u = vh vh^T = I, k = min(m, n)."""
    return thin_svd(a)


def _outside(u: Any, du: Any, s: Any) -> Any:
    """(I - u u^T) du diag(s)^-1: what moves the columns of u out of their span, and 0 where they span everything."""
    xp = array_namespace(u, du)
    if u.shape[0] == u.shape[1]:
        return xp.zeros_like(u)
    return _over(
        du - xp.matmul(u, xp.matmul(xp.matrix_transpose(u), du)), xp.broadcast_to(s, du.shape), "singular values"
    )


def svd_gradient(u: Any, s: Any, vh: Any, du: Any, ds: Any, dvh: Any) -> Any:
    """u (diag(ds) + P + Q) v^T + (I - u u^T) du s^-1 v^T + u s^-1 dv^T (I - v v^T), where
    P_ij = (u^T du - du^T u)_ij / (s_j - s_i) s_j / (s_i + s_j), and Q_ij the same of v with s_i as the numerator."""
    xp = array_namespace(u, s)
    v, dv = xp.matrix_transpose(vh), xp.matrix_transpose(dvh)
    total = s + s[:, None]
    share = s / xp.where(total == 0, 1.0, total)
    turns = [xp.matmul(xp.matrix_transpose(x), dx) for x, dx in ((u, du), (v, dv))]
    p, q = (_over(turn - xp.matrix_transpose(turn), s - s[:, None], "singular values") for turn in turns)
    inner = _diagonal(ds) + p * share + q * xp.matrix_transpose(share)
    left = xp.matmul(u, inner) + _outside(u, du, s)
    return xp.matmul(left, vh) + xp.matmul(u, xp.matrix_transpose(_outside(v, dv, s)))


@operation
def svd_vjp(cotangent: tuple[Array, Array, Array], a: Array) -> Array:
    """da of the thin decomposition, for real matrices of any shape.

    Raises:
        ValueError: a singular value is repeated or 0, and the cotangents of its vectors need it not to be.
    """
    u, s, vh = thin_svd(a)
    require_cotangents(cotangent, u.shape, s.shape, vh.shape)
    return svd_gradient(u, s, vh, *cotangent)
