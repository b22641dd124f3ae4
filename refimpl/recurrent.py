"""Recurrent layers (tanh, LSTM, GRU), batch first, with their vector-Jacobian products by backpropagation through time.

    rnn    h_t = tanh(x_t Wx + h_{t-1} Wh + b)
    lstm   c_t = f c_{t-1} + i g,  h_t = o tanh(c_t)      with i, f, o = sigmoid(a), g = tanh(a), a as in rnn
    gru    h_t = (1 - z) n + z h_{t-1}                    with r, z = sigmoid(x_t Wx + bx + h_{t-1} Wh + bh) and
           n = tanh(x_t Wx + bx + r (h_{t-1} Wh + bh)), or n = tanh(x_t Wx + bx + (r h_{t-1}) Wh + bh)

The matrices and biases hold one block of H columns for each gate, in the order of gate_order. truncate=k cuts the
gradient of the state before the steps k, 2k, ... (counted from 0) and leaves the value alone.
Every function raises ValueError for shapes or attributes that do not fit, naming the argument.
Source: Hochreiter and Schmidhuber, *Long Short-Term Memory* (1997), with the forget gate of Gers, Schmidhuber and
Cummins (2000); Cho et al., *Learning Phrase Representations using RNN Encoder-Decoder* (2014); Werbos, *Backpropagation
Through Time* (1990); Williams and Peng (1990) for its truncation.
"""

from typing import Any

from array_api_compat import array_namespace

from fiducial.refimpl._arrays import Array, operation, require, require_shape
from fiducial.refimpl._recurrence import (
    check_shapes,
    flows,
    input_gradients,
    product,
    projected,
    reordered,
    sigmoid,
    stacked,
)
from fiducial.refimpl._shapes import copy


def _rnn(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any) -> list[Any]:
    """The states from the initial one on."""
    xp = array_namespace(x, h0, Wx, Wh, b)
    a, hs = projected(x, Wx, b), [h0]
    for t in range(x.shape[1]):
        hs.append(xp.tanh(a[t, ...] + xp.matmul(hs[-1], Wh)))
    return hs


@operation
def rnn(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array, *, truncate: int | None = None) -> Array:
    """hs (N, T, H) for x (N, T, D), h0 (N, H), Wx (D, H), Wh (H, H), b (H)."""
    check_shapes("h", "h", x, h0, Wx, Wh, truncate, b=b)
    return stacked(_rnn(x, h0, Wx, Wh, b)[1:], h0, axis=1)


@operation
def rnn_vjp(
    cotangent: Array, x: Array, h0: Array, Wx: Array, Wh: Array, b: Array, *, truncate: int | None = None
) -> tuple[Array, ...]:
    """dx, dh0, dWx, dWh, db: da_t = (c_t + dh_t) (1 - h_t^2), dh_{t-1} = da_t Wh^T."""
    xp = array_namespace(cotangent, x, h0, Wx, Wh, b)
    check_shapes("h", "h", x, h0, Wx, Wh, truncate, b=b)
    require_shape("cotangent", cotangent, (*x.shape[:2], h0.shape[1]))
    hs = _rnn(x, h0, Wx, Wh, b)
    h = stacked(hs[1:], h0, axis=0)
    da, dh, Wh_T = 1 - h * h, xp.zeros_like(h0), xp.matrix_transpose(Wh)
    for t in reversed(range(x.shape[1])):
        da[t, ...] *= cotangent[:, t, :] + dh
        dh = xp.matmul(da[t, ...], Wh_T) if flows(t, truncate) else xp.zeros_like(h0)
    dx, dWx, db = input_gradients(da, x, Wx)
    return dx, dh, dWx, product(stacked(hs[:-1], h0, axis=0), da), db


GRU_GATES = "rzn"
LSTM_GATES = "oifg"  # as computed here: the sigmoids side by side, and the gates of c side by side


def _lstm(x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any) -> tuple[Any, list[Any], list[Any], list[Any]]:
    """The gates (T, N, 4H), the states h and c from the initial ones on, and tanh c."""
    xp, H = array_namespace(x, h0, c0, Wx, Wh, b), h0.shape[1]
    gates, hs, cs, ys = projected(x, Wx, b), [h0], [c0], []
    for t in range(x.shape[1]):
        a = gates[t, ...] + xp.matmul(hs[-1], Wh)
        s, g = sigmoid(a[:, : 3 * H]), xp.tanh(a[:, 3 * H :])
        gates[t, :, : 3 * H], gates[t, :, 3 * H :] = s, g
        cs.append(s[:, 2 * H :] * cs[-1] + s[:, H : 2 * H] * g)
        ys.append(xp.tanh(cs[-1]))
        hs.append(s[:, :H] * ys[-1])
    return gates, hs, cs, ys


