"""What CI gets: the action, the hook, a summary, a badge, one page from several runs, expectations that end."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from fiducial.conformance import badge, cli, pages, scoreboard
from fiducial.conformance.expect import BadExpectation, apply, read
from fiducial.conformance.results import Result
from fiducial.conformance.run import Run

ROOT = Path(__file__).parent.parent
OPTIONS: dict[str, Any] = {"profile": "full", "seed": 0, "require": "ok"}


def _run(version: str = "2.1", *results: Result) -> Run:
    return Run("mine", version, OPTIONS, [r.key for r in results], list(results))


def _result(outcome: str, **more: Any) -> Result:
    return Result("sigmoid", "gradients", "float32", "numpy", outcome, cases=3, ratio=9.0, **more)


# --- expectations ---


@pytest.mark.parametrize(
    ("version", "outcome"), [("2.1", "expected"), ("2.6", "loose"), ("2.10", "loose"), ("", "expected")]
)
def test_an_expectation_ends_with_a_version(version: str, outcome: str, tmp_path: Path) -> None:
    (tmp_path / "known").write_text("sigmoid gradients * loose <2.6 the fix is announced\n")
    run = _run(version, _result("loose"))
    assert apply(run, read(tmp_path / "known")) == []
    assert run.results[0].outcome == outcome
    kept = {"outcome": "loose", "reason": "the fix is announced"}
    assert run.results[0].expected == (kept if outcome == "expected" else None)


def test_what_is_expected_no_longer_is_no_failure_once_it_has_ended(tmp_path: Path) -> None:
    (tmp_path / "known").write_text("sigmoid gradients * loose <2.6 the fix is announced\n")
    expectations = read(tmp_path / "known")
    assert len(apply(_run("2.5", _result("tight")), expectations)) == 1
    assert apply(_run("2.6", _result("tight")), expectations) == []


def test_what_depends_on_the_machine_need_not_occur(tmp_path: Path) -> None:
    (tmp_path / "known").write_text("sigmoid gradients * loose? flushed without AVX-512\n")
    expectations = read(tmp_path / "known")
    assert apply(run := _run("2.5", _result("loose")), expectations) == [] and run.results[0].outcome == "expected"
    assert apply(run := _run("2.5", _result("tight")), expectations) == [] and run.results[0].outcome == "tight"
    apply(run := _run("2.5", _result("wrong")), expectations)
    assert run.results[0].outcome == "wrong"


def test_an_expectation_without_a_version_after_the_sign(tmp_path: Path) -> None:
    (tmp_path / "known").write_text("sigmoid gradients * loose <soon it will be better\n")
    with pytest.raises(BadExpectation, match="known, line 1: a version is required after '<', got '<soon'"):
        read(tmp_path / "known")


# --- the job's summary, pages, badge ---

SHOWN = {
    "inputs": {"x": {"shape": [], "dtype": "float32", "values": [50.6], "hex": ["0x1"], "of": 1}},
    "attributes": {},
    "what": "gradient",
    "label": "",
    "cotangents": [],
    "reproduce": "",
    "message": "m",
    "index": [],
    "got": 0.0,
    "enclosure": {"mid": 1.06e-22, "rest": 0.0, "rad": 0.0},
    "ratio": 9.0,
}


def test_a_summary_of_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "summary.md"
    path.write_text("# what came before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    assert cli.main(["check", "--only", "relu", "--dtype", "float32", "--profile", "quick", "-n", "0"]) == 0
    text = path.read_text()
    assert text.startswith("# what came before\n## fiducial: fiducial.refimpl ")
    assert "| relu | 0 |" in text and "4 tight" in text
    capsys.readouterr()


def _written(path: Path, *results: Result, version: str = "2.1") -> Path:
    from fiducial.conformance.report import write_json

    write_json(_run(version, *results), path)
    return path


def test_one_page_from_several_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = _written(tmp_path / "a.json", _result("loose", counterexample=SHOWN, message="it is loose\nmore"))
    known = _result("expected", counterexample=SHOWN, expected={"outcome": "loose", "reason": "s (1 - s) | cancels"})
    second = _written(tmp_path / "b.json", known, version="3")
    assert cli.main(["report", str(first), str(second)]) == 0
    assert re.search(r"float32 +mine 2.1 +mine 3\nsigmoid +LOOSE +LOOSE", capsys.readouterr().out)
    outputs = [str(tmp_path / f"board.{kind}") for kind in ("json", "html", "md")]
    assert (
        cli.main(
            ["report", str(first), str(second), "--json", outputs[0], "--html", outputs[1], "--markdown", outputs[2]]
        )
        == 0
    )
    data = json.loads(Path(outputs[0]).read_text())
    assert data["operations"]["sigmoid"]["mine 3"]["float32"] == {"outcome": "loose", "ratio": 9.0}
    assert [d["reason"] for d in data["deviations"]] == ["", "s (1 - s) | cancels"]
    assert {d["got"] for d in data["deviations"]} == {0.0}
    markdown = Path(outputs[2]).read_text()
    assert (
        "| mine 3 | sigmoid | loose | float32; gradients | float32: x = 50.6 | 0.0 | 1.06e-22 | s (1 - s) \\| cancels |"
        in markdown
    )
    page = Path(outputs[1]).read_text()
    ElementTree.fromstring(re.sub(r"<!doctype html>|<meta[^>]*>|&nbsp;", "", page))  # every tag is closed
    assert 'class="loose">LOOSE' in page.replace(" group", "") and "http" not in page


def _seen(board: list[scoreboard.Implementation]) -> dict[str, Any]:
    return {i.name: (i.summary["rows"], i.summary["executed"], i.summary["conforms"], len(i.deviations)) for i in board}


def test_runs_of_one_subject_are_parts_of_one(tmp_path: Path) -> None:
    other = dataclasses.replace(_result("tight"), level="values")
    paths = [
        _written(tmp_path / "a.json", _result("loose")),
        _written(tmp_path / "b.json", other),
        _written(tmp_path / "c.json", _result("ok")),  # the first row again
    ]
    assert _seen(scoreboard.read(paths[:2])[0]) == {"mine 2.1": (2, 2, False, 1)}
    assert _seen(scoreboard.read(paths)[0]) == {"mine 2.1": (2, 2, True, 0)}
    data = json.loads(paths[1].read_text())
    data["summary"]["rows"] = 3  # two rows were lost
    paths[1].write_text(json.dumps(data))
    assert _seen(scoreboard.read(paths)[0]) == {"mine 2.1": (4, 2, False, 0)}
    paths[1].write_text(json.dumps({**data, "seed": 1}))
    with pytest.raises(scoreboard.BadRun, match=r"b.json: .*'seed': 0.* is required .* got .*'seed': 1"):
        scoreboard.read(paths)


def test_a_page_is_read_again_and_a_run_added(tmp_path: Path) -> None:
    first = _written(tmp_path / "a.json", _result("loose", counterexample=SHOWN))
    second = _written(tmp_path / "b.json", _result("tight"), version="3")
    page = tmp_path / "page.json"
    both, _ = scoreboard.read([first, second])
    scoreboard.write_json(both, page)
    again, _ = scoreboard.read([page])
    assert scoreboard.as_json(again) == json.loads(page.read_text())
    mended = _written(tmp_path / "c.json", _result("ok"))
    assert _seen(scoreboard.read([page, mended])[0]) == {"mine 2.1": (1, 1, True, 0), "mine 3": (1, 1, True, 0)}


def test_known_deviations_of_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = str(_written(tmp_path / "a.json", _result("loose")))
    second = str(_written(tmp_path / "b.json", _result("tight"), version="3"))
    known = tmp_path / "known"
    known.write_text("sigmoid gradients * loose s (1 - s) cancels\n")
    out = tmp_path / "out.json"
    assert cli.main(["report", first, "--expect", str(known), "--json", str(out)]) == 0
    assert json.loads(out.read_text())["deviations"][0]["reason"] == "s (1 - s) cancels"
    other = _result(
        "expected", expected={"outcome": "loose", "reason": "said before"}, notes=["expected loose: said before"]
    )
    third = str(_written(tmp_path / "c.json", other))
    assert cli.main(["report", third, "--expect", str(known), "--json", str(out)]) == 0
    assert json.loads(out.read_text())["deviations"][0]["reason"] == "s (1 - s) cancels"
    assert cli.main(["report", second, "--expect", str(known)]) == 1
    assert "expected, but did not occur: sigmoid" in capsys.readouterr().out
    assert cli.main(["report", first, second, "--expect", str(known)]) == 2
    assert "runs of one subject are required, got 2 subjects" in capsys.readouterr().err


BAD_RUNS = {
    "no.json": None,
    "text.json": "{",
    "list.json": "[]",
    "other.json": '{"subject": {"name": "x"}}',
    "deep.json": "[" * 100_000,
    "page.json": '{"fiducial": "0", "implementations": [{"name": "x"}], "operations": {}, "deviations": []}',
}


@pytest.mark.parametrize("name", BAD_RUNS)
def test_a_file_that_is_no_run(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if BAD_RUNS[name] is not None:
        (tmp_path / name).write_text(str(BAD_RUNS[name]))
    assert cli.main(["report", str(tmp_path / name)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and name in err


def test_more_rows_than_a_run_can_have(tmp_path: Path) -> None:
    """Nothing is made of the count before it is looked at."""
    path = _written(tmp_path / "a.json", _result("tight"))
    data = json.loads(path.read_text())
    data["summary"]["rows"] = 10**12
    path.write_text(json.dumps(data))
    with pytest.raises(scoreboard.BadRun, match="summary.rows: 1 to 100001 are required, got 1000000000000"):
        scoreboard.read([path])


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ({"tight": 3}, "conforms: 3 rows"),
        ({"tight": 1, "expected": 2}, "conforms: 3 rows, 2 expected"),
        ({"tight": 1, "wrong": 1}, "1 of 2 deviate"),
    ],
)
def test_a_badge(outcomes: dict[str, int], said: str) -> None:
    rows = sum(outcomes.values())
    data = {
        "profile": "full",
        "summary": {"rows": rows, "executed": rows, "outcomes": outcomes, "conforms": "wrong" not in outcomes},
    }
    assert said in badge.svg(data)
    ElementTree.fromstring(badge.svg(data))
    data["summary"]["rows"] = rows + 1  # type: ignore[index]
    assert "incomplete" in badge.svg(data)
    quick = {**data, "profile": "quick", "summary": {**data["summary"], "rows": rows}}  # type: ignore[dict-item]
    assert "(quick look)" in badge.svg(quick)


def test_a_page_escapes_what_a_subject_says() -> None:
    board = [scoreboard.of_run(dataclasses.replace(_run("", _result("wrong", message="<b>")), subject="<script>"))]
    assert "<script>" not in pages.html(board) and "&lt;script&gt;" in pages.html(board)


# --- the action and the hook, without a network ---

SCHEMA = shutil.which("check-jsonschema")


@pytest.mark.skipif(SCHEMA is None, reason="check-jsonschema is not installed (pip install 'fiducial[dev]')")
def test_the_action_is_valid(tmp_path: Path) -> None:
    command = [str(SCHEMA), "--builtin-schema", "vendor.github-actions"]
    assert subprocess.run([*command, ROOT / "action.yml"], check=False).returncode == 0
    text = (ROOT / "action.yml").read_text().replace("using: composite", "using: composit")
    (tmp_path / "action.yml").write_text(text)
    assert subprocess.run([*command, tmp_path / "action.yml"], capture_output=True, check=False).returncode == 1


def _script() -> str:
    """The commands of the action's last step."""
    lines = (ROOT / "action.yml").read_text().split("run: |\n")[1].splitlines()
    return "\n".join(line.strip() for line in lines)


