"""Special functions, which the array API standard does not have: SciPy's for NumPy, CuPy's for CuPy."""

import importlib
import math
from typing import Any

import numpy
from array_api_compat import array_namespace, is_cupy_namespace, is_numpy_namespace


def special(name: str, *arrays: Any) -> Any:
    """The namespace's own function of this name, or SciPy's or CuPy's; the result has the first array's dtype.

    These two are called in float64: some of their float32 loops (betainc) are wrong in the second digit.

    Raises:
        NotImplementedError: neither the namespace nor the library for it has such a function.
    """
    xp = array_namespace(*arrays)
    if hasattr(xp, name):
        return getattr(xp, name)(*arrays)
    if name == "erfc" and is_numpy_namespace(xp):  # SciPy's is 0 where the result is subnormal
        return xp.asarray(numpy.frompyfunc(math.erfc, 1, 1)(xp.astype(arrays[0], xp.float64)), dtype=arrays[0].dtype)
    library: Any = None
    if is_numpy_namespace(xp) or is_cupy_namespace(xp):
        library = importlib.import_module("scipy.special" if is_numpy_namespace(xp) else "cupyx.scipy.special")
    if not hasattr(library, name):
        raise NotImplementedError(f"{xp.__name__} has no {name}, which this operation needs")
    values = getattr(library, name)(*(xp.astype(xp.asarray(a), xp.float64) for a in arrays))
    return xp.astype(xp.asarray(values), arrays[0].dtype)


def upper_incomplete_beta(a: Any, b: Any, x: Any) -> Any:
    """1 - I_x(a, b), regularised. CuPy lacks it: there it is I_(1-x)(b, a), which loses what 1 - x rounds off."""
    try:
        return special("betaincc", a, b, x)
    except NotImplementedError:
        return special("betainc", b, a, 1 - x)


def lower_incomplete_beta(a: Any, b: Any, x: Any) -> Any:
    """I_x(a, b), regularised."""
    return special("betainc", a, b, x)
