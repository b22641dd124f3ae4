"""Text and embeddings: word counts, tf-idf, and the losses of word2vec. Tokenisation is outside the mathematics."""

from __future__ import annotations

from sympy import Abs, Expr, KroneckerDelta, Piecewise, Sum, exp, log, sqrt
from sympy.codegen.cfunctions import log1p

from fiducial.spec.demonstrations import text as shown
from fiducial.spec.language import Greatest, array, index, integers, scalar, size
from fiducial.spec.operation import COUNTS, Definition, Domain, choice, count, define, labels, number, operation
from fiducial.spec.patterns import Pattern
from fiducial.spec.theorems import Gradient, Shown

N, C, D, V, S, P = map(size, "N C D V S P".split())
n, c, d, v, s, p, u = (index(*q) for q in zip("ncdvspu", (N, C, D, V, S, P, V), strict=True))
counts, tf, df, idf, raw, length, y = map(array, "counts tf df idf raw length y".split())
W_in, W_out, h, z, e, mass, cost, loss = map(array, "W_in W_out h z e mass cost loss".split())
shift, far, near, total = map(array, "shift far near total".split())
L, L_bar = scalar("L"), scalar("dL")
VECTORS = Domain(scale=0.4)
BOOK = "Saito, Deep Learning from Scratch 2, 2019"


@operation(
    en="Count vectors: how often each word of a vocabulary occurs in each document.",
    ko="카운트 벡터: 문서마다 어휘의 각 단어가 나온 횟수를 센다.",
    layout=Pattern(
        read=("n p",),
        structures=({"n": 2, "p": 5}, {"n": 1, "p": 1}, {"n": 3, "p": 7}),
        large={"n": 40, "p": 12}, tiny=({"n": 2, "p": 3},),
    ),
    source="scikit-learn, CountVectorizer; Salton and McGill 1983", vocabulary_size=count(6, 3),
)  # fmt: skip
def count_vectorize() -> Definition:
    tokens = integers("tokens")
    word = index("v", size("vocabulary_size"))
    return define(
        {tokens[n, p]: labels("vocabulary_size", low=-1)},
        {y[n, word]: Sum(KroneckerDelta(word, tokens[n, p]), p)},
        theorems=[Shown("하늘에 구름이 둥실둥실 떠있다, in four words: the counts 1, 1, 2, 1", shown.korean_sentence)],
    )


@operation(
    en="Tf-idf: word counts, weighted down where a word occurs in many documents.",
    ko="TF-IDF: 단어 횟수에, 여러 문서에 나올수록 작아지는 가중치를 곱한다.",
    layout=Pattern(
        read=("n v",),
        structures=({"n": 3, "v": 4}, {"n": 1, "v": 1}, {"n": 5, "v": 2}),
        large={"n": 30, "v": 20}, tiny=({"n": 2, "v": 2},),
    ),
    source="scikit-learn, TfidfTransformer; Manning, Raghavan and Schuetze 2008, 6.2",
    smooth_idf=choice(True, False), sublinear_tf=choice(False, True), norm=choice("l2", "l1", None),
    idf_offset=number(1.0),
)  # fmt: skip
def tfidf(smooth_idf: bool, sublinear_tf: bool, norm: str | None) -> Definition:
    offset, present = scalar("idf_offset"), counts[n, v] > 0
    weight = 1 + log(counts[n, v]) if sublinear_tf else counts[n, v]
    rarity = log((1 + N) / (1 + df[v])) if smooth_idf else log(N / df[v])
    total = Sum(raw[n, v] ** 2, v) if norm == "l2" else Sum(Abs(raw[n, v]), v)
    scaled = {
        length[n]: sqrt(total) if norm == "l2" else total,
        y[n, v]: Piecewise((raw[n, v] / length[n], length[n] > 0), (0, True)),
    }
    return define(
        {counts[n, v]: COUNTS},
        {
            df[v]: Sum(Piecewise((1, present), (0, True)), n),
            idf[v]: rarity + offset,
            tf[n, v]: Piecewise((weight, present), (0, True)) if sublinear_tf else weight,
            # A word that occurs nowhere has no rarity, and no weight.
            (raw if norm else y)[n, v]: Piecewise((tf[n, v] * idf[v], present), (0, True)),
            **(scaled if norm else {}),
        },
        theorems=_rarity(smooth_idf, sublinear_tf, norm),
    )  # fmt: skip


def _rarity(smooth_idf: bool, sublinear_tf: bool, norm: str | None) -> list[Shown]:
    if not smooth_idf:
        return [Shown("without smoothing: scikit-learn's offset and the textbook's", shown.textbook_rarity)]
    own = [Shown("scikit-learn's smooth rarity: a word of every document keeps the weight 1", shown.smooth_rarity)]
    if norm == "l2" and not sublinear_tf:
        own.append(Shown("하늘에 구름이 둥실둥실 떠있다, alone: counts over sqrt 7", shown.korean_sentence_weighted))
    return own


# --- word2vec ---


def _log_softmax(logits: Expr) -> dict[Expr, Expr]:
    """Scores over the vocabulary, and the logarithm of their exponentials' sum."""
    return {z[n, v]: logits, e[n, v]: exp(z[n, v]), mass[n]: Sum(e[n, v], v)}


def _shifted(logits: Expr) -> dict[Expr, Expr]:
    return {z[n, v]: logits, far[n, v]: z[n, v] - shift[n], near[n, v]: exp(far[n, v]), total[n]: Sum(near[n, v], v)}


center, target, contexts, negatives = map(integers, "center target contexts negatives".split())
WORDS = {"n": 3, "c": 2, "v": 6, "d": 3}


