"""Bad subjects: each kind gets its own outcome and one clear line, and the rest of the run completes."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema_rs import validator_for

from fiducial.conformance import cli, report
from fiducial.conformance.results import Result
from fiducial.conformance.run import Run

SUBJECTS = Path(__file__).parent / "subjects"
SCHEMA = validator_for(json.loads((Path(report.__file__).parent / "schema.json").read_text(encoding="utf-8")))
COMMAND = [sys.executable, "-m", "fiducial.conformance.cli", "check"]


def check(*arguments: Any) -> subprocess.CompletedProcess[str]:
    given = [*COMMAND, *map(str, arguments)]
    return subprocess.run(given, capture_output=True, text=True, timeout=300, check=False)


def results(path: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    data = json.loads(path.read_text(encoding="utf-8"))
    SCHEMA.validate(data)
    return {(r["operation"], r["level"], r["dtype"]): r for r in data["results"]}


def test_the_schema_can_refuse() -> None:
    row = Result("relu", "values", "float64", "numpy", "ok")
    good = report.as_json(Run("s", "1", {"profile": "quick", "seed": 0, "require": "ok"}, [], [row]))
    SCHEMA.validate(good)
    renamed = [{**good["results"][0], "outcome": "fine"}]
    for damage in ({"seed": "0"}, {"profile": "slow"}, {"more": 1}, {"results": renamed}):
        assert not SCHEMA.is_valid({**good, **damage}), damage


# --- what cannot be judged at all: exit status 2 and one line ---

UNLOADABLE = {
    "raise.py": ("x = 1\n1 / 0\n", "line 2: importing it raised ZeroDivisionError: division by zero"),
    "needs.py": ("import no_such_package_at_all\n", "line 1: .*No module named 'no_such_package_at_all'"),
    "syntax.py": ("def softmax(x:\n    return x\n", r"SyntaxError: .* \(syntax.py, line 1\)"),
    "exits.py": ("import sys\nsys.exit('no thanks')\n", "line 2: importing it raised SystemExit: no thanks"),
    "lines.py": ("raise ValueError('first\\nsecond')\n", "line 1: importing it raised ValueError: first$"),
    "dtypes.py": ("dtypes = ['float8']\n", "dtypes must be among float64, float32, bfloat16, float16, got float8"),
}


@pytest.mark.parametrize("file", UNLOADABLE)
def test_a_subject_that_does_not_load(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, message = UNLOADABLE[file]
    (tmp_path / file).write_text(text)
    assert cli.main(["check", str(tmp_path / file)]) == 2
    _one_line(capsys, f"^fiducial: .*{file}: .*{message}")


USAGE: list[tuple[list[str], str]] = [
    (["--only", "sofmax"], "--only sofmax: unknown; did you mean softmax"),
    (["--level", "value"], "--level value: unknown; did you mean values"),
    (["--dtype", "float8"], "--dtype float8: unknown; did you mean float64"),
    (["--family", "losse"], "--family losse: unknown; did you mean losses"),
    (["--backend", "abacus"], "--backend abacus: one of numpy, cupy, array-api-strict is required"),
    (["--only", "one_hot", "--level", "gradients"], "no row is selected: the options exclude one another"),
    (["no_such_file.py"], "subject no_such_file.py: no such file; give a path to a .py file"),
    (["no_such_module"], "subject no_such_module: no such module.*give a path that ends in .py"),
    (["math:sofmax"], "subject math:sofmax: module math has no 'sofmax'"),
    (["--json", "no_such_folder/r.json"], "--json no_such_folder/r.json: the folder no_such_folder does not exist"),
    (["--junit", "."], "--junit .: a file is required, this is a folder"),
    (["--expect", "no_such_file"], "--expect no_such_file: No such file or directory"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE, ids=[" ".join(a) for a, _ in USAGE])
def test_bad_usage(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", *arguments]) == 2
    _one_line(capsys, f"^fiducial: {message}")


def _one_line(capsys: pytest.CaptureFixture[str], pattern: str) -> None:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and re.search(pattern, err.rstrip("\n")), err


MALFORMED = ["sigmoid gradients float32 loose", "sigmoid gradients float32 fine why", "sigmoid",
             "sigmoid gradients float32 loose <2.1"]  # fmt: skip


@pytest.mark.parametrize("line", MALFORMED)
def test_malformed_expectation(line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "known").write_text(f"# a comment\n{line}\n")
    assert cli.main(["check", "--expect", str(tmp_path / "known")]) == 2
    _one_line(capsys, r"known, line 2: 'operation level dtype outcome \[<VERSION\] reason' is required")


# --- functions that misbehave, one for each kind, in one run ---


@pytest.fixture(scope="module")
def misbehaving(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("misbehaving") / "report.json"
    done = check(SUBJECTS / "misbehaving.py", "--dtype", "float64,float32", "--profile", "quick", "-n", 2,
                 "--timeout", 0.3, "--json", path, "--junit", path.with_suffix(".xml"))  # fmt: skip
    return done, results(path), path.with_suffix(".xml")


BY_LEVEL: dict[tuple[str, str], tuple[str, str]] = {
    ("step", "values"): ("crashed", "step raised ValueError: a shape that it does not like"),
    ("log_sigmoid", "values"): ("crashed", "log_sigmoid raised SystemExit: enough"),
    ("tanh", "values"): ("wrong", "tanh returned None as result; an array of shape (2048,) is required"),
    ("relu", "values"): ("wrong", "relu: result has shape (2048, 1); (2048,) is required"),
    ("softplus", "values"): ("wrong", "softplus returned a list as result; an array is required"),
    ("norm", "values"): ("wrong", "norm: result has shape (); (512,) is required"),
    ("silu", "values"): ("wrong", "silu modified its argument 0 in place; it must leave inputs alone"),
    ("subtract", "values"): ("timed_out", "subtract took longer than 0.3 s; see --timeout"),
    ("multiply", "shape"): ("wrong", "multiply"),
    ("multiply", "values"): ("wrong", "multiply"),
    ("matmul", "values"): ("wrong", "matmul ("),
    ("softmax", "gradients"): ("wrong", "gradient 0 of softmax ("),
    ("mse_loss", "gradients"): ("wrong", "gradient 0 of mse_loss ("),
    ("divide", "gradients"): ("wrong", "gradient 1 of divide ("),
    ("affine", "gradients"): ("wrong", "affine: gradient of W has shape (5, 7); (7, 5) is required"),
    ("l1_loss", "gradients"): ("wrong", "l1_loss: 1 gradients came back; 2 are required"),
    ("sigmoid", "values"): ("tight", ""),
    ("sigmoid", "gradients"): ("tight", ""),
    ("add", "values"): ("tight", ""),
    ("leaky_relu", "values"): ("tight", ""),
    ("sum_squared_error", "gradients"): ("tight", ""),
    ("sum", "values"): ("tight", ""),
    ("gelu", "values"): ("not_provided", "no such function"),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("operation", "level"), BY_LEVEL)
def test_outcome_and_line(misbehaving: Any, operation: str, level: str, dtype: str) -> None:
    outcome, line = BY_LEVEL[operation, level]
    row = misbehaving[1][operation, level, dtype]
    assert row["outcome"] == outcome
    assert row["message"].startswith(line) and bool(row["message"]) == bool(line)


def test_a_wrong_dtype_is_named(misbehaving: Any) -> None:
    message = "elu: result has dtype float16; float32, that of the inputs, is required"
    assert misbehaving[1]["elu", "values", "float32"]["message"] == message


def test_one_dtype_may_fail_alone(misbehaving: Any) -> None:
    assert misbehaving[1]["maximum", "values", "float64"]["outcome"] == "tight"
    assert misbehaving[1]["maximum", "values", "float32"]["outcome"] == "wrong"


LONG = """import numpy as np
def _vectorised(y): return np.where(np.arange(y.size).reshape(y.shape) == 300, 1.01 * y, y) if y.ndim == 1 else y
def tanh(x): return _vectorised(np.tanh(x))
def tanh_vjp(dy, x): return _vectorised(dy * 4 / (np.exp(x) + np.exp(-x)) ** 2)
def log_softmax(x, *, axis=-1):
    y = x - np.max(x, axis=axis, keepdims=True)
    y = y - np.log(np.sum(np.exp(y), axis=axis, keepdims=True))
    return np.where(np.arange(y.size).reshape(y.shape) == 600, 1.01 * y, y)
