"""A function that ends its process, as a fault in compiled code does; the others are right."""

import os

import numpy as np


def relu(x):
    return np.maximum(x, 0)


def step(x, *, at_zero=0.0):
    os._exit(7)


def add(x, y):
    return x + y
