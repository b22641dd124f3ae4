"""What the update rules check: shapes, finite numbers, one cotangent for each output."""

from typing import Any

from fiducial.refimpl._arrays import require, require_shape


def check(shape: tuple[int, ...], arrays: dict[str, Any], **numbers: Any) -> None:
    for argument, array in arrays.items():
        require_shape(argument, array, shape)
    for argument, number in numbers.items():
        # Infinities and NaN fail; a symbol, on which the code can run too, passes.
        require(number - number == 0, argument, "a finite number", number)


def check_cotangent(cotangent: Any, n: int, shape: tuple[int, ...]) -> None:
    require(isinstance(cotangent, tuple) and len(cotangent) == n, "cotangent", f"a tuple of {n} arrays", cotangent)
    for c in cotangent:
        require_shape("cotangent", c, shape)
