"""Text: counts, tf-idf, and the losses of word embeddings with their vector-Jacobian products.

V is the size of the vocabulary; tokens are indices in [0, V). The gradients are those of the float inputs.
Every function raises ValueError for shapes, indices or attributes that do not fit, naming the argument.
Source: Saito, *Deep Learning from Scratch 2* (2019), chapters 2 to 4; others as noted.
"""

from numbers import Integral
from typing import Any

from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import Array, IntegerArray, constant, operation, require, require_shape
from fiducial.refimpl._shapes import require_indices
from fiducial.refimpl.elementwise import log_sigmoid, log_sigmoid_vjp
from fiducial.refimpl.entropies import softmax_cross_entropy, softmax_cross_entropy_vjp
from fiducial.refimpl.linear import embedding, embedding_vjp, matmul_vjp
from fiducial.refimpl.reductions import norm as euclidean_norm


@operation
def count_vectorize(tokens: IntegerArray, *, vocabulary_size: int) -> Array:
    """How often each word stands in each document: tokens (documents, positions), -1 as padding -> float64
    (documents, vocabulary_size)."""
    xp = array_namespace(tokens)
    enough = isinstance(vocabulary_size, Integral) and vocabulary_size >= 1
    require(enough, "vocabulary_size", "a positive integer", vocabulary_size)
    require(tokens.ndim == 2, "tokens", "an array (documents, positions)", tuple(tokens.shape))
    tokens = xp.astype(tokens, xp.int64)
    is_word = tokens != -1
    require_indices("tokens other than -1", xp.where(is_word, tokens, 0), vocabulary_size)
    documents = tokens.shape[0]
    cells = xp.arange(documents * vocabulary_size, dtype=xp.int64, device=device(tokens))
    first = vocabulary_size * xp.arange(documents, dtype=xp.int64, device=device(tokens))[:, None]
    # Padding goes to a cell after the last one.
    placed = xp.reshape(xp.where(is_word, first + tokens, documents * vocabulary_size), (-1,))
    placed = xp.take(placed, xp.argsort(placed))
    counts = xp.searchsorted(placed, cells, side="right") - xp.searchsorted(placed, cells, side="left")
    return xp.astype(xp.reshape(counts, (documents, vocabulary_size)), xp.float64)


def _row_length(x: Any, norm: str | None) -> Any:
    """The length of each row, 1 where there is none to divide by."""
    xp = array_namespace(x)
    require(norm in ("l1", "l2", None), "norm", "'l1', 'l2' or None", norm)
    if norm is None:
        return 1.0
    length = xp.sum(xp.abs(x), axis=1) if norm == "l1" else euclidean_norm(x, axis=1)
    return xp.where(length == 0, 1.0, length)[:, None]


@operation
def tfidf(
    counts: Array,
    *,
    smooth_idf: bool = True,
    sublinear_tf: bool = False,
    norm: str | None = "l2",
    idf_offset: float = 1.0,
) -> Array:
    """tf idf for counts (documents, V) -> (documents, V), each row divided by its length of the given norm.

    tf is the count, with `sublinear_tf` 1 + log(count) where it is positive; idf = log((1 + n) / (1 + df)) +
    idf_offset, without `smooth_idf` log(n / df) + idf_offset (the textbook's with idf_offset=0), for n documents, of
    which df have the word. A word in no document and a row of zeros stay 0.
    Source: Manning, Raghavan and Schütze, *Introduction to Information Retrieval* (2008), section 6.2; the forms and
    defaults of scikit-learn's TfidfTransformer.
    """
    xp = array_namespace(counts)
    require(counts.ndim == 2, "counts", "an array (documents, V)", tuple(counts.shape))
    n, occurs = counts.shape[0], counts > 0
    df = xp.sum(xp.astype(occurs, counts.dtype), axis=0)
    # log((s + n) / (s + df)) for s of 0 or 1, which loses no accuracy for a word in nearly all documents.
    idf = xp.log1p((n - df) / (df + (1 if smooth_idf else 0))) + idf_offset
    tf = xp.where(occurs, 1 + xp.log(counts), counts) if sublinear_tf else counts
    weights = xp.where(counts == 0, 0.0, tf * idf)
    return weights / _row_length(weights, norm)


def _check_weights(W_in: Any, W_out: Any) -> None:
    require(W_in.ndim == 2, "W_in", "an array (V, D)", tuple(W_in.shape))
    require_shape("W_out", W_out, (W_in.shape[1], W_in.shape[0]))


def _check_contexts(contexts: Any, size: int) -> None:
    require(
        contexts.ndim == 2 and 0 not in contexts.shape, "contexts", "a non-empty array (N, C)", tuple(contexts.shape)
    )
    require_indices("contexts", contexts, size)


def _cbow(W_in: Any, W_out: Any, contexts: Any, target: Any) -> tuple[Any, Any]:
    """The mean of the context's vectors (N, D), and the scores of the words (N, V)."""
    _check_weights(W_in, W_out)
    _check_contexts(contexts, W_in.shape[0])
    require_shape("target", target, contexts.shape[:1])
    require_indices("target", target, W_in.shape[0])
    xp = array_namespace(W_in, W_out)
    h = xp.sum(embedding(W_in, contexts), axis=1) / contexts.shape[1]
    return h, xp.matmul(h, W_out)


