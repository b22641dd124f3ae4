"""The oracle: what an operation's exact values are, and how far from them an implementation may be.

Truth is an enclosure. float64 balls give it for narrower formats; where a ball is too wide for the bound in use, and
for float64 itself, Arb does, with as many bits as it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
from sympy import Idx

from fiducial.spec.derived import (
    batch_index,
    gradient_system,
    joint_system,
    second_order_system,
    value_system,
    written_gradients,
    written_second_order,
    written_values,
)
from fiducial.spec.evaluate import evaluate
from fiducial.spec.formats import Format
from fiducial.spec.language import indices, name_of, size_of
from fiducial.spec.layouts import restored
from fiducial.spec.numbers.ball_numbers import BallNumbers
from fiducial.spec.numbers.objects import ArbNumbers
from fiducial.spec.numbers.rounded import RoundedNumbers
from fiducial.spec.numbers.rounding import TINY, Rounding
from fiducial.spec.operation import Definition, Operation
from fiducial.spec.remembered import remembered
from fiducial.spec.system import System

FINE = 64  # an enclosure's radius is at most this fraction of the bound, or Arb is asked
BITS = (128, 320, 1200)


@dataclass(frozen=True)
class Answer:
    """The exact values lie in mid + rest +- rad; ``bound`` is the derived error bound. float64 arrays of one shape.

    ``rest`` is what the float64 ``mid`` leaves over. A radius that more precision does not shrink is a set (ties).
    ``resolved`` is False where no precision tried encloses the value finely enough to judge.
    """

    mid: Any
    rest: Any
    rad: Any
    bound: Any
    resolved: Any
    escalated: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.mid.shape)


@dataclass(frozen=True)
class Call:
    """One call of an operation: what the implementation is given. Float arrays hold exactly what it sees."""

    operation: Operation
    arrays: tuple[Any, ...]
    attributes: Mapping[str, Any]

    @property
    def definition(self) -> Definition:
        return self.operation.definition(self.structural)

    @property
    def structural(self) -> dict[str, Any]:
        """The attributes, with the form that the arrays show."""
        found = {**self.operation.defaults, **self.attributes}
        for name, attribute in self.operation.attributes.items():
            if attribute.kind == "form":
                integer = [np.asarray(a).dtype.kind in "iu" for a in self.arrays]
                options = (attribute.default, *attribute.examples)
                found[name] = next(o for o in options if _integral(self.operation, found, name, o) == integer)
        return found


def _integral(operation: Operation, attributes: Mapping[str, Any], name: str, option: str) -> list[bool]:
    definition = operation.definition({**attributes, name: option})
    return [definition.domains[name_of(x)].below is not None for x in definition.system.inputs]


@dataclass(frozen=True)
class Bound:
    """A call laid out for its equations."""

    arrays: dict[str, Any]
    sizes: dict[str, int]
    attributes: dict[str, Any]


@remembered
def values(call: Call, format: Format, xp: Any = np) -> list[Answer]:
    """One answer for each output, in the result's shape."""
    return _answers(call, value_system(call.definition), laid_out(call), format, xp, _result_places(call))


@remembered
def values_as_written(call: Call, format: Format, xp: Any = np) -> list[list[Any]]:
    """The bounds of each output as textbooks write it: one list for each way of writing."""
    bound, places = laid_out(call), _result_places(call)
    return [_bounds(call, s, bound, format, xp, places) for s in written_values(call.definition)]


def executed(call: Call, system: System, numbers: RoundedNumbers, cotangents: Sequence[Any] = ()) -> list[Any]:
    """A system of the call's operation in a format's own arithmetic: an algorithm, as it would run.

    Its outputs are the operation's, or with cotangents the gradients of its inputs; float64 arrays. In float64, the
    definition as it is written says what comes of infinities (NaN where it says nothing).
    """
    bound = _with_cotangents(call, cotangents) if cotangents else laid_out(call)
    places = _input_places(call) if cotangents else _result_places(call)
    return [b.items for b in _run(system, numbers, bound, places)]


@remembered
def spreads(call: Call, format: Format, xp: Any = np) -> list[tuple[Any, Any]]:
    """For each output: what functions may err by, all the same way, and the scale of what independent roundings add.

    The second is the parameter of a sub-Gaussian distribution: a deviation of t scales has a probability of at most
    2 exp(-t^2 / 2).
    """
    system, bound, places = value_system(call.definition), laid_out(call), _result_places(call)
    models = (Rounding.systematic(format), Rounding.independent(format))
    found = [[_host(b.rad) for b in _run(system, BallNumbers(m, xp), bound, places)] for m in models]
    return list(zip(*found, strict=True))


