"""A system at small sizes, entry by entry, on symbols or exact numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from sympy import Idx

from fiducial.spec.evaluate import evaluate
from fiducial.spec.language import Expr, indices, name_of, natural, size, whole
from fiducial.spec.numbers.objects import SymbolNumbers
from fiducial.spec.system import System


def entries(
    system: System, sizes: Mapping[str, int], attributes: Mapping[str, Any] | None = None, /, **arrays: Any
) -> dict[str, Any]:
    """Every variable as an array of expressions; inputs that are not given are symbols named after their places."""
    data = {name_of(lhs): given(lhs, sizes, arrays.get(name_of(lhs))) for lhs in system.inputs}
    found = evaluate(system, SymbolNumbers(), data, sizes, attributes or {})
    return {name: getattr(value, "items", value) for name, value in found.items()}


def given(lhs: Expr, sizes: Mapping[str, int], array: Any = None) -> Any:
    """An input: its array, made exact, or symbols."""
    shape = tuple(_length(i, sizes) for i in indices(lhs))
    if array is None:
        array = np.array([sympy.Symbol(_label(lhs, at), real=True) for at in np.ndindex(*shape)], dtype=object)
    array = np.asarray(array).reshape(shape)
    if array.dtype.kind in "iu" and lhs.is_integer:
        return array
    return SymbolNumbers().data(np.frompyfunc(sympy.sympify, 1, 1)(array))


def _label(lhs: Expr, at: tuple[int, ...]) -> str:
    return "_".join([name_of(lhs), *map(str, at)])


def _length(i: Idx, sizes: Mapping[str, int]) -> int:
    known = {symbol(name): n for name, n in sizes.items() for symbol in (size, whole, natural)}
    return int((i.upper - i.lower + 1).xreplace(known))


def numbers_in(lhs: Expr) -> Expr:
    """How many elements an array has, in symbolic sizes."""
    return sympy.Mul(*(i.upper - i.lower + 1 for i in indices(lhs)))


def zeros(array: Any) -> list[Expr]:
    """The entries of an array, each of which must be zero."""
    return [sympy.expand(e) for e in np.ravel(array)]
