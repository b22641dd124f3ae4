"""Balls chosen to hurt: subnormal and nearly overflowing numbers, near cancellation, near ties, exact and wide ones.

Each maker draws the operands of about so many results: a midpoint and a radius for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

TINY, NORMAL, LARGEST = 5e-324, 2.0**-1022, float(np.finfo(float).max)
Make = Callable[[Any, int], list[Any]]


def numbers(rng: Any, n: int, low: float = -LARGEST, high: float = LARGEST) -> Any:
    """Numbers of all magnitudes, with those of the formats' ends and of everyday sizes."""
    sign, kind = rng.choice([-1.0, 1.0], n), rng.integers(0, 8, n)
    edges = [0.0, TINY, 3 * TINY, NORMAL, NORMAL - TINY, 1.0, 1 - 2.0**-53, 1 + 2.0**-52, 2.0**53, LARGEST, 65504.0,
             2.0**-24, 2.0**-126, 2.0**-149, float(np.finfo("f4").max), 710.0, 745.0, 88.7, 27.2, 6.0]  # fmt: skip
    drawn = np.select(
        [kind == 0, kind == 1, kind == 2, kind == 3, kind == 4, kind == 5],
        [2.0 ** rng.uniform(-1074, 1023.9, n), 2.0 ** rng.uniform(-1074, -1015, n), 2.0 ** rng.uniform(-20, 20, n),
         1 + rng.uniform(-1, 1, n) * 2.0 ** rng.uniform(-53, -1, n), rng.choice(edges, n),
         2.0 ** rng.uniform(4, 11, n)],
        np.abs(rng.normal(size=n)) * 3,
    )  # fmt: skip
    # Folded into the range, those outside it anew.
    drawn = np.where(drawn * sign >= low, drawn * sign, drawn)
    outside = (drawn < low) | (drawn > high)
    return np.where(outside, rng.uniform(max(low, -800.0), min(high, 800.0), n), drawn)


def radii(rng: Any, mid: Any) -> Any:
    """None, a few roundings, wide, or anything."""
    size, n = np.abs(mid), mid.size
    relative = rng.choice([0.0, 2.0**-53, 2.0**-52, 2.0**-24, 1e-9, 1e-3, 0.3, 0.999, 1.0, 1.5], n)
    plain = relative.reshape(mid.shape) * size
    absolute = (2.0 ** rng.uniform(-1074, 3, n)).reshape(mid.shape)
    kind = rng.random(n).reshape(mid.shape)
    with np.errstate(over="ignore"):
        return np.where(kind < 0.35, 0.0, np.where(kind < 0.85, plain, absolute))


def partners(rng: Any, a: Any) -> Any:
    """For each number one that nearly cancels it, ties with it, or overflows or underflows with it."""
    n = a.size
    near = 1 + rng.choice([0.0, 1.0, -1.0, 2.0, 3.0], n) * 2.0**-52
    half_ulp = np.spacing(np.abs(a)) / 2 * (1 + rng.choice([0.0, 1.0, -1.0], n) * 2.0**-52)
    flat, kind, sign = a, rng.integers(0, 6, n), rng.choice([-1.0, 1.0], n)
    with np.errstate(all="ignore"):
        over = LARGEST / np.abs(flat) * near
        under = rng.choice([TINY, NORMAL, 1.5 * TINY], n) / np.abs(flat) * near
        chosen = np.select(
            [kind == 0, kind == 1, kind == 2, kind == 3], [-flat * near, sign * half_ulp, sign * over, sign * under],
            numbers(rng, n),
        )  # fmt: skip
    return np.where(np.isfinite(chosen), chosen, 1.0)


def _ball(rng: Any, mid: Any) -> tuple[Any, Any]:
    return mid, radii(rng, mid)


def pairs(rng: Any, n: int) -> list[Any]:
    a = numbers(rng, n)
    b = partners(rng, a)
    return [_ball(rng, a), _ball(rng, b)]


def one(low: float = -LARGEST, high: float = LARGEST, poles: tuple[float, ...] = ()) -> Make:
    def make(rng: Any, n: int) -> list[Any]:
        mid = numbers(rng, n, low, high)
        mid = np.where(np.isin(mid, poles), 0.5, mid)
        rad = radii(rng, mid)
        if low in (0.0, -1.0):  # points outside the domain have no value
            rad = np.minimum(rad, np.maximum(mid - low, 0.0) * (1 - 2.0**-50))
        return [(mid, np.where(mid + rad > high, 0.0, rad))]

    return make


def rows(*shape: int) -> Make:
    """Rows with cancelling and missing terms."""

    def make(rng: Any, n: int) -> list[Any]:
        a = numbers(rng, n - n % shape[-1]).reshape((-1, *shape))
        for k in range(1, shape[-1], 2):
            a[..., k] = np.where(rng.random(len(a)) < 0.5, partners(rng, a[..., k - 1]), a[..., k])
        a[rng.random(a.shape) < 0.1] = 0.0
        return [_ball(rng, a)]

    return make


def matrices(rng: Any, n: int) -> list[Any]:
    """Of one magnitude each, since the widest operand decides for all."""
    scale = 2.0 ** rng.uniform(-500, 500, 2) if rng.random() < 0.5 else np.ones(2)
    a, b = (rng.normal(size=shape) * s for shape, s in zip(((n // 6, 2, 5), (n // 6, 5, 3)), scale, strict=True))
    a[..., 1] = np.where(rng.random(a.shape[:-1]) < 0.3, -a[..., 0], a[..., 1])
    b[..., 1, :] = np.where(rng.random((n // 6, 3)) < 0.3, b[..., 0, :] * (1 + 2.0**-50), b[..., 1, :])
    a[rng.random(a.shape) < 0.2] = 0.0
    return [_ball(rng, a), _ball(rng, b)]


def counts(rng: Any, n: int) -> list[Any]:
    a, b = np.floor(2.0 ** rng.uniform(0, 9, (2, n)))
    x = rng.uniform(0.001, 0.999, n)
    wide = rng.choice([0.0, 2.0**-40, 1e-3], n)
    return [(a, wide * a), (b, wide * b), (x, wide * x * (1 - x))]
