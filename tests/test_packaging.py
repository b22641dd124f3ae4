"""What is shipped: the wheel holds every tracked file of the four folders, and starting up stays cheap."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PREFIXES = {"root": "fiducial", **{name: f"fiducial/{name}" for name in ("spec", "refimpl", "conformance")}}


def run(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)} exited with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def source_files() -> list[str]:
    """What git tracks, and what it would track: a file just written belongs to the wheel before it is added."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return sorted({name for name in listed if name and (ROOT / name).is_file()})


def build_wheel(files: list[str], folder: Path) -> Path:
    """Builds in a copy, so that a stale `build/` cannot add files; `build` makes the sdist, then the wheel from it."""
    for name in files:
        target = folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    run(sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(folder / "source"), cwd=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout: no list of files to compare with")
def test_wheel_holds_the_tracked_files_and_nothing_else(tmp_path: Path) -> None:
    files = source_files()
    split = [name.partition("/") for name in files]
    expected = {f"{PREFIXES[folder]}/{rest}" for folder, _, rest in split if folder in PREFIXES}
    assert {"fiducial/__init__.py", "fiducial/py.typed"} <= expected
    with zipfile.ZipFile(build_wheel(files, tmp_path)) as wheel:
        shipped = {name for name in wheel.namelist() if ".dist-info/" not in name and not name.endswith("/")}
    assert (sorted(expected - shipped), sorted(shipped - expected)) == ([], []), "(left out, not tracked)"


def modules_after(code: str) -> set[str]:
    """Names in `sys.modules` after `code` ran in a fresh interpreter outside the tree."""
    report = "import atexit, sys; atexit.register(lambda: print('\\n' + ' '.join(sys.modules)))\n"
    return set(run(sys.executable, "-c", report + code, cwd=Path(sys.prefix)).splitlines()[-1].split())


def test_root_package_imports_nothing_of_its_own() -> None:
    loaded = modules_after("import fiducial; assert fiducial.__version__")
    assert "fiducial" in loaded
    assert [name for name in loaded if name.startswith("fiducial.")] == []


@pytest.mark.parametrize(
    ("group", "use", "heavy"),
    [
        ("console_scripts", "entry.load()(['--help'])", {"numpy", "sympy"}),
        ("pytest11", "entry.load()", {"hypothesis", "numpy", "sympy"}),
    ],
)
def test_starting_up_imports_nothing_heavy(group: str, use: str, heavy: set[str]) -> None:
    find = f"from importlib.metadata import entry_points\n(entry,) = entry_points(group={group!r}, name='fiducial')\n"
    loaded = modules_after(find + use)
    assert any(name.startswith("fiducial.conformance.") for name in loaded)
    assert heavy & loaded == set()


PACKAGE = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "fiducial-theirs"
version = "4.2"
[project.entry-points."fiducial.subjects"]
theirs = "theirs"
[tool.setuptools]
py-modules = ["theirs"]
"""


def test_a_subject_that_a_package_of_its_own_offers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(PACKAGE)
    code = "import numpy as np\nversion = '4.2'\n\n\ndef relu(x):\n    return np.maximum(x, 0)\n"
    (tmp_path / "theirs.py").write_text(code)
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(tmp_path / "site"),
        str(tmp_path),
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    options = ["--only", "relu", "--dtype", "float32", "--profile", "quick", "-n", "1"]
    command = [sys.executable, "-m", "fiducial.conformance.cli", "check", "theirs", *options]
    shown = run(*command, cwd=Path(sys.prefix))
    assert "theirs 4.2 on numpy" in shown
