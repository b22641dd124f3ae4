"""Eigenvalues, singular values, principal components, and what is computed from a matrix: judged as relations.

The thresholds are those of LAPACK's own tests (Anderson et al., LAPACK Users' Guide, 1999; the programs *EIG* and
*LIN*): a correct backward-stable algorithm stays below them, and how far below is the ratio that is reported.
"""

from __future__ import annotations

from sympy import Abs, Expr, Integer, KroneckerDelta, Max, Min, Piecewise, Sum, sqrt

from fiducial.spec.demonstrations.principal import PCA
from fiducial.spec.demonstrations.singular import SVD
from fiducial.spec.demonstrations.spectra import EIG
from fiducial.spec.demonstrations.symmetric import EIGH
from fiducial.spec.language import Greatest, array, index, natural, size
from fiducial.spec.numbers import certified, matrix_gradients
from fiducial.spec.operation import Attribute, Definition, Domain, count, operation, relation
from fiducial.spec.patterns import Pattern
from fiducial.spec.relations import Certified, Residual

N, M, D, Q, K = map(size, "NMDQK")
i, j, l, m, n = (index(*x) for x in zip("i j l m n".split(), (N, N, N, M, N), strict=True))
q, p, d, e, c, k = (index(*x) for x in zip("q p d e c k".split(), (Q, Q, D, D, K, K), strict=True))
a, v, w, x, u, s, vh = map(array, "a v w x u s vh".split())
R, O, P, C, centred = map(array, "R O P C centred".split())
mean, components, variances = map(array, "mean components explained_variance".split())
LIBRARIES = ("float32", "float64")  # no library decomposes in 16 bits
GOLUB = "Golub and Van Loan, Matrix Computations, 2013"
SQUARE = Pattern(
    ["i l"], structures=[{"i": n, "l": n} for n in (5, 1, 3, 6, 2)], large={"i": 8, "l": 8}, tiny=({"i": 3, "l": 3},)
)


def norm1(e: Expr, rows: Expr, columns: Expr) -> Expr:
    """The greatest column sum of absolute values."""
    return Greatest(Sum(Abs(e), rows), columns)


def disorder(values: Expr, position: Expr, length: Expr, sign: int = 1) -> Expr:
    """The sum of what each value exceeds the next one by (``sign`` -1: of what it lacks)."""
    rise = sign * (values - values.xreplace({position: position + 1}))
    return Sum(Piecewise((Max(rise, 0), position < length - 1), (0, True)), position)


@operation(
    en="Symmetric eigenproblem: the directions that a symmetric matrix only stretches, and by how much.",
    ko="대칭 고윳값 분해: 대칭행렬이 방향을 바꾸지 않고 늘이기만 하는 방향들과 그 배율이다.",
    layout=SQUARE,
    source=f"{GOLUB}, 8; LAPACK DSYT21", formats=LIBRARIES,
)  # fmt: skip
def eigh() -> Definition:
    # Relatively robust representations (LAPACK's driver evr) take relative gaps of at least 10^-3: their vectors are
    # orthogonal to n u / 10^-3. Source: Dhillon and Parlett, Orthogonal eigenvectors and relative gaps, 2004.
    robust = 1 / 1e-3
    return relation(
        {a[i, l]: Domain(matrix="symmetric")},
        [w[j], v[i, j]],
        {R[i, j]: Sum(a[i, l] * v[l, j], l) - v[i, j] * w[j],
         O[i, j]: Sum(v[l, i] * v[l, j], l) - KroneckerDelta(i, j)},
        [Residual("a v = v diag(w)", norm1(R[i, j], i, j), N * norm1(a[i, j], i, j), 60.0),
         Residual("v^T v = I", norm1(O[i, j], i, j), N, 60.0, lost=robust),
         Residual("w ascends", disorder(w[j], j, N), Integer(0), 60.0)],
        [Certified("eigenvalues (Weyl: |w - exact| <= n ulp |a|)", 60.0, certified.symmetric_values),
         Certified("invariant subspaces (Davis-Kahan: n ulp |a| / gap)", 60.0, certified.symmetric_spaces)],
        gradients=matrix_gradients.eigh_gradient,
        theorems=EIGH,
    )  # fmt: skip


@operation(
    en="Eigenproblem: the directions that a square matrix only stretches, complex ones included.",
    ko="고윳값 분해: 정사각행렬이 늘이기만 하는 (복소수를 포함한) 방향들과 그 배율이다.",
    layout=SQUARE,
    source=f"{GOLUB}, 7; LAPACK DGET22", formats=LIBRARIES,
)  # fmt: skip
def eig() -> Definition:
    w_re, w_im, v_re, v_im = map(array, "w_re w_im v_re v_im".split())
    R_re, R_im, length = map(array, "R_re R_im length".split())
    real = Sum(a[i, l] * v_re[l, j], l) - (v_re[i, j] * w_re[j] - v_im[i, j] * w_im[j])
    imaginary = Sum(a[i, l] * v_im[l, j], l) - (v_re[i, j] * w_im[j] + v_im[i, j] * w_re[j])
    size_of_v = norm1(v_re[i, j], i, j) + norm1(v_im[i, j], i, j)
    return relation(
        {a[i, l]: Domain(matrix="square", constant=True)},
        [w[j], v[i, j]],
        {R_re[i, j]: real, R_im[i, j]: imaginary,
         length[j]: Sum(v_re[i, j] ** 2 + v_im[i, j] ** 2, i) - 1},
        [Residual("a v = v diag(w)", norm1(R_re[i, j], i, j) + norm1(R_im[i, j], i, j),
                  norm1(a[i, j], i, j) * size_of_v, 20.0),
         Residual("columns of v have length 1", Greatest(Abs(length[j]), j), N, 20.0)],
        [Certified("sums of powers of w are traces of powers of a", 20.0, certified.power_sums),
         Certified("simple eigenvalues (first order: n ulp |a| / |y^H x|)", 20.0, certified.simple_values)],
        complex=("w", "v"),
        theorems=EIG,
    )  # fmt: skip


