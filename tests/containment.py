"""Containment, measured: what Arb computes at points of the operands' balls lies in the ball of the result.

Each operation of the balls is put to balls that are chosen to hurt: subnormal and nearly overflowing numbers, near
cancellation and near ties, exact points, balls of a few roundings and wide ones. The enclosure and the tolerance models
of the narrow formats are computed together, as the oracle does. In a tolerance model the result may besides be off by a
rounding of its format.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import flint
import numpy as np
from hard_operands import LARGEST, Make, counts, matrices, one, pairs, rows

from fiducial.spec.formats import FORMATS
from fiducial.spec.numbers.ball import Ball
from fiducial.spec.numbers.ball_numbers import BallNumbers
from fiducial.spec.numbers.base import FUNCTIONS
from fiducial.spec.numbers.objects import ArbArray, ArbNumbers
from fiducial.spec.numbers.rounding import Rounding

BITS, MORE_BITS = 300, 4400  # the second where the first cannot decide: sums of the largest and the smallest are exact
ENOUGH = 100  # violations of one operation in one model: nothing more is looked for
NARROW = ("float32", "bfloat16", "float16")
MODELS = (Rounding.enclosure(), *(Rounding.of(FORMATS[n]) for n in NARROW))
NAMES = ("enclosure", *NARROW)
TOGETHER = Rounding.together(*MODELS)


@dataclass(frozen=True)
class Operation:
    """What is computed of balls and, by the same words, of Arb's numbers; ``rounds`` says how often at the end."""

    name: str
    compute: Callable[..., Any]
    make: Make  # the operands' midpoints and radii for about so many results
    rounds: Callable[[Rounding], float] = lambda model: 1.0
    bits: int = BITS
    elementwise: bool = True


@dataclass
class Found:
    """What was measured of one operation in one model."""

    points: int = 0
    promised: int = 0
    worst: float = 0.0
    worst_of_exact: float = 0.0  # of operands without a radius: how much of it the roundings use
    violations: list[str] = field(default_factory=list)


# --- operations ---


def _applied(name: str) -> Callable[..., Any]:
    def apply(*values: Any) -> Any:
        return _system(values[0]).apply(name, *values)

    return apply


def _system(value: Any) -> Any:
    return ArbNumbers() if isinstance(value, ArbArray) else BallNumbers(value.model)


def _chosen(x: Any) -> Any:
    """max(x, 0) by a condition: where it is not known, what covers both."""
    return _system(x).choose(*x.positive(), x, x.kept(np.zeros(x.shape, bool)))


def _total(x: Any) -> Any:
    parts = [x.part(1, k) for k in range(x.shape[1])]
    return parts[0].total(parts[1:])


RANGES = {
    "exp": (-760.0, 711.0), "log": (0.0, LARGEST), "log1p": (-1.0, LARGEST), "expm1": (-60.0, 711.0),
    "tanh": (-25.0, 25.0), "erf": (-7.0, 7.0), "erfc": (-7.0, 28.0), "sqrt": (0.0, LARGEST),
    "logistic": (-740.0, 740.0), "erfcx": (-26.0, 1e300), "erfcinv": (0.0, 2.0), "lgamma": (0.0, 1e300),
}  # fmt: skip
POLES = {"log": (0.0,), "log1p": (-1.0,), "erfcinv": (0.0, 2.0), "lgamma": (0.0,)}
NONE: dict[str, Any] = {"rounds": lambda model: 0.0}
FUNCTION: dict[str, Any] = {"rounds": lambda model: float(model.function_units)}
OPERATIONS = [
    Operation("add", lambda a, b: a + b, pairs),
    Operation("subtract", lambda a, b: a - b, pairs),
    Operation("multiply", lambda a, b: a * b, pairs),
    Operation("divide", lambda a, b: a / b, pairs),
    Operation("maximum", lambda a, b: a.maximum(b), pairs, **NONE),
    Operation("negate", lambda a: -a, one(), **NONE),
    Operation("absolute value", lambda a: abs(a), one(), **NONE),
    Operation("times 2^-40", lambda a: a.scaled(2.0**-40), one(), **NONE),
    Operation("choice", _chosen, one(), **NONE),
    Operation("total of 4", _total, rows(4), elementwise=False),
    Operation("sum of 6", lambda a: a.sum(1), rows(6), elementwise=False),
    Operation("sum of the others of 3", lambda a: a.sum_of_others(1), rows(3), elementwise=False),
    Operation("greatest of 5", lambda a: a.max(1), rows(5), elementwise=False, **NONE),
    Operation("matrix product", lambda a, b: a.matmul(b), matrices, elementwise=False),
    *(Operation(n, _applied(n), one(*RANGES[n], POLES.get(n, ())), bits=128, **({} if n == "sqrt" else FUNCTION))
      for n in FUNCTIONS),
    *(Operation(name, _applied(name), counts, bits=128, **FUNCTION) for name in ("log_betainc", "log_betaincc")),
]  # fmt: skip


