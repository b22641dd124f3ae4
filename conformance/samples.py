"""Samplers: tests whose chance to accuse a right one is known exactly, and together at most 1e-9 in a run.

Every test is exact at any sample size: counts of independent events are binomial (tails from Arb's incomplete beta
function), sums of squares of normal numbers are chi-square, and the distance of a sample's distribution function from
the true one obeys Massart's form of the Dvoretzky-Kiefer-Wolfowitz inequality. At a fixed seed nothing is random.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import flint
import numpy as np
from flint import arb

from fiducial.conformance.calling import Fault
from fiducial.conformance.examine import Examination
from fiducial.conformance.subject import DTYPES
from fiducial.spec import oracle
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.formats import FORMATS
from fiducial.spec.operation import Sampling
from fiducial.spec.oracle import Call

FALSE_ALARM = 1e-9  # of a whole run
TESTS = 2000  # more than a run makes: 3 samplers, 4 dtypes, 3 settings, each with fewer than 40 tests
LEVEL = FALSE_ALARM / TESTS
SIZE = 32768
BITS = 96


@dataclass(frozen=True)
class Test:
    """What was tested, and a proved bound on the probability of a result as extreme from a right sampler."""

    name: str
    probability: float


def examine(e: Examination, seed: int) -> None:
    """Every setting of a sampler: shape and dtype, the same seed twice, then the distribution and its independence."""
    try:
        _edges(e, seed)
        for parameters in _sampling(e).settings:
            e.result.cases += 1
            first, again, other = (_drawn(e, parameters, (SIZE,), s) for s in (seed, seed, seed + 1))
            if not np.array_equal(first, again):
                e.fail("wrong", f"{e.operation.name} ({e.result.dtype}): the same seed gave another sample")
            law = _Law(e, parameters)
            _decide(e, parameters, list(_tests(law, first, other)))
            e.result.vacuous += not all(_rejected(law, wrong, other) for wrong in _planted(law, first))
    except Fault as fault:
        e.fail(fault.outcome, fault.message)


def _sampling(e: Examination) -> Sampling:
    law = e.operation.default_definition().sampling
    assert law is not None
    return law


def _drawn(e: Examination, parameters: tuple[float, ...], shape: tuple[int, ...], seed: int) -> Any:
    given = [np.full((), v).astype(DTYPES[e.result.dtype]) for v in parameters]
    returned = e.caller(e.function, given, {"shape": shape, "seed": seed})
    dtype = e.result.dtype if _sampling(e).pmf is None else None  # counts may have any numeric dtype
    return e.caller.array(returned, shape, dtype, "sample").reshape(-1)


def _edges(e: Examination, seed: int) -> None:
    """Shapes of any rank, none and zero elements included; parameters that leave no choice."""
    law = _sampling(e)
    for shape in ((), (0,), (3, 1, 2)):
        e.result.cases += 1
        _drawn(e, law.settings[0], shape, seed)
    for *parameters, value in law.certain:
        e.result.cases += 1
        if np.any(_drawn(e, tuple(parameters), (200,), seed) != value):
            e.fail("wrong", f"{e.operation.name} ({e.result.dtype}) at {parameters} must always give {value:g}")


def _decide(e: Examination, parameters: tuple[float, ...], tests: list[Test]) -> None:
    worst = min(tests, key=lambda t: t.probability)
    e.result.worsen("tight")
    # The share of the smallest accepted probability's logarithm that was used up.
    e.result.ratio = max(e.result.ratio or 0.0, math.log(max(worst.probability, 1e-300)) / math.log(LEVEL))
    if worst.probability < LEVEL:
        e.fail("wrong", f"{e.operation.name} ({e.result.dtype}) at {parameters}: {worst.name}: as far from the "
               f"distribution as a right sampler is with probability at most {worst.probability:.1e} "
               f"({LEVEL:.0e} is accepted; {SIZE} numbers)")  # fmt: skip


class _Law:
    """The distribution at some parameters, from the operations that define it."""

    def __init__(self, e: Examination, parameters: tuple[float, ...]) -> None:
        self.sampling = _sampling(e)
        self.parameters = parameters
        self.discrete = self.sampling.pmf is not None
        self.format = e.result.dtype
        self.unit = FORMATS[e.result.dtype].unit

    @cached_property
    def table(self) -> Any:
        """The probabilities of the support's values."""
        return self.pmf(self.support)

    def cdf(self, x: Any) -> Any:
        return self._value(self.sampling.cdf, x)

    def pmf(self, k: Any) -> Any:
        assert self.sampling.pmf is not None
        return self._value(self.sampling.pmf, k)

    def _value(self, name: str, x: Any) -> Any:
        x = np.asarray(x, dtype=np.float64)
        call = Call(CATALOGUE[name], (x, *(np.full((), v) for v in self.parameters)), {})
        return oracle.values(call, FORMATS["float32"])[0].mid  # enclosed far more finely than any test can tell

    @property
    def support(self) -> Any:
        return np.arange(self.sampling.most(*self.parameters) + 1)

    @cached_property
    def middle(self) -> float:
        """A value that splits the distribution in two parts, both likely."""
        if not self.discrete:
            return self.parameters[0]
        return float(self.support[np.argmin(np.abs(self.cdf(self.support) - 0.5))])

    @property
    def rounding(self) -> float:
        """What rounding to the dtype may move a normal mean by, in standard deviations."""
        mu, sigma = self.parameters
        return self.unit * (1 + abs(mu) / sigma)

    @cached_property
    def below_middle(self) -> float:
        return float(self.cdf(self.middle))


