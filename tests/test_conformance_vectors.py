"""Vectors: exact, the same twice, safe to read, and judged as the suite judges; two consumers in other languages."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fiducial.conformance import report
from fiducial.conformance.subject import DTYPES, load
from fiducial.conformance.vectors import read
from fiducial.conformance.vectors.choose import chosen
from fiducial.conformance.vectors.command import main
from fiducial.conformance.vectors.export import export
from fiducial.conformance.vectors.intervals import acceptable, judgeable
from fiducial.conformance.vectors.numbers import outward, pair, text
from fiducial.conformance.vectors.schema import Invalid, checker
from fiducial.conformance.vectors.tensors import BadTensors, packed, unpacked
from fiducial.conformance.verdict import LIMIT, judge, ratio
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.formats import FORMATS
from fiducial.spec.oracle import Answer

ROOT = Path(__file__).parents[1]
FROZEN = ROOT / "vectors"
EXAMPLES = ROOT / "examples" / "vectors"
SMALL = ("relu", "step", "conv_output_size", "clip_by_global_norm", "eigh", "normal_cdf")
released = pytest.mark.skipif(not FROZEN.is_dir(), reason="the release of vectors is in the repository only")
Results = dict[str, Any]


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small export: elementwise, integers, a list of arrays, a relation, refusals."""
    folder = tmp_path_factory.mktemp("small") / "vectors"
    export(folder, SMALL, ["float64", "float32"])
    return folder


@pytest.fixture
def results(vectors: Path) -> Results:
    """The reference implementation's results."""
    return json.loads(json.dumps(_reference(vectors)))


@cache
def _reference(folder: Path) -> Results:
    listing = read.manifest(folder)
    files = [read.operation(folder, listing, name) for name in listing["counts"]]
    made = {case["id"]: _made(file, case) for file in files for case in file["cases"]}
    return {"format": 1, "vectors": read.digest(folder), "subject": {"name": "refimpl", "version": "1"},
            "results": made}  # fmt: skip


def _made(file: dict[str, Any], case: dict[str, Any]) -> Any:
    subject = load(None)
    gradient = case["what"] == "gradient"
    function = subject.gradient_of(case["operation"]) if gradient else getattr(subject.target, case["operation"])
    given: list[Any] = [_array(a) for a in case["inputs"]]
    sizes = case["operation"] == "conv_output_size"
    arguments = [given] if file["listed"] else [int(a) if sizes else a for a in given]
    arguments += [None] * (0 if file["listed"] else len(file["inputs"]) - len(given))
    cotangents = [_array(a) for a in case["cotangents"]]
    seeds = [cotangents if file["listed"] else cotangents[0]] if gradient else []
    takes = subject.accepts(case["operation"])
    passed = {n: tuple(v) if isinstance(v, list) else v for n, v in case["attributes"].items() if takes(n)}
    try:
        with np.errstate(all="ignore"):
            found = function(*seeds, *arguments, **passed)  # type: ignore[misc]
    except ValueError as error:
        return {"error": str(error)[:200]}
    parts = found if isinstance(found, tuple | list) else [found]
    return [[text(float(v)) for v in np.asarray(part, dtype=np.float64).reshape(-1)] for part in parts]


def _array(array: dict[str, Any]) -> Any:
    if "int" in array:
        return np.array(array["int"], dtype=np.int64).reshape(array["shape"])
    values = np.array([float.fromhex(v) for v in array["hex"]], dtype=np.float64)
    return values.reshape(array["shape"]).astype(DTYPES[array["dtype"]])


def _verify(results: Any, vectors: Path, folder: Path, *more: str) -> int:
    path = folder / "results.json"
    path.write_text(results if isinstance(results, str) else json.dumps(results), encoding="utf-8")
    return main(["vectors", "verify", str(path), "--vectors", str(vectors), *more])


# --- numbers and intervals ---


def _doubles() -> Iterator[float]:
    bits = np.random.default_rng(0).integers(0, 2**64, 2000, dtype=np.uint64, endpoint=False)
    yield from (float(v) for v in bits.view(np.float64) if np.isfinite(v))
    yield from (0.0, -0.0, 5e-324, -2.5e-310, 1.0, -1.5, FORMATS["float64"].largest, float("inf"), float("-inf"))


def test_texts_are_exact() -> None:
    for value in _doubles():
        assert float.fromhex(text(value)) == value
        assert np.signbit(float.fromhex(text(value))) == np.signbit(value)
        assert pair(text(value)) == (value, 0.0)
    assert text(float("nan")) == "nan"


