"""The command line's start, the full profile's time, and what a second worker gains.

    python bench/command_line.py

Run it on an otherwise idle machine: the ratios are of wall-clock times of whole processes.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds(*arguments: str) -> float:
    """Wall-clock seconds of one process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Prints each figure."""
    run = "import sys; from fiducial.conformance.cli import main; sys.exit(main(sys.argv[1:]))"
    empty = statistics.median(seconds("-c", "pass") for _ in range(9))
    shown = statistics.median(seconds("-c", run, "--help") for _ in range(9))
    print(f"fiducial --help: {shown:.3f} s, {shown / empty:.1f} times an empty Python process")
    seconds("-c", run, "check", "--profile", "quick", "-n", "1")  # fills the derivation cache
    one = seconds("-c", run, "check", "-n", "1")
    two = seconds("-c", run, "check", "-n", "2")
    print(f"fiducial check, full profile, 4 dtypes: {one:.1f} s with one worker, {two:.1f} s with two")
    print(f"two workers are {one / two:.2f} times as fast as one")


if __name__ == "__main__":
    main()
