"""Text and embeddings by other routes: counted contexts, scores by einsum, losses word by word."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.different._tools import widened
from fiducial.conformance.mutants.planted import DIFFERENT, RIGHT


@DIFFERENT.enter("tfidf", "logarithm of the quotient", "log of a quotient, rows divided by einsum's length")
@widened
def tfidf(
    counts: Any, *, smooth_idf: bool = True, sublinear_tf: bool = False, norm: Any = "l2", idf_offset: float = 1.0
) -> Any:
    df, s = (counts > 0).sum(axis=0).astype(counts.dtype), int(smooth_idf)
    idf = np.log((s + counts.shape[0]) / (s + df)) + idf_offset
    tf = np.where(counts > 0, 1 + np.log(counts), counts) if sublinear_tf else counts
    w = np.where(counts == 0, 0, tf * idf)
    if norm is None:
        return w
    length = np.sqrt(np.einsum("dv,dv->d", w, w)) if norm == "l2" else np.abs(w).sum(axis=1)
    return w / np.where(length == 0, 1, length)[:, None]


@DIFFERENT.enter(
    "cbow_loss", "counted contexts", "a matrix of how often each word is in the context, over their number"
)
@widened
def cbow_loss(W_in: Any, W_out: Any, contexts: Any, target: Any) -> Any:
    counts = np.zeros((contexts.shape[0], W_in.shape[0]), W_in.dtype)
    np.add.at(counts, (np.arange(len(contexts))[:, None], contexts), 1)
    if not np.isfinite(W_in).all():
        return RIGHT.cbow_loss(W_in, W_out, contexts, target)
    scores = (counts @ W_in / contexts.shape[1]) @ W_out
    return -RIGHT.log_softmax(scores, axis=1)[np.arange(len(target)), target].mean()


@DIFFERENT.enter("negative_sampling_loss", "logaddexp", "log(1 + e^-s) and log(1 + e^s) of scores by einsum")
@widened
def negative_sampling_loss(h: Any, W_out: Any, target: Any, negatives: Any) -> Any:
    own = np.einsum("nd,nd->n", h, W_out[target])
    others = np.einsum("nd,nsd->ns", h, W_out[negatives])
    return (np.logaddexp(0, -own).sum() + np.logaddexp(0, others).sum()) / h.shape[0]


@DIFFERENT.enter("skip_gram_loss", "word by word", "each context word's negative logarithm, and their sum")
@widened
def skip_gram_loss(W_in: Any, W_out: Any, center: Any, contexts: Any) -> Any:
    logs = RIGHT.log_softmax(W_in[center] @ W_out, axis=1)
    return -np.take_along_axis(logs, contexts, 1).sum(axis=1).mean()
