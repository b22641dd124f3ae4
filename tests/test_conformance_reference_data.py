"""NIST's data sets: what is shipped is what NIST certifies, and the level that is built on it sees bad algorithms."""

import json
import math
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fiducial import refimpl
from fiducial.conformance import nist, report
from fiducial.conformance.levels import Plan, dtypes_of, examine, levels_of
from fiducial.conformance.reference_data import CERTIFIED, DIGITS, FORMATS, lre
from fiducial.conformance.results import Result, from_json
from fiducial.conformance.run import Run
from fiducial.conformance.subject import from_functions
from fiducial.spec.catalogue import CATALOGUE

LEVEL, PLAN = "reference data", Plan("quick")


def judged(functions: dict[str, Callable[..., Any]], operation: str, dtype: str) -> Result:
    return examine(from_functions(functions), CATALOGUE[operation], LEVEL, dtype, PLAN)


def run_of(results: Sequence[Result]) -> Run:
    options = {"profile": "quick", "seed": 0, "require": "ok"}
    return Run("s", "1", options, [r.key for r in results], list(results))


# --- the data ---


def mean(x: list[Fraction]) -> Fraction:
    return sum(x, Fraction(0)) / len(x)


def moment(x: list[Fraction], lag: int = 0) -> Fraction:
    m = mean(x)
    return sum(((a - m) * (b - m) for a, b in zip(x, x[lag:], strict=False)), Fraction(0))


def root(q: Fraction) -> Fraction:
    """To 40 digits."""
    with localcontext(prec=40):
        return Fraction((Decimal(q.numerator) / Decimal(q.denominator)).sqrt())


STATISTICS: dict[str, Callable[[list[Fraction]], Fraction]] = {
    "mean": mean,
    "std": lambda x: root(moment(x) / (len(x) - 1)),
    "autocorrelation": lambda x: moment(x, 1) / moment(x),
}


def eliminated(rows: list[list[Fraction]]) -> list[Fraction]:
    """The solution of linear equations, each with its right-hand side last, by Gauss and Jordan."""
    for k in range(len(rows)):
        pivot = next(i for i in range(k, len(rows)) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for i in (i for i in range(len(rows)) if i != k):
            rows[i] = [v - rows[i][k] * w for v, w in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]


def least_squares(data: nist.DataSet) -> list[Fraction]:
    """By the normal equations."""
    table = data.design([[Fraction(v) for v in row] for row in data.x])
    columns = [list(c) for c in zip(*table, strict=True)]
    y = [Fraction(v) for v in data.y]
    products = [[sum(map(Fraction.__mul__, a, b), Fraction(0)) for b in (*columns, y)] for a in columns]
    return eliminated(products)


def printed(exact: Fraction, digits: int) -> Fraction:
    """The exact number with as many significant digits."""
    with localcontext(prec=digits):
        return Fraction(Decimal(exact.numerator) / Decimal(exact.denominator))


@pytest.mark.parametrize("name", [*nist.UNIVARIATE, *nist.LINEAR])
def test_every_certified_digit_follows_from_the_data(name: str) -> None:
    data = nist.load(name)
    for operation, certified in data.certified.items():
        found = least_squares(data) if data.x else [STATISTICS[operation]([Fraction(v) for v in data.y])]
        for exact, text in zip(found, certified, strict=True):
            digits = len(Decimal(text).as_tuple().digits)
            assert digits == DIGITS or Fraction(text) == exact, (operation, text)
            assert printed(exact, digits) == Fraction(text), (operation, text)


def test_the_files_are_the_data_sets() -> None:
    files = {p.stem for p in Path(nist.__file__).parent.glob("*.json")}
    assert files == {*nist.UNIVARIATE, *nist.LINEAR}
    assert {operation for name in files for operation in nist.load(name).certified} == set(CERTIFIED)
    assert [len(nist.of(operation)) for operation in CERTIFIED] == [9, 9, 9, 11]


def test_pi_digits_keep_the_digit_that_is_wrong() -> None:
    """The certified values depend on it: pi itself has an 8 there."""
    digits = nist.load("PiDigits").y
    assert ("".join(digits[:6]), digits[956], len(digits)) == ("314159", "3", 5000)


def test_data_are_rounded_once() -> None:
    q = Fraction(1) + Fraction(1, 2**24) + Fraction(1, 2**60)  # above the middle of two float32; float64 is the middle
    assert (float(np.float32(float(q))), float(nist.rounded(q, "float32"))) == (1.0, 1 + 2.0**-23)
    assert nist.rounded(-q, "float32") == -nist.rounded(q, "float32")
    assert nist.rounded(Fraction(1, 10), "float64") == 0.1


def test_designs() -> None:
    X, y = nist.load("Filip").arrays("float32")
    assert (X.shape, y.shape, X.dtype, y.dtype) == ((82, 11), (82,), np.float32, np.float32)
    x = Fraction(float(X[0, 1]))
    assert [Fraction(float(v)) for v in X[0, :3]] == [1, x, Fraction(float(nist.rounded(x * x, "float32")))]
    assert nist.load("NoInt1").arrays("float64")[0].tolist() == [[float(v)] for v in range(60, 71)]
    assert nist.load("Longley").arrays("float64")[0].shape == (16, 7)


# --- the level ---


def one_pass(x: Any, *, axis: Any = None, ddof: int = 0) -> Any:
    """E[x^2] - E[x]^2, as it is still shipped."""
    n = x.size
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt((np.mean(x * x) - np.mean(x) ** 2) * x.dtype.type(n / (n - ddof))))


