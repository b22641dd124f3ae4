"""What a run found: one result for each operation, level, dtype and backend."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

LEVELS = (
    "shape", "special", "values", "reference data", "gradients", "second order", "laws", "inductive bias",
    "distribution", "population",
)  # fmt: skip
# From the least to the most serious: a result is as bad as its worst case.
OUTCOMES = (
    "not_available", "not_provided", "unsupported", "tight", "ok", "expected", "loose", "timed_out", "crashed", "wrong",
)  # fmt: skip
CONFORMING = ("tight", "ok", "expected")
DEMANDS = {"tight": ("tight",), "ok": ("tight", "ok"), "loose": ("tight", "ok", "loose")}


@dataclass
class Result:
    """One cell of the report. ``ratio`` is the worst |got - exact| / bound seen (None before any case was judged).

    ``cause`` is what a failure most resembles, a word and a sentence. ``reference`` compares with certified statistics,
    one entry for each, at the level "reference data". ``expected`` is the outcome that an expectation stands for, with
    its reason.
    """

    operation: str
    level: str
    dtype: str
    backend: str
    outcome: str = ""
    cases: int = 0
    vacuous: int = 0
    ratio: float | None = None
    counterexample: dict[str, Any] | None = None
    message: str = ""
    cause: str = ""
    notes: list[str] = field(default_factory=list)
    reference: list[dict[str, Any]] = field(default_factory=list)
    expected: dict[str, str] | None = None
    seconds: float = 0.0

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.operation, self.level, self.dtype, self.backend

    @property
    def told(self) -> str:
        """The message, with the cause that was found."""
        return f"{self.message}\n  cause: {self.cause}" if self.cause else self.message

    def worsen(self, outcome: str) -> bool:
        """Takes the outcome over when it is worse than what is known; says whether it was."""
        if self.outcome and OUTCOMES.index(outcome) <= OUTCOMES.index(self.outcome):
            return False
        self.outcome = outcome
        return True

    def as_json(self) -> dict[str, Any]:
        data = asdict(self)
        data["ratio"] = _number(self.ratio)
        del data["seconds"]  # a run's JSON is the same for the same seed
        return data


def _number(value: float | None) -> float | str | None:
    """JSON has no infinity."""
    return "inf" if value == float("inf") else value


def from_json(data: dict[str, Any]) -> Result:
    """A result from its JSON form."""
    ratio = data["ratio"]
    return Result(**{**data, "ratio": float(ratio) if ratio is not None else None})
