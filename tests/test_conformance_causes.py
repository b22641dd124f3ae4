"""A failed check names what it resembles: the faults of the textbooks, each planted in the reference implementation."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sympy import sqrt

from fiducial.conformance.levels import Plan, examine
from fiducial.conformance.mutations import mutated
from fiducial.conformance.results import Result
from fiducial.conformance.subject import from_functions, load
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.derived import value_system

RIGHT: Any = load().target


def result(operation: str, level: str, dtype: str = "float64", **functions: Callable[..., Any]) -> Result:
    own = {n: getattr(RIGHT, n) for n in (operation, f"{operation}_vjp") if hasattr(RIGHT, n)}
    subject = from_functions({**own, **functions})
    return examine(subject, CATALOGUE[operation], level, dtype, Plan(profile="quick"))


def transposed_weight(cotangent: Any, x: Any, W: Any, b: Any) -> Any:
    dx, dW, db = RIGHT.affine_vjp(cotangent, x, W, b)
    return dx, np.ascontiguousarray(dW.swapaxes(-1, -2)).reshape(dW.shape), db


def other_gates(x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, **attributes: Any) -> Any:
    attributes["gate_order"] = "fgio" if attributes.get("gate_order", "ifgo") == "ifgo" else "ifgo"
    return RIGHT.lstm(x, h0, c0, Wx, Wh, b, **attributes)


def sample_variance(x: Any, *, axis: Any = None, ddof: int = 0) -> Any:
    return RIGHT.variance(x, axis=axis, ddof=1 - ddof)


def eps_outside(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5) -> Any:
    mean = x.mean(-1, keepdims=True)
    root = np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True)) + x.dtype.type(eps)
    return (x - mean) / root * gamma + beta


def one_cotangent(cotangent: Any, x: Any, *, axis: int = -1) -> Any:
    return RIGHT.log_softmax_vjp(np.full_like(cotangent, cotangent.reshape(-1)[0]), x, axis=axis)


def no_cotangent(cotangent: Any, x: Any) -> Any:
    return RIGHT.tanh_vjp(np.ones_like(cotangent), x)


def overwriting(cotangent: Any, W: Any, indices: Any) -> Any:
    found = np.zeros_like(W)
    found[indices] = cotangent
    return found


def flipped(x: Any, w: Any, b: Any = None, **attributes: Any) -> Any:
    return RIGHT.conv1d(x, w[..., ::-1], b, **attributes)


def half_inside(x: Any) -> Any:
    return np.tanh(x.astype(np.float16)).astype(x.dtype)


def not_averaged(y: Any, t: Any, *, reduction: str = "mean") -> Any:
    return RIGHT.mse_loss(y, t, reduction="sum" if reduction == "mean" else reduction)


def without_bias(x: Any, W: Any, b: Any) -> Any:
    return RIGHT.affine(x, W, np.zeros_like(b))


FAULTS = [
    ("affine", "gradients", {"affine_vjp": transposed_weight}, ("transposed", "layout")),
    ("lstm", "values", {"lstm": other_gates}, ("attribute",)),
    ("variance", "values", {"variance": sample_variance}, ("attribute", "scale")),
    ("layer_norm", "values", {"layer_norm": eps_outside}, ("attribute",)),
    ("log_softmax", "gradients", {"log_softmax_vjp": one_cotangent}, ("cotangent",)),
    ("tanh", "gradients", {"tanh_vjp": no_cotangent}, ("cotangent",)),
    ("embedding", "gradients", {"embedding_vjp": overwriting}, ("repeated",)),
    ("conv1d", "shape", {"conv1d": flipped}, ("flip",)),
    ("tanh", "values", {"tanh": half_inside}, ("narrow",)),
    ("mse_loss", "shape", {"mse_loss": not_averaged}, ("attribute", "scale")),
    ("affine", "shape", {"affine": without_bias}, ("term",)),
]


@pytest.mark.parametrize(("operation", "level", "functions", "words"), FAULTS)
def test_the_fault_is_named(operation: str, level: str, functions: dict[str, Any], words: tuple[str, ...]) -> None:
    found = result(operation, level, **functions)
    assert found.outcome == "wrong"
    assert found.cause.split(":")[0] in words, found.cause


def test_a_right_implementation_has_no_cause() -> None:
    assert result("softmax", "values").cause == ""


def test_a_loose_one_lost_digits() -> None:
    def naive(cotangent: Any, x: Any) -> Any:
        s = RIGHT.sigmoid(x)
        return cotangent * s * (1 - s)

    found = result("sigmoid", "gradients", sigmoid_vjp=naive)
    assert (found.outcome, found.cause.split(":")[0]) == ("loose", "cancellation")


def test_mutations_forget_a_term_a_factor_and_a_root() -> None:
    system = value_system(CATALOGUE["layer_norm"].default_definition())
    names = [name for name, _ in mutated(system)]
    for name in ("without the term eps, in root", "without the square root, in root", "eps outside the root, in root",
                 "without the factor gamma[k], in y", "without the factor 1/K, in mean"):  # fmt: skip
        assert name in names
    changed = dict(mutated(system))["without the square root, in root"]
    assert not any(e.has(sqrt) and str(lhs).startswith("root") for lhs, e in changed.equations.items() if e.is_Pow)
    assert len(names) == len(set(names))
