"""Who agrees: subjects, cases, verdicts, the suite, the command line.

``check(fn, "softmax")`` judges one function in anyone's own tests. It is loaded when it is first asked for, so that
importing this package (as every pytest start does, for the plugin) costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fiducial.conformance.checking import Deviation, check

__all__ = ["Deviation", "check"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from fiducial.conformance import checking as module

        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