def _tests(law: _Law, x: Any, other: Any) -> Iterator[Test]:
    yield from _counts(law, x) if law.discrete else _moments(law, x)
    low = x <= law.middle
    q = law.below_middle
    same = q * q + (1 - q) * (1 - q)
    pairs = np.count_nonzero(low[0::2] == low[1::2])
    yield Test("neighbours are independent", _binomial(pairs, len(x) // 2, same))
    half = len(x) // 2
    yield Test("halves are independent", _binomial(np.count_nonzero(low[:half] == low[half:]), half, same))
    agree = np.count_nonzero(low == (other <= law.middle))
    yield Test("two seeds are independent", _binomial(agree, len(x), same))
    if not law.discrete:
        yield _distance(law, x)
        yield from _resolution(law, x)


def _counts(law: _Law, x: Any) -> Iterator[Test]:
    """Each value's count is binomial, and so is the sum."""
    support, p = law.support, law.parameters[-1]
    if not np.isin(x, support).all():
        yield Test("values outside the support", 0.0)
        return
    yield Test("mean", _binomial(int(x.sum()), len(x) * int(support[-1]), p))
    likely = np.flatnonzero(law.table * len(x) > 5)
    for k in likely:
        probability = _binomial(np.count_nonzero(x == support[k]), len(x), float(law.table[k]))
        yield Test(f"how often {support[k]:g}", probability * len(likely))


def _moments(law: _Law, x: Any) -> Iterator[Test]:
    """Mean and variance of a normal sample, by their exact distributions."""
    mu, sigma = law.parameters
    z, rounding = (x - mu) / sigma, law.rounding
    off = max(abs(float(z.mean())) - rounding, 0.0) * math.sqrt(len(z))
    with flint.ctx.workprec(BITS):
        yield Test("mean", _float((arb(off) / arb(2).sqrt()).erfc()))
        square, a = arb(float((z * z).sum()) / 2), arb(len(z)) / 2
        # Rounding adds up to (2 rounding |z| + rounding^2) to a square.
        slack = arb(len(z) * rounding * (1 + rounding))
        above, below = (square - slack).gamma_upper(a, regularized=1), (square + slack).gamma_lower(a, regularized=1)
        yield Test("variance", min(1.0, 2 * min(_float(above), _float(below))))


def _distance(law: _Law, x: Any) -> Test:
    """The greatest distance of the sample's distribution function from the true one."""
    ordered, steps = np.sort(x), np.arange(len(x) + 1) / len(x)
    expected = law.cdf(ordered)
    distance = max(float(np.max(expected - steps[:-1])), float(np.max(steps[1:] - expected)))
    distance = max(distance - law.rounding, 0.0)  # the density is below 1 / sigma
    return Test("distribution", min(1.0, 2 * math.exp(-2 * len(x) * distance**2)))


def _resolution(law: _Law, x: Any) -> Iterator[Test]:
    """How many numbers a narrower format holds: of those drawn in a wide one, one in 2^(difference of digits)."""
    narrower = {"float64": "float32", "float32": "float16"}.get(law.format)
    if narrower is not None:
        held = int(np.count_nonzero(x.astype(DTYPES[narrower]).astype(np.float64) == x))
        # A smooth density is as good as constant over so few digits: twice the share covers it.
        share = 2 * FORMATS[law.format].unit / FORMATS[narrower].unit
        with flint.ctx.workprec(BITS):
            above = arb(1) if held == 0 else arb(share).beta_lower(held, len(x) - held + 1, regularized=1)
            yield Test(f"how many numbers {narrower} holds", _float(above))


def _float(ball: arb) -> float:
    return float(ball.upper()) if ball.is_finite() else 1.0


def _binomial(k: Any, n: int, p: float) -> float:
    """The probability of a count at least as far out on its side, both sides counted."""
    k = int(k)  # NumPy's integers are none of Arb's
    with flint.ctx.workprec(BITS):
        x = arb(p)
        below = arb(1) if k >= n else (1 - x).beta_lower(n - k, k + 1, regularized=1)
        above = arb(1) if k <= 0 else x.beta_lower(k, n - k + 1, regularized=1)
        return min(1.0, 2 * min(_float(below), _float(above)))


def _planted(law: _Law, x: Any) -> Iterator[Any]:
    """Wrong samples: constant, 5 % of the spread too high, 10 % too wide; for counts, a tenth of them the rarest."""
    yield np.full_like(x, law.middle)
    yield np.repeat(x[::2], 2)
    if law.discrete:
        moved = x.copy()
        moved[::10] = law.support[np.argmin(law.table)]
        yield moved
    else:
        mu, sigma = law.parameters
        yield x + 0.05 * sigma
        yield mu + 1.1 * (x - mu)


def _rejected(law: _Law, x: Any, other: Any) -> bool:
    return any(t.probability < LEVEL for t in _tests(law, x, other))
