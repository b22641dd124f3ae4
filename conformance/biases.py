"""Inductive biases: what a layer must not look at, and what it must do alike everywhere; put to its own outputs.

Each bias moves the inputs of a case and says which elements of the outputs are then the same: locality (windows),
translation equivariance, temporal invariance, sequentiality (never a later input), permutation equivariance. The two
outputs may differ by what the error bounds of both allow; a planted error must be seen, or the case is vacuous.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fiducial.conformance import cases
from fiducial.conformance.cases import Case
from fiducial.conformance.examine import Examination, _Recorded
from fiducial.conformance.verdict import LIMIT
from fiducial.spec import oracle
from fiducial.spec.language import indices
from fiducial.spec.operation import ROWS

LEAK = 0.25  # what a case must be able to see: a dependence is no rounding error, and 16-bit bounds are wide
Arrays = list[Any]
Place = tuple[Any, ...]  # an index into an output


@dataclass(frozen=True)
class Moved:
    """Other inputs, and places in the first output: ``after[there]`` must be ``before[here]``."""

    inputs: Arrays
    here: Place
    there: Place


@dataclass(frozen=True)
class Bias:
    """How a case is moved (None where it has nothing to move), the attributes that the property asks for, and how the
    arrays are prepared."""

    move: Callable[[Case, Any], Moved | None]
    fixed: dict[str, Any] = dataclasses.field(default_factory=dict)
    base: Callable[[Arrays], Arrays] = lambda arrays: arrays


def other(a: Any, rng: Any) -> Any:
    """Other numbers of the same kind."""
    return (rng.uniform(0.5, 2.0, a.shape) * rng.choice([-1.0, 1.0], a.shape)).astype(a.dtype)


# --- windows ---


def _per_axis(value: Any, axes: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,) * axes


def _window(case: Case) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Lengths, steps within a window, and strides, for each spatial axis."""
    attributes, arrays = case.passed, case.given
    axes = arrays[0].ndim - 2
    lengths = arrays[1].shape[2:] if len(arrays) > 1 else _per_axis(attributes["kernel_size"], axes)
    strides = _per_axis(lengths if attributes["stride"] is None else attributes["stride"], axes)
    return lengths, _per_axis(attributes.get("dilation", 1), axes), strides


def _locality(case: Case, rng: Any) -> Moved:
    """Everything outside a window becomes something else: the first where there is padding, else the second."""
    x, *rest = case.given
    lengths, steps, strides = _window(case)
    padding = _per_axis(case.passed["padding"], len(lengths))
    spans = [n + 2 * p - d * (r - 1) for n, p, d, r in zip(x.shape[2:], padding, steps, lengths, strict=True)]
    at = tuple(int(span > s and p == 0) for span, s, p in zip(spans, strides, padding, strict=True))
    inside = np.ones(x.shape[2:], dtype=bool)
    for axis, n in enumerate(x.shape[2:]):
        places = strides[axis] * at[axis] - padding[axis] + steps[axis] * np.arange(lengths[axis])
        inside &= np.isin(np.arange(n), places).reshape([-1 if a == axis else 1 for a in range(x.ndim - 2)])
    element = (slice(None), slice(None), *at)
    return Moved([np.where(inside, x, other(x, rng)), *rest], element, element)


def _translation(case: Case, rng: Any) -> Moved:
    """The image moves by one stride along each axis, without padding; something else comes in at the border."""
    x, *rest = case.given
    strides = _window(case)[2]
    moved = other(x, rng)
    kept = tuple(slice(s, None) for s in strides)
    moved[(..., *kept)] = x[(..., *(slice(0, n - s) for n, s in zip(x.shape[2:], strides, strict=True)))]
    last, first = (..., *(slice(None, -1) for _ in strides)), (..., *(slice(1, None) for _ in strides))
    return Moved([moved, *rest], last, first)


# --- time ---


def _sequentiality(case: Case, rng: Any) -> Moved:
    """The inputs from the middle on become something else: the outputs before it are the same."""
    x, *rest = case.given
    x = x.copy()
    half = (x.shape[1] + 1) // 2
    x[:, half:] = other(x[:, half:], rng)
    return Moved([x, *rest], (slice(None), slice(0, half)), (slice(None), slice(0, half)))


def _later(case: Case, rng: Any) -> Moved:
    """From rest, the input comes one step later: so do the outputs."""
    x, *rest = case.given
    later = np.zeros_like(x)
    later[:, 1:] = x[:, :-1]
    return Moved([later, *rest], (slice(None), slice(None, -1)), (slice(None), slice(1, None)))


def _at_rest(arrays: Arrays) -> Arrays:
    """No initial state and no bias: only x and the matrices (of two axes, after the states) stay."""
    x, *rest = arrays
    states = [a for a in rest if a.ndim == 2][:-2]
    return [x, *(np.zeros_like(a) if a.ndim == 1 or any(a is s for s in states) else a for a in rest)]


