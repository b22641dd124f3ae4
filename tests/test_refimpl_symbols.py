"""The code of the reference implementation is proved: run on symbols, it gives the specification, entry by entry.

Each operation runs on arrays of SymPy symbols, for every variant of its equations, several shapes and axes; its
attributes are symbols too where they are numbers. The definition is written out at the same sizes, and SymPy alone
differentiates it entry by entry. The two agree when `is_zero` proves every difference to be zero, in each region of a
function in pieces.
"""

import inspect
import math
from collections.abc import Iterator
from typing import Any

import flint
import numpy
import pytest
import sympy
from enclosed import enclosed
from symbolic_arrays import INFINITE, SymbolArray, beta_sum, points, symbols

from fiducial import refimpl
from fiducial.refimpl import binomial_tails
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.evaluate import evaluate
from fiducial.spec.language import indices, name_of
from fiducial.spec.normal_form import is_zero
from fiducial.spec.numbers.objects import SymbolNumbers, enclosed_constant
from fiducial.spec.operation import PROBABILITY, WEIGHT, Definition, Operation
from fiducial.spec.prove import variants
from fiducial.spec.special import beta_share

# Relations and samples have none: the suite judges them by exact measures, which tests/test_spec_spectrum.py tests.
WITH_EQUATIONS = [name for name, o in CATALOGUE.items() if not o.default_definition().system.described]
DEEP = ("batch_norm", "gru", "lstm", "rnn")  # the normal forms of their large expressions take minutes, or for ever
LARGE = 100  # operations of an expression
LABELS = numpy.array([2, 0, 2, 1, 0, 2])  # some repeat, and 1 is the label to ignore
POSITIVE = ("alpha", "delta", "eps", "max_norm")  # their conditions are decided where the sign is known
VALUES: dict[str, list[Any]] = {
    "label_smoothing": [sympy.S.Zero, sympy.Rational(1, 4)], "ignore_index": [-100, 1], "threshold": [math.inf],
    "beta": [sympy.exp(sympy.Symbol("log_beta", real=True)), -sympy.exp(sympy.Symbol("log_beta", real=True))],
    **{n: [sympy.Rational(3, 4)] for n in ("beta1", "beta2", "rho", "rate")},  # roots and quotients need a range
    "pos_weight": [None, sympy.Symbol("pos_weight", positive=True)],
}  # fmt: skip


def numbers(operation: Operation) -> Iterator[dict[str, Any]]:
    """Values of the attributes that are numbers: symbols, or the special values that their own code asks about."""
    names = [n for n, a in operation.attributes.items() if a.kind == "number"]
    options = {n: VALUES.get(n, [sympy.Symbol(n, real=True, positive=n in POSITIVE or None)]) for n in names}
    for k in range(max(map(len, options.values()), default=1)):
        yield {n: values[k % len(values)] for n, values in options.items()}


def calls(operation: Operation) -> Iterator[tuple[Definition, list[SymbolArray], dict[str, Any]]]:
    """Each call to prove: its definition, its arrays and its attributes."""
    for variant in variants(operation):
        definition = operation.definition(variant)
        for shapes, laid in operation.layout.small(definition):
            for values in numbers(operation):
                arrays = [_input(definition, x, s) for x, s in zip(definition.system.inputs, shapes, strict=True)]
                yield definition, arrays, {**variant, **laid, **values}
                domains = [definition.domains[name_of(x)] for x in definition.system.inputs]
                if domains[-1] in (PROBABILITY, WEIGHT):
                    yield definition, [*arrays[:-1], _at_the_edges(arrays[-1])], {**variant, **laid, **values}
                if domains[0].upto and domains[0].low < 0:
                    yield definition, [_beyond(arrays[0]), *arrays[1:]], {**variant, **laid, **values}


def _input(definition: Definition, x: Any, shape: tuple[int, ...]) -> SymbolArray:
    domain = definition.domains[name_of(x)]
    if not any(map(indices, definition.system.inputs)):
        return SymbolArray(7, "int64")  # a size
    if domain.below is not None:
        return SymbolArray(numpy.resize(LABELS, shape), "int64")
    if domain.whole:
        return SymbolArray(numpy.resize(_whole(definition, name_of(x)), shape))
    return symbols(name_of(x), *shape, positive=True if domain.low >= 0 else None)