def _lstm_factors(gates: Any, c_before: Any, y: Any) -> tuple[Any, Any, Any]:
    """What the gradients of h and c are multiplied by: da / d(h, c, c, c) by gate, dc / dh, and f."""
    xp, H = array_namespace(gates, y), y.shape[2]
    s, g = gates[:, :, : 3 * H], gates[:, :, 3 * H :]
    values = xp.stack([y, g, c_before, s[:, :, H : 2 * H]], axis=2)
    slopes = xp.concat([s * (1 - s), 1 - g * g], axis=2)
    return values * xp.reshape(slopes, values.shape), s[:, :, :H] * (1 - y * y), s[:, :, 2 * H :]


@operation
def lstm(
    x: Array,
    h0: Array,
    c0: Array,
    Wx: Array,
    Wh: Array,
    b: Array,
    *,
    gate_order: str = "ifgo",
    truncate: int | None = None,
) -> tuple[Array, Array]:
    """hs (N, T, H) and c_T (N, H) for x (N, T, D), h0 (N, H), c0 (N, H), Wx (D, 4H), Wh (H, 4H), b (4H)."""
    check_shapes("ifgo", gate_order, x, h0, Wx, Wh, truncate, c0=c0, b=b)
    Wx, Wh, b = (reordered(w, gate_order, LSTM_GATES) for w in (Wx, Wh, b))
    _, hs, cs, _ = _lstm(x, h0, c0, Wx, Wh, b)
    return stacked(hs[1:], h0, axis=1), cs[-1]


@operation
def lstm_vjp(
    cotangent: tuple[Array, Array],
    x: Array,
    h0: Array,
    c0: Array,
    Wx: Array,
    Wh: Array,
    b: Array,
    *,
    gate_order: str = "ifgo",
    truncate: int | None = None,
) -> tuple[Array, ...]:
    """dx, dh0, dc0, dWx, dWh, db: dc_t += dh_t o tanh'(c_t), dc_{t-1} = dc_t f, dh_{t-1} = da_t Wh^T."""
    xp, (N, H) = array_namespace(x, h0, c0, Wx, Wh, b), h0.shape
    check_shapes("ifgo", gate_order, x, h0, Wx, Wh, truncate, c0=c0, b=b)
    require(isinstance(cotangent, tuple) and len(cotangent) == 2, "cotangent", "a tuple of 2 arrays", cotangent)
    dhs, dc = cotangent
    require_shape("cotangent[0]", dhs, (*x.shape[:2], H))
    require_shape("cotangent[1]", dc, (N, H))
    Wx, Wh, b = (reordered(w, gate_order, LSTM_GATES) for w in (Wx, Wh, b))
    gates, hs, cs, ys = _lstm(x, h0, c0, Wx, Wh, b)
    da, dc_by_dh, f = _lstm_factors(gates, stacked(cs[:-1], c0, axis=0), stacked(ys, c0, axis=0))
    dc, dh, Wh_T = copy(dc), xp.zeros_like(h0), xp.matrix_transpose(Wh)
    for t in reversed(range(x.shape[1])):
        dh = dhs[:, t, :] + dh
        dc = dc + dh * dc_by_dh[t, ...]
        da[t, :, 0, :] *= dh
        da[t, :, 1:, :] *= dc[:, None, :]
        onward = flows(t, truncate)
        dc = dc * f[t, ...] if onward else xp.zeros_like(c0)
        dh = xp.matmul(xp.reshape(da[t, ...], (N, 4 * H)), Wh_T) if onward else xp.zeros_like(h0)
    da = xp.reshape(da, (x.shape[1], N, 4 * H))
    dx, dWx, db = input_gradients(da, x, Wx)
    dWh = product(stacked(hs[:-1], h0, axis=0), da)
    return dx, dh, dc, *(reordered(w, LSTM_GATES, gate_order) for w in (dWx, dWh, db))


def _gru(x: Any, h0: Any, Wx: Any, Wh: Any, bx: Any, bh: Any, reset_after: bool) -> tuple[Any, list[Any], list[Any]]:
    """The gates (T, N, 3H), the states from the initial one on, and what r is multiplied by in each step."""
    xp, H = array_namespace(x, h0, Wx, Wh, bx, bh), h0.shape[1]
    gates, hs, ms = projected(x, Wx, bx), [h0], []
    for t in range(x.shape[1]):
        h = hs[-1]
        u = xp.matmul(h, Wh if reset_after else Wh[:, : 2 * H]) + (bh if reset_after else bh[: 2 * H])
        s = sigmoid(gates[t, :, : 2 * H] + u[:, : 2 * H])
        r, z = s[:, :H], s[:, H:]
        ms.append(u[:, 2 * H :] if reset_after else h)
        m = r * ms[-1]
        n = xp.tanh(gates[t, :, 2 * H :] + (m if reset_after else xp.matmul(m, Wh[:, 2 * H :]) + bh[2 * H :]))
        gates[t, :, : 2 * H], gates[t, :, 2 * H :] = s, n
        hs.append((1 - z) * n + z * h)
    return gates, hs, ms


