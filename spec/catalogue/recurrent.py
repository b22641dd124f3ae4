"""Recurrent layers: equations in time, of which the calculus derives backpropagation through time."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from sympy import Eq, Mod, Piecewise, Sum, tanh

from fiducial.spec.demonstrations import recurrent as shown
from fiducial.spec.language import Expr, array, detached, index, logistic, size
from fiducial.spec.operation import REAL, STEPS, Definition, Domain, choice, define, operation
from fiducial.spec.patterns import Pattern
from fiducial.spec.theorems import Gradient, Shown

N, T, D, H = map(size, "NTDH")
n, t, d, j, k = (index(*p) for p in zip("ntdjk", (N, T, D, H, H), strict=True))
x, h0, c0, Wx, Wh, b, bx, bh = map(array, "x h0 c0 Wx Wh b bx bh".split())
hs, cs, c_T, before, cell_before = map(array, "hs cs c_T before cell_before".split())
pre, i_, f_, g_, o_ = map(array, "pre i f g o".split())
STATE, WEIGHTS = Domain(scale=0.5), Domain(scale=0.3)
TRUNCATE = choice(None, 2)
BPTT = "Werbos, Backpropagation through time, 1990; truncated: Williams and Peng 1990"


def previous(state: Expr, first: Expr, truncate: int | None, i: Expr = k) -> Expr:
    """A state at the step before; the gradient is cut before the steps k, 2k, ... of truncated BPTT."""
    last = state[n, t - 1, i]
    cut = [(detached(last), Eq(Mod(t, truncate), 0))] if truncate is not None else []
    return Piecewise((first[n, i], Eq(t, 0)), *cut, (last, True))


def _cut(truncate: int | None) -> dict[str, tuple[str, Expr]]:
    """Proofs need more steps than one window holds."""
    return {} if truncate is None else {"beyond": ("T", T - truncate + 1)}


def _layout(gates: int, states: int, biases: int) -> Pattern:
    wide = f"({gates} j)" if gates > 1 else "j"

    def sizes(N: int, T: int, D: int, H: int) -> dict[str, int]:
        return {"n": N, "t": T, "d": D, "j": H, "k": H}

    return Pattern(
        read=("n t d", *["n j"] * states, f"d {wide}", f"k {wide}", *[wide] * biases),
        structures=(sizes(2, 3, 2, 3), sizes(1, 1, 1, 1), sizes(3, 4, 2, 2), sizes(1, 5, 3, 2), sizes(2, 2, 1, 4)),
        large=sizes(6, 5, 4, 3),
        tiny=(sizes(1, 3, 1, 1), sizes(1, 2, 1, 2)) if gates == 1 else (sizes(1, 2, 1, 1),),
    )


@operation(
    en="Recurrent layer: a hidden state is carried from step to step and mixed with each input.",
    ko="순환 계층: 은닉 상태를 시점마다 이어받아 입력과 섞는다.",
    layout=_layout(1, 1, 1), source=f"Saito, Deep Learning from Scratch 2, 2019, eq. 5.9; {BPTT}",
    truncate=TRUNCATE, biases=STEPS,
)  # fmt: skip
def rnn(truncate: int | None) -> Definition:
    return define(
        {x[n, t, d]: REAL, h0[n, j]: STATE, Wx[d, j]: WEIGHTS, Wh[k, j]: WEIGHTS, b[j]: STATE},
        {
            before[n, t, k]: previous(hs, h0, truncate),
            pre[n, t, j]: Sum(x[n, t, d] * Wx[d, j], d) + Sum(before[n, t, k] * Wh[k, j], k) + b[j],
            hs[n, t, j]: tanh(pre[n, t, j]),
        },
        sizes=_cut(truncate),
        theorems=[
            Gradient(
                "weights are shared over time: every step adds to their gradient",
                Wh[k, j],
                Sum(before[n, t, k] * array("dpre")[n, t, j], n, t),
            ),
            Shown("the gradient through time is a product of Jacobians (1 - tanh^2) Wh", shown.product_of_jacobians),
            Shown(
                "vanishing: a step scales it by at most |Wh| (tanh) or |Wh| / 4 (sigmoid), T steps by (1/4)^T |Wh|^T",
                shown.vanishing,
            ),
            *(
                [Shown("exploding: near rest, with Wh = 2, it doubles at every step", shown.exploding)]
                if truncate is None
                else []
            ),
            Shown("RNN: H (D + H + 1) parameters", shown.parameters(1, 1)),
            *_shared(truncate),
        ],
    )


def _shared(truncate: int | None) -> list[Any]:
    """What is true of every recurrent layer."""
    if truncate is not None:
        return [
            Shown(f"truncated after {truncate} steps: the forward pass is unchanged", shown.forward_unchanged),
            Shown("and the adjoint is the full one, cut before the steps k, 2k, ...", shown.adjoint_is_cut(truncate)),
        ]
    return [
        Shown("temporal invariance: the same map at every step", shown.same_at_every_step),
        Shown("and without input, bias and state it stays at rest: a shifted input shifts the output",
              shown.rest_stays_at_rest),
        Shown("sequentiality: no step reads a later one", shown.never_looks_ahead),
    ]  # fmt: skip


def _orders(names: str, *first: str) -> Any:
    return choice(*dict.fromkeys([*first, *map("".join, permutations(names))][: len(first) + 1]))


a4, a3 = index("a", 4), index("a", 3)


@operation(
    en="LSTM: a recurrent layer whose cell is forgotten, written and read through gates.",
    ko="LSTM: 망각, 입력, 출력 게이트로 기억 셀을 다루는 순환 계층이다.",
    layout=_layout(4, 2, 1), source=f"Hochreiter and Schmidhuber 1997; Gers et al. 2000; {BPTT}",
    gate_order=_orders("ifgo", "ifgo", "fgio"), truncate=TRUNCATE, biases=STEPS,
)  # fmt: skip
def lstm(gate_order: str, truncate: int | None) -> Definition:
    def gate(name: str) -> Expr:
        return pre[n, t, gate_order.index(name), j]

    return define(
        {x[n, t, d]: REAL, h0[n, j]: STATE, c0[n, j]: STATE, Wx[d, a4, j]: WEIGHTS, Wh[k, a4, j]: WEIGHTS,
         b[a4, j]: STATE},
        {
            before[n, t, k]: previous(hs, h0, truncate),
            cell_before[n, t, j]: previous(cs, c0, truncate, j),
            pre[n, t, a4, j]: Sum(x[n, t, d] * Wx[d, a4, j], d) + Sum(before[n, t, k] * Wh[k, a4, j], k) + b[a4, j],
            i_[n, t, j]: logistic(gate("i")),
            f_[n, t, j]: logistic(gate("f")),
            g_[n, t, j]: tanh(gate("g")),
            o_[n, t, j]: logistic(gate("o")),
            cs[n, t, j]: f_[n, t, j] * cell_before[n, t, j] + i_[n, t, j] * g_[n, t, j],
            hs[n, t, j]: o_[n, t, j] * tanh(cs[n, t, j]),
            c_T[n, j]: cs[n, T - 1, j],
        },
        outputs=[hs[n, t, j], c_T[n, j]],
        sizes=_cut(truncate),
        theorems=[
            Shown("the cell's gradient path is the product of the forget gates", shown.cell_path),
            Shown("LSTM: 4 H (D + H + 1) parameters", shown.parameters(4, 1)),
            Shown("any other order of gates is the same layer with its blocks permuted", shown.gates_permuted(
                gate_order, "ogfi", lambda other: lstm.definition({"gate_order": other, "truncate": truncate}))),
            *_shared(truncate),
        ],
    )  # fmt: skip


from_x, from_h, r_, z_, n_ = map(array, "from_x from_h r z candidate".split())


@operation(
    en="GRU: a recurrent layer whose state is partly reset and partly kept, through two gates.",
    ko="GRU: 리셋과 갱신의 두 게이트로 상태를 일부 지우고 일부 이어 가는 순환 계층이다.",
    layout=_layout(3, 1, 2), source=f"Cho et al. 2014; PyTorch, torch.nn.GRU; {BPTT}",
    gate_order=_orders("rzn", "rzn", "zrn"), reset_after=choice(True, False), truncate=TRUNCATE,
    biases=STEPS,
)  # fmt: skip
def gru(gate_order: str, reset_after: bool, truncate: int | None) -> Definition:
    at = gate_order.index
    candidate = at("n")
    after = r_[n, t, j] * from_h[n, t, candidate, j]
    reset = Sum(r_[n, t, k] * before[n, t, k] * Wh[k, candidate, j], k) + bh[candidate, j]
    return define(
        {x[n, t, d]: REAL, h0[n, j]: STATE, Wx[d, a3, j]: WEIGHTS, Wh[k, a3, j]: WEIGHTS, bx[a3, j]: STATE,
         bh[a3, j]: STATE},
        {
            before[n, t, k]: previous(hs, h0, truncate),
            from_x[n, t, a3, j]: Sum(x[n, t, d] * Wx[d, a3, j], d) + bx[a3, j],
            from_h[n, t, a3, j]: Sum(before[n, t, k] * Wh[k, a3, j], k) + bh[a3, j],
            r_[n, t, j]: logistic(from_x[n, t, at("r"), j] + from_h[n, t, at("r"), j]),
            z_[n, t, j]: logistic(from_x[n, t, at("z"), j] + from_h[n, t, at("z"), j]),
            n_[n, t, j]: tanh(from_x[n, t, candidate, j] + (after if reset_after else reset)),
            hs[n, t, j]: (1 - z_[n, t, j]) * n_[n, t, j] + z_[n, t, j] * before[n, t, j],
        },
        sizes=_cut(truncate),
        theorems=[
            Shown("GRU, lighter than an LSTM: 3 H (D + H + 2) parameters, 3 H (D + H + 1) with one bias",
                  shown.parameters(3, 2)),
            Shown("any other order of gates is the same layer with its blocks permuted", shown.gates_permuted(
                gate_order, "nzr", lambda other: gru.definition(
                    {"gate_order": other, "reset_after": reset_after, "truncate": truncate}))),
            Shown("reset before or after: the same for one unit without a bias, different with one",
                  shown.reset_before_or_after(lambda after: gru.definition(
                      {"gate_order": gate_order, "reset_after": after, "truncate": truncate}))),
            *_shared(truncate),
        ],
    )  # fmt: skip
