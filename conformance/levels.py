"""The levels of conformance: which cases each one tries.

``shape``: ranks, empty and oddly laid out arrays, dtypes, purity. ``special``: zeros, ties, infinities, NaN, the
largest and smallest numbers. ``values`` and ``gradients``: many points in one call, then structures that hypothesis
explores and shrinks. ``reference data``: data sets with certified statistics. ``second order``: the gradient of the
gradient. ``laws``: theorems that outputs must satisfy. ``population``: the errors of many long sums.
"""

from __future__ import annotations

import contextlib
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fiducial.conformance import biases, cases, laws, populations, reference_data, samples, specials
from fiducial.conformance.calling import TIME_LIMIT, Fault
from fiducial.conformance.cases import Case
from fiducial.conformance.examine import Deviation, Examination
from fiducial.conformance.global_state import kept_seeds
from fiducial.conformance.memory import MEMORY
from fiducial.conformance.results import DEMANDS, Result
from fiducial.conformance.subject import Subject
from fiducial.spec.language import name_of
from fiducial.spec.layouts import Elementwise
from fiducial.spec.operation import Operation


@dataclass(frozen=True)
class Profile:
    """How much is tried: structures explored by hypothesis, points of a batch, all 65,536 numbers of 16-bit formats."""

    examples: int
    batches: int
    every_number: bool
    terms: tuple[int, ...]  # of the sums whose errors are taken as a population
    numbers: int  # in the rows of those sums
    claim: bool = True


PROFILES = {
    "quick": Profile(examples=4, batches=1, every_number=False, terms=(512,), numbers=2**19, claim=False),
    "full": Profile(examples=15, batches=3, every_number=True, terms=(512, 4096), numbers=5 * 2**19),
    "exhaustive": Profile(examples=150, batches=12, every_number=True, terms=(512, 1024, 4096), numbers=2**24),
}


@dataclass(frozen=True)
class Plan:
    """What a run asks of every item."""

    profile: str = "full"
    seed: int = 0
    require: str = "ok"
    seconds: float = TIME_LIMIT
    naming: bool = True


def levels_of(operation: Operation) -> list[str]:
    """The levels that an operation has."""
    definition = operation.default_definition()
    if definition.sampling is not None:
        return ["distribution"]
    relation = definition.relation
    smooth = bool(definition.system.differentiable) and (relation is None or relation.gradients is not None)
    return [
        "shape", *(["special"] if specials.exist(operation) else []), "values",
        *(["reference data"] if reference_data.exist(operation) else []),
        *(["gradients"] if smooth else []), *(["second order"] if smooth and relation is None else []),
        *(["laws"] if laws.of(operation) else []),
        *(["inductive bias"] if operation.biases else []),
        *(["population"] if populations.exist(operation) else []),
    ]  # fmt: skip


def dtypes_of(operation: Operation, level: str) -> list[str]:
    """The dtypes in which an operation has a level."""
    only = {"reference data": reference_data.FORMATS, "population": populations.FORMATS}.get(level, operation.formats)
    return [d for d in operation.formats if d in only]


def examine(subject: Subject, operation: Operation, level: str, dtype: str, plan: Plan) -> Result:
    """Runs one item. The result is complete whatever the subject does; it holds the smallest failing case."""
    row = (operation.name, level, dtype, subject.backend)
    if not subject.provides(operation.name):
        return Result(*row, "not_provided", message="no such function")
    if dtype not in subject.dtypes:
        return Result(*row, "unsupported", message=f"dtypes lacks {dtype}")
    if dtype not in dtypes_of(operation, level):
        return Result(*row, "unsupported", message=f"{operation.name} is not judged at level {level} in {dtype}")
    if level == "second order" and subject.second_order_of(operation.name) is None:
        return Result(*row, "not_provided", message="no hvp is offered")
    if level == "gradients" and subject.gradient_of(operation.name) is None:
        missing = f"{operation.name}_vjp is not provided"
        return Result(*row, "not_provided", message=missing)
    options = f" --profile {plan.profile} --seed {plan.seed}"
    examination = Examination(
        subject, operation, level, dtype, DEMANDS[plan.require], plan.seconds, options, plan.naming
    )
    try:
        with kept_seeds():
            LEVELS[level](examination, plan)
    except Deviation:
        pass  # kept in the result, with its smallest case
    except Fault as fault:
        examination.result.worsen(fault.outcome)
        examination.result.message, examination.result.cause = fault.message, fault.cause
    return examination.finished()


def _rng(e: Examination, plan: Plan, salt: int) -> Any:
    """A generator for an item, the same in every process and run."""
    text = f"{e.operation.name}/{e.result.level}/{e.result.dtype}"
    return np.random.default_rng([plan.seed, salt, zlib.crc32(text.encode())])


def _has_gradient(e: Examination) -> bool:
    return "gradients" in levels_of(e.operation) and e.subject.gradient_of(e.operation.name) is not None


# --- shape ---


