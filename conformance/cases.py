"""Inputs: never neutral. Every array here is drawn from an operation's own domains, shapes and attributes.

Data are drawn in float64 and rounded to the dtype, so that they are exactly what the subject sees.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sympy import Symbol

from fiducial.conformance import matrices
from fiducial.conformance.subject import DTYPES
from fiducial.spec.formats import FORMATS
from fiducial.spec.language import indices, name_of, size_of
from fiducial.spec.layouts import Broadcast, Elementwise, Over
from fiducial.spec.operation import Definition, Domain, Operation
from fiducial.spec.oracle import Call, result_shapes

Pick = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True)
class Case:
    """A call with arrays in the subject's dtype, cotangents for its gradients, and directions for its second order."""

    call: Call
    given: tuple[Any, ...]
    dtype: str
    cotangents: tuple[Any, ...] = ()
    label: str = ""
    passed: dict[str, Any] = field(default_factory=dict)
    directions: tuple[Any, ...] = ()

    @property
    def operation(self) -> Operation:
        return self.call.operation

    @property
    def arguments(self) -> list[Any]:
        """What the implementation is called with: one list, or the arrays, with None for those that this form lacks.

        An integer that is no array (a size) is passed as a Python int.
        """
        if self.operation.layout.listed:
            return [list(self.given)]
        missing = len(self.operation.default_definition().system.inputs) - len(self.given)
        return [int(a) if a.ndim == 0 and _is_size(self.operation) else a for a in self.given] + [None] * missing


def _is_size(operation: Operation) -> bool:
    return not any(map(indices, operation.default_definition().system.inputs))


# --- data ---


def _normal(rng: Any, shape: tuple[int, ...], scale: float) -> Any:
    return rng.normal(0.3, 1.7, shape)


def _one_sign(rng: Any, shape: tuple[int, ...], scale: float) -> Any:
    # Sums of one sign have the sharpest bounds: a 1 % error cannot hide in them.
    return rng.uniform(0.5, 2.0, shape)


def _spread(rng: Any, shape: tuple[int, ...], scale: float) -> Any:
    # In float16 less far, so that no order of operations comes near an overflow.
    low, high = (-3, 1.2) if scale > 10 else (-1, 1)
    return rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(low, high, shape)


def _tails(rng: Any, shape: tuple[int, ...], scale: float) -> Any:
    return rng.uniform(-scale, scale, shape)


FLAVOURS = {"normal": _normal, "one sign": _one_sign, "spread": _spread, "tails": _tails}
TAIL = {"float64": 700.0, "float32": 85.0, "bfloat16": 85.0, "float16": 9.0}


def data(rng: Any, domain: Domain, shape: tuple[int, ...], dtype: str, flavour: str, sizes: dict[str, int]) -> Any:
    """An array of a domain's elements, in the dtype (or integers)."""
    if domain.below is not None:
        return rng.integers(int(domain.low), sizes.get(domain.below) or int(domain.below), shape)
    if domain.whole:
        drawn = _whole(rng, domain, shape, dtype, flavour)
    elif (domain.low, domain.high) == (0.0, 1.0):
        drawn = _probabilities(rng, shape, flavour, max(domain.least, FORMATS[dtype].normal))
    elif domain.low == 0.0 and domain.strict:
        wide = flavour in ("spread", "tails")
        drawn = 10.0 ** rng.uniform(-1.2, 0.5, shape) if wide else rng.uniform(0.5, 2.0, shape)
    elif domain.low == 0.0:
        drawn = _targets(rng, shape, flavour)
    else:
        drawn = domain.scale * FLAVOURS[flavour](rng, shape, TAIL[dtype])
        drawn = np.minimum(np.maximum(drawn, domain.low), domain.high)
        if domain.high <= 0:
            drawn = -np.abs(FLAVOURS[flavour](rng, shape, TAIL[dtype])) - 0.01
    if domain.matrix:
        drawn = matrices.drawn(rng, domain.matrix, drawn)
    return np.asarray(drawn).astype(DTYPES[dtype])


