"""The witness of the calculus: a definition written out entry by entry, and differentiated by SymPy alone.

At small sizes every entry of an output is an expression in the entries of the inputs. SymPy differentiates each by
each; the systems that the oracle evaluates (adjoint, tangent, adjoint of the adjoint) must give the same products with
random cotangents and directions, enclosed by Arb at random exact points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import flint
import numpy as np
import sympy

from fiducial.spec.calculus import tangent
from fiducial.spec.derived import gradient_system, jvp_system, second_order_system, written_gradients
from fiducial.spec.evaluate import evaluate
from fiducial.spec.language import Expr, at, free_indices, indices, name_of
from fiducial.spec.numbers.objects import ArbNumbers, SymbolNumbers
from fiducial.spec.numbers.scalar import enclosed
from fiducial.spec.operation import Definition
from fiducial.spec.system import System
from fiducial.spec.witness import BITS, CLOSE, Point, Witness, random_point

POINTS = 2  # the second exchanges the sizes 2 and 3


@dataclass(frozen=True)
class Entries:
    """A definition written out at one point: its inputs as symbols, its Jacobian, and what the symbols stand for."""

    point: Point
    symbols: dict[str, Any]
    jacobian: dict[tuple[str, str], Any]
    known: dict[Expr, Any]

    def cotangents(self, output: str) -> Any:
        return self.symbols["d" + output]

    def directions(self, x: str) -> Any:
        return self.symbols["hd" + x]

    def enclosures(self, expressions: Any) -> list[flint.arb]:
        return [enclosed(e, self.known) for e in np.ravel(expressions)]


def entry_by_entry(definition: Definition) -> Witness:
    """Adjoint: the definition's own, and the one with the stable form and gradients, against J^T g."""
    return _compared(definition, [written_gradients(definition)[0], gradient_system(definition)], _vector_jacobian)


def tangent_by_entry(definition: Definition) -> Witness:
    """Tangent, of the definition and of its stable form, against J t."""
    return _compared(definition, [tangent(definition.system), jvp_system(definition)], _jacobian_vector)


def second_order_by_entry(definition: Definition) -> Witness:
    """The gradient of <h, J^T g>, against SymPy's derivative of J."""
    return _compared(definition, [second_order_system(definition)], _second_order, points=1)


def shapes_hold(definition: Definition) -> bool:
    """Each gradient runs over its input's index ranges, and no equation has a free index that its left side lacks."""
    for system in (written_gradients(definition)[0], gradient_system(definition), second_order_system(definition)):
        for x, gradient in zip(definition.system.differentiable, system.outputs, strict=True):
            if [(i.lower, i.upper) for i in indices(x)] != [(i.lower, i.upper) for i in indices(gradient)]:
                return False
        if any(free_indices(rhs) - set(indices(lhs)) for lhs, rhs in system.equations.items()):
            return False
    return True


Products = Callable[[Entries, Definition], Iterator[Any]]


def _compared(definition: Definition, systems: list[System], products: Products, points: int = POINTS) -> Witness:
    widest = 0.0
    with flint.ctx.workprec(BITS):
        for number in range(points):
            entries = _written_out(definition, number)
            truth = [b for block in products(entries, definition) for b in entries.enclosures(block)]
            for system in systems:
                found = _evaluated(system, entries)
                for a, b in zip(found, truth, strict=True):
                    difference = a - b
                    if not (difference.is_finite() and difference.contains(0)):
                        return Witness(False, float("inf"), points)
                    widest = max(widest, float(difference.rad()))
    return Witness(widest < CLOSE, widest, points)


def _evaluated(system: System, entries: Entries) -> list[flint.arb]:
    arrays, sizes, attributes = entries.point
    values = evaluate(system, ArbNumbers(), arrays, sizes, attributes)
    return [b for lhs in system.outputs for b in np.ravel(values[name_of(lhs)].items)]


@lru_cache(maxsize=POINTS)
def _written_out(definition: Definition, number: int) -> Entries:
    rng = np.random.default_rng(number)
    arrays, sizes, attributes = random_point(_with_directions(definition.system), definition, (), rng, number, most=2)
    symbols: dict[str, Any] = {}
    known: dict[Expr, Any] = {}
    for name, value in arrays.items():
        if isinstance(value, np.ndarray):
            symbols[name] = value
            continue
        flat = [sympy.Symbol(f"{name}_{k}", real=True) for k in range(value.items.size)]
        symbols[name] = np.array(flat, dtype=object).reshape(value.shape)
        known.update(zip(flat, value.items.ravel(), strict=True))
    for x in definition.system.differentiable:
        arrays["t" + name_of(x)] = arrays["hd" + name_of(x)]
    data = {n: a if a.dtype.kind in "iu" else SymbolNumbers().data(a) for n, a in symbols.items()}
    values = evaluate(definition.system, SymbolNumbers(), data, sizes, attributes)
    jacobian = {(name_of(y), name_of(x)): _derivatives(values[name_of(y)].items, symbols[name_of(x)])
                for y in definition.system.outputs for x in definition.system.differentiable}  # fmt: skip
    return Entries((arrays, sizes, attributes), symbols, jacobian, known)


def _with_directions(system: System) -> System:
    """The system with cotangents ``dy`` and directions ``hdx`` among its inputs."""
    cotangents = [at(y, "d" + name_of(y), indices(y)) for y in system.outputs]
    directions = [at(x, "hd" + name_of(x), indices(x)) for x in system.differentiable]
    return system.extended({}, system.outputs, [*cotangents, *directions])


def _derivatives(of: Any, by: Any) -> Any:
    """Every entry by every entry: (entries of ``of``, entries of ``by``)."""
    rows = [[sympy.sympify(e).diff(s) for s in np.ravel(by)] for e in np.ravel(of)]
    return np.array(rows, dtype=object).reshape(np.size(of), np.size(by))


def _vector_jacobian(entries: Entries, definition: Definition) -> Iterator[Any]:
    for x in definition.system.differentiable:
        parts = [entries.cotangents(name_of(y)).ravel() @ entries.jacobian[name_of(y), name_of(x)]
                 for y in definition.system.outputs]  # fmt: skip
        yield sum(parts[1:], parts[0])


def _jacobian_vector(entries: Entries, definition: Definition) -> Iterator[Any]:
    for y in definition.system.outputs:
        parts = [entries.jacobian[name_of(y), name_of(x)] @ entries.directions(name_of(x)).ravel()
                 for x in definition.system.differentiable]  # fmt: skip
        yield sum(parts[1:], parts[0])


def _second_order(entries: Entries, definition: Definition) -> Iterator[Any]:
    names = [name_of(x) for x in definition.system.differentiable]
    gradients = zip(names, _vector_jacobian(entries, definition), strict=True)
    along = sympy.Add(*(gradient @ entries.directions(name).ravel() for name, gradient in gradients))
    for name in names:
        yield _derivatives(along, entries.symbols[name])