@operation
def cbow_loss(W_in: Array, W_out: Array, contexts: IntegerArray, target: IntegerArray) -> Array:
    """-log softmax(h W_out)[target], where h is the mean of the rows W_in[contexts]; the mean over N.

    W_in (V, D), W_out (D, V), contexts (N, C), target (N).
    Source: Mikolov, Chen, Corrado and Dean, *Efficient estimation of word representations* (2013).
    """
    return softmax_cross_entropy(_cbow(W_in, W_out, contexts, target)[1], target)


@operation
def cbow_loss_vjp(
    cotangent: Array, W_in: Array, W_out: Array, contexts: IntegerArray, target: IntegerArray
) -> tuple[Array, Array]:
    """The gradients of W_in and W_out; words that repeat add up."""
    h, scores = _cbow(W_in, W_out, contexts, target)
    dscores = softmax_cross_entropy_vjp(cotangent, scores, target)
    dh, dW_out = matmul_vjp(dscores, h, W_out)
    share = array_namespace(dh).broadcast_to(dh[:, None, :] / contexts.shape[1], (*contexts.shape, h.shape[1]))
    return embedding_vjp(share, W_in, contexts), dW_out


def _skip_gram(W_in: Any, W_out: Any, center: Any, contexts: Any) -> tuple[Any, Any, Any]:
    """The vectors of the centres (N, D), the scores (N, V), and how often each word is in the context (N, V)."""
    _check_weights(W_in, W_out)
    _check_contexts(contexts, W_in.shape[0])
    require_shape("center", center, contexts.shape[:1])
    require_indices("center", center, W_in.shape[0])
    xp = array_namespace(W_in, W_out)
    h = embedding(W_in, center)
    scores = xp.matmul(h, W_out)
    return h, scores, xp.astype(count_vectorize(contexts, vocabulary_size=W_in.shape[0]), scores.dtype)


@operation
def skip_gram_loss(W_in: Array, W_out: Array, center: IntegerArray, contexts: IntegerArray) -> Array:
    """-sum_c log softmax(W_in[center] W_out)[contexts[c]]; the mean over N.

    W_in (V, D), W_out (D, V), center (N), contexts (N, C).
    Source: Mikolov, Chen, Corrado and Dean, *Efficient estimation of word representations* (2013).
    """
    _, scores, counts = _skip_gram(W_in, W_out, center, contexts)
    return softmax_cross_entropy(scores, counts)


@operation
def skip_gram_loss_vjp(
    cotangent: Array, W_in: Array, W_out: Array, center: IntegerArray, contexts: IntegerArray
) -> tuple[Array, Array]:
    """The gradients of W_in and W_out; words that repeat add up."""
    h, scores, counts = _skip_gram(W_in, W_out, center, contexts)
    dscores = softmax_cross_entropy_vjp(cotangent, scores, counts)[0]
    dh, dW_out = matmul_vjp(dscores, h, W_out)
    return embedding_vjp(dh, W_in, center), dW_out


def _sampled(h: Any, W_out: Any, target: Any, negatives: Any) -> tuple[Any, Any, Any]:
    """The words (N, 1 + S) with the target first, their vectors, and their signs: 1 for the target, else -1."""
    require(h.ndim == 2 and h.shape[0] > 0, "h", "an array (N, D) of at least one row", tuple(h.shape))
    require(
        W_out.ndim == 2 and W_out.shape[1] == h.shape[1], "W_out", f"an array (V, {h.shape[1]})", tuple(W_out.shape)
    )
    require_shape("target", target, h.shape[:1])
    fits = negatives.ndim == 2 and negatives.shape[0] == h.shape[0]
    require(fits, "negatives", f"an array ({h.shape[0]}, S)", tuple(negatives.shape))
    require_indices("target", target, W_out.shape[0])
    require_indices("negatives", negatives, W_out.shape[0])
    xp = array_namespace(h, W_out)
    words = xp.concat([xp.astype(target, xp.int64)[:, None], xp.astype(negatives, xp.int64)], axis=1)
    is_target = xp.arange(words.shape[1], dtype=xp.int64, device=device(h)) == 0
    return words, embedding(W_out, words), xp.where(is_target, constant(h, 1.0), constant(h, -1.0))


@operation
def negative_sampling_loss(h: Array, W_out: Array, target: IntegerArray, negatives: IntegerArray) -> Array:
    """-log s(h . W_out[target]) - sum_s log s(-h . W_out[negatives[s]]), with the sigmoid s; the mean over N.

    h (N, D), W_out (V, D), target (N), negatives (N, S).
    Source: Mikolov et al., *Distributed representations of words and phrases* (2013), eq. 4.
    """
    _, vectors, signs = _sampled(h, W_out, target, negatives)
    xp = array_namespace(h, W_out)
    scores = xp.sum(h[:, None, :] * vectors, axis=2)
    return -xp.sum(log_sigmoid(signs * scores)) / h.shape[0]


@operation
def negative_sampling_loss_vjp(
    cotangent: Array, h: Array, W_out: Array, target: IntegerArray, negatives: IntegerArray
) -> tuple[Array, Array]:
    """The gradients of h and W_out; words that repeat add up."""
    require_shape("cotangent", cotangent, ())
    words, vectors, signs = _sampled(h, W_out, target, negatives)
    xp = array_namespace(h, W_out)
    scores = xp.sum(h[:, None, :] * vectors, axis=2)
    c = xp.broadcast_to(-cotangent / h.shape[0], scores.shape)
    dscores = (signs * log_sigmoid_vjp(c, signs * scores))[..., None]
    return xp.sum(dscores * vectors, axis=1), embedding_vjp(dscores * h[:, None, :], W_out, words)