def _whole(definition: Definition, name: str) -> list[int]:
    """Counts and masks."""
    domain = definition.domains[name]
    if any(d.upto == name for d in definition.domains.values()):
        return [3, 2, 1, 0]  # more trials than successes, as many, none
    if domain.high == 1:
        return [1, 0]
    if domain.strict and not domain.upto:
        return [1, 3, 2]  # trials: without any, there is no skewness
    return [1, 0, 2, -1] if domain.low < 0 else [1, 0, 2]


def _beyond(counts: SymbolArray) -> SymbolArray:
    """Counts below and above all that can be."""
    return SymbolArray(numpy.resize([-1, 9], counts.shape))


def _at_the_edges(targets: SymbolArray) -> SymbolArray:
    """Targets with a 0 and a 1 among them: 0 log 0 is 0."""
    values = targets.values.copy()
    values.flat[0], values.flat[-1] = sympy.S.Zero, sympy.S.One
    return SymbolArray(values)


def written_out(
    operation: Operation, definition: Definition, arrays: list[SymbolArray], attributes: dict[str, Any]
) -> list[Any]:
    """The definition's outputs, entry by entry, in the shapes of the equations."""
    kinds = {n: a.kind for n, a in operation.attributes.items()}
    sizes = {n: int(attributes[n]) for n, kind in kinds.items() if kind == "count"}
    sizes |= operation.layout.integers(attributes)
    known = {n: 1 if attributes[n] is None else attributes[n] for n, kind in kinds.items() if kind == "number"}
    given: dict[str, Any] = {}
    laid = operation.layout.inputs([a.values for a in arrays], attributes)
    for x, a in zip(definition.system.inputs, laid, strict=True):
        sizes |= {str(i.upper + 1): n for i, n in zip(indices(x), a.shape, strict=True)}
        integer = definition.domains[name_of(x)].below is not None
        given[name_of(x)] = a.astype(int) if integer else SymbolNumbers().data(a)
    sizes |= definition.derived_sizes(sizes)
    found = evaluate(definition.system, SymbolNumbers(), given, sizes, known)
    return [found[name_of(y)].items for y in definition.system.outputs]


def differences(operation: Operation, forward: Any, vjp: Any) -> Iterator[tuple[str, Any]]:
    """What the code gives minus what the definition says, for every entry of every output and gradient."""
    for definition, arrays, attributes in calls(operation):
        system, shapes = definition.system, [a.shape for a in arrays]
        keywords = {n: attributes[n] for n in operation.passed if n in inspect.signature(forward).parameters}
        arguments = _arguments(operation, arrays)
        results = _several(forward(*arguments, **keywords))
        truths = written_out(operation, definition, arrays, attributes)
        cotangents, along = [], sympy.S.Zero
        for y, result, truth in zip(system.outputs, results, truths, strict=True):
            place = shapes, y, attributes
            yield from _entries(name_of(y), keywords, operation.layout.output(result.values, *place), truth)
            cotangents.append(symbols(f"d{name_of(y)}", *result.shape))
            along += numpy.sum(operation.layout.output(cotangents[-1].values, *place) * _smooth(truth))
        if not system.differentiable:
            continue
        several = list(cotangents) if operation.layout.listed else tuple(cotangents)
        gradients = _several(vjp(several if len(several) > 1 else cotangents[0], *arguments, **keywords))
        wanted = [(x, a) for x, a in zip(system.inputs, arrays, strict=True) if x in system.differentiable]
        for (x, a), gradient in zip(wanted, gradients, strict=True):
            # At a target of 0 or 1 there is nothing to differentiate by.
            free = numpy.array([s.is_Symbol for s in a.values.ravel()], dtype=bool).reshape(a.shape)
            truth = numpy.frompyfunc(lambda s, f=along: f.diff(s) if s.is_Symbol else 0, 1, 1)(a.values)
            yield from _entries(f"d{name_of(x)}", keywords, numpy.where(free, gradient.values, 0), truth)


