"""Hard numbers, and what it means that a ball encloses an exact value: for the tests of balls."""

import flint
import numpy as np

from fiducial.spec.numbers.ball import Ball
from fiducial.spec.numbers.ball_numbers import BallNumbers
from fiducial.spec.numbers.objects import ArbArray
from fiducial.spec.numbers.rounding import Rounding

ENCLOSURE = Rounding.enclosure()
NUMBERS = BallNumbers(ENCLOSURE)
BITS = 4400  # sums of the largest and the smallest numbers, and of their products, are exact
FEWER_BITS = 300  # for functions, whose arguments are of one size

TINY, NORMAL, LARGEST = 5e-324, 2.0**-1022, np.finfo(float).max
HARD = [
    0.0, -0.0, TINY, -TINY, 3 * TINY, NORMAL, -NORMAL, NORMAL - TINY, 1.5 * NORMAL, 2.0**-600, -(2.0**-538), 1.0, -1.0,
    1 + 2.0**-52, 1 - 2.0**-53, -(1 + 2.0**-52), 2.0**-53, 1.5 * 2.0**-53, 2.0**-27 + 2.0**-53, 3.0, 1 / 3, 0.1, -0.7,
    710.0, -745.2, -708.5, 6.0, -6.5, 27.3, -27.3, 1e-300, 1e300, -1e300, 2.0**511, 2.0**512, 2.0**53, 2.0**53 + 2,
    LARGEST, -LARGEST, LARGEST / 2, 8.98846567431158e307, float("inf"), float("-inf"),
]  # fmt: skip
FINITE = [v for v in HARD if np.isfinite(v)]


def balls(mids, rads=0.0):
    """Balls of the enclosing arithmetic; radii beyond float64 are infinite."""
    mids = np.asarray(mids, dtype=float)
    return Ball(mids, np.broadcast_to(np.asarray(rads, dtype=float), mids.shape).copy(), ENCLOSURE, np)


_point = np.frompyfunc(lambda m, r, s: flint.arb(m) + flint.arb(s) * flint.arb(r) if r else flint.arb(m), 3, 1)


def interior(ball, rng):
    """Exact points inside the balls: the ends, the middle, and one anywhere."""
    ends = []
    for sign in (*(-1.0, 0.0, 1.0), rng.uniform(-1, 1)):
        places = np.where((ball.rad > 0) & np.isfinite(ball.rad), sign, 0.0)
        radii = np.where(np.isfinite(ball.rad), ball.rad, 0.0)
        ends.append(ArbArray(_point(ball.mid, radii, places)))
    return ends


def assert_encloses(result, exact):
    """Every exact value lies within the radius of the midpoint (Arb compares); an infinite radius promises nothing."""
    mid, rad = np.broadcast_arrays(result.mid, result.rad)
    assert not np.isnan(rad).any() and (rad >= 0).all()
    for m, r, truth in zip(mid.ravel(), rad.ravel(), np.ravel(exact.items), strict=True):
        if np.isinf(r):
            continue
        if np.isinf(m):
            assert not truth.is_finite() and float(truth) == m, f"{m} +- {r} for {truth}"
            continue
        assert truth.is_finite(), f"{m} +- {r} for {truth}"
        assert abs(truth - flint.arb(m)) <= flint.arb(r), f"{m} +- {r} misses {truth}"


def check(operation, *operands, rng=None, bits=BITS):
    """``operation`` on balls against the same on exact points of them."""
    rng = rng or np.random.default_rng(0)
    with np.errstate(all="ignore"), flint.ctx.workprec(bits):
        result = operation(*operands)
        for points in zip(*(interior(b, rng) for b in operands), strict=True):
            assert_encloses(result, operation(*points))
        mixed = [p[rng.integers(len(p))] for p in (interior(b, rng) for b in operands)]
        assert_encloses(result, operation(*mixed))


PAIRS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "maximum": lambda a, b: a.maximum(b),
}


def pairs(values):
    a, b = np.meshgrid(values, values)
    return a.ravel(), b.ravel()


RANGES = {
    "exp": (-760, 711), "log": (0, 1e308), "log1p": (-1, 1e308), "expm1": (-60, 711), "tanh": (-25, 25), "erf": (-7, 7),
    "erfc": (-7, 28), "sqrt": (0, 1e308), "logistic": (-740, 740), "erfcx": (-26, 1e300), "erfcinv": (0, 2),
    "lgamma": (0, 1e300),
}  # fmt: skip
