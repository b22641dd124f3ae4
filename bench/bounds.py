"""Derived bounds, checked two ways: never exceeded by the textbook's algorithm, and never wider than needed.

    python bench/bounds.py [--numbers 100000] [--seconds 8] [--only NAME,...] [--markdown FILE]

First, each operation's algorithm is executed in each format (``tests/executed.py``): sums in any order, functions off
by all they may be. A ratio above 1 is an error made over a smaller error allowed, and makes the exit status 1. In
float64, where the truth comes from Arb, 2,000 numbers are judged; where results are few, as many as the seconds allow.

Then, how close the bounds are: the ratios of the reference implementation in float32, and the smallest relative error
that is certainly rejected, at several sizes: ``any`` where nothing is rounded, empty where all is 0 or nothing bounded.
Last, sums of many terms, where the errors of many rows together (``conformance/populations.py``) show more than bounds.
Seeds are fixed; only how many numbers the seconds allow differs from run to run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import executed

from fiducial.conformance import cases, levels, populations
from fiducial.conformance.cases import Case
from fiducial.conformance.examine import Examination
from fiducial.conformance.subject import Subject, load
from fiducial.conformance.verdict import LIMIT
from fiducial.spec import oracle
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.operation import Operation
from fiducial.spec.oracle import Answer

NARROW = ("float32", "bfloat16", "float16")
IN_FLOAT64 = 2000
TERMS = (512, 4096)
DRAWS = 3  # of the smallest structures, which hold few numbers
Row = list[str]


# --- never exceeded ---


def exceeded(operation: Operation, numbers: int, seconds: float) -> Iterator[tuple[str, executed.Executed]]:
    """Each format's findings."""
    for dtype in (d for d in (*NARROW, "float64") if d in operation.formats):
        wanted = min(numbers, IN_FLOAT64) if dtype == "float64" else numbers
        yield dtype, executed.measured(operation, dtype, wanted, seconds)


def executed_rows(operations: list[Operation], numbers: int, seconds: float, beyond: list[str]) -> Iterator[Row]:
    """A row for each operation; what is above 1 is added to ``beyond``."""
    for operation in operations:
        found = dict(exceeded(operation, numbers, seconds))
        beyond += [f"{operation.name}, {d}: {f.worst:.4g}, {f.where}" for d, f in found.items() if f.worst > 1]
        row = [operation.name]
        for dtype in (*NARROW, "float64"):
            f = found.get(dtype)
            row += [str(f.numbers), f"{f.values:.3f}", f"{f.gradients:.3f}"] if f else ["", "", ""]
        yield row


# --- never wider than needed ---


def sizes(e: Examination, rng: Any) -> Iterator[tuple[str, list[Case]]]:
    """The smallest structure, the volume, and sums of many terms."""
    structures = (s for s in levels._all_structures(e) if levels._numbers(s))
    shapes, attributes = min(structures, key=levels._numbers)
    few = [cases.build(e.operation, e.result.dtype, attributes, shapes, rng, flavour)
           for flavour in ("one sign", "normal") for _ in range(DRAWS)]  # fmt: skip
    yield "smallest", few
    yield "volume", [cases.draw(e.operation, e.result.dtype, lambda o: o[0], rng, e.settled, flavour, large=True)
                     for flavour in cases.FLAVOURS]  # fmt: skip
    if populations.exist(e.operation):
        yield from ((f"{terms} terms", [populations._case(e, terms, rng)]) for terms in TERMS)


def judged(e: Examination, case: Case) -> Iterator[tuple[str, list[Any], list[Answer]]]:
    """What the implementation gives, and the answers."""
    yield "values", e.outputs(case), oracle.values(case.call, e.format)
    if case.cotangents and e.subject.gradient_of(e.operation.name) is not None:
        answers = oracle.gradients(case.call, case.cotangents, e.format)
        yield "gradients", e.gradients(case, [a.shape for a in answers]), answers


