"""Principal components of a sample, with their vector-Jacobian product.

Source: Jolliffe, *Principal Component Analysis* (2002), section 3.5.
"""

from typing import Any

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, operation, require
from fiducial.refimpl._distributions import require_cotangents
from fiducial.refimpl.decompositions import svd_gradient, thin_svd
from fiducial.refimpl.matrices import require_finite
from fiducial.refimpl.moments import centred, degrees


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
    return mean[0, :], int(count), degrees_of_freedom, thin_svd(difference)


@operation
def pca(x: Array, *, n_components: int | None = None, ddof: int = 1) -> tuple[Array, Array, Array]:
    """The mean (D,), the components (k, D) and their variances (k,), descending, for x (N, D).

    The components are the right singular vectors of the centred x, the variances s^2 / (N - ddof); k is n_components,
    min(N, D) for None. The sign of a component is free.

    Raises:
        ValueError: x is not a finite array (N, D) with entries, n_components is not in [1, min(N, D)], or there are no
            more than ddof observations.
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
    require_cotangents(cotangent, mean.shape, (count, x.shape[1]), (count,))
    dmean, dcomponents, dvariance = cotangent
    xp = array_namespace(x)
    # Centring N observations leaves rank N - 1: the computed s is not exactly 0.
    free = count == x.shape[0] and xp.any(dcomponents[-1, :] != 0)
    require(not free, "n_components", "below the number of observations", count)
    ds = _padded(2 * s[:count] * dvariance / degrees_of_freedom, s.shape[0])
    dx = svd_gradient(u, s, vh, xp.zeros_like(u), ds, _padded(dcomponents, s.shape[0]))
    return dx - xp.mean(dx, axis=0) + dmean / x.shape[0]
