"""Every derived statement is proved, by exact means on both sides; a wrong one fails by either side alone."""

from fractions import Fraction
from importlib import import_module

import flint
import pytest
import sympy
from sympy import Rational, Symbol

from fiducial.spec.demonstrations.exact import enclosed, gaussian_integral
from fiducial.spec.theorems import Derived
from fiducial.spec.witness import BITS

MODULES = (
    "distributions", "gaussian", "tails", "estimation", "normal_estimation", "regression", "probability", "conjugate",
    "covariances", "autoregression", "determinants", "spectra", "symmetric", "singular", "principal",
)  # fmt: skip
STATEMENTS = [
    pytest.param(statement, id=f"{module}-{name}-{i}")
    for module in MODULES
    for name, found in vars(import_module(f"fiducial.spec.demonstrations.{module}")).items()
    if isinstance(found, tuple) and found and all(isinstance(one, Derived) for one in found)
    for i, statement in enumerate(found)
]
EXACT = (bool, Fraction, flint.fmpq, flint.fmpq_poly, flint.arb)


def recorded(pairs, seen):
    def found():
        seen.extend(pairs())
        return seen

    return found


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_derived_statement_is_proved(statement):
    derived, observed = [], []
    proof = Derived("", recorded(statement.derivation, derived), recorded(statement.witness, observed)).prove()
    assert proof.holds, f"{statement.statement}: {proof.how}"
    assert inexact(derived) == inexact(observed) == []
    assert not [e for pair in observed for e in pair if isinstance(e, sympy.Expr) and e.free_symbols]


def inexact(pairs):
    """Floats: two may be equal by accident, or through the same error."""
    elements = [e for pair in pairs for e in pair if not isinstance(e, EXACT)]
    return [e for e in elements if sympy.sympify(e).has(sympy.Float)]


n, p = Symbol("n", positive=True), Symbol("p", positive=True)


def derived_mean(claimed):
    """Of n tosses, from the generating function (1 - p + p z)^n."""
    z = Symbol("z")
    return lambda: [(sympy.diff((1 - p + p * z) ** n, z).subs(z, 1), claimed)]


def observed_mean(claimed):
    chance = Fraction(2, 7)
    pmf = [sympy.binomial(5, k) * chance**k * (1 - chance) ** (5 - k) for k in range(6)]
    return lambda: [(sum(k * pmf[k] for k in range(6)), claimed(5, chance))]


def observed_second_moment(claimed):
    normal = 1 / (2 * flint.arb.pi()).sqrt()
    return lambda: [(gaussian_integral(lambda z: z**2 * (-z * z / 2).exp() * normal), enclosed(claimed))]


RIGHT = (derived_mean(n * p), observed_mean(lambda size, chance: size * chance))


def test_the_right_statement_is_proved():
    assert Derived("mean: n p", *RIGHT).prove().holds


def test_a_wrong_claim_fails_by_its_derivation_alone():
    proof = Derived("mean: n p (1 - p)", derived_mean(n * p * (1 - p)), RIGHT[1]).prove()
    assert not proof.holds
    assert proof.how.startswith("NOT exact; definitions agree")


@pytest.mark.parametrize("witness", [
    observed_mean(lambda size, chance: size * chance + Fraction(1, 10**40)),
    observed_second_moment(1 + Rational(1, 10**29)),
    lambda: [(flint.arb(1, 1), flint.arb(1))],  # too wide to say anything
    lambda: [(flint.arb("nan"), flint.arb(1))],
    list,
])  # fmt: skip
def test_a_wrong_claim_fails_by_its_witness_alone(witness):
    proof = Derived("a planted fault", RIGHT[0], witness).prove()
    assert not proof.holds
    assert proof.how.startswith("exact; definitions DISAGREE")


def test_a_statement_without_pairs_is_not_proved():
    assert not Derived("nothing derived", list, RIGHT[1]).prove().holds


@pytest.mark.parametrize("e", [
    sympy.sqrt(2) / 3,
    sympy.log(sympy.pi) - sympy.E,
    sympy.erfc(Rational(1, 2)) + sympy.cos(1) * sympy.sin(2),
    sympy.exp(Rational(-1, 3)) ** 2 - sympy.gamma(Rational(1, 3)),
])  # fmt: skip
def test_an_expression_is_enclosed(e):
    with flint.ctx.workprec(BITS):
        found = enclosed(e)
        assert found.rad() < flint.arb(2) ** -240
        assert abs(found - flint.arb(str(sympy.N(e, 60)))) < flint.arb(10) ** -55


def test_the_tails_of_an_integral_are_in_its_radius():
    with flint.ctx.workprec(2048):
        found = gaussian_integral(lambda z: (-z * z / 2).exp())
        assert found.contains((2 * flint.arb.pi()).sqrt())
        assert flint.arb(2) ** -940 < found.rad() < flint.arb(2) ** -920
