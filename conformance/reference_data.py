"""Reference data: the data sets of NIST with certified statistics.

A case is judged as any other: by the derived bound around the exact statistic of the numbers that the data round to.
Beside it stands what the literature reports, the log relative error (LRE) against the certified decimals, and its
ceiling, the LRE of that exact statistic once rounded: what rounding the data costs is lost to every algorithm. (An
algorithm's own error may chance to lead back.)
Source: McCullough, *Assessing the reliability of statistical software: part I*, The American Statistician 52, 1998.
"""

from __future__ import annotations

import contextlib
import decimal
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from fiducial.conformance import cases, nist
from fiducial.conformance.calling import Fault
from fiducial.conformance.cases import Case
from fiducial.conformance.counterexample import number
from fiducial.conformance.examine import Deviation, Examination
from fiducial.conformance.nist import DataSet
from fiducial.conformance.subject import DTYPES
from fiducial.spec import oracle
from fiducial.spec.numbers.spectrum import exactly
from fiducial.spec.operation import Operation

# What NIST certifies, with the attributes that it does so for.
CERTIFIED: Mapping[str, Mapping[str, Any]] = {
    "mean": {}, "std": {"ddof": 1}, "autocorrelation": {"lag": 1}, "least_squares": {},
}  # fmt: skip
FORMATS = ("float64", "float32")  # to 16 bits, most of the data are one number, or none
DIGITS = 15  # are certified, or the value is exact


def exist(operation: Operation) -> bool:
    """Whether NIST certifies what an operation computes."""
    return operation.name in CERTIFIED


def examine(e: Examination, rng: Any) -> None:
    required = CERTIFIED[e.operation.name]
    chosen = e.settled(dict(required))
    if any(chosen[name] != value for name, value in required.items()):
        e.note(f"{e.operation.name}: NIST certifies it for {required}, which is not taken")
        return
    kind = DTYPES[e.result.dtype]
    for data in nist.of(e.operation.name):
        given = data.arrays(kind)
        case = cases.case(e.operation, e.result.dtype, chosen, given, rng, data.name)
        exact = statistics(case, e)
        e.result.reference += _compared(data, case, _judged(e, case, exact), exact)
        if e.result.outcome == "timed_out":
            return


def statistics(case: Case, e: Examination) -> list[Fraction | None]:
    """The exact statistics of a case's own numbers; None where there is none (0 / 0)."""
    if case.call.definition.relation is not None:
        return list(coefficients(*case.call.arrays))
    (answer,) = oracle.values(case.call, e.format)
    defined = bool(answer.resolved) and math.isfinite(answer.mid)
    return [Fraction(float(answer.mid)) + Fraction(float(answer.rest)) if defined else None]


def coefficients(X: Any, y: Any) -> list[Fraction]:
    """The least-squares coefficients, by the normal equations in rational numbers."""
    design, right = exactly(X), exactly(y[:, None])
    b = (design.transpose() * design).solve(design.transpose() * right)
    return [Fraction(int(v.p), int(v.q)) for v in b.entries()]


def _judged(e: Examination, case: Case, exact: Sequence[Fraction | None]) -> list[float | None]:
    """The statistics that came; what has no exact value can tell nothing, whether or not it is refused."""
    if None in exact:
        e.result.cases += 1
        e.result.vacuous += 1
        return [None] * len(exact)
    with contextlib.suppress(Deviation):  # the other data sets are to be seen too
        e.value(case)
    with contextlib.suppress(Fault):  # is in the result already
        (got,) = e.outputs(case)
        return [float(v) for v in np.ravel(got)]
    return [None] * len(exact)


# --- log relative error ---


def _compared(
    data: DataSet, case: Case, got: Sequence[float | None], exact: Sequence[Fraction | None]
) -> list[dict[str, Any]]:
    certified, kind = data.certified[case.operation.name], DTYPES[case.dtype]
    first = 0 if data.intercept else 1
    names = [f"B{k + first}" for k in range(len(certified))] if data.x else [case.operation.name]
    held = [None if x is None else float(nist.rounded(x, kind)) for x in exact]
    return [
        {"data": data.name, "statistic": name, "certified": text, "got": None if g is None else number(g),
         "exact": _decimal(x), "lre": lre(g, text), "ceiling": lre(h, text)}
        for name, text, g, x, h in zip(names, certified, got, exact, held, strict=True)
    ]  # fmt: skip


def lre(number: float | None, certified: str) -> float | None:
    """-log10(|number - certified| / |certified|), or -log10|number| where 0 is certified: how many digits agree.

    At most the digits that are certified; 0 where not even the first one does.
    """
    if number is None:
        return None
    if not math.isfinite(number):
        return 0.0
    truth = Fraction(certified)
    error = abs(Fraction(number) - truth) / (abs(truth) or 1)
    if error == 0:
        return float(DIGITS)
    return 0.0 if error >= 1 else round(min(-math.log10(error), DIGITS), 3)


def _decimal(exact: Fraction | None) -> str:
    if exact is None:
        return "undefined"
    with decimal.localcontext(prec=20):
        return str(Decimal(exact.numerator) / Decimal(exact.denominator))
