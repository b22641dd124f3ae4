"""``check``: one line in anyone's own tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fiducial.conformance.examine import Deviation
from fiducial.conformance.levels import Plan, dtypes_of, examine, levels_of
from fiducial.conformance.manifest import _nearest
from fiducial.conformance.results import DEMANDS, Result
from fiducial.conformance.subject import DTYPES, from_functions
from fiducial.spec.catalogue import CATALOGUE

__all__ = ["Deviation", "check"]


def check(
    function: Callable[..., Any], operation: str, *, vjp: Callable[..., Any] | None = None,
    dtypes: Sequence[str] = ("float64", "float32"), profile: str = "quick", seed: int = 0, require: str = "ok",
    **options: Any,
) -> list[Result]:  # fmt: skip
    """Judges a function against an operation of the catalogue: shapes, special values, values, laws, and with ``vjp``
    its gradients.

    ``vjp(cotangent, *inputs, **attributes)`` returns one gradient for each differentiable input. ``options`` are a
    subject's optional attributes: ``conventions={operation: {attribute: value}}``, ``asarray``, ``to_numpy``. Returns
    the results. Raises Deviation with the smallest case found, or ValueError for an unknown operation or dtype.
    """
    __tracebackhide__ = True
    if operation not in CATALOGUE:
        raise ValueError(f"operation: {_nearest(operation, list(CATALOGUE))} Got {operation!r}")
    if unknown := set(dtypes) - set(DTYPES):
        raise ValueError(f"dtypes: among {', '.join(DTYPES)} is required, got {', '.join(sorted(unknown))}")
    if not callable(function):
        raise ValueError(f"function: a callable is required, got {type(function).__name__}")
    functions = {operation: function, **({f"{operation}_vjp": vjp} if vjp is not None else {})}
    subject = from_functions(functions, dtypes=tuple(dtypes), **options)
    plan = Plan(profile=profile, seed=seed, require=require)
    results = []
    for level in levels_of(CATALOGUE[operation]):
        for dtype in (d for d in dtypes if d in dtypes_of(CATALOGUE[operation], level)):
            result = examine(subject, CATALOGUE[operation], level, dtype, plan)
            results.append(result)
            if result.outcome in ("wrong", "loose", "crashed", "timed_out") and result.outcome not in DEMANDS[require]:
                raise Deviation(f"{result.told}\n  level: {level}")
    if not any(r.cases for r in results):
        raise Deviation(
            f"{operation}: nothing could be judged: " + "; ".join(r.message or str(r.notes) for r in results)
        )
    return results
