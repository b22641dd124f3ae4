"""The second witness of a proof: both sides enclosed by Arb at random exact points and small sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
import sympy
from sympy import Idx, Indexed, Sum

from fiducial.spec.evaluate import evaluate
from fiducial.spec.language import Expr, array, free_indices, indices, name_of, scalar, size
from fiducial.spec.normal_form import Given
from fiducial.spec.numbers.objects import ArbNumbers
from fiducial.spec.operation import Definition, Domain
from fiducial.spec.system import System

BITS, POINTS, CLOSE = 256, 3, 2.0**-100


@dataclass(frozen=True)
class Witness:
    """Whether both sides agreed, and the widest enclosure of their difference."""

    holds: bool
    radius: float
    points: int = POINTS

    def __str__(self) -> str:
        verdict = "Arb agrees" if self.holds else "Arb DISAGREES"
        return f"{verdict} at {self.points} point{'s' * (self.points > 1)} (radius {self.radius:.0e})"


def witnessed(definition: Definition, system: System, left: Expr, right: Expr, given: Given = ()) -> Witness:
    """Encloses left - right at random points; the hypotheses are made to hold exactly."""
    free = tuple(sorted(free_indices(left) | free_indices(right), key=str))
    l, r = (array(n)[free] if free else scalar(n) for n in ("left", "right"))
    extra = [s for s in _arrays(left, right) if name_of(s) not in system.declared()]
    whole = system.extended({l: left, r: right}, [l, r], extra)
    rng, widest = np.random.default_rng(0), 0.0
    with flint.ctx.workprec(BITS):
        for point in range(POINTS):
            values = evaluate(whole, ArbNumbers(), *random_point(whole, definition, given, rng, point))
            for a, b in np.broadcast(values["left"].items, values["right"].items):
                d = flint.arb(0) if a == b else a - b  # equal for certain, be they infinite
                if not (d.is_finite() and d.contains(0)):
                    return Witness(False, float("inf"))
                widest = max(widest, float(d.rad()))
    return Witness(widest < CLOSE, widest)


def _arrays(*expressions: Expr) -> list[Expr]:
    """One element of each array, on indices of its own."""
    found: dict[str, Expr] = {}
    for e in expressions:
        for element in sorted(e.atoms(Indexed), key=str):
            found.setdefault(name_of(element), element)
    return list(found.values())


Point = tuple[dict[str, Any], dict[str, int], dict[str, Any]]  # arrays, sizes, attributes


def random_point(
    system: System, definition: Definition, given: Given, rng: Any, point: int, most: int = 3, least: int = 2
) -> Point:
    """Exact random inputs of a system under the hypotheses.

    Sizes are ``most`` numbers from ``least`` on, and change from point to point.
    """
    expressions = (*system.equations, *system.equations.values(), *system.inputs)
    lengths = {i.upper - i.lower + 1 for e in expressions for i in e.atoms(Idx)}
    symbols = {s for e in (*expressions, *lengths) for s in e.free_symbols if isinstance(s, sympy.Symbol)}
    names = sorted(s.name for s in symbols if s.is_integer and s.is_positive)
    sizes = {name: least + (point + k) % most for k, name in enumerate(n for n in names if n not in definition.sizes)}
    integers = [s.name for s in symbols if s.is_integer and not s.is_positive and s.name not in system.declared()]
    sizes |= _grown(sizes | dict.fromkeys(integers, 1), definition)
    known = {size(name): sympy.Integer(value) for name, value in sizes.items()}
    arrays: dict[str, Any] = {}
    for lhs in system.inputs:
        shape = tuple(int((i.upper - i.lower + 1).xreplace(known)) for i in indices(lhs))
        domain = definition.domains.get(name_of(lhs), Domain())
        if domain.below is not None:
            arrays[name_of(lhs)] = rng.integers(int(domain.low), sizes[domain.below], shape)
            arrays[name_of(lhs)].flat[:1] = 0  # not every row is one to ignore
            continue
        if domain.whole:
            drawn = rng.integers(int(max(domain.low, 0)), int(min(domain.high, 3)) + 1, shape)
            arrays[name_of(lhs)] = ArbNumbers().data(drawn)
            continue
        # Multiples of 2^-10 are exact in every arithmetic that they pass through.
        low, high = max(domain.low, 0.0 if lhs.is_positive else -2.0), min(domain.high, 2.0)
        data = np.round(rng.uniform(low, high, shape) * 1022 + 1) / 1024
        for left, right in given:
            if isinstance(left, Sum) and name_of(left.function) == name_of(lhs):
                data[..., -1] = float(right) - data[..., :-1].sum(axis=-1)
        arrays[name_of(lhs)] = ArbNumbers().data(data)
    for name, domain in definition.domains.items():
        if domain.upto is not None and name in arrays:  # one more, so that no count is on its edge
            count = arrays[name]
            while len(count.shape) > len(arrays[domain.upto].shape):
                count = count.sum(0)
            arrays[domain.upto] = arrays[domain.upto] + count + ArbNumbers().data(1)
    defined = {*system.declared(), *sizes}
    attributes = {
        s.name: sympy.Rational(int(rng.integers(1, 32)), 32)
        for s in sorted(symbols, key=str)
        if s.name not in defined and not s.is_integer
    }
    return arrays, sizes, attributes


def _grown(sizes: dict[str, int], definition: Definition) -> dict[str, int]:
    """The sizes with those that follow from them, each at least 2: what it depends on grows until it is."""
    while True:
        derived = definition.derived_sizes(sizes)
        small = next((definition.sizes[name][0] for name, n in derived.items() if n < 2), None)
        if small is None:
            return sizes | derived
        sizes = {**sizes, small: sizes[small] + 1}
