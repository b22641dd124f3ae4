"""The catalogue: one module a family, one function an operation. Importing this fills ``CATALOGUE``."""

from __future__ import annotations

from fiducial.spec.catalogue import (
    convolution,
    elementwise,
    losses,
    nodes,
    normalisation,
    optimisers,
    recurrent,
    regularisation,
    text,
)
from fiducial.spec.operation import CATALOGUE

__all__ = [
    "CATALOGUE",
    "convolution",
    "elementwise",
    "losses",
    "nodes",
    "normalisation",
    "optimisers",
    "recurrent",
    "regularisation",
    "text",
]
