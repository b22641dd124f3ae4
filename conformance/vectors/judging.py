"""One case: what came, against what the vector says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fiducial.conformance.vectors.numbers import rounded
from fiducial.conformance.vectors.outcome import Judged, Worst, deviating, ends, exact_ends, number
from fiducial.conformance.verdict import LIMIT

BANDS = ("tight", "ok", "loose", "wrong")


def judged(case: Mapping[str, Any], result: Any) -> Judged:
    """What came of a case: a list of outputs, an error, or a word that it is not supported."""
    if isinstance(result, dict) and "unsupported" in result:
        return Judged("unsupported", None, f"{case['operation']}: {result['unsupported']}")
    if isinstance(result, dict):
        if case["judge"] == "refusal":
            return Judged("tight")
        return deviating(case, Worst("crashed", math.inf, fault=f"error: {result['error']}"), 0)
    if len(result) != len(case["outputs"]):
        fault = f"{len(result)} results came back; {len(case['outputs'])} are required"
        return deviating(case, Worst("wrong", math.inf, fault=fault), 0)
    return _refused(case, result) if case["judge"] == "refusal" else _numbers(case, result)


def _numbers(case: Mapping[str, Any], result: list[Any]) -> Judged:
    if all(values is None for values in result):
        return Judged("not_provided", None, f"{case['operation']}: no result is offered for {case['what']}s (null)")
    found: list[Any] = []
    for k, (output, values) in enumerate(zip(case["outputs"], result, strict=True)):
        got, fault = (None, "") if values is None else arrays(output, values)
        if fault:
            return deviating(case, Worst("wrong", math.inf, fault=fault), k)
        found.append(got)
    if case["judge"] == "relation":
        return _related(case, found)
    worst = [(_worst(output, got), k) for k, (output, got) in enumerate(zip(case["outputs"], found, strict=True))
             if got is not None]  # fmt: skip
    worse, k = max(worst, key=lambda w: (BANDS.index(w[0].band), w[0].ratio))
    ratio = max(w.ratio for w, _ in worst)
    return deviating(case, worse, k) if worse.band in ("loose", "wrong") else Judged(worse.band, ratio)


def arrays(output: Mapping[str, Any], values: Any) -> tuple[Any, str]:
    """A result as flat doubles (or complex numbers), and what is wrong with its form."""
    if isinstance(values, dict) and "shape" in values:
        if values["shape"] != output["shape"]:
            return None, f"{output['name']} has shape {values['shape']}; {output['shape']} is required"
        values = values["values"]
    parts = [values["re"], values["im"]] if isinstance(values, dict) else [values]
    size, found = math.prod(output["shape"]), []
    for part in parts:
        if len(part) != size:
            return None, f"{output['name']} has {len(part)} numbers; {size} are required, of shape {output['shape']}"
        exact = np.array([number(v) for v in part], dtype=np.float64)
        near, texts = rounded(exact, output["dtype"]), np.array([isinstance(v, str) for v in part], dtype=bool)
        other = texts & (near != exact) & ~np.isnan(exact)
        if other.any():
            wrong = part[int(np.argmax(other))]
            return None, f"{output['name']}: {wrong} is no number of {output['dtype']}, the dtype of the inputs"
        found.append(near)
    return (found[0] if len(found) == 1 else found[0] + 1j * found[1]), ""


@np.errstate(all="ignore")
def _worst(output: Mapping[str, Any], got: Any) -> Worst:
    """The band of an output by its intervals, and its worst ratio."""
    if not got.size:
        return Worst("tight", 0.0)
    accept = [ends(output[name]) for name in ("accept_lo", "accept_hi")]
    loose = [ends(output[name]) for name in ("loose_lo", "loose_hi")] if "loose_lo" in output else accept
    unsaid = np.array([end is None for end in output["accept_lo"]]) if isinstance(output["accept_lo"], list) else (
        np.isnan(accept[0]))  # fmt: skip
    asked = np.isnan(accept[0]) & ~unsaid  # NaN is required
    right = unsaid | (asked & np.isnan(got)) | ((accept[0] <= got) & (got <= accept[1]))
    right |= np.isnan(got) & output.get("or_nan", False)
    excused = right | ((loose[0] <= got) & (got <= loose[1]))
    ratios = _ratios(output, got, unsaid, right)
    rank = np.where(right, 0, np.where(excused, 1, 2))
    index = int(np.argmax(np.where(rank == rank.max(), ratios, -1.0)))
    worst = float(ratios[index])
    band = ("tight" if worst <= 1 else "ok", "loose", "wrong")[int(rank.max())]
    return Worst(band, worst, index, "", {"got": float(got[index]), "output": output})


def _ratios(output: Mapping[str, Any], got: Any, unsaid: Any, right: Any) -> Any:
    """|got - exact| / bound: at most the limit where it is accepted, above it elsewhere."""
    (lo, lo_rest), (hi, hi_rest) = exact_ends(output["lo"]), exact_ends(output["hi"])
    distance = np.maximum(np.maximum((lo - got) + lo_rest, (got - hi) - hi_rest), 0.0)
    found = np.where(distance == 0, 0.0, distance / ends(output["bound"]))
    found = np.where(np.isnan(found) | ~np.isfinite(got), np.inf, found)
    accepted = np.where(np.isfinite(got), np.minimum(found, LIMIT), 0.0)
    return np.where(unsaid, 0.0, np.where(right, accepted, np.maximum(found, np.nextafter(LIMIT, 3.0))))


def _refused(case: Mapping[str, Any], result: list[Any]) -> Judged:
    """An error or a NaN was required."""
    found = [arrays(output, values) for output, values in zip(case["outputs"], result, strict=True)]
    if any(got is not None and np.isnan(got).any() for got, _ in found):
        return Judged("tight")
    fault = "an error or NaN is required outside the domain; numbers came"
    return deviating(case, Worst("wrong", math.inf, fault=fault), 0)


def _related(case: Mapping[str, Any], found: list[Any]) -> Judged:
    from fiducial.conformance.vectors.related import measured

    shaped = [got.reshape(output["shape"]) for got, output in zip(found, case["outputs"], strict=True)]
    worst, message = measured(case, shaped)
    band = "tight" if worst.ratio <= 1 else "ok" if worst.ratio <= LIMIT else None
    if band is not None:
        return Judged(band, worst.ratio)
    band = "loose" if worst.excused <= LIMIT else "wrong"
    return deviating(case, Worst(band, worst.ratio, fault=message), 0)
