"""Arrays of SymPy expressions with the array API's interface, on which the reference implementation's code can run.

`SymbolArray` wraps a NumPy object array. Floats become the rationals that their shortest decimals say (0.1 is 1/10).
`where` on a condition that SymPy cannot decide is a Piecewise; assumptions on the symbols decide it.
`argmax` is always 0: the code uses it for a pivot, and its formulas hold for every pivot.
Nothing is rounded: eps is 0, and a series is summed until its terms vanish. Whatever has symbols in it is finite.
"""

from collections.abc import Callable, Iterable, Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy
import sympy


def exact(value: Any) -> Any:
    """The number as a SymPy number: floats by their shortest decimal, infinities and NaN as SymPy's."""
    if isinstance(value, bool | numpy.bool_):
        return sympy.true if value else sympy.false
    if isinstance(value, float | numpy.floating):
        return sympy.Rational(repr(float(value))) if numpy.isfinite(value) else sympy.Float(value) + 0
    return value if isinstance(value, sympy.Basic) else sympy.Integer(int(value))


def _objects(value: Any) -> numpy.ndarray:
    if isinstance(value, SymbolArray):
        return value.values
    return numpy.asarray(numpy.frompyfunc(exact, 1, 1)(numpy.asarray(value, dtype=object)), dtype=object)


def _lift(function: Callable[..., Any], arity: int, dtype: str | None = None) -> Callable[..., "SymbolArray"]:
    """The elementwise function on arrays; the result keeps the dtype of the first array unless one is named."""
    elementwise = numpy.frompyfunc(lambda *items: exact(function(*items)), arity, 1)

    def call(*arrays: Any) -> SymbolArray:
        kept = next(a.dtype for a in arrays if isinstance(a, SymbolArray))
        return SymbolArray(elementwise(*map(_objects, arrays)), dtype or kept)

    return call


def _select(condition: Any, a: Any, b: Any) -> Any:
    if condition in (sympy.true, sympy.false):
        return a if condition == sympy.true else b
    return a if a == b else sympy.Piecewise((a, condition), (b, True))


def points(free: Iterable[Any], number: int) -> list[dict[Any, Any]]:
    """Random rational values of the symbols: of positive ones in (0, 1), of others in (-2, 2)."""
    rng, names = Random(1), sorted(free, key=str)
    thousandths = [{s: rng.randint(1, 999) if s.is_positive else rng.randint(-1999, 1999) for s in names}
                   for _ in range(number)]  # fmt: skip
    return [{s: sympy.Rational(n, 1000) for s, n in point.items()} for point in thousandths]


def _truth(condition: Any) -> bool:
    """Whether a condition holds; one with symbols in it must be the same all over the domain, as requirements are."""
    values = {condition.xreplace(point) for point in points(condition.free_symbols, 8)}
    if values not in ({sympy.true}, {sympy.false}):
        raise ValueError(f"condition: one that is the same everywhere is required, got {condition}")
    return values == {sympy.true}


class SymbolArray:
    """An array of SymPy expressions; `dtype` is the name "float64", "int64" or "bool"."""

    device = "cpu"
    _op_priority = 1000.0  # SymPy then leaves `symbol * array` to this class

    def __init__(self, values: Any, dtype: str = "float64") -> None:
        self.values = _objects(values)
        self.dtype = dtype

    shape = property(lambda self: self.values.shape)
    ndim = property(lambda self: self.values.ndim)
    size = property(lambda self: self.values.size)

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return namespace

    def __repr__(self) -> str:
        return f"SymbolArray({self.values.tolist()}, {self.dtype!r})"

    def __getitem__(self, key: Any) -> "SymbolArray":
        return SymbolArray(self.values[key], self.dtype)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.values[key] = _objects(value)

    def __iter__(self) -> Iterator["SymbolArray"]:
        return (self[i] for i in range(len(self.values)))

    def __bool__(self) -> bool:
        return _truth(self.values.item())

    def __int__(self) -> int:
        return int(self.values.item())

    __hash__ = None  # type: ignore[assignment]


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "truediv": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
}
INFINITE = (sympy.oo, -sympy.oo, sympy.zoo, sympy.nan)


def _below(a: Any, b: Any) -> Any:
    return sympy.true if b is sympy.oo and a not in INFINITE else a < b


_RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "lt": _below,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": sympy.Eq,
    "ne": sympy.Ne,
    "and": sympy.And,
    "or": sympy.Or,
}


def _swapped(rule: Callable[[Any, Any], Any]) -> Callable[..., SymbolArray]:
    return _lift(lambda a, b: rule(b, a), 2)


