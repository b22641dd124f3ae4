"""A case that failed, as evidence: what came, what is true, and what other equations would have given."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fiducial.conformance.cases import Case
from fiducial.spec import oracle
from fiducial.spec.derived import gradient_system, value_system
from fiducial.spec.formats import Format
from fiducial.spec.numbers.rounded import RoundedNumbers
from fiducial.spec.oracle import Answer
from fiducial.spec.system import System


@dataclass(frozen=True)
class Suspect:
    """A case that failed: what was asked for, and all that came; ``format`` is the one that it was judged in."""

    case: Case
    gradient: bool
    found: tuple[Any, ...]
    band: str
    format: Format

    @cached_property
    def answers(self) -> list[Answer]:
        """The exact answers."""
        if self.gradient:
            return oracle.gradients(self.case.call, self.case.cotangents, self.format)
        return oracle.values(self.case.call, self.format)

    @property
    def system(self) -> System:
        definition = self.case.call.definition
        return gradient_system(definition) if self.gradient else value_system(definition)

    def executed(
        self, system: System | None = None, case: Case | None = None, format: Format | None = None
    ) -> list[Any]:
        """What equations give in a format's arithmetic; with other attributes, inputs or cotangents in another case."""
        case = case or self.case
        system = system or dataclasses.replace(self, case=case).system
        seeds = case.cotangents if self.gradient else ()
        return oracle.executed(case.call, system, RoundedNumbers(format or self.format), seeds)


Cause = tuple[str, str]  # a word, and the sentence that says it of the case
Explanation = Callable[[Suspect], list[Any] | None]  # what would have come, or None where it means nothing
