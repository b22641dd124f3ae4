"""scikit-learn: text features, PCA, truncated SVD, least squares, losses as metrics; no gradients.

Conventions are declared, not guessed: PCA divides by n - 1, the empirical covariance by n. What it does not take, or
returns in float64 whatever the inputs, is reported as unsupported.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import sklearn
from sklearn.covariance import empirical_covariance
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, mean_squared_error
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.extmath import randomized_svd

from fiducial.conformance.subjects._shared import limit

_limit = partial(limit, "scikit-learn")
name = "sklearn"
version = sklearn.__version__
dtypes = ("float64", "float32")
conventions: dict[str, dict[str, Any]] = {"covariance": {"ddof": 0}, "pca": {"ddof": 1}}


# --- text ---


def count_vectorize(tokens: Any, *, vocabulary_size: int) -> Any:
    def words(document: Any) -> list[str]:
        return [str(word) for word in document if word >= 0]

    vocabulary = [str(word) for word in range(vocabulary_size)]
    return CountVectorizer(analyzer=words, vocabulary=vocabulary).fit_transform(tokens).toarray()


def tfidf(counts: Any, *, smooth_idf: bool = True, sublinear_tf: bool = False, norm: str | None = "l2") -> Any:
    transformer = TfidfTransformer(norm=norm, smooth_idf=smooth_idf, sublinear_tf=sublinear_tf)
    return transformer.fit_transform(counts).toarray()


def one_hot(labels: Any, *, num_classes: int) -> Any:
    return OneHotEncoder(categories=[np.arange(num_classes)], sparse_output=False).fit_transform(labels[:, None])


# --- statistics ---


def covariance(x: Any) -> Any:
    _limit(x.dtype != np.float64, "returns covariances in float64")
    return empirical_covariance(x)


def pca(x: Any, *, n_components: int) -> Any:
    fitted = PCA(n_components, svd_solver="full").fit(x)
    return fitted.mean_, fitted.components_, fitted.explained_variance_


def svd(a: Any) -> Any:
    """What TruncatedSVD computes with, with all components: it alone returns u as well."""
    return randomized_svd(a, n_components=min(a.shape), random_state=0)


def least_squares(X: Any, y: Any) -> Any:
    return LinearRegression(fit_intercept=False).fit(X, y).coef_


# --- losses: metrics take the target first ---


def _metric(function: Callable[..., Any]) -> Callable[..., Any]:
    def loss(y: Any, t: Any) -> Any:
        _limit(y.ndim not in (1, 2) or y.size == 0, "takes one or two axes, and at least one element")
        _limit(y.dtype != np.float64, "returns metrics as Python floats")
        return function(t, y)

    return loss


mse_loss, l1_loss = map(_metric, (mean_squared_error, mean_absolute_error))


# Not here, because scikit-learn owns no such operation under this contract: binary_cross_entropy and cross_entropy
# (log_loss clips probabilities).
