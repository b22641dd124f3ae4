"""Results held to the specification's derived bound, in place of a tolerance that somebody would have to choose."""

from collections.abc import Sequence
from typing import Any

import numpy

from fiducial.conformance.verdict import judge
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.formats import FORMATS
from fiducial.spec.oracle import Call, gradients, values


def _wide(a: Any) -> Any:
    a = numpy.asarray(a)
    return a if a.dtype.kind in "iu" else a.astype(numpy.float64)


def assert_held(
    name: str, arrays: Sequence[Any], attributes: dict[str, Any], results: Sequence[Any], dtype: str = "float64"
) -> None:
    """The outputs, and any gradients after them (with the outputs as cotangents), are as near as rounding allows."""
    operation, format = CATALOGUE[name], FORMATS[dtype]
    call = Call(operation, tuple(map(_wide, arrays)), {**operation.defaults, **attributes})
    answers = values(call, format)
    found = [_wide(a) for a in results]
    if len(found) > len(answers):
        answers = [*answers, *gradients(call, found[: len(answers)], format)]
    bands = [judge(a, answer, format).band for a, answer in zip(found, answers, strict=True)]
    assert set(bands) <= {"tight", "ok"}, bands
