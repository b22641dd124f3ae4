"""Differentiation of systems: the adjoint (every VJP, for all sizes at once) and the tangent (JVP).

SymPy differentiates the scalar expressions; the index calculus around them is here: each occurrence of a variable
contributes ``Sum(cotangent * coefficient * deltas)``, and the deltas are eliminated by solving them for a summation
index. A delta is only ever solved on an index whose coefficient is 1 or -1: with any other (a stride) it stays.

Source: Laue, Mitterreiter and Giesen, Computing Higher Order Derivatives of Matrix and Tensor Expressions, 2018.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import sympy
from sympy import Idx, Indexed, KroneckerDelta, Piecewise, Sum

from fiducial.spec.language import Expr, Greatest, Share, at, indices, name_of
from fiducial.spec.system import System

Partial = tuple[Expr, tuple[Idx, ...], Expr]


def adjoint(system: System, prefix: str = "d") -> System:
    """The system that maps inputs and cotangents ``dy`` of the outputs to the gradients ``dx`` of the inputs.

    Each variable v has the adjoint ``dv``; that of an output is an input here. The forward equations are kept: the
    adjoint equations use their variables.
    """
    cotangents = [_renamed(lhs, prefix + name_of(lhs)) for lhs in system.outputs]
    declared = system.declared()
    slopes = _slopes(system)
    used = {name_of(target) for parts in slopes.values() for target, _, _ in parts}
    sums: dict[str, list[Expr]] = {name_of(lhs): [c] for lhs, c in zip(system.outputs, cotangents, strict=True)}
    suffix = dict.fromkeys(used & set(sums), "_total")  # an output that is used further has a sum of its own
    adjoints = {name: _renamed(lhs, prefix + name + suffix.get(name, "")) for name, lhs in declared.items()}
    for name, parts in slopes.items():
        for target, bound, coefficient in parts:
            wanted = declared[name_of(target)]
            term = _contribution(adjoints[name], indices(declared[name]), target, bound, coefficient, wanted)
            sums.setdefault(name_of(target), []).append(term)
    inner = [lhs for lhs in reversed(system.equations) if name_of(lhs) in slopes]
    wanted_by = [lhs for lhs in inner if adjoints[name_of(lhs)] not in cotangents]
    equations = {adjoints[name_of(lhs)]: sympy.Add(*sums[name_of(lhs)]) for lhs in wanted_by}
    gradients = [_renamed(lhs, prefix + name_of(lhs)) for lhs in system.differentiable]
    for x, gradient in zip(system.differentiable, gradients, strict=True):
        equations[gradient] = sympy.Add(*sums.get(name_of(x), []))
    tidy = {lhs: tidied(rhs, indices(lhs)) for lhs, rhs in equations.items()}
    return system.extended(tidy, gradients, cotangents)


def _slopes(system: System) -> dict[str, list[Partial]]:
    """The partial derivatives of every equation through which an output depends on something."""
    variables = frozenset(map(name_of, (*system.equations, *system.differentiable)))
    rules = {name_of(lhs): rhs for lhs, rhs in system.equations.items()}
    found: dict[str, list[Partial]] = {}
    waiting = [name_of(lhs) for lhs in system.outputs]
    while waiting:
        name = waiting.pop()
        if name in rules and name not in found:
            found[name] = list(partials(rules[name], variables))
            waiting += [name_of(target) for target, _, _ in found[name]]
    return {name: found[name] for name in reversed(rules) if name in found}


def tangent(system: System, prefix: str = "t") -> System:
    """The system that maps inputs and their tangents ``tx`` to the tangents ``ty`` of the outputs (the JVP)."""
    inputs = [_renamed(lhs, prefix + name_of(lhs)) for lhs in system.differentiable]
    variables = frozenset(map(name_of, (*system.equations, *system.differentiable)))
    equations: dict[Expr, Expr] = {}
    for lhs, rhs in system.equations.items():
        terms = [
            _sum(coefficient * at(target, prefix + name_of(target), indices(target)), bound)
            for target, bound, coefficient in partials(rhs, variables)
        ]
        equations[_renamed(lhs, prefix + name_of(lhs))] = tidied(sympy.Add(*terms), indices(lhs))
    return system.extended(equations, [_renamed(y, prefix + name_of(y)) for y in system.outputs], inputs)


def partials(expression: Expr, variables: frozenset[str]) -> Iterator[Partial]:
    """Every (target, bound, coefficient) with d expression = sum over bound of coefficient * d target."""
    atoms = dict.fromkeys(_outermost(expression, variables))
    holes = {atom: sympy.Dummy(real=True) for atom in atoms}
    back = {hole: atom for atom, hole in holes.items()}
    shape = expression.xreplace(holes)
    for atom, hole in holes.items():
        # A slope that jumps has a derivative of 0 on both sides; the jump itself is a set, not a number.
        outer = shape.diff(hole).replace(sympy.DiracDelta, lambda *_: sympy.S.Zero).xreplace(back)
        if outer == 0:
            continue
        if isinstance(atom, Sum | Greatest):
            inner, bound = _fresh(atom)
            share = Share(inner, atom) if isinstance(atom, Greatest) else sympy.S.One
            for target, more, coefficient in partials(inner, variables):
                yield target, (*bound, *more), outer * share * coefficient
        else:
            yield atom, (), outer


def _outermost(expression: Expr, variables: frozenset[str]) -> Iterator[Expr]:
    """The variables and reductions that an expression is a scalar function of."""
    walk = sympy.preorder_traversal(expression)
    for node in walk:
        if isinstance(node, Sum | Greatest):
            yield node
            walk.skip()
        elif isinstance(node, Indexed):
            if name_of(node) in variables:
                yield node
            walk.skip()
        elif isinstance(node, sympy.Symbol) and node.name in variables:
            yield node


_serial = count()


def _fresh_index(i: Idx) -> Idx:
    # A bound index never keeps its name in a derivation: y[j] * z[j] would capture it silently.
    return Idx(sympy.Symbol(f"{str(i.label).split('@')[0]}@{next(_serial)}", integer=True), (i.lower, i.upper))


def with_fresh_bounds(e: Expr) -> Expr:
    """No bound index shares its name with another, so that substitution cannot capture."""
    if isinstance(e, Sum | Greatest):
        fresh = {limits[0]: _fresh_index(limits[0]) for limits in e.limits}
        return e.func(with_fresh_bounds(e.function.xreplace(fresh)), *fresh.values())
    if not e.args or isinstance(e, Indexed | Idx):
        return e
    return e.func(*map(with_fresh_bounds, e.args))


def _fresh(node: Expr) -> tuple[Expr, tuple[Idx, ...]]:
    old = tuple(limits[0] for limits in node.limits)
    new = tuple(map(_fresh_index, old))
    return node.function.xreplace(dict(zip(old, new, strict=True))), new


def _contribution(
    cotangent: Expr, rows: Sequence[Idx], target: Expr, bound: tuple[Idx, ...], coefficient: Expr, wanted: Expr
) -> Expr:
    """Sum over the rows of an equation, and over ``bound``, of cotangent * coefficient, where target is ``wanted``."""
    fresh = {i: _fresh_index(i) for i in rows}
    body = with_fresh_bounds(cotangent * coefficient).xreplace(fresh)
    summed = [*fresh.values(), *bound]
    positions = [e.xreplace(fresh) for e in indices(target)]
    for place, want in enumerate(indices(wanted)):
        solved = _solve(positions[place], want, summed)
        if solved is None:
            body *= KroneckerDelta(want, positions[place])
            continue
        i, value = solved
        summed.remove(i)
        body = body.xreplace({i: value})
        positions = [e.xreplace({i: value}) for e in positions]
        if (i.lower, i.upper) != (want.lower, want.upper) or value != want:
            body = Piecewise((body, (i.lower <= value) & (value <= i.upper)), (0, True))
    return _sum(body, tuple(summed))


def _solve(expression: Expr, want: Idx, summed: Sequence[Idx]) -> tuple[Idx, Expr] | None:
    """The summation index i, and its value, for which ``expression == want``; None where none can be solved for."""
    for i in summed:
        coefficient = sympy.expand(expression).coeff(i)
        rest = sympy.expand(expression - coefficient * i)
        if coefficient in (1, -1) and not rest.has(i):
            return i, sympy.expand((want - rest) * coefficient)
    return None


def _sum(body: Expr, bound: tuple[Idx, ...]) -> Expr:
    """Sum(body, *bound), with the factors that do not depend on an index outside its sum."""
    for i in bound:
        inside: list[Expr] = []
        outside: list[Expr] = []
        for factor in sympy.Mul.make_args(body):
            (inside if factor.has(i) else outside).append(factor)
        body = sympy.Mul(*outside) * Sum(sympy.Mul(*inside), i)
    return body


def _renamed(lhs: Expr, name: str) -> Expr:
    return at(lhs, name, indices(lhs))


def tidied(expression: Expr, taken: tuple[Expr, ...]) -> Expr:
    """The same expression with readable, deterministic names for its bound indices (k, k', k'', ...)."""
    if isinstance(expression, Sum | Greatest):
        return _tidied_sum(expression, taken)
    if not expression.args or isinstance(expression, Indexed | Idx) or not expression.has(Sum, Greatest):
        return expression
    return expression.func(*(tidied(a, taken) for a in expression.args))


def _tidied_sum(node: Expr, taken: tuple[Expr, ...]) -> Expr:
    body, names = node.function, {str(i) for i in taken}
    limits: list[Idx] = []
    for i, lower, upper in node.limits:
        label = str(i.label).split("@")[0].rstrip("'")
        while label in names:
            label += "'"
        names.add(label)
        new = Idx(sympy.Symbol(label, integer=True), (lower, upper))
        body = body.xreplace({i: new})
        limits.append(new)
    return node.func(tidied(body, (*taken, *limits)), *limits)
