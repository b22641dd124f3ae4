"""Fixtures that several files share."""

import json
from pathlib import Path

import pytest
from exported import SMALL, Results, reference

from fiducial.conformance.vectors.export import export


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small export: elementwise, integers, a list of arrays, a relation, refusals."""
    folder = tmp_path_factory.mktemp("small") / "vectors"
    export(folder, SMALL, ["float64", "float32"])
    return folder


@pytest.fixture
def results(vectors: Path) -> Results:
    """The reference implementation's results."""
    return json.loads(json.dumps(reference(vectors)))
