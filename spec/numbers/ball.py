"""Arrays of float64 balls (midpoint, radius), and the running error bound of an algorithm, by one arithmetic.

Every operation returns a ball that holds each result that could come out when the operands are anywhere in theirs and
the operation commits a rounding error of one unit roundoff u. With u = 2^-53 the balls enclose the exact value
(midpoints are float64 results); with the u of a narrower format the radius bounds the error of the same equations
evaluated there, in any order of summation: that is how tolerances are derived. Several models can share midpoints: the
radii then have a leading axis, one entry for each (``Rounding.together``).

Source: Higham, Accuracy and Stability of Numerical Algorithms, 2002, 3.1 and 4.2; Rump, Acta Numerica 2010 (balls);
Jeannerod and Rump 2013 (n u in place of gamma_n for inner products).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import sympy

from fiducial.spec.formats import FORMATS, Format

# A radius is itself computed in float64: the factor covers its few roundings, the dust its few underflows.
OUTWARD = 1 + 2.0**-49
TINY = FORMATS["float64"].tiny
DUST = 3 * TINY


@dataclass(frozen=True)
class Rounding:
    """What an operation may err by: ``unit`` relative (``function_units`` of them in exp, log, ...), ``tiny`` absolute.

    Beyond ``largest`` nothing is promised: the radius becomes infinite. An algorithm's quotient by what overflowed is 0
    (``overflow_divides``); an enclosure claims no such thing. Several models together hold an array in each field.
    """

    unit: Any
    tiny: Any
    largest: Any
    function_units: Any
    overflow_divides: Any = False

    @classmethod
    def together(cls, *models: Rounding) -> Rounding:
        """Several models at once, in this order."""
        return cls(*(np.array([getattr(m, f.name) for m in models]) for f in fields(cls)))

    @property
    def lead(self) -> int:
        """How many axes the radii have before those of the midpoints: 1 for several models."""
        return np.ndim(self.unit)

    def per(self, value: Any, axes: int, xp: Any) -> Any:
        """A field's value, to be used with radii of this many axes."""
        return xp.asarray(value).reshape((-1, *(1,) * axes)) if self.lead else value

    @classmethod
    def enclosure(cls) -> Rounding:
        """float64 as NumPy computes it; 4 ulp in functions is what its own vector kernels promise."""
        f = FORMATS["float64"]
        return cls(f.unit, f.tiny, f.largest, 8.0)

    @classmethod
    def of(cls, format: Format) -> Rounding:
        """A format's own roundings; the midpoints' float64 errors are added in.

        Functions are within 2 ulp; in 16-bit formats, where everyone evaluates them in wider arithmetic, within 1.
        """
        own = 0.0 if format.name == "float64" else FORMATS["float64"].unit
        return cls(format.unit + own, format.tiny, format.largest, 4.0 if format.unit < 2.0**-20 else 2.0, True)


