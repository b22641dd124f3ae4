"""The kinds of statements that the catalogue makes, and how each is proved.

A proof is exact first (``is_zero``), then confirmed by a second witness: both sides enclosed by Arb at random exact
points and small sizes, their difference containing 0 with a radius below 2^-100.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flint
import sympy
from sympy import Idx, KroneckerDelta

from fiducial.spec.calculus import adjoint
from fiducial.spec.language import Expr, indices, name_of
from fiducial.spec.normal_form import Given, is_zero, unfolded
from fiducial.spec.operation import Definition
from fiducial.spec.system import System
from fiducial.spec.witness import BITS, CLOSE, witnessed


@dataclass(frozen=True)
class Proof:
    """What was proved, and how; ``holds`` is False where a proof was attempted and failed."""

    statement: str
    how: str
    holds: bool


def prove_equal(
    statement: str, definition: Definition, left: Expr, right: Expr, given: Given = (), reversed: Sequence[Idx] = ()
) -> Proof:
    """Proves left == right, both unfolded through the definition's adjoint system."""
    system = adjoint(definition.system)
    backwards = right.replace(
        sympy.Sum,
        lambda f, *limits: sympy.Sum(
            f.xreplace({i: i.lower + i.upper - i for i in reversed if i in {limit[0] for limit in limits}}), *limits
        ),
    )
    exact = is_zero(unfolded(left, system) - unfolded(backwards, system), given)
    seen = witnessed(definition, system, left, right, given)
    return Proof(statement, f"{'exact' if exact else 'NOT exact'}; {seen}", exact and seen.holds)


def inputs_only(definition: Definition) -> System:
    """The inputs without equations: for expressions that are unfolded already."""
    return System(definition.system.inputs, {}, (), definition.system.constants)


def _under(given: Given) -> str:
    return "".join(f", given {text(a)} = {text(b)}" for a, b in given)


def text(e: Expr) -> str:
    from fiducial.spec.render import plain

    return plain(e)


@dataclass(frozen=True)
class Identity:
    """``left = right`` in the variables of the definition; a law of the outputs when ``law`` is set.

    ``reversed`` are bound indices of ``right`` whose sums the proof runs from the last to the first. ``shown`` proves
    it at explicit sizes, as ``Shown`` does, where no proof for all sizes is known.
    """

    name: str
    left: Expr
    right: Expr
    given: Given = ()
    law: bool = False
    reversed: tuple[Idx, ...] = ()
    shown: Callable[[Definition], Sequence[Expr]] | None = field(default=None, compare=False)

    @property
    def statement(self) -> str:
        return f"{self.name}: {text(self.left)} = {text(self.right)}{_under(self.given)}"

    def prove(self, definition: Definition) -> Proof:
        if self.shown is not None:
            return Shown(self.statement, self.shown).prove(definition)
        return prove_equal(self.statement, definition, self.left, self.right, self.given, self.reversed)


@dataclass(frozen=True)
class Gradient:
    """The derived gradient of an input equals a formula, as textbooks write it, in variables and cotangents ``dy``."""

    name: str
    wrt: Expr
    formula: Expr
    given: Given = ()

    @property
    def statement(self) -> str:
        return f"{self.name}: d{text(self.wrt)} = {text(self.formula)}{_under(self.given)}"

    def prove(self, definition: Definition) -> Proof:
        gradient = adjoint(definition.system).declared()["d" + name_of(self.wrt)]
        return prove_equal(self.statement, definition, gradient, self.formula, self.given)