def mse_loss(y, t, *, reduction="mean"):
    return {"mean": np.mean, "sum": np.sum, "none": np.array}[reduction]((y - t) ** 2)
def mse_loss_vjp(dl, y, t, *, reduction="mean"):
    dy = _vectorised(2 * (y - t) * dl / (y.size if reduction == "mean" else 1))
    return dy, -dy
"""


def test_an_element_of_a_long_array_is_told(tmp_path: Path) -> None:
    """What deviates among many numbers alone: where it stands, and from what it was computed."""
    (tmp_path / "long.py").write_text(LONG)
    selected = ["--only", "tanh,log_softmax,mse_loss", "--dtype", "float64", "-n", "1"]
    done = check(tmp_path / "long.py", *selected, "--json", tmp_path / "long.json")
    rows = results(tmp_path / "long.json")
    for level in ("values", "gradients"):
        shown = rows["tanh", level, "float64"]["counterexample"]
        assert shown["index"] == [300] and shown["inputs"]["x"]["of"] > 300
        (value,), of = shown["element"]["inputs"]["x"]["values"], shown["got"]
        (seed,) = shown["element"]["cotangents"] or [{"values": [1.0]}]
        exact = math.tanh(value) if level == "values" else seed["values"][0] / math.cosh(value) ** 2
        assert of == pytest.approx(1.01 * exact, rel=1e-12)
    row = rows["log_softmax", "values", "float64"]["counterexample"]
    assert row["element"]["inputs"]["x"]["shape"] == [1, row["inputs"]["x"]["shape"][1]]
    assert "element" not in rows["mse_loss", "gradients", "float64"]["counterexample"]  # each has a part in the mean
    assert "  there, x = float64(1,) [" in done.stdout


NOTES = {
    ("leaky_relu", "values"): "leaky_relu does not take negative_slope: checked at the default only",
    ("sum_squared_error", "gradients"): "sum_squared_error: the gradient of t is not offered (None)",
    ("sum", "shape"): "sum says it does not support this: one axis only",
    ("add", "values"): "add printed, in the end: to the error stream too",
}


@pytest.mark.parametrize(("operation", "level"), NOTES)
def test_what_was_not_judged_is_said(misbehaving: Any, operation: str, level: str) -> None:
    done, rows, _ = misbehaving
    assert any(note.startswith(NOTES[operation, level]) for note in rows[operation, level, "float64"]["notes"])
    assert f"note: {NOTES[operation, level]}" in done.stdout


def test_the_run_is_complete_and_clean(misbehaving: Any) -> None:
    done, rows, junit = misbehaving
    assert done.returncode == 1
    assert done.stderr == ""
    assert "Traceback" not in done.stdout and "shapes" not in done.stdout
    assert f"{len(rows)} of {len(rows)} rows" in done.stdout
    suite = ElementTree.parse(junit).getroot()
    assert len(suite.findall("testcase")) == len(rows) == int(suite.attrib["tests"])
    assert len(suite.findall("testcase/failure")) == int(suite.attrib["failures"]) > 0


def test_a_fault_is_told_once(misbehaving: Any) -> None:
    """Not once for each level and dtype that meets it."""
    assert misbehaving[0].stdout.count("tanh returned None") == 1
    assert misbehaving[0].stdout.count("step raised ValueError") == 1


# --- exit statuses, expectations, files ---

KNOWN = ["--only", "sigmoid,relu", "--level", "gradients", "--dtype", "float32", "--profile", "quick", "-n", 0]


def test_a_worker_that_dies_costs_its_own_rows_only(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    done = check(SUBJECTS / "dying.py", "--only", "relu,step,add", "--dtype", "float64", "--level", "values",
                 "--profile", "quick", "-n", 2, "--isolation", "none", "--json", path)  # fmt: skip
    assert done.returncode == 3
    assert "incomplete: 1 rows have no result, the first is step values float64 numpy" in done.stderr
    assert "Traceback" not in done.stderr and "INTERNALERROR" not in done.stderr
    found = results(path)
    assert {row[0]: r["outcome"] for row, r in found.items()} == {"relu": "tight", "add": "tight"}
    assert json.loads(path.read_text())["summary"]["conforms"] is False


def test_expected_deviations(tmp_path: Path) -> None:
    known, path = tmp_path / "known", tmp_path / "report.json"
    known.write_text("# a textbook\nsigmoid * float32 loose s (1 - s) cancels\nrelu values float64 wrong not run\n")
    arguments = [SUBJECTS / "reference_like.py", *KNOWN]
    plain, expected = check(*arguments, "--json", path), check(*arguments, "--expect", known)
    assert (plain.returncode, expected.returncode) == (1, 0)
    assert results(path)["sigmoid", "gradients", "float32"]["outcome"] == "loose"
    assert "expected loose: s (1 - s) cancels" in expected.stdout
    known.write_text("relu gradients float32 wrong a bug that was fixed\nsigmoid gradients float32 loose cancels\n")
    fixed = check(*arguments, "--expect", known)
    assert fixed.returncode == 1
    assert "expected, but did not occur: relu gradients float32 wrong (a bug that was fixed)" in fixed.stdout


def test_same_report_for_any_number_of_workers(tmp_path: Path) -> None:
    texts = set()
    for k, workers in enumerate((1, 2)):
        done = check("--only", "softmax", "--dtype", "float32", "--profile", "quick", "--seed", 5,
                     "-n", workers, "--json", tmp_path / f"{k}.json")  # fmt: skip
        assert done.returncode == 0
        texts.add((tmp_path / f"{k}.json").read_text())
    assert len(texts) == 1
    assert results(tmp_path / "0.json")["softmax", "laws", "float32"]["outcome"] == "tight"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    path.write_text("the last report")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        report.write_whole(path, "a new one")
    assert path.read_text() == "the last report"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a process")
def test_an_interrupted_run_is_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    arguments = ["--only", "subtract", "--dtype", "float64", "-n", "0", "--timeout", "60", "--json", str(path)]
    # A job in the background of a shell inherits that the signal is ignored.
    run = subprocess.Popen([*COMMAND, str(SUBJECTS / "misbehaving.py"), *arguments], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True,
                           preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # fmt: skip
    time.sleep(8)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 3
    assert "Traceback" not in err and err.startswith("fiducial: ")
    if path.exists():
        results(path)
