"""Functions that do something to their process, beside right ones: each may cost its own case, and nothing else."""

import ctypes
import os
import random
import signal
import sys
import time

import numpy as np

_held = []


def sigmoid(x):
    """Right, if no other call has left its settings behind."""
    assert np.geterr()["divide"] != "raise" and np.get_printoptions()["precision"] == 8
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))).astype(x.dtype)


def relu(x):
    return np.maximum(x, 0)


def step(x, *, at_zero=0.0):
    """A fault in compiled code."""
    print("about to read address 0", flush=True)
    ctypes.string_at(0)


def tanh(x):
    os.abort()


def elu(x, *, alpha=1.0):
    os._exit(7)


def softplus(x, *, beta=1.0):
    """Hangs where no exception reaches: the signal of a time limit is blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    time.sleep(600)


def silu(x):
    """Takes memory until it is stopped."""
    while True:
        _held.append(np.ones(2**24))


def add(x, y):
    """Right, but it leaves settings, seeds and the folder changed."""
    np.seterr(all="raise")
    np.set_printoptions(precision=1)
    np.random.seed(0)
    random.seed(0)
    os.chdir("/")
    with np.errstate(all="ignore"):
        return x + y


def subtract(x, y):
    """Right, but compiled code prints where the protocol is spoken, and input is read."""
    os.write(1, b"noise from compiled code\n")
    sys.stdin.read()
    return x - y


def multiply(x, y):
    """Wrong, and it says something that may help."""
    print("the fast path is taken")
    return x * y * x.dtype.type(1.01)
