"""Principal components: the greatest variance, the least reconstruction error, the decomposition of centred data."""

from __future__ import annotations

import sympy
from flint import fmpq, fmpq_mat
from sympy import Matrix, Symbol, diff

from fiducial.spec.demonstrations.determinants import listed, rational
from fiducial.spec.demonstrations.exact import Pair, entries
from fiducial.spec.demonstrations.singular import spanned, squares
from fiducial.spec.demonstrations.symmetric import column, diagonal, orthogonal, rotation
from fiducial.spec.theorems import Derived

m, ddof, N = (Symbol(name, positive=True) for name in ("m", "ddof", "N"))


QUATERNION = sympy.symbols("q:4", real=True)


def _space_rotation() -> Matrix:
    """Euler and Rodrigues: every rotation of space, from four numbers of any length."""
    a, b, c, d = QUATERNION
    turn = Matrix([[a**2 + b**2 - c**2 - d**2, 2 * (b * c - a * d), 2 * (b * d + a * c)],
                   [2 * (b * c + a * d), a**2 - b**2 + c**2 - d**2, 2 * (c * d - a * b)],
                   [2 * (b * d - a * c), 2 * (c * d + a * b), a**2 - b**2 - c**2 + d**2]])  # fmt: skip
    return turn / (a**2 + b**2 + c**2 + d**2)


VARIANCES = sympy.symbols("l1:4", positive=True)


def _greatest_variance() -> list[Pair]:
    """The gradient of w^T C w - l (w^T w - 1); then w = V c in the eigenvectors of C, with c^T c = 1."""
    covariance = Matrix(3, 3, lambda i, j: Symbol(f"c{min(i, j)}{max(i, j)}", real=True))
    w, multiplier = Matrix(sympy.symbols("w:3", real=True)), Symbol("l", real=True)
    lagrangian = (w.T * covariance * w)[0] - multiplier * ((w.T * w)[0] - 1)
    slopes = Matrix([diff(lagrangian, e) for e in w])
    c, vectors = Matrix(sympy.symbols("c:3", real=True)), _space_rotation()
    inner = (vectors.T * vectors).applyfunc(sympy.cancel)
    value = (c.T * inner * sympy.diag(*VARIANCES) * inner * c)[0]
    lost = sum((VARIANCES[0] - VARIANCES[i]) * c[i] ** 2 for i in (1, 2))
    return [*entries(slopes, 2 * (covariance * w - multiplier * w)),
            (sympy.expand((w.T * slopes)[0] / 2 + multiplier * (w.T * w)[0]), sympy.expand((w.T * covariance * w)[0])),
            (sympy.expand(VARIANCES[0] * (c.T * inner * c)[0] - value), sympy.expand(lost))]  # fmt: skip


def _reconstruction() -> list[Pair]:
    """E|x - P x|^2 = tr((I - P)^T (I - P) C), for the projection P = B B^T on any k orthonormal columns.

    In the coordinates of the eigenvectors C is diagonal, and their own span has B = I[:, :k].
    """
    turn, covariance, pairs = _space_rotation(), sympy.diag(*VARIANCES), []
    first, last = VARIANCES[0], VARIANCES[2]
    excess = (sum((first - l) * turn[i, 0] ** 2 for i, l in enumerate(VARIANCES)),
              sum((l - last) * turn[i, 2] ** 2 for i, l in enumerate(VARIANCES)))  # fmt: skip
    for kept in (1, 2):
        basis = turn[:, :kept]
        inner = (basis.T * basis).applyfunc(sympy.cancel)
        error = (covariance - 2 * basis * basis.T * covariance + basis * inner * basis.T * covariance).trace()
        pairs.append((error, sum(VARIANCES[kept:]) + excess[kept - 1]))
        own = dict(zip(QUATERNION, (1, 0, 0, 0), strict=True))
        pairs.append((error.subs(own), sum(VARIANCES[kept:])))
    return pairs


def _from_decomposition() -> list[Pair]:
    """Centred data X = U S V^T, U and V orthogonal: the covariance matrix and the scores X V."""
    scale, v, freedom = sympy.diag(*sympy.symbols("s1:3", positive=True)), rotation(m), N - ddof
    u = _space_rotation()[:, :2]
    inner = (u.T * u).applyfunc(sympy.cancel)  # of X^T X = V S (U^T U) S V^T
    covariance = v * scale * inner * scale * v.T / freedom
    scores = (v.T * covariance * v).applyfunc(sympy.cancel)
    return [*entries((covariance * v).applyfunc(sympy.cancel), (v * scale**2 / freedom).applyfunc(sympy.cancel)),
            *entries(scores, scale**2 / freedom)]  # fmt: skip


