"""The number system of balls: data, constants, functions and choices (see ``fiducial.spec.numbers.ball``)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy

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

    def apply(self, function: str, value: Ball) -> Ball:
        """A monotone function: its radius comes from the values at the ball's two ends."""
        xp, f = self.xp, _function(self.xp, function)
        mid, rad = f(value.mid), self._none(value.shape)
        if not value.exact and bool(xp.any(value.rad != 0)):
            up, down = map(f, _ends(xp, value))
            rad = xp.maximum(xp.abs(up - mid), xp.abs(mid - down))
            # The three values carry float64 errors of their own, of up to 4 units in the last place.
            rad = rad + 16 * 2.0**-53 * (xp.abs(mid) + rad) + 8 * TINY
            rad = xp.where(value.rad == 0, 0.0, xp.where(xp.isnan(rad), xp.inf, rad))
        units = EXTRA.get(function, 0.0) + (1.0 if function == "sqrt" else self.model.function_units)
        # Below the normal numbers a unit in the last place (two u) is the smallest number itself.
        tiny = self.model.tiny * np.maximum(np.asarray(units) / 2, 1.0)
        if function == "logistic" and np.any(self.model.overflow_divides):
            # As 1 / (1 + exp(-z)) it is 0 once exp overflows.
            over = xp.exp(-value.mid) > value.per(self.model.largest)
            rad = rad + xp.where(over & value.per(self.model.overflow_divides), 2 * mid, 0.0)
        result = value._rounded(mid, rad + value.per(tiny), value.infinite, units=units)
        exact = value._zero()  # every function here is exact at 0 (a half is, too)
        return Ball(mid, xp.where(exact, 0.0, result.rad), self.model, xp)

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
    if name not in ("erf", "erfc"):
        return getattr(xp, name)
    if xp is np:
        scalar = np.frompyfunc(getattr(math, name), 1, 1)
        return lambda a: np.asarray(scalar(a), dtype=float)
    from cupyx.scipy import special

    return getattr(special, name)