@pytest.mark.parametrize("dtype", FORMATS)
def test_one_pass_variance_is_wrong(dtype: str) -> None:
    result = judged({"std": one_pass}, "std", dtype)
    assert result.outcome == "wrong"
    assert result.counterexample is not None and result.counterexample["label"] in nist.UNIVARIATE
    assert {e["data"] for e in result.reference} == set(nist.UNIVARIATE)


def test_the_sets_that_catch_one_pass_variance(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for data in nist.of("std"):
        monkeypatch.setattr(nist, "of", lambda operation, data=data: [data])
        found[data.name] = judged({"std": one_pass}, "std", "float64").outcome
    assert [name for name, outcome in found.items() if outcome == "wrong"] == [
        "Mavro", "Michelso", "NumAcc1", "NumAcc3", "NumAcc4",
    ]  # fmt: skip
    assert {found[name] for name in ("PiDigits", "Lottery", "Lew", "NumAcc2")} == {"tight"}  # they vary too much


@pytest.mark.parametrize("operation", CERTIFIED)
@pytest.mark.parametrize("dtype", FORMATS)
def test_the_reference_implementation(operation: str, dtype: str) -> None:
    result = judged({operation: getattr(refimpl, operation)}, operation, dtype)
    assert result.outcome in ("tight", "ok")
    assert list(dict.fromkeys(e["data"] for e in result.reference)) == [d.name for d in nist.of(operation)]
    assert len(result.reference) == sum(len(d.certified[operation]) for d in nist.of(operation))
    assert 0 < result.cases - result.vacuous


def test_what_rounding_leaves_nothing_of_is_vacuous() -> None:
    """In float32 the numbers of NumAcc4 are all equal: a deviation of 0, an autocorrelation of 0 / 0."""
    results = {o: judged({o: getattr(refimpl, o)}, o, "float32") for o in ("std", "autocorrelation")}
    assert [(r.cases, r.vacuous) for r in results.values()] == [(9, 5), (9, 6)]
    exact = {o: {e["data"]: e for e in r.reference}["NumAcc4"] for o, r in results.items()}
    assert [(e["exact"], e["got"], e["lre"]) for e in exact.values()] == [("0", 0.0, 0.0), ("undefined", None, None)]


def test_a_blind_case_alone_is_not_green(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nist, "of", lambda operation: [nist.load("NumAcc3"), nist.load("NumAcc4")])
    result = judged({"std": refimpl.std}, "std", "float32")
    assert (result.cases, result.vacuous) == (2, 2)
    assert report.status(run_of([result])) == 1


def test_only_formats_that_can_hold_the_data() -> None:
    assert all(LEVEL in levels_of(CATALOGUE[o]) for o in CERTIFIED)
    assert {d for o in CERTIFIED for d in dtypes_of(CATALOGUE[o], LEVEL)} == set(FORMATS)
    assert LEVEL not in levels_of(CATALOGUE["variance"])
    assert judged({"std": refimpl.std}, "std", "float16").outcome == "unsupported"


def test_other_conventions_are_not_compared() -> None:
    """A deviation over n is no statistic that NIST certifies."""
    result = judged({"std": lambda x, axis=None: refimpl.std(x, axis=axis)}, "std", "float64")
    assert (result.outcome, result.cases, result.reference) == ("unsupported", 0, [])
    assert "ddof" in result.notes[0]


def test_a_function_that_raises_is_compared_where_it_does_not() -> None:
    def refuses_large_numbers(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        if abs(x[0]) > 1e6:
            raise OverflowError("too large")
        return refimpl.mean(x, axis=axis, keepdims=keepdims)

    result = judged({"mean": refuses_large_numbers}, "mean", "float64")
    assert result.outcome == "crashed"
    assert {e["data"] for e in result.reference if e["got"] is None} == {"NumAcc1", "NumAcc3", "NumAcc4"}
    assert len(result.reference) == len(nist.UNIVARIATE)


def test_a_call_that_takes_too_long_ends_the_level() -> None:
    def endless(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        while True:
            pass

    subject = from_functions({"mean": endless})
    result = examine(subject, CATALOGUE["mean"], LEVEL, "float64", Plan("quick", seconds=0.05))
    assert (result.outcome, result.cases, [e["data"] for e in result.reference]) == ("timed_out", 1, ["PiDigits"])


# --- log relative error ---


@pytest.mark.parametrize(("number", "certified", "expected"), [
    (1.0, "1", 15.0), (1.01, "1", 2.0), (0.99, "1", 2.0), (3.0, "1", 0.0), (-1.0, "1", 0.0), (1e-6, "0", 6.0),
    (0.0, "0", 15.0), (math.nan, "1", 0.0), (math.inf, "1", 0.0), (None, "1", None), (0.335e-2, "0.334E-02", 2.524),
])  # fmt: skip
def test_lre(number: float | None, certified: str, expected: float | None) -> None:
    assert lre(number, certified) == expected


def test_the_table_and_the_json_hold_every_set() -> None:
    results = [judged({o: getattr(refimpl, o)}, o, d) for o in CERTIFIED for d in FORMATS]
    run = run_of(results)
    lines = report.table(run).splitlines()
    table = lines[lines.index("NIST StRD on numpy: log relative error (ceiling)") + 1 :]
    named = {line.split()[0]: line.split()[1:] for line in table}
    assert {*nist.UNIVARIATE, *nist.LINEAR} <= set(named)
    assert max(map(len, table)) <= 100 and not any(line != line.rstrip() for line in table)
    assert named["NumAcc4"][:6] == ["15.0", "(15.0)", "6.9", "(", "7.7)", "8.3"] and named["NumAcc4"][-1] == "-"
    data = json.loads(json.dumps(report.as_json(run), allow_nan=False))
    again = [from_json(r) for r in data["results"]]
    assert [r.reference for r in again] == [r.reference for r in results]
    schema = json.loads((Path(report.__file__).parent / "schema.json").read_text(encoding="utf-8"))["$defs"]
    assert set(again[0].reference[0]) == set(schema["reference"]["properties"])
    assert set(data["results"][0]) == set(schema["result"]["properties"])


def test_only_this_level_compares() -> None:
    result = examine(from_functions({"std": refimpl.std}), CATALOGUE["std"], "shape", "float64", PLAN)
    assert result.reference == []
    assert "NIST" not in report.table(run_of([result]))


# --- the operation that came with the data ---

SERIES = np.array([1.0, 4.0, -2.0, 0.5, 3.0])


@pytest.mark.parametrize(("x", "lag", "message"), [
    (SERIES[None], 1, r"x must be an array \(T,\), got \(1, 5\)"),
    (SERIES, 0, "lag must be an integer, at least 1, got 0"),
    (SERIES, 1.0, "lag must be an integer, at least 1, got 1.0"),
    (SERIES, 5, "x must be an array of at least 6 terms for lag=5, got 5"),
    (np.full(7, 0.1), 1, "x must be a series that varies, .*got 'a constant series'"),
])  # fmt: skip
def test_autocorrelation_refuses(x: Any, lag: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        refimpl.autocorrelation(x, lag=lag)
    with pytest.raises(ValueError, match=message):
        refimpl.autocorrelation_vjp(np.array(1.0), x, lag=lag)


def test_autocorrelation_neither_overflows_nor_vanishes() -> None:
    expected = refimpl.autocorrelation(SERIES, lag=2)
    for scale in (2.0**-1000, 2.0**1000):
        assert refimpl.autocorrelation(SERIES * scale, lag=2) == pytest.approx(expected, rel=1e-15)
    with pytest.raises(ValueError, match=r"cotangent must be an array of shape \(\), got \(1,\)"):
        refimpl.autocorrelation_vjp(np.ones(1), SERIES)