@dataclass(frozen=True)
class Jacobian:
    """The derivative of one element of an output by one element of an input."""

    name: str
    of: Expr
    wrt: Expr
    formula: Expr

    @property
    def statement(self) -> str:
        return f"{self.name}: the derivative of {text(self.of)} by {text(self.wrt)} is {text(self.formula)}"

    def prove(self, definition: Definition) -> Proof:
        """The adjoint at a cotangent that is 1 at one element and 0 elsewhere."""
        system = adjoint(definition.system)
        lhs = system.declared()["d" + name_of(self.wrt)]
        seed = next(c for c in system.inputs if name_of(c) == "d" + name_of(self.of))
        fixed = {i: _another(i) for i in indices(self.of)}
        unit = sympy.Mul(*(KroneckerDelta(i, fixed[i]) for i in indices(self.of)))
        seeded = definition.system.extended({seed: unit.xreplace(dict(zip(indices(self.of), indices(seed),
                 strict=True)))}, ())  # fmt: skip
        equations = {k: v for k, v in system.equations.items() if k not in definition.system.equations}
        whole = seeded.extended(equations, [lhs])
        place = {i: fixed.get(i, i) for i in indices(self.wrt)}
        derived = lhs.xreplace(dict(zip(indices(lhs), (place[i] for i in indices(self.wrt)), strict=True)))
        claimed = self.formula.xreplace(fixed)
        left, right = unfolded(derived, whole), unfolded(claimed, whole)
        exact = is_zero(left - right)
        seen = witnessed(definition, inputs_only(definition), left, right)
        return Proof(self.statement, f"{'exact' if exact else 'NOT exact'}; {seen}", exact and seen.holds)


def _another(i: Idx) -> Idx:
    return Idx(sympy.Symbol(f"{i.label}0", integer=True), (i.lower, i.upper))


@dataclass(frozen=True)
class Invariance:
    """An output does not change when an input is shifted by a free array that lacks some of its indices.

    It is a law that an implementation is put through as well: the shifted input is given to it.
    """

    name: str
    of: Expr
    shift: Mapping[Expr, Expr]
    becomes: Expr | None = None  # what the output turns into; itself unless said

    @property
    def statement(self) -> str:
        moves = ", ".join(f"{text(a)} -> {text(b)}" for a, b in self.shift.items())
        return f"{self.name}: {text(self.of)} under {moves} is {text(self.becomes or self.of)}"

    def prove(self, definition: Definition) -> Proof:
        original = definition.system
        moved = {}
        for lhs, rhs in original.equations.items():
            moved[lhs] = rhs.replace(lambda e: e.func == sympy.Indexed and e.base in self._bases(), self._move)
        left = unfolded(self.of, type(original)(original.inputs, moved, original.outputs, original.constants))
        right = unfolded(self.becomes or self.of, original)
        exact = is_zero(left - right)
        seen = witnessed(definition, inputs_only(definition), left, right)
        return Proof(self.statement, f"{'exact' if exact else 'NOT exact'}; {seen}", exact and seen.holds)

    def _bases(self) -> set[Expr]:
        return {lhs.base for lhs in self.shift}

    def _move(self, element: Expr) -> Expr:
        for lhs, rhs in self.shift.items():
            if lhs.base == element.base:
                return rhs.xreplace(dict(zip(lhs.indices, element.indices, strict=True)))
        return element


@dataclass(frozen=True)
class Scaling:
    """An output does not change when an input is multiplied by s > 0 and a number (of its square's unit) by s^2."""

    name: str
    of: Expr
    scaled: Expr
    squared: Expr

    @property
    def statement(self) -> str:
        moved = f"{text(self.scaled)} -> s {text(self.scaled)}, {self.squared} -> s^2 {self.squared}"
        return f"{self.name}: {text(self.of)} is the same under {moved}"

    def prove(self, definition: Definition) -> Proof:
        s, original = sympy.Symbol("s", positive=True), unfolded(self.of, definition.system)
        moved = original.xreplace({self.squared: s**2 * self.squared}).replace(
            lambda e: isinstance(e, sympy.Indexed) and name_of(e) == name_of(self.scaled), lambda e: s * e
        )
        exact = is_zero(moved - original)
        seen = witnessed(definition, inputs_only(definition), moved, original)
        return Proof(self.statement, f"{'exact' if exact else 'NOT exact'}; {seen}", exact and seen.holds)


