"""Safetensors, as much of the format as vectors need: eight bytes of length, a JSON header, numbers in C order.

Format: https://github.com/huggingface/safetensors. Little-endian. Every length is checked before anything is allocated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fiducial.conformance.subject import DTYPES

NAMES = {"F64": "float64", "F32": "float32", "BF16": "bfloat16", "F16": "float16"}
HEADER = 1 << 20  # bytes that a header may have


class BadTensors(ValueError):
    """The bytes are no safetensors file; the message says what is required."""


def packed(tensors: Mapping[str, Any]) -> bytes:
    """The file that holds these arrays, by name."""
    codes = {DTYPES[name]: code for code, name in NAMES.items()}
    header, body = {}, b""
    for name, a in tensors.items():
        data = np.ascontiguousarray(a).tobytes()
        header[name] = {
            "dtype": codes[a.dtype],
            "shape": list(a.shape),
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def unpacked(data: bytes) -> dict[str, Any]:
    """The arrays of a file, by name; they share its memory. Raises BadTensors."""
    if len(data) < 8 or (length := int.from_bytes(data[:8], "little")) > min(HEADER, len(data) - 8):
        raise BadTensors(f"a header of at most {HEADER} bytes, within the file, is required")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise BadTensors(f"the header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise BadTensors("the header must be an object")
    body = memoryview(data)[8 + length :]
    named = {name: entry for name, entry in header.items() if name != "__metadata__"}
    found = {name: _tensor(name, entry, body) for name, entry in named.items()}
    ends = sorted(tuple(entry["data_offsets"]) for entry in named.values())
    if [0, *(last for _, last in ends)] != [*(first for first, _ in ends), len(body)]:
        raise BadTensors("the tensors must fill the file, without gaps or overlaps")
    return found


def _tensor(name: str, entry: Any, body: memoryview) -> Any:
    keys = {"dtype", "shape", "data_offsets"}
    if not isinstance(entry, dict) or set(entry) != keys or entry["dtype"] not in NAMES:
        raise BadTensors(f"{name}: dtype (one of {', '.join(NAMES)}), shape and data_offsets are required")
    shape, offsets, kind = entry["shape"], entry["data_offsets"], DTYPES[NAMES[entry["dtype"]]]
    if not (_counts(shape) and _counts(offsets) and len(offsets) == 2 and len(shape) <= 16):
        raise BadTensors(f"{name}: shape and data_offsets must be lists of integers that are not negative")
    first, last = offsets
    if last > len(body) or last - first != math.prod(shape) * kind.itemsize:
        raise BadTensors(f"{name}: {math.prod(shape)} numbers of {entry['dtype']} do not lie at {first} .. {last}")
    return np.frombuffer(body[first:last], dtype=kind).reshape(shape)


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)
