"""The kill matrix: operation by fault, and in each cell the level that found it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from fiducial.conformance.mutants import corpus
from fiducial.conformance.mutants.kill import Verdict
from fiducial.conformance.report import write_whole

LETTERS = {
    "shape": "s", "special": "x", "values": "v", "reference data": "r", "gradients": "g", "second order": "o",
    "laws": "l", "inductive bias": "b", "distribution": "d", "population": "p",
}  # fmt: skip
FORWARD = {
    "0": "zero", "-": "sign", "m": "1.001", "2": "2", "e": "one element", "h": "float16 inside", "D": "wrong dtype",
    "d": "dropped", "t": "transposed", "M": "mean", "a": "wrong axis", "u": "unwritten", "S": "stale",
    "i": "input modified",
}  # fmt: skip
BACKWARD = {**FORWARD, "C": "cotangent ignored", "N": "cotangent a number", "f": "forgotten"}


def complain(verdicts: Iterable[Verdict], say: Callable[[str], int]) -> int:
    """Says what survived without being listed, and what is listed and was found; 1 where there is any, else 0."""
    status, listed = 0, corpus.equivalent()
    for v in verdicts:
        known = (v.operation, v.name) in listed
        if not v.level and not known:
            status = say(f"{v.operation}: nothing finds the fault {v.name!r} ({v.what})")
        elif v.level and known:
            status = say(
                f"{v.operation}: the fault {v.name!r} is listed as equivalent, and was found at level {v.level}"
            )
    return status


def text(verdicts: Sequence[Verdict]) -> str:
    """The matrix of the generic faults, the list of the reported ones, and the sums."""
    parts = [_generic([v for v in verdicts if not v.report]), _reported([v for v in verdicts if v.report])]
    return "\n\n".join(p for p in (*parts, _sums(verdicts)) if p)


def _generic(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    cells: dict[str, dict[tuple[str, bool], str]] = {}
    for v in verdicts:
        row = cells.setdefault(v.operation, {})
        key = _column(v.name)
        row[key] = max(row.get(key, ""), _cell(v), key=_rank)
    lines = [f"{'':30} {''.join(FORWARD)}  {''.join(BACKWARD)}"]
    for name, row in cells.items():
        forward = "".join(row.get((c, False), ".") for c in FORWARD.values())
        backward = "".join(row.get((c, True), ".") for c in BACKWARD.values()) if any(b for _, b in row) else ""
        lines.append(f"{name:30} {forward}  {backward}".rstrip())
    return "\n".join([*lines, "", *textwrap.wrap(_legend(), 120)])


def _legend() -> str:
    faults = ", ".join(f"{letter} {name}" for letter, name in BACKWARD.items())
    levels = ", ".join(f"{letter} {level}" for level, letter in LETTERS.items())
    return (f"Columns, forward then backward: {faults}. Cells, the level that found it: {levels}; = equivalent, "
            "! survived, . no such fault.")  # fmt: skip


def _column(name: str) -> tuple[str, bool]:
    """The column of a fault, and whether it is in the gradient."""
    plain = name.removesuffix(", backward")
    backward = plain != name
    if plain.startswith("last ") and plain.endswith(" dropped"):
        return "dropped", backward
    if plain.endswith(" transposed"):
        return "transposed", backward
    return ("forgotten" if plain.startswith("no d") else plain), backward


def _cell(v: Verdict) -> str:
    if v.level:
        return LETTERS[v.level]
    return "=" if (v.operation, v.name) in corpus.equivalent() else "!"


def _rank(cell: str) -> int:
    """Of several faults in one column, the one that was hardest to find is shown."""
    return ["", *LETTERS.values(), "=", "!"].index(cell)


def _reported(verdicts: Sequence[Verdict]) -> str:
    def line(v: Verdict) -> str:
        found = f"{v.level}, {v.dtype}, {v.size} numbers" if v.level else _unfound(v)
        named = f"; named: {v.named}" if v.named else ""
        return f"{v.name:8} {v.operation:30} {v.what}: {found}{named}"

    return "\n".join(map(line, verdicts))


def _unfound(v: Verdict) -> str:
    return "equivalent" if (v.operation, v.name) in corpus.equivalent() else "SURVIVED"


def _sums(verdicts: Sequence[Verdict]) -> str:
    lines = []
    for label, part in (("planted by machine", [v for v in verdicts if not v.report]),
                        ("from reports", [v for v in verdicts if v.report])):  # fmt: skip
        found = sum(bool(v.level) for v in part)
        same = sum(not v.level and (v.operation, v.name) in corpus.equivalent() for v in part)
        lines.append(
            f"{label}: {len(part)} faults, {found} found, {same} equivalent, {len(part) - found - same} survived"
        )
    return "\n".join(lines)


def accusations(verdicts: Sequence[Verdict]) -> str:
    """Which of the right implementations were accused, of what, and how many there are."""
    accused = [v for v in verdicts if v.level]
    lines = [f"{v.operation} {v.name}: {v.level}, {v.dtype}, {v.outcome}\n{v.message}" for v in accused]
    names = {(v.operation, v.name) for v in verdicts}
    sums = f"{len(names)} right implementations, {len(verdicts)} runs (profile full): {len(accused)} accused"
    return "\n\n".join([*lines, sums])


def write_json(verdicts: Sequence[Verdict], path: Path) -> None:
    """All verdicts, without their times: the same for the same version."""
    rows: list[dict[str, Any]] = [v.as_json() for v in verdicts]
    for row in rows:
        del row["seconds"]
    write_whole(path, json.dumps({"faults": rows}, indent=1) + "\n")
