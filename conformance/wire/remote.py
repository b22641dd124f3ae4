"""A subject in another process: its functions put questions to the program."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from fiducial.conformance.calling import Ended, Fault
from fiducial.conformance.wire.arrays import Malformed, decoded, encoded
from fiducial.conformance.wire.process import PROTOCOL, Process

KINDS = ("unsupported", "not_provided", "crashed", "wrong", "timed_out")


class Refused(Exception):
    """The program cannot stand for a subject: ``kind`` is ``subject`` or ``not_available``, the message is one line."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def remote(command: str | Sequence[str], names: Sequence[str], memory: float | None = None) -> SimpleNamespace:
    """A target with the operations that the program offers, of those that are named. Raises Refused."""
    words = shlex.split(command) if isinstance(command, str) else list(command)
    if not words:
        raise Refused("subject", "a command is required after exec:")
    process = Process(words, {"operations": list(names)}, memory)
    try:
        hello = process.hello()
        return _target(process, _checked(hello), set(names))
    except OSError as error:
        raise Refused("subject", f"{words[0]}: {error.strerror}") from error
    except Fault as fault:
        printed = f"; it printed: {process.printed.strip().splitlines()[-1]}" if process.printed.strip() else ""
        raise Refused("subject", f"no answer to hello: {fault.message}{printed}") from fault
    except BaseException:
        process.close()
        raise


def _checked(hello: dict[str, Any]) -> dict[str, Any]:
    if "error" in hello:
        raise Refused(str(hello["error"]), str(hello.get("message", ""))[:400])
    if hello.get("protocol") != PROTOCOL:
        raise Refused("subject", f"hello: protocol {PROTOCOL} is required, got {hello.get('protocol')!r:.20}")
    shapes = {"name": str, "version": str, "dtypes": list, "operations": dict, "conventions": dict}
    for field, kind in shapes.items():
        if not isinstance(hello.get(field, kind()), kind):
            raise Refused("subject", f"hello: {field} must be a {kind.__name__}, got {hello[field]!r:.40}")
    for name, offered in hello.get("operations", {}).items():
        if not isinstance(offered, dict) or not isinstance(offered.get("attributes") or [], list):
            raise Refused("subject", f"hello: operations.{name} must be an object, its attributes a list")
    return hello


def _target(process: Process, hello: dict[str, Any], names: set[str]) -> SimpleNamespace:
    made: dict[str, Any] = {field: hello[field] for field in ("name", "version", "conventions") if field in hello}
    if "dtypes" in hello:
        made["dtypes"] = tuple(hello["dtypes"])
    offered = {n: o for n, o in hello.get("operations", {}).items() if n in names}
    for name, of in offered.items():
        made[name] = Function(process, "call", name, of.get("attributes"))
        if of.get("gradient"):
            made[f"{name}_vjp"] = Function(process, "gradient", name, of.get("attributes"))
    second = {n for n, of in offered.items() if of.get("second_order")}
    if second:
        made["hvp"] = _second_order(process, second)
    return SimpleNamespace(process=process, asarray=lambda a, device=None: a, to_numpy=lambda a: a, **made)


class Function:
    """One operation of the program, or its gradient."""

    def __init__(self, process: Process, do: str, operation: str, attributes: Sequence[str] | None) -> None:
        self.process, self.do, self.operation = process, do, operation
        if attributes is not None:
            kind = inspect.Parameter.KEYWORD_ONLY
            own = [inspect.Parameter(str(a), kind) for a in attributes if str(a).isidentifier()]
            self.__signature__ = inspect.Signature(own)

    def __call__(self, *arguments: Any, **attributes: Any) -> Any:
        given = list(arguments)
        question: dict[str, Any] = {"do": self.do, "operation": self.operation}
        if self.do != "call":
            question["cotangent"] = encoded(given.pop(0))
        if self.do == "second order":
            question["directions"] = encoded(given.pop(0))
        question |= {"inputs": encoded(given), "attributes": encoded_attributes(attributes)}
        return self._answer(self.process.ask(question))

    def _answer(self, answer: dict[str, Any]) -> Any:
        if "error" in answer:
            kind = answer["error"] if answer["error"] in KINDS else "crashed"
            raise Fault(kind, str(answer.get("message", answer["error"]))[:2000], str(answer.get("cause", "")))
        if "result" not in answer:
            raise Ended("crashed", f"the process answered {', '.join(answer)}; result or error is required")
        try:
            return decoded(answer["result"])
        except Malformed as error:
            raise Fault("wrong", f"{self.operation}: {error}") from None


def encoded_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: encoded(value) for name, value in attributes.items()}


def _second_order(process: Process, offered: set[str]) -> Any:
    def hvp(operation: str, *arguments: Any, **attributes: Any) -> Any:
        if operation not in offered:
            raise Fault("not_provided", f"no second order of {operation} is offered")
        return Function(process, "second order", operation, None)(*arguments, **attributes)

    return hvp
