"""Certified spectra and exact gradients, against closed forms and against differences at high precision."""

from fractions import Fraction

import flint
import numpy as np
import pytest
from flint import arb, arb_mat

from fiducial.spec.numbers import matrix_gradients
from fiducial.spec.numbers.certified import _adjugate
from fiducial.spec.numbers.spectrum import (
    clusters,
    columns,
    eigenvalues,
    exactly,
    frobenius,
    identity,
    in_arb,
    projector,
    singular_values,
)

RNG = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def _precision():
    with flint.ctx.workprec(300):
        yield


def test_degenerate_and_defective_matrices_keep_their_multiplicities():
    assert [float(w) for w in eigenvalues(np.ones((4, 4)))] == [0, 0, 0, 4]
    assert [float(w) for w in eigenvalues(np.array([[2.0, 1, 0], [1, 2, 0], [0, 0, 3]]))] == [1, 3, 3]
    assert [float(s) for s in singular_values(np.array([[0.0, 2], [2, 0], [0, 0]]))] == [2, 2]
    assert eigenvalues(np.zeros((0, 0))) == []


def test_two_by_two_in_closed_form():
    a, b, d = 1.25, -0.75, 3.5
    root = ((arb(a) - d) ** 2 + 4 * arb(b) ** 2).sqrt()
    for w, exact in zip(eigenvalues(np.array([[a, b], [b, d]])), ((a + d - root) / 2, (a + d + root) / 2), strict=True):
        assert w.overlaps(exact) and w.rel_accuracy_bits() > 250


def test_singular_values_are_eigenvalues_of_the_augmented_matrix():
    a = RNG.normal(size=(4, 3))
    both = np.block([[np.zeros((4, 4)), a], [a.T, np.zeros((3, 3))]])
    for s, w in zip(singular_values(a), eigenvalues(both)[::-1], strict=False):
        assert s.overlaps(w)


def test_projectors_split_the_identity():
    a = RNG.integers(-3, 4, (5, 5)).astype(float)
    a = a + a.T
    values = eigenvalues(a)
    parts = [projector(in_arb(exactly(a)), values, group) for group in clusters(values, arb(1e-6))]
    total = sum(parts, arb_mat(5, 5))
    assert float(frobenius(total - identity(5)).upper()) < 1e-60
    for p in parts:
        assert float(frobenius(p * p - p).upper()) < 1e-60


def test_adjugate():
    a = exactly(np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]))  # singular: there is no inverse to take it from
    assert (a * _adjugate(a)).entries() == [0] * 9
    b = exactly(np.array([[2.0, 1], [1, 3]]))
    assert (b * _adjugate(b)).entries() == [5, 0, 0, 5]


STEP = Fraction(1, 2**60)


def difference(function, table):
    """The gradient of a number by every entry, by central differences of exact data; off by about STEP squared."""
    found = np.empty(table.shape)
    for place in np.ndindex(table.shape):
        sides = []
        for sign in (1, -1):
            entries = [Fraction(float(x)) for x in table.ravel()]
            entries[np.ravel_multi_index(place, table.shape)] += sign * STEP
            sides.append(function([flint.fmpq(x.numerator, x.denominator) for x in entries]))
        found[place] = float((sides[0] - sides[1]) / (2 * arb(float(STEP))))
    return found


def assert_close(found, wanted):
    """Differences at 300 bits are off by about STEP^2; only the rounding to float64 is left, of numbers up to 1e3."""
    assert np.max(np.abs(found - wanted)) <= 2.0**-40 * np.max(np.abs(wanted))


def as_floats(matrix):
    return np.array([[float(matrix[i, j]) for j in range(matrix.ncols())] for i in range(matrix.nrows())])


def test_gradients_of_determinant_inverse_and_solution():
    a, b = RNG.normal(size=(3, 3)), RNG.normal(size=(3, 2))
    g, h = RNG.normal(size=(3, 3)), RNG.normal(size=(3, 2))
    matrix = lambda entries: flint.fmpq_mat(3, 3, entries)  # noqa: E731
    weighted = lambda m, weights: sum(  # noqa: E731
        (arb(x) * w for x, w in zip(m.entries(), weights.ravel().tolist(), strict=True)), arb(0)
    )
    (found, _), *_ = matrix_gradients.det_gradient({"a": a, "ddet": np.array(1.5)})
    assert_close(as_floats(found), difference(lambda e: arb(matrix(e).det()) * 1.5, a))
    (found, _), *_ = matrix_gradients.inverse_gradient({"a": a, "dx": g})
    assert_close(as_floats(found), difference(lambda e: weighted(matrix(e).inv(), g), a))
    (by_a, _), (by_b, _) = matrix_gradients.solve_gradient({"a": a, "b": b, "dx": h})
    solved = lambda e: weighted(matrix(e).inv() * exactly(b), h)  # noqa: E731
    assert_close(as_floats(by_a), difference(solved, a))
    other = lambda e: weighted(exactly(a).inv() * flint.fmpq_mat(3, 2, e), h)  # noqa: E731
    assert_close(as_floats(by_b), difference(other, b))


