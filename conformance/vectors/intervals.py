"""Acceptable intervals: the ends between which the verdict accepts every number of a dtype, found by asking it.

What a verdict accepts on either side of the truth has no gaps, so its last number is found by bisection over the
dtype's numbers in their order, the infinities included: afterwards two comparisons say what the verdict says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fiducial.conformance.subject import DTYPES
from fiducial.conformance.verdict import LIMIT, ratio
from fiducial.spec.formats import Format
from fiducial.spec.oracle import Answer

Accepts = Callable[[Any], Any]
Interval = tuple[Any, Any]
UNSIGNED: dict[int, Any] = {2: np.uint16, 4: np.uint32, 8: np.uint64}
NEAR = 16  # numbers around a guess that are tried before all of them


def judgeable(answer: Answer) -> Any:
    """The elements about which a verdict says anything."""
    return answer.resolved & np.isfinite(answer.bound)


def acceptable(answer: Answer, format: Format, grid: str, written: Sequence[Any]) -> tuple[Interval, Interval]:
    """The accepted and the excused ("loose") interval of every element, as doubles; NaN where it is not judgeable.

    ``grid`` is the dtype whose numbers are asked about. Raises ValueError where it has none that is accepted.
    """
    mask = judgeable(answer)
    few = Answer(*(np.asarray(part)[mask] for part in (answer.mid, answer.rest, answer.rad, answer.bound, mask)))
    accepted = _Asked(few, format)
    excused = _Asked(few, format, (*(np.asarray(w)[mask] for w in written), few.bound + format.normal))
    start = _ordinals(few.mid, grid)
    if not accepted(_numbers(start, grid)).all():
        raise ValueError(f"no number of {grid} is accepted near {few.mid[~accepted(_numbers(start, grid))][0]!r}")
    accept = _ends(accepted, start, start, few, grid)
    loose = _ends(excused, *accept, few, grid)
    return _spread(accept, mask, grid), _spread(loose, mask, grid)


@dataclasses.dataclass(frozen=True)
class _Asked:
    """Whether numbers are accepted; with further bounds, whether they are at least excused."""

    answer: Answer
    format: Format
    bounds: Sequence[Any] = ()

    def __call__(self, got: Any) -> Any:
        found = ratio(got, self.answer, self.format) <= LIMIT
        for bound in self.bounds:
            wider = dataclasses.replace(self.answer, bound=bound)
            with np.errstate(all="ignore"):
                found |= np.isfinite(bound) & np.isfinite(got) & (ratio(got, wider, self.format) <= LIMIT)
        return found


def _ends(accepts: Accepts, lowest: Any, highest: Any, answer: Answer, grid: str) -> Interval:
    """The last accepted ordinals below ``lowest`` and above ``highest``, which are accepted."""
    reach = answer.rad + LIMIT * np.max([answer.bound, *getattr(accepts, "bounds", ())], axis=0)
    with np.errstate(all="ignore"):
        guesses = [np.nan_to_num(answer.mid + sign * reach, nan=0.0) for sign in (-1, 1)]
    up = _last(accepts, highest, _ordinals(guesses[1], grid), grid, 1)
    down = _last(accepts, lowest, _ordinals(guesses[0], grid), grid, -1)
    return down, up


def _last(accepts: Accepts, start: Any, guess: Any, grid: str, sign: int) -> Any:
    """The last accepted ordinal in one direction: by bisection, around a guess where that brackets it."""
    beyond = np.full_like(start, _ordinals(np.array([np.inf]), grid)[0] + 1)
    inside, outside = sign * start, beyond
    for tried in (sign * guess - NEAR, sign * guess + NEAR):
        usable = (tried > inside) & (tried < outside)
        good = usable & accepts(_numbers(sign * np.where(usable, tried, inside), grid))
        inside, outside = np.where(good, tried, inside), np.where(usable & ~good, tried, outside)
    while (open_ := inside + 1 < outside).any():
        middle = (inside >> 1) + (outside >> 1) + (inside & outside & 1)
        good = accepts(_numbers(sign * np.where(open_, middle, inside), grid))
        inside, outside = np.where(good & open_, middle, inside), np.where(~good & open_, middle, outside)
    return sign * inside


def _ordinals(values: Any, grid: str) -> Any:
    """The places of the nearest numbers of a dtype in their order: 0 is zero, consecutive integers are neighbours."""
    kind = DTYPES[grid]
    with np.errstate(over="ignore", invalid="ignore"):
        near = np.asarray(values).astype(kind)
    bits = near.view(UNSIGNED[kind.itemsize]).astype(np.uint64)
    size = (bits & np.uint64((1 << (8 * kind.itemsize - 1)) - 1)).astype(np.int64)
    return np.where(np.signbit(near), -size, size)


def _numbers(ordinals: Any, grid: str) -> Any:
    """The numbers at these places, as doubles."""
    kind = DTYPES[grid]
    sizes = np.abs(ordinals).astype(UNSIGNED[kind.itemsize]).view(kind).astype(np.float64)
    return np.where(ordinals < 0, -sizes, sizes)


def _spread(ends: Interval, mask: Any, grid: str) -> Interval:
    def full(ordinals: Any) -> Any:
        whole = np.full(mask.shape, np.nan)
        whole[mask] = _numbers(ordinals, grid)
        return whole

    return full(ends[0]), full(ends[1])
