"""Statistics of samples: moments, maximum-likelihood estimates, Bayesian updates, the likelihood of a series."""

from __future__ import annotations

from sympy import Expr, Integer, Piecewise, Sum, log, pi, sign, sqrt

from fiducial.spec.demonstrations import (
    autoregression,
    conjugate,
    covariances,
    estimation,
    normal_estimation,
    probability,
)
from fiducial.spec.language import array, index, natural, other, scalar, size
from fiducial.spec.layouts import Direct, Over
from fiducial.spec.operation import REAL, WEIGHT, Attribute, Definition, Domain, count, define, operation
from fiducial.spec.patterns import Pattern
from fiducial.spec.theorems import Gradient, Identity

N, K, D, T, P = map(size, "NKDTP")
n, k, l, i, j, t, lag = (index(*q) for q in zip("n k l i j t lag".split(), (N, K, K, D, D, T, P), strict=True))
x, d, m, v, y, c, r, s, u = map(array, "x d m v y c r s u".split())
dc, dr = array("dc"), array("dr")
dv, dy, sample, prior, likelihood, posterior = map(array, "dv dy sample prior likelihood posterior".split())
a, e, forecast, product = map(array, "a e forecast product".split())
ddof, delay = natural("ddof"), natural("lag")
mean, deviation, precision, evidence, log_density = map(scalar, "mean deviation precision evidence log_density".split())
mu, mu0, sigma, sigma0, alpha, beta, trials = map(scalar, "mu mu0 sigma sigma0 alpha beta n".split())
WASSERMAN = "Wasserman, All of Statistics, 2004"
CHAN = "Chan, Golub and LeVeque, The American Statistician 37, 1983"
OUTCOMES = Domain(0.0, 1.0, constant=True, whole=True, strict=True)
SAMPLE = Domain(constant=True, strict=True)
SCALE = Domain(0.0, strict=True)
TRIALS = Domain(1.0, constant=True, whole=True, scale=1e6)
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


# --- estimates ---

ROW = Pattern(["n"], structures=({"n": 6}, {"n": 1}, {"n": 4}), large={"n": 301}, tiny=({"n": 3},))
ROW_AND_NUMBER = Pattern(["n", ""], structures=({"n": 6}, {"n": 1}, {"n": 4}), large={"n": 301}, tiny=({"n": 3},))


@operation(
    en="Bernoulli estimate: the probability that makes the sample most likely.",
    ko="베르누이 최대우도추정: 표본이 나올 가능성을 가장 크게 하는 확률이다.",
    layout=ROW, source=f"{WASSERMAN}, 9.3",
)  # fmt: skip
def bernoulli_mle() -> Definition:
    return define({sample[n]: OUTCOMES}, {scalar("p"): Sum(sample[n], n) / N}, theorems=estimation.BERNOULLI_MLE)


@operation(
    en="Binomial estimate: the probability of success that makes the sample most likely.",
    ko="이항 최대우도추정: 표본이 나올 가능성을 가장 크게 하는 성공 확률이다.",
    layout=ROW_AND_NUMBER, source=f"{WASSERMAN}, 9.3",
)  # fmt: skip
def binomial_mle() -> Definition:
    counts = Domain(0.0, constant=True, whole=True, upto="n", strict=True)
    return define(
        {sample[n]: counts, trials: TRIALS},
        {scalar("p"): Sum(sample[n], n) / (N * trials)},
        theorems=estimation.BINOMIAL_MLE,
    )


@operation(
    en="Normal estimate: the mean and the variance that make the sample most likely.",
    ko="정규분포 최대우도추정: 표본이 나올 가능성을 가장 크게 하는 평균과 분산이다.",
    layout=ROW, source=f"{WASSERMAN}, 9.3",
)  # fmt: skip
def normal_mle() -> Definition:
    variance_ = scalar("variance")
    return define(
        {sample[n]: SAMPLE},
        {mean: Sum(sample[n], n) / N, d[n]: sample[n] - mean, variance_: Sum(d[n] ** 2, n) / N},
        outputs=[mean, variance_],
        theorems=normal_estimation.NORMAL_MLE,
    )


# --- Bayes ---


