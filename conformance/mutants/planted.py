"""An implementation of one operation that is put to the suite on purpose: a wrong one, or a right and different one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fiducial.conformance.subject import DTYPES, Subject, from_functions, load

Function = Callable[..., Any]

RIGHT: Any = load().target  # the reference implementation, loaded as anyone's: what a fault is planted in


@dataclass
class Planted:
    """Functions that replace those of the reference implementation: NAME, NAME_vjp or both.

    ``what`` says in one line what is wrong (or different), ``report`` where it was found in released software,
    ``cause`` what a failed check should name, ``loses`` why a right one may be called loose. A class among the
    functions is made anew for every subject: its objects may remember things between calls.
    """

    operation: str
    name: str
    what: str
    functions: dict[str, Any] = field(default_factory=dict)
    report: str = ""
    cause: str = ""
    loses: str = ""
    conventions: Mapping[str, Any] = field(default_factory=dict)
    dtypes: Sequence[str] = tuple(DTYPES)

    @property
    def backward(self) -> bool:
        """Whether the gradient alone is replaced."""
        return self.operation not in self.functions

    def subject(self) -> Subject:
        """A subject that offers this operation alone; what is not replaced is the reference implementation's."""
        made: dict[str, Any] = {n: f() if inspect.isclass(f) else f for n, f in self.functions.items()}
        own = {n: getattr(RIGHT, n) for n in (self.operation, f"{self.operation}_vjp") if hasattr(RIGHT, n)}
        return from_functions(
            {**own, **made}, name=self.name, dtypes=tuple(self.dtypes), conventions={self.operation: self.conventions}
        )


class Corpus(dict[tuple[str, str], Planted]):
    """Implementations by operation and name. ``enter`` is a decorator of their functions."""

    def enter(self, function: str, name: str, what: str, **options: Any) -> Callable[[Any], Any]:
        """Enters what it decorates as ``function``: the name of an operation, or NAME_vjp.

        A second function under the same name joins the first (a forward and a backward that belong together).
        """
        operation = function.removesuffix("_vjp")

        def register(implementation: Any) -> Any:
            entry = self.setdefault((operation, name), Planted(operation, name, what, **options))
            entry.functions[function] = implementation
            return implementation

        return register


REPORTED = Corpus()  # faults of released software, re-created
DIFFERENT = Corpus()  # right, but not as the reference implementation does it
