"""Signatures: what known faults make of a case, by what they do to its inputs, attributes, cotangents or equations."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from fiducial.conformance.cases import Case
from fiducial.conformance.mutations import mutated
from fiducial.spec import oracle
from fiducial.spec.derived import gradient_system, value_system, written_gradients, written_values
from fiducial.spec.formats import FORMATS, Format
from fiducial.spec.language import name_of
from fiducial.spec.numbers.rounded import RoundedNumbers
from fiducial.spec.oracle import Answer
from fiducial.spec.system import System

MOST = 1500  # numbers in a case on which equations are executed again and again
FIT = 10  # steps of the secant method
LOOSELY = 8.0  # derived bounds that an explanation may be off by; it decides no verdict
WRITTEN = "written"  # the word of the textbook's own form; what is lost in it is seen in what came


@dataclass(frozen=True)
class Suspect:
    """A case that failed: what was asked for, and all that came."""

    case: Case
    gradient: bool
    found: tuple[Any, ...]
    band: str

    @property
    def format(self) -> Format:
        return FORMATS[self.case.dtype]

    @cached_property
    def answers(self) -> list[Answer]:
        """The exact answers."""
        if self.gradient:
            return oracle.gradients(self.case.call, self.case.cotangents, self.format)
        return oracle.values(self.case.call, self.format)

    @property
    def system(self) -> System:
        definition = self.case.call.definition
        return gradient_system(definition) if self.gradient else value_system(definition)

    def executed(
        self, system: System | None = None, case: Case | None = None, format: Format | None = None
    ) -> list[Any]:
        """What equations give in a format's arithmetic; with other attributes, inputs or cotangents in another case."""
        case = case or self.case
        system = system or dataclasses.replace(self, case=case).system
        seeds = case.cotangents if self.gradient else ()
        return oracle.executed(case.call, system, RoundedNumbers(format or self.format), seeds)


Cause = tuple[str, str]  # a word, and the sentence that says it of the case
Explanation = Callable[[Suspect], list[Any] | None]  # what would have come, or None where it means nothing


