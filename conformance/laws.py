"""Laws: theorems put to an implementation's own outputs, with the tolerance that its error bounds leave.

Every output is taken as a ball, what came +- what is accepted there; a law fails where no numbers in those balls can
satisfy it. A planted 1 % error must make it fail, or the case is vacuous.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from fiducial.conformance import cases
from fiducial.conformance.cases import Case
from fiducial.conformance.examine import Examination, _Recorded
from fiducial.conformance.subject import DTYPES
from fiducial.conformance.verdict import LIMIT, planted_error
from fiducial.spec import oracle
from fiducial.spec.evaluate import evaluate
from fiducial.spec.language import Expr, array, free_indices, indices, name_of, scalar
from fiducial.spec.numbers.ball import Ball
from fiducial.spec.numbers.ball_numbers import BallNumbers
from fiducial.spec.numbers.rounding import Rounding
from fiducial.spec.operation import Operation
from fiducial.spec.oracle import Answer
from fiducial.spec.system import System
from fiducial.spec.theorems import Identity, Invariance

Law = Identity | Invariance
MODEL = Rounding.enclosure()


def of(operation: Operation) -> list[Law]:
    """The theorems that an operation's outputs can be put through: invariances where it has an axis."""
    theorems = operation.default_definition().theorems
    axis = "axis" in operation.attributes
    return [t for t in theorems if (isinstance(t, Invariance) and axis) or (isinstance(t, Identity) and t.law)]


def examine(e: Examination, rng: Any) -> None:
    for law in of(e.operation):
        needs_gradient = isinstance(law, Identity) and _mentions_gradient(e.operation, law)
        if needs_gradient and e.subject.gradient_of(e.operation.name) is None:
            e.note(f"{law.name}: needs a gradient, which is not provided")
            continue
        for label in ("spread over a row", "ties"):
            case = _case(e, rng, label)
            with _Recorded(e, case, "law"):
                if isinstance(law, Invariance):
                    _invariance(e, law, case, rng)
                else:
                    _identity(e, law, case, needs_gradient)


def _case(e: Examination, rng: Any, label: str) -> Case:
    """Numbers on a coarse grid, so that adding a whole number to them is exact in every format."""
    if "axis" not in e.operation.attributes:
        return _tied(e, rng, label)
    chosen = e.settled({"axis": -1})
    x = rng.integers(-48, 48, (7, 5)) / 16.0
    if label == "ties":
        x[:, 1] = x[:, 3] = x.max(axis=1)
    return cases.case(e.operation, e.result.dtype, chosen, [x.astype(DTYPES[e.result.dtype])], rng, label)


def _tied(e: Examination, rng: Any, label: str) -> Case:
    """A few numbers again and again, in the structure with the most of them."""
    definition = e.operation.default_definition()
    shapes, laid = e.operation.layout.volume(definition)
    most = 400 if label == "spread over a row" else 3
    given = [(rng.integers(0, most, shape) / 16.0).astype(DTYPES[e.result.dtype]) for shape in shapes]
    return cases.case(e.operation, e.result.dtype, e.settled(laid), given, rng, label)


def _mentions_gradient(operation: Operation, law: Identity) -> bool:
    names = {"d" + name_of(x) for x in operation.default_definition().system.differentiable}
    return any(name_of(a) in names for side in (law.left, law.right) for a in side.atoms(sympy.Indexed))


def _identity(e: Examination, law: Identity, case: Case, needs_gradient: bool) -> None:
    definition = case.call.definition
    given = {name_of(y): a for y, a in zip(definition.system.inputs, case.call.arrays, strict=True)}
    if needs_gradient:
        answers = oracle.gradients(case.call, case.cotangents, e.format)
        found = e.gradients(case, [a.shape for a in answers])
        lhs = [("d" + name_of(x), x) for x in definition.system.differentiable]
        given |= {"d" + name_of(y): c for y, c in zip(definition.system.outputs, case.cotangents, strict=True)}
    else:
        answers, found = oracle.values(case.call, e.format), e.outputs(case)
        lhs = [(name_of(y), y) for y in definition.system.outputs]
    judged = {name: (array(name)[indices(x)] if indices(x) else scalar(name), got, answer)
              for (name, x), got, answer in zip(lhs, found, answers, strict=True)}  # fmt: skip
    _confirm(e, law, case, law.left - law.right, judged, given)