def detected(answers: list[Answer]) -> float:
    """The smallest relative error of one number that is rejected, whatever the enclosure leaves open."""
    least = np.inf
    for a in answers:
        of = a.resolved & np.isfinite(a.bound) & np.isfinite(a.mid) & (a.mid != 0)
        with np.errstate(all="ignore"):
            least = min(least, float(np.min(((LIMIT * a.bound + a.rad) / np.abs(a.mid))[of], initial=np.inf)))
    return least


def closeness_rows(operations: list[Operation], subject: Subject) -> Iterator[Row]:
    """A row for each operation and size: float32's ratios and what is detected."""
    for operation in operations:
        e = Examination(subject, operation, "values", "float32")
        for size, some in sizes(e, generator(operation, "float32")):
            ratios: dict[str, list[Any]] = {"values": [], "gradients": []}
            least = {"values": np.inf, "gradients": np.inf}
            for case in some:
                for what, arrays, answers in judged(e, case):
                    pairs = zip(arrays, answers, strict=True)
                    ratios[what] += [executed.ratios_of(g, a, e.format) for g, a in pairs if g is not None]
                    least[what] = min(least[what], detected(answers))
            yield [operation.name, size, *(t for w in ratios for t in _summary(ratios[w], least[w]))]


def _summary(ratios: list[Any], least: float) -> Row:
    flat = np.concatenate(ratios) if ratios else np.zeros(0)
    if not flat.size:
        return ["", "", "", ""]
    return [str(flat.size), f"{np.median(flat):.2g}", f"{flat.max():.2g}", _relative(least)]


def _relative(error: float) -> str:
    return "" if np.isinf(error) else "any" if error == 0 else f"{error:.1e}"


# --- many rows together ---


def population_rows(operations: list[Operation], subject: Subject) -> Iterator[Row]:
    """A row for each operation with long sums: what one bound detects of it, and what the population does."""
    for operation in filter(populations.exist, operations):
        for terms in TERMS:
            found = [_in_population(operation, subject, terms, dtype) for dtype in NARROW]
            yield [operation.name, str(terms), str(found[0][0]), *(t for _, *texts in found for t in texts)]


