"""NIST's Statistical Reference Datasets: data and certified values, as the strings that NIST prints (see README.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

UNIVARIATE = ("PiDigits", "Lottery", "Lew", "Mavro", "Michelso", "NumAcc1", "NumAcc2", "NumAcc3", "NumAcc4")
LINEAR = (
    "Norris", "Pontius", "NoInt1", "NoInt2", "Filip", "Longley",
    "Wampler1", "Wampler2", "Wampler3", "Wampler4", "Wampler5",
)  # fmt: skip


@dataclass(frozen=True)
class DataSet:
    """Observations y, and for a regression the predictors x, row by row. ``certified`` is by operation."""

    name: str
    certified: Mapping[str, Sequence[str]]
    y: Sequence[str]
    x: Sequence[Sequence[str]] = ()
    intercept: bool = False
    degree: int = 1

    def design(self, x: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
        """The design matrix of these predictors: a column of ones where there is an intercept, and their powers."""
        ones = [Fraction(1)] if self.intercept else []
        return [ones + [v**power for v in row for power in range(1, self.degree + 1)] for row in x]

    def arrays(self, dtype: Any) -> list[Any]:
        """What an implementation is given: y, or X and y.

        Powers are those of the predictors as the dtype holds them, computed exactly and rounded once.
        """
        y = _array(self.y, dtype)
        if not self.x:
            return [y]
        held = [[Fraction(float(v)) for v in _array(row, dtype)] for row in self.x]
        return [np.array([_array(row, dtype) for row in self.design(held)]), y]


def _array(numbers: Sequence[str | Fraction], dtype: Any) -> Any:
    return np.array([rounded(Fraction(v), dtype) for v in numbers], dtype)


def rounded(number: Fraction, dtype: Any) -> Any:
    """The nearest number of a dtype; by way of float64 alone it would be rounded twice."""
    near = np.dtype(dtype).type(float(number))
    around = (near, np.nextafter(near, -near), np.nextafter(near, 2 * near))
    return min(around, key=lambda v: abs(Fraction(float(v)) - number))


@cache
def load(name: str) -> DataSet:
    """The data set of this name."""
    return DataSet(**json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8")))


def of(operation: str) -> list[DataSet]:
    """The data sets that certify what an operation computes, in NIST's order of difficulty."""
    return [d for d in map(load, (*UNIVARIATE, *LINEAR)) if operation in d.certified]
