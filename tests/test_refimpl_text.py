"""Counts, tf-idf and the losses of word embeddings: by hand, gradients, dtypes, namespaces and errors."""

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import array_api_strict
import ml_dtypes
import numpy
import pytest
from held import assert_held
from test_refimpl_optimisers import assert_gradients, several

from fiducial import refimpl

RNG = numpy.random.default_rng(11)
V, D = 5, 3
WORDS = numpy.asarray([[1, 4, 1], [0, 1, 1]])  # repeated within a row and across rows
TARGET = numpy.asarray([4, 1])


def weights(*shape: int) -> Any:
    """Multiples of 1/64, which every dtype holds."""
    return RNG.integers(-96, 96, shape) / 64


LOSSES: list[tuple[str, list[Any], list[Any]]] = [
    ("cbow_loss", [weights(V, D), weights(D, V)], [WORDS, TARGET]),
    ("skip_gram_loss", [weights(V, D), weights(D, V)], [TARGET, WORDS]),
    ("negative_sampling_loss", [weights(2, D), weights(V, D)], [TARGET, WORDS]),
]
each_loss = pytest.mark.parametrize(("name", "floats", "words"), LOSSES, ids=[name for name, _, _ in LOSSES])


@each_loss
def test_gradients(name: str, floats: list[Any], words: list[Any]) -> None:
    loss, vjp = getattr(refimpl, name), getattr(refimpl, f"{name}_vjp")
    assert_gradients(lambda *a: loss(*a, *words), lambda *a: vjp(*a, *words), floats)


def calls(name: str, floats: list[Any], words: list[Any]) -> list[Any]:
    loss = getattr(refimpl, name)(*floats, *words)
    return [loss, *several(getattr(refimpl, f"{name}_vjp")(loss, *floats, *words))]


@each_loss
def test_array_namespaces_and_dtypes(name: str, floats: list[Any], words: list[Any]) -> None:
    wide, device = calls(name, floats, words), array_api_strict.Device("device1")
    moved = [[array_api_strict.asarray(a, device=device) for a in arrays] for arrays in (floats, words)]
    for a, b in zip(wide, calls(name, *moved), strict=True):
        assert b.device == device
        assert numpy.array_equal(a, numpy.asarray(b.to_device(array_api_strict.Device("CPU_DEVICE"))))
    for dtype, integer in product((numpy.float16, ml_dtypes.bfloat16, numpy.float32), (numpy.uint8, numpy.int32)):
        narrow = calls(name, [a.astype(dtype) for a in floats], [a.astype(integer) for a in words])
        assert all(isinstance(b, numpy.ndarray) and b.dtype == dtype for b in narrow)
        assert_held(name, [*floats, *words], {}, narrow, numpy.dtype(dtype).name)


def test_losses_computed_by_hand() -> None:
    """Scores log 3 and 0: the softmax is (3/4, 1/4), and the sigmoid of log 3 is 3/4."""
    W_in, W_out = numpy.asarray([[0.0], [2 * math.log(3)]]), numpy.asarray([[1.0, 0.0]])
    rows, contexts = numpy.asarray([[0, 1], [1, 0]]), numpy.asarray([[0, 1, 1]])
    h, vectors = numpy.asarray([[math.log(3)]]), numpy.asarray([[1.0], [-1.0]])
    zero, one, none = numpy.asarray([0]), numpy.asarray([1]), numpy.zeros((1, 0), dtype=numpy.int64)
    negatives = numpy.asarray([[1, 0, 0]])
    by_hand: list[tuple[str, list[Any], float]] = [
        ("cbow_loss", [W_in, W_out, rows, numpy.asarray([0, 1])], math.log(16 / 3) / 2),
        ("skip_gram_loss", [W_in / 2, W_out, one, contexts], math.log(4 / 3) + 2 * math.log(4)),
        (
            "negative_sampling_loss",
            [h, vectors, zero, negatives],
            2 * math.log(4 / 3) + 2 * math.log(4),
        ),
        ("negative_sampling_loss", [h, vectors, one, none], math.log(4)),
    ]
    for name, arrays, expected in by_hand:
        loss = getattr(refimpl, name)(*arrays)
        assert_held(name, arrays, {}, [loss])
        # log 3 is rounded before it is an input: at most twice its rounding reaches a loss, beside its own few.
        assert abs(loss - expected) <= 16 * 2**-53 * expected


