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
from functools import reduce
from operator import or_
from typing import Any

import numpy as np

from fiducial.spec.formats import FORMATS
from fiducial.spec.numbers.rounding import DUST, OUTWARD, TINY, Rounding


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
        if a.exact and b.exact and self._counts(a.mid, b.mid):
            mid = a.mid + b.mid
            return self._new(mid, _nothing(xp, self._radii(mid.shape)))
        mid, rad = a.mid + b.mid, a.rad + b.rad
        size = xp.abs(mid) + rad
        rounding = self.per(self.model.unit, mid.ndim) * size + self._flushed(1, size)
        # A sum is exact where an operand is an exact zero; it underflows only where subnormal numbers are flushed.
        if a._some_zero() or b._some_zero():
            rounding = xp.where(a._zero() | b._zero(), 0.0, rounding)
        rad = rad + rounding
        return self._rounded(mid, rad, lambda: (a.infinite() | b.infinite()) & xp.isfinite(a.rad + b.rad), units=0.0)

    def _counts(self, *mids: Any) -> bool:
        """Whether these are whole numbers so small that every format holds them and their sums."""
        xp, most = self.xp, 1 / float(np.max(self.model.unit)) / len(mids)
        return all(m.size and bool(xp.all((xp.abs(m) <= most) & (xp.rint(m) == m))) for m in mids)

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
        if abs(factor) < 1 and not self.exact:  # the radius itself may underflow
            rad = rad + xp.where(self.rad > 0, DUST, 0.0)
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
        rad = own + self.per(self.model.grown(additions or len(terms)) * self.model.unit, mid.ndim) * size
        rad = (rad + self._flushed(additions or len(terms), size)) * outward

        def exact() -> Any:
            infinite = [self.xp.where(b.infinite(), b.mid, 0.0) for b in (self, *terms)]
            return self.xp.isinf(sum(infinite[1:], infinite[0])) & self.xp.isfinite(own)

        return self._summed(mid, rad, size, exact)

    def _flushed(self, additions: Any, size: Any) -> Any:
        """What so many additions of terms of this size may lose to flushed subnormal numbers."""
        if not np.any(self.model.abrupt):
            return 0.0
        return self.per(self.model.abrupt, np.ndim(size) - self.lead) * additions * (size > 0)

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
        rad = own + self.model.grown(roundings) * self.per(self.model.unit, mid.ndim) * size
        rad = (rad + self._flushed(roundings, size)) * outward

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
        growth = self.per(self.model.grown(terms) * self.model.unit, max(a.mid.ndim, b.mid.ndim))
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
        rad += terms * (self.per(self.model.tiny + self.model.abrupt, rad.ndim - self.lead) + DUST + lost)
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
