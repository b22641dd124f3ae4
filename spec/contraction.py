"""Sums of products over named axes: matrix products, gathers added up, sums that leave one term out.

A factor ``KroneckerDelta(v, at[i])`` under a sum over i adds each term to the place that it names: a scatter, the
adjoint of a gather. All bound indices of a product are summed at once, so that bounds hold for every order of addition.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import sympy
from sympy import Idx

from fiducial.spec.factors import Axis, axis, left_out
from fiducial.spec.language import Expr

Axes = tuple[Axis, ...]


@dataclass(frozen=True)
class Tensor:
    """A value with one named axis for each free index."""

    axes: Axes
    value: Any


class Arithmetic(Protocol):
    """What the contraction asks of the evaluator."""

    numbers: Any

    def length(self, i: Axis) -> int: ...
    def tensor(self, e: Expr) -> Tensor: ...
    def times(self, tensors: list[Tensor]) -> Tensor: ...
    def combine(self, a: Tensor, b: Tensor, operation: Any) -> Tensor: ...
    def integers(self, e: Expr) -> tuple[Axes, Any]: ...


def spread(t: Tensor, axes: tuple[Any, ...]) -> Any:
    """The value with these axes in order; length 1 where the tensor has no such axis."""
    if t.axes == axes:
        return t.value
    order = tuple(t.axes.index(i) for i in axes if i in t.axes)
    lengths = iter(t.value.shape[a] for a in order)
    return t.value.transpose(order).reshape(tuple(next(lengths) if i in t.axes else 1 for i in axes))


def contract(run: Arithmetic, tensors: list[Tensor], bound: tuple[Idx, ...], others: tuple[Expr, ...] = ()) -> Tensor:
    """Sum of the product over the bound indices; ``others`` are factors ``other(l, k)``."""
    if others:
        return _without_one(run, tensors, bound, others)
    tensors = _merged(run, tensors)
    waiting = [axis(i) for i in bound]
    while waiting:
        having = [t for t in tensors if waiting[0] in t.axes]
        rest = [t for t in tensors if waiting[0] not in t.axes]
        over = tuple(i for i in waiting if [i in t.axes for t in tensors] == [waiting[0] in t.axes for t in tensors])
        if not having:
            rest.append(Tensor((), run.numbers.constant(sympy.Integer(math.prod(map(run.length, over))))))
        elif len(having) == 2:
            rest.append(_inner(run, having[0], having[1], over))
        else:
            over = over if len(having) == 1 else tuple(i for i in waiting if not any(i in t.axes for t in rest))
            rest.append(summed(run, run.times(having), over))
        tensors, waiting = rest, [i for i in waiting if i not in over]
    return run.times(tensors)


def _without_one(run: Arithmetic, tensors: list[Tensor], bound: tuple[Idx, ...], others: tuple[Expr, ...]) -> Tensor:
    left = left_out(others[0], bound)
    if left is None:
        raise ValueError(f"a factor that leaves one term out is required, got {others[0]}")
    l, k = map(axis, left)
    body = contract(run, tensors, tuple(i for i in bound if i != left[0]), others[1:])
    if k in body.axes or l not in body.axes:
        return summed(run, run.combine(body, run.tensor(others[0]), lambda p, q: p * q), (l,))
    place = body.axes.index(l)
    return Tensor(tuple(k if i is l else i for i in body.axes), body.value.sum_of_others(place))


def _merged(run: Arithmetic, tensors: list[Tensor]) -> list[Tensor]:
    """Multiplies what makes nothing larger, so that at most matrix-like factors stay."""
    result: list[Tensor] = []
    for t in sorted(tensors, key=lambda t: -len(t.axes)):
        host = next((a for a, r in enumerate(result) if set(t.axes) <= set(r.axes)), None)
        if host is None:
            result.append(t)
        else:
            result[host] = run.combine(result[host], t, lambda p, q: p * q)
    return result


def summed(run: Arithmetic, t: Tensor, over: Axes) -> Tensor:
    """The sum of a tensor over some of its axes, in any order."""
    kept = tuple(i for i in t.axes if i not in over)
    if len(over) == 1:
        return Tensor(kept, t.value.sum(t.axes.index(over[0])))
    value = spread(t, (*kept, *over))
    terms = math.prod(map(run.length, over))
    return Tensor(kept, value.reshape((*value.shape[: len(kept)], terms)).sum(len(kept)))


def _inner(run: Arithmetic, a: Tensor, b: Tensor, over: Axes) -> Tensor:
    """The sum of a * b over axes of both, as a (batched) matrix product."""
    shared = tuple(j for j in a.axes if j in b.axes and j not in over)
    left = tuple(j for j in a.axes if j not in b.axes)
    right = tuple(j for j in b.axes if j not in a.axes)
    if not left and not right:
        return summed(run, run.times([a, b]), over)
    batch, rows, columns, inner = (tuple(map(run.length, axes)) for axes in (shared, left, right, over))
    n = math.prod(inner)
    p = spread(a, (*shared, *left, *over)).reshape((*batch, math.prod(rows), n))
    q = spread(b, (*shared, *over, *right)).reshape((*batch, n, math.prod(columns)))
    return Tensor((*shared, *left, *right), p.matmul(q).reshape((*batch, *rows, *columns)))


def scatter(run: Arithmetic, source: Tensor, places: tuple[tuple[Idx, Expr], ...], bound: tuple[Idx, ...]) -> Tensor:
    """Each element of ``source`` added up where ``places``, pairs (index, its value there), say; others are dropped."""
    named = [run.integers(e) for _, e in places]
    walked = tuple(dict.fromkeys(i for axes, _ in named for i in axes))
    summed_over, wants = set(map(axis, bound)), tuple(axis(i) for i, _ in places)
    outer = tuple(i for i in walked if i not in summed_over)
    over = tuple(i for i in walked if i in summed_over)
    axes = (*outer, *over)
    rest = tuple(i for i in source.axes if i not in axes)
    lengths = [run.length(i) for i in axes]
    value = spread(source, (*axes, *rest)).broadcast((*lengths, *map(run.length, rest)))
    wanted = list(map(run.length, wants))
    inside, target = np.ones(lengths, dtype=bool), np.zeros(lengths, dtype=int)
    positions = [*(run.integers(i.index) for i in outer), *named]
    for position, n in zip(positions, (*lengths[: len(outer)], *wanted), strict=True):
        where = along(*position, axes)
        inside, target = inside & (where >= 0) & (where < n), target * n + where
    targets = math.prod(lengths[: len(outer)]) * math.prod(wanted)
    rows = _rows_by_target(target.reshape(-1), inside.reshape(-1), targets)
    parts = value.reshape((math.prod(lengths), math.prod(map(run.length, rest)))).rows(rows)
    total = parts.sum(1) if rows.shape[1] != 1 else parts
    shape = (*lengths[: len(outer)], *wanted, *map(run.length, rest))
    return Tensor((*outer, *wants, *rest), total.reshape(shape))


def _rows_by_target(target: Any, inside: Any, targets: int) -> Any:
    """(targets, most): the sources that belong to each target, -1 where there are fewer."""
    sources = np.flatnonzero(inside)
    order = sources[np.argsort(target[sources], kind="stable")]
    counts = np.bincount(target[order], minlength=targets)
    column = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((targets, int(counts.max()) if targets else 0), -1)
    table[target[order], column] = order
    return table


def along(axes: Axes, array: Any, wanted: Axes) -> Any:
    """A bare array over named axes, spread over the wanted ones."""
    order = [axes.index(i) for i in wanted if i in axes]
    shape = iter([array.shape[a] for a in order])
    return array.transpose(order).reshape([next(shape) if i in axes else 1 for i in wanted])
