"""Singular values, eigenvalues and principal components with other signs, phases and orders, by other factors."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from fiducial.conformance.mutants.different._tools import alternating, finite
from fiducial.conformance.mutants.planted import DIFFERENT, RIGHT


def _finite(a: Any) -> Any:
    finite(a)
    return a


def _svd_flipped(a: Any) -> Any:
    u, s, vh = np.linalg.svd(_finite(a), full_matrices=False)
    signs = alternating(len(s)).astype(a.dtype)
    return u * signs, s, vh * signs[:, None]


def _svd_transposed(a: Any) -> Any:
    u, s, vh = np.linalg.svd(_finite(a).T, full_matrices=False)
    return vh.T, s, u.T


def _svd_qr(a: Any) -> Any:
    if a.shape[0] < a.shape[1]:
        u, s, vh = _svd_qr(a.T)
        return vh.T, s, u.T
    q, r = np.linalg.qr(_finite(a))
    u, s, vh = np.linalg.svd(r, full_matrices=False)
    return q @ u, s, vh


def _svd_gesvd(a: Any) -> Any:
    return linalg.svd(_finite(a), full_matrices=False, lapack_driver="gesvd")


def _svd_vjp(decompose: Any) -> Any:
    """The reference's gradient, with the cotangents turned to the signs of its own vectors."""

    def svd_vjp(cotangent: Any, a: Any) -> Any:
        du, ds, dvh = cotangent
        signs = np.where((decompose(a)[0] * RIGHT.svd(a)[0]).sum(axis=0) < 0, -1, 1).astype(a.dtype)
        return RIGHT.svd_vjp((du * signs, ds, dvh * signs[:, None]), a)

    return svd_vjp


for _name, _what, _function in (
    ("flipped signs", "every other pair of vectors the other way round", _svd_flipped),
    ("of the transposed", "u and v change places", _svd_transposed),
    ("QR first", "the triangle of a QR factorisation is decomposed (Chan 1982)", _svd_qr),
    ("QR iteration", "LAPACK's gesvd", _svd_gesvd),
):
    DIFFERENT.enter("svd", _name, _what)(_function)
    DIFFERENT.enter("svd_vjp", _name, _what)(_svd_vjp(_function))


@DIFFERENT.enter("eig", "other phases and order", "eigenvalues from the last, eigenvectors turned")
def eig(a: Any) -> Any:
    w, v = np.linalg.eig(_finite(a))
    dtype = np.complex128 if a.dtype == np.float64 else np.complex64
    turn = np.exp(1j * np.arange(1, len(a) + 1))
    return w[::-1].astype(dtype), (v[:, ::-1] * turn).astype(dtype)


@DIFFERENT.enter("eig", "of the transposed", "the left eigenvectors of the scaled and transposed matrix, by SciPy")
def eig_transposed(a: Any) -> Any:
    dtype = np.complex128 if a.dtype == np.float64 else np.complex64
    if not len(_finite(a)):
        return np.zeros(0, dtype), np.zeros((0, 0), dtype)
    exponent = int(np.frexp(np.abs(a).max())[1])
    w, left = linalg.eig(np.ldexp(a, -exponent).T, left=True, right=False)
    return (w * 2.0**exponent).astype(dtype), left.conj().astype(dtype)


def _pca(name: str, what: str, decompose: Any) -> None:
    def pca(x: Any, *, n_components: int | None = None, ddof: int = 1) -> Any:
        k = min(x.shape) if n_components is None else n_components
        mean = _finite(x)[0] + (x - x[0]).mean(axis=0)
        components, variances = decompose(x - mean, x.shape[0] - ddof)
        return mean.astype(x.dtype), components[:k].astype(x.dtype), variances[:k].astype(x.dtype)

    def pca_vjp(cotangent: Any, x: Any, *, n_components: int | None = None, ddof: int = 1) -> Any:
        own, theirs = (p(x, n_components=n_components, ddof=ddof)[1] for p in (pca, RIGHT.pca))
        dmean, dcomponents, dvariance = cotangent
        signs = np.where((own * theirs).sum(axis=1) < 0, -1, 1).astype(x.dtype)[:, None]
        return RIGHT.pca_vjp((dmean, dcomponents * signs, dvariance), x, n_components=n_components, ddof=ddof)

    DIFFERENT.enter("pca", name, what)(pca)
    DIFFERENT.enter("pca_vjp", name, what)(pca_vjp)


def _by_flipped(d: Any, degrees: int) -> Any:
    _, s, vh = np.linalg.svd(d, full_matrices=False)
    return vh * alternating(len(s))[:, None], s * s / degrees


def _by_scaled(d: Any, degrees: int) -> Any:
    _, s, vh = np.linalg.svd(d / np.sqrt(d.dtype.type(degrees)), full_matrices=False)
    return vh, s**2


def _by_qr(d: Any, degrees: int) -> Any:
    _, s, vh = _svd_qr(d)
    return vh, s * s / degrees


def _by_covariance(d: Any, degrees: int) -> Any:
    w, v = np.linalg.eigh(d.T @ d / d.dtype.type(degrees))
    return v.T[::-1], np.maximum(w[::-1], 0)


_pca("flipped signs", "every other component the other way round", _by_flipped)
_pca("scaled first", "the data over the root of N - ddof, whose singular values are the deviations", _by_scaled)
_pca("QR first", "the triangle of a QR factorisation is decomposed", _by_qr)
_pca("eigenvectors of the covariance", "as scikit-learn's covariance_eigh", _by_covariance)
