"""Least squares: normal equations, the minimum, and the line through paired data."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Matrix, Rational, Symbol, diff

from fiducial.spec.demonstrations.exact import Pair, entries
from fiducial.spec.theorems import Derived

X = Matrix(4, 2, lambda i, j: Symbol(f"x{i}{j}", real=True))
Y = Matrix([Symbol(f"y{i}", real=True) for i in range(4)])
B, OTHER = (Matrix([Symbol(f"{name}{j}", real=True) for j in range(2)]) for name in "bc")

DATA = Matrix([[1, 2, -1], [1, 0, 3], [1, 5, 2], [1, -3, 1], [1, 1, Rational(1, 2)]])
TARGETS = (Matrix([1, 4, -2, 3, 7]), Matrix([0, Rational(2, 3), 5, -1, 1]))


def _squared(e: Matrix) -> Any:
    return (e.T * e)[0]


def _gradient() -> list[Pair]:
    loss = _squared(Y - X * B)
    slopes = Matrix([diff(loss, b) for b in B])
    curvature = sympy.hessian(loss, list(B))
    return [*entries(slopes, -2 * X.T * (Y - X * B)), *entries(curvature, 2 * X.T * X)]


def _seen_gradient() -> list[Pair]:
    """A quadratic's slope is exactly its central difference."""
    pairs: list[Pair] = []
    for y in TARGETS:
        at, step = Matrix([1, -2, Rational(1, 3)]), Rational(1, 7)
        for j in range(3):
            move = step * Matrix(sympy.eye(3)[:, j])
            ahead, back = (_squared(y - DATA * (at + s * move)) for s in (1, -1))
            slope = -2 * sum(DATA[i, j] * (y[i] - sum(DATA[i, l] * at[l] for l in range(3))) for i in range(5))
            pairs.append(((ahead - back) / (2 * step), slope))
    return pairs


def _least() -> list[Pair]:
    """y = X b + e, with e such that X^T e = 0: solved for two of its elements."""
    e = Matrix([Symbol(f"e{i}", real=True) for i in range(4)])
    orthogonal = sympy.solve(list(X.T * e), [e[0], e[1]], dict=True)[0]
    residual = e.subs(orthogonal)
    y = X * B + residual
    gap = _squared(y - X * OTHER) - _squared(residual)
    normal_equations = X.T * X * B - X.T * y
    return [
        (sympy.cancel(gap), sympy.expand(_squared(X * (OTHER - B)))),
        *((sympy.cancel(d), 0) for d in normal_equations),
    ]


def _seen_least() -> list[Pair]:
    pairs: list[Pair] = []
    for y in TARGETS:
        b = DATA.QRsolve(y)
        best = _squared(y - DATA * b)
        for other in (Matrix([1, 2, 3]), Matrix([0, 0, 0]), b + Matrix([0, Rational(1, 10**6), 0])):
            pairs.append((_squared(y - DATA * other) - best, _squared(DATA * (other - b))))
        pairs += [(product, 0) for product in DATA.T * (y - DATA * b)]
    return pairs


def _line() -> list[Pair]:
    """From the sums: sum (y - a - b x)^2 = Syy - 2 a Sy - 2 b Sxy + N a^2 + 2 a b Sx + b^2 Sxx."""
    N, Sx, Sy, Sxx, Sxy, Syy, a, b = sympy.symbols("N Sx Sy Sxx Sxy Syy a b", real=True)
    loss = Syy - 2 * a * Sy - 2 * b * Sxy + N * a**2 + 2 * a * b * Sx + b**2 * Sxx
    found = sympy.solve([diff(loss, a), diff(loss, b)], [a, b], dict=True)[0]
    covariance, variance = Sxy / N - Sx * Sy / N**2, Sxx / N - Sx**2 / N**2
    return [(found[b], covariance / variance), (found[a], Sy / N - covariance / variance * Sx / N)]


def _seen_line() -> list[Pair]:
    pairs: list[Pair] = []
    for y in TARGETS:
        x = DATA[:, 1]
        mean_x, mean_y = sum(x) / Rational(5), sum(y) / Rational(5)
        covariance = sum((p - mean_x) * (q - mean_y) for p, q in zip(x, y, strict=True)) / 5
        variance = sum((p - mean_x) ** 2 for p in x) / 5
        intercept, slope = DATA[:, :2].QRsolve(y)
        pairs += [(slope, covariance / variance), (intercept, mean_y - slope * mean_x)]
    return pairs


LEAST_SQUARES = (
    Derived("normal equations: the gradient of |y - X b|^2 is -2 X^T (y - X b), its second derivative 2 X^T X (4 x 2)",
            _gradient, _seen_gradient),
    Derived("a solution of X^T X b = X^T y minimises (4 x 2): |y - X c|^2 = |y - X b|^2 + |X (c - b)|^2",
            _least, _seen_least),
    Derived("a line: slope = cov(x, y) / var(x), intercept = mean(y) - slope mean(x)", _line, _seen_line),
)  # fmt: skip
