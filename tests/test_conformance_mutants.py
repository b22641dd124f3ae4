"""Planted faults: which are planted where, that the suite finds them, and that the command says so."""

from typing import Any

import pytest

from fiducial.conformance import cli
from fiducial.conformance.mutants import corpus, generic, kill, matrix, run
from fiducial.conformance.mutants.planted import Planted
from fiducial.spec.catalogue import CATALOGUE


def names_of(operation: str) -> set[str]:
    return {p.name for p in generic.of(CATALOGUE[operation])}


def test_faults_are_planted_where_they_mean_something() -> None:
    assert {"W transposed", "no db, backward", "cotangent a number, backward", "stale"} <= names_of("affine")
    assert "last b dropped, backward" not in names_of("affine"), "no gradient depends on b"
    assert "unwritten" in names_of("matmul") and "unwritten" not in names_of("tanh")
    assert "zero, backward" not in names_of("step"), "its gradient is derived to be zero"
    assert "a transposed" not in names_of("eigh"), "its matrices are symmetric"
    assert "wrong dtype" not in names_of("one_hot"), "it may come in any dtype"
    assert all(names_of(name) for name in CATALOGUE)


@pytest.mark.parametrize("operation", ["softmax", "eigh", "embedding", "adam"])
def test_every_fault_of_an_operation_is_found(operation: str) -> None:
    verdicts = run.planted([operation], workers=1)
    assert len(verdicts) >= len(generic.of(CATALOGUE[operation]))
    assert matrix.complain(verdicts, lambda line: pytest.fail(line)) == 0


def test_the_right_implementation_is_not_found() -> None:
    unchanged = Planted("softmax", "unchanged", "nothing is wrong")
    assert kill.judged(unchanged, ("quick",)).level == ""


def test_a_survivor_and_a_found_equivalent_are_told() -> None:
    told: list[str] = []

    def say(line: str) -> int:
        told.append(line)
        return 1

    survivor = kill.Verdict("relu", "a fault", "something is wrong")
    outlived = kill.Verdict("det", "a transposed", "read in the other order", level="values")
    listed = kill.Verdict("trace", "a transposed", "read in the other order")
    assert matrix.complain([survivor, outlived, listed], say) == 1
    assert len(told) == 2 and "nothing finds the fault 'a fault'" in told[0] and "listed as equivalent" in told[1]
    assert "1 survived" in matrix.text([survivor, listed])


def test_what_is_listed_exists_and_has_a_reason() -> None:
    for (operation, name), reason in corpus.equivalent().items():
        assert name in {p.name for p in corpus.faults(operation)}, (operation, name)
        assert len(reason) > 10


def test_every_report_is_planted_or_left_out_with_a_reason() -> None:
    planted = {p.name for p in corpus.reported_faults().values()}
    text = (corpus.EQUIVALENT.parent / "reported" / "left_out.txt").read_text(encoding="utf-8")
    left_out = {line.split()[0] for line in text.splitlines() if line[:1].isupper() and "-" in line.split()[0]}
    assert len(planted) > 80 and not planted & left_out
    for p in corpus.reported_faults().values():
        assert p.report and p.what and p.cause, p.name


def test_right_implementations_are_many_and_not_accused() -> None:
    assert len(corpus.right_ones()) > 200
    chosen = [p for (operation, _), p in corpus.right_ones().items() if operation in ("softmax", "relu", "variance")]
    assert len(chosen) > 8
    assert [(p.name, v.message) for p in chosen for v in [kill.judged(p, ("quick",), seed=1)] if v.level] == []


@pytest.mark.parametrize(("arguments", "status", "said"), [
    (["--only", "relu", "--fault", "sign", "-n", "1"], 0, "planted by machine: 2 faults, 2 found"),
    (["--only", "relu", "--fault", "no such", "-n", "1"], 2, "takes a part of one"),
    (["--only", "rellu"], 2, "did you mean relu"),
    (["--only", "tanh", "--right", "-n", "1"], 0, "0 accused"),
])  # fmt: skip
def test_the_command(arguments: list[str], status: int, said: str, capsys: Any) -> None:
    assert cli.main(["mutants", *arguments]) == status
    shown = capsys.readouterr()
    assert said in shown.out + shown.err


def test_results_as_json(tmp_path: Any) -> None:
    import json

    path = tmp_path / "faults.json"
    assert cli.main(["mutants", "--only", "tanh", "--fault", "zero", "-n", "1", "--json", str(path)]) == 0
    rows = json.loads(path.read_text(encoding="utf-8"))["faults"]
    assert [(r["operation"], r["name"], r["level"]) for r in rows] == [
        ("tanh", "zero", "shape"), ("tanh", "zero, backward", "shape")]  # fmt: skip
