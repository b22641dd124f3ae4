"""Train a two-layer network on the spiral: `python -m fiducial.refimpl.spiral --plot spiral.png`."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy
from array_api_compat import array_namespace, is_cupy_array

from fiducial.refimpl.datasets import spiral
from fiducial.refimpl.models import Network, TwoLayerNet
from fiducial.refimpl.stateful import SGD
from fiducial.refimpl.training import Trainer, draw_losses, finish_figure, import_pyplot


def accuracy(model: Network, x: Any, t: Any) -> float:
    """The share of rows of x (N, D) whose highest score is at the largest entry of t (N, K)."""
    xp = array_namespace(x)
    right = xp.argmax(model.predict(x), axis=1) == xp.argmax(t, axis=1)
    return float(xp.mean(xp.astype(right, xp.float64)))


def train(
    xp: Any, dtype: str = "float64", epochs: int = 300, seed: int = 0, progress: bool | None = None
) -> tuple[Trainer, float]:
    """The book's experiment: 10 hidden units, batches of 30, learning rate 1; returns the trainer and the accuracy."""
    x, t = spiral(dtype=dtype, xp=xp)
    trainer = Trainer(TwoLayerNet(2, 10, 3, dtype, seed, xp=xp), SGD(lr=1.0))
    trainer.fit(x, t, max_epoch=epochs, batch_size=30, seed=seed, progress=progress)
    return trainer, accuracy(trainer.model, x, t)


def plot(trainer: Trainer, xp: Any, dtype: str, path: str) -> None:
    """Draw the loss, and the decision regions with the points."""
    pyplot = import_pyplot()
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5))
    draw_losses(left, trainer.losses)
    x, t = (to_numpy(a) for a in spiral(dtype=dtype, xp=xp))
    line = numpy.linspace(-1.1, 1.1, 221)
    grid = numpy.stack(numpy.meshgrid(line, line), axis=-1).reshape(-1, 2)
    scores = to_numpy(trainer.model.predict(xp.asarray(grid, dtype=trainer.model.params[0].dtype)))
    right.contourf(line, line, scores.argmax(axis=1).reshape(221, 221), levels=[-0.5, 0.5, 1.5, 2.5], alpha=0.35)
    right.scatter(x[:, 0], x[:, 1], c=t.argmax(axis=1), s=12)
    right.set(title="Decision regions", aspect="equal")
    finish_figure(pyplot, figure, path)


def to_numpy(array: Any) -> Any:
    """The array in the host's memory, in float64."""
    return numpy.asarray(array.get() if is_cupy_array(array) else array, dtype=numpy.float64)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fiducial.refimpl.spiral", description=__doc__)
    parser.add_argument("--dtype", default="float32", choices=["float16", "bfloat16", "float32", "float64"])
    parser.add_argument("--backend", default="numpy", choices=["numpy", "cupy"])
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", metavar="FILE", help="draw the loss and the decision regions into FILE")
    options = parser.parse_args(arguments)
    try:
        xp = importlib.import_module(f"array_api_compat.{options.backend}")
        trainer, share = train(xp, options.dtype, options.epochs, options.seed)
        if options.plot:
            plot(trainer, xp, options.dtype, options.plot)
    except (ModuleNotFoundError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"loss {trainer.losses[-1]:.4f}, accuracy {share:.1%} after {options.epochs} epochs in {options.dtype}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
