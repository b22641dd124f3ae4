"""How the numbers of an array lie in memory: implementations that read them from the start see others."""

from __future__ import annotations

from typing import Any

import numpy as np


def strided(a: Any) -> Any:
    """The same numbers with gaps between them."""
    if not a.ndim:
        return a
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    wide[..., ::2] = a
    return wide[..., ::2]


def transposed(a: Any) -> Any:
    """The same numbers in column order."""
    return np.asfortranarray(a) if a.ndim > 1 else a


def read_only(a: Any) -> Any:
    """The same numbers, protected."""
    copy = np.array(a)
    copy.flags.writeable = False
    return copy


MEMORY = {"as is": lambda a: a, "transposed": transposed, "strided": strided, "read-only": read_only}


def memory_of(a: Any) -> str:
    """Which of them an array is."""
    if not a.flags.writeable:
        return "read-only"
    if a.flags.c_contiguous:
        return "as is"
    return "transposed" if a.T.flags.c_contiguous else "strided"
