"""Training the examples' small models: the reference implementation against PyTorch on the CPU, dtype by dtype.

    python bench/training.py [float32 float64]

The same models (a convolutional and a fully connected network on digits, recurrent language models on text), batches of
32, Adam; an epoch of each in turns, the ratio of the best of several. Needs PyTorch and scikit-learn.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
import cnn
import recurrent
from common import digits, verses

from fiducial.refimpl import Adam, Trainer

TURNS, BATCH, RATE = 7, 32, 3e-3
CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class LanguageModel(nn.Module):
    """Scores of the next character, from one-hot characters through a recurrent layer."""

    def __init__(self, cell: str, characters: int) -> None:
        super().__init__()
        self.cell = CELLS[cell](characters, recurrent.HIDDEN, batch_first=True)
        self.output = nn.Linear(recurrent.HIDDEN, characters)

    def forward(self, x: Any) -> Any:
        rows = nn.functional.one_hot(x, self.output.out_features).to(self.output.weight.dtype)
        return self.output(self.cell(rows)[0]).reshape(-1, self.output.out_features)


def cast(model: Any, dtype: str) -> Any:
    """The reference's model with parameters of this dtype."""
    for layer in model.layers:
        layer.params = [w.astype(dtype) for w in layer.params]
    return model


def torch_epoch(model: nn.Module, optimiser: Any, x: Any, t: Any, order: Any) -> None:
    for start in range(0, len(x), BATCH):
        rows = torch.from_numpy(order[start : start + BATCH])
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), t[rows].reshape(-1)).backward()
        optimiser.step()


def compared(name: str, reference: Any, model: nn.Module, x: Any, t: Any) -> None:
    """Prints the ratio of the best epochs."""
    trainer, optimiser = Trainer(reference, Adam(lr=RATE)), torch.optim.Adam(model.parameters(), lr=RATE)
    tensors, rng = (torch.from_numpy(x), torch.from_numpy(t)), numpy.random.default_rng(0)

    def own() -> None:
        trainer.fit(x, t, max_epoch=1, batch_size=BATCH, progress=False)

    def theirs() -> None:
        torch_epoch(model, optimiser, *tensors, rng.permutation(len(x)))

    ours, torchs = ([seconds(f) for _ in range(TURNS)] for f in (own, theirs))
    ratio = min(ours) / min(torchs)
    print(f"{name:28s} reference {min(ours) * 1e3:6.0f} ms, PyTorch {min(torchs) * 1e3:6.0f} ms, ratio {ratio:.2f}")


def seconds(function: Callable[[], None]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def main(dtypes: list[str]) -> None:
    """Prints the ratio for each model and dtype."""
    images, labels, _, _ = digits()
    text = "\n".join(verse.lower() for verse in verses())
    alphabet = "".join(sorted(set(text)))
    characters, following = map(numpy.ascontiguousarray, recurrent.windows(text, alphabet, 20))
    for dtype in dtypes:
        x, kind = images[:, None].astype(dtype), getattr(torch, dtype)
        layers = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10)]
        compared(f"cnn {dtype}", cast(cnn.convolutional(0), dtype), nn.Sequential(*layers).to(kind), x, labels)
        dense = nn.Sequential(nn.Flatten(), nn.Linear(64, 36), nn.ReLU(), nn.Linear(36, 10)).to(kind)
        compared(f"fully connected {dtype}", cast(cnn.fully_connected(0, 2730), dtype), dense, x, labels)
        for cell in CELLS:
            own = cast(recurrent.LanguageModel(cell, len(alphabet), 0), dtype)
            theirs = LanguageModel(cell, len(alphabet)).to(kind)
            compared(f"{cell} {dtype}", own, theirs, characters, following)


if __name__ == "__main__":
    main(sys.argv[1:] or ["float32", "float64"])
