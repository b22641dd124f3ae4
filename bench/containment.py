"""Containment of every operation of the balls, at a million points each: a table, and exit status 1 on a violation.

    python bench/containment.py [--points 1000000] [--seconds 180] [--only NAME ...]

Functions whose Arb values take long are tried at as many points as the seconds allow: the table says how many.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import containment


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10**6)
    parser.add_argument("--seconds", type=float, default=180.0, help="at most, for each operation")
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    violations = 0

    def results() -> Iterator[tuple[str, dict[str, containment.Found]]]:
        nonlocal violations
        for operation in containment.OPERATIONS:
            if options.only and operation.name not in options.only:
                continue
            found = containment.measured(operation, options.points, seconds=options.seconds)
            violations += sum(len(f.violations) for f in found.values())
            yield operation.name, found

    for line in containment.table(results()):
        print(line, flush=True)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