def _in_population(operation: Operation, subject: Subject, terms: int, dtype: str) -> tuple[int, str, str]:
    """How many errors the profile "full" takes, and the relative errors that the bounds and the tests detect.

    A factor's errors are in proportion to it, and so are two of the three statistics: one is 1 at the factor found.
    """
    e = Examination(subject, operation, "population", dtype)
    case = populations._case(e, terms, generator(operation, dtype))
    answers, spreads = oracle.values(case.call, e.format), oracle.spreads(case.call, e.format)
    least, number = np.inf, 0
    for k, (answer, spread) in enumerate(zip(answers, spreads, strict=True)):
        parts = [populations._apart(case, k, a) for a in (answer.mid, answer.mid, *spread)]
        whole = [np.tile(a, levels.PROFILES["full"].numbers // populations.PART) for a in populations._usable(parts)]
        tests = dict(populations._tests(*whole))
        linear = max((tests[name] for name in ("the slope", "the mean") if name in tests), default=0.0)
        least, number = min(least, 1 / linear if linear else np.inf), number + len(whole[0])
    return number, _relative(detected(answers)), _relative(least)


def generator(operation: Operation, dtype: str) -> Any:
    """The same numbers in every run."""
    return np.random.default_rng([0, *map(ord, operation.name + dtype)])


# --- tables ---

EXECUTED = ["operation", *(f"{d} {w}" for d in (*NARROW, "float64") for w in ("numbers", "values", "gradients"))]
FIGURES = ("numbers", "median", "worst", "detected")
CLOSENESS = ["operation", "size", *(f"{w} {t}" for w in ("values", "gradients") for t in FIGURES)]
POPULATION = ["operation", "terms", "errors", *(f"{d} {t}" for d in NARROW for t in ("bound", "population"))]
Write = Callable[[str], None]


def table(title: str, header: Row, rows: Iterator[Row], write: Write, document: list[str]) -> list[Row]:
    """Writes the rows as they come, and as Markdown into the document."""
    widths = [32 if k == 0 else 11 for k in range(len(header))]
    words = [name.split(" ") for name in header]
    write(title)
    write(_aligned([w[0] if len(w) > 1 else "" for w in words], widths))
    write(_aligned([w[-1] for w in words], widths))
    document += ["", title, "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    kept = []
    for row in rows:
        write(_aligned(row, widths))
        document.append("| " + " | ".join(row) + " |")
        kept.append(row)
    write("")
    return kept


def _aligned(cells: Row, widths: list[int]) -> str:
    return "".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(cells, widths, strict=True)))


def _middle(rows: list[Row], size: str, column: str) -> str:
    """The median over the operations."""
    k = CLOSENESS.index(column)
    numbers = [float(r[k].replace("any", "0")) for r in rows if r[1] == size and r[k]]
    return f"{np.median(numbers):.2g}" if numbers else "-"


def totals(rows: list[Row], numbers: int) -> Iterator[str]:
    """For each format how many numbers were judged, the worst ratio, and the operations with fewer than asked."""
    for k, dtype in enumerate((*NARROW, "float64")):
        cells = [(r[0], *r[1 + 3 * k : 4 + 3 * k]) for r in rows if r[1 + 3 * k]]
        wanted = min(numbers, IN_FLOAT64) if dtype == "float64" else numbers
        fewer = [name for name, n, *_ in cells if int(n) < wanted]
        worst = max((float(t) for _, _, *both in cells for t in both), default=0.0)
        short = f"; fewer than {wanted} each of {', '.join(fewer)}" if fewer else ""
        yield f"{dtype}: {sum(int(n) for _, n, *_ in cells)} numbers, worst ratio {worst:.3f}{short}"


def summary(rows: list[Row]) -> Iterator[str]:
    """What the operations have in common at each size."""
    for size in dict.fromkeys(r[1] for r in rows):
        found = ", ".join(f"{c} {_middle(rows, size, c)}" for c in CLOSENESS[2:] if "numbers" not in c)
        yield f"Median over the operations, {size}: {found}"


def main() -> int:
    """Prints the tables; 1 where a bound is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, default=10**5, help="for each operation and format")
    parser.add_argument("--seconds", type=float, default=8.0, help="at most, for each operation and format")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], metavar="NAME,...")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    options = parser.parse_args()
    unknown = set(options.only) - set(CATALOGUE)
    if unknown:
        parser.error(f"--only: operations of the catalogue are required, got {', '.join(sorted(unknown))}")
    named = [CATALOGUE[n] for n in options.only or CATALOGUE]
    operations = [o for o in named if not o.default_definition().relation and not o.default_definition().sampling]
    document: list[str] = []
    beyond: list[str] = []

    def write(line: str) -> None:
        print(line, flush=True)

    subject = load()
    ran = table("The worst ratio of the textbook's algorithm, executed in the format (at most 1)", EXECUTED,
          executed_rows(operations, options.numbers, options.seconds, beyond), write, document)  # fmt: skip
    closing = [*totals(ran, options.numbers), *(f"ABOVE 1: {text}" for text in beyond)]
    rows = table("Ratios of the reference implementation in float32, and the smallest relative error that is detected",
                 CLOSENESS, closeness_rows(operations, subject), write, document)  # fmt: skip
    table("The smallest systematic error that is detected: by one bound, and by the errors of all rows together",
          POPULATION, population_rows(operations, subject), write, document)  # fmt: skip
    closing += summary(rows)
    document += ["", *(f"- {line}" for line in closing)]
    write("\n".join(closing))
    if options.markdown:
        options.markdown.write_text("\n".join(document[1:]) + "\n", encoding="utf-8")
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
