"""Subjects: how an implementation plugs in.

A subject is a module, a ``.py`` file or any object whose attributes carry the operations' names. Optional attributes:
``asarray(ndarray, device=None)``, ``to_numpy(array)``, ``dtypes``, ``devices``, ``conventions``, ``name``, ``version``,
and for frameworks ``vjp(operation, cotangent, *inputs, **attributes)`` (a gradient of any operation) and
``hvp(operation, cotangent, directions, *inputs, **attributes)`` (the gradient of <directions, gradient>).
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

if TYPE_CHECKING:
    from fiducial.conformance.wire.process import Process

DTYPES: dict[str, Any] = {
    "float64": np.dtype("float64"),
    "float32": np.dtype("float32"),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float16": np.dtype("float16"),
}
REFERENCE = "fiducial.refimpl"
EXEC = "exec:"  # before the command of a program that speaks the wire protocol


class SubjectError(Exception):
    """The subject cannot be loaded; the message is one line that says what to do."""


class NotAvailable(Exception):
    """The backend is not usable on this machine."""


@dataclass
class Subject:
    """An implementation under judgement, on one backend."""

    name: str
    version: str
    target: Any
    backend: str
    dtypes: tuple[str, ...]
    conventions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    source: str = ""  # as it was named on the command line; empty for the reference implementation
    process: Process | None = None  # the one it runs in, where that is another than this

    def provides(self, operation: str) -> bool:
        return callable(getattr(self.target, operation, None))

    def gradient_of(self, operation: str) -> Callable[..., Any] | None:
        """``NAME_vjp``, or the generic ``vjp`` for this operation."""
        own = getattr(self.target, f"{operation}_vjp", None)
        if callable(own):
            return own  # type: ignore[no-any-return]
        generic = getattr(self.target, "vjp", None)
        if callable(generic):
            return lambda cotangent, *inputs, **kw: generic(operation, cotangent, *inputs, **kw)
        return None

    def second_order_of(self, operation: str) -> Callable[..., Any] | None:
        """The generic ``hvp`` for this operation."""
        generic = getattr(self.target, "hvp", None)
        if not callable(generic):
            return None
        return lambda cotangent, directions, *inputs, **kw: generic(operation, cotangent, directions, *inputs, **kw)

    def accepts(self, operation: str) -> Callable[[str], bool]:
        """Which attributes an operation's function takes as keywords."""
        try:
            parameters = inspect.signature(getattr(self.target, operation)).parameters.values()
        except (TypeError, ValueError):
            return lambda name: True
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            return lambda name: True
        names = {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
        return lambda name: name in names

    def asarray(self, array: Any) -> Any:
        """The subject's own kind of array, holding exactly these numbers."""
        own = getattr(self.target, "asarray", None)
        if callable(own):
            return own(array, device=None if self.backend == "numpy" else self.backend)
        return BACKENDS[self.backend][0](array)

    def to_numpy(self, array: Any) -> Any:
        own = getattr(self.target, "to_numpy", None)
        if callable(own):
            return own(array)
        return BACKENDS.get(self.backend, BACKENDS["numpy"])[1](array)


# --- backends of subjects that take any array namespace ---


def _to_cupy(array: Any) -> Any:
    import cupy

    return cupy.asarray(array)


def _from_cupy(array: Any) -> Any:
    return array.get() if hasattr(array, "get") else np.asarray(array)


def _to_strict(array: Any) -> Any:
    import array_api_strict as xp

    # A device that NumPy cannot see: silent conversions fail there instead of passing.
    return xp.asarray(np.array(array), device=xp.Device("device1"))


def _from_strict(array: Any) -> Any:
    import array_api_strict as xp

    return np.asarray(xp.asarray(array, device=xp.Device("CPU_DEVICE")))


BACKENDS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "numpy": (lambda a: a, lambda a: a),
    "cupy": (_to_cupy, _from_cupy),
    "array-api-strict": (_to_strict, _from_strict),
}


def require_backend(name: str, target: Any) -> None:
    """Raises NotAvailable, with the reason, where the backend cannot run here."""
    devices = tuple(getattr(target, "devices", ()))
    if name == "cupy":
        try:
            import cupy
        except ImportError as error:
            raise NotAvailable("cupy is not installed (pip install 'fiducial[cupy]')") from error
        if not cupy.cuda.is_available():
            raise NotAvailable("cupy finds no GPU")
    elif name == "array-api-strict":
        if importlib.util.find_spec("array_api_strict") is None:
            raise NotAvailable("array-api-strict is not installed (pip install 'fiducial[strict]')")
    elif name != "numpy" and name not in devices:
        known = ", ".join(dict.fromkeys(("numpy", "cupy", "array-api-strict", *devices)))
        raise SubjectError(f"--backend {name}: one of {known} is required")


