"""Symmetric eigenproblems with other signs, by Jacobi's rotations and by LAPACK's other drivers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from fiducial.conformance.mutants.different._tools import alternating, finite
from fiducial.conformance.mutants.planted import DIFFERENT


def _finite(a: Any) -> Any:
    finite(a)
    return a


def _flipped(a: Any) -> Any:
    w, v = np.linalg.eigh(_finite(a))
    return w, (v * alternating(len(a))).astype(a.dtype)


def _positive_largest(a: Any) -> Any:
    w, v = np.linalg.eigh(_finite(a))
    if not len(a):
        return w, v
    return w, v * np.sign(np.take_along_axis(v, np.argmax(np.abs(v), axis=0)[None], 0))


def _upper(a: Any) -> Any:
    return np.linalg.eigh(_finite(a), UPLO="U")


def _driver(name: str) -> Any:
    def decompose(a: Any) -> Any:
        w, v = linalg.eigh(_finite(a), driver=name) if len(a) else np.linalg.eigh(a)
        return w.astype(a.dtype), v.astype(a.dtype)

    return decompose


def _rotation(p: Any, q: Any, r: Any) -> tuple[Any, Any]:
    """cos and sin of the angle that makes ((p, r), (r, q)) diagonal; the smaller one."""
    t = (q - p) / (2 * r)
    tangent = np.where(t >= 0, 1, -1) / (abs(t) + np.hypot(1, t))
    c = 1 / np.hypot(1, tangent)
    return c, c * tangent


def _jacobi(a: Any) -> Any:
    """Cyclic Jacobi rotations, in the dtype, of a matrix scaled by a power of two."""
    _, exponent = np.frexp(np.max(np.abs(_finite(a)), initial=0))
    m, v = np.ldexp(a, -int(exponent)), np.eye(len(a), dtype=a.dtype)
    for _ in range(40):
        rotated = False
        for i in range(len(a)):
            for j in range(i + 1, len(a)):
                if abs(m[i, j]) <= np.finfo(a.dtype).eps / 8 * np.sqrt(abs(m[i, i]) * abs(m[j, j])) or not m[i, j]:
                    continue
                if abs(m[i, j]) < np.finfo(a.dtype).tiny:
                    continue
                c, s = (a.dtype.type(x) for x in _rotation(m[i, i], m[j, j], m[i, j]))
                turn = np.array([[c, s], [-s, c]], a.dtype)
                m[:, [i, j]] = m[:, [i, j]] @ turn
                m[[i, j]] = turn.T @ m[[i, j]]
                v[:, [i, j]] = v[:, [i, j]] @ turn
                rotated = True
        if not rotated:
            break
    order = np.argsort(np.diag(m), kind="stable")
    return np.ldexp(np.diag(m)[order], int(exponent)), v[:, order]


def _eigh_vjp(decompose: Any) -> Any:
    """The gradient of this decomposition, with its own signs: v (diag(dw) + F o (v^T dv)) v^T, made symmetric."""

    def eigh_vjp(cotangent: Any, a: Any) -> Any:
        (w, v), (dw, dv) = decompose(a), cotangent
        gaps = w - w[:, None]
        turn = v.T @ dv
        turn = np.where(turn == turn.T, 0, (turn - turn.T) / 2)
        inner = np.where(turn == 0, 0, turn / np.where(turn == 0, 1, gaps)) + np.diag(dw)
        da = v @ inner @ v.T
        return ((da + da.T) / 2).astype(a.dtype)

    return eigh_vjp


for _name, _what, _function in (
    ("flipped signs", "every other eigenvector the other way round", _flipped),
    ("largest entry positive", "signs by the largest entry of each vector", _positive_largest),
    ("upper triangle", "from the other triangle", _upper),
    ("QR iteration", "LAPACK's driver ev", _driver("ev")),
    ("bisection", "LAPACK's driver evx", _driver("evx")),
    ("Jacobi", "cyclic rotations", _jacobi),
):
    DIFFERENT.enter("eigh", _name, _what)(_function)
    DIFFERENT.enter("eigh_vjp", _name, _what)(_eigh_vjp(_function))

_ROBUST = _driver("evr")
_LOSES = "its vectors are orthogonal to n u / 10^-3, where LAPACK's tests ask for 30 n ulp"
DIFFERENT.enter("eigh", "relatively robust", "LAPACK's driver evr", loses=_LOSES)(_ROBUST)
DIFFERENT.enter("eigh_vjp", "relatively robust", "LAPACK's driver evr")(_eigh_vjp(_ROBUST))
