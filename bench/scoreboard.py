"""Writes the scoreboard's pages from its data, or adds runs to it.

    python bench/scoreboard.py [RUN.json ...]

``docs/scoreboard.json`` and the runs (what ``fiducial check --json`` wrote; each takes the place of what was known of
its subject) become ``docs/scoreboard.json``, ``.html`` and ``.md``; ``docs/confirmed.json`` is a table of the latter.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fiducial.conformance import pages, scoreboard
from fiducial.conformance.report import write_whole

DOCS = Path(__file__).parent.parent / "docs"
HEAD = "| implementation | operation | where | outcome | input | got | exact | reason | report |"


def markdown(board: Sequence[scoreboard.Implementation], confirmed: Sequence[dict[str, Any]]) -> str:
    """The page: the words that stand beside this file, with the tables of the data in their places."""
    counts, *grids = pages.markdown(board, limit=0).rstrip("\n").split("\n\n")
    words = Path(__file__).with_name("scoreboard_page.md").read_text(encoding="utf-8")
    entries = "\n".join([HEAD, "|" + "---|" * HEAD.count(" | ") + "---|", *map(_entry, confirmed)])
    tables = {"{implementations}": counts, "{confirmed}": entries, "{operations}": "\n\n".join(grids)}
    for place, table in tables.items():
        words = words.replace(place, table)
    return words


def _entry(e: dict[str, Any]) -> str:
    where = f"{e['level']}; {', '.join(e['dtypes'])}"
    cells = (f"{e['framework']} {e['version']}", e["operation"], where, e["outcome"], e["input"], e["got"], e["exact"],
             e["reason"], e["report"])  # fmt: skip
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def main() -> int:
    """Reads, and writes the three pages."""
    board, _ = scoreboard.read([DOCS / "scoreboard.json", *map(Path, sys.argv[1:])])
    confirmed = json.loads((DOCS / "confirmed.json").read_text(encoding="utf-8"))
    scoreboard.write_json(board, DOCS / "scoreboard.json")
    write_whole(DOCS / "scoreboard.html", pages.html(board))
    write_whole(DOCS / "scoreboard.md", markdown(board, confirmed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
