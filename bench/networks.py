"""The oracle on network layers against the reference implementation; an LSTM judged against PyTorch's gradcheck.

    python bench/networks.py

Convolution, LSTM and attention at the sizes below: the oracle's value, gradient and tolerance (for float32 results, of
which float64 balls are the truth) over the reference implementation's forward and backward in float64. Then the LSTM
of 8 to 16 units, 5 steps, batches of 4, with all its gradients: judged in float64, where the truth is Arb's, and by
``torch.autograd.gradcheck``, where PyTorch is installed. Everything runs in this process, in turns.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from oracle import in_turns

import fiducial.refimpl as reference
from fiducial.conformance.verdict import judge
from fiducial.spec import CATALOGUE, FORMATS, Call, values_and_gradients

SIZES: dict[str, list[tuple[int, ...]]] = {
    "conv2d": [(8, 32, 32, 32), (64, 32, 3, 3), (64,)],
    "lstm": [(16, 32, 128), (16, 128), (16, 128), (128, 512), (128, 512), (512,)],
    "scaled_dot_product_attention": [(8, 128, 64)] * 3,
}
SMALL = [(4, 5, 8), (4, 16), (4, 16), (8, 64), (16, 64), (64,)]


def arrays(shapes: list[tuple[int, ...]]) -> list[Any]:
    """float32 numbers, kept as float64; matrices are scaled by their rows, as layers are initialised."""
    rng = np.random.default_rng(0)
    drawn = (rng.uniform(-1, 1, s) / np.sqrt(s[0] if len(s) == 2 else 1) for s in shapes)
    return [a.astype(np.float32).astype(float) for a in drawn]


def cotangents_of(outputs: Any) -> list[Any]:
    rng = np.random.default_rng(1)
    parts = outputs if isinstance(outputs, tuple) else (outputs,)
    return [rng.normal(size=y.shape).astype(np.float32).astype(float) for y in parts]


def compared(name: str) -> None:
    """Prints the ratio for one operation."""
    given = arrays(SIZES[name])
    forward, backward = getattr(reference, name), getattr(reference, f"{name}_vjp")
    seeds = cotangents_of(forward(*given))
    call = Call(CATALOGUE[name], tuple(given), CATALOGUE[name].defaults)

    def computed() -> None:
        forward(*given)
        backward(tuple(seeds) if len(seeds) > 1 else seeds[0], *given)

    plain, oracle = in_turns(computed, lambda: values_and_gradients(call, seeds, FORMATS["float32"]))
    print(f"{name:30s} reference {plain * 1e3:8.1f} ms, oracle {oracle * 1e3:8.1f} ms, ratio {oracle / plain:5.1f}")


def lstm_judged() -> float:
    """Seconds to judge an LSTM's outputs and all of its gradients in float64."""
    given = arrays(SMALL)
    call = Call(CATALOGUE["lstm"], tuple(given), CATALOGUE["lstm"].defaults)
    outputs = reference.lstm(*given)
    seeds = cotangents_of(outputs)
    gradients = reference.lstm_vjp(tuple(seeds), *given)
    format = FORMATS["float64"]

    def judged() -> None:
        values, slopes = values_and_gradients(call, seeds, format)
        for got, answer in zip((*outputs, *gradients), (*values, *slopes), strict=True):
            assert judge(got, answer, format).band in ("tight", "ok")

    return in_turns(judged)[0]


def gradcheck() -> float:
    """Seconds that PyTorch takes to check the gradients of its own LSTM of that size."""
    import torch

    module = torch.nn.LSTM(8, 16, batch_first=True, dtype=torch.float64)
    x, h, c = (torch.tensor(a).requires_grad_(True) for a in arrays([(4, 5, 8), (1, 4, 16), (1, 4, 16)]))
    parameters = tuple(module.parameters())
    names = [name for name, _ in module.named_parameters()]

    def run(x: Any, h: Any, c: Any, *weights: Any) -> Any:
        output, (_, cell) = torch.func.functional_call(module, dict(zip(names, weights, strict=True)), (x, (h, c)))
        return output, cell

    started = time.perf_counter()
    torch.autograd.gradcheck(run, (x, h, c, *parameters))
    return time.perf_counter() - started


def main() -> None:
    """Prints every ratio."""
    for name in SIZES:
        compared(name)
    own = lstm_judged()
    print(f"LSTM judged in float64 with all its gradients: {own * 1e3:.1f} ms")
    try:
        theirs = gradcheck()
    except ImportError:
        print("gradcheck: PyTorch is not installed, not measured")
        return
    print(f"torch.autograd.gradcheck: {theirs * 1e3:.0f} ms, {theirs / own:.0f} times as long (100 is asked)")


if __name__ == "__main__":
    main()
