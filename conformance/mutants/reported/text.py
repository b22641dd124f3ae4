"""Faults of text: the signs of words drawn and given, and how rare a word is."""

from __future__ import annotations

from typing import Any

import numpy as np

from fiducial.conformance.mutants.planted import REPORTED, RIGHT
from fiducial.conformance.mutants.reported._common import widened


@REPORTED.enter(
    "negative_sampling_loss",
    "TEXT-01",
    "-1.0**code is -1 for every code: the target counts as a negative word (in the report, of hierarchical softmax)",
    report="piskvorky/gensim#653",
    cause="sign",
)
@widened
def minus_one_for_every_code(h: Any, W_out: Any, target: Any, negatives: Any) -> Any:
    words = np.concatenate([target[:, None], negatives], axis=1)
    scores = np.sum(h[:, None, :] * W_out[words], axis=2)
    code = np.arange(words.shape[1]) > 0
    signs = (-(1.0**code)).astype(h.dtype)
    return -np.sum(RIGHT.log_sigmoid(signs * scores)) / np.asarray(len(h), h.dtype)


@REPORTED.enter(
    "tfidf",
    "TEXT-03",
    "the smooth idf is log(1 + n / df)",
    report="tidymodels/textrecipes#264",
    cause="term",
)
@widened
def smooth_otherwise(
    counts: Any, *, smooth_idf: bool = True, sublinear_tf: bool = False, norm: Any = "l2", idf_offset: float = 1.0
) -> Any:
    given = {"sublinear_tf": sublinear_tf, "idf_offset": idf_offset}
    right = RIGHT.tfidf(counts, smooth_idf=smooth_idf, norm=norm, **given)
    if not smooth_idf:
        return right
    df = np.sum(counts > 0, axis=0).astype(counts.dtype)
    tf = np.where(counts > 0, 1 + np.log(counts), counts) if sublinear_tf else counts
    weights = np.where(counts == 0, 0 * counts, tf * (np.log1p(len(counts) / df) + idf_offset))
    if norm is None:
        return np.where(np.isnan(counts), counts, weights)
    length = np.sum(np.abs(weights), axis=1) if norm == "l1" else RIGHT.norm(weights, axis=1)
    return weights / np.where(length == 0, np.ones_like(length), length)[:, None]
