"""Proofs of an operation: its stable form, its stable gradients, its derivatives, and its theorems."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import sympy

from fiducial.spec.calculus import adjoint
from fiducial.spec.entrywise import entry_by_entry, second_order_by_entry, shapes_hold, tangent_by_entry
from fiducial.spec.language import Expr, name_of
from fiducial.spec.normal_form import is_zero, unfolded
from fiducial.spec.operation import Definition, Operation
from fiducial.spec.system import System, mentioned
from fiducial.spec.theorems import Proof, inputs_only, text
from fiducial.spec.witness import witnessed


def variants(operation: Operation) -> list[dict[str, Any]]:
    """Every combination of the attributes that change the equations."""
    structural = {k: (a.default, *a.examples) for k, a in operation.attributes.items() if a.kind in ("choice", "form")}
    return [operation.defaults | dict(zip(structural, v, strict=True)) for v in product(*structural.values())]


def proofs(operation: Operation) -> Iterator[Proof]:
    """Proves everything that the operation claims, one statement at a time."""
    for attributes in variants(operation):
        definition = operation.definition(attributes)
        choices = [f"{k}={attributes[k]}" for k, a in operation.attributes.items() if a.kind in ("choice", "form")]
        prefix = f"[{', '.join(choices)}] " if choices else ""
        for proof in (*stable_form(definition), *stable_gradients(definition), *derivatives(definition)):
            yield Proof(prefix + proof.statement, proof.how, proof.holds)
        for theorem in definition.theorems:
            proof = theorem.prove(definition)
            yield Proof(prefix + proof.statement, proof.how, proof.holds)


def stable_form(definition: Definition) -> Iterator[Proof]:
    """Each variable that both forms define is the same in both, for every value of the shifts."""
    if definition.stable is definition.system:
        return
    equal = {name_of(x) for x in definition.system.inputs}
    for lhs, rhs in definition.system.equations.items():
        if name_of(lhs) not in definition.stable.declared():
            continue
        left, right = unfolded(lhs, definition.system), unfolded(lhs, definition.stable)
        # The same equation of variables that are equal needs no other proof.
        same = rhs == definition.stable.equations[lhs] and mentioned(rhs) & set(definition.stable.declared()) <= equal
        proof = _proved(f"stable form of {text(lhs)}", definition, inputs_only(definition), left, right, same)
        equal |= {name_of(lhs)} if proof.holds else set()
        yield proof


def stable_gradients(definition: Definition) -> Iterator[Proof]:
    """Each stable gradient is the derived one, away from kinks."""
    derived = adjoint(definition.system)
    for name, formula in definition.gradients.items():
        lhs = derived.declared()["d" + name]
        left = unfolded(lhs, derived)
        right = unfolded(formula, definition.stable)
        system = System(derived.inputs, {}, (), definition.system.constants)
        yield _proved(f"stable form of {text(lhs)}", definition, system, left, right)


def derivatives(definition: Definition) -> Iterator[Proof]:
    """The derived systems against SymPy's own derivatives of every entry by every entry, at small sizes."""
    if not definition.system.differentiable or definition.system.described:
        return
    for statement, check in BY_ENTRY.items():
        seen = check(definition)
        yield Proof(statement, f"second witness; {seen}", seen.holds)
    ranges = shapes_hold(definition)
    yield Proof("every gradient has its input's shape", "exact" if ranges else "NOT so", ranges)


BY_ENTRY = {
    "adjoint, entry by entry": entry_by_entry,
    "tangent, entry by entry": tangent_by_entry,
    "second order, entry by entry": second_order_by_entry,
}


def _proved(
    statement: str, definition: Definition, system: System, left: Expr, right: Expr, known: bool = False
) -> Proof:
    exact = known or is_zero(sympy.sympify(left - right))
    seen = witnessed(definition, system, left, right)
    return Proof(statement, f"{'exact' if exact else 'NOT exact'}; {seen}", exact and seen.holds)
