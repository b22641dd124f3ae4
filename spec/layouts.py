"""Layouts: how arrays of any shape are read as the arrays of an operation's equations.

A layout only moves, reshapes and repeats, so it is a gather of positions; its adjoint (how a gradient goes back into
the input's shape) is the matching scatter, with a sum where an element was repeated, and follows from it. ``draw``
chooses shapes for the suite through ``pick(options)``; ``volume`` gives shapes that hold many points at once, and
``small`` shapes and attributes at which code is proved on symbols.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sympy import Sum

from fiducial.spec.language import Expr, indices, size_of
from fiducial.spec.operation import Definition

Shape = tuple[int, ...]
Attributes = Mapping[str, Any]
Structure = tuple[list[Shape], dict[str, Any]]
SIZES = (3, 2, 5, 1, 7, 4)
SHAPES: tuple[Shape, ...] = ((5,), (2, 3), (), (3, 1, 2), (7,), (1,), (2, 3, 5))


@dataclass(frozen=True)
class Direct:
    """The arrays are the equations' own; shapes follow from the sizes of their indices."""

    listed = False

    def inputs(self, arrays: Sequence[Any], attributes: Attributes) -> list[Any]:
        return list(arrays)

    def integers(self, attributes: Attributes) -> dict[str, int]:
        return {}

    def shape(self, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes, direct: Shape) -> Shape:
        return direct

    def output(self, array: Any, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes) -> Any:
        return array

    def volume(self, definition: Definition) -> Structure:
        return self._sized(definition, {"N": 131, "K": 6, "D": 7, "M": 5, "num_classes": 5, "T": 9, "V": 8}), {}

    def draw(self, pick: Any, definition: Definition) -> Structure:
        names = sorted({size_of(i) for x in definition.system.inputs for i in indices(x)})
        return self._sized(definition, {name: pick(SIZES) for name in names}), {}

    def long(self, definition: Definition, rows: int, terms: int) -> Structure | None:
        sizes = stretched(definition, rows, terms)
        return (self._sized(definition, sizes), {}) if sizes else None

    def small(self, definition: Definition) -> list[Structure]:
        return [(self._sized(definition, {"N": 2, "K": 3, "D": 2, "M": 3, "num_classes": 3, "T": 3, "V": 4}), {})]

    def _sized(self, definition: Definition, sizes: Mapping[str, int]) -> list[Shape]:
        return [tuple(sizes[size_of(i)] for i in indices(x)) for x in definition.system.inputs]


FEW = 2  # the length of what is neither a row nor summed over


def stretched(definition: Definition, rows: int, terms: int) -> dict[str, int] | None:
    """Sizes at which every row of the first output holds a sum of many terms: over the last index of the last input
    that the equations sum over, and that two inputs share where any do. None where there is no such index, or where
    rows have something to do with one another.
    """
    system, result = definition.stable, indices(definition.stable.outputs[0])
    if not result or result[:1] != indices(system.inputs[0])[:1] or any(s.step is not None for s in system.stages):
        return None
    bound = {limits[2] + 1 for e in system.equations.values() for s in e.atoms(Sum) for limits in s.limits}
    lead = size_of(result[0])
    if result[0].upper + 1 in bound:
        return None
    names = [size_of(i) for x in reversed(system.inputs) for i in reversed(indices(x))]
    summed = [size_of(i) for x in reversed(system.inputs) for i in reversed(indices(x)) if i.upper + 1 in bound]
    longest = [name for name in sorted(summed, key=lambda name: names.count(name) < 2) if name != lead]
    return {**dict.fromkeys(names, FEW), lead: rows, longest[0]: terms} if longest else None


@dataclass(frozen=True)
class Elementwise(Direct):
    """All arrays have one shape; the equations see them flattened. An output of rank 0 is a number."""

    empty: bool = True

    def inputs(self, arrays: Sequence[Any], attributes: Attributes) -> list[Any]:
        if len({a.shape for a in arrays}) > 1 and len({a.size for a in arrays}) == 1:
            raise ValueError(f"arrays of one shape are required, got {', '.join(str(a.shape) for a in arrays)}")
        return [a.reshape(-1) for a in arrays]

    def shape(self, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes, direct: Shape) -> Shape:
        return shapes[0] if indices(lhs) else ()

    def output(self, array: Any, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes) -> Any:
        return array.reshape(-1) if indices(lhs) else array

    def volume(self, definition: Definition) -> Structure:
        return [(2048,)] * len(definition.system.inputs), {}

    def draw(self, pick: Any, definition: Definition) -> Structure:
        shape = pick((*SHAPES, (0,), (2, 0)) if self.empty else SHAPES)
        return [shape] * len(definition.system.inputs), {}

    def long(self, definition: Definition, rows: int, terms: int) -> Structure | None:
        return None  # a sum over everything makes one number

    def small(self, definition: Definition) -> list[Structure]:
        return [([(2, 1)] * len(definition.system.inputs), {})]


