"""Puts every planted implementation to the suite, in parallel: one operation after another in each process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from typing import Any

from fiducial.conformance.mutants import corpus
from fiducial.conformance.mutants.kill import Verdict, all_judged, judged
from fiducial.spec.catalogue import CATALOGUE


def planted(names: Sequence[str], fault: str = "", workers: int = 1) -> list[Verdict]:
    """What came of every fault of these operations (or of those whose name contains ``fault``)."""
    return _all(names, partial(_faults, fault), workers)


def right(names: Sequence[str], text: str = "", workers: int = 1, seeds: int = 1) -> list[Verdict]:
    """What the suite says of right but different implementations, at so many seeds; a verdict with a level accuses."""
    return _all(names, partial(_right, text, seeds), workers)


def _all(names: Sequence[str], work: Callable[[str], list[Verdict]], workers: int) -> list[Verdict]:
    found: dict[str, list[Verdict]] = {}
    with ProcessPoolExecutor(max(workers, 1)) as pool:
        # The longest definitions first: none of them is then left for the end.
        order = sorted(names, key=lambda name: -len(CATALOGUE[name].default_definition().system.equations))
        waiting = {pool.submit(work, name): name for name in order}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            _progress(len(found), len(names), waiting[done], sys.stderr)
    return [v for name in names for v in found[name]]


def _faults(text: str, name: str) -> list[Verdict]:
    listed = corpus.equivalent()
    return [
        judged(p, ("quick",) if (name, p.name) in listed else ("quick", "full"))
        for p in corpus.faults(name) if text in p.name
    ]  # fmt: skip


def _right(text: str, seeds: int, name: str) -> list[Verdict]:
    chosen = [p for (operation, _), p in corpus.right_ones().items() if operation == name and text in p.name]
    return [v for seed in range(seeds) for v in all_judged(chosen, seed)]


def _progress(done: int, total: int, name: str, stream: Any) -> None:
    if stream.isatty():
        stream.write(f"\r[{'#' * (30 * done // total):<30}] {done}/{total} {name:<40.40}")
        if done == total:
            stream.write("\r" + " " * 79 + "\r")
        stream.flush()
