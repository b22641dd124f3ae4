"""The normal distribution: density, distribution function and quantiles, their logarithms, entropy and divergence."""

from __future__ import annotations

from collections.abc import Mapping

from sympy import Expr, Piecewise, Rational, erf, erfcinv, exp, log, pi, sqrt
from sympy.codegen.cfunctions import log1p

from fiducial.spec.demonstrations import gaussian, tails
from fiducial.spec.language import array, erfc, index, size
from fiducial.spec.layouts import Broadcast
from fiducial.spec.operation import REAL, Definition, Domain, define, operation
from fiducial.spec.special import erfcx
from fiducial.spec.theorems import Gradient, Identity

i = index("i", size("I"))
x, q, mu, sigma, y, z, dy = (array(name)[i] for name in "x q mu sigma y z dy".split())
mu0, sigma0, mu1, sigma1, gap, excess = (array(name)[i] for name in "mu0 sigma0 mu1 sigma1 gap excess".split())
SCALE = Domain(0.0, strict=True)
INPUTS: Mapping[Expr, Domain] = {x: REAL, mu: REAL, sigma: SCALE}
POINTS = Broadcast(many=512)  # each takes its tails from Arb
JOHNSON = "Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, 1994, 13"
STANDARD = {z: (x - mu) / sigma}
DENSITY = exp(-(z**2) / 2) / sqrt(2 * pi)  # of the standardised variable
UNDER, OVER = erfc(-z / sqrt(2)) / 2, erfc(z / sqrt(2)) / 2  # each accurate where it is small


def _slopes(slope: Expr) -> dict[Expr, Expr]:
    """The gradients of a function of z, by the slope in it."""
    return {x: dy * slope / sigma, mu: -dy * slope / sigma, sigma: -dy * slope * z / sigma}


@operation(
    en="Normal density: the bell curve with mean mu and standard deviation sigma.",
    ko="정규분포 밀도: 평균 mu, 표준편차 sigma인 종 모양의 확률밀도이다.",
    layout=POINTS, source=JOHNSON,
)  # fmt: skip
def normal_pdf() -> Definition:
    return define(
        INPUTS,
        {**STANDARD, y: exp(-(z**2) / 2) / (sigma * sqrt(2 * pi))},
        theorems=[
            Gradient("-z p / sigma", x, -dy * y * z / sigma),
            Gradient("(z^2 - 1) p / sigma", sigma, dy * y * (z**2 - 1) / sigma),
            *gaussian.NORMAL,
        ],
    )


@operation(
    en="Normal log-density: the logarithm of the bell curve.",
    ko="정규분포 로그 밀도: 종 모양 확률밀도에 로그를 취한 것이다.",
    layout=POINTS, source=JOHNSON,
)  # fmt: skip
def normal_logpdf() -> Definition:
    return define(
        INPUTS,
        {**STANDARD, y: -(z**2) / 2 - log(sigma) - log(2 * pi) / 2},
        theorems=[
            Gradient("-z / sigma", x, -dy * z / sigma),
            Gradient("(z^2 - 1) / sigma", sigma, dy * (z**2 - 1) / sigma),
            Identity("in one square", y, -((x - mu) ** 2) / (2 * sigma**2) - log(sigma) - log(2 * pi) / 2),
        ],
    )


@operation(
    en="Normal distribution function: the probability of at most x.",
    ko="정규분포 누적분포: x 이하일 확률이다.",
    layout=POINTS, source=JOHNSON,
)  # fmt: skip
def normal_cdf() -> Definition:
    return define(
        INPUTS,
        {**STANDARD, y: (1 + erf(z / sqrt(2))) / 2},
        stable={**STANDARD, y: UNDER},
        gradients=_slopes(DENSITY),
        theorems=[Gradient("the density", x, dy * exp(-(z**2) / 2) / (sigma * sqrt(2 * pi))), *tails.NORMAL_CDF],
    )


@operation(
    en="Normal survival function: the probability of more than x.",
    ko="정규분포 생존함수: x보다 클 확률이다.",
    layout=POINTS, source=JOHNSON,
)  # fmt: skip
def normal_sf() -> Definition:
    return define(
        INPUTS,
        {**STANDARD, y: (1 - erf(z / sqrt(2))) / 2},
        stable={**STANDARD, y: OVER},
        gradients=_slopes(-DENSITY),
    )


