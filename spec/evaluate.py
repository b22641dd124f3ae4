"""Evaluation of a system in any number system, on whole arrays.

Every subexpression becomes a tensor whose axes carry the names of its free indices; products under a sum become
matrix products. Nothing is rearranged that would change an error bound: sums are not distributed, differences are
taken where they are written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce
from operator import and_, or_
from typing import Any

import numpy as np
import sympy
from sympy import Idx, Indexed, KroneckerDelta, Piecewise, Sum
from sympy.codegen.cfunctions import expm1, log1p

from fiducial.spec.contraction import Tensor, along, contract, scatter, spread
from fiducial.spec.factors import Axis, axis, factored, is_constant, names_in, number_of, split
from fiducial.spec.language import (
    ByObject,
    Expr,
    Greatest,
    Share,
    detached,
    erfc,
    holds,
    indices,
    logistic,
    name_of,
)
from fiducial.spec.positions import COMPARISONS, Positions, Step, strided_view
from fiducial.spec.special import erfcx, log_betainc, log_betaincc
from fiducial.spec.system import Stage, System

APPLIED = {
    sympy.exp: "exp", sympy.log: "log", sympy.tanh: "tanh", sympy.erf: "erf", erfc: "erfc",
    log1p: "log1p", expm1: "expm1", logistic: "logistic", erfcx: "erfcx", sympy.erfcinv: "erfcinv",
    sympy.loggamma: "lgamma", log_betainc: "log_betainc", log_betaincc: "log_betaincc",
}  # fmt: skip


def evaluate(
    system: System, numbers: Any, arrays: Mapping[str, Any], sizes: Mapping[str, int], attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """Every variable of the system, as a value of the number system.

    ``arrays`` holds the inputs: values for real arrays, NumPy integers for integer ones. ``sizes`` gives the symbolic
    sizes, ``attributes`` the named numbers (SymPy numbers).
    """
    run = _Evaluator(numbers, sizes, attributes)
    for lhs in system.inputs:
        run.define(lhs, arrays[name_of(lhs)])
    for lhs, rule in system.shifts.items():
        run.define(lhs, run.numbers.exact(run.aligned(run.tensor(rule), _axes(lhs))))
    for stage in system.stages:
        run.advance(stage)
    return run.variables


class _Evaluator(Positions):
    def __init__(self, numbers: Any, sizes: Mapping[str, int], attributes: Mapping[str, Any]) -> None:
        super().__init__(sizes, attributes)
        self.numbers = numbers
        self.memory: dict[int, Tensor] = {}

    def define(self, lhs: Expr, value: Any) -> None:
        self.variables[name_of(lhs)] = value

    def advance(self, stage: Stage) -> None:
        """The variables of a stage: at once, or step by step."""
        if stage.step is None:
            ((lhs, rhs),) = stage.equations
            self.define(lhs, self.aligned(self.tensor(rhs), _axes(lhs)))
            return
        t = axis(stage.step)
        rules = [(name_of(lhs), _axes(lhs), rhs) for lhs, rhs in stage.equations]
        step = self.step = Step(t, {name: axes.index(t) for name, axes, _ in rules})
        steps = range(self.length(t))
        for step.position in reversed(steps) if stage.backward else steps:
            step.memory.clear()
            for name, axes, rhs in rules:
                step.results[name, step.position] = self.aligned(self.tensor(rhs), _without(axes, t))
        self.step = None
        for name, axes, _ in rules:
            parts = [step.results[name, p] for p in steps]
            together = parts[0].stack(parts[1:], axes.index(t)) if parts else self.aligned(self.whole_number(0), axes)
            self.variables[name] = together

    # --- axes ---

    def aligned(self, t: Tensor, axes: tuple[Axis, ...]) -> Any:
        """The tensor's value with exactly these axes: moved, and repeated along those that it lacks."""
        return spread(t, axes).broadcast(tuple(map(self.length, axes)))

    def together(self, *tensors: Tensor) -> tuple[tuple[Axis, ...], list[Any]]:
        axes = tuple(dict.fromkeys(i for t in tensors for i in t.axes))
        return axes, [spread(t, axes) for t in tensors]

    def combine(self, a: Tensor, b: Tensor, operation: Any) -> Tensor:
        axes, (p, q) = self.together(a, b)
        return Tensor(axes, operation(p, q))

    # --- expressions ---

    def tensor(self, e: Expr) -> Tensor:
        step = self.step
        if step is not None and not names_in(e).isdisjoint(step.place):
            return self.remembered(e, step.memory)
        self.step = None  # what does not change from step to step is computed once, for all steps
        whole = self.remembered(e, self.memory)
        self.step = step
        if step is None or step.axis not in whole.axes:
            return whole
        value = whole.value.part(whole.axes.index(step.axis), step.position)
        return Tensor(_without(whole.axes, step.axis), value)

    def remembered(self, e: Expr, memory: dict[int, Tensor]) -> Tensor:
        key = number_of(e)
        known = memory.get(key)
        if known is None:
            known = memory[key] = self.dispatch(e)
        return known

    def dispatch(self, e: Expr) -> Tensor:
        if isinstance(e, Indexed):
            return self.element(e)
        if isinstance(e, sympy.Symbol) and e.name in self.variables:
            value = self.variables[e.name]
            return self.from_integers((), value) if isinstance(value, np.ndarray) else Tensor((), value)
        if is_constant(e) or (isinstance(e, sympy.Symbol) and e in self.known):
            return Tensor((), self.numbers.constant(self.number(e)))
        if isinstance(e, Idx | sympy.floor):
            return self.from_integers(*self.integers(e))
        if isinstance(e, sympy.Mul):
            return self.product(e)
        if isinstance(e, sympy.Add):
            return self.addition(e)
        if isinstance(e, sympy.Pow):
            return self.power(e)
        if isinstance(e, Sum):
            return self.sum(e.function, tuple(limits[0] for limits in e.limits))
        if isinstance(e, Greatest):
            return self.greatest(e)
        if type(e) in APPLIED:
            axes, values = self.together(*(self.tensor(a) for a in e.args))
            return Tensor(axes, self.numbers.apply(APPLIED[type(e)], *values))
        return self.piecewise_linear(e)

    def piecewise_linear(self, e: Expr) -> Tensor:
        """The functions that are made of pieces: chosen by comparison, sets at their kinks."""
        if isinstance(e, Piecewise):
            return self.piecewise(e.args)
        if isinstance(e, detached):
            t = self.tensor(e.args[0])
            return Tensor(t.axes, t.value.detached())
        if isinstance(e, Share):
            return self.share(e.args[0], e.args[1])
        if isinstance(e, KroneckerDelta | holds):
            axes, mask = self.mask(e)
            return self.from_integers(axes, np.asarray(mask).astype(int))
        if isinstance(e, sympy.Abs):
            t = self.tensor(e.args[0])
            return Tensor(t.axes, abs(t.value))
        if isinstance(e, sympy.sign | sympy.Heaviside):
            return self.jump(e)
        if isinstance(e, sympy.Max | sympy.Min):
            flip = -1.0 if isinstance(e, sympy.Min) else 1.0
            parts = [self.tensor(a) for a in e.args]
            if flip < 0:
                parts = [Tensor(t.axes, t.value.scaled(-1.0)) for t in parts]
            top = reduce(lambda a, b: self.combine(a, b, lambda p, q: p.maximum(q)), parts)
            return Tensor(top.axes, top.value.scaled(flip))
        raise ValueError(f"no rule to evaluate {type(e).__name__}: {e}")

    # --- integers: positions and labels ---

    def from_integers(self, axes: tuple[Axis, ...], array: Any) -> Tensor:
        return Tensor(axes, self.numbers.interval(array, array))

    def element(self, e: Indexed) -> Tensor:
        step = self.step
        if step is not None and name_of(e) in step.place:
            place = step.place[name_of(e)]
            value = step.results.get((name_of(e), int(self.integers(e.indices[place])[1])))
            if value is None:  # before the first step: a coefficient of 0 removes it
                return self.whole_number(0)
            return self.picked(value, (*e.indices[:place], *e.indices[place + 1 :]))
        value = self.variables[name_of(e)]
        if isinstance(value, np.ndarray):
            return self.from_integers(*self.looked_up(value, e.indices))
        return self.picked(value, tuple(e.indices))

    def picked(self, value: Any, at: tuple[Expr, ...]) -> Tensor:
        """The elements at these positions."""
        if all(isinstance(i, Idx) for i in at):
            axes = tuple(map(axis, at))
            if len(set(axes)) == len(axes) and (self.step is None or self.step.axis not in axes):
                return Tensor(axes, value)
        # Positions outside the array belong to terms that a guard removes: any element will do.
        parts = [self.integers(p) for p in at]
        axes = tuple(dict.fromkeys(i for a, _ in parts for i in a))
        view = strided_view(parts, axes, value.shape, tuple(map(self.length, axes)))
        if view is not None:
            return Tensor(axes, value.strided(*view))
        positions = np.arange(math.prod(value.shape)).reshape(value.shape)
        where = tuple(np.clip(along(a, v, axes), 0, n - 1) for (a, v), n in zip(parts, value.shape, strict=True))
        return Tensor(axes, value.gather(positions[where]))

    # --- arithmetic ---

    def addition(self, e: Expr) -> Tensor:
        axes, values = self.together(*(self.tensor(a) for a in e.args))
        # A term beside a sum may be added first, as a bias often is: it is one of the sum's terms then.
        inner = [self.number_of_terms(a) for a in e.args]
        if len(values) == 2 and max(inner) <= 1:
            return Tensor(axes, values[0] + values[1])
        return Tensor(axes, values[0].total(values[1:], len(values) - 1 + max(inner)))

    def number_of_terms(self, e: Expr) -> int:
        """The terms that the sums in a product add up; 0 where there is no sum."""
        sums = [f for f in sympy.Mul.make_args(e) if isinstance(f, Sum)]
        return max((math.prod(self.length(axis(limits[0])) for limits in s.limits) for s in sums), default=0)

    def power(self, e: Expr) -> Tensor:
        base, exponent = e.args[0], self.number(e.args[1])
        t = self.tensor(base)
        if (2 * exponent).is_Integer and exponent > 0:
            whole = _times_itself(t.value, int(exponent)) if exponent >= 1 else None
            if exponent.is_Integer:
                return Tensor(t.axes, whole)
            root = self.numbers.apply("sqrt", t.value)
            return Tensor(t.axes, root if whole is None else whole * root)
        if exponent.is_Rational and exponent < 0:
            return self.combine(self.whole_number(1), self.tensor(factored(e)[2][0]), lambda p, q: p / q)
        raise ValueError(f"no rule to evaluate the power {e}")

    def product(self, e: Expr) -> Tensor:
        """Numerator over denominator; signs and powers of two are exact."""
        scale, above, below = factored(e)
        masks = [f for f in above if isinstance(f, KroneckerDelta | holds)]
        top = self.times([self.tensor(f) for f in above if f not in masks])
        if below:
            top = self.combine(top, self.times([self.tensor(f) for f in below]), lambda p, q: p / q)
        top = Tensor(top.axes, top.value.scaled(scale)) if scale != 1 else top
        for mask in masks:  # last: the product may be smaller without them
            top = self.masked(top, *self.mask(mask))
        return top

    def whole_number(self, n: int) -> Tensor:
        return Tensor((), self.numbers.constant(sympy.Integer(n)))

    def mask(self, e: Expr) -> tuple[tuple[Axis, ...], Any]:
        """Where equal positions, or a condition on them, make a factor 1."""
        if isinstance(e, holds):
            return self.truth(e.args[0])[:2]
        return self.compared(e.args[0], e.args[1], np.equal)

    def masked(self, t: Tensor, axes: tuple[Axis, ...], mask: Any) -> Tensor:
        everything = tuple(dict.fromkeys((*t.axes, *axes)))
        return Tensor(everything, spread(t, everything).kept(along(axes, np.asarray(mask), everything)))

    def times(self, tensors: list[Tensor]) -> Tensor:
        if not tensors:
            return self.whole_number(1)
        ordered = sorted(tensors, key=lambda t: len(t.axes))
        return reduce(lambda a, b: self.combine(a, b, lambda p, q: p * q), ordered)

    # --- reductions ---

    def sum(self, body: Expr, bound: tuple[Idx, ...]) -> Tensor:
        inside, outside, others, places = split(body, bound)
        factors = [self.tensor(f) for f in inside]
        if any(axis(i) in t.axes for i, _ in places for t in factors):
            factors += [self.tensor(_delta(place)) for place in places]
            places = ()
        walked = {i for _, e in places for i in e.atoms(Idx)}
        total = contract(self, factors, tuple(i for i in bound if i not in walked), others)
        if places:
            total = scatter(self, total, places, bound)
        return self.times([total, *(self.tensor(f) for f in outside)]) if outside else total

    def greatest(self, e: Greatest) -> Tensor:
        t = self.tensor(e.function)
        for limits in e.limits:
            i = axis(limits[0])
            t = Tensor(_without(t.axes, i), t.value.max(t.axes.index(i)))
        return t

    # --- pieces ---

    def piecewise(self, cases: tuple[Any, ...]) -> Tensor:
        (value, condition), *rest = cases
        if condition is sympy.true or not rest:
            return self.tensor(value)
        axes, yes, no = self.truth(condition)
        if not axes and isinstance(yes, np.bool_):
            return self.tensor(value) if yes else self.piecewise(tuple(rest))
        a, b = self.tensor(value), self.piecewise(tuple(rest))
        everything = tuple(dict.fromkeys((*axes, *a.axes, *b.axes)))
        masks = [along(axes, m, everything) for m in (yes, no)]
        return Tensor(everything, self.numbers.choose(*masks, spread(a, everything), spread(b, everything)))

    def truth(self, c: Any) -> tuple[tuple[Axis, ...], Any, Any]:
        """Where a condition certainly holds, and where it certainly does not."""
        if isinstance(c, sympy.And | sympy.Or):
            parts = [self.truth(a) for a in c.args]
            axes = tuple(dict.fromkeys(i for a, _, _ in parts for i in a))
            yes, no = ([along(p[0], p[k], axes) for p in parts] for k in (1, 2))
            both, either = (and_, or_) if isinstance(c, sympy.And) else (or_, and_)
            return axes, reduce(both, yes), reduce(either, no)
        if c.lhs.is_integer and c.rhs.is_integer:
            axes, holds = self.compared(c.lhs, c.rhs, COMPARISONS[type(c)])
            return axes, holds, ~holds
        t = self.tensor(_difference(c))
        if isinstance(c, sympy.Gt | sympy.Le):
            yes, no = t.value.positive()
        elif isinstance(c, sympy.Lt | sympy.Ge):
            yes, no = t.value.negative()
        else:
            (above, _), (below, _) = t.value.positive(), t.value.negative()
            (_, low), (_, high) = t.value.positive(), t.value.negative()
            yes, no = low & high, above | below
            return (t.axes, yes, no) if isinstance(c, sympy.Eq) else (t.axes, no, yes)
        return (t.axes, yes, no) if isinstance(c, sympy.Gt | sympy.Lt) else (t.axes, no, yes)

    def jump(self, e: Expr) -> Tensor:
        """Heaviside or sign: at 0, every slope between the two sides."""
        t = self.tensor(e.args[0])
        (above, _), (below, _) = t.value.positive(), t.value.negative()
        lowest = -1 if isinstance(e, sympy.sign) else 0
        low, high = np.where(_cpu(above), 1, lowest), np.where(_cpu(below), lowest, 1)
        return Tensor(t.axes, self.numbers.interval(low, high))

    def share(self, element: Expr, greatest: Greatest) -> Tensor:
        top, t = self.tensor(greatest), self.tensor(element)
        candidates = self.combine(self.tensor(greatest.function), top, lambda p, q: p - q)
        possible = ~_cpu(candidates.value.negative()[0])
        reduced = tuple(candidates.axes.index(axis(limits[0])) for limits in greatest.limits)
        many = Tensor(tuple(i for i in candidates.axes if i in top.axes), possible.sum(axis=reduced) > 1)
        mine = self.combine(t, top, lambda p, q: p - q)
        high = ~_cpu(mine.value.negative()[0])
        low = high & ~along(many.axes, many.value, mine.axes)
        return Tensor(mine.axes, self.numbers.interval(low.astype(int), high.astype(int)))


def _times_itself(value: Any, times: int) -> Any:
    """The power by squaring."""
    if times == 1:
        return value
    half = _times_itself(value, times // 2)
    return half * half if times % 2 == 0 else half * half * value


# What is made of expressions on the way is made once: it is remembered by identity.
_difference = ByObject(lambda c: c.lhs - c.rhs)
_delta = ByObject(lambda place: KroneckerDelta(*place))


def _axes(lhs: Expr) -> tuple[Axis, ...]:
    return tuple(axis(i) for i in indices(lhs))


def _without(axes: tuple[Axis, ...], i: Axis) -> tuple[Axis, ...]:
    return tuple(a for a in axes if a is not i)


def _cpu(mask: Any) -> Any:
    """Masks decide on the host, whatever the device of the numbers."""
    return mask.get() if hasattr(mask, "get") else np.asarray(mask)