class Ball:
    """An array of balls; a radius of 0 means exact, also for infinities.

    ``rad`` has the shape of ``mid``, after a leading axis where the model is several.
    """

    __slots__ = ("lead", "mid", "model", "rad", "xp")

    def __init__(self, mid: Any, rad: Any, model: Rounding, xp: Any) -> None:
        self.mid, self.rad, self.model, self.xp, self.lead = mid, rad, model, xp, model.lead

    def per(self, value: Any, axes: int | None = None) -> Any:
        """A number of the model's, to be used with the radii."""
        return self.model.per(value, self.mid.ndim if axes is None else axes, self.xp) if self.lead else value

    def _radii(self, shape: Any) -> tuple[int, ...]:
        return (*self.rad.shape[: self.lead], *shape)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.mid.shape)

    def _new(self, mid: Any, rad: Any) -> Ball:
        return Ball(mid, rad, self.model, self.xp)

    @property
    def exact(self) -> bool:
        """Whether it is known without looking that every radius is 0: data are, until they are computed with."""
        return not any(self.rad.strides) and not (self.rad.size and self.rad.reshape(-1)[0])

    def _rounded(self, mid: Any, rad: Any, exact: Callable[[], Any], units: Any = 1.0) -> Ball:
        """The result of an operation: ``rad`` comes from the operands, the rounding is added here.

        What is rounded is anywhere in the ball, so the rounding is relative to its far end. ``exact`` tells, where the
        result is infinite, whether it certainly is.
        """
        xp, axes = self.xp, mid.ndim
        if not isinstance(units, float) or units:
            rad = rad + self.per(units * self.model.unit, axes) * (xp.abs(mid) + rad)
        rad = rad * OUTWARD
        if self._all_held(mid, rad):
            return self._new(mid, rad)
        held = xp.abs(mid) + rad <= self.per(self.model.largest, axes)
        infinite = xp.isinf(mid)
        beyond = xp.where(exact() & infinite, 0.0, xp.inf) if bool(infinite.any()) else xp.inf
        return self._new(mid, xp.where(held, rad, beyond))

    def _all_held(self, mid: Any, rad: Any) -> bool:
        """Whether every model's format certainly reaches as far as its balls (most often: no array is made)."""
        if not mid.size:
            return True
        reach = max(float(mid.max()), -float(mid.min())) + float(rad.max())
        return bool(reach <= np.min(self.model.largest))

    def infinite(self) -> Any:
        """Where the value is an exact infinity."""
        return self.xp.isinf(self.mid) & (self.rad == 0)

    def _zero(self) -> Any:
        return (self.mid == 0) & (self.rad == 0)

    def _some_zero(self) -> bool:
        return not bool(self.mid.all())

    def _signed(self) -> Any:
        """Where the value is certainly not zero."""
        return self.xp.abs(self.mid) > self.rad

    def __add__(self, right: Ball) -> Ball:
        a, b, xp = self, right, self.xp
        mid, rad = a.mid + b.mid, a.rad + b.rad
        rounding = self.per(self.model.unit, mid.ndim) * (xp.abs(mid) + rad)
        # A sum is exact where an operand is an exact zero; it never underflows.
        if a._some_zero() or b._some_zero():
            rounding = xp.where(a._zero() | b._zero(), 0.0, rounding)
        rad = rad + rounding
        return self._rounded(mid, rad, lambda: (a.infinite() | b.infinite()) & xp.isfinite(a.rad + b.rad), units=0.0)

    def __sub__(self, right: Ball) -> Ball:
        return self + (-right)

    def __mul__(self, right: Ball) -> Ball:
        a, b, xp = self, right, self.xp
        mid = a.mid * b.mid
        rad = _product_radius(xp, a, b) + self.per(self.model.tiny, mid.ndim)
        if a._some_zero() or b._some_zero():
            rad = xp.where((a._zero() | b._zero()) & xp.isfinite(a.rad + b.rad), 0.0, rad)
        return self._rounded(mid, rad, lambda: (a.infinite() & b._signed()) | (b.infinite() & a._signed()))

    def __truediv__(self, right: Ball) -> Ball:
        a, b, xp = self, right, self.xp
        mid = a.mid / b.mid
        nearest = xp.where(b._signed(), xp.abs(b.mid) - b.rad, 0.0)
        # The quotient of the radii comes first: |a / b| times the radius could underflow, and then be divided.
        relative = xp.where(b.rad > 0, b.rad / nearest, 0.0)
        rad = xp.where(a.rad > 0, a.rad / nearest, 0.0) + (xp.abs(mid) + TINY) * relative
        tiny = self.per(self.model.tiny, mid.ndim)
        rad = rad + tiny + xp.where(a.rad + b.rad > 0, DUST, 0.0)
        rad = xp.where(a._zero(), 0.0, rad)
        rad = xp.where(nearest > 0, rad, xp.inf)
        if np.any(self.model.overflow_divides):
            over = (xp.abs(b.mid) > self.per(self.model.largest, mid.ndim)) & xp.isinf(b.rad) & xp.isfinite(a.rad)
            over = over & self.per(self.model.overflow_divides, mid.ndim)
            rad = xp.where(over, 2 * xp.abs(mid) + tiny, rad)
        return self._rounded(mid, rad, lambda: a.infinite() & b._signed())

    def __neg__(self) -> Ball:
        return self._new(-self.mid, self.rad)

    def __abs__(self) -> Ball:
        return self._new(self.xp.abs(self.mid), self.rad)

    def detached(self) -> Ball:
        return self

    def scaled(self, factor: float) -> Ball:
        if abs(factor) == 1:
            return self._new(self.mid * factor, self.rad)
        xp, mid, rad = self.xp, self.mid * factor, self.rad * abs(factor)
        # Exact but for results below the normal numbers.
        tiny, unit = self.per(self.model.tiny), self.per(self.model.unit)
        small = ~self._zero() & (xp.abs(mid) + rad < tiny / unit)
        rad = rad + xp.where(small, tiny + DUST, 0.0)
        return self._rounded(mid, rad, self.infinite, units=0.0)

    def reshape(self, shape: tuple[int, ...]) -> Ball:
        return self._new(self.mid.reshape(shape), self.rad.reshape(self._radii(shape)))

    def transpose(self, axes: tuple[int, ...]) -> Ball:
        moved = (0, *(a + 1 for a in axes)) if self.lead else axes
        return self._new(self.mid.transpose(axes), self.rad.transpose(moved))

    def broadcast(self, shape: tuple[int, ...]) -> Ball:
        xp = self.xp
        rad = self.rad.reshape(self._radii((*(1,) * (len(shape) - self.mid.ndim), *self.mid.shape)))
        return self._new(xp.broadcast_to(self.mid, shape), xp.broadcast_to(rad, self._radii(shape)))

    def gather(self, positions: Any) -> Ball:
        p = self.xp.asarray(positions)
        if not self.mid.size:
            return self._new(self.xp.zeros(p.shape), _nothing(self.xp, self._radii(p.shape)))
        rad = self.rad.reshape(self._radii((-1,)))
        rad = _nothing(self.xp, self._radii(p.shape)) if self.exact else rad[..., p]
        return self._new(self.mid.reshape(-1)[p], rad)

    def rows(self, positions: Any) -> Ball:
        xp, p = self.xp, self.xp.asarray(positions)
        absent = p < 0

        def picked(a: Any, lead: int) -> Any:
            found = a[(slice(None),) * lead + (p,)]
            found[(slice(None),) * lead + (absent,)] = 0.0
            return found

        shape = (*p.shape, *self.shape[1:])
        if not self.mid.size:
            return self._new(xp.zeros(shape), _nothing(xp, self._radii(shape)))
        rad = _nothing(xp, self._radii(shape)) if self.exact else picked(self.rad, self.lead)
        return self._new(picked(self.mid, 0), rad)

    def strided(self, start: Sequence[int], steps: Sequence[Sequence[int]], shape: tuple[int, ...]) -> Ball:
        def view(a: Any, lead: int) -> Any:
            first = a[(slice(None),) * lead + tuple(slice(s, None) for s in start)]
            own = a.strides[lead:]
            strides = [sum(s * n for s, n in zip(step, own, strict=True)) for step in steps]
            strided = self.xp.lib.stride_tricks.as_strided
            return strided(first, (*a.shape[:lead], *shape), (*a.strides[:lead], *strides))

        rad = _nothing(self.xp, self._radii(shape)) if self.exact else view(self.rad, self.lead)
        return self._new(view(self.mid, 0), rad)

    def part(self, axis: int, position: int) -> Ball:
        place = (slice(None),) * axis + (position,)
        return self._new(self.mid[place], self.rad[(slice(None),) * self.lead + place])

    def stack(self, others: list[Ball], axis: int) -> Ball:
        parts = [self, *others]
        mid = self.xp.stack([b.mid for b in parts], axis=axis)
        return self._new(mid, self.xp.stack([b.rad for b in parts], axis=axis + self.lead))

    def kept(self, mask: Any) -> Ball:
        """The product with numbers 0 and 1, which rounds nothing."""
        xp, mask = self.xp, self.xp.asarray(mask, dtype=bool)
        return self._new(xp.where(mask, self.mid, 0.0), xp.where(mask, self.rad, 0.0))

    def total(self, terms: list[Ball], additions: int = 0) -> Ball:
        mid, own, size = self.mid, self.rad, self.xp.abs(self.mid)
        for t in terms:
            mid, own, size = mid + t.mid, own + t.rad, size + self.xp.abs(t.mid)
        outward = 1 + (len(terms) + 2) * 2.0**-52
        size = (size + own) * outward
        rad = (own + self.per((additions or len(terms)) * self.model.unit, mid.ndim) * size) * outward

        def exact() -> Any:
            infinite = [self.xp.where(b.infinite(), b.mid, 0.0) for b in (self, *terms)]
            return self.xp.isinf(sum(infinite[1:], infinite[0])) & self.xp.isfinite(own)

        return self._summed(mid, rad, size, exact)

    def _summed(self, mid: Any, rad: Any, size: Any, exact: Callable[[], Any]) -> Ball:
        # Partial sums, in any order, may be as large as the sum of the sizes: beyond the format nothing is promised.
        if np.ndim(size) or size > np.min(self.model.largest):
            rad = self.xp.where(size <= self.per(self.model.largest, mid.ndim), rad, self.xp.inf)
        return self._rounded(mid, rad, exact, units=0.0)

    def sum(self, axis: int) -> Ball:
        return self._reduced(axis, lambda a, k: self.xp.sum(a, axis=k), _additions(self.xp, self, axis))

    def sum_of_others(self, axis: int) -> Ball:
        return self._reduced(axis, lambda a, k: _others(self.xp, a, k), self.mid.shape[axis])

    def _reduced(self, axis: int, add: Callable[[Any, int], Any], roundings: Any) -> Ball:
        xp, k = self.xp, axis + self.lead
        # The radius is itself a sum of as many float64 terms.
        outward = 1 + (self.mid.shape[axis] + 2) * 2.0**-52
        mid, size = add(self.mid, axis), add(xp.abs(self.mid), axis)
        own = _nothing(xp, self._radii(mid.shape)) if self.exact else add(self.rad, k)
        size = (size + own) * outward
        rad = (own + roundings * self.per(self.model.unit, mid.ndim) * size) * outward

        def exact() -> Any:
            return xp.isinf(add(xp.where(self.infinite(), self.mid, 0.0), k)) & xp.isfinite(own)

        return self._summed(mid, rad, size, exact)

    def max(self, axis: int) -> Ball:
        if not self.mid.shape[axis]:  # the greatest of nothing
            mid = self.xp.full((*self.shape[:axis], *self.shape[axis + 1 :]), -math.inf)
            return self._new(mid, _nothing(self.xp, self._radii(mid.shape)))
        top = self.mid.max(axis=axis, keepdims=True)
        return self._new(top.squeeze(axis), self._above(top).max(axis=axis + self.lead))

    def maximum(self, right: Ball) -> Ball:
        top = self.xp.maximum(self.mid, right.mid)
        return self._new(top, self.xp.maximum(self._above(top), right._above(top)))

    def _above(self, top: Any) -> Any:
        """How far the values may lie above ``top``, the greatest midpoint; at ``top`` itself, how far below as well."""
        xp = self.xp
        gap = xp.where(self.mid == top, 0.0, top - self.mid)
        above = self.rad * OUTWARD - xp.where(xp.isinf(gap), 0.0, gap)
        return xp.where(xp.isinf(self.rad), xp.inf, xp.where(xp.isinf(gap), 0.0, xp.maximum(above, 0.0)))

    def matmul(self, right: Ball) -> Ball:
        xp, a, b = self.xp, self, right
        size_a, size_b = xp.abs(a.mid), xp.abs(b.mid)
        terms = min(_most_terms(xp, a, -1), _most_terms(xp, b, -2))
        growth = self.per(terms * self.model.unit, max(a.mid.ndim, b.mid.ndim))
        # (|a| + rad_a) (|b| + rad_b) growth + |a| rad_b + rad_a (|b| + rad_b), in one product where a factor is exact
        if b.exact:
            rad = growth * (size_a @ size_b) if a.exact else (growth * size_a + (1 + growth) * a.rad) @ size_b
        else:
            rad = size_a @ ((1 + growth) * b.rad + growth * size_b)
            if not a.exact:
                rad = rad + (1 + growth) * (a.rad @ (size_b + b.rad))
        # The radius is itself a sum of as many float64 terms, each of which may underflow, as those of the result may.
        widest_a, widest_b = (_widest(xp, size, c) for size, c in ((size_a, a), (size_b, b)))
        # What underflowed before it was multiplied.
        reach, largest = widest_a + widest_b, FORMATS["float64"].largest
        lost = TINY * (reach if reach <= largest else largest)  # a NaN stays in its own rows
        rad *= 1 + (terms + 4) * 2.0**-52
        rad += terms * (self.per(self.model.tiny, rad.ndim - self.lead) + DUST + lost)
        size: Any = terms * widest_a * widest_b
        if terms and not bool(np.all(size <= self.model.largest)):
            size = (size_a + a.rad) @ (size_b + b.rad)
        return self._summed(a.mid @ b.mid, rad, size, lambda: _infinite_products(xp, a, b))

    def positive(self) -> tuple[Any, Any]:
        return self._certain(self.mid > self.rad), self._certain(self.mid <= -self.rad)

    def negative(self) -> tuple[Any, Any]:
        return self._certain(self.mid < -self.rad), self._certain(self.mid >= self.rad)

    def _certain(self, mask: Any) -> Any:
        """Where it holds in every model."""
        return mask.all(axis=0) if self.lead else mask