def _whole(rng: Any, domain: Domain, shape: tuple[int, ...], dtype: str, flavour: str) -> Any:
    """Counts: few where bounds are to be sharp (and in 16-bit formats), up to ``scale`` in the tails of float64.

    A domain that begins at -1 reaches one beyond its support on both sides: what is there is a special value.
    """
    if np.isfinite(domain.high) or domain.scale == 1:
        beyond = int(domain.low < 0)
        return rng.integers(int(domain.low) + beyond, int(min(domain.high, 4)) - beyond + 1, shape)
    few = flavour == "one sign" or dtype in ("float16", "bfloat16")
    most = 4.0 if few else 20.0 if flavour == "normal" else domain.scale if dtype == "float64" else 1e3
    return np.floor(10.0 ** rng.uniform(0, np.log10(most + 1), shape))


def _upto(rng: Any, most: Any, shape: tuple[int, ...]) -> Any:
    """Whole numbers up to ``most`` as it broadcasts."""
    full = np.broadcast_shapes(shape, most.shape)
    lead = len(full) - len(shape)
    axes = (*range(lead), *(lead + a for a, n in enumerate(shape) if n == 1 and full[lead + a] != 1))
    top = np.broadcast_to(most, full).min(axis=axes, initial=np.inf).reshape(shape)
    top = np.where(np.isinf(top), 0.0, top)  # of nothing
    return np.floor(rng.uniform(-0.05, 1.05, shape) * (top + 1)).clip(0, top)


def _probabilities(rng: Any, shape: tuple[int, ...], flavour: str, least: float) -> Any:
    if flavour in ("normal", "one sign"):
        return rng.uniform(0.08, 0.85, shape)
    small, near_one = 10.0 ** rng.uniform(np.log10(least), -0.5, shape), 1 - 10.0 ** rng.uniform(-3, -0.5, shape)
    return np.where(rng.random(shape) < 0.5, small, near_one)


def _targets(rng: Any, shape: tuple[int, ...], flavour: str) -> Any:
    """Soft targets whose rows do not sum to one; one-hot rows in the tails."""
    if flavour == "tails" and len(shape) == 2 and shape[1]:
        return np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
    return rng.uniform(0.06, 1.3, shape)