def _masked(case: Case, rng: Any) -> Moved:
    """The keys and values from the second on become something else: the first query sees none of them."""
    q, *seen = case.given
    changed = [a.copy() for a in seen]
    for a in changed:
        a[..., 1:, :] = other(a[..., 1:, :], rng)
    first = (..., slice(0, 1), slice(None))
    return Moved([q, *changed], first, first)


# --- sets ---


def _rows(case: Case, rng: Any) -> Moved | None:
    """The rows of every input that has the output's first index are exchanged: so are the output's."""
    system = case.call.definition.system
    first = indices(system.outputs[0])[0]
    batched = [bool(indices(x)) and indices(x)[0] == first for x in system.inputs]
    if any(b and a.ndim < len(indices(x)) for a, b, x in zip(case.given, batched, system.inputs, strict=True)):
        return None  # a single row, without an axis for it
    order = np.roll(np.arange(oracle.result_shapes(case.call)[0][0]), 1)
    return Moved([a[order] if b else a for a, b in zip(case.given, batched, strict=True)], (order,), (...,))


def _keys(case: Case, rng: Any) -> Moved:
    """Keys and values come in another order: the output stays."""
    q, k, v = case.given
    order = np.roll(np.arange(k.shape[-2]), 1)
    return Moved([q, k[..., order, :], v[..., order, :]], (...,), (...,))


def _queries(case: Case, rng: Any) -> Moved:
    q, k, v = case.given
    order = np.roll(np.arange(q.shape[-2]), 1)
    return Moved([q[..., order, :], k, v], (..., order, slice(None)), (...,))


BIASES = {
    "locality": Bias(_locality),
    "translation equivariance": Bias(_translation, {"padding": 0}),
    "sequentiality": Bias(_sequentiality),
    "temporal invariance": Bias(_later, base=_at_rest),
    ROWS: Bias(_rows),
    "keys are a set": Bias(_keys, {"causal": False}),
    "permutation equivariance of the queries": Bias(_queries, {"causal": False}),
    "causal sequentiality": Bias(_masked, {"causal": True}),
}


def examine(e: Examination, rng: Any) -> None:
    """Every bias on several structures."""
    for name in e.operation.biases:
        for structure in range(4):
            case = _case(e, name, rng, structure)
            moved = case and BIASES[name].move(case, rng)
            if case and moved:
                with _Recorded(e, case, name):
                    _confirm(e, name, case, moved)


def _case(e: Examination, name: str, rng: Any, structure: int) -> Case | None:
    bias = BIASES[name]
    pick = lambda options: options[structure % len(options)]  # noqa: E731
    shapes, laid = e.operation.layout.draw(pick, e.operation.default_definition())
    chosen = e.settled({**laid, **{n: v for n, v in bias.fixed.items() if n in e.operation.attributes}})
    if any(chosen[n] != v for n, v in bias.fixed.items() if n in chosen):
        return None  # the implementation does not take it
    try:
        case = cases.build(e.operation, e.result.dtype, chosen, shapes, rng, ("one sign", "normal")[structure % 2])
        oracle.result_shapes(case.call)
    except ValueError:
        return None
    arrays = bias.base(list(case.given))
    return cases.case(e.operation, e.result.dtype, chosen, arrays, rng, name)


def _confirm(e: Examination, name: str, case: Case, moved: Moved) -> None:
    call = dataclasses.replace(case.call, arrays=tuple(a if a.dtype.kind in "iu" else a.astype(np.float64)
                                                       for a in moved.inputs))  # fmt: skip
    second = dataclasses.replace(case, call=call, given=tuple(moved.inputs))
    before, after = e.outputs(case)[0], e.outputs(second)[0]
    first, then = (oracle.values(c.call, e.format)[0] for c in (case, second))
    here, there = before[moved.here], after[moved.there]
    if not here.size:
        return
    allowed = LIMIT * (first.bound[moved.here] + then.bound[moved.there])
    allowed = allowed + first.rad[moved.here] + then.rad[moved.there]

    def violation(factor: float) -> float:
        off = np.abs(there * factor - here)
        return float(np.max(np.where(off == 0, 0.0, off / np.maximum(allowed, 1e-300)), initial=0.0))

    worst = violation(1.0)
    e.result.worsen("tight" if worst * LIMIT <= 1 else "ok" if worst <= 1 else "wrong")
    e.result.ratio = max(e.result.ratio or 0.0, worst * LIMIT)
    if not worst <= 1:
        e.fail("wrong", f"{e.operation.name} ({case.dtype}) breaks {name}: moved inputs of shapes "
               f"{[a.shape for a in case.given]} change what must stay, by {worst * LIMIT:.3g} times what the error "
               "bounds allow", cause=f"law: {name} is broken" if name != ROWS else
               "state: rows have to do with one another, or something is kept between calls")  # fmt: skip
    if violation(1 + LEAK) <= 1:
        e.result.vacuous += 1
