"""Regularisation: penalties on the weights, and dropout."""

from __future__ import annotations

from sympy import Abs, Sum, sign

from fiducial.spec.demonstrations import optimisers as shown
from fiducial.spec.language import array, index, scalar, size
from fiducial.spec.layouts import Elementwise
from fiducial.spec.operation import MASK, REAL, Definition, define, number, operation
from fiducial.spec.theorems import Gradient, Shown

i = index("i", size("I"))
W, x, y, mask = map(array, "W x y mask".split())
L, dL, weight, rate = map(scalar, "L dL weight rate".split())
BOOK = "Goodfellow, Bengio and Courville, Deep Learning, 2016"


@operation(
    en="L1 penalty: the weighted sum of the weights' sizes.",
    ko="L1 벌점: 가중치 절댓값의 합이다.",
    layout=Elementwise(), source=f"{BOOK}, eq. 7.18", weight=number(1.0, 0.25),
)  # fmt: skip
def l1_penalty() -> Definition:
    return define(
        {W[i]: REAL},
        {L: weight * Sum(Abs(W[i]), i)},
        theorems=[Gradient("the sign of each weight", W[i], dL * weight * sign(W[i]))],
    )


@operation(
    en="L2 penalty: half the weighted sum of the squared weights.",
    ko="L2 벌점: 가중치 제곱합의 절반이다.",
    layout=Elementwise(), source=f"{BOOK}, eq. 7.4", weight=number(1.0, 0.25),
)  # fmt: skip
def l2_penalty() -> Definition:
    return define(
        {W[i]: REAL},
        {L: weight / 2 * Sum(W[i] ** 2, i)},
        theorems=[Gradient("proportional to the weights", W[i], dL * weight * W[i])],
    )


@operation(
    en="Dropout: keeps what a mask selects, scaled so that its expectation stays.",
    ko="드롭아웃: 마스크가 고른 값만 남기고, 기댓값이 보존되도록 키운다.",
    layout=Elementwise(), source="Srivastava et al., Dropout, 2014; scaled during training as in PyTorch",
    rate=number(0.5, 0.25, 0.0),
)  # fmt: skip
def dropout() -> Definition:
    return define(
        {x[i]: REAL, mask[i]: MASK},
        {y[i]: x[i] * mask[i] / (1 - rate)},
        theorems=[Shown("the expectation over the mask is the input", shown.expectation_preserved)],
    )
