"""An operation of the catalogue: names, attributes, layout, and the function that writes its equations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from fiducial.spec.formats import FORMATS
from fiducial.spec.language import Expr, name_of, natural, size, whole
from fiducial.spec.relations import Certified, Gradients, Relation, Residual
from fiducial.spec.system import System


@dataclass(frozen=True)
class Domain:
    """What an input may hold: reals in [low, high], or integers below a size; constants have no gradient.

    ``whole`` numbers are counts and masks, kept as floats; ``upto`` names the input that none of them exceeds
    (where ``low`` is -1, one beyond the support is a special value). ``scale`` is the size of the numbers that the
    suite draws, ``least`` that of the smallest probabilities. Numbers outside a ``strict`` domain are refused: with an
    error, or with NaN. ``matrix`` is a kind of matrices: symmetric, square, moderate (square, no extreme norm),
    invertible, any, full rank, or data.
    """

    low: float = float("-inf")
    high: float = float("inf")
    below: str | None = None
    constant: bool = False
    whole: bool = False
    scale: float = 1.0
    least: float = 1e-3
    upto: str | None = None
    strict: bool = False
    matrix: str | None = None


REAL = Domain()
PROBABILITY = Domain(0.0, 1.0)
WEIGHT = Domain(0.0)  # a target distribution's mass, not necessarily summing to one


MASK = Domain(0.0, 1.0, constant=True, whole=True)
COUNTS = Domain(0.0, constant=True, whole=True)


def labels(below: str, low: int = 0) -> Domain:
    """Integers low .. below-1."""
    return Domain(low, below=below, constant=True)


@dataclass(frozen=True)
class Attribute:
    """A keyword of an operation. ``examples`` are further values that the suite tries.

    ``number`` and ``count`` are symbols in the equations (a real, a size), ``choice`` is an argument of the function
    that writes them, ``form`` likewise but told by the inputs and never passed, ``layout`` concerns the layout alone.
    """

    kind: str
    default: Any
    examples: tuple[Any, ...] = ()


def number(default: Any, *examples: Any) -> Attribute:
    return Attribute("number", default, examples)


def count(default: Any, *examples: Any) -> Attribute:
    return Attribute("count", default, examples)


def choice(default: Any, *examples: Any) -> Attribute:
    return Attribute("choice", default, examples)


def form(*examples: str) -> Attribute:
    return Attribute("form", examples[0], examples[1:])


REDUCTION = choice("mean", "sum", "none")

# Inductive biases that operations share; what each demands is in the theorems of the operations that have it.
ROWS = "permutation equivariance over the batch"
WINDOWS = ("locality", "translation equivariance", ROWS)
STEPS = ("sequentiality", "temporal invariance", ROWS)
SETS = ("keys are a set", "permutation equivariance of the queries", "causal sequentiality")


class Theorem(Protocol):
    """A statement that can be proved (see ``fiducial.spec.theorems``)."""

    @property
    def statement(self) -> str: ...
    def prove(self, definition: Definition) -> Any:
        """What was proved, and how, as a ``fiducial.spec.theorems.Proof``."""


@dataclass(frozen=True)
class Sampling:
    """The operations that give a sample's distribution function and, where it is discrete, its probabilities.

    A discrete sample lies in 0 .. ``most(*parameters)``. ``settings`` are the parameters that the suite tries;
    ``certain`` are parameters, followed by the one value that they leave.
    """

    cdf: str
    pmf: str | None = None
    settings: tuple[tuple[float, ...], ...] = ()
    certain: tuple[tuple[float, ...], ...] = ()
    most: Callable[..., float] = lambda *parameters: 1.0


@dataclass(frozen=True, eq=False)
class Definition:
    """Equations as defined, their stable form (proved equal), stable gradients (proved equal), theorems.

    ``sizes`` are those that follow from others: (the size that must grow where this one would be below 1, formula).
    With a ``relation`` or a ``sampling`` there are no equations: it says what the outputs are.
    """

    system: System
    stable: System
    gradients: Mapping[str, Expr] = field(default_factory=dict)
    theorems: tuple[Theorem, ...] = ()
    domains: Mapping[str, Domain] = field(default_factory=dict)
    sizes: Mapping[str, tuple[str, Expr]] = field(default_factory=dict)
    relation: Relation | None = None
    sampling: Sampling | None = None

    def derived_sizes(self, known: Mapping[str, int]) -> dict[str, int]:
        """The sizes that follow from these."""
        symbols = {symbol(name): n for name, n in known.items() for symbol in (size, whole, natural)}
        return {name: int(formula.xreplace(symbols)) for name, (_, formula) in self.sizes.items()}


def define(
    inputs: Mapping[Expr, Domain],
    equations: Mapping[Expr, Expr],
    *,
    outputs: Sequence[Expr] = (),
    stable: Mapping[Expr, Expr] | None = None,
    shifts: Mapping[Expr, Expr] | None = None,
    gradients: Mapping[Expr, Expr] | None = None,
    theorems: Sequence[Theorem] = (),
    sizes: Mapping[str, tuple[str, Expr]] | None = None,
) -> Definition:
    """Puts a definition together. The output is what the last equation defines unless ``outputs`` says otherwise.

    ``stable`` replaces the equations by a form that loses no accuracy; ``shifts`` are its free parameters;
    ``gradients`` does the same for single gradients, in the variables of the stable form and the cotangents ``dy``.
    """
    results = tuple(outputs) or (list(equations)[-1],)
    constants = frozenset(name_of(x) for x, domain in inputs.items() if domain.constant)
    as_defined = System(tuple(inputs), dict(equations), results, constants)
    as_computed = System(tuple(inputs), dict(stable), results, constants, dict(shifts or {})) if stable else as_defined
    domains = {name_of(x): domain for x, domain in inputs.items()}
    named = {name_of(x): rhs for x, rhs in (gradients or {}).items()}
    return Definition(as_defined, as_computed, named, tuple(theorems), domains, sizes or {})


def relation(
    inputs: Mapping[Expr, Domain],
    outputs: Sequence[Expr],
    equations: Mapping[Expr, Expr],
    residuals: Sequence[Residual],
    certified: Sequence[Certified] = (),
    *,
    complex: Sequence[str] = (),
    gradients: Gradients | None = None,
    theorems: Sequence[Theorem] = (),
    sizes: Mapping[str, tuple[str, Expr]] | None = None,
) -> Definition:
    """The definition of outputs by what they satisfy (see ``fiducial.spec.relations``)."""
    constants = frozenset(name_of(x) for x, domain in inputs.items() if domain.constant)
    system = System(tuple(inputs), {}, tuple(outputs), constants, described=True)
    tests = Relation(equations, tuple(residuals), tuple(certified), frozenset(complex), gradients)
    domains = {name_of(x): domain for x, domain in inputs.items()}
    return Definition(system, system, {}, tuple(theorems), domains, sizes or {}, tests)


def sampled(inputs: Mapping[Expr, Domain], output: Expr, law: Sampling) -> Definition:
    """The definition of a sample by its distribution."""
    system = System(tuple(inputs), {}, (output,), frozenset(map(name_of, inputs)), described=True)
    domains = {name_of(x): domain for x, domain in inputs.items()}
    return Definition(system, system, domains=domains, sampling=law)


Shape = tuple[int, ...]


class Layout(Protocol):
    """How arrays of any shape are read as the arrays of the equations (see ``fiducial.spec.layouts``)."""

    @property
    def listed(self) -> bool:
        """Whether an implementation takes its arrays as one list, and returns a list."""

    def inputs(self, arrays: Sequence[Any], attributes: Mapping[str, Any]) -> list[Any]: ...
    def integers(self, attributes: Mapping[str, Any]) -> dict[str, int]:
        """The integers of the equations that the attributes hold (strides, groups)."""

    def shape(self, shapes: Sequence[Shape], lhs: Expr, attributes: Mapping[str, Any], direct: Shape) -> Shape:
        """A result's shape; ``direct`` is the shape that it has in the equations."""

    def output(self, array: Any, shapes: Sequence[Shape], lhs: Expr, attributes: Mapping[str, Any]) -> Any: ...
    def draw(self, pick: Any, definition: Definition) -> tuple[list[Shape], dict[str, Any]]: ...
    def volume(self, definition: Definition) -> tuple[list[Shape], dict[str, Any]]: ...
    def long(self, definition: Definition, rows: int, terms: int) -> tuple[list[Shape], dict[str, Any]] | None:
        """Many rows, each with a sum of many terms; None where nothing is summed in rows."""

    def small(self, definition: Definition) -> list[tuple[list[Shape], dict[str, Any]]]: ...


