"""The witness of the calculus: every entry of every derivative, enclosed from the definition alone.

The definition is evaluated in power series over Arb along lines through random exact points: the coefficients are its
derivatives, and no rule of differentiation is used. Each entry of the Jacobian comes from a line along one entry of the
inputs; mixed second derivatives from three lines (2 D2(u, h) = D2(u + h) - D2(u) - D2(h), each D2 being twice a
coefficient). The systems that the oracle evaluates (adjoint, tangent, adjoint of the adjoint) must give the same
products with random cotangents and directions. At a second point, of other sizes, a line in a random direction must
give the same product with the whole gradient: a wrong entry shows in all but a null set of directions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import flint
import numpy as np

from fiducial.spec.calculus import tangent
from fiducial.spec.derived import gradient_system, jvp_system, second_order_system, written_gradients
from fiducial.spec.evaluate import evaluate
from fiducial.spec.language import at, free_indices, indices, name_of
from fiducial.spec.numbers.objects import ArbNumbers
from fiducial.spec.numbers.series import SeriesNumbers
from fiducial.spec.operation import Definition
from fiducial.spec.system import System
from fiducial.spec.witness import BITS, CLOSE, Point, Witness, random_point

ENTRIES = 600  # of a Jacobian; where there would be more, the sizes are 1 and 2
ORDER = 3  # terms of a series: up to the second derivative


class Entries:
    """A definition at one point, with cotangents and directions, and its derivatives."""

    def __init__(self, definition: Definition, point: Point) -> None:
        self.definition, self.point = definition, point
        self.inputs = [name_of(x) for x in definition.system.differentiable]
        self.outputs = [name_of(y) for y in definition.system.outputs]

    def of(self, name: str) -> Any:
        """An input, a cotangent (``dy``) or a direction (``hdx``), flattened."""
        return self.point[0][name].items.ravel()

    @property
    def direction(self) -> Any:
        return np.concatenate([self.of("hd" + x) for x in self.inputs])

    @cached_property
    def units(self) -> list[Any]:
        """Each direction along one entry of the inputs."""
        units: Any = np.frompyfunc(flint.arb, 1, 1)(np.eye(len(self.direction)))
        return list(units)

    @cached_property
    def along_units(self) -> list[tuple[Any, Any]]:
        return [self.along(unit) for unit in self.units]

    def along(self, direction: Any) -> tuple[Any, Any]:
        """The first derivative of every output along a direction, and half the second."""
        arrays, sizes, attributes = self.point
        numbers, given, start = SeriesNumbers(), {}, 0
        for name, value in arrays.items():
            given[name] = value if isinstance(value, np.ndarray) else numbers.data(value.items)
        for x in self.inputs:
            part = direction[start : start + arrays[x].items.size].reshape(arrays[x].shape)
            start += part.size
            given[x] = numbers.along(arrays[x].items, part)
        found = evaluate(self.definition.system, numbers, given, sizes, attributes)
        return tuple(np.concatenate([np.ravel(found[y].coefficient(k)) for y in self.outputs]) for k in (1, 2))  # type: ignore[return-value]

    @property
    def cotangents(self) -> Any:
        return np.concatenate([self.of("d" + y) for y in self.outputs])


def entry_by_entry(definition: Definition) -> Witness:
    """Adjoint: the definition's own, and the one with the stable form and gradients, against J^T g."""
    systems = [written_gradients(definition)[0], gradient_system(definition)]
    entries = _compared(definition, systems, _vector_jacobian, points=(0,))
    direction = _compared(definition, systems, _in_direction, (1,), lambda e, g: [np.asarray(g) @ e.direction])
    return Witness(entries.holds and direction.holds, max(entries.radius, direction.radius), 2)


def tangent_by_entry(definition: Definition) -> Witness:
    """Tangent, of the definition and of its stable form, against J t."""
    systems = [tangent(definition.system), jvp_system(definition)]
    return _compared(definition, systems, _jacobian_vector, points=(0, 1))


