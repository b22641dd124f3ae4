"""What is computed from a square matrix (determinant, trace, inverse, solution), and least squares."""

from __future__ import annotations

from sympy import Abs, Expr, KroneckerDelta, Min, Sum, sqrt

from fiducial.spec.catalogue.decompositions import GOLUB, LIBRARIES, norm1
from fiducial.spec.demonstrations.determinants import DET, INVERSE, SOLVE, TRACE
from fiducial.spec.demonstrations.regression import LEAST_SQUARES
from fiducial.spec.language import Greatest, array, index, scalar, size
from fiducial.spec.numbers import certified, matrix_gradients
from fiducial.spec.operation import REAL, Definition, Domain, define, operation, relation
from fiducial.spec.patterns import Pattern
from fiducial.spec.relations import Certified, Residual
from fiducial.spec.theorems import Gradient

N, M, P = map(size, "NMP")
i, j, l, m, r, p, q = (index(*x) for x in zip("i j l m r p q".split(), (N, N, N, M, N, P, P), strict=True))
a, b, x, X, y = map(array, "a b x X y".split())
left, right, error, gap, slope = map(array, "left right error gap slope".split())
INVERTIBLE = Domain(matrix="invertible")
SIZES = [{"i": n, "l": n} for n in (4, 1, 3, 6, 2)]
SQUARE = Pattern(["i l"], structures=SIZES, large={"i": 9, "l": 9}, tiny=({"i": 3, "l": 3},))


@operation(
    en="Determinant: the factor by which a matrix changes volumes, with a sign for orientation.",
    ko="행렬식: 행렬이 부피를 바꾸는 배율이며 부호는 방향을 나타낸다.",
    layout=SQUARE, source=f"{GOLUB}, 3; Higham 2002, 14.6", formats=LIBRARIES,
)  # fmt: skip
def det() -> Definition:
    return relation(
        {a[i, l]: Domain(matrix="moderate")},
        [scalar("det")],
        {},
        [],
        [Certified("determinant (first order: n ulp |a| |adj a|)", 30.0, certified.determinant)],
        gradients=matrix_gradients.det_gradient,
        theorems=DET,
    )


@operation(
    en="Trace: the sum of the diagonal of a square matrix.",
    ko="대각합: 정사각행렬의 대각 원소를 모두 더한 것이다.",
    layout=SQUARE, source=GOLUB,
)  # fmt: skip
def trace() -> Definition:
    total, cotangent = scalar("trace"), scalar("dtrace")
    return define(
        {a[i, l]: REAL},
        {total: Sum(a[i, i], i)},
        theorems=[Gradient("the cotangent on the diagonal", a[i, l], cotangent * KroneckerDelta(i, l)), *TRACE],
    )


@operation(
    en="Inverse: the matrix that undoes a matrix.",
    ko="역행렬: 행렬이 한 일을 되돌리는 행렬이다.",
    layout=SQUARE, source=f"{GOLUB}, 3; LAPACK DGET03", formats=LIBRARIES,
)  # fmt: skip
def inverse() -> Definition:
    either = Min(norm1(right[i, j], i, j), norm1(left[i, j], i, j))  # which of them is small depends on the algorithm
    return relation(
        {a[i, l]: INVERTIBLE},
        [x[i, j]],
        {
            right[i, j]: Sum(a[i, l] * x[l, j], l) - KroneckerDelta(i, j),
            left[i, j]: Sum(x[i, l] * a[l, j], l) - KroneckerDelta(i, j),
        },
        [Residual("a x = I or x a = I", either, N * norm1(a[i, j], i, j) * norm1(x[i, j], i, j), 30.0)],
        gradients=matrix_gradients.inverse_gradient,
        theorems=INVERSE,
    )


@operation(
    en="Solution of linear equations: the x with a x = b.",
    ko="연립일차방정식의 해: a x = b인 x이다.",
    layout=Pattern(["i l", "i m"], structures=[{**s, "m": k} for s, k in zip(SIZES, (3, 1, 2, 1, 4), strict=True)],
                   large={"i": 9, "l": 9, "m": 4}, tiny=({"i": 3, "l": 3, "m": 2},)),
    source=f"{GOLUB}, 3; LAPACK DGET02", formats=LIBRARIES,
)  # fmt: skip
def solve() -> Definition:
    return relation(
        {a[i, l]: INVERTIBLE, b[i, m]: REAL},
        [x[l, m]],
        {error[i, m]: Sum(a[i, l] * x[l, m], l) - b[i, m]},
        [Residual("a x = b", norm1(error[i, m], i, m), N * norm1(a[i, l], i, l) * norm1(x[l, m], l, m), 30.0)],
        gradients=matrix_gradients.solve_gradient,
        theorems=SOLVE,
    )


@operation(
    en="Least squares: the coefficients whose fit is nearest to the observations.",
    ko="최소제곱: 관측값에 가장 가까운 적합을 주는 계수이다.",
    layout=Pattern(
        ["r p", "r"],
        structures=({"r": 6, "p": 3}, {"r": 4, "p": 4}, {"r": 5, "p": 1}, {"r": 9, "p": 2}),
        large={"r": 40, "p": 5}, tiny=({"r": 3, "p": 2},),
    ),
    source=f"{GOLUB}, 5.3; Higham 2002, 20.1; LAPACK DQRT17", formats=LIBRARIES,
)  # fmt: skip
def least_squares() -> Definition:
    coefficients = array("coefficients")
    lengths: Expr = sqrt(Sum(y[r] ** 2, r))
    return relation(
        {X[r, p]: Domain(matrix="full rank"), y[r]: REAL},
        [coefficients[p]],
        {
            gap[r]: y[r] - Sum(X[r, p] * coefficients[p], p),
            slope[p]: Sum(X[r, p] * gap[r], r),
        },
        [
            Residual("X^T (y - X b) = 0", Greatest(Abs(slope[p]), p),
                     N * norm1(X[r, p], r, p) * (lengths + norm1(X[r, p], r, p) * Sum(Abs(coefficients[q]), q)), 30.0),
        ],
        [Certified("coefficients (Wedin, in units of the columns' lengths)", 30.0, certified.coefficients,
                   excuse=certified.coefficients_unscaled)],
        gradients=matrix_gradients.least_squares_gradient,
        theorems=LEAST_SQUARES,
    )  # fmt: skip
