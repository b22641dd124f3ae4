"""The suite: one test for each operation, level, dtype and backend. Run it by

pytest --pyargs fiducial.conformance --fiducial-subject=my.module -n auto
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import pytest

from fiducial.conformance.levels import Plan, examine
from fiducial.conformance.manifest import Row, Unknown, rows
from fiducial.conformance.plugin import settings
from fiducial.conformance.results import DEMANDS, Result
from fiducial.conformance.subject import NotAvailable, Subject, SubjectError, load
from fiducial.spec.catalogue import CATALOGUE

SKIPPED = ("not_available", "not_provided", "unsupported")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    try:
        selected = rows(settings(metafunc.config))
    except Unknown as error:
        raise pytest.UsageError(str(error)) from None
    metafunc.parametrize("row", selected, ids=["-".join(r).replace(" ", "_") for r in selected])


@cache
def _loaded(source: str | None, backend: str, isolated: bool, memory: float | None) -> Subject | NotAvailable:
    try:
        return load(source, backend, isolated, memory and memory * 2**30)
    except NotAvailable as reason:
        return reason
    except SubjectError as error:
        raise pytest.UsageError(str(error)) from None


def test_conformance(row: Row, request: pytest.FixtureRequest, record_property: Any) -> None:
    """The subject agrees with the specification."""
    __tracebackhide__ = True
    options = settings(request.config)
    started = time.perf_counter()
    result = _examined(row, options)
    result.seconds = time.perf_counter() - started
    record_property("fiducial", {**result.as_json(), "seconds": result.seconds})
    if result.outcome in SKIPPED:
        pytest.skip(f"{result.outcome}: {result.message or '; '.join(result.notes)}")
    if result.outcome not in DEMANDS[options["require"]]:
        pytest.fail(result.told, pytrace=False)
    if result.vacuous == result.cases:
        pytest.fail(f"vacuous: none of {result.cases} cases could tell a wrong answer from a right one", pytrace=False)


def _examined(row: Row, options: dict[str, Any]) -> Result:
    name, level, dtype, backend = row
    subject = _loaded(options["subject"], backend, options["isolation"] == "process", options["memory"])
    if isinstance(subject, NotAvailable):
        return Result(name, level, dtype, backend, "not_available", message=str(subject))
    plan = Plan(options["profile"], options["seed"], options["require"], options["timeout"])
    return examine(subject, CATALOGUE[name], level, dtype, plan)
