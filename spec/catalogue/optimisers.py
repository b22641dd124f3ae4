"""Optimisers: one step of an update rule, state in, state out."""

from __future__ import annotations

from fiducial.spec.language import array, index, scalar, size
from fiducial.spec.layouts import Elementwise
from fiducial.spec.operation import REAL, Definition, define, number, operation
from fiducial.spec.theorems import Identity

i = index("i", size("I"))
w, g, updated = array("w"), array("g"), array("w_next")


@operation(
    en="SGD: steps against the gradient, with decay of the weights added to it.",
    ko="확률적 경사하강법: 기울기의 반대 방향으로 갱신하며, 가중치 감소항을 기울기에 더한다.",
    layout=Elementwise(),
    source="Robbins and Monro 1951; PyTorch, torch.optim.SGD",
    lr=number(1e-3, 0.5, 1.0),
    weight_decay=number(0, 0.25),
)
def sgd() -> Definition:
    lr, decay = scalar("lr"), scalar("weight_decay")
    return define(
        {w[i]: REAL, g[i]: REAL},
        {updated[i]: w[i] - lr * (g[i] + decay * w[i])},
        theorems=[Identity("decay shrinks the weight first", updated[i], (1 - lr * decay) * w[i] - lr * g[i])],
    )
