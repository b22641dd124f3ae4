"""The words that equations are written in: sizes, indices, arrays, and the few functions that SymPy lacks.

An index carries its range (``k = index("k", K)`` runs over 0 .. K-1), so ``Sum(x[n, k], k)`` needs no bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Generic, TypeAlias, TypeVar

import sympy
from sympy.concrete.expr_with_limits import ExprWithLimits

Expr: TypeAlias = sympy.Expr
T = TypeVar("T")


class ByObject(Generic[T]):
    """A function of an expression, remembered by the expression's identity: comparing expressions is slow."""

    def __init__(self, function: Callable[[Expr], T]) -> None:
        self.function = function
        self.known: dict[int, tuple[Expr, T]] = {}  # the expression is kept, so that its identity stays its own

    def __call__(self, e: Expr) -> T:
        found = self.known.get(id(e))
        if found is None:
            found = self.known[id(e)] = (e, self.function(e))
        return found[1]


@cache
def size(name: str) -> sympy.Symbol:
    """A positive integer that is left symbolic: every derivation holds for all of its values."""
    return sympy.Symbol(name, integer=True, positive=True)


def index(name: str, length: Expr) -> sympy.Idx:
    """An index that runs over 0 .. length-1."""
    return sympy.Idx(name, length)


def array(name: str) -> sympy.IndexedBase:
    """A real array; its rank is the number of indices that it is written with."""
    return sympy.IndexedBase(name, real=True)


def integers(name: str) -> sympy.IndexedBase:
    """An array of integers (labels, positions); it may stand inside another array's index."""
    return sympy.IndexedBase(name, integer=True)


def positive(name: str) -> sympy.IndexedBase:
    """A positive array."""
    return sympy.IndexedBase(name, positive=True)


@cache
def whole(name: str) -> sympy.Symbol:
    """An integer attribute."""
    return sympy.Symbol(name, integer=True)


@cache
def natural(name: str) -> sympy.Symbol:
    """An integer attribute that is not negative."""
    return sympy.Symbol(name, integer=True, nonnegative=True)


@cache
def scalar(name: str) -> sympy.Symbol:
    """A real number: an attribute, or an array of rank 0."""
    return sympy.Symbol(name, real=True)


@cache
def above_zero(name: str) -> sympy.Symbol:
    """A positive real number."""
    return sympy.Symbol(name, positive=True)


def other(i: Expr, j: Expr) -> Expr:
    """1 where i and j differ, else 0: ``Sum(other(l, k) * p[l], l)`` is the sum of the others, free of cancellation."""
    return sympy.Integer(1) - sympy.KroneckerDelta(i, j)


class Greatest(ExprWithLimits):
    """``Greatest(x[n, k], k)``: the greatest element over an index, as ``Sum`` is their sum.

    Its derivative with respect to an element is that element's ``Share`` in it.
    """

    def __new__(cls, function: Expr, *symbols: Any) -> Greatest:
        node: Greatest = ExprWithLimits.__new__(cls, function, *symbols)
        return node

    def _eval_is_real(self) -> bool:
        return True


class Share(sympy.Function):
    """``Share(x[n, k], Greatest(x[n, l], l))``: the derivative of a greatest element, as a set.

    1 at a unique maximum, 0 below it, anything in [0, 1] at a tie.
    """

    nargs = 2

    def fdiff(self, argindex: int = 1) -> Expr:
        return sympy.S.Zero


class erfc(sympy.Function):
    """1 - erf. SymPy's own turns erfc(-x) into 2 - erfc(x), which cancels where the function is small."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Expr:
        return -2 * sympy.exp(-(self.args[0] ** 2)) / sympy.sqrt(sympy.pi)


class logistic(sympy.Function):
    """1 / (1 + exp(-z)), differentiated as textbooks write it, s (1 - s): for formulas quoted, not for stable forms."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Expr:
        return self * (1 - self)

    def definition(self) -> Expr:
        """The function in terms of exp."""
        return 1 / (1 + sympy.exp(-self.args[0]))


class holds(sympy.Function):
    """1 where a condition on positions holds, else 0."""

    nargs = 1

    def _eval_is_real(self) -> bool:
        return True

    def _eval_power(self, exponent: Expr) -> Expr | None:
        return self if exponent.is_positive else None

    def fdiff(self, argindex: int = 1) -> Expr:
        return sympy.S.Zero


class detached(sympy.Function):
    """The number itself, taken as a constant where it is differentiated: where a gradient is cut."""

    nargs = 1

    @classmethod
    def eval(cls, z: Expr) -> Expr | None:
        return z if z.is_number else None

    def _eval_is_real(self) -> bool:
        return True

    def fdiff(self, argindex: int = 1) -> Expr:
        return sympy.S.Zero


def variable(lhs: Expr) -> Expr:
    """What an equation's left side defines: the array of ``y[n, k]``, or the number ``L`` itself."""
    return lhs.base if isinstance(lhs, sympy.Indexed) else lhs


def indices(lhs: Expr) -> tuple[Expr, ...]:
    """The indices of ``y[n, k]``; none for a number."""
    return tuple(lhs.indices) if isinstance(lhs, sympy.Indexed) else ()


def free_indices(e: Expr) -> set[Expr]:
    """The indices of an expression that no sum and no maximum binds."""
    if isinstance(e, sympy.Idx):
        return {e}
    bound = {limits[0] for limits in e.limits} if isinstance(e, ExprWithLimits) else set()
    inner = e.args[:1] if bound else e.args
    return {i for a in inner for i in free_indices(a)} - bound


@ByObject
def size_of(i: sympy.Idx) -> str:
    """The name of the size that an index runs to."""
    return str(i.upper + 1)


@ByObject
def name_of(lhs: Expr) -> str:
    """The name of the variable on an equation's left side."""
    return str(variable(lhs))


def at(like: Expr, name: str, position: tuple[Expr, ...]) -> Expr:
    """The variable ``name``, an array or a number as ``like`` is, at a position."""
    return array(name)[position] if isinstance(like, sympy.Indexed) else scalar(name)
