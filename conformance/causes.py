"""What a failure most resembles: each known fault is tried on its cases; the one that reproduces what came is named.

A fault is tried by what it would have made of the inputs, the attributes or the cotangents of the case (the oracle then
says what comes of them), or of the equations (which are then executed). It is named when it explains every element of
the arrays that are wrong, those elements that are right included, in every case that failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from fiducial.conformance.signatures import LOOSELY, WRITTEN, faults
from fiducial.conformance.suspects import Cause, Explanation, Suspect
from fiducial.conformance.verdict import LIMIT, ratio
from fiducial.spec.formats import FORMATS, Format
from fiducial.spec.language import Greatest
from fiducial.spec.oracle import Answer


def named(suspects: Sequence[Suspect]) -> Cause:
    """The first fault that explains all cases; what is seen where none does."""
    first, *others = suspects
    if first.case.call.definition.system.described:
        return "", ""
    if first.case.label in ("transposed", "strided", "read-only"):  # tried after the same numbers as they are
        return "layout", f"the numbers are right, unless they lie in memory otherwise ({first.case.label})"
    for cause, explanation in faults(first):
        if all(_explains(explanation, s) for s in (first, *others)):
            return cause if cause[0] != WRITTEN else _lost(first, cause[1])
    return _symptom(first)


def _lost(s: Suspect, sentence: str) -> Cause:
    """What is lost in the textbook's form: the range of the format, or digits."""
    out = any(not np.isfinite(g).all() for g in s.found if g is not None)
    return "overflow" if out else "cancellation", sentence


def _explains(explanation: Explanation, suspect: Suspect) -> bool:
    """Whether it gives every array that is wrong, and there is one."""
    try:
        predicted = explanation(suspect)
    except (ValueError, IndexError, TypeError, ZeroDivisionError):  # the fault has no meaning for these shapes
        return False
    wrong = [(g, t, p) for g, t, p in zip(suspect.found, suspect.answers, predicted or (), strict=False)
             if g is not None and _is_wrong(g, t, suspect.format)]  # fmt: skip
    # What is near the truth explains nothing, however near it is to what came.
    tells = any(np.shape(p) != np.shape(g) or _is_wrong(np.asarray(p), t, suspect.format) for g, t, p in wrong)
    return tells and all(_agree(g, p, t, suspect.format) for g, t, p in wrong)


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


# --- what is seen where nothing is explained ---


@np.errstate(all="ignore")
def _symptom(s: Suspect) -> Cause:
    if s.band == "loose":
        return "cancellation", "relative accuracy is lost, as in the textbook's form: digits cancel, or underflow"
    arrays = [(g, t) for g, t in zip(s.found, s.answers, strict=True) if g is not None and _is_wrong(g, t, s.format)]
    if not arrays:
        lost = any(np.isnan(g).any() for g in s.found if g is not None)
        return ("overflow", "NaN where the answer has a value: an intermediate has none") if lost else ("", "")
    got, exact, bound = (np.concatenate([np.ravel(a) for a in parts]) for parts in
                         zip(*((g, t.mid, t.bound) for g, t in arrays), strict=True))  # fmt: skip
    wrong = ~(np.abs(got - exact) <= LIMIT * bound) & (got != exact) & ~np.isnan(exact) & np.isfinite(bound)
    if np.isfinite(got[wrong & np.isinf(exact)]).any():
        return "clamped", "a finite number where the answer is infinite: something is clipped"
    if not np.isfinite(got[wrong]).all():
        return "overflow", "NaN or infinity where the answer is finite: an intermediate overflows, or is 0 / 0"
    if not wrong.any():
        return "", ""
    if any(a.size == 0 for a in s.case.given):
        return "unwritten", "a result of nothing is not written"
    relative = np.abs(got[wrong] / exact[wrong] - 1)
    if np.max(relative) <= 1e-5 * (s.format.unit * 2.0**53) ** 0.5:
        return _fewer_digits(s, float(np.median(relative)))
    first = int(np.argmax(wrong))
    if first and wrong[first:].mean() > 0.9 and (got[wrong] == 0).all() and wrong.sum() > 1:
        return "size", f"zeros from element {first} on: a part is not processed"
    seeds = np.concatenate([np.ravel(c) for c in s.case.cotangents]) if s.gradient and s.case.cotangents else ()
    if len(seeds) and np.isin(got[wrong], seeds).all():
        return "repeated", "single cotangents where several add up: they overwrite one another"
    if s.gradient and any(e.has(Greatest, sympy.Max) for e in s.case.call.definition.system.equations.values()):
        return "edge", "the cotangent is shared with numbers that are not the greatest"
    if np.unique(got[wrong]).size == 1 < np.unique(exact[wrong]).size:
        return "clamped", f"everything that is wrong is {got[wrong][0]:.9g}: clipped"
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
