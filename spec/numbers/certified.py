"""What is unique in a decomposition, enclosed: eigenvalues, singular values, invariant subspaces; and their gradients.

Every function takes the inputs, outputs (and cotangents ``dw``) of an operation by name, as float64 or complex arrays.
Source: Stewart and Sun, Matrix Perturbation Theory, 1990, 4.1 (Weyl), 5.3 (Davis and Kahan), 5.4 (Wedin).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from flint import acb_mat, arb, arb_mat, fmpq, fmpq_mat

from fiducial.spec.numbers.spectrum import (
    clusters,
    columns,
    covariance,
    eigenvalues,
    exactly,
    frobenius,
    in_arb,
    least,
    projector,
    real_roots,
    roots,
    singular_values,
)

Arrays = Mapping[str, Any]
Pairs = list[tuple[arb, arb]]
APART = 2.0**-10  # of the norm: a relative gap that makes eigenvalues two


def _errors(got: Any, exact: Sequence[arb], scale: arb) -> Pairs:
    return [(abs(arb(float(g)) - e), scale) for g, e in zip(got, exact, strict=True)]


def _largest(values: Sequence[arb]) -> arb:
    return max((abs(w) for w in values), key=lambda w: w.mid(), default=arb(0))


# --- symmetric matrices ---


def symmetric_values(arrays: Arrays) -> Pairs:
    """Each eigenvalue against the exact one, in units of n |a|."""
    exact = eigenvalues(arrays["a"])
    return _errors(np.sort(arrays["w"]), exact, len(exact) * _largest(exact))


def symmetric_spaces(arrays: Arrays) -> Pairs:
    """The projector onto each group of eigenvectors against the exact one, in units of n |a| / gap."""
    a, exact = arrays["a"], eigenvalues(arrays["a"])
    return _spaces(in_arb(exactly(a)), exact, arrays["v"], _largest(exact), len(exact))


def _spaces(a: arb_mat, values: list[arb], vectors: Any, norm: arb, size: int, sizes: Sequence[arb] = ()) -> Pairs:
    """Groups of ``values`` (ascending) that are well apart; ``sizes`` are the values that perturbations move."""
    moved = list(sizes or values)
    found: Pairs = []
    for group in clusters(moved, norm * APART):
        beside = [abs(moved[k] - moved[j]) for k in group for j in range(len(moved)) if j not in group]
        if not beside:
            continue
        gap = least(beside, norm)
        v = columns(vectors, group)
        found.append((frobenius(v * v.transpose() - projector(a, values, group)), size * norm / gap))
    return found


# --- singular values ---


def singular_values_of(arrays: Arrays) -> Pairs:
    """Each singular value against the exact one, in units of max(m, n) |a|."""
    exact = singular_values(arrays["a"])
    return _errors(arrays["s"], exact, max(arrays["a"].shape) * _largest(exact))


def singular_spaces(arrays: Arrays) -> Pairs:
    """The projectors onto groups of right singular vectors, in units of max(m, n) |a| / gap."""
    m = exactly(arrays["a"])
    exact = singular_values(arrays["a"])
    missing = m.ncols() - len(exact)  # directions that the thin form leaves out: their singular values are 0
    rising = [arb(0)] * missing + exact[::-1]
    gram = in_arb(m.transpose() * m)
    vectors = np.concatenate([np.zeros((m.ncols(), missing)), arrays["vh"].T[:, ::-1]], axis=1)
    pairs = _spaces(gram, [s * s for s in rising], vectors, _largest(exact), max(arrays["a"].shape), rising)
    return pairs[1:] if missing and pairs else pairs


# --- general matrices ---


def power_sums(arrays: Arrays) -> Pairs:
    """sum w^p against trace a^p: the eigenvalues of a + e, |e| <= n ulp |a|, change it by p |a|^(p-1) n |e|."""
    a, n = in_arb(exactly(arrays["a"])), len(arrays["w"])
    norm, power, found = frobenius(a), a, []
    w = acb_mat(n, 1, [complex(x) for x in arrays["w"]]).entries()
    now = list(w)
    for p in range(1, n + 1):
        found.append((abs(sum(now, start=0 * w[0]) - power.trace()), p * n * n * norm**p))
        power, now = power * a, [x * y for x, y in zip(now, w, strict=True)]
    return found


def simple_values(arrays: Arrays) -> Pairs:
    """Each eigenvalue that is well apart against the nearest exact one, times its condition |x| |y| / |y^H x|."""
    exact = roots(exactly(arrays["a"]))
    norm = frobenius(in_arb(exactly(arrays["a"])))
    apart = [all(abs(z - y).lower() > norm * APART for j, y in enumerate(exact) if j != k)
             for k, z in enumerate(exact)]  # fmt: skip
    if not exact or not all(apart):
        return []
    a = acb_mat(in_arb(exactly(arrays["a"])))
    try:
        values, left, right = a.eig(left=True, right=True)
    except ValueError:
        return []
    return [_nearest(complex(w), values, left, right, len(exact) * norm) for w in arrays["w"]]


def _nearest(w: complex, values: Any, left: acb_mat, right: acb_mat, scale: arb) -> tuple[arb, arb]:
    n = len(values)
    k = min(range(n), key=lambda j: abs(values[j] - w).mid())
    x, y = [right[i, k] for i in range(n)], [left[k, i] for i in range(n)]
    lengths = [sum((abs(z) ** 2 for z in part), arb(0)).sqrt() for part in (x, y)]
    product = abs(sum((p * q for p, q in zip(x, y, strict=True)), start=0 * x[0]))
    return abs(values[k] - w), scale * lengths[0] * lengths[1] / product


# --- determinant, least squares, principal components ---


def determinant(arrays: Arrays) -> Pairs:
    """Against the exact determinant; a + e, |e| <= n ulp |a|, has one that differs by <adj a, e>."""
    a = exactly(arrays["a"])
    scale = arb(a.nrows()) * frobenius(in_arb(a)) * frobenius(in_arb(_adjugate(a)))
    return [(arb(float(arrays["det"])) - arb(a.det()), scale)]


def _adjugate(a: fmpq_mat) -> fmpq_mat:
    """By Faddeev and LeVerrier's recurrence: it needs no inverse."""
    n = a.nrows()
    one = fmpq_mat(n, n, [fmpq(int(i == j)) for i in range(n) for j in range(n)])
    m, c = one * fmpq(0), fmpq(1)
    for k in range(1, n + 1):
        m = a * m + one * c
        product = a * m
        c = -sum((product[i, i] for i in range(n)), fmpq(0)) / k
    return m if n % 2 else m * fmpq(-1)


