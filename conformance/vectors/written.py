"""One vector as JSON: texts of its numbers, or the names of the tensors that hold them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fiducial.conformance.subject import DTYPES
from fiducial.conformance.vectors.flags import flags
from fiducial.conformance.vectors.intervals import Interval, acceptable
from fiducial.conformance.vectors.numbers import decimal, outward, text
from fiducial.conformance.vectors.vector import Vector
from fiducial.spec import oracle
from fiducial.spec.formats import FORMATS
from fiducial.spec.language import name_of
from fiducial.spec.oracle import Answer

LARGEST = 4096  # numbers of an array in JSON; more are kept as tensors


class Written:
    """One vector as JSON; its large arrays are put among the tensors."""

    def __init__(self, vector: Vector, identifier: str, tensors: dict[str, Any]) -> None:
        self.vector, self.identifier, self.tensors = vector, identifier, tensors
        self.case, self.definition = vector.case, vector.case.call.definition
        self.large = any(a.size > LARGEST for a in self.case.given)

    def as_json(self) -> dict[str, Any]:
        system = self.definition.system
        inputs = [self._array(name_of(x), a) for x, a in zip(system.inputs, self.case.given, strict=True)]
        seeds = zip(system.outputs, self.case.cotangents, strict=True) if self.vector.what == "gradient" else ()
        cotangents = [self._array("d" + name_of(y), c) for y, c in seeds]
        return {
            "id": self.identifier, "operation": self.case.operation.name, "dtype": self.case.dtype,
            "what": self.vector.what, "judge": self.vector.judge, "label": self.case.label,
            "flags": sorted([*flags(self.vector), *(["Large"] if self.large else [])]),
            "attributes": {n: plain(v) for n, v in self.case.passed.items()}, "inputs": inputs,
            "cotangents": cotangents, "outputs": self._outputs(),
        }  # fmt: skip

    def _array(self, name: str, a: Any) -> dict[str, Any]:
        head = {"name": name, "dtype": "int64" if a.dtype.kind in "iu" else self.case.dtype, "shape": list(a.shape)}
        if a.dtype.kind in "iu":
            return {**head, "int": a.reshape(-1).tolist()}
        if self.large:
            return {**head, "tensor": self._kept(name, a)}
        flat = a.reshape(-1).astype(np.float64).tolist()
        return {**head, "hex": [text(v) for v in flat], "dec": [decimal(v, self.case.dtype) for v in flat]}

    def _kept(self, name: str, a: Any) -> str:
        key = f"{self.identifier}/{name}"
        self.tensors[key] = a
        return key

    def _outputs(self) -> list[dict[str, Any]]:
        system, shapes = self.definition.system, oracle.result_shapes(self.case.call)
        symbols = system.differentiable if self.vector.what == "gradient" else system.outputs
        names = [name_of(y) for y in symbols]
        # Integer results may have any numeric type.
        grid = self.case.dtype if system.differentiable or self.vector.judge == "relation" else "any"
        if self.vector.judge != "interval":
            return [{"name": n, "dtype": grid, "shape": list(s)} for n, s in zip(names, shapes, strict=True)]
        heads = [{"name": n, "dtype": grid, "shape": list(a.shape)} for n, a in
                 zip(names, self.vector.answers, strict=True)]  # fmt: skip
        return [{**head, **self._expected(k, head, grid)} for k, head in enumerate(heads)]

    def _expected(self, k: int, head: dict[str, Any], grid: str) -> dict[str, Any]:
        answer, ways = self.vector.answers[k], [way[k] for way in self.vector.written]
        try:
            accept, loose = acceptable(answer, FORMATS[self.case.dtype], "float64" if grid == "any" else grid, ways)
        except ValueError as error:
            raise ValueError(f"{self.identifier}, {head['name']}: {error}") from error
        if self.large:
            return self._tensors(head, answer, accept, loose)
        nan = np.isnan(self.vector.nan[k]) if self.vector.nan else np.zeros(answer.shape, bool)
        return self._texts(answer, accept, loose, nan)

    def _texts(self, answer: Answer, accept: Interval, loose: Interval, nan: Any) -> dict[str, Any]:
        parts = (answer.mid, answer.rest, answer.rad)
        mid, rest, rad = (p.reshape(-1).tolist() for p in parts)
        pairs = [outward(*three, self.case.dtype) for three in zip(mid, rest, rad, strict=True)]
        found: dict[str, Any] = {
            "dec": [None if math.isnan(v) else _shown(v, self.case.dtype) for v in mid],
            "lo": [lo for lo, _ in pairs], "hi": [hi for _, hi in pairs],
            "accept_lo": _ends(accept[0], nan), "accept_hi": _ends(accept[1], nan),
        }  # fmt: skip
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(accept, loose, strict=True)):
            found |= {"loose_lo": _ends(loose[0], nan), "loose_hi": _ends(loose[1], nan)}
        found["bound"] = [_rough(v) for v in answer.bound.reshape(-1).tolist()]
        return found | ({"or_nan": True} if self.vector.or_nan else {})

    def _tensors(self, head: dict[str, Any], answer: Answer, accept: Interval, loose: Interval) -> dict[str, Any]:
        kind = DTYPES[self.case.dtype]
        lo, hi = (
            np.nextafter(answer.mid + sign * (answer.rad + np.abs(answer.rest)), sign * np.inf) for sign in (-1, 1)
        )
        arrays = {"lo": lo, "hi": hi, "bound": (answer.bound * (1 + 2.0**-20)).astype(np.float32)}
        ends = zip(("accept_lo", "accept_hi", "loose_lo", "loose_hi"), (*accept, *loose), strict=True)
        arrays |= {name: end.astype(kind) for name, end in ends}
        return {"tensors": {part: self._kept(f"{head['name']}/{part}", a) for part, a in arrays.items()}}


SHOWN = {"float64": 17, "float32": 12, "bfloat16": 7, "float16": 8}  # digits of an exact value


def _shown(value: float, dtype: str) -> float | str:
    return float(f"{value:.{SHOWN[dtype]}g}") if math.isfinite(value) else str(value)


def _ends(values: Any, nan: Any) -> list[str | None]:
    """Texts of an interval's ends: null where nothing is said, "nan" where NaN is required."""
    pairs = zip(values.reshape(-1).tolist(), nan.reshape(-1).tolist(), strict=True)
    return ["nan" if required else None if math.isnan(v) else text(v) for v, required in pairs]


def _rough(bound: float) -> float | None:
    return float(f"{bound:.4g}") if math.isfinite(bound) else None


def plain(value: Any) -> Any:
    """An attribute as JSON, which has no infinities."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
