"""Positions: integer expressions as NumPy arrays over their free indices, sizes, and where a recurrence is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from numbers import Integral, Real
from typing import Any

import numpy as np
import sympy
from sympy import Idx, Indexed, Mod

from fiducial.spec.contraction import Tensor, along
from fiducial.spec.factors import Axis, axis
from fiducial.spec.language import Expr, above_zero, name_of, natural, scalar, size, whole

COMPARISONS = {
    sympy.Gt: np.greater, sympy.Ge: np.greater_equal, sympy.Lt: np.less, sympy.Le: np.less_equal,
    sympy.Eq: np.equal, sympy.Ne: np.not_equal,
}  # fmt: skip
_INTEGER_ARITHMETIC: dict[Any, Any] = {sympy.Add: np.add, sympy.Mul: np.multiply, Mod: np.mod}


@dataclass
class Step:
    """Where a recurrence is: the index that it runs along, its value, and what earlier steps gave."""

    axis: Axis
    place: Mapping[str, int]  # of the axis among each variable's own
    position: int = 0
    results: dict[tuple[str, int], Any] = field(default_factory=dict)
    memory: dict[int, Tensor] = field(default_factory=dict)


class Positions:
    """What integer expressions mean: the sizes, the named numbers, the integer variables, the current step."""

    def __init__(self, sizes: Mapping[str, int], attributes: Mapping[str, Any]) -> None:
        self.known: dict[Expr, Expr] = {}
        for name, value in sizes.items():
            self.known |= dict.fromkeys((size(name), whole(name), natural(name)), sympy.Integer(value))
        for name, value in attributes.items():
            self.known |= dict.fromkeys((scalar(name), whole(name), above_zero(name)), _exactly(value))
        self.variables: dict[str, Any] = {}
        self.lengths: dict[Axis, int] = {}
        self.step: Step | None = None

    def length(self, i: Axis) -> int:
        if i not in self.lengths:
            self.lengths[i] = int((i.index.upper - i.index.lower + 1).xreplace(self.known))
        return self.lengths[i]

    def number(self, e: Expr) -> Expr:
        return e.xreplace(self.known)

    def integers(self, e: Expr) -> tuple[tuple[Axis, ...], Any]:
        """An integer expression as a NumPy array over its free indices."""
        if isinstance(e, sympy.Integer):
            return (), np.asarray(int(e))
        if isinstance(e, Idx):
            if self.step is not None and axis(e) is self.step.axis:
                return (), np.asarray(self.step.position)
            return (axis(e),), np.arange(int(self.number(e.lower)), int(self.number(e.upper)) + 1)
        if isinstance(e, Indexed):
            return self.looked_up(np.asarray(self.variables[name_of(e)]), e.indices)
        if isinstance(e, sympy.Symbol) and e.name in self.variables:
            return (), np.asarray(self.variables[e.name])
        if isinstance(e, sympy.floor):
            above, below = e.args[0].as_numer_denom()
            (axes, top), (_, bottom) = self.integers(above), self.integers(below)
            return axes, top // bottom
        if type(e) in _INTEGER_ARITHMETIC:
            parts = [self.integers(a) for a in e.args]
            axes = tuple(dict.fromkeys(i for a, _ in parts for i in a))
            return axes, reduce(_INTEGER_ARITHMETIC[type(e)], [along(a, v, axes) for a, v in parts])
        return (), np.asarray(int(self.number(e)))

    def looked_up(self, data: Any, positions: tuple[Expr, ...]) -> tuple[tuple[Axis, ...], Any]:
        parts = [self.integers(p) for p in positions]
        axes = tuple(dict.fromkeys(i for a, _ in parts for i in a))
        return axes, data[tuple(along(a, v, axes) for a, v in parts)]

    def compared(self, left: Expr, right: Expr, operation: Any) -> tuple[tuple[Axis, ...], Any]:
        (a, p), (b, q) = self.integers(left), self.integers(right)
        axes = tuple(dict.fromkeys((*a, *b)))
        return axes, operation(along(a, p, axes), along(b, q, axes))


def _exactly(value: Any) -> Expr:
    """A number as the rational that it is. Never text: SymPy would run it as code."""
    if isinstance(value, sympy.Basic):
        return value
    if isinstance(value, Integral):
        return sympy.Integer(int(value))
    if not isinstance(value, Real):
        raise TypeError(f"attribute: a number is required, got {type(value).__name__} {value!r}")
    return sympy.Rational(float(value)) if math.isfinite(value) else sympy.Float(float(value)) + 0


def strided_view(
    parts: list[tuple[tuple[Axis, ...], Any]], axes: tuple[Axis, ...], shape: tuple[int, ...], lengths: tuple[int, ...]
) -> tuple[list[int], list[list[int]], tuple[int, ...]] | None:
    """The view that integer positions amount to, where they go in even steps and stay inside; else None."""
    if not all(lengths):
        return None
    start, steps = [], [[0] * len(parts) for _ in axes]
    for d, ((own, v), n) in enumerate(zip(parts, shape, strict=True)):
        origin = (0,) * v.ndim
        even = np.full((), v[origin])
        for k, i in enumerate(own):
            step = int(v[(*origin[:k], 1, *origin[k + 1 :])] - v[origin]) if v.shape[k] > 1 else 0
            steps[axes.index(i)][d] = step
            even = even[..., None] + step * np.arange(v.shape[k])
        if v.min() < 0 or v.max() >= n or not np.array_equal(even, v):
            return None
        start.append(int(v[origin]))
    return start, steps, lengths
