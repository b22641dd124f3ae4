"""Whether the suite finds a planted fault: at which level, in which dtype, with how small an input."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from fiducial.conformance.examine import size
from fiducial.conformance.levels import Plan, dtypes_of, examine, levels_of
from fiducial.conformance.mutants.planted import Planted
from fiducial.conformance.results import Result
from fiducial.spec.catalogue import CATALOGUE

FOUND = ("loose", "wrong", "crashed", "timed_out")
# What a wrong gradient does not touch.
FORWARD = ("reference data", "inductive bias", "distribution", "population")


@dataclass
class Verdict:
    """What came of one planted implementation; ``level`` is empty where nothing was found against it.

    ``size`` is how many numbers the inputs of the smallest counterexample hold; ``named`` is the cause that it names.
    """

    operation: str
    name: str
    what: str
    report: str = ""
    cause: str = ""
    level: str = ""
    dtype: str = ""
    outcome: str = ""
    profile: str = ""
    size: int = 0
    message: str = ""
    named: str = ""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def judged(planted: Planted, profiles: tuple[str, ...] = ("quick", "full"), seed: int = 0) -> Verdict:
    """Tries the profiles in turn until a row of the suite deviates; the cause of a reported fault is looked for."""
    started = time.perf_counter()
    verdict = Verdict(planted.operation, planted.name, planted.what, planted.report, planted.cause)
    rows = ((profile, r) for profile in profiles for r in _rows(planted, profile, seed))
    found = next(((profile, r) for profile, r in rows if r.outcome in FOUND), None)
    if found is not None:
        verdict.profile, r = found
        verdict.level, verdict.dtype, verdict.outcome = r.level, r.dtype, r.outcome
        verdict.message, verdict.named = r.message, r.cause
        verdict.size = size(r.counterexample) if r.counterexample else 0
    verdict.seconds = time.perf_counter() - started
    return verdict


def _rows(planted: Planted, profile: str, seed: int) -> Iterator[Result]:
    """The rows that can see the fault, float64 first."""
    operation = CATALOGUE[planted.operation]
    levels = [level for level in levels_of(operation) if not planted.backward or level not in FORWARD]
    for dtype in operation.formats:
        if dtype in planted.dtypes:
            for level in (level for level in levels if dtype in dtypes_of(operation, level)):
                plan = Plan(profile=profile, seed=seed, naming=bool(planted.report))
                yield examine(planted.subject(), operation, level, dtype, plan)
