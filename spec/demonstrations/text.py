"""Counts, tf-idf and word2vec on small cases."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import sympy
from sympy import Expr, Integer, log

from fiducial.spec.demonstrations.written_out import entries, given, zeros
from fiducial.spec.language import name_of, scalar
from fiducial.spec.operation import Definition


def korean_sentence(definition: Definition) -> list[Expr]:
    """Cut into words (outside the mathematics): four words of which the third comes twice; -1 pads."""
    tokens = np.array([[0, 1, 2, 2, 3, -1]])
    counts = entries(definition.system, {"N": 1, "P": 6, "vocabulary_size": 4}, tokens=tokens)["y"]
    return zeros(counts - np.array([[1, 1, 2, 1]]))


def korean_sentence_weighted(definition: Definition) -> list[Expr]:
    """As the only document, every word is in all of them: the weights are the counts over their length, sqrt 7."""
    attributes = {"idf_offset": Integer(1)}
    y = entries(definition.system, {"N": 1, "V": 4}, attributes, counts=np.array([[1, 1, 2, 1]]))["y"]
    return [sympy.simplify(e - Integer(n) / sympy.sqrt(7)) for e, n in zip(y[0], (1, 1, 2, 1), strict=True)]


def _idf(definition: Definition) -> tuple[list[Expr], Expr]:
    """Three documents: the first word is in all of them, the second in one."""
    counts = np.array([[1, 2], [3, 0], [1, 0]])
    offset = {"idf_offset": scalar("idf_offset")}
    found = entries(definition.system, {"N": 3, "V": 2}, offset, counts=counts)["idf"]
    return list(found), scalar("idf_offset")


def smooth_rarity(definition: Definition) -> list[Expr]:
    """log((1 + n)/(1 + df)) + 1: a word of every document keeps the weight 1; one of one document has log 2 more."""
    (common, rare), offset = _idf(definition)
    return [common - offset, sympy.expand_log(rare - offset - log(Integer(2)))]


def textbook_rarity(definition: Definition) -> list[Expr]:
    """log(n/df) + offset: scikit-learn's offset is 1; with the textbook's, 0, a word of all documents has no weight."""
    (common, rare), offset = _idf(definition)
    return [common.subs(offset, 0), rare.subs(offset, 0) - log(Integer(3)), rare.subs(offset, 1) - log(Integer(3)) - 1]


SIZES = {"N": 1, "C": 3, "V": 4, "D": 1}


def _loss(definition: Definition, contexts: list[int], scale: Expr = sympy.S.One) -> Expr:
    system = definition.system
    W_in = next(lhs for lhs in system.inputs if name_of(lhs) == "W_in")
    words = {"contexts": np.array([contexts]), "target": np.array([2])}
    return entries(system, SIZES, **words, W_in=given(W_in, SIZES).items * scale)["L"].item()


def contexts_in_any_order(definition: Definition) -> list[Expr]:
    """All six orders of three context words give the same loss."""
    first = _loss(definition, [0, 1, 3])
    return [_loss(definition, list(order)) - first for order in permutations([0, 1, 3])]


def sum_or_mean_of_contexts(definition: Definition) -> list[Expr]:
    """The sum of C context vectors is the mean of vectors C times as long: the same family of models."""
    system = definition.system
    W_in = next(lhs for lhs in system.inputs if name_of(lhs) == "W_in")
    words = {"contexts": np.array([[0, 1, 3]]), "target": np.array([2])}
    table = given(W_in, SIZES).items
    mean_of_longer = entries(system, SIZES, **words, W_in=table * 3)["h"]
    return zeros(mean_of_longer - table[[0, 1, 3]].sum(axis=0))


def two_classes(definition: Definition) -> list[Expr]:
    """With one negative word, the loss of scores a and b is log(1 + e^-a) + log(1 + e^b): a yes and a no."""
    sizes = {"N": 1, "D": 1, "V": 2, "S": 1}
    words = {"target": np.array([0]), "negatives": np.array([[1]])}
    found = entries(definition.system, sizes, **words)
    a, b = found["yes"].item(), found["no"].item()
    return [found["L"].item() - log(1 + sympy.exp(-a)) - log(1 + sympy.exp(b))]
