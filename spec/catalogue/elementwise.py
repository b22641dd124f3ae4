"""Activations: functions of one number, applied to every element."""

from __future__ import annotations

import math

import sympy
from sympy import Heaviside, Integer, Max, Piecewise, Rational, Symbol, erf, exp, log, pi, sqrt
from sympy.codegen.cfunctions import expm1, log1p

from fiducial.spec.language import Expr, array, erfc, index, logistic, scalar, size
from fiducial.spec.layouts import Elementwise
from fiducial.spec.operation import REAL, Definition, choice, define, number, operation
from fiducial.spec.theorems import Gradient, Identity, Maximum

i = index("i", size("I"))
x, y, dy = array("x"), array("y"), array("dy")
v = Symbol("v", real=True)
BOOK = "Saito, Deep Learning from Scratch 2, 2019, ch. 1"
GOODFELLOW = "Goodfellow, Bengio and Courville, Deep Learning, 2016, 6.3"


@operation(
    en="Step: 0 below zero, 1 above; the attribute says what it is at zero.",
    ko="계단 함수: 0보다 작으면 0, 크면 1이며, 0에서의 값은 속성으로 정한다.",
    layout=Elementwise(),
    source="Rosenblatt 1958; Python array API, heaviside",
    at_zero=number(0.0, 0.5, 1.0),
)
def step() -> Definition:
    at_zero = scalar("at_zero")
    return define({x[i]: REAL}, {y[i]: Piecewise((1, x[i] > 0), (0, x[i] < 0), (at_zero, True))})


def _sigmoid(z: Expr) -> Expr:
    # Neither branch overflows, and neither subtracts: relative accuracy in both tails.
    return Piecewise((1 / (1 + exp(-z)), z >= 0), (exp(z) / (1 + exp(z)), True))


def _slope(z: Expr) -> Expr:
    """s(z) s(-z) without 1 - s."""
    e_right, e_left = exp(-z), exp(z)
    return Piecewise((e_right / (1 + e_right) ** 2, z >= 0), (e_left / (1 + e_left) ** 2, True))


@operation(
    en="Sigmoid: squashes a real number into (0, 1), an S-shaped curve.",
    ko="시그모이드: 실수를 0과 1 사이로 눌러 담는 S자 모양의 함수이다.",
    layout=Elementwise(),
    source=f"{BOOK}, eq. 1.5 and 1.15",
)
def sigmoid() -> Definition:
    s = 1 / (1 + exp(-x[i]))
    return define(
        {x[i]: REAL},
        {y[i]: s},
        stable={y[i]: _sigmoid(x[i])},
        gradients={x[i]: dy[i] * _slope(x[i])},
        theorems=[
            Gradient("sigmoid' = s(1 - s)", x[i], dy[i] * y[i] * (1 - y[i])),
            Gradient("in x", x[i], dy[i] * logistic(x[i]) * (1 - logistic(x[i]))),
            Maximum(
                "largest slope",
                exp(-v) / (1 + exp(-v)) ** 2,
                v,
                Rational(1, 4),
                Rational(0),
                refutes=(Rational(3, 10),),
            ),  # fmt: skip
            Identity("sigmoid of the opposite", 1 / (1 + exp(x[i])), 1 - y[i]),
        ],
    )


def kink(z: Expr, below: Expr, above: Expr) -> Expr:
    """A slope that jumps at 0, where it may have any value between the two."""
    return Piecewise((above, z > 0), (below, z < 0), (below + (above - below) * Heaviside(z), True))


@operation(
    en="Log-sigmoid: the logarithm of the sigmoid, finite wherever x is.",
    ko="로그 시그모이드: 시그모이드의 로그로, x가 유한하면 값도 유한하다.",
    layout=Elementwise(),
    source="PyTorch, torch.nn.functional.logsigmoid",
)
def log_sigmoid() -> Definition:
    return define(
        {x[i]: REAL},
        {y[i]: log(1 / (1 + exp(-x[i])))},
        stable={y[i]: Piecewise((-log1p(exp(-x[i])), x[i] >= 0), (x[i] - log1p(exp(x[i])), True))},
        gradients={x[i]: dy[i] * _sigmoid(-x[i])},
        theorems=[
            Gradient("1 - s", x[i], dy[i] * (1 - logistic(x[i]))),
        ],
    )


@operation(
    en="Hyperbolic tangent: squashes a real number into (-1, 1).",
    ko="쌍곡탄젠트: 실수를 -1과 1 사이로 눌러 담는다.",
    layout=Elementwise(),
    source=f"{GOODFELLOW}.2",
)
def tanh() -> Definition:
    return define(
        {x[i]: REAL},
        {y[i]: sympy.tanh(x[i])},
        gradients={x[i]: 4 * dy[i] * _slope(2 * x[i])},
        theorems=[
            Gradient("tanh' = 1 - tanh^2", x[i], dy[i] * (1 - y[i] ** 2)),
            Gradient("in x", x[i], dy[i] * (1 - sympy.tanh(x[i]) ** 2)),
            Identity("a stretched sigmoid", y[i], 2 / (1 + exp(-2 * x[i])) - 1),
        ],
    )


