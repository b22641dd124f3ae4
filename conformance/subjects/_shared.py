"""What the frameworks' subjects share: how one declines, and how arguments come."""

from __future__ import annotations

from typing import Any

# There is no derivative of a step, and a framework records neither an optimiser's step nor clipping.
NOT_DIFFERENTIABLE = ("step", "sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "clip_by_global_norm")


def limit(framework: str, refused: bool, what: str) -> None:
    """Declines what a framework does not offer by its documentation: the outcome is "unsupported"."""
    if refused:
        raise NotImplementedError(f"{framework} {what}")


def listed(value: Any) -> list[Any]:
    """Several outputs or cotangents, or the only one, as a list."""
    return list(value) if isinstance(value, tuple | list) else [value]


def sizes(value: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    """A size for each spatial axis."""
    return (value,) * axes if isinstance(value, int) else tuple(value)