def test_gradient_of_least_squares():
    x, y, g = RNG.normal(size=(5, 2)), RNG.normal(size=5), RNG.normal(size=2)
    fit = lambda t, v: (t.transpose() * t).inv() * (t.transpose() * v)  # noqa: E731
    weighted = lambda m: sum((arb(m[k, 0]) * float(g[k]) for k in range(2)), arb(0))  # noqa: E731
    (by_x, _), (by_y, _) = matrix_gradients.least_squares_gradient({"X": x, "y": y, "dcoefficients": g})
    target = exactly(y.reshape(-1, 1))
    moved = difference(lambda e: weighted(fit(flint.fmpq_mat(5, 2, e), target)), x)
    assert_close(as_floats(by_x), moved)
    moved = difference(lambda e: weighted(fit(exactly(x), flint.fmpq_mat(5, 1, e))), y)
    assert_close(as_floats(by_y)[:, 0], moved)


def test_gradient_of_the_symmetric_eigenproblem():
    """Of sum dw w + <dv, v>, v from the exact projectors, so that nothing is taken from an eigensolver but signs."""
    a = RNG.normal(size=(4, 4))
    a = (a + a.T) / 2
    w, v = np.linalg.eigh(a)
    dw, dv = RNG.normal(size=4), RNG.normal(size=(4, 4))

    def value(entries):
        m = flint.fmpq_mat(4, 4, entries)
        m = (m + m.transpose()) * flint.fmpq(1, 2)
        roots = sorted((z.real for z in (r for r, _ in m.charpoly().numer().complex_roots())), key=float)
        total = arb(0)
        for k, root in enumerate(roots):
            u = projector(in_arb(m), roots, [k]) * columns(v, [k])
            u = u / frobenius(u)
            total += root * float(dw[k]) + sum((u[i, 0] * float(dv[i, k]) for i in range(4)), arb(0))
        return total

    ((found, _),) = matrix_gradients.eigh_gradient({"a": a, "w": w, "v": v, "dw": dw, "dv": dv})
    assert_close(as_floats(found), difference(value, a))


def test_gradient_of_the_singular_value_decomposition():
    for shape in ((4, 3), (3, 4)):
        a = RNG.normal(size=shape)
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        du, ds, dvh = RNG.normal(size=u.shape), RNG.normal(size=s.shape), RNG.normal(size=vh.shape)

        def value(entries, shape=shape, vh=vh, du=du, ds=ds, dvh=dvh):
            m = flint.fmpq_mat(*shape, entries)
            squares = sorted((r.real for r, _ in (m.transpose() * m).charpoly().numer().complex_roots()),
                             key=lambda x: -float(x))  # fmt: skip
            total = arb(0)
            for k in range(min(shape)):
                y = projector(in_arb(m.transpose() * m), squares, [k]) * columns(vh.T, [k])
                y = y / frobenius(y)
                x = in_arb(m) * y / squares[k].sqrt()
                total += squares[k].sqrt() * float(ds[k])
                total += sum((x[i, 0] * float(du[i, k]) for i in range(shape[0])), arb(0))
                total += sum((y[j, 0] * float(dvh[k, j]) for j in range(shape[1])), arb(0))
            return total

        arrays = {"a": a, "u": u, "s": s, "vh": vh, "du": du, "ds": ds, "dvh": dvh}
        ((found, _),) = matrix_gradients.svd_gradient(arrays)
        assert_close(as_floats(found), difference(value, a))


def test_gradients_at_degenerate_spectra_are_those_of_the_sum_only():
    """Of the trace, the identity; of the sum of the singular values of an orthogonal matrix, that matrix."""
    a = np.array([[2.0, 1, 0], [1, 2, 0], [0, 0, 3]])
    same = {"a": a, "w": np.array([1.0, 3, 3]), "v": np.eye(3), "dw": np.full(3, 1.5), "dv": np.zeros((3, 3))}
    ((found, _),) = matrix_gradients.eigh_gradient(same)
    assert_close(as_floats(found), 1.5 * np.eye(3))
    assert matrix_gradients.eigh_gradient({**same, "dw": np.array([1.0, 2, 3])}) == []
    assert matrix_gradients.eigh_gradient({**same, "dv": np.ones((3, 3))}) == []
    q = np.array([[0.0, 2], [2, 0], [0, 0]])
    zeros = {
        "u": np.eye(3)[:, :2],
        "s": np.full(2, 2.0),
        "vh": np.eye(2),
        "du": np.zeros((3, 2)),
        "dvh": np.zeros((2, 2)),
    }
    ((found, _),) = matrix_gradients.svd_gradient({"a": q, **zeros, "ds": np.full(2, 1.5)})
    assert_close(as_floats(found), 0.75 * q)
    assert matrix_gradients.svd_gradient({"a": q, **zeros, "ds": np.array([1.0, 2])}) == []
