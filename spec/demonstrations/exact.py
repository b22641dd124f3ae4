"""What derived statements and their witnesses are made of: balls, certified integrals, entries of matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add, mul
from typing import Any

import flint
import sympy
from flint import acb, arb, fmpq

from fiducial.spec.theorems import Derived

Pair = tuple[Any, Any]

APPLIED = {
    sympy.exp: arb.exp, sympy.log: arb.log, sympy.erfc: arb.erfc, sympy.cos: arb.cos, sympy.sin: arb.sin,
    sympy.gamma: arb.gamma,
}  # fmt: skip


def enclosed(e: Any) -> arb:
    """A ball around an exact real number: a rational, or a SymPy expression without symbols."""
    e = sympy.sympify(e)
    if isinstance(e, sympy.Rational):
        return arb(fmpq(int(e.p), int(e.q)))
    if e is sympy.pi:
        return arb.pi()
    if e is sympy.E:
        return arb(1).exp()
    parts = [enclosed(a) for a in e.args]
    if isinstance(e, sympy.Add | sympy.Mul):
        return reduce(add if isinstance(e, sympy.Add) else mul, parts)
    if isinstance(e, sympy.Pow):
        return parts[0] ** parts[1]
    return APPLIED[e.func](*parts)


def gaussian_integral(f: Callable[[acb], acb], mean: Any = 0, scale: Any = 1) -> arb:
    """The integral over the real line of an entire function, with a rigorous error.

    Beyond u = (z - mean) / scale = 40 it must be at most exp(4 |u| - u^2 / 2) in size: the exponent is -640 at 40 and
    falls with slope 36 or more, so that the two tails are below scale exp(-640) / 18, which the radius takes in.
    """
    centre, width = enclosed(mean), enclosed(scale)
    inside = acb.integral(lambda u, _: f(centre + width * u), -40, 40).real
    return width * (inside + arb(0, arb(-640).exp()))


def number(q: fmpq) -> sympy.Rational:
    return sympy.Rational(int(q.p), int(q.q))


def entries(left: sympy.MatrixBase, right: sympy.MatrixBase) -> list[Pair]:
    """The entries of two matrices of the same shape, side by side."""
    if left.shape != right.shape:
        raise ValueError(f"the matrices must have the same shape, got {left.shape} and {right.shape}")
    return list(zip(left, right, strict=True))


def unless(condition: Any) -> sympy.Integer:
    """0 where a condition holds: a fact that is no equation, as a number for a pair with 0."""
    return sympy.Integer(0 if condition in (True, sympy.true) else 1)


def formula(
    statement: str,
    derived: Callable[[], Any],
    claimed: Any,
    observed: Callable[..., Any],
    points: Sequence[Mapping[sympy.Symbol, Any]],
) -> Derived:
    """The statement that a derived quantity has a formula; ``observed`` finds it at the points' values."""

    def seen() -> list[Pair]:
        pairs = [(observed(*point.values()), sympy.sympify(claimed).subs(point)) for point in points]
        return [(a, enclosed(b)) if isinstance(a, flint.arb) else (a, b) for a, b in pairs]

    return Derived(statement, lambda: [(derived(), claimed)], seen)
