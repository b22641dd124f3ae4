"""Outcomes of a case, and counterexamples: what came, the enclosure, the bound, and the case to meet it again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fiducial.conformance.counterexample import SHOWN, short
from fiducial.conformance.counterexample import number as shown_number
from fiducial.conformance.vectors.numbers import pair
from fiducial.conformance.verdict import LIMIT


@dataclass(frozen=True)
class Judged:
    """The outcome of a case, its worst ratio, and its counterexample where it deviates."""

    outcome: str
    ratio: float | None = None
    message: str = ""
    shown: dict[str, Any] | None = None


@dataclass(frozen=True)
class Worst:
    """The worst element of an output."""

    band: str
    ratio: float
    index: int = 0
    fault: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def deviating(case: Mapping[str, Any], worst: Worst, k: int) -> Judged:
    shown: dict[str, Any] = {
        "what": case["what"], "label": case["label"],
        "inputs": {a["name"]: _array(a) for a in case["inputs"]}, "attributes": dict(case["attributes"]),
        "cotangents": [_array(a) for a in case["cotangents"]],
        "reproduce": f"the case {case['id']} of {case['operation']}.json", "output": k,
    }  # fmt: skip
    lines = [f"{case['id']} ({case['what']}) is {worst.band}: {worst.fault or f'ratio {worst.ratio:.3g}'}"]
    if worst.details:
        shown |= _element(worst)
        exact = shown["enclosure"]
        where = f"{worst.details['output']['name']}, element {worst.index} in C order"
        lines.append(f"  {where}: got {shown['got']}, exact {exact['mid']} (+- {exact['rad']}), bound {shown['bound']}")
    lines += [f"  {name} = {short(a)}" for name, a in shown["inputs"].items()]
    lines += [f"  cotangent = {short(a)}" for a in shown["cotangents"]]
    lines.append(f"  attributes: {', '.join(f'{n}={v!r}' for n, v in case['attributes'].items()) or 'none'}")
    if case["flags"]:
        lines.append(f"  flags: {', '.join(case['flags'])}")
    shown["message"] = "\n".join(lines)
    return Judged(worst.band, worst.ratio, shown["message"], shown)


def _element(worst: Worst) -> dict[str, Any]:
    output, k = worst.details["output"], worst.index
    (lo, lo_rest), (hi, hi_rest) = (exact_ends(output[name]) for name in ("lo", "hi"))
    low, high = (float(np.broadcast_to(np.asarray(v), lo.shape)[k]) for v in (lo + lo_rest, hi + hi_rest))
    mid, radius = (low, 0.0) if low == high else (low / 2 + high / 2, (high - low) / 2)
    return {
        "index": [int(i) for i in np.unravel_index(k, output["shape"])] if output["shape"] else [],
        "got": shown_number(worst.details["got"]), "bound": shown_number(float(ends(output["bound"])[k])),
        "enclosure": {"mid": shown_number(mid), "rest": 0.0, "rad": shown_number(radius)},
        "formula": f"running error bound of the stable form; accepted up to {LIMIT:g} times",
        "ratio": shown_number(worst.ratio),
    }  # fmt: skip


def _array(array: Mapping[str, Any]) -> dict[str, Any]:
    texts = array.get("hex", [])[:SHOWN] or [float(v).hex() for v in array.get("int", [])[:SHOWN]]
    return {"shape": array["shape"], "dtype": array["dtype"], "values": [shown_number(float.fromhex(t)) for t in texts],
            "hex": texts, "of": math.prod(array["shape"])}  # fmt: skip


# --- texts as numbers ---


def number(value: Any) -> float:
    """A JSON number, or a text in hexadecimal digits; what is beyond a double is an infinity."""
    if not isinstance(value, str):
        return float(value)
    try:
        return float.fromhex(value)
    except OverflowError:
        return -math.inf if value.startswith("-") else math.inf


def ends(values: Any) -> Any:
    """Ends as doubles, NaN for null."""
    if not isinstance(values, list):
        return np.asarray(values).astype(np.float64).reshape(-1)
    return np.array([math.nan if v is None else number(v) for v in values], dtype=np.float64)


def exact_ends(values: Any) -> tuple[Any, Any]:
    """Ends of enclosures as doubles and what those leave over."""
    if not isinstance(values, list):
        return ends(values), 0.0
    pairs = np.array([(math.nan, 0.0) if v is None else pair(v) for v in values], dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
