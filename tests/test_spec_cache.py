"""What lies in the cache is used only when it is whole and its own; everything else is derived again."""

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import sympy

from fiducial.spec import cache
from fiducial.spec.calculus import adjoint
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.derived import gradient_system, pruned, second_order_system, value_system
from fiducial.spec.language import array, index, scalar, size
from fiducial.spec.operation import REAL, define
from fiducial.spec.prove import variants
from fiducial.spec.system import System

i = index("i", size("I"))
x, y = array("x"), array("y")
SYSTEM = define({x[i]: REAL}, {y[i]: sympy.exp(x[i]) * sympy.Max(x[i], 0)}).system


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("FIDUCIAL_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "_memory", {})
    return tmp_path


@pytest.fixture
def derivations():
    """How often something was derived."""
    return []


def recall(derivations, system=SYSTEM, kind="test"):
    cache._memory.clear()

    def derive():
        derivations.append(kind)
        return adjoint(system)

    return cache.remembered(kind, system, {}, derive)


def kept(folder):
    (path,) = folder.glob("*.json")
    return path


def same(a: System, b: System) -> bool:
    """Equal part by part, and the equations in the same order."""
    parts = [(*(getattr(system, f.name) for f in fields(System)), *system.equations.items()) for system in (a, b)]
    return parts[0] == parts[1]


def test_it_is_derived_once(folder, derivations):
    first, second = recall(derivations), recall(derivations)
    assert derivations == ["test"]
    assert same(first, second) and same(first, adjoint(SYSTEM))
    assert [p.suffix for p in folder.iterdir()] == [".json"]


def test_memory_comes_before_the_disk(folder, derivations):
    first = recall(derivations)
    kept(folder).unlink()
    assert cache.remembered("test", SYSTEM, {}, lambda: pytest.fail("derived again")) is first


@pytest.mark.parametrize("name", [n for n, o in CATALOGUE.items() if not o.default_definition().system.described])
def test_every_derived_system_comes_back_as_it_was(name):
    for attributes in variants(CATALOGUE[name]):
        definition = CATALOGUE[name].definition(attributes)
        for system in (value_system(definition), gradient_system(definition), second_order_system(definition)):
            back = cache.from_data(json.loads(json.dumps(cache.as_data(system))))
            assert same(back, system)


def corrupted(text):
    """Ways in which a file can go wrong, the checksum and all."""
    yield "empty", ""
    for share in (0.1, 0.5, 0.99):
        yield f"cut at {share}", text[: int(len(text) * share)]
    yield "no JSON", "import os"
    yield "no object", "[]"
    yield "nothing in it", "{}"
    yield "another number", text.replace('"Rational", "0"', '"Rational", "1"').replace('"exp"', '"tanh"')
    yield "a bit", text.replace("exp", "exq")
    yield "not text", "\udcff"


@pytest.mark.parametrize("which", range(10))
def test_a_file_that_is_not_whole_is_rebuilt(folder, derivations, which):
    recall(derivations)
    path = kept(folder)
    whole = path.read_text()
    name, text = list(corrupted(whole))[which]
    assert text != whole, name
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert same(recall(derivations), adjoint(SYSTEM))
    assert len(derivations) == 2 and path.read_text() == whole


def forged(path, change):
    """The file with a system that was changed, under a checksum that fits."""
    stored = json.loads(path.read_text())
    change(stored["system"])
    stored["sha256"] = cache._checksum(path, stored["system"])
    path.write_text(json.dumps(stored))


TREES = [
    ["Lambda", ["Symbol", "x", {}]], ["eval", "1"], ["Function", ["Symbol", "f", {}]], ["Symbol"], [], "exp", 3, None,
    ["Rational", "__import__('os')", "1"], ["Constant", "e"],
    ["Add", ["Sum"]], ["Sum", "x", "y"], ["__import__", "os"], [["Add"], "1"],
]  # fmt: skip


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_tree_of_unknown_kinds_is_never_run(folder, derivations, tree):
    recall(derivations)
    forged(kept(folder), lambda data: data["equations"][0].__setitem__(1, tree))
    found = recall(derivations)
    assert len(derivations) == 2 and same(found, adjoint(SYSTEM))


def test_an_unknown_kind_is_a_value_error():
    with pytest.raises(ValueError, match="'eval'"):
        cache._expression(["eval", "1"])
    with pytest.raises(ValueError, match="no way to keep"):
        cache.as_data(define({x[i]: REAL}, {y[i]: sympy.Function("f")(x[i])}).system)


def test_a_symbol_with_the_name_of_code_stays_a_symbol():
    name = "__import__('os').abort()"
    assert cache._expression(["Symbol", name, {"real": True}]) == scalar(name)


def test_a_nest_without_end_is_rebuilt(folder, derivations):
    recall(derivations)
    path = kept(folder)
    text = path.read_text()
    deep = '["Add", ' * 5000 + '["Symbol", "x", {}]' + "]" * 5000
    path.write_text(text[:-1] + f', "more": {deep}' + "}")
    assert same(recall(derivations), adjoint(SYSTEM))


def test_another_systems_file_is_no_answer(folder, derivations):
    """A whole file under another's name."""
    other = define({x[i]: REAL}, {y[i]: sympy.tanh(x[i])}).system
    recall(derivations)
    path = kept(folder)
    recall(derivations, other)
    (stray,) = set(folder.glob("*.json")) - {path}
    path.write_bytes(stray.read_bytes())
    assert same(recall(derivations), adjoint(SYSTEM))
    assert len(derivations) == 3


def test_another_kind_and_another_code_have_another_name(folder, derivations, monkeypatch):
    recall(derivations)
    recall(derivations, kind="other")
    monkeypatch.setattr(cache, "_code", lambda: "changed")
    recall(derivations)
    assert derivations == ["test", "other", "test"] and len(list(folder.glob("*.json"))) == 3


def test_a_folder_that_cannot_be_written_costs_time_only(folder, derivations, monkeypatch):
    blocked = folder / "a file"
    blocked.write_text("")
    monkeypatch.setenv("FIDUCIAL_CACHE", str(blocked / "below"))
    assert same(recall(derivations), adjoint(SYSTEM))
    assert same(recall(derivations), adjoint(SYSTEM))
    assert derivations == ["test", "test"]


def test_a_folder_that_is_read_only_still_answers(folder, derivations, monkeypatch):
    recall(derivations)

    def refuse(*args, **kwargs):
        raise PermissionError(13, "read-only")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    assert same(recall(derivations), adjoint(SYSTEM)) and derivations == ["test"]
    assert same(recall(derivations, kind="other"), adjoint(SYSTEM)) and derivations == ["test", "other"]


def test_a_full_disk_leaves_nothing_behind(folder, derivations, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("os.replace", full)
    assert same(recall(derivations), adjoint(SYSTEM))
    assert list(folder.iterdir()) == []


def test_where_it_is_kept(monkeypatch, tmp_path):
    assert cache.directory() == tmp_path
    monkeypatch.delenv("FIDUCIAL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert cache.directory() == tmp_path / "user" / "fiducial"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.directory() == tmp_path / ".cache" / "fiducial"


PROCESS = """
import hashlib, json, sys
from fiducial.spec.cache import as_data
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.derived import gradient_system
names = ("softmax", "gelu", "norm", "affine")
systems = [as_data(gradient_system(CATALOGUE[name].default_definition())) for name in names]
print(hashlib.sha256(json.dumps(systems).encode()).hexdigest())
"""


def test_two_processes_at_once_get_the_same(folder):
    environment = {**os.environ, "FIDUCIAL_CACHE": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    started = [subprocess.Popen([sys.executable, "-c", PROCESS], env=environment, stdout=subprocess.PIPE, text=True)
               for _ in range(2)]  # fmt: skip
    answers = {process.communicate(timeout=60)[0] for process in started}
    assert len(answers) == 1 and all(p.returncode == 0 for p in started)
    files = list(folder.iterdir())
    assert len(files) == 4 and all(p.suffix == ".json" for p in files)
    third = subprocess.check_output([sys.executable, "-c", PROCESS], env=environment, text=True)
    assert {third} == answers


def test_pruning_keeps_what_the_outputs_need():
    z, w = array("z"), array("w")
    system = System((x[i],), {y[i]: x[i] ** 2, w[i]: x[i] + 1, z[i]: y[i] + 1}, (z[i],))
    assert list(pruned(system).equations) == [y[i], z[i]]


def test_the_sources_that_derive_are_part_of_the_name():
    assert Path(cache.__file__).name == "cache.py" and sympy.__version__ in cache._code()