@remembered
def gradients(call: Call, cotangents: Sequence[Any], format: Format, xp: Any = np) -> list[Answer]:
    """One answer for each differentiable input, in its shape."""
    system = gradient_system(call.definition)
    return _answers(call, system, _with_cotangents(call, cotangents), format, xp, _input_places(call))


@remembered
def gradients_as_written(call: Call, cotangents: Sequence[Any], format: Format, xp: Any = np) -> list[list[Any]]:
    """The bounds of each gradient as textbooks write it: one list for each way of writing."""
    bound = _with_cotangents(call, cotangents)
    return [_bounds(call, s, bound, format, xp, _input_places(call)) for s in written_gradients(call.definition)]


def values_and_gradients(
    call: Call, cotangents: Sequence[Any], format: Format, xp: Any = np
) -> tuple[list[Answer], list[Answer]]:
    """What ``values`` and ``gradients`` give, from one evaluation."""
    places = _result_places(call)
    bound = _with_cotangents(call, cotangents)
    answers = _answers(call, joint_system(call.definition), bound, format, xp, [*places, *_input_places(call)])
    return answers[: len(places)], answers[len(places) :]


@remembered
def second_order(
    call: Call, cotangents: Sequence[Any], directions: Sequence[Any], format: Format, xp: Any = np
) -> list[Answer]:
    """The gradient of <directions, gradient> by each differentiable input."""
    bound = _with_directions(call, cotangents, directions)
    return _answers(call, second_order_system(call.definition), bound, format, xp, _input_places(call))


@remembered
def second_order_as_written(
    call: Call, cotangents: Sequence[Any], directions: Sequence[Any], format: Format, xp: Any = np
) -> list[list[Any]]:
    """The bounds of the second order from each way of writing the gradients."""
    bound, places = _with_directions(call, cotangents, directions), _input_places(call)
    return [_bounds(call, s, bound, format, xp, places) for s in written_second_order(call.definition)]


# --- layout ---


def laid_out(call: Call) -> Bound:
    """The arrays, sizes and numbers of a call as its equations see them."""
    definition = call.definition
    attributes = call.structural
    arrays = call.operation.layout.inputs([np.asarray(a) for a in call.arrays], attributes)
    sizes = call.operation.layout.integers(attributes)
    named = {}
    for lhs, a in zip(definition.system.inputs, arrays, strict=True):
        domain = definition.domains[name_of(lhs)]
        named[name_of(lhs)] = a if domain.below is not None else a.astype(np.float64)
        for i, length in zip(indices(lhs), a.shape, strict=True):
            _bind(sizes, i, length, name_of(lhs))
    numbers = {}
    for name, attribute in call.operation.attributes.items():
        if attribute.kind == "number":
            numbers[name] = 1.0 if attributes[name] is None else attributes[name]
        if attribute.kind == "count":
            sizes[name] = int(attributes[name])
    return Bound(named, sizes | definition.derived_sizes(sizes), numbers)


def _bind(sizes: dict[str, int], i: Idx, length: int, name: str) -> None:
    size = size_of(i)
    if sizes.setdefault(size, int(size) if size.isdigit() else length) != length:
        raise ValueError(f"{name}: {size} = {sizes[size]} is required by the other inputs, got {length}")


def _with_cotangents(call: Call, cotangents: Sequence[Any]) -> Bound:
    bound, shapes = laid_out(call), [np.shape(a) for a in call.arrays]
    arrays = dict(bound.arrays)
    for lhs, c in zip(call.definition.system.outputs, cotangents, strict=True):
        laid = call.operation.layout.output(np.asarray(c), shapes, lhs, call.structural)
        arrays["d" + name_of(lhs)] = laid.astype(np.float64)
    return Bound(arrays, bound.sizes, bound.attributes)


def _with_directions(call: Call, cotangents: Sequence[Any], directions: Sequence[Any]) -> Bound:
    bound = _with_cotangents(call, cotangents)
    names = [name_of(lhs) for lhs in call.definition.system.differentiable]
    laid = _input_arrays(call, directions)
    arrays = {**bound.arrays, **{f"hd{name}": a for name, a in zip(names, laid, strict=True)}}
    return Bound(arrays, bound.sizes, bound.attributes)


def result_shapes(call: Call) -> list[tuple[int, ...]]:
    """The shape of each output."""
    sizes, shapes = laid_out(call).sizes, [np.shape(a) for a in call.arrays]
    found = []
    for lhs in call.definition.system.outputs:
        direct = tuple(sizes[size_of(i)] for i in indices(lhs))
        found.append(tuple(call.operation.layout.shape(shapes, lhs, call.structural, direct)))
    return found


