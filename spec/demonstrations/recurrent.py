"""What recurrence does to values and gradients: truncation, products of Jacobians, gates, shared weights."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import sympy
from sympy import Expr, Integer, Rational, Sum, tanh

from fiducial.spec.calculus import adjoint, tangent
from fiducial.spec.demonstrations.written_out import entries, numbers_in, zeros
from fiducial.spec.language import array, detached, indices, name_of, size
from fiducial.spec.operation import Definition
from fiducial.spec.system import System

DIRECTIONS = ("tx", "th0", "tc0", "tWx", "tWh", "tb", "tbx", "tbh")


def rule(system: System, name: str) -> Expr:
    """The equation of a variable."""
    return system.equations[system.declared()[name]]


def forward_unchanged(definition: Definition) -> list[Expr]:
    """Without its cuts, every equation is that of the recurrence in full."""

    def whole(e: Expr) -> Expr:
        return sympy.piecewise_fold(e.replace(detached, lambda z: z))

    states = [e for e in definition.system.equations if name_of(e) in ("before", "cell_before")]
    found = []
    for lhs in states:
        first, *later = definition.system.equations[lhs].args
        found += [whole(value) - later[-1][0] for value, _ in later]
    return found


def adjoint_is_cut(truncate: int) -> Any:
    """At every step of every length up to 7: the state's adjoint lacks what comes from the steps k, 2k, ... alone."""

    def show(definition: Definition) -> list[Expr]:
        derived = adjoint(definition.system)
        lhs = derived.declared()["dhs_total"]
        t = indices(lhs)[1]
        cotangent = array("dhs")[indices(lhs)]
        found = []
        for steps, now in product(range(1, 8), range(7)):
            if now < steps:
                got = derived.equations[lhs].xreplace({size("T"): Integer(steps), t: Integer(now)}).doit()
                passed = now + 1 < steps and (now + 1) % truncate != 0
                place = (indices(lhs)[0], Integer(now + 1), indices(lhs)[2])
                claimed = cotangent.xreplace({t: Integer(now)}) + (array("dbefore")[place] if passed else 0)
                found.append(got - claimed)
        return found

    return show


def product_of_jacobians(definition: Definition) -> list[Expr]:
    """One step's Jacobian: with only the state moved, dh_t = (1 - tanh^2) Wh^T dh_(t-1)."""
    moved = tangent(definition.system)
    lhs = definition.system.declared()["hs"]
    n, t, j = indices(lhs)
    k = indices(definition.system.declared()["before"])[2]
    still = dict.fromkeys(DIRECTIONS, 0)

    def frozen(e: Expr) -> Expr:
        return e.replace(lambda a: isinstance(a, sympy.Indexed) and name_of(a) in still, lambda a: Integer(0)).doit()

    pre = array("pre")[n, t, j]
    step = frozen(rule(moved, "ths")).xreplace({array("tpre")[n, t, j]: frozen(rule(moved, "tpre"))})
    return [step - (1 - tanh(pre) ** 2) * Sum(array("Wh")[k, j] * array("tbefore")[n, t, k], k)]


def vanishing(definition: Definition) -> list[Expr]:
    """1/4 - s (1 - s) and 1 - (1 - tanh^2) are squares: a step scales a gradient by at most |Wh| / 4, or |Wh|."""
    z = sympy.Symbol("z", real=True)
    s = 1 / (1 + sympy.exp(-z))
    return [Rational(1, 4) - s * (1 - s) - (s - Rational(1, 2)) ** 2, 1 - (1 - tanh(z) ** 2) - tanh(z) ** 2]


def exploding(definition: Definition) -> list[Expr]:
    """Near 0 tanh' is 1: with Wh = 2 the tangent doubles at each of five steps, exactly."""
    moved = tangent(definition.system)
    sizes = {"N": 1, "T": 5, "D": 1, "H": 1}
    arrays = {name_of(lhs): sympy.zeros(1, 5 if name_of(lhs) in ("x", "tx") else 1) for lhs in moved.inputs}
    exact = {name: [Integer(v) for v in matrix] for name, matrix in arrays.items()}
    found = entries(moved, sizes, **(exact | {"Wh": [Integer(2)], "th0": [Integer(1)]}))["ths"]
    return [found[0, k, 0] - 2 ** (k + 1) for k in range(5)]


