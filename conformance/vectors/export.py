"""Writing vectors: one JSON file for each operation, a case a line; large arrays beside it; a manifest with counts.

The same seed gives the same bytes, whatever the number of processes. A folder is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fiducial import __version__
from fiducial.conformance.vectors import read
from fiducial.conformance.vectors.choose import chosen
from fiducial.conformance.vectors.flags import FLAGS
from fiducial.conformance.vectors.tensors import packed
from fiducial.conformance.vectors.vector import Vector
from fiducial.conformance.vectors.written import Written, plain
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.language import name_of
from fiducial.spec.operation import Operation
from fiducial.spec.render import equations

SAMPLER = "a sample has no one right answer: it is judged by exact tests of its distribution, `fiducial check`"
BLIND = (
    "no case of this size rejects zeros, an error of 1 % and a flipped sign: judged on larger ones, `fiducial check`"
)
LEFT_OUT = {
    "second order": "judged by `fiducial check`",
    "laws": "theorems about several calls: `fiducial check`",
    "inductive bias": "theorems about several calls: `fiducial check`",
    "population": "judged on millions of numbers: `fiducial check`",
    "reference data": "judged by `fiducial check`",
    "gradients of relations": "they depend on the outputs that they were taken at (signs, bases): `fiducial check`",
}  # fmt: skip


@dataclass
class File:
    """An operation's file, and that of its large arrays."""

    name: str
    lines: list[str] = field(default_factory=list)
    tensors: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)
    blind: list[str] = field(default_factory=list)

    @property
    def contents(self) -> dict[str, bytes]:
        """The bytes of each file, by name."""
        operation = CATALOGUE[self.name]
        head = _text({"format": read.FORMAT, **described(operation)})[:-1]
        body = ",\n".join(self.lines)
        found = {f"{self.name}.json": f'{head},"cases":[\n{body}\n]}}\n'.encode()}
        return found | ({f"{self.name}.safetensors": packed(self.tensors)} if self.tensors else {})


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def described(operation: Operation) -> dict[str, Any]:
    """What a reader of a file should know of its operation."""
    definition = operation.default_definition()
    return {
        "operation": operation.name, "family": operation.family, "en": operation.en, "ko": operation.ko,
        "source": operation.source, "equations": equations(definition.system), "listed": operation.layout.listed,
        "inputs": [name_of(x) for x in definition.system.inputs],
        "attributes": {n: plain(operation.attributes[n].default) for n in operation.passed},
    }  # fmt: skip


# --- one operation ---


def operation_file(seed: int, dtypes: Sequence[str], name: str) -> File:
    """The vectors of an operation. A level at which no case can tell right from wrong is left out."""
    file = File(name)
    for dtype in (d for d in dtypes if d in CATALOGUE[name].formats):
        levels: dict[str, list[Vector]] = {}
        for vector in chosen(CATALOGUE[name], dtype, seed):
            levels.setdefault(vector.level, []).append(vector)
        for level, vectors in levels.items():
            if level != "shape" and all(v.vacuous for v in vectors):
                file.blind.append(f"{name}/{dtype}/{level}")
                continue
            for number, vector in enumerate(vectors):
                identifier = f"{name}/{dtype}/{level}/{number:03d}"
                file.lines.append(_text(Written(vector, identifier, file.tensors).as_json()))
            file.counts.setdefault(dtype, {})[level] = Counter(v.what for v in vectors)
    return file


# --- the folder ---


def files(names: Iterable[str], dtypes: Sequence[str], seed: int, workers: int) -> list[File]:
    """The files of these operations, in this order, those of samplers left out."""
    wanted = [n for n in names if CATALOGUE[n].default_definition().sampling is None]
    work = partial(operation_file, seed, dtypes)
    if workers < 2 or len(wanted) < 2:
        return [f for f in map(work, wanted) if f.lines]
    # The longest definitions first: none of them is then left for the end.
    order = sorted(wanted, key=lambda n: -len(CATALOGUE[n].default_definition().system.equations))
    with ProcessPoolExecutor(workers) as pool:
        found = dict(zip(order, pool.map(work, order), strict=True))
    return [found[n] for n in wanted if found[n].lines]


def manifest(made: Sequence[File], contents: dict[str, bytes], names: Iterable[str], seed: int) -> dict[str, Any]:
    """What the folder holds: files with their sums, cases with their counts, and what is left out, with the reason."""
    samplers = [n for n in names if CATALOGUE[n].default_definition().sampling is not None]
    counts = {f.name: {d: {lv: dict(sorted(c.items())) for lv, c in levels.items()} for d, levels in f.counts.items()}
              for f in made}  # fmt: skip
    return {
        "format": read.FORMAT, "fiducial": __version__, "seed": seed,
        "cases": sum(len(f.lines) for f in made), "counts": counts, "flags": FLAGS,
        "left_out": {**dict.fromkeys(samplers, SAMPLER), **LEFT_OUT,
                     **dict.fromkeys((row for f in made for row in f.blind), BLIND)},
        "files": {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                  for name, data in contents.items()},
    }  # fmt: skip


def export(
    folder: Path, names: Sequence[str], dtypes: Sequence[str], seed: int = 0, workers: int = 1
) -> dict[str, Any]:
    """Writes the vectors of these operations and returns the manifest.

    Raises read.Unreadable where the folder holds anything but vectors.
    """
    check_replaceable(folder)
    names = [name for name in CATALOGUE if name in names]
    made = files(names, dtypes, seed, workers)
    contents = {name: data for file in made for name, data in file.contents.items()}
    contents |= {path.name: path.read_bytes() for path in read.SCHEMAS}
    listed = manifest(made, contents, names, seed)
    lines = json.dumps(listed, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    _written(folder, {**contents, read.MANIFEST: lines.encode()})
    return listed


def check_replaceable(folder: Path) -> None:
    """An absent or empty folder, or one that holds vectors and nothing else, may be written."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists():
        known = {read.MANIFEST, *read.manifest(folder)["files"]}
        strangers = sorted(path.name for path in folder.iterdir() if path.name not in known)
        if strangers:
            raise read.Unreadable(f"{folder}: it holds {strangers[0]}, which is no vector; an empty folder is required")


def _written(folder: Path, contents: dict[str, bytes]) -> None:
    """All files in a new folder, which then takes the place of the old one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for name, data in contents.items():
            (made / name).write_bytes(data)
        made.chmod(0o755)
        if folder.exists():
            folder.rename(made / ".old")
            (made / ".old").rename(old := made.with_name(made.name + ".old"))
            made.rename(folder)
            shutil.rmtree(old)
        else:
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
