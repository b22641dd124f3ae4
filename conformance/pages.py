"""A scoreboard as Markdown (a CI job's summary, a page of a repository) and as HTML (one file, nothing to load)."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from fiducial.conformance.report import DTYPES, write_whole
from fiducial.conformance.results import CONFORMING, OUTCOMES
from fiducial.conformance.run import Run
from fiducial.conformance.scoreboard import DEVIATIONS, Implementation, of_run, operations, shown

NUMBERS = 8  # of an array that a page shows


def write_html(run: Run, path: Path) -> None:
    """Writes the page of one run."""
    write_whole(path, html([of_run(run)]))


def add_to_summary(run: Run, path: str | None) -> None:
    """Appends to the file that a CI job shows as its summary (GITHUB_STEP_SUMMARY), where there is one."""
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"## fiducial: {run.subject} {run.version}\n\n{markdown([of_run(run)], limit=50)}\n")


def markdown(board: Sequence[Implementation], limit: int | None = None) -> str:
    """Counts, a table for each dtype, and the deviations (at most so many) with their smallest inputs."""
    parts = ["| implementation | profile | rows | cases | outcomes |\n|---|---|---|---|---|\n" + "\n".join(
        f"| {i.name} | {i.profile} | {i.summary['executed']} of {i.summary['rows']} | {i.summary['cases']} | "
        f"{_counts(i)} |" for i in board)]  # fmt: skip
    parts += [_grid(board, dtype) for dtype in DTYPES if any(i.judged(dtype=dtype) for i in board)]
    found = [d for i in board for d in i.deviations]
    rows = [_told(d) for d in found[:limit]]
    more = [f"\n... and {len(found) - len(rows)} more"] if len(found) > len(rows) else []
    return "\n\n".join([*parts, *(["\n".join([DEVIATION_HEAD, *rows, *more])] if rows else [])]) + "\n"


DEVIATION_HEAD = (
    "| implementation | operation | outcome | where | smallest input | got | exact | reason |\n"
    "|---|---|---|---|---|---|---|---|"
)


def _counts(i: Implementation) -> str:
    outcomes = i.summary["outcomes"]
    return ", ".join(f"{outcomes[o]} {o.replace('_', ' ')}" for o in reversed(OUTCOMES) if outcomes.get(o))


def _grid(board: Sequence[Implementation], dtype: str) -> str:
    rows = [[o, *(shown(i.cell(o, dtype)) for i in board)] for o in operations(board)]
    rows = [row for row in rows if set(row[1:]) - {"-", "unsup"}]
    head = [dtype, *(i.name for i in board)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def _told(d: dict[str, Any]) -> str:
    where = f"{', '.join(d['dtypes'])}; {', '.join(d['levels'])}"
    cells = (d["implementation"], d["operation"], d["outcome"], where, given(d), str(d.get("got", "")), exact(d),
             d["reason"] or d["message"])  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def given(d: dict[str, Any]) -> str:
    """The smallest input as text: arrays, attributes, cotangents, and the element that is wrong."""
    if "inputs" not in d:
        return str(d["message"])[:160]
    part = d.get("element", d)
    arrays = [f"{n} = {_array(a)}" for n, a in part["inputs"].items()]
    arrays += [f"cotangent = {_array(a)}" for a in part.get("cotangents", [])]
    arrays += [f"direction = {_array(a)}" for a in part.get("directions", [])]
    arrays += [f"{n} = {v}" for n, v in d["attributes"].items()]
    many = f" of {max(a['of'] for a in d['inputs'].values())} numbers" if "element" in d else ""
    index = f"; element {d['index']}{many}" if d.get("index") else ""
    return f"{d['dtype']}: {', '.join(arrays)}{index}"


def _array(a: dict[str, Any]) -> str:
    numbers = ", ".join(f"{v:.9g}" if isinstance(v, float) else str(v) for v in a["values"][:NUMBERS])
    more = f", ... ({a['of']})" if a["of"] > NUMBERS else ""
    shape = "x".join(map(str, a["shape"]))
    return f"{numbers}" if not a["shape"] else f"({numbers}{more})" + (f" as {shape}" if len(a["shape"]) > 1 else "")


def exact(d: dict[str, Any]) -> str:
    """The exact value, to the digits that its enclosure is sure of."""
    enclosure = d.get("enclosure")
    return "" if enclosure is None else str(enclosure["mid"])


# --- HTML ---

STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5em; color: #222; background: #fff }
table { border-collapse: collapse } th, td { padding: 2px 6px; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff }
thead th { position: sticky; top: 0; background: #fff; border-bottom: 2px solid #444 }
tr:hover td { outline: 1px solid #bbb }
.tight { background: #c8e6c9 } .ok { background: #e6f2c2 } .loose { background: #ffe0a3 }
.wrong, .crashed { background: #f4a9a0 } .timed_out { background: #e1bee7 }
.not_provided, .unsupported, .not_available { color: #888 }
td.left { text-align: left; white-space: normal; vertical-align: top }
.group { border-left: 2px solid #999 }
"""


def html(board: Sequence[Implementation]) -> str:
    """The scoreboard as one page: green conforms, red deviates; below it every deviation with its smallest input."""
    heads = "".join(f'<th class="group" colspan="{len(DTYPES)}">{escape(i.name)}</th>' for i in board)
    kinds = "".join(f"<th{_group(k)}>{short}</th>" for _ in board for k, short in enumerate(DTYPES.values()))
    rows = "".join(f"<tr><td>{o}</td>{''.join(_cells(i, o) for i in board)}</tr>\n" for o in operations(board))
    told = "".join(_row(d) for i in board for d in i.deviations)
    names = "implementation,operation,outcome,dtypes,levels,smallest input,got,exact,reason".split(",")
    keys = " ".join(
        f'<span class="{o}">&nbsp;{o.replace("_", " ")}&nbsp;</span>' for o in (*CONFORMING[:2], *DEVIATIONS)
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>fiducial scoreboard</title><style>{STYLE}</style>'
        f"<h1>Scoreboard</h1><p>The worst ratio of error to derived bound in any level; at most 1 is tight, at most 2 "
        f"ok. {keys}</p>\n<table><thead><tr><th></th>{heads}</tr><tr><th></th>{kinds}</tr></thead>"
        f"<tbody>\n{rows}</tbody></table>\n<h2>Deviations</h2>\n<table><thead><tr>"
        f"{''.join(f'<th>{n}</th>' for n in names)}</tr></thead><tbody>\n{told}</tbody></table></html>\n"
    )


def _group(k: int) -> str:
    return "" if k else ' class="group"'


def _cells(i: Implementation, operation: str) -> str:
    found = [i.cell(operation, dtype) for dtype in DTYPES]
    return "".join(f'<td class="{cell[0]}{" group" if not k else ""}">{shown(cell)}</td>'
                   for k, cell in enumerate(found))  # fmt: skip


def _row(d: dict[str, Any]) -> str:
    cells = (d["implementation"], d["operation"], d["outcome"], ", ".join(d["dtypes"]), ", ".join(d["levels"]),
             given(d), str(d.get("got", "")), exact(d), d["reason"] or d["message"])  # fmt: skip
    return f'<tr class="{d["outcome"]}">' + "".join(f'<td class="left">{escape(c)}</td>' for c in cells) + "</tr>\n"
