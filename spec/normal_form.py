"""Exact zero test for expressions with symbolic sums.

Sums are made linear (constant factors outside, deltas collapsed, bound indices named canonically); exp, log, erf and
the remaining sums become atoms; what is left is a rational function, and is zero when its numerator is. A function in
pieces is zero when it is on each open region. The test never says "zero" wrongly up to SymPy's own algebra (which is
why every proof has a second witness); it may fail to see a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from random import Random
from typing import Any

import sympy
from sympy import Idx, Indexed, KroneckerDelta, Piecewise, Sum
from sympy.codegen.cfunctions import expm1, log1p

from fiducial.spec.calculus import with_fresh_bounds
from fiducial.spec.language import Expr, Greatest, Share, detached, erfc, holds, indices, logistic, name_of
from fiducial.spec.special import erfcx, log_betainc, log_betaincc
from fiducial.spec.system import System

Given = Sequence[tuple[Expr, Expr]]


def unfolded(e: Expr, system: System) -> Expr:
    """The expression in the system's inputs, and in the variables that a recurrence defines."""
    rules = [rule for stage in system.stages if stage.step is None for rule in stage.equations]
    equations = {name_of(lhs): (lhs, rhs) for lhs, rhs in rules}

    def replace(node: Expr) -> Expr:
        if isinstance(node, Indexed | sympy.Symbol) and name_of(node) in equations:
            lhs, rhs = equations[name_of(node)]
            inner = with_fresh_bounds(rhs).xreplace(dict(zip(indices(lhs), indices(node), strict=True)))
            return replace(inner)
        if not node.args or isinstance(node, Indexed | Idx):
            return node
        if is_positional(node) and not node.has(sympy.oo, -sympy.oo):
            # SymPy folds pieces out of nested sums, past the indices that these bind: products are safe.
            return _by_indicators([(replace(value), condition) for value, condition in node.args])
        if isinstance(node, Sum | Greatest):
            return node.func(replace(node.function), *(limits[0] for limits in node.limits))
        return node.func(*map(replace, node.args))

    return replace(e)


def is_zero(e: Expr, given: Given = ()) -> bool:
    """True where the expression is proved to be zero under the hypotheses ``(expression, value)``."""
    # An infinite value equals itself alone: a number that nothing else mentions stands for it.
    finite = e.xreplace({sympy.oo: INFINITE, -sympy.oo: -INFINITE}) if e.has(sympy.oo, -sympy.oo) else e
    return all(_smooth_is_zero(case, given) for case in _cases(finite))


INFINITE = sympy.Dummy("infinite", positive=True)


def _cases(e: Expr) -> Iterator[Expr]:
    """The smooth expressions that e is made of, one for each open region, and with each delta's indices equal or not.

    Kinks themselves are not covered: there a derivative is a set, and a function is continuous.
    """
    pieces = [node for node in _outside_sums(e) if isinstance(node, PIECES) and not is_positional(node)]
    elements = sorted({a for p in pieces for a in p.atoms(Indexed, sympy.Symbol) if not a.is_integer}, key=str)
    elements = [a for a in elements if not isinstance(a, sympy.Symbol) or not _is_label(a, elements)]
    rng = Random(0)
    seen: dict[Expr, None] = {}
    for _ in range(REGIONS if pieces else 1):
        point = {
            a: sympy.Rational(rng.randint(0 if a.is_positive else -400, 400), 100) + sympy.Rational(1, 1009)
            for a in elements
        }
        seen.setdefault(_smooth(e, point), None)
    for region in seen:
        yield from _delta_cases(region)


def is_positional(e: Expr) -> bool:
    """Whether it is a function in pieces that positions (integers) choose."""
    if not isinstance(e, Piecewise):
        return False
    relations = [c for _, condition in e.args for c in condition.atoms(sympy.core.relational.Relational)]
    return bool(relations) and all(c.lhs.is_integer and c.rhs.is_integer for c in relations)


PIECES = (Piecewise, sympy.Abs, sympy.sign, sympy.Heaviside, sympy.Max, sympy.Min)
REGIONS = 60


