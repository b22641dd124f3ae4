"""What a failure most resembles: each known fault is tried on its cases; the one that reproduces what came is named.

A fault is tried by what it would have made of the inputs, the attributes or the cotangents of the case (the oracle then
says what comes of them), or of the equations (which are then executed). It is named when it explains every element of
the arrays that are wrong, those elements that are right included, in every case that failed.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fiducial.conformance.cases import Case
from fiducial.conformance.mutations import mutated
from fiducial.conformance.verdict import LIMIT, ratio
from fiducial.spec import oracle
from fiducial.spec.derived import gradient_system, value_system, written_gradients, written_values
from fiducial.spec.formats import FORMATS, Format
from fiducial.spec.language import name_of
from fiducial.spec.numbers.rounded import RoundedNumbers
from fiducial.spec.oracle import Answer

MOST = 1500  # numbers in a case on which equations are executed again and again
LOOSELY = 8.0  # derived bounds that an explanation may be off by: it is rounded in its own way


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

    def answers(self, case: Case | None = None) -> list[Answer]:
        """The exact answers, of this case or of a changed one."""
        case = case or self.case
        if self.gradient:
            return oracle.gradients(case.call, case.cotangents, self.format)
        return oracle.values(case.call, self.format)

    def executed(self, system: Any, format: Format | None = None) -> list[Any]:
        """What equations give in the format's arithmetic."""
        seeds = self.case.cotangents if self.gradient else ()
        return oracle.executed(self.case.call, system, RoundedNumbers(format or self.format), seeds)


Cause = tuple[str, str]  # a word, and the sentence that says it of the case
Explanation = Callable[[Suspect], list[Any] | None]  # what would have come, or None where it means nothing


def named(suspects: Sequence[Suspect]) -> Cause:
    """The first fault that explains all cases; what is seen where none does."""
    first, *others = suspects
    if first.case.call.definition.system.described:
        return "", ""
    if first.case.label in ("transposed", "strided", "read-only"):  # tried after the same numbers as they are
        return "layout", f"the numbers are right, unless they lie in memory otherwise ({first.case.label})"
    for cause, explanation in _faults(first):
        if all(_explains(explanation, s) for s in (first, *others)):
            return cause if cause[0] != "written" else _lost(first, cause[1])
    return _symptom(first)


def _lost(s: Suspect, sentence: str) -> Cause:
    """What is lost in the textbook's form: the range of the format, or digits."""
    out = any(not np.isfinite(g).all() or np.any((g == 0) & (t.mid != 0))
              for g, t in zip(s.found, s.answers(), strict=True) if g is not None)  # fmt: skip
    return "overflow" if out else "cancellation", sentence


def _explains(explanation: Explanation, suspect: Suspect) -> bool:
    """Whether it gives every array that is wrong, and there is one."""
    try:
        predicted = explanation(suspect)
    except (ValueError, IndexError, TypeError, ZeroDivisionError):  # the fault has no meaning for these shapes
        return False
    wrong = [(g, t, p) for g, t, p in zip(suspect.found, suspect.answers(), predicted or (), strict=False)
             if g is not None and _is_wrong(g, t, suspect.format)]  # fmt: skip
    return bool(wrong) and all(_agree(g, p, t, suspect.format) for g, t, p in wrong)


def _is_wrong(got: Any, truth: Answer, format: Format) -> bool:
    judgeable = truth.resolved & np.isfinite(truth.bound)
    return bool(np.any(ratio(got, truth, format)[judgeable] > LIMIT))


@np.errstate(all="ignore")
def _agree(got: Any, predicted: Any, truth: Answer, format: Format) -> bool:
    if np.ndim(predicted) != got.ndim or any(p < n for p, n in zip(np.shape(predicted), got.shape, strict=True)):
        return False
    predicted = predicted[tuple(slice(n) for n in got.shape)]  # a longer result, of which the beginning came
    scale = np.where(truth.mid == 0, 1.0, np.abs(predicted / truth.mid))
    bound = np.where(np.isfinite(truth.bound), truth.bound * np.maximum(scale, 1.0), 0.0)
    near = np.abs(got - predicted) <= LOOSELY * (bound + format.unit * np.abs(predicted) + format.tiny)
    same = (got == predicted) | (np.isnan(got) & np.isnan(predicted))
    return bool(np.all((near & np.isfinite(predicted)) | same))


# --- the faults, the plainest first ---


