"""A system of index equations: the one text that everything else in the specification interprets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import sympy
from sympy import Idx, Indexed
from sympy.utilities.iterables import strongly_connected_components

from fiducial.spec.language import Expr, indices, name_of


@dataclass(frozen=True)
class Stage:
    """Equations that are evaluated together: a single one, or a recurrence's, step by step along an index.

    In a recurrence they are in the order of one step; ``backward`` steps run from the index's last value to its first.
    """

    equations: tuple[tuple[Expr, Expr], ...]
    step: Idx | None = None
    backward: bool = False


@dataclass(frozen=True, eq=False)
class System:
    """One equation for each variable, in any order; a variable may depend on itself at an earlier (or a later) step.

    ``inputs`` and ``outputs`` are left sides such as ``x[n, k]`` (an array read with its own indices) or ``L`` (a
    number). ``constants`` are the inputs that are not differentiated (labels, masks). ``shifts`` gives a value to
    free parameters on which the outputs do not depend: they are chosen, not differentiated. Outputs that are
    ``described`` have no equations: something else (a relation, a distribution) says what they are.
    """

    inputs: tuple[Expr, ...]
    equations: Mapping[Expr, Expr]
    outputs: tuple[Expr, ...]
    constants: frozenset[str] = frozenset()
    shifts: Mapping[Expr, Expr] = field(default_factory=dict)
    described: bool = False

    def __post_init__(self) -> None:
        seen = {name_of(lhs) for lhs in (*self.inputs, *self.shifts)}
        for lhs in self.equations:
            if name_of(lhs) in seen:
                raise ValueError(f"equations: {lhs} is defined twice; every variable has one equation")
            seen.add(name_of(lhs))
        for lhs in self.outputs if not self.described else ():
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

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The equations in the order in which they can be evaluated.

        Raises ValueError where variables depend on one another at the same step.
        """
        rules = {name_of(lhs): (lhs, rhs) for lhs, rhs in self.equations.items()}
        uses = {name: mentioned(rhs) & set(rules) for name, (_, rhs) in rules.items()}
        components = strongly_connected_components(_graph(uses))
        return tuple(_stage([rules[name] for name in c], len(c) > 1 or c[0] in uses[c[0]]) for c in components)

    @cached_property
    def recurrent(self) -> frozenset[str]:
        """The variables that depend on themselves at another step."""
        steps = [stage for stage in self.stages if stage.step is not None]
        return frozenset(name_of(lhs) for stage in steps for lhs, _ in stage.equations)


def mentioned(e: Expr) -> set[str]:
    """The names of the arrays and numbers in an expression."""
    return {name_of(a) for a in e.atoms(Indexed)} | {s.name for s in e.atoms(sympy.Symbol)}


def _graph(uses: Mapping[str, Collection[str]]) -> tuple[list[str], list[tuple[str, str]]]:
    return list(uses), [(name, used) for name, others in uses.items() for used in sorted(others)]


def _stage(rules: list[tuple[Expr, Expr]], recurs: bool) -> Stage:
    if not recurs:
        return Stage((rules[0],))
    by_name = {name_of(lhs): (lhs, rhs) for lhs, rhs in rules}
    for t in dict.fromkeys(i for i in indices(rules[0][0]) if isinstance(i, Idx)):
        offsets = list(_offsets(by_name, t))
        away = {offset for _, _, offset in offsets if offset}
        if None in away or len({offset > 0 for offset in away if offset is not None}) > 1:
            continue
        now = {name: {used for user, used, offset in offsets if user == name and not offset} for name in by_name}
        order = strongly_connected_components(_graph(now))
        if all(len(c) == 1 and c[0] not in now[c[0]] for c in order):
            return Stage(tuple(by_name[c[0]] for c in order), t, any(offset > 0 for offset in away if offset))
    raise ValueError(f"equations: {', '.join(by_name)} depend on one another at the same step")


def _offsets(rules: Mapping[str, tuple[Expr, Expr]], t: Idx) -> Iterator[tuple[str, str, int | None]]:
    """(user, used, how far from t the user reads it) for every use; None where that is not a fixed number of steps."""
    for name, (_, rhs) in rules.items():
        for element in rhs.atoms(Indexed):
            if name_of(element) in rules:
                axes = indices(rules[name_of(element)][0])
                away = element.indices[axes.index(t)] - t if t in axes else sympy.nan
                yield name, name_of(element), int(away) if away.is_Integer else None
