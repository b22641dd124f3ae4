"""One page from several runs: operation by implementation by dtype, and what deviates, with its smallest input."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from fiducial import __version__
from fiducial.conformance.examine import size
from fiducial.conformance.expect import Expectation, apply
from fiducial.conformance.report import DTYPES, SHORT, summary, write_whole
from fiducial.conformance.results import OUTCOMES, Result, from_json
from fiducial.conformance.run import Run
from fiducial.conformance.vectors.schema import checker

DEVIATIONS = ("loose", "timed_out", "crashed", "wrong")
UNJUDGED = ("not_available", "not_provided", "unsupported")
KEPT = ("what", "inputs", "attributes", "cotangents", "directions", "element", "output", "index", "got", "enclosure",
        "ratio")  # fmt: skip
MOST = 100_000  # rows that a run may have lost
Cell = tuple[str, float | None]  # the worst outcome in any level, and the worst ratio of those that have one


class BadRun(Exception):
    """A file that is neither a run's JSON nor a page's; the message names it, and what is required."""


@dataclass(frozen=True)
class Implementation:
    """What is known of a subject; an expected deviation is counted as what it is."""

    name: str
    profile: str
    summary: dict[str, Any]
    cells: dict[tuple[str, str], Cell]  # by operation and dtype
    deviations: list[dict[str, Any]]

    def cell(self, operation: str, dtype: str) -> Cell:
        return self.cells.get((operation, dtype), ("not_provided", None))

    def offers(self, operation: str) -> bool:
        """Whether it has this operation, or declines it."""
        return any(self.cell(operation, dtype)[0] != "not_provided" for dtype in DTYPES)

    def judged(self, operation: str | None = None, dtype: str | None = None) -> bool:
        """Whether it has a verdict on this operation or in this dtype."""
        return any(cell[0] not in UNJUDGED for (o, d), cell in self.cells.items()
                   if operation in (None, o) and dtype in (None, d))  # fmt: skip


def of_run(run: Run) -> Implementation:
    """A run as a page shows it."""
    rows: dict[tuple[str, str], list[Result]] = {}
    for r in run.results:
        rows.setdefault((r.operation, r.dtype), []).append(r)
    name = f"{run.subject} {run.version}".strip()
    cells = {key: _worst(of) for key, of in rows.items()}
    return Implementation(name, run.options["profile"], summary(run), cells, deviations(name, run.results))


def _worst(rows: list[Result]) -> Cell:
    ratios = [float(r.ratio) for r in rows if r.ratio is not None]
    return max((outcome(r) for r in rows), key=OUTCOMES.index), max(ratios, default=None)


def outcome(r: Result) -> str:
    """An expected deviation as what it is."""
    return r.expected["outcome"] if r.expected else r.outcome


def read(paths: Sequence[Path], expectations: Sequence[Expectation] = ()) -> tuple[list[Implementation], list[str]]:
    """The implementations of these files, in their order, and the expectations that did not come true.

    A file holds a run, or a page that was written before. Runs of one subject are parts of one: a later row takes the
    place of an earlier one, and a run that of what an earlier page says of its subject. Raises BadRun.
    """
    found: dict[str, Run | Implementation] = {}
    for path in paths:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            for name, new in _contents(data).items():
                known = found.get(name)
                both = isinstance(known, Run) and isinstance(new, Run)
                found[name] = _united(known, new, path) if both else new  # type: ignore[arg-type]
        except OSError as error:
            raise BadRun(f"{path}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise BadRun(f"{path}: what `fiducial check --json` writes is required ({str(error)[:160]})") from error
    surprises = [line for run in found.values() if isinstance(run, Run) for line in apply(run, list(expectations))]
    return [of_run(of) if isinstance(of, Run) else of for of in found.values()], surprises


def _contents(data: dict[str, Any]) -> dict[str, Run] | dict[str, Implementation]:
    """The run or the page that a file holds, by the names of its subjects. Raises ValueError."""
    page = isinstance(data, dict) and "implementations" in data
    _check(page)(data)
    if page:
        return {i.name: i for i in _of_page(data)}
    run = _run(data)
    return {of_run(run).name: run}


@cache
def _check(page: bool) -> Callable[[Any], None]:
    """Raises a ValueError that names the field where a page, or a run, does not fit the published schema."""
    schema = json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))
    return checker({"$ref": "#/$defs/page", "$defs": schema["$defs"]} if page else schema)


def _run(data: dict[str, Any]) -> Run:
    results = [from_json(r) for r in data["results"]]
    options = {name: data[name] for name in ("profile", "seed", "require")}
    count, done = data["summary"]["rows"], len(results)
    lost = count - done
    if not 0 <= lost <= MOST:
        raise ValueError(f"summary.rows: {done} to {done + MOST} are required, got {count}")
    rows = [r.key for r in results] + [("", "", "", "")] * lost  # those without a result have no name here
    return Run(data["subject"]["name"], data["subject"]["version"], options, rows, results)


def _united(run: Run, part: Run, path: Path) -> Run:
    """Two runs of one subject as one. Raises BadRun where they did not ask the same."""
    if run.options != part.options:
        raise BadRun(f"{path}: {run.options} is required as in the other runs of {run.subject}, got {part.options}")
    results = {r.key: r for r in (*run.results, *part.results)}
    lost = [row for row in (*run.manifest, *part.manifest) if row not in results]
    return replace(run, manifest=[*results, *lost], results=list(results.values()))


def _of_page(data: dict[str, Any]) -> list[Implementation]:
    """The implementations of a page that was written before."""
    made = []
    for known in data["implementations"]:
        counts = {k: v for k, v in known.items() if k not in ("name", "profile")}
        cells = {(o, d): (cell["outcome"], None if cell["ratio"] is None else float(cell["ratio"]))
                 for o, by in data["operations"].items() for d, cell in by.get(known["name"], {}).items()}  # fmt: skip
        own = [d for d in data["deviations"] if d["implementation"] == known["name"]]
        made.append(Implementation(known["name"], known["profile"], counts, cells, own))
    return made


def as_json(board: Sequence[Implementation]) -> dict[str, Any]:
    """The page as data: the same for the same runs."""
    return {
        "fiducial": __version__,
        "implementations": [{"name": i.name, "profile": i.profile, **i.summary} for i in board],
        "operations": {
            o: {i.name: {d: dict(zip(("outcome", "ratio"), _plain(i.cell(o, d)), strict=True)) for d in DTYPES}
                for i in board if i.offers(o)}
            for o in operations(board)
        },
        "deviations": [d for i in board for d in i.deviations],
    }  # fmt: skip


def _plain(cell: Cell) -> tuple[str, float | str | None]:
    """JSON has no infinity."""
    return cell[0], "inf" if cell[1] == float("inf") else cell[1]


def operations(board: Sequence[Implementation]) -> list[str]:
    """Every operation that one of them was judged by."""
    return list(dict.fromkeys(o for i in board for o, _ in i.cells if i.judged(o)))


def deviations(name: str, results: Sequence[Result]) -> list[dict[str, Any]]:
    """One for each operation, outcome and reason, with its smallest input and the dtypes and levels that show it."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for r in results:
        if outcome(r) in DEVIATIONS:
            reason = r.expected["reason"] if r.expected else r.cause
            groups.setdefault((r.operation, outcome(r), reason), []).append(r)
    return [_deviation(name, *key, rows) for key, rows in groups.items()]


def _deviation(name: str, operation: str, kind: str, reason: str, rows: list[Result]) -> dict[str, Any]:
    known = [r for r in rows if r.counterexample and "got" in r.counterexample]
    smallest = min(known or rows, key=lambda r: size(r.counterexample) if r.counterexample else 0)
    known_case = smallest.counterexample or {}
    kept = {k: known_case[k] for k in KEPT if k in known_case}
    return {
        "implementation": name, "operation": operation, "outcome": kind, "reason": reason,
        "dtypes": _unique(r.dtype for r in rows), "levels": _unique(r.level for r in rows),
        "dtype": smallest.dtype, "message": smallest.message.split("\n")[0], **kept,
    }  # fmt: skip


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def shown(cell: Cell) -> str:
    """A cell as text: the ratio of what conforms, the outcome of what does not."""
    kind, ratio = cell
    return SHORT.get(kind) or ("0" if not ratio else f"{ratio:.2f}")


def text(board: Sequence[Implementation]) -> str:
    """For a terminal: a table for each dtype."""
    return "\n\n".join(_table(board, dtype) for dtype in DTYPES if any(i.judged(dtype=dtype) for i in board))


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
