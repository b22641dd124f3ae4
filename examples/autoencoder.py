"""A symmetric autoencoder on digits: 64 numbers to 8 and back, against the best linear map to 8 numbers (PCA).

A second one is trained to give the clean images for noisy ones (a denoising autoencoder). All errors are means of
squares on 500 images that neither method has seen.

Result (seed 0): 0.0153, against 0.0240 for PCA. Of noisy images (error 0.0896) the denoising one makes 0.0269, PCA
0.0352; the first one, which never saw noise, only 0.0888. With seeds 1
and 2, too, the autoencoder beats PCA on clean images, and the denoising one is best on noisy ones.
"""

import argparse
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy
from common import affine_layer, command_line, digits, draw_image, fit, picture

from fiducial.refimpl import Adam, Network, ReLU, mse_loss, mse_loss_vjp


class MeanSquaredError:
    """The loss layer of a regression."""

    def forward(self, x: Any, t: Any) -> Any:
        self.x, self.t = x, t
        return mse_loss(x, t)

    def backward(self, cotangent: Any = 1.0) -> Any:
        return mse_loss_vjp(cotangent, self.x, self.t)[0]


class Autoencoder(Network):
    """64 -> 128 -> code -> 128 -> 64, where the code has no activation; noise is added in training only."""

    def __init__(self, code: int, noise: float, seed: int) -> None:
        self.generator, self.noise = numpy.random.default_rng(seed), noise
        sizes = (64, 128, code, 128, 64)
        first, inner, outer, last = (affine_layer(self.generator, *pair) for pair in pairwise(sizes))
        super().__init__([first, ReLU(), inner, outer, ReLU(), last], MeanSquaredError())

    def forward(self, x: Any, t: Any) -> Any:
        return super().forward(noisy(x, self.noise, self.generator), t)


def noisy(x: Any, level: float, generator: numpy.random.Generator) -> Any:
    """x and normal noise of that standard deviation."""
    return x + level * generator.standard_normal(x.shape, dtype=x.dtype)


def pca(x: Any, test_x: Any, k: int) -> Any:
    """The test rows projected on the k leading right singular vectors of the centred training rows."""
    mean = x.mean(axis=0)
    axes = numpy.linalg.svd(x - mean, full_matrices=False)[2][:k]
    return mean + (test_x - mean) @ axes.T @ axes


def plot(path: str, rows: dict[str, Any]) -> None:
    """Draw ten images as each of the rows shows them."""
    mosaic = [[f"{name} {k}" for k in range(10)] for name in rows]
    with picture(path, mosaic, width=8, height=0.8 * len(rows)) as axes:
        for name, images in rows.items():
            for k in range(10):
                draw_image(axes[f"{name} {k}"], images[k].reshape(8, 8))
            axes[f"{name} 0"].set_ylabel(name, rotation=0, ha="right", va="center")


def train(label: str, x: Any, noise: float, options: argparse.Namespace) -> Autoencoder:
    """An autoencoder that gives the rows of x for the rows of x and noise."""
    model, epochs = Autoencoder(options.code, noise, options.seed), 15 if options.short else 80
    fit(label, model, Adam(lr=2e-3), x, x, epochs=epochs, seed=options.seed)
    return model


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--code", type=int, default=8, metavar="K", help="how many numbers an image becomes")
    parser.add_argument("--noise", type=float, default=0.3, help="standard deviation; ink is 1, paper 0")
    options = parser.parse_args(arguments)
    x, _, clean, _ = digits()
    x, clean = x.reshape(-1, 64), clean.reshape(-1, 64)
    noised = noisy(clean, options.noise, numpy.random.default_rng(options.seed + 1))
    plain = train("plain", x, 0.0, options)
    denoising = train("denoising", x, options.noise, options)
    rows = {
        "original": clean,
        "PCA": pca(x, clean, options.code),
        "autoencoder": plain.predict(clean),
        "noisy": noised,
        "PCA, noisy": pca(x, noised, options.code),
        "autoencoder, noisy": plain.predict(noised),
        "denoised": denoising.predict(noised),
    }
    print(f"mean squared error on {len(clean)} new images, {options.code} numbers for each")
    for name in list(rows)[1:]:
        print(f"{name}: {float(mse_loss(rows[name], clean)):.4f}")
    if options.plot:
        plot(options.plot, rows)


if __name__ == "__main__":
    main()
