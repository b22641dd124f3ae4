"""The index calculus against SymPy's derivative of every entry by every entry, beyond what the catalogue needs."""

import pytest
import sympy
from sympy import Function, Idx, KroneckerDelta, Max, Piecewise, Sum, exp, log

from fiducial.spec.calculus import adjoint, partials, tangent
from fiducial.spec.entrywise import entry_by_entry, second_order_by_entry, shapes_hold, tangent_by_entry
from fiducial.spec.language import Greatest, array, index, integers, scalar, size
from fiducial.spec.operation import REAL, Definition, define, labels
from fiducial.spec.system import System

I, J, K, N = map(size, "IJKN")
i, j, k, n = (index(*p) for p in zip("ijkn", (I, J, K, N), strict=True))
x, y, z, w = map(array, "xyzw")
L = scalar("L")


def wide(name: str, length: sympy.Expr) -> Idx:
    """An index whose range is an expression in the sizes."""
    return index(name, length)


def strided() -> Definition:
    m = wide("m", 2 * I + J)
    return define({x[m]: REAL, w[j]: REAL}, {y[i]: Sum(x[2 * i + j] ** 2 * w[j], j)})


def dilated() -> Definition:
    m = wide("m", I + 3 * J)
    return define({x[m]: REAL, w[j]: REAL}, {y[i]: Sum(x[i + 3 * j] * w[j], j)})


def strided_and_dilated() -> Definition:
    m = wide("m", 2 * I + 3 * J)
    return define({x[m]: REAL, w[j]: REAL}, {y[i]: Sum(x[2 * i + 3 * j] * w[j], j)})


def correlation() -> Definition:
    m = wide("m", I + J - 1)
    return define({x[m]: REAL, w[j]: REAL}, {y[i]: Sum(x[i + j] * w[j], j)})


def padded() -> Definition:
    """The window starts one element before the array and ends one after it: a guard keeps what lies inside."""
    inside = (i + j >= 1) & (i + j <= I)
    return define({x[i]: REAL, w[j]: REAL}, {y[i]: Sum(Piecewise((x[i + j - 1] * w[j], inside), (0, True)), j)})


def reversed_order() -> Definition:
    return define({x[i]: REAL}, {y[i]: x[I - 1 - i] ** 2 * x[i]})


def trace() -> Definition:
    k2 = Idx("k'", (0, K - 1))
    return define({x[k, k2]: REAL}, {L: Sum(x[k, k] ** 2, k)})


def diagonal() -> Definition:
    k2 = Idx("k'", (0, K - 1))
    return define({x[k, k2]: REAL}, {y[k]: exp(x[k, k])})


def transposed() -> Definition:
    k2 = Idx("k'", (0, K - 1))
    return define({x[k, k2]: REAL}, {y[k, k2]: x[k2, k] * x[k, k2]})


def fixed_position() -> Definition:
    return define({x[i]: REAL}, {y[i]: x[0] * x[i]})


def looked_up() -> Definition:
    at = integers("t")
    return define({x[n, k]: REAL, at[n]: labels("K")}, {y[n]: exp(x[n, at[n]]) * x[n, at[n]]})


def looked_up_in_a_sum() -> Definition:
    at = integers("t")
    return define({x[k]: REAL, at[n]: labels("K")}, {L: Sum(x[at[n]] ** 3, n)})


def captured() -> Definition:
    """z has the index j, over which y is summed too: y[j] z[j] would be the silent mistake."""
    return define({y[j]: REAL, z[j]: REAL}, {x[j]: Sum(y[j] ** 2, j) * z[j], L: Sum(x[j] ** 2, j)})


def captured_through_a_variable() -> Definition:
    return define({x[n, k]: REAL}, {y[n]: Sum(x[n, k], k), w[n, k]: y[n] * x[n, k], z[n]: Sum(w[n, k] * y[n], k)})


def nested_sums() -> Definition:
    return define({x[i]: REAL, w[i, j]: REAL}, {L: Sum(x[i] * log(Sum(exp(w[i, j] * x[i]), j)), i)})


def used_twice() -> Definition:
    """An output that another output is made of: its adjoint has two sources."""
    return define({x[i]: REAL}, {y[i]: exp(x[i]), z[i]: y[i] ** 2 * x[i]}, outputs=[y[i], z[i]])


def greatest_of_a_sum() -> Definition:
    return define({x[n, k]: REAL, w[k]: REAL}, {y[n]: Greatest(x[n, k] * w[k], k)})


def greatest_in_a_window() -> Definition:
    m = wide("m", 2 * I + J)
    return define({x[m]: REAL}, {y[i]: Greatest(x[2 * i + j], j)})


def unused_input() -> Definition:
    return define({x[i]: REAL, w[j]: REAL}, {y[i]: Max(x[i], 0) ** 2})


