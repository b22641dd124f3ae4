"""Softmax and the loss functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Abs, Integer, KroneckerDelta, Ne, Piecewise, Sum, exp, log, sign
from sympy.codegen.cfunctions import log1p

from fiducial.spec.catalogue.elementwise import _sigmoid
from fiducial.spec.demonstrations.estimation import CATEGORICAL_MLE
from fiducial.spec.demonstrations.normal_estimation import SQUARED_ERROR
from fiducial.spec.language import Expr, Greatest, array, index, integers, logistic, other, scalar, size, whole
from fiducial.spec.layouts import Direct, Elementwise, Over
from fiducial.spec.operation import (
    PROBABILITY,
    REAL,
    REDUCTION,
    WEIGHT,
    Attribute,
    Definition,
    Domain,
    define,
    form,
    labels,
    number,
    operation,
)
from fiducial.spec.theorems import Gradient, Identity, Invariance, Jacobian

I, K, N = map(size, "IKN")
i, k, l, n = (index(*p) for p in zip("ikln", (I, K, K, N), strict=True))
a, c, e, p, t, x, y, z = map(array, "a c e p t x y z".split())
dp, dx, dy, ell, h, S, w = map(array, "dp dx dy loss h S w".split())
log_p, mass = array("log_p"), array("mass")
L, dL = scalar("L"), scalar("dL")
BOOK = "Saito, Deep Learning from Scratch 2, 2019"
GOODFELLOW = "Goodfellow, Bengio and Courville, Deep Learning, 2016"
AXIS = Attribute("layout", -1)

# The softmax is the same for every shift c: near the greatest logit nothing overflows, and the sum is at least about 1.
SHIFT = {c[n]: Greatest(x[n, k], k)}
SHIFTED = {
    z[n, k]: x[n, k] - c[n],
    e[n, k]: exp(z[n, k]),
    S[n]: Sum(e[n, k], k),
}


def reduced(reduction: str, term: Expr, count: Expr, per: Any) -> dict[Expr, Expr]:
    """The equation that turns a loss for each element (or row) into the result."""
    if reduction == "none":
        return {}
    total = Sum(term, per)
    return {L: total / count if reduction == "mean" else total}


def cotangent(reduction: str, name: Expr, count: Expr) -> Expr:
    """The adjoint of one element's loss, given that of the result."""
    return {"mean": dL / count, "sum": dL, "none": name}[reduction]


@operation(
    en="LogSumExp: a smooth maximum, the logarithm of the sum of exponentials.",
    ko="로그섬엑스프: 지수의 합에 로그를 취한 매끄러운 최댓값이다.",
    layout=Over(), source="Blanchard, Higham and Higham, IMA J. Numer. Anal. 41, 2021", axis=AXIS,
)  # fmt: skip
def logsumexp() -> Definition:
    return define(
        {x[n, k]: REAL},
        {y[n]: log(Sum(exp(x[n, k]), k))},
        stable={**SHIFTED, h[n]: log(S[n]), y[n]: c[n] + h[n]},
        shifts=SHIFT,
        gradients={x[n, k]: dy[n] * e[n, k] / S[n]},
        theorems=[
            Gradient("the gradient is the softmax", x[n, k], dy[n] * exp(x[n, k]) / Sum(exp(x[n, l]), l)),
            Gradient("which is exp(x - y)", x[n, k], dy[n] * exp(x[n, k] - y[n])),
            Invariance("a shift passes through", y[n], {x[n, k]: x[n, k] + a[n]}, y[n] + a[n]),
        ],
    )


@operation(
    en="Softmax: turns numbers into probabilities that sum to one.",
    ko="소프트맥스: 실수들을 합이 1인 확률로 바꾼다.",
    layout=Over(), source=f"{BOOK}, eq. 1.6; {GOODFELLOW}, 6.2.2.3", axis=AXIS,
)  # fmt: skip
def softmax() -> Definition:
    return define(
        {x[n, k]: REAL},
        {p[n, k]: exp(x[n, k]) / Sum(exp(x[n, l]), l)},
        stable={**SHIFTED, p[n, k]: e[n, k] / S[n]},
        shifts=SHIFT,
        # p_k (g_k - sum p g): since the p sum to one, the k-th term cancels exactly and is left out.
        gradients={x[n, k]: p[n, k] * (dp[n, k] * Sum(other(l, k) * p[n, l], l)
                                       - Sum(other(l, k) * dp[n, l] * p[n, l], l))},
        theorems=[
            Identity("sums to one", Sum(p[n, k], k), Integer(1), law=True),
            Invariance("shift invariance", p[n, k], {x[n, k]: x[n, k] + a[n]}),
            Jacobian("diag(p) - p p^T", p[n, k], x[n, l], p[n, k] * (KroneckerDelta(k, l) - p[n, l])),
            Gradient("p (g - <p, g>)", x[n, k], p[n, k] * (dp[n, k] - Sum(dp[n, l] * p[n, l], l))),
            Identity("the gradient sums to zero", Sum(dx[n, k], k), Integer(0), law=True),
        ],
    )  # fmt: skip


