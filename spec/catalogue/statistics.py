"""Statistics of samples: moments, covariances and correlations."""

from __future__ import annotations

from sympy import Expr, Integer, Piecewise, Sum, sign, sqrt

from fiducial.spec.demonstrations import covariances
from fiducial.spec.language import array, index, natural, other, scalar, size
from fiducial.spec.layouts import Over
from fiducial.spec.operation import REAL, Attribute, Definition, count, define, operation
from fiducial.spec.patterns import Pattern
from fiducial.spec.theorems import Gradient, Identity

N, K, D, T = map(size, "NKDT")
n, k, i, j, t = (index(*q) for q in zip("n k i j t".split(), (N, K, D, D, T), strict=True))
x, d, m, v, y, c, r, s, u = map(array, "x d m v y c r s u".split())
dv, dy, dc, dr, product = map(array, "dv dy dc dr product".split())
ddof, delay, mean = natural("ddof"), natural("lag"), scalar("mean")
WASSERMAN = "Wasserman, All of Statistics, 2004"
CHAN = "Chan, Golub and LeVeque, The American Statistician 37, 1983"
ROW_SHAPES = ((3, 5), (4,), (2, 3, 4), (6, 2), (2, 2, 3, 2))  # two observations along every axis, at least
CENTRED = {m[n]: Sum(x[n, k], k) / K, d[n, k]: x[n, k] - m[n]}
SPREAD = {**CENTRED, v[n]: Sum(d[n, k] ** 2, k) / (K - ddof)}
AXIS = Attribute("layout", None)


@operation(
    en="Variance: the mean squared distance from the mean.",
    ko="분산: 평균에서 떨어진 거리의 제곱을 평균한 것이다.",
    layout=Over(several=True, shapes=ROW_SHAPES), source=CHAN, axis=AXIS, ddof=count(0, 1),
)  # fmt: skip
def variance() -> Definition:
    return define(
        {x[n, k]: REAL},
        SPREAD,
        theorems=[
            Gradient("2 (x - m) / (K - ddof)", x[n, k], 2 * dv[n] * d[n, k] / (K - ddof)),
            Identity("the deviations sum to zero", Sum(d[n, k], k), Integer(0)),
            # Equal in real numbers; in floating-point numbers it cancels, so it is no way of writing the variance.
            Identity("the mean of squares less the square of the mean",
                     (Sum(x[n, k] ** 2, k) - K * m[n] ** 2) / (K - ddof), v[n]),
            *covariances.VARIANCE,
            *covariances.POPULATION,
        ],
        sizes={"degrees": ("K", K - ddof)},
    )  # fmt: skip


@operation(
    en="Standard deviation: the square root of the variance.",
    ko="표준편차: 분산의 제곱근이다.",
    layout=Over(several=True, shapes=ROW_SHAPES), source=CHAN, axis=AXIS, ddof=count(0, 1),
)  # fmt: skip
def std() -> Definition:
    return define(
        {x[n, k]: REAL},
        {**SPREAD, y[n]: sqrt(v[n])},
        # At a constant sample, any subgradient.
        gradients={x[n, k]: dy[n] * Piecewise((d[n, k] / ((K - ddof) * y[n]), y[n] > 0),
                                              (sign(d[n, k]) / sqrt(K - ddof), True))},
        theorems=[Gradient("(x - m) / ((K - ddof) s)", x[n, k], dy[n] * d[n, k] / ((K - ddof) * y[n]))],
        sizes={"degrees": ("K", K - ddof)},
    )  # fmt: skip


TABLE = Pattern(
    ["n i"],
    structures=({"n": 5, "i": 3}, {"n": 2, "i": 4}, {"n": 7, "i": 1}, {"n": 4, "i": 2}),
    large={"n": 41, "i": 6},
    tiny=({"n": 3, "i": 2},),
)
DEGREES = {"degrees": ("N", N - ddof)}  # of freedom: there must be one
DEVIATIONS = {m[i]: Sum(x[n, i], n) / N, d[n, i]: x[n, i] - m[i]}


@operation(
    en="Covariance matrix: how two columns vary together around their means.",
    ko="공분산 행렬: 두 열이 각자의 평균 둘레에서 함께 변하는 정도이다.",
    layout=TABLE, source=CHAN, ddof=count(1, 0),
)  # fmt: skip
def covariance() -> Definition:
    return define(
        {x[n, i]: REAL},
        {**DEVIATIONS, c[i, j]: Sum(d[n, i] * d[n, j], n) / (N - ddof)},
        # The deviations sum to zero: what the mean passes on cancels exactly.
        gradients={x[n, i]: Sum((dc[i, j] + dc[j, i]) * d[n, j], j) / (N - ddof)},
        theorems=[
            Identity("symmetric", c[i, j], Sum(d[n, j] * d[n, i], n) / (N - ddof)),
            *covariances.COVARIANCE,
        ],
        sizes=DEGREES,
    )


@operation(
    en="Correlation matrix: covariances in units of the standard deviations.",
    ko="상관 행렬: 표준편차를 단위로 나타낸 공분산이다.",
    layout=TABLE, source=f"{WASSERMAN}, 3.3", ddof=count(1, 0),
)  # fmt: skip
def correlation() -> Definition:
    units = {s[i]: sqrt(Sum(d[n, i] ** 2, n)), u[n, i]: d[n, i] / s[i]}
    cotangents = dr[i, j] + dr[j, i]
    return define(
        {x[n, i]: REAL},
        {**DEVIATIONS, **units, r[i, j]: Sum(u[n, i] * u[n, j], n)},
        # The diagonal is 1 whatever the data are: its term is exactly 0, and left out.
        gradients={x[n, i]: Sum(other(i, j) * cotangents * (u[n, j] - r[i, j] * u[n, i]), j) / s[i]},
        theorems=covariances.CORRELATION,
    )


SERIES = Pattern(["t"], structures=({"t": 7}, {"t": 3}, {"t": 5}), large={"t": 97}, tiny=({"t": 4},))


@operation(
    en="Autocorrelation: how a series varies together with itself, some steps later, around its mean.",
    ko="자기상관: 시계열이 몇 단계 뒤의 자신과 평균 둘레에서 함께 변하는 정도이다.",
    layout=SERIES, source="Box, Jenkins and Reinsel, Time Series Analysis, 2008, 2.1.5",
    formats=("float32", "float64"),  # in 16 bits, what a quotient of centred sums may err by rejects nothing
    lag=count(1, 2),
)  # fmt: skip
def autocorrelation() -> Definition:
    later: Expr = t + delay
    return define(
        {x[t]: REAL},
        {
            mean: Sum(x[t], t) / T,
            d[t]: x[t] - mean,
            product[t]: Piecewise((d[t] * d[later], later < T), (0, True)),
            scalar("r"): Sum(product[t], t) / Sum(d[t] ** 2, t),
        },
        sizes={"pairs": ("T", T - delay)},
    )
