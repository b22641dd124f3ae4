"""Networks: a chain of layers that ends in a loss.

Source: Saito, *Deep Learning from Scratch 2* (2019), section 1.4.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import array_api_compat.numpy
import numpy

from fiducial.refimpl._arrays import named_dtype, require
from fiducial.refimpl.layers import Affine, Sigmoid, SoftmaxWithLoss


class Network:
    """Layers applied one after another; by default the loss is the cross-entropy of softmax.

    `params` and `grads` list those of all layers, in order; `params` are the layers' own arrays, updated in place.
    """

    def __init__(self, layers: Sequence[Any], loss_layer: Any = None) -> None:
        self.layers = list(layers)
        self.loss_layer = loss_layer or SoftmaxWithLoss()

    @property
    def params(self) -> list[Any]:
        """The parameters of all layers."""
        return [w for layer in self.layers for w in layer.params]

    @property
    def grads(self) -> list[Any]:
        """The gradients that the last `backward` left in the layers."""
        return [g for layer in self.layers for g in layer.grads]

    def predict(self, x: Any) -> Any:
        """The scores: x (N, D) -> (N, K)."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def forward(self, x: Any, t: Any) -> Any:
        """The loss of the scores of x (N, D) for the targets t, a scalar."""
        return self.loss_layer.forward(self.predict(x), t)

    def backward(self, cotangent: Any = 1.0) -> Any:
        """The gradient with respect to x (N, D); sets `grads`."""
        cotangent = self.loss_layer.backward(cotangent)
        for layer in reversed(self.layers):
            cotangent = layer.backward(cotangent)
        return cotangent


class TwoLayerNet(Network):
    """Affine, sigmoid, affine: weights 0.01 times standard normal numbers drawn from `seed`, biases 0.

    `xp` is the array namespace to live in (NumPy's by default), `dtype` the name of a float dtype.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        dtype: str = "float64",
        seed: int = 0,
        *,
        xp: Any = array_api_compat.numpy,
    ) -> None:
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "output_size": output_size}
        for argument, size in sizes.items():
            require(isinstance(size, Integral) and size > 0, argument, "a positive integer", size)
        generator, dtype = numpy.random.default_rng(seed), named_dtype(xp, dtype)

        def layer(rows: int, columns: int) -> Affine:
            weights = 0.01 * generator.standard_normal((rows, columns))
            return Affine(xp.asarray(weights, dtype=dtype), xp.zeros(columns, dtype=dtype))

        super().__init__([layer(input_size, hidden_size), Sigmoid(), layer(hidden_size, output_size)])
