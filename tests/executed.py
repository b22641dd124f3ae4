"""The textbook's algorithms, executed in a format and held to the bounds that were derived for them.

Nothing that they may do is left out: sums go in any order, functions err by all they may, at random or all one way. In
float64 functions stay within a unit in the last place, as NumPy's own error comes on top of what is added here.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fiducial.conformance import cases
from fiducial.conformance.cases import Case
from fiducial.conformance.verdict import ratio
from fiducial.spec import oracle
from fiducial.spec.derived import gradient_system, value_system
from fiducial.spec.formats import FORMATS, Format
from fiducial.spec.numbers.rounded import Order, RoundedNumbers
from fiducial.spec.operation import Operation
from fiducial.spec.oracle import Answer

UNITS = {"float64": 1.0, "float32": 2.0, "bfloat16": 1.0, "float16": 1.0}
SMALL = 0.2  # the share of cases that have a small structure of any kind; the others are volumes


@dataclass
class Executed:
    """What one operation's executions in one format came to; ``where`` tells of the worst."""

    numbers: int = 0
    values: float = 0.0
    gradients: float = 0.0
    where: str = ""

    @property
    def worst(self) -> float:
        return max(self.values, self.gradients)


class Extremes:
    """In place of a generator: the ends of an interval, at random; or the same end always."""

    def __init__(self, rng: Any, *ends: int) -> None:
        self.rng, self.ends = rng, ends or (0, 1)

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> Any:
        return np.array([low, high])[self.rng.choice(self.ends, shape)]


# What functions err by: anything, all that they may, always up, always down.
ERRORS: tuple[Callable[[Any], Any], ...] = (
    lambda rng: rng, Extremes, lambda rng: Extremes(rng, 1), lambda rng: Extremes(rng, 0),
)  # fmt: skip


def orders(rng: Any) -> dict[str, Order]:
    """In which order a sum's terms may be added."""

    def by_size(terms: Any) -> Any:
        return np.take_along_axis(terms, np.argsort(np.abs(terms), axis=0), axis=0)

    return {
        "as it is": lambda terms: terms,
        "reversed": lambda terms: terms[::-1],
        "small first": by_size,
        "large first": lambda terms: by_size(terms)[::-1],
        "permuted": lambda terms: terms[rng.permutation(len(terms))],
    }


def measured(
    operation: Operation, dtype: str, numbers: int, seconds: float = np.inf, seed: int = 0, units: float | None = None,
    spoil: Callable[[Any], Any] = lambda bound: bound,
) -> Executed:  # fmt: skip
    """Cases until so many numbers are judged, or the seconds are over; ``spoil`` changes the bounds."""
    found, start = Executed(), time.process_time()
    rng = np.random.default_rng([seed, *map(ord, operation.name + dtype)])
    most = UNITS[dtype] if units is None else units
    for number, case in enumerate(_cases(operation, dtype, rng)):
        if found.numbers >= numbers or (number and time.process_time() - start > seconds):
            return found
        order, errors = rng.choice(list(orders(rng))), rng.integers(len(ERRORS))
        system = RoundedNumbers(FORMATS[dtype], orders(rng)[order], most, ERRORS[errors](rng))
        _judge(case, system, f"{case.label}, sums {order}, errors {errors}", found, spoil)
    raise AssertionError("cases do not end")


def _cases(operation: Operation, dtype: str, rng: Any) -> Iterator[Case]:
    """Every flavour with every example of the attributes, in turn; then the same again."""
    options = max((1 + len(a.examples) for a in operation.attributes.values()), default=1)
    turns = itertools.cycle(itertools.product(range(options), cases.FLAVOURS))
    for option, flavour in turns:
        small = rng.random() < SMALL

        def pick(of: Any, option: int = option, small: bool = small) -> Any:
            return of[(rng.integers(len(of)) if small else option) % len(of)]

        yield cases.draw(operation, dtype, pick, rng, lambda a: {**operation.defaults, **a}, flavour, not small)


def _judge(case: Case, system: RoundedNumbers, how: str, found: Executed, spoil: Callable[[Any], Any]) -> None:
    call, format = case.call, FORMATS[case.dtype]
    parts: list[tuple[str, list[Any], list[Answer]]] = []
    values = oracle.executed(call, value_system(call.definition), system)
    parts.append(("values", values, oracle.values(call, format)))
    if case.cotangents:
        gradients = oracle.executed(call, gradient_system(call.definition), system, case.cotangents)
        parts.append(("gradients", gradients, oracle.gradients(call, case.cotangents, format)))
    for what, arrays, answers in parts:
        for k, (got, answer) in enumerate(zip(arrays, answers, strict=True)):
            ratios = ratios_of(got, answer, format, spoil)
            found.numbers += len(ratios)
            worst = float(np.max(ratios, initial=0.0))
            if worst > found.worst:
                found.where = f"{what} {k}, {how}, {call.attributes}, shapes {[a.shape for a in call.arrays]}"
            setattr(found, what, max(getattr(found, what), worst))


def ratios_of(got: Any, answer: Answer, format: Format, spoil: Callable[[Any], Any] = lambda bound: bound) -> Any:
    """The ratios of the elements that are judged, in one row."""
    judged = answer.resolved & np.isfinite(answer.bound)
    spoiled = Answer(answer.mid, answer.rest, answer.rad, spoil(answer.bound), answer.resolved)
    return ratio(got, spoiled, format)[judged]