@each_loss
def test_large_scores_stay_finite(name: str, floats: list[Any], words: list[Any]) -> None:
    assert all(numpy.all(numpy.isfinite(a)) for a in calls(name, [1e3 * a for a in floats], words))


def test_counts() -> None:
    tokens = numpy.asarray([[2, 0, 2, -1], [-1, -1, -1, -1], [1, 1, 1, 1]])
    expected = [[1, 0, 2], [0, 0, 0], [0, 4, 0]]
    for array in (tokens, tokens.astype(numpy.int8), array_api_strict.asarray(tokens)):
        counts = refimpl.count_vectorize(array, vocabulary_size=3)
        assert numpy.asarray(counts).tolist() == expected and "float64" in str(counts.dtype)
    assert refimpl.count_vectorize(tokens[:, :0], vocabulary_size=2).tolist() == [[0, 0]] * 3
    assert refimpl.count_vectorize(tokens[:0], vocabulary_size=2).shape == (0, 2)


def test_tfidf_by_hand() -> None:
    counts = numpy.asarray([[3.0, 0.0, 1.0, 0.0], [0.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]])

    def held(attributes: dict[str, Any], expected: Any) -> None:
        for result in (refimpl.tfidf(counts, **attributes), numpy.asarray(expected, dtype=float)):
            assert_held("tfidf", [counts], attributes, [result])

    textbook: dict[str, Any] = {"smooth_idf": False, "idf_offset": 0.0}
    rare, common = math.log(3), math.log(3 / 2)
    plain: Any = [[3 * rare, 0, common, 0], [0, 0, 2 * common, 0], [0, 0, 0, 0]]
    held({**textbook, "norm": None}, plain)
    slow: Any = [[(1 + math.log(3)) * rare, 0, common, 0], [0, 0, (1 + math.log(2)) * common, 0], [0, 0, 0, 0]]
    held({**textbook, "norm": None, "sublinear_tf": True}, slow)
    total = 3 * rare + common
    shares: Any = [[3 * rare / total, 0, common / total, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    held({**textbook, "norm": "l1"}, shares)
    smooth = numpy.asarray([3 * (math.log(4 / 2) + 1), 0, math.log(4 / 3) + 1, 0])
    held({}, [smooth / math.hypot(*smooth), [0, 0, 1, 0], [0, 0, 0, 0]])
    assert refimpl.tfidf(counts)[1:].tolist() == [[0, 0, 1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("smooth_idf", [True, False])
@pytest.mark.parametrize("sublinear_tf", [True, False])
@pytest.mark.parametrize("norm", ["l1", "l2", None])
def test_tfidf_is_that_of_scikit_learn(smooth_idf: bool, sublinear_tf: bool, norm: str | None) -> None:
    reason = "scikit-learn's own result is the comparison"
    transformers = pytest.importorskip("sklearn.feature_extraction.text", reason=reason)
    attributes: dict[str, Any] = {"smooth_idf": smooth_idf, "sublinear_tf": sublinear_tf, "norm": norm}
    counts = numpy.random.default_rng(1).poisson(0.6, (9, 12)).astype(numpy.float64)
    expected = transformers.TfidfTransformer(**attributes).fit_transform(counts).toarray()
    for result in (refimpl.tfidf(counts, **attributes), expected):
        assert_held("tfidf", [counts], attributes, [result])


def test_tfidf_namespaces_and_dtypes() -> None:
    counts = refimpl.count_vectorize(WORDS, vocabulary_size=V)
    for norm in ("l1", "l2", None):
        wide = refimpl.tfidf(counts, norm=norm)
        assert numpy.array_equal(wide, numpy.asarray(refimpl.tfidf(array_api_strict.asarray(counts), norm=norm)))
        for dtype in (numpy.float16, ml_dtypes.bfloat16, numpy.float32):
            narrow = refimpl.tfidf(counts.astype(dtype), norm=norm)
            assert narrow.dtype == dtype
            assert_held("tfidf", [counts], {"norm": norm}, [narrow], numpy.dtype(dtype).name)


W, U, H = numpy.ones((V, D)), numpy.ones((D, V)), numpy.ones((2, D))
ERRORS: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: refimpl.count_vectorize(WORDS, vocabulary_size=4),
        r"tokens other than -1 must be in \[0, 4\), got \[0, 4\]",
    ),
    (lambda: refimpl.count_vectorize(WORDS - 2, vocabulary_size=4), r"tokens other than -1 must .*got \[-2, 2\]"),
    (lambda: refimpl.count_vectorize(TARGET, vocabulary_size=5), r"tokens must be an array \(documents, positions\)"),
    (lambda: refimpl.count_vectorize(WORDS, vocabulary_size=0), "vocabulary_size must be a positive integer, got 0"),
    (lambda: refimpl.tfidf(H, norm="max"), "norm must be 'l1', 'l2' or None, got 'max'"),
    (lambda: refimpl.tfidf(H[0]), r"counts must be an array \(documents, V\), got \(3,\)"),
    (lambda: refimpl.cbow_loss(W, W, WORDS, TARGET), r"W_out must be an array of shape \(3, 5\), got \(5, 3\)"),
    (lambda: refimpl.cbow_loss(W[0], U, WORDS, TARGET), r"W_in must be an array \(V, D\), got \(3,\)"),
    (lambda: refimpl.cbow_loss(W, U, WORDS[:, :0], TARGET), r"contexts must be a non-empty .*got \(2, 0\)"),
    (lambda: refimpl.cbow_loss(W, U, WORDS[:0], TARGET[:0]), r"contexts must be a non-empty .*got \(0, 3\)"),
    (lambda: refimpl.cbow_loss(W, U, WORDS, TARGET[:1]), r"target must be an array of shape \(2,\), got \(1,\)"),
    (lambda: refimpl.cbow_loss(W, U, WORDS + 1, TARGET), r"contexts must be in \[0, 5\), got \[1, 5\]"),
    (lambda: refimpl.cbow_loss(W, U, WORDS, TARGET - 104), r"target must be in \[0, 5\), got \[-103, -100\]"),
    (lambda: refimpl.cbow_loss_vjp(H, W, U, WORDS, TARGET), r"cotangent must be .*\(\), got \(2, 3\)"),
    (lambda: refimpl.skip_gram_loss(W, U, WORDS, TARGET), r"contexts must be a non-empty array \(N, C\), got \(2,\)"),
    (lambda: refimpl.skip_gram_loss(W, U, TARGET, WORDS - 1), r"contexts must be in \[0, 5\), got \[-1, 3\]"),
    (lambda: refimpl.skip_gram_loss(W, U, TARGET + 1, WORDS), r"center must be in \[0, 5\), got \[2, 5\]"),
    (lambda: refimpl.negative_sampling_loss(H, U, TARGET, WORDS), r"W_out must be an array \(V, 3\), got \(3, 5\)"),
    (lambda: refimpl.negative_sampling_loss(H[:0], W, TARGET, WORDS), r"h must be an array \(N, D\) of at least one"),
    (
        lambda: refimpl.negative_sampling_loss(H, W, TARGET, WORDS[:1]),
        r"negatives must be an array \(2, S\), got \(1, 3\)",
    ),
    (lambda: refimpl.negative_sampling_loss(H, W, TARGET, -WORDS), r"negatives must be in \[0, 5\), got \[-4, 0\]"),
    (lambda: refimpl.negative_sampling_loss_vjp(H, H, W, TARGET, WORDS), r"cotangent must be .*\(\), got \(2, 3\)"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=[message for _, message in ERRORS])
def test_errors(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
