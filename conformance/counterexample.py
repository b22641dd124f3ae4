"""A failure teaches: the case, what came, the enclosure, the bound and its formula, and how to reproduce it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np

from fiducial.conformance.cases import Case, element
from fiducial.conformance.subject import REFERENCE, Subject
from fiducial.conformance.verdict import LIMIT, Verdict
from fiducial.spec.language import name_of
from fiducial.spec.oracle import Answer
from fiducial.spec.render import equations

SHOWN = 256  # numbers of an array that the JSON holds


def described(
    subject: Subject, case: Case, level: str, what: str, k: int, verdict: Verdict | None, got: Any,
    answer: Answer | None, fault: str = "", options: str = "",
) -> dict[str, Any]:  # fmt: skip
    """The counterexample as data; ``message`` is its text."""
    shown: dict[str, Any] = {
        "what": what,
        "label": case.label,
        **_arrays(case, what),
        "attributes": {n: _plain(v) for n, v in case.passed.items()},
        "reproduce": reproduction(subject, case, level) + options,
    }
    if verdict is None or answer is None:
        shown["message"] = fault
        return shown
    at = verdict.index
    if any(a.size > SHOWN for a in case.given):
        for part in element(case, at):
            shown["element"] = _arrays(part, what)
    shown |= {
        "output": k,
        "index": list(at),
        "got": number(got[at]),
        "enclosure": enclosure(answer, at),
        "bound": number(answer.bound[at]),
        "formula": f"running error bound of the stable form at u({case.dtype}); accepted up to {LIMIT:g} times",
        "equations": equations(case.call.definition.stable),
        "ratio": number(verdict.ratio),
    }
    shown["message"] = _text(case, what, k, verdict, shown)
    return shown


def _arrays(case: Case, what: str) -> dict[str, Any]:
    names = [name_of(x) for x in case.call.definition.system.inputs]
    found: dict[str, Any] = {
        "inputs": {n: _array(a) for n, a in zip(names, case.given, strict=True)},
        "cotangents": [_array(c) for c in case.cotangents] if what != "value" else [],
    }
    return found | ({"directions": [_array(d) for d in case.directions]} if what == "second order" else {})


def enclosure(answer: Answer, at: tuple[int, ...]) -> dict[str, Any]:
    """The exact value's enclosure, as text with all of its digits, and as a midpoint with a radius."""
    mid, rest, rad = (float(part[at]) for part in (answer.mid, answer.rest, answer.rad))
    return {"mid": number(mid), "rest": number(rest), "rad": number(rad)}


def _text(case: Case, what: str, k: int, verdict: Verdict, shown: dict[str, Any]) -> str:
    where = f"[{', '.join(map(str, shown['index']))}]" if shown["index"] else ""
    name = case.operation.name
    if what != "value":
        name = f"{what} {k} of {name}"
    call = ", ".join(f"{n}={v!r}" for n, v in shown["attributes"].items())
    exact = shown["enclosure"]
    return "\n".join(
        [
            f"{name} ({case.dtype}) is {verdict.band}: ratio {verdict.ratio:.3g} of the derived bound"
            f" (accepted up to {LIMIT:g})",
            f"  element {where or 'the number itself'}: got {shown['got']}, exact {exact['mid']}"
            f" (+- {exact['rad']:.1e}), bound {shown['bound']:.3g}"
            if isinstance(exact["rad"], float) and isinstance(shown["bound"], float)
            else f"  element {where}: got {shown['got']}, exact {exact['mid']}",
            *(f"  {n} = {short(a)}" for n, a in shown["inputs"].items()),
            *(f"  cotangent = {short(c)}" for c in shown["cotangents"]),
            *(f"  direction = {short(d)}" for d in shown.get("directions", [])),
            *(f"  there, {n} = {short(a)}" for n, a in shown.get("element", {}).get("inputs", {}).items()),
            f"  attributes: {call or 'none'}",
            f"  reproduce: {shown['reproduce']}",
        ]
    )


def reproduction(subject: Subject, case: Case, level: str) -> str:
    """One command that meets the case again."""
    source = f" {shlex.quote(subject.source or subject.name)}" if subject.name != REFERENCE else ""
    return f"fiducial check{source} --only {case.operation.name} --level '{level}' --dtype {case.dtype}"


def _array(a: Any) -> dict[str, Any]:
    a = np.asarray(a)
    flat = [number(v) for v in a.reshape(-1)[:SHOWN].astype(np.float64)]
    hexadecimal = [float(v).hex() for v in a.reshape(-1)[:SHOWN].astype(np.float64)]
    return {"shape": list(a.shape), "dtype": str(a.dtype), "values": flat, "hex": hexadecimal, "of": int(a.size)}


def short(shown: Mapping[str, Any]) -> str:
    """An array as text: its dtype, its shape and the first of its numbers."""
    values = ", ".join(f"{v:.9g}" if isinstance(v, float) else str(v) for v in shown["values"][:8])
    more = f", ... ({shown['of']} in all)" if shown["of"] > 8 else ""
    return f"{shown['dtype']}{tuple(shown['shape'])} [{values}{more}]"


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return number(value)
    return list(value) if isinstance(value, tuple) else value


def number(value: Any) -> float | str:
    """JSON has no infinities or NaN: they are text."""
    plain = float(value)
    return plain if np.isfinite(plain) else str(plain)
