"""Random samples. Their specification is a distribution, which other operations define; a sample has no exact value."""

from __future__ import annotations

from typing import Any

from fiducial.spec.catalogue.distributions import RATE, TRIALS
from fiducial.spec.language import array, index, size
from fiducial.spec.layouts import Broadcast
from fiducial.spec.operation import REAL, Attribute, Definition, Domain, Sampling, operation, sampled

i = index("i", size("I"))
n, p, mu, sigma, sample = (array(name)[i] for name in "n p mu sigma sample".split())
BERNOULLI = Sampling(
    "bernoulli_cdf", "bernoulli_pmf",
    settings=((0.5,), (0.03125,), (0.96875,)), certain=((0.0, 0.0), (1.0, 1.0)),
)  # fmt: skip
BINOMIAL = Sampling(
    "binomial_cdf", "binomial_pmf", settings=((1.0, 0.5), (10.0, 0.25), (100.0, 0.03125)),
    certain=((5.0, 0.0, 0.0), (5.0, 1.0, 5.0), (0.0, 0.5, 0.0)), most=lambda n, p: n,
)  # fmt: skip
NORMAL = Sampling("normal_cdf", settings=((0.0, 1.0), (-0.5, 0.125), (2.0, 8.0)))
DRAWN: dict[str, Any] = {"shape": Attribute("layout", None), "seed": Attribute("layout", 0)}


@operation(
    en="Bernoulli sample: independent outcomes, 1 with probability p, the same for the same seed.",
    ko="베르누이 표본: 확률 p로 1이 되는 독립 시행들이며 같은 시드이면 같은 값이 나온다.",
    layout=Broadcast(), source="Devroye, Non-Uniform Random Variate Generation, 1986", **DRAWN,
)  # fmt: skip
def bernoulli_sample() -> Definition:
    return sampled({p: RATE}, sample, BERNOULLI)


@operation(
    en="Binomial sample: independent numbers of successes, the same for the same seed.",
    ko="이항 표본: 독립적인 성공 횟수들이며 같은 시드이면 같은 값이 나온다.",
    layout=Broadcast(), source="Devroye, Non-Uniform Random Variate Generation, 1986", **DRAWN,
)  # fmt: skip
def binomial_sample() -> Definition:
    return sampled({n: TRIALS, p: RATE}, sample, BINOMIAL)


@operation(
    en="Normal sample: independent draws from the bell curve, the same for the same seed.",
    ko="정규 표본: 종 모양 분포에서 독립적으로 뽑은 값들이며 같은 시드이면 같은 값이 나온다.",
    layout=Broadcast(), source="Devroye, Non-Uniform Random Variate Generation, 1986", **DRAWN,
)  # fmt: skip
def normal_sample() -> Definition:
    return sampled({mu: REAL, sigma: Domain(0.0, strict=True)}, sample, NORMAL)
