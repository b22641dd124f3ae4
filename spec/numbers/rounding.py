"""What a rounding may cost: the models in which balls are computed.

Source: Higham, Accuracy and Stability of Numerical Algorithms, 2002, 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from fiducial.spec.formats import FORMATS, Format

# A radius is itself computed in float64: the factor covers its few roundings, the dust its few underflows.
OUTWARD = 1 + 2.0**-49
TINY = FORMATS["float64"].tiny
DUST = 3 * TINY


@dataclass(frozen=True)
class Rounding:
    """What an operation may err by: ``unit`` relative (``function_units`` of them in exp, log, ...), ``tiny`` absolute.

    Beyond ``largest`` nothing is promised: the radius becomes infinite. An algorithm's quotient by what overflowed is 0
    (``overflow_divides``); an enclosure claims no such thing. The roundings of n additions add up to n^``exponent`` of
    them: to all, whatever happens; to their square root (as the scale of a distribution) where they are independent.
    Several models together hold an array in each field. ``abrupt`` is what one addition may lose: something only where
    subnormal numbers are flushed.
    """

    unit: Any
    tiny: Any
    largest: Any
    function_units: Any
    overflow_divides: Any = False
    exponent: Any = 1.0
    abrupt: Any = 0.0

    @classmethod
    def together(cls, *models: Rounding) -> Rounding:
        """Several models at once, in this order."""
        return cls(*(np.array([getattr(m, f.name) for m in models]) for f in fields(cls)))

    def grown(self, count: Any) -> Any:
        """What so many roundings in a row add up to, in unit roundoffs."""
        return count if np.all(self.exponent == 1) else count**self.exponent

    @property
    def lead(self) -> int:
        """How many axes the radii have before those of the midpoints: 1 for several models."""
        return np.ndim(self.unit)

    def per(self, value: Any, axes: int, xp: Any) -> Any:
        """A field's value, to be used with radii of this many axes."""
        return xp.asarray(value).reshape((-1, *(1,) * axes)) if self.lead else value

    @classmethod
    def enclosure(cls) -> Rounding:
        """float64 as NumPy computes it; 4 ulp in functions is what its own vector kernels promise."""
        f = FORMATS["float64"]
        return cls(f.unit, f.tiny, f.largest, 8.0)

    @classmethod
    def of(cls, format: Format) -> Rounding:
        """A format's own roundings; the midpoints' float64 errors, in functions of up to 8 units, are added in.

        Functions are within 2 ulp; in 16-bit formats, where everyone evaluates them in wider arithmetic, within 1.
        """
        own = 0.0 if format.name == "float64" else 4 * FORMATS["float64"].unit
        units = 4.0 if format.unit < 2.0**-20 else 2.0
        return cls(format.unit + own, format.tiny, format.largest, units, True, abrupt=format.abrupt)

    @classmethod
    def independent(cls, format: Format) -> Rounding:
        """The same with roundings that are independent and as often up as down: radii are scales of distributions.

        Source: Higham and Mary, A new approach to probabilistic rounding error analysis, 2019.
        """
        return replace(cls.of(format), exponent=0.5)

    @classmethod
    def systematic(cls, format: Format) -> Rounding:
        """The errors of functions alone, which may all go the same way; arithmetic is float64's."""
        own, model = cls.enclosure(), cls.of(format)
        return replace(own, function_units=model.function_units * model.unit / own.unit)
