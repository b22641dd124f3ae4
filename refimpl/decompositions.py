"""Eigenvalues, singular values and principal components of one matrix, with their vector-Jacobian products.

Eigenvectors and singular vectors are of length 1, their signs (for `eig` their phases) are free, and so are those of
the components; columns of one matrix belong to columns or rows of the other. Each gradient is that of a function that
does not depend on these, and is defined where the values that it divides by are distinct.
Every function raises ValueError for shapes that do not fit and for entries that are not finite, naming the argument.
Source: Golub and Van Loan, *Matrix Computations* (2013), chapters 7 and 8; Giles, *An extended collection of matrix
derivative results* (2008); Townsend, *Differentiating the singular value decomposition* (2016).
"""

from typing import Any

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, operation, require, require_shape
from fiducial.refimpl.matrices import require_finite, require_square
from fiducial.refimpl.moments import centred, degrees


def _check_cotangents(cotangent: Any, *shapes: tuple[int, ...]) -> None:
    tupled = isinstance(cotangent, tuple) and len(cotangent) == len(shapes)
    require(tupled, "cotangent", f"a tuple of {len(shapes)} arrays", cotangent)
    for c, shape in zip(cotangent, shapes, strict=True):
        require_shape("cotangent", c, shape)


def _over(numerator: Any, denominator: Any, values: str) -> Any:
    """The quotient, and 0 where the numerator is 0; raises ValueError where only the denominator is."""
    xp = array_namespace(numerator, denominator)
    unneeded = numerator == 0
    require(
        xp.all(unneeded | (denominator != 0)), "a", f"a matrix of distinct {values}", f"equal or vanishing {values}"
    )
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
    _check_cotangents(cotangent, w.shape, v.shape)
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


def _thin(a: Any) -> tuple[Any, Any, Any]:
    require(a.ndim == 2, "a", "a matrix (m, n)", tuple(a.shape))
    require_finite("a", a)
    u, s, vh = array_namespace(a).linalg.svd(a, full_matrices=False)
    return u, s, vh


@operation
def svd(a: Array) -> tuple[Array, Array, Array]:
    """u (m, k), s (k,) descending and vh (k, n) with a = u diag(s) vh and u^T u = vh vh^T = I, k = min(m, n)."""
    return _thin(a)


def _outside(u: Any, du: Any, s: Any) -> Any:
    """(I - u u^T) du diag(s)^-1: what moves the columns of u out of their span, and 0 where they span everything."""
    xp = array_namespace(u, du)
    if u.shape[0] == u.shape[1]:
        return xp.zeros_like(u)
    return _over(
        du - xp.matmul(u, xp.matmul(xp.matrix_transpose(u), du)), xp.broadcast_to(s, du.shape), "singular values"
    )


def _svd_gradient(u: Any, s: Any, vh: Any, du: Any, ds: Any, dvh: Any) -> Any:
    """u (diag(ds) + P s + s Q) v^T + (I - u u^T) du s^-1 v^T + u s^-1 dv^T (I - v v^T), where
    P_ij = (u^T du - du^T u)_ij / (s_j^2 - s_i^2), and Q likewise from v."""
    xp = array_namespace(u, s)
    v, dv = xp.matrix_transpose(vh), xp.matrix_transpose(dvh)
    gaps = (s - s[:, None]) * (s + s[:, None])
    turns = [xp.matmul(xp.matrix_transpose(x), dx) for x, dx in ((u, du), (v, dv))]
    p, q = (_over(turn - xp.matrix_transpose(turn), gaps, "singular values") for turn in turns)
    inner = _diagonal(ds) + p * s + s[:, None] * q
    left = xp.matmul(u, inner) + _outside(u, du, s)
    return xp.matmul(left, vh) + xp.matmul(u, xp.matrix_transpose(_outside(v, dv, s)))


@operation
def svd_vjp(cotangent: tuple[Array, Array, Array], a: Array) -> Array:
    """da of the thin decomposition, for real matrices of any shape.

    Raises:
        ValueError: a singular value is repeated or 0, and the cotangents of its vectors need it not to be.
    """
    u, s, vh = _thin(a)
    _check_cotangents(cotangent, u.shape, s.shape, vh.shape)
    return _svd_gradient(u, s, vh, *cotangent)


def _components(x: Any, n_components: int | None, ddof: int) -> tuple[Any, int, int, tuple[Any, Any, Any]]:
    """The mean of x, how many components, N - ddof, and the decomposition of the centred x."""
    require(x.ndim == 2 and x.size > 0, "x", "a non-empty array (observations, variables)", tuple(x.shape))
    largest = min(x.shape)
    count = largest if n_components is None else n_components
    fits = isinstance(count, int) and 1 <= count <= largest
    require(fits, "n_components", f"an integer in [1, {largest}] or None", n_components)
    require_finite("x", x)
    degrees_of_freedom = degrees(x.shape[0], ddof)
    difference, mean = centred(x, (0,))
    return mean[0, :], int(count), degrees_of_freedom, _thin(difference)


@operation
def pca(x: Array, *, n_components: int | None = None, ddof: int = 1) -> tuple[Array, Array, Array]:
    """The mean (D,), the components (k, D) and their variances (k,), descending, for x (N, D).

    The components are the right singular vectors of the centred x, the variances s^2 / (N - ddof); k is n_components,
    min(N, D) for None.

    Raises:
        ValueError: n_components is not in [1, min(N, D)], or there are no more than ddof observations.
    Source: Jolliffe, *Principal Component Analysis* (2002), section 3.5.
    """
    mean, count, degrees_of_freedom, (_, s, vh) = _components(x, n_components, ddof)
    return mean, vh[:count, :], s[:count] * s[:count] / degrees_of_freedom


def _padded(c: Any, rows: int) -> Any:
    xp = array_namespace(c)
    return xp.concat([c, xp.zeros((rows - c.shape[0], *c.shape[1:]), dtype=c.dtype, device=device(c))])


@operation
def pca_vjp(
    cotangent: tuple[Array, Array, Array], x: Array, *, n_components: int | None = None, ddof: int = 1
) -> Array:
    """The gradient of the decomposition of the centred x, less its mean over the observations, and dmean / N.

    Raises:
        ValueError: a variance is repeated or 0, and the cotangent of its component needs it not to be; the last of N
            components is always such a one.
    """
    mean, count, degrees_of_freedom, (u, s, vh) = _components(x, n_components, ddof)
    _check_cotangents(cotangent, mean.shape, (count, x.shape[1]), (count,))
    dmean, dcomponents, dvariance = cotangent
    xp = array_namespace(x)
    # Centring N observations leaves rank N - 1: the computed s is not exactly 0.
    free = count == x.shape[0] and xp.any(dcomponents[-1, :] != 0)
    require(not free, "n_components", "below the number of observations", count)
    ds = _padded(2 * s[:count] * dvariance / degrees_of_freedom, s.shape[0])
    dx = _svd_gradient(u, s, vh, xp.zeros_like(u), ds, _padded(dcomponents, s.shape[0]))
    return dx - xp.mean(dx, axis=0) + dmean / x.shape[0]
