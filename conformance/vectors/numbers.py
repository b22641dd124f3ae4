"""Numbers as text: hexadecimal floats, which are exact, and the decimals beside them.

A text is ``-0x1.8p+3``: a sign, the leading digit 1 (0 for zero), hexadecimal digits, a power of two. C's ``strtod``
and Python's ``float.fromhex`` read it. Infinities and NaN are ``inf``, ``-inf`` and ``nan``.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from fiducial.conformance.subject import DTYPES

# Decimal digits from which a number of the dtype is restored; hexadecimal digits of an enclosure's ends, which make
# them 2,000 times finer than a rounding of the dtype.
DECIMAL = {"float64": 17, "float32": 9, "bfloat16": 4, "float16": 5}
HEXADECIMAL = {"float64": 16, "float32": 9, "bfloat16": 5, "float16": 6}
LONGEST = 64  # characters of a number's text
HEX = r"[+-]?0[xX][0-9a-fA-F]+(\.[0-9a-fA-F]*)?[pP][+-]?[0-9]{1,5}"


def text(value: float) -> str:
    """The number, exactly.

    >>> text(-0.15625), text(5e-324), text(float("inf"))
    ('-0x1.4p-3', '0x1p-1074', 'inf')
    """
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "-0x0p+0" if math.copysign(1.0, value) < 0 else "0x0p+0"
    return _dyadic(*_parts(value))


def _parts(value: float) -> tuple[int, int]:
    """n and e of n 2^e."""
    mantissa, exponent = math.frexp(value)
    return int(math.ldexp(mantissa, 53)), exponent - 53


def _dyadic(n: int, exponent: int) -> str:
    """The text of n 2^exponent."""
    if n == 0:
        return "0x0p+0"
    sign, n = "-" if n < 0 else "", abs(n)
    after = n.bit_length() - 1
    width = -(-after // 4)
    digits = f"{(n << (4 * width - after)) & ((1 << 4 * width) - 1):0{width}x}".rstrip("0") if width else ""
    return f"{sign}0x1{'.' if digits else ''}{digits}p{exponent + after:+d}"


def outward(mid: float, rest: float, rad: float, dtype: str) -> tuple[str, str] | tuple[None, None]:
    """Texts of numbers below and above all of mid + rest +- rad; None where nothing is known."""
    if math.isnan(mid) or math.isnan(rad):
        return None, None
    if math.isinf(mid):
        return text(mid), text(mid)
    if math.isinf(rad):
        return "-inf", "inf"
    pairs = [_parts(v) for v in (mid, rest, rad)]
    exponent = min(e for _, e in pairs)
    m, r, d = (n << (e - exponent) for n, e in pairs)
    bits = 1 + 4 * HEXADECIMAL[dtype]
    return _dyadic(_floor(m + r - d, bits), exponent), _dyadic(-_floor(-(m + r + d), bits), exponent)


def _floor(n: int, bits: int) -> int:
    """The largest integer of so many significant bits that is no larger."""
    excess = max(abs(n).bit_length() - bits, 0)
    return (n >> excess) << excess


def decimal(value: float, dtype: str) -> float | str:
    """The decimal beside a number: it restores a number of the dtype, and is JSON's own kind, or a text."""
    if not math.isfinite(value):
        return str(value)
    return value if dtype == "float64" else float(f"{value:.{DECIMAL[dtype]}g}")


def pair(written: str) -> tuple[float, float]:
    """A text as a double and what that leaves over."""
    near = float.fromhex(written)
    if len(written) < 20 or not math.isfinite(near):  # too short for more than a double's digits
        return near, 0.0
    mantissa, _, exponent = written.lower().partition("p")
    whole, _, digits = mantissa.replace("0x", "").partition(".")
    exact = Fraction(int(whole + digits, 16)) * Fraction(2) ** (int(exponent) - 4 * len(digits))
    return near, float(exact - Fraction(near))


def rounded(values: Any, dtype: str) -> Any:
    """The nearest numbers of the dtype, as doubles (all doubles, for dtype "any")."""
    if dtype in ("any", "float64"):
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(DTYPES[dtype]).astype(np.float64)