def _is_label(symbol: sympy.Symbol, elements: list[Expr]) -> bool:
    # SymPy counts an array's name among its elements' symbols.
    return any(isinstance(e, Indexed) and symbol.name == name_of(e) for e in elements)


def _outside_sums(e: Expr) -> Iterator[Expr]:
    walk = sympy.preorder_traversal(e)
    for node in walk:
        if isinstance(node, Sum | Greatest | Indexed):
            walk.skip()
        yield node


def _smooth(e: Expr, point: dict[Expr, Expr]) -> Expr:
    """The branch that holds around a point, in every piece outside sums."""
    if not e.args or isinstance(e, Sum | Greatest | Indexed | Idx):
        return e
    if is_positional(e):
        return e.func(*((_smooth(value, point), c) for value, c in e.args))
    if isinstance(e, Piecewise):
        return next(_smooth(value, point) for value, c in e.args if _settled(c.xreplace(point)) == sympy.true)
    args = [_smooth(a, point) for a in e.args]
    if not isinstance(e, PIECES):
        return e.func(*args)
    values = [_settled(a.xreplace(point)) for a in args]
    if isinstance(e, sympy.Abs):
        return args[0] if values[0] > 0 else -args[0]
    if isinstance(e, sympy.sign | sympy.Heaviside):
        return sympy.Integer(1 if values[0] > 0 else -1 if isinstance(e, sympy.sign) else 0)
    best = max if isinstance(e, sympy.Max) else min
    return args[values.index(best(values))]


def _settled(e: Expr) -> Expr:
    """What a point leaves open because a size is not known is settled at one size."""
    if not e.has(Sum):
        return e
    counts = [s for s in e.free_symbols if s.is_integer and s.is_nonnegative and not isinstance(s, Idx)]
    return e.xreplace({s: sympy.Integer(5 if s.is_positive else 1) for s in counts}).doit()


def _delta_cases(e: Expr) -> Iterator[Expr]:
    bound = {limits[0] for s in e.atoms(Sum, Greatest) for limits in s.limits}
    free = [d for d in e.atoms(KroneckerDelta) if not d.has(*bound)] if bound else list(e.atoms(KroneckerDelta))
    free = [d for d in free if all(isinstance(a, Idx) for a in d.args)]
    if not free:
        yield e
        return
    left, right = free[0].args
    yield from _delta_cases(e.xreplace({free[0]: sympy.S.Zero}))
    yield from _delta_cases(e.xreplace({free[0]: sympy.S.One}).xreplace({right: left}))


def _smooth_is_zero(e: Expr, given: Given) -> bool:
    known = {canonical(left): canonical(right) for left, right in given}
    reduced = canonical(e)
    if known:
        reduced = canonical(reduced.xreplace(known))
    if reduced == 0:
        return True
    numerator = _numerator(reduced)
    if numerator == 0:
        return True
    return _sums_cancel(numerator, given) or _logs_cancel(numerator)


def _expand(e: Expr, how: Callable[[Expr], Expr] = sympy.expand) -> Expr:
    """SymPy's expansion, without turning the exponential of a sum into a product."""
    held: dict[Expr, Expr] = {}

    def hold(exponent: Expr) -> Expr:
        factors = map(sympy.exp, sympy.Add.make_args(sympy.expand(exponent)))
        return sympy.Mul(*(held.setdefault(f, sympy.Dummy(positive=True)) if f.has(Sum) else f for f in factors))

    e = e.replace(sympy.exp, hold) if e.has(sympy.exp) and e.has(Sum) else e
    return how(e).xreplace({dummy: node for node, dummy in held.items()})


