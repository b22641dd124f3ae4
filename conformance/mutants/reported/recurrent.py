"""Faults of recurrent layers: biases and gates that are mixed up, and what one call leaves to the next."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import widened


def _block(a: Any, order: str, gate: str) -> Any:
    """The columns of a gate, as a view."""
    H = a.shape[-1] // len(order)
    k = order.index(gate)
    return a[..., k * H : (k + 1) * H]


@REPORTED.enter(
    "lstm",
    "RNN-01",
    "the gates i and f have the bias of o",
    report="ddbourgin/numpy-ml#42",
    cause="order",
)
def bias_of_output_gate(
    x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, *, gate_order: str = "ifgo", truncate: Any = None
) -> Any:
    copied = b.copy()
    for gate in "if":
        _block(copied, gate_order, gate)[...] = _block(b, gate_order, "o")
    return RIGHT.lstm(x, h0, c0, Wx, Wh, copied, gate_order=gate_order)


def _gates(x: Any, h: Any, Wx: Any, Wh: Any, b: Any, order: str) -> dict[str, Any]:
    a = x @ Wx + h @ Wh + b
    return {k: np.tanh(_block(a, order, k)) if k == "g" else RIGHT.sigmoid(_block(a, order, k)) for k in order}


@REPORTED.enter(
    "lstm", "RNN-03", "i + g in the place of i g", report="MartinuzziFrancesco/torchrecurrent#22", cause="term"
)
@widened
def sum_of_gates(
    x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, *, gate_order: str = "ifgo", truncate: Any = None
) -> Any:
    h, c, hs = h0, c0, []
    for t in range(x.shape[1]):
        s = _gates(x[:, t], h, Wx, Wh, b, gate_order)
        c = s["f"] * c + (s["i"] + s["g"])
        h = s["o"] * np.tanh(c)
        hs.append(h)
    return np.stack(hs, axis=1), c


@REPORTED.enter(
    "gru",
    "RNN-05",
    "without a bias (here: of zeros), batches of three or more add what the last call left in the bias's buffer",
    report="microsoft/onnxruntime#3893, microsoft/onnxruntime#3797",
    cause="state",
)
class StaleBuffer:
    def __init__(self) -> None:
        self.left: Any = None

    def __call__(
        self, x: Any, h0: Any, Wx: Any, Wh: Any, bx: Any, bh: Any, *,
        gate_order: str = "rzn", reset_after: bool = True, truncate: Any = None,
    ) -> Any:  # fmt: skip
        bias = bh
        used = reset_after and len(x) >= 3 and not bh.any()
        if used and self.left is not None and self.left.shape == h0.shape[1:] and self.left.dtype == bh.dtype:
            bias = bh.copy()
            _block(bias, gate_order, "n")[...] = self.left
        hs = RIGHT.gru(x, h0, Wx, Wh, bx, bias, gate_order=gate_order, reset_after=reset_after)
        self.left = hs[-1, -1].copy()
        return hs


@REPORTED.enter(
    "lstm_vjp",
    "RNN-13",
    "the gates of the cell get the cotangent of their own step; only the output gate gets what later steps pass back",
    report="lhnguyen102/cuTAGI#77",
    cause="term",
)
@widened
def incoming_for_propagated(
    cotangent: Any, x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, *,
    gate_order: str = "ifgo", truncate: Any = None,
) -> Any:  # fmt: skip
    dhs, dc = cotangent
    hs, cs, gates = [h0], [c0], []
    for t in range(x.shape[1]):
        s = _gates(x[:, t], hs[-1], Wx, Wh, b, gate_order)
        gates.append(s)
        cs.append(s["f"] * cs[-1] + s["i"] * s["g"])
        hs.append(s["o"] * np.tanh(cs[-1]))
    dx, dWx, dWh, db = (np.zeros_like(a) for a in (x, Wx, Wh, b))
    dh = np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        s, y = gates[t], np.tanh(cs[t + 1])
        dh = dhs[:, t] + dh
        to_cell = s["o"] * (1 - y * y)
        seen = dc + dhs[:, t] * to_cell
        dc = dc + dh * to_cell
        by_gate = {
            "o": dh * y * s["o"] * (1 - s["o"]),
            "i": seen * s["g"] * s["i"] * (1 - s["i"]),
            "f": seen * cs[t] * s["f"] * (1 - s["f"]),
            "g": seen * s["i"] * (1 - s["g"] ** 2),
        }
        da = np.concatenate([by_gate[k] for k in gate_order], axis=1)
        dx[:, t] = da @ Wx.T
        dWx, dWh, db = dWx + x[:, t].T @ da, dWh + hs[t].T @ da, db + da.sum(axis=0)
        onward = t == 0 or truncate is None or t % truncate != 0
        dc, dh = (dc * s["f"], da @ Wh.T) if onward else (np.zeros_like(dc), np.zeros_like(dh))
    return dx, dh, dc, dWx, dWh, db
