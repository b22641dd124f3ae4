"""Moments by other routes: Welford, shifted, corrected and merged variances; standardised columns; other orders."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.different._tools import (
    Function,
    flattened,
    folded,
    in_float64,
    pairwise,
    widened,
)
from fiducial.conformance.mutants.planted import DIFFERENT, RIGHT

NARROWER = ("float32", "bfloat16", "float16")


def _welford(rows: Any) -> Any:
    """The sum of squared differences in one pass."""
    mean = total = np.zeros(rows.shape[:-1], rows.dtype)
    for k, term in enumerate(np.moveaxis(rows, -1, 0)):
        before = term - mean
        mean = mean + before / (k + 1)
        total = total + before * (term - mean)
    return total


def _corrected(rows: Any) -> Any:
    """In two passes, less what the rounded mean leaves over."""
    n = rows.shape[-1]
    d = rows - (pairwise(rows) / n)[..., None]
    return folded(d * d, np.add, 0) - folded(d, np.add, 0) ** 2 / n


def _shifted(rows: Any) -> Any:
    """Differences from the first value, and from their mean."""
    d = rows - rows[..., :1]
    d = d - d.mean(axis=-1, keepdims=True)
    return (d[..., ::-1] * d[..., ::-1]).sum(axis=-1)


def _merged(rows: Any) -> Any:
    """Youngs and Cramer's updating of the sum: (k x - S)^2 / (k (k - 1))."""
    total, squares = rows[..., 0], np.zeros(rows.shape[:-1], rows.dtype)
    for k in range(1, rows.shape[-1]):
        total = total + rows[..., k]
        squares = squares + ((k + 1) * rows[..., k] - total) ** 2 / (k * (k + 1))
    return np.where(np.isfinite(rows).all(axis=-1), squares, np.nan)


SUMS_OF_SQUARES: dict[str, tuple[str, Function, Function, Any]] = {
    "Welford": ("one pass by Welford's recurrence", _welford, widened, ("float64", *NARROWER)),
    "corrected": ("two passes, the second corrected by its own sum", _corrected, widened, ("float64", *NARROWER)),
    "shifted": ("shifted by the first value", _shifted, widened, ("float64", *NARROWER)),
    "Youngs and Cramer": ("an update of the sum", _merged, widened, ("float64", *NARROWER)),
    "in float64, rounded once": ("computed in float64", _corrected, in_float64, NARROWER),
}


def _enter(name: str, what: str, squares: Function, decorate: Function, dtypes: Any) -> None:
    @decorate
    def variance(x: Any, *, axis: Any = None, ddof: int = 0) -> Any:
        rows, shape, _ = flattened(x, axis)
        return (squares(rows) / (rows.shape[-1] - ddof)).reshape(shape)

    @decorate
    def std(x: Any, *, axis: Any = None, ddof: int = 0) -> Any:
        rows, shape, _ = flattened(x, axis)
        return np.sqrt(squares(rows) / (rows.shape[-1] - ddof)).reshape(shape)

    @decorate
    def normal_mle(sample: Any) -> Any:
        if not np.isfinite(sample).all():
            raise ValueError("sample must be finite")
        return pairwise(sample[None])[0] / sample.size, squares(sample[None])[0] / sample.size

    DIFFERENT.enter("variance", name, what, dtypes=dtypes)(variance)
    DIFFERENT.enter("std", name, what, dtypes=dtypes)(std)
    DIFFERENT.enter("normal_mle", name, what, dtypes=dtypes)(normal_mle)


for _name, _parts in SUMS_OF_SQUARES.items():
    _enter(_name, *_parts)


@DIFFERENT.enter("covariance", "row by row", "outer products of the centred rows, the last first")
@widened
def covariance(x: Any, *, ddof: int = 1) -> Any:
    d = x - x[:1]
    d = d - d.mean(axis=0)
    return np.cumsum(d[::-1, :, None] * d[::-1, None, :], axis=0)[-1] / (x.shape[0] - ddof)


@DIFFERENT.enter("covariance", "NumPy's", "np.cov of the transposed")
@widened
def numpy_covariance(x: Any, *, ddof: int = 1) -> Any:
    return np.cov(x.T, ddof=ddof, dtype=x.dtype).reshape((x.shape[1], x.shape[1]))


@DIFFERENT.enter("correlation", "standardised columns", "the mean product of columns over their deviations")
@widened
def correlation(x: Any, *, ddof: int = 1) -> Any:
    d = x - x[:1]
    d = d - d.mean(axis=0)
    standard = d / np.sqrt((d * d).sum(axis=0) / x.shape[0])
    return np.einsum("ni,nj->ij", standard, standard) / x.shape[0]


@DIFFERENT.enter("correlation", "covariance over deviations", "each row and column of the covariance over its root")
@widened
def by_deviations(x: Any, *, ddof: int = 1) -> Any:
    c = RIGHT.covariance(x, ddof=0)
    deviation = np.sqrt(np.diag(c))
    return c / deviation[:, None] / deviation


@DIFFERENT.enter("autocorrelation", "quotient of sums", "the lagged products over the squares, in pairs")
@widened
def autocorrelation(x: Any, *, lag: int = 1) -> Any:
    d = x - x[0]
    d = d - d.mean()
    if not d.any():
        raise ValueError("x must vary")
    return pairwise((d[lag:] * d[:-lag])[None])[0] / pairwise((d * d)[None])[0]