def canonical(e: Expr) -> Expr:
    """An equal expression in which equal sums look the same."""
    if isinstance(e, Indexed):
        return e.func(e.base, *map(sympy.expand, e.indices))
    if is_positional(e):
        return _expand(_by_indicators([(canonical(value), condition) for value, condition in e.args]))
    if not e.args or isinstance(e, (Indexed, Idx, KroneckerDelta, Greatest, holds, *PIECES)):
        return e
    if isinstance(e, Sum):
        return _canonical_sum(e)
    if isinstance(e, log1p):
        return canonical(sympy.log(1 + e.args[0]))
    if isinstance(e, expm1):
        return canonical(sympy.exp(e.args[0]) - 1)
    if isinstance(e, sympy.tanh):
        return canonical(e.rewrite(sympy.exp))
    if isinstance(e, logistic | erfcx | log_betainc | log_betaincc):
        return canonical(e.definition())
    if isinstance(e, detached):
        return canonical(e.args[0])
    if isinstance(e, erfc):
        return canonical(1 - sympy.erf(e.args[0]))
    if isinstance(e, sympy.log):
        return _canonical_log(canonical(e.args[0]))
    return _expand(e.func(*map(canonical, e.args)))


def _by_indicators(cases: Sequence[tuple[Expr, Expr]]) -> Expr:
    """Pieces that positions choose, as a sum of products with indicators, which are 0 or 1."""
    (value, condition), *rest = cases
    condition = sympy.And(*(c for c in sympy.And.make_args(condition) if not _always(c)))
    if condition == sympy.true or not rest:
        return value
    return value * holds(condition) + _by_indicators(rest) * (1 - holds(condition))


def _always(relation: Any) -> bool:
    """Whether a comparison of positions holds for every value of their indices."""
    if not isinstance(relation, sympy.Ge | sympy.Gt | sympy.Le | sympy.Lt):
        return False
    least = sympy.expand(relation.gts - relation.lts)  # greater minus less
    for i in least.atoms(Idx):
        least = least.xreplace({i: i.lower if least.coeff(i).is_positive else i.upper})
    strict = isinstance(relation, sympy.Gt | sympy.Lt)
    return bool(least.is_positive if strict else least.is_nonnegative)


def _canonical_log(inside: Expr) -> Expr:
    # Every logarithm here is of a positive number (probabilities, sums of exponentials), so it splits over factors.
    return _expand(inside, lambda e: sympy.expand_log(sympy.log(sympy.factor(sympy.together(e))), force=True))


def _canonical_sum(e: Sum) -> Expr:
    body, bound = canonical(e.function), [limits[0] for limits in e.limits]
    while isinstance(body, Sum):
        bound += [limits[0] for limits in body.limits]
        body = body.function
    terms = sympy.Add.make_args(_expand(body))
    return _expand(sympy.Add(*(_sum_of_term(t, list(bound)) for t in terms)))


def _sum_of_term(term: Expr, bound: list[Idx]) -> Expr:
    for i in list(bound):
        for factor in sympy.Mul.make_args(term):
            if isinstance(factor, KroneckerDelta) and i in factor.args:
                (value,) = [a for a in factor.args if a != i]
                bound.remove(i)
                return _sum_of_term(canonical((term / factor).xreplace({i: value})), bound)
    inside: list[Expr] = []
    outside: list[Expr] = []
    for factor in sympy.Mul.make_args(_denominators_split(term)):
        (inside if bound and factor.has(*bound) else outside).append(factor)
    for factor in inside:
        if isinstance(factor, Sum):  # a sum inside a sum is one sum over both indices
            inner = with_fresh_bounds(factor)
            rest = sympy.Mul(*(f for f in sympy.Mul.make_args(term) if f is not factor))
            return canonical(Sum(rest * inner.function, *bound, *(limits[0] for limits in inner.limits)))
    if len(inside) == 1 and isinstance(inside[0], Share) and _is_share_out(inside[0], bound):
        return sympy.Mul(*outside)
    used = sympy.Mul(*inside)
    for i in [i for i in bound if not used.has(i)]:
        bound.remove(i)
        outside.append(i.upper - i.lower + 1)
    return sympy.Mul(*outside) * (_named_canonically(used, bound) if bound else used)


