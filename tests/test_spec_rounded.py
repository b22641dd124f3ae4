"""A format's own arithmetic: as NumPy and ml_dtypes do it, in the order asked for, within the units declared.

And what it is for: no textbook algorithm, executed in it, exceeds the bounds (bench/bounds.py measures all of them).
"""

from typing import Any

import executed
import ml_dtypes
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.formats import FORMATS
from fiducial.spec.numbers import special
from fiducial.spec.numbers.rounded import RoundedNumbers

KINDS = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
NARROW = tuple(KINDS)
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # overflow and 0 / 0 are asked for


def numbers(name: str) -> st.SearchStrategy[Any]:
    """Pairs of the format's numbers: hypothesis's own choice, any bits, and the ends of the format."""
    kind, format = KINDS[name], FORMATS[name]
    edges = [0.0, format.tiny, 3 * format.tiny, format.normal, format.normal - format.tiny, format.largest,
             format.largest * (1 - format.unit), 1.0, 1 + 2 * format.unit, 1 - format.unit, float("inf")]  # fmt: skip
    if name == "float32":
        any_bits = st.integers(0, 2**32 - 1).map(lambda n: np.uint32(n).view(np.float32))
    else:
        any_bits = st.integers(0, 2**16 - 1).map(lambda n: np.uint16(n).view(kind))
    one = st.one_of(st.sampled_from(edges), any_bits.map(float), st.floats(width=16 if name == "float16" else 32))
    signed = st.tuples(one, st.sampled_from([-1.0, 1.0])).map(lambda both: both[0] * both[1])
    row = st.lists(st.tuples(signed, signed), min_size=24, max_size=24)
    return row.map(lambda pairs: np.array(pairs, dtype=np.float64).astype(kind).T)


def same(ours: Any, theirs: Any) -> bool:
    """Bit for bit, signs of zeros included; any NaN is NaN."""
    theirs = np.asarray(theirs).astype(np.float64)
    return bool(np.all((np.isnan(ours) & np.isnan(theirs)) | (ours.view(np.uint64) == theirs.view(np.uint64))))


# --- arithmetic ---


@pytest.mark.parametrize("name", NARROW)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_arithmetic_is_the_formats_own(name, data):
    a, b = data.draw(numbers(name))
    system = RoundedNumbers(FORMATS[name])
    x, y = system.data(a), system.data(b)
    assert same(x.items, a)
    assert same((x + y).items, a + b)
    assert same((x - y).items, a - b)
    assert same((x * y).items, a * b)
    assert same((x / y).items, a / b)
    assert same((-x).items, -a)
    assert same(abs(x).items, np.abs(a))
    assert same(system.apply("sqrt", abs(x)).items, np.sqrt(np.abs(a)))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_float64_is_numpys(data):
    a, b = np.array(data.draw(st.lists(st.tuples(st.floats(), st.floats()), min_size=1))).T
    system = RoundedNumbers(FORMATS["float64"])
    x, y = system.data(a), system.data(b)
    for ours, theirs in ((x + y, a + b), (x - y, a - b), (x * y, a * b), (x / y, a / b)):
        assert same(ours.items, theirs)


@pytest.mark.parametrize("name", NARROW)
def test_constants_and_results_are_rounded(name):
    system, kind = RoundedNumbers(FORMATS[name]), KINDS[name]
    assert system.constant(sympy.Rational(1, 10)).items == float(kind(0.1))
    assert system.constant(sympy.sqrt(2 / sympy.pi)).items == float(kind(np.sqrt(2 / np.pi)))
    assert np.isinf((system.data(FORMATS[name].largest) * system.constant(sympy.Integer(2))).items)
    assert (system.data(FORMATS[name].tiny) / system.constant(sympy.Integer(4))).items == 0


# --- sums ---


@pytest.mark.parametrize("name", [*NARROW, "float64"])
@pytest.mark.parametrize("order", list(executed.orders(None)))
def test_terms_are_added_in_the_order_asked_for(name, order):
    rng, kind = np.random.default_rng(1), KINDS.get(name, np.float64)
    permute = executed.orders(np.random.default_rng(2))[order]
    again = executed.orders(np.random.default_rng(2))[order]
    a = (rng.normal(size=(40, 3)) * 10.0 ** rng.integers(-3, 3, (40, 3))).astype(kind)
    total = np.zeros(3, kind)
    for row in again(a.astype(np.float64)):
        total = total + row.astype(kind)
    ours = RoundedNumbers(FORMATS[name], permute)
    assert same(ours.data(a).sum(0).items, total)


def test_the_order_matters():
    terms = np.array([2048.0, *[1.0] * 8])
    system, backwards = (RoundedNumbers(FORMATS["float16"], order) for order in (lambda t: t, lambda t: t[::-1]))
    assert system.data(terms).sum(0).items == 2048
    assert backwards.data(terms).sum(0).items == 2056


