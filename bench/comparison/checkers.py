"""The checkers that are compared. Each raises when it finds something against an implementation.

``applies`` says whether a checker has anything to look at: a gradient, a dtype that the implementation is meant for.
"""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from comparison.inputs import REFERENCE, backward, forward, ordinary, places
from fiducial.conformance.cases import Case
from fiducial.conformance.levels import Plan, dtypes_of, examine, levels_of
from fiducial.conformance.mutants.kill import FOUND, judged
from fiducial.conformance.mutants.planted import Planted
from fiducial.conformance.subject import Subject
from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.language import name_of
from fiducial.spec.oracle import result_shapes

Check = Callable[[Planted, int], None]  # a planted implementation and the inputs' seed
Tolerances = dict[str, dict[str, float]]

# NumPy's own in float64; what float32 is commonly compared with.
DEFAULT: Tolerances = {"float64": {"rtol": 1e-7, "atol": 0.0}, "float32": {"rtol": 1e-5, "atol": 1e-6}}
KINDER: Tolerances = {**DEFAULT, "float64": {"rtol": 1e-5, "atol": 1e-8}}  # numpy.allclose's


@dataclass(frozen=True)
class Checker:
    """``seeded`` ones see inputs that the reference implementation passes at."""

    name: str
    check: Check
    applies: Callable[[Planted], bool]
    accuses: Check | None = None  # how a right implementation is examined, where that is more than the check
    seeded: bool = True


class Found(Exception):
    """Something was found; the message says what."""


def all_of() -> tuple[list[Checker], list[str]]:
    """The checkers that can run here, and why others cannot."""
    checkers = [
        Checker("assert_allclose", partial(_allclose, DEFAULT, False), _has_value),
        Checker("with gradients", partial(_allclose, DEFAULT, True), _compared),
        Checker("kinder", partial(_allclose, KINDER, False), _has_value),
        Checker("kinder, with gradients", partial(_allclose, KINDER, True), _compared),
    ]
    missing = []
    for module, name, check in (("torch", "gradcheck", _gradcheck), ("jax", "check_grads", _check_grads)):
        if importlib.util.find_spec(module):
            checkers.append(Checker(name, check, _differentiable))
        else:
            missing.append(f"{name} is left out: {module} is not installed (pip install {module})")
    return [*checkers, Checker("fiducial", _fiducial, lambda planted: True, _every_level, seeded=False)], missing


# --- what each can look at ---


def _sampled(planted: Planted) -> bool:
    return CATALOGUE[planted.operation].default_definition().sampling is not None


def _dtypes(planted: Planted) -> list[str]:
    return [d for d in DEFAULT if d in planted.dtypes and d in CATALOGUE[planted.operation].formats]


def _has_value(planted: Planted) -> bool:
    return not planted.backward and not _sampled(planted) and bool(_dtypes(planted))


def _compared(planted: Planted) -> bool:
    return not _sampled(planted) and bool(_dtypes(planted))


def _has_gradient(planted: Planted) -> bool:
    smooth = bool(CATALOGUE[planted.operation].default_definition().system.differentiable)
    return smooth and planted.subject().gradient_of(planted.operation) is not None


def _differentiable(planted: Planted) -> bool:
    return _has_gradient(planted) and "float64" in planted.dtypes


# --- an ordinary unit test ---


def _allclose(tolerances: Tolerances, gradients: bool, planted: Planted, seed: int) -> None:
    """Against the reference implementation's results in float64, from the same numbers."""
    subject = planted.subject()
    for dtype in _dtypes(planted):
        case = ordinary(planted, dtype, seed)
        wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in case.given]
        given = [np.array(a) for a in case.given]
        pairs = zip(forward(subject, case, given), forward(REFERENCE, case, wide), strict=True)
        _close(pairs, tolerances[dtype], f"{dtype} value")
        if gradients and _has_gradient(planted):
            seeds = [np.array(c) for c in case.cotangents]
            expected = backward(REFERENCE, case, wide, [c.astype(np.float64) for c in seeds])
            pairs = zip(backward(subject, case, given, seeds), expected, strict=True)
            _close(pairs, tolerances[dtype], f"{dtype} gradient")


def _close(pairs: Any, tolerance: dict[str, float], what: str) -> None:
    for k, (got, expected) in enumerate(pairs):
        if got is not None:  # a gradient that is not offered
            np.testing.assert_allclose(
                got, expected, rtol=tolerance["rtol"], atol=tolerance["atol"], err_msg=f"{what} {k}"
            )


