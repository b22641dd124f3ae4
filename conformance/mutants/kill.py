"""Whether the suite finds a planted fault: at which level, in which dtype, with how small an input."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fiducial.conformance.examine import size
from fiducial.conformance.levels import Plan, dtypes_of, examine, levels_of
from fiducial.conformance.mutants.planted import Planted
from fiducial.conformance.results import Result
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.remembered import remembering

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
    started, verdict = time.perf_counter(), _unjudged(planted)
    for profile in profiles:
        for level, dtype in _rows(planted):
            _enter(verdict, planted, profile, _examined(planted, level, dtype, profile, seed))
            if verdict.level:
                verdict.seconds = time.perf_counter() - started
                return verdict
    verdict.seconds = time.perf_counter() - started
    return verdict


def all_judged(several: Sequence[Planted], seed: int = 0) -> list[Verdict]:
    """Tries all rows of the full profile on implementations of one operation; they share the cases' exact answers."""
    verdicts = [_unjudged(p) for p in several]
    rows = dict.fromkeys(row for p in several for row in _rows(p))
    for level, dtype in rows:
        with remembering():
            for planted, verdict in zip(several, verdicts, strict=True):
                if not verdict.level and (level, dtype) in _rows(planted):
                    started = time.perf_counter()
                    _enter(verdict, planted, "full", _examined(planted, level, dtype, "full", seed))
                    verdict.seconds += time.perf_counter() - started
    return verdicts


def _unjudged(planted: Planted) -> Verdict:
    return Verdict(planted.operation, planted.name, planted.what, planted.report, planted.cause)


def _rows(planted: Planted) -> list[tuple[str, str]]:
    """The levels and dtypes of the rows that can see the fault, float64 first."""
    operation = CATALOGUE[planted.operation]
    levels = [level for level in levels_of(operation) if not planted.backward or level not in FORWARD]
    dtypes = [dtype for dtype in operation.formats if dtype in planted.dtypes]
    return [(level, dtype) for dtype in dtypes for level in levels if dtype in dtypes_of(operation, level)]


def _examined(planted: Planted, level: str, dtype: str, profile: str, seed: int) -> Result:
    plan = Plan(profile=profile, seed=seed, naming=bool(planted.report))
    return examine(planted.subject(), CATALOGUE[planted.operation], level, dtype, plan)


def _enter(verdict: Verdict, planted: Planted, profile: str, r: Result) -> None:
    """Takes over a row that deviates."""
    if r.outcome not in FOUND or (r.outcome == "loose" and planted.loses):
        return
    verdict.profile = profile
    verdict.level, verdict.dtype, verdict.outcome = r.level, r.dtype, r.outcome
    verdict.message, verdict.named = r.message, r.cause
    verdict.size = size(r.counterexample) if r.counterexample else 0
