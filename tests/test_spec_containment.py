"""The oracle's foundations, measured: balls contain what Arb computes, a damaged ball is noticed, mpmath agrees."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import containment
import numpy as np
import pytest
from containment import MODELS, NAMES, OPERATIONS, TOGETHER, measured
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from mpmath_numbers import MpNumbers

from fiducial.conformance import cases
from fiducial.spec import cache, oracle
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.derived import gradient_system, value_system
from fiducial.spec.formats import FORMATS
from fiducial.spec.numbers.ball import Ball
from fiducial.spec.numbers.rounding import Rounding

POINTS, FEW = 2000, 240
SLOW = {"erfcinv": 300, "log_betainc": 120, "log_betaincc": 120, "erfcx": 600, "lgamma": 1000}
BY_NAME = {operation.name: operation for operation in OPERATIONS}


def violations(found):
    return [f"{model}: {text}" for model, f in found.items() for text in f.violations]


@pytest.mark.parametrize("name", BY_NAME)
def test_arbs_values_lie_in_the_balls(name):
    """bench/containment.py measures the same at a million points each."""
    found = measured(BY_NAME[name], SLOW.get(name, POINTS), seed=1)
    assert not violations(found)
    assert found["enclosure"].promised > 0.6 * found["enclosure"].points  # an infinite radius promises nothing


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(set(BY_NAME) - set(SLOW))), st.integers(0, 2**32 - 1))
def test_arbs_values_lie_in_the_balls_of_any_seed(name, seed):
    assert not violations(measured(BY_NAME[name], 60, seed=seed, chunk=60))


# --- a measurement that cannot fail would say nothing ---


def smaller(factor):
    return lambda ball: Ball(ball.mid, ball.rad * factor, ball.model, np)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_radius_that_is_too_small_is_noticed(name):
    assert violations(measured(BY_NAME[name], min(SLOW.get(name, FEW), FEW), spoil=smaller(0.5)))


@pytest.mark.parametrize("name", [o.name for o in OPERATIONS if o.elementwise and o.rounds(MODELS[1]) == 1])
def test_a_rounding_that_is_left_out_is_noticed(name, monkeypatch):
    """Results of exact operands alone would then claim to be exact."""
    forgetful = replace(TOGETHER, unit=np.zeros(len(MODELS)))
    monkeypatch.setattr(containment, "TOGETHER", forgetful)
    found = measured(BY_NAME[name], FEW)
    assert all(found[model].violations for model in NAMES)


@pytest.mark.parametrize("name", ["total of 4", "sum of 6", "sum of the others of 3", "matrix product"])
def test_the_roundings_of_a_sum_that_are_left_out_are_noticed(name, monkeypatch):
    forgetful = replace(TOGETHER, unit=np.zeros(len(MODELS)))
    monkeypatch.setattr(containment, "TOGETHER", forgetful)
    assert violations(measured(BY_NAME[name], FEW))


@pytest.mark.parametrize("name", ["add", "multiply", "divide", "sum of 6", "exp", "sqrt"])
def test_a_midpoint_that_is_off_is_noticed(name):
    def moved(ball):
        return Ball(ball.mid * (1 + 2.0**-40), ball.rad, ball.model, np)

    assert measured(BY_NAME[name], FEW, spoil=moved)["enclosure"].violations


def test_an_underflow_that_is_left_out_is_noticed(monkeypatch):
    monkeypatch.setattr(containment, "TOGETHER", replace(TOGETHER, tiny=np.zeros(len(MODELS))))
    monkeypatch.setattr("fiducial.spec.numbers.ball.DUST", 0.0)
    for name in ("multiply", "divide"):
        assert violations(measured(BY_NAME[name], 4 * POINTS))


# --- the definitions, evaluated by mpmath ---

DIGITS = 60
RANDOM = [n for n, o in CATALOGUE.items()
          if not o.default_definition().system.described and o.default_definition().sampling is None
          and o.default_definition().relation is None]  # fmt: skip


def drawn(name, seed):
    """A small case: the smallest structure, everyday numbers."""
    operation, rng = CATALOGUE[name], np.random.default_rng(seed)
    return cases.draw(
        operation, "float64", lambda options: options[0], rng, lambda a: {**operation.defaults, **a}, "normal"
    )


def assert_agrees(answers, exact):
    for answer, value in zip(answers, exact, strict=True):
        shape = np.broadcast_shapes(answer.shape, value.shape)
        parts = (np.broadcast_to(a, shape).ravel().tolist() for a in (answer.mid, answer.rest, answer.rad))
        for mid, rest, rad, truth in zip(*parts, np.broadcast_to(value.items, shape).ravel(), strict=True):
            if not mp.isfinite(truth):
                assert mid == truth and rad == 0
                continue
            slack = mpf(rad) + (abs(truth) + 1) * mpf(10) ** (15 - DIGITS)
            assert abs(truth - mpf(mid) - mpf(rest)) <= slack, f"{mid} + {rest} +- {rad} misses {mp.nstr(truth, 30)}"
            assert rad <= max(1e-14 * abs(truth), 1e-30), f"too wide to say anything: {mid} +- {rad}"


def by_mpmath(system, bound, places):
    with mp.workdps(DIGITS):
        return oracle._run(system, MpNumbers(), bound, places)


@pytest.mark.parametrize("name", RANDOM)
def test_mpmath_agrees_with_the_values(name):
    call = drawn(name, 3).call
    exact = by_mpmath(value_system(call.definition), oracle.laid_out(call), oracle._result_places(call))
    with mp.workdps(DIGITS):
        assert_agrees(oracle.values(call, FORMATS["float64"]), exact)


@pytest.mark.parametrize("name", [n for n in RANDOM if CATALOGUE[n].default_definition().system.differentiable])
def test_mpmath_agrees_with_the_gradients(name):
    case = drawn(name, 4)
    bound = oracle._with_cotangents(case.call, case.cotangents)
    exact = by_mpmath(gradient_system(case.call.definition), bound, oracle._input_places(case.call))
    with mp.workdps(DIGITS):
        assert_agrees(oracle.gradients(case.call, case.cotangents, FORMATS["float64"]), exact)


# --- a cache that was damaged ---

PROCESS = """
import json
from fiducial.spec import oracle
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.formats import FORMATS
import numpy as np
call = oracle.Call(CATALOGUE["softmax"], (np.array([[0.5, -1.25, 2.0]]),), {})
found = oracle.gradients(call, [np.array([[1.0, -0.5, 0.25]])], FORMATS["float64"])[0]
print(json.dumps([found.mid.tolist(), found.bound.tolist()]))
"""


def answers(folder):
    environment = {**os.environ, "FIDUCIAL_CACHE": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.check_output([sys.executable, "-c", PROCESS], env=environment, text=True)


def test_answers_are_the_same_after_every_file_was_damaged(tmp_path):
    """A digit here, a half there, and valid JSON of another system: the next process derives again and repairs."""
    first = answers(tmp_path)
    whole = {path: path.read_bytes() for path in tmp_path.glob("*.json")}
    assert whole
    for k, (path, content) in enumerate(whole.items()):
        stored = json.loads(content)
        stored["system"]["equations"] = stored["system"]["equations"][::-1]
        digit = content.rfind(b'"1"')
        damaged = [
            content[: len(content) // 2],
            content[:digit] + b'"2"' + content[digit + 3 :],
            json.dumps(stored).encode(),
        ]
        path.write_bytes(damaged[k % 3] if digit > 0 else damaged[0])
        assert path.read_bytes() != content
    assert answers(tmp_path) == first
    assert {path: path.read_bytes() for path in tmp_path.glob("*.json")} == whole


def test_any_changed_byte_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setenv("FIDUCIAL_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "_memory", {})
    system = value_system(CATALOGUE["gelu"].default_definition())

    def recalled(calls):
        return cache.remembered("test", system, {}, lambda: calls.append(1) or system)

    made = recalled([])
    (path,) = tmp_path.glob("*.json")
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for place in rng.choice(len(whole), 60, replace=False):
        changed = bytearray(whole)
        changed[place] ^= 1 << int(rng.integers(0, 7))
        path.write_bytes(bytes(changed))
        cache._memory.clear()
        calls = []
        assert cache.as_data(recalled(calls)) == cache.as_data(made)
        same = _without_spaces(bytes(changed)) == _without_spaces(whole)
        assert calls or same
        assert path.read_bytes() == whole or same


def _without_spaces(text):
    return text.translate(None, b" \t\n\r")


def test_the_models_are_those_of_the_oracle():
    assert MODELS[0] == Rounding.enclosure() and len(MODELS) == len(NAMES)
