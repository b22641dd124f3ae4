"""Optimisers: one step of an update rule, state in, state out."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Abs, Expr, Integer, Max, Min, Piecewise, Sum, sqrt

from fiducial.spec.demonstrations import optimisers as shown
from fiducial.spec.language import Greatest, above_zero, array, index, scalar, size
from fiducial.spec.layouts import Elementwise
from fiducial.spec.operation import REAL, WEIGHT, Definition, choice, count, define, number, operation
from fiducial.spec.patterns import Listed
from fiducial.spec.theorems import Identity, Shown

i = index("i", size("I"))
w, g, v, s, m = (array(name)[i] for name in "w g v s m".split())
w_next, v_next, s_next, m_next = (array(f"{name}_next")[i] for name in "wvsm")
slope, m_hat, v_hat = (array(name)[i] for name in ("slope", "m_hat", "v_hat"))
lr, decay, eps = scalar("lr"), scalar("weight_decay"), scalar("eps")
RATE = number(1e-3, 0.5, 1.0)
BOOK = "Goodfellow, Bengio and Courville, Deep Learning, 2016"


@operation(
    en="SGD: steps against the gradient, with decay of the weights added to it.",
    ko="확률적 경사하강법: 기울기의 반대 방향으로 갱신하며, 가중치 감소항을 기울기에 더한다.",
    layout=Elementwise(), source="Robbins and Monro 1951; PyTorch, torch.optim.SGD",
    lr=RATE, weight_decay=number(0, 0.25),
)  # fmt: skip
def sgd() -> Definition:
    return define(
        {w: REAL, g: REAL},
        {w_next: w - lr * (g + decay * w)},
        theorems=[
            Identity("decay shrinks the weight first", w_next, (1 - lr * decay) * w - lr * g),
            Shown(
                "weight decay is the gradient of the L2 penalty: coupled and decoupled are the same for SGD",
                shown.sgd_decays_as_l2,
            ),
            Shown("on a quadratic it converges just where lr < 2 / the greatest eigenvalue", shown.quadratic),
        ],
    )


@operation(
    en="Momentum: steps along a running sum of the gradients.",
    ko="모멘텀: 기울기를 누적한 속도를 따라 갱신한다.",
    layout=Elementwise(), source="Polyak 1964; Nesterov 1983; PyTorch, torch.optim.SGD",
    lr=RATE, momentum=number(0.9, 0, 0.5), nesterov=choice(False, True), weight_decay=number(0, 0.25),
)  # fmt: skip
def momentum(nesterov: bool) -> Definition:
    rho = scalar("momentum")
    ahead = slope + rho * v_next if nesterov else v_next
    return define(
        {w: REAL, g: REAL, v: REAL},
        {slope: g + decay * w, v_next: rho * v + slope, w_next: w - lr * ahead},
        outputs=[w_next, v_next],
        theorems=[Shown("three steps, Nesterov's: each looks ahead along its velocity", shown.three_steps_of_nesterov)
                  if nesterov else Shown("three steps: the velocity is a running sum", shown.three_steps_of_momentum)],
    )  # fmt: skip


@operation(
    en="Adagrad: steps shrink with the sum of all squared gradients.",
    ko="AdaGrad: 기울기 제곱의 누적합이 클수록 보폭을 줄인다.",
    layout=Elementwise(), source="Duchi, Hazan and Singer 2011; PyTorch, torch.optim.Adagrad",
    lr=number(1e-2, 0.5), eps=number(1e-10, 0.25),
)  # fmt: skip
def adagrad() -> Definition:
    return define(
        {w: REAL, g: REAL, s: WEIGHT},
        {s_next: s + g**2, w_next: w - lr * g / (sqrt(s_next) + eps)},
        outputs=[w_next, s_next],
        theorems=[Shown("three steps: all squares are kept", shown.three_steps_of_squares(Integer(1), Integer(1)))],
    )


@operation(
    en="RMSprop: steps shrink with a running mean of the squared gradients.",
    ko="RMSprop: 기울기 제곱의 지수이동평균이 클수록 보폭을 줄인다.",
    layout=Elementwise(), source="Tieleman and Hinton 2012; PyTorch, torch.optim.RMSprop",
    lr=number(1e-2, 0.5), eps=number(1e-8, 0.25), rho=number(0.99, 0.5),
)  # fmt: skip
def rmsprop() -> Definition:
    rho = scalar("rho")
    return define(
        {w: REAL, g: REAL, s: WEIGHT},
        {s_next: rho * s + (1 - rho) * g**2, w_next: w - lr * g / (sqrt(s_next) + eps)},
        outputs=[w_next, s_next],
        theorems=[Shown("three steps: squares fade by rho", shown.three_steps_of_squares(rho, 1 - rho))],
    )


def _adam(coupled: bool) -> Definition:
    beta1, beta2, step = scalar("beta1"), scalar("beta2"), size("step")
    kept = w if coupled else (1 - lr * decay) * w
    return define(
        {w: REAL, g: REAL, m: REAL, v: WEIGHT},
        {
            slope: g + decay * w if coupled else g,
            m_next: beta1 * m + (1 - beta1) * slope,
            v_next: beta2 * v + (1 - beta2) * slope**2,
            m_hat: m_next / (1 - beta1**step),
            v_hat: v_next / (1 - beta2**step),
            w_next: kept - lr * m_hat / (sqrt(v_hat) + eps),
        },
        outputs=[w_next, m_next, v_next],
        theorems=[
            Shown("the start's bias is corrected: at steps 1, 2, 3 a constant gradient is found exactly",
                  shown.bias_is_corrected),
            *([Shown("coupled weight decay is not decoupled: from rest it moves by lr, whatever the decay's size",
                     shown.coupled_decay_differs(lambda: adamw.default_definition()))] if coupled else []),
        ],
    )  # fmt: skip


ADAM: dict[str, Any] = {
    "step": count(1, 2, 1000), "lr": RATE, "beta1": number(0.9, 0.5), "beta2": number(0.999, 0.75),
    "eps": number(1e-8, 0.25),
}  # fmt: skip


@operation(
    en="Adam: steps along a running mean of the gradients over the root of that of their squares.",
    ko="Adam: 기울기의 이동평균을 제곱의 이동평균의 제곱근으로 나누어 갱신한다.",
    layout=Elementwise(), source="Kingma and Ba, Adam, 2015, algorithm 1", **ADAM, weight_decay=number(0, 0.25),
)  # fmt: skip
def adam() -> Definition:
    return _adam(coupled=True)


@operation(
    en="AdamW: Adam, with decay of the weights apart from the gradient.",
    ko="AdamW: 가중치 감소를 기울기와 분리한 Adam이다.",
    layout=Elementwise(), source="Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2",
    **ADAM, weight_decay=number(1e-2, 0.25),
)  # fmt: skip
def adamw() -> Definition:
    return _adam(coupled=False)


PARTS = 3
parts = [array(f"g{k}")[index(f"i{k}", size(f"I{k}"))] for k in range(PARTS)]
clipped = [array(f"y{k}")[p.indices] for k, p in enumerate(parts)]


@operation(
    en="Clipping by global norm: gradients that are too long together are scaled down together.",
    ko="전역 노름 클리핑: 기울기 전체의 길이가 한도를 넘으면 함께 줄인다.",
    layout=Listed(), source="Pascanu, Mikolov and Bengio 2013; PyTorch, torch.nn.utils.clip_grad_norm_",
    max_norm=number(1.0, 100.0), eps=number(1e-6),
)  # fmt: skip
def clip_by_global_norm() -> Definition:
    norm, factor, scale = scalar("norm"), scalar("factor"), above_zero("widest")
    shares = {factor: Min(1, scalar("max_norm") / (norm + eps))}
    shares |= {y: factor * p for y, p in zip(clipped, parts, strict=True)}
    widest = Max(*(Greatest(Abs(p), *p.indices) for p in parts))

    def length(shift: Expr) -> Expr:
        return sqrt(sympy.Add(*(Sum((p / shift) ** 2, *p.indices) for p in parts)))

    return define(
        dict.fromkeys(parts, REAL),
        {norm: length(Integer(1)), **shares},
        # The length is the same for every scale > 0: near the greatest element nothing overflows or underflows.
        stable={norm: scale * length(scale), **shares},
        shifts={scale: Piecewise((widest, widest > 0), (1, True))},
        outputs=clipped,
        theorems=[
            Shown("what is too long becomes shorter than max_norm, the rest is kept", shown.never_longer_than_the_limit)
        ],
    )