Places = list[tuple[tuple[int, ...], Any]]  # for each result its shape, and where its elements lie in the equations'


def _result_places(call: Call) -> Places:
    shapes, found = [np.shape(a) for a in call.arrays], []
    for lhs, shape in zip(call.definition.system.outputs, result_shapes(call), strict=True):
        size = int(np.prod(shape, dtype=int))
        positions = call.operation.layout.output(np.arange(size).reshape(shape), shapes, lhs, call.structural)
        found.append((shape, restored(positions, size)))
    return found


def _input_positions(call: Call) -> list[Any]:
    counted = [np.arange(np.size(a)).reshape(np.shape(a)) for a in call.arrays]
    return call.operation.layout.inputs(counted, call.structural)


def _input_places(call: Call) -> Places:
    definition, found = call.definition, []
    for lhs, a, positions in zip(definition.system.inputs, call.arrays, _input_positions(call), strict=True):
        if name_of(lhs) not in definition.system.constants:
            found.append((np.shape(a), restored(positions, np.size(a))))
    return found


def _input_arrays(call: Call, like: Sequence[Any]) -> list[Any]:
    """Arrays in the shapes of the differentiable inputs, laid out as those are."""
    constants, given = call.definition.system.constants, iter(like)
    names = [name_of(x) for x in call.definition.system.inputs]
    full = [a if n in constants else next(given) for n, a in zip(names, call.arrays, strict=True)]
    laid = call.operation.layout.inputs([np.asarray(a) for a in full], call.structural)
    return [a.astype(np.float64) for n, a in zip(names, laid, strict=True) if n not in constants]


def _gathered(value: Any, place: tuple[tuple[int, ...], Any]) -> Any:
    """A result of the equations in the implementation's shape; repeated elements are summed."""
    shape, order = place
    if order.shape[1] == 1 and np.array_equal(order[:, 0], np.arange(len(order))):
        return value.reshape(shape)
    picked = value.reshape((order.size,)).gather(order)
    return (picked.reshape((len(order),)) if order.shape[1] == 1 else picked.sum(1)).reshape(shape)


# --- evaluation ---


def _run(system: System, numbers: Any, bound: Bound, places: Places) -> list[Any]:
    arrays = {n: a if a.dtype.kind in "iu" else numbers.data(a) for n, a in bound.arrays.items()}
    with np.errstate(all="ignore"):
        found = evaluate(system, numbers, arrays, bound.sizes, bound.attributes)
        return [_gathered(found[name_of(y)], place) for y, place in zip(system.outputs, places, strict=True)]


def _bounds(call: Call, system: System, bound: Bound, format: Format, xp: Any, places: Places) -> list[Any]:
    return [_host(b.rad) for b in _run(system, BallNumbers(Rounding.of(format), xp), bound, places)]


@np.errstate(all="ignore")
def _answers(call: Call, system: System, bound: Bound, format: Format, xp: Any, places: Places) -> list[Answer]:
    model = Rounding.together(Rounding.of(format), Rounding.enclosure())
    answers, tolerances = [], []
    for ball in _run(system, BallNumbers(model, xp), bound, places):
        mid, (tolerance, rad) = _host(ball.mid), _host(ball.rad)
        tolerances.append(tolerance)
        answers.append(_answer(mid, np.zeros_like(mid), rad, tolerance))
    if format.name == "float64":
        return _climbed(system, bound, places, answers, tolerances, lambda a: np.ones(a.shape, bool))
    if all(a.resolved.all() for a in answers):
        return answers
    return _climbed(system, bound, places, answers, tolerances, lambda a: ~a.resolved)


def _answer(mid: Any, rest: Any, rad: Any, tolerance: Any) -> Answer:
    """The bound is what the format's roundings add to the enclosure; a set's own radius is in both."""
    # A set is as wide in any precision: its radius is most of the tolerance's too.
    is_set = (rad > 0) & (tolerance < 2 * rad) & np.isfinite(tolerance)
    bound = np.where(is_set, tolerance - rad, tolerance)
    # An exact infinity; not what lies beyond the format, where an algorithm may meet inf - inf.
    infinite = np.isinf(mid) & (rad == 0) & ~np.isinf(tolerance)
    fine = (rad <= tolerance / FINE) | (rad == 0) | is_set
    return Answer(mid, rest, rad, np.where(infinite, 0.0, np.maximum(bound, 0.0)), fine & ~np.isnan(mid))


