"""Reports: a table for a terminal, JSON, JUnit. Files are written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from fiducial import __version__
from fiducial.conformance.results import CONFORMING, DEMANDS, LEVELS, OUTCOMES, Result
from fiducial.conformance.run import Run

SHORT = {"not_available": "n/a", "not_provided": "-", "unsupported": "unsup", "timed_out": "TIME",
         "crashed": "CRASH", "wrong": "WRONG", "loose": "LOOSE"}  # fmt: skip
NAMED = 12  # operations that a table names as not provided
DTYPES = {"float64": "f64", "float32": "f32", "bfloat16": "bf16", "float16": "f16"}


def table(run: Run) -> str:
    """Operation by level and dtype: the worst measured ratio |got - exact| / bound, or what happened instead."""
    lines: list[str] = []
    for backend in dict.fromkeys(r.backend for r in run.results):
        rows = [r for r in run.results if r.backend == backend]
        tried = [r for r in rows if r.outcome not in ("not_provided", "unsupported")] or rows
        levels = [level for level in LEVELS if any(r.level == level for r in tried)]
        dtypes = [d for d in DTYPES if any(r.dtype == d for r in tried)]
        if all(r.outcome == "not_available" for r in rows):
            outcomes = sorted({f"{r.outcome}: {r.message}" for r in rows})
            lines += [f"backend {backend}: {text}" for text in outcomes]
            continue
        name = f"{run.subject} {run.version}".rstrip()
        lines += [f"{name} on {backend}: worst ratio of error to derived bound", ""]
        lines += _grid(rows, levels, dtypes, {row[0] for row in run.missing})
        lines.append("")
    return "\n".join([*lines, *_summary(run), *_reference(run)])


def _grid(rows: list[Result], levels: list[str], dtypes: list[str], lost: set[str]) -> list[str]:
    cells = {(r.operation, r.level, r.dtype): r for r in rows}
    names = list(dict.fromkeys(r.operation for r in rows))
    absent = [n for n in names if all(r.outcome == "not_provided" for r in rows if r.operation == n)]
    absent = [n for n in absent if n not in lost]
    names = [n for n in names if n not in absent]
    left = max([*map(len, names), 9]) + 1
    width = 6 * len(dtypes)
    head = " " * left + " ".join(f"{level:^{width}}" for level in levels)
    second = f"{'operation':<{left}}" + " ".join("".join(f"{DTYPES[d]:>6}" for d in dtypes) for _ in levels)
    body = [
        f"{n:<{left}}" + " ".join("".join(f"{_cell(cells.get((n, level, d))):>6}" for d in dtypes) for level in levels)
        for n in names
    ]
    more = f" and {len(absent) - NAMED} more (--json FILE names them)" if len(absent) > NAMED else ""
    note = [f"not provided: {', '.join(absent[:NAMED])}{more}"] if absent else []
    return [head.rstrip(), second.rstrip(), *(line.rstrip() for line in body), *note]


def _cell(result: Result | None) -> str:
    if result is None:
        return ""
    if result.outcome == "expected":
        return "exp"
    if result.outcome in SHORT:
        return SHORT[result.outcome]
    if result.cases and result.vacuous == result.cases:
        return "vac"
    return "0" if not result.ratio else f"{result.ratio:.2f}"


def _summary(run: Run) -> list[str]:
    counts = {o: sum(r.outcome == o for r in run.results) for o in reversed(OUTCOMES)}
    cases, vacuous = sum(r.cases for r in run.results), sum(r.vacuous for r in run.results)
    parts = ", ".join(f"{n} {o.replace('_', ' ')}" for o, n in counts.items() if n)
    lines = [f"{len(run.results)} of {len(run.manifest)} rows: {parts}"]
    lines.append(
        f"{cases} cases, {vacuous} vacuous; {run.seconds:.1f} s; a ratio of at most 1 is tight, of at most 2 ok"
    )
    if run.options.get("profile") == "quick":
        lines.append("profile quick: a look, and no claim of conformance")
    return lines


def _reference(run: Run) -> list[str]:
    """The digits that agree with certified statistics: a block for the operations that share their data sets."""
    lines = []
    for backend in dict.fromkeys(r.backend for r in run.results if r.reference):
        blocks: dict[tuple[str, ...], list[Result]] = {}
        for r in (r for r in run.results if r.backend == backend and r.reference):
            blocks.setdefault(tuple(dict.fromkeys(e["data"] for e in r.reference)), []).append(r)
        lines += ["", f"NIST StRD on {backend}: log relative error (ceiling)"]
        lines += [line for names, rows in blocks.items() for line in _digits(rows, names)]
    return lines


def _digits(rows: list[Result], names: tuple[str, ...]) -> list[str]:
    """A row for each data set and a column for each result."""
    columns = {o: [r for r in rows if r.operation == o] for o in dict.fromkeys(r.operation for r in rows)}
    head = "".join(f" {o:^{12 * len(own) - 1}}" for o, own in columns.items())
    second = "".join(f" {DTYPES[r.dtype]:^11}" for own in columns.values() for r in own)
    body = [f"{n:<9}" + "".join(f" {_agreement(r, n):>11}" for own in columns.values() for r in own) for n in names]
    return [line.rstrip() for line in (f"{'':<9}{head}", f"{'data set':<9}{second}", *body)]


def _agreement(result: Result, name: str) -> str:
    """The worst statistic of a data set (of several coefficients): how many digits came, and how many can."""
    known = [e for e in result.reference if e["data"] == name and e["lre"] is not None]
    if not known:
        return "-"
    worst = min(known, key=lambda e: float(e["lre"]))
    return f"{worst['lre']:.1f} ({worst['ceiling']:4.1f})"


def failures(run: Run, limit: int = 12) -> str:
    """The counterexamples, one paragraph each; messages that differ in their numbers only (levels, dtypes) once."""
    demanded = DEMANDS[run.options["require"]]
    bad = [
        r for r in run.results if r.outcome in ("loose", "timed_out", "crashed", "wrong") and r.outcome not in demanded
    ]
    lines = [r.told or f"{r.operation} {r.level} {r.dtype}: {r.outcome}" for r in bad]
    distinct = list({_NUMBERS.sub("", line.split("\n")[0]): line for line in reversed(lines)}.values())[::-1]
    more = [f"... and {len(distinct) - limit} more; --json FILE keeps them all"] if len(distinct) > limit else []
    told = [note for r in run.results for note in r.notes if r.outcome in (*CONFORMING, "loose", "wrong")]
    notes = list({_NUMBERS.sub("", note): note for note in reversed(told)}.values())[::-1]
    return "\n\n".join([*distinct[:limit], *more, *(f"note: {n}" for n in notes[:limit])])


_NUMBERS = re.compile(r"\(?\d[\d.e+, ]*\)?")


def status(run: Run) -> int:
    """0 conforms, 1 deviates, 3 incomplete (rows are missing, or nothing could be judged)."""
    demanded = (*DEMANDS[run.options["require"]], "expected")
    skipped = ("not_provided", "unsupported", "not_available")
    if run.missing or run.errors or all(r.outcome in skipped for r in run.results):
        return 3
    judged = [r for r in run.results if r.outcome not in skipped]
    # The level "shape" is about shapes, dtypes and purity: it needs no power to reject a wrong number.
    blind = any(r.cases and r.vacuous == r.cases and r.level != "shape" for r in judged)
    return 1 if blind or any(r.outcome not in demanded for r in judged) else 0


# --- files ---


def as_json(run: Run) -> dict[str, Any]:
    """The run as data (see schema.json); the same for the same seed, whatever the number of workers."""
    return {
        "fiducial": __version__,
        "subject": {"name": run.subject, "version": run.version},
        "profile": run.options["profile"],
        "seed": run.options["seed"],
        "require": run.options["require"],
        "results": [r.as_json() for r in run.results],
        "summary": summary(run),
    }


def summary(run: Run) -> dict[str, Any]:
    """A run in numbers."""
    return {
        "rows": len(run.manifest),
        "executed": len(run.results),
        "cases": sum(r.cases for r in run.results),
        "vacuous": sum(r.vacuous for r in run.results),
        "outcomes": {o: sum(r.outcome == o for r in run.results) for o in OUTCOMES},
        "conforms": status(run) == 0,
    }


def write_json(run: Run, path: Path) -> None:
    """Writes the run's JSON."""
    write_whole(path, json.dumps(as_json(run), indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def write_junit(run: Run, path: Path) -> None:
    """Writes JUnit XML: one test case a row."""
    suite = ElementTree.Element("testsuite", name=f"fiducial {run.subject}", tests=str(len(run.results)),
                                failures=str(sum(_failed(r, run) for r in run.results)),
                                skipped=str(sum(_skipped(r) for r in run.results)))  # fmt: skip
    for r in run.results:
        case = ElementTree.SubElement(suite, "testcase", classname=f"{r.operation}.{r.level}",
                                      name=f"{r.dtype}-{r.backend}", time=f"{r.seconds:.3f}")  # fmt: skip
        if _skipped(r):
            ElementTree.SubElement(case, "skipped", message=f"{r.outcome}: {r.message}")
        elif _failed(r, run):
            ElementTree.SubElement(case, "failure", message=r.outcome).text = r.told
    write_whole(path, ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n")


def _failed(r: Result, run: Run) -> bool:
    return not _skipped(r) and r.outcome not in (*DEMANDS[run.options["require"]], "expected")


def _skipped(r: Result) -> bool:
    return r.outcome in ("not_provided", "unsupported", "not_available")


def write_whole(path: Path, text: str) -> None:
    """Writes to a temporary name beside the file and moves it into place."""
    handle, name = tempfile.mkstemp(dir=path.parent or ".", prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def check_writable(paths: Iterable[tuple[str, Path | None]], fail: Callable[[str], None]) -> None:
    """Finds out before a long run, not after it, that a report cannot be written."""
    for option, path in paths:
        if path is not None and not (path.parent if str(path.parent) else Path(".")).is_dir():
            fail(f"{option} {path}: the folder {path.parent} does not exist")
        if path is not None and path.is_dir():
            fail(f"{option} {path}: a file is required, this is a folder")
