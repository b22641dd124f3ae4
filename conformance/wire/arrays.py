"""Arrays on the wire: dtype, shape and the base64 text of their little-endian bytes in C order."""

from __future__ import annotations

import base64
import binascii
import math
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from fiducial.conformance.memory import MEMORY, memory_of

WIRE: dict[str, Any] = {
    name: np.dtype(name)
    for name in ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16",
                 "uint8", "bool", "complex128", "complex64")
} | {"bfloat16": np.dtype(ml_dtypes.bfloat16)}  # fmt: skip
AXES = 32


class Malformed(ValueError):
    """What came is no value of the protocol; the message says what is required and what came."""


def encoded(value: Any) -> Any:
    """A value as JSON: arrays as objects, sequences as lists; a Python number stays one.

    Raises Malformed for anything else.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": repr(value)}
    if isinstance(value, list | tuple):
        return [encoded(v) for v in value]
    if not isinstance(value, np.ndarray | np.generic) or _name(value.dtype) not in WIRE:
        kind = getattr(value, "dtype", type(value).__name__)
        raise Malformed(f"an array of numbers is required, got {kind}")
    array = np.asarray(value)
    plain = np.ascontiguousarray(array).astype(_little(array.dtype), copy=False)
    data = base64.b64encode(plain.tobytes()).decode("ascii")
    found = {"dtype": _name(array.dtype), "shape": list(array.shape), "data": data}
    memory = memory_of(array)
    return found if memory == "as is" else {**found, "memory": memory}


def decoded(value: Any) -> Any:
    """The value of a piece of JSON. Raises Malformed; no memory is taken before sizes are known to agree."""
    if isinstance(value, list):
        return [decoded(v) for v in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"number"} and value["number"] in ("inf", "-inf", "nan"):
        return float(value["number"])
    return _array(value)


def _array(value: dict[str, Any]) -> Any:
    if not {"dtype", "shape", "data"} <= set(value):
        raise Malformed(f"an array with dtype, shape and data is required, got the fields {', '.join(sorted(value))}")
    dtype, shape, data = value["dtype"], value["shape"], value["data"]
    if not isinstance(dtype, str) or dtype not in WIRE:
        raise Malformed(f"dtype: one of {', '.join(WIRE)} is required, got {dtype!r:.60}")
    whole = isinstance(shape, list) and len(shape) <= AXES and all(type(n) is int and n >= 0 for n in shape)
    if not whole or not isinstance(data, str):
        raise Malformed(f"a shape of at most {AXES} lengths and data as base64 text are required, got {shape!r:.60}")
    needed = math.prod(shape) * WIRE[dtype].itemsize
    if len(data) != 4 * ((needed + 2) // 3):
        raise Malformed(f"data: {needed} bytes are required for shape {shape} of {dtype}, got {len(data)} characters")
    try:
        bytes_ = binascii.a2b_base64(data, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"data: base64 is required: {error}") from None
    if len(bytes_) != needed:
        raise Malformed(f"data: {needed} bytes are required for shape {shape} of {dtype}, got {len(bytes_)}")
    array = np.frombuffer(bytes_, _little(WIRE[dtype])).astype(WIRE[dtype]).reshape(shape)
    return MEMORY.get(str(value.get("memory")), MEMORY["as is"])(array)


@cache  # NumPy puts a name together anew each time: a tenth of a call's time
def _name(dtype: Any) -> str:
    return str(dtype.name)


@cache
def _little(dtype: Any) -> Any:
    return dtype.newbyteorder("<") if dtype.itemsize > 1 and dtype.name != "bfloat16" else dtype
