"""Arrays of truncated power series over Arb: a function's derivatives along a line, enclosed, without a calculus.

f(x + t v) as a series in t has the directional derivatives of f as its coefficients. The caller sets how many terms are
kept (``flint.ctx.cap``) and the precision.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller
from typing import Any, Self

import flint
import numpy as np
import sympy

from fiducial.spec.numbers import special
from fiducial.spec.numbers.objects import Objects, enclosed_constant


class Series:
    """A power series as one element of an object array (python-flint's own looks like a sequence to NumPy)."""

    __slots__ = ("terms",)

    def __init__(self, terms: Any) -> None:
        self.terms = terms if isinstance(terms, flint.arb_series) else flint.arb_series(terms)

    def __add__(self, right: Series) -> Series:
        return Series(self.terms + right.terms)

    def __sub__(self, right: Series) -> Series:
        return Series(self.terms - right.terms)

    def __mul__(self, right: Series) -> Series:
        return Series(self.terms * right.terms)

    def __truediv__(self, right: Series) -> Series:
        return Series(self.terms / right.terms)

    def __neg__(self) -> Series:
        return Series(-self.terms)


class SeriesArray(Objects):
    """Power series with Arb coefficients; a comparison asks the constant terms."""

    __slots__ = ()

    def number(self, value: float) -> Series:
        return Series([flint.arb(value)])

    def coefficient(self, order: int) -> Any:
        """The coefficients of t^order: an object array of Arb balls."""
        return np.asarray(np.frompyfunc(lambda a: a.terms[order], 1, 1)(self.items), dtype=object)

    def detached(self) -> Self:
        return type(self)(np.frompyfunc(lambda a: Series([a.terms[0]]), 1, 1)(self.items))

    def __abs__(self) -> Self:
        return type(self)(np.where(self.positive()[0], self.items, -self.items))

    def maximum(self, right: Self) -> Self:
        larger = np.frompyfunc(lambda a, b: a if a.terms[0] >= b.terms[0] else b, 2, 1)
        return type(self)(larger(self.items, right.items))

    def positive(self) -> tuple[Any, Any]:
        start = self.coefficient(0)
        return np.asarray(start > 0, dtype=bool), np.asarray(start <= 0, dtype=bool)

    def negative(self) -> tuple[Any, Any]:
        start = self.coefficient(0)
        return np.asarray(start < 0, dtype=bool), np.asarray(start >= 0, dtype=bool)


def _tanh(z: flint.arb_series) -> flint.arb_series:
    square = (2 * z).exp()
    return (square - 1) / (square + 1)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "log1p": lambda z: (1 + z).log(), "expm1": lambda z: z.exp() - 1, "tanh": _tanh,
    "logistic": lambda z: 1 / (1 + (-z).exp()),
    **{name: methodcaller(name) for name in ("exp", "log", "erf", "erfc", "sqrt")},
    **special.SERIES,
}  # fmt: skip


class SeriesNumbers:
    """Power series: data are constants unless ``along`` gives them a direction."""

    def data(self, array: Any) -> SeriesArray:
        return SeriesArray(np.frompyfunc(lambda a: Series([flint.arb(a)]), 1, 1)(array))

    def along(self, point: Any, direction: Any) -> SeriesArray:
        """point + t direction, for object arrays of Arb balls."""
        return SeriesArray(np.frompyfunc(lambda p, v: Series([p, v]), 2, 1)(point, direction))

    def constant(self, number: sympy.Expr) -> SeriesArray:
        infinite = flint.arb("inf" if number > 0 else "-inf") if number.is_infinite else None
        return SeriesArray(Series([enclosed_constant(number) if infinite is None else infinite]))

    def apply(self, function: str, *values: SeriesArray) -> SeriesArray:
        rule = np.frompyfunc(lambda *z: Series(FUNCTIONS[function](*(a.terms for a in z))), len(values), 1)
        return SeriesArray(rule(*(v.items for v in values)))

    def choose(self, yes: Any, no: Any, a: SeriesArray, b: SeriesArray) -> SeriesArray:
        if not np.all(yes | no):
            raise ValueError("point: one away from the kinks is required")
        return SeriesArray(np.where(yes, a.items, b.items))

    def interval(self, low: Any, high: Any) -> SeriesArray:
        return self.data((np.asarray(low, dtype=object) + high) / 2)

    def exact(self, value: SeriesArray) -> SeriesArray:
        return SeriesArray(np.frompyfunc(lambda a: Series([a.mid()]), 1, 1)(value.coefficient(0)))
