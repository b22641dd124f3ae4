"""Consumers of vectors in other languages agree with `fiducial vectors verify`."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exported import FROZEN, released

from fiducial.conformance.vectors.command import main

EXAMPLES = Path(__file__).parents[1] / "examples" / "vectors"


def _consumer(language: str, folder: Path, change: Callable[[str], str] = str) -> list[str]:
    """The command that runs a consumer, built where it has to be."""
    source = folder / f"consumer.{language}"
    source.write_text(change((EXAMPLES / source.name).read_text(encoding="utf-8")), encoding="utf-8")
    tool = shutil.which("cc" if language == "c" else "node")
    if tool is None:
        pytest.skip(f"no {'C compiler' if language == 'c' else 'node'} here")
    if language == "mjs":
        return [tool, str(source)]
    program = folder / "consumer"
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O2"]
    subprocess.run([tool, *strict, "-o", str(program), str(source), "-lm"], check=True, timeout=60)
    return [str(program)]


def _run(command: list[str], *arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


@released
@pytest.mark.parametrize("language", ["c", "mjs"])
def test_a_consumer_agrees_withverify(language: str, tmp_path: Path, capsys: Any) -> None:
    done = _run(_consumer(language, tmp_path), FROZEN, "--results", tmp_path / "results.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "softmax" in done.stdout
    assert main(["vectors", "verify", str(tmp_path / "results.json"), "--vectors", str(FROZEN)]) == 0
    assert f"consumer.{language} 1 on vectors" in capsys.readouterr().out


FAULTS = {
    "c": lambda s: s.replace("sum / (T)x->size", "sum / (T)(x->size + 1)"),
    "mjs": lambda s: s.replace("sum / squares.length", "sum / (squares.length + 1)"),
}


@released
@pytest.mark.parametrize("language", list(FAULTS))
def test_a_wrong_consumer_is_found(language: str, tmp_path: Path, capsys: Any) -> None:
    done = _run(_consumer(language, tmp_path, FAULTS[language]), FROZEN, "--results", tmp_path / "results.json")
    assert done.returncode == 1
    assert "wrong: mse_loss/float64/" in done.stdout and "wrong: softmax" not in done.stdout
    assert main(["vectors", "verify", str(tmp_path / "results.json"), "--vectors", str(FROZEN)]) == 1
    assert "mse_loss" in capsys.readouterr().out


@released
@pytest.mark.parametrize("language", list(FAULTS))
def test_a_consumer_that_ran_fewer_fails(language: str, tmp_path: Path) -> None:
    folder = shutil.copytree(FROZEN, tmp_path / "vectors")
    path = folder / "affine.json"
    lines = path.read_text(encoding="utf-8").splitlines()
    lost = next(k for k, line in enumerate(lines) if '"affine/float32/' in line and '"value"' in line)
    path.write_text("\n".join(lines[:lost] + lines[lost + 1 :]) + "\n", encoding="utf-8")
    command = _consumer(language, tmp_path)
    assert _run(command, folder).returncode == 3
    path.unlink()
    assert _run(command, folder).returncode == 2
