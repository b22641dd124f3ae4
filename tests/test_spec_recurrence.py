"""Recurrences: variables that depend on themselves at another step, their order, their adjoints, where they are cut."""

import numpy as np
import pytest
import sympy
from sympy import Eq, Idx, KroneckerDelta, Mod, Piecewise, Sum

from fiducial.spec.calculus import adjoint
from fiducial.spec.entrywise import entry_by_entry, second_order_by_entry, tangent_by_entry
from fiducial.spec.evaluate import evaluate
from fiducial.spec.language import Expr, array, detached, index, integers, scalar, size
from fiducial.spec.numbers.ball_numbers import BallNumbers
from fiducial.spec.numbers.rounding import Rounding
from fiducial.spec.operation import REAL, Definition, define, labels
from fiducial.spec.system import System

T, N = size("T"), size("N")
t, n = index("t", T), index("n", N)
x, h, h0, before, y = map(array, "x h h0 before y".split())
L = scalar("L")


def carried(state: Expr, first: Expr) -> Expr:
    return Piecewise((first, Eq(t, 0)), (state, True))


def leaky() -> Definition:
    """h_t = h_(t-1) / 2 + x_t^2."""
    return define({x[n, t]: REAL, h0[n]: REAL}, {h[n, t]: carried(h[n, t - 1], h0[n]) / 2 + x[n, t] ** 2})


def backwards() -> Definition:
    """Runs from the last step to the first."""
    last = Piecewise((h0[n], Eq(t, T - 1)), (h[n, t + 1], True))
    return define({x[n, t]: REAL, h0[n]: REAL}, {h[n, t]: sympy.tanh(last * x[n, t])})


def two_back() -> Definition:
    """A Fibonacci sequence with weights."""
    rule = Piecewise((h0[n], t <= 1), (h[n, t - 1] * x[n, t] + h[n, t - 2], True))
    return define({x[n, t]: REAL, h0[n]: REAL}, {h[n, t]: rule})


def two_chains() -> Definition:
    """One recurrence feeds another, and the last state a number."""
    first = {h[n, t]: carried(h[n, t - 1], h0[n]) * x[n, t]}
    second = {y[n, t]: carried(y[n, t - 1], h0[n]) + sympy.exp(h[n, t] / 4)}
    return define({x[n, t]: REAL, h0[n]: REAL}, {**first, **second, L: Sum(y[n, T - 1], n)})


def cut() -> Definition:
    state = Piecewise((h0[n], Eq(t, 0)), (detached(h[n, t - 1]), Eq(Mod(t, 2), 0)), (h[n, t - 1], True))
    return define({x[n, t]: REAL, h0[n]: REAL}, {h[n, t]: sympy.tanh(state) * x[n, t]},
                  sizes={"beyond": ("T", T - 1)})  # fmt: skip


SYSTEMS = [leaky, backwards, two_back, two_chains, cut]


@pytest.mark.parametrize("make", SYSTEMS)
def test_derivatives_of_a_recurrence(make: object) -> None:
    definition = make()  # type: ignore[operator]
    assert entry_by_entry(definition).holds
    assert tangent_by_entry(definition).holds
    assert second_order_by_entry(definition).holds


def test_steps_run_in_the_order_of_their_dependence() -> None:
    (forward,) = [s for s in leaky().system.stages if s.step is not None]
    (backward,) = [s for s in backwards().system.stages if s.step is not None]
    assert (forward.backward, backward.backward) == (False, True)
    assert adjoint(leaky().system).recurrent == {"h", "dh_total"}
    (back,) = [s for s in adjoint(leaky().system).stages if s.backward]
    assert str(back.equations[0][0].base) == "dh_total"


def test_a_loop_in_python_gives_the_same() -> None:
    data = np.array([[1.0, 2.0, -0.5], [0.25, 4.0, 1.5]])
    start = np.array([0.5, -8.0])
    numbers = BallNumbers(Rounding.enclosure())
    found = evaluate(leaky().system, numbers, {"x": numbers.data(data), "h0": numbers.data(start)},
                     {"N": 2, "T": 3}, {})["h"]  # fmt: skip
    state, expected = start, []
    for k in range(3):
        state = state / 2 + data[:, k] ** 2
        expected.append(state)
    assert np.array_equal(found.mid, np.stack(expected, axis=1))


def test_no_steps_give_nothing() -> None:
    numbers = BallNumbers(Rounding.enclosure())
    arrays = {"x": numbers.data(np.zeros((2, 0))), "h0": numbers.data(np.zeros(2))}
    assert evaluate(leaky().system, numbers, arrays, {"N": 2, "T": 0}, {})["h"].shape == (2, 0)


def test_a_gradient_that_is_cut_has_another_derivative_and_the_same_value() -> None:
    whole = Piecewise((h0[n], Eq(t, 0)), (h[n, t - 1], True))
    full = define({x[n, t]: REAL, h0[n]: REAL}, {h[n, t]: sympy.tanh(whole) * x[n, t]}).system
    numbers = BallNumbers(Rounding.enclosure())
    ones = {name: numbers.data(np.full(shape, 0.75)) for name, shape in (("x", (1, 4)), ("h0", (1,)), ("dh", (1, 4)))}
    sizes = {"N": 1, "T": 4}
    one, other = (evaluate(adjoint(s), numbers, ones, sizes, {}) for s in (cut().system, full))
    assert np.array_equal(one["h"].mid, other["h"].mid)
    assert np.array_equal(one["dx"].mid[:, 2:], other["dx"].mid[:, 2:])
    assert not np.any(one["dx"].mid[:, 1] == other["dx"].mid[:, 1])


def test_mutual_dependence_at_one_step_is_refused() -> None:
    system = System((x[n, t],), {h[n, t]: y[n, t] + x[n, t], y[n, t]: h[n, t] / 2}, (y[n, t],))
    with pytest.raises(ValueError, match="h, y depend on one another at the same step|y, h depend"):
        _ = system.stages


def test_reading_both_ways_is_refused() -> None:
    system = System((x[n, t],), {h[n, t]: h[n, t - 1] + h[n, t + 1]}, (h[n, t],))
    with pytest.raises(ValueError, match="depend on one another"):
        _ = system.stages


def test_bound_indices_are_not_captured_by_the_ones_that_replace_them() -> None:
    """A sum over j inside the slope of an equation in k, for a variable that is read at j: it was captured once."""
    j, k = index("j", N), index("k", N)
    r, w = array("r"), array("w")
    inner = Sum(w[k, j] * x[k, t] * r[k], k)
    definition = define({x[k, t]: REAL, w[k, j]: REAL}, {r[j]: Sum(x[j, t], t) ** 2, y[j, t]: sympy.tanh(inner / 8)})
    assert second_order_by_entry(definition).holds


def test_scattered_places_outside_are_dropped_and_repeats_add_up() -> None:
    places, v = integers("places"), Idx("v", size("V"))
    counted = define({x[n]: REAL, places[n]: labels("V")}, {y[v]: Sum(KroneckerDelta(v, places[n]) * x[n], n)}).system
    numbers = BallNumbers(Rounding.enclosure())
    arrays = {"x": numbers.data(np.array([1.0, 2.0, 4.0, 8.0])), "places": np.array([1, 1, -1, 0])}
    assert evaluate(counted, numbers, arrays, {"N": 4, "V": 3}, {})["y"].mid.tolist() == [8.0, 3.0, 0.0]
