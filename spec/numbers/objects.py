"""Arrays whose elements are objects: Arb balls at any precision, or SymPy expressions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from operator import methodcaller
from typing import Any, Self

import flint
import numpy as np
import sympy

from fiducial.spec.language import detached
from fiducial.spec.numbers import special

_maximum = np.frompyfunc(lambda a, b: a.max(b), 2, 1)


class Objects:
    """An object array; addition, product and quotient are the elements' own."""

    __slots__ = ("items",)

    def __init__(self, items: Any) -> None:
        self.items: np.ndarray[Any, Any] = np.asarray(items, dtype=object)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.items.shape)

    def __add__(self, right: Self) -> Self:
        return type(self)(self.items + right.items)

    def __sub__(self, right: Self) -> Self:
        return type(self)(self.items - right.items)

    def __mul__(self, right: Self) -> Self:
        return type(self)(self.items * right.items)

    def __truediv__(self, right: Self) -> Self:
        return type(self)(self.items / right.items)

    def __neg__(self) -> Self:
        return type(self)(-self.items)

    def __abs__(self) -> Self:
        return type(self)(abs(self.items))

    def kept(self, mask: Any) -> Self:
        zero = np.full((), self.number(0), dtype=object)
        return type(self)(np.where(mask, self.items, zero))

    def detached(self) -> Self:
        return self

    def scaled(self, factor: float) -> Self:
        return type(self)(self.items * self.number(factor))

    def reshape(self, shape: tuple[int, ...]) -> Self:
        return type(self)(self.items.reshape(shape))

    def transpose(self, axes: tuple[int, ...]) -> Self:
        return type(self)(self.items.transpose(axes))

    def broadcast(self, shape: tuple[int, ...]) -> Self:
        return type(self)(np.broadcast_to(self.items, shape))

    def gather(self, positions: Any) -> Self:
        return type(self)(self.items.reshape(-1)[positions])

    def rows(self, positions: Any) -> Self:
        nothing = np.full((1, *self.items.shape[1:]), self.number(0), dtype=object)
        return type(self)(np.concatenate([self.items, nothing])[np.where(positions < 0, len(self.items), positions)])

    def strided(self, start: Sequence[int], steps: Sequence[Sequence[int]], shape: tuple[int, ...]) -> Self:
        places = [s + sum(np.arange(n).reshape([-1 if a == b else 1 for b in range(len(shape))]) * step[d]
                          for a, (n, step) in enumerate(zip(shape, steps, strict=True)))
                  for d, s in enumerate(start)]  # fmt: skip
        return type(self)(self.items[tuple(places)])

    def part(self, axis: int, position: int) -> Self:
        return type(self)(self.items[(slice(None),) * axis + (position,)])

    def stack(self, others: list[Self], axis: int) -> Self:
        return type(self)(np.stack([b.items for b in (self, *others)], axis=axis))

    def total(self, terms: list[Self], additions: int = 0) -> Self:
        return reduce(lambda a, b: a + b, terms, self)

    def sum(self, axis: int) -> Self:
        # The first term is a zero of the right kind, so that a sum of nothing is one too.
        return type(self)(np.add.reduce(self.items, axis=axis, initial=self.number(0)))

    def sum_of_others(self, axis: int) -> Self:
        a = np.moveaxis(self.items, axis, -1)
        rest = [np.add.reduce(np.delete(a, k, axis=-1), axis=-1, initial=self.number(0)) for k in range(a.shape[-1])]
        return type(self)(np.stack(rest, axis=axis)) if rest else self

    def max(self, axis: int) -> Self:
        parts = [type(self)(part) for part in np.moveaxis(self.items, axis, 0)]
        if not parts:  # the greatest of nothing
            return type(self)(np.full(np.delete(self.items.shape, axis), self.number(float("-inf"))))
        return reduce(lambda a, b: a.maximum(b), parts)

    def matmul(self, right: Self) -> Self:
        return type(self)(np.matmul(self.items, right.items))

    def maximum(self, right: Self) -> Self:
        raise NotImplementedError

    def number(self, value: float) -> Any:
        """One element of this kind."""
        raise NotImplementedError


class ArbArray(Objects):
    """Arb balls at the precision of python-flint's global context."""

    __slots__ = ()

    def number(self, value: float) -> flint.arb:
        return flint.arb(value)

    def maximum(self, right: Self) -> Self:
        return type(self)(_maximum(self.items, right.items))

    def matmul(self, right: Self) -> Self:
        batch = np.broadcast_shapes(self.shape[:-2], right.shape[:-2])
        rows, inner, columns = self.shape[-2], self.shape[-1], right.shape[-1]
        number = math.prod(batch)
        a = np.broadcast_to(self.items, (*batch, rows, inner)).reshape(number, rows, inner)
        b = np.broadcast_to(right.items, (*batch, inner, columns)).reshape(number, inner, columns)
        products = np.empty((len(a), rows * columns), dtype=object)
        for i, (left, other) in enumerate(zip(a, b, strict=True)):
            product = flint.arb_mat(rows, inner, left.ravel().tolist()) * flint.arb_mat(
                inner, columns, other.ravel().tolist()
            )
            products[i] = product.entries()
        return type(self)(products.reshape(*batch, rows, columns))

    def positive(self) -> tuple[Any, Any]:
        return _truth(self.items > 0), _truth(self.items <= 0)

    def negative(self) -> tuple[Any, Any]:
        return _truth(self.items < 0), _truth(self.items >= 0)