@pytest.mark.skipif(shutil.which("bash") is None, reason="the action's steps are bash")
@pytest.mark.parametrize(("subject", "status"), [("relu.py", 0), ("wrong.py", 1), ("no.py", 2)])
def test_what_the_action_does(subject: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "relu.py").write_text("import numpy as np\ndef relu(x): return np.maximum(x, 0)\n")
    (tmp_path / "wrong.py").write_text("import numpy as np\ndef relu(x): return np.abs(x)\n")
    (tmp_path / "out").touch()
    folder = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "SUBJECT": subject,
        "REPORTS": "reports",
        "GITHUB_OUTPUT": str(tmp_path / "out"),
        "OPTIONS": "--only relu --level values --dtype float32 --profile quick -n 1",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "PATH": folder + os.pathsep + os.environ["PATH"],
    }
    done = subprocess.run(
        ["bash", "-e", "-c", _script()], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert f"status={status}" in (tmp_path / "out").read_text()
    made = sorted(p.name for p in (tmp_path / "reports").iterdir())
    assert made == ([] if status == 2 else ["badge.svg", "results.html", "results.json", "results.xml"])


@pytest.mark.skipif(
    shutil.which("pre-commit") is None, reason="pre-commit is not installed (pip install 'fiducial[dev]')"
)
def test_the_hook_is_valid() -> None:
    hook = ROOT / ".pre-commit-hooks.yaml"
    assert subprocess.run(["pre-commit", "validate-manifest", hook], check=False).returncode == 0
