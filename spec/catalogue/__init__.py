"""The catalogue: one module a family, one function an operation. Importing this fills ``CATALOGUE``."""

from __future__ import annotations

from fiducial.spec.catalogue import elementwise, losses, nodes, optimisers
from fiducial.spec.operation import CATALOGUE

__all__ = ["CATALOGUE", "elementwise", "losses", "nodes", "optimisers"]
