"""The scoreboard that is published: its pages say what its data say, and every deviation on it is confirmed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fiducial.conformance import pages
from fiducial.conformance.scoreboard import read

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def confirm(*arguments: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "bench" / "confirm.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_deviation_is_confirmed() -> None:
    done = confirm(DOCS / "scoreboard.json")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("what", ["value", "gradient", "second order"])
def test_a_deviation_that_is_none_is_not_confirmed(what: str, tmp_path: Path) -> None:
    """The last digits of the exact value are changed, or nobody has met a crash by hand."""
    board = json.loads((DOCS / "scoreboard.json").read_text())
    silu = [d for d in board["deviations"] if d["operation"] == "silu" and d.get("what") == what]
    known = next(d for d in silu if d.get("enclosure", {}).get("mid"))
    mid = known["enclosure"]["mid"]
    moved = {**known, "enclosure": {**known["enclosure"], "mid": mid * (1 + 1e-12)}}
    unknown = {"implementation": "nobody 1", "operation": "relu", "outcome": "crashed", "levels": ["values"],
               "dtype": "float32", "reason": "a crash"}  # fmt: skip
    for number, deviation in enumerate((known, moved, unknown)):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"deviations": [deviation]}))
        done = confirm(path)
        assert (done.returncode, "not met: " in done.stdout) == ((0, False) if number == 0 else (1, True)), done.stderr


def test_the_pages_say_what_the_data_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "bench")
    import scoreboard

    board, _ = read([DOCS / "scoreboard.json"])
    confirmed = json.loads((DOCS / "confirmed.json").read_text())
    assert scoreboard.markdown(board, confirmed) == (DOCS / "scoreboard.md").read_text(encoding="utf-8")
    assert pages.html(board) == (DOCS / "scoreboard.html").read_text(encoding="utf-8")
