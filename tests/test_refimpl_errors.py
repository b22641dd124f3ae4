"""An error of the reference implementation names the argument, what is required and what came."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from fiducial import refimpl
from fiducial.refimpl import datasets

A = numpy.ones((3, 4))
B = numpy.ones((4, 2))

VALUE_ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: refimpl.affine(A, numpy.ones((5, 2)), numpy.ones(2)), r"W must be an array \(4, M\), got \(5, 2\)"),
    (lambda: refimpl.affine(A, B, numpy.ones(3)), r"b must be an array of shape \(2,\), got \(3,\)"),
    (lambda: refimpl.affine(A[0], B, numpy.ones(2)), r"x must be an array \(N, D\), got \(4,\)"),
    (lambda: refimpl.affine_vjp(A, A, B, B[0]), r"cotangent must be an array of shape \(3, 2\), got \(3, 4\)"),
    (lambda: refimpl.matmul(A, A), r"b must be an array of shape .*4.*got \(3, 4\)"),
    (lambda: refimpl.matmul(numpy.ones((2, 3, 4)), numpy.ones((3, 4, 2))), r"b must .*broadcasts with \(2,\)"),
    (lambda: refimpl.matmul(A, numpy.float64(1)), "b must be an array of at least one dimension"),
    (lambda: refimpl.add(A, B), r"y must be an array whose shape broadcasts with \(3, 4\), got \(4, 2\)"),
    (lambda: refimpl.sum(A, axis=2), r"axis must be in \[-2, 2\) .*got 2"),
    (lambda: refimpl.sum(A, axis=(0, -2)), r"axis must be without repetitions, got \(0, -2\)"),
    (lambda: refimpl.softmax(A, axis=-3), r"axis must be in \[-2, 2\) .*got -3"),
    (lambda: refimpl.logsumexp(A[:, :0]), r"x must be an array with an entry along axis -1, got \(3, 0\)"),
    (lambda: refimpl.amax(A[:0]), r"x must be an array with an element along axis None, got \(0, 4\)"),
    (lambda: refimpl.repeat(A, n=0), "n must be a positive integer, got 0"),
    (lambda: refimpl.branch_vjp((A,), A), "cotangent must be a tuple of 2 arrays"),
    (lambda: refimpl.one_hot(numpy.array([0, 3]), num_classes=3), r"labels must be in \[0, 3\), got \[0, 3\]"),
    (lambda: refimpl.one_hot(numpy.array([-1]), num_classes=3), r"labels must be in \[0, 3\), got"),
    (lambda: refimpl.embedding(A, numpy.array([3])), r"indices must be in \[0, 3\), got \[3, 3\]"),
    (lambda: refimpl.mse_loss(A[:, :1], A[:, 0]), r"t must be an array of shape \(3, 1\), got \(3,\)"),
    (lambda: refimpl.mse_loss(A, A, reduction="avg"), "reduction must be 'mean', 'sum' or 'none', got 'avg'"),
    (lambda: refimpl.mse_loss_vjp(A, A, A), r"cotangent must be an array of shape \(\), got \(3, 4\)"),
    (lambda: refimpl.huber_loss(A, A, delta=0.0), r"delta must be a positive number, got 0\.0"),
    (lambda: refimpl.softplus(A, beta=0), "beta must be a number other than 0, got 0"),
    (lambda: refimpl.gelu(A, approximate="erf"), "approximate must be 'none' or 'tanh', got 'erf'"),
    (lambda: refimpl.sigmoid_vjp(B, A), r"cotangent must be an array of shape \(3, 4\), got \(4, 2\)"),
    (lambda: refimpl.softmax_cross_entropy(A, numpy.array([0, 1, 4])), r"t must be in \[0, 4\), got \[0, 4\]"),
    (lambda: refimpl.softmax_cross_entropy(A, A, label_smoothing=2), r"label_smoothing must be in \[0, 1\], got 2"),
    (lambda: refimpl.sgd(A, B), r"g must be an array of shape \(3, 4\), got \(4, 2\)"),
    (lambda: refimpl.TwoLayerNet(2, 0, 3), "hidden_size must be a positive integer, got 0"),
    (lambda: datasets.spiral(dtype="int8"), "dtype must be one of float16, .*got 'int8'"),
    (lambda: list(refimpl.mini_batches(A, A, 0, numpy.random.default_rng(0))), "batch_size must be .*got 0"),
    (lambda: list(refimpl.mini_batches(A, B, 2, numpy.random.default_rng(0))), "t must be an array of 3 rows.*got 4"),
]

TYPE_ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: refimpl.sigmoid([1.0]), "x must be an array of dtype float, got list"),
    (lambda: refimpl.sigmoid(numpy.array([1])), "x must be an array of dtype float, got dtype int64"),
    (lambda: refimpl.embedding(A, numpy.array([1.0])), "indices must be an array of dtype integer, got dtype float64"),
    (lambda: refimpl.softmax_cross_entropy(A, A > 0), "t must be an array of dtype float or integer, got dtype bool"),
    (lambda: refimpl.sum(A, axis=1.0), "axis must be an integer, a tuple of integers or None, got 1.0"),  # type: ignore[arg-type]
    (lambda: refimpl.affine(A), "missing a required argument: 'W'"),  # type: ignore[call-arg]
]


@pytest.mark.parametrize(("call", "message"), VALUE_ERRORS, ids=[message for _, message in VALUE_ERRORS])
def test_value_error(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


@pytest.mark.parametrize(("call", "message"), TYPE_ERRORS, ids=[message for _, message in TYPE_ERRORS])
def test_type_error(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        call()
