"""The pytest plugin: options of the suite, and the results that a run hands back.

It imports nothing but pytest until the suite itself is collected: every pytest start in an environment that has the
package installed pays for this file.
"""

from __future__ import annotations

from typing import Any

import pytest

PREFIX = "--fiducial-"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options carry the prefix ``--fiducial-``; ``fiducial_subject`` in an ini file names the subject once."""
    group = parser.getgroup("fiducial", "conformance to the specification of deep-learning mathematics")
    group.addoption(PREFIX + "subject", metavar="SUBJECT", help="name, module[:object] or path to a .py file")
    group.addoption(PREFIX + "only", metavar="OP[,OP]", help="these operations only")
    group.addoption(PREFIX + "family", metavar="NAME", help="this family only")
    group.addoption(PREFIX + "level", metavar="NAME", help="this level only")
    group.addoption(PREFIX + "dtype", metavar="NAME[,NAME]", help="these dtypes only")
    group.addoption(PREFIX + "backend", metavar="NAME[,NAME]", default="numpy", help="numpy, cupy, array-api-strict")
    group.addoption(PREFIX + "profile", default="full", choices=("quick", "full", "exhaustive"))
    group.addoption(PREFIX + "seed", type=int, default=0)
    group.addoption(PREFIX + "require", default="ok", choices=("tight", "ok", "loose"))
    group.addoption(PREFIX + "timeout", type=float, default=20.0, metavar="SECONDS", help="for one call")
    group.addoption(PREFIX + "memory", type=float, metavar="GB", help="for the subject's process")
    group.addoption(PREFIX + "isolation", default="process", choices=("process", "none"))
    parser.addini("fiducial_subject", "the subject that the conformance suite judges")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fiducial: a row of the conformance suite")


def settings(config: pytest.Config) -> dict[str, Any]:
    """The suite's options as a plain mapping."""
    names = ("subject", "only", "family", "level", "dtype", "backend", "profile", "seed", "require", "timeout",
             "memory", "isolation")  # fmt: skip
    found = {name: config.getoption(PREFIX + name) for name in names}
    found["subject"] = found["subject"] or config.getini("fiducial_subject") or None
    return found
