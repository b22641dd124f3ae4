"""Normalisation layers, and attention."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Piecewise, Sum, exp, sqrt

from fiducial.spec.demonstrations import attention as shown
from fiducial.spec.language import Expr, Greatest, array, index, scalar, size
from fiducial.spec.operation import REAL, ROWS, SETS, Definition, choice, define, number, operation
from fiducial.spec.patterns import Pattern
from fiducial.spec.theorems import Gradient, Identity, Invariance, Scaling, Shown

N, C, K, L, B, E, F, S = map(size, "N C K L B E F S".split())
n, c, k, l, e, f, s = (index(*p) for p in zip("nclkefs", (N, C, K, L, E, F, S), strict=True))
k, l, b_ = index("k", K), index("l", L), index("b", B)
x, y, z, d, m, v, r, gamma, beta = map(array, "x y z deviation mean variance root gamma beta".split())
a, dy = array("a"), array("dy")
eps = scalar("eps")
EPS = number(1e-5, 0.0625)


@operation(
    en="Batch normalisation: each channel is shifted and scaled to mean 0 and variance 1 over the batch.",
    ko="배치 정규화: 배치 전체에서 채널마다 평균 0, 분산 1이 되도록 옮기고 늘인다.",
    layout=Pattern(
        read=("n c ...", "c", "c"), written={"y": "n c ..."},
        structures=({"n": 4, "c": 3, "...": ()}, {"n": 2, "c": 2, "...": (3,)}, {"n": 3, "c": 1, "...": (2, 2)},
                    {"n": 1, "c": 2, "...": (2, 3)}, {"n": 2, "c": 3, "...": (1, 2, 2)}),
        large={"n": 16, "c": 8, "...": (6,)}, tiny=({"n": 2, "c": 1, "...": (2,)}, {"n": 3, "c": 1, "...": ()}),
    ),
    source="Ioffe and Szegedy, Batch Normalization, 2015, algorithm 1", eps=EPS, biases=[ROWS],
)  # fmt: skip
def batch_norm() -> Definition:
    return define(
        {x[n, c, l]: REAL, gamma[c]: REAL, beta[c]: REAL},
        {
            m[c]: Sum(x[n, c, l], n, l) / (N * L),
            d[n, c, l]: x[n, c, l] - m[c],
            v[c]: Sum(d[n, c, l] ** 2, n, l) / (N * L),
            r[c]: sqrt(v[c] + eps),
            z[n, c, l]: d[n, c, l] / r[c],
            y[n, c, l]: gamma[c] * z[n, c, l] + beta[c],
        },
        theorems=[
            Identity("mean 0", Sum(z[n, c, l], n, l), sympy.Integer(0)),
            Identity("variance v / (v + eps)", Sum(z[n, c, l] ** 2, n, l) / (N * L), v[c] / (v[c] + eps)),
            Invariance("a channel may be shifted", y[n, c, l], {x[n, c, l]: x[n, c, l] + a[c]}),
            Scaling("and scaled, if eps is scaled along", z[n, c, l], x[n, c, l], eps),
            Gradient("dbeta", beta[c], Sum(dy[n, c, l], n, l)),
            Gradient("dgamma", gamma[c], Sum(dy[n, c, l] * z[n, c, l], n, l)),
        ],
    )


SHAPES: dict[str, Any] = {
    "structures": ({"...": (3,), "k": 4}, {"...": (), "k": 5}, {"...": (2, 2), "k": 3}, {"...": (1, 3), "k": 7},
                {"...": (4,), "k": 1}, {"...": (2,), "k": 2}),
    "large": {"...": (64,), "k": 6}, "tiny": ({"...": (2,), "k": 2}, {"...": (), "k": 3}),
}  # fmt: skip


@operation(
    en="Layer normalisation: each row is shifted and scaled to mean 0 and variance 1.",
    ko="층 정규화: 행마다 평균 0, 분산 1이 되도록 옮기고 늘인다.",
    layout=Pattern(read=("... k", "k", "k"), written={"y": "... k"}, **SHAPES),
    source="Ba, Kiros and Hinton, Layer Normalization, 2016, eq. 3-4", eps=EPS, biases=[ROWS],
)  # fmt: skip
def layer_norm() -> Definition:
    return define(
        {x[n, k]: REAL, gamma[k]: REAL, beta[k]: REAL},
        {
            m[n]: Sum(x[n, k], k) / K,
            d[n, k]: x[n, k] - m[n],
            v[n]: Sum(d[n, k] ** 2, k) / K,
            r[n]: sqrt(v[n] + eps),
            z[n, k]: d[n, k] / r[n],
            y[n, k]: gamma[k] * z[n, k] + beta[k],
        },
        theorems=[
            Identity("mean 0", Sum(z[n, k], k), sympy.Integer(0)),
            Identity("variance v / (v + eps)", Sum(z[n, k] ** 2, k) / K, v[n] / (v[n] + eps)),
            Invariance("a row may be shifted", y[n, k], {x[n, k]: x[n, k] + a[n]}),
            Scaling("and scaled, if eps is scaled along", z[n, k], x[n, k], eps),
            Gradient("(g - mean g - z mean(g z)) / root, g = dy gamma", x[n, k], (
                dy[n, k] * gamma[k] - Sum(dy[n, k] * gamma[k], k) / K
                - z[n, k] * Sum(dy[n, k] * gamma[k] * z[n, k], k) / K) / r[n]),
        ],
    )  # fmt: skip


@operation(
    en="RMS normalisation: each row is scaled to a mean square of 1.",
    ko="RMS 정규화: 행마다 제곱 평균이 1이 되도록 늘인다.",
    layout=Pattern(read=("... k", "k"), written={"y": "... k"}, **SHAPES),
    source="Zhang and Sennrich, Root Mean Square Layer Normalization, 2019, eq. 4", eps=EPS, biases=[ROWS],
)  # fmt: skip
def rms_norm() -> Definition:
    return define(
        {x[n, k]: REAL, gamma[k]: REAL},
        {
            v[n]: Sum(x[n, k] ** 2, k) / K,
            r[n]: sqrt(v[n] + eps),
            z[n, k]: x[n, k] / r[n],
            y[n, k]: gamma[k] * z[n, k],
        },
        theorems=[
            Identity("mean square v / (v + eps)", Sum(z[n, k] ** 2, k) / K, v[n] / (v[n] + eps)),
            Scaling("a row may be scaled, if eps is scaled along", z[n, k], x[n, k], eps),
            Gradient("(g - z mean(g z)) / root, g = dy gamma", x[n, k], (
                dy[n, k] * gamma[k] - z[n, k] * Sum(dy[n, k] * gamma[k] * z[n, k], k) / K) / r[n]),
        ],
    )  # fmt: skip


q, keys, values, p, score, shift = map(array, "q k v p score shift".split())
weight, mass, near, total = map(array, "weight mass near total".split())


@operation(
    en="Scaled dot-product attention: each query averages the values, weighted by how well their keys match it.",
    ko="스케일드 닷프로덕트 어텐션: 질의마다 키와 맞는 정도를 가중치로 값들의 평균을 낸다.",
    layout=Pattern(
        read=("... l e", "... s e", "... s f"), written={"y": "... l f"},
        structures=({"...": (2,), "l": 3, "s": 3, "e": 2, "f": 3}, {"...": (), "l": 2, "s": 4, "e": 3, "f": 1},
                    {"...": (2, 2), "l": 4, "s": 2, "e": 1, "f": 2}, {"...": (1,), "l": 1, "s": 5, "e": 4, "f": 2},
                    {"...": (), "l": 5, "s": 1, "e": 2, "f": 2}),
        large={"...": (3, 2), "l": 6, "s": 7, "e": 4, "f": 5},
        tiny=({"...": (1,), "l": 2, "s": 2, "e": 2, "f": 1}, {"...": (), "l": 2, "s": 3, "e": 1, "f": 2}),
    ),
    source="Vaswani et al., Attention Is All You Need, 2017, eq. 1", causal=choice(False, True),
    scale=choice(None, 0.25), biases=SETS,
)  # fmt: skip
def scaled_dot_product_attention(causal: bool, scale: float | None) -> Definition:
    factor = 1 / sqrt(E) if scale is None else sympy.Rational(scale)

    def seen(value: Expr, hidden: Expr) -> Expr:
        return Piecewise((value, s <= l), (hidden, True)) if causal else value

    scores = {score[b_, l, s]: factor * Sum(q[b_, l, e] * keys[b_, s, e], e)}

    def averaged(weight: Expr, mass: Expr, exponential: Expr) -> dict[Expr, Expr]:
        return {
            weight[b_, l, s]: seen(exponential, sympy.S.Zero),
            mass[b_, l]: Sum(weight[b_, l, s], s),
            p[b_, l, s]: weight[b_, l, s] / mass[b_, l],
            y[b_, l, f]: Sum(p[b_, l, s] * values[b_, s, f], s),
        }

    return define(
        {q[b_, l, e]: REAL, keys[b_, s, e]: REAL, values[b_, s, f]: REAL},
        {**scores, **averaged(weight, mass, exp(score[b_, l, s]))},
        # The softmax is the same for every shift: near the greatest score nothing overflows.
        stable={**scores, **averaged(near, total, exp(score[b_, l, s] - shift[b_, l]))},
        theorems=[
            Identity("each query's weights sum to one", Sum(p[b_, l, s], s), sympy.Integer(1)),
            Gradient("dv = p^T dy", values[b_, s, f], Sum(p[b_, l, s] * dy[b_, l, f], l)),
            *(
                [Shown("every query sees a key, for L != S too", shown.every_row_sees_a_key)]
                if causal
                else [
                    Shown("keys and their values are a set: any order gives the same", shown.keys_in_any_order),
                    Shown("permutation equivariance of the queries", shown.queries_in_any_order),
                ]
            ),
        ],
        shifts={shift[b_, l]: Greatest(seen(Sum(q[b_, l, e] * keys[b_, s, e], e), -sympy.oo), s) * factor},
    )