@operation(
    en="Log-softmax: the logarithms of the softmax probabilities.",
    ko="로그 소프트맥스: 소프트맥스 확률에 로그를 취한다.",
    layout=Over(), source=f"{GOODFELLOW}, 6.2.2.3", axis=AXIS,
)  # fmt: skip
def log_softmax() -> Definition:
    return define(
        {x[n, k]: REAL},
        {y[n, k]: log(exp(x[n, k]) / Sum(exp(x[n, l]), l))},
        stable={**SHIFTED, h[n]: log(S[n]), p[n, k]: e[n, k] / S[n], y[n, k]: z[n, k] - h[n]},
        shifts=SHIFT,
        gradients={x[n, k]: dy[n, k] * Sum(other(l, k) * p[n, l], l) - p[n, k] * Sum(other(l, k) * dy[n, l], l)},
        theorems=[
            Gradient("g - p sum g", x[n, k], dy[n, k] - exp(y[n, k]) * Sum(dy[n, l], l)),
            Invariance("shift invariance", y[n, k], {x[n, k]: x[n, k] + a[n]}),
        ],
    )


@operation(
    en="Mean squared error: the average of the squared differences.",
    ko="평균 제곱 오차: 차이를 제곱하여 평균한다.",
    layout=Elementwise(empty=False), source=f"{GOODFELLOW}, 5.1.4", reduction=REDUCTION,
)  # fmt: skip
def mse_loss(reduction: str) -> Definition:
    equations = {ell[i]: (y[i] - t[i]) ** 2, **reduced(reduction, ell[i], I, i)}
    return define(
        {y[i]: REAL, t[i]: REAL},
        equations,
        theorems=[
            Gradient("2 (y - t)", y[i], 2 * (y[i] - t[i]) * cotangent(reduction, array("dloss")[i], I)),
            *SQUARED_ERROR,
        ],
    )


@operation(
    en="Mean absolute error: the average of the absolute differences.",
    ko="평균 절대 오차: 차이의 절댓값을 평균한다.",
    layout=Elementwise(empty=False), source="PyTorch, torch.nn.functional.l1_loss", reduction=REDUCTION,
)  # fmt: skip
def l1_loss(reduction: str) -> Definition:
    return define({y[i]: REAL, t[i]: REAL}, {ell[i]: Abs(y[i] - t[i]), **reduced(reduction, ell[i], I, i)})


@operation(
    en="Sum of squared errors: half the sum of the squared differences.",
    ko="오차제곱합: 차이의 제곱을 모두 더하고 2로 나눈다.",
    layout=Elementwise(empty=False), source=f"{BOOK.replace(' 2', '')}, eq. 4.1",
)  # fmt: skip
def sum_squared_error() -> Definition:
    return define(
        {y[i]: REAL, t[i]: REAL},
        {L: Sum((y[i] - t[i]) ** 2, i) / 2},
        theorems=[Gradient("y - t", y[i], dL * (y[i] - t[i]))],
    )


@operation(
    en="Huber loss: quadratic near zero, linear beyond delta.",
    ko="후버 손실: 0 근처에서는 이차, delta를 넘으면 일차로 커진다.",
    layout=Elementwise(empty=False), source="Huber 1964; PyTorch, torch.nn.functional.huber_loss",
    delta=number(1.0, 0.5, 3.0), reduction=REDUCTION,
)  # fmt: skip
def huber_loss(reduction: str) -> Definition:
    delta, r = scalar("delta"), array("r")
    loss = Piecewise((r[i] ** 2 / 2, Abs(r[i]) <= delta), (delta * (Abs(r[i]) - delta / 2), True))
    slope = Piecewise((r[i], Abs(r[i]) <= delta), (delta * sign(r[i]), True))
    g = cotangent(reduction, array("dloss")[i], I)
    return define(
        {y[i]: REAL, t[i]: REAL},
        {r[i]: y[i] - t[i], ell[i]: loss, **reduced(reduction, ell[i], I, i)},
        theorems=[Gradient("the difference, clipped to delta", y[i], g * slope)],
    )


