"""Vectors as the suite's own cases, where the specification has to judge: relations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flint
import numpy as np

from fiducial.conformance import relations
from fiducial.conformance.cases import Case
from fiducial.conformance.subject import DTYPES
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.formats import FORMATS
from fiducial.spec.oracle import Call
from fiducial.spec.relations import BITS, Measure


def case_of(vector: Mapping[str, Any]) -> Case:
    """The case that a vector was written from, without its cotangents."""
    given = tuple(_array(a) for a in vector["inputs"])
    passed = {n: tuple(v) if isinstance(v, list) else v for n, v in vector["attributes"].items()}
    arrays = tuple(a if a.dtype.kind in "iu" else a.astype(np.float64) for a in given)
    call = Call(CATALOGUE[vector["operation"]], arrays, passed)
    return Case(call, given, vector["dtype"], (), vector["label"], passed)


def _array(array: Mapping[str, Any]) -> Any:
    if "int" in array:
        return np.array(array["int"], dtype=np.int64).reshape(array["shape"])
    values = np.array([float.fromhex(v) for v in array["hex"]], dtype=np.float64)
    return values.reshape(array["shape"]).astype(DTYPES[array["dtype"]])


def measured(vector: Mapping[str, Any], outputs: Sequence[Any]) -> tuple[Measure, str]:
    """The worst test of the outputs, and what it says."""
    case = case_of(vector)
    with flint.ctx.workprec(BITS):
        worst = relations._worst(relations._tests(case, FORMATS[case.dtype], outputs))
    return worst, relations.told(case, worst)