# --- measuring ---


def measured(
    operation: Operation, points: int, seed: int = 0, seconds: float = np.inf, chunk: int = 20_000,
    spoil: Callable[[Ball], Ball] = lambda ball: ball,
) -> dict[str, Found]:  # fmt: skip
    """Each model's findings at so many points, or at those that its seconds allow; ``spoil`` damages the results."""
    found, start = {name: Found() for name in NAMES}, time.process_time()
    rng = np.random.default_rng([seed, sum(map(ord, operation.name))])
    while found[NAMES[0]].points < points and time.process_time() - start < seconds:
        _chunk(operation, min(chunk, points), rng, found, spoil)
    return found


@np.errstate(all="ignore")
def _chunk(operation: Operation, n: int, rng: Any, found: dict[str, Found], spoil: Callable[[Ball], Ball]) -> None:
    operands = operation.make(rng, n - n % 60 or 60)
    result = spoil(operation.compute(*(_together(mid, rad) for mid, rad in operands)))
    places = [_places(rng, mid, rad) for mid, rad in operands]
    with flint.ctx.workprec(operation.bits):
        truth = operation.compute(*(ArbArray(_point(m, r, s)) for (m, r), s in zip(operands, places, strict=True)))
    mid = np.ravel(result.mid)
    truths = np.broadcast_to(truth.items, result.mid.shape).ravel()
    distance, size = _distances(truths, mid, operation.bits)

    def again(k: int) -> Any:
        """One element's exact value, from as many bits as it takes."""
        with flint.ctx.workprec(MORE_BITS):
            whole = operation.compute(*(ArbArray(_point(m, r, s)) for (m, r), s in zip(*_part(k), strict=True)))
            return np.ravel(whole.items)[_within(k)]

    def _part(k: int) -> Any:
        row = np.unravel_index(k, result.mid.shape)[0]
        cut = slice(row, row + 1)
        return [(m[cut], r[cut]) for m, r in operands], [s[cut] for s in places]

    def _within(k: int) -> int:
        return k - k // (mid.size // len(result.mid)) * (mid.size // len(result.mid))

    known = _Known(mid, truths, distance, size, *_exact(operation, operands, result.mid.shape), again)
    for model, name, rad in zip(MODELS, NAMES, result.rad, strict=True):
        _judge(operation, model, found[name], np.ravel(rad), known, 0.0 if name == NAMES[0] else FORMATS[name].unit)


@dataclass(frozen=True)
class _Known:
    """What does not depend on the model."""

    mid: Any
    truths: Any
    distance: Any
    size: Any
    exact_zero: Any  # where an operand is an exact zero: a sum or a product with it is not rounded
    exact: Any  # where no operand has a radius
    again: Callable[[int], Any]


def _inside(truth: Any, mid: Any, rad: Any, rounding: Any, bits: int) -> bool:
    with flint.ctx.workprec(bits):
        return bool(abs(truth - mid) + rounding * (1 - 2.0**-40) <= rad)


