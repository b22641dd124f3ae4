"""Verdicts: how far an answer is from the truth, in units of the derived bound, and whether the case could tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fiducial.spec.formats import Format
from fiducial.spec.oracle import Answer

# Correct algorithms differ from the textbook's by splitting or merging its steps: at most twice its roundings
# (a fused loss computes log-softmax and exponentiates it again). Beyond that, accuracy was lost.
LIMIT = 2.0
BANDS = ("tight", "ok", "loose", "wrong")


@dataclass(frozen=True)
class Verdict:
    """The band of one array, its worst ratio, where that is, and whether the bound has the power to reject."""

    band: str
    ratio: float
    index: tuple[int, ...]
    vacuous: bool
    judged: int


@np.errstate(all="ignore")
def judge(got: Any, answer: Answer, format: Format, written: Callable[[], list[Any]] = list, order: int = 1) -> Verdict:
    """Compares an array (as float64) with an answer of the same shape; ``order`` is 2 for a gradient of a gradient.

    ``written`` computes the bounds of the textbook's own way of writing; it is called only where they are needed.
    """
    judgeable = answer.resolved & ~np.isnan(answer.bound) & ~np.isinf(answer.bound)
    ratios = np.where(judgeable, ratio(got, answer, format), 0.0)
    flat = int(np.argmax(ratios)) if ratios.size else 0
    index = tuple(int(k) for k in np.unravel_index(flat, ratios.shape)) if ratios.size else ()
    worst = float(ratios.reshape(-1)[flat]) if ratios.size else 0.0
    band = "tight" if worst <= 1 else "ok" if worst <= LIMIT else "wrong"
    if band == "wrong":
        excused = _excused(got, answer, format, written())
        if np.all(excused | (ratios <= LIMIT)):
            band = "loose"
        else:  # the element to show is the worst of those that nothing excuses
            flat = int(np.argmax(np.where(excused, 0.0, ratios)))
            index = tuple(int(k) for k in np.unravel_index(flat, ratios.shape))
            worst = float(ratios.reshape(-1)[flat])
    return Verdict(band, worst, index, not powerful(answer, judgeable, format, order), int(judgeable.sum()))


def ratio(got: Any, answer: Answer, format: Format) -> Any:
    """|got - truth| / bound for each element: 0 inside the enclosure, infinite where the bound is 0 and it differs."""
    with np.errstate(all="ignore"):
        distance = np.maximum(np.abs((got - answer.mid) - answer.rest) - answer.rad, 0.0)
        scaled = np.where(distance == 0, 0.0, distance / answer.bound)
        # Where the exact value and its error reach beyond the format, an infinity is the rounded answer.
        overflow = np.isinf(got) & (np.abs(answer.mid) + LIMIT * answer.bound >= format.largest)
        overflow &= np.sign(got) == np.sign(answer.mid)
        scaled = np.where(np.isfinite(got) | overflow, np.where(overflow, 0.0, scaled), np.inf)
        infinite = np.isinf(answer.mid)
        return np.where(infinite, np.where(got == answer.mid, 0.0, np.inf), np.where(np.isnan(scaled), np.inf, scaled))


def _excused(got: Any, answer: Answer, format: Format, written: list[Any]) -> Any:
    excused = np.zeros(answer.shape, dtype=bool)
    # Many devices flush subnormal numbers, and 1 / overflow is 0: accuracy lost, as the textbook loses it.
    for bound in (*written, answer.bound + format.normal):
        as_written = Answer(answer.mid, answer.rest, answer.rad, bound, answer.resolved)
        usable = np.isfinite(bound) & np.isfinite(got)
        excused |= usable & (ratio(got, as_written, format) <= LIMIT)
    return excused


def planted_error(format: Format, order: int = 1) -> float:
    """The relative error that a case must be able to reject: 1 %, but 40 roundings in 16-bit formats, twice in a second
    order.

    One rounding is 0.05 % in float16 and 0.4 % in bfloat16. A softmax gradient is allowed 34 of them, its gradient at
    least 46, that of a standard deviation 64: no bound that a correct 16-bit algorithm meets rejects 1 % there.
    """
    return max(0.01, 40 * order * format.unit)


def powerful(answer: Answer, judgeable: Any, format: Format, order: int = 1) -> bool:
    """Whether zeros, a 1 % error and a flipped sign would be rejected; ones, where the answer is exactly zero."""
    if not judgeable.any():
        return False
    exact = answer.mid
    if not np.any(np.where(judgeable, exact, 0.0)) and not np.any(np.where(judgeable, answer.rad, 0.0)):
        return bool(np.any(ratio(np.ones_like(exact), answer, format)[judgeable] > LIMIT))
    faults = (np.zeros_like(exact), exact * (1 + planted_error(format, order)), -exact)
    return all(bool(np.any(ratio(fault, answer, format)[judgeable] > LIMIT)) for fault in faults)
