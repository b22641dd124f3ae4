"""Vectors: exact, the same twice, judged as the suite judges."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported import FROZEN, SMALL, Results, array_of, reference, released, verify
from numpy._core._multiarray_umath import __cpu_features__ as features

from fiducial.conformance import report
from fiducial.conformance.subject import DTYPES
from fiducial.conformance.vectors import read
from fiducial.conformance.vectors.choose import chosen
from fiducial.conformance.vectors.command import main
from fiducial.conformance.vectors.export import export
from fiducial.conformance.vectors.intervals import acceptable, judgeable
from fiducial.conformance.vectors.numbers import outward, pair, text
from fiducial.conformance.vectors.schema import checker
from fiducial.conformance.verdict import LIMIT, judge, ratio
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.formats import FORMATS
from fiducial.spec.oracle import Answer

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
@pytest.mark.skipif(
    not features.get("AVX2") or not np.__version__.startswith("2.4."),
    reason="the last digits of the release's bounds are those of NumPy 2.4 on an x86-64 with AVX2",
)
def test_the_release_is_what_any_processor_exports(tmp_path: Path) -> None:
    """What depends on exp and on products of matrices, by the command in a process of its own."""
    names = ["softmax", "scaled_dot_product_attention", "matmul", "log_sigmoid"]
    command = [sys.executable, "-m", "fiducial.conformance.cli", "vectors", "export", str(tmp_path / "these")]
    subprocess.run([*command, "--only", ",".join(names), "-n", "2"], check=True, capture_output=True)
    made = [path for name in names for path in (tmp_path / "these").glob(f"{name}.*s*")]
    assert len(made) == 4 + len(list((tmp_path / "these").glob("*.safetensors"))) > 5
    for path in made:
        assert path.read_bytes() == (FROZEN / path.name).read_bytes(), path.name


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
    assert verify(results, vectors, tmp_path, "--json", str(tmp_path / "report.json")) == 0
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
    assert verify(results, vectors, tmp_path, "--json", str(tmp_path / "report.json")) == 1
    said = capsys.readouterr().out
    assert f"{identifier} (value) is wrong: ratio" in said and "WRONG" in said
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    (bad,) = [r for r in data["results"] if r["outcome"] == "wrong"]
    assert bad["counterexample"]["got"] == value * (1 + 2.0**-40) and set(bad["counterexample"]["index"]) <= {0}
    schema = json.loads(Path(report.__file__).with_name("schema.json").read_text(encoding="utf-8"))
    checker(schema)({**data, "profile": "full"})


def test_accuracy_that_the_textbook_loses_is_loose(tmp_path: Path, capsys: Any) -> None:
    export(tmp_path / "vectors", ["sigmoid"], ["float32"])
    results = reference(tmp_path / "vectors")
    for case in read.operation(tmp_path / "vectors", read.manifest(tmp_path / "vectors"), "sigmoid")["cases"]:
        if case["what"] == "gradient":
            x, seed = (array_of(case[part][0]) for part in ("inputs", "cotangents"))
            with np.errstate(all="ignore"):
                s = 1 / (1 + np.exp(-x))
                slope = (seed * s * (1 - s)).reshape(-1).astype(np.float64)
            results["results"][case["id"]] = [[text(float(v)) for v in slope]]
    assert verify(results, tmp_path / "vectors", tmp_path) == 1
    said = capsys.readouterr().out
    assert "is loose" in said and "Cancellation" in said and "is wrong" not in said


def test_a_wrong_decomposition_is_found(results: Results, vectors: Path, tmp_path: Path, capsys: Any) -> None:
    identifier = next(i for i, r in results["results"].items() if i.startswith("eigh/float64/values") and len(r[0]) > 1)
    _changed(results, identifier, lambda parts: [parts[0][::-1], parts[1]])
    assert verify(results, vectors, tmp_path) == 1
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
    assert verify(results, vectors, tmp_path) == code
    assert said in capsys.readouterr().out


def test_a_missing_case_is_incomplete(results: Results, vectors: Path, tmp_path: Path, capsys: Any) -> None:
    identifier = _first(results, vectors, "relu", dtype="float64")
    del results["results"][identifier]
    assert verify(results, vectors, tmp_path) == 3
    assert f"1 cases of relu have no result, the first is {identifier}" in capsys.readouterr().err
    results["results"] = {}
    assert verify(results, vectors, tmp_path) == 3


def test_a_scope_is_complete_within(results: Results, vectors: Path, tmp_path: Path, capsys: Any) -> None:
    results["scope"] = {"operations": ["relu"], "dtypes": ["float64"], "what": ["value"]}
    kept = {c["id"] for c in read.operation(vectors, read.manifest(vectors), "relu")["cases"]
            if c["dtype"] == "float64" and c["what"] == "value"}  # fmt: skip
    assert verify(results, vectors, tmp_path) == 2  # there are others, outside
    assert "no such case in the scope" in capsys.readouterr().err
    results["results"] = {i: r for i, r in results["results"].items() if i in kept}
    assert verify(results, vectors, tmp_path) == 0
    assert "not provided: " in (said := capsys.readouterr().out) and "normal_cdf" in said
    results["results"].pop(min(kept))
    assert verify(results, vectors, tmp_path) == 3


def test_starting_the_command_imports_nothing_heavy() -> None:
    code = "import sys, fiducial.conformance.vectors.command; print({'numpy', 'sympy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
