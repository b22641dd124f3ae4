"""Signatures: what known faults make of a case, by what they do to its inputs, attributes, cotangents or equations."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from fiducial.conformance.input_signatures import exchanged, of_inputs
from fiducial.conformance.mutations import mutated
from fiducial.conformance.suspects import Cause, Explanation, Suspect
from fiducial.spec.derived import written_gradients, written_values
from fiducial.spec.formats import FORMATS, Format
from fiducial.spec.system import System

MOST = 1500  # numbers in a case on which equations are executed again and again
FIT = 10  # steps of the secant method
LOOSELY = 8.0  # derived bounds that an explanation may be off by; it decides no verdict
WRITTEN = "written"  # the word of the textbook's own form; what is lost in it is seen in what came


def faults(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    yield from _of_the_answer(s)
    if s.band == "loose":
        return
    yield from _of_attributes(s)
    if s.gradient:
        yield from _of_the_cotangent(s)
    yield from _of_factors(s)
    yield from of_inputs(s)
    yield from _written(s)
    yield from _of_equations(s)
    yield from _narrower(s)
    yield from _of_other_numbers(s)


def _made(change: Callable[[Any], Any]) -> Explanation:
    """The truth, changed array by array."""
    return lambda s: [change(t.mid) for t in s.answers]


def _of_the_answer(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    nothing = ("term", "a gradient is forgotten: zeros") if s.gradient else ("unwritten", "nothing was written: zeros")
    yield nothing, _made(np.zeros_like)
    yield ("sign", "the sign of the answer"), _made(np.negative)
    yield ("transposed", "the last two axes of the answer are exchanged"), _made(exchanged)


def _times(factor: float) -> Explanation:
    return _made(lambda a: a * factor)


def _of_factors(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    for k in range(len(s.found)):
        factor = _factor(s, k)
        meaning = _meaning(s, factor) if factor else ""
        # Any factor explains equal numbers; one that the case knows does not come by chance.
        if factor and (meaning or np.unique(s.answers[k].mid[s.answers[k].mid != 0]).size > 1):
            yield ("scale", f"a constant factor of {factor:.6g}{meaning}"), _times(factor)


@np.errstate(all="ignore")
def _factor(s: Suspect, k: int) -> float | None:
    """The one factor between what came and the truth, if there is one; more than a rounding from 1."""
    got, truth = s.found[k], s.answers[k]
    if got is None or not truth.mid.any():
        return None
    middle = float(np.median((got / truth.mid)[truth.mid != 0]))
    return middle if np.isfinite(middle) and abs(middle - 1) > 16 * s.format.unit else None


def _meaning(s: Suspect, factor: float) -> str:
    """Which attribute or length of the inputs the factor is made of."""
    for name, value in s.case.call.attributes.items():
        if isinstance(value, float) and math.isclose(factor, value, rel_tol=64 * s.format.unit):
            return f" = {name}, which counts twice"
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
