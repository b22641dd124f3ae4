"""Expected deviations: a file of known ones, one a line, each with its reason.

    # operation  level  dtype  outcome  [<VERSION]  reason to the end of the line
    sigmoid  gradients  float32  loose  s(1-s) cancels where s is near 1
    norm     special    *        wrong  <2.6 the squares overflow; the fix is announced
    softmax  values     float32  loose? subnormal numbers are flushed, on processors without AVX-512

``*`` stands for any level or dtype. An expected deviation that no longer occurs is a failure of its own; one with a
question mark depends on the machine, and need not occur. ``<2.6`` ends with version 2.6 of the subject: from then on
the deviation counts, and its absence does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from fiducial.conformance.results import Result
from fiducial.conformance.run import Run

KINDS = ("loose", "wrong", "crashed", "timed_out")


class BadExpectation(Exception):
    """The file cannot be used; the message names the line."""


@dataclass(frozen=True)
class Expectation:
    """One line of the file."""

    operation: str
    level: str
    dtype: str
    outcome: str
    reason: str
    until: Version | None = None  # the first version of the subject for which it does not hold
    sure: bool = True  # whether it occurs on every machine

    def holds(self, version: str) -> bool:
        """Whether it is meant for this version of the subject; a version that is none is no later one."""
        try:
            return self.until is None or Version(version) < self.until
        except InvalidVersion:
            return True

    def matches(self, r: Result) -> bool:
        return (
            self.operation == r.operation
            and self.level.replace("_", " ") in ("*", r.level)
            and self.dtype in ("*", r.dtype)
            and self.outcome == r.outcome
        )

    def covered(self, run: Run) -> bool:
        """Whether the run looked where the deviation is expected."""
        return any(
            self.operation == o and self.level.replace("_", " ") in ("*", level) and self.dtype in ("*", dtype)
            for o, level, dtype, _ in run.manifest
        )


def read(path: Path) -> list[Expectation]:
    """The expectations of a file. Raises BadExpectation naming file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadExpectation(f"--expect {path}: {error.strerror}") from error
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            found.append(_parsed(line, f"--expect {path}, line {number}"))
    return found


def _parsed(line: str, where: str) -> Expectation:
    parts = line.split(None, 4)
    until, _, rest = parts[-1].partition(" ") if parts[-1].startswith("<") else ("", "", parts[-1])
    kind = parts[3].removesuffix("?") if len(parts) == 5 else ""
    if kind not in KINDS or not rest.strip():
        raise BadExpectation(
            f"{where}: 'operation level dtype outcome [<VERSION] reason' is required "
            f"(outcome: {', '.join(KINDS)}; or with a question mark), got {line.strip()!r}"
        )
    try:
        operation, level, dtype, outcome = parts[:4]
        last = Version(until[1:]) if until else None
        return Expectation(operation, level, dtype, kind, rest.strip(), last, kind == outcome)
    except InvalidVersion:
        raise BadExpectation(f"{where}: a version is required after '<', got {until!r}") from None


def apply(run: Run, expectations: list[Expectation]) -> list[str]:
    """Turns what was expected into ``expected``; returns the expectations that did not come true.

    What a run read from a file was expected to be is forgotten where there are other expectations now.
    """
    held, used = [e for e in expectations if e.holds(run.version)], set()
    for r in run.results:
        if expectations and r.expected:
            r.outcome, r.notes = r.expected["outcome"], [n for n in r.notes if not n.startswith("expected ")]
            r.expected = None
        for e in held:
            if e.matches(r):
                used.add(e)
                r.expected = {"outcome": r.outcome, "reason": e.reason}
                r.outcome = "expected"
                r.notes.append(f"expected {e.outcome}: {e.reason}")
                break
    return [
        f"{e.operation} {e.level} {e.dtype} {e.outcome} ({e.reason})"
        for e in held if e.sure and e not in used and e.covered(run)
    ]  # fmt: skip
