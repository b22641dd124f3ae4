"""What the oracle of statistics and linear algebra costs, in one run.

    python bench/estimators.py

Judging 10^6 values of the normal log-distribution function (exact values and derived bounds, then the verdict), over
SciPy's own ``log_ndtr`` of them; certified eigenvalues of a symmetric 20 x 20 matrix over NumPy's ``eigvalsh``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import flint
import numpy as np
from scipy import special

from fiducial.conformance.verdict import judge
from fiducial.spec import oracle
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.formats import FORMATS
from fiducial.spec.numbers.spectrum import eigenvalues
from fiducial.spec.oracle import Call

POINTS = 10**6


def seconds(function: Callable[[], Any], times: int = 3) -> float:
    """The best of some runs."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def log_cdf(name: str, points: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-40, 10, points).astype(name)
    mu, sigma = np.zeros((), x.dtype), np.ones((), x.dtype)
    got = special.log_ndtr(x).astype(np.float64)
    call = Call(CATALOGUE["normal_logcdf"], tuple(a.astype(np.float64) for a in (x, mu, sigma)), {})
    format = FORMATS[name]
    judged = seconds(lambda: judge(got, oracle.values(call, format)[0], format), 1 if name == "float64" else 3)
    plain = seconds(lambda: special.log_ndtr(x))
    print(f"normal_logcdf, {points} values, {name}: {judged:.2f} s, {judged / plain:.0f} times SciPy's log_ndtr")


def spectrum() -> None:
    a = np.random.default_rng(0).normal(size=(20, 20))
    a = a + a.T

    def certified() -> None:
        with flint.ctx.workprec(128):
            eigenvalues(a)

    enclosed, plain = seconds(certified), seconds(lambda: np.linalg.eigvalsh(a))
    print(f"symmetric spectrum, 20 x 20: {enclosed * 1e3:.1f} ms, {enclosed / plain:.0f} times NumPy's eigvalsh")


if __name__ == "__main__":
    log_cdf("float32", POINTS)
    log_cdf("float64", POINTS // 10)
    spectrum()