def _climbed(
    system: System, bound: Bound, places: Places, answers: list[Answer], tolerances: list[Any],
    wanted: Callable[[Answer], Any],
) -> list[Answer]:  # fmt: skip
    """Arb's enclosures where they are wanted, at more and more bits until they are fine enough."""
    masks = [wanted(a) for a in answers]
    # A radius that the next precision leaves as it is belongs to a set.
    previous = [np.full(a.shape, np.inf) for a in answers]
    for bits in BITS:
        with flint.ctx.workprec(bits):
            rows = _run_rows(system, bound, places, masks)
            for k, (a, mask, tolerance) in enumerate(zip(answers, masks, tolerances, strict=True)):
                new = _split(rows[k])
                finite = mask & np.isfinite(new[2])
                mid, rest, rad = (np.where(finite, n, o) for n, o in zip(new, (a.mid, a.rest, a.rad), strict=True))
                settled = finite & (rad > 0) & (rad >= 0.999 * previous[k])
                found = _answer(mid, rest, rad, tolerance)
                bounds = np.where(settled, np.maximum(tolerance - rad, 0), found.bound)
                # What Arb cannot represent (infinite operands) keeps the exact infinity of the float64 balls.
                resolved = np.where(finite, found.resolved & (~_wide(rad, tolerance) | settled), a.resolved)
                answers[k] = Answer(mid, rest, rad, bounds, resolved | settled, a.escalated + int(mask.sum()))
                previous[k] = np.where(finite, rad, np.inf)
                masks[k] = mask & ~answers[k].resolved
        if not any(m.any() for m in masks):
            break
    return answers


def _wide(rad: Any, tolerance: Any) -> Any:
    return ~((rad <= tolerance / FINE) | (rad == 0))


def _run_rows(system: System, bound: Bound, places: Places, masks: list[Any]) -> list[Any]:
    """Arb results; where rows do not depend on one another, only those with a wanted element are evaluated."""
    leading = batch_index(system, system.outputs)
    direct = all(order.shape[1] == 1 for _, order in places)
    if leading is None or not direct or all(m.all() for m in masks):
        return [r.items for r in _run(system, ArbNumbers(), bound, places)]
    size = size_of(leading)
    wanted = np.zeros(bound.sizes[size], dtype=bool)
    for mask, (_, order) in zip(masks, places, strict=True):
        flat = np.zeros(mask.size, dtype=bool)
        flat[order[:, 0]] = mask.reshape(-1)
        wanted |= flat.reshape(len(wanted), -1).any(axis=1) if len(wanted) else False
    chosen = np.flatnonzero(wanted)
    rows = {n: a[chosen] if a.ndim else a for n, a in bound.arrays.items()}
    narrowed = Bound(rows, {**bound.sizes, size: len(chosen)}, bound.attributes)
    arrays = {n: a if a.dtype.kind in "iu" else ArbNumbers().data(a) for n, a in narrowed.arrays.items()}
    found = evaluate(system, ArbNumbers(), arrays, narrowed.sizes, narrowed.attributes)
    results = []
    for lhs, (shape, order) in zip(system.outputs, places, strict=True):
        part = found[name_of(lhs)].items
        whole = np.full((len(wanted), *part.shape[1:]), flint.arb("nan"), dtype=object)
        whole[chosen] = part
        results.append(whole.reshape(-1)[order[:, 0]].reshape(shape))
    return results


def _split(items: Any) -> tuple[Any, Any, Any]:
    """Arb balls as float64 midpoint, remainder and radius."""

    def parts(ball: flint.arb) -> tuple[float, float, float]:
        if not ball.is_finite():
            return float("nan"), 0.0, float("inf")
        mid = float(ball.mid())
        if not np.isfinite(mid):  # beyond float64: so is the result of any implementation
            return mid, 0.0, 0.0
        rest = float((ball - flint.arb(mid)).mid())
        left = (ball - flint.arb(mid) - flint.arb(rest)).abs_upper()
        # What two float64 numbers leave over belongs to the radius too, and below them nothing is smaller than TINY.
        return mid, rest, 0.0 if left == 0 else max(float(left) * (1 + 2.0**-50), TINY)

    flat = np.array([parts(ball) for ball in np.ravel(items)], dtype=float).reshape(-1, 3)
    mid, rest, rad = (flat[:, k].reshape(np.shape(items)) for k in range(3))
    return mid, rest, rad


def _host(array: Any) -> Any:
    """A NumPy array, wherever the numbers were."""
    return array.get() if hasattr(array, "get") else np.asarray(array)
