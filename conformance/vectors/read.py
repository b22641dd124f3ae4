"""Reading vectors and results, which may be hostile: no code, no paths out of the folder, sizes before allocations."""

from __future__ import annotations

import hashlib
import json
import math
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from fiducial.conformance.vectors.schema import Invalid, checker

FORMAT = 1
MANIFEST = "manifest.json"
SCHEMAS = [Path(__file__).with_name(f"{name}.schema.json") for name in ("manifest", "operation", "results")]
MOST = {"manifest": 1 << 22, "operation": 1 << 26, "results": 1 << 28}  # bytes of a file
NUMBERS = 1 << 24  # of an array


class Unreadable(ValueError):
    """A file cannot be used; the message is one line that names the file and the field."""


def _fail(path: Path, line: str) -> NoReturn:
    raise Unreadable(f"{path}: {line}")


@cache
def _schema(kind: str) -> Any:
    return checker(json.loads(Path(__file__).with_name(f"{kind}.schema.json").read_bytes()))


def contents(path: Path, most: int) -> bytes:
    """The bytes of a plain file of at most so many."""
    if path.is_symlink() or not path.is_file():
        _fail(path, "no such file (a plain file is required)")
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        _fail(path, f"more than {most} bytes")
    return data


def _parsed(path: Path, data: bytes, kind: str) -> Any:
    """JSON that fits its schema; no duplicate names, no numbers beyond a double."""
    try:
        value = json.loads(data.decode(), object_pairs_hook=_single, parse_constant=_no_number, parse_float=_finite,
                           parse_int=_integer)  # fmt: skip
    except RecursionError:
        _fail(path, "nested too deeply")
    except (ValueError, UnicodeDecodeError) as error:
        _fail(path, f"no JSON that can be used: {error}")
    try:
        _schema(kind)(value)
    except Invalid as error:
        _fail(path, str(error))
    except RecursionError:
        _fail(path, "nested too deeply")
    return value


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name {next(n for n in names if names.count(n) > 1)!r:.100} occurs twice in one object")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f'{name} is no JSON; the text "{name.lower().replace("infinity", "inf")}" is required')


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits[:40]} is beyond a double")
    return value


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError(f"the integer {digits[:20]}... has too many digits")
    return int(digits)


# --- vectors ---


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder of vectors."""
    path = folder / MANIFEST
    if not path.is_file():
        _fail(folder, f"no folder of vectors: it lacks {MANIFEST}")
    found: dict[str, Any] = _parsed(path, contents(path, MOST["manifest"]), "manifest")
    if found["format"] != FORMAT:
        _fail(path, f"format: {FORMAT} is required, got {found['format']}")
    return found


def digest(folder: Path) -> str:
    """The sha256 of the manifest, by which results name the vectors that they were made from."""
    return hashlib.sha256(contents(folder / MANIFEST, MOST["manifest"])).hexdigest()


def listed(folder: Path, listing: dict[str, Any], name: str) -> bytes:
    """A file of the folder, exactly as the manifest lists it (whose schema keeps its name within the folder)."""
    path, entry = folder / name, listing["files"].get(name)
    if entry is None:
        _fail(folder / MANIFEST, f"files: {name} is not listed")
    if entry["bytes"] > MOST["operation"]:
        _fail(folder / MANIFEST, f"files[{name!r}].bytes: at most {MOST['operation']} is allowed")
    data = contents(path, entry["bytes"])
    if len(data) != entry["bytes"] or hashlib.sha256(data).hexdigest() != entry["sha256"]:
        _fail(path, "its bytes are not those that the manifest lists (sha256)")
    return data


def operation(folder: Path, listing: dict[str, Any], name: str) -> dict[str, Any]:
    """An operation's vectors: as many numbers as their shapes say, and as many cases as the manifest lists."""
    path = folder / f"{name}.json"
    found: dict[str, Any] = _parsed(path, listed(folder, listing, path.name), "operation")
    for k, case in enumerate(found["cases"]):
        for part in ("inputs", "cotangents", "outputs"):
            for j, array in enumerate(case[part]):
                _sized(path, f"cases[{k}].{part}[{j}]", array)
    wanted = {f"{name}/{dtype}/{level}/{n:03d}" for dtype, levels in listing["counts"][name].items()
              for level, kinds in levels.items() for n in range(sum(kinds.values()))}  # fmt: skip
    if {case["id"] for case in found["cases"]} != wanted or len(found["cases"]) != len(wanted):
        _fail(path, f"cases: the {len(wanted)} that the manifest lists are required, each once")
    return found


def _sized(path: Path, at: str, array: dict[str, Any]) -> None:
    size = math.prod(array["shape"])
    if size > NUMBERS:
        _fail(path, f"{at}.shape: at most {NUMBERS} numbers are allowed, got {size}")
    for part, values in array.items():
        if part not in ("shape", "name") and isinstance(values, list) and len(values) != size:
            _fail(path, f"{at}.{part}: {size} numbers are required, as the shape says, got {len(values)}")


# --- results ---


def results(path: Path) -> dict[str, Any]:
    """Results made elsewhere, checked against their schema."""
    found: dict[str, Any] = _parsed(path, contents(path, MOST["results"]), "results")
    if found["format"] != FORMAT:
        _fail(path, f"format: {FORMAT} is required, got {found['format']}")
    return found
