"""Faults that are planted by machine: which of them mean something for an operation, forward and backward.

A fault of the cotangent needs a result of more than one number, a transposed operand a matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial, wraps
from typing import Any

import numpy as np

from fiducial.conformance.cases import Case, build
from fiducial.conformance.levels import STRUCTURES
from fiducial.conformance.mutants.planted import RIGHT, Function, Planted
from fiducial.conformance.mutants.wrong_functions import (
    ANSWERS,
    along_another_axis,
    answered,
    as_one_number,
    averaged,
    dropped,
    forgetting,
    leaving_unwritten,
    ones,
    overwriting,
    remembering,
    seeing,
    transposed,
)
from fiducial.spec.derived import gradient_system, value_system
from fiducial.spec.language import indices, name_of
from fiducial.spec.operation import Definition, Operation
from fiducial.spec.oracle import result_shapes
from fiducial.spec.system import System, mentioned

Fault = tuple[str, str, Callable[[Function], Function]]  # name, what is wrong, how it is planted


def of(operation: Operation) -> list[Planted]:
    """The generic faults of an operation, forward and backward."""
    found = [_planted(operation, operation.name, fault) for fault in _forward(operation)]
    name = f"{operation.name}_vjp"
    if operation.default_definition().system.differentiable and hasattr(RIGHT, name):
        found += [_planted(operation, name, fault) for fault in _backward(operation)]
    return found


def _planted(operation: Operation, name: str, fault: Fault) -> Planted:
    label, what, plant = fault

    class Fresh:
        """Made anew for every subject: a fault may be in what is remembered."""

        def __new__(cls) -> Any:
            right = getattr(RIGHT, name)
            return wraps(right)(plant(right))  # its signature says which attributes it takes

    backward = name != operation.name
    return Planted(operation.name, f"{label}, backward" if backward else label, what, {name: Fresh})


def _forward(operation: Operation) -> Iterator[Fault]:
    definition = operation.default_definition()
    yield from _answers(operation)
    yield from _common(operation, _read(definition, value_system), 0)
    if any(_unwritten_result(case) for case in _cases(operation)):
        yield "unwritten", "a result of nothing is never written", leaving_unwritten


def _backward(operation: Operation) -> Iterator[Fault]:
    definition = operation.default_definition()
    varies = _nonzero(definition)
    if not varies:  # what is derived to be zero is as good without a sign, a factor or a cotangent
        yield from (fault for fault in _answers(operation) if fault[0] in ("one element", "wrong dtype"))
        return
    yield from _answers(operation)
    yield from _common(operation, _read(definition, gradient_system), 1)
    if any(_unwritten_gradient(case) for case in _cases(operation)):
        yield "unwritten", "a gradient of nothing is never written", leaving_unwritten
    yield "cotangent ignored", "the cotangent is taken as ones", partial(seeing, ones, 0)
    if _several(operation):
        yield "cotangent a number", "the cotangent's first number is taken for all", partial(seeing, as_one_number, 0)
    if len(definition.system.differentiable) > 1:
        for k, x in ((k, x) for k, x in enumerate(definition.system.differentiable) if name_of(x) in varies):
            yield f"no d{name_of(x)}", f"the gradient of {name_of(x)} is forgotten", partial(forgetting, k)


def _answers(operation: Operation) -> Iterator[Fault]:
    free = not operation.default_definition().system.differentiable  # whole numbers may come in any dtype
    for label, (what, change) in ANSWERS.items():
        if not (free and label == "wrong dtype"):
            yield label, what, partial(answered, change)


def _common(operation: Operation, seen: set[str], first: int) -> Iterator[Fault]:
    """Faults of what is read and of what is left behind; ``seen`` are the inputs that the answer depends on."""
    definition = operation.default_definition()
    listed = operation.layout.listed or definition.sampling is not None
    for k, x in enumerate(() if listed else definition.system.inputs):
        name, domain = name_of(x), definition.domains[name_of(x)]
        most = max(len(shapes[k]) for shapes in _structures(operation))
        refused = domain.strict and not domain.matrix or domain.matrix == "symmetric"  # zeros are no input there
        if name in seen and domain.below is None and most and not refused:
            yield (
                f"last {name} dropped",
                f"the last entries of {name} are not seen",
                partial(seeing, dropped, first + k),
            )
        if name in seen and most > 1 and not _elementwise(operation) and domain.matrix != "symmetric":
            yield f"{name} transposed", f"{name} is read in the other order", partial(seeing, transposed, first + k)
    if not listed:
        yield "mean", "a sum over the first axis is a mean", averaged
    if "axis" in operation.attributes:
        yield "wrong axis", "another axis is taken", along_another_axis
    yield "stale", "an answer is remembered by shape", remembering
    yield "input modified", "an input is overwritten", overwriting


def _read(definition: Definition, derived: Callable[[Definition], System]) -> set[str]:
    """The inputs that the results of a derived system depend on."""
    inputs = {name_of(x) for x in definition.system.inputs}
    if definition.system.described:
        return inputs
    return inputs & {name for rhs in derived(definition).equations.values() for name in mentioned(rhs)}


def _nonzero(definition: Definition) -> set[str]:
    """The inputs whose gradient is not zero throughout."""
    names = {name_of(x) for x in definition.system.differentiable}
    if definition.system.described:
        return names
    return names - {name_of(y)[1:] for y, rhs in gradient_system(definition).equations.items() if rhs == 0}


def _elementwise(operation: Operation) -> bool:
    system = operation.default_definition().system
    return len({indices(x) for x in (*system.inputs, *system.outputs)}) == 1


def _several(operation: Operation) -> bool:
    """Whether any of its results, for any values of its attributes, has more than one number."""
    defaults = operation.defaults
    settings = [defaults, *({**defaults, n: v} for n, a in operation.attributes.items() for v in a.examples)]
    return any(indices(y) for s in settings for y in operation.definition(s).system.outputs)


@cache
def _structures(operation: Operation) -> tuple[list[tuple[int, ...]], ...]:
    """The shapes that the suite tries."""
    return tuple([a.shape for a in case.given] for case in _cases(operation))


@cache
def _cases(operation: Operation) -> tuple[Case, ...]:
    definition, rng = operation.default_definition(), np.random.default_rng(0)
    picks = (lambda o, p=p: o[p % len(o)] for p in range(STRUCTURES))
    drawn = [operation.layout.draw(pick, definition) for pick in picks]
    return tuple(build(operation, "float64", {**operation.defaults, **laid}, shapes, rng, "one sign")
                 for shapes, laid in drawn)  # fmt: skip


def _unwritten_result(case: Case) -> bool:
    """Whether numbers come of none."""
    return _empty(case) and any(0 not in shape for shape in result_shapes(case.call))


def _unwritten_gradient(case: Case) -> bool:
    """Whether an input without numbers stands beside one whose gradient has some."""
    system = case.call.definition.system
    own = [a for a, x in zip(case.given, system.inputs, strict=True) if name_of(x) not in system.constants]
    return _empty(case) and any(a.size for a in own)


def _empty(case: Case) -> bool:
    return any(a.size == 0 for a in case.given) and not case.operation.layout.listed
