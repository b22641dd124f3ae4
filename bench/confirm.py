"""Meets every deviation of a scoreboard again: the exact value by another way, and the library's own answer.

    python bench/confirm.py docs/scoreboard.json [--confirmed docs/confirmed.json] [--run NAME]

The exact value comes from a textbook's formula in mpmath with 600 digits, derivatives from differences; it has to lie
in the enclosure that the scoreboard holds. Where a deviation has no such number (a crash, a wrong shape, a NaN that is
lost, an orthogonality), an entry of the file of those confirmed by hand is required. With ``--run NAME`` the subject of
that name is called at each of its inputs, and what comes has to be what is listed. Exit status 1 where one is not met.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from confirm import networks, statistics
from confirm.numbers import INFINITE, exact, gradient, mp, mpf, second

from fiducial.conformance.subject import load
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.language import name_of

RELATIVE, LEAST = mpf(10) ** -25, mpf(10) ** -330  # of the differences; below the subnormal numbers


def formula(operation: str) -> Callable[..., Any] | None:
    """The textbook's formula of an operation, where there is one here."""
    return getattr(networks, operation, None) or getattr(statistics, operation, None)


@dataclass
class Deviation:
    """One of a scoreboard, with its numbers."""

    data: dict[str, Any]

    @property
    def title(self) -> str:
        d = self.data
        return f"{d['implementation']}: {d['operation']} ({d['outcome']}; {', '.join(d['levels'])}; {d['dtype']})"

    @property
    def part(self) -> dict[str, Any]:
        """What the number that is wrong was computed from: everything, or an element or a row of it."""
        return self.data.get("element", self.data)  # type: ignore[no-any-return]

    @property
    def index(self) -> tuple[int, ...]:
        """Where that number stands in it."""
        at = tuple(self.data["index"])
        return (0, *at[1:]) if "element" in self.data else at

    @property
    def numeric(self) -> bool:
        """Whether it tells its whole input, and one number that is wrong."""
        arrays = [*self.part.get("inputs", {}).values(), *self.part.get("cotangents", [])]
        return "enclosure" in self.data and all(a["of"] == len(a["values"]) for a in arrays)

    def given(self) -> list[Any]:
        return [exact(a["values"], tuple(a["shape"])) for a in self.part["inputs"].values()]

    def exact(self) -> Iterator[tuple[int, Any]]:
        """The exact value, of each output or gradient that could be meant, with its position."""
        function, inputs = formula(self.data["operation"]), self.given()
        assert function is not None
        call = lambda *arrays: _tuple(function(*arrays, **self.data["attributes"]))  # noqa: E731
        index = self.index
        if self.data["what"] == "value":
            outputs = call(*inputs)
            yield from ((k, outputs[k][index]) for k in self._meant(len(outputs)) if _holds(outputs[k], index))
            return
        seeds = [exact(c["values"], tuple(c["shape"])) for c in self.part["cotangents"]]
        weighed = lambda *arrays: sum(np.sum(c * o) for c, o in zip(seeds, call(*arrays), strict=True))  # noqa: E731
        places = self._differentiable()
        meant = [k for k in self._meant(len(places)) if _holds(inputs[places[k]], index)]
        if self.data["what"] == "gradient":
            yield from ((k, gradient(weighed, inputs, places[k], index)) for k in meant)
            return
        told = [exact(d["values"], tuple(d["shape"])) for d in self.part["directions"]]
        along = dict(zip(places, told, strict=True))
        yield from ((k, second(weighed, inputs, along, places[k], index)) for k in meant)

    def _meant(self, count: int) -> range | list[int]:
        return [self.data["output"]] if "output" in self.data else range(count)

    def _differentiable(self) -> list[int]:
        names = [name_of(x) for x in CATALOGUE[self.data["operation"]].default_definition().system.differentiable]
        inputs = self.part["inputs"].items()
        return [k for k, (name, a) in enumerate(inputs) if name in names and "int" not in a["dtype"]]

    def met(self) -> int | None:
        """Which output or gradient it is, whose exact value lies in the enclosure; None where it does not."""
        return next((k for k, value in self.exact() if self._agrees(value)), None)

    def _agrees(self, value: Any) -> bool:
        mid, rest, rad = (self.data["enclosure"][k] for k in ("mid", "rest", "rad"))
        if not np.isfinite(float(mid)):
            return abs(value) >= mp.sqrt(INFINITE) and (value > 0) == (float(mid) > 0)
        room = mpf(float(rad)) + RELATIVE * abs(value) + LEAST
        # An input that stands for infinity leaves a limit to within one over it.
        room += 1 / mp.sqrt(INFINITE) if self._infinite() else 0
        return bool(abs(value - mpf(mid) - mpf(float(rest))) <= room)

    def _infinite(self) -> bool:
        return any(not np.isfinite(float(v)) for a in self.part["inputs"].values() for v in a["values"])

    def again(self, subject: Any, output: int) -> float:
        """What the subject's function returns at this input."""
        name, what = self.data["operation"], self.data["what"]
        arrays = [_array(a) for a in self.data["inputs"].values()]
        takes = subject.accepts(name)
        keywords = {k: _plain(v) for k, v in self.data["attributes"].items() if takes(k)}
        own: list[Any] = [subject.asarray(a) for a in arrays]
        if what == "value":
            function: Any = getattr(subject.target, name)
        else:
            function = subject.gradient_of(name) if what == "gradient" else subject.second_order_of(name)
            more = [self.data["cotangents"]] + ([self.data["directions"]] if what == "second order" else [])
            own = [*(_single([subject.asarray(_array(a)) for a in group]) for group in more), *own]
        found = _tuple(function(*own, **keywords))
        return float(np.asarray(subject.to_numpy(found[output]))[tuple(self.data["index"])])


