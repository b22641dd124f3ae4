"""Derived systems on disk, under a hash of what they were derived from and of the code that derives.

The file is JSON: a tree of known heads, never evaluated as code. It carries a checksum, is written to a temporary name
and moved into place (so parallel workers see a whole file or none), and is derived again when anything is amiss.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import sympy
from sympy.codegen.cfunctions import expm1, log1p
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from fiducial.spec.language import Expr, Greatest, Share, detached, erfc, logistic
from fiducial.spec.special import erfcx, log_betainc, log_betaincc
from fiducial.spec.system import System

HEADS = {
    head.__name__: head
    for head in (
        sympy.Add, sympy.Mul, sympy.Pow, sympy.exp, sympy.log, sympy.tanh, sympy.erf, erfc, log1p, expm1, logistic,
        detached, sympy.Abs, sympy.sign, sympy.Heaviside, sympy.Max, sympy.Min, sympy.Sum, Greatest, Share,
        sympy.Piecewise, sympy.functions.elementary.piecewise.ExprCondPair, sympy.KroneckerDelta, sympy.Idx,
        sympy.Indexed, sympy.IndexedBase, sympy.Tuple, sympy.And, sympy.Or, sympy.Not, sympy.Eq, sympy.Ne,
        sympy.Gt, sympy.Ge, sympy.Lt, sympy.Le, sympy.Mod, sympy.floor, sympy.loggamma, sympy.erfcinv, erfcx,
        log_betainc, log_betaincc,
    )
}  # fmt: skip
ASSUMPTIONS = ("integer", "positive", "nonnegative", "real")
_memory: dict[str, System] = {}


def directory() -> Path:
    """Where derivations are kept: ``FIDUCIAL_CACHE``, else the user's cache folder."""
    given = os.environ.get("FIDUCIAL_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(given) if given else Path(base) / "fiducial"


def remembered(kind: str, system: System, more: Mapping[str, Expr], derive: Callable[[], System]) -> System:
    """The derived system from memory or disk, or derived now and kept."""
    text = json.dumps([kind, as_data(system), {k: _tree(v) for k, v in more.items()}], sort_keys=True)
    key = hashlib.sha256((_code() + text).encode()).hexdigest()
    if key not in _memory:
        path = directory() / f"{key}.json"
        found = _read(path)
        if found is None:
            found = from_data(as_data(derive()))
            _write(path, found)
        _memory[key] = found
    return _memory[key]


@lru_cache(maxsize=1)
def _code() -> str:
    here = Path(__file__).parent
    sources = [here / name for name in ("calculus.py", "derived.py", "language.py", "system.py", "cache.py")]
    return str(sympy.__version__) + "".join(hashlib.sha256(p.read_bytes()).hexdigest() for p in sources)


def _read(path: Path) -> System | None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["sha256"] != _checksum(path, stored["system"]):
            return None
        return from_data(stored["system"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # absent, cut short or altered: derived again


def _checksum(path: Path, data: Any) -> str:
    # Over the name as well: a whole file in another's place is no answer.
    return hashlib.sha256((path.stem + json.dumps(data, sort_keys=True)).encode()).hexdigest()


def _write(path: Path, system: System) -> None:
    data = as_data(system)
    text = json.dumps({"sha256": _checksum(path, data), "system": data})
    with suppress(OSError):  # a read-only or full disk costs time, not answers
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(name, path)
        except OSError:
            os.unlink(name)


def as_data(system: System) -> dict[str, Any]:
    """The system as JSON data."""
    return {
        "inputs": [_tree(e) for e in system.inputs],
        "equations": [[_tree(k), _tree(v)] for k, v in system.equations.items()],
        "outputs": [_tree(e) for e in system.outputs],
        "constants": sorted(system.constants),
        "shifts": [[_tree(k), _tree(v)] for k, v in system.shifts.items()],
    }


def from_data(data: Mapping[str, Any]) -> System:
    """The system that JSON data describes; raises ValueError for an expression of an unknown kind."""
    return System(
        tuple(map(_expression, data["inputs"])),
        {_expression(k): _expression(v) for k, v in data["equations"]},
        tuple(map(_expression, data["outputs"])),
        frozenset(data["constants"]),
        {_expression(k): _expression(v) for k, v in data["shifts"]},
    )


def _tree(e: Any) -> Any:
    if isinstance(e, sympy.Symbol):
        return ["Symbol", e.name, {a: True for a in ASSUMPTIONS if e.assumptions0.get(a)}]
    if isinstance(e, sympy.Rational):
        return ["Rational", str(e.p), str(e.q)]
    if isinstance(e, BooleanTrue | BooleanFalse):
        return ["Boolean", bool(e)]
    for name, constant in CONSTANTS.items():
        if e is constant:
            return ["Constant", name]
    if type(e).__name__ not in HEADS:
        raise ValueError(f"no way to keep {type(e).__name__}: {e}")
    return [type(e).__name__, *map(_tree, e.args)]


CONSTANTS = {"pi": sympy.pi, "oo": sympy.oo, "-oo": -sympy.oo}


def _expression(tree: Any) -> Any:
    head, *rest = tree
    if head == "Symbol":
        return sympy.Symbol(rest[0], **_plainest(rest[1]))
    if head == "Rational":
        return sympy.Rational(int(rest[0]), int(rest[1]))
    if head == "Boolean":
        return sympy.true if rest[0] else sympy.false
    if head == "Constant":
        return CONSTANTS[rest[0]]
    if head not in HEADS:
        raise ValueError(f"no expression of the kind {head!r} is known")
    return _same(HEADS[head](*map(_expression, rest)))


_seen: dict[Any, Any] = {}


def _same(e: Any) -> Any:
    """One object for equal expressions: whether two are equal is then quickly told."""
    return _seen.setdefault(e, e)


def _plainest(assumptions: Mapping[str, bool]) -> dict[str, bool]:
    """The assumptions that the language's own constructors pass: integers are not also declared real."""
    given = {k: bool(v) for k, v in assumptions.items() if k in ASSUMPTIONS}
    if given.get("positive"):
        given.pop("nonnegative", None)
    if len(given) > 1:
        given.pop("real", None)
    return given
