"""What Paddle has no kernel for, for the subject paddle."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any


class _Kernels(ContextDecorator):
    """Turns Paddle's own words for it (no kernel, no gradient of a gradient) into ours, in a block or a function."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        words = ("not registered", "is not exist", "Unimplemented", "don't have", "no double grad", "NotFound")
        if isinstance(error, RuntimeError | NotImplementedError) and any(word in str(error) for word in words):
            raise NotImplementedError(" ".join(str(error).split())[-200:]) from error


kernels = _Kernels()