def _judge(operation: Operation, model: Rounding, found: Found, rad: Any, known: _Known, unit: float) -> None:
    mid, promised, roundings = known.mid, ~np.isinf(rad), operation.rounds(model)
    rounding = np.where(known.exact_zero, 0.0, roundings * unit * known.size) if roundings else np.zeros(mid.size)
    with np.errstate(all="ignore"):
        ratio = np.where(known.distance + rounding == 0, 0.0, (known.distance + rounding) / rad)
    suspect = promised & ~(ratio <= 1 - 5e-16)  # the ratio itself has three roundings
    ratio = np.where(suspect, 1.0, ratio)
    for k in map(int, np.flatnonzero(suspect)):
        if len(found.violations) == ENOUGH:
            break
        parts = (flint.arb(float(v[k])) for v in (mid, rad, rounding))
        if not _inside(known.truths[k], *parts, MORE_BITS if known.truths[k].is_exact() else operation.bits):
            again = known.again(k)
            parts = (flint.arb(float(v[k])) for v in (mid, rad, rounding))
            if not _inside(again, *parts, MORE_BITS):
                found.violations.append(f"{float(mid[k])!r} +- {float(rad[k])!r} misses {again.str(40)}")
    found.points += mid.size
    found.promised += int(promised.sum())
    sure = promised & np.isfinite(ratio)
    found.worst = max(found.worst, float(ratio[sure].max(initial=0.0)))
    found.worst_of_exact = max(found.worst_of_exact, float(ratio[sure & known.exact].max(initial=0.0)))


def _together(mid: Any, rad: Any) -> Ball:
    return Ball(mid, np.broadcast_to(rad, (len(MODELS), *rad.shape)).copy(), TOGETHER, np)


def _places(rng: Any, mid: Any, rad: Any) -> Any:
    """Where in its ball each point lies: mostly at an end."""
    places = rng.choice([-1.0, 1.0, -1.0, 1.0, 0.0, 0.5], mid.shape)
    places = np.where(rng.random(mid.shape) < 0.2, rng.uniform(-1, 1, mid.shape), places)
    return np.where((rad > 0) & np.isfinite(rad), places, 0.0)


_arb = flint.arb
_point_of = np.frompyfunc(lambda m, r, s: _arb(m) + _arb(s) * _arb(r) if s else _arb(m), 3, 1)


def _point(mid: Any, rad: Any, place: Any) -> Any:
    return np.asarray(_point_of(mid, np.where(np.isfinite(rad), rad, 0.0), place), dtype=object)


def _distances(truths: Any, mid: Any, bits: int) -> tuple[Any, Any]:
    """|truth - midpoint| and |truth|, to float64's accuracy; infinite where there is no value."""
    with flint.ctx.workprec(bits):
        off = [float((t - _arb(m)).abs_upper()) for t, m in zip(truths.tolist(), mid.tolist(), strict=True)]
        size = [float(t.abs_lower()) if t.is_finite() else np.inf for t in truths.tolist()]
    off_, size_ = np.array(off), np.array(size)
    return np.where(np.isnan(off_), np.inf, off_), size_


def _exact(operation: Operation, operands: list[Any], shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Where an operand is an exact zero, and where none has a radius; of rows and matrices nothing is known."""
    if not operation.elementwise:
        return np.full(shape, True).ravel(), np.full(shape, False).ravel()
    zeros = [(m == 0) & (r == 0) for m, r in operands]
    return np.logical_or.reduce(zeros), np.logical_and.reduce([r == 0 for _, r in operands])


def table(results: Iterator[tuple[str, dict[str, Found]]]) -> Iterator[str]:
    """One line for each operation: points, violations, and in each model the worst ratio at exact operands."""
    yield f"{'operation':24s} {'points':>9s} {'promised':>9s} {'violations':>10s}   worst |exact - mid| / rad:"
    yield f"{'':54s}   any operands, and exact ones in {', '.join(NAMES)}"
    for name, found in results:
        first, violations = found[NAMES[0]], sum(len(f.violations) for f in found.values())
        ratios = "  ".join(f"{f.worst_of_exact:.4f}" for f in found.values())
        yield f"{name:24s} {first.points:9d} {first.promised:9d} {violations:10d}   {first.worst:.6f}   {ratios}"
        for model, f in found.items():
            yield from (f"    {model}: {text}" for text in f.violations[:3])