def _invariance(e: Examination, law: Invariance, case: Case, rng: Any) -> None:
    """The outputs at shifted inputs against what the law makes of those at the original ones."""
    ((moved_input, expression),) = law.shift.items()
    shifts = [a for a in expression.atoms(sympy.Indexed) if name_of(a) != name_of(moved_input)]
    amount = rng.integers(-5, 6, (case.given[0].shape[0],)).astype(float)
    system = System((moved_input, *shifts), {array("moved")[moved_input.indices]: expression},
                    (array("moved")[moved_input.indices],))  # fmt: skip
    values = {name_of(moved_input): case.call.arrays[0], name_of(shifts[0]): amount}
    moved = _evaluated(system, values, case)["moved"].mid
    second = cases.case(
        e.operation, case.dtype, e.settled(case.passed), [moved.astype(DTYPES[case.dtype])], rng, "shifted"
    )
    y = case.call.definition.system.outputs[0]
    after = array("after")[indices(y)]
    judged = {
        name_of(y): (y, e.outputs(case)[0], oracle.values(case.call, e.format)[0]),
        "after": (after, e.outputs(second)[0], oracle.values(second.call, e.format)[0]),
    }
    _confirm(e, law, case, after - (law.becomes if law.becomes is not None else law.of), judged, values)


def _evaluated(system: System, values: dict[str, Any], case: Case) -> dict[str, Any]:
    numbers = BallNumbers(MODEL)
    balls = {n: v if isinstance(v, Ball) else numbers.data(v) for n, v in values.items()}
    return evaluate(system, numbers, balls, oracle.laid_out(case.call).sizes, {})


def _confirm(
    e: Examination, law: Law, case: Case, residual: Expr, judged: dict[str, tuple[Expr, Any, Answer]],
    given: dict[str, Any],
) -> None:  # fmt: skip
    free = tuple(sorted(free_indices(residual), key=str))
    lhs = array("residual")[free] if free else scalar("residual")
    elements = {name_of(a): a for a in residual.atoms(sympy.Indexed)}
    inputs = [judged[n][0] if n in judged else a for n, a in elements.items()]
    system = System(tuple(inputs), {lhs: residual}, (lhs,))

    def violation(factor: float) -> Any:
        last = list(judged)[-1]  # scaling both sides of an invariance would plant nothing
        balls = {}
        for n, (_, got, answer) in judged.items():
            # The radius of a set (at ties) is no error: what came is one element of it.
            radius = LIMIT * answer.bound + np.minimum(answer.rad, answer.bound)
            balls[n] = Ball(got * (factor if n == last else 1.0), radius, MODEL, np)
        values = {name: balls.get(name, given.get(name)) for name in elements}
        r = _evaluated(system, values, case)["residual"]
        return np.max(np.where(r.mid == 0, 0.0, np.abs(r.mid) / np.maximum(r.rad, 1e-300)))

    worst = float(violation(1.0))
    e.result.worsen("tight" if worst * LIMIT <= 1 else "ok" if worst <= 1 else "wrong")
    e.result.ratio = max(e.result.ratio or 0.0, worst * LIMIT)
    if worst > 1:
        broken = f"{e.operation.name} ({case.dtype}) breaks the law: {law.statement}"
        # Each number may be in its set, and they still not belong together.
        tied = any(np.any(answer.rad > answer.bound) for _, _, answer in judged.values())
        cause = f"edge: at ties, {law.name} is broken" if tied else f"law: {law.name} is broken"
        message = f"{broken}; off by {worst * LIMIT:.3g} times what its error bounds allow, for {case.label}"
        e.fail("wrong", message, cause=cause)
    # An implementation that is right but for 1 % must be seen to break the law (0 = 0 has no power).
    if float(violation(1 + planted_error(e.format))) <= 1:
        e.result.vacuous += 1
