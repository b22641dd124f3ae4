"""Relations: answers that are right when they satisfy equations, whichever of several right answers they are.

A decomposition is judged by residuals that are evaluated exactly (in Arb, from the numbers that came) and normalised by
norm, size and unit roundoff, as LAPACK's own tests are; and against enclosures of what is unique in it (eigenvalues,
invariant subspaces). With ulp = 2 u, LAPACK accepts ``error <= threshold * ulp * scale``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb

from fiducial.spec.evaluate import evaluate
from fiducial.spec.language import Expr, at, indices, name_of, scalar
from fiducial.spec.numbers.objects import ArbArray, ArbNumbers
from fiducial.spec.system import System

BITS = 400


@dataclass(frozen=True, eq=False)
class Residual:
    """A test written as expressions in the inputs, the outputs and the relation's equations.

    ``lost`` is the threshold of an algorithm that is known to be less accurate: what stays within it is loose.
    """

    name: str
    error: Expr
    scale: Expr
    threshold: float
    lost: float = 0.0


Pairs = Sequence[tuple[arb, arb]]  # errors, each with its scale


@dataclass(frozen=True, eq=False)
class Certified:
    """A test against exact values that Arb encloses: ``measure`` takes the arrays by name.

    ``excuse`` is a weaker measure, of an algorithm that is stable in another sense: accuracy lost within it is loose.
    """

    name: str
    threshold: float
    measure: Callable[[Mapping[str, Any]], Pairs]
    excuse: Callable[[Mapping[str, Any]], Pairs] | None = None


Gradients = Callable[[Mapping[str, Any]], Sequence[tuple[Any, arb]]]


@dataclass(frozen=True, eq=False)
class Relation:
    """What the outputs must satisfy. ``complex`` outputs are two arrays in the equations, ``w_re`` and ``w_im``.

    ``gradients`` gives, for inputs, outputs and cotangents by name, each input's exact gradient with the scale of what
    the roundings of a backward pass may change in it; ``threshold`` times u of that is the bound.
    """

    equations: Mapping[Expr, Expr] = field(default_factory=dict)
    residuals: Sequence[Residual] = ()
    certified: Sequence[Certified] = ()
    complex: frozenset[str] = frozenset()
    gradients: Gradients | None = None
    threshold: float = 30.0

    @cached_property
    def numbers(self) -> dict[Expr, Expr]:
        """The equations of every test's error and scale."""
        found: dict[Expr, Expr] = {}
        for k, test in enumerate(self.residuals):
            found |= {scalar(f"error{k}"): test.error, scalar(f"scale{k}"): test.scale}
        return found


@dataclass(frozen=True)
class Measure:
    """How far a test's error is from 0, in units of its bound (half of what LAPACK accepts)."""

    name: str
    ratio: float
    error: float
    bound: float
    excused: float = float("inf")  # the ratio by the weaker measure, where there is one


def measured(
    relation: Relation, system: System, arrays: Mapping[str, Any],
    sizes: Mapping[str, int], attributes: Mapping[str, Any], unit: float,
) -> Iterator[Measure]:  # fmt: skip
    """Every test of a relation, from the numbers that came; the caller sets the precision (``BITS``).

    ``system`` names inputs and outputs. What is not a number fails, and nothing further is asked of it.
    """
    pairs = _evaluated(relation, (*system.inputs, *system.outputs), arrays, sizes, attributes)
    for residual, pair in zip(relation.residuals, pairs, strict=True):
        found = measure(residual.name, *pair, residual.threshold * unit)
        if residual.lost and found.ratio > 1:
            found = replace(found, excused=found.ratio * residual.threshold / residual.lost)
        yield found
        if not found.error < float("inf"):
            return
    for test in relation.certified:
        found = _worst(test.name, test.threshold, test.measure({**sizes, **arrays}), unit)
        if test.excuse is not None and found.ratio > 1:
            weaker = _worst(test.name, test.threshold, test.excuse({**sizes, **arrays}), unit)
            found = replace(found, excused=weaker.ratio)
        yield found


def _worst(name: str, threshold: float, pairs: Pairs, unit: float) -> Measure:
    measures = [measure(name, error, scale, threshold * unit) for error, scale in pairs]
    return max(measures, key=lambda m: m.ratio, default=Measure(name, 0.0, 0.0, 0.0))


def measure(name: str, error: arb, scale: arb, unit: float) -> Measure:
    """|error| / (unit * scale), rounded up; infinite where it is no number."""
    if error == arb("-inf"):  # the greatest of nothing
        return Measure(name, 0.0, 0.0, 0.0)
    if not (error.is_finite() and scale.is_finite()):
        return Measure(name, float("inf"), float("nan"), float("nan"))
    most, bound = abs(error).upper(), (scale * unit).lower()
    ratio = 0.0 if most == 0 else float("inf") if not bound > 0 else float((most / bound).upper())
    return Measure(name, ratio, float(most), float(bound))


def _evaluated(
    relation: Relation, declared: Sequence[Expr], arrays: Mapping[str, Any], sizes: Mapping[str, int],
    attributes: Mapping[str, Any],
) -> Pairs:  # fmt: skip
    variables = [v for lhs in declared for v in parts(lhs, relation)]
    numbers = ArbNumbers()
    system = System(tuple(variables), {**relation.equations, **relation.numbers}, tuple(relation.numbers))
    data = {n: _data(numbers, a) for n, a in split(arrays, relation).items()}
    values = evaluate(system, numbers, data, sizes, attributes)
    found = [values[name_of(lhs)].items.item() for lhs in relation.numbers]
    return list(zip(found[::2], found[1::2], strict=True))


def _data(numbers: ArbNumbers, a: Any) -> ArbArray:
    return numbers.data(np.asarray(a, dtype=np.float64))


def parts(lhs: Expr, relation: Relation) -> list[Expr]:
    """A variable, or the two that a complex one consists of."""
    if name_of(lhs) not in relation.complex:
        return [lhs]
    return [at(lhs, f"{name_of(lhs)}_{part}", indices(lhs)) for part in ("re", "im")]


def split(arrays: Mapping[str, Any], relation: Relation) -> dict[str, Any]:
    """Complex arrays as their real and imaginary parts; a real array in a complex one's place has none."""
    found: dict[str, Any] = {}
    for name, a in arrays.items():
        if name in relation.complex:
            found |= {f"{name}_re": np.real(a), f"{name}_im": np.imag(a)}
        else:
            found[name] = a
    return found