@operation(
    en="Bayes' theorem: beliefs after evidence, from beliefs before it and the likelihood of the evidence.",
    ko="베이즈 정리: 사전 확률과 우도로부터 증거를 본 뒤의 사후 확률을 구한다.",
    layout=Direct(), source=f"{WASSERMAN}, 1.7",
)  # fmt: skip
def bayes_posterior() -> Definition:
    joint = array("joint")
    return define(
        {prior[k]: WEIGHT, likelihood[k]: WEIGHT},
        {
            joint[k]: prior[k] * likelihood[k],
            evidence: Sum(joint[k], k),
            posterior[k]: joint[k] / evidence,
        },
        theorems=[
            Identity("sums to one", Sum(posterior[k], k), Integer(1)),
            Identity("two updates are one, with the product of the likelihoods",
                     posterior[k] * y[k] / Sum(posterior[l] * y[l], l),
                     prior[k] * (likelihood[k] * y[k]) / Sum(prior[l] * (likelihood[l] * y[l]), l)),
            *probability.BAYES,
            *probability.SIMPSON,
        ],
    )  # fmt: skip


@operation(
    en="Beta-binomial posterior: what is known of a probability after counts of successes.",
    ko="베타-이항 사후분포: 성공 횟수를 관찰한 뒤 확률에 대해 아는 것이다.",
    layout=Pattern(["", "", "n", ""], structures=ROW.structures, large=ROW.large, tiny=ROW.tiny),
    source="Gelman et al., Bayesian Data Analysis, 2013, 2.4",
)  # fmt: skip
def beta_binomial_posterior() -> Definition:
    counts = Domain(0.0, constant=True, whole=True, upto="n", strict=True)
    after_alpha, after_beta = scalar("alpha_next"), scalar("beta_next")
    return define(
        {alpha: SCALE, beta: SCALE, sample[n]: counts, trials: TRIALS},
        {after_alpha: alpha + Sum(sample[n], n), after_beta: beta + Sum(trials - sample[n], n)},
        outputs=[after_alpha, after_beta],
        theorems=conjugate.BETA_BINOMIAL,
    )


@operation(
    en="Normal-normal posterior: what is known of a mean after normal observations of known spread.",
    ko="정규-정규 사후분포: 표준편차를 아는 관측값을 본 뒤 평균에 대해 아는 것이다.",
    layout=Pattern(["", "", "", "n"], structures=ROW.structures, large=ROW.large, tiny=ROW.tiny),
    source="Gelman et al., Bayesian Data Analysis, 2013, 2.5",
)  # fmt: skip
def normal_normal_posterior() -> Definition:
    return define(
        {mu0: REAL, sigma0: SCALE, sigma: SCALE, sample[n]: SAMPLE},
        {
            precision: 1 / sigma0**2 + N / sigma**2,
            mean: (mu0 / sigma0**2 + Sum(sample[n], n) / sigma**2) / precision,
            deviation: 1 / sqrt(precision),
        },
        outputs=[mean, deviation],
        theorems=conjugate.NORMAL_NORMAL,
    )


# --- series ---


@operation(
    en="Autoregressive log-likelihood: each term is normal around a weighted sum of the terms before it.",
    ko="자기회귀 로그우도: 각 항이 앞선 항들의 가중합을 중심으로 정규분포를 따를 때의 로그우도이다.",
    layout=Pattern(
        ["t", "lag", ""],
        structures=({"t": 7, "lag": 2}, {"t": 1, "lag": 1}, {"t": 4, "lag": 3}, {"t": 3, "lag": 4}),
        large={"t": 97, "lag": 4}, tiny=({"t": 4, "lag": 2},),
    ),
    source="Hamilton, Time Series Analysis, 1994, 5.3",
)  # fmt: skip
def autoregressive_logpdf() -> Definition:
    earlier: Expr = t - 1 - lag
    return define(
        {x[t]: REAL, a[lag]: REAL, sigma: SCALE},
        {
            forecast[t]: Sum(Piecewise((a[lag] * x[earlier], earlier >= 0), (0, True)), lag),
            e[t]: (x[t] - forecast[t]) / sigma,
            log_density: -Sum(e[t] ** 2, t) / 2 - T * (log(sigma) + log(2 * pi) / 2),
        },
        theorems=[*autoregression.AUTOREGRESSIVE, *autoregression.LATENT_AUTOREGRESSIVE],
    )