# Of whole numbers, the incomplete beta function is a finite sum. Infinite values have no derivative.
_summed = lambda e: e.replace(beta_share, beta_sum)  # noqa: E731
_smooth = numpy.frompyfunc(lambda e: 0 if e in INFINITE else _summed(e), 1, 1)


def _arguments(operation: Operation, arrays: list[SymbolArray]) -> list[Any]:
    if operation.layout.listed:
        return [arrays]
    missing = len(operation.default_definition().system.inputs) - len(arrays)
    sizes = not any(map(indices, operation.default_definition().system.inputs))
    return [*([int(a) for a in arrays] if sizes else arrays), *[None] * missing]


def _several(results: Any) -> list[SymbolArray]:
    found = list(results) if isinstance(results, tuple | list) else [results]
    return [SymbolArray(r, "int64") if isinstance(r, int) else r for r in found]


def _entries(name: str, keywords: dict[str, Any], got: Any, truth: Any) -> Iterator[tuple[str, Any]]:
    assert numpy.shape(got) == numpy.shape(truth), f"{name}: shape {numpy.shape(got)}, {numpy.shape(truth)} is required"
    for place in numpy.ndindex(numpy.shape(got)):
        a, b = (sympy.sympify(numpy.asarray(x, dtype=object)[place]) for x in (got, truth))
        yield f"{name}{list(place)} for {keywords}", sympy.S.Zero if a == b else a - b  # infinities may be equal


def proved(difference: Any, deep: bool = False) -> bool:
    """Zero as an expression, and by Arb at random points.

    Recurrences nest functions so deeply that their normal form is out of reach: for them, Arb's enclosures at more
    points of an analytic function that is zero almost nowhere unless it is zero.
    """
    if difference in INFINITE:
        return False
    by_points = deep and sympy.count_ops(difference) > LARGE
    agree = all(d.contains(0) and d.rad() < 2**-100 for d in enclosures(difference, 6 if by_points else 2))
    return agree and (by_points or is_zero(_with_free_scales(_summed(difference))))


def _with_free_scales(e: Any) -> Any:
    """The scale of the norm, max |x|, as a free positive symbol: the formula holds for every scale.

    The scale of numbers that are equal but for the sign is |x|, which cancels where it is not 0.
    """
    if not e.has(sympy.Pow):
        return e
    is_scale = lambda n: isinstance(n, sympy.Max) and n.is_nonnegative and n.has(sympy.Abs)  # noqa: E731
    e = e.replace(is_scale, lambda n: sympy.Symbol(str(n), positive=True))
    e = e.replace(lambda n: n.func is sympy.Gt and isinstance(n.lhs, sympy.Abs) and n.rhs == 0, lambda n: sympy.true)
    is_root = lambda n: n.is_Pow and n.exp.is_Rational and not n.exp.is_Integer  # noqa: E731
    return e.replace(is_root, lambda n: sympy.factor(sympy.together(n.base)) ** n.exp)


def enclosures(difference: Any, number: int = 2) -> list[flint.arb]:
    """Enclosures at exact random points."""
    found = []
    with flint.ctx.workprec(256):
        for at in points(difference.free_symbols, number):
            branch = difference.replace(sympy.Piecewise, lambda *cases, at=at: _chosen(cases, at))
            found.append(enclosed(branch, {s: enclosed_constant(value) for s, value in at.items()}))
    return found


def _chosen(cases: Any, at: dict[Any, Any]) -> Any:
    return next(value for value, condition in cases if condition.xreplace(at) == sympy.true)


@pytest.mark.parametrize("name", WITH_EQUATIONS)
def test_code_gives_the_definition_and_its_derivative(name: str) -> None:
    vjp = getattr(refimpl, f"{name}_vjp", None)
    entries = list(differences(CATALOGUE[name], getattr(refimpl, name), vjp))
    assert [label for label, difference in entries if not proved(difference, name in DEEP)] == []
    assert entries


