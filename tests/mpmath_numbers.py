"""mpmath's numbers as a number system: the equations evaluated a second time, by another library than Arb."""

from functools import reduce

import numpy as np
import sympy
from mpmath import mp, mpf

from fiducial.spec.numbers.objects import Objects


class MpArray(Objects):
    """mpmath numbers at the precision of its context."""

    __slots__ = ()

    def number(self, value):
        return mpf(value)

    def maximum(self, right):
        return MpArray(np.frompyfunc(max, 2, 1)(self.items, right.items))

    def positive(self):
        return _truth(self.items > 0), _truth(self.items <= 0)

    def negative(self):
        return _truth(self.items < 0), _truth(self.items >= 0)


def _truth(comparison):
    return np.asarray(comparison, dtype=bool)


def _constant(number):
    """SymPy's constants, part by part."""
    if number.is_infinite:
        return mp.inf if number > 0 else -mp.inf
    if number.is_Rational:
        return mpf(int(number.p)) / int(number.q)
    if number is sympy.pi:
        return +mp.pi
    parts = [_constant(a) for a in number.args]
    if number.is_Add or number.is_Mul:
        return reduce(lambda a, b: a + b if number.is_Add else a * b, parts)
    return parts[0] ** parts[1] if number.is_Pow else {sympy.log: mp.log}[number.func](*parts)


FUNCTIONS = {
    "exp": mp.exp, "log": mp.log, "log1p": mp.log1p, "expm1": mp.expm1, "tanh": mp.tanh, "erf": mp.erf,
    "erfc": mp.erfc, "sqrt": mp.sqrt,
    "lgamma": lambda a: mp.loggamma(a) if a > 0 else mp.inf,  # at a pole, or where it is not asked for
    "logistic": lambda z: 1 / (1 + mp.exp(-z)),
    "erfcx": lambda z: mp.exp(z * z) * mp.erfc(z),
    "erfcinv": lambda q: mp.erfinv(1 - q),
    "log_betainc": lambda a, b, x: mp.log(mp.betainc(a, b, 0, x, regularized=True)),
    "log_betaincc": lambda a, b, x: mp.log(mp.betainc(a, b, x, 1, regularized=True)),
}  # fmt: skip


class MpNumbers:
    """mpmath's number system; the caller sets the precision (``mp.workdps``)."""

    def data(self, array):
        return MpArray(np.frompyfunc(lambda a: mpf(float(a)), 1, 1)(np.asarray(array, dtype=object)))

    def constant(self, number):
        return MpArray(_constant(number))

    def apply(self, function, *values):
        return MpArray(np.frompyfunc(FUNCTIONS[function], len(values), 1)(*(v.items for v in values)))

    def choose(self, yes, no, a, b):
        assert np.all(yes | no)  # numbers, not sets
        return MpArray(np.where(yes, a.items, b.items))

    def interval(self, low, high):
        assert np.array_equal(low, high)  # no ties
        return self.data(low)

    def exact(self, value):
        return value  # any shift will do: it drops out
