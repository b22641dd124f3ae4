"""Serves a Python subject over the wire protocol: ``python -m fiducial.conformance.wire.serve SUBJECT``.

The suite runs every Python subject that it is given by name in such a process. What the subject does to its process (a
fault in compiled code, an endless loop, memory, settings) then costs the case in hand, and nothing else. What it prints
goes to the error stream: the standard output belongs to the protocol.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any, TextIO

import numpy as np

from fiducial.conformance.calling import Caller, Fault
from fiducial.conformance.global_state import kept_seeds
from fiducial.conformance.subject import NotAvailable, Subject, SubjectError, load
from fiducial.conformance.wire.arrays import Malformed, decoded, encoded
from fiducial.conformance.wire.process import PROTOCOL


def main() -> int:
    """Answers until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subject", metavar="SUBJECT")
    parser.add_argument("--backend", default="numpy")
    options = parser.parse_args()
    questions, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what compiled code prints must not come between the answers
    warnings.simplefilter("ignore")  # special points are tried on purpose
    subject: Subject | None = None
    for line in questions:
        question = json.loads(line)
        if question["do"] == "hello":
            subject, answer = _hello(options.subject, options.backend, question["operations"])
        else:
            assert subject is not None
            answer = _answer(subject, question)
        _say(answers, {"id": question["id"], **answer})
    return 0


def _say(stream: TextIO, answer: dict[str, Any]) -> None:
    stream.write(json.dumps(answer, allow_nan=False) + "\n")
    stream.flush()


def _hello(source: str, backend: str, names: list[str]) -> tuple[Subject | None, dict[str, Any]]:
    try:
        subject = load(source, backend)
    except SubjectError as error:
        return None, {"error": "subject", "message": str(error)}
    except NotAvailable as error:
        return None, {"error": "not_available", "message": str(error)}
    offered = {name: _offer(subject, name) for name in names if subject.provides(name)}
    said = {"name": subject.name, "version": subject.version, "dtypes": list(subject.dtypes)}
    conventions = {n: {k: encoded(v) for k, v in c.items()} for n, c in subject.conventions.items()}
    return subject, {"protocol": PROTOCOL, **said, "operations": offered, "conventions": conventions}


def _offer(subject: Subject, name: str) -> dict[str, Any]:
    second = subject.second_order_of(name) is not None
    return {"attributes": _attributes(getattr(subject.target, name)),
            "gradient": subject.gradient_of(name) is not None, "second_order": second}  # fmt: skip


def _attributes(function: Callable[..., Any]) -> list[str] | None:
    """What a function takes by keyword; None where it takes anything, or does not tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _answer(subject: Subject, question: dict[str, Any]) -> dict[str, Any]:
    name, given = question["operation"], decoded(question["inputs"])
    caller = Caller(subject, name, question["seconds"], sys.stderr)
    function: Any = getattr(subject.target, name)
    group: Any = list if given and isinstance(given[0], list) else tuple  # as the inputs come
    if question["do"] != "call":
        given = [_grouped(decoded(question["cotangent"]), group), *given]
        function = subject.gradient_of(name)
    if question["do"] == "second order":
        given = [given[0], group(decoded(question["directions"])), *given[1:]]
        function = subject.second_order_of(name)
    attributes = {n: _attribute(decoded(v)) for n, v in question["attributes"].items()}
    try:
        with kept_seeds():
            return {"result": _result(subject, name, caller(function, given, attributes))}
    except Fault as fault:
        return {"error": fault.outcome, "message": fault.message, "cause": fault.cause}


def _grouped(value: Any, group: Any) -> Any:
    return group(value) if isinstance(value, list) else value


def _attribute(value: Any) -> Any:
    return tuple(_attribute(v) for v in value) if isinstance(value, list) else value


def _result(subject: Subject, name: str, value: Any) -> Any:
    """A result as JSON. Raises Fault where it is none."""
    if value is None:
        return None
    if isinstance(value, tuple | list):
        return [_result(subject, name, v) for v in value]
    try:
        return encoded(np.asarray(subject.to_numpy(value)))
    except Malformed:
        raise Fault("wrong", f"{name} returned a {type(value).__name__}; an array of numbers is required") from None
    except Exception as error:
        raise Fault("wrong", f"{name} returned {type(value).__name__}, which does not convert to an array: "
                    f"{type(error).__name__}: {error}") from error  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
