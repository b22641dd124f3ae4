"""Calls a second over the wire protocol, and the time from a start to the first verdict.

    python bench/wire.py [exec:COMMAND]

Without a command, the testee in C under examples/testees is compiled and used.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ELEMENTS, CALLS = 1000, 4000


def main() -> int:
    """Measures, and prints."""
    with tempfile.TemporaryDirectory() as folder:
        source = sys.argv[1] if len(sys.argv) > 1 else f"exec:{_compiled(Path(folder))}"
        _first_verdict(source)
        _calls(source)
    return 0


def _compiled(folder: Path) -> Path:
    code = Path(__file__).parent.parent / "examples" / "testees" / "testee.c"
    subprocess.run(["cc", "-O2", "-o", str(folder / "testee"), str(code), "-lm"], check=True)
    return folder / "testee"


def _first_verdict(source: str) -> None:
    command = [sys.executable, "-m", "fiducial.conformance.cli", "check", source, "--only", "sigmoid", "--level",
               "values", "--dtype", "float32", "--profile", "quick", "-n", "0"]  # fmt: skip
    for attempt in ("first", "second"):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        print(f"start to verdict, {attempt} time: {time.perf_counter() - started:.2f} s")


def _calls(source: str) -> None:
    from fiducial.conformance.calling import Caller
    from fiducial.conformance.subject import load

    subject = load(source)
    for dtype in ("float32", "float64"):
        x = np.linspace(-9, 9, ELEMENTS).astype(dtype)
        caller = Caller(subject, "sigmoid")
        started = time.perf_counter()
        for _ in range(CALLS):
            caller(subject.target.sigmoid, [x], {})
        print(f"{dtype}: {CALLS / (time.perf_counter() - started):.0f} calls of {ELEMENTS} elements a second")
    assert subject.process is not None
    subject.process.close()


if __name__ == "__main__":
    sys.exit(main())
