"""What the examples share: the command line, the digits, initial weights, training with a progress bar, pictures."""

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy

from fiducial.refimpl import Affine, Optimiser, Trainer
from fiducial.refimpl.training import finish_figure, import_pyplot


def command_line(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options of every example; the description is the example's docstring."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, formatter_class=formatter)
    parser.add_argument("--seed", type=int, default=0, help="fixes every random number (default: 0)")
    parser.add_argument("--short", action="store_true", help="a form that runs in a few seconds")
    parser.add_argument("--plot", metavar="FILE", help="draw the result into FILE")
    return parser


def digits(test: int = 500) -> tuple[Any, Any, Any, Any]:
    """Images (N, 8, 8) in [0, 1] and labels (N) for training, then for testing; the same split in every run."""
    try:
        data = importlib.import_module("sklearn.datasets").load_digits()
    except ModuleNotFoundError as error:
        raise SystemExit("error: the digits come with scikit-learn: pip install scikit-learn") from error
    order = numpy.random.default_rng(0).permutation(len(data.target))
    images, labels = (data.images / 16).astype(numpy.float32)[order], data.target[order]
    return images[test:], labels[test:], images[:test], labels[:test]


def verses() -> list[str]:
    """The verses of Genesis 1-4 in the King James Version."""
    text = (Path(__file__).parent / "data" / "genesis.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def normal(generator: numpy.random.Generator, *shape: int, fan_in: int, gain: float = 2.0) -> Any:
    """Normal numbers of variance gain / fan_in, in float32: He's rule, for ReLU; with gain=1 Xavier's, for tanh."""
    return (generator.standard_normal(shape) * (gain / fan_in) ** 0.5).astype(numpy.float32)


def affine_layer(generator: numpy.random.Generator, inputs: int, outputs: int, gain: float = 2.0) -> Affine:
    """Weights by He's rule, and biases 0."""
    weights = normal(generator, inputs, outputs, fan_in=inputs, gain=gain)
    return Affine(weights, numpy.zeros(outputs, dtype=numpy.float32))


def accuracy(model: Any, x: Any, labels: Any) -> float:
    """The share of the rows of x whose highest score is at their label."""
    return float(numpy.mean(model.predict(x).argmax(axis=1) == labels))


def size(model: Any) -> int:
    """The number of parameters."""
    return sum(int(w.size) for w in model.params)


@contextmanager
def progress_bar(label: str, total: int) -> Iterator[Callable[[str], None]]:
    """A function to call after each step, with a note: it moves a bar on a terminal, and is silent elsewhere."""
    if not sys.stderr.isatty():
        yield lambda note: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total)
        yield lambda note: progress.update(task, advance=1, description=f"{label}, {note}")


def fit(
    label: str,
    model: Any,
    optimiser: Optimiser,
    x: Any,
    t: Any,
    *,
    epochs: int,
    batch_size: int = 32,
    seed: int = 0,
    after_epoch: Callable[[], None] = lambda: None,
) -> list[float]:
    """Train the model, and return the mean loss of each epoch."""
    with progress_bar(label, epochs) as advance:

        def callback(epoch: int, loss: float) -> None:
            after_epoch()
            advance(f"loss {loss:.3f}")

        return Trainer(model, optimiser).fit(x, t, epochs, batch_size, seed=seed, progress=False, callback=callback)


@contextmanager
def picture(path: str, mosaic: Sequence[Sequence[Any]], *, width: float, height: float) -> Iterator[dict[Any, Any]]:
    """The named axes of a figure of that many inches, laid out as in the mosaic; it is saved at the end."""
    pyplot = import_pyplot()
    from matplotlib.ticker import MaxNLocator

    figure, axes = pyplot.subplot_mosaic(mosaic, figsize=(width, height), layout="constrained")
    for ax in axes.values():
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    yield axes
    finish_figure(pyplot, figure, path)


def draw_image(axes: Any, image: Any, title: str = "") -> None:
    """An image in shades of grey, dark ink on white."""
    axes.imshow(image, cmap="gray_r", vmin=0.0, vmax=1.0)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=9)
