"""Mutations of equations: what is left when a term, a factor or a root is forgotten, or a number goes elsewhere.

They name the cause of a failure: the mutated equations are executed on its counterexample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sympy
from sympy import Idx, Indexed, KroneckerDelta
from sympy.core.relational import Relational

from fiducial.spec.language import Expr, holds, name_of
from fiducial.spec.system import System
from fiducial.spec.theorems import text

Rebuild = Callable[[Expr], Expr]


def mutated(system: System) -> Iterator[tuple[str, System]]:
    """Each mutation of each equation, with its name."""
    for lhs, rhs in system.equations.items():
        for name, other in _of(rhs):
            equations = {**system.equations, lhs: other}
            yield (f"{name}, in {name_of(lhs)}",
                   System(system.inputs, equations, system.outputs, system.constants, system.shifts))  # fmt: skip


def _of(e: Expr) -> Iterator[tuple[str, Expr]]:
    yield "with the other sign", -e
    seen = set()
    for part in _values(e):
        for name, other in _changed(part):
            if (part, other) not in seen:
                seen.add((part, other))
                yield name, e.xreplace({part: other})


def _values(e: Expr) -> Iterator[Expr]:
    """The parts of an expression that are numbers, not positions or conditions."""
    if isinstance(e, Indexed | Idx | Relational | holds | KroneckerDelta) or e.is_Atom or e.is_Boolean:
        return
    yield e
    for part in e.args if not isinstance(e, sympy.Sum) else e.args[:1]:
        if isinstance(part, sympy.Tuple):  # a piece and its condition
            yield from _values(part.args[0])
        elif isinstance(part, sympy.Basic):
            yield from _values(part)


def _changed(e: Expr) -> Iterator[tuple[str, Expr]]:
    if isinstance(e, sympy.Add):
        for term in e.args:
            yield f"without the term {_short(term)}", e - term
            if not term.is_number:
                yield f"{_short(term)} with the other sign", e - 2 * term
    elif isinstance(e, sympy.Mul):
        for factor in e.args:
            if not factor.is_number:
                yield f"without the factor {_short(factor)}", e / factor
        variables = [f for f in e.args if f.atoms(Indexed)]
        if len(variables) == 2:
            yield (
                f"{_short(variables[0])} + {_short(variables[1])} in the place of their product",
                (e / sympy.Mul(*variables) * sympy.Add(*variables)),
            )
    elif isinstance(e, sympy.Pow):
        yield from _powers(e)


def _powers(e: Expr) -> Iterator[tuple[str, Expr]]:
    base, exponent = e.args
    if exponent == sympy.Rational(1, 2) or exponent == -sympy.Rational(1, 2):
        yield "without the square root", base ** (2 * exponent)
        if isinstance(base, sympy.Add):
            for term in (t for t in base.args if not t.atoms(Indexed)):
                yield f"{_short(term)} outside the root", (sympy.sqrt(base - term) + term) ** (2 * exponent)
    if exponent == -1 and isinstance(base, sympy.Add) and base.has(sympy.sqrt):
        for term in (t for t in base.args if not t.atoms(Indexed)):
            inner = base - term
            if isinstance(inner, sympy.Pow):
                yield f"{_short(term)} inside the root", 1 / sympy.sqrt(inner.args[0] + term)


def _short(e: Expr) -> str:
    shown = text(e)
    return shown if len(shown) <= 40 else shown[:37] + "..."
