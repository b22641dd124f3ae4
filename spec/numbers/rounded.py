"""Plain numbers of a format: every operation is rounded as the format's own arithmetic rounds it.

With these a system is the textbook's algorithm, executed. Numbers are kept as float64, and rounded after each
operation: for sums, products, quotients and square roots that gives what the narrower format gives (float64 has more
than twice its digits and two more). Source: Figueroa, When is double rounding innocuous?, SIGNUM 1995.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, Self

import ml_dtypes
import numpy as np
import sympy

from fiducial.spec.formats import Format
from fiducial.spec.numbers import special
from fiducial.spec.numbers.objects import Objects

KINDS = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
Order = Callable[[Any], Any]  # the terms of a sum, along the first axis, as they are to be added


class Rounded(Objects):
    """An array of a format's numbers; a sum adds one term after another."""

    __slots__ = ()
    kind: Any = np.float64
    order: Order = staticmethod(lambda terms: terms)
    least: float = 0.0  # what is smaller is flushed to 0

    def __init__(self, items: Any) -> None:
        with np.errstate(all="ignore"):
            rounded = np.asarray(items, dtype=np.float64).astype(self.kind).astype(np.float64)
            self.items = np.where(np.abs(rounded) < self.least, 0.0 * rounded, rounded) if self.least else rounded

    def number(self, value: float) -> float:
        return value

    def kept(self, mask: Any) -> Self:
        return type(self)(np.where(mask, self.items, 0.0))

    def rows(self, positions: Any) -> Self:
        nothing = np.zeros((1, *self.items.shape[1:]))
        return type(self)(np.concatenate([self.items, nothing])[np.where(positions < 0, len(self.items), positions)])

    def sum(self, axis: int) -> Self:
        terms = self.order(np.moveaxis(self.items, axis, 0))
        return reduce(lambda a, b: a + type(self)(b), terms[1:], type(self)(terms[0] if len(terms) else
                      np.zeros(np.delete(self.items.shape, axis))))  # fmt: skip

    def sum_of_others(self, axis: int) -> Self:
        parts = [type(self)(np.delete(self.items, k, axis=axis)).sum(axis) for k in range(self.items.shape[axis])]
        return parts[0].stack(parts[1:], axis) if parts else self

    def matmul(self, right: Self) -> Self:
        products = self.items[..., :, :, None] * right.items[..., None, :, :]
        return type(self)(products).sum(products.ndim - 2)

    def maximum(self, right: Self) -> Self:
        return type(self)(np.maximum(self.items, right.items))

    def positive(self) -> tuple[Any, Any]:
        return self.items > 0, ~(self.items > 0)

    def negative(self) -> tuple[Any, Any]:
        return self.items < 0, ~(self.items < 0)


class RoundedNumbers:
    """The number system of a format. ``order`` permutes the terms of every sum; ``units`` is how many units in the last
    place functions may be off by: with a generator ``rng`` they are, at random; without one they are rounded correctly.
    """

    def __init__(self, format: Format, order: Order = lambda terms: terms, units: float = 0.5, rng: Any = None) -> None:
        own = {"__slots__": (), "kind": KINDS[format.name], "order": staticmethod(order), "least": format.abrupt}
        self.array: type[Rounded] = type("Rounded", (Rounded,), own)
        self.units, self.rng = units, rng

    def data(self, array: Any) -> Rounded:
        return self.array(array)

    def constant(self, number: sympy.Expr) -> Rounded:
        return self.array(float(number))

    def apply(self, function: str, *values: Rounded) -> Rounded:
        if function == "logistic":
            return self._logistic(values[0])
        f = special.float64(np, function) if function in special.LIBRARY else getattr(np, function)
        with np.errstate(all="ignore"):
            found = f(*(v.items for v in values))
            return self.array(found if self.rng is None or function == "sqrt" else self._moved(found, values[0]))

    def _logistic(self, z: Rounded) -> Rounded:
        e = self.apply("exp", -abs(z))
        above = self.array(np.where(z.items >= 0, 1.0, e.items))
        return above / (self.array(1.0) + e)

    def _moved(self, found: Any, z: Rounded) -> Any:
        """A poorer library's result; what is exact (at 0), or infinite, stays."""
        most = max(self.units - 0.5, 0.0)
        spacing = np.abs(np.spacing(np.abs(found).astype(self.array.kind))).astype(float)
        fixed = (z.items == 0) | (found == 0) | ~np.isfinite(spacing)
        return np.where(fixed, found, found + self.rng.uniform(-most, most, found.shape) * spacing)

    def choose(self, yes: Any, no: Any, a: Rounded, b: Rounded) -> Rounded:
        return self.array(np.where(yes, a.items, b.items))

    def interval(self, low: Any, high: Any) -> Rounded:
        """One of the values that are possible: the lowest."""
        return self.array(low)

    def exact(self, value: Rounded) -> Rounded:
        return self.array(np.where(np.isfinite(value.items), value.items, 0.0))
