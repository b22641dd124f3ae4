"""Faults of gradients: broadcasting that is not undone, indices that repeat, what an earlier pass left."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import widened


@REPORTED.enter(
    "add_vjp",
    "AUTO-01",
    "both inputs get the cotangent as it is, not summed over broadcast axes",
    report="deeplearning4j/nd4j#2424, apache/tvm#2465",
    cause="shape",
)
def not_summed(cotangent: Any, x: Any, y: Any) -> Any:
    return cotangent.copy(), cotangent.copy()


def _summed_on_wrong_axes(gradient: Any, shape: tuple[int, ...]) -> Any:
    lead = gradient.ndim - len(shape)
    for axis, n in enumerate(shape):
        if n == 1:
            gradient = gradient.sum(axis=axis, keepdims=True)  # the axis is lead + axis here
    return gradient.sum(axis=tuple(range(lead)))


BROADCAST = "where axes were both prepended and stretched, the wrong one is summed over"


@REPORTED.enter("add_vjp", "AUTO-03", BROADCAST, report="HomericIntelligence/Odyssey#2080", cause="shape")
@widened
def add_unbroadcast(cotangent: Any, x: Any, y: Any) -> Any:
    return _summed_on_wrong_axes(cotangent, x.shape), _summed_on_wrong_axes(cotangent, y.shape)


@REPORTED.enter("multiply_vjp", "AUTO-03", BROADCAST, report="HomericIntelligence/Odyssey#2080", cause="shape")
@widened
def multiply_unbroadcast(cotangent: Any, x: Any, y: Any) -> Any:
    return _summed_on_wrong_axes(cotangent * y, x.shape), _summed_on_wrong_axes(cotangent * x, y.shape)


@REPORTED.enter(
    "mean_vjp",
    "AUTO-05",
    "the cotangent of some axes is tiled by the whole shape of x",
    report="facebookresearch/shumai#74",
    cause="shape",
)
@widened
def tiled_by_whole_shape(cotangent: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    if cotangent.size == 1:
        return RIGHT.mean_vjp(cotangent, x, axis=axis, keepdims=keepdims)
    return np.tile(cotangent, x.shape) / np.asarray(x.size // cotangent.size, x.dtype)


@REPORTED.enter(
    "matmul_vjp",
    "AUTO-07",
    "the transpose of a vector is itself: its matrix gets an inner product in the place of an outer one",
    report="harvard-edge/cs249r_book#1781",
    cause="transposed",
)
@widened
def transposed_vector(cotangent: Any, a: Any, b: Any) -> Any:
    da, db = RIGHT.matmul_vjp(cotangent, a, b)
    return (np.matmul(cotangent, b.T) if a.ndim == 2 and b.ndim == 1 else da), db


@REPORTED.enter(
    "multiply_vjp",
    "AUTO-09",
    "the second backward pass adds to the gradients that the first one left",
    report="karpathy/micrograd#102",
    cause="state",
)
class Accumulating:
    def __init__(self) -> None:
        self.kept: dict[Any, tuple[Any, Any]] = {}

    def __call__(self, cotangent: Any, x: Any, y: Any) -> Any:
        found, key = RIGHT.multiply_vjp(cotangent, x, y), (x.shape, y.shape, x.dtype)
        if key in self.kept:
            found = tuple(a + b for a, b in zip(self.kept[key], found, strict=True))
        self.kept[key] = found
        return tuple(a.copy() for a in found)


@REPORTED.enter(
    "embedding_vjp",
    "AUTO-11",
    "a scatter that overwrites: of a row taken twice, only the last copy has a gradient",
    report="pytorch/pytorch#1528",
    cause="repeated",
)
def overwritten(cotangent: Any, W: Any, indices: Any) -> Any:
    dW = np.zeros_like(W)
    dW[indices] = cotangent
    return dW


@REPORTED.enter(
    "embedding_vjp",
    "AUTO-13",
    "made for unique indices: of a repeated one, only the first counts",
    report="tenstorrent/tt-metal#6232",
    cause="repeated",
)
def unique_only(cotangent: Any, W: Any, indices: Any) -> Any:
    dW = np.zeros_like(W)
    rows, first = np.unique(indices.reshape(-1), return_index=True)
    dW[rows] = cotangent.reshape(-1, W.shape[1])[first]
    return dW


@REPORTED.enter(
    "embedding_vjp",
    "AUTO-15",
    "the gradients of a row are added up one by one in the 16-bit format",
    report="apache/mxnet#17703, tenstorrent/tt-metal#53386",
    cause="narrow",
    dtypes=("float16", "bfloat16"),
)
def added_in_half(cotangent: Any, W: Any, indices: Any) -> Any:
    dW = np.zeros_like(W)
    for row, c in zip(indices.reshape(-1), cotangent.reshape(-1, W.shape[1]), strict=True):
        dW[row] = dW[row] + c
    return dW
