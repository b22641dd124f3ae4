"""Errors as a population: what no single bound can see, because the bound of a long sum is wide, shows in many sums.

The bound of n additions is n roundings; a right answer is usually far inside it, and so is one that is wrong by 1 % in
16 bits. If roundings are independent and as often up as down, an error is sub-Gaussian with a derived scale of about
sqrt(n) roundings (``oracle.spreads``), and the errors of many rows obey sharp laws: their slope against the exact
values (a systematic factor), their mean (an offset) and their squares (accuracy lost). What functions err by may all go
the same way, and is allowed in full. A right implementation fails one of these tests with a probability of at most 1e-9
in a whole run; since roundings that are not independent are no breach of the bounds, what fails is ``loose``.

Sources: Higham and Mary 2019 (the model); Boucheron, Lugosi and Massart, Concentration Inequalities, 2013, 2.3; Hsu,
Kakade and Zhang, A tail inequality for quadratic forms of subgaussian random vectors, 2012.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from sympy import Sum

from fiducial.conformance import cases
from fiducial.conformance.cases import Case
from fiducial.conformance.counterexample import described
from fiducial.conformance.examine import Examination, _Recorded
from fiducial.conformance.verdict import LIMIT, planted_error
from fiducial.spec import oracle
from fiducial.spec.derived import value_system
from fiducial.spec.language import indices
from fiducial.spec.operation import Operation

FORMATS = ("float32", "bfloat16", "float16")  # in float64 the bound of 4,096 additions is 5e-13: it sees enough
FALSE_ALARM = 1e-9  # of a whole run
TESTS = 1000  # more than a run makes: 25 operations, 3 dtypes, 3 lengths, 3 tests
PART = 2**17  # numbers of one call: what a processor's cache holds
PATIENCE = 96  # parts at the most, until a planted error is seen
LOG = math.log(2 * TESTS / FALSE_ALARM)


def exist(operation: Operation) -> bool:
    """Whether the operation has rows with sums of any length."""
    return _attributes(operation) is not None


def _attributes(operation: Operation) -> dict[str, Any] | None:
    """The first setting in which its results are sums, one for each row."""
    defaults = operation.defaults
    settings = [defaults, *({**defaults, n: v} for n, a in operation.attributes.items() for v in a.examples)]
    for chosen in settings:
        definition = operation.definition(chosen)
        if definition.system.differentiable and not definition.system.described:
            structure = operation.layout.long(definition, 2, 2)
            if structure is not None:
                return {**chosen, **structure[1]}
    return None


def examine(e: Examination, rng: Any, lengths: tuple[int, ...], numbers: int) -> None:
    """Sums of these lengths, in as many rows as so many numbers allow; more where a planted error is not yet seen."""
    for terms in lengths:
        parts: list[list[list[Any]]] = []
        each_time = max(numbers // PART, 1)
        for _ in range(max(PATIENCE // each_time, 1) if terms == lengths[0] else 1):
            for _ in range(each_time):
                case = _case(e, terms, rng)
                with _Recorded(e, case, "value"):
                    parts.append(_sampled(e, case))
            samples = [[np.concatenate(a) for a in zip(*each, strict=True)] for each in zip(*parts, strict=True)]
            powerful = [_powerful(e, sample) for sample in samples]
            if all(powerful):
                break
        for sample in samples:
            _decide(e, case, terms, sample)
        e.result.vacuous += 0 if all(powerful) else len(parts)


def _sampled(e: Examination, case: Case) -> list[list[Any]]:
    """For each output: errors, exact values, what functions err by, and the scale of the rest."""
    outputs = e.outputs(case)
    answers, spreads = oracle.values(case.call, e.format), oracle.spreads(case.call, e.format)
    return [[_apart(case, k, a) for a in (got - answer.mid, answer.mid, *spread)]
            for k, (got, answer, spread) in enumerate(zip(outputs, answers, spreads, strict=True))]  # fmt: skip


def _case(e: Examination, terms: int, rng: Any) -> Case:
    attributes = _attributes(e.operation)
    assert attributes is not None
    settled = e.settled(attributes)
    one = e.operation.layout.long(e.operation.definition(settled), 1, terms)
    assert one is not None
    rows = max(PART // max(math.prod(shape) for shape in one[0]), 16)
    found = e.operation.layout.long(e.operation.definition(settled), rows, terms)
    assert found is not None
    return cases.build(e.operation, e.result.dtype, {**settled, **found[1]}, found[0], rng, "one sign")


def _apart(case: Case, k: int, a: Any) -> Any:
    """Numbers that share no rounding: those of different rows, and all of them where no sum is used by several."""
    system = value_system(case.call.definition)
    own = set(indices(system.outputs[k]))
    if all(own <= set(indices(lhs)) for lhs, rhs in system.equations.items() if rhs.has(Sum)):
        return a.reshape(-1)
    table = a.reshape(len(a), -1)
    return table[np.arange(len(a)), np.random.default_rng(k).integers(0, table.shape[1], len(a))]


def _usable(sample: list[Any]) -> list[Any]:
    """Without the numbers whose scale is unknown."""
    return [a[np.isfinite(sample[3]) & (sample[3] > 0)] for a in sample]


def _powerful(e: Examination, sample: list[Any]) -> bool:
    """Whether a planted error would be seen: whatever the errors are, so that they do not decide how many are taken."""
    _, exact, *spread = _usable(sample)
    return any(ratio > 1 for _, ratio in _tests(planted_error(e.format) * exact, exact, *spread))


def _decide(e: Examination, case: Case, terms: int, sample: list[Any]) -> None:
    error, exact, shared, scale = _usable(sample)
    name, worst = max(_tests(error, exact, shared, scale), key=lambda t: t[1], default=("", 0.0))
    e.result.ratio = max(e.result.ratio or 0.0, worst)
    e.result.worsen("tight" if worst <= 1 else "loose")
    if worst <= 1:
        return
    slope = float(np.sum(error * exact / scale**2) / np.sum((exact / scale) ** 2))
    message = (f"{e.operation.name} ({case.dtype}): {name} of {len(error)} errors, sums of {terms} terms: "
               f"{worst:.3g} times what independent roundings leave; a factor of {1 + slope:.6g}")  # fmt: skip
    shown = described(e.subject, case, e.result.level, "value", 0, None, None, None, message, e.options)
    e.keep("loose", message, shown)
    e.result.cause = "narrow: long sums are added up in a narrow format, or are off by a systematic factor"


def _tests(error: Any, exact: Any, shared: Any, scale: Any) -> Iterator[tuple[str, float]]:
    """Each statistic over the most that it is, but for a probability of 1e-12: ``shared`` is what functions err by."""
    if not len(error):
        return
    if not np.isfinite(error).all():
        yield "an infinity or NaN", math.inf
        return
    # Correct algorithms differ: up to LIMIT times the stable form's roundings, as in a single answer.
    deviate, scale = math.sqrt(2 * LOG), LIMIT * scale
    for name, weights in (("the slope", exact / scale**2), ("the mean", 1 / scale)):
        allowed = np.sum(np.abs(weights) * shared) + deviate * math.sqrt(np.sum((weights * scale) ** 2))
        yield name, float(abs(np.sum(weights * error)) / allowed)
    squares = np.sum((np.maximum(np.abs(error) - shared, 0) / scale) ** 2)
    number = len(error)
    allowed = number + 2 * math.sqrt(number * LOG) + 2 * LOG
    yield "the mean square", float(squares / allowed)
