"""Inductive biases: what a layer must not look at, and what it must do alike everywhere; put to its own outputs.

Each bias moves the inputs of a case and says which elements of the outputs are then the same: locality (windows),
translation equivariance, temporal invariance, sequentiality (never a later input), permutation equivariance. The two
outputs may differ by what the error bounds of both allow; a planted error must be seen, or the case is vacuous.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fiducial.conformance import cases
from fiducial.conformance.cases import Case
from fiducial.conformance.examine import Examination, _Recorded
from fiducial.conformance.verdict import LIMIT, planted_error
from fiducial.spec import oracle
from fiducial.spec.operation import Operation

Arrays = list[Any]
Place = tuple[Any, ...]  # an index into an output


@dataclass(frozen=True)
class Moved:
    """Other inputs, and places in the first output: ``after[there]`` must be ``before[here]``."""

    inputs: Arrays
    here: Place
    there: Place


Move = Callable[[Arrays, dict[str, Any], Any], Moved | None]  # None: these arrays have nothing to move


@dataclass(frozen=True)
class Bias:
    """A property by name; ``move`` gets the arrays, the attributes and a generator. ``base`` prepares the arrays."""

    name: str
    move: Move
    fixed: dict[str, Any] = dataclasses.field(default_factory=dict)
    base: Callable[[Arrays], Arrays] = lambda arrays: arrays


def other(a: Any, rng: Any) -> Any:
    """Other numbers of the same kind."""
    return (rng.uniform(0.5, 2.0, a.shape) * rng.choice([-1.0, 1.0], a.shape)).astype(a.dtype)


# --- windows ---


def _per_axis(value: Any, axes: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,) * axes


def _window(arrays: Arrays, attributes: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Lengths, steps within a window, and strides, for each spatial axis."""
    axes = arrays[0].ndim - 2
    lengths = arrays[1].shape[2:] if len(arrays) > 1 else _per_axis(attributes["kernel_size"], axes)
    strides = _per_axis(lengths if attributes["stride"] is None else attributes["stride"], axes)
    return lengths, _per_axis(attributes.get("dilation", 1), axes), strides


def _locality(arrays: Arrays, attributes: dict[str, Any], rng: Any) -> Moved:
    """Everything outside the second window (the first, where there is one) becomes something else."""
    x = arrays[0]
    lengths, steps, strides = _window(arrays, attributes)
    padding = _per_axis(attributes["padding"], len(lengths))
    spans = [n + 2 * p - d * (r - 1) for n, p, d, r in zip(x.shape[2:], padding, steps, lengths, strict=True)]
    at = tuple(int(span > s) for span, s in zip(spans, strides, strict=True))
    inside = np.ones(x.shape[2:], dtype=bool)
    for axis, n in enumerate(x.shape[2:]):
        places = strides[axis] * at[axis] - padding[axis] + steps[axis] * np.arange(lengths[axis])
        inside &= np.isin(np.arange(n), places).reshape([-1 if a == axis else 1 for a in range(x.ndim - 2)])
    element = (slice(None), slice(None), *at)
    return Moved([np.where(inside, x, other(x, rng)), *arrays[1:]], element, element)


def _translation(arrays: Arrays, attributes: dict[str, Any], rng: Any) -> Moved:
    """The image moves by one stride along each axis, without padding; something else comes in at the border."""
    x = arrays[0]
    strides = _window(arrays, attributes)[2]
    moved = other(x, rng)
    kept = tuple(slice(s, None) for s in strides)
    moved[(..., *kept)] = x[(..., *(slice(0, n - s) for n, s in zip(x.shape[2:], strides, strict=True)))]
    last, first = (..., *(slice(None, -1) for _ in strides)), (..., *(slice(1, None) for _ in strides))
    return Moved([moved, *arrays[1:]], last, first)


# --- time ---


def _sequentiality(arrays: Arrays, attributes: dict[str, Any], rng: Any) -> Moved:
    """The inputs from the middle on become something else: the outputs before it are the same."""
    x = arrays[0].copy()
    half = (x.shape[1] + 1) // 2
    x[:, half:] = other(x[:, half:], rng)
    return Moved([x, *arrays[1:]], (slice(None), slice(0, half)), (slice(None), slice(0, half)))


def _later(arrays: Arrays, attributes: dict[str, Any], rng: Any) -> Moved:
    """From rest, the input comes one step later: so do the outputs."""
    x = np.zeros_like(arrays[0])
    x[:, 1:] = arrays[0][:, :-1]
    return Moved([x, *arrays[1:]], (slice(None), slice(None, -1)), (slice(None), slice(1, None)))