def faults(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    yield from _of_the_answer(s)
    if s.band == "loose":
        return
    yield from _of_attributes(s)
    if s.gradient:
        yield from _of_the_cotangent(s)
    yield from _of_factors(s)
    yield from _of_inputs(s)
    yield from _written(s)
    yield from _of_equations(s)
    yield from _narrower(s)
    yield from _of_other_numbers(s)


def _made(change: Callable[[Any], Any]) -> Explanation:
    """The truth, changed array by array."""
    return lambda s: [change(t.mid) for t in s.answers]


def _exchanged(a: Any) -> Any:
    return np.swapaxes(a, -1, -2).reshape(a.shape) if a.ndim > 1 else a


def _of_the_answer(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    nothing = ("term", "a gradient is forgotten: zeros") if s.gradient else ("unwritten", "nothing was written: zeros")
    yield nothing, _made(np.zeros_like)
    yield ("sign", "the sign of the answer"), _made(np.negative)
    yield ("transposed", "the last two axes of the answer are exchanged"), _made(_exchanged)


def _times(factor: float) -> Explanation:
    return _made(lambda a: a * factor)


def _of_factors(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    for k in range(len(s.found)):
        factor = _factor(s, k)
        if factor:
            yield ("scale", f"a constant factor of {factor:.6g}{_meaning(s, factor)}"), _times(factor)


@np.errstate(all="ignore")
def _factor(s: Suspect, k: int) -> float | None:
    """The one factor between what came and the truth, if there is one; more than a rounding from 1."""
    got, truth = s.found[k], s.answers[k]
    if got is None or np.unique(truth.mid[truth.mid != 0]).size < 2:  # equal numbers have any factor
        return None
    middle = float(np.median((got / truth.mid)[truth.mid != 0]))
    return middle if np.isfinite(middle) and abs(middle - 1) > 16 * s.format.unit else None


def _meaning(s: Suspect, factor: float) -> str:
    """Which length of the inputs the factor is made of."""
    lengths = {n for a in s.case.given for n in (*np.shape(a), np.size(a)) if n > 1}
    for n in sorted(lengths):
        for value, words in ((1 / n, f"1 / {n}: a mean in place of a sum"), (n, f"{n}: a sum in place of a mean"),
                             (n / (n - 1), f"{n} / {n - 1}: ddof"), ((n - 1) / n, f"{n - 1} / {n}: ddof")):  # fmt: skip
            if math.isclose(factor, value, rel_tol=64 * s.format.unit):
                return f" = {words}"
    return ""


def _changed(**changes: Any) -> Explanation:
    """The truth of the case with other attributes."""

    def explain(s: Suspect) -> list[Any]:
        attributes = {**s.case.call.attributes, **changes}
        call = dataclasses.replace(s.case.call, attributes=attributes)
        return s.executed(case=dataclasses.replace(s.case, call=call))

    return explain


def _of_attributes(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    """An attribute at another value than the one asked for, and two attributes exchanged."""
    passed = s.case.call.attributes
    for name, attribute in s.case.operation.attributes.items():
        others = {attribute.default, *attribute.examples, *((0, 1) if attribute.kind in ("number", "layout") else ())}
        for value in (v for v in others if name in passed and v != passed[name]):
            yield ("attribute", f"{name} is taken as {value!r}"), _changed(**{name: value})
    for a, b in itertools.combinations(passed, 2):
        if type(passed[a]) is type(passed[b]) and passed[a] != passed[b]:
            yield ("attribute", f"{a} and {b} are exchanged"), _changed(**{a: passed[b], b: passed[a]})


def _of_other_numbers(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    """An attribute at a value that nobody asked for."""
    for name, attribute in s.case.operation.attributes.items():
        passed = s.case.call.attributes.get(name)
        taken = _fitted(s, name) if attribute.kind == "number" and isinstance(passed, int | float) else None
        if taken is not None and not math.isclose(taken, passed or 0, rel_tol=1e-3):
            yield ("attribute", f"{name} is taken as {taken:.6g}"), _changed(**{name: taken})


@np.errstate(all="ignore")
def _fitted(s: Suspect, name: str) -> float | None:
    """The value of an attribute at which the answer that is most in error would be what came, by the secant method."""
    truths = s.answers
    errors = [np.abs(g - t.mid) / t.bound if g is not None and g.size else np.zeros(1)
              for g, t in zip(s.found, truths, strict=True)]  # fmt: skip
    k = int(np.argmax([np.nan_to_num(e).max(initial=0.0) for e in errors]))
    if errors[k].size < 3 or np.isnan(errors[k]).all():  # any number fits a single one
        return None
    place = np.unravel_index(int(np.nanargmax(errors[k])), errors[k].shape)

    def off(value: float) -> float:
        found = _changed(**{name: value})(s)
        assert found is not None
        return float(found[k][place] - s.found[k][place])

    old = float(s.case.call.attributes[name])
    new = 1.25 * old if old else 1e-3
    at_old, at_new = off(old), off(new)
    for _ in range(FIT):
        if not np.isfinite(at_new) or at_new == at_old:
            return None
        old, new, at_old = new, new - at_new * (new - old) / (at_new - at_old), at_new
        at_new = off(new)
        if abs(at_new) <= LOOSELY * s.format.unit * abs(s.found[k][place]):
            return new
    return None


def _seeded(change: Callable[[Any], Any]) -> Explanation:
    """The truth of the case with other cotangents."""
    return lambda s: s.executed(case=dataclasses.replace(s.case, cotangents=tuple(map(change, s.case.cotangents))))


def _of_the_cotangent(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    yield ("cotangent", "the cotangent is ignored (taken as ones)"), _seeded(np.ones_like)
    if any(c.size > 1 for c in s.case.cotangents):
        yield ("cotangent", "the cotangent is taken as one number"), _seeded(
            lambda c: np.full_like(c, c.reshape(-1)[0]))  # fmt: skip
        yield ("cotangent", "the cotangent is averaged"), _seeded(lambda c: np.full_like(c, c.mean()))
    for k, a in enumerate(s.case.given):
        if a.dtype.kind in "iu" and a.ndim:
            yield ("repeated", "repeated indices overwrite one another"), partial(_last_of_each, k=k)


def _last_of_each(s: Suspect, k: int) -> list[Any] | None:
    """The truth where a cotangent counts only at the last of equal indices."""
    flat = s.case.given[k].reshape(-1)
    last = np.array([index not in flat[j + 1 :] for j, index in enumerate(flat)]).reshape(s.case.given[k].shape)
    kept = [c * last.reshape(last.shape + (1,) * (c.ndim - last.ndim)) for c in s.case.cotangents]
    return s.executed(case=dataclasses.replace(s.case, cotangents=tuple(kept)))


def _given(k: int, change: Callable[[Any], Any], back: Callable[[Any], Any] = lambda a: a) -> Explanation:
    """The truth of the case with another array for one input; ``back`` undoes the change in that input's gradient."""

    def explain(s: Suspect) -> list[Any]:
        arrays = list(s.case.call.arrays)
        arrays[k] = change(arrays[k])
        call = dataclasses.replace(s.case.call, arrays=tuple(arrays))
        found = s.executed(case=dataclasses.replace(s.case, call=call))
        system = s.case.call.definition.system
        own = [name_of(x) for x in system.differentiable]
        name = name_of(system.inputs[k])
        return [back(f) if s.gradient and own[j] == name else f for j, f in enumerate(found)]

    return explain


def _of_inputs(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    names = [name_of(x) for x in s.case.call.definition.system.inputs]
    for k, (name, a) in enumerate(zip(names, s.case.call.arrays, strict=False)):
        if a.dtype.kind not in "f" or not a.ndim:
            continue
        if a.ndim > 1 and a.shape[-1] == a.shape[-2]:
            yield ("transposed", f"{name} is transposed"), _given(k, _exchanged, _exchanged)
        if a.ndim > 1:
            yield ("layout", f"{name} is read in another memory order"), _given(
                k, _by_columns, _by_columns_again)  # fmt: skip
        for axis in range(a.ndim):
            if a.shape[axis] > 1:
                flip = partial(np.flip, axis=axis)
                yield ("flip", f"{name} is reversed along axis {axis}"), _given(k, flip, flip)
        if a.ndim > 2:
            whole = partial(np.flip, axis=tuple(range(2, a.ndim)))
            yield ("flip", f"the windows of {name} are reversed"), _given(k, whole, whole)
        if "gate_order" in s.case.operation.attributes:
            yield from _blocks(k, name, a)
        yield ("term", f"{name} is ignored (taken as zero)"), _given(k, np.zeros_like)
        yield ("size", f"the last entries of {name} are not seen"), _given(k, _without_the_last)
        for rows in range(1, min(a.shape[0], 12)):
            yield ("size", f"{name} is seen up to row {rows} alone"), _given(k, partial(_first, rows=rows))
    yield from _of_windows(s)
    groups = s.case.call.structural.get("groups", 1)
    if groups > 1:
        yield ("order", "the channels of the first group are used for all"), _given(
            0, lambda b: np.concatenate([np.split(b, groups, axis=1)[0]] * groups, axis=1))  # fmt: skip


def _of_windows(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    """A gradient of the kernel that walks through the image with other steps, or without its padding."""
    passed = s.case.call.attributes
    if not s.gradient or not {"stride", "padding", "dilation"} <= set(passed):
        return
    plain: dict[str, Any] = {"stride": 1, "padding": 0}
    for changes in ({"stride": 1}, {"padding": 0}, plain, {"dilation": 1}, {**plain, "dilation": 1},
                    {"stride": passed["dilation"], "dilation": passed["stride"]}):  # fmt: skip
        told = ", ".join(f"{name} is taken as {value!r}" for name, value in changes.items())
        yield ("attribute", f"in the gradient of the kernel, {told}"), partial(_walked, changes=changes)


def _walked(s: Suspect, changes: dict[str, Any]) -> list[Any]:
    """The gradients for other steps, of an image cut off, or continued by zeros, where the last window ends."""
    attributes = {**s.case.call.attributes, **changes}
    x, w = s.case.call.arrays[:2]
    axes = range(x.ndim - 2)
    stride, padding, dilation = ([v[k] if isinstance(v, tuple) else v for k in axes]
                                 for v in (attributes[n] for n in ("stride", "padding", "dilation")))  # fmt: skip
    windows = s.case.cotangents[0].shape[2:]
    ends = [(n - 1) * t + d * (r - 1) + 1 - 2 * p
            for n, t, d, r, p in zip(windows, stride, dilation, w.shape[2:], padding, strict=True)]  # fmt: skip
    image = np.pad(x, [(0, 0), (0, 0), *((0, max(end - n, 0)) for end, n in zip(ends, x.shape[2:], strict=True))])
    image = image[(slice(None), slice(None), *(slice(end) for end in ends))]
    arrays = (image, *s.case.call.arrays[1:])
    call = dataclasses.replace(s.case.call, arrays=arrays, attributes=attributes)
    return s.executed(case=dataclasses.replace(s.case, call=call))


def _by_columns(a: Any) -> Any:
    return a.ravel("F").reshape(a.shape)


def _by_columns_again(a: Any) -> Any:
    return a.reshape(a.shape, order="F")


def _without_the_last(a: Any) -> Any:
    return np.concatenate([a[..., :-1], np.zeros_like(a[..., -1:])], axis=-1)


def _first(a: Any, rows: int) -> Any:
    return np.concatenate([a[:rows], np.zeros_like(a[rows:])])


def _blocks(k: int, name: str, a: Any) -> Iterator[tuple[Cause, Explanation]]:
    """Gates in another order, or one gate's block used for all: three or four blocks on the last axis."""
    for blocks in (3, 4):
        if a.shape[-1] % blocks or a.shape[-1] == blocks == 1:
            continue
        for order in itertools.permutations(range(blocks)):
            if order != tuple(range(blocks)):
                back = tuple(int(i) for i in np.argsort(order))
                yield ("order", f"the {blocks} blocks of {name} in the order {order}"), _given(
                    k, partial(_permuted, order=order), partial(_permuted, order=back))  # fmt: skip
        for other in itertools.product(range(blocks), repeat=blocks) if a.ndim == 1 else ():
            if len(set(other)) < blocks:
                yield ("order", f"the blocks {other} of {name} in the place of all {blocks}"), _given(
                    k, partial(_permuted, order=other))  # fmt: skip
        for one in range(blocks) if a.ndim > 1 else ():
            same = (one,) * blocks
            yield ("order", f"block {one} of {name} is used for all {blocks}"), _given(
                k, partial(_permuted, order=same))  # fmt: skip


def _permuted(a: Any, order: tuple[int, ...]) -> Any:
    parts = np.split(a, len(order), axis=-1)
    return np.concatenate([parts[o] for o in order], axis=-1)


def _executed(s: Suspect, system: System | None = None, format: Format | None = None) -> list[Any]:
    return s.executed(system, format=format)


def _of_equations(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    for name, other in mutated(s.system) if sum(np.size(a) for a in s.case.given) <= MOST else ():
        word = "sign" if "other sign" in name else "attribute" if "side the root" in name else "term"
        yield (word, name), partial(_executed, system=other)


def _written(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    """The textbook's own form, executed, with what overflows or cancels in it."""
    definition = s.case.call.definition
    for system in (written_gradients if s.gradient else written_values)(definition):
        sentence = "the textbook's form, in which an intermediate overflows, underflows or cancels"
        yield (WRITTEN, sentence), partial(_executed, system=system)


def _narrower(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    for name in ("float32", "float16", "bfloat16"):
        if FORMATS[name].unit > s.format.unit:
            yield ("narrow", f"computed in {name}"), partial(_executed, format=FORMATS[name])
