"""The wire protocol and isolation: whatever a process does, it costs one case; nothing of it is left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from fiducial.conformance import check
from fiducial.conformance.calling import Caller, Ended, Fault
from fiducial.conformance.levels import Plan, examine
from fiducial.conformance.subject import Subject, SubjectError, load
from fiducial.conformance.wire import process as wire_process
from fiducial.conformance.wire.arrays import Malformed, decoded, encoded
from fiducial.spec.catalogue import CATALOGUE

SUBJECTS = Path(__file__).parent / "subjects"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are watched with POSIX pipes and signals")

# --- arrays ---

HARD = [0.0, -0.0, 5e-324, -1.5, float("inf"), float("-inf"), float("nan"), 1.7976931348623157e308]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", ml_dtypes.bfloat16, "complex128"])
def test_numbers_survive_the_wire_bit_by_bit(dtype: Any) -> None:
    with np.errstate(all="ignore"):
        array = np.array(HARD).astype(dtype).reshape(2, 4)
    back = decoded(json.loads(json.dumps(encoded(array), allow_nan=False)))
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


@pytest.mark.parametrize("value", [None, 3, True, "mean", 0.1, [1, [2, None]], np.int64(3), np.zeros((0, 3))])
def test_values_survive_the_wire(value: Any) -> None:
    back = decoded(json.loads(json.dumps(encoded(value))))
    assert np.array_equal(back, value) if isinstance(value, np.ndarray | np.generic) else back == value


@pytest.mark.parametrize("number", ["inf", "-inf", "nan"])
def test_numbers_that_json_lacks(number: str) -> None:
    assert encoded(float(number)) == {"number": number}
    assert np.array_equal(decoded({"number": number}), float(number), equal_nan=True)


def test_memory_layouts_are_told() -> None:
    plain = np.arange(12.0).reshape(3, 4)
    read_only = plain.copy()
    read_only.flags.writeable = False
    for array in (plain, np.asfortranarray(plain), plain[:, ::2], read_only):
        back = decoded(encoded(array))
        assert np.array_equal(back, array) and back.flags.writeable == array.flags.writeable
        assert back.flags.c_contiguous == array.flags.c_contiguous


GOOD = {"dtype": "float32", "shape": [2], "data": "AACAPwAAAEA="}
MALFORMED = [
    {"shape": [2], "data": ""}, {**GOOD, "dtype": "object"}, {**GOOD, "dtype": ["float32"]}, {**GOOD, "shape": 2},
    {**GOOD, "shape": [-2]}, {**GOOD, "shape": [2.0]}, {**GOOD, "shape": [True, 2]}, {**GOOD, "shape": [3]},
    {**GOOD, "shape": [2**62, 2**62]}, {**GOOD, "shape": [1] * 33}, {**GOOD, "data": "AACAPwAAAEA"},
    {**GOOD, "data": "!!!!PwAAAEA="}, {**GOOD, "data": None}, {"number": "1"},
]  # fmt: skip


@pytest.mark.parametrize("value", MALFORMED, ids=range(len(MALFORMED)))
def test_what_is_no_array_is_refused(value: Any) -> None:
    assert np.array_equal(decoded(GOOD), np.array([1, 2], "float32"))
    with pytest.raises(Malformed):
        decoded(value)


# --- programs that do not keep to the protocol ---

ANSWER = """
import json, os, signal, sys, time
for line in sys.stdin:
    q = json.loads(line)
    if q["do"] == "hello":
        print(json.dumps({"id": q["id"], "protocol": 1, "operations": {"relu": {"attributes": []}}}), flush=True)
        continue
    good = json.dumps({"id": q["id"], "result": q["inputs"][0]})
    MISCHIEF
