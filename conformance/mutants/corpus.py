"""All planted faults, and those that are equivalent to no fault at all, each with its reason."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from fiducial.conformance.mutants import different, generic, reported
from fiducial.conformance.mutants.planted import DIFFERENT, REPORTED, Corpus, Planted
from fiducial.spec.catalogue import CATALOGUE

EQUIVALENT = Path(__file__).parent / "equivalent.txt"


@cache
def reported_faults() -> Corpus:
    """The faults of released software, by operation and identifier."""
    _load(reported)
    return REPORTED


@cache
def right_ones() -> Corpus:
    """The implementations that are right but different."""
    _load(different)
    return DIFFERENT


def _load(package: object) -> None:
    path, name = package.__path__, package.__name__  # type: ignore[attr-defined]
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{name}.{module.name}")


def faults(operation: str) -> list[Planted]:
    """Every fault that is planted in an operation: by machine, then from reports."""
    return [*generic.of(CATALOGUE[operation]), *(p for (o, _), p in reported_faults().items() if o == operation)]


@cache
def equivalent() -> dict[tuple[str, str], str]:
    """The faults that change nothing, with the reason: lines of ``operation | fault | reason``."""
    found = {}
    for line in EQUIVALENT.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            operation, fault, reason = (part.strip() for part in line.split("|", 2))
            found[operation, fault] = reason
    return found