def shape(e: Examination, plan: Plan) -> None:
    rng = _rng(e, plan, 1)
    _same_gradient(e)
    for shapes, attributes in _all_structures(e):
        case = cases.build(e.operation, e.result.dtype, attributes, shapes, rng, "one sign")
        e.value(case)
        if _has_gradient(e):
            e.gradient(case)
    # The most axes: in memory, one axis has one order.
    shapes, attributes = max((s for s in _all_structures(e) if _numbers(s)), key=lambda s: sum(map(len, s[0])))
    base = cases.build(e.operation, e.result.dtype, attributes, shapes, rng, "one sign")
    for name, view in MEMORY.items():
        case = Case(
            base.call, tuple(map(view, base.given)), base.dtype, tuple(map(view, base.cotangents)), name, base.passed
        )
        e.value(case)
        if _has_gradient(e):
            e.gradient(case)
    _same_again(e, base)


Structure = tuple[list[tuple[int, ...]], dict[str, Any]]
STRUCTURES = 16  # at most so many choices has any layout


def _numbers(structure: Structure) -> int:
    return sum(math.prod(shape) for shape in structure[0])


def _all_structures(e: Examination) -> list[Structure]:
    """Every choice that the layout's first pick offers, with the first of all the others."""
    found: list[Structure] = []
    definition = e.operation.default_definition()
    for position in range(STRUCTURES):
        depth: list[int] = []

        def pick(options: Any, position: int = position, depth: list[int] = depth) -> Any:
            depth.append(len(options))
            return options[min(position, len(options) - 1)] if len(depth) == 1 else options[position % len(options)]

        shapes, attributes = e.operation.layout.draw(pick, definition)
        structure = (list(shapes), e.settled(attributes))
        if structure not in found:
            found.append(structure)
    return found


def _same_gradient(e: Examination) -> None:
    """The same gradient twice: what the first call leaves behind must not count in the second."""
    if not _has_gradient(e) or e.operation.default_definition().relation is not None:
        return
    shapes, attributes = min((s for s in _all_structures(e) if _numbers(s)), key=_numbers)
    case = cases.build(e.operation, e.result.dtype, attributes, shapes, np.random.default_rng(6), "one sign")
    system = case.call.definition.system
    wanted = [a.shape for a, x in zip(case.given, system.inputs, strict=True) if name_of(x) not in system.constants]
    with contextlib.suppress(Fault):  # what else is wrong is told with its case
        first, again = e.gradients(case, wanted), e.gradients(case, wanted)
        if any(
            a is not None and b is not None and a.tobytes() != b.tobytes() for a, b in zip(first, again, strict=True)
        ):
            e.fail("wrong", f"{e.operation.name}: the same gradient was another one the second time",
                   cause="state: something is kept between calls")  # fmt: skip


def _same_again(e: Examination, case: Case) -> None:
    """The same call gives the same answer: nothing is remembered between calls.

    Where linear algebra adds up in an order that depends on addresses in memory, an answer that is as right will do.
    """
    first = e.outputs(case)
    e.outputs(cases.build(e.operation, case.dtype, e.settled(case.passed), [a.shape for a in case.given],
                          np.random.default_rng(5), "normal"))  # fmt: skip
    if case.call.definition.relation is not None:
        e.value(case)
        return
    again = e.outputs(case)
    if any(a.tobytes() != b.tobytes() for a, b in zip(first, again, strict=True)):
        message = f"{e.operation.name}: the same call gave another answer the second time"
        e.fail("wrong", message, cause="state: something is kept between calls")


# --- special values ---


def special(e: Examination, plan: Plan) -> None:
    for case in specials.of(e.operation, e.result.dtype, _rng(e, plan, 2), e.settled):
        _narrowed(e, lambda part: specials.examine(e, part), case)


# --- values, gradients ---


def values(e: Examination, plan: Plan) -> None:
    _many(e, plan, e.value)
    _steps(e, plan)


STEPS = 4


def _steps(e: Examination, plan: Plan) -> None:
    """An update rule over several steps: its own results are the next step's state."""
    definition, rng = e.operation.default_definition(), _rng(e, plan, 6)
    inputs = [name_of(x) for x in definition.system.inputs]
    state = {name_of(y).removesuffix("_next"): k for k, y in enumerate(definition.system.outputs)}
    if not set(state) <= set(inputs):
        return
    case = cases.draw(e.operation, e.result.dtype, lambda o: o[0], rng, e.settled, "normal")
    for number in range(1, STEPS + 1):
        e.value(case)
        found = e.outputs(case)
        fresh = cases.draw(e.operation, case.dtype, lambda o: o[0], rng, e.settled, "normal")
        given = [found[state[name]].astype(a.dtype) if name in state else a
                 for name, a in zip(inputs, fresh.given, strict=True)]  # fmt: skip
        chosen = {**case.passed, "step": number + 1} if "step" in case.passed else case.passed
        case = cases.case(e.operation, case.dtype, dict(chosen), given, rng, f"step {number + 1}")


def gradients(e: Examination, plan: Plan) -> None:
    _many(e, plan, e.gradient)


def second_order(e: Examination, plan: Plan) -> None:
    _many(e, plan, e.second_order)


