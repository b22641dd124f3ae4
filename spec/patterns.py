"""Layouts written as patterns: ``"n (G c) h"`` reads an array's axes; a bracket splits one axis into several indices.

A word is one index of the equations. In brackets, a number or a name that the attributes give (``G`` groups) is known,
and at most one other factor follows. ``...`` stands for any number of axes, read as one index.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fiducial.spec.language import Expr, indices, name_of, size_of
from fiducial.spec.layouts import FEW, Attributes, Direct, Shape, Structure, stretched
from fiducial.spec.operation import Definition


def words(pattern: str) -> list[list[str]]:
    """The axes of a pattern, each as its words: ``"n (G c)"`` is [["n"], ["G", "c"]]."""
    return [group.strip("()").split() for group in re.findall(r"\([^)]*\)|\S+", pattern)]


@dataclass(frozen=True, eq=False)
class Pattern(Direct):
    """One pattern for each input, and for each output by its name (the sizes of its indices where it has none).

    A structure gives every word of the inputs a length, ``...`` a shape, and layout attributes their values; lists
    begin with the plainest.
    """

    read: Sequence[str]
    written: Mapping[str, str] = field(default_factory=dict)
    structures: Sequence[Mapping[str, Any]] = ()
    large: Mapping[str, Any] = field(default_factory=dict)
    tiny: Sequence[Mapping[str, Any]] = ()
    known: Callable[[Attributes], dict[str, int]] = lambda attributes: {}
    longer: bool = True  # whether many long sums are tried: not where another operation has the same ones more cheaply

    def integers(self, attributes: Attributes) -> dict[str, int]:
        return self.known(attributes)

    def inputs(self, arrays: Sequence[Any], attributes: Attributes) -> list[Any]:
        known = self.integers(attributes)
        return [a.reshape(_split(a.shape, p, known)) for a, p in zip(arrays, self.read, strict=False)]

    def shape(self, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes, direct: Shape) -> Shape:
        lengths = iter(direct)
        found: list[int] = []
        for group in words(self.written.get(name_of(lhs), " ".join(map(str, indices(lhs))))):
            n = math.prod(next(lengths) for _ in group)
            found += _outer(shapes[0], self.read[0]) if group == ["..."] else [n]
        return tuple(found)

    def output(self, array: Any, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes) -> Any:
        pattern = self.written.get(name_of(lhs))
        return array if pattern is None else array.reshape(_split(array.shape, pattern, self.integers(attributes)))

    def volume(self, definition: Definition) -> Structure:
        return self._structure(self.large, definition)

    def draw(self, pick: Any, definition: Definition) -> Structure:
        return self._structure(pick(self.structures), definition)

    def long(self, definition: Definition, rows: int, terms: int) -> Structure | None:
        sizes = stretched(definition, rows, terms)
        if sizes is None or not self.longer:
            return None
        lengths = dict((*self.tiny, self.large)[0])
        for x, pattern in zip(definition.system.inputs, self.read, strict=False):
            for i, word in zip(indices(x), (w for group in words(pattern) for w in group), strict=True):
                if sizes[size_of(i)] != FEW:
                    lengths[word] = (sizes[size_of(i)],) if word == "..." else sizes[size_of(i)]
        return self._structure(lengths, definition)

    def small(self, definition: Definition) -> list[Structure]:
        return [self._structure(s, definition) for s in self.tiny]

    def _structure(self, structure: Mapping[str, Any], definition: Definition) -> Structure:
        read = self.read[: len(definition.system.inputs)]
        used = {word for p in self.read for group in words(p) for word in group}
        attributes = {name: value for name, value in structure.items() if name not in used}
        lengths = {**structure, **self.integers(attributes)}
        return [tuple(n for group in words(p) for n in _lengths(group, lengths)) for p in read], attributes


def _lengths(group: list[str], lengths: Mapping[str, Any]) -> Shape:
    if group == ["..."]:
        return tuple(lengths["..."])
    return (math.prod(int(word) if word.isdigit() else lengths[word] for word in group),)


def _outer(shape: Shape, pattern: str) -> Shape:
    """The axes that ``...`` stands for."""
    groups = words(pattern)
    place = groups.index(["..."])
    return tuple(shape[place : len(shape) - (len(groups) - place - 1)])


def _split(shape: Shape, pattern: str, known: Mapping[str, int]) -> Shape:
    """The shape in the equations."""
    groups, found = words(pattern), []
    outer = _outer(shape, pattern) if ["..."] in groups else ()
    place = groups.index(["..."]) if ["..."] in groups else 0
    merged = (*shape[:place], math.prod(outer), *shape[place + len(outer) :]) if ["..."] in groups else shape
    if len(merged) != len(groups):
        raise ValueError(f"an array of {len(groups)} axes, {pattern}, is required, got shape {tuple(shape)}")
    for n, group in zip(merged, groups, strict=True):
        factors = [int(w) if w.isdigit() else known.get(w) for w in group]
        rest = math.prod(f for f in factors if f is not None)
        if len(group) > 1 and (n % rest if rest else n):
            raise ValueError(f"a multiple of {rest} is required where the pattern {pattern} says {group}, got {n}")
        found += [f if f is not None else n // rest if len(group) > 1 else n for f in factors]
    return tuple(found)


@dataclass(frozen=True)
class Listed(Direct):
    """Arrays of any shapes, taken as one list and returned as one; output y2 has the shape of input 2."""

    listed = True

    def inputs(self, arrays: Sequence[Any], attributes: Attributes) -> list[Any]:
        return [a.reshape(-1) for a in arrays]

    def shape(self, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes, direct: Shape) -> Shape:
        return shapes[int(name_of(lhs)[1:])]

    def output(self, array: Any, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes) -> Any:
        return array.reshape(-1)

    def volume(self, definition: Definition) -> Structure:
        return [(400,), (20, 30), (3,)], {}

    def long(self, definition: Definition, rows: int, terms: int) -> Structure | None:
        return None

    def draw(self, pick: Any, definition: Definition) -> Structure:
        return list(pick((((2, 3), (4,), ()), ((5,), (1,), (2, 2)), ((1,), (0,), (3, 2))))), {}

    def small(self, definition: Definition) -> list[Structure]:
        return [([(2,), (1, 2), ()], {})]
