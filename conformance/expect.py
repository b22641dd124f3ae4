"""Expected deviations: a file of known ones, one a line, each with its reason.

    # operation  level  dtype  outcome  reason to the end of the line
    sigmoid  gradients  float32  loose  s(1-s) cancels where s is near 1

``*`` stands for any level or dtype. An expected deviation that no longer occurs is a failure of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
            parts = line.split(None, 4)
            if len(parts) < 5 or parts[3] not in KINDS:
                raise BadExpectation(
                    f"--expect {path}, line {number}: 'operation level dtype outcome reason' is required "
                    f"(outcome: {', '.join(KINDS)}), got {line.strip()!r}"
                )
            found.append(Expectation(*parts))
    return found


def apply(run: Run, expectations: list[Expectation]) -> list[str]:
    """Turns what was expected into ``expected``; returns the expectations that did not come true."""
    used = set()
    for r in run.results:
        for e in expectations:
            if e.matches(r):
                used.add(e)
                r.outcome = "expected"
                r.notes.append(f"expected {e.outcome}: {e.reason}")
                break
    return [
        f"{e.operation} {e.level} {e.dtype} {e.outcome} ({e.reason})"
        for e in expectations if e not in used and e.covered(run)
    ]  # fmt: skip
