"""Bernoulli and binomial distributions. k and n are whole numbers, held as data; p has a gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sympy import Eq, Integer, Ne, Or, Piecewise, exp, log, loggamma, oo, sqrt
from sympy.codegen.cfunctions import log1p

from fiducial.spec.demonstrations import distributions as shown
from fiducial.spec.demonstrations.tails import BINOMIAL_CDF
from fiducial.spec.language import Expr, array, index, size
from fiducial.spec.layouts import Broadcast
from fiducial.spec.operation import Definition, Domain, define, operation
from fiducial.spec.special import log_beta, log_betainc, log_betaincc
from fiducial.spec.theorems import Derived, Gradient, Identity

i = index("i", size("I"))
k, n, p, y = (array(name)[i] for name in "k n p y".split())
dy, l, low, high, choose = (array(name)[i] for name in "dy l log_cdf log_sf log_choose".split())
RATE = Domain(0.0, 1.0, least=1e-9, strict=True)
TRIALS = Domain(0.0, constant=True, whole=True, scale=1e4, strict=True)
SOME_TRIALS = Domain(1.0, constant=True, whole=True, scale=1e4, strict=True)
SUCCESSES = Domain(-1.0, constant=True, whole=True, upto="n")
OUTCOME = Domain(-1.0, 2.0, constant=True, whole=True)
BERNOULLI = "Johnson, Kemp and Kotz, Univariate Discrete Distributions, 2005, 3.2"
BINOMIAL = "Johnson, Kemp and Kotz, Univariate Discrete Distributions, 2005, 3"


def times(count: Expr, logarithm: Expr) -> Expr:
    """count * logarithm, with 0 log 0 = 0."""
    return Piecewise((count * logarithm, Ne(count, 0)), (0, True))


def inside(e: Expr) -> Expr:
    """The expression on the support, 0 outside."""
    return Piecewise((0, Or(k < 0, k > n)), (e, True))


# --- Bernoulli ---


@operation(
    en="Bernoulli probability mass: the probability of one outcome, 1 or 0.",
    ko="베르누이 확률질량: 결과가 1 또는 0일 확률이다.",
    layout=Broadcast(), source=BERNOULLI,
)  # fmt: skip
def bernoulli_pmf() -> Definition:
    return define(
        {k: OUTCOME, p: RATE},
        {y: Piecewise((1 - p, Eq(k, 0)), (p, Eq(k, 1)), (0, True))},
        theorems=[
            Identity("p^k (1 - p)^(1 - k)", y,
                     Piecewise((exp(log1p(-p)), Eq(k, 0)), (exp(log(p)), Eq(k, 1)), (0, True))),
            *shown.BERNOULLI,
        ],
    )  # fmt: skip


@operation(
    en="Bernoulli log-probability: the logarithm of the probability of one outcome.",
    ko="베르누이 로그 확률: 한 결과의 확률에 로그를 취한 것이다.",
    layout=Broadcast(), source=BERNOULLI,
)  # fmt: skip
def bernoulli_logpmf() -> Definition:
    no = {y: Piecewise((log(1 - p), Eq(k, 0)), (log(p), Eq(k, 1)), (-oo, True))}
    stable = {y: Piecewise((log1p(-p), Eq(k, 0)), (log(p), Eq(k, 1)), (-oo, True))}
    score = Piecewise(((k - p) / (p * (1 - p)), Or(Eq(k, 0), Eq(k, 1))), (0, True))
    theorems = [Gradient("the score (k - p) / (p (1 - p))", p, dy * score)]
    return define({k: OUTCOME, p: RATE}, no, stable=stable, theorems=theorems)


@operation(
    en="Bernoulli distribution function: the probability of at most k.",
    ko="베르누이 누적분포: k 이하일 확률이다.",
    layout=Broadcast(), source=BERNOULLI,
)  # fmt: skip
def bernoulli_cdf() -> Definition:
    return define({k: OUTCOME, p: RATE}, {y: Piecewise((0, k < 0), (1 - p, k < 1), (1, True))})


@operation(
    en="Bernoulli mean: the expected outcome.",
    ko="베르누이 평균: 결과의 기댓값이다.",
    layout=Broadcast(), source=BERNOULLI,
)  # fmt: skip
def bernoulli_mean() -> Definition:
    return define({p: RATE}, {y: p})


@operation(
    en="Bernoulli variance: the expected squared distance from the mean.",
    ko="베르누이 분산: 평균에서 떨어진 거리의 제곱의 기댓값이다.",
    layout=Broadcast(), source=BERNOULLI,
)  # fmt: skip
def bernoulli_variance() -> Definition:
    return define(
        {p: RATE},
        {y: p * (1 - p)},
        theorems=[
            Identity("the mean of squares less the square of the mean", y, p - p**2),
            Gradient("1 - 2 p", p, dy * (1 - 2 * p)),
            Gradient("product rule", p, dy * (1 - p) - dy * p),
        ],
    )


@operation(
    en="Bernoulli entropy: the expected surprise of an outcome, in nats.",
    ko="베르누이 엔트로피: 결과가 주는 놀라움의 기댓값이며 단위는 내트이다.",
    layout=Broadcast(), source="Cover and Thomas, Elements of Information Theory, 2006, 2.1",
)  # fmt: skip
def bernoulli_entropy() -> Definition:
    return define(
        {p: RATE},
        {y: -times(p, log(p)) - times(1 - p, log(1 - p))},
        stable={y: -times(p, log(p)) - times(1 - p, log1p(-p))},
        gradients={p: dy * (log1p(-p) - log(p))},
        theorems=[Gradient("minus the logit", p, -dy * log(p / (1 - p)))],
    )


# --- binomial ---

INPUTS: Mapping[Expr, Domain] = {k: SUCCESSES, n: TRIALS, p: RATE}
OUTSIDE = Or(k < 0, k > n)
LOG_CHOOSE = {choose: loggamma(n + 1) - loggamma(k + 1) - loggamma(n - k + 1)}
# Textbooks write (1 - p)^(n - k), which loses a small p.
WRITTEN = {**LOG_CHOOSE, l: Piecewise((-oo, OUTSIDE), (choose + times(k, log(p)) + times(n - k, log(1 - p)), True))}
STABLE = {**LOG_CHOOSE, l: Piecewise((-oo, OUTSIDE), (choose + times(k, log(p)) + times(n - k, log1p(-p)), True))}
SCORE = inside(k / p - (n - k) / (1 - p))


@operation(
    en="Binomial probability mass: the probability of k successes in n trials.",
    ko="이항 확률질량: n번의 시행에서 k번 성공할 확률이다.",
    layout=Broadcast(many=256), source=BINOMIAL,
)  # fmt: skip
def binomial_pmf() -> Definition:
    mass = {y: exp(l)}
    return define(
        INPUTS,
        {**WRITTEN, **mass},
        stable={**STABLE, **mass},
        gradients={p: dy * exp(l) * SCORE},
        theorems=[
            Gradient("the mass times the score", p, dy * y * SCORE),
            Gradient("(k - n p) / (p (1 - p))", p, dy * y * inside((k - n * p) / (p * (1 - p)))),
            *shown.BINOMIAL,
        ],
    )


@operation(
    en="Binomial log-probability: the logarithm of the probability of k successes in n trials.",
    ko="이항 로그 확률: n번의 시행에서 k번 성공할 확률에 로그를 취한 것이다.",
    layout=Broadcast(many=256), source=BINOMIAL,
)  # fmt: skip
def binomial_logpmf() -> Definition:
    return define(
        INPUTS,
        {**LOG_CHOOSE, y: WRITTEN[l]},
        stable={**LOG_CHOOSE, y: STABLE[l]},
        gradients={p: dy * SCORE},
        theorems=[
            Gradient("the score", p, dy * SCORE),
            Gradient("(k - n p) / (p (1 - p))", p, dy * inside((k - n * p) / (p * (1 - p)))),
        ],
    )


# The tails are incomplete beta functions; each logarithm is computed where it is not that of almost one.
LOG_TAILS = {low: log_betaincc(k + 1, n - k, p), high: log_betainc(k + 1, n - k, p)}
SLOPE = exp(times(k, log(p)) + times(n - k - 1, log1p(-p)) - log_beta(k + 1, n - k))


def _tail(at_most: bool, logarithm: bool, theorems: Sequence[Derived] = ()) -> Definition:
    """P(X <= k) or P(X > k), or its logarithm: certain and impossible cases first."""
    mine, other = (low, high) if at_most else (high, low)
    nothing, all_ = (-oo, Integer(0)) if logarithm else (Integer(0), Integer(1))
    least, most = (nothing, all_) if at_most else (all_, nothing)
    certain = [(least, k < 0), (most, k >= n), (most, Eq(p, 0)), (least, Eq(p, 1))]
    small = k < n * p if at_most else k >= n * p
    value, rest = (mine, log1p(-exp(other))) if logarithm else (exp(mine), 1 - exp(other))
    slope = (-1 if at_most else 1) * SLOPE * (exp(-y) if logarithm else 1)
    return define(
        INPUTS,
        {low: LOG_TAILS[low], high: LOG_TAILS[high], y: Piecewise(*certain, (value, True))},
        stable={low: LOG_TAILS[low], high: LOG_TAILS[high], y: Piecewise(*certain, (value, small), (rest, True))},
        gradients={p: dy * Piecewise((0, Or(k < 0, k >= n)), (slope, True))},
        theorems=theorems,
    )


@operation(
    en="Binomial distribution function: the probability of at most k successes.",
    ko="이항 누적분포: 성공이 k번 이하일 확률이다.",
    layout=Broadcast(many=64), source=f"{BINOMIAL}.6; DLMF 8.17",
)  # fmt: skip
def binomial_cdf() -> Definition:
    return _tail(at_most=True, logarithm=False, theorems=BINOMIAL_CDF)


@operation(
    en="Binomial survival function: the probability of more than k successes.",
    ko="이항 생존함수: 성공이 k번보다 많을 확률이다.",
    layout=Broadcast(many=64), source=f"{BINOMIAL}.6; DLMF 8.17",
)  # fmt: skip
def binomial_sf() -> Definition:
    return _tail(at_most=False, logarithm=False)


@operation(
    en="Binomial log-distribution function: the logarithm of the probability of at most k successes.",
    ko="이항 로그 누적분포: 성공이 k번 이하일 확률에 로그를 취한 것이다.",
    layout=Broadcast(many=64), source=f"{BINOMIAL}.6; DLMF 8.17",
)  # fmt: skip
def binomial_logcdf() -> Definition:
    return _tail(at_most=True, logarithm=True)


@operation(
    en="Binomial log-survival function: the logarithm of the probability of more than k successes.",
    ko="이항 로그 생존함수: 성공이 k번보다 많을 확률에 로그를 취한 것이다.",
    layout=Broadcast(many=64), source=f"{BINOMIAL}.6; DLMF 8.17",
)  # fmt: skip
def binomial_logsf() -> Definition:
    return _tail(at_most=False, logarithm=True)


@operation(
    en="Binomial mean: the expected number of successes.",
    ko="이항 평균: 성공 횟수의 기댓값이다.",
    layout=Broadcast(), source=BINOMIAL,
)  # fmt: skip
def binomial_mean() -> Definition:
    return define({n: TRIALS, p: RATE}, {y: n * p})


@operation(
    en="Binomial variance: the expected squared distance from the mean.",
    ko="이항 분산: 평균에서 떨어진 거리의 제곱의 기댓값이다.",
    layout=Broadcast(), source=BINOMIAL,
)  # fmt: skip
def binomial_variance() -> Definition:
    return define(
        {n: TRIALS, p: RATE},
        {y: n * (p * (1 - p))},
        theorems=[
            Identity("multiplied out", y, n * p - n * p**2),
            Gradient("product rule", p, dy * n * (1 - p) - dy * n * p),
        ],
    )


@operation(
    en="Binomial skewness: the third central moment in units of the standard deviation.",
    ko="이항 왜도: 표준편차를 단위로 한 3차 중심적률이다.",
    layout=Broadcast(), source=BINOMIAL,
)  # fmt: skip
def binomial_skewness() -> Definition:
    root = sqrt(n * p - n * p**2)
    return define(
        {n: SOME_TRIALS, p: RATE},
        {y: (1 - 2 * p) / sqrt(n * p * (1 - p))},
        theorems=[Identity("multiplied out", y, 1 / root - 2 * p / root)],
    )