def coefficients(arrays: Arrays) -> Pairs:
    """In units of the columns' lengths, so that no scaling of a column matters (QR is stable in this sense)."""
    gram = exactly(arrays["X"]).transpose() * exactly(arrays["X"])
    return _fit(arrays, [arb(gram[k, k]).sqrt() for k in range(gram.nrows())])


def coefficients_unscaled(arrays: Arrays) -> Pairs:
    """With the condition of the table as it is (an algorithm by singular values is stable in this sense only)."""
    return _fit(arrays, [arb(1)] * arrays["X"].shape[1])


def _fit(arrays: Arrays, units: Sequence[arb]) -> Pairs:
    """Each coefficient's error, times its column's unit, in units of Higham's theorem 20.1."""
    table, y = exactly(arrays["X"]), exactly(arrays["y"].reshape(-1, 1))
    gram, number = table.transpose() * table, len(units)
    if gram.det() == 0:
        return []
    exact = in_arb(gram.inv() * table.transpose() * y)
    residual = frobenius(in_arb(y) - in_arb(table) * exact)
    pseudo = in_arb(gram.inv() * table.transpose())
    rows = range(table.nrows())
    scaled = arb_mat(number, len(rows), [pseudo[k, r] * units[k] for k in range(number) for r in rows])
    whole = arb_mat(len(rows), number, [arb(table[r, k]) / units[k] for r in rows for k in range(number)])
    length, condition = frobenius(whole), frobenius(whole) * frobenius(scaled)
    size = sum(((exact[k, 0] * units[k]) ** 2 for k in range(number)), arb(0)).sqrt()
    scale = len(rows) * condition * (2 * size + (condition + 1) * residual / length)
    got = arrays["coefficients"]
    return [((arb(float(got[k])) - exact[k, 0]) * units[k], scale) for k in range(number)]


def principal_variances(arrays: Arrays) -> Pairs:
    """The greatest eigenvalues of the exact covariance matrix."""
    x, ddof = arrays["x"], int(arrays["ddof"])
    centred, matrix = covariance(x, ddof)
    around, whole = frobenius(in_arb(centred)), frobenius(in_arb(exactly(x)))
    scale = max(x.shape) * around * (around + whole) / (x.shape[0] - ddof)
    got = arrays["explained_variance"]
    return _errors(got, real_roots(matrix)[::-1][: len(got)], scale)
