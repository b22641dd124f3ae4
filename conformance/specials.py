"""Special values: zeros, ties, infinities, NaN, the extremes of a format, matrices that hurt; and judging them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from fiducial.conformance import cases, matrices
from fiducial.conformance.calling import Ended, Fault
from fiducial.conformance.cases import Case
from fiducial.conformance.examine import Examination
from fiducial.conformance.limits import at_infinity
from fiducial.conformance.subject import DTYPES
from fiducial.conformance.suspects import Suspect
from fiducial.conformance.verdict import judge
from fiducial.spec import oracle
from fiducial.spec.formats import FORMATS
from fiducial.spec.language import indices, name_of
from fiducial.spec.layouts import Broadcast, Elementwise, Over
from fiducial.spec.operation import REAL, Definition, Domain, Operation

Attributes = dict[str, Any]


def of(operation: Operation, dtype: str, rng: Any, settled: cases.Settle) -> Iterator[Case]:
    """The special cases of an operation, one for each value of each attribute."""
    for attributes in _one_at_a_time(operation, settled):
        for label, given in _arrays(operation, dtype, attributes, rng):
            if not cases.possible(operation, attributes, [a.shape for a in given]):
                continue
            yield cases.case(operation, dtype, attributes, given, rng, label)


def exist(operation: Operation) -> bool:
    """Whether an operation has special cases: wherever it takes real numbers."""
    return any(domain.below is None for domain in operation.default_definition().domains.values())


def _one_at_a_time(operation: Operation, settled: cases.Settle) -> list[Attributes]:
    found = [settled({})]
    for name, attribute in operation.attributes.items():
        for value in attribute.examples:
            changed = settled({**operation.defaults, name: value})
            if changed not in found:
                found.append(changed)
    return found


def _arrays(operation: Operation, dtype: str, attributes: Attributes, rng: Any) -> Iterator[tuple[str, list[Any]]]:
    definition = operation.definition(attributes)
    domains = [definition.domains[name_of(x)] for x in definition.system.inputs]
    kind = DTYPES[dtype]
    if domains[0].matrix:
        yield from _matrices(operation, attributes, dtype, rng)
    elif isinstance(operation.layout, Elementwise) and len(domains) == 1:
        yield "finite extremes", [_finite(dtype)]
        yield "infinities and NaN", [np.array([np.inf, -np.inf, np.nan, 1.5]).astype(kind)]
    elif isinstance(operation.layout, Broadcast) and any(d != REAL for d in domains):
        yield from _grids(domains, kind)
    elif isinstance(operation.layout, Broadcast):
        a, b = np.meshgrid(_moderate(dtype), _moderate(dtype))
        keep = b != 0 if operation.name == "divide" else np.ones_like(b, bool)
        yield "pairs of special numbers", [a[keep].astype(kind), b[keep].astype(kind)]
        yield "ties", [np.array([1.5, -2.0, 0.0, 3.0]).astype(kind), np.array([1.5, -2.0, 0.0, 1.0]).astype(kind)]
        yield "NaN", [np.array([np.nan, 1.0, 2.5]).astype(kind), np.array([1.0, np.nan, 1.5]).astype(kind)]
    elif isinstance(operation.layout, Over):
        attributes["axis"] = -1
        for label, rows in _rows(dtype).items():
            yield label, [np.asarray(rows).astype(kind)]
    elif _is_loss(operation, definition, domains):
        yield from _pairs(domains, kind)
    else:
        yield from _general(operation, dtype, attributes, rng)


def _matrices(operation: Operation, attributes: Attributes, dtype: str, rng: Any) -> Iterator[tuple[str, list[Any]]]:
    """Matrices that hurt, with a right-hand side where the operation has one; one with a NaN, to be refused."""
    definition = operation.definition(attributes)
    first, *others = definition.system.inputs
    labelled = list(matrices.hard(str(definition.domains[name_of(first)].matrix), dtype, rng))
    spoiled = np.full((3, 3), np.nan)
    for label, a in (*labelled, (OUTSIDE, spoiled)):
        if "n_components" in attributes:
            attributes["n_components"] = min(2, *a.shape)
        sides = [rng.normal(0.3, 1.7, (a.shape[0], 2)[: len(indices(x))]) for x in others]
        yield label, [part.astype(DTYPES[dtype]) for part in (a, *sides)]


EDGES = "edges of the domain"  # where there may be no finite slope
NAN = "a NaN among the inputs"
OUTSIDE = "outside the domain"  # to be refused: with an error, or NaN


def _numbers(domain: Domain) -> tuple[list[float], float]:
    """The special numbers of a domain, and one inside it."""
    if domain.upto is not None:
        return [-1.0, 0.0, 1.0, 2.0, 3.0, 5.0, 6.0], 1.0
    if domain.whole:
        few = np.isfinite(domain.high)
        return [v for v in (-1.0, 0.0, 1.0, 2.0, 3.0, 5.0) if domain.low <= v <= domain.high], 0.0 if few else 3.0
    if (domain.low, domain.high) == (0.0, 1.0):
        return [0.0, 0.25, 0.5, 1.0], 0.25
    return ([0.5, 1.0, 4.0], 0.5) if domain.low == 0.0 else ([0.0, 1.0, -1.5, 3.0, -64.0, -1e5], 1.5)


def _far(domain: Domain) -> list[float]:
    """Counts of up to a million, and what is rare enough for them."""
    if domain.upto is not None:
        return [0.0, 3.0, 1e3, 5e5, 1e6]
    return [1e6] if domain.whole else [1e-9, 1e-3, 0.5]


def _grids(domains: list[Domain], kind: Any) -> Iterator[tuple[str, list[Any]]]:
    """Every combination of special numbers; then infinities, NaN and forbidden numbers in one input at a time."""
    held = float(np.finfo(kind).max) if kind == np.float16 else np.inf  # -1e5 is beyond float16
    specials = [[v for v in _numbers(d)[0] if abs(v) <= held] for d in domains]
    inside = [_numbers(d)[1] for d in domains]
    yield EDGES, [g.reshape(-1).astype(kind) for g in np.meshgrid(*specials)]
    if np.dtype(kind) == np.float64 and any(d.upto is not None for d in domains):
        yield EDGES, [g.reshape(-1) for g in np.meshgrid(*map(_far, domains))]
    for k, d in enumerate(domains):
        odd = [(NAN, [np.nan], not d.whole), ("infinities", [np.inf, -np.inf], np.isinf(d.low)),
               *((OUTSIDE, [number], True) for number in _forbidden(d))]  # fmt: skip
        for label, numbers in ((label, numbers) for label, numbers, tried in odd if tried):
            given = [np.full(len(numbers), v) for v in inside]
            given[k] = np.array(numbers)
            yield label, [g.astype(kind) for g in given]


def _forbidden(domain: Domain) -> list[float]:
    """Numbers that an implementation refuses."""
    if not domain.strict:
        return []
    if domain.low == -np.inf:
        return [np.nan]
    if domain.whole:
        return [-1.0, 2.5]
    return [-0.25, 1.5] if domain.high == 1.0 else [0.0, -1.0]


def _is_loss(operation: Operation, definition: Definition, domains: list[Any]) -> bool:
    """Whether it compares predictions with targets of the same shape: of any, or of rows."""
    if not isinstance(operation.layout, Elementwise) and len(indices(definition.system.inputs[0])) != 2:
        return False
    same = len({indices(x) for x in definition.system.inputs}) == 1 and len(domains) == 2
    return same and not any(d.whole or d.below for d in domains)


def _general(operation: Operation, dtype: str, attributes: Attributes, rng: Any) -> Iterator[tuple[str, list[Any]]]:
    """Zeros, ties everywhere, and for each array a NaN in its last place, which reaches what depends on it alone."""
    definition = operation.definition(attributes)
    shapes, laid = operation.layout.draw(lambda options: options[0], definition)
    attributes |= laid
    domains = [definition.domains[name_of(x)] for x in definition.system.inputs]
    base = cases.build(operation, dtype, attributes, shapes, rng, "normal").given
    for label, number in (("zeros", 0.0), ("ties everywhere", 1.5)):
        yield label, [a if _fixed(d) else np.full_like(a, number) for a, d in zip(base, domains, strict=True)]
    yield (
        "far from zero",
        [
            base[0] if _fixed(domains[0]) else (base[0] + DTYPES[dtype].type(FAR[dtype])).astype(DTYPES[dtype]),
            *base[1:],
        ],
    )
    if any(a.kind == "number" and attributes[n] == 0 for n, a in operation.attributes.items()):
        return  # whether 0 times NaN is NaN is not said: a term with the coefficient 0 may be left out
    for k, (a, d) in enumerate(zip(base, domains, strict=True)):
        odd = [] if d.below or d.whole or d.constant or operation.layout.listed else [np.nan]
        for number in (*odd, *_forbidden(d)):
            spoiled = a.copy()
            spoiled.reshape(-1)[-1:] = number
            label = f"NaN in {name_of(definition.system.inputs[k])}" if number in odd else OUTSIDE
            yield label, [*base[:k], spoiled, *base[k + 1 :]]


FAR = {"float64": 1e6, "float32": 2000.0, "bfloat16": 32.0, "float16": 64.0}  # a mean that dwarfs the spread


def _fixed(domain: Domain) -> bool:
    """Whether not any number will do."""
    return bool(domain.below or domain.whole or (domain.strict and not domain.constant))


def _finite(dtype: str) -> Any:
    f = FORMATS[dtype]
    ones = [0.0, -0.0, f.tiny, 3 * f.tiny, 1.0, 0.5, 20.0, 21.0, 50.5, 100.0, 800.0, f.largest]
    both = np.array([*ones, *(-v for v in ones)])
    return both[np.abs(both) <= f.largest].astype(DTYPES[dtype])


def _moderate(dtype: str) -> Any:
    return np.array([0.0, 1.0, -1.5, 2.0**-8, -(2.0**6), 3.0])


def _rows(dtype: str) -> dict[str, Any]:
    inf, far = np.inf, min(1e4, FORMATS[dtype].largest / 8)
    great, small = FORMATS[dtype].largest / 8, 4 * FORMATS[dtype].normal
    return {
        "ties": [[1.0, 2.0, 2.0, -1.0], [3.0, 3.0, 3.0, 3.0], [0.0, 0.0, 0.0, 0.0], [-2.0, -5.0, -2.0, -7.0]],
        "saturated": [[30.0, 0.0, -3.0, 1.0], [-30.0, -31.5, -80.0, -64.0], [0.0, -40.0, 1.0, -8.0]],
        "far from zero": [[far, far - 8, far - 16, far - 64], [-far, -far - 8, -far - 64, -far - 32]],
        "minus infinity": [[-inf, 1.0, 2.5, 0.5], [-inf, -inf, 1.0, -inf], [-inf, -inf, -inf, -inf]],
        "NaN": [[np.nan, 1.0, 2.5, 0.5], [1.0, 2.0, 0.5, 3.0]],
        "single": [[1.5], [-2.0]],
        "near the ends of the range": [[great, great / 2, -great, 0.0], [small, -2 * small, 0.0, 3 * small]],
    }


def _pairs(domains: list[Any], kind: Any) -> Iterator[tuple[str, list[Any]]]:
    """Predictions and targets of one shape: 0 log 0 = 0, targets of 0 and 1, ties."""
    probabilities = [d.low == 0.0 for d in domains]
    if all(probabilities):
        label, first, second = EDGES, [[1.0, 0.25, 0.5], [0.5, 0.125, 1.0]], [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    elif domains[0].high <= 0:
        label, first, second = EDGES, [[-9.0, -8.0, 0.0], [-30.0, -2.0, -0.5]], [[1.0, 0.0, 0.25], [0.0, 1.0, 0.5]]
    elif probabilities[1]:
        label = "saturated logits"
        first = [[9.0, -8.0, 0.0], [-30.0, 2.0, 90.0], [-100.0, -800.0, 120.0], [-800.0, 0.0, 800.0]]
        second = [[1.0, 0.0, 0.25], [0.0, 1.0, 1.0], [0.0, 1.0, 0.0], [0.25, 0.0, 1.0]]
    else:
        label, first, second = "ties", [[1.0, 2.0, -3.0], [0.0, 5.0, 1.0]], [[1.0, 0.0, -3.0], [0.0, 8.0, 1.5]]
    yield label, [np.array(first).astype(kind), np.array(second).astype(kind)]


# --- judging ---


def examine(e: Examination, case: Case) -> None:
    """Judges the value, and at finite points the gradient."""
    if case.label == OUTSIDE:
        _refused(e, case)
        return
    if case.call.definition.relation is not None:
        e.value(case)
        has_gradient = len(case.cotangents) > 1 and e.subject.gradient_of(e.operation.name) is not None
        if has_gradient and case.label.startswith("degenerate"):
            e.gradient(_of_the_sum(case))
        return
    if not _promised(case, e):
        return
    finite = all(np.isfinite(a.astype(np.float64)).all() for a in case.given)
    if finite:
        e.value(case)
        if e.subject.gradient_of(e.operation.name) is not None and case.cotangents and case.label != EDGES:
            e.gradient(case)
            if case.label.startswith("saturated"):
                e.gradient(_one_in_a_row(case))
        return
    e.result.cases += 1
    try:
        outputs = e.outputs(case)
    except Fault as fault:
        if fault.outcome == "unsupported":
            e.note(fault.message)
            return
        e.fail(fault.outcome, fault.message, cause=fault.cause)
        return
    answers = at_infinity(case, oracle.values(case.call, e.format))
    for k, (got, answer, expected) in enumerate(zip(outputs, *answers, strict=True)):
        missing = np.isnan(expected) & ~np.isnan(got)
        if missing.any():
            where = tuple(int(i[0]) for i in np.nonzero(missing))
            e.fail("wrong", f"{e.operation.name} ({case.dtype}), {case.label}: element {list(where)} is "
                   f"{got[where]}; NaN is required (NaN propagates, and a form without a value has none)",
                   cause="nan: a NaN is lost")  # fmt: skip
        if case.label == NAN:  # a NaN is never wrong where an input is one, even if the result does not depend on it
            answer = dataclasses.replace(answer, resolved=answer.resolved & ~np.isnan(got))
        e.latest = Suspect(case, False, tuple(outputs), "", e.format)
        e.take(case, "value", k, judge(got, answer, e.format), got, answer)


def _one_in_a_row(case: Case) -> Case:
    """With cotangents that are 0 but for one in a row: what cancels is not hidden by its neighbours."""
    kept = tuple((c * (np.arange(c.size).reshape(c.shape) % 5 == 0)).astype(c.dtype) for c in case.cotangents)
    return dataclasses.replace(case, cotangents=kept)


def _of_the_sum(case: Case) -> Case:
    """With the cotangent of a multiple of the sum of all values: it has a gradient at a degenerate spectrum too."""
    alike = tuple(np.full_like(c, 1.5) if c.ndim == 1 else np.zeros_like(c) for c in case.cotangents)
    return dataclasses.replace(case, cotangents=alike)


def _promised(case: Case, e: Examination) -> bool:
    """Whether the definition says anything: where it does not (0 / 0 throughout), an error is as good as any value."""
    if not all(np.isfinite(a.astype(np.float64)).all() for a in case.given):
        return True
    answers = oracle.values(case.call, e.format)
    return any((a.resolved & np.isfinite(a.bound)).any() or not a.bound.size for a in answers)


def _refused(e: Examination, case: Case) -> None:
    """An implementation raises, or returns NaN, unless it declares the convention ``refuses`` as False."""
    if not e.subject.conventions.get(e.operation.name, {}).get("refuses", True):
        e.note(f"{e.operation.name} declares that it refuses nothing")
        return
    e.result.cases += 1
    try:
        outputs = e.outputs(case)
    except Fault as fault:
        if fault.outcome == "crashed" and not isinstance(fault, Ended):  # an exception is what is asked for
            e.result.worsen("tight")
        elif fault.outcome == "unsupported":
            e.note(fault.message)
        else:
            e.fail(fault.outcome, fault.message)
        return
    e.result.worsen("tight")
    if not any(np.isnan(got).any() for got in outputs):
        shown = ", ".join(f"{name_of(x)} = {a.tolist()}" for x, a in
                          zip(case.call.definition.system.inputs, case.call.arrays, strict=True))  # fmt: skip
        e.fail("wrong", f"{e.operation.name} ({case.dtype}), {case.label}: at {shown} an error or NaN is required, got "
               f"{[got.tolist() for got in outputs]}")  # fmt: skip
