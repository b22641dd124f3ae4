"""Judging results that were made elsewhere from vectors: by the intervals that the vectors hold, or by relations."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fiducial.conformance.results import OUTCOMES, Result
from fiducial.conformance.run import Run
from fiducial.conformance.vectors import read
from fiducial.conformance.vectors.judging import judged
from fiducial.conformance.vectors.outcome import Judged
from fiducial.conformance.vectors.tensors import BadTensors, unpacked

BACKEND = "vectors"
DTYPES = ("float64", "float32", "bfloat16", "float16")
KINDS = ("value", "gradient")


@dataclass(frozen=True)
class Scope:
    """What the results claim to cover: within, every case must have one."""

    operations: frozenset[str]
    dtypes: frozenset[str]
    what: frozenset[str]

    def holds(self, operation: str, dtype: str, what: str) -> bool:
        return operation in self.operations and dtype in self.dtypes and what in self.what


def verify(results: Path, vectors: Path) -> Run:
    """What came of the results, as a run. Raises read.Unreadable where a file cannot be used."""
    started = time.perf_counter()
    listing, found = read.manifest(vectors), read.results(results)
    if found["vectors"] != (own := read.digest(vectors)):
        raise read.Unreadable(f"{results}: vectors: they were made from the vectors {found['vectors']}; those of "
                              f"{vectors} are {own}")  # fmt: skip
    scope = _scope(results, found, listing)
    run = Run(found["subject"]["name"], found["subject"]["version"],
              {"profile": BACKEND, "seed": listing["seed"], "require": "ok"}, _rows(listing))  # fmt: skip
    left = dict(found["results"])
    for name in listing["counts"]:
        cases = _Cases(vectors, listing, name).in_scope(scope) if name in scope.operations else []
        run.results += _judged_rows(name, listing, cases, left, scope, run)
    if left:
        raise read.Unreadable(f"{results}: results[{next(iter(left))!r}]: no such case in the scope of these results")
    run.seconds = time.perf_counter() - started
    return run


def _scope(path: Path, found: Mapping[str, Any], listing: Mapping[str, Any]) -> Scope:
    given = found.get("scope", {})
    operations = given.get("operations", list(listing["counts"]))
    for k, name in enumerate(operations):
        if name not in listing["counts"]:
            reason = listing["left_out"].get(name, "the vectors have no such operation")
            raise read.Unreadable(f"{path}: scope.operations[{k}]: {name}: {reason}")
    return Scope(frozenset(operations), frozenset(given.get("dtypes", DTYPES)), frozenset(given.get("what", KINDS)))


def _rows(listing: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Every operation, level and dtype that the vectors have."""
    return [(name, level, dtype, BACKEND) for name, dtypes in listing["counts"].items()
            for dtype, levels in dtypes.items() for level in levels]  # fmt: skip


@dataclass
class _Cases:
    """An operation's cases; its tensors are read when one asks for them."""

    folder: Path
    listing: dict[str, Any]
    name: str
    tensors: dict[str, Any] = field(default_factory=dict)

    def in_scope(self, scope: Scope) -> list[dict[str, Any]]:
        found = read.operation(self.folder, self.listing, self.name)
        cases = [c for c in found["cases"] if scope.holds(self.name, c["dtype"], c["what"])]
        for case in cases:
            for output in (o for o in case["outputs"] if "tensors" in o):
                output |= {part: self._tensor(case, output, key) for part, key in output["tensors"].items()}
        return cases

    def _tensor(self, case: dict[str, Any], output: dict[str, Any], key: str) -> Any:
        path = self.folder / f"{self.name}.safetensors"
        try:
            self.tensors = self.tensors or unpacked(read.listed(self.folder, self.listing, path.name))
        except BadTensors as error:
            raise read.Unreadable(f"{path}: {error}") from error
        found = self.tensors.get(key)
        if found is None or list(found.shape) != output["shape"]:
            raise read.Unreadable(f"{path}: {key}: a tensor of shape {output['shape']} is required")
        return found


def _judged_rows(
    name: str, listing: Mapping[str, Any], cases: list[dict[str, Any]], left: dict[str, Any], scope: Scope, run: Run
) -> Iterator[Result]:
    """A result for each level and dtype of an operation."""
    rows = {(r[1], r[2]): Result(*r) for r in run.manifest if r[0] == name}
    missing = []
    for case in cases:
        row = rows[case["id"].split("/")[2], case["dtype"]]
        if case["id"] in left:
            _enter(row, case, judged(case, left.pop(case["id"])), run.subject)
        else:
            missing.append(case["id"])
    if missing:
        run.errors.append(f"incomplete: {len(missing)} cases of {name} have no result, the first is {missing[0]}")
    lost = {(i.split("/")[2], i.split("/")[1]) for i in missing}
    for key, row in rows.items():
        if not row.outcome:
            row.outcome, row.message = "not_provided", "outside the scope of the results"
        if row.cases or key not in lost:  # a row without any result is missing
            yield row


def _enter(row: Result, case: Mapping[str, Any], found: Judged, subject: str) -> None:
    """Takes what was found of a case into its row, which is as bad as its worst case, and shows that."""
    if found.outcome in ("unsupported", "not_provided"):
        row.worsen(found.outcome)
        if found.message not in row.notes:
            row.notes.append(found.message)
        return
    row.cases += 1
    row.vacuous += "Vacuous" in case["flags"]
    if found.ratio is not None:
        row.ratio = max(row.ratio or 0.0, found.ratio)
    worse = row.worsen(found.outcome)
    if worse and OUTCOMES.index(found.outcome) > OUTCOMES.index("ok"):
        row.message, row.counterexample = found.message, found.shown
