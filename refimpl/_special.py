"""Special functions, which the array API standard does not have: SciPy's for NumPy, CuPy's for CuPy."""

import importlib
from typing import Any

from array_api_compat import array_namespace, is_cupy_namespace, is_numpy_namespace


def special(name: str, *arrays: Any) -> Any:
    """The namespace's own function of this name, or SciPy's or CuPy's; the result has the first array's dtype.

    These two are called in float64: some of their float32 loops (betainc) are wrong from the second digit on.

    Raises:
        NotImplementedError: the namespace has no such function and is neither NumPy nor CuPy.
    """
    xp = array_namespace(*arrays)
    if hasattr(xp, name):
        return getattr(xp, name)(*arrays)
    if not (is_numpy_namespace(xp) or is_cupy_namespace(xp)):
        raise NotImplementedError(f"{xp.__name__} has no {name}, which this operation needs")
    library = importlib.import_module("scipy.special" if is_numpy_namespace(xp) else "cupyx.scipy.special")
    values = getattr(library, name)(*(xp.astype(xp.asarray(a), xp.float64) for a in arrays))
    return xp.astype(xp.asarray(values), arrays[0].dtype)
