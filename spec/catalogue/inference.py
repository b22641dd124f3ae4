"""Inference: maximum-likelihood estimates, Bayesian updates, the likelihood of a series."""

from __future__ import annotations

from sympy import Expr, Integer, Piecewise, Sum, log, pi, sqrt

from fiducial.spec.demonstrations import autoregression, conjugate, estimation, normal_estimation, probability
from fiducial.spec.language import array, index, scalar, size
from fiducial.spec.layouts import Direct
from fiducial.spec.operation import REAL, WEIGHT, Definition, Domain, define, operation
from fiducial.spec.patterns import Pattern
from fiducial.spec.theorems import Identity

N, K, T, P = map(size, "NKTP")
n, k, l, t, lag = (index(*q) for q in zip("n k l t lag".split(), (N, K, K, T, P), strict=True))
x, y, d, a, e, forecast = map(array, "x y d a e forecast".split())
sample, prior, likelihood, posterior = map(array, "sample prior likelihood posterior".split())
mean, deviation, precision, evidence, log_density = map(scalar, "mean deviation precision evidence log_density".split())
mu0, sigma, sigma0, alpha, beta, trials = map(scalar, "mu0 sigma sigma0 alpha beta n".split())
WASSERMAN = "Wasserman, All of Statistics, 2004"
OUTCOMES = Domain(0.0, 1.0, constant=True, whole=True, strict=True)
SAMPLE = Domain(constant=True, strict=True)
SCALE = Domain(0.0, strict=True)
TRIALS = Domain(1.0, constant=True, whole=True, scale=1e4, strict=True)

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
