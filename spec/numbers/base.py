"""What the evaluator asks of a number system.

A *value* is an array of numbers of one kind: ``+ - * /`` broadcast as in NumPy; the methods below do the rest. A
*system* makes values out of data and constants and applies functions. Masks are Boolean arrays: a comparison gives
two, *certainly true* and *certainly false*; where neither holds, the answer is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

import sympy

Mask = Any  # a Boolean array of the backend
FUNCTIONS = (
    "exp", "log", "log1p", "expm1", "tanh", "erf", "erfc", "sqrt", "logistic", "erfcx", "erfcinv", "lgamma",
)  # fmt: skip
SEVERAL = ("log_betainc", "log_betaincc")  # functions of three numbers


class Value(Protocol):
    """An array of numbers."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __add__(self, right: Self) -> Self: ...
    def __sub__(self, right: Self) -> Self: ...
    def __mul__(self, right: Self) -> Self: ...
    def __truediv__(self, right: Self) -> Self: ...
    def __neg__(self) -> Self: ...
    def __abs__(self) -> Self: ...
    def reshape(self, shape: tuple[int, ...]) -> Self: ...
    def transpose(self, axes: tuple[int, ...]) -> Self: ...
    def broadcast(self, shape: tuple[int, ...]) -> Self: ...
    def gather(self, positions: Any) -> Self:
        """The elements at integer positions of the flattened array, in the shape of ``positions``."""

    def rows(self, positions: Any) -> Self:
        """The parts at positions of the first axis, in the shape of ``positions``; zeros at negative ones."""

    def strided(self, start: Sequence[int], steps: Sequence[Sequence[int]], shape: tuple[int, ...]) -> Self:
        """A view that begins at ``start``; each of its axes goes ``steps`` along this array's axes."""

    def part(self, axis: int, position: int) -> Self:
        """The slice at a position of an axis, without the axis."""

    def stack(self, others: list[Self], axis: int) -> Self:
        """This and the others along a new axis."""

    def total(self, terms: list[Self], additions: int = 0) -> Self:
        """This plus all the terms, in any order, each in at most so many additions (0: as many as terms)."""

    def sum(self, axis: int) -> Self: ...
    def sum_of_others(self, axis: int) -> Self: ...
    def max(self, axis: int) -> Self: ...
    def matmul(self, right: Self) -> Self: ...
    def maximum(self, right: Self) -> Self: ...
    def positive(self) -> tuple[Mask, Mask]:
        """Where certainly > 0, and where certainly not."""

    def negative(self) -> tuple[Mask, Mask]: ...
    def kept(self, mask: Any) -> Self:
        """The product with a mask: exact."""

    def detached(self) -> Self:
        """The same numbers, as constants where derivatives are carried along."""

    def scaled(self, factor: float) -> Self:
        """The product with -1, or a power of two: exact."""


class Numbers(Protocol):
    """A number system."""

    def data(self, array: Any) -> Any:
        """A value that holds exactly the numbers of a float array."""

    def constant(self, number: sympy.Expr) -> Any: ...
    def apply(self, function: str, *values: Any) -> Any: ...
    def choose(self, yes: Mask, no: Mask, a: Any, b: Any) -> Any:
        """a where certainly true, b where certainly false, and what covers both elsewhere."""

    def interval(self, low: Any, high: Any) -> Any:
        """The sets [low, high], for integer arrays low <= high."""

    def exact(self, value: Any) -> Any:
        """Exact numbers near ``value`` (0 where it is not finite): a choice for a free shift."""
