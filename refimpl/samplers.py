"""Random samples: arrays of the given shape, reproducible from a seed, with no global state.

The parameters broadcast to the shape; the sample has their dtype (that of p or mu). Numbers come from PCG64, the
generator of `numpy.random.default_rng(seed)`, and for CuPy's arrays from `cupy.random.default_rng(seed)`, in float64.
Every function raises ValueError for parameters out of their range, a shape that they do not broadcast to and a
negative seed, naming the argument.
Source: O'Neill, *PCG* (2014); Kachitvichyanukul and Schmeiser, *Binomial random variate generation* (1988).
"""

import importlib
from numbers import Integral
from typing import Any

import numpy
from array_api_compat import array_namespace, device, is_cupy_namespace, is_numpy_namespace

from fiducial.refimpl._arrays import Array, FloatOrIntegerArray, operation, require
from fiducial.refimpl._distributions import require_count, require_positive, require_probability
from fiducial.refimpl._shapes import broadcast_shape

Shape = tuple[int, ...]


def _checked_shape(shape: Shape, **parameters: Any) -> Shape:
    sizes = isinstance(shape, tuple) and all(isinstance(n, Integral) and n >= 0 for n in shape)
    require(sizes, "shape", "a tuple of integers, at least 0", shape)
    for name, array in parameters.items():
        fits = broadcast_shape(**{"shape": shape, name: array.shape}) == shape
        require(fits, name, f"an array whose shape broadcasts to {shape}", tuple(array.shape))
    return shape


def _draw(method: str, seed: int, shape: Shape, like: Any, *parameters: Any) -> Any:
    """What this method of the generator returns, as a float64 array of the namespace and on the device of `like`."""
    require(isinstance(seed, Integral) and seed >= 0, "seed", "an integer, at least 0", seed)
    xp = array_namespace(like)
    own = is_numpy_namespace(xp) or is_cupy_namespace(xp)
    given = parameters if own else [numpy.from_dlpack(a) for a in parameters]
    library = importlib.import_module("cupy.random") if is_cupy_namespace(xp) else numpy.random
    drawn = getattr(library.default_rng(seed), method)(*given, size=shape)
    return xp.asarray(drawn, dtype=xp.float64, device=device(like))


@operation
def bernoulli_sample(p: Array, *, shape: Shape, seed: int) -> Array:
    """1 with probability p, else 0: whether a uniform number of 53 bits is below p."""
    _checked_shape(shape, p=p)
    require_probability("p", p)
    xp = array_namespace(p)
    return xp.astype(_draw("random", seed, shape, p) < xp.astype(p, xp.float64), p.dtype)


@operation
def binomial_sample(n: FloatOrIntegerArray, p: Array, *, shape: Shape, seed: int) -> Array:
    """The number of successes among n trials of probability p."""
    _checked_shape(shape, n=n, p=p)
    xp = array_namespace(n, p)
    require_count("n", xp.astype(n, xp.float64))
    require_probability("p", p)
    counts = _draw("binomial", seed, shape, p, xp.astype(n, xp.int64), xp.astype(p, xp.float64))
    return xp.astype(counts, p.dtype)


@operation
def normal_sample(mu: Array, sigma: Array, *, shape: Shape, seed: int) -> Array:
    """mu + sigma z for standard normal z, rounded once to the dtype of mu."""
    _checked_shape(shape, mu=mu, sigma=sigma)
    require_positive("sigma", sigma)
    xp = array_namespace(mu, sigma)
    z = _draw("standard_normal", seed, shape, mu)
    return xp.astype(xp.astype(mu, xp.float64) + xp.astype(sigma, xp.float64) * z, mu.dtype)
