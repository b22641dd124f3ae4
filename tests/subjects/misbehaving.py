"""One operation for each way to misbehave, and a right one: a run has to get through all of them."""

import sys
import time

import numpy as np

_calls = {"multiply": 0}


def sigmoid(x):
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))).astype(x.dtype)


def sigmoid_vjp(cotangent, x):
    e = np.exp(-np.abs(x))
    return cotangent * e / (1 + e) ** 2


def step(x, *, at_zero=0.0):
    raise ValueError("a shape that it does not like\nand a second line")


def tanh(x):
    return None


def relu(x):
    return np.maximum(x, 0)[..., None]


def elu(x, *, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(x)).astype("float16")


def softplus(x, *, beta=1.0):
    return np.logaddexp(0, beta * x).tolist()


def silu(x):
    x *= 1 / (1 + np.exp(-x))
    return x


def log_sigmoid(x):
    sys.exit("enough")


def subtract(x, y):
    while True:
        try:
            time.sleep(60)
        except Exception:
            continue


def multiply(x, y):
    _calls["multiply"] += 1
    return x * y * (1 if _calls["multiply"] % 2 else 2)


def add(x, y):
    print("shapes\n" * 50, x.shape, y.shape)
    print("to the error stream too", file=sys.stderr)
    return x + y


def norm(x, *, axis=-1):
    return float(np.sqrt(np.sum(x * x)))


def matmul(a, b):
    return np.matmul(a, b) * a.dtype.type(1.001)


def sum(x, *, axis=None, keepdims=False):
    if isinstance(axis, tuple):
        raise NotImplementedError("one axis only")
    return np.sum(x, axis=axis, keepdims=keepdims)


def leaky_relu(x):
    return np.where(x > 0, x, x.dtype.type(0.01) * x)


def mse_loss(y, t, *, reduction="mean"):
    return {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction]((y - t) ** 2)


def mse_loss_vjp(cotangent, y, t, *, reduction="mean"):
    d = 2 * (y - t) / (y.size if reduction == "mean" else 1)
    return d, -d


def l1_loss(y, t, *, reduction="mean"):
    return {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](np.abs(y - t))


def l1_loss_vjp(cotangent, y, t, *, reduction="mean"):
    return (cotangent * np.sign(y - t) / (y.size if reduction == "mean" else 1),)


def sum_squared_error(y, t):
    return np.sum((y - t) ** 2) / 2


def sum_squared_error_vjp(cotangent, y, t):
    return cotangent * (y - t), None


def affine(x, W, b):
    return x @ W + b


def affine_vjp(cotangent, x, W, b):
    return cotangent @ W.T, (x.T @ cotangent).T, cotangent.sum(axis=0)


def divide(x, y):
    return x / y


def divide_vjp(cotangent, x, y):
    def back(g, shape):
        lead = tuple(range(g.ndim - len(shape)))
        g = g.sum(axis=lead)
        return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1), keepdims=True)

    return back(cotangent / y, x.shape), back(cotangent * x / y**2, y.shape)


def maximum(x, y):
    return None if x.dtype == np.float32 else np.maximum(x, y)


def softmax(x, *, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_vjp(cotangent, x, *, axis=-1):
    p = softmax(x, axis=axis)
    return p * (cotangent - (cotangent * p).sum(axis=axis, keepdims=True)) * x.dtype.type(1.001)
