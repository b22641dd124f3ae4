"""Calling a subject safely: a time limit, its exceptions, what it prints, and what it must not do to its inputs."""

from __future__ import annotations

import contextlib
import io
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np

from fiducial.conformance.global_state import kept_state
from fiducial.conformance.memory import MEMORY, memory_of
from fiducial.conformance.subject import DTYPES, Subject

TIME_LIMIT = 20.0  # seconds for one call, unless the run says otherwise
KEPT = 2000  # characters of what is printed


class Fault(Exception):
    """What went wrong in a call, as an outcome and one line; ``cause`` is a word for it."""

    def __init__(self, outcome: str, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.outcome, self.message, self.cause = outcome, message, cause


class Ended(Fault):
    """The process in which the subject runs was lost."""


class _TimeOut(BaseException):
    """Not an Exception, so that a subject's own ``except Exception`` cannot swallow it."""


@dataclass
class Caller:
    """Calls one function of a subject with NumPy arrays and returns float64 or integer NumPy arrays."""

    subject: Subject
    name: str
    seconds: float = TIME_LIMIT
    stream: Any = None  # where what is printed goes; without one it is kept
    printed: str = ""  # the end of what the last call that printed anything did print

    def __call__(self, function: Callable[..., Any], arguments: Sequence[Any], attributes: dict[str, Any]) -> Any:
        """The result, with the inputs checked to be unchanged. Raises Fault."""
        given = [self._converted(a) for a in arguments]
        result = self._run(function, given, attributes)
        for position, (before, after) in enumerate(zip(arguments, given, strict=True)):
            if not _unchanged(before, after, self.subject):
                message = f"{self.name} modified its argument {position} in place; it must leave inputs alone"
                raise Fault("wrong", message, "state: an input is overwritten")
        return result

    def _converted(self, argument: Any) -> Any:
        if isinstance(argument, tuple | list):
            return type(argument)(self._converted(a) for a in argument)
        if argument is None or isinstance(argument, int):
            return argument
        try:
            return self.subject.asarray(_own_copy(argument))
        except Exception as error:
            raise Fault("unsupported", f"asarray rejects {argument.dtype}: {_line(error)}") from error

    def _run(self, function: Callable[..., Any], given: list[Any], attributes: dict[str, Any]) -> Any:
        output, process = io.StringIO(), self.subject.process
        if process is not None:
            process.seconds = self.seconds
        try:
            if process is not None:
                return function(*given, **attributes)
            stream = self.stream or output
            with _limit(self.seconds), kept_state(), redirect_stdout(stream), redirect_stderr(stream):
                return function(*given, **attributes)
        except Ended as fault:
            raise Ended(fault.outcome, f"{self.name}: {fault.message}") from None
        except Fault:
            raise
        except NotImplementedError as error:
            raise Fault("unsupported", f"{self.name} says it does not support this: {_line(error)}") from error
        except _TimeOut:
            raise Fault("timed_out", f"{self.name} took longer than {self.seconds:g} s; see --timeout") from None
        except (Exception, SystemExit) as error:
            raise Fault("crashed", f"{self.name} raised {type(error).__name__}: {_line(error)}") from error
        finally:
            self.printed = (output.getvalue() or (process.printed if process else ""))[-KEPT:] or self.printed

    def array(self, result: Any, shape: tuple[int, ...], dtype: str | None, what: str, complex_: bool = False) -> Any:
        """A result as a NumPy array of this shape and dtype (None: any number). Raises Fault when it is not."""
        if result is None:
            raise Fault("wrong", f"{self.name} returned None as {what}; an array of shape {shape} is required")
        if isinstance(result, tuple | list | dict | str):
            raise Fault("wrong", f"{self.name} returned a {type(result).__name__} as {what}; an array is required")
        try:
            array = np.asarray(self.subject.to_numpy(result))
        except Exception as error:
            raise Fault("wrong", f"{self.name} returned {type(result).__name__} as {what}, "
                        f"which does not convert to an array: {_line(error)}") from error  # fmt: skip
        if tuple(array.shape) != tuple(shape):
            message = f"{self.name}: {what} has shape {tuple(array.shape)}; {tuple(shape)} is required"
            raise Fault("wrong", message, "shape: the result has another shape")
        if dtype is not None and array.dtype != DTYPES[dtype]:
            message = f"{self.name}: {what} has dtype {array.dtype}; {dtype}, that of the inputs, is required"
            raise Fault("wrong", message, "dtype: the result has another dtype")
        if array.dtype.kind == "c" and complex_:
            return array.astype(np.complex128)
        if array.dtype.kind not in "biuf" and array.dtype != DTYPES["bfloat16"]:
            raise Fault("wrong", f"{self.name}: {what} has dtype {array.dtype}; numbers are required")
        return array.astype(np.float64)


def _own_copy(a: Any) -> Any:
    """A copy with the same strides and flags, so that the case's own data stays as it was."""
    return MEMORY[memory_of(a)](np.array(a, order="C")) if isinstance(a, np.ndarray) else np.array(a)


def _unchanged(before: Any, after: Any, subject: Subject) -> bool:
    if isinstance(before, tuple | list):
        return len(before) == len(after) and all(map(lambda b, a: _unchanged(b, a, subject), before, after))
    if before is None or isinstance(before, int):
        return True
    now = np.asarray(subject.to_numpy(after))
    return now.shape == before.shape and now.tobytes() == np.ascontiguousarray(before).tobytes()


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Interrupts Python code after some seconds (on POSIX, in the main thread; elsewhere there is no limit)."""
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread() and seconds > 0
    if not usable:
        yield
        return

    def stop(*_: Any) -> None:
        raise _TimeOut

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _line(error: BaseException) -> str:
    """The first line of an exception's message."""
    return (str(error).strip().splitlines() or [""])[0][:200]
