"""Vectors exported for tests, and the reference implementation's results on them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fiducial.conformance.subject import DTYPES, load
from fiducial.conformance.vectors import read
from fiducial.conformance.vectors.command import main
from fiducial.conformance.vectors.numbers import text

FROZEN = Path(__file__).parents[1] / "vectors"
released = pytest.mark.skipif(not FROZEN.is_dir(), reason="the release of vectors is in the repository only")
SMALL = ("relu", "step", "conv_output_size", "clip_by_global_norm", "eigh", "normal_cdf")
Results = dict[str, Any]


@cache
def reference(folder: Path) -> Results:
    listing = read.manifest(folder)
    files = [read.operation(folder, listing, name) for name in listing["counts"]]
    made = {case["id"]: _made(file, case) for file in files for case in file["cases"]}
    return {"format": 1, "vectors": read.digest(folder), "subject": {"name": "refimpl", "version": "1"},
            "results": made}  # fmt: skip


def _made(file: dict[str, Any], case: dict[str, Any]) -> Any:
    subject = load(None)
    gradient = case["what"] == "gradient"
    function = subject.gradient_of(case["operation"]) if gradient else getattr(subject.target, case["operation"])
    given: list[Any] = [array_of(a) for a in case["inputs"]]
    sizes = case["operation"] == "conv_output_size"
    arguments = [given] if file["listed"] else [int(a) if sizes else a for a in given]
    arguments += [None] * (0 if file["listed"] else len(file["inputs"]) - len(given))
    cotangents = [array_of(a) for a in case["cotangents"]]
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


def array_of(array: dict[str, Any]) -> Any:
    if "int" in array:
        return np.array(array["int"], dtype=np.int64).reshape(array["shape"])
    values = np.array([float.fromhex(v) for v in array["hex"]], dtype=np.float64)
    return values.reshape(array["shape"]).astype(DTYPES[array["dtype"]])


def verify(results: Any, vectors: Path, folder: Path, *more: str) -> int:
    path = folder / "results.json"
    path.write_text(results if isinstance(results, str) else json.dumps(results), encoding="utf-8")
    return main(["vectors", "verify", str(path), "--vectors", str(vectors), *more])
