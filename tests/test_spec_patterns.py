"""Layouts written as patterns: axes split, leading axes gathered, results put together again."""

import numpy as np
import pytest

from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.language import array, index, size
from fiducial.spec.oracle import Call, result_shapes
from fiducial.spec.patterns import Pattern, words

y = array("y")[index("n", size("N")), index("g", size("G")), index("o", size("O")), index("p", size("P"))]


def test_words_of_a_pattern() -> None:
    assert words("n (G c) ... h") == [["n"], ["G", "c"], ["..."], ["h"]]


def test_an_axis_is_split_by_what_the_attributes_say() -> None:
    layout = Pattern(("n (G c) h",), {"y": "n (G o) p"}, known=lambda a: {"G": a["groups"]})
    (laid,) = layout.inputs([np.arange(24).reshape(2, 4, 3)], {"groups": 2})
    assert laid.shape == (2, 2, 2, 3)
    assert layout.shape([(2, 4, 3)], y, {"groups": 2}, (2, 2, 5, 3)) == (2, 10, 3)


def test_leading_axes_are_one_index_and_come_back() -> None:
    layout = Pattern(("... k",), {"y": "... k"})
    (laid,) = layout.inputs([np.zeros((2, 3, 4))], {})
    assert laid.shape == (6, 4)
    out = array("y")[index("n", size("N")), index("k", size("K"))]
    assert layout.shape([(2, 3, 4)], out, {}, (6, 4)) == (2, 3, 4)
    assert layout.inputs([np.zeros(4)], {})[0].shape == (1, 4)


@pytest.mark.parametrize(("shape", "message"), [((2, 3, 3), "a multiple of 2"), ((2, 4), "an array of 3 axes")])
def test_what_does_not_fit_is_said(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pattern(("n (G c) h",), known=lambda a: {"G": 2}).inputs([np.zeros(shape)], {})


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_structure_is_a_call(name: str) -> None:
    operation = CATALOGUE[name]
    for choice in range(8):
        shapes, attributes = operation.layout.draw(lambda o, k=choice: o[k % len(o)], operation.default_definition())
        domains = operation.default_definition().domains.values()
        arrays = [np.zeros(s, int) if d.below else np.zeros(s) for s, d in zip(shapes, domains, strict=True)]
        arrays = [np.full(a.shape, 20) if not a.shape and d.below else a for a, d in zip(arrays, domains, strict=True)]
        call = Call(operation, tuple(arrays), {**operation.defaults, **attributes})
        assert all(n >= 0 for shape in result_shapes(call) for n in shape)
