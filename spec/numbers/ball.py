"""Arrays of float64 balls (midpoint, radius), and the running error bound of an algorithm, by one arithmetic.

Every operation returns a ball that holds each result that could come out when the operands are anywhere in theirs and
the operation commits a rounding error of one unit roundoff u. With u = 2^-53 the balls enclose the exact value
(midpoints are float64 results); with the u of a narrower format the radius bounds the error of the same equations
evaluated there, in any order of summation: that is how tolerances are derived.

Source: Higham, Accuracy and Stability of Numerical Algorithms, 2002, 3.1 and 4.2; Rump, Acta Numerica 2010 (balls);
Jeannerod and Rump 2013 (n u in place of gamma_n for inner products).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from fiducial.spec.formats import FORMATS, Format

# A radius is itself computed in float64: a few roundings, covered by this factor.
OUTWARD = 1 + 2.0**-49


@dataclass(frozen=True)
class Rounding:
    """What an operation may err by: ``unit`` relative (``function_units`` of them in exp, log, ...), ``tiny`` absolute.

    Beyond ``largest`` nothing is promised: the radius becomes infinite.
    """

    unit: float
    tiny: float
    largest: float
    function_units: float

    @classmethod
    def enclosure(cls) -> Rounding:
        """float64 as NumPy computes it; 4 ulp in functions is what its own vector kernels promise."""
        f = FORMATS["float64"]
        return cls(f.unit, f.tiny, f.largest, 8.0)

    @classmethod
    def of(cls, format: Format) -> Rounding:
        """A format's own roundings; functions within 2 ulp. The midpoints' float64 errors are added in."""
        own = 0.0 if format.name == "float64" else FORMATS["float64"].unit
        return cls(format.unit + own, format.tiny, format.largest, 4.0)


class Ball:
    """An array of balls; a radius of 0 means exact, also for infinities."""

    __slots__ = ("mid", "model", "rad", "xp")

    def __init__(self, mid: Any, rad: Any, model: Rounding, xp: Any) -> None:
        self.mid, self.rad, self.model, self.xp = mid, rad, model, xp

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.mid.shape)

    def _new(self, mid: Any, rad: Any) -> Ball:
        return Ball(mid, rad, self.model, self.xp)

    def _rounded(self, mid: Any, rad: Any, *operands: Ball, units: float = 1.0, tiny: float = 0.0) -> Ball:
        """The result of an operation: ``rad`` comes from the operands, the rounding is added here."""
        xp = self.xp
        size = xp.abs(mid)
        rad = (rad + (units * self.model.unit) * size + tiny * self.model.tiny) * OUTWARD
        if mid.size and not bool(xp.all(size + rad <= self.model.largest)):
            exact = xp.zeros(mid.shape, dtype=bool)
            for b in operands:
                exact = exact | (xp.isinf(b.mid) & (b.rad == 0))
            rad = xp.where(size + rad <= self.model.largest, rad, xp.where(exact, 0.0, xp.inf))
            rad = xp.where(xp.isnan(mid), xp.inf, rad)
        return self._new(mid, rad)

    def __add__(self, right: Ball) -> Ball:
        # A sum is exact where an operand is an exact zero; it never underflows.
        mid = self.mid + right.mid
        rounding = self.model.unit * self.xp.abs(mid)
        alone = ((self.mid == 0) & (self.rad == 0)) | ((right.mid == 0) & (right.rad == 0))
        rad = self.rad + right.rad + self.xp.where(alone, 0.0, rounding)
        return self._rounded(mid, rad, self, right, units=0.0)

    def __sub__(self, right: Ball) -> Ball:
        return self + (-right)

    def __mul__(self, right: Ball) -> Ball:
        a, b, xp = self, right, self.xp
        mid = a.mid * b.mid
        rad = xp.abs(a.mid) * b.rad + a.rad * (xp.abs(b.mid) + b.rad)
        zero = ((a.mid == 0) & (a.rad == 0)) | ((b.mid == 0) & (b.rad == 0))
        rad = xp.where(zero, 0.0, rad + self.model.tiny)
        return self._rounded(mid, rad, a, b)

    def __truediv__(self, right: Ball) -> Ball:
        a, b, xp = self, right, self.xp
        mid = a.mid / b.mid
        nearest = xp.abs(b.mid) - b.rad
        rad = (a.rad + xp.abs(mid) * b.rad) / xp.where(nearest > 0, nearest, 0.0)
        rad = xp.where(b.rad + a.rad == 0, 0.0, rad)
        rad = xp.where((a.mid == 0) & (a.rad == 0), 0.0, rad + self.model.tiny)
        return self._rounded(mid, rad, a, b)

    def __neg__(self) -> Ball:
        return self._new(-self.mid, self.rad)

    def __abs__(self) -> Ball:
        return self._new(self.xp.abs(self.mid), self.rad)

    def scaled(self, factor: float) -> Ball:
        if abs(factor) == 1:
            return self._new(self.mid * factor, self.rad)
        mid = self.mid * factor
        return self._rounded(mid, self.rad * abs(factor), self, units=0.0, tiny=0.5 if abs(factor) < 1 else 0.0)

    def reshape(self, shape: tuple[int, ...]) -> Ball:
        return self._new(self.mid.reshape(shape), self.rad.reshape(shape))

    def transpose(self, axes: tuple[int, ...]) -> Ball:
        return self._new(self.mid.transpose(axes), self.rad.transpose(axes))

    def broadcast(self, shape: tuple[int, ...]) -> Ball:
        return self._new(self.xp.broadcast_to(self.mid, shape), self.xp.broadcast_to(self.rad, shape))

    def gather(self, positions: Any) -> Ball:
        p = self.xp.asarray(positions)
        return self._new(self.mid.reshape(-1)[p], self.rad.reshape(-1)[p])

    def total(self, terms: list[Ball]) -> Ball:
        mid, rad, size = self.mid, self.rad, self.xp.abs(self.mid)
        for t in terms:
            mid, rad, size = mid + t.mid, rad + t.rad, size + self.xp.abs(t.mid)
        return self._rounded(mid, rad + len(terms) * self.model.unit * size, self, *terms, units=0.0)

    def sum(self, axis: int) -> Ball:
        xp, size = self.xp, self.xp.abs(self.mid)
        roundings = _additions(xp, self, axis)
        rad = xp.sum(self.rad, axis=axis) + roundings * self.model.unit * xp.sum(size + self.rad, axis=axis)
        infinite = self._new(xp.sum(xp.where(xp.isinf(self.mid), self.mid, 0.0), axis=axis), xp.zeros(rad.shape))
        return self._rounded(xp.sum(self.mid, axis=axis), rad, infinite, units=0.0)

    def sum_of_others(self, axis: int) -> Ball:
        xp, n = self.xp, self.mid.shape[axis]
        mid, size = _others(xp, self.mid, axis), _others(xp, xp.abs(self.mid) + self.rad, axis)
        rad = _others(xp, self.rad, axis) + n * self.model.unit * size
        return self._rounded(mid, rad, self, units=0.0)

    def max(self, axis: int) -> Ball:
        xp, top = self.xp, self.mid.max(axis=axis)
        low = (self.mid - self.rad).max(axis=axis)
        high = (self.mid + self.rad).max(axis=axis)
        rad = xp.where(high == low, 0.0, xp.maximum(high - top, top - low))
        return self._new(top, rad)

    def maximum(self, right: Ball) -> Ball:
        xp = self.xp
        mid = xp.maximum(self.mid, right.mid)
        rad = xp.where(self.mid > right.mid, self.rad, right.rad)
        overlap = xp.abs(self.mid - right.mid) <= self.rad + right.rad
        return self._new(mid, xp.where(overlap, xp.maximum(self.rad, right.rad), rad))

    def matmul(self, right: Ball) -> Ball:
        xp, a, b = self.xp, self, right
        mid, size_b = a.mid @ b.mid, xp.abs(b.mid)
        terms = min(_most_terms(xp, a, -1), _most_terms(xp, b, -2))
        # |a| (rad_b + terms u |b|) + rad_a (|b| + rad_b) in two products at most
        rad = xp.abs(a.mid) @ (b.rad + terms * self.model.unit * size_b)
        if bool(xp.any(a.rad != 0)):
            rad = rad + (1 + terms * self.model.unit) * (a.rad @ (size_b + b.rad))
        # The radius is itself a sum of as many float64 terms.
        return self._rounded(mid, rad * (1 + (terms + 2) * 2.0**-52), a, b, units=0.0, tiny=terms)

    def positive(self) -> tuple[Any, Any]:
        return self.mid > self.rad, self.mid <= -self.rad

    def negative(self) -> tuple[Any, Any]:
        return self.mid < -self.rad, self.mid >= self.rad


def _most_terms(xp: Any, ball: Ball, axis: int) -> int:
    """The most terms of an inner product that are not exact zeros."""
    if not ball.mid.size:
        return 0
    return int(xp.max(xp.sum((ball.mid != 0) | (ball.rad != 0), axis=axis)))


def _additions(xp: Any, ball: Ball, axis: int) -> Any:
    """Additions that can round: one fewer than the terms that are not exact zeros."""
    return xp.maximum(xp.sum((ball.mid != 0) | (ball.rad != 0), axis=axis) - 1, 0)


def _others(xp: Any, a: Any, axis: int) -> Any:
    """Exclusive sums before and after each position: nothing is subtracted, so nothing cancels."""
    a = xp.moveaxis(a, axis, -1)
    zero = xp.zeros((*a.shape[:-1], 1))
    before = xp.concatenate([zero, xp.cumsum(a, axis=-1)[..., :-1]], axis=-1)
    after = xp.concatenate([xp.cumsum(a[..., ::-1], axis=-1)[..., ::-1][..., 1:], zero], axis=-1)
    return xp.moveaxis(before + after, -1, axis)


class BallNumbers:
    """Balls in a rounding model, on NumPy or (``xp=cupy``) on CuPy."""

    def __init__(self, model: Rounding, xp: Any = np) -> None:
        self.model, self.xp = model, xp

    def data(self, array: Any) -> Ball:
        mid = self.xp.asarray(array, dtype=self.xp.float64)
        return Ball(mid, self.xp.zeros(mid.shape), self.model, self.xp)

    def constant(self, number: sympy.Expr) -> Ball:
        """A number to the format's nearest: exact where the format holds it."""
        mid = float(number)
        step = math.ldexp(self.model.unit, math.frexp(mid)[1])
        held = number.is_infinite or (number == sympy.Rational(mid) and math.fmod(mid, step) == 0)
        rad = 0.0 if held else self.model.unit * abs(mid) * (1 + 2.0**-40)
        return Ball(self.xp.asarray(mid), self.xp.asarray(rad), self.model, self.xp)

    def apply(self, function: str, value: Ball) -> Ball:
        """A monotone function: its radius comes from the values at the ball's two ends."""
        f = _function(self.xp, function)
        mid, rad = f(value.mid), 0.0 * value.rad
        if bool(self.xp.any(value.rad != 0)):
            up, down = f(value.mid + value.rad), f(value.mid - value.rad)
            rad = self.xp.maximum(self.xp.abs(up - mid), self.xp.abs(mid - down))
            rad = self.xp.where(value.rad == 0, 0.0, self.xp.where(self.xp.isnan(rad), self.xp.inf, rad))
            # The three values carry float64 errors of their own.
            rad = rad + 16 * 2.0**-53 * self.xp.where(value.rad == 0, 0.0, self.xp.abs(mid) + rad)
        units = 1.0 if function == "sqrt" else self.model.function_units
        tiny = self.xp.where((mid == 0) & (value.mid == 0) & (value.rad == 0), 0.0, self.model.tiny)
        exact = (value.mid == 0) & (value.rad == 0)  # every function here is exact at 0
        result = value._rounded(mid, rad + tiny, value, units=units)
        return Ball(mid, self.xp.where(exact, 0.0, result.rad), self.model, self.xp)

    def choose(self, yes: Any, no: Any, a: Ball, b: Ball) -> Ball:
        xp = self.xp
        mid, rad = xp.where(yes, a.mid, b.mid), xp.where(yes, a.rad, b.rad)
        unknown = ~(yes | no)
        if bool(xp.any(unknown)):
            low = xp.minimum(a.mid - a.rad, b.mid - b.rad)
            high = xp.maximum(a.mid + a.rad, b.mid + b.rad)
            middle = low + (high - low) / 2
            mid = xp.where(unknown, middle, mid)
            rad = xp.where(unknown, xp.maximum(high - middle, middle - low) * OUTWARD, rad)
        return Ball(mid, rad, self.model, xp)

    def interval(self, low: Any, high: Any) -> Ball:
        low, high = self.xp.asarray(low, dtype=float), self.xp.asarray(high, dtype=float)
        return Ball((low + high) / 2, (high - low) / 2, self.model, self.xp)

    def exact(self, value: Ball) -> Ball:
        mid = self.xp.where(self.xp.isfinite(value.mid), value.mid, 0.0)
        return Ball(mid, self.xp.zeros(mid.shape), self.model, self.xp)


def _function(xp: Any, name: str) -> Any:
    if name not in ("erf", "erfc"):
        return getattr(xp, name)
    if xp is np:
        scalar = np.frompyfunc(getattr(math, name), 1, 1)
        return lambda a: np.asarray(scalar(a), dtype=float)
    from cupyx.scipy import special

    return getattr(special, name)
