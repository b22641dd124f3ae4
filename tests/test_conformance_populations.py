"""Errors taken as a population: right answers pass, what single bounds accept is found, false alarms are rare."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fiducial import refimpl
from fiducial.conformance import levels, populations
from fiducial.conformance.examine import Examination
from fiducial.conformance.levels import PROFILES, Plan, examine
from fiducial.conformance.results import LEVELS, Result
from fiducial.conformance.subject import from_functions, load
from fiducial.conformance.verdict import LIMIT
from fiducial.spec import oracle
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.formats import FORMATS
from fiducial.spec.oracle import Call

MOST = max(PROFILES.values(), key=lambda p: len(p.terms))


def judged(
    name: str, function: Callable[..., Any], dtype: str, profile: str = "quick", level: str = "population"
) -> Result:
    return examine(from_functions({name: function}), CATALOGUE[name], level, dtype, Plan(profile=profile))


def altered(name: str, change: Callable[[Any], Any]) -> Callable[..., Any]:
    """The reference implementation with a change of its result, which is computed in float64 and rounded."""

    def function(*arrays: Any, **attributes: Any) -> Any:
        return change(getattr(refimpl, name)(*arrays, **attributes).astype(float)).astype(arrays[0].dtype)

    return function


def relative_scale(dtype: str, terms: int) -> float:
    """The scale of the errors of independent roundings in a sum of ones, over the sum."""
    call = Call(CATALOGUE["sum"], (np.ones((1, terms)),), {"axis": -1, "keepdims": False})
    ((_, scale),) = oracle.spreads(call, FORMATS[dtype])
    return float(scale[0]) / terms


# --- implementations ---


@pytest.mark.parametrize("dtype", populations.FORMATS)
@pytest.mark.parametrize("name", ["sum", "matmul", "log_softmax"])
def test_a_right_implementation_passes(name, dtype):
    result = judged(name, getattr(refimpl, name), dtype)
    assert (result.outcome, result.vacuous) == ("tight", 0), result.message
    assert result.ratio < 0.1


def test_a_factor_that_single_bounds_accept_is_found():
    scaled = altered("matmul", lambda y: y * 1.004)
    found = judged("matmul", scaled, "float16", "full")
    assert found.outcome == "loose"
    assert "a factor of 1.004" in found.message or "a factor of 1.003" in found.message
    assert found.counterexample is not None
    less = altered("matmul", lambda y: y * 1.001)
    assert judged("matmul", less, "float16", "full", "values").outcome in ("tight", "ok")


def sequential(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    if x.dtype == np.float16 and axis in (-1, 1) and x.ndim == 2 and not keepdims:
        return np.cumsum(x, axis=axis, dtype=x.dtype)[:, -1]
    return refimpl.sum(x, axis=axis, keepdims=keepdims)


def test_half_precision_sums_of_many_terms_are_found():
    found = judged("sum", sequential, "float16", "full")
    assert found.outcome == "loose"
    assert "4096 terms" in found.message
    assert judged("sum", sequential, "float16", "full", "values").outcome in ("tight", "ok")


@pytest.mark.parametrize("dtype", populations.FORMATS)
def test_an_offset_is_found(dtype):
    by = 2 * relative_scale(dtype, 512) * 512 * 1.25
    found = judged("sum", altered("sum", lambda y: y + by), dtype)
    assert found.outcome == "loose"
    assert "the mean of" in found.message or "the slope of" in found.message


@pytest.mark.parametrize("dtype", populations.FORMATS)
def test_accuracy_that_is_lost_as_often_up_as_down_is_found(dtype):
    def noisy(y: Any) -> Any:
        rng = np.random.default_rng(y.size)
        return y * (1 + 4 * relative_scale(dtype, 512) * rng.choice([-1.0, 1.0], y.shape))

    found = judged("sum", altered("sum", noisy), dtype)
    assert found.outcome == "loose"
    assert "the mean square of" in found.message


def test_an_infinity_is_found():
    found = judged("sum", altered("sum", lambda y: np.where(np.arange(y.size) == 3, np.inf, y)), "float32")
    assert found.outcome == "loose"
    assert "an infinity or NaN" in found.message


# --- statistics ---


def ratios(errors: Any, exact: Any, shared: float = 0.0, scale: float = 1.0) -> dict[str, float]:
    like = np.ones(len(errors))
    return dict(populations._tests(errors, exact, shared * like, scale * like))


DISTRIBUTIONS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.uniform(-math.sqrt(3), math.sqrt(3), shape),
    "signs": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_sub_gaussian_errors_raise_no_alarm(name):
    rng = np.random.default_rng(1)
    for number in (1, 30, 3000):
        for _ in range(100):
            found = ratios(DISTRIBUTIONS[name](rng, number), rng.uniform(-2, 9, number))
            assert max(found.values()) < 1


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_thresholds_are_exceeded_as_rarely_as_they_claim(name, monkeypatch):
    probability, runs = 0.05, 2000
    monkeypatch.setattr(populations, "LOG", math.log(2 / probability))
    rng = np.random.default_rng(2)

    def exceeded(scale: float) -> dict[str, float]:
        found = [ratios(scale * DISTRIBUTIONS[name](rng, 50), rng.uniform(-2, 9, 50)) for _ in range(runs)]
        return {test: sum(f[test] > 1 for f in found) / runs for test in found[0]}

    share = exceeded(LIMIT)  # as much accuracy may be lost as in a single answer
    assert all(s <= probability for s in share.values()), share
    if name == "normal":  # the bounds on the two linear statistics are not far from their quantiles
        assert share["the slope"] > 0.001
        assert share["the mean"] > 0.001
    assert exceeded(2 * LIMIT)["the mean square"] > 0.95


def test_the_claim_is_for_a_whole_run():
    """2 exp(-LOG) for each test, and there are fewer than TESTS of them."""
    assert 2 * math.exp(-populations.LOG) * populations.TESTS == pytest.approx(populations.FALSE_ALARM)
    having = [o for o in CATALOGUE.values() if populations.exist(o)]
    outputs = sum(len(o.default_definition().system.outputs) for o in having)
    assert len(having) >= 10
    assert outputs * len(populations.FORMATS) * len(MOST.terms) * 3 <= populations.TESTS


def test_what_each_statistic_sees():
    rng = np.random.default_rng(3)
    exact, errors = rng.choice([-1.0, 1.0], 4000) * rng.uniform(1, 2, 4000), rng.normal(size=4000)
    assert max(ratios(errors, exact).values()) < 1

    def seen(wrong: Any) -> set[str]:
        return {name for name, ratio in ratios(wrong, exact).items() if ratio > 1}

    assert seen(errors + 0.25 * exact) == {"the slope"}
    assert seen(errors + 0.25) == {"the mean"}
    assert seen(1.3 * LIMIT * errors) == {"the mean square"}


def test_what_functions_err_by_may_all_go_the_same_way():
    rng = np.random.default_rng(4)
    exact, errors = rng.uniform(1, 2, 4000), rng.normal(size=4000)
    assert max(ratios(errors + 0.5, exact, shared=0.5).values()) < 1
    assert max(ratios(errors + 0.75, exact, shared=0.5).values()) > 1


# --- where it exists, and where it can tell ---


def test_a_population_in_which_a_planted_error_is_not_seen_counts_as_vacuous():
    operation = CATALOGUE["affine"]

    def vacuous(terms: int) -> int:
        e = Examination(load(), operation, "population", "bfloat16")
        populations.examine(e, np.random.default_rng(5), (terms,), 1)
        return e.result.vacuous

    assert vacuous(32768) == populations.PATIENCE
    assert vacuous(64) == 0


def test_more_rows_are_taken_until_a_planted_error_is_seen(monkeypatch):
    monkeypatch.setattr(populations, "_powerful", lambda e, sample: len(sample[0]) > 2 * rows)
    e = Examination(load(), CATALOGUE["sum"], "population", "float32")
    rows = populations.PART // 512
    populations.examine(e, np.random.default_rng(6), (512,), 1)
    assert (e.result.cases, e.result.vacuous) == (3, 0)


@pytest.mark.parametrize("name", ["batch_norm", "covariance", "correlation", "relu", "lstm", "clip_by_global_norm"])
def test_rows_that_share_something_are_no_population(name):
    assert not populations.exist(CATALOGUE[name])
    assert "population" not in levels.levels_of(CATALOGUE[name])


def test_the_level_is_known_and_leaves_float64_to_its_bounds():
    assert "population" in LEVELS
    assert "population" in levels.levels_of(CATALOGUE["sum"])
    assert judged("sum", refimpl.sum, "float64").outcome == "unsupported"
