"""Files of vectors and results that are broken, or made to break their reader: one line, and exit status 2."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported import Results, verify

from fiducial.conformance.subject import DTYPES
from fiducial.conformance.vectors import read
from fiducial.conformance.vectors.schema import Invalid, checker
from fiducial.conformance.vectors.tensors import BadTensors, packed, unpacked


def _edited(made: Results, /, **changes: Any) -> str:
    return json.dumps({**made, **changes})


DEEP = "[" * 100_000 + "]" * 100_000
IDENTIFIER = "relu/float64/shape/000"
HOSTILE: dict[str, tuple[Callable[[Results], str], str]] = {
    "truncated": (lambda r: json.dumps(r)[:5000], "no JSON"),
    "deep": (lambda r: DEEP, "nested too deeply"),
    "deep result": (lambda r: f'{{"format":1,"results":{DEEP}}}', "nested too deeply"),
    "a list": (lambda r: "[]", 'it is not of type "object", got a list of 0'),
    "NaN": (lambda r: json.dumps(r).replace('"format": 1', '"format": NaN'), "NaN is no JSON"),
    "beyond a double": (lambda r: json.dumps(r).replace('"format": 1', '"format": 1e999'), "beyond a double"),
    "long integer": (lambda r: json.dumps(r).replace('"format": 1', f'"format": {"9" * 5000}'), "too many digits"),
    "twice": (lambda r: json.dumps(r)[:-1] + ',"format":1}', "'format' occurs twice"),
    "case twice": (lambda r: json.dumps(r).replace('"results": {', f'"results": {{"{IDENTIFIER}": [[]],', 1), "twice"),
    "other format": (lambda r: _edited(r, format=2), "format: 1 is required, got 2"),
    "other vectors": (lambda r: _edited(r, vectors="0" * 64), "vectors: they were made from"),
    "no sum": (lambda r: _edited(r, vectors="../../x"), "vectors: a sha256"),
    "no subject": (lambda r: _edited(r, subject={"name": 3, "version": ""}), '"string", got 3'),
    "unknown case": (lambda r: _edited(r, results={**r["results"], "relu/float64/shape/999": [[]]}), "shape/999"),
    "no id": (lambda r: _edited(r, results={"../../etc/passwd": [[]]}), "007 is required, got '../../etc/passwd'"),
    "a Boolean": (lambda r: _edited(r, results={IDENTIFIER: [[0, True]]}), f"results[{IDENTIFIER!r}][0][1]: it is not"),
    "a word": (lambda r: _edited(r, results={IDENTIFIER: [["0x1", "__import__('os')"]]}), "[0][0]: a number"),
    "long text": (lambda r: _edited(r, results={IDENTIFIER: [["0x" + "1" * 10**6 + "p+0"]]}), "longer than 64"),
    "huge shape": (
        lambda r: _edited(r, results={IDENTIFIER: [{"shape": [2**40], "values": []}]}), "maximum of 2147483647"),
    "null results": (lambda r: _edited(r, results=None), 'results: it is not of type "object", got None'),
    "unknown operation": (lambda r: _edited(r, scope={"operations": ["__class__"]}), "scope.operations[0]: the name"),
    "left out": (lambda r: _edited(r, scope={"operations": ["sigmoid"]}), "sigmoid: the vectors have no such"),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_hostile_results(kind: str, results: Results, vectors: Path, tmp_path: Path, capsys: Any) -> None:
    make, said = HOSTILE[kind]
    assert verify(make(results), vectors, tmp_path) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1 and len(err) < 1000


def _manifest(folder: Path, change: Callable[[Any], None]) -> None:
    path = folder / read.MANIFEST
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def _file(folder: Path, change: Callable[[Any], None]) -> None:
    """Changes relu.json, and the manifest with it."""
    path = folder / "relu.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    entry = {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    _manifest(folder, lambda m: m["files"].update({"relu.json": entry}))


def _output(data: Any) -> Any:
    return next(o for c in data["cases"] for o in c["outputs"] if o["shape"] and o["accept_lo"])


SPOILED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "another byte": (lambda f: (f / "relu.json").write_bytes(b" " + (f / "relu.json").read_bytes()[1:]), "sha256"),
    "a longer file": (lambda f: (f / "relu.json").write_bytes((f / "relu.json").read_bytes() + b" "), "more than"),
    "no file": (lambda f: (f / "relu.json").unlink(), "no such file"),
    "a link": (lambda f: ((f / "relu.json").unlink(), (f / "relu.json").symlink_to("/dev/zero")), "no such file"),
    "no manifest": (lambda f: (f / read.MANIFEST).unlink(), "no folder of vectors"),
    "traversal": (lambda f: _manifest(f, lambda m: m["files"].update({"../x.json": m["files"]["relu.json"]})),
                  "safetensors file is required, got '../x.json'"),
    "a line break": (lambda f: _manifest(f, lambda m: m["files"].update({"x.json\n": m["files"]["relu.json"]})),
                     "the plain name"),
    "an operation's path": (lambda f: _manifest(f, lambda m: m["counts"].update({"../relu": {}})), "got '../relu'"),
    "huge file": (lambda f: _manifest(f, lambda m: m["files"]["relu.json"].update(bytes=2**50)), "at most"),
    "fewer counted": (lambda f: _manifest(f, lambda m: m["counts"]["relu"]["float64"]["shape"].update(value=1)),
                      "that the manifest lists"),
    "huge shape": (lambda f: _file(f, lambda d: _output(d).update(shape=[2**31 - 1] * 8)), "numbers are allowed"),
    "other shape": (lambda f: _file(f, lambda d: _output(d).update(shape=[9, 9])), "81 numbers are required"),
    "no number": (lambda f: _file(f, lambda d: _output(d)["lo"].__setitem__(0, "1+1")), "lo[0]: a hexadecimal float"),
    "unknown field": (lambda f: _file(f, lambda d: d.update(code="import os")), "'code' was unexpected"),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(SPOILED))
def test_hostile_vectors(kind: str, results: Results, vectors: Path, tmp_path: Path, capsys: Any) -> None:
    folder = shutil.copytree(vectors, tmp_path / "vectors")
    spoil, said = SPOILED[kind]
    spoil(folder)
    if (folder / read.MANIFEST).exists():
        results["vectors"] = read.digest(folder)
    assert verify(results, folder, tmp_path) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1 and len(err) < 1000


def _tensors(header: Any, body: bytes = b"") -> bytes:
    said = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(said).to_bytes(8, "little") + said + body


ONE = {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff" * 8, (2**63).to_bytes(8, "little") + b"{}", _tensors(b"{"), _tensors([]), _tensors(b"[" * 10**5),
        _tensors({"x": ONE}), _tensors({"x": {**ONE, "shape": [2**60]}}, bytes(8)),
        _tensors({"x": {**ONE, "data_offsets": [-8, 0]}}, bytes(8)), _tensors({"x": {**ONE, "dtype": "I8"}}, bytes(8)),
        _tensors({"x": {**ONE, "shape": [True]}}, bytes(8)), _tensors({"x": ONE}, bytes(16)),
        _tensors({"x": ONE, "y": ONE}, bytes(16)), _tensors({"x": {**ONE, "more": 1}}, bytes(8)),
    ],
)  # fmt: skip
def test_hostile_tensors(data: bytes) -> None:
    with pytest.raises(BadTensors):
        unpacked(data)


def test_tensors_come_back() -> None:
    arrays = {f"{d}/{n}": np.arange(n, dtype=np.float64).astype(kind) for d, kind in DTYPES.items() for n in (0, 6)}
    found = unpacked(packed(arrays))
    assert {n: a.dtype for n, a in found.items()} == {n: a.dtype for n, a in arrays.items()}
    assert all(np.array_equal(found[n], a) for n, a in arrays.items())


def test_a_schema_names_the_field() -> None:
    check = checker({"type": "object", "required": ["a"], "properties": {"a": {"items": {"type": "integer"}}}})
    check({"a": [1, 2]})
    with pytest.raises(Invalid, match=r"^a\[1\]: it is not of type \"integer\", got 'x'$"):
        check({"a": [1, "x"]})
    with pytest.raises(Invalid, match=r"^the file: \"a\" is a required property, got an object of 0$"):
        check({})
