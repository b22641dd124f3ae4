"""What a fault planted by machine does to a function: to its answers, to what it sees, to what it leaves behind.

Each takes the right function and gives a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import Function

Change = Callable[[Any], Any]


def _kept(change: Change) -> Change:
    """The change in float64, rounded to the array's own dtype; integers are left to be floats."""

    def changed(a: Any) -> Any:
        a = np.asarray(a)
        wide = a.astype(complex if a.dtype.kind == "c" else float)
        return np.asarray(change(wide)).astype(a.dtype if a.dtype.kind not in "iub" else float)

    return changed


def _one_element(a: Any) -> Any:
    a = np.array(a)
    a.reshape(-1)[-1:] += 0.01 * np.abs(a.reshape(-1)[-1:]) + 0.01 * (a.reshape(-1)[-1:] == 0)
    return a


def _narrow(a: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.asarray(a).astype(np.float16).astype(np.asarray(a).dtype)


def _other_dtype(a: Any) -> Any:
    return np.asarray(a).astype(np.float32 if np.asarray(a).dtype == np.float64 else np.float64)


ANSWERS: dict[str, tuple[str, Change]] = {
    "zero": ("the answer is zero", _kept(np.zeros_like)),
    "sign": ("the answer has the other sign", _kept(np.negative)),
    "1.001": ("the answer is 1.001 times too large", _kept(lambda a: a * 1.001)),
    "2": ("the answer is twice too large", _kept(lambda a: a * 2)),
    "one element": ("the last element is off by 1 %", _kept(_one_element)),
    "float16 inside": ("the answer was held in float16", _narrow),
    "wrong dtype": ("the answer comes in another dtype", _other_dtype),
}


def answered(change: Change, function: Function) -> Function:
    """The function with each array of its result changed."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        return _over(function(*given, **attributes), change)

    return wrong


def _over(result: Any, change: Change) -> Any:
    if isinstance(result, tuple | list):
        return type(result)(None if r is None else change(r) for r in result)
    return change(result)


def averaged(function: Function) -> Function:
    """What is summed over the first axis of the first array is divided by its length."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        arrays = [a for a in _flat(given) if np.ndim(a)]
        length = max(np.shape(arrays[-1])[0], 1) if arrays else 1
        return _over(function(*given, **attributes), _kept(lambda a: a / length))

    return wrong


def _flat(given: Any) -> list[Any]:
    """All arrays of the arguments, those in tuples and lists included."""
    return [b for a in given for b in (a if isinstance(a, list | tuple) else [a])]


# --- what the function sees ---


def dropped(a: Any) -> Any:
    """Without the last entry of its last axis."""
    a = np.array(a)
    if a.ndim:
        a[..., -1:] = 0
    return a


def transposed(a: Any) -> Any:
    """A matrix read in the other order; a square one is transposed."""
    return np.ascontiguousarray(np.swapaxes(a, -1, -2)).reshape(np.shape(a)) if np.ndim(a) > 1 else a


def seeing(change: Change, place: int, function: Function) -> Function:
    """The function with one of its arguments changed."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        part = given[place]
        seen = part if part is None else _over(part, change)
        return function(*given[:place], seen, *given[place + 1 :], **attributes)

    return wrong


def ones(c: Any) -> Any:
    return np.ones_like(c)


def as_one_number(c: Any) -> Any:
    return np.full_like(c, np.reshape(c, -1)[0]) if np.size(c) else c


def along_another_axis(function: Function) -> Function:
    """Along another axis, where there are two."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        arrays = [a for a in _flat(given) if np.ndim(a)]
        if arrays and np.ndim(arrays[-1]) > 1 and isinstance(attributes.get("axis", -1), int):
            attributes["axis"] = (attributes.get("axis", -1) + 1) % np.ndim(arrays[-1])
        return function(*given, **attributes)

    return wrong


# --- what it leaves behind ---


def remembering(function: Function) -> Function:
    """What was computed first for these shapes is given again."""
    known: dict[Any, Any] = {}

    def wrong(*given: Any, **attributes: Any) -> Any:
        key = str([np.shape(a) for a in _flat(given)])
        if key not in known:
            known[key] = function(*given, **attributes)
        return known[key]

    return wrong


def overwriting(function: Function) -> Function:
    """The first array that can be written to is."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        result = function(*given, **attributes)
        for a in (a for a in _flat(given) if isinstance(a, np.ndarray) and a.size and a.flags.writeable):
            a[(0,) * a.ndim] += 1
            break
        return result

    return wrong


def leaving_unwritten(function: Function) -> Function:
    """A result of nothing is what was in memory before."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        result = function(*given, **attributes)
        empty = any(np.size(a) == 0 for a in given if a is not None and not isinstance(a, list | tuple))
        return _over(result, lambda a: np.full_like(a, 7)) if empty else result

    return wrong


def forgetting(k: int, function: Function) -> Function:
    """One of the gradients is zero."""

    def wrong(*given: Any, **attributes: Any) -> Any:
        result = function(*given, **attributes)
        if not isinstance(result, tuple | list):
            return np.zeros_like(result)
        return type(result)(np.zeros_like(r) if j == k and r is not None else r for j, r in enumerate(result))

    return wrong