for _name, _rule in _OPERATORS.items():
    setattr(SymbolArray, f"__{_name}__", _lift(_rule, 2))
    setattr(SymbolArray, f"__r{_name}__", _swapped(_rule))
for _name, _rule in _RELATIONS.items():
    setattr(SymbolArray, f"__{_name}__", _lift(_rule, 2, "bool"))
SymbolArray.__neg__ = _lift(lambda a: -a, 1)  # type: ignore[attr-defined]
SymbolArray.__invert__ = _lift(sympy.Not, 1)  # type: ignore[attr-defined]


def _axes(x: SymbolArray, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    given = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(a % x.ndim for a in given)


def _reduction(function: Callable[..., Any], dtype: str | None = None) -> Callable[..., SymbolArray]:
    def call(x: SymbolArray, *, axis: Any = None, keepdims: bool = False) -> SymbolArray:
        over = _axes(x, axis)
        last = numpy.moveaxis(x.values, over, range(x.ndim - len(over), x.ndim))
        kept = last.shape[: x.ndim - len(over)]
        rows = last.reshape((int(numpy.prod(kept)), int(numpy.prod([x.shape[a] for a in over]))))
        reduced = numpy.empty(len(rows), dtype=object)
        reduced[:] = [exact(function(*row)) for row in rows]
        shape = tuple(1 if a in over else n for a, n in enumerate(x.shape)) if keepdims else kept
        return SymbolArray(reduced.reshape(shape), dtype or x.dtype)

    return call


def _integers(x: SymbolArray) -> numpy.ndarray:
    return x.values.astype(numpy.int64)


def _reshaping(function: Callable[..., Any]) -> Callable[..., SymbolArray]:
    """A NumPy function that only moves entries, for SymbolArrays or lists of them as its first argument."""

    def call(x: Any, *args: Any, **kwargs: Any) -> SymbolArray:
        many = isinstance(x, list | tuple)
        moved = function([a.values for a in x] if many else x.values, *args, **kwargs)
        return SymbolArray(moved, x[0].dtype if many else x.dtype)

    return call


def _asarray(value: Any, *, dtype: str | None = None, device: Any = None, copy: bool | None = None) -> SymbolArray:
    return SymbolArray(_objects(value).copy(), dtype or getattr(value, "dtype", "float64"))


def _astype(x: SymbolArray, dtype: str) -> SymbolArray:
    if x.dtype == "bool" and dtype != "bool":
        return _lift(lambda c: _select(c, sympy.S.One, sympy.S.Zero), 1, dtype)(x)
    return SymbolArray(x.values, dtype)


def _cumulative_sum(x: SymbolArray, *, axis: int, include_initial: bool = False) -> SymbolArray:
    rows = numpy.moveaxis(x.values, axis, -1)
    if include_initial:
        rows = numpy.concatenate([numpy.full((*rows.shape[:-1], 1), sympy.S.Zero, dtype=object), rows], axis=-1)
    return SymbolArray(numpy.moveaxis(numpy.cumsum(rows, axis=-1), -1, axis), x.dtype)


def _where(condition: SymbolArray, a: Any, b: Any) -> SymbolArray:
    kept = next(branch.dtype for branch in (a, b) if isinstance(branch, SymbolArray))
    return _lift(_select, 3, kept)(condition, a, b)


def _full(shape: Any, value: Any, dtype: str = "float64") -> SymbolArray:
    return SymbolArray(numpy.full(shape, exact(value), dtype=object), dtype)


def _argmax(x: SymbolArray, *, axis: int, keepdims: bool = False) -> SymbolArray:
    kept = [1 if a == axis % x.ndim else n for a, n in enumerate(x.shape) if keepdims or a != axis % x.ndim]
    return _full(tuple(kept), 0, "int64")


def _searchsorted(x: SymbolArray, values: SymbolArray, *, side: str = "left") -> SymbolArray:
    return SymbolArray(numpy.searchsorted(_integers(x), _integers(values), side=side), "int64")  # type: ignore[call-overload]


def symbols(name: str, *shape: int, **assumptions: Any) -> SymbolArray:
    """An array of symbols name_i_j..., real unless the assumptions say otherwise."""
    values = numpy.empty(shape, dtype=object)
    for index in numpy.ndindex(*shape):
        values[index] = sympy.Symbol("_".join([name, *map(str, index)]), **({"real": True} | assumptions))
    return SymbolArray(values)


def beta_sum(a: Any, b: Any, x: Any) -> Any:
    """The regularised incomplete beta function of whole a and b, a finite sum (DLMF 8.17.5)."""
    n = int(a + b - 1)
    return sympy.Add(*(sympy.binomial(n, j) * x**j * (1 - x) ** (n - j) for j in range(int(a), n + 1)))


def _log(z: Any) -> Any:
    return -sympy.oo if z == 0 else sympy.log(z)


class _Namespace(SimpleNamespace):
    __hash__ = object.__hash__  # array_api_compat remembers namespaces


namespace = _Namespace(
    __name__="symbolic_arrays",
    pi=sympy.pi,
    inf=sympy.oo,
    nan=sympy.nan,
    bool="bool",
    int64="int64",
    float32="float32",
    float64="float64",
    **{name: _lift(getattr(sympy, name), 1) for name in ("exp", "tanh", "cosh", "sinh", "sqrt", "sign", "floor")},
    abs=_lift(sympy.Abs, 1),
    erfc=_lift(lambda z: 1 - sympy.erf(z), 1),
    erfcx=_lift(lambda z: sympy.exp(z**2) * (1 - sympy.erf(z)), 1),
    ndtri=_lift(lambda q: -sympy.sqrt(2) * sympy.erfcinv(2 * q), 1),
    gammaln=_lift(sympy.loggamma, 1),
    betainc=_lift(beta_sum, 3),
    betaincc=_lift(lambda a, b, x: 1 - beta_sum(a, b, x), 3),
    log=_lift(_log, 1),
    log1p=_lift(lambda z: _log(1 + z), 1),
    expm1=_lift(lambda z: sympy.exp(z) - 1, 1),
    atanh=_lift(lambda z: (sympy.log(1 + z) - sympy.log(1 - z)) / 2, 1),
    maximum=_lift(sympy.Max, 2),
    minimum=_lift(sympy.Min, 2),
    where=_where,
    isfinite=_lift(lambda z: z not in INFINITE, 1, "bool"),
    isinf=_lift(lambda z: z in INFINITE[:3], 1, "bool"),
    isnan=_lift(lambda z: z is sympy.nan, 1, "bool"),
    sum=_reduction(sympy.Add),
    mean=_reduction(lambda *row: sympy.Add(*row) / len(row)),
    max=_reduction(sympy.Max),
    min=_reduction(sympy.Min),
    any=_reduction(sympy.Or, "bool"),
    all=_reduction(sympy.And, "bool"),
    argmax=_argmax,
    cumulative_sum=_cumulative_sum,
    matmul=lambda a, b: SymbolArray(numpy.matmul(a.values, b.values), a.dtype),
    reshape=_reshaping(numpy.reshape),
    permute_dims=_reshaping(numpy.transpose),
    matrix_transpose=_reshaping(lambda x: numpy.swapaxes(x, -1, -2)),
    moveaxis=_reshaping(numpy.moveaxis),
    expand_dims=_reshaping(numpy.expand_dims),
    squeeze=_reshaping(numpy.squeeze),
    broadcast_to=_reshaping(numpy.broadcast_to),
    broadcast_arrays=lambda *arrays: [
        SymbolArray(values, a.dtype)
        for a, values in zip(arrays, numpy.broadcast_arrays(*(a.values for a in arrays)), strict=True)
    ],
    flip=_reshaping(numpy.flip),
    concat=_reshaping(numpy.concatenate),
    stack=_reshaping(numpy.stack),
    take=lambda x, i, *, axis=0: SymbolArray(numpy.take(x.values, _integers(i), axis=axis), x.dtype),
    take_along_axis=lambda x, i, *, axis: SymbolArray(numpy.take_along_axis(x.values, _integers(i), axis), x.dtype),
    argsort=lambda x: SymbolArray(numpy.argsort(_integers(x), kind="stable"), "int64"),
    searchsorted=_searchsorted,
    asarray=_asarray,
    astype=_astype,
    full=lambda shape, value, *, dtype="float64", device=None: _full(shape, value, dtype),
    zeros=lambda shape, *, dtype="float64", device=None: _full(shape, 0, dtype),
    ones=lambda shape, *, dtype="float64", device=None: _full(shape, 1, dtype),
    zeros_like=lambda x: _full(x.shape, 0, x.dtype),
    ones_like=lambda x: _full(x.shape, 1, x.dtype),
    full_like=lambda x, value: _full(x.shape, value, x.dtype),
    eye=lambda n, *, dtype="float64", device=None: SymbolArray(numpy.eye(n, dtype=int), dtype),
    finfo=lambda dtype: SimpleNamespace(eps=sympy.S.Zero),
    linalg=SimpleNamespace(trace=lambda x: SymbolArray(numpy.trace(x.values), x.dtype)),
    arange=lambda n, *, dtype="int64", device=None: SymbolArray(numpy.arange(n), dtype),
)
