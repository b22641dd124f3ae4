"""A system of index equations: the one text that everything else in the specification interprets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fiducial.spec.language import Expr, name_of


@dataclass(frozen=True, eq=False)
class System:
    """Equations in the order in which they can be evaluated.

    ``inputs`` and ``outputs`` are left sides such as ``x[n, k]`` (an array read with its own indices) or ``L`` (a
    number). ``constants`` are the inputs that are not differentiated (labels, masks). ``shifts`` gives a value to
    free parameters on which the outputs do not depend: they are chosen, not differentiated.
    """

    inputs: tuple[Expr, ...]
    equations: Mapping[Expr, Expr]
    outputs: tuple[Expr, ...]
    constants: frozenset[str] = frozenset()
    shifts: Mapping[Expr, Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen = {name_of(lhs) for lhs in (*self.inputs, *self.shifts)}
        for lhs in self.equations:
            if name_of(lhs) in seen:
                raise ValueError(f"equations: {lhs} is defined twice; every variable has one equation")
            seen.add(name_of(lhs))
        for lhs in self.outputs:
            if name_of(lhs) not in seen:
                raise ValueError(f"outputs: {lhs} has no equation")

    @property
    def differentiable(self) -> tuple[Expr, ...]:
        """The inputs that have a gradient, in order."""
        return tuple(lhs for lhs in self.inputs if name_of(lhs) not in self.constants)

    def declared(self) -> dict[str, Expr]:
        """Every variable's left side, by name."""
        return {name_of(lhs): lhs for lhs in (*self.inputs, *self.shifts, *self.equations)}

    def extended(self, equations: Mapping[Expr, Expr], outputs: Sequence[Expr], inputs: Sequence[Expr] = ()) -> System:
        """This system with more equations after its own, other outputs, and more inputs."""
        return System(
            (*self.inputs, *inputs), {**self.equations, **equations}, tuple(outputs), self.constants, self.shifts
        )
