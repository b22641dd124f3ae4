"""Optimisers over several steps, with their state; weight decay; gradient descent on a quadratic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy import Expr, Integer, Rational, Symbol

from fiducial.spec.language import array, name_of, scalar, size
from fiducial.spec.operation import Definition

w, lr, decay = Symbol("w", real=True), scalar("lr"), scalar("weight_decay")
g1, g2, g3 = gradients = sympy.symbols("g1:4", real=True)


def steps(definition: Definition, start: dict[str, Expr], gradients: tuple[Any, ...]) -> list[dict[str, Expr]]:
    """The state after each step; a gradient may be a function of the weight."""
    state, found = dict(start), []
    for number, g in enumerate(gradients, 1):
        slope = g(state["w"]) if callable(g) else g
        state = _step(definition, {**state, "g": slope}, number)
        found.append(state)
    return found


def _step(definition: Definition, state: dict[str, Expr], number: int) -> dict[str, Expr]:
    known = {lhs: state[name_of(lhs)] for lhs in definition.system.inputs} | {size("step"): Integer(number)}
    values: dict[Expr, Expr] = dict(known)
    for lhs, rhs in definition.system.equations.items():
        values[lhs] = rhs.xreplace(values)
    return {name_of(lhs): value for lhs, value in values.items()} | {
        name_of(y).removesuffix("_next"): values[y] for y in definition.system.outputs
    }


def three_steps_of_momentum(definition: Definition) -> list[Expr]:
    """v_3 = rho^3 v_0 + rho^2 g_1 + rho g_2 + g_3, and w_3 = w_0 - lr (v_1 + v_2 + v_3) (without decay)."""
    rho, v = scalar("momentum"), Symbol("v", real=True)
    found = [{k: e.subs(decay, 0) for k, e in s.items()} for s in steps(definition, {"w": w, "v": v}, gradients)]
    velocity = rho**3 * v + rho**2 * g1 + rho * g2 + g3
    moved = w - lr * sympy.Add(*(s["v"] for s in found)) - found[2]["w"]
    return [sympy.expand(found[2]["v"] - velocity), sympy.expand(moved)]


def three_steps_of_nesterov(definition: Definition) -> list[Expr]:
    """Nesterov's step looks ahead: w_3 = w_0 - lr (g_1 + g_2 + g_3 + rho (v_1 + v_2 + v_3)) (without decay)."""
    rho, v = scalar("momentum"), Symbol("v", real=True)
    found = [{k: e.subs(decay, 0) for k, e in s.items()} for s in steps(definition, {"w": w, "v": v}, gradients)]
    ahead = g1 + g2 + g3 + rho * sympy.Add(*(s["v"] for s in found))
    return [sympy.expand(found[2]["w"] - (w - lr * ahead))]


def three_steps_of_squares(kept: Expr, new: Expr) -> Any:
    """s_3 from s_0 and three gradients."""

    def show(definition: Definition) -> list[Expr]:
        s = Symbol("s", positive=True)
        found = steps(definition, {"w": w, "s": s}, gradients)[2]["s"]
        squares = kept**2 * g1**2 + kept * g2**2 + g3**2
        return [sympy.expand(found - kept**3 * s - new * squares)]

    return show


def bias_is_corrected(definition: Definition) -> list[Expr]:
    """From a zero state with a constant gradient g, m/(1 - beta1^t) = g and v/(1 - beta2^t) = g^2 at steps 1, 2, 3."""
    g, zero = Symbol("g", real=True), Integer(0)
    found = []
    for state in steps(definition, {"w": w, "m": zero, "v": zero}, (g, g, g)):
        found.append(sympy.cancel(state["m_hat"].subs(decay, zero) - g))
        found.append(sympy.cancel(state["v_hat"].subs(decay, zero) - g**2))
    return found


def sgd_decays_as_l2(definition: Definition) -> list[Expr]:
    """Weight decay is the gradient of the L2 penalty, added: and for SGD the same as shrinking the weight first."""
    g, slope = sympy.symbols("g slope", real=True)
    penalty = (decay / 2 * w**2).diff(w)
    coupled = _step(definition, {"w": w, "g": g}, 1)["w"]
    added = _step(definition, {"w": w, "g": slope}, 1)["w"].subs(decay, 0).subs(slope, g + penalty)
    return [sympy.expand(coupled - added), sympy.expand(coupled - ((1 - lr * decay) * w - lr * g))]


def coupled_decay_differs(decoupled: Callable[[], Definition]) -> Callable[[Definition], list[Expr]]:
    """Adam at w = 1, g = 0, zero state: coupled decay moves by lr (its size is divided out), decoupled by lr lambda."""

    def show(definition: Definition) -> list[Expr]:
        start = {"w": Integer(1), "m": Integer(0), "v": Integer(0)}
        numbers = {lr: Rational(1, 2), decay: Rational(1, 4), scalar("beta1"): Rational(1, 2),
                   scalar("beta2"): Rational(1, 2), scalar("eps"): Integer(0)}  # fmt: skip
        after = [steps(d, start, (Integer(0),))[0]["w"] for d in (definition, decoupled())]
        coupled, apart = (sympy.simplify(w_next.subs(numbers)) for w_next in after)
        return [coupled - Rational(1, 2), apart - Rational(7, 8)]

    return show


def quadratic(definition: Definition) -> list[Expr]:
    """On w^2 l / 2: w_3 = (1 - lr l)^3 w_0, and 1 - (1 - lr l)^2 = lr l (2 - lr l) > 0 just where 0 < lr < 2 / l.

    In the basis of a matrix's eigenvectors every coordinate is such a quadratic: the largest eigenvalue decides.
    """
    curvature = Symbol("l", positive=True)
    slope = lambda at: curvature * at  # noqa: E731
    found = steps(definition, {"w": w}, (slope, slope, slope))[2]["w"].subs(decay, 0)
    shrinks = 1 - (1 - lr * curvature) ** 2 - lr * curvature * (2 - lr * curvature)
    return [sympy.expand(found - (1 - lr * curvature) ** 3 * w), sympy.expand(shrinks)]


def never_longer_than_the_limit(definition: Definition) -> list[Expr]:
    """The factor is max_norm / (norm + eps) where that is below 1, which leaves a length of less than max_norm."""
    n, eps, limit = scalar("norm"), scalar("eps"), scalar("max_norm")
    factor = definition.system.equations[scalar("factor")]
    (below,) = (branch for branch in factor.args if branch != 1)
    clipped = below * n
    low = factor.subs({limit: Integer(1), n: Integer(4), eps: Integer(1)}) - Rational(1, 5)
    kept = factor.subs({limit: Integer(9), n: Integer(4), eps: Integer(1)}) - 1
    return [sympy.simplify(limit - clipped - limit * eps / (n + eps)), low, kept]


def expectation_preserved(definition: Definition) -> list[Expr]:
    """Kept with probability 1 - rate: the mean over the mask is x."""
    x, mask, rate = array("x"), array("mask"), scalar("rate")
    ((lhs, rhs),) = definition.system.equations.items()
    i = lhs.indices[0]
    mean = (1 - rate) * rhs.subs(mask[i], 1) + rate * rhs.subs(mask[i], 0)
    return [sympy.cancel(mean - x[i])]