@dataclass(frozen=True)
class Maximum:
    """The greatest value of a function of exp(x), and where it is attained; ``refutes`` names a false claim.

    Exact: with t = exp(x) > 0, the bound minus the function is a rational function whose numerator and denominator
    have no root of odd multiplicity in t > 0 (Sturm), are positive somewhere, and vanish at the place named.
    """

    name: str
    function: Expr
    variable: Expr
    value: Expr
    where: Expr
    refutes: tuple[Expr, ...] = ()

    @property
    def statement(self) -> str:
        false = "".join(f"; it is not {text(c)}" for c in self.refutes)
        place = f"{text(self.value)}, at {text(self.variable)} = {text(self.where)}"
        return f"{self.name}: the greatest value of {text(self.function)} is {place}{false}"

    def prove(self, definition: Definition) -> Proof:
        t = sympy.Symbol("t", positive=True)
        system = adjoint(definition.system)
        f = unfolded(self.function, system).xreplace({self.variable: sympy.log(t)})
        top, bottom = sympy.fraction(sympy.cancel(sympy.together(self.value - sympy.expand_log(f, force=True))))
        never_negative = _one_sign(top * bottom, t)
        attained = sympy.simplify(f.subs(t, sympy.exp(self.where)) - self.value) == 0
        refuted = all(claim != self.value for claim in self.refutes)
        how = "exact (Sturm sequence in t = e^x)" if never_negative and attained else "NOT proved"
        return Proof(self.statement, how, never_negative and attained and refuted)


def _one_sign(polynomial: Expr, t: sympy.Symbol) -> bool:
    """polynomial >= 0 for all t > 0."""
    free = sympy.Symbol("t")
    p = sympy.Poly(polynomial.xreplace({t: free}), free)
    odd = [f for f, multiplicity in p.factor_list()[1] if multiplicity % 2]
    crossings = sum(sympy.Poly(f, free).count_roots(0, sympy.oo) - (f.eval(0) == 0) for f in odd)
    return bool(crossings == 0 and p.eval(sympy.Rational(355, 113)) > 0)


@dataclass(frozen=True)
class Shown:
    """A statement proved by a short function that returns expressions, each of which must be exactly zero."""

    statement: str
    zeros: Callable[[Definition], Sequence[Expr]] = field(compare=False)

    def prove(self, definition: Definition) -> Proof:
        exact = all(e == 0 or is_zero(sympy.sympify(e)) for e in self.zeros(definition))
        return Proof(self.statement, "exact" if exact else "NOT exact", exact)


@dataclass(frozen=True)
class Derived:
    """A statement about symbols outside the equations (moments, estimates, spectra), derived by SymPy and witnessed.

    ``derivation`` returns pairs (derived, claimed), equal for all values of their symbols. ``witness`` computes both
    sides another way, from definitions at exact points: pairs of rationals, which must be equal, or of Arb balls, which
    must be narrow and overlap.
    """

    statement: str
    derivation: Callable[[], Iterable[tuple[Any, Any]]] = field(compare=False)
    witness: Callable[[], Iterable[tuple[Any, Any]]] = field(compare=False)

    def prove(self, definition: Definition | None = None) -> Proof:
        exact = [a == b or _no_difference(a, b) for a, b in self.derivation()]
        with flint.ctx.workprec(BITS):
            seen = [_agree(a, b) for a, b in self.witness()]
        derived, agreed = bool(exact) and all(exact), bool(seen) and all(seen)
        how = f"{'exact' if derived else 'NOT exact'}; definitions {'agree' if agreed else 'DISAGREE'}"
        return Proof(self.statement, f"{how} at {len(seen)} exact point{'s' * (len(seen) > 1)}", derived and agreed)


def _no_difference(a: Any, b: Any) -> bool:
    a, b = sympy.sympify(a), sympy.sympify(b)
    return all(isinstance(e, sympy.Expr) for e in (a, b)) and is_zero(a - b)


def _agree(a: Any, b: Any) -> bool:
    """Whether two exact numbers are equal, or two narrow enclosures overlap."""
    if any(isinstance(x, float | sympy.Float) for x in (a, b)):
        return False  # a rounded number is no witness
    if not any(isinstance(x, flint.arb) for x in (a, b)):
        return bool(a == b)
    difference = flint.arb(a) - flint.arb(b)
    return bool(difference.is_finite() and difference.contains(0) and float(difference.rad()) < CLOSE)