@dataclass(frozen=True)
class Broadcast(Direct):
    """Shapes are broadcast together, then flattened. ``many`` points at once are few enough where each is dear."""

    many: int = 2048

    def inputs(self, arrays: Sequence[Any], attributes: Attributes) -> list[Any]:
        return [a.reshape(-1) for a in np.broadcast_arrays(*arrays)]

    def shape(self, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes, direct: Shape) -> Shape:
        return np.broadcast_shapes(*shapes)

    def output(self, array: Any, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes) -> Any:
        return array.reshape(-1)

    def volume(self, definition: Definition) -> Structure:
        return [(self.many,)] * len(definition.system.inputs), {}

    def draw(self, pick: Any, definition: Definition) -> Structure:
        # Prepended and stretched axes together are what un-broadcasting gets wrong: (2, 3, 4) against (1, 4).
        pairs = (((3, 4), (3, 4)), ((2, 3, 4), (1, 4)), ((1, 4), (2, 3, 4)), ((3, 1), (1, 2)), ((), (2, 3)), ((5,), ()),
                 ((2, 3), (3,)), ((4, 1, 3), (2, 1)), ((), ()), ((0, 3), (1, 3)))  # fmt: skip
        return _each(definition, pick(pairs)), {}

    def small(self, definition: Definition) -> list[Structure]:
        return [(_each(definition, pair), {}) for pair in (((2, 1, 2), (1, 2)), ((), (2,)))]


def _each(definition: Definition, pair: Sequence[Shape]) -> list[Shape]:
    """A shape for every input, the two of the pair in turn, the second one last."""
    number = len(definition.system.inputs)
    return [pair[(k + number) % 2] for k in range(number)]


@dataclass(frozen=True)
class Over(Direct):
    """The axes named by ``axis`` become the last index k, all others the first, n; results of rank 1 lose the axes."""

    several: bool = False
    keepdims: bool = False
    shapes: Sequence[Shape] = ((3, 5), (4,), (2, 3, 4), (1, 7), (6, 1), (2, 1, 3, 2))

    def _axes(self, rank: int, attributes: Attributes) -> Shape:
        axis = attributes["axis"]
        axes = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
        return tuple(a % rank if rank else a for a in axes)

    def _table(self, array: Any, attributes: Attributes) -> Any:
        axes = self._axes(array.ndim, attributes)
        kept = [a for a in range(array.ndim) if a not in axes]
        rows = math.prod(array.shape[a] for a in kept)
        return array.transpose([*kept, *axes]).reshape(rows, math.prod(array.shape[a] for a in axes))

    def inputs(self, arrays: Sequence[Any], attributes: Attributes) -> list[Any]:
        return [self._table(a, attributes) for a in arrays]

    def shape(self, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes, direct: Shape) -> Shape:
        if len(indices(lhs)) == 2:
            return shapes[0]
        axes, keep = self._axes(len(shapes[0]), attributes), attributes.get("keepdims", False)
        return tuple(1 if a in axes else n for a, n in enumerate(shapes[0]) if keep or a not in axes)

    def output(self, array: Any, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes) -> Any:
        return self._table(array, attributes) if len(indices(lhs)) == 2 else array.reshape(-1)

    def volume(self, definition: Definition) -> Structure:
        keep: dict[str, Any] = {"keepdims": False} if self.keepdims else {}
        return [(512, 4)] * len(definition.system.inputs), {"axis": -1, **keep}

    def long(self, definition: Definition, rows: int, terms: int) -> Structure | None:
        keep: dict[str, Any] = {"keepdims": False} if self.keepdims else {}
        sums = any(e.has(Sum) for e in definition.stable.equations.values())
        return ([(rows, terms)] * len(definition.system.inputs), {"axis": -1, **keep}) if sums else None

    def draw(self, pick: Any, definition: Definition) -> Structure:
        shape = pick(self.shapes)
        single = [-1, *range(len(shape)), -len(shape)]
        attributes = {"axis": pick(single)}
        if self.several:
            # two axes out of order, and all of them, are as legal as one
            pairs = [(a, b) for a in range(len(shape)) for b in range(len(shape)) if a != b]
            attributes = {"axis": pick([None, *single, *pairs])}
        if self.keepdims:
            attributes["keepdims"] = pick((False, True))
        return [shape] * len(definition.system.inputs), attributes

    def small(self, definition: Definition) -> list[Structure]:
        keep: dict[str, Any] = {"keepdims": False} if self.keepdims else {}
        found = [((2, 3), {"axis": -1, **keep}), ((3, 2), {"axis": 0, **keep}), ((1, 2, 2), {"axis": 1, **keep})]
        if self.several:
            found.append(((2, 2), {"axis": None, **keep}))
        if self.keepdims:
            found.append(((2, 2, 1), {"axis": (2, 0), "keepdims": True}))
        return [([shape] * len(definition.system.inputs), attributes) for shape, attributes in found]