@pytest.mark.parametrize("dtype", list(DTYPES))
def test_enclosures_are_rounded_outward(dtype: str) -> None:
    from fractions import Fraction

    rng = np.random.default_rng(1)
    for _ in range(300):
        mid = float(rng.normal() * 10.0 ** rng.integers(-300, 300))
        rest, rad = mid * 1e-17 * rng.normal(), abs(mid) * 1e-19
        low, high = outward(mid, rest, rad, dtype)
        assert low is not None and high is not None
        ends = [sum(map(Fraction, pair(end))) for end in (low, high)]
        inside = [Fraction(mid) + Fraction(rest) + sign * Fraction(rad) for sign in (-1, 1)]
        assert ends[0] <= inside[0] <= inside[1] <= ends[1]
        assert ends[1] - ends[0] <= abs(Fraction(mid)) * Fraction(FORMATS[dtype].unit) / 256


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["sigmoid", "maximum", "normal_logpdf", "log_softmax"])
def test_two_comparisons_say_what_the_verdict_says(name: str, dtype: str) -> None:
    """For every number of the format: inside the interval exactly where it is accepted, and so for the loose one."""
    with np.errstate(invalid="ignore"):  # signalling NaNs are among them
        format, numbers = FORMATS[dtype], np.arange(65536, dtype=np.uint16).view(DTYPES[dtype]).astype(np.float64)
    numbers = numbers[~np.isnan(numbers)]
    for vector in chosen(CATALOGUE[name], dtype, 0):
        for k, answer in enumerate(vector.answers):
            ways = [way[k] for way in vector.written]
            accept, loose = acceptable(answer, format, dtype, ways)
            known = judgeable(answer)
            for at in [at for at in np.ndindex(answer.shape) if known[at]][:3]:
                one = Answer(*(np.asarray(part)[at] for part in (answer.mid, answer.rest, answer.rad, answer.bound,
                                                                 answer.resolved)))  # fmt: skip
                accepted = (accept[0][at] <= numbers) & (numbers <= accept[1][at])
                assert np.array_equal(accepted, ratio(numbers, one, format) <= LIMIT)
                for got in (accept[0][at], accept[1][at], loose[0][at], loose[1][at]):
                    assert judge(np.asarray(got), one, format, lambda w=ways, i=at: [b[i] for b in w]).band != "wrong"
                beyond = np.nextafter(DTYPES[dtype].type(loose[1][at]), DTYPES[dtype].type(np.inf)).astype(np.float64)
                if np.isfinite(beyond):
                    assert judge(beyond, one, format, lambda w=ways, i=at: [b[i] for b in w]).band == "wrong"


# --- export ---


