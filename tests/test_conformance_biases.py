"""Layers that look where they must not break their inductive biases; those that do not, keep them."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fiducial import refimpl
from fiducial.conformance.levels import Plan, examine
from fiducial.conformance.subject import load
from fiducial.spec.catalogue import CATALOGUE


def circular(x: Any, w: Any, b: Any, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    """Pads with the other end of the sequence: not local."""
    pad = padding if isinstance(padding, int) else padding[0]
    wrapped = np.pad(x, ((0, 0), (0, 0), (pad, pad)), mode="wrap") if pad else x
    return refimpl.conv1d(wrapped, w, b, stride=stride, dilation=dilation, groups=groups)


def positional(x: Any, w: Any, b: Any, **attributes: Any) -> Any:
    """Adds its position to every output: not equivariant."""
    y = refimpl.conv1d(x, w, b, **attributes)
    return y + np.arange(y.shape[-1], dtype=y.dtype)


def whole_image(x: Any, **attributes: Any) -> Any:
    """Subtracts the image's mean: a pooled value depends on everything."""
    return refimpl.max_pool2d(x - x.mean(axis=(2, 3), keepdims=True), **attributes)


def looks_ahead(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    return refimpl.rnn(np.flip(x, 1).copy(), h0, Wx, Wh, b)


def counts_steps(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    """Another map at every step: not invariant in time."""
    hs = refimpl.rnn(x, h0, Wx, Wh, b)
    return hs * np.linspace(1, 2, x.shape[1], dtype=x.dtype)[:, None]


def mixes_rows(x: Any, W: Any, b: Any) -> Any:
    return refimpl.affine(np.cumsum(x, axis=0), W, b)


def first_key_counts_twice(q: Any, k: Any, v: Any, *, causal: bool = False, scale: Any = None) -> Any:
    y = refimpl.scaled_dot_product_attention(q, k, v, causal=causal, scale=scale)
    return y + v[..., :1, :]


def unmasked(q: Any, k: Any, v: Any, *, causal: bool = False, scale: Any = None) -> Any:
    return refimpl.scaled_dot_product_attention(q, k, v, scale=scale)


BREAKS: list[tuple[str, Callable[..., Any], str]] = [
    ("conv1d", circular, "locality"),
    ("conv1d", positional, "translation equivariance"),
    ("max_pool2d", whole_image, "locality"),
    ("rnn", looks_ahead, "sequentiality"),
    ("rnn", counts_steps, "temporal invariance"),
    ("affine", mixes_rows, "permutation equivariance over the batch"),
    ("scaled_dot_product_attention", first_key_counts_twice, "keys are a set"),
    ("scaled_dot_product_attention", unmasked, "causal sequentiality"),
]


@pytest.mark.parametrize(("name", "function", "bias"), BREAKS, ids=[f"{n}-{f.__name__}" for n, f, _ in BREAKS])
def test_a_layer_that_looks_elsewhere_is_told_what_it_breaks(name: str, function: Any, bias: str) -> None:
    subject = load(SimpleNamespace(**{name: function}))
    result = examine(subject, CATALOGUE[name], "inductive bias", "float32", Plan())
    assert result.outcome == "wrong"
    assert f"breaks {bias}" in result.message


@pytest.mark.parametrize("name", [name for name, o in CATALOGUE.items() if o.biases])
def test_the_reference_keeps_them(name: str) -> None:
    result = examine(load(), CATALOGUE[name], "inductive bias", "float64", Plan())
    assert result.outcome == "tight"
    assert result.cases > result.vacuous