@operation
def gru(
    x: Array,
    h0: Array,
    Wx: Array,
    Wh: Array,
    bx: Array,
    bh: Array,
    *,
    gate_order: str = "rzn",
    reset_after: bool = True,
    truncate: int | None = None,
) -> Array:
    """hs (N, T, H) for x (N, T, D), h0 (N, H), Wx (D, 3H), Wh (H, 3H), bx (3H), bh (3H).

    reset_after says whether r is multiplied by h_{t-1} Wh + bh (as in cuDNN) or by h_{t-1} (as first published).
    """
    check_shapes("rzn", gate_order, x, h0, Wx, Wh, truncate, bx=bx, bh=bh)
    Wx, Wh, bx, bh = (reordered(w, gate_order, GRU_GATES) for w in (Wx, Wh, bx, bh))
    return stacked(_gru(x, h0, Wx, Wh, bx, bh, reset_after)[1][1:], h0, axis=1)


def _gru_factors(gates: Any, before: Any, m: Any) -> tuple[Any, ...]:
    """r, z, and the factors of da_r (by d(r m)), da_z (by dh) and da_n (by dh)."""
    H = before.shape[2]
    r, z, n = (gates[:, :, k * H : (k + 1) * H] for k in range(3))
    return r, z, m * r * (1 - r), (before - n) * z * (1 - z), (1 - z) * (1 - n * n)


@operation
def gru_vjp(
    cotangent: Array,
    x: Array,
    h0: Array,
    Wx: Array,
    Wh: Array,
    bx: Array,
    bh: Array,
    *,
    gate_order: str = "rzn",
    reset_after: bool = True,
    truncate: int | None = None,
) -> tuple[Array, ...]:
    """dx, dh0, dWx, dWh, dbx, dbh: dn = dh (1 - z), dz = dh (h_{t-1} - n), dr through the product with r."""
    xp, H = array_namespace(x, h0, Wx, Wh, bx, bh), h0.shape[1]
    check_shapes("rzn", gate_order, x, h0, Wx, Wh, truncate, bx=bx, bh=bh)
    require_shape("cotangent", cotangent, (*x.shape[:2], H))
    Wx, Wh, bx, bh = (reordered(w, gate_order, GRU_GATES) for w in (Wx, Wh, bx, bh))
    gates, hs, ms = _gru(x, h0, Wx, Wh, bx, bh, reset_after)
    before = stacked(hs[:-1], h0, axis=0)
    r, z, to_r, to_z, to_n = _gru_factors(gates, before, stacked(ms, h0, axis=0))
    da, dh, Wh_T = xp.zeros_like(gates), xp.zeros_like(h0), xp.matrix_transpose(Wh)
    for t in reversed(range(x.shape[1])):
        dh = cotangent[:, t, :] + dh
        dn = dh * to_n[t, ...]
        dm = dn if reset_after else xp.matmul(dn, Wh_T[2 * H :, :])
        da[t, :, :H], da[t, :, H : 2 * H], da[t, :, 2 * H :] = dm * to_r[t, ...], dh * to_z[t, ...], dn
        if not flows(t, truncate):
            dh = xp.zeros_like(h0)
        elif reset_after:
            through = xp.concat([da[t, :, : 2 * H], dn * r[t, ...]], axis=1)
            dh = dh * z[t, ...] + xp.matmul(through, Wh_T)
        else:
            dh = dh * z[t, ...] + dm * r[t, ...] + xp.matmul(da[t, :, : 2 * H], Wh_T[: 2 * H, :])
    dx, dWx, dbx = input_gradients(da, x, Wx)
    dn = da[:, :, 2 * H :]
    last = (before, r * dn) if reset_after else (r * before, dn)
    dWh = xp.concat([product(before, da[:, :, : 2 * H]), product(*last)], axis=1)
    dbh = xp.concat([dbx[: 2 * H], xp.sum(last[1], axis=(0, 1))])
    return dx, dh, *(reordered(w, GRU_GATES, gate_order) for w in (dWx, dWh, dbx, dbh))