@operation(
    en="ReLU: keeps what is positive, replaces the rest by 0.",
    ko="렐루: 양수는 그대로 두고 나머지는 0으로 바꾼다.",
    layout=Elementwise(),
    source=f"{GOODFELLOW}.1",
)
def relu() -> Definition:
    return define({x[i]: REAL}, {y[i]: Max(x[i], 0)})


@operation(
    en="Leaky ReLU: a ReLU that lets a fraction of the negative side through.",
    ko="리키 렐루: 음수 쪽을 일정 비율만큼 통과시키는 렐루이다.",
    layout=Elementwise(),
    source="Maas, Hannun and Ng 2013",
    negative_slope=number(0.01, -0.5, 1.75),
)
def leaky_relu() -> Definition:
    a = scalar("negative_slope")
    return define(
        {x[i]: REAL},
        {y[i]: Piecewise((x[i], x[i] > 0), (a * x[i], True))},
        gradients={x[i]: dy[i] * kink(x[i], a, Integer(1))},
    )


@operation(
    en="ELU: the identity above zero, an exponential that levels off below.",
    ko="엘루: 0보다 크면 항등, 작으면 지수적으로 수렴하는 함수이다.",
    layout=Elementwise(),
    source="Clevert, Unterthiner and Hochreiter 2016",
    alpha=number(1.0, 0.25, -1.5),
)
def elu() -> Definition:
    a = scalar("alpha")
    return define(
        {x[i]: REAL},
        {y[i]: Piecewise((x[i], x[i] > 0), (a * (exp(x[i]) - 1), True))},
        stable={y[i]: Piecewise((x[i], x[i] > 0), (a * expm1(x[i]), True))},
        gradients={x[i]: dy[i] * kink(x[i], a * exp(x[i]), Integer(1))},
    )


@operation(
    en="Softplus: a smooth ReLU.",
    ko="소프트플러스: 매끄러운 렐루이다.",
    layout=Elementwise(),
    source="Dugas et al. 2001; PyTorch, torch.nn.functional.softplus",
    beta=number(1.0, 0.5, 3.0),
    threshold=number(math.inf),
)
def softplus() -> Definition:
    b, threshold = scalar("beta"), scalar("threshold")
    z = b * x[i]
    beyond = (x[i], z > threshold)  # a convention: the identity, where the difference is small
    return define(
        {x[i]: REAL},
        {y[i]: Piecewise(beyond, (log(1 + exp(z)) / b, True))},
        stable={y[i]: Piecewise(beyond, ((z + log1p(exp(-z))) / b, z > 0), (log1p(exp(z)) / b, True))},
        gradients={x[i]: dy[i] * Piecewise((1, z > threshold), (_sigmoid(z), True))},
        theorems=[Gradient("the sigmoid", x[i], dy[i] * Piecewise((1, z > threshold), (logistic(z), True)))],
    )


@operation(
    en="GELU: x weighted by the probability that a standard normal number is below it.",
    ko="겔루: 표준정규 확률변수가 x보다 작을 확률로 x를 가중한다.",
    layout=Elementwise(),
    source="Hendrycks and Gimpel 2016",
    approximate=choice("none", "tanh"),
)
def gelu(approximate: str) -> Definition:
    z = x[i]
    if approximate == "none":
        return define(
            {z: REAL},
            {y[i]: z * (1 + erf(z / sqrt(2))) / 2},
            stable={y[i]: z * erfc(-z / sqrt(2)) / 2},
            gradients={z: dy[i] * (erfc(-z / sqrt(2)) / 2 + z * exp(-(z**2) / 2) / sqrt(2 * pi))},
        )
    inner = sqrt(2 / pi) * (z + Rational("0.044715") * z**3)
    rate = sqrt(2 / pi) * (1 + 3 * Rational("0.044715") * z**2)
    return define(
        {z: REAL},
        {y[i]: z * (1 + sympy.tanh(inner)) / 2},
        stable={y[i]: z * _sigmoid(2 * inner)},
        gradients={z: dy[i] * (_sigmoid(2 * inner) + 2 * z * rate * _slope(2 * inner))},
    )


@operation(
    en="SiLU: x times its sigmoid, also called swish.",
    ko="실루: x에 x의 시그모이드를 곱한 것으로, 스위시라고도 한다.",
    layout=Elementwise(),
    source="Ramachandran, Zoph and Le 2017",
)
def silu() -> Definition:
    s = logistic(x[i])
    return define(
        {x[i]: REAL},
        {y[i]: x[i] / (1 + exp(-x[i]))},
        stable={y[i]: x[i] * _sigmoid(x[i])},
        gradients={x[i]: dy[i] * (_sigmoid(x[i]) + x[i] * _slope(x[i]))},
        theorems=[Gradient("s (1 + x (1 - s))", x[i], dy[i] * s * (1 + x[i] * (1 - s)))],
    )
