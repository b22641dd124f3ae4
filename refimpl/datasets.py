"""Generated data sets."""

from typing import Any

import array_api_compat.numpy
import numpy

from fiducial.refimpl._arrays import named_dtype


def spiral(seed: int = 1984, dtype: str = "float64", *, xp: Any = array_api_compat.numpy) -> tuple[Any, Any]:
    """Three spiral arms of 100 points: x (300, 2), and one-hot targets t (300, 3).

    Point i of arm j lies at radius r = i / 100 and angle 4 j + 4 r + 0.2 normal: x = (r sin, r cos).
    With the default seed they are the book's points. Source: Saito, *Deep Learning from Scratch 2* (2019), 1.4.1.
    """
    arm, point = numpy.divmod(numpy.arange(300), 100)
    radius = point / 100
    angle = 4.0 * arm + 4.0 * radius + 0.2 * numpy.random.RandomState(seed).standard_normal(300)
    x = numpy.stack([radius * numpy.sin(angle), radius * numpy.cos(angle)], axis=1)
    return xp.asarray(x, dtype=named_dtype(xp, dtype)), xp.asarray(numpy.eye(3)[arm], dtype=named_dtype(xp, dtype))
