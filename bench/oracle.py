"""The oracle's value, gradient and tolerance against the reference implementation's forward and backward.

    python bench/oracle.py

An affine layer of 256x1024x1024 with softmax cross-entropy over 1,000 classes. Both sides run in this process, in
turns; the figure is the ratio of their medians. The oracle judges float32 results here: float64 balls are its truth.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import fiducial.refimpl as reference
from fiducial.spec import CATALOGUE, FORMATS, Call, values_and_gradients

N, D, M, K = 256, 1024, 1024, 1000
TURNS = 7


def main() -> None:
    """Prints the ratio for each part and for both together."""
    rng = np.random.default_rng(0)
    x, W, b = (rng.normal(size=shape).astype(np.float32).astype(float) for shape in ((N, D), (D, M), (M,)))
    logits, t = (
        rng.normal(size=(N, K)).astype(np.float32).astype(float),
        rng.random((N, K)).astype(np.float32).astype(float),
    )
    g, dL = rng.normal(size=(N, M)).astype(np.float32).astype(float), np.array(1.5)

    def computed() -> None:
        reference.affine(x, W, b)
        reference.affine_vjp(g, x, W, b)
        reference.softmax_cross_entropy(logits, t)
        reference.softmax_cross_entropy_vjp(dL, logits, t)

    affine = Call(CATALOGUE["affine"], (x, W, b), {})
    loss = Call(CATALOGUE["softmax_cross_entropy"], (logits, t), CATALOGUE["softmax_cross_entropy"].defaults)

    def judged() -> None:
        for call, cotangent in ((affine, g), (loss, dL)):
            values_and_gradients(call, [cotangent], FORMATS["float32"])

    plain, oracle = in_turns(computed, judged)
    print(f"reference float64 forward + backward: {plain * 1e3:8.1f} ms")
    print(f"oracle value + gradient + tolerance:  {oracle * 1e3:8.1f} ms")
    print(f"ratio {oracle / plain:.1f} (at most 10 is asked)")


def in_turns(*functions: Callable[[], Any]) -> list[float]:
    """The median seconds of each, measured in turns so that the machine's noise falls on all of them."""
    seconds: list[list[float]] = [[] for _ in functions]
    for turn in range(TURNS + 1):
        for function, taken in zip(functions, seconds, strict=True):
            started = time.perf_counter()
            function()
            if turn:  # the first turn derives and fills caches
                taken.append(time.perf_counter() - started)
    return [statistics.median(taken) for taken in seconds]


if __name__ == "__main__":
    main()
