"""What a run must execute: the rows that its options select."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiducial.conformance.levels import dtypes_of, levels_of
from fiducial.conformance.results import LEVELS
from fiducial.conformance.subject import DTYPES
from fiducial.spec.catalogue import CATALOGUE

Row = tuple[str, str, str, str]  # operation, level, dtype, backend


class Unknown(ValueError):
    """An option names something that does not exist; the message says what does."""


def rows(options: Mapping[str, Any]) -> list[Row]:
    """Every (operation, level, dtype, backend) that the options select, in the catalogue's order."""
    families = list(dict.fromkeys(o.family for o in CATALOGUE.values()))
    operations = _chosen("--only", options.get("only"), list(CATALOGUE))
    family = _chosen("--family", options.get("family"), families)
    levels = _chosen("--level", options.get("level"), list(LEVELS))
    dtypes = _chosen("--dtype", options.get("dtype"), list(DTYPES))
    backends = str(options.get("backend") or "numpy").split(",")
    return [
        (name, level, dtype, backend)
        for backend in backends
        for name in operations
        if CATALOGUE[name].family in family
        for level in levels_of(CATALOGUE[name])
        if level in levels
        for dtype in dtypes
        if dtype in dtypes_of(CATALOGUE[name], level)
    ]


def _chosen(option: str, given: str | None, known: list[str]) -> list[str]:
    if not given:
        return known
    names = [name.strip() for name in given.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise Unknown(f"{option} {name}: unknown; {_nearest(name, known)}")
    return [name for name in known if name in names]


def _nearest(name: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"one of {', '.join(known)} is required"
