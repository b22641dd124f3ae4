"""Functions of arrays of mpmath numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mpmath import mp, mpf

DIGITS = 600  # 1 - 1e-308 and a second difference of it, with 25 digits to spare
STEP = mpf(10) ** -30  # of a difference, relative to the number: the error is its square, 1e-60
INFINITE = mpf(10) ** 60  # stands for infinity: a limit is a value there
mp.dps = DIGITS

Array = Any
each = lambda f: np.frompyfunc(f, 1, 1)  # noqa: E731
exp, log, log1p, sqrt, tanh = map(each, (mp.exp, mp.log, mp.log1p, mp.sqrt, mp.tanh))
ncdf = each(lambda x: mp.erfc(-x / mp.sqrt(2)) / 2)
where = np.where


def exact(values: Array, shape: tuple[int, ...]) -> Array:
    """An array of numbers, exactly; infinities as a large number."""
    limit = {float("inf"): INFINITE, float("-inf"): -INFINITE}
    made = np.empty(len(values), dtype=object)
    made[:] = [limit.get(float(v), mpf(float(v))) for v in values]
    return made.reshape(shape)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + exp(-x))


def times_log(t: Array, p: Array) -> Array:
    """t log p, which is 0 where t is."""
    return np.frompyfunc(lambda a, b: a * mp.log(b) if a else mpf(0), 2, 1)(t, p)


def total(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    return np.sum(x, axis=axis, keepdims=keepdims)


def reduced(terms: Array, reduction: str, count: int | None = None) -> Array:
    """A loss: its terms, their sum, or the sum over a count (of all terms where it is not said)."""
    if reduction == "none":
        return terms
    return total(terms) / (1 if reduction == "sum" else mpf(count or terms.size))


Function = Callable[..., Array]


def gradient(function: Function, inputs: list[Array], position: int, index: tuple[int, ...]) -> mpf:
    """The derivative of a scalar function by one element of one input."""
    step = _step(inputs[position], index)
    return (function(*_moved(inputs, position, index, step)) - function(*_moved(inputs, position, index, -step))) / (
        2 * step
    )


def second(
    function: Function, inputs: list[Array], along: dict[int, Array], position: int, index: tuple[int, ...]
) -> mpf:
    """The derivative by one element of the derivative along directions of the inputs that are named by position."""
    step = min(_step(inputs[k], i) for k in along for i in np.ndindex(inputs[k].shape))

    def slope(*at: Array) -> mpf:
        moves = [step * along.get(k, mpf(0)) for k in range(len(at))]
        ahead, behind = ([a + sign * m for a, m in zip(at, moves, strict=True)] for sign in (1, -1))
        return (function(*ahead) - function(*behind)) / (2 * step)

    return gradient(slope, inputs, position, index)


def _step(x: Array, index: tuple[int, ...]) -> mpf:
    return STEP * (abs(x[index]) or 1)


def _moved(inputs: list[Array], position: int, index: tuple[int, ...], step: mpf) -> list[Array]:
    moved = [a.copy() for a in inputs]
    moved[position][index] += step
    return moved
