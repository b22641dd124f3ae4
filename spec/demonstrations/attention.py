"""Attention: a set of keys, and masks."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from sympy import Expr, Integer

from fiducial.spec.demonstrations.written_out import entries, given
from fiducial.spec.operation import Definition

SIZES = {"B": 1, "L": 3, "S": 3, "E": 1, "F": 1}


def _symbols(definition: Definition) -> dict[str, np.ndarray]:
    names = ("q", "k", "v")
    return {n: given(lhs, SIZES).items for n, lhs in zip(names, definition.system.inputs, strict=True)}


def keys_in_any_order(definition: Definition) -> list[Expr]:
    """All six orders of three keys, with their values: the output is the same."""
    own = _symbols(definition)
    before = entries(definition.system, SIZES, **own)["y"]
    found = []
    for order in permutations(range(3)):
        moved = {"q": own["q"], "k": own["k"][:, list(order)], "v": own["v"][:, list(order)]}
        found += list(np.ravel(entries(definition.system, SIZES, **moved)["y"] - before))
    return found


def queries_in_any_order(definition: Definition) -> list[Expr]:
    """All six orders of three queries: the outputs come in the same order."""
    own = _symbols(definition)
    before = entries(definition.system, SIZES, **own)["y"]
    found = []
    for order in permutations(range(3)):
        moved = entries(definition.system, SIZES, **(own | {"q": own["q"][:, list(order)]}))["y"]
        found += list(np.ravel(moved - before[:, list(order)]))
    return found


def every_row_sees_a_key(definition: Definition) -> list[Expr]:
    """Aligned at the top left, query i sees min(i + 1, S) keys, for L != S too: no row is fully masked.

    Aligned at the bottom right (another convention), the first L - S rows would see none.
    """
    found = []
    for rows, keys in ((2, 4), (4, 2), (3, 3), (5, 1)):
        sizes = {"B": 1, "L": rows, "S": keys, "E": 1, "F": 1}
        ones = {"q": np.zeros((1, rows, 1), int), "k": np.zeros((1, keys, 1), int), "v": np.ones((1, keys, 1), int)}
        mass = entries(definition.system, sizes, **ones)["mass"]
        found += [mass[0, i] - min(i + 1, keys) for i in range(rows)]
        hidden = sum(1 for i in range(rows) if i + keys - rows < 0)
        found.append(Integer(hidden) - max(rows - keys, 0))
    return found
