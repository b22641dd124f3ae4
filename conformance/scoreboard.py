"""One page from several runs: operation by implementation by dtype, and what deviates, with its smallest input."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fiducial import __version__
from fiducial.conformance.examine import size
from fiducial.conformance.report import DTYPES, SHORT, write_whole
from fiducial.conformance.results import OUTCOMES, Result, from_json

DEVIATIONS = ("loose", "timed_out", "crashed", "wrong")


class BadRun(Exception):
    """A file that is no run's JSON; the message names it, and what is required."""


@dataclass(frozen=True)
class Implementation:
    """What one run's JSON says of a subject; an expected deviation is counted as what it is."""

    name: str
    profile: str
    results: list[Result]
    summary: dict[str, Any]

    @cached_property
    def _cells(self) -> dict[tuple[str, str], list[Result]]:
        found: dict[tuple[str, str], list[Result]] = {}
        for r in self.results:
            found.setdefault((r.operation, r.dtype), []).append(r)
        return found

    def cell(self, operation: str, dtype: str) -> tuple[str, float | None]:
        """The worst outcome in any level, and the worst ratio of those that have one."""
        rows = self._cells.get((operation, dtype), [])
        if not rows:
            return "not_provided", None
        ratios = [float(r.ratio) for r in rows if r.ratio is not None]
        return max((outcome(r) for r in rows), key=OUTCOMES.index), max(ratios, default=None)


def outcome(r: Result) -> str:
    """An expected deviation as what it is."""
    return r.expected["outcome"] if r.expected else r.outcome


def read(paths: Sequence[Path]) -> list[Implementation]:
    """The runs of these files, in their order. Raises BadRun."""
    return [_read(path) for path in paths]


def _read(path: Path) -> Implementation:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        subject, results = data["subject"], [from_json(r) for r in data["results"]]
        name = f"{subject['name']} {subject['version']}".strip()
        return Implementation(name, data["profile"], results, data["summary"])
    except OSError as error:
        raise BadRun(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"{type(error).__name__} {error}"[:120]
        raise BadRun(f"{path}: what `fiducial check --json` writes is required ({problem})") from error


def as_json(board: Sequence[Implementation]) -> dict[str, Any]:
    """The page as data: the same for the same runs."""
    return {
        "fiducial": __version__,
        "implementations": [{"name": i.name, "profile": i.profile, **i.summary} for i in board],
        "operations": {
            o: {i.name: {d: dict(zip(("outcome", "ratio"), _plain(i.cell(o, d)), strict=True)) for d in DTYPES}
                for i in board if any(r.operation == o and r.cases for r in i.results)}
            for o in operations(board)
        },
        "deviations": [d for i in board for d in deviations(i)],
    }  # fmt: skip


def _plain(cell: tuple[str, float | None]) -> tuple[str, float | str | None]:
    """JSON has no infinity."""
    return cell[0], "inf" if cell[1] == float("inf") else cell[1]


def operations(board: Sequence[Implementation]) -> list[str]:
    """Every operation that one of them was judged by."""
    return list(dict.fromkeys(r.operation for i in board for r in i.results if r.cases))


def deviations(implementation: Implementation) -> list[dict[str, Any]]:
    """One for each operation, outcome and reason, with its smallest input and the dtypes and levels that show it."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for r in implementation.results:
        if outcome(r) in DEVIATIONS:
            reason = r.expected["reason"] if r.expected else r.cause
            groups.setdefault((r.operation, outcome(r), reason), []).append(r)
    return [_deviation(implementation.name, *key, rows) for key, rows in groups.items()]


def _deviation(name: str, operation: str, kind: str, reason: str, rows: list[Result]) -> dict[str, Any]:
    known = [r for r in rows if r.counterexample and "got" in r.counterexample]
    smallest = min(known or rows, key=lambda r: size(r.counterexample) if r.counterexample else 0)
    known_case = smallest.counterexample or {}
    fields = ("what", "inputs", "attributes", "cotangents", "index", "got", "enclosure", "ratio")
    kept = {k: known_case[k] for k in fields if k in known_case}
    return {
        "implementation": name, "operation": operation, "outcome": kind, "reason": reason,
        "dtypes": _unique(r.dtype for r in rows), "levels": _unique(r.level for r in rows),
        "dtype": smallest.dtype, "message": smallest.message.split("\n")[0], **kept,
    }  # fmt: skip


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def shown(cell: tuple[str, float | None]) -> str:
    """A cell as text: the ratio of what conforms, the outcome of what does not."""
    kind, ratio = cell
    return SHORT.get(kind) or ("0" if not ratio else f"{ratio:.2f}")


def text(board: Sequence[Implementation]) -> str:
    """For a terminal: a table for each dtype."""
    return "\n\n".join(_table(board, dtype) for dtype in DTYPES if _judged(board, dtype))


def _judged(board: Sequence[Implementation], dtype: str) -> bool:
    return any(r.dtype == dtype and r.cases for i in board for r in i.results)


def _table(board: Sequence[Implementation], dtype: str) -> str:
    names = operations(board)
    left, widths = max(map(len, names)) + 1, [max(len(i.name), 6) + 2 for i in board]
    head = f"{dtype:<{left}}" + "".join(f"{i.name:>{w}}" for i, w in zip(board, widths, strict=True))
    rows = [f"{o:<{left}}" + "".join(f"{shown(i.cell(o, dtype)):>{w}}" for i, w in zip(board, widths, strict=True))
            for o in names]  # fmt: skip
    return "\n".join([head, *rows])


def write_json(board: Sequence[Implementation], path: Path) -> None:
    """Writes the page's data."""
    write_whole(path, json.dumps(as_json(board), indent=1, allow_nan=False, ensure_ascii=False) + "\n")
