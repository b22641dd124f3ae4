"""The catalogue: one module a family, one function an operation. Importing this fills ``CATALOGUE``."""

from __future__ import annotations

from fiducial.spec.catalogue import (
    convolution,
    decompositions,
    distributions,
    elementwise,
    inference,
    losses,
    matrices,
    nodes,
    normal,
    normalisation,
    optimisers,
    recurrent,
    regularisation,
    samplers,
    statistics,
    text,
)
from fiducial.spec.operation import CATALOGUE

__all__ = [
    "CATALOGUE",
    "convolution",
    "decompositions",
    "distributions",
    "elementwise",
    "inference",
    "losses",
    "matrices",
    "nodes",
    "normal",
    "normalisation",
    "optimisers",
    "recurrent",
    "regularisation",
    "samplers",
    "statistics",
    "text",
]
