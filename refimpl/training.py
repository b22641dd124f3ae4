"""Training by mini-batches, with the history of the loss.

Source: Saito, *Deep Learning from Scratch 2* (2019), section 1.4.4.
"""

import sys
from collections.abc import Callable, Iterator
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy
from array_api_compat import array_namespace, device

from fiducial.refimpl._arrays import require


def mini_batches(x: Any, t: Any, batch_size: int, generator: numpy.random.Generator) -> Iterator[tuple[Any, Any]]:
    """The rows of x and t in random order, `batch_size` at a time; the last batch may be smaller."""
    require(isinstance(batch_size, Integral) and batch_size > 0, "batch_size", "a positive integer", batch_size)
    require(t.shape[0] == x.shape[0], "t", f"an array of {x.shape[0]} rows, as many as x", t.shape[0])
    xp = array_namespace(x, t)
    order = generator.permutation(x.shape[0])
    for start in range(0, len(order), batch_size):
        rows = xp.asarray(order[start : start + batch_size], device=device(x))
        yield xp.take(x, rows, axis=0), xp.take(t, rows, axis=0)


class Trainer:
    """Fits a model, which has `forward(x, t)`, `backward()`, `params` and `grads`, with an optimiser.

    `losses` holds the mean loss of every epoch so far.
    """

    def __init__(self, model: Any, optimizer: Any) -> None:
        self.model = model
        self.optimizer = optimizer
        self.losses: list[float] = []

    def fit(
        self,
        x: Any,
        t: Any,
        max_epoch: int = 10,
        batch_size: int = 32,
        *,
        seed: int = 0,
        progress: bool | None = None,
        callback: Callable[[int, float], None] | None = None,
    ) -> list[float]:
        """Train on x (N, ...) and t (N, ...), and return the mean loss of each epoch so far.

        `seed` fixes the order of the samples. `progress` shows a bar on the standard error, by default only on a
        terminal. `callback(epoch, loss)` is called after each epoch, counted from 1.

        Raises:
            ValueError: x and t differ in their number of rows, or batch_size is not positive.
        """
        generator = numpy.random.default_rng(seed)
        show = sys.stderr.isatty() if progress is None else progress
        for epoch in range(1, max_epoch + 1):
            loss = self._epoch(x, t, batch_size, generator)
            self.losses.append(loss)
            if show:
                _draw_bar(epoch, max_epoch, loss)
            if callback is not None:
                callback(epoch, loss)
        return self.losses

    def _epoch(self, x: Any, t: Any, batch_size: int, generator: numpy.random.Generator) -> float:
        total = 0.0
        for batch_x, batch_t in mini_batches(x, t, batch_size, generator):
            total += float(self.model.forward(batch_x, batch_t)) * batch_x.shape[0]
            self.model.backward()
            self.optimizer.update(self.model.params, self.model.grads)
        return total / int(x.shape[0])

    def plot(self, path: str | Path | None = None) -> None:
        """Draw the loss of each epoch, into a file or, without a path, on the screen.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
        """
        pyplot = import_pyplot()
        figure, axes = pyplot.subplots()
        draw_losses(axes, self.losses)
        finish_figure(pyplot, figure, path)


def _draw_bar(epoch: int, max_epoch: int, loss: float) -> None:
    done = 30 * epoch // max_epoch
    end = "\n" if epoch == max_epoch else ""
    bar = "#" * done + "-" * (30 - done)
    print(f"\r[{bar}] epoch {epoch}/{max_epoch}  loss {loss:.4f}", end=end, file=sys.stderr, flush=True)


def import_pyplot() -> Any:
    """matplotlib.pyplot, which nothing but drawing needs."""
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("drawing needs matplotlib: pip install matplotlib") from error
    return pyplot


def draw_losses(axes: Any, losses: list[float]) -> None:
    """The loss over the epochs, into matplotlib axes."""
    axes.plot(range(1, len(losses) + 1), losses)
    axes.set(xlabel="epoch", ylabel="mean loss", title="Training")


def finish_figure(pyplot: Any, figure: Any, path: str | Path | None) -> None:
    """Save the figure, or show it when there is no path, and close it."""
    if path is None:
        pyplot.show()
    else:
        figure.savefig(path, dpi=150, bbox_inches="tight")
    pyplot.close(figure)
