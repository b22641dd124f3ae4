"""Layers that remember their inputs: `forward(x)`, then `backward(cotangent)`, with lists `params` and `grads`.

Source: Saito, *Deep Learning from Scratch 2* (2019), sections 1.3 and 1.4.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy
from array_api_compat import array_namespace, device

from fiducial.refimpl import elementwise
from fiducial.refimpl.convolution import PerDimension, conv2d, conv2d_vjp
from fiducial.refimpl.entropies import softmax_cross_entropy, softmax_cross_entropy_vjp
from fiducial.refimpl.linear import affine, affine_vjp
from fiducial.refimpl.pooling import max_pool2d, max_pool2d_vjp
from fiducial.refimpl.regularisation import dropout, dropout_vjp


class Affine:
    """x W + b: W (D, M), b (M); x (N, D) -> (N, M)."""

    def __init__(self, W: Any, b: Any) -> None:
        self.params = [W, b]
        self.grads: list[Any] = []

    def forward(self, x: Any) -> Any:
        """(N, D) -> (N, M)."""
        self.x = x
        return affine(x, *self.params)

    def backward(self, cotangent: Any) -> Any:
        """(N, M) -> (N, D); sets the gradients of W and b."""
        dx, *self.grads = affine_vjp(cotangent, self.x, *self.params)
        return dx


class Conv2d:
    """Convolution: w (O, C, K, K'), b (O); x (N, C, H, W) -> (N, O, H', W')."""

    def __init__(self, w: Any, b: Any, *, stride: PerDimension = 1, padding: PerDimension = 0) -> None:
        self.params = [w, b]
        self.grads: list[Any] = []
        self.attributes: dict[str, Any] = {"stride": stride, "padding": padding}

    def forward(self, x: Any) -> Any:
        """(N, C, H, W) -> (N, O, H', W')."""
        self.x = x
        return conv2d(x, *self.params, **self.attributes)

    def backward(self, cotangent: Any) -> Any:
        """(N, O, H', W') -> (N, C, H, W); sets the gradients of w and b."""
        dx, *self.grads = conv2d_vjp(cotangent, self.x, *self.params, **self.attributes)
        return dx


class _NoParameters:
    """What layers without parameters have in common."""

    def __init__(self) -> None:
        self.params: list[Any] = []
        self.grads: list[Any] = []


class MaxPool2d(_NoParameters):
    """The maximum of each window, the windows side by side: x (N, C, H, W) -> (N, C, H', W')."""

    def __init__(self, kernel_size: PerDimension) -> None:
        super().__init__()
        self.kernel_size = kernel_size

    def forward(self, x: Any) -> Any:
        """(N, C, H, W) -> (N, C, H', W')."""
        self.x = x
        return max_pool2d(x, kernel_size=self.kernel_size)

    def backward(self, cotangent: Any) -> Any:
        """(N, C, H', W') -> (N, C, H, W)."""
        return max_pool2d_vjp(cotangent, self.x, kernel_size=self.kernel_size)


class Flatten(_NoParameters):
    """Each sample as a vector: x (N, ...) -> (N, D)."""

    def forward(self, x: Any) -> Any:
        """(N, ...) -> (N, D)."""
        self.shape = x.shape
        return array_namespace(x).reshape(x, (x.shape[0], -1))

    def backward(self, cotangent: Any) -> Any:
        """(N, D) -> (N, ...)."""
        return array_namespace(cotangent).reshape(cotangent, self.shape)


class Dropout(_NoParameters):
    """Zeros in the place of elements, each with probability `rate`, drawn anew in every call; any shape.

    It is for training: a network that shares the other layers, and leaves this one out, predicts.
    """

    def __init__(self, rate: float, seed: int = 0) -> None:
        super().__init__()
        self.rate = rate
        self.generator = numpy.random.default_rng(seed)

    def forward(self, x: Any) -> Any:
        """Some elements 0, the others times 1 / (1 - rate)."""
        xp = array_namespace(x)
        mask = self.generator.random(x.shape, dtype=numpy.float32) >= self.rate
        self.x, self.mask = x, xp.asarray(mask, dtype=x.dtype, device=device(x))
        return dropout(x, self.mask, rate=self.rate)

    def backward(self, cotangent: Any) -> Any:
        """The cotangent, with the same elements dropped."""
        return dropout_vjp(cotangent, self.x, self.mask, rate=self.rate)


class Activation(_NoParameters):
    """An elementwise function without parameters; any shape."""

    function: ClassVar[Callable[..., Any]]
    vjp: ClassVar[Callable[..., Any]]

    def forward(self, x: Any) -> Any:
        """The function of every element."""
        self.x = x
        return type(self).function(x)

    def backward(self, cotangent: Any) -> Any:
        """The cotangent times the derivative at every element."""
        return type(self).vjp(cotangent, self.x)


class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    function, vjp = elementwise.sigmoid, elementwise.sigmoid_vjp


class Tanh(Activation):
    """tanh x."""

    function, vjp = elementwise.tanh, elementwise.tanh_vjp


class ReLU(Activation):
    """max(x, 0)."""

    function, vjp = elementwise.relu, elementwise.relu_vjp


class SoftmaxWithLoss:
    """The mean cross-entropy of softmax(x): logits x (N, K), targets t (N, K) or integer labels (N) -> scalar."""

    def forward(self, x: Any, t: Any) -> Any:
        """The loss."""
        self.x, self.t = x, t
        return softmax_cross_entropy(x, t)

    def backward(self, cotangent: Any = 1.0) -> Any:
        """(y - t) / N for targets that sum to one, times the cotangent."""
        gradients = softmax_cross_entropy_vjp(cotangent, self.x, self.t)
        return gradients[0] if isinstance(gradients, tuple) else gradients
