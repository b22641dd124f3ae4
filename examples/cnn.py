"""A small convolutional network on real digits, against a fully connected one with as many parameters.

The data are scikit-learn's digits: 1,297 images of 8 x 8 to train on and 500 to test on. Convolution looks for the same
strokes everywhere, so the same number of parameters goes further.

Result (seed 0): test accuracy 98.2 % with 2,730 parameters, against 97.2 % with 2,710; seeds 1 to 3 give the
same order (98.0 to 98.6 % against 97.0 to 97.4 %).
"""

from collections.abc import Sequence
from typing import Any

import numpy
from common import accuracy, affine_layer, command_line, digits, draw_image, fit, normal, picture, size

from fiducial.refimpl import Adam, Network, ReLU
from fiducial.refimpl.layers import Conv2d, Flatten, MaxPool2d


def convolutional(seed: int, channels: int = 16) -> Network:
    """conv 3 x 3, ReLU, pool 2 x 2, affine: (N, 1, 8, 8) -> (N, 10)."""
    generator = numpy.random.default_rng(seed)
    kernels = normal(generator, channels, 1, 3, 3, fan_in=9)
    convolution = Conv2d(kernels, numpy.zeros(channels, dtype=numpy.float32), padding=1)
    return Network([convolution, ReLU(), MaxPool2d(2), Flatten(), affine_layer(generator, 16 * channels, 10)])


def fully_connected(seed: int, parameters: int) -> Network:
    """affine, ReLU, affine, (N, 1, 8, 8) -> (N, 10), with about this number of parameters."""
    generator = numpy.random.default_rng(seed)
    hidden = round((parameters - 10) / (64 + 1 + 10))
    layers = [affine_layer(generator, 64, hidden), ReLU(), affine_layer(generator, hidden, 10)]
    return Network([Flatten(), *layers])


def train(name: str, model: Network, data: tuple[Any, ...], epochs: int, seed: int) -> list[float]:
    """The test accuracy after each epoch."""
    x, t, test_x, test_t = data
    curve: list[float] = []
    fit(
        name,
        model,
        Adam(lr=3e-3),
        x,
        t,
        epochs=epochs,
        seed=seed,
        after_epoch=lambda: curve.append(accuracy(model, test_x, test_t)),
    )
    return curve


def plot(path: str, curves: dict[str, list[float]], images: Any, read: Any, labels: Any) -> None:
    """Draw the test accuracy over the epochs, and up to six images that the convolutional network misreads."""
    mosaic = [["curves"] * 4 + [0, 1, 2], ["curves"] * 4 + [3, 4, 5]]
    with picture(path, mosaic, width=10, height=4) as axes:
        for name, curve in curves.items():
            axes["curves"].plot(range(1, len(curve) + 1), curve, label=name)
        axes["curves"].set(xlabel="epoch", ylabel="test accuracy", ylim=(0.9, 1), title="Equal numbers of parameters")
        axes["curves"].legend(loc="lower right")
        wrong = numpy.flatnonzero(read != labels)
        for k in range(6):
            axes[k].set_axis_off()
            if k < len(wrong):
                draw_image(axes[k], images[wrong[k]], f"{labels[wrong[k]]}, read as {read[wrong[k]]}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = command_line(__doc__).parse_args(arguments)
    epochs = 5 if options.short else 30
    x, t, test_x, test_t = digits()
    cnn = convolutional(options.seed)
    curves: dict[str, list[float]] = {}
    for name, model in {"convolutional": cnn, "fully connected": fully_connected(options.seed, size(cnn))}.items():
        curves[name] = train(name, model, (x[:, None], t, test_x[:, None], test_t), epochs, options.seed)
        print(f"{name}: {size(model)} parameters, test accuracy {curves[name][-1]:.1%} after {epochs} epochs")
    if options.plot:
        plot(options.plot, curves, test_x, cnn.predict(test_x[:, None]).argmax(axis=1), test_t)


if __name__ == "__main__":
    main()
