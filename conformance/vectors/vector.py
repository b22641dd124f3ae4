"""A vector: a case, and what is known of its results."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from fiducial.conformance.cases import Case
from fiducial.conformance.examine import Examination
from fiducial.conformance.vectors.intervals import judgeable
from fiducial.conformance.verdict import powerful
from fiducial.spec import oracle
from fiducial.spec.formats import FORMATS
from fiducial.spec.oracle import Answer

BITS = 32  # of the drawn numbers of float64: the same on every machine, whatever its last digit of a power


@dataclass(frozen=True)
class Vector:
    """A case, and what is known of each of its outputs or gradients.

    ``judge`` is "interval", "relation" (the results are judged from the inputs) or "refusal" (an error or NaN is
    required). ``nan`` says where NaN is required, ``or_nan`` whether NaN is accepted everywhere.
    """

    level: str
    what: str
    case: Case
    judge: str = "interval"
    answers: list[Answer] = field(default_factory=list)
    written: list[list[Any]] = field(default_factory=list)
    nan: list[Any] = field(default_factory=list)
    or_nan: bool = False

    @cached_property
    @np.errstate(all="ignore")
    def vacuous(self) -> bool:
        """Whether a wrong answer might pass (see ``verdict.powerful``)."""
        if self.judge != "interval" or self.nan:  # beside an infinity, limits are exact and NaN is demanded
            return False
        format = FORMATS[self.case.dtype]
        return not any(powerful(a, judgeable(a), format) for a in self.answers)


def value(e: Examination, case: Case) -> Vector:
    level = e.result.level
    if case.call.definition.relation is not None:
        return Vector(level, "value", case, "relation")
    answers = oracle.values(case.call, e.format)
    return Vector(level, "value", case, "interval", answers, oracle.values_as_written(case.call, e.format))


def gradient(e: Examination, case: Case) -> Vector:
    answers = oracle.gradients(case.call, case.cotangents, e.format)
    written = oracle.gradients_as_written(case.call, case.cotangents, e.format)
    return Vector(e.result.level, "gradient", case, "interval", answers, written)


def shortened(case: Case) -> Case:
    """float64 data of fewer digits: short texts, the same on every machine."""
    if case.dtype != "float64":
        return case
    given, seeds = tuple(map(_short, case.given)), tuple(map(_short, case.cotangents))
    call = dataclasses.replace(case.call, arrays=given)
    return dataclasses.replace(case, call=call, given=given, cotangents=seeds)


def _short(a: Any) -> Any:
    if a.dtype.kind != "f":
        return a
    mantissa, exponent = np.frexp(a)
    return np.asarray(np.ldexp(np.round(np.ldexp(mantissa, BITS)), exponent - BITS))
