"""Which cases become vectors: those of the suite's levels, fewer of each, and what must come of them."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from fiducial.conformance import cases, specials
from fiducial.conformance.cases import Case
from fiducial.conformance.examine import Examination
from fiducial.conformance.levels import Plan, _all_structures, _numbers, _rng
from fiducial.conformance.limits import at_infinity
from fiducial.conformance.subject import from_functions
from fiducial.conformance.vectors.intervals import judgeable
from fiducial.conformance.vectors.vector import Vector, gradient, shortened, value
from fiducial.spec import oracle
from fiducial.spec.language import name_of
from fiducial.spec.layouts import Broadcast, Elementwise
from fiducial.spec.operation import Operation, Shape

# Numbers of results that a level's cases may have, of each kind (value, gradient); half in 16-bit formats.
BUDGET = {"shape": 36, "special": 56, "values": 48, "gradients": 48}
MOST = 40  # numbers in a drawn case
THIN = 24  # points of a grid of special values
TRIES = 12
LARGE = {"softmax": [(65, 64)], "matmul": [(65, 64), (64, 65)]}


def chosen(operation: Operation, dtype: str, seed: int) -> Iterator[Vector]:
    """The vectors of an operation in a dtype, in order."""
    plan = Plan(seed=seed)
    for level, several in LEVELS.items():
        if level != "special" or specials.exist(operation):
            yield from _within(several(_examination(operation, level, dtype), plan), level, dtype)
    if operation.name in LARGE:
        e = _examination(operation, "values", dtype)
        settled = e.settled({"axis": -1} if "axis" in operation.attributes else {})
        yield value(e, cases.build(operation, dtype, settled, LARGE[operation.name], _rng(e, plan, 11), "normal"))


def _examination(operation: Operation, level: str, dtype: str) -> Examination:
    """An examination of nobody: it settles on whatever attributes are asked for."""

    def anything(*inputs: Any, **attributes: Any) -> None:
        raise NotImplementedError

    return Examination(from_functions({operation.name: anything}), operation, level, dtype)


Candidate = tuple[str, Case, Callable[[], Vector | None]]  # what, its case, and how to work it out


def _within(several: Iterator[Candidate], level: str, dtype: str) -> Iterator[Vector]:
    """Those that the level's budget allows, kind by kind: the first of each, and one that can tell right from wrong."""
    budget = BUDGET[level] * (0.5 if dtype in ("float16", "bfloat16") else 1.0)
    left, blind = {"value": budget, "gradient": budget}, {"value": True, "gradient": True}
    for what, case, make in several:
        cost = _cost(what, case)
        if (cost <= left[what] or blind[what]) and (vector := make()) is not None:
            left[what] -= cost
            blind[what] &= vector.vacuous and level != "shape"
            yield vector


def _cost(what: str, case: Case) -> float:
    """The numbers of the results, and a quarter of those of the inputs: about what their texts take; refusals: none."""
    if case.label == specials.OUTSIDE:
        return 0.0
    system, given = case.call.definition.system, [a.size for a in case.given]
    if what == "gradient":
        named = zip(map(name_of, system.inputs), given, strict=True)
        results = [size for name, size in named if name not in system.constants]
    else:
        results = [math.prod(shape) for shape in oracle.result_shapes(case.call)]
    return float(2 + sum(given) / 4 + sum(results))


def _shapes(e: Examination, plan: Plan) -> Iterator[Candidate]:
    """Every structure that the layout offers: the smallest of each number of axes, then the next."""
    rng, seen = _rng(e, plan, 1), Counter[Shape]()
    ordered = []
    for structure in sorted(_all_structures(e), key=_numbers):
        axes = tuple(map(len, structure[0]))
        ordered.append((seen[axes], structure))
        seen[axes] += 1
    for _, (shapes, attributes) in sorted(ordered, key=lambda pair: pair[0]):
        yield from _both(e, cases.build(e.operation, e.result.dtype, attributes, shapes, rng, "one sign"))


def _both(e: Examination, case: Case) -> Iterator[Candidate]:
    case = shortened(case)
    yield "value", case, partial(value, e, case)
    if case.cotangents and case.call.definition.relation is None:
        yield "gradient", case, partial(gradient, e, case)


