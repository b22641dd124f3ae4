"""The systems derived from a definition: gradients, their stable forms, and the forms as textbooks write them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import sympy
from sympy import Idx

from fiducial.spec.cache import remembered
from fiducial.spec.calculus import adjoint, tangent
from fiducial.spec.language import Expr, Greatest, indices, name_of
from fiducial.spec.operation import Definition
from fiducial.spec.system import System, mentioned
from fiducial.spec.theorems import Gradient, Identity


@cache
def gradient_system(definition: Definition) -> System:
    """The adjoint of the stable form, with the stable gradients in place of those that they equal."""
    return remembered("gradient", definition.stable, definition.gradients, lambda: _gradient_system(definition))


@cache
def joint_system(definition: Definition) -> System:
    """The outputs and the gradients together: the forward equations are evaluated once for both."""
    values, first = value_system(definition), gradient_system(definition)
    return System(
        first.inputs,
        {**values.equations, **first.equations},
        (*values.outputs, *first.outputs),
        first.constants,
        {**values.shifts, **first.shifts},
    )


def _gradient_system(definition: Definition) -> System:
    derived = adjoint(definition.stable)
    equations = dict(derived.equations)
    for name, formula in definition.gradients.items():
        equations[derived.declared()["d" + name]] = formula
    return pruned(System(derived.inputs, equations, derived.outputs, derived.constants, derived.shifts))


@cache
def written_values(definition: Definition) -> list[System]:
    """The definition as it is written, and with each variable as a theorem says it can be written."""
    own = definition.system
    identities = [t for t in definition.theorems if isinstance(t, Identity) and t.left in own.equations]
    ways = [own, *(_with(own, t.left, t.right) for t in identities)]
    return [pruned(System(s.inputs, s.equations, own.outputs, s.constants)) for s in ways]


@cache
def written_gradients(definition: Definition) -> list[System]:
    """The gradients as textbooks write them: the adjoint of either form, and each formula that is a theorem."""
    return [pruned(way) for way in _ways(definition)]


def _ways(definition: Definition) -> list[System]:
    ways, forms = [], [definition.system]
    if definition.stable is not definition.system:
        forms.append(definition.stable)
    for form in forms:
        whole = remembered("written", form, {}, lambda form=form: adjoint(form))  # type: ignore[misc]
        ways.append(whole)
        for theorem in _formulas(definition):
            if _variables(theorem.formula) <= set(whole.declared()):
                ways.append(_with(whole, whole.declared()["d" + name_of(theorem.wrt)], theorem.formula))
    return ways


def _formulas(definition: Definition) -> list[Gradient]:
    return [t for t in definition.theorems if isinstance(t, Gradient) and not t.given]


def _variables(e: Expr) -> set[str]:
    return {name_of(a) for a in e.atoms(sympy.Indexed)}


def _with(system: System, lhs: Expr, rhs: Expr) -> System:
    """The system with another right side for one variable."""
    return System(system.inputs, {**system.equations, lhs: rhs}, system.outputs, system.constants, system.shifts)


@cache
def second_order_system(definition: Definition) -> System:
    """The gradient of <direction, gradient>: inputs, cotangents ``d*`` and directions ``hd*`` to ``h*``."""
    first = gradient_system(definition)
    return _second(definition, remembered("second", first, {}, lambda: adjoint(first, "h")))


@cache
def written_second_order(definition: Definition) -> list[System]:
    """The same, differentiated from each way in which textbooks write the gradients."""
    ways = written_gradients(definition)
    return [_second(definition, remembered("second", w, {}, lambda w=w: adjoint(w, "h"))) for w in ways]  # type: ignore[misc]


def _second(definition: Definition, derived: System) -> System:
    # The cotangents are inputs of the gradient too; what is asked for is the derivative by the operation's inputs.
    wanted = derived.outputs[: len(definition.system.differentiable)]
    return pruned(System(derived.inputs, derived.equations, wanted, derived.constants, derived.shifts))


@cache
def jvp_system(definition: Definition) -> System:
    """The tangent of the stable form: inputs and tangents ``t*`` to the tangents of the outputs."""
    return pruned(tangent(definition.stable))


@cache
def value_system(definition: Definition) -> System:
    """The stable form, without what its outputs do not need."""
    return pruned(definition.stable)


def pruned(system: System) -> System:
    """Without the equations that no output needs."""
    rules = {name_of(lhs): rhs for lhs, rhs in system.equations.items()}
    needed: set[str] = set()
    waiting = [name_of(lhs) for lhs in system.outputs]
    while waiting:
        name = waiting.pop()
        if name in rules and name not in needed:
            needed.add(name)
            waiting += mentioned(rules[name])
    kept = {lhs: rhs for lhs, rhs in system.equations.items() if name_of(lhs) in needed}
    return System(system.inputs, kept, system.outputs, system.constants, system.shifts)


def batch_index(system: System, results: Sequence[Expr]) -> Idx | None:
    """The index that leads every array and is never summed over: its rows can be evaluated one without another."""
    arrays = [lhs for lhs in (*system.inputs, *system.equations, *results) if indices(lhs)]
    leading = {indices(lhs)[0].upper for lhs in arrays}
    scalars = [lhs for lhs in (*system.equations, *results) if not indices(lhs)]
    if len(leading) != 1 or scalars or not arrays:
        return None
    first = indices(arrays[0])[0]
    bound = {limits[2] for e in system.equations.values() for s in e.atoms(sympy.Sum, Greatest) for limits in s.limits}
    used = {symbol for e in system.equations.values() for symbol in e.free_symbols}
    if first.upper.free_symbols & used:
        return None
    inner = {i.upper for lhs in arrays for i in indices(lhs)[1:]}
    return None if first.upper in bound | inner else first