def test_exported_twice_it_is_the_same(vectors: Path, tmp_path: Path) -> None:
    assert main(["vectors", "export", str(tmp_path / "again"), "--only", ",".join(SMALL), "--dtype", "float64,float32",
                 "-n", "2"]) == 0  # fmt: skip
    names = sorted(path.name for path in vectors.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in names:
        assert (vectors / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


@released
@pytest.mark.parametrize("name", ["relu", "trace", "bernoulli_mean", "repeat"])
def test_the_release_is_what_is_exported(name: str, tmp_path: Path) -> None:
    export(tmp_path / "one", [name], list(DTYPES))
    assert (tmp_path / "one" / f"{name}.json").read_bytes() == (FROZEN / f"{name}.json").read_bytes(), (
        "the vectors changed: export them again (fiducial vectors export vectors), and say so in the changelog"
    )


@released
def test_the_release_is_whole() -> None:
    listing = read.manifest(FROZEN)
    assert {*listing["counts"], *listing["left_out"]} >= set(CATALOGUE)
    assert {path.name for path in FROZEN.iterdir()} == {read.MANIFEST, *listing["files"]}
    assert sum(path.stat().st_size for path in FROZEN.iterdir()) < 20e6
    counted = [n for dtypes in listing["counts"].values() for levels in dtypes.values() for kinds in levels.values()
               for n in kinds.values()]  # fmt: skip
    assert sum(counted) == listing["cases"]
    for name in listing["files"]:
        read.listed(FROZEN, listing, name)
    seen = {flag for name in ("softmax", "embedding", "normal_cdf") for case in
            read.operation(FROZEN, listing, name)["cases"] for flag in case["flags"]}  # fmt: skip
    assert {"Tie", "Large", "RepeatedIndices", "Refusal", "Infinite", "Cancellation"} <= seen <= set(listing["flags"])


def test_a_case_has_exact_inputs_and_an_interval_around_the_truth(vectors: Path) -> None:
    cases = read.operation(vectors, read.manifest(vectors), "normal_cdf")["cases"]
    for case in cases:
        for array in case["inputs"]:
            values = np.array([float.fromhex(v) for v in array["hex"]])
            assert np.array_equal(values.astype(DTYPES[case["dtype"]]).astype(np.float64), values, equal_nan=True)
            decimals = np.array([float(v) for v in array["dec"]]).astype(DTYPES[case["dtype"]])
            assert np.array_equal(decimals.astype(np.float64), values, equal_nan=True)
        for output in (o for o in case["outputs"] if "lo" in o):
            for lo, hi, least, most in zip(*(output[k] for k in ("lo", "hi", "accept_lo", "accept_hi")), strict=True):
                if least not in (None, "nan"):
                    assert float.fromhex(least) <= float.fromhex(hi) and float.fromhex(lo) <= float.fromhex(most)


def test_export_replaces_vectors_and_nothing_else(vectors: Path, tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work", encoding="utf-8")
    arguments = ["vectors", "export", str(folder), "--only", "relu", "--dtype", "float64", "-n", "1"]
    assert main(arguments) == 2
    assert (folder / "thesis.tex").read_text(encoding="utf-8") == "years of work"
    (folder / "thesis.tex").unlink()
    assert main(arguments) == main(arguments) == 0
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    assert main(arguments) == 2
    assert "notes.txt" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


def test_an_export_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert main(["vectors", "export", str(tmp_path / "v"), "--only", "relu", "--dtype", "float64", "-n", "1"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_unknown_names_are_told(tmp_path: Path, capsys: Any) -> None:
    assert main(["vectors", "export", str(tmp_path / "v"), "--only", "sofmax"]) == 2
    assert "did you mean softmax or" in capsys.readouterr().err


# --- verify ---


def test_right_results_conform(results: Results, vectors: Path, tmp_path: Path, capsys: Any) -> None:
    assert _verify(results, vectors, tmp_path, "--json", str(tmp_path / "report.json")) == 0
    assert "refimpl 1 on vectors" in capsys.readouterr().out
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    schema = json.loads(Path(report.__file__).with_name("schema.json").read_text(encoding="utf-8"))
    checker(schema)({**data, "profile": "full"})
    assert data["summary"]["conforms"] and data["summary"]["cases"] == read.manifest(vectors)["cases"]
    assert {r["outcome"] for r in data["results"]} == {"tight"}


def _changed(results: Results, identifier: str, change: Callable[[Any], Any]) -> Results:
    results["results"][identifier] = change(results["results"][identifier])
    return results


def _first(results: Results, vectors: Path, name: str, **wanted: str) -> str:
    """The id of a case with a judged number that is not 0."""
    for case in read.operation(vectors, read.manifest(vectors), name)["cases"]:
        found, expected = results["results"][case["id"]], case["outputs"][0].get("accept_lo")
        fits = all(case[k] == v for k, v in wanted.items()) and isinstance(found, list)
        if fits and expected and expected[0] not in (None, "nan") and found[0][0] != "0x0p+0":
            return str(case["id"])
    raise AssertionError(f"no such case of {name}")


def test_one_wrong_number_is_found(results: Results, vectors: Path, tmp_path: Path, capsys: Any) -> None:
    identifier = _first(results, vectors, "normal_cdf", dtype="float64", what="value")
    value = float.fromhex(results["results"][identifier][0][0])
    results["results"][identifier][0][0] = text(value * (1 + 2.0**-40))
    assert _verify(results, vectors, tmp_path, "--json", str(tmp_path / "report.json")) == 1
    said = capsys.readouterr().out
    assert f"{identifier} (value) is wrong: ratio" in said and "WRONG" in said
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    (bad,) = [r for r in data["results"] if r["outcome"] == "wrong"]
    assert bad["counterexample"]["got"] == value * (1 + 2.0**-40) and set(bad["counterexample"]["index"]) <= {0}
    schema = json.loads(Path(report.__file__).with_name("schema.json").read_text(encoding="utf-8"))
    checker(schema)({**data, "profile": "full"})


def test_accuracy_that_the_textbook_loses_is_loose(tmp_path: Path, capsys: Any) -> None:
    export(tmp_path / "vectors", ["sigmoid"], ["float32"])
    results = _reference(tmp_path / "vectors")
    for case in read.operation(tmp_path / "vectors", read.manifest(tmp_path / "vectors"), "sigmoid")["cases"]:
        if case["what"] == "gradient":
            x, seed = (_array(case[part][0]) for part in ("inputs", "cotangents"))
            with np.errstate(all="ignore"):
                s = 1 / (1 + np.exp(-x))
                slope = (seed * s * (1 - s)).reshape(-1).astype(np.float64)
            results["results"][case["id"]] = [[text(float(v)) for v in slope]]
    assert _verify(results, tmp_path / "vectors", tmp_path) == 1
    said = capsys.readouterr().out
    assert "is loose" in said and "Cancellation" in said and "is wrong" not in said


def test_a_wrong_decomposition_is_found(results: Results, vectors: Path, tmp_path: Path, capsys: Any) -> None:
    identifier = next(i for i, r in results["results"].items() if i.startswith("eigh/float64/values") and len(r[0]) > 1)
    _changed(results, identifier, lambda parts: [parts[0][::-1], parts[1]])
    assert _verify(results, vectors, tmp_path) == 1
    assert f"{identifier} (value) is wrong" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda found: [found[0], found[0]], 1, "2 results came back; 1 are required"),
        (lambda found: [found[0][:-1]], 1, "numbers; "),
        (lambda found: [{"shape": [len(found[0])], "values": found[0]}], 1, "has shape"),
        (lambda found: [["nan"] * len(found[0])], 1, "is wrong"),
        (lambda found: [["0x1.0000000000001p+0"] * len(found[0])], 1, "is no number of float32"),
        (lambda found: [[float.fromhex(v) for v in found[0]]], 0, ""),
        (lambda found: {"error": "segmentation fault"}, 1, "is crashed: error: segmentation fault"),
        (lambda found: {"unsupported": "no NaN here"}, 0, "no NaN here"),
    ],
    ids=["outputs", "count", "shape", "NaN", "dtype", "decimals", "error", "unsupported"],
)  # fmt: skip
def test_outcomes(
    change: Callable[[Any], Any], code: int, said: str, results: Results, vectors: Path, tmp_path: Path, capsys: Any
) -> None:
    cases = read.operation(vectors, read.manifest(vectors), "relu")["cases"]
    identifier = next(c["id"] for c in cases if c["dtype"] == "float32" and c["what"] == "value"
                      and len(c["outputs"][0]["shape"]) > 1 and c["outputs"][0]["lo"])  # fmt: skip
    _changed(results, identifier, change)
    assert _verify(results, vectors, tmp_path) == code
    assert said in capsys.readouterr().out


def test_a_missing_case_is_incomplete(results: Results, vectors: Path, tmp_path: Path, capsys: Any) -> None:
    identifier = _first(results, vectors, "relu", dtype="float64")
    del results["results"][identifier]
    assert _verify(results, vectors, tmp_path) == 3
    assert f"1 cases of relu have no result, the first is {identifier}" in capsys.readouterr().err
    results["results"] = {}
    assert _verify(results, vectors, tmp_path) == 3


def test_a_scope_is_complete_within(results: Results, vectors: Path, tmp_path: Path, capsys: Any) -> None:
    results["scope"] = {"operations": ["relu"], "dtypes": ["float64"], "what": ["value"]}
    kept = {c["id"] for c in read.operation(vectors, read.manifest(vectors), "relu")["cases"]
            if c["dtype"] == "float64" and c["what"] == "value"}  # fmt: skip
    assert _verify(results, vectors, tmp_path) == 2  # there are others, outside
    assert "no such case in the scope" in capsys.readouterr().err
    results["results"] = {i: r for i, r in results["results"].items() if i in kept}
    assert _verify(results, vectors, tmp_path) == 0
    assert "not provided: " in (said := capsys.readouterr().out) and "normal_cdf" in said
    results["results"].pop(min(kept))
    assert _verify(results, vectors, tmp_path) == 3


# --- hostile files ---


def _edited(made: Results, /, **changes: Any) -> str:
    return json.dumps({**made, **changes})


DEEP = "[" * 100_000 + "]" * 100_000
IDENTIFIER = "relu/float64/shape/000"
HOSTILE: dict[str, tuple[Callable[[Results], str], str]] = {
    "truncated": (lambda r: json.dumps(r)[:5000], "no JSON"),
    "deep": (lambda r: DEEP, "nested too deeply"),
    "deep result": (lambda r: f'{{"format":1,"results":{DEEP}}}', "nested too deeply"),
    "a list": (lambda r: "[]", "object is required, got a list of 0"),
    "NaN": (lambda r: json.dumps(r).replace('"format": 1', '"format": NaN'), "NaN is no JSON"),
    "beyond a double": (lambda r: json.dumps(r).replace('"format": 1', '"format": 1e999'), "beyond a double"),
    "long integer": (lambda r: json.dumps(r).replace('"format": 1', f'"format": {"9" * 5000}'), "too many digits"),
    "twice": (lambda r: json.dumps(r)[:-1] + ',"format":1}', "'format' occurs twice"),
    "case twice": (lambda r: json.dumps(r).replace('"results": {', f'"results": {{"{IDENTIFIER}": [[]],', 1), "twice"),
    "other format": (lambda r: _edited(r, format=2), "format: 1 is required, got 2"),
    "other vectors": (lambda r: _edited(r, vectors="0" * 64), "vectors: they were made from"),
    "no sum": (lambda r: _edited(r, vectors="../../x"), "vectors: a sha256"),
    "no subject": (lambda r: _edited(r, subject={"name": 3, "version": ""}), "subject.name: string is required, got 3"),
    "unknown case": (lambda r: _edited(r, results={**r["results"], "relu/float64/shape/999": [[]]}), "shape/999"),
    "no id": (lambda r: _edited(r, results={"../../etc/passwd": [[]]}), "results['../../etc/passwd']: an id"),
    "a Boolean": (lambda r: _edited(r, results={IDENTIFIER: [[0, True]]}), f"results[{IDENTIFIER!r}][0][1]: number or"),
    "a word": (lambda r: _edited(r, results={IDENTIFIER: [["0x1", "__import__('os')"]]}), "[0][0]: a number"),
    "long text": (lambda r: _edited(r, results={IDENTIFIER: [["0x" + "1" * 10**6 + "p+0"]]}), "length of at most 64"),
    "huge shape": (
        lambda r: _edited(r, results={IDENTIFIER: [{"shape": [2**40], "values": []}]}), "from 0 to 2147483647"),
    "null results": (lambda r: _edited(r, results=None), "results: object is required, got None"),
    "unknown operation": (lambda r: _edited(r, scope={"operations": ["__class__"]}), "scope.operations[0]: the name"),
    "left out": (lambda r: _edited(r, scope={"operations": ["sigmoid"]}), "sigmoid: the vectors have no such"),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_hostile_results(kind: str, results: Results, vectors: Path, tmp_path: Path, capsys: Any) -> None:
    make, said = HOSTILE[kind]
    assert _verify(make(results), vectors, tmp_path) == 2
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
                  "files['../x.json']: the plain name"),
    "a line break": (lambda f: _manifest(f, lambda m: m["files"].update({"x.json\n": m["files"]["relu.json"]})),
                     "the plain name"),
    "an operation's path": (lambda f: _manifest(f, lambda m: m["counts"].update({"../relu": {}})), "counts['../relu']"),
    "huge file": (lambda f: _manifest(f, lambda m: m["files"]["relu.json"].update(bytes=2**50)), "at most"),
    "fewer counted": (lambda f: _manifest(f, lambda m: m["counts"]["relu"]["float64"]["shape"].update(value=1)),
                      "that the manifest lists"),
    "huge shape": (lambda f: _file(f, lambda d: _output(d).update(shape=[2**31 - 1] * 8)), "numbers are allowed"),
    "other shape": (lambda f: _file(f, lambda d: _output(d).update(shape=[9, 9])), "81 numbers are required"),
    "no number": (lambda f: _file(f, lambda d: _output(d)["lo"].__setitem__(0, "1+1")), "lo[0]: a hexadecimal float"),
    "unknown field": (lambda f: _file(f, lambda d: d.update(code="import os")), "the name 'code' is unknown"),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(SPOILED))
def test_hostile_vectors(kind: str, results: Results, vectors: Path, tmp_path: Path, capsys: Any) -> None:
    folder = shutil.copytree(vectors, tmp_path / "vectors")
    spoil, said = SPOILED[kind]
    spoil(folder)
    if (folder / read.MANIFEST).exists():
        results["vectors"] = read.digest(folder)
    assert _verify(results, folder, tmp_path) == 2
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
    with pytest.raises(Invalid, match=r"^a\[1\]: integer is required, got 'x'$"):
        check({"a": [1, "x"]})
    with pytest.raises(Invalid, match=r"^the file: a is missing$"):
        check({})


def test_starting_the_command_imports_nothing_heavy() -> None:
    code = "import sys, fiducial.conformance.vectors.command; print({'numpy', 'sympy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


# --- consumers in other languages ---


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
def test_a_consumer_agrees_with_verify(language: str, tmp_path: Path, capsys: Any) -> None:
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