# --- loading ---


def load(source: Any = None, backend: str = "numpy", isolated: bool = False, memory: float | None = None) -> Subject:
    """The subject that a name, path, ``module:object``, ``exec:COMMAND`` or live object stands for.

    ``isolated`` runs one that is named in a process of its own (on POSIX), with at most ``memory`` bytes. Raises
    SubjectError with one line when it cannot be loaded, NotAvailable when the backend is absent.
    """
    if isinstance(source, str) and (isolated and os.name == "posix" or source.startswith(EXEC)):
        target = _elsewhere(source, backend, memory)
        try:
            return dataclasses.replace(_described(target, source, backend), process=target.process)
        except SubjectError:
            target.process.close()
            raise
    target, label = _target(source)
    require_backend(backend, target)
    return _described(target, label, backend)


def from_functions(functions: Mapping[str, Callable[..., Any]], **options: Any) -> Subject:
    """A subject of plain functions, by name; ``options`` are the optional attributes."""
    return _described(SimpleNamespace(**functions, **options), options.get("name", "function"), "numpy")


def _described(target: Any, label: str, backend: str) -> Subject:
    unknown = set(getattr(target, "dtypes", DTYPES)) - set(DTYPES)
    if unknown:
        raise SubjectError(f"{label}: dtypes must be among {', '.join(DTYPES)}, got {', '.join(sorted(unknown))}")
    return Subject(
        name=str(getattr(target, "name", label)),
        version=str(getattr(target, "version", getattr(target, "__version__", ""))),
        target=target,
        backend=backend,
        dtypes=tuple(getattr(target, "dtypes", DTYPES)),
        conventions=getattr(target, "conventions", {}),
        source="" if label == REFERENCE else label,
    )


def _elsewhere(source: str, backend: str, memory: float | None) -> Any:
    """A program's operations; for what is no program, those of this one, serving the subject."""
    from fiducial.conformance.wire.remote import Refused, remote
    from fiducial.spec.catalogue import CATALOGUE

    command: Any = source.removeprefix(EXEC)
    if not source.startswith(EXEC):
        command = [sys.executable, "-m", "fiducial.conformance.wire.serve", "--backend", backend, source]
    elif os.name != "posix":
        raise SubjectError(f"subject {source}: a POSIX system is required to run a program, this is {os.name}")
    elif backend != "numpy":
        raise SubjectError(f"--backend {backend}: numpy is required for a program; it decides itself where it computes")
    try:
        return remote(command, list(CATALOGUE), memory)
    except Refused as refusal:
        if refusal.kind == "not_available":
            raise NotAvailable(str(refusal)) from refusal
        own = "" if refusal.kind == "subject" and not source.startswith(EXEC) else f"subject {source}: "
        raise SubjectError(f"{own}{refusal}") from refusal


def _target(source: Any) -> tuple[Any, str]:
    if source is None:
        return _imported(REFERENCE, REFERENCE), REFERENCE
    if not isinstance(source, str):
        return source, getattr(source, "__name__", type(source).__name__)
    if source.endswith(".py") or source.startswith((".", "/")) or "/" in source:
        return _from_file(Path(source)), source
    for entry in entry_points(group="fiducial.subjects", name=source):
        return _imported(entry.value, source), source
    module, _, attribute = source.partition(":")
    if str(Path.cwd()) not in sys.path:  # a console script does not look in the current folder
        sys.path.insert(0, str(Path.cwd()))
    found = _imported(module, source)
    if attribute and not hasattr(found, attribute):
        raise SubjectError(f"subject {source}: module {module} has no {attribute!r}")
    return (getattr(found, attribute) if attribute else found), source


def _imported(module: str, label: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] not in (module.split(".")[0], "fiducial"):
            raise SubjectError(f"subject {label}: it needs the package {error.name!r} (pip install it)") from error
        raise SubjectError(
            f"subject {label}: no such module, file or installed subject ({error}); give a path that ends in .py, "
            "package.module[:object], or one of: " + ", ".join(installed())
        ) from error
    except Exception as error:
        raise SubjectError(f"subject {label}: importing it raised {type(error).__name__}: {error}") from error


def _from_file(path: Path) -> Any:
    if not path.is_file():
        raise SubjectError(f"subject {path}: no such file; give a path to a .py file, or package.module[:object]")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SubjectError(f"subject {path}: not a Python file; a path that ends in .py is required")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f"line {f.lineno}: " for f in reversed(frames) if Path(f.filename) == path.resolve()), "")
        message = (str(error).strip().splitlines() or [""])[0]
        raise SubjectError(f"subject {path}: {line}importing it raised {type(error).__name__}: {message}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def installed() -> list[str]:
    """The names of the subjects that installed packages offer."""
    return sorted({e.name for e in entry_points(group="fiducial.subjects")})
