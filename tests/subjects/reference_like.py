"""Right functions with one known weakness: the textbook's slope of the sigmoid cancels where s is near 1."""

import numpy as np

name = "reference-like"
version = "1.2"


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e)).astype(x.dtype)


def sigmoid_vjp(cotangent, x):
    s = sigmoid(x)
    return cotangent * s * (1 - s)


def relu(x):
    return np.maximum(x, 0)


def relu_vjp(cotangent, x):
    return cotangent * (x > 0)
