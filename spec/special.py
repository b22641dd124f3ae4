"""Special functions of statistics that SymPy lacks: scaled, logarithmic, so that nothing underflows.

Each says in ``definition`` what it is in terms of functions that SymPy has, and differentiates without cancellation.
"""

from __future__ import annotations

import sympy
from sympy import exp, loggamma, pi, sqrt
from sympy.codegen.cfunctions import log1p
from sympy.core.function import ArgumentIndexError

from fiducial.spec.language import Expr


class erfcx(sympy.Function):
    """The scaled complementary error function exp(z^2) erfc(z), which does not underflow."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Expr:
        return 2 * self.args[0] * self - 2 / sqrt(pi)

    def definition(self) -> Expr:
        return exp(self.args[0] ** 2) * (1 - sympy.erf(self.args[0]))


class beta_share(sympy.Function):
    """The regularised incomplete beta function I_x(a, b): a name, for proofs."""

    nargs = 3

    def fdiff(self, argindex: int = 1) -> Expr:
        return _beta_slope(self, argindex)


class log_betainc(sympy.Function):
    """The logarithm of I_x(a, b)."""

    nargs = 3

    def fdiff(self, argindex: int = 1) -> Expr:
        return _beta_slope(self, argindex) * exp(-self)

    def definition(self) -> Expr:
        return sympy.log(beta_share(*self.args))


class log_betaincc(sympy.Function):
    """The logarithm of the complement 1 - I_x(a, b)."""

    nargs = 3

    def fdiff(self, argindex: int = 1) -> Expr:
        return -_beta_slope(self, argindex) * exp(-self)

    def definition(self) -> Expr:
        return sympy.log(1 - beta_share(*self.args))


def log_beta(a: Expr, b: Expr) -> Expr:
    """The logarithm of the beta function."""
    return loggamma(a) + loggamma(b) - loggamma(a + b)


def _beta_slope(e: Expr, argindex: int) -> Expr:
    """x^(a-1) (1-x)^(b-1) / B(a, b); a and b are data."""
    if argindex != 3:
        raise ArgumentIndexError(e, argindex)
    a, b, x = e.args
    return exp((a - 1) * sympy.log(x) + (b - 1) * log1p(-x) - log_beta(a, b))