@operation(
    en="Singular value decomposition: a rotation, a stretch along the axes, and another rotation (thin).",
    ko="특이값 분해: 행렬을 회전, 축 방향의 늘임, 또 다른 회전으로 나눈다(축소형).",
    layout=Pattern(
        ["m n"],
        structures=({"m": 5, "n": 3}, {"m": 3, "n": 6}, {"m": 4, "n": 4}, {"m": 1, "n": 5}, {"m": 6, "n": 1}),
        large={"m": 9, "n": 6}, tiny=({"m": 3, "n": 2},),
    ),
    source=f"{GOLUB}, 2.4 and 8.6; LAPACK DBDT01, DORT01", formats=LIBRARIES,
)  # fmt: skip
def svd() -> Definition:
    largest = Max(M, N)
    return relation(
        {a[m, n]: Domain(matrix="any")},
        [u[m, q], s[q], vh[q, n]],
        {R[m, n]: a[m, n] - Sum(u[m, q] * s[q] * vh[q, n], q),
         O[p, q]: Sum(u[m, p] * u[m, q], m) - KroneckerDelta(p, q),
         P[p, q]: Sum(vh[p, n] * vh[q, n], n) - KroneckerDelta(p, q)},
        [Residual("a = u diag(s) vh", norm1(R[m, n], m, n), largest * norm1(a[m, n], m, n), 50.0),
         Residual("u^T u = I", norm1(O[p, q], p, q), M, 50.0),
         Residual("vh vh^T = I", norm1(P[p, q], p, q), N, 50.0),
         Residual("s descends and is not negative",
                  disorder(s[q], q, Q, -1) + Sum(Max(-s[q], 0), q), Integer(0), 50.0)],
        [Certified("singular values (Weyl: |s - exact| <= max(m, n) ulp |a|)", 50.0, certified.singular_values_of),
         Certified("right singular subspaces (Wedin: max(m, n) ulp |a| / gap)", 50.0, certified.singular_spaces)],
        sizes={"Q": ("N", Min(M, N))},
        gradients=matrix_gradients.svd_gradient,
        theorems=SVD,
    )  # fmt: skip


@operation(
    en="Principal component analysis: the orthogonal directions in which centred data vary most.",
    ko="주성분 분석: 중심을 맞춘 자료가 가장 크게 변하는 직교 방향들이다.",
    layout=Pattern(
        ["n d"],
        structures=({"n": 6, "d": 4, "n_components": 2}, {"n": 5, "d": 3, "n_components": 3},
                    {"n": 3, "d": 5, "n_components": 2}, {"n": 4, "d": 1, "n_components": 1}),
        large={"n": 20, "d": 5, "n_components": 3}, tiny=({"n": 4, "d": 2, "n_components": 2},),
        known=lambda attributes: {"K": attributes["n_components"] or 1},
    ),
    source="Jolliffe, Principal Component Analysis, 2002, 1-3", formats=LIBRARIES,
    n_components=Attribute("layout", None), ddof=count(1, 0),
)  # fmt: skip
def pca() -> Definition:
    ddof = natural("ddof")
    whole, around = (sqrt(Sum(e**2, n, d)) for e in (x[n, d], centred[n, d]))
    # Centring rounds the data by u |x|, the decomposition by u |centred|; both enter the covariance once.
    scale = Max(N, D) * around * (around + whole) / (N - ddof)
    return relation(
        {x[n, d]: Domain(matrix="data")},
        [mean[d], components[c, d], variances[c]],
        {centred[n, d]: x[n, d] - Sum(x[n, d], n) / N,
         C[d, e]: Sum(centred[n, d] * centred[n, e], n) / (N - ddof),
         R[c, d]: Sum(C[d, e] * components[c, e], e) - variances[c] * components[c, d],
         O[c, k]: Sum(components[c, d] * components[k, d], d) - KroneckerDelta(c, k)},
        [Residual("mean", Greatest(Abs(mean[d] - Sum(x[n, d], n) / N), d),
                  N * Greatest(Sum(Abs(x[n, d]), n), d) / N, 2.0),
         Residual("covariance c = variance c", norm1(R[c, d], c, d), scale, 50.0),
         Residual("components are orthonormal", norm1(O[c, k], c, k), D, 50.0),
         Residual("variances descend and are not negative",
                  disorder(variances[c], c, K, -1) + Sum(Max(-variances[c], 0), c), Integer(0), 50.0)],
        [Certified("the greatest variances (Weyl)", 50.0, certified.principal_variances)],
        sizes={"degrees": ("N", N - ddof)},
        gradients=matrix_gradients.pca_gradient,
        theorems=PCA,
    )  # fmt: skip
