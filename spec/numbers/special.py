"""The special functions of statistics in each number system.

Arb and its power series have them, or what they are made of. float64 has them from SciPy (CuPy: cupyx) and libm. What
underflows there (the logarithms of the incomplete beta function), or is wrong (erfcinv of subnormal numbers), is Arb's,
rounded.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import flint
import numpy as np
import sympy
from flint import arb, arb_series

from fiducial.spec.special import beta_share

FAR = 20  # beyond, erfc is so small that exp(z^2) erfc(z) loses digits: the confluent function takes over


def _erfcx(z: arb) -> arb:
    if not z > FAR:
        return (z * z).exp() * z.erfc()
    half = arb(0.5)
    return (z * z).hypgeom_u(half, half) / arb.pi().sqrt() if z.is_finite() else arb(0)


def _log_betainc(a: arb, b: arb, x: arb) -> arb:
    """From the smaller of the two shares, which is the quicker one and loses nothing."""
    if x * (a + b) <= a:
        return x.beta_lower(a, b, regularized=1).log()
    return (-(1 - x).beta_lower(b, a, regularized=1)).log1p()


def _remembered(rule: Callable[..., arb]) -> Callable[..., arb]:
    """The same values are asked for by the balls, by Arb and by every way of writing: they take a millisecond each."""

    @lru_cache(maxsize=2**15)
    def at_numbers(bits: int, *z: float) -> arb:
        return rule(*map(arb, z))

    def at(*z: arb) -> arb:
        exact = all(v.is_exact() and arb(float(v)) == v for v in z)
        return at_numbers(flint.ctx.prec, *map(float, z)) if exact else rule(*z)

    return at


ARB: dict[str, Callable[..., arb]] = {
    "erfcx": _erfcx,
    "erfcinv": lambda q: q.erfcinv(),
    "lgamma": lambda a: a.lgamma(),
    "log_betainc": _remembered(_log_betainc),
    "log_betaincc": _remembered(lambda a, b, x: _log_betainc(b, a, 1 - x)),
}


def _erfcinv_series(q: arb_series) -> arb_series:
    """Newton's iteration: each step doubles the terms that are right."""
    y, half_root = arb_series([q[0].erfcinv()]), arb.pi().sqrt() / 2
    for _ in range(flint.ctx.cap.bit_length()):
        y = y + (y.erfc() - q) * half_root * (y * y).exp()
    return y


SERIES: dict[str, Callable[..., arb_series]] = {
    "erfcx": lambda z: (z * z).exp() * z.erfc(),
    "erfcinv": _erfcinv_series,
    "lgamma": lambda a: a.lgamma(),
    "log_betainc": lambda a, b, x: arb_series.beta_lower(a[0], b[0], x, 1).log(),
    "log_betaincc": lambda a, b, x: arb_series.beta_lower(b[0], a[0], 1 - x, 1).log(),
}

SYMBOLIC: dict[str, Callable[..., sympy.Expr]] = {
    "erfcx": lambda z: sympy.exp(z**2) * sympy.erfc(z),
    "erfcinv": sympy.erfcinv,
    "lgamma": sympy.loggamma,
    "log_betainc": lambda a, b, x: sympy.log(beta_share(a, b, x)),
    "log_betaincc": lambda a, b, x: sympy.log(1 - beta_share(a, b, x)),
}

# --- float64 ---

LIBRARY = frozenset(("erf", "erfc", *ARB))  # what NumPy does not have
# The sign of the slope in each argument; lgamma rises beyond its minimum, at 1.46, and falls before.
SLOPES = {"log_betainc": (-1, 1, 1), "log_betaincc": (1, -1, -1)}
LGAMMA_MINIMUM = (1.4616, 1.4617)
ROUNDED = {"erfcinv": 1, "log_betainc": 3, "log_betaincc": 3}  # functions taken from Arb, with their arguments
BITS = 128  # as in the first enclosures of the oracle


def float64(xp: Any, name: str) -> Callable[..., Any]:
    """The function on float64 arrays."""
    if name in ROUNDED:
        rounded = np.frompyfunc(lambda *z: float(ARB[name](*map(arb, z))), ROUNDED[name], 1)
        return lambda *z: xp.asarray(_host(rounded, *z))
    if xp is np and name in ("erf", "erfc"):  # the C library's are more accurate in the tails than SciPy's
        scalar = np.frompyfunc(getattr(math, name), 1, 1)
        return lambda z: np.asarray(scalar(z), dtype=float)
    library = importlib.import_module("scipy.special" if xp is np else "cupyx.scipy.special")
    function: Callable[..., Any] = getattr(library, "gammaln" if name == "lgamma" else name)
    return function


def _host(rounded: Any, *arguments: Any) -> Any:
    host = [a.get() if hasattr(a, "get") else a for a in arguments]
    with flint.ctx.workprec(BITS):
        return np.asarray(rounded(*(a.astype(object) for a in host)), dtype=float)


def textbook_error(xp: Any, name: str, function_units: Any, value: Any, *z: Any) -> Any:
    """What the textbook's way may err by beyond one function's rounding, in unit roundoffs (absolute).

    erfcx at z < 0: exp(z^2) with a rounded z^2. log_beta*: the logarithm of a sum of binomial probabilities, each the
    exponential of logarithms, of which there are b (or, in the complement, a). lgamma: between its zeros, absolute.
    """
    if name == "erfcx":
        return xp.where(z[0] < 0, 4.0 + 2.0 * z[0] * z[0], 8.0) * xp.abs(value)
    if name == "lgamma":
        return 4.0 * xp.abs(value) + xp.where(xp.rint(z[0]) == z[0], 0.0, 8.0)
    if name not in SLOPES:
        return 8.0 * xp.abs(value)
    a, b, x = z
    gammaln = float64(xp, "lgamma")
    logs = gammaln(a + b) + xp.abs(gammaln(a)) + xp.abs(gammaln(b)) + a * xp.abs(xp.log(x)) + b * xp.abs(xp.log1p(-x))
    return function_units * logs + (b if name == "log_betainc" else a)