def _faults(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    yield from _of_the_answer(s)
    if s.band == "loose":
        return
    yield from _of_attributes(s)
    if s.gradient:
        yield from _of_the_cotangent(s)
    yield from _of_inputs(s)
    yield from _written(s)
    yield from _of_equations(s)
    yield from _narrower(s)


def _of_the_answer(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    nothing = ("term", "a gradient is forgotten: zeros") if s.gradient else ("unwritten", "nothing was written: zeros")
    yield nothing, lambda s: [np.zeros_like(t.mid) for t in s.answers()]
    yield ("sign", "the sign of the answer"), lambda s: [-t.mid for t in s.answers()]
    for k in range(len(s.found)):
        factor = _factor(s, k)
        if factor:
            yield (
                ("scale", f"a constant factor of {factor:.6g}{_meaning(s, factor)}"),
                lambda s, f=factor: [t.mid * f for t in s.answers()],
            )
    yield (
        ("transposed", "the last two axes of the answer are exchanged"),
        lambda s: [np.swapaxes(t.mid, -1, -2).reshape(t.shape) if t.mid.ndim > 1 else t.mid for t in s.answers()],
    )


@np.errstate(all="ignore")
def _factor(s: Suspect, k: int) -> float | None:
    """The one factor between what came and the truth, if there is one; more than a rounding from 1."""
    got, truth = s.found[k], s.answers()[k]
    if got is None or np.count_nonzero(truth.mid) < 2:
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
        return [t.mid for t in s.answers(dataclasses.replace(
            s.case, call=dataclasses.replace(s.case.call, attributes=attributes)))]  # fmt: skip

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


def _seeded(change: Callable[[Any], Any]) -> Explanation:
    """The truth of the case with other cotangents."""
    return lambda s: [t.mid for t in s.answers(dataclasses.replace(
        s.case, cotangents=tuple(map(change, s.case.cotangents))))]  # fmt: skip


def _of_the_cotangent(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    yield ("cotangent", "the cotangent is ignored (taken as ones)"), _seeded(np.ones_like)
    if any(c.size > 1 for c in s.case.cotangents):
        yield ("cotangent", "the cotangent is taken as one number"), _seeded(
            lambda c: np.full_like(c, c.reshape(-1)[0]))  # fmt: skip
        yield ("cotangent", "the cotangent is averaged"), _seeded(lambda c: np.full_like(c, c.mean()))
    for k, a in enumerate(s.case.given):
        if a.dtype.kind in "iu" and a.ndim:
            yield ("repeated", "repeated indices overwrite one another"), lambda s, k=k: _last_of_each(s, k)


def _last_of_each(s: Suspect, k: int) -> list[Any] | None:
    """The truth where a cotangent counts only at the last of equal indices."""
    flat = s.case.given[k].reshape(-1)
    last = np.array([index not in flat[j + 1 :] for j, index in enumerate(flat)]).reshape(s.case.given[k].shape)
    kept = [c * last.reshape(last.shape + (1,) * (c.ndim - last.ndim)) for c in s.case.cotangents]
    return [t.mid for t in s.answers(dataclasses.replace(s.case, cotangents=tuple(kept)))]


def _given(k: int, change: Callable[[Any], Any], back: Callable[[Any], Any] = lambda a: a) -> Explanation:
    """The truth of the case with another array for one input; ``back`` undoes the change in that input's gradient."""

    def explain(s: Suspect) -> list[Any]:
        arrays = list(s.case.call.arrays)
        arrays[k] = change(arrays[k])
        found = [t.mid for t in s.answers(dataclasses.replace(
            s.case, call=dataclasses.replace(s.case.call, arrays=tuple(arrays))))]  # fmt: skip
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
            turn = lambda b: np.swapaxes(b, -1, -2)  # noqa: E731
            yield ("transposed", f"{name} is transposed"), _given(k, turn, turn)
        if a.ndim > 1:
            yield ("layout", f"{name} is read in another memory order"), _given(
                k, lambda b: b.ravel("F").reshape(b.shape), lambda b: b.ravel().reshape(b.shape, order="F"))  # fmt: skip
        for axis in range(a.ndim):
            if a.shape[axis] > 1:
                flip = lambda b, axis=axis: np.flip(b, axis)  # noqa: E731
                yield ("flip", f"{name} is reversed along axis {axis}"), _given(k, flip, flip)
        if a.ndim > 2:
            whole = lambda b: np.flip(b, tuple(range(2, b.ndim)))  # noqa: E731
            yield ("flip", f"the windows of {name} are reversed"), _given(k, whole, whole)
        yield from _blocks(k, name, a)
        yield ("term", f"{name} is ignored (taken as zero)"), _given(k, np.zeros_like)
        yield ("size", f"the last entries of {name} are not seen"), _given(k, _without_the_last)
        for rows in range(1, min(a.shape[0], 12)):
            yield ("size", f"{name} is seen up to row {rows} alone"), _given(k, lambda b, n=rows: _first(b, n))
    groups = s.case.call.structural.get("groups", 1)
    if groups > 1:
        yield ("order", "the channels of the first group are used for all"), _given(
            0, lambda b: np.concatenate([np.split(b, groups, axis=1)[0]] * groups, axis=1))  # fmt: skip


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
                yield ("order", f"the {blocks} blocks of {name} in the order {order}"), _given(
                    k, lambda b, o=order: _permuted(b, o), lambda b, o=order: _permuted(b, tuple(np.argsort(o))))  # fmt: skip
        for one in range(blocks):
            yield ("order", f"block {one} of {name} is used for all {blocks}"), _given(
                k, lambda b, o=(one,) * blocks: _permuted(b, o))  # fmt: skip


def _permuted(a: Any, order: tuple[int, ...]) -> Any:
    parts = np.split(a, len(order), axis=-1)
    return np.concatenate([parts[o] for o in order], axis=-1)


def _of_equations(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    if sum(np.size(a) for a in s.case.given) > MOST:
        return
    definition = s.case.call.definition
    system = gradient_system(definition) if s.gradient else value_system(definition)
    for name, other in mutated(system):
        word = "sign" if "other sign" in name else "attribute" if "side the root" in name else "term"
        yield (word, name), lambda s, other=other: s.executed(other)


def _written(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    """The textbook's own form, executed, with what overflows or cancels in it."""
    definition = s.case.call.definition
    for system in (written_gradients if s.gradient else written_values)(definition):
        yield (
            ("written", "the textbook's form, in which an intermediate overflows, underflows or cancels"),
            (lambda s, system=system: s.executed(system)),
        )


def _narrower(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    system = (gradient_system if s.gradient else value_system)(s.case.call.definition)
    for name in ("float32", "float16", "bfloat16"):
        if FORMATS[name].unit > s.format.unit:
            yield ("narrow", f"computed in {name}"), lambda s, name=name: s.executed(system, FORMATS[name])


# --- what is seen where nothing is explained ---


@np.errstate(all="ignore")
def _symptom(s: Suspect) -> Cause:
    if s.band == "loose":
        return "cancellation", "relative accuracy is lost, as in the textbook's form: digits cancel, or underflow"
    arrays = [(g, t) for g, t in zip(s.found, s.answers(), strict=True) if g is not None and _is_wrong(g, t, s.format)]
    got, exact, bound = (np.concatenate([np.ravel(a) for a in parts]) for parts in
                         zip(*((g, t.mid, t.bound) for g, t in arrays), strict=True))  # fmt: skip
    wrong = ~(np.abs(got - exact) <= LIMIT * bound) & np.isfinite(exact) & np.isfinite(bound)
    if not np.isfinite(got[wrong]).all():
        return "overflow", "NaN or infinity where the answer is finite: an intermediate overflows, or is 0 / 0"
    if any(a.size == 0 for a in s.case.given):
        return "unwritten", "a result of nothing is not written"
    relative = np.abs(got[wrong] / exact[wrong] - 1)
    if np.max(relative) <= 1e-5 * (s.format.unit * 2.0**53) ** 0.5:
        return _fewer_digits(s, float(np.median(relative)))
    if np.unique(got[wrong]).size == 1 and wrong.sum() > 1:
        return "clamped", f"everything that is wrong is {got[wrong][0]:.9g}: clipped"
    seeds = np.concatenate([np.ravel(c) for c in s.case.cotangents]) if s.gradient and s.case.cotangents else ()
    if len(seeds) and np.isin(got[wrong], seeds).all():
        return "repeated", "single cotangents where several add up: they overwrite one another"
    if (got[wrong] == 0).all():
        return "overflow", "zeros where the answer is small: an intermediate underflows or cancels"
    return ("edge", f"{int(wrong.sum())} of {wrong.size} elements alone are wrong") if wrong.mean() < 0.5 else ("", "")


def _fewer_digits(s: Suspect, relative: float) -> Cause:
    """The narrower format that errors of this size are typical of, or digits lost in the format itself."""
    for name in ("float32", "float16", "bfloat16"):
        unit = FORMATS[name].unit
        if unit > s.format.unit and unit / 64 <= relative <= 4 * unit:
            return "narrow", f"about as accurate as {name}"
    return "cancellation", f"a typical error is {relative:.1e}: digits cancel"
