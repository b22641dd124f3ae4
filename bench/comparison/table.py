"""What was measured, as tables: kills, false alarms and seconds, a column for each checker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FAULTS = ("by machine, forward", "by machine, backward", "from reports, forward", "from reports, backward")
RIGHT = ("reference implementation", "right but different")
YARDSTICK = "fiducial"
Table = list[list[str]]


@dataclass(frozen=True)
class Cell:
    """What a checker said against an implementation (nothing: it passed), and how long it took."""

    said: str
    seconds: float


@dataclass
class Row:
    """An implementation under every checker that applies to it; ``cause`` is known of faults from reports."""

    operation: str
    name: str
    group: str
    cause: str = ""
    what: str = ""
    cells: dict[str, Cell] = field(default_factory=dict)


def kills(rows: Sequence[Row], names: Sequence[str]) -> Table:
    """Kills of what each checker applies to, false alarms, seconds."""
    faults = [row for row in rows if row.group in FAULTS]
    right = [row for row in rows if row.group in RIGHT]
    table = [["kills / applicable", *names]]
    table += [_counted(group, [r for r in rows if r.group == group], names) for group in FAULTS]
    table.append(_counted("all faults", faults, names))
    table.append(["kills, % of all faults", *(_share(_said(faults, n), len(faults)) for n in names)])
    table += [_counted(f"false alarms: {g}", [r for r in rows if r.group == g], names) for g in RIGHT]
    table.append(["seconds per fault, median", *(_number(_seconds(faults, n), np.median) for n in names)])
    table.append(["seconds, all faults", *(_number(_seconds(faults, n), sum) for n in names)])
    table.append(["times fiducial's, same faults", *(_ratio(faults, n) for n in names)])
    table.append(["seconds, right ones", *(_number(_seconds(right, n), sum) for n in names)])
    return [line for line in table if not line[0].endswith(" (0)")]


def causes(rows: Sequence[Row], names: Sequence[str]) -> Table:
    """Kills of the faults from reports, by their cause."""
    reported = [row for row in rows if row.cause]
    order = sorted({r.cause for r in reported}, key=lambda c: (-sum(r.cause == c for r in reported), c))
    lines = [_counted(cause, [r for r in reported if r.cause == cause], names) for cause in order]
    return [["cause, from reports", *names], *lines] if lines else []


def _said(rows: Iterable[Row], name: str) -> int:
    return sum(name in r.cells and bool(r.cells[name].said) for r in rows)


def _counted(label: str, rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    def cell(name: str) -> str:
        applicable = sum(name in r.cells for r in rows)
        return f"{_said(rows, name)} / {applicable}" if applicable else "-"

    return [f"{label} ({len(rows)})", *map(cell, names)]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"


def _seconds(rows: Iterable[Row], name: str) -> list[float]:
    return [r.cells[name].seconds for r in rows if name in r.cells]


def _number(seconds: list[float], summary: Callable[[list[float]], Any]) -> str:
    return f"{summary(seconds):.3g}" if seconds else "-"


def _ratio(rows: Sequence[Row], name: str) -> str:
    shared = [r.cells for r in rows if name in r.cells and YARDSTICK in r.cells]
    own, theirs = (sum(cells[n].seconds for cells in shared) for n in (name, YARDSTICK))
    return f"{own / theirs:.2g}" if theirs else "-"


# --- what to look at ---


def remarks(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """False alarms, and the faults that another checker finds and fiducial does not."""
    lines = []
    for row in rows:
        said = {n: row.cells[n].said for n in names if n in row.cells and row.cells[n].said}
        if row.group in RIGHT:
            lines += [f"false alarm of {n}: {row.operation} ({row.name}): {text}" for n, text in said.items()]
        elif said and YARDSTICK not in said:
            lines.append(f"missed by fiducial: {row.operation} ({row.name}: {row.what}); found by {', '.join(said)}")
    return sorted(lines)


# --- as text ---


def plain(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(c.rjust(w) if k else c.ljust(w) for k, (c, w) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in table
    )


def markdown(table: Table) -> str:
    head, *lines = ["| " + " | ".join(line) + " |" for line in table]
    return "\n".join([head, "|---" + "|---:" * (len(table[0]) - 1) + "|", *lines])