def _log_tail(sign: int) -> Definition:
    """The logarithm of the probability below (1) or above (-1): log1p near 1, the scaled function where it is small."""
    near, far = (OVER, erfcx(-z / sqrt(2))) if sign == 1 else (UNDER, erfcx(z / sqrt(2)))
    ratio = sign * Piecewise((DENSITY / (1 - near), sign * z > 0), (sqrt(2 / pi) / far, True))
    return define(
        INPUTS,
        {**STANDARD, y: log((1 + sign * erf(z / sqrt(2))) / 2)},
        stable={**STANDARD, y: Piecewise((log1p(-near), sign * z > 0), (log(far / 2) - z**2 / 2, True))},
        gradients=_slopes(ratio),
        theorems=[Gradient("the inverse Mills ratio", x, sign * dy * exp(-(z**2) / 2 - y) / (sigma * sqrt(2 * pi)))],
    )


@operation(
    en="Normal log-distribution function: the logarithm of the probability of at most x.",
    ko="정규분포 로그 누적분포: x 이하일 확률에 로그를 취한 것이다.",
    layout=POINTS, source=f"{JOHNSON}; Cody, Math. Comp. 23, 1969",
)  # fmt: skip
def normal_logcdf() -> Definition:
    return _log_tail(1)


@operation(
    en="Normal log-survival function: the logarithm of the probability of more than x.",
    ko="정규분포 로그 생존함수: x보다 클 확률에 로그를 취한 것이다.",
    layout=POINTS, source=f"{JOHNSON}; Cody, Math. Comp. 23, 1969",
)  # fmt: skip
def normal_logsf() -> Definition:
    return _log_tail(-1)


@operation(
    en="Normal quantile function: the x below which lies the probability q.",
    ko="정규분포 분위수: 그 이하일 확률이 q인 x이다.",
    layout=Broadcast(many=128), source=f"{JOHNSON}; Wichura, AS 241, 1988",
)  # fmt: skip
def normal_ppf() -> Definition:
    return define(
        {q: Domain(0.0, 1.0, least=1e-30, strict=True), mu: REAL, sigma: SCALE},
        {z: -sqrt(2) * erfcinv(2 * q), y: mu + sigma * z},
        theorems=[Gradient("one over the density", q, dy * sigma * sqrt(2 * pi) * exp(z**2 / 2)), *tails.NORMAL_PPF],
    )


@operation(
    en="Normal entropy: the expected surprise of the bell curve, in nats.",
    ko="정규분포 엔트로피: 종 모양 분포의 놀라움의 기댓값이며 단위는 내트이다.",
    layout=POINTS, source="Cover and Thomas, Elements of Information Theory, 2006, 8.1",
)  # fmt: skip
def normal_entropy() -> Definition:
    return define(
        {mu: REAL, sigma: SCALE},
        {y: log(sigma) + (1 + log(2 * pi)) / 2},
        theorems=[Gradient("one over sigma", sigma, dy / sigma), *gaussian.NORMAL_ENTROPY],
    )


@operation(
    en="Normal divergence: the Kullback-Leibler divergence of one bell curve from another, in nats.",
    ko="정규분포 발산: 한 정규분포에서 다른 정규분포까지의 쿨백-라이블러 발산이며 단위는 내트이다.",
    layout=POINTS, source="Kullback, Information Theory and Statistics, 1959, 9.1",
)  # fmt: skip
def normal_kl() -> Definition:
    ratio = sigma0 / sigma1
    return define(
        {mu0: REAL, sigma0: SCALE, mu1: REAL, sigma1: SCALE},
        {y: log(sigma1 / sigma0) + (sigma0**2 + (mu0 - mu1) ** 2) / (2 * sigma1**2) - Rational(1, 2)},
        # With r = sigma0 / sigma1 = 1 + excess: r^2 / 2 - 1/2 - log r cancels where the distributions are close.
        stable={
            gap: (mu0 - mu1) / sigma1,
            excess: (sigma0 - sigma1) / sigma1,
            y: (excess - log1p(excess)) + excess**2 / 2 + gap**2 / 2,
        },
        theorems=[
            Gradient("the distance of the means", mu0, dy * (mu0 - mu1) / sigma1**2),
            Gradient("r - 1/r", sigma0, dy * (ratio - 1 / ratio) / sigma1),
            *gaussian.NORMAL_KL,
        ],
    )
