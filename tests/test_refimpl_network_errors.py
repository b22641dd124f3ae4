"""An error of convolution, pooling, normalisation, attention and recurrence names what is required and what came."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from fiducial import refimpl


def ones(*shape: int) -> Any:
    return numpy.ones(shape)


def conv(*shapes: tuple[int, ...], **attributes: Any) -> Any:
    return refimpl.conv2d(*map(numpy.ones, shapes), **attributes)


def pool(**attributes: Any) -> Any:
    return refimpl.max_pool2d(ones(1, 1, 4, 5), **{"kernel_size": 2, **attributes})


def attend(*shapes: tuple[int, ...]) -> Any:
    return refimpl.scaled_dot_product_attention(*map(numpy.ones, shapes))


X, W = (2, 4, 5, 6), (6, 4, 3, 3)
SIZES = {"x": (2, 3, 4), "h0": (2, 5), "c0": (2, 5)}


def recur(name: str, gates: int, given: dict[str, tuple[int, ...]] | None = None, **attributes: Any) -> Any:
    """A call at N = 2, T = 3, D = 4, H = 5, with the shapes given in place of the right ones."""
    weights = {"Wx": (4, 5 * gates), "Wh": (5, 5 * gates), "b": (5 * gates,), "bx": (5 * gates,), "bh": (5 * gates,)}
    names = {"rnn": "x h0 Wx Wh b", "lstm": "x h0 c0 Wx Wh b", "gru": "x h0 Wx Wh bx bh"}[name].split()
    arrays = [ones(*{**SIZES, **weights, **(given or {})}[n]) for n in names]
    return getattr(refimpl, name)(*arrays, **attributes)


def lstm_vjp(cotangent: Any) -> Any:
    arrays = [ones(2, 3, 4), ones(2, 5), ones(2, 5), ones(4, 20), ones(5, 20), ones(20)]
    return refimpl.lstm_vjp(cotangent, *arrays)


VALUE_ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: conv((0, 4, 5, 6), W, (6,)), r"x must be an array \(N, C\) with N > 0 .*got \(0, 4, 5, 6\)"),
    (lambda: refimpl.avg_pool2d(ones(0, 1, 4, 4), kernel_size=1), r"x must be .*N, H, W > 0, got \(0, 1, 4, 4\)"),
    (lambda: refimpl.rnn(ones(2, 0, 3), ones(2, 4), ones(3, 4), ones(4, 4), ones(4)), r"x must be .*T > 0 steps, got"),
    (
        lambda: refimpl.gru(ones(0, 2, 3), ones(0, 4), ones(3, 12), ones(4, 12), ones(12), ones(12)),
        r"x must be an array \(N, T, D\) with N > 0 sequences .*got \(0, 2, 3\)",
    ),
    (lambda: conv(X[1:], W), r"x must be an array \(N, C\) with N > 0 and 2 spatial dimensions, got \(4, 5, 6\)"),
    (lambda: conv(X, W[1:]), r"w must be an array \(O, C/groups\) with 2 kernel dimensions, got \(4, 3, 3\)"),
    (lambda: conv(X, (6, 3, 3, 3)), r"w must be an array with C/groups = 4 channels, got \(6, 3, 3, 3\)"),
    (lambda: conv(X, W, (4,)), r"b must be an array of shape \(6,\), got \(4,\)"),
    (lambda: conv(X, W, groups=3), "groups must be a positive integer that divides .*4 of x and 6 of w, got 3"),
    (lambda: conv(X, (5, 2, 3, 3), groups=2), "groups must be a positive integer that divides .*5 of w, got 2"),
    (lambda: conv(X, W, groups=0), "groups must be a positive integer .*got 0"),
    (lambda: conv(X, W, stride=0), "stride must be an integer or a tuple of 2 integers, at least 1, got 0"),
    (lambda: conv(X, W, stride=1.5), "stride must be an integer .*got 1.5"),
    (lambda: conv(X, W, padding=(0, -1)), r"padding must be .*2 integers, at least 0, got \(0, -1\)"),
    (lambda: conv(X, W, dilation=(1, 1, 1)), r"dilation must be .*2 integers, at least 1, got \(1, 1, 1\)"),
    (lambda: conv(X, W, dilation=3), r"w must be a kernel that spans 1 to \(5, 6\) entries .*got \(7, 7\)"),
    (lambda: conv(X, (6, 4, 3, 0)), r"w must be a kernel that spans 1 to \(5, 6\) entries .*got \(3, 0\)"),
    (lambda: refimpl.conv1d(ones(2, 4, 5), ones(6, 4, 6)), r"w must be a kernel that spans 1 to \(5,\) .*got \(6,\)"),
    (
        lambda: refimpl.conv2d_vjp(ones(*X), ones(*X), ones(*W)),
        r"cotangent must be .*\(2, 6, 3, 4\), got \(2, 4, 5, 6\)",
    ),
    (lambda: refimpl.conv_output_size(4, kernel_size=5), r"kernel_size must be a kernel .*\(4,\) entries.*got \(5,\)"),
    (lambda: refimpl.conv_output_size(-1, kernel_size=1), "size must be an integer, at least 0, got -1"),
    (lambda: refimpl.conv_output_size(4, kernel_size=0), "kernel_size must be an integer, at least 1, got 0"),
    (lambda: refimpl.conv_output_size(4, kernel_size=1, stride=0), "stride must be an integer, at least 1, got 0"),
    (lambda: refimpl.max_pool2d(ones(4, 4), kernel_size=2), r"x must be an array \(N, C, H, W\).*got \(4, 4\)"),
    (lambda: refimpl.avg_pool2d(ones(1, 1, 0, 4), kernel_size=1), r"x must be an array .*H, W > 0, got \(1, 1, 0, 4\)"),
    (lambda: pool(kernel_size=0), "kernel_size must be an integer or a tuple .*at least 1, got 0"),
    (lambda: pool(kernel_size=(2, 6)), r"kernel_size must be a kernel that spans 1 to \(4, 5\) .*got \(2, 6\)"),
    (lambda: pool(stride=(1, 0)), r"stride must be .*got \(1, 0\)"),
    (lambda: pool(kernel_size=3, padding=2), r"padding must be at most half of kernel_size \(3, 3\), got 2"),
    (lambda: refimpl.max_pool2d_vjp(ones(1), ones(1, 1, 4, 5), kernel_size=2), r"cotangent must be .*\(1, 1, 2, 2\)"),
    (lambda: refimpl.avg_pool2d_vjp(ones(1), ones(1, 1, 4, 5), kernel_size=2), r"cotangent must be .*\(1, 1, 2, 2\)"),
    (lambda: refimpl.batch_norm(ones(3), ones(3), ones(3)), r"x must be an array of at least 2 dimensions, got \(3,\)"),
    (lambda: refimpl.batch_norm(ones(0, 3), ones(3), ones(3)), r"x must be an array with entries .*got \(0, 3\)"),
    (lambda: refimpl.batch_norm(ones(2, 3, 0), ones(3), ones(3)), r"x must be an array with entries .*got \(2, 3, 0\)"),
    (lambda: refimpl.batch_norm(ones(2, 3), ones(2), ones(3)), r"gamma must be .*shape \(3,\), got \(2,\)"),
    (lambda: refimpl.layer_norm(ones(2, 3), ones(3), ones(2)), r"beta must be .*shape \(3,\), got \(2,\)"),
    (lambda: refimpl.layer_norm(ones(2, 0), ones(0), ones(0)), r"x must be an array with entries .*got \(2, 0\)"),
    (lambda: refimpl.rms_norm(ones(2, 3), ones(3), eps=-1e-5), "eps must be a finite number, at least 0, got -1e-05"),
    (lambda: refimpl.rms_norm(ones(2, 3), ones(3), eps=float("nan")), "eps must be a finite number.*got nan"),
    (lambda: refimpl.rms_norm(ones(2, 3), ones(3), eps=float("inf")), "eps must be a finite number.*got inf"),
    (lambda: refimpl.rms_norm_vjp(ones(3), ones(2, 3), ones(3)), r"cotangent must be .*\(2, 3\), got \(3,\)"),
    (lambda: attend((3,), (4, 3), (4, 2)), r"q must be an array \(\.\.\., L, E\) with E > 0, got \(3,\)"),
    (lambda: attend((3, 0), (4, 0), (4, 2)), r"q must be .*E > 0, got \(3, 0\)"),
    (lambda: attend((2, 3, 5), (4, 5), (4, 2)), r"k must be an array \(2, S, 5\) with S > 0, got \(4, 5\)"),
    (lambda: attend((2, 3, 5), (1, 4, 5), (1, 4, 2)), r"k must be an array \(2, S, 5\) .*got \(1, 4, 5\)"),
    (lambda: attend((3, 5), (0, 5), (0, 2)), r"k must be an array \(S, 5\) with S > 0, got \(0, 5\)"),
    (lambda: attend((3, 5), (4, 5), (3, 2)), r"v must be an array \(4, F\), got \(3, 2\)"),
    (lambda: recur("rnn", 1, {"x": (3, 4)}), r"x must be an array \(N, T, D\) with .*, got \(3, 4\)"),
    (lambda: recur("rnn", 1, {"h0": (1, 5)}), r"h0 must be an array \(2, H\), got \(1, 5\)"),
    (lambda: recur("lstm", 4, {"c0": (2, 4)}), r"c0 must be an array of shape \(2, 5\), got \(2, 4\)"),
    (lambda: recur("lstm", 4, {"Wx": (5, 20)}), r"Wx must be an array of shape \(4, 20\), got \(5, 20\)"),
    (lambda: recur("lstm", 4, {"Wh": (20, 5)}), r"Wh must be an array of shape \(5, 20\), got \(20, 5\)"),
    (lambda: recur("lstm", 4, {"b": (15,)}), r"b must be an array of shape \(20,\), got \(15,\)"),
    (lambda: recur("gru", 3, {"bh": (20,)}), r"bh must be an array of shape \(15,\), got \(20,\)"),
    (lambda: recur("lstm", 4, gate_order="ifg"), "gate_order must be a permutation of 'ifgo', got 'ifg'"),
    (lambda: recur("lstm", 4, gate_order="ifff"), "gate_order must be a permutation of 'ifgo', got 'ifff'"),
    (lambda: recur("gru", 3, gate_order="rzh"), "gate_order must be a permutation of 'rzn', got 'rzh'"),
    (lambda: recur("rnn", 1, truncate=0), "truncate must be a positive integer or None, got 0"),
    (lambda: recur("gru", 3, truncate=1.5), "truncate must be a positive integer or None, got 1.5"),
    (lambda: lstm_vjp(ones(2, 3, 5)), "cotangent must be a tuple of 2 arrays"),
    (lambda: lstm_vjp((ones(2, 3, 5), ones(5))), r"cotangent\[1\] must be an array of shape \(2, 5\), got \(5,\)"),
    (lambda: lstm_vjp((ones(3, 2, 5), ones(2, 5))), r"cotangent\[0\] must be .*\(2, 3, 5\), got \(3, 2, 5\)"),
]


@pytest.mark.parametrize(("call", "message"), VALUE_ERRORS, ids=[message for _, message in VALUE_ERRORS])
def test_value_error(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
