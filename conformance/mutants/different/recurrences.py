"""Recurrent layers by other routes: gate by gate, inputs and states side by side, declared orders of the gates."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from fiducial.conformance.mutants.different._tools import in_float64, widened
from fiducial.conformance.mutants.planted import DIFFERENT, RIGHT


def _sigmoid(x: Any) -> Any:
    return special.expit(x).astype(x.dtype)


def _blocks(w: Any, order: str) -> dict[str, Any]:
    return dict(zip(order, np.split(w, len(order), axis=-1), strict=True))


def _lstm(x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, *, gate_order: str = "ifgo", truncate: Any = None) -> Any:
    """Each gate by a product of its own."""
    wx, wh, bias = (_blocks(w, gate_order) for w in (Wx, Wh, b))
    h, c, hs = h0, c0, []
    for t in range(x.shape[1]):
        a = {k: x[:, t] @ wx[k] + h @ wh[k] + bias[k] for k in "ifgo"}
        c = _sigmoid(a["i"]) * np.tanh(a["g"]) + _sigmoid(a["f"]) * c
        h = np.tanh(c) * _sigmoid(a["o"])
        hs.append(h)
    return np.stack(hs, axis=1), c


def _side_by_side(
    x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, *, gate_order: str = "ifgo", truncate: Any = None
) -> Any:
    """One product of the input and the state side by side, b beside them."""
    w, c, hs, h = np.concatenate([Wx, Wh, b[None]]), c0, [], h0
    for t in range(x.shape[1]):
        a = _blocks(np.concatenate([x[:, t], h, np.ones_like(h[:, :1])], axis=1) @ w, gate_order)
        i, f, o = (_sigmoid(a[k]) for k in "ifo")
        c = f * c + i * np.tanh(a["g"])
        h = o * np.tanh(c)
        hs.append(h)
    return np.stack(hs, axis=1), c


DIFFERENT.enter("lstm", "gate by gate", "each gate by a product of its own")(widened(_lstm))
DIFFERENT.enter("lstm", "side by side", "one product of the input and the state side by side")(widened(_side_by_side))
DIFFERENT.enter("lstm", "in float64, rounded once", "all the steps in float64")(in_float64(_lstm))


def _declared(order: str) -> None:
    """An implementation with its own order of the gates, which it does not take as an attribute."""
    options: dict[str, Any] = {"conventions": {"gate_order": order}}
    name = f"gates in the order {order}"

    def lstm(x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, *, truncate: Any = None) -> Any:
        return _side_by_side(x, h0, c0, Wx, Wh, b, gate_order=order)

    def lstm_vjp(cotangent: Any, *arrays: Any, truncate: Any = None) -> Any:
        return RIGHT.lstm_vjp(cotangent, *arrays, gate_order=order, truncate=truncate)

    DIFFERENT.enter("lstm", name, "declared as its convention", **options)(widened(lstm))
    DIFFERENT.enter("lstm_vjp", name, "declared as its convention", **options)(lstm_vjp)


_declared("fgio")


def _gru(
    x: Any, h0: Any, Wx: Any, Wh: Any, bx: Any, bh: Any, *,
    gate_order: str = "rzn", reset_after: bool = True, truncate: Any = None,
) -> Any:  # fmt: skip
    wx, wh, px, ph = (_blocks(w, gate_order) for w in (Wx, Wh, bx, bh))
    h, hs = h0, []
    for t in range(x.shape[1]):
        r, z = (_sigmoid(x[:, t] @ wx[k] + h @ wh[k] + (px[k] + ph[k])) for k in "rz")
        inner = r * (h @ wh["n"] + ph["n"]) if reset_after else (r * h) @ wh["n"] + ph["n"]
        n = np.tanh(x[:, t] @ wx["n"] + px["n"] + inner)
        h = n + z * (h - n)
        hs.append(h)
    return np.stack(hs, axis=1)


DIFFERENT.enter("gru", "gate by gate", "each gate by a product of its own, h = n + z (h - n)")(widened(_gru))
DIFFERENT.enter("gru", "in float64, rounded once", "all the steps in float64")(in_float64(_gru))


def _gru_declared(order: str, reset_after: bool) -> None:
    options: dict[str, Any] = {"conventions": {"gate_order": order, "reset_after": reset_after}}
    name = f"gates in the order {order}, reset {'after' if reset_after else 'before'}"

    def gru(x: Any, h0: Any, Wx: Any, Wh: Any, bx: Any, bh: Any, *, truncate: Any = None) -> Any:
        return _gru(x, h0, Wx, Wh, bx, bh, gate_order=order, reset_after=reset_after)

    def gru_vjp(cotangent: Any, *arrays: Any, truncate: Any = None) -> Any:
        return RIGHT.gru_vjp(cotangent, *arrays, gate_order=order, reset_after=reset_after, truncate=truncate)

    DIFFERENT.enter("gru", name, "declared as its convention", **options)(widened(gru))
    DIFFERENT.enter("gru_vjp", name, "declared as its convention", **options)(gru_vjp)


_gru_declared("zrn", False)
_gru_declared("zrn", True)


@DIFFERENT.enter("rnn", "side by side", "one product of the input and the state side by side")
@widened
def rnn(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any, *, truncate: Any = None) -> Any:
    w, hs = np.concatenate([Wx, Wh]), [h0]
    for t in range(x.shape[1]):
        hs.append(np.tanh(np.concatenate([x[:, t], hs[-1]], axis=1) @ w + b))
    return np.stack(hs[1:], axis=1)


@DIFFERENT.enter("rnn_vjp", "accumulated at each step", "the gradients of the weights are added to at every step")
@widened
def rnn_vjp(cotangent: Any, x: Any, h0: Any, Wx: Any, Wh: Any, b: Any, *, truncate: Any = None) -> Any:
    hs = np.concatenate([h0[:, None], RIGHT.rnn(x, h0, Wx, Wh, b)], axis=1)
    dx, dh = np.zeros_like(x), np.zeros_like(h0)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    for t in reversed(range(x.shape[1])):
        h = hs[:, t + 1]
        da = (cotangent[:, t] + dh) * ((1 - h) * (1 + h))
        dx[:, t], dh = da @ Wx.T, da @ Wh.T
        dWx, dWh, db = dWx + x[:, t].T @ da, dWh + hs[:, t].T @ da, db + da.sum(axis=0)
        if truncate is not None and t and t % truncate == 0:
            dh = np.zeros_like(dh)
    return dx, dh, dWx, dWh, db
