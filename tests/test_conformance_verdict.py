"""Verdicts: bands, infinities and NaN, sets, exact zeros, and the power of a case to reject; `check` and the plugin."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fiducial import refimpl
from fiducial.conformance import Deviation, check, cli
from fiducial.conformance.cases import case
from fiducial.conformance.examine import Examination
from fiducial.conformance.levels import Plan, examine
from fiducial.conformance.subject import from_functions
from fiducial.conformance.verdict import LIMIT, judge
from fiducial.spec import oracle
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.formats import FORMATS
from fiducial.spec.oracle import Answer, Call

DOUBLE, SINGLE, HALF = FORMATS["float64"], FORMATS["float32"], FORMATS["float16"]
INF, NAN = float("inf"), float("nan")


def answer(mid: Any, bound: Any, rad: Any = 0.0) -> Answer:
    mid, bound, rad = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in (mid, bound, rad)))
    return Answer(mid, np.zeros(mid.shape), rad, bound, np.ones(mid.shape, dtype=bool))


def band(got: Any, truth: Answer, format: Any = DOUBLE, written: Any = ()) -> str:
    bounds = [np.asarray(w, dtype=float) for w in written]
    return judge(np.asarray(got, dtype=float), truth, format, lambda: bounds).band


# --- bands ---


@pytest.mark.parametrize(
    ("distance", "expected"), [(0.0, "tight"), (1.0, "tight"), (1.5, "ok"), (LIMIT, "ok"), (LIMIT + 0.01, "wrong")]
)
def test_bands(distance: float, expected: str) -> None:
    assert band([2 + distance * 2**-20], answer([2.0], 2**-20)) == expected


def test_the_definition_as_written_excuses_to_loose_and_no_further() -> None:
    truth = answer([1.0, 1.0], 2**-20)
    assert band([1 + 2**-12, 1], truth, written=[[2**-12, 0]]) == "loose"
    assert band([1 + 2**-12, 1 + 2**-12], truth, written=[[2**-12, 0]]) == "wrong"
    assert band([NAN, 1], truth, written=[[INF, 0]]) == "wrong"


def test_the_worst_element_is_the_one_shown() -> None:
    verdict = judge(np.array([[1.0, 1 + 2**-20], [1.0, 5.0]]), answer(np.ones((2, 2)), 2**-20), DOUBLE)
    assert (verdict.index, verdict.ratio) == ((1, 1), 4 * 2**20)


def test_the_enclosure_is_not_charged() -> None:
    """What the oracle does not know is no error of the implementation."""
    assert band([1.25], answer([1.0], 2**-30, rad=0.25)) == "tight"
    assert band([1.26], answer([1.0], 2**-30, rad=0.25)) == "wrong"


# --- infinities and NaN ---


@pytest.mark.parametrize("got", [NAN, INF, -INF])
def test_not_finite_where_the_truth_is(got: float) -> None:
    assert band([got], answer([1.0], 1e300)) == "wrong"
    assert band([got], answer([0.0], 0.0)) == "wrong"


@pytest.mark.parametrize(("got", "expected"), [(INF, "tight"), (-INF, "wrong"), (NAN, "wrong"), (1e308, "wrong")])
def test_an_infinite_truth(got: float, expected: str) -> None:
    assert band([got], answer([INF], 0.0)) == expected


@pytest.mark.parametrize(("got", "mid", "expected"), [
    (INF, 65519.0, "tight"), (-INF, -65519.0, "tight"), (-INF, 65519.0, "wrong"), (INF, 60000.0, "wrong"),
    (INF, 1e6, "tight"), (65504.0, 65519.0, "tight"),
])  # fmt: skip
def test_overflow_at_the_edge_of_the_format(got: float, mid: float, expected: str) -> None:
    assert band([got], answer([mid], abs(mid) * HALF.unit), HALF) == expected


# --- exact zeros and sets ---


def test_a_bound_of_zero_asks_for_equality() -> None:
    assert band([0.5, 0.0], answer([0.5, 0.0], 0.0)) == "tight"
    assert band([0.5 + 2**-53, 0.0], answer([0.5, 0.0], 0.0)) == "wrong"
    assert band([0.5, 1e-3], answer([0.5, 0.0], 0.0)) == "wrong"


SLOPES = [(0.0, "tight"), (0.4, "tight"), (1.0, "tight"), (1.01, "wrong"), (-0.01, "wrong")]


@pytest.mark.parametrize(("slope", "expected"), SLOPES)
def test_any_subgradient_at_a_kink(slope: float, expected: str) -> None:
    call = Call(CATALOGUE["relu"], (np.array([0.0, 1.0]),), {})
    (truth,) = oracle.gradients(call, [np.array([3.0, 2.0])], DOUBLE)
    assert band([3 * slope, 2.0], truth) == expected


# --- power: a check that cannot fail is a defect ---


@pytest.mark.parametrize(("mid", "bound", "vacuous"), [
    ([1.0, -3.0], 1e-16, False), ([1.0, -3.0], 0.02, True), ([1.0, -3.0], 5.0, True), ([0.0, 0.0], 0.0, False),
    ([0.0, 0.0], 1.0, True), ([], [], True),
])  # fmt: skip
def test_power(mid: Any, bound: Any, vacuous: bool) -> None:
    truth = answer(np.asarray(mid, dtype=float), bound)
    assert judge(truth.mid, truth, DOUBLE).vacuous == vacuous


def test_one_element_with_power_is_enough() -> None:
    assert not judge(np.array([1.0, 0.0]), answer([1.0, 0.0], [1e-16, 5.0]), DOUBLE).vacuous


def test_an_unresolved_answer_judges_nothing() -> None:
    truth = answer([1.0], 1e-16)
    blind = Answer(truth.mid, truth.rest, truth.rad, truth.bound, np.array([False]))
    verdict = judge(np.array([7.0]), blind, DOUBLE)
    assert (verdict.band, verdict.vacuous, verdict.judged) == ("tight", True, 0)


def test_a_vacuous_case_is_counted() -> None:
    """1 + 30000 - 30000 in float16: the roundings may be larger than the sum, so nothing can be said of it."""
    examination = Examination(from_functions({"sum": refimpl.sum}), CATALOGUE["sum"], "values", "float16")
    rng = np.random.default_rng(0)
    x = np.array([1.0, 30000.0, -30000.0]).astype(np.float16)
    chosen = {"axis": None, "keepdims": False}
    examination.value(case(CATALOGUE["sum"], "float16", chosen, [x], rng, "cancelling"))
    assert (examination.result.cases, examination.result.vacuous) == (1, 1)
    examination.value(case(CATALOGUE["sum"], "float16", chosen, [np.abs(x)], rng, "one sign"))
    assert (examination.result.cases, examination.result.vacuous) == (2, 1)


def test_an_answer_that_changes_from_call_to_call() -> None:
    """Wrong once, while hypothesis explores: its repetition passes."""
    calls = iter(range(1000))

    def once_wrong(y: Any, t: Any, *, reduction: str = "mean") -> Any:
        return refimpl.mse_loss(y, t, reduction=reduction) * (2 if next(calls) == 15 else 1)

    subject = from_functions({"mse_loss": once_wrong})
    result = examine(subject, CATALOGUE["mse_loss"], "values", "float64", Plan("quick"))
    assert result.outcome == "wrong"
    assert result.message == "mse_loss: the same call gave another answer the second time"


# --- check() ---


def softmax(x: Any, *, axis: int = -1) -> Any:
    with np.errstate(invalid="ignore"):
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)


def test_check_passes_a_right_function() -> None:
    levels = {r.level: r.outcome for r in check(softmax, "softmax", dtypes=["float64"])}
    assert levels == {"shape": "tight", "special": "tight", "values": "tight", "gradients": "not_provided",
                      "second order": "not_provided", "laws": "tight"}  # fmt: skip


def _flushing(function: Any, error: float = 1.0) -> Any:
    """On a machine to which subnormal numbers are 0."""

    @np.errstate(invalid="ignore")
    def kept(a: Any) -> Any:
        return np.where(np.abs(a) < np.finfo(a.dtype).tiny, 0 * a, a)

    return lambda *inputs: kept(function(*map(kept, inputs)) * np.float32(error))


@pytest.mark.parametrize(("name", "band"), [("step", "wrong"), ("relu", "loose")])
def test_flushed_subnormal_numbers_are_a_convention_that_can_be_declared(name: str, band: str) -> None:
    function, declared = getattr(refimpl, name), {"*": {"flushes_subnormals": ["float32"]}}
    with pytest.raises(Deviation, match=f"is {band}"):
        check(_flushing(function), name, dtypes=["float32"])
    results = check(_flushing(function), name, dtypes=["float32"], conventions=declared)
    assert "function declares that it flushes subnormal numbers of float32 to 0" in results[1].notes
    with pytest.raises(Deviation, match="is wrong"):
        check(_flushing(function, 1.001), name, dtypes=["float32"], conventions=declared)


def test_check_judges_gradients() -> None:
    judged = check(refimpl.affine, "affine", vjp=refimpl.affine_vjp, dtypes=["float32"])
    assert {r.level: r.outcome for r in judged}["gradients"] in ("tight", "ok")


@pytest.mark.parametrize(("function", "dtype"), [
    (lambda x, *, axis=-1: softmax(x, axis=axis) * x.dtype.type(1.001), "float64"),
    (lambda x, *, axis=-1: softmax(x, axis=axis) * x.dtype.type(1.001), "float32"),
    (lambda x, *, axis=-1: -softmax(x, axis=axis), "float64"),
    (lambda x, *, axis=-1: softmax(x, axis=0), "float64"),
    (lambda x, *, axis=-1: np.zeros_like(x), "float16"),
])  # fmt: skip
def test_check_refuses_a_wrong_function(function: Any, dtype: str) -> None:
    with pytest.raises(Deviation) as failure:
        check(function, "softmax", dtypes=[dtype])
    message = str(failure.value)
    for part in ("softmax", dtype, "got ", "exact ", "bound ", "x = ", "attributes: axis=", "reproduce: ", "level: "):
        assert part in message, message


def test_check_refuses_a_wrong_gradient() -> None:
    with pytest.raises(Deviation, match=r"gradient 1 of add \(float64\) is wrong"):
        check(np.add, "add", vjp=refimpl.subtract_vjp)


@pytest.mark.parametrize(("arguments", "options", "message"), [
    ((softmax, "sofmax"), {}, "operation: did you mean softmax.*Got 'sofmax'"),
    ((softmax, "softmax"), {"dtypes": ["float8"]}, "dtypes: among float64, .* is required, got float8"),
    ((3, "softmax"), {}, "function: a callable is required, got int"),
])  # fmt: skip
def test_check_says_what_is_required(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(*arguments, **options)


# --- pytest and backends ---


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "pytest", "-qrs", "-p", "no:cacheprovider", "--pyargs", "fiducial.conformance"]
    selected = ["--fiducial-only=relu,tanh", "--fiducial-dtype=float32", "--fiducial-profile=quick", *options]
    return subprocess.run([*arguments, *selected], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_suite_runs_in_anyones_pytest(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import numpy as np\ndef relu(x): return np.maximum(x, 0)\n"
                                      "def tanh(x): return np.tanh(x) * 1.01\n")  # fmt: skip
    done = run_pytest(tmp_path, "--fiducial-subject=mine")
    assert done.returncode == 1
    assert "tanh (float32) is wrong" in done.stdout and "3 failed, 3 passed" in done.stdout
    assert "not_provided" in done.stdout
    unknown = run_pytest(tmp_path, "--fiducial-subject=mine", "--fiducial-only=rely")
    assert unknown.returncode != 0 and "--only rely: unknown; did you mean relu" in unknown.stderr + unknown.stdout


def test_a_strict_namespace_conforms(capsys: pytest.CaptureFixture[str]) -> None:
    selected = ["--only", "softmax,divide,embedding", "--dtype", "float32", "--profile", "quick", "-n", "0"]
    assert cli.main(["check", "--backend", "array-api-strict", *selected]) == 0
    assert "on array-api-strict" in capsys.readouterr().out


def _has_gpu() -> bool:
    try:
        import cupy
    except ImportError:
        return False
    return bool(cupy.cuda.is_available())


@pytest.mark.skipif(_has_gpu(), reason="there is a GPU: cupy is available")
def test_an_absent_gpu_is_never_passed(capsys: pytest.CaptureFixture[str]) -> None:
    selected = ["--only", "relu", "--dtype", "float32", "--profile", "quick", "-n", "0"]
    assert cli.main(["check", "--backend", "cupy", *selected]) == 3
    out = capsys.readouterr().out
    assert "not available" in out and "tight" not in out.replace("is tight", "")