def test_every_public_gradient_is_proved_or_judged_by_an_exact_one() -> None:
    gradients = {name.removesuffix("_vjp") for name in refimpl.__all__ if name.endswith("_vjp")}
    definitions = {name: o.default_definition() for name, o in CATALOGUE.items()}
    judged = {name for name, d in definitions.items() if d.relation and d.relation.gradients}
    assert gradients - judged == {name for name in WITH_EQUATIONS if definitions[name].system.differentiable}
    assert judged <= gradients


@pytest.mark.parametrize("name", ["binomial_cdf", "binomial_sf", "binomial_logcdf", "binomial_logsf"])
def test_small_tails_are_proved_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of symbols are not small, unless everything is: then the code sums a series."""
    monkeypatch.setattr(binomial_tails, "SMALL", math.inf)
    test_code_gives_the_definition_and_its_derivative(name)
    monkeypatch.setattr(binomial_tails, "_relative_sum", lambda falling, rising, odds: 1 + odds)
    with pytest.raises(AssertionError):
        test_code_gives_the_definition_and_its_derivative(name)


WRONG: dict[str, tuple[str, Any, Any]] = {
    "mean in place of sum": ("sum", refimpl.mean, refimpl.mean_vjp),
    "a flipped sign in one gradient": ("subtract", refimpl.subtract, refimpl.add_vjp),
    "swapped gradients": ("mse_loss", refimpl.mse_loss, lambda c, y, t, **k: refimpl.mse_loss_vjp(c, t, y, **k)),
    "a gradient off by a factor": ("mse_loss", refimpl.mse_loss, lambda c, y, t, **k: tuple(
        g / 2 for g in refimpl.mse_loss_vjp(c, y, t, **k))),
    "s (1 + s)": ("sigmoid", refimpl.sigmoid, lambda c, x: c * refimpl.sigmoid(x) * (1 + refimpl.sigmoid(x))),
    "the other gelu": ("gelu", lambda x, *, approximate: refimpl.gelu(x), refimpl.gelu_vjp),
    "a slope of the wrong sign": ("leaky_relu", refimpl.leaky_relu, lambda c, x, *, negative_slope:
        refimpl.leaky_relu_vjp(c, x, negative_slope=-negative_slope)),
    "softmax over the wrong axis": ("softmax", lambda x, *, axis: refimpl.softmax(x, axis=0), refimpl.softmax_vjp),
    "an ignored cotangent": ("tanh", refimpl.tanh, lambda c, x: refimpl.tanh_vjp(c * 0 + 1, x)),
    "the other tail": ("normal_logcdf", refimpl.normal_logsf, refimpl.normal_logcdf_vjp),
    "a slope that ignores sigma": ("normal_ppf", refimpl.normal_ppf, lambda c, q, mu, sigma:
        refimpl.normal_ppf_vjp(c, q, mu, sigma * 0 + 1)),
    "more than k in place of at least k": ("binomial_sf", lambda k, n, p: refimpl.binomial_sf(k - 1, n, p),
        refimpl.binomial_sf_vjp),
    "failures in place of successes": ("binomial_pmf", refimpl.binomial_pmf, lambda c, k, n, p:
        refimpl.binomial_pmf_vjp(c, n - k, n, p)),
    "other degrees of freedom": ("std", refimpl.std, lambda c, x, *, axis, ddof:
        refimpl.std_vjp(c, x, axis=axis, ddof=ddof) / 2),
    "no average over the batch": ("softmax_cross_entropy", refimpl.softmax_cross_entropy,
        lambda c, x, t, *, reduction, **k: refimpl.softmax_cross_entropy_vjp(
            c, x, t, reduction="sum" if reduction == "mean" else reduction, **k)),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_code_is_refused(fault: str) -> None:
    name, forward, vjp = WRONG[fault]
    refused = (d for _, d in differences(CATALOGUE[name], forward, vjp) if not proved(d))
    assert any(not d.contains(0) for d in enclosures(next(refused)))