def broadcast() -> Definition:
    """Neither factor has the result's indices."""
    return define({x[i]: REAL, w[j]: REAL}, {y[i, j]: x[i] * w[j], L: Sum(y[i, j] ** 2, i, j)})


CASES = [
    strided, dilated, strided_and_dilated, correlation, padded, reversed_order, trace, diagonal, transposed,
    fixed_position, looked_up, looked_up_in_a_sum, captured, captured_through_a_variable, nested_sums, used_twice,
    greatest_of_a_sum, greatest_in_a_window, unused_input, broadcast,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_calculus_gives_the_entries_own_derivatives(case):
    definition = case()
    for check in (entry_by_entry, tangent_by_entry, second_order_by_entry):
        seen = check(definition)
        assert seen.holds, f"{check.__name__}: {seen}"
    assert shapes_hold(definition)


def test_a_wrong_gradient_is_seen():
    for factor, right in ((2, True), (-2, False), (sympy.Rational(2001, 1000), False)):
        definition = define({x[i]: REAL}, {y[i]: x[i] ** 2}, gradients={x[i]: factor * array("dy")[i] * x[i]})
        assert entry_by_entry(definition).holds is right


def test_a_transposed_gradient_is_seen():
    """Rows and columns are as many: only the entries tell."""
    row, column = Idx("r", (0, K - 1)), Idx("c", (0, K - 1))
    for gradient, right in ((y[row, column], True), (y[column, row], False)):
        product = Sum(x[row, column] * y[row, column], row, column)
        definition = define({x[row, column]: REAL, y[row, column]: REAL}, {L: product},
                            gradients={x[row, column]: scalar("dL") * gradient})  # fmt: skip
        assert entry_by_entry(definition).holds is right


def test_a_gradient_with_an_index_too_many_is_seen():
    definition = define({x[i]: REAL, w[j]: REAL}, {L: Sum(x[i], i) * Sum(w[j], j)},
                        gradients={x[i]: scalar("dL") * w[j]})  # fmt: skip
    assert not shapes_hold(definition)


@pytest.fixture
def forgetful(monkeypatch, tmp_path):
    """Nothing that a planted fault derives is kept."""
    monkeypatch.setenv("FIDUCIAL_CACHE", str(tmp_path))
    monkeypatch.setattr("fiducial.spec.cache._memory", {})


def test_a_stride_that_is_forgotten_is_seen(monkeypatch, forgetful):
    def careless(expression, want, summed):
        for s in summed:
            coefficient = sympy.expand(expression).coeff(s)
            if coefficient != 0:
                return s, want - sympy.expand(expression - coefficient * s)
        return None

    monkeypatch.setattr("fiducial.spec.calculus._solve", careless)
    assert not entry_by_entry(strided_and_dilated()).holds


def test_a_captured_index_is_seen(monkeypatch, forgetful):
    monkeypatch.setattr("fiducial.spec.calculus._fresh_index", lambda i: i)
    assert not entry_by_entry(captured()).holds


def test_a_guard_that_is_left_out_is_seen(monkeypatch, forgetful):
    monkeypatch.setattr("fiducial.spec.calculus.Piecewise", lambda *cases: cases[0][0])
    assert not entry_by_entry(correlation()).holds


def test_the_derivative_of_a_stride_keeps_a_delta():
    """x[2 i + j]: for one j, only every second element is read."""
    m = wide("m", 2 * I + J)
    system = define({x[m]: REAL}, {y[i]: x[2 * i + 1]}).system
    gradient = adjoint(system).declared()["dx"]
    assert adjoint(system).equations[gradient].has(KroneckerDelta)


def test_an_undefined_function_obeys_the_chain_rule():
    f = Function("f")
    ((target, bound, coefficient),) = partials(f(x[i] ** 2), frozenset({"x"}))
    assert (target, bound) == (x[i], ())
    assert sympy.simplify(coefficient.subs(f, sympy.sin).doit() - 2 * x[i] * sympy.cos(x[i] ** 2)) == 0


def test_a_variable_has_one_equation_and_an_output_has_one():
    with pytest.raises(ValueError, match="defined twice"):
        System((x[i],), {x[i]: y[i]}, ())
    with pytest.raises(ValueError, match="no equation"):
        System((x[i],), {}, (y[i],))


def test_the_tangent_of_the_tangent_is_the_second_derivative():
    system = define({x[i]: REAL}, {y[i]: x[i] ** 3}).system
    twice = tangent(tangent(system), "u")
    (lhs,) = twice.outputs
    assert sympy.expand(twice.equations[lhs] - 6 * x[i] * array("tx")[i] * array("ux")[i]
                        - 3 * x[i] ** 2 * array("utx")[i]) == 0  # fmt: skip
