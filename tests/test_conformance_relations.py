"""Relations find what is wrong in a decomposition and let every right one pass, whichever it is."""

import numpy as np
import pytest

from fiducial.conformance import Deviation, check
from fiducial.conformance.levels import Plan, examine
from fiducial.conformance.relations import _planted
from fiducial.conformance.subject import from_functions
from fiducial.refimpl import eigh_vjp, svd_vjp
from fiducial.spec.catalogue import CATALOGUE


def right_eigh(a):
    return np.linalg.eigh(a)


def svd(a):
    return np.linalg.svd(a, full_matrices=False)


def _columns_exchanged(a):
    w, v = np.linalg.eigh(a)
    return w, v[:, ::-1].copy()


def _one_vector_twice(a):
    w, v = np.linalg.eigh(a)
    return w, np.concatenate([v[:, :1], v[:, :-1]], axis=1)


def _descending(a):
    w, v = np.linalg.eigh(a)
    return w[::-1].copy(), v[:, ::-1].copy()


def _half_precision(a):
    w, v = np.linalg.eigh(a)
    return w, v.astype(np.float16).astype(a.dtype)


def _not_normalised(a):
    w, v = np.linalg.eigh(a)
    return w, v * a.dtype.type(1.5)


def _rows_for_columns(a):
    w, v = np.linalg.eigh(a)
    return w, v.T.copy()


def _nan(a):
    w, v = np.linalg.eigh(a)
    return w, v * np.nan


WRONG_EIGH = [_columns_exchanged, _one_vector_twice, _descending, _half_precision, _not_normalised, _rows_for_columns,
              _nan]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_EIGH, ids=lambda f: f.__name__.strip("_"))
def test_a_wrong_symmetric_decomposition_is_found(wrong):
    with pytest.raises(Deviation, match="eigh"):
        check(wrong, "eigh")


@pytest.mark.parametrize(("units", "band"), [(90, "ok"), (200, "loose"), (5000, "wrong")])
def test_vectors_that_are_less_orthogonal_than_those_of_qr_are_loose(units, band):
    """As those of relatively robust representations may be; any basis is right for a multiple of the identity."""

    def skewed(a):
        w, v = np.linalg.eigh(a)
        if len(a) == 4 and np.array_equal(a, np.eye(4)):
            v[0, 1] = units * 4 * np.finfo(a.dtype).eps / 2
        return w, v

    subject = from_functions({"eigh": skewed})
    result = examine(subject, CATALOGUE["eigh"], "special", "float64", Plan(profile="quick"))
    assert result.outcome == band, result.message


def test_signs_and_bases_of_eigenspaces_are_free():
    def other(a):
        w, v = np.linalg.eigh(a)
        v = v * np.where(np.arange(len(w)) % 2, -1, 1).astype(a.dtype)
        if np.array_equal(a, np.ones((4, 4))):  # the eigenvalue 0 is threefold: any basis of its space will do
            q = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
            v = np.concatenate([(v[:, :3].astype(float) @ q).astype(a.dtype), v[:, 3:]], axis=1)
        return w, v

    assert {r.outcome for r in check(other, "eigh", profile="full")} <= {"tight", "not_provided"}


def test_the_signs_of_singular_vectors_go_together():
    def untied(a):
        u, s, vh = svd(a)
        return -u, s, vh

    def tied(a):
        u, s, vh = svd(a)
        return -u, s, -vh

    with pytest.raises(Deviation, match="a = u diag"):
        check(untied, "svd")
    assert check(tied, "svd")


def test_an_eigenvalue_found_twice_is_seen_by_the_traces():
    def twice(a):
        w, v = np.linalg.eig(a)
        return np.concatenate([w[:1], w[:-1]]), np.concatenate([v[:, :1], v[:, :-1]], axis=1)

    with pytest.raises(Deviation, match="sums of powers"):
        check(twice, "eig")


def _pca(x, n_components, ddof=1):
    mean = x.mean(axis=0)
    _, s, vh = svd(x - mean)
    return mean, vh[:n_components], (s * s)[:n_components] / (len(x) - ddof)


def test_principal_components():
    def reversed_variances(x, *, n_components=None, ddof=1):
        mean, components, variances = _pca(x, n_components, ddof)
        return mean, components, variances[::-1].copy()

    def not_centred(x, *, n_components=None, ddof=1):
        _, s, vh = svd(x)
        return x.mean(axis=0), vh[:n_components], (s * s)[:n_components] / (len(x) - ddof)

    def biased(x, *, n_components=None, ddof=1):
        return _pca(x, n_components, 0)

    for wrong in (reversed_variances, not_centred, biased):
        with pytest.raises(Deviation, match="pca"):
            check(wrong, "pca")
    assert check(lambda x, *, n_components=None, ddof=1: _pca(x, n_components, ddof), "pca")


def test_least_squares_by_the_normal_equations_is_found():
    def normal_equations(X, y):
        return np.linalg.solve(X.T @ X, X.T @ y)

    def by_qr(X, y):
        q, r = np.linalg.qr(X)
        return np.linalg.solve(r, q.T @ y)

    assert check(by_qr, "least_squares", dtypes=["float32"])
    with pytest.raises(Deviation, match="least_squares"):
        hard = lambda X, y: normal_equations(X.astype(np.float32), y.astype(np.float32))  # noqa: E731
        check(lambda X, y: hard(X, y).astype(X.dtype), "least_squares", dtypes=["float64"])


def test_gradients_of_decompositions():
    def sign_of_the_gaps(cotangent, a):
        dw, dv = cotangent
        return eigh_vjp((dw, -dv), a)

    def without_the_other_subspace(cotangent, a):
        du, ds, dvh = cotangent
        return svd_vjp((np.zeros_like(du), ds, dvh), a)

    assert check(right_eigh, "eigh", vjp=eigh_vjp)
    assert check(svd, "svd", vjp=svd_vjp)
    with pytest.raises(Deviation, match="gradient of a"):
        check(right_eigh, "eigh", vjp=sign_of_the_gaps)
    with pytest.raises(Deviation, match="gradient of a"):
        check(svd, "svd", vjp=without_the_other_subspace)


def test_a_zero_answer_must_be_able_to_fail():
    assert [len(list(_planted([np.zeros(shape)]))) for shape in ((), (3,), (0, 0))] == [1, 1, 0]
    assert len(list(_planted([np.ones(2), np.eye(2)]))) == 5


def test_inverse_and_solution():
    assert check(np.linalg.inv, "inverse")
    assert check(np.linalg.solve, "solve")
    with pytest.raises(Deviation, match="inverse"):
        check(lambda a: np.linalg.inv(a).T.copy(), "inverse")
    with pytest.raises(Deviation, match="solve"):
        check(lambda a, b: np.linalg.solve(a.T, b), "solve")
    with pytest.raises(Deviation, match="det"):
        check(lambda a: np.asarray(abs(np.linalg.det(a)), dtype=a.dtype), "det")
