"""Signatures of faults in what is read: operands transposed, reversed, cut off, in another order, walked otherwise."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from fiducial.conformance.suspects import Cause, Explanation, Suspect
from fiducial.spec.language import name_of


def exchanged(a: Any) -> Any:
    """With the last two axes exchanged, where they can be."""
    return np.swapaxes(a, -1, -2).reshape(a.shape) if a.ndim > 1 else a


def _given(k: int, change: Callable[[Any], Any], back: Callable[[Any], Any] = lambda a: a) -> Explanation:
    """The truth of the case with another array for one input; ``back`` undoes the change in that input's gradient."""

    def explain(s: Suspect) -> list[Any]:
        arrays = list(s.case.call.arrays)
        arrays[k] = change(arrays[k])
        call = dataclasses.replace(s.case.call, arrays=tuple(arrays))
        found = s.executed(case=dataclasses.replace(s.case, call=call))
        system = s.case.call.definition.system
        own = [name_of(x) for x in system.differentiable]
        name = name_of(system.inputs[k])
        return [back(f) if s.gradient and own[j] == name else f for j, f in enumerate(found)]

    return explain


def of_inputs(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    names = [name_of(x) for x in s.case.call.definition.system.inputs]
    for k, (name, a) in enumerate(zip(names, s.case.call.arrays, strict=False)):
        if a.dtype.kind not in "f" or not a.ndim:
            continue
        if a.ndim > 1 and a.shape[-1] == a.shape[-2]:
            yield ("transposed", f"{name} is transposed"), _given(k, exchanged, exchanged)
        if a.ndim > 1:
            yield ("layout", f"{name} is read in another memory order"), _given(
                k, _by_columns, _by_columns_again)  # fmt: skip
        for axis in range(a.ndim):
            if a.shape[axis] > 1:
                flip = partial(np.flip, axis=axis)
                yield ("flip", f"{name} is reversed along axis {axis}"), _given(k, flip, flip)
        if a.ndim > 2:
            whole = partial(np.flip, axis=tuple(range(2, a.ndim)))
            yield ("flip", f"the windows of {name} are reversed"), _given(k, whole, whole)
        if "gate_order" in s.case.operation.attributes:
            yield from _blocks(k, name, a)
        yield ("term", f"{name} is ignored (taken as zero)"), _given(k, np.zeros_like)
        yield ("size", f"the last entries of {name} are not seen"), _given(k, _without_the_last)
        for rows in range(1, min(a.shape[0], 12)):
            yield ("size", f"{name} is seen up to row {rows} alone"), _given(k, partial(_first, rows=rows))
    yield from _of_windows(s)
    groups = s.case.call.structural.get("groups", 1)
    if groups > 1:
        yield ("order", "the channels of the first group are used for all"), _given(
            0, lambda b: np.concatenate([np.split(b, groups, axis=1)[0]] * groups, axis=1))  # fmt: skip


def _of_windows(s: Suspect) -> Iterator[tuple[Cause, Explanation]]:
    """A gradient of the kernel that walks through the image with other steps, or without its padding."""
    passed = s.case.call.attributes
    if not s.gradient or not {"stride", "padding", "dilation"} <= set(passed):
        return
    plain: dict[str, Any] = {"stride": 1, "padding": 0}
    for changes in ({"stride": 1}, {"padding": 0}, plain, {"dilation": 1}, {**plain, "dilation": 1},
                    {"stride": passed["dilation"], "dilation": passed["stride"]}):  # fmt: skip
        told = ", ".join(f"{name} is taken as {value!r}" for name, value in changes.items())
        yield ("attribute", f"in the gradient of the kernel, {told}"), partial(_walked, changes=changes)


def _walked(s: Suspect, changes: dict[str, Any]) -> list[Any]:
    """The gradients for other steps, of an image cut off, or continued by zeros, where the last window ends."""
    attributes = {**s.case.call.attributes, **changes}
    x, w = s.case.call.arrays[:2]
    axes = range(x.ndim - 2)
    stride, padding, dilation = ([v[k] if isinstance(v, tuple) else v for k in axes]
                                 for v in (attributes[n] for n in ("stride", "padding", "dilation")))  # fmt: skip
    windows = s.case.cotangents[0].shape[2:]
    ends = [(n - 1) * t + d * (r - 1) + 1 - 2 * p
            for n, t, d, r, p in zip(windows, stride, dilation, w.shape[2:], padding, strict=True)]  # fmt: skip
    image = np.pad(x, [(0, 0), (0, 0), *((0, max(end - n, 0)) for end, n in zip(ends, x.shape[2:], strict=True))])
    image = image[(slice(None), slice(None), *(slice(end) for end in ends))]
    arrays = (image, *s.case.call.arrays[1:])
    call = dataclasses.replace(s.case.call, arrays=arrays, attributes=attributes)
    return s.executed(case=dataclasses.replace(s.case, call=call))


def _by_columns(a: Any) -> Any:
    return a.ravel("F").reshape(a.shape)


def _by_columns_again(a: Any) -> Any:
    return a.reshape(a.shape, order="F")


def _without_the_last(a: Any) -> Any:
    return np.concatenate([a[..., :-1], np.zeros_like(a[..., -1:])], axis=-1)


def _first(a: Any, rows: int) -> Any:
    return np.concatenate([a[:rows], np.zeros_like(a[rows:])])


def _blocks(k: int, name: str, a: Any) -> Iterator[tuple[Cause, Explanation]]:
    """Gates in another order, or one gate's block used for all: three or four blocks on the last axis."""
    for blocks in (3, 4):
        if a.shape[-1] % blocks or a.shape[-1] == blocks == 1:
            continue
        for order in itertools.permutations(range(blocks)):
            if order != tuple(range(blocks)):
                back = tuple(int(i) for i in np.argsort(order))
                yield ("order", f"the {blocks} blocks of {name} in the order {order}"), _given(
                    k, partial(_permuted, order=order), partial(_permuted, order=back))  # fmt: skip
        for other in itertools.product(range(blocks), repeat=blocks) if a.ndim == 1 else ():
            if len(set(other)) < blocks:
                yield ("order", f"the blocks {other} of {name} in the place of all {blocks}"), _given(
                    k, partial(_permuted, order=other))  # fmt: skip
        for one in range(blocks) if a.ndim > 1 else ():
            same = (one,) * blocks
            yield ("order", f"block {one} of {name} is used for all {blocks}"), _given(
                k, partial(_permuted, order=same))  # fmt: skip


def _permuted(a: Any, order: tuple[int, ...]) -> Any:
    parts = np.split(a, len(order), axis=-1)
    return np.concatenate([parts[o] for o in order], axis=-1)