def same_at_every_step(definition: Definition) -> list[Expr]:
    """No equation names a step but through t, t - 1 and the first: one map, applied again and again."""
    later = sympy.Symbol("m", integer=True, positive=True)
    found = []
    for lhs, rhs in definition.system.equations.items():
        t = next((i for i in indices(lhs) if str(i) == "t"), None)
        if t is None or name_of(lhs) in ("before", "cell_before"):
            continue
        moved = rhs.xreplace({t: t + later})
        back = moved.replace(sympy.Indexed, lambda base, *at, t=t: base[tuple(sympy.expand(i - later) if i.has(later)
                             else i for i in at)])  # fmt: skip
        found.append(back - rhs)
    return found


def rest_stays_at_rest(definition: Definition) -> list[Expr]:
    """Without input, bias and state nothing moves: so a shifted input shifts the output."""
    sizes = {"N": 1, "T": 3, "D": 1, "H": 1}
    system = definition.system
    still = {name_of(lhs): [0] * 3 for lhs in system.inputs if name_of(lhs) == "x"}
    still |= {name_of(lhs): [0] * int(numbers_in(lhs).subs({size(n): v for n, v in sizes.items()}))
              for lhs in system.inputs if name_of(lhs) in ("h0", "c0", "b", "bx", "bh")}  # fmt: skip
    return zeros(entries(system, sizes, **still)["hs"])


def never_looks_ahead(definition: Definition) -> list[Expr]:
    """Every recurrence runs forward, and reads no later step: sequentiality."""
    ahead = [stage for stage in definition.system.stages if stage.step is not None and stage.backward]
    reads = [e for rhs in definition.system.equations.values() for e in rhs.atoms(sympy.Indexed)
             if any(i.has(sympy.Idx) and (i - a).is_positive for i in e.indices for a in i.atoms(sympy.Idx)
                    if str(a) == "t")]  # fmt: skip
    return [Integer(len(ahead)), Integer(len(reads))]


def cell_path(definition: Definition) -> list[Expr]:
    """With the gates held, dc_t / dc_(t-1) = f_t: over several steps, the product of the forget gates."""
    system = definition.system
    n, t, j = indices(system.declared()["cs"])
    step = rule(system, "cs").diff(array("cell_before")[n, t, j]) - array("f")[n, t, j]
    c = array("c")
    f, i, g = (array(name) for name in ("f", "i", "g"))
    state: Expr = c[0]
    for k in range(1, 4):
        state = f[k] * state + i[k] * g[k]
    return [step, state.diff(c[0]) - f[1] * f[2] * f[3]]


def parameters(gates: int, biases: int) -> Any:
    """Weights and biases, counted: gates H (D + H + biases)."""

    def show(definition: Definition) -> list[Expr]:
        weights = [x for x in definition.system.inputs if name_of(x) in ("Wx", "Wh", "b", "bx", "bh")]
        claimed = gates * size("H") * (size("D") + size("H") + biases)
        return [sympy.expand(sympy.Add(*map(numbers_in, weights)) - claimed)]

    return show


def gates_permuted(order: str, other: str, write: Any) -> Any:
    """The same layer in another order of gates, its weights' blocks exchanged: every gate reads the same numbers."""

    def show(definition: Definition) -> list[Expr]:
        there = write(other).system
        found = []
        for name in order:
            here_at, there_at = order.index(name), other.index(name)
            for lhs in definition.system.equations:
                a = next((i for i in indices(lhs) if str(i) == "a"), None)
                if a is not None:
                    own = definition.system.equations[lhs].xreplace({a: Integer(here_at)})
                    moved = there.equations[lhs].xreplace({a: Integer(there_at)})
                    found.append(own - moved.xreplace(_blocks(there, there_at, here_at)))
        return found

    return show


def _blocks(system: System, old: int, new: int) -> dict[Expr, Expr]:
    """Block ``old`` of every weight and bias read as block ``new``."""
    moved = {}
    for lhs in system.inputs:
        if any(str(i) == "a" for i in indices(lhs)):
            a = next(i for i in indices(lhs) if str(i) == "a")
            moved[lhs.xreplace({a: Integer(old)})] = lhs.xreplace({a: Integer(new)})
    return moved


def reset_before_or_after(write: Callable[[bool], Definition]) -> Callable[[Definition], list[Expr]]:
    """For one unit the candidates' arguments differ by (r - 1) bh: the same without a bias, different with one."""

    def show(definition: Definition) -> list[Expr]:
        sizes = {"N": 1, "T": 1, "D": 1, "H": 1}
        after, before = (entries(write(reset_after).system, sizes) for reset_after in (True, False))
        apart = after["candidate"].item().args[0] - before["candidate"].item().args[0]
        r, bias = after["r"].item(), after["bh"][-1, 0]
        return [sympy.expand(apart - (r - 1) * bias), sympy.expand(apart.subs(bias, 0))]

    return show
