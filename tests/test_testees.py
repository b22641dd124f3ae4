"""The testees of examples/testees, in C and JavaScript: each is judged as its own comment says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTEES = Path(__file__).parent.parent / "examples" / "testees"
CHECK = [sys.executable, "-m", "fiducial.conformance.cli", "check"]


def _run(command: list[str], folder: Path, seconds: float = 600) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_a_testee_in_c(tmp_path: Path) -> None:
    flags = ["-O2", "-Wall", "-Wextra", "-Werror"]
    built = _run(["cc", *flags, "-o", "testee", str(TESTEES / "testee.c"), "-lm"], tmp_path)
    assert built.returncode == 0, built.stderr
    options = ["--only", "sigmoid,relu,softmax,affine,mse_loss", "--profile", "quick", "-n", "1"]
    done = _run([*CHECK, "exec:./testee", *options], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "testee.c 1 on numpy" in done.stdout and " tight" in done.stdout
    assert not any(word in done.stdout for word in ("LOOSE", "WRONG", "CRASH"))


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_a_planted_fault_in_c_is_found_and_shrunk(tmp_path: Path) -> None:
    """The slope of the sigmoid as s (1 - s), and a softmax that is not shifted."""
    text = (TESTEES / "testee.c").read_text(encoding="utf-8")
    wrong = text.replace("logistic(in[1].x[k]) * logistic(-in[1].x[k])", "logistic(in[1].x[k]) * logistic(in[1].x[k])")
    assert wrong != text
    (tmp_path / "wrong.c").write_text(wrong, encoding="utf-8")
    assert _run(["cc", "-O2", "-o", "wrong", "wrong.c", "-lm"], tmp_path).returncode == 0
    options = ["--only", "sigmoid", "--level", "gradients", "--dtype", "float32", "--profile", "quick", "-n", "1"]
    done = _run([*CHECK, "exec:./wrong", *options], tmp_path)
    assert done.returncode == 1 and "gradient 0 of sigmoid (float32) is wrong" in done.stdout
    assert "x = float32() [" in done.stdout or "x = float32(1,) [" in done.stdout  # one number is left of it
    assert f"reproduce: fiducial check exec:{tmp_path / 'wrong'} --only sigmoid" in done.stdout


def _node() -> str:
    """Why TensorFlow.js cannot be judged here; empty where it can."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "there is no Node, or no npm"
    found = _run(["node", "--version"], Path.cwd()).stdout.strip()
    return "" if int(found.lstrip("v").split(".")[0]) >= 18 else f"Node 18 or later is required, this is {found}"


NODE = _node()


@pytest.mark.skipif(bool(NODE), reason=NODE or "Node is there")
def test_a_library_from_npm(tmp_path: Path) -> None:
    folder = tmp_path / "tfjs"
    shutil.copytree(TESTEES / "tfjs", folder, ignore=shutil.ignore_patterns("node_modules"))
    installed = _run(["npm", "install", "--no-audit", "--no-fund"], folder)
    if installed.returncode and "CI" not in os.environ:
        pytest.skip(f"npm could not install TensorFlow.js: {installed.stderr.strip().splitlines()[-1]}")
    assert installed.returncode == 0, installed.stderr
    options = ["--only", "sigmoid,elu,softmax,conv2d,amax,matmul", "--dtype", "float32", "-n", "2"]
    done = _run([*CHECK, "exec:node testee.mjs", *options, "--expect", "tfjs.expect"], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tensorflow.js 4.22.0 on numpy" in done.stdout