def _product_radius(xp: Any, a: Ball, b: Ball) -> Any:
    """How far the product may be from that of the midpoints; what underflows in it is added."""
    if a.exact and b.exact:
        return 0.0 if not a.lead else xp.zeros((a.rad.shape[0], *(1,) * max(a.mid.ndim, b.mid.ndim)))
    if b.exact:
        return a.rad * xp.abs(b.mid) + DUST
    rad = xp.abs(a.mid) * b.rad
    return rad + DUST if a.exact else rad + a.rad * (xp.abs(b.mid) + b.rad) + DUST


def _infinite_products(xp: Any, a: Ball, b: Ball) -> Any:
    """Where a sum of products is an infinity because a factor is one, times a factor of certain sign."""
    left, right = a.infinite(), b.infinite()
    finite = xp.abs(xp.where(left, 0.0, a.mid)) @ xp.abs(xp.where(right, 0.0, b.mid))
    unsigned = left.astype(float) @ (~b._signed()).astype(float) + (~a._signed()).astype(float) @ right.astype(float)
    unknown = xp.isinf(a.rad).any(axis=-1)[..., :, None] | xp.isinf(b.rad).any(axis=-2)[..., None, :]
    return xp.isfinite(finite) & (unsigned == 0) & ~unknown


def _nothing(xp: Any, shape: tuple[int, ...]) -> Any:
    """Radii of 0 that take no memory (see ``Ball.exact``)."""
    return xp.broadcast_to(xp.zeros(()), shape)


def _widest(xp: Any, size: Any, ball: Ball) -> float:
    """The greatest number in a ball's reach, in any model."""
    if not size.size:
        return 0.0
    return float(xp.max(size) if ball.exact else xp.max(size + ball.rad))


def _terms(xp: Any, ball: Ball, axis: int) -> Any:
    """How many elements along an axis are not exact zeros."""
    if ball.exact:
        return xp.count_nonzero(ball.mid, axis=axis)
    some = ball.mid != 0
    if bool(some.all()):
        return ball.mid.shape[axis]
    spread = reduce(or_, (r != 0 for r in ball.rad)) if ball.lead else ball.rad != 0
    return xp.count_nonzero(some | spread, axis=axis)


def _most_terms(xp: Any, ball: Ball, axis: int) -> int:
    """The most terms of an inner product that are not exact zeros."""
    return int(xp.max(_terms(xp, ball, axis))) if ball.mid.size else 0


def _additions(xp: Any, ball: Ball, axis: int) -> Any:
    """Additions that can round: one fewer than the terms that are not exact zeros."""
    return xp.maximum(_terms(xp, ball, axis) - 1, 0)


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
