"""Runs the suite through pytest (in parallel through xdist) and collects the results of all workers."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fiducial.conformance.manifest import Row, rows
from fiducial.conformance.results import Result, from_json
from fiducial.conformance.subject import EXEC


@dataclass
class Run:
    """What came of a run: its results, and what is missing of its manifest."""

    subject: str
    version: str
    options: dict[str, Any]
    manifest: list[Row]
    results: list[Result] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def missing(self) -> list[Row]:
        """Rows that were to be executed and have no result (a worker died, or was interrupted)."""
        done = {r.key for r in self.results}
        return [row for row in self.manifest if row not in done]


class Collector:
    """A pytest plugin of the controlling process: takes each row's result and shows progress on a terminal."""

    def __init__(self, run: Run, stream: Any) -> None:
        self.run, self.stream = run, stream
        self.live = stream.isatty()
        self.broken = False

    def pytest_internalerror(self, excinfo: Any) -> bool:
        """Keeps pytest's own traceback out of the report: rows without a result say that the run is incomplete."""
        self.broken = True
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = dict(report.user_properties).get("fiducial")
        if report.when == "call" and isinstance(data, dict):
            seconds = data.pop("seconds")
            self.run.results.append(from_json(data))
            self.run.results[-1].seconds = seconds
            self._progress()
        elif report.failed and not isinstance(data, dict):
            self.run.errors.append(str(report.longrepr).strip().splitlines()[-1])

    def _progress(self) -> None:
        if self.live:
            done, total = len(self.run.results), len(self.run.manifest)
            last = self.run.results[-1]
            bar = "#" * (30 * done // total)
            self.stream.write(f"\r[{bar:<30}] {done}/{total} {last.operation} {last.level:<16.16}")
            if done == total:
                self.stream.write("\r" + " " * 79 + "\r")
            self.stream.flush()


def run_suite(source: str | None, options: dict[str, Any], workers: int, label: tuple[str, str]) -> Run:
    """Executes the rows that the options select, in ``workers`` processes; 0 is this one, which a subject can kill."""
    run = Run(label[0], label[1], options, rows(options))
    started = time.perf_counter()
    if _execute(run, source, options, workers):
        # Workers that die at the same moment stop xdist. One at a time, each death costs its own row.
        lost = ",".join(dict.fromkeys(row[0] for row in run.missing))
        _execute(run, source, {**options, "only": lost}, 1)
    run.seconds = time.perf_counter() - started
    order = {row: k for k, row in enumerate(run.manifest)}
    run.results = sorted({r.key: r for r in run.results}.values(), key=lambda r: order.get(r.key, len(order)))
    return run


def _execute(run: Run, source: str | None, options: dict[str, Any], workers: int) -> bool:
    """Runs pytest and collects its results; True where it broke down before all rows were tried."""
    suite = Path(__file__).parent / "test_conformance.py"
    arguments = [str(suite), "-p", "no:cacheprovider", "-p", "no:terminal", "--rootdir", str(suite.parent),
                 "-c", os.devnull, "--import-mode=importlib",
                 "--assert=plain"]  # fmt: skip  # else Hypothesis is rewritten as it is loaded: a second or two
    arguments += [f"--fiducial-{name}={value}" for name, value in options.items() if value not in (None, "")]
    if source is not None:
        arguments.append(f"--fiducial-subject={_absolute(source)}")
    if workers:
        arguments += ["-n", str(workers), "--maxprocesses", str(workers), f"--max-worker-restart={len(run.manifest)}"]
    collector = Collector(run, sys.stderr)
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(arguments, plugins=[collector])
    return collector.broken and bool(run.missing)


def _absolute(source: str) -> str:
    """Workers start elsewhere: a path to a file is made absolute."""
    if source.startswith(EXEC):
        program, *words = shlex.split(source.removeprefix(EXEC)) or [""]
        there = [str(Path(w).resolve()) if os.sep in w and Path(w).exists() else w for w in (program, *words)]
        return EXEC + shlex.join(there)
    return str(Path(source).resolve()) if source.endswith(".py") else source
