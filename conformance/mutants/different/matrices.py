"""Linear systems and least squares by other factorisations: QR, Gauss-Jordan, Givens, LAPACK's other drivers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import linalg

from fiducial.conformance.mutants.different._tools import finite
from fiducial.conformance.mutants.planted import DIFFERENT


def _eliminated(a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Gaussian elimination with partial pivoting: the upper triangle, the right-hand sides, the pivots' sign."""
    a, b, sign = a.copy(), b.copy(), 1
    for k in range(len(a)):
        p = k + int(np.argmax(np.abs(a[k:, k])))
        if a[p, k] == 0:
            continue
        if p != k:
            a[[k, p]], b[[k, p]], sign = a[[p, k]], b[[p, k]], -sign
        factors = a[k + 1 :, k] / a[k, k]
        a[k + 1 :, k:] -= factors[:, None] * a[k, k:]
        b[k + 1 :] -= factors[:, None] * b[k]
    return a, b, sign


def _back(u: Any, b: Any) -> Any:
    """Back substitution, row by row."""
    x = np.zeros_like(b)
    for k in reversed(range(len(u))):
        x[k] = (b[k] - u[k, k + 1 :] @ x[k + 1 :]) / u[k, k]
    return x


def _by_elimination(a: Any, b: Any) -> Any:
    u, c, _ = _eliminated(a, b)
    return _back(u, c)


def _by_qr(a: Any, b: Any) -> Any:
    q, r = linalg.qr(a)
    return linalg.solve_triangular(r, q.T @ b)


def _by_lu(a: Any, b: Any) -> Any:
    return linalg.lu_solve(linalg.lu_factor(a), b)


SOLVERS = {
    "Gaussian elimination": ("written out, with partial pivoting", _by_elimination),
    "QR": ("by Householder's factors", _by_qr),
    "LU": ("by SciPy's factors", _by_lu),
}


def _enter(name: str, what: str, solver: Any) -> None:
    def solve(a: Any, b: Any) -> Any:
        finite(a, b)
        return solver(a, b[:, None] if b.ndim == 1 else b).reshape(b.shape).astype(a.dtype)

    def inverse(a: Any) -> Any:
        finite(a)
        return solver(a, np.eye(len(a), dtype=a.dtype)).astype(a.dtype)

    DIFFERENT.enter("solve", name, what)(solve)
    DIFFERENT.enter("inverse", name, f"the solution for the identity: {what}")(inverse)


for _name, (_what, _solver) in SOLVERS.items():
    _enter(_name, _what, _solver)


@DIFFERENT.enter("det", "QR", "the product of R's diagonal, with the sign of the reflections")
def det_by_qr(a: Any) -> Any:
    if not len(a):
        return np.ones((), a.dtype)
    (_, tau), r = linalg.qr(a, mode="raw")
    return np.asarray(np.prod(np.diag(r)) * (-1) ** int(np.count_nonzero(tau)), a.dtype)


@DIFFERENT.enter("det", "elimination", "the product of the pivots, the last first")
def det_by_elimination(a: Any) -> Any:
    u, _, sign = _eliminated(a, np.zeros((len(a), 0), a.dtype))
    return np.asarray(sign * np.prod(np.diag(u)[::-1]), a.dtype)


def _lstsq(driver: str) -> None:
    def least_squares(X: Any, y: Any) -> Any:
        finite(X, y)
        _, exponent = np.frexp(np.sqrt((X.astype(np.float64) ** 2).sum(axis=0)))  # powers of two: nothing is rounded
        columns = np.ldexp(X, -exponent)
        if np.linalg.matrix_rank(columns.astype(np.float64)) < X.shape[1]:
            raise ValueError("X must have linearly independent columns")
        least = float(np.finfo(X.dtype).tiny)
        found = linalg.lstsq(columns, y, cond=least, lapack_driver=driver)[0]
        return np.ldexp(found.astype(X.dtype), -exponent)

    DIFFERENT.enter("least_squares", driver, f"LAPACK's {driver}, with scaled columns")(least_squares)


for _driver in ("gelsd", "gelsy", "gelss"):
    _lstsq(_driver)


@DIFFERENT.enter("least_squares", "QR of the scaled columns", "SciPy's factors of columns of length 1")
def scaled(X: Any, y: Any) -> Any:
    finite(X, y)
    length = np.sqrt((X * X).sum(axis=0))
    q, r = linalg.qr(X / length, mode="economic")
    return (linalg.solve_triangular(r, q.T @ y) / length).astype(X.dtype)


@DIFFERENT.enter("least_squares", "QR with y beside X", "Householder's R of [X y]: its last column is Q^T y")
def beside(X: Any, y: Any) -> Any:
    finite(X, y)
    n = X.shape[1]
    r = linalg.qr(np.column_stack([X, y]), mode="r")[0]
    return linalg.solve_triangular(r[:n, :n], r[:n, n]).astype(X.dtype)


@DIFFERENT.enter("least_squares", "Givens rotations", "entries below the diagonal are rotated away, one by one")
def givens(X: Any, y: Any) -> Any:
    finite(X, y)
    a = np.column_stack([X, y]).astype(X.dtype)
    for j in range(X.shape[1]):
        for i in range(j + 1, len(a)):
            h = math.hypot(a[j, j], a[i, j])
            if h:
                c, s = a.dtype.type(a[j, j] / h), a.dtype.type(a[i, j] / h)
                a[j], a[i] = c * a[j] + s * a[i], c * a[i] - s * a[j]
    n = X.shape[1]
    if not np.diag(a)[:n].all():
        raise ValueError("X must have linearly independent columns")
    return _back(a[:n, :n], a[:n, n:])[:, 0]


@DIFFERENT.enter("least_squares", "modified Gram-Schmidt", "with y as a last column (Björck 1967)")
def gram_schmidt(X: Any, y: Any) -> Any:
    finite(X, y)
    a, n = np.column_stack([X, y]).astype(X.dtype), X.shape[1]
    r = np.zeros((n, n + 1), X.dtype)
    for k in range(n):
        r[k, k] = np.sqrt(a[:, k] @ a[:, k])
        q = a[:, k] / r[k, k]
        r[k, k + 1 :] = q @ a[:, k + 1 :]
        a[:, k + 1 :] -= q[:, None] * r[k, k + 1 :]
    return _back(r[:, :n], r[:, n:])[:, 0]