# Four observations: orthogonal columns that are orthogonal to (1, 1, 1, 1) too, so that they are centred.
CENTRED = fmpq_mat([[fmpq(sign, 2) for sign in row] for row in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))])
SINGULAR, OFFSETS = (7, 3, fmpq(1, 2)), (fmpq(5), fmpq(-1, 3), fmpq(2))


def _data() -> tuple[list[list[fmpq]], fmpq_mat]:
    """Observations with known singular values, and their right singular vectors."""
    vectors = orthogonal(4, 3)
    centred = spanned(CENTRED, SINGULAR, vectors)
    return [[centred[n, j] + OFFSETS[j] for j in range(3)] for n in range(4)], vectors


def _covariance(data: list[list[fmpq]], freedom: int) -> fmpq_mat:
    """By its definition, entry by entry."""
    means = [sum((row[j] for row in data), fmpq(0)) / len(data) for j in range(3)]
    return fmpq_mat([[sum(((row[i] - means[i]) * (row[j] - means[j]) for row in data), fmpq(0)) / freedom
                      for j in range(3)] for i in range(3)])  # fmt: skip


def _variance_along(w: fmpq_mat, data: list[list[fmpq]]) -> fmpq:
    """Of the observations' components along w / |w|, with N - 1."""
    scores = [sum((w[j, 0] * row[j] for j in range(3)), fmpq(0)) for row in data]
    centre = sum(scores, fmpq(0)) / len(scores)
    return fmpq(squares(score - centre for score in scores) / (len(scores) - 1) / squares(listed(w)))


def _seen_greatest_variance() -> list[Pair]:
    data, vectors = _data()
    greatest = fmpq(SINGULAR[0]) ** 2 / 3
    pairs: list[Pair] = [(_variance_along(column(vectors, 0), data), greatest)]
    return pairs + [(bool(_variance_along(rational(seed, 3, 1), data) < greatest), True) for seed in range(1, 12)]


def _left_over(data: list[list[fmpq]], basis: fmpq_mat) -> fmpq:
    """The mean squared distance (with N - 1) of the observations from the mean plus the span of some columns."""
    onto = basis * (basis.transpose() * basis).inv() * basis.transpose()
    means = [sum((row[j] for row in data), fmpq(0)) / 4 for j in range(3)]
    centred = fmpq_mat([[row[j] - means[j] for j in range(3)] for row in data])
    return fmpq(squares(listed(centred - centred * onto))) / 3


def _seen_reconstruction() -> list[Pair]:
    """Any other line or plane leaves more."""
    data, vectors = _data()
    pairs: list[Pair] = []
    for kept in (1, 2):
        least = sum((fmpq(value) ** 2 for value in SINGULAR[kept:]), fmpq(0)) / 3
        basis = fmpq_mat([[vectors[i, j] for j in range(kept)] for i in range(3)])
        pairs.append((_left_over(data, basis), least))
        pairs += [(bool(_left_over(data, rational(seed, 3, kept)) > least), True) for seed in range(2, 9)]
    return pairs


def _seen_from_decomposition() -> list[Pair]:
    data, vectors = _data()
    pairs: list[Pair] = []
    for freedom in (3, 4):
        widths = diagonal([fmpq(value) ** 2 / freedom for value in SINGULAR])
        pairs += zip(listed(_covariance(data, freedom) * vectors), listed(vectors * widths), strict=True)
    return pairs


PCA = (
    Derived("variance along w: w^T C w on w^T w = 1 is stationary where C w = l w, its value there is l; with w = Sum "
            "c_i v_i it lacks Sum (l1 - l_i) c_i^2 >= 0 of the greatest (n = 3)",
            _greatest_variance, _seen_greatest_variance),
    Derived("the mean squared distance from the span of the first k eigenvectors is the sum of the discarded "
            "eigenvalues; any other k directions u leave Sum (l1 - l_i) u_i^2 (k = 1), or Sum (l_i - l3) u_i^2 with "
            "the direction u left out (k = 2), >= 0 more (n = 3)", _reconstruction, _seen_reconstruction),
    Derived("centred data U S V^T have the covariance matrix V S^2 / (N - ddof) V^T, and uncorrelated scores X V "
            "(rank 2)", _from_decomposition, _seen_from_decomposition),
)  # fmt: skip