"""
MISCHIEF = {
    "exit": ("sys.exit(3)", "crashed", "ended with status 3"),
    "signal": ("os.kill(os.getpid(), signal.SIGSEGV)", "crashed", "was ended by SIGSEGV"),
    "close": ("sys.stdout.flush(); os.close(1); time.sleep(60)", "crashed", "closed its output"),
    "hang": ("time.sleep(60)", "timed_out", "took longer than 0.3 s; see --timeout"),
    "half, then hang": ("sys.stdout.write(good[:9]); sys.stdout.flush(); time.sleep(60)", "timed_out", "took longer"),
    "half, then exit": ("sys.stdout.write(good[:9]); sys.stdout.flush(); sys.exit(0)", "crashed", "after half a line"),
    "garbage": ("print('Segmentation fault?', flush=True)", "crashed", "what is no JSON: 'Segmentation fault?'"),
    "no object": ("print('[1, 2]', flush=True)", "crashed", "no JSON object"),
    "nested": ("print('[' * 10**6, flush=True)", "crashed", "what is no JSON"),
    "wrong id": ("print(good.replace(str(q['id']), '77', 1), flush=True)", "crashed", "answered id 77"),
    "flood": ("[os.write(1, b'x' * 2**20) for _ in range(500)]", "crashed", "without an end of line"),
    "no answer": ("print(json.dumps({'id': q['id']}), flush=True)", "crashed", "result or error is required"),
    "wrong data": ("print(good.replace('[2]', '[3]'), flush=True)", "wrong", "24 bytes are required"),
    "noise": ("[os.write(2, b'noise ' * 2**16) for _ in range(99)]; print(good, flush=True)", "", ""),
    "told": ("print(json.dumps({'id': q['id'], 'error': 'unsupported'}), flush=True)", "unsupported", "unsupported"),
}  # fmt: skip


def _program(folder: Path, mischief: str) -> str:
    path = folder / "program.py"
    path.write_text(ANSWER.replace("MISCHIEF", mischief))
    return f"exec:{sys.executable} {path}"


@pytest.mark.parametrize("kind", MISCHIEF)
def test_mischief_costs_one_call(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mischief, outcome, message = MISCHIEF[kind]
    monkeypatch.setattr(wire_process, "GRACE", 0.0)
    monkeypatch.setattr(wire_process, "LINE", 2**24)
    once = f"x = q['inputs'][0]['shape'] == [2]\n    if x:\n        {mischief}\n    else: print(good, flush=True)"
    subject = load(_program(tmp_path, once))
    caller, process = Caller(subject, "relu", 20.0 if kind in ("flood", "noise", "nested") else 0.3), subject.process
    assert process is not None
    for _ in range(2):  # a process that was ended is started again
        found = _outcome(caller, subject, np.ones(2))
        assert found[0] == outcome and message in found[1]
        caller.seconds = max(caller.seconds, 20.0 if outcome != "timed_out" else 0.3)
        assert _outcome(caller, subject, np.ones(3), 20.0) == ("", "")
    process.close()
    _no_zombies()


def _outcome(caller: Caller, subject: Subject, x: Any, seconds: float | None = None) -> tuple[str, str]:
    caller = caller if seconds is None else Caller(subject, "relu", seconds)
    try:
        assert np.array_equal(caller(subject.target.relu, [x], {}), x)
    except Fault as fault:
        assert isinstance(fault, Ended) == (fault.outcome in ("crashed", "timed_out"))
        return fault.outcome, fault.message
    return "", ""


def _no_zombies() -> None:
    found = subprocess.run(
        ["ps", "-o", "stat=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    )
    assert not [line for line in found.stdout.split() if line.startswith("Z")]


HELLOS = {
    "print('{}', flush=True)": "answered id None",
    "import sys; sys.exit('no licence')": "ended with status 1; it printed: no licence",
    "print('{\"id\": 1, \"protocol\": 2}', flush=True)": "protocol 1 is required, got 2",
    "print('{\"id\": 1, \"protocol\": 1, \"operations\": []}', flush=True)": "operations must be a dict",
    "print('{\"id\": 1, \"protocol\": 1, \"operations\": {\"relu\": 1}}', flush=True)": "operations.relu must be an",
    "print('{\"id\": 1, \"protocol\": 1, \"dtypes\": [\"float8\"]}', flush=True)": "dtypes must be among",
}  # fmt: skip


@pytest.mark.parametrize("code", HELLOS)
def test_programs_that_cannot_be_subjects(code: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(code)
    with pytest.raises(SubjectError, match=".*") as refusal:
        load(f"exec:{sys.executable} {tmp_path / 'program.py'}")
    assert HELLOS[code] in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_program_that_does_not_exist() -> None:
    with pytest.raises(SubjectError, match="no_such_program: No such file or directory"):
        load("exec:./no_such_program --fast")
    with pytest.raises(SubjectError, match="a command is required after exec:"):
        load("exec:")


# --- Python subjects in a process of their own ---


@pytest.fixture(scope="module")
def hostile() -> Any:
    subject = load(str(SUBJECTS / "hostile.py"), isolated=True, memory=1.5 * 2**30)
    yield subject
    subject.process.close()
    _no_zombies()


FATAL = {
    "step": ("crashed", "step: the process was ended by SIGSEGV"),
    "tanh": ("crashed", "tanh: the process was ended by SIGABRT"),
    "elu": ("crashed", "elu: the process ended with status 7"),
    "softplus": ("timed_out", "softplus: took longer than 1 s; see --timeout"),
    "silu": ("crashed", "silu: the process took "),
}


@pytest.mark.parametrize("operation", FATAL)
def test_what_ends_a_process_costs_its_own_row(hostile: Subject, operation: str) -> None:
    plan = Plan(profile="quick", seconds=1.0 if operation == "softplus" else 20.0)
    found = examine(hostile, CATALOGUE[operation], "values", "float64", plan)
    assert found.outcome == FATAL[operation][0] and found.message.startswith(FATAL[operation][1])
    assert found.counterexample is not None
    if operation == "step":
        assert "about to read address 0" in found.counterexample["printed"]
    after = examine(hostile, CATALOGUE["sigmoid"], "values", "float64", Plan(profile="quick"))
    assert after.outcome == "tight"


@pytest.mark.parametrize("operation", ["add", "subtract"])
def test_what_is_left_behind_reaches_nobody(hostile: Subject, operation: str) -> None:
    assert examine(hostile, CATALOGUE[operation], "shape", "float64", Plan(profile="quick")).outcome == "tight"
    assert examine(hostile, CATALOGUE["sigmoid"], "values", "float64", Plan(profile="quick")).outcome == "tight"


def test_settings_are_put_back_in_the_same_process() -> None:
    before, folder = (np.geterr(), np.get_printoptions(), np.random.get_state()[1].tolist()), os.getcwd()  # type: ignore[index, union-attr]
    check(load(str(SUBJECTS / "hostile.py")).target.add, "add")
    assert (np.geterr(), np.get_printoptions(), np.random.get_state()[1].tolist()) == before  # type: ignore[index, union-attr]
    assert os.getcwd() == folder


def test_what_was_printed_is_kept_with_the_case(hostile: Subject) -> None:
    found = examine(hostile, CATALOGUE["multiply"], "values", "float64", Plan(profile="quick"))
    assert found.outcome == "wrong" and found.counterexample is not None
    assert found.counterexample["printed"].endswith("the fast path is taken\n")


@pytest.mark.parametrize("operation", ["softmax", "lstm", "clip_by_global_norm", "eig", "normal_sample", "eigh"])
def test_a_subject_gets_the_same_verdicts_in_its_own_process(operation: str) -> None:
    """The reference implementation: every level, several outputs, lists, complex numbers, seeds."""
    here, there = load("fiducial.refimpl"), load("fiducial.refimpl", isolated=True)
    from fiducial.conformance.levels import levels_of

    for level in levels_of(CATALOGUE[operation]):
        plan = Plan(profile="quick")
        own, other = (examine(s, CATALOGUE[operation], level, "float32", plan).as_json() for s in (here, there))
        assert own == other and other["outcome"] in ("tight", "ok", "not_provided")
    assert there.process is not None
    there.process.close()