def _denominators_split(term: Expr) -> Expr:
    """SymPy expands a product in a denominator too: its factors are taken apart again."""

    def split(factor: Expr) -> Expr:
        if not (isinstance(factor, sympy.Pow) and factor.exp == -1 and factor.base.is_Add):
            return factor
        return sympy.Mul(*(f**-1 for f in sympy.Mul.make_args(sympy.factor_terms(factor.base))))

    return sympy.Mul(*map(split, sympy.Mul.make_args(term)))


def _is_share_out(share: Share, bound: list[Idx]) -> bool:
    """Over the index of their maximum, the shares sum to one: at a tie too, by definition."""
    element, greatest = share.args
    names = {limits[0]: i for limits, i in zip(greatest.limits, bound, strict=False)}
    return len(names) == len(bound) and greatest.function.xreplace(names) == element


def _named_canonically(body: Expr, bound: list[Idx]) -> Expr:
    """The same sum whatever its indices were called and in whichever order they were summed."""
    # Named by height, innermost lowest: an inner sum keeps its names when it is moved out of this one.
    depth = _height(body)
    candidates = []
    for order in permutations(bound):
        names = [Idx(sympy.Symbol(f"_{depth}_{p}", integer=True), (i.lower, i.upper)) for p, i in enumerate(order)]
        candidates.append(Sum(body.xreplace(dict(zip(order, names, strict=True))), *names))
    return min(candidates, key=sympy.default_sort_key)


def _height(e: Expr) -> int:
    if isinstance(e, Sum):
        return 1 + _height(e.function)
    return max((_height(a) for a in e.args), default=0)


def _numerator(e: Expr) -> Expr:
    """The numerator of e as a rational function of its atoms."""
    atoms: dict[Expr, Expr] = {}

    def atom(node: Expr, **assumptions: bool) -> Expr:
        return atoms.setdefault(node, sympy.Dummy(**assumptions))

    def flat(node: Expr) -> Expr:
        if isinstance(node, sympy.exp):
            powers = [term.as_coeff_Mul() for term in sympy.Add.make_args(_expand(node.args[0]))]
            return sympy.Mul(*(atom(sympy.exp(rest), positive=True) ** c for c, rest in powers))
        if isinstance(node, Sum | Greatest | Indexed | sympy.Function | Idx):
            return atom(node)
        return node.func(*map(flat, node.args)) if node.args else node

    numerator, _ = sympy.fraction(sympy.together(flat(e)))
    return _expand(numerator).xreplace({dummy: node for node, dummy in atoms.items()})


def _sums_cancel(e: Expr, given: Given) -> bool:
    """Sums over the same indices with bodies that cancel: Sum(a) - Sum(b) is Sum(a - b)."""
    joined: dict[tuple[Idx, ...], Expr] = {}
    for term in sympy.Add.make_args(e):
        sums = [f for f in sympy.Mul.make_args(term) if isinstance(f, Sum)]
        if len(sums) != 1:
            return False
        bound = tuple(limits[0] for limits in sums[0].limits)
        joined[bound] = joined.get(bound, 0) + term / sums[0] * sums[0].function
    return all(is_zero(body, given) for body in joined.values())


def _logs_cancel(e: Expr) -> bool:
    """Real numbers are equal when their exponentials are: for sums of logarithms with integer coefficients."""
    if not e.has(sympy.log):
        return False
    common = sympy.gcd_terms(sympy.Add(*(t for t in sympy.Add.make_args(e) if t.has(sympy.log))))
    for scale in {f for f in sympy.Mul.make_args(common) if not f.has(sympy.log)} | {sympy.S.One}:
        power = _expand(e / scale)
        if all(t.as_coeff_Mul()[0].is_Integer for t in sympy.Add.make_args(power)):
            parts = [_exponential(t) for t in sympy.Add.make_args(power)]
            if _numerator(sympy.Mul(*parts) - 1) == 0:
                return True
    return False


def _exponential(term: Expr) -> Expr:
    coefficient, rest = term.as_coeff_Mul()
    return rest.args[0] ** coefficient if isinstance(rest, sympy.log) else sympy.exp(term)