def _drawn(e: Examination, plan: Plan) -> Iterator[Candidate]:
    """The smallest structure, then structures and attributes drawn at random, in every flavour of data."""
    what, make = ("gradient", gradient) if e.result.level == "gradients" else ("value", value)
    definition = e.operation.default_definition()
    if what == "gradient" and (definition.relation is not None or not definition.system.differentiable):
        return
    rng = _rng(e, plan, 7)
    shapes, attributes = min((s for s in _all_structures(e) if _numbers(s)), key=_numbers)
    flavours = ("one sign", "normal") * (3 if e.result.dtype in ("float16", "bfloat16") else 1)
    plain = [cases.build(e.operation, e.result.dtype, attributes, shapes, rng, f) for f in flavours]
    drawn = (_small(e, rng, flavour) for flavour in (*cases.FLAVOURS, *cases.FLAVOURS))
    for case in (shortened(case) for case in (*plain, *drawn) if case is not None):
        yield what, case, partial(make, e, case)


def _small(e: Examination, rng: Any, flavour: str) -> Case | None:
    """A drawn case of few numbers, if one comes soon."""
    for _ in range(TRIES):
        case = cases.draw(e.operation, e.result.dtype, lambda o: o[rng.integers(len(o))], rng, e.settled, flavour)
        results = sum(int(np.prod(shape, dtype=int)) for shape in oracle.result_shapes(case.call))
        if 0 < sum(a.size for a in case.given) + results <= MOST:
            return case
    return None


# --- special values ---


def _specials(e: Examination, plan: Plan) -> Iterator[Candidate]:
    """What the suite judges of special cases (see ``specials.examine``)."""
    for case in map(_thinned, specials.of(e.operation, e.result.dtype, _rng(e, plan, 2), e.settled)):
        finite = all(np.isfinite(a.astype(np.float64)).all() for a in case.given)
        if case.label == specials.OUTSIDE:
            yield "value", case, partial(Vector, "special", "value", case, "refusal")
        elif not finite:
            yield "value", case, partial(_at_infinity, e, case)
        else:
            yield "value", case, partial(_promised, e, case, value)
            if case.call.definition.relation is None and case.cotangents and case.label != specials.EDGES:
                yield "gradient", case, partial(_promised, e, case, gradient)
                if case.label.startswith("saturated"):
                    alone = specials._one_in_a_row(case)
                    yield "gradient", alone, partial(_promised, e, alone, gradient)


def _promised(e: Examination, case: Case, make: Callable[[Examination, Case], Vector]) -> Vector | None:
    """The vector, where the definition says anything."""
    vector = make(e, case)
    known = vector.judge != "interval" or any(judgeable(a).any() for a in vector.answers)
    return vector if known else None


def _at_infinity(e: Examination, case: Case) -> Vector | None:
    answers, required = at_infinity(case, oracle.values(case.call, e.format))
    if any(judgeable(a).any() or np.isnan(nan).any() for a, nan in zip(answers, required, strict=True)):
        return Vector("special", "value", case, "interval", answers, [], required, case.label == specials.NAN)
    return None


def _thinned(case: Case) -> Case:
    """A grid of special points, with fewer of them."""
    points = case.given[0].size
    alike = all(a.shape == (points,) for a in case.given) and all(c.shape == (points,) for c in case.cotangents)
    if points <= THIN or not alike or not isinstance(case.operation.layout, Elementwise | Broadcast):
        return case
    kept = np.sort(np.random.default_rng(points).permutation(points)[:THIN])
    call = dataclasses.replace(case.call, arrays=tuple(a[kept] for a in case.call.arrays))
    given, seeds = tuple(a[kept] for a in case.given), tuple(c[kept] for c in case.cotangents)
    return dataclasses.replace(case, call=call, given=given, cotangents=seeds)


LEVELS: dict[str, Callable[[Examination, Plan], Iterator[Candidate]]] = {
    "shape": _shapes, "special": _specials, "values": _drawn, "gradients": _drawn,
}  # fmt: skip
