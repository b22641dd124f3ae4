"""Faults that are planted in every operation by machine: in what it returns, in what it sees, in what it leaves behind.

Each is one line of a table. ``of`` gives those that mean something for an operation: a fault of the cotangent needs a
result of more than one number, a transposed operand a matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial, wraps
from typing import Any

import numpy as np

from fiducial.conformance.cases import Case, build
from fiducial.conformance.levels import STRUCTURES
from fiducial.conformance.mutants.planted import RIGHT, Function, Planted
from fiducial.spec.derived import gradient_system, value_system
from fiducial.spec.language import indices, name_of
from fiducial.spec.operation import Definition, Operation
from fiducial.spec.oracle import result_shapes
from fiducial.spec.system import System, mentioned

Change = Callable[[Any], Any]


def _kept(change: Change) -> Change:
    """The change in float64, rounded to the array's own dtype; integers are left to be floats."""

    def changed(a: Any) -> Any:
        a = np.asarray(a)
        wide = a.astype(complex if a.dtype.kind == "c" else float)
        return np.asarray(change(wide)).astype(a.dtype if a.dtype.kind not in "iub" else float)

    return changed


def _one_element(a: Any) -> Any:
    a = np.array(a)
    a.reshape(-1)[-1:] += 0.01 * np.abs(a.reshape(-1)[-1:]) + 0.01 * (a.reshape(-1)[-1:] == 0)
    return a


