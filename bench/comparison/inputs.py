"""Inputs as unit tests have them: one ordinary shape, default attributes, standard-normal numbers or a domain's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cache
from itertools import count
from typing import Any

import numpy as np

from fiducial.conformance import cases, matrices
from fiducial.conformance.cases import Case
from fiducial.conformance.mutants.planted import RIGHT, Planted
from fiducial.conformance.subject import DTYPES, Subject, from_functions
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.language import name_of
from fiducial.spec.layouts import SIZES, Direct, Elementwise
from fiducial.spec.operation import Domain, Operation

# Where the suite's first shapes repeat a size, or are too large for finite differences.
DISTINCT: dict[str, list[tuple[int, ...]]] = {
    "conv3d": [(2, 3, 4, 5, 3), (4, 3, 2, 3, 2), (4,)],
    "scaled_dot_product_attention": [(2, 3, 4), (2, 5, 4), (2, 5, 6)],
    "rnn": [(2, 3, 4), (2, 5), (4, 5), (5, 5), (5,)],
    "lstm": [(2, 3, 4), (2, 5), (2, 5), (4, 20), (5, 20), (20,)],
    "gru": [(2, 3, 4), (2, 5), (4, 15), (5, 15), (15,), (15,)],
}
LARGEST_COUNT = 9
REFERENCE = from_functions(vars(RIGHT))


def ordinary(planted: Planted, dtype: str, seed: int) -> Case:
    """The case for an implementation and a dtype (each has its own numbers); attributes are the defaults."""
    passed = CATALOGUE[planted.operation].passed  # other conventions say what is refused
    declared = {n: v for n, v in planted.conventions.items() if n in passed}
    first = {n: v[0] if isinstance(v, list | tuple) else v for n, v in declared.items()}
    return _case(planted.operation, dtype, seed, tuple(first.items()))


@cache
def _case(name: str, dtype: str, seed: int, declared: tuple[tuple[str, Any], ...]) -> Case:
    operation, rng = CATALOGUE[name], np.random.default_rng([seed, list(DTYPES).index(dtype)])
    shapes, laid = _structure(operation)
    attributes = {**operation.defaults, **laid, **dict(declared)}
    domains = operation.default_definition().domains
    labels = cases.build(operation, dtype, attributes, shapes, rng, "normal").given
    given: dict[str, Any] = {}
    # What bounds another input is drawn before it.
    for k, x in sorted(enumerate(domains), key=lambda pair: domains[pair[1]].upto is not None):
        if domains[x].below is not None:
            given[x] = labels[k]
            continue
        table = type(operation.layout) is Direct and len(shapes[k]) == 2
        given[x] = _drawn(rng, x, domains[x], shapes[k], table, given).astype(DTYPES[dtype])
    return cases.case(operation, dtype, attributes, [given[x] for x in domains], rng, "ordinary")


def _structure(operation: Operation) -> tuple[list[tuple[int, ...]], dict[str, Any]]:
    number = count()

    def pick(options: Sequence[Any]) -> Any:
        return [n for n in SIZES if n > 1][next(number)] if options is SIZES else options[0]

    shapes, laid = operation.layout.draw(pick, operation.default_definition())
    if isinstance(operation.layout, Elementwise):
        shapes = [(3, 4)] * len(shapes)
    return DISTINCT.get(operation.name, shapes), laid


def _drawn(
    rng: Any, name: str, domain: Domain, shape: tuple[int, ...], table: bool, given: dict[str, Any]
) -> Any:  # fmt: skip
    if domain.upto is not None:
        return rng.integers(0, given[domain.upto].astype(int), shape, endpoint=True)
    if domain.whole:
        beyond = domain.low < 0  # the domain reaches one beyond the support on either side
        most = int(min(domain.high - beyond, LARGEST_COUNT))
        return rng.integers(int(name == "n"), most, shape, endpoint=True)
    if domain.high == 1:
        return rng.uniform(0.05, 0.95, shape)
    if domain.low == 0 and domain.strict:
        return rng.uniform(0.5, 2.0, shape)
    if domain.low == 0:  # targets: a distribution over the classes
        return rng.dirichlet(np.ones(shape[1]), shape[0]) if table else rng.uniform(0.0, 1.0, shape)
    normal = rng.standard_normal(shape)
    if domain.high <= 0:
        return -np.abs(normal)
    return matrices.drawn(rng, domain.matrix, normal) if domain.matrix else normal


# --- calling an implementation with lists of arrays ---


def forward(subject: Subject, case: Case, arrays: Sequence[Any]) -> list[Any]:
    """The operation's results at these arrays, with the case's attributes."""
    function = getattr(subject.target, case.operation.name)
    return _listed(function(*_arguments(case, arrays), **_keywords(subject, case)))


def backward(subject: Subject, case: Case, arrays: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
    """The gradients of the differentiable inputs."""
    function = subject.gradient_of(case.operation.name)
    assert function is not None
    seeds = list(cotangents) if case.operation.layout.listed else tuple(cotangents)
    cotangent = seeds if case.operation.layout.listed or len(seeds) > 1 else seeds[0]
    return _listed(function(cotangent, *_arguments(case, arrays), **_keywords(subject, case)))


def _arguments(case: Case, arrays: Sequence[Any]) -> list[Any]:
    return dataclasses.replace(case, given=tuple(arrays)).arguments


def _keywords(subject: Subject, case: Case) -> dict[str, Any]:
    """What both it and the reference implementation take: a fault may hand on whatever comes to the latter."""
    own, others = (s.accepts(case.operation.name) for s in (subject, REFERENCE))
    return {name: value for name, value in case.passed.items() if own(name) and others(name)}


def _listed(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]


def places(case: Case) -> list[int]:
    """The positions of the differentiable inputs."""
    system = case.call.definition.system
    return [k for k, x in enumerate(system.inputs) if name_of(x) not in system.constants]
