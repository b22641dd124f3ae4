"""Faults of convolutions: groups, strides and dilations in the gradient of the weights, fast paths, blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import per_axis, widened

SCALED = 4  # images, where the report has 2^16


def _weight_gradient(c: Any, x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """dw, of an x that goes on with zeros as far as the windows reach."""
    axes, N, counts = w.ndim - 2, x.shape[0], c.shape[2:]
    s, p, d = (per_axis(value, axes) for value in (stride, padding, dilation))
    room = [s[k] * (counts[k] - 1) + d[k] * (w.shape[2 + k] - 1) + 1 - x.shape[2 + k] - p[k] for k in range(axes)]
    padded = np.pad(x, ((0, 0), (0, 0), *((p[k], max(p[k], room[k])) for k in range(axes))))
    c, dw = c.reshape(N, groups, w.shape[0] // groups, -1), np.empty_like(w)
    for place in np.ndindex(w.shape[2:]):
        at: Any = tuple(slice(d[k] * i, d[k] * i + s[k] * (counts[k] - 1) + 1, s[k]) for k, i in enumerate(place))
        seen: Any = padded[(..., *at)].reshape(N, groups, w.shape[1], -1)
        there: Any = (..., *place)
        dw[there] = np.einsum("ngop,ngcp->goc", c, seen).reshape(w.shape[:2])
    return dw


Gradient = Callable[..., Any]


def _with_weight_gradient(name: str, dw_of: Gradient) -> Gradient:
    """NAME_vjp with another dw: dw_of(cotangent, x, w, stride, padding, dilation, groups)."""

    def vjp(
        cotangent: Any, x: Any, w: Any, b: Any = None, *,
        stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    ) -> Any:  # fmt: skip
        right = getattr(RIGHT, f"{name}_vjp")(
            cotangent, x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups
        )
        return right[0], dw_of(cotangent, x, w, stride, padding, dilation, groups), *right[2:]

    return widened(vjp)


def _first_group(c: Any, x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    first = np.concatenate([x[:, : w.shape[1]]] * groups, axis=1)
    return _weight_gradient(c, first, w, stride, padding, dilation, groups)


def _exchanged(c: Any, x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return _weight_gradient(c, x, w, dilation, padding, stride, groups)


def _averaged(c: Any, x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    share = np.asarray(c[:, 0].size, c.dtype)
    return _weight_gradient(c, x, w, stride, padding, dilation, groups) / share


def _first_images(c: Any, x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return _weight_gradient(c[:SCALED], x[:SCALED], w, stride, padding, dilation, groups)


def _unfolded_by_default(c: Any, x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return _weight_gradient(c, x, w, 1, 0, 1, groups)


def _sides_exchanged(c: Any, x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    def turned(a: Any) -> Any:
        return a.reshape(*a.shape[:2], a.shape[3], a.shape[2])

    s, p, d = (per_axis(value, 2)[::-1] for value in (stride, padding, dilation))
    return turned(_weight_gradient(turned(c), turned(x), turned(w), s, p, d, groups))


for op in ("conv1d", "conv2d"):
    REPORTED.enter(
        f"{op}_vjp",
        "CONV-01",
        "the weights of every group get the gradient by the channels of the first one",
        report="pytorch/pytorch#51430, tracel-ai/burn#1891",
        cause="order",
    )(_with_weight_gradient(op, _first_group))
    REPORTED.enter(
        f"{op}_vjp",
        "CONV-03",
        "stride and dilation are exchanged in the gradient of the weights",
        report="iree-org/iree-turbine#1223, huggingface/candle#2337",
        cause="attribute",
    )(_with_weight_gradient(op, _exchanged))
    REPORTED.enter(
        f"{op}_vjp",
        "CONV-15",
        "the gradient of the weights unfolds x with stride 1 and no padding, whatever they are",
        report="cybertronai/autograd-hacks#5, meta-pytorch/opacus#1",
        cause="attribute",
    )(_with_weight_gradient(op, _unfolded_by_default))

REPORTED.enter(
    "conv2d_vjp",
    "CONV-05",
    "the gradient of the weights is a mean over images and positions",
    report="sebgao/cTensor#3",
    cause="scale",
)(_with_weight_gradient("conv2d", _averaged))
REPORTED.enter(
    "conv2d_vjp",
    "CONV-09",
    "height and width are exchanged in the gradient of the weights, which square images hide",
    report="Maratyszcza/NNPACK#15",
    cause="transposed",
)(_with_weight_gradient("conv2d", _sides_exchanged))
REPORTED.enter(
    "conv2d_vjp",
    "CONV-13",
    f"the gradient of the weights leaves out the images after the first {SCALED} (scaled down from 2^16)",
    report="pytorch/pytorch#96225",
    cause="size",
)(_with_weight_gradient("conv2d", _first_images))


@REPORTED.enter(
    "conv2d",
    "CONV-07",
    "the fast path of a 1 x 1 kernel ignores the stride (in the report as the gradient of a transposed convolution)",
    report="pytorch/pytorch#63314",
    cause="attribute",
)
def stride_of_one_by_one(x: Any, w: Any, b: Any = None, *, stride: Any = 1, padding: Any = 0, **others: Any) -> Any:
    right = RIGHT.conv2d(x, w, b, stride=stride, padding=padding, **others)
    if w.shape[2:] != (1, 1):
        return right
    dense = RIGHT.conv2d(x, w, b, padding=padding, **others)
    return dense[:, :, : right.shape[2], : right.shape[3]]


def _flipped(name: str) -> Callable[..., Any]:
    def convolve(x: Any, w: Any, b: Any = None, **attributes: Any) -> Any:
        return getattr(RIGHT, name)(x, np.flip(w, axis=tuple(range(2, w.ndim))), b, **attributes)

    return convolve


for op in ("conv1d", "conv2d"):
    REPORTED.enter(
        op, "CONV-11", "a true convolution: the kernel is flipped", report="webmachinelearning/webnn#40", cause="flip"
    )(_flipped(op))