def _many(e: Examination, plan: Plan, judge: Callable[[Case], None]) -> None:
    """Batches of points, one vectorised call each, over all flavours and attribute values; then structures."""
    profile = PROFILES[plan.profile]
    options = max((1 + len(a.examples) for a in e.operation.attributes.values()), default=1)
    for batch in range(max(profile.batches, options)):
        rng = _rng(e, plan, 10 + batch)
        for flavour in cases.FLAVOURS:
            case = cases.draw(e.operation, e.result.dtype, lambda o, b=batch: o[b % len(o)], rng, e.settled,  # type: ignore[misc]
                              flavour, large=True)  # fmt: skip
            _narrowed(e, judge, case)
    _smallest(e, plan, judge)
    if profile.every_number and e.result.dtype in ("float16", "bfloat16"):
        _every_number(e, plan, judge)
    _explored(e, plan, judge)


def _smallest(e: Examination, plan: Plan, judge: Callable[[Case], None]) -> None:
    """The smallest shapes: few roundings make the sharpest bounds. More while no case could tell a wrong answer."""
    first, *others = sorted((s for s in _all_structures(e) if _numbers(s)), key=_numbers)[:4]
    turns = [first] * 3 + others  # that of attention has one key: its gradient is 0
    rng = _rng(e, plan, 7)
    least = 6 if e.result.dtype in ("float16", "bfloat16") else 2
    for number in range(120):
        if number >= least and (not e.result.cases or e.result.vacuous < e.result.cases):
            return
        shapes, attributes = first if number < least else turns[number % len(turns)]
        flavour = ("one sign", "normal")[(number + number // len(turns)) % 2]
        judge(cases.build(e.operation, e.result.dtype, attributes, shapes, rng, flavour))


def _every_number(e: Examination, plan: Plan, judge: Callable[[Case], None]) -> None:
    """All finite numbers of a 16-bit format, for functions of one number."""
    if not isinstance(e.operation.layout, Elementwise) or len(e.operation.default_definition().system.inputs) > 1:
        return
    numbers = cases.all_numbers(e.result.dtype)
    case = cases.case(e.operation, e.result.dtype, e.settled({}), [numbers], _rng(e, plan, 3), "every number")
    _narrowed(e, judge, case)


def _narrowed(e: Examination, judge: Callable[[Case], None], case: Case) -> None:
    """Judges a batch; what deviates in it is tried alone, for a smaller counterexample."""
    before = e.result.counterexample
    try:
        judge(case)
    finally:
        shown = e.result.counterexample
        if shown is not None and shown is not before and "index" in shown:
            for smaller in cases.alone(case, tuple(shown["index"])):
                with contextlib.suppress(Deviation):
                    judge(smaller)


def _explored(e: Examination, plan: Plan, judge: Callable[[Case], None]) -> None:
    """Structures that hypothesis draws; a failure is shrunk to the smallest that still fails."""
    import hypothesis
    from hypothesis import strategies as st

    @hypothesis.seed(zlib.crc32(f"{plan.seed}/{e.operation.name}/{e.result.level}/{e.result.dtype}".encode()))
    @hypothesis.settings(
        max_examples=PROFILES[plan.profile].examples, database=None, deadline=None, derandomize=False,
        suppress_health_check=list(hypothesis.HealthCheck), report_multiple_bugs=False, print_blob=False,
    )  # fmt: skip
    @hypothesis.given(st.data())
    def explore(draw: Any) -> None:
        # Coin flips, not integers: hypothesis mixes constants of whatever modules are loaded into integers, and a
        # worker would then explore other cases than a run in one process.
        def pick(options: Any) -> Any:
            flips = [draw.draw(st.booleans()) for _ in range((len(options) - 1).bit_length())]
            return options[sum(f << k for k, f in enumerate(flips)) % len(options)]

        rng = np.random.default_rng([plan.seed, pick(range(1024))])
        case = cases.draw(e.operation, e.result.dtype, pick, rng, e.settled)
        judge(case)

    try:
        explore()
    except hypothesis.errors.Flaky:
        # A call that was too slow once says nothing about its answers.
        if e.result.outcome != "timed_out":
            e.result.worsen("wrong")
            e.result.message = f"{e.operation.name}: the same call gave another answer the second time"


def _population(e: Examination, plan: Plan) -> None:
    profile = PROFILES[plan.profile]
    populations.examine(e, _rng(e, plan, 9), profile.terms, profile.numbers)


LEVELS: dict[str, Callable[[Examination, Plan], None]] = {
    "shape": shape,
    "special": special,
    "values": values,
    "reference data": lambda e, plan: reference_data.examine(e, _rng(e, plan, 8)),
    "gradients": gradients,
    "second order": second_order,
    "laws": lambda e, plan: laws.examine(e, _rng(e, plan, 4)),
    "distribution": lambda e, plan: samples.examine(e, plan.seed),
    "inductive bias": lambda e, plan: biases.examine(e, _rng(e, plan, 5)),
    "population": _population,
}
