"""Kills, false alarms and time: ordinary unit tests, gradient checkers and fiducial on the same implementations.

    python bench/comparison.py [--only OP,..] [--sample N] [--right N] [--markdown FILE] [--json FILE]

Faults are those that are planted by machine and those re-created from reports, without the ones that are equivalent to
none; right implementations are the reference and those that compute the same in another way. A unit test is
``numpy.testing.assert_allclose`` against the reference implementation in float64, on an ordinary shape, with default
attributes and random inputs. A gradient checker is given forward faults together with a right gradient, which no
library that differentiates its own wrong forward has. All of them run in this process, on one core, on inputs at which
the reference implementation passes; others are drawn where it does not, and that is a false alarm. Needs PyTorch and
JAX for their columns.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from comparison import table
from comparison.checkers import Check, Checker, all_of, complaint
from comparison.table import Cell, Row

from fiducial.conformance.mutants import corpus, generic
from fiducial.conformance.mutants.planted import RIGHT, Planted
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.remembered import remembering

DRAWS = 10
NOTES = """\
assert_allclose: float64 with rtol=1e-7, atol=0 (NumPy's defaults), float32 with rtol=1e-5, atol=1e-6; "kinder":
float64 with rtol=1e-5, atol=1e-8 (numpy.allclose's). "with gradients" compares the gradient for a random cotangent
too. gradcheck and check_grads: float64, defaults; their forward rows have a right gradient beside a wrong forward.
fiducial: quick, then full for faults; all levels at full for right ones, which share the exact answers. A checker
applies where it has something to look at: a gradient, a result that is not random, a dtype."""
Grouped = Sequence[tuple[str, Planted]]  # implementations with their groups


def main() -> int:
    """Measures, and prints or writes the tables."""
    options = _options()
    names = [n for n in CATALOGUE if not options.only or n in options.only.split(",")]
    if unknown := set(filter(None, options.only.split(","))) - set(CATALOGUE):
        print(f"--only: operations of the catalogue are required, got {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    checkers, missing = all_of()
    right = _sampled([p for (n, _), p in corpus.right_ones().items() if n in names], options.right)
    planted = [*(("right but different", p) for p in right), *_faults(names, options.sample)]
    rows = list(_measured(names, planted, checkers))
    columns = [c.name for c in checkers]
    tables = [t for t in (table.kills(rows, columns), table.causes(rows, columns)) if t]
    notes = [NOTES, *missing, f"Versions: {_versions()}."]
    for asked, part in ((options.sample, "faults by machine"), (options.right, "right ones that are different")):
        notes += [f"Of the {part}, at most {asked} were sampled, the same in every run."] if asked else []
    remarks = table.remarks(rows, columns)
    print("\n\n".join([*map(table.plain, tables), *notes, *(["\n".join(remarks)] if remarks else [])]))
    if options.markdown:
        options.markdown.write_text("\n\n".join([*map(table.markdown, tables), *notes]) + "\n", encoding="utf-8")
    if options.json:
        data = {"tables": tables, "notes": notes, "rows": list(map(asdict, rows))}
        options.json.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="OP,..", help="these operations alone")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="of the faults by machine, N at random")
    parser.add_argument("--right", type=int, default=0, metavar="N", help="of the different right ones, N at random")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _versions() -> str:
    packages = ("numpy", "torch", "jax", "fiducial")
    installed = {d.metadata["Name"] for d in metadata.distributions()}
    return ", ".join(f"{p} {metadata.version(p)}" for p in packages if p in installed)


def _faults(names: Sequence[str], sample: int) -> Grouped:
    """All faults but those that are none."""
    listed = corpus.equivalent()
    machine = [p for n in names for p in generic.of(CATALOGUE[n]) if (n, p.name) not in listed]
    reported = [p for (n, name), p in corpus.reported_faults().items() if n in names and (n, name) not in listed]
    named = [("by machine", _sampled(machine, sample)), ("from reports", reported)]
    return [(f"{source}, {'backward' if p.backward else 'forward'}", p) for source, part in named for p in part]


def _sampled(planted: list[Planted], number: int) -> list[Planted]:
    """So many of them at random, in their order; all for 0."""
    if not 0 < number < len(planted):
        return planted
    return [planted[k] for k in sorted(random.Random(0).sample(range(len(planted)), number))]


def _measured(names: Sequence[str], planted: Grouped, checkers: Sequence[Checker]) -> Iterator[Row]:
    """Every implementation, operation by operation: the reference implementation first."""
    for number, name in enumerate(names):
        _progress(number, len(names), name)
        own = [(group, p) for group, p in planted if p.operation == name]
        with remembering():  # right ones are judged by every case: they share the exact answers
            reference, seeds = _reference(name, checkers)
            yield reference
            yield from (_row(group, p, checkers, seeds) for group, p in own if group in table.RIGHT)
        yield from (_row(group, p, checkers, seeds) for group, p in own if group not in table.RIGHT)
    _progress(len(names), len(names), "")


def _row(group: str, p: Planted, checkers: Sequence[Checker], seeds: dict[str, int]) -> Row:
    row = Row(p.operation, p.name, group, p.cause, p.what)
    for checker in (c for c in checkers if c.name in seeds and c.applies(p)):
        row.cells[checker.name] = _timed(_check(checker, group), p, seeds[checker.name])
    return row


def _check(checker: Checker, group: str) -> Check:
    return checker.accuses or checker.check if group in table.RIGHT else checker.check


def _reference(name: str, checkers: Sequence[Checker]) -> tuple[Row, dict[str, int]]:
    """The reference implementation on the first inputs, and the seeds at which each checker passes it."""
    own = {f: getattr(RIGHT, f) for f in (name, f"{name}_vjp") if hasattr(RIGHT, f)}
    planted = Planted(name, "reference", "the reference implementation", own)
    row, seeds = Row(name, planted.name, "reference implementation"), {}
    for checker in (c for c in checkers if c.applies(planted)):
        check = _check(checker, row.group)
        row.cells[checker.name] = cell = _timed(check, planted, 0)
        # What is judged on inputs of its own judges whatever it says of the reference implementation.
        draws = (s for s in range(1, DRAWS) if not complaint(check, planted, s))
        seed = next(draws, None) if cell.said and checker.seeded else 0
        if seed is not None:
            seeds[checker.name] = seed
    return row, seeds


def _timed(check: Check, planted: Planted, seed: int) -> Cell:
    started = time.perf_counter()
    said = complaint(check, planted, seed)
    return Cell(said, time.perf_counter() - started)


def _progress(done: int, total: int, name: str) -> None:
    if sys.stderr.isatty():
        end = "\r" + " " * 79 + "\r" if done == total else ""
        sys.stderr.write(f"\r[{'#' * (30 * done // total):<30}] {done}/{total} {name:<40.40}{end}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