@operation(
    en="CBOW loss: predicts a word from the mean of the vectors of the words around it.",
    ko="CBOW 손실: 주변 단어 벡터의 평균으로 가운데 단어를 예측한다.",
    layout=Pattern(
        read=("v d", "d v", "n c", "n"),
        structures=(WORDS, {"n": 1, "c": 1, "v": 2, "d": 1}, {"n": 5, "c": 4, "v": 4, "d": 2}),
        large={"n": 20, "c": 4, "v": 12, "d": 5}, tiny=({"n": 2, "c": 2, "v": 3, "d": 1},),
    ),
    source=f"Mikolov et al. 2013a; {BOOK}, 3.2",
)  # fmt: skip
def cbow_loss() -> Definition:
    mean = {h[n, d]: Sum(W_in[contexts[n, c], d], c) / C}
    logits = Sum(h[n, d] * W_out[d, v], d)
    return define(
        {W_in[v, d]: VECTORS, W_out[d, v]: VECTORS, contexts[n, c]: labels("V"), target[n]: labels("V")},
        {**mean, **_log_softmax(logits), loss[n]: log(mass[n]) - z[n, target[n]], L: Sum(loss[n], n) / N},
        stable={**mean, **_shifted(logits), loss[n]: log(total[n]) - far[n, target[n]], L: Sum(loss[n], n) / N},
        shifts={shift[n]: Greatest(Sum(Sum(W_in[contexts[n, c], d], c) / C * W_out[d, v], d), v)},
        theorems=[
            Gradient(
                "dW_out = h^T (y - t) / N",
                W_out[d, v],
                L_bar / N * Sum(h[n, d] * (e[n, v] / mass[n] - KroneckerDelta(v, target[n])), n),
            ),
            Shown("the order of the context words does not matter", shown.contexts_in_any_order),
            Shown("summed contexts are averaged ones with longer vectors", shown.sum_or_mean_of_contexts),
        ],
    )


@operation(
    en="Skip-gram loss: predicts the words around a word from its vector.",
    ko="스킵그램 손실: 가운데 단어의 벡터로 주변 단어들을 예측한다.",
    layout=Pattern(
        read=("v d", "d v", "n", "n c"),
        structures=(WORDS, {"n": 1, "c": 1, "v": 2, "d": 1}, {"n": 5, "c": 4, "v": 4, "d": 2}),
        large={"n": 20, "c": 4, "v": 12, "d": 5}, tiny=({"n": 2, "c": 2, "v": 3, "d": 1},),
    ),
    source=f"Mikolov et al. 2013a; {BOOK}, 3.5",
)  # fmt: skip
def skip_gram_loss() -> Definition:
    logits = Sum(W_in[center[n], d] * W_out[d, v], d)
    mean = {loss[n]: Sum(cost[n, c], c), L: Sum(loss[n], n) / N}
    return define(
        {W_in[v, d]: VECTORS, W_out[d, v]: VECTORS, center[n]: labels("V"), contexts[n, c]: labels("V")},
        {**_log_softmax(logits), cost[n, c]: log(mass[n]) - z[n, contexts[n, c]], **mean},
        stable={**_shifted(logits), cost[n, c]: log(total[n]) - far[n, contexts[n, c]], **mean},
        shifts={shift[n]: Greatest(Sum(W_in[center[n], d] * W_out[d, v], d), v)},
        theorems=[
            Gradient(
                "dW_out = h^T (C y - sum of t) / N",
                W_out[d, v],
                L_bar / N * Sum(W_in[center[n], d] * Sum(e[n, v] / mass[n] - KroneckerDelta(v, contexts[n, c]), c), n),
            ),
        ],
    )


yes, no, missed = map(array, "yes no missed".split())


def _softplus(value: Expr) -> Expr:
    return Piecewise((value + log1p(exp(-value)), value > 0), (log1p(exp(value)), True))


@operation(
    en="Negative sampling loss: tells the true word from a few that were drawn at random.",
    ko="네거티브 샘플링 손실: 정답 단어를 무작위로 뽑은 몇 단어와 구별한다.",
    layout=Pattern(
        read=("n d", "v d", "n", "n s"),
        structures=({"n": 3, "s": 2, "v": 6, "d": 3}, {"n": 1, "s": 1, "v": 2, "d": 1},
                    {"n": 5, "s": 4, "v": 3, "d": 2}),
        large={"n": 20, "s": 5, "v": 12, "d": 5}, tiny=({"n": 2, "s": 2, "v": 3, "d": 1},),
    ),
    source=f"Mikolov et al. 2013b, eq. 4; {BOOK}, 4.2",
)  # fmt: skip
def negative_sampling_loss() -> Definition:
    scores = {
        yes[n]: Sum(h[n, d] * W_out[target[n], d], d),
        no[n, s]: Sum(h[n, d] * W_out[negatives[n, s], d], d),
    }
    mean = {loss[n]: missed[n] + Sum(cost[n, s], s), L: Sum(loss[n], n) / N}

    return define(
        {h[n, d]: VECTORS, W_out[v, d]: VECTORS, target[n]: labels("V"), negatives[n, s]: labels("V")},
        {**scores, missed[n]: log(1 + exp(-yes[n])), cost[n, s]: log(1 + exp(no[n, s])), **mean},
        stable={**scores, missed[n]: _softplus(-yes[n]), cost[n, s]: _softplus(no[n, s]), **mean},
        theorems=[Shown("one yes and one no: two binary cross-entropies", shown.two_classes)],
    )