@dataclass(frozen=True, eq=False)
class Operation:
    """One row of the catalogue."""

    name: str
    en: str
    ko: str
    layout: Layout
    source: str
    family: str
    attributes: Mapping[str, Attribute]
    write: Callable[..., Definition]
    biases: tuple[str, ...] = ()  # inductive biases, by name: implementations are put through them
    formats: tuple[str, ...] = tuple(FORMATS)  # what it is judged in

    def definition(self, attributes: Mapping[str, Any]) -> Definition:
        """The definition for these values of the choices (others are symbols in it)."""
        return _definition(self.write, tuple((k, attributes[k]) for k in _choices(self.write)))

    @property
    def defaults(self) -> dict[str, Any]:
        return {name: a.default for name, a in self.attributes.items()}

    @property
    def passed(self) -> list[str]:
        """The attributes that an implementation is called with."""
        return [name for name, a in self.attributes.items() if a.kind != "form"]

    def default_definition(self) -> Definition:
        return self.definition(self.defaults)


@cache
def _choices(write: Callable[..., Definition]) -> tuple[str, ...]:
    return tuple(inspect.signature(write).parameters)


@cache
def _definition(write: Callable[..., Definition], choices: tuple[tuple[str, Any], ...]) -> Definition:
    return write(**dict(choices))


CATALOGUE: dict[str, Operation] = {}


def operation(
    *,
    en: str,
    ko: str,
    layout: Layout,
    source: str,
    biases: Sequence[str] = (),
    formats: Sequence[str] = tuple(FORMATS),
    **attributes: Attribute,
) -> Callable[[Callable[..., Definition]], Operation]:
    """Enters an operation into the catalogue. ``en`` and ``ko`` read "Name: one sentence." and are both required."""

    def register(write: Callable[..., Definition]) -> Operation:
        for language, text in (("en", en), ("ko", ko)):
            if len(text.split(": ", 1)) != 2:
                raise ValueError(f"{language} of {write.__name__}: 'Name: one sentence.' is required, got {text!r}")
        family = write.__module__.rsplit(".", 1)[-1]
        entry = Operation(
            write.__name__, en, ko, layout, source, family, attributes, write, tuple(biases), tuple(formats)
        )
        CATALOGUE[entry.name] = entry
        return entry

    return register
