"""What must come of infinities and NaN.

At an infinity, in this order: the exact value of the stable form there; for functions of one number, the limit that
SymPy derives; what the definition says in IEEE arithmetic. Where none of them says anything, nothing is demanded.
"""

from __future__ import annotations

import dataclasses
import math
from functools import cache
from typing import Any

import numpy as np
import sympy

from fiducial.conformance.cases import Case
from fiducial.spec import oracle
from fiducial.spec.derived import written_values
from fiducial.spec.formats import FORMATS
from fiducial.spec.language import Expr, indices
from fiducial.spec.layouts import Elementwise
from fiducial.spec.normal_form import _smooth
from fiducial.spec.numbers.rounded import RoundedNumbers
from fiducial.spec.operation import Definition, Operation
from fiducial.spec.oracle import Answer


def at_infinity(case: Case, answers: list[Answer]) -> tuple[list[Answer], list[Any]]:
    """The answers with limits where the stable form has no value, and where NaN is required (NaN; 0 elsewhere)."""
    found, required = [], []
    for answer, ieee in zip(answers, _by_ieee(case), strict=True):
        unknown = np.isnan(answer.mid) | ~answer.resolved | np.isinf(answer.rad)
        limits = _limits(case)
        exact = np.where(np.isnan(limits), ieee, limits) if limits is not None else ieee
        usable = unknown & ~np.isnan(exact)
        nan = np.where(unknown & np.isnan(exact), np.nan, 0.0)
        if limits is not None:
            x = case.given[0].astype(np.float64)
            # NaN propagates through arithmetic; a comparison (a step's) says nothing about it.
            nan, usable = np.where(np.isnan(x) & np.isnan(ieee), np.nan, 0.0), usable & ~np.isnan(x)
            answer = dataclasses.replace(answer, resolved=answer.resolved & ~np.isnan(x))
        found.append(Answer(np.where(usable, exact, answer.mid), np.where(usable, 0.0, answer.rest),
                            np.where(usable, 0.0, answer.rad), np.where(usable, 0.0, answer.bound),
                            ((answer.resolved & ~np.isnan(answer.mid)) | usable) & ~np.isnan(nan)))  # fmt: skip
        required.append(nan)
    return found, required


def _by_ieee(case: Case) -> list[Any]:
    """The definition as it is written, executed in float64."""
    return oracle.executed(case.call, written_values(case.call.definition)[0], RoundedNumbers(FORMATS["float64"]))


def _limits(case: Case) -> Any | None:
    """Derived limits at the infinities of a function of one number, NaN at its other points."""
    definition = case.call.definition
    alone = isinstance(case.operation.layout, Elementwise) and len(case.given) == 1
    if not alone or not indices(definition.system.outputs[0]):
        return None
    x = case.given[0].astype(np.float64)
    numbers = tuple(sorted((k, v) for k, v in case.call.structural.items() if k in case.operation.attributes))
    up, down = (limit(case.operation, numbers, sign) for sign in (1, -1))
    return np.where(x == np.inf, up, np.where(x == -np.inf, down, np.nan))


@cache
def limit(operation: Operation, attributes: tuple[tuple[str, Any], ...], sign: int) -> float:
    """The limit of the definition at +oo or -oo (NaN where SymPy finds none), checked far out in float64."""
    definition: Definition = operation.definition(dict(attributes))
    (lhs,) = definition.system.inputs
    z = sympy.Symbol("z", real=True)
    e: Expr = definition.system.equations[definition.system.outputs[0]].xreplace({lhs: z})
    e = e.subs({sympy.Symbol(n, real=True): sympy.Rational(v) for n, v in attributes if isinstance(v, int | float)})
    found = sympy.limit(_smooth(e, {z: sympy.Integer(sign * 10**6)}), z, sign * sympy.oo)
    return float(found) if found.is_extended_real else math.nan