def _tuple(value: Any) -> tuple[Any, ...]:
    parts = tuple(value) if isinstance(value, tuple | list) else (value,)
    return tuple(np.asarray(p, dtype=object) if isinstance(p, mpf) else p for p in parts)


def _single(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else tuple(parts)


def _holds(array: Any, index: tuple[int, ...]) -> bool:
    return len(index) == array.ndim and all(i < n for i, n in zip(index, array.shape, strict=True))


def _array(a: dict[str, Any]) -> Any:
    dtype = ml_dtypes.bfloat16 if a["dtype"] == "bfloat16" else a["dtype"]
    return np.array([float(v) for v in a["values"]]).astype(dtype).reshape(a["shape"])


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else float("inf") if value == "inf" else value


def by_hand(deviation: Deviation, entries: list[dict[str, Any]]) -> bool:
    """Whether the file of those confirmed by hand has this operation of this implementation, with this outcome."""
    d = deviation.data
    return any(
        d["implementation"].split()[0] == e["framework"]
        and d["operation"] in e["operation"].split(", ")
        and d["outcome"] == e["outcome"]
        for e in entries
    )


def main() -> int:
    """Confirms, and prints what could not be met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("board", type=Path)
    parser.add_argument("--confirmed", type=Path, default=Path(__file__).parent.parent / "docs" / "confirmed.json")
    parser.add_argument("--run", metavar="NAME", help="call this subject, too, at the inputs of its deviations")
    options = parser.parse_args()
    deviations = [Deviation(d) for d in json.loads(options.board.read_text())["deviations"]]
    entries = json.loads(options.confirmed.read_text())
    if options.run:
        return _run_again(options.run, [d for d in deviations if d.data["implementation"].split()[0] == options.run])
    ways = [(how(d, entries), d) for d in deviations]
    for d in (d for way, d in ways if way == "not met"):
        print(f"not met: {d.title}: {d.data['reason']}")
    counts = Counter(way for way, _ in ways)
    print(f"{len(deviations)} deviations: " + ", ".join(f"{n} {way}" for way, n in counts.items()))
    return int(counts["not met"] > 0)


def how(d: Deviation, entries: list[dict[str, Any]]) -> str:
    """The way in which a deviation is met, in words."""
    if d.numeric and formula(d.data["operation"]) is not None:
        return "not met" if d.met() is None else "by formula"
    return "by hand" if by_hand(d, entries) else "not met"


def _run_again(name: str, deviations: list[Deviation]) -> int:
    subject = load(name)
    whole = [d for d in deviations if d.numeric and "element" not in d.data]
    met = [(d, k) for d in whole if (k := d.met()) is not None]
    found = [(d, d.again(subject, k), float(d.data["got"])) for d, k in met]
    other = [(d, got, listed) for d, got, listed in found if not np.array_equal(got, listed, equal_nan=True)]
    for d, got, listed in other:
        print(f"another answer: {d.title}: {got!r}, listed {listed!r}")
    print(f"{len(met)} deviations of {subject.name} with numbers: {len(other)} with another answer here")
    return int(bool(other))


if __name__ == "__main__":
    sys.exit(main())
