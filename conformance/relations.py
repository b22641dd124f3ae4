"""Judging relations: residuals and enclosures in place of element-by-element bounds."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import flint
import numpy as np

from fiducial.conformance.cases import Case
from fiducial.conformance.verdict import LIMIT
from fiducial.spec import oracle
from fiducial.spec.formats import Format
from fiducial.spec.language import name_of
from fiducial.spec.numbers.matrix_gradients import balls
from fiducial.spec.numbers.spectrum import frobenius
from fiducial.spec.relations import BITS, Measure, Relation, measure, measured

PLANTED = 0.01


def relation_of(case: Case) -> Relation:
    relation = case.call.definition.relation
    assert relation is not None
    return relation


def judged(case: Case, outputs: Sequence[Any], format: Format) -> tuple[Measure, bool]:
    """The worst test of the outputs, and whether the tests had the power to reject wrong ones."""
    with flint.ctx.workprec(BITS):
        tests = partial(_tests, case, format)
        worst = _worst(tests(outputs))
        powerful = all(any(m.ratio > LIMIT for m in tests(wrong)) for wrong in _planted(outputs))
    return worst, powerful


def _worst(tests: Iterable[Measure]) -> Measure:
    return max(tests, key=lambda m: (m.ratio > LIMIT and m.excused > LIMIT, m.ratio))


def _tests(case: Case, format: Format, outputs: Sequence[Any]) -> Iterator[Measure]:
    system, bound = case.call.definition.system, oracle.laid_out(case.call)
    arrays = {**bound.arrays, **{name_of(y): a for y, a in zip(system.outputs, outputs, strict=True)}}
    return measured(relation_of(case), system, arrays, bound.sizes, bound.attributes, format.unit)


def _planted(outputs: Sequence[Any]) -> Iterator[list[Any]]:
    """Zeros, a 1 % error and (where signs are not free) a flipped sign, in one output at a time; ones for zeros."""
    for k, a in enumerate(outputs):
        if not a.size:
            continue
        free = a.ndim == 2
        wrong = [np.zeros_like(a), a * (1 + PLANTED), *([] if free else [-a])] if np.any(a) else [np.ones_like(a)]
        yield from ([*outputs[:k], other, *outputs[k + 1 :]] for other in wrong)


def gradients_judged(
    case: Case, outputs: Sequence[Any], found: Sequence[Any], format: Format
) -> tuple[Measure, bool] | None:
    """The same for the gradients that are offered; None where no exact one is defined (a spectrum not simple)."""
    relation, system, bound = relation_of(case), case.call.definition.system, oracle.laid_out(case.call)
    named = {name_of(y): a for y, a in zip(system.outputs, outputs, strict=True)}
    cotangents = {"d" + name_of(y): c.astype(np.float64) for y, c in zip(system.outputs, case.cotangents, strict=True)}
    assert relation.gradients is not None
    with flint.ctx.workprec(BITS):
        exact = relation.gradients({**bound.arrays, **bound.sizes, **named, **cotangents})
        if not exact:
            return None

        named_truths = zip(map(name_of, system.differentiable), exact, found, strict=True)
        offered = [(name, truth, g) for name, truth, g in named_truths if g is not None]
        if not offered:
            return None

        def worst(given: Sequence[Any]) -> Measure:
            unit = relation.threshold * format.unit
            return max((_measured(f"gradient of {name}", g, *truth, unit)
                        for (name, truth, _), g in zip(offered, given, strict=True)),
                       key=lambda m: m.ratio)  # fmt: skip

        came = [_symmetric(case, name, g) for name, _, g in offered]
        return worst(came), all(worst(fault).ratio > LIMIT for fault in _planted(came))


def _symmetric(case: Case, name: str, g: Any) -> Any:
    """The gradient by a symmetric matrix is its symmetric part: a function of one triangle alone has the same."""
    symmetric = case.call.definition.domains[name].matrix == "symmetric"
    return (g + g.T) / 2 if symmetric and g.ndim == 2 else g


def _measured(name: str, got: Any, exact: Any, scale: Any, unit: float) -> Measure:
    if not np.isfinite(got).all():
        return Measure(name, float("inf"), float("nan"), float("nan"))
    return measure(name, frobenius(balls(got) - exact), scale, unit)


def repaired(case: Case, outputs: Sequence[Any], format: Format) -> str:
    """What would make outputs pass that do not: one of them transposed, or in the opposite order."""
    if not all(np.isfinite(a).all() for a in outputs):
        return "overflow: NaN or infinity: an intermediate overflows, or has no value"
    changes = (("transposed", "transposed", lambda a: a.T if a.shape == a.T.shape else a),
               ("order", "in the opposite order", lambda a: a[..., ::-1] if a.ndim else a),
               ("order", "in the opposite order of rows", lambda a: a[::-1] if a.ndim else a),
               ("sign", "with the other sign", lambda a: -a))  # fmt: skip
    names = [name_of(y) for y in case.call.definition.system.outputs]
    for (word, how, change), k in itertools.product(changes, range(len(outputs))):
        other = [*outputs[:k], change(outputs[k]), *outputs[k + 1 :]]
        with flint.ctx.workprec(BITS):
            if _worst(_tests(case, format, other)).ratio <= LIMIT:
                return f"{word}: {names[k]} would be right {how}"
    return ""


def told(case: Case, worst: Measure, limit: float = LIMIT) -> str:
    """The failing test in words."""
    return (f"{case.operation.name} ({case.dtype}), {case.label}: {worst.name}: off by {worst.error:.3g}, where "
            f"{limit * worst.bound:.3g} is accepted (ratio {worst.ratio:.3g}, accepted up to {limit:g})")  # fmt: skip