def cotangent(rng: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Never ones: a cotangent that is ignored, or taken as one number, is seen."""
    return np.asarray(rng.uniform(0.4, 2.2, shape) * rng.choice([-1.0, 1.0], shape)).astype(DTYPES[dtype])


# --- whole cases ---


Settle = Callable[[dict[str, Any]], dict[str, Any]]


def draw(
    operation: Operation, dtype: str, pick: Pick, rng: Any, settled: Settle,
    flavour: str | None = None, large: bool = False,
) -> Case:  # fmt: skip
    """One case: attributes, shapes and data. ``settled`` replaces attributes by what the subject takes."""
    chosen = settled({n: pick((a.default, *a.examples)) for n, a in operation.attributes.items() if a.kind != "layout"})
    definition = operation.definition(chosen)
    shapes, laid = operation.layout.volume(definition) if large else operation.layout.draw(pick, definition)
    return build(operation, dtype, settled({**chosen, **laid}), shapes, rng, flavour or pick(tuple(FLAVOURS)))


def build(
    operation: Operation, dtype: str, chosen: dict[str, Any], shapes: Sequence[tuple[int, ...]], rng: Any, flavour: str
) -> Case:
    """The case with these attributes and shapes."""
    definition = operation.definition(chosen)
    sizes = _sizes(operation, definition, shapes, chosen)
    names = [name_of(lhs) for lhs in definition.system.inputs]
    shape_of = {name: tuple(shape) for name, shape in zip(names, shapes, strict=True)}
    given: dict[str, Any] = {}
    for name in sorted(names, key=lambda name: definition.domains[name].upto is not None):  # what bounds comes first
        domain = definition.domains[name]
        if domain.upto is None:
            given[name] = data(rng, domain, shape_of[name], dtype, flavour, sizes)
        else:
            most = given[domain.upto].astype(np.float64)
            given[name] = _upto(rng, most, shape_of[name]).astype(DTYPES[dtype])
    return case(operation, dtype, chosen, [given[name] for name in names], rng, flavour)


def case(operation: Operation, dtype: str, chosen: dict[str, Any], given: Sequence[Any], rng: Any, label: str) -> Case:
    """The case with these arrays; cotangents and directions are drawn."""
    definition = operation.definition(chosen)
    passed = {
        n: chosen[n] if _used(operation, definition, n) else operation.attributes[n].default for n in operation.passed
    }
    call = Call(operation, tuple(a if a.dtype.kind in "iu" else a.astype(np.float64) for a in given), passed)
    if not call.definition.system.differentiable:
        return Case(call, tuple(given), dtype, (), label, passed)
    seeds = tuple(cotangent(rng, shape, dtype) for shape in result_shapes(call))
    return Case(call, tuple(given), dtype, seeds, label, passed, _directions(definition, given, dtype))


def _directions(definition: Definition, given: Sequence[Any], dtype: str) -> tuple[Any, ...]:
    """One for each differentiable input."""
    rng = np.random.default_rng(7)
    differentiable = {name_of(x) for x in definition.system.differentiable}
    names = [name_of(x) for x in definition.system.inputs]
    return tuple(cotangent(rng, a.shape, dtype) for n, a in zip(names, given, strict=True) if n in differentiable)


def _used(operation: Operation, definition: Definition, name: str) -> bool:
    """Whether an attribute means anything in this definition (an ignored label does not, where targets are floats)."""
    if operation.attributes[name].kind != "number":
        return True
    return any(s.name == name for e in definition.system.equations.values() for s in e.atoms(Symbol))


def _sizes(
    operation: Operation, definition: Definition, shapes: Sequence[tuple[int, ...]], chosen: dict[str, Any]
) -> dict[str, int]:
    """The sizes that bound integer inputs: a table's rows, a logit's classes, an attribute."""
    sizes = {n: int(v) for n, v in chosen.items() if operation.attributes[n].kind == "count"}
    positions = operation.layout.inputs([np.empty(shape, dtype=bool) for shape in shapes], chosen)
    for lhs, shape in zip(definition.system.inputs, [a.shape for a in positions], strict=True):
        if len(indices(lhs)) == len(shape):
            sizes |= {size_of(i): n for i, n in zip(indices(lhs), shape, strict=True)}
    return sizes


def possible(operation: Operation, chosen: dict[str, Any], shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether every size that follows from these shapes is at least 1."""
    definition = operation.definition(chosen)
    sizes = _sizes(operation, definition, shapes, chosen) | operation.layout.integers(chosen)
    return all(n > 0 for n in definition.derived_sizes(sizes).values())


def alone(case: Case, index: tuple[int, ...]) -> list[Case]:
    """The case cut down to the element (or the row) that an index of its result or gradient names, where it can be."""
    layout, shape = case.operation.layout, case.given[0].shape
    if any(a.shape != shape for a in case.given):
        return []
    if isinstance(layout, Over) and case.passed.get("axis") == -1 and index:
        rows = slice(index[0], index[0] + 1)
    elif isinstance(layout, Elementwise | Broadcast) and len(shape) == len(index) == 1:
        rows = slice(index[0], index[0] + 1)
    else:
        return []
    given = tuple(a[rows] for a in case.given)
    seeds = tuple(c[rows] if c.ndim else c for c in case.cotangents)
    call = dataclasses.replace(case.call, arrays=tuple(a[rows] for a in case.call.arrays))
    along = tuple(d[rows] for d in case.directions)
    return [dataclasses.replace(case, call=call, given=given, cotangents=seeds, directions=along)]


def element(case: Case, index: tuple[int, ...]) -> list[Case]:
    """The same, where nothing else has a part in that element: not where all are added up to one number."""
    first = case.given[0].shape
    apart = all(shape[:1] == first[:1] for shape in result_shapes(case.call))
    return alone(case, index) if apart and (len(first) > 1 or not isinstance(case.operation.layout, Over)) else []


@np.errstate(invalid="ignore")
def flushed(case: Case) -> Case:
    """The case with 0 for subnormal numbers, as an implementation that flushes them sees it."""
    least = FORMATS[case.dtype].normal

    def of(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        small = [(np.abs(a) < least) & (a != 0) for a in arrays]
        return tuple(np.where(s, 0 * a, a) if np.any(s) else a for s, a in zip(small, arrays, strict=True))

    call = dataclasses.replace(case.call, arrays=of(case.call.arrays))
    return dataclasses.replace(case, call=call, given=of(case.given), cotangents=of(case.cotangents))


def all_numbers(dtype: str) -> Any:
    """Every finite number of a 16-bit format."""
    numbers = np.arange(65536, dtype=np.uint16).view(DTYPES[dtype])
    with np.errstate(invalid="ignore"):  # signalling NaNs are among them
        return numbers[np.isfinite(numbers.astype(np.float64))]
