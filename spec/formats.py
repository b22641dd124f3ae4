"""Floating-point formats: what one rounding may cost in each."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Format:
    """A binary floating-point format.

    ``unit`` is the unit roundoff u (half a unit in the last place of 1), ``tiny`` the smallest number that is not 0,
    ``largest`` the largest finite one, ``normal`` the smallest that has all digits. Source: IEEE 754-2019; bfloat16:
    the upper half of binary32.
    """

    name: str
    unit: float
    tiny: float
    largest: float
    normal: float

    def flushing(self) -> Format:
        """The format where subnormal numbers, read or computed, are 0."""
        return replace(self, tiny=self.normal)

    @property
    def abrupt(self) -> float:
        """What a sum may lose: nothing where underflow is gradual, as sums of subnormal numbers are exact."""
        return self.tiny if self.tiny >= self.normal else 0.0


FORMATS = {
    "float64": Format("float64", 2.0**-53, 2.0**-1074, (2 - 2.0**-52) * 2.0**1023, 2.0**-1022),
    "float32": Format("float32", 2.0**-24, 2.0**-149, (2 - 2.0**-23) * 2.0**127, 2.0**-126),
    "float16": Format("float16", 2.0**-11, 2.0**-24, 65504.0, 2.0**-14),
    "bfloat16": Format("bfloat16", 2.0**-8, 2.0**-133, (2 - 2.0**-7) * 2.0**127, 2.0**-126),
}