def times_log(weight: Expr, of: Expr) -> Expr:
    """weight * log(of), with 0 log 0 = 0."""
    return Piecewise((weight * log(of), Ne(weight, 0)), (0, True))


@operation(
    en="Cross-entropy: how badly given probabilities predict the targets.",
    ko="교차 엔트로피 오차: 주어진 확률이 정답을 얼마나 못 맞히는지 잰다.",
    layout=Direct(), source=f"{BOOK}, eq. 1.7-1.8", reduction=REDUCTION,
)  # fmt: skip
def cross_entropy(reduction: str) -> Definition:
    g = cotangent(reduction, array("dloss")[n], N)
    return define(
        {y[n, k]: PROBABILITY, t[n, k]: WEIGHT},
        {ell[n]: -Sum(times_log(t[n, k], y[n, k]), k), **reduced(reduction, ell[n], N, n)},
        gradients={y[n, k]: -g * t[n, k] / y[n, k], t[n, k]: -g * log(y[n, k])},
        theorems=[Gradient("-t / y", y[n, k], -g * t[n, k] / y[n, k]), *CATEGORICAL_MLE],
    )


def _smoothed(target: Expr) -> Expr:
    s = scalar("label_smoothing")
    return (1 - s) * target + s / K


@operation(
    en="Softmax cross-entropy: the cross-entropy of softmax probabilities, taken from the logits.",
    ko="소프트맥스 교차 엔트로피: 로짓에서 바로 구하는 소프트맥스 확률의 교차 엔트로피 오차이다.",
    layout=Direct(), source=f"{BOOK}, eq. 1.6-1.8 and appendix A; {GOODFELLOW}, 6.2.2.3",
    reduction=REDUCTION, label_smoothing=number(0.0, 0.25), ignore_index=number(-100, 1),
    targets=form("probabilities", "labels"),
)  # fmt: skip
def softmax_cross_entropy(reduction: str, targets: str) -> Definition:
    q, counted = array("q"), scalar("counted")
    as_labels = targets == "labels"
    names, ignored = integers("t"), whole("ignore_index")
    kept = other(names[n], ignored) if as_labels else Integer(1)
    target = kept * _smoothed(KroneckerDelta(k, names[n])) if as_labels else _smoothed(t[n, k])
    rows = {counted: Sum(kept, n)} if as_labels else {}
    total: Expr = counted if as_labels else N
    smooth = {q[n, k]: target, **rows}
    per_row = -Sum(q[n, k] * log_p[n, k], k)
    result = reduced(reduction, ell[n], total, n)
    definition = {p[n, k]: exp(x[n, k]) / Sum(exp(x[n, l]), l), log_p[n, k]: log(p[n, k])}
    stable = {**SHIFTED, h[n]: log(S[n]), p[n, k]: e[n, k] / S[n], log_p[n, k]: z[n, k] - h[n]}
    g = cotangent(reduction, array("dloss")[n], total)
    # y - t for targets that sum to one: the k-th terms of p_k sum(t) - t_k sum(p) cancel exactly and are left out.
    slope = p[n, k] * Sum(other(l, k) * q[n, l], l) - q[n, k] * Sum(other(l, k) * p[n, l], l)
    one_hot = [(Sum(t[n, k], k), Integer(1))]
    theorems = [
        Gradient("y sum(t) - t", x[n, k], g * (p[n, k] * Sum(q[n, l], l) - q[n, k])),
    ]
    if not as_labels:
        plain = Gradient("y - t over N", x[n, k], g * (p[n, k] - q[n, k]), one_hot)
        theorems.append(plain)
    inputs: Mapping[Expr, Domain] = {x[n, k]: REAL, **({names[n]: labels("K")} if as_labels else {t[n, k]: WEIGHT})}
    return define(
        inputs,
        {**smooth, **definition, ell[n]: per_row, **result},
        stable={**smooth, **stable, ell[n]: per_row, **result},
        shifts=SHIFT,
        gradients={x[n, k]: g * slope},
        theorems=theorems,
    )