@dataclass(frozen=True)
class Matmul(Direct):
    """Stacks of matrices with broadcast leading axes; an operand of rank 1 is a row (left) or a column (right)."""

    def inputs(self, arrays: Sequence[Any], attributes: Attributes) -> list[Any]:
        a, b = arrays
        a, b = (a[None, :] if a.ndim == 1 else a), (b[:, None] if b.ndim == 1 else b)
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return [np.broadcast_to(m, (*batch, *m.shape[-2:])).reshape(math.prod(batch), *m.shape[-2:]) for m in (a, b)]

    def shape(self, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes, direct: Shape) -> Shape:
        a, b = shapes
        rows, columns = a[-2:-1] if len(a) > 1 else (), b[-1:] if len(b) > 1 else ()
        return (*np.broadcast_shapes(a[:-2], b[:-2]), *rows, *columns)

    def output(self, array: Any, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes) -> Any:
        a, b = shapes
        rows, columns = (a[-2] if len(a) > 1 else 1), (b[-1] if len(b) > 1 else 1)
        return array.reshape(math.prod(np.broadcast_shapes(a[:-2], b[:-2])), rows, columns)

    def volume(self, definition: Definition) -> Structure:
        return [(64, 3, 5), (64, 5, 4)], {}

    def long(self, definition: Definition, rows: int, terms: int) -> Structure | None:
        return [(rows, 1, terms), (rows, terms, 1)], {}

    def draw(self, pick: Any, definition: Definition) -> Structure:
        pairs = (((3, 4), (4, 2)), ((2, 3, 5), (5, 4)), ((3, 5), (2, 5, 4)), ((2, 1, 3, 4), (3, 4, 2)), ((4,), (4,)),
                 ((4,), (4, 3)), ((3, 4), (4,)), ((2, 3, 4), (4,)), ((4,), (2, 4, 3)), ((1, 7), (7, 1)), ((4, 4), (4,)),
                 ((4, 0), (0, 3)))  # fmt: skip
        return list(pick(pairs)), {}

    def small(self, definition: Definition) -> list[Structure]:
        pairs = (((2, 1, 2, 3), (3, 2)), ((3,), (2, 3, 2)), ((2, 3), (3,)), ((3,), (3,)))
        return [(list(pair), {}) for pair in pairs]


@dataclass(frozen=True)
class NewAxis(Direct):
    """x is read as (a, b), split where the new axis goes; the result as (a, r, b)."""

    def _split(self, shape: Shape, attributes: Attributes) -> tuple[int, int]:
        place = attributes["axis"] % (len(shape) + 1)
        return math.prod(shape[:place]), math.prod(shape[place:])

    def inputs(self, arrays: Sequence[Any], attributes: Attributes) -> list[Any]:
        return [a.reshape(self._split(a.shape, attributes)) for a in arrays]

    def shape(self, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes, direct: Shape) -> Shape:
        place = attributes["axis"] % (len(shapes[0]) + 1)
        return (*shapes[0][:place], attributes["n"], *shapes[0][place:])

    def output(self, array: Any, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes) -> Any:
        before, after = self._split(shapes[0], attributes)
        return array.reshape(before, attributes["n"], after)

    def volume(self, definition: Definition) -> Structure:
        return [(40, 7)], {"axis": 1}

    def long(self, definition: Definition, rows: int, terms: int) -> Structure | None:
        return None

    def draw(self, pick: Any, definition: Definition) -> Structure:
        shape = pick(((4,), (2, 3), (3, 1, 2), ()))
        return [shape], {"axis": pick((0, len(shape), -1, *range(len(shape))))}

    def small(self, definition: Definition) -> list[Structure]:
        return [([(2, 3)], {"axis": axis}) for axis in (0, 1, -1)]


@dataclass(frozen=True)
class Lookup(Direct):
    """A table (V, D) and positions of any shape, which the equations see flattened."""

    def inputs(self, arrays: Sequence[Any], attributes: Attributes) -> list[Any]:
        return [arrays[0], arrays[1].reshape(-1)]

    def shape(self, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes, direct: Shape) -> Shape:
        return (*shapes[1], shapes[0][1])

    def output(self, array: Any, shapes: Sequence[Shape], lhs: Expr, attributes: Attributes) -> Any:
        return array.reshape(-1, shapes[0][1])

    def volume(self, definition: Definition) -> Structure:
        return [(30, 5), (211,)], {}

    def long(self, definition: Definition, rows: int, terms: int) -> Structure | None:
        return None

    def draw(self, pick: Any, definition: Definition) -> Structure:
        # More positions than rows: some repeat.
        return [pick(((4, 3), (3, 5), (6, 2))), pick(((7,), (2, 5), (3, 2, 3), ()))], {}

    def small(self, definition: Definition) -> list[Structure]:
        return [([(4, 2), (2, 3)], {}), ([(3, 1), ()], {})]


def restored(positions: Any, size: int) -> Any:
    """Where the elements of a laid-out array belong: an order of shape (size, repeats).

    ``positions`` is the layout of 0 .. size-1; a gradient's elements gathered in this order are summed over repeats.
    """
    flat = positions.reshape(-1)
    if not size:
        return flat.reshape(0, 1)
    if flat.size == size and bool(np.all(flat[1:] > flat[:-1])):
        return flat.reshape(size, 1)  # nothing moved: most layouts of large arrays, and a sort is slow
    return np.argsort(flat, kind="stable").reshape(size, flat.size // size)