def test_products_of_matrices_and_sums_of_the_others_are_sums():
    rng = np.random.default_rng(3)
    a, b = (rng.normal(size=shape).astype(np.float16) for shape in ((2, 3, 6), (6, 4)))
    system = RoundedNumbers(FORMATS["float16"], lambda terms: terms[::-1])
    total = np.zeros((2, 3, 4), np.float16)
    for k in reversed(range(6)):
        total = total + a[..., k, None] * b[k]
    assert same(system.data(a).matmul(system.data(b)).items, total)
    row = system.data(a[0])
    others = [np.delete(a[0], k, axis=1)[:, ::-1] for k in range(6)]
    sums = [np.add.accumulate(o, axis=1, dtype=np.float16)[:, -1] for o in others]
    assert same(row.sum_of_others(1).items, np.stack(sums, axis=1))


@pytest.mark.parametrize("name", NARROW)
def test_the_sum_of_nothing_is_zero(name):
    assert same(RoundedNumbers(FORMATS[name]).data(np.zeros((3, 0))).sum(1).items, np.zeros(3))


# --- functions ---

POINTS = {
    "exp": (-8.0, 8.0), "log": (0.01, 50.0), "log1p": (-0.9, 50.0), "expm1": (-8.0, 8.0), "tanh": (-4.0, 4.0),
    "erf": (-3.0, 3.0), "erfc": (-3.0, 3.0), "erfcx": (0.0, 6.0), "lgamma": (2.5, 30.0),
}  # fmt: skip


def in_units(name: str, function: str, units: float, rng: Any) -> tuple[Any, Any]:
    """Errors in units in the last place, and the arguments. float64's own error is far below a unit."""
    z = np.random.default_rng(4).uniform(*POINTS[function], 3000).astype(KINDS[name]).astype(np.float64)
    truth = (special.float64(np, function) if function in special.LIBRARY else getattr(np, function))(z)
    system = RoundedNumbers(FORMATS[name], units=units, rng=rng)
    got = system.apply(function, system.data(z)).items
    return np.abs(got - truth) / np.spacing(np.abs(truth).astype(KINDS[name])).astype(np.float64), z


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("function", POINTS)
def test_functions_stay_within_their_units_and_use_them(name, function):
    for units in (1.0, 2.0):
        for source in (np.random.default_rng(5), executed.Extremes(np.random.default_rng(5))):
            errors, _ = in_units(name, function, units, source)
            # Near a power of 2 a unit of the result may be two units of the exact value.
            assert np.mean(errors <= units * (1 + 2.0**-15)) > 0.98
            assert errors.max() <= 2 * units
            assert np.quantile(errors, 0.98) > 0.75 * units


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("function", POINTS)
def test_functions_are_rounded_correctly_without_a_generator(name, function):
    assert np.all(in_units(name, function, 2.0, None)[0] <= 0.5 * (1 + 2.0**-15))


@pytest.mark.parametrize("name", NARROW)
def test_what_is_exact_stays_exact(name):
    system = RoundedNumbers(FORMATS[name], units=2.0, rng=np.random.default_rng(6))
    zeros = system.data(np.zeros(50))
    assert np.all(system.apply("exp", zeros).items == 1)
    assert np.all(system.apply("tanh", zeros).items == 0)
    assert np.all(system.apply("log", zeros).items == -np.inf)
    assert np.all(system.apply("sqrt", system.data(np.full(50, 9.0))).items == 3)


def test_the_logistic_function_does_not_overflow():
    system = RoundedNumbers(FORMATS["float16"])
    found = system.apply("logistic", system.data(np.array([-30000.0, -3.0, 0.0, 3.0, 30000.0]))).items
    assert found[0] == 0 and found[2] == 0.5 and found[4] == 1
    assert found[1] + found[3] == pytest.approx(1, abs=2 * FORMATS["float16"].unit)


# --- what it is for ---

QUICK = ("softmax", "log_softmax", "gelu", "matmul", "sum", "variance", "mse_loss", "normal_logpdf", "multiply", "std")


@pytest.mark.parametrize("name", QUICK)
def test_no_algorithm_exceeds_its_bounds(name):
    for dtype in FORMATS:
        found = executed.measured(CATALOGUE[name], dtype, 2000, seed=1)
        assert found.numbers >= 2000
        assert 0 < found.worst <= 1, found.where


def test_a_bound_that_is_too_small_is_exceeded():
    for name in ("softmax", "multiply", "matmul", "normal_logpdf"):
        found = executed.measured(CATALOGUE[name], "float32", 2000, spoil=lambda bound: bound / 4)
        assert found.worst > 1, name


def test_poorer_functions_exceed_the_bounds():
    for name in ("gelu", "tanh", "sigmoid"):
        found = executed.measured(CATALOGUE[name], "float32", 6000, units=8.0)
        assert found.worst > 1, name
        assert "values" in found.where or "gradients" in found.where


def test_what_the_seconds_do_not_allow_is_not_judged():
    found = executed.measured(CATALOGUE["sum"], "float32", 10**9, seconds=0.0)
    assert 0 < found.numbers < 10**5