@operation(
    en="Binary cross-entropy: how badly a probability predicts a yes or no.",
    ko="이진 교차 엔트로피: 확률이 예/아니오를 얼마나 못 맞히는지 잰다.",
    layout=Elementwise(empty=False), source=f"{GOODFELLOW}, 6.2.2.2", reduction=REDUCTION,
)  # fmt: skip
def binary_cross_entropy(reduction: str) -> Definition:
    q = array("p")
    g = cotangent(reduction, array("dloss")[i], I)
    per = -(times_log(t[i], q[i]) + times_log(1 - t[i], 1 - q[i]))
    stable_no = Piecewise(((1 - t[i]) * log1p(-q[i]), Ne(1 - t[i], 0)), (0, True))
    stable = -(times_log(t[i], q[i]) + stable_no)
    return define(
        {q[i]: PROBABILITY, t[i]: PROBABILITY},
        {ell[i]: per, **reduced(reduction, ell[i], I, i)},
        stable={ell[i]: stable, **reduced(reduction, ell[i], I, i)},
        gradients={q[i]: g * ((q[i] - t[i]) / (q[i] * (1 - q[i]))), t[i]: g * (log1p(-q[i]) - log(q[i]))},
        theorems=[Gradient("(p - t) / (p (1 - p))", q[i], g * (q[i] - t[i]) / (q[i] * (1 - q[i])))],
    )


@operation(
    en="Binary cross-entropy with logits: the binary cross-entropy of a sigmoid, taken from the logit.",
    ko="로짓 이진 교차 엔트로피: 로짓에서 바로 구하는 시그모이드의 이진 교차 엔트로피이다.",
    layout=Elementwise(empty=False), source="PyTorch, torch.nn.functional.binary_cross_entropy_with_logits",
    reduction=REDUCTION, pos_weight=number(None, 3.0, 0.25),
)  # fmt: skip
def binary_cross_entropy_with_logits(reduction: str) -> Definition:
    weight, s = scalar("pos_weight"), array("s")
    g = cotangent(reduction, array("dloss")[i], I)
    result = reduced(reduction, ell[i], I, i)
    yes, no = array("yes"), array("no")  # the losses if the answer is yes, and if it is no
    softplus = Piecewise((x[i] + log1p(exp(-x[i])), x[i] > 0), (log1p(exp(x[i])), True))
    softplus_of_minus = Piecewise((log1p(exp(-x[i])), x[i] > 0), (log1p(exp(x[i])) - x[i], True))
    per = weight * t[i] * yes[i] + (1 - t[i]) * no[i]
    return define(
        {x[i]: REAL, t[i]: PROBABILITY},
        {s[i]: 1 / (1 + exp(-x[i])), yes[i]: -log(s[i]), no[i]: -log(1 - s[i]), ell[i]: per, **result},
        stable={yes[i]: softplus_of_minus, no[i]: softplus, ell[i]: per, **result},
        gradients={x[i]: g * ((1 - t[i]) * _sigmoid(x[i]) - weight * t[i] * _sigmoid(-x[i]))},
        theorems=[
            Gradient("(1 - t) s - w t (1 - s)", x[i], g * ((1 - t[i]) * s[i] - weight * t[i] * (1 - s[i]))),
            Gradient("(1 + (w - 1) t) s - w t", x[i], g * ((1 + (weight - 1) * t[i]) * logistic(x[i]) - weight * t[i])),
            Identity("in one logarithm", ell[i], (1 - t[i]) * x[i] + (1 + (weight - 1) * t[i]) * softplus_of_minus),
        ],
    )


@operation(
    en="Kullback-Leibler divergence: the cost of predicting p with q, from the logarithms of q.",
    ko="쿨백-라이블러 발산: q로 p를 예측할 때 드는 비용을 로그 q에서 구한다.",
    layout=Elementwise(empty=False), source="Kullback and Leibler 1951; PyTorch, torch.nn.functional.kl_div",
    reduction=REDUCTION,
)  # fmt: skip
def kl_divergence(reduction: str) -> Definition:
    log_q, q = array("log_q"), array("p")
    g = cotangent(reduction, array("dloss")[i], I)
    per = Piecewise((q[i] * (log(q[i]) - log_q[i]), Ne(q[i], 0)), (0, True))
    return define(
        {log_q[i]: Domain(high=0.0), q[i]: PROBABILITY},
        {ell[i]: per, **reduced(reduction, ell[i], I, i)},
        theorems=[Gradient("log p + 1 - log q", q[i], g * (log(q[i]) + 1 - log_q[i]))],
    )