def _at_rest(arrays: Arrays) -> Arrays:
    """No initial state and no bias: only x and the matrices (of two axes, after the states) stay."""
    x, *rest = arrays
    states = [a for a in rest if a.ndim == 2][:-2]
    return [x, *(np.zeros_like(a) if a.ndim == 1 or any(a is s for s in states) else a for a in rest)]


def _masked(arrays: Arrays, attributes: dict[str, Any], rng: Any) -> Moved:
    """The keys and values from the second on become something else: the first query sees none of them."""
    q, *seen = arrays
    changed = [a.copy() for a in seen]
    for a in changed:
        a[..., 1:, :] = other(a[..., 1:, :], rng)
    first = (..., slice(0, 1), slice(None))
    return Moved([q, *changed], first, first)


# --- sets ---


def _rows(axis: int = 0, inputs: Sequence[int] = (0,), back: bool = True) -> Move:
    """The rows of some inputs are exchanged: those of the output too, or (``back`` False) it stays as it is."""

    def move(arrays: Arrays, attributes: dict[str, Any], rng: Any) -> Moved | None:
        if arrays[inputs[0]].ndim <= (arrays[0].ndim == 1):
            return None  # a single row
        order = np.roll(np.arange(arrays[inputs[0]].shape[axis]), 1)
        moved = [np.take(a, order, axis=axis) if k in inputs else a for k, a in enumerate(arrays)]
        here = (slice(None),) * (axis % arrays[0].ndim) + (order,) if back else (...,)
        return Moved(moved, here, (...,))

    return move


def _sequences(arrays: Arrays, attributes: dict[str, Any], rng: Any) -> Moved | None:
    """Sequences are exchanged with their initial states; the two matrices stay."""
    states = sum(a.ndim == 2 for a in arrays[1:]) - 2
    return _rows(0, range(1 + states))(arrays, attributes, rng)


WINDOWS = [
    Bias("locality", _locality),
    Bias("translation equivariance", _translation, {"padding": 0}),
    Bias("permutation equivariance over the batch", _rows()),
]
STEPS = [
    Bias("sequentiality", _sequentiality),
    Bias("temporal invariance", _later, base=_at_rest),
    Bias("permutation equivariance over the batch", _sequences),
]
BIASES: dict[str, list[Bias]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "max_pool2d", "avg_pool2d"), WINDOWS),
    **dict.fromkeys(("rnn", "lstm", "gru"), STEPS),
    **dict.fromkeys(("affine", "batch_norm", "layer_norm", "rms_norm"), [
        Bias("permutation equivariance over the batch", _rows())]),
    "embedding": [Bias("the same vector for a word, wherever it stands", _rows(0, (1,)))],
    "scaled_dot_product_attention": [
        Bias("keys and values are a set", _rows(-2, (1, 2), back=False), {"causal": False}),
        Bias("permutation equivariance of the queries", _rows(-2, (0,)), {"causal": False}),
        Bias("sequentiality of the causal mask", _masked, {"causal": True}),
    ],
}  # fmt: skip


def of(operation: Operation) -> list[Bias]:
    """The biases of an operation."""
    return BIASES.get(operation.name, [])


def examine(e: Examination, rng: Any) -> None:
    """Every bias on several structures."""
    for bias in of(e.operation):
        for structure in range(4):
            case = _case(e, bias, rng, structure)
            if case is not None:
                with _Recorded(e, case, bias.name):
                    _confirm(e, bias, case, rng)


def _case(e: Examination, bias: Bias, rng: Any, structure: int) -> Case | None:
    pick = lambda options: options[structure % len(options)]  # noqa: E731
    shapes, laid = e.operation.layout.draw(pick, e.operation.default_definition())
    chosen = e.settled({**laid, **{n: v for n, v in bias.fixed.items() if n in e.operation.attributes}})
    if any(chosen[n] != v for n, v in bias.fixed.items() if n in chosen):
        return None  # the implementation does not take it
    try:
        case = cases.build(e.operation, e.result.dtype, chosen, shapes, rng, "normal")
        oracle.result_shapes(case.call)
    except ValueError:
        return None
    arrays = bias.base(list(case.given))
    return cases.case(e.operation, e.result.dtype, chosen, arrays, rng, bias.name)


def _confirm(e: Examination, bias: Bias, case: Case, rng: Any) -> None:
    moved = bias.move(list(case.given), case.passed, rng)
    if moved is None:
        return
    second = cases.case(e.operation, case.dtype, e.settled(case.passed), moved.inputs, rng, f"{bias.name}, moved")
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
        e.fail("wrong", f"{e.operation.name} ({case.dtype}) breaks {bias.name}: moved inputs of shapes "
               f"{[a.shape for a in case.given]} change what must stay, by {worst * LIMIT:.3g} times what the error "
               "bounds allow")  # fmt: skip
    if violation(1 + planted_error(e.format)) <= 1:
        e.result.vacuous += 1
