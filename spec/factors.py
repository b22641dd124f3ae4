"""How products and sums are read before they are evaluated; each expression is read once, and remembered."""

from __future__ import annotations

import math
from functools import cache

import sympy
from sympy import Idx, KroneckerDelta

from fiducial.spec.language import ByObject, Expr
from fiducial.spec.system import mentioned


class Axis:
    """An index as an axis of a tensor: equal indices have one."""

    __slots__ = ("index",)

    def __init__(self, index: Idx) -> None:
        self.index = index


_axes: dict[Idx, Axis] = {}
_numbers: dict[Expr, int] = {}
axis = ByObject(lambda i: _axes.setdefault(i, Axis(i)))
number_of = ByObject(lambda e: _numbers.setdefault(e, len(_numbers)))  # the same for equal expressions
names_in = ByObject(lambda e: frozenset(mentioned(e)))


is_constant = ByObject(lambda e: bool(e.is_number))


@ByObject
def factored(e: Expr) -> tuple[float, tuple[Expr, ...], tuple[Expr, ...]]:
    """A product as an exact scale (a sign, a power of two), the factors of its numerator, those of its denominator."""
    scale = 1.0
    above: list[Expr] = []
    below: list[Expr] = []
    for f in sympy.Mul.make_args(e):
        if f.is_Rational and not f.is_zero:
            scale *= -1 if f < 0 else 1
            p, q = abs(f).as_numer_denom()
            for number, side in ((p, above), (q, below)):
                if number != 1 and math.frexp(float(number))[0] == 0.5:
                    scale *= float(number) if side is above else 1 / float(number)
                elif number != 1:
                    side.append(number)
        elif isinstance(f, sympy.Pow) and f.exp.is_Rational and f.exp < 0:
            below.append(1 / f)
        else:
            above.append(f)
    return scale, tuple(above), tuple(below)


Split = tuple[tuple[Expr, ...], tuple[Expr, ...], tuple[Expr, ...], tuple[tuple[Idx, Expr], ...]]


@cache
def split(body: Expr, bound: tuple[Idx, ...]) -> Split:
    """The factors of a summand: those that depend on a bound index, those that do not, ``other(l, k)``, and places.

    A place (v, at[i]) stands for ``KroneckerDelta(v, at[i])`` with i bound and v not.
    """
    inside, outside, others, places = [], [], [], []
    for f in sympy.Mul.make_args(body):
        if not f.has(*bound):
            outside.append(f)
        elif left_out(f, bound) is not None:
            others.append(f)
        elif isinstance(f, KroneckerDelta) and _place(f, bound) is not None:
            places.append(_place(f, bound))
        else:
            inside.append(f)
    return tuple(inside), tuple(outside), tuple(others), tuple(places)  # type: ignore[arg-type]


def _place(delta: KroneckerDelta, bound: tuple[Idx, ...]) -> tuple[Idx, Expr] | None:
    for i, e in (delta.args, delta.args[::-1]):
        if isinstance(i, Idx) and i not in bound and not e.has(i):
            return i, e
    return None


@cache
def left_out(factor: Expr, bound: tuple[Idx, ...]) -> tuple[Idx, Idx] | None:
    """(l, k) where the factor is ``other(l, k)``, l being summed over."""
    rest = 1 - factor
    if isinstance(rest, KroneckerDelta) and all(isinstance(i, Idx) for i in rest.args):
        for l, k in (rest.args, rest.args[::-1]):
            if l in bound and k not in bound:
                return l, k
    return None
