"""Settings of the whole process that a call may leave changed: they are put back, so that they cost nobody else."""

from __future__ import annotations

import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# For each module, where it is loaded: what is read before a call, and how it is put back.
SETTINGS: list[tuple[str, Callable[[Any], Any], Callable[[Any, Any], Any]]] = [
    ("numpy", lambda m: m.geterr(), lambda m, v: m.seterr(**v)),
    ("numpy", lambda m: m.geterrcall(), lambda m, v: m.seterrcall(v)),
    ("numpy", lambda m: m.get_printoptions(), lambda m, v: m.set_printoptions(**v)),
    ("torch", lambda m: m.get_default_dtype(), lambda m, v: m.set_default_dtype(v)),
    ("torch", lambda m: m.get_num_threads(), lambda m, v: m.set_num_threads(v)),
    ("torch", lambda m: m.is_grad_enabled(), lambda m, v: m.set_grad_enabled(v)),
    ("jax", lambda m: m.config.jax_enable_x64, lambda m, v: m.config.update("jax_enable_x64", v)),
    ("keras", lambda m: m.config.floatx(), lambda m, v: m.config.set_floatx(v)),
]


@contextmanager
def kept_state() -> Iterator[None]:
    """Puts settings and the folder back as they were: some microseconds, for every call."""
    before = [(sys.modules[name], read, put) for name, read, put in SETTINGS if name in sys.modules]
    values = [read(module) for module, read, _ in before]
    folder, filters = os.getcwd(), warnings.filters[:]
    try:
        yield
    finally:
        for (module, read, put), value in zip(before, values, strict=True):
            if read(module) != value:
                put(module, value)
        if warnings.filters != filters:
            warnings.filters[:] = filters  # type: ignore[index]
        if os.getcwd() != folder:
            os.chdir(folder)


@contextmanager
def kept_seeds() -> Iterator[None]:
    """Puts the global generators of random numbers back: a tenth of a millisecond, for a row or a question."""
    seeds = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(seeds[0])
        np.random.set_state(seeds[1])