# --- finite differences ---


class Arrays:
    """An implementation at a case, as a function of its differentiable inputs alone."""

    def __init__(self, planted: Planted, seed: int) -> None:
        self.subject: Subject = planted.subject()
        self.case: Case = ordinary(planted, "float64", seed)
        self.places = places(self.case)
        self.points = [np.array(self.case.given[k]) for k in self.places]

    def forward(self, *arrays: Any) -> list[Any]:
        return [np.array(y) for y in forward(self.subject, self.case, self._all(arrays))]

    def backward(self, cotangents: Sequence[Any], arrays: Sequence[Any]) -> list[Any]:
        return [np.array(d) for d in backward(self.subject, self.case, self._all(arrays), cotangents)]

    def _all(self, arrays: Sequence[Any]) -> list[Any]:
        given = [np.array(a) for a in self.case.given]
        for k, a in zip(self.places, arrays, strict=True):
            given[k] = a
        return given

    def symmetrised(self, arrays: Sequence[Any]) -> Iterator[Any]:
        """Functions of symmetric matrices are differentiated along symmetric matrices."""
        definition = self.case.call.definition
        for k, a in zip(self.places, arrays, strict=True):
            domain = definition.domains[name_of(definition.system.inputs[k])]
            yield (a + a.T) / 2 if domain.matrix == "symmetric" else a


def _gradcheck(planted: Planted, seed: int) -> None:
    """``torch.autograd.gradcheck`` with its defaults."""
    import torch

    f = Arrays(planted, seed)

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            ctx.save_for_backward(*tensors)
            found = [torch.from_numpy(y) for y in f.forward(*(t.detach().numpy() for t in tensors))]
            return tuple(found) if len(found) > 1 else found[0]

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            saved = [t.detach().numpy() for t in ctx.saved_tensors]
            return tuple(map(torch.from_numpy, f.backward([c.detach().numpy() for c in cotangents], saved)))

    tensors = [torch.tensor(a, requires_grad=True) for a in f.points]
    torch.autograd.gradcheck(lambda *xs: Function.apply(*f.symmetrised(xs)), tensors)


def _check_grads(planted: Planted, seed: int) -> None:
    """``jax.test_util.check_grads`` of a ``custom_vjp``, with its defaults."""
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    logging.getLogger("jax").setLevel(logging.CRITICAL)  # a callback that raises is an answer, not news
    f = Arrays(planted, seed)
    described = [jax.ShapeDtypeStruct(shape, np.float64) for shape in result_shapes(f.case.call)]

    @jax.custom_vjp
    def function(*xs: Any) -> Any:
        found = jax.pure_callback(lambda *xs: f.forward(*map(np.array, xs)), described, *xs)
        return tuple(found) if len(found) > 1 else found[0]

    def pulled(xs: Any, cotangents: Any) -> Any:
        seeds = cotangents if isinstance(cotangents, tuple) else (cotangents,)
        shapes = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in xs]
        run = lambda cs, xs: f.backward([np.array(c) for c in cs], [np.array(x) for x in xs])  # noqa: E731
        return tuple(jax.pure_callback(run, shapes, seeds, xs))

    function.defvjp(lambda *xs: (function(*xs), xs), pulled)
    try:
        check_grads(lambda *xs: function(*f.symmetrised(xs)), tuple(f.points), order=1, modes=("rev",))
    finally:
        jax.clear_caches()  # what was compiled for this implementation, or memory grows by megabytes with each


# --- fiducial ---


def _fiducial(planted: Planted, seed: int) -> None:
    verdict = judged(planted)
    if verdict.level:
        raise Found(f"{verdict.level}, {verdict.dtype}: {verdict.message}")


def _every_level(planted: Planted, seed: int) -> None:
    """What is right is not accused at any level, in any dtype."""
    operation = CATALOGUE[planted.operation]
    for level in levels_of(operation):
        for dtype in (d for d in dtypes_of(operation, level) if d in planted.dtypes):
            result = examine(planted.subject(), operation, level, dtype, Plan(profile="full", seed=0))
            if result.outcome in FOUND:
                raise Found(f"{level}, {dtype}: {result.outcome}: {result.message}")


def complaint(check: Check, planted: Planted, seed: int) -> str:
    """What a checker says against an implementation, in one line; empty where it says nothing. A crash counts."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            check(planted, seed)
        except Exception as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            return f"{type(error).__name__}: " + " ".join(lines[:4])[:300]
    return ""
