"""The number system of balls: data, constants, functions and choices (see ``fiducial.spec.numbers.ball``)."""

from __future__ import annotations

import math
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import sympy

from fiducial.spec.numbers import special
from fiducial.spec.numbers.ball import Ball, _nothing
from fiducial.spec.numbers.rounding import OUTWARD, TINY, Rounding


class BallNumbers:
    """Balls in a rounding model, on NumPy or (``xp=cupy``) on CuPy."""

    def __init__(self, model: Rounding, xp: Any = np) -> None:
        self.model, self.xp = model, xp

    def data(self, array: Any) -> Ball:
        mid = self.xp.asarray(array, dtype=self.xp.float64)
        return Ball(mid, self._none(mid.shape), self.model, self.xp)

    def _none(self, shape: Any) -> Any:
        return _nothing(self.xp, (*np.shape(self.model.unit), *shape))

    def constant(self, number: sympy.Expr) -> Ball:
        """A number to the format's nearest: exact where the format holds it."""
        mid, model = float(number if number.is_Rational else number.evalf(30)), self.model
        if number.is_infinite:
            return self.data(mid)
        exactly = number == sympy.Rational(mid)
        single = [(model.unit, model.tiny, model.largest)]
        models = zip(model.unit, model.tiny, model.largest, strict=True) if model.lead else single
        radii = [_constant_radius(mid, exactly, *m) for m in models]
        rad = self.xp.asarray(radii if model.lead else radii[0])
        return Ball(self.xp.asarray(mid), rad, model, self.xp)

    def apply(self, function: str, *values: Ball) -> Ball:
        """A monotone function: its radius comes from the values at the ball's two ends."""
        xp, f, value = self.xp, _function(self.xp, function), values[0]
        mids = [v.mid for v in values]
        mid = f(*mids)
        rad = self._none(mid.shape)
        if not all(v.exact for v in values) and any(bool(xp.any(v.rad != 0)) for v in values):
            rad = self._spread(function, f, values, mid)
        units = EXTRA.get(function, 0.0) + (1.0 if function == "sqrt" else self.model.function_units)
        # Below the normal numbers a unit in the last place (two u) is the smallest number itself.
        tiny = self.model.tiny * np.maximum(np.asarray(units) / 2, 1.0)
        if function in special.ARB:
            each = value.per(self.model.function_units, mid.ndim)
            rad = rad + value.per(self.model.unit, mid.ndim) * special.textbook_error(xp, function, each, mid, *mids)
        if function == "logistic" and np.any(self.model.overflow_divides):
            # As 1 / (1 + exp(-z)) it is 0 once exp overflows.
            over = xp.exp(-value.mid) > value.per(self.model.largest)
            rad = rad + xp.where(over & value.per(self.model.overflow_divides), 2 * mid, 0.0)
        result = value._rounded(mid, rad + value.per(tiny, mid.ndim), lambda: self._infinite(values), units=units)
        if len(values) > 1:
            return result
        exact = value._zero()  # every function here is exact at 0 (a half is, too), or has its pole there
        if function == "erfcinv":
            exact = exact | ((value.mid == 2) & value.exact)  # the other pole
        return Ball(mid, xp.where(exact, 0.0, result.rad), self.model, xp)

    def _spread(self, function: str, f: Any, values: tuple[Ball, ...], mid: Any) -> Any:
        """How far the results at the ends of the operands' balls are from ``mid``."""
        xp, slopes = self.xp, special.SLOPES.get(function, (1,))
        ends = [_ends(xp, v)[::s] for v, s in zip(values, slopes, strict=True)]
        up, down = f(*(e[0] for e in ends)), f(*(e[1] for e in ends))
        rad = xp.maximum(xp.abs(up - mid), xp.abs(mid - down))
        # The three values carry float64 errors of their own, of up to 4 units in the last place.
        rad = rad + 16 * 2.0**-53 * (xp.abs(mid) + rad) + 8 * TINY
        fixed = reduce(and_, (v.rad == 0 for v in values))
        if function == "lgamma":  # not monotone around its minimum; between its zeros its error is absolute
            low, high = special.LGAMMA_MINIMUM
            rad = xp.where((ends[0][1] < high) & (ends[0][0] > low), xp.inf, rad)
        if function in special.ARB:
            outer = [special.textbook_error(xp, function, 8.0, f(*e), *e) for e in zip(*ends, strict=True)]
            rad = rad + 2 * 2.0**-53 * xp.maximum(*outer)
        return xp.where(fixed, 0.0, xp.where(xp.isnan(rad), xp.inf, rad))

    def _infinite(self, values: tuple[Ball, ...]) -> Any:
        return reduce(and_, (v.infinite() for v in values))

    def choose(self, yes: Any, no: Any, a: Ball, b: Ball) -> Ball:
        xp = self.xp
        mid, unknown = xp.where(yes, a.mid, b.mid), ~(yes | no)
        known = not bool(xp.any(unknown))
        rad = self._none(mid.shape) if known and a.exact and b.exact else xp.where(yes, a.rad, b.rad)
        if not known:
            middle = xp.where(a.mid == b.mid, a.mid, a.mid / 2 + b.mid / 2)
            reach = xp.maximum(*(xp.where(a.mid == b.mid, 0.0, xp.abs(c.mid - middle)) + c.rad for c in (a, b)))
            mid = xp.where(unknown, middle, mid)
            rad = xp.where(unknown, xp.where(xp.isnan(reach), xp.inf, reach * OUTWARD), rad)
        return Ball(mid, rad, self.model, xp)

    def interval(self, low: Any, high: Any) -> Ball:
        low, high = self.xp.asarray(low, dtype=float), self.xp.asarray(high, dtype=float)
        mid, rad = (low + high) / 2, (high - low) / 2
        spread = (*np.shape(self.model.unit), *rad.shape)
        return Ball(mid, self.xp.broadcast_to(rad, spread) if rad.any() else self._none(rad.shape), self.model, self.xp)

    def exact(self, value: Ball) -> Ball:
        mid = self.xp.where(self.xp.isfinite(value.mid), value.mid, 0.0)
        return Ball(mid, self._none(mid.shape), self.model, self.xp)


def _constant_radius(mid: float, exactly: bool, unit: float, tiny: float, largest: float) -> float:
    """How far a number is from the format's nearest."""
    # The format's spacing: the unit's own power of two, since a little is added to it for the midpoints' errors.
    step = max(math.ldexp(0.5, math.frexp(unit)[1] + math.frexp(mid)[1]), tiny)
    held = exactly and math.fmod(mid, step) == 0
    rad = 0.0 if held else max(unit * abs(mid), tiny) * (1 + 2.0**-40)
    return rad if abs(mid) + rad <= largest else math.inf


def _ends(xp: Any, value: Ball) -> tuple[Any, Any]:
    """The upper and the lower end, rounded outward; a ball that just reaches 0 does not cross it."""
    up, down = value.mid + value.rad, value.mid - value.rad
    up = xp.where(up == 0, 0.0, xp.nextafter(up, xp.inf))
    return up, xp.where(down == 0, 0.0, xp.nextafter(down, -xp.inf))


EXTRA = {"logistic": 4.0}  # units more than in one function: an exponential, a sum and a quotient


def _logistic(xp: Any, z: Any) -> Any:
    e = xp.exp(-xp.abs(z))
    return xp.where(z >= 0, 1.0, e) / (1.0 + e)


def _function(xp: Any, name: str) -> Any:
    if name == "logistic":
        return lambda z: _logistic(xp, z)
    return special.float64(xp, name) if name in special.LIBRARY else getattr(xp, name)
