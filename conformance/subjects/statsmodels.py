"""statsmodels: least squares, covariance and correlation; no gradients."""

from __future__ import annotations

from typing import Any

import statsmodels
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.weightstats import DescrStatsW

name = "statsmodels"
version = statsmodels.__version__
dtypes = ("float64",)


def least_squares(X: Any, y: Any) -> Any:
    return OLS(y, X).fit().params


def covariance(x: Any, *, ddof: int = 1) -> Any:
    return DescrStatsW(x, ddof=ddof).cov


def correlation(x: Any) -> Any:
    return DescrStatsW(x).corrcoef


# Not here, because statsmodels owns no such operation under this contract: the autoregressive likelihood (AutoReg's
# is conditional on the first terms, ARIMA's is of a stationary series; neither has zeros before the start).