def _narrow(a: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.asarray(a).astype(np.float16).astype(np.asarray(a).dtype)


def _other_dtype(a: Any) -> Any:
    return np.asarray(a).astype(np.float32 if np.asarray(a).dtype == np.float64 else np.float64)


ANSWERS: dict[str, tuple[str, Change]] = {
    "zero": ("the answer is zero", _kept(np.zeros_like)),
    "sign": ("the answer has the other sign", _kept(np.negative)),
    "1.001": ("the answer is 1.001 times too large", _kept(lambda a: a * 1.001)),
    "2": ("the answer is twice too large", _kept(lambda a: a * 2)),
    "one element": ("the last element is off by 1 %", _kept(_one_element)),
    "float16 inside": ("the answer was held in float16", _narrow),
    "wrong dtype": ("the answer comes in another dtype", _other_dtype),
}


def _answered(change: Change, function: Function) -> Function:
    """The function with each array of its result changed."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        return _over(function(*given, **attributes), change)

    return wrong


def _over(result: Any, change: Change) -> Any:
    if isinstance(result, tuple | list):
        return type(result)(None if r is None else change(r) for r in result)
    return change(result)


def _mean(function: Function) -> Function:
    """What is summed over the first axis of the first array is divided by its length."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        arrays = [a for a in _flat(given) if np.ndim(a)]
        length = max(np.shape(arrays[-1])[0], 1) if arrays else 1
        return _over(function(*given, **attributes), _kept(lambda a: a / length))

    return wrong


def _flat(given: Any) -> list[Any]:
    """All arrays of the arguments, those in tuples and lists included."""
    return [b for a in given for b in (a if isinstance(a, list | tuple) else [a])]


# --- what the function sees ---


def _dropped(a: Any) -> Any:
    """Without the last entry of its last axis."""
    a = np.array(a)
    if a.ndim:
        a[..., -1:] = 0
    return a


def _transposed(a: Any) -> Any:
    """A matrix read in the other order; a square one is transposed."""
    return np.ascontiguousarray(np.swapaxes(a, -1, -2)).reshape(np.shape(a)) if np.ndim(a) > 1 else a


def _seen(change: Change, place: int, function: Function) -> Function:
    """The function with one of its arguments changed."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        part = given[place]
        seen = part if part is None else _over(part, change)
        return function(*given[:place], seen, *given[place + 1 :], **attributes)

    return wrong


def _ones(c: Any) -> Any:
    return np.ones_like(c)


def _as_one_number(c: Any) -> Any:
    return np.full_like(c, np.reshape(c, -1)[0]) if np.size(c) else c


def _wrong_axis(function: Function) -> Function:
    """Along another axis, where there are two."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        arrays = [a for a in _flat(given) if np.ndim(a)]
        if arrays and np.ndim(arrays[-1]) > 1 and isinstance(attributes.get("axis", -1), int):
            attributes["axis"] = (attributes.get("axis", -1) + 1) % np.ndim(arrays[-1])
        return function(*given, **attributes)

    return wrong


# --- what it leaves behind ---


def _stale(function: Function) -> Function:
    """What was computed first for these shapes is given again."""
    known: dict[Any, Any] = {}

    def wrong(*given: Any, **attributes: Any) -> Any:
        key = str([np.shape(a) for a in _flat(given)])
        if key not in known:
            known[key] = function(*given, **attributes)
        return known[key]

    return wrong


def _modified(function: Function) -> Function:
    """The first array that can be written to is."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        result = function(*given, **attributes)
        for a in (a for a in _flat(given) if isinstance(a, np.ndarray) and a.size and a.flags.writeable):
            a[(0,) * a.ndim] += 1
            break
        return result

    return wrong


def _unwritten(function: Function) -> Function:
    """A result of nothing is what was in memory before."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        result = function(*given, **attributes)
        empty = any(np.size(a) == 0 for a in given if a is not None and not isinstance(a, list | tuple))
        return _over(result, lambda a: np.full_like(a, 7)) if empty else result

    return wrong


def _forgotten(k: int, function: Function) -> Function:
    """One of the gradients is zero."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        result = function(*given, **attributes)
        if not isinstance(result, tuple | list):
            return np.zeros_like(result)
        return type(result)(np.zeros_like(r) if j == k and r is not None else r for j, r in enumerate(result))

    return wrong


# --- which of them an operation can have ---

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
        yield "unwritten", "a result of nothing is never written", _unwritten


def _backward(operation: Operation) -> Iterator[Fault]:
    definition = operation.default_definition()
    varies = _nonzero(definition)
    if not varies:  # what is derived to be zero is as good without a sign, a factor or a cotangent
        yield from (fault for fault in _answers(operation) if fault[0] in ("one element", "wrong dtype"))
        return
    yield from _answers(operation)
    yield from _common(operation, _read(definition, gradient_system), 1)
    if any(_unwritten_gradient(case) for case in _cases(operation)):
        yield "unwritten", "a gradient of nothing is never written", _unwritten
    yield "cotangent ignored", "the cotangent is taken as ones", partial(_seen, _ones, 0)
    if _several(operation):
        yield "cotangent a number", "the cotangent's first number is taken for all", partial(_seen, _as_one_number, 0)
    if len(definition.system.differentiable) > 1:
        for k, x in ((k, x) for k, x in enumerate(definition.system.differentiable) if name_of(x) in varies):
            yield f"no d{name_of(x)}", f"the gradient of {name_of(x)} is forgotten", partial(_forgotten, k)


def _answers(operation: Operation) -> Iterator[Fault]:
    free = not operation.default_definition().system.differentiable  # whole numbers may come in any dtype
    for label, (what, change) in ANSWERS.items():
        if not (free and label == "wrong dtype"):
            yield label, what, partial(_answered, change)


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
                partial(_seen, _dropped, first + k),
            )
        if name in seen and most > 1 and not _elementwise(operation) and domain.matrix != "symmetric":
            yield f"{name} transposed", f"{name} is read in the other order", partial(_seen, _transposed, first + k)
    if not listed:
        yield "mean", "a sum over the first axis is a mean", _mean
    if "axis" in operation.attributes:
        yield "wrong axis", "another axis is taken", _wrong_axis
    yield "stale", "an answer is remembered by shape", _stale
    yield "input modified", "an input is overwritten", _modified


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
