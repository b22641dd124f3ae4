"""One SymPy expression enclosed by Arb, at one point: for expressions that were written out entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import flint
import sympy
from sympy.codegen.cfunctions import expm1, log1p

from fiducial.spec.language import Expr, detached
from fiducial.spec.numbers.objects import enclosed_constant
from fiducial.spec.special import beta_share

Known = dict[Expr, Any]  # symbols, and every subexpression met so far


def enclosed(e: Expr, known: Known) -> flint.arb:
    """An enclosure at the values in ``known``, which also remembers; raises ValueError on a kink."""
    found = known.get(e)
    if found is None:
        found = known[e] = enclosed_constant(e) if e.is_Rational or e is sympy.pi else _computed(e, known)
    return found


def _computed(e: Expr, known: Known) -> flint.arb:
    if isinstance(e, sympy.Piecewise):
        return enclosed(next(value for value, condition in e.args if _holds(condition, known)), known)
    if isinstance(e, sympy.Add | sympy.Mul):
        parts = [enclosed(a, known) for a in e.args]
        return reduce(lambda a, b: a + b if e.is_Add else a * b, parts)
    if isinstance(e, sympy.Pow) and e.exp.is_Integer:
        return enclosed(e.base, known) ** int(e.exp)
    values = [enclosed(a, known) for a in e.args]
    if type(e) in JUMPS:
        below, above = JUMPS[type(e)]
        return flint.arb(above if _positive(values[0]) else below)
    return FUNCTIONS[type(e)](*values)


JUMPS = {sympy.sign: (-1, 1), sympy.Heaviside: (0, 1), sympy.DiracDelta: (0, 0)}

FUNCTIONS: dict[Any, Callable[..., flint.arb]] = {
    sympy.Pow: lambda a, b: a**b,
    detached: lambda a: a,
    sympy.Abs: abs,
    sympy.Max: lambda *a: reduce(lambda p, q: p.max(q), a),
    sympy.Min: lambda *a: reduce(lambda p, q: p.min(q), a),
    sympy.exp: lambda a: a.exp(),
    sympy.log: lambda a: a.log(),
    log1p: lambda a: a.log1p(),
    expm1: lambda a: a.expm1(),
    sympy.tanh: lambda a: a.tanh(),
    sympy.erf: lambda a: a.erf(),
    sympy.erfc: lambda a: a.erfc(),
    sympy.erfcinv: lambda a: a.erfcinv(),
    sympy.loggamma: lambda a: a.lgamma(),
    beta_share: lambda a, b, x: x.beta_lower(a, b, regularized=1),
}


def _positive(value: flint.arb) -> bool:
    if value > 0 or value < 0:
        return bool(value > 0)
    raise ValueError(f"point: one away from the kinks is required, got {value} where the sign decides")


def _holds(condition: Any, known: Known) -> bool:
    if condition in (sympy.true, sympy.false):
        return bool(condition)
    if isinstance(condition, sympy.And):
        return all(_holds(c, known) for c in condition.args)
    if isinstance(condition, sympy.Or):
        return any(_holds(c, known) for c in condition.args)
    positive = _positive(enclosed(condition.lhs - condition.rhs, known))
    if isinstance(condition, sympy.Eq | sympy.Ne):
        return isinstance(condition, sympy.Ne)
    return positive == isinstance(condition, sympy.Gt | sympy.Ge)
