"""A badge (SVG) from a run's JSON."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

COLOURS = {"conforms": "#2e7d32", "deviates": "#c62828", "incomplete": "#757575"}
CHARACTER, MARGIN = 6.6, 10.0  # of 11 px Verdana, in pixels


def verdict(data: dict[str, Any]) -> tuple[str, str]:
    """What the right half of the badge says, and the word of its colour."""
    summary = data["summary"]
    if summary["executed"] < summary["rows"]:
        return f"incomplete: {summary['executed']} of {summary['rows']}", "incomplete"
    outcomes = summary["outcomes"]
    judged = sum(n for o, n in outcomes.items() if o not in ("not_provided", "unsupported", "not_available"))
    bad = sum(outcomes.get(o, 0) for o in ("loose", "wrong", "crashed", "timed_out"))
    known = f", {outcomes['expected']} expected" if outcomes.get("expected") else ""
    quick = " (quick look)" if data["profile"] == "quick" else ""
    if not summary["conforms"]:
        return f"{bad} of {judged} deviate{quick}", "deviates"
    return f"conforms: {judged} rows{known}{quick}", "conforms"


def svg(data: dict[str, Any]) -> str:
    """The badge: the suite's name, and the verdict."""
    said, word = verdict(data)
    left, right = (CHARACTER * len(part) + MARGIN for part in ("fiducial", said))
    texts = "".join(f'<text x="{x:.1f}" y="14">{escape(t)}</text>'
                    for x, t in ((left / 2, "fiducial"), (left + right / 2, said)))  # fmt: skip
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right:.0f}" height="20" role="img" '
        f'aria-label="fiducial: {escape(said)}"><title>fiducial: {escape(said)}</title>'
        f'<rect width="{left + right:.0f}" height="20" rx="3" fill="#424242"/>'
        f'<path fill="{COLOURS[word]}" d="M{left:.0f} 0h{right - 3:.0f}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left:.0f}z"/>'
        f'<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{texts}</g>'
        "</svg>\n"
    )
