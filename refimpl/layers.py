"""Layers that remember their inputs: `forward(x)`, then `backward(cotangent)`, with lists `params` and `grads`.

Source: Saito, *Deep Learning from Scratch 2* (2019), sections 1.3 and 1.4.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from fiducial.refimpl import elementwise
from fiducial.refimpl.entropies import softmax_cross_entropy, softmax_cross_entropy_vjp
from fiducial.refimpl.linear import affine, affine_vjp


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


class Activation:
    """An elementwise function without parameters; any shape."""

    function: ClassVar[Callable[..., Any]]
    vjp: ClassVar[Callable[..., Any]]

    def __init__(self) -> None:
        self.params: list[Any] = []
        self.grads: list[Any] = []

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