class SymbolArray(Objects):
    """SymPy expressions: a system written out, entry by entry."""

    __slots__ = ()

    def number(self, value: float) -> sympy.Expr:
        return sympy.Rational(value)

    def maximum(self, right: Self) -> Self:
        return type(self)(np.frompyfunc(sympy.Max, 2, 1)(self.items, right.items))

    def positive(self) -> tuple[Any, Any]:
        return self._compared(sympy.Gt), self._compared(sympy.Le)

    def negative(self) -> tuple[Any, Any]:
        return self._compared(sympy.Lt), self._compared(sympy.Ge)

    def detached(self) -> Self:
        return type(self)(np.frompyfunc(detached, 1, 1)(self.items))

    def _compared(self, relation: Any) -> Any:
        # NumPy's own comparison would ask each condition for its truth.
        return np.frompyfunc(lambda e: relation(e, 0), 1, 1)(self.items)


def _truth(comparison: Any) -> Any:
    return np.asarray(comparison, dtype=bool)


def enclosed_constant(number: sympy.Expr) -> flint.arb:
    """A ball around a constant: a rational, pi, or what sums, products, rational powers and log make of them."""
    if number.is_Rational:
        return flint.arb(flint.fmpq(int(number.p), int(number.q)))
    if number is sympy.pi:
        return flint.arb.pi()
    parts = [enclosed_constant(a) for a in number.args]
    if number.is_Add:
        return reduce(lambda a, b: a + b, parts)
    if number.is_Mul:
        return reduce(lambda a, b: a * b, parts)
    if number.is_Pow:
        return parts[0] ** parts[1]
    if isinstance(number, sympy.log):
        return parts[0].log()
    raise ValueError(f"constant: a rational number, pi, their powers or logarithms are required, got {number}")


ARB = {"logistic": lambda a: 1 / (1 + (-a).exp()), **special.ARB}


class ArbNumbers:
    """Arb's number system; the caller sets the precision (``flint.ctx.workprec``)."""

    def data(self, array: Any) -> ArbArray:
        return ArbArray(np.frompyfunc(lambda a: flint.arb(float(a)), 1, 1)(np.asarray(array, dtype=object)))

    def constant(self, number: sympy.Expr) -> ArbArray:
        if number.is_infinite:
            return ArbArray(flint.arb("inf" if number > 0 else "-inf"))
        return ArbArray(enclosed_constant(number))

    def apply(self, function: str, *values: ArbArray) -> ArbArray:
        rule = ARB.get(function) or methodcaller(function)
        return ArbArray(np.frompyfunc(rule, len(values), 1)(*(v.items for v in values)))

    def choose(self, yes: Any, no: Any, a: ArbArray, b: ArbArray) -> ArbArray:
        chosen = np.where(yes, a.items, b.items)
        unknown = ~(yes | no)
        if unknown.any():
            joined = np.frompyfunc(lambda p, q: p.union(q), 2, 1)(*np.broadcast_arrays(a.items, b.items))
            chosen = np.where(unknown, joined, chosen)
        return ArbArray(chosen)

    def interval(self, low: Any, high: Any) -> ArbArray:
        ball = np.frompyfunc(lambda a, b: flint.arb(float(a + b) / 2, float(b - a) / 2), 2, 1)
        return ArbArray(ball(np.asarray(low, dtype=object), np.asarray(high, dtype=object)))

    def exact(self, value: ArbArray) -> ArbArray:
        return ArbArray(np.frompyfunc(lambda a: a.mid() if a.is_finite() else flint.arb(0), 1, 1)(value.items))


_SYMBOLIC = {
    "log1p": lambda z: sympy.log(1 + z),
    "expm1": lambda z: sympy.exp(z) - 1,
    "logistic": lambda z: 1 / (1 + sympy.exp(-z)),
    **{name: getattr(sympy, name) for name in ("exp", "log", "tanh", "erf", "erfc", "sqrt")},
    **special.SYMBOLIC,
}


class SymbolNumbers:
    """SymPy's number system: nothing is rounded, conditions stay symbolic."""

    def data(self, array: Any) -> SymbolArray:
        return SymbolArray(array)

    def constant(self, number: sympy.Expr) -> SymbolArray:
        return SymbolArray(number)

    def apply(self, function: str, *values: SymbolArray) -> SymbolArray:
        return SymbolArray(np.frompyfunc(_SYMBOLIC[function], len(values), 1)(*(v.items for v in values)))

    def choose(self, yes: Any, no: Any, a: SymbolArray, b: SymbolArray) -> SymbolArray:
        pick = np.frompyfunc(lambda c, p, q: sympy.Piecewise((p, c), (q, True)), 3, 1)
        return SymbolArray(pick(yes, a.items, b.items))

    def interval(self, low: Any, high: Any) -> SymbolArray:
        middle = np.frompyfunc(lambda a, b: sympy.Rational(int(a) + int(b), 2), 2, 1)
        return SymbolArray(middle(low, high))

    def exact(self, value: SymbolArray) -> SymbolArray:
        # Any value will do: the proofs keep the shift as a free symbol and show that it drops out.
        return value