def second_order_by_entry(definition: Definition) -> Witness:
    """The gradient of <h, J^T g>, against the second derivatives."""
    return _compared(definition, [second_order_system(definition)], _second_order, points=(0,))


def shapes_hold(definition: Definition) -> bool:
    """Each gradient runs over its input's index ranges, and no equation has a free index that its left side lacks."""
    for system in (written_gradients(definition)[0], gradient_system(definition), second_order_system(definition)):
        for x, gradient in zip(definition.system.differentiable, system.outputs, strict=True):
            if [(i.lower, i.upper) for i in indices(x)] != [(i.lower, i.upper) for i in indices(gradient)]:
                return False
        if any(free_indices(rhs) - set(indices(lhs)) for lhs, rhs in system.equations.items()):
            return False
    return True


def _compared(
    definition: Definition, systems: list[System], truth: Callable[[Entries], list[Any]], points: tuple[int, ...],
    of: Callable[[Entries, list[Any]], list[Any]] = lambda entries, found: found,
) -> Witness:  # fmt: skip
    """Whether what a system gives at each point (or what is made ``of`` it) is enclosed with the truth."""
    widest, cap = 0.0, flint.ctx.cap
    with flint.ctx.workprec(BITS):
        flint.ctx.cap = ORDER
        try:
            for entries in (_entries(definition, number) for number in points):
                wanted = truth(entries)
                for system in systems:
                    found = of(entries, _evaluated(system, entries))
                    widest = max(widest, *(_apart(a, b) for a, b in zip(found, wanted, strict=True)), 0.0)
        finally:
            flint.ctx.cap = cap
    return Witness(widest < CLOSE, widest, len(points))


def _apart(a: flint.arb, b: flint.arb) -> float:
    """The radius of a difference that may be 0; infinite where it cannot be."""
    difference = a - b
    return float(difference.rad()) if difference.is_finite() and difference.contains(0) else float("inf")


def _evaluated(system: System, entries: Entries) -> list[flint.arb]:
    arrays, sizes, attributes = entries.point
    values = evaluate(system, ArbNumbers(), arrays, sizes, attributes)
    return [b for lhs in system.outputs for b in np.ravel(values[name_of(lhs)].items)]


@lru_cache(maxsize=2)
def _entries(definition: Definition, number: int) -> Entries:
    system = _with_directions(definition.system)
    for least in (2, 1):
        rng = np.random.default_rng(number)
        arrays, sizes, attributes = random_point(system, definition, (), rng, number, most=2, least=least)
        for x in definition.system.differentiable:
            arrays["t" + name_of(x)] = arrays["hd" + name_of(x)]
        entries = Entries(definition, (arrays, sizes, attributes))
        if len(entries.cotangents) * len(entries.direction) <= ENTRIES:
            break
    return entries


def _with_directions(system: System) -> System:
    """The system with cotangents ``dy`` and directions ``hdx`` among its inputs."""
    cotangents = [at(y, "d" + name_of(y), indices(y)) for y in system.outputs]
    directions = [at(x, "hd" + name_of(x), indices(x)) for x in system.differentiable]
    return system.extended({}, system.outputs, [*cotangents, *directions])


def _vector_jacobian(entries: Entries) -> list[Any]:
    return [entries.cotangents @ first for first, _ in entries.along_units]


def _in_direction(entries: Entries) -> list[Any]:
    return [entries.cotangents @ entries.along(entries.direction)[0]]


def _jacobian_vector(entries: Entries) -> list[Any]:
    return list(entries.along(entries.direction)[0])


def _second_order(entries: Entries) -> list[Any]:
    g, h = entries.cotangents, entries.direction
    own = entries.along(h)[1]
    both = zip(entries.units, entries.along_units, strict=True)
    return [g @ (entries.along(unit + h)[1] - second - own) for unit, (_, second) in both]
