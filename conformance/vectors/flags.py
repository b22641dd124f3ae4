"""Flags: what a vector is about, read off the case itself, and what failing it means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fiducial.conformance.vectors.intervals import judgeable
from fiducial.conformance.vectors.vector import Vector
from fiducial.conformance.verdict import LIMIT
from fiducial.spec.formats import FORMATS
from fiducial.spec.oracle import Answer

CANCELS = 16  # times the bound that the textbook's way of writing needs

FLAGS = {
    "Attribute": "An attribute differs from its default. A failure here alone: the attribute is ignored, or placed "
    "elsewhere in the formula.",
    "Broadcast": "Inputs of different shapes meet. A failure: shapes are stretched wrongly, or a gradient is not "
    "summed over the axes that were.",
    "Cancellation": "Written as in the textbook, the formula loses digits here. A failure within the loose interval: "
    "it is evaluated as written; a stable form exists.",
    "Empty": "An array has no elements. A failure: a size of 0 is not handled; the result may be empty, or that of an "
    "empty sum.",
    "Infinite": "An input is an infinity. A failure: a limit is missed, or inf - inf or 0 inf is met on the way.",
    "Large": "Arrays of more than 4,096 numbers, kept as safetensors. A failure here alone: blocks or threads are put "
    "together wrongly.",
    "NaN": "An input is NaN. A failure: a NaN is lost (NaN must come where the result depends on it).",
    "NaNAccepted": "NaN is accepted in every place, as is a number in the interval: an input is NaN, and whether the "
    "result depends on it is not said.",
    "Overflow": "The result, or what is accepted, reaches beyond the largest number of the dtype: an infinity of the "
    "right sign is accepted. A failure: NaN, or the wrong sign.",
    "Refusal": "An input is outside the domain. An error or a NaN is required; a failure is a number that means "
    "nothing.",
    "Relation": "Several answers are right (signs, bases). The results are judged by `fiducial vectors verify` from "
    "the inputs; the vector holds no intervals.",
    "RepeatedIndices": "An index occurs more than once. A failure in a gradient: contributions overwrite one another "
    "in place of adding up.",
    "Scalar": "An array has no axes (its shape is []).",
    "Subnormal": "An input is smaller than the smallest normal number. A failure within the loose interval: subnormal "
    "numbers are flushed to zero.",
    "Tie": "Several elements compete for a maximum, or the point is a kink: any subgradient is right, and the interval "
    "holds all of them. A failure: 0 / 0, or a cotangent that counts twice.",
    "Underflow": "A result is smaller than the smallest normal number. A failure: an intermediate underflows before "
    "the result does (the logarithm of a probability that became 0).",
    "Unjudged": "The specification says nothing about some elements (null ends): anything is accepted there.",
    "Vacuous": "A wrong answer might pass: no bound of this vector rejects zeros, an error of 1 % and a flipped sign. "
    "It shows that the call works, and nothing more.",
}


def flags(vector: Vector) -> list[str]:
    """The flags of a vector, in alphabetical order."""
    return sorted({*_of_inputs(vector), *_of_results(vector)})


def _of_inputs(vector: Vector) -> Iterator[str]:
    case = vector.case
    floats = [a.astype(np.float64) for a in case.given if a.dtype.kind not in "iu"]
    tested: dict[str, Any] = {
        "Attribute": any(v != case.operation.attributes[n].default for n, v in case.passed.items()),
        "Broadcast": getattr(case.operation.layout, "many", 0) and len({a.shape for a in case.given}) > 1,
        "Empty": any(not a.size for a in case.given),
        "Infinite": any(np.isinf(a).any() for a in floats),
        "NaN": any(np.isnan(a).any() for a in floats),
        "RepeatedIndices": any(len(np.unique(a)) < a.size for a in case.given if a.dtype.kind in "iu"),
        "Scalar": any(not a.ndim for a in case.given),
        "Subnormal": any(((a != 0) & (np.abs(a) < FORMATS[case.dtype].normal)).any() for a in floats),
    }
    yield from (name for name, found in tested.items() if found)


def _of_results(vector: Vector) -> Iterator[str]:
    if vector.judge != "interval":
        yield vector.judge.capitalize()
        return
    if vector.or_nan:
        yield "NaNAccepted"
    masks = [judgeable(a) for a in vector.answers]
    pairs = list(zip(vector.answers, masks, strict=True))
    required = vector.nan or [np.zeros(m.shape) for m in masks]
    if any((~m & ~np.isnan(nan)).any() for m, nan in zip(masks, required, strict=True)):
        yield "Unjudged"
    if any(_tied(a, m) for a, m in pairs) or vector.case.label.startswith("ties"):
        yield "Tie"
    if vector.vacuous:
        yield "Vacuous"
    yield from _of_range(vector, pairs)


def _tied(answer: Answer, mask: Any) -> bool:
    """Whether the truth is a set: wider than any roundings."""
    return bool((mask & (answer.rad > answer.bound)).any())


@np.errstate(all="ignore")
def _of_range(vector: Vector, pairs: list[tuple[Answer, Any]]) -> Iterator[str]:
    format = FORMATS[vector.case.dtype]
    sizes = [np.abs(a.mid) for a, _ in pairs]
    if any((m & (s + LIMIT * a.bound >= format.largest)).any() for s, (a, m) in zip(sizes, pairs, strict=True)):
        yield "Overflow"
    if any((m & (s > 0) & (s < format.normal)).any() for s, (_, m) in zip(sizes, pairs, strict=True)):
        yield "Underflow"
    for k, (a, m) in enumerate(pairs):
        if any(
            (m & np.isfinite(way[k]) & (way[k] > CANCELS * (a.bound + format.normal))).any() for way in vector.written
        ):
            yield "Cancellation"
