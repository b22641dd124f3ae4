"""Examining one operation at one level: cases are called, judged and recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from fiducial.conformance import relations
from fiducial.conformance.calling import TIME_LIMIT, Caller, Fault
from fiducial.conformance.cases import Case, flushed
from fiducial.conformance.causes import named
from fiducial.conformance.counterexample import described
from fiducial.conformance.results import Result
from fiducial.conformance.subject import Subject
from fiducial.conformance.suspects import Suspect
from fiducial.conformance.verdict import LIMIT, Verdict, judge
from fiducial.spec import oracle
from fiducial.spec.formats import FORMATS, Format
from fiducial.spec.language import name_of
from fiducial.spec.operation import Operation
from fiducial.spec.oracle import Answer
from fiducial.spec.relations import Measure

_SILENT = object()


class Deviation(AssertionError):
    """An implementation disagrees with the specification; the message shows the case."""


class Examination:
    """Judges cases of one operation in one dtype and keeps the result; ``demanded`` are the bands that pass."""

    def __init__(
        self, subject: Subject, operation: Operation, level: str, dtype: str,
        demanded: tuple[str, ...] = ("tight", "ok"), seconds: float = TIME_LIMIT, options: str = "",
        naming: bool = True,
    ) -> None:  # fmt: skip
        self.subject, self.operation, self.demanded = subject, operation, demanded
        self.naming = naming  # whether the cause of a failure is looked for
        self.options = options  # of the run, as a command that repeats a case needs them
        self.result = Result(operation.name, level, dtype, subject.backend)
        self.flushes = dtype in subject.conventions.get("*", {}).get("flushes_subnormals", ())
        self.format: Format = FORMATS[dtype].flushing() if self.flushes else FORMATS[dtype]
        self.caller = Caller(subject, operation.name, seconds)
        self.function = getattr(subject.target, operation.name)
        self.takes = subject.accepts(operation.name)
        self.suspects: list[Suspect] = []
        self.latest: Suspect | None = None

    def settled(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """The attributes as this subject can be tried with: its conventions and defaults where it takes no other."""
        return {n: self._settled(n, v) for n, v in {**self.operation.defaults, **attributes}.items()}

    def _settled(self, name: str, value: Any) -> Any:
        attribute = self.operation.attributes[name]
        declared = self.subject.conventions.get(self.operation.name, {}).get(name, _SILENT)
        if attribute.kind == "form":
            return value
        if declared is not _SILENT:
            supported = declared if isinstance(declared, list | tuple) else [declared]
            return value if value in supported else supported[0]
        return value if self.takes(name) else attribute.default

    def keywords(self, case: Case) -> dict[str, Any]:
        """The attributes that this subject is called with."""
        return {name: value for name, value in case.passed.items() if self.takes(name)}

    # --- one case ---

    def _seen(self, case: Case) -> Case:
        if not self.flushes:
            return case
        self.note(f"{self.subject.name} declares that it flushes subnormal numbers of {case.dtype} to 0")
        return flushed(case)

    def value(self, case: Case) -> None:
        """Calls the operation and judges its outputs."""
        case = self._seen(case)
        with _Recorded(self, case, "value"):
            outputs = self.outputs(case)
            if case.call.definition.relation is not None:
                self._related(case, relations.judged(case, outputs, self.format), outputs)
                return
            answers = oracle.values(case.call, self.format)
            self._judged(case, "value", outputs, answers, lambda: oracle.values_as_written(case.call, self.format))

    def gradient(self, case: Case) -> None:
        """Calls the gradient with the case's cotangents and judges each input's."""
        case = self._seen(case)
        with _Recorded(self, case, "gradient"):
            if case.call.definition.relation is not None:
                outputs = self.outputs(case)
                found = self.gradients(case, [a.shape for a in case.given])
                self._related(case, relations.gradients_judged(case, outputs, found, self.format), None, found)
                return
            answers = oracle.gradients(case.call, case.cotangents, self.format)
            found = self.gradients(case, [a.shape for a in answers])
            self._judged(case, "gradient", found, answers,
                         lambda: oracle.gradients_as_written(case.call, case.cotangents, self.format))  # fmt: skip

    def second_order(self, case: Case) -> None:
        """Calls the gradient of <directions, gradient> and judges it."""
        function = self.subject.second_order_of(self.operation.name)
        assert function is not None
        case = self._seen(case)
        with _Recorded(self, case, "second order"):
            answers = oracle.second_order(case.call, case.cotangents, case.directions, self.format)
            along = list(case.directions) if self.operation.layout.listed else case.directions
            returned = self.caller(function, [self._cotangent(case), along, *case.arguments], self.keywords(case))
            found = self._arrays(case, returned, [a.shape for a in answers], "second-order gradient")
            self._judged(case, "second order", found, answers, lambda: oracle.second_order_as_written(
                case.call, case.cotangents, case.directions, self.format))  # fmt: skip

    def outputs(self, case: Case) -> list[Any]:
        """The operation's results, checked for type, shape, dtype and purity."""
        returned = self.caller(self.function, case.arguments, self.keywords(case))
        shapes = oracle.result_shapes(case.call)
        definition = case.call.definition
        dtype = case.dtype if definition.system.differentiable else None
        mixed = definition.relation is not None and bool(definition.relation.complex)
        if len(shapes) > 1:
            return self._several(returned, shapes, dtype, mixed)
        return [self.caller.array(returned, shapes[0], dtype, "result", mixed)]

    def gradients(self, case: Case, shapes: list[tuple[int, ...]]) -> list[Any]:
        """The gradients of the differentiable inputs; None where the subject does not offer one."""
        function = self.subject.gradient_of(self.operation.name)
        if function is None:
            raise Fault("not_provided", f"{self.operation.name}_vjp is not provided")
        returned = self.caller(function, [self._cotangent(case), *case.arguments], self.keywords(case))
        return self._arrays(case, returned, shapes, "gradient")

    def _arrays(self, case: Case, returned: Any, shapes: list[tuple[int, ...]], what: str) -> list[Any]:
        parts = list(returned) if isinstance(returned, tuple | list) else [returned]
        if len(parts) != len(shapes):
            raise Fault("wrong", f"{self.operation.name}: {len(parts)} gradients came back; {len(shapes)} are "
                        "required, one for each differentiable input")  # fmt: skip
        names = [name_of(x) for x in case.call.definition.system.differentiable]
        if len(parts) == 1 and parts[0] is None and what == "gradient" and not isinstance(returned, tuple | list):
            raise Fault(
                "wrong", f"{self.operation.name}_vjp returned None; a gradient of shape {shapes[0]} is required"
            )
        return [
            None if part is None else self.caller.array(part, shape, self.result.dtype, f"{what} of {name}")
            for part, shape, name in zip(parts, shapes, names, strict=True)
        ]

    def _several(self, returned: Any, shapes: list[tuple[int, ...]], dtype: str | None, mixed: bool) -> list[Any]:
        if not isinstance(returned, tuple | list) or len(returned) != len(shapes):
            raise Fault("wrong", f"{self.operation.name} must return a tuple of {len(shapes)} arrays")
        return [self.caller.array(r, s, dtype, f"result {k}", mixed)
                for k, (r, s) in enumerate(zip(returned, shapes, strict=True))]  # fmt: skip

    def _cotangent(self, case: Case) -> Any:
        if self.operation.layout.listed:
            return list(case.cotangents)
        return case.cotangents if len(case.cotangents) > 1 else case.cotangents[0]

    def _judged(
        self, case: Case, what: str, found: list[Any], answers: list[Answer], written: Callable[[], list[list[Any]]]
    ) -> None:
        """Judges each array of a result; a None was announced as not provided."""
        ways: list[list[Any]] = []

        def bounds_of(k: int) -> list[Any]:
            if not ways:
                ways.extend(written())
            return [way[k] for way in ways]

        verdicts = []
        first = what != "second order"
        self.latest = Suspect(case, what == "gradient", tuple(found), "", self.format) if first else None
        for k, (got, answer) in enumerate(zip(found, answers, strict=True)):
            if got is None:
                x = name_of(case.call.definition.system.differentiable[k])
                self.note(f"{self.operation.name}: the gradient of {x} is not offered (None)")
                continue
            order = 2 if what == "second order" else 1
            verdicts.append((judge(got, answer, self.format, lambda k=k: bounds_of(k), order), k))  # type: ignore[misc]
        for verdict, k in verdicts:
            self.take(case, what, k, verdict, found[k], answers[k])
        if verdicts and all(v.vacuous for v, _ in verdicts):
            self.result.vacuous += 1
        self.latest = None

    def _related(self, case: Case, found: tuple[Measure, bool] | None, outputs: Any = None, got: Any = ()) -> None:
        """Enters what a relation's tests say; nothing where they say nothing."""
        if found is None:
            self.result.cases -= 1
            return
        worst, powerful = found
        self.result.ratio = max(self.result.ratio or 0.0, worst.ratio)
        self.result.vacuous += not powerful
        loose = worst.excused <= LIMIT
        band = "tight" if worst.ratio <= 1 else "ok" if worst.ratio <= LIMIT else "loose" if loose else "wrong"
        if band in self.demanded:
            self.result.worsen(band)
            return
        message = relations.told(case, worst)
        shown = described(self.subject, case, self.result.level, "value", 0, None, None, None, message, self.options)
        if band == "loose":
            self.keep(band, message, shown)
            return
        lost = any(g is not None and not np.isfinite(g).all() for g in got)
        cause = relations.repaired(case, outputs, self.format) if outputs and self.naming else ""
        self.fail(band, message, shown, "overflow: NaN or infinity in a gradient: 0 / 0" if lost else cause)

    def take(self, case: Case, what: str, k: int, verdict: Verdict, got: Any, answer: Answer) -> None:
        """Enters a verdict into the result; raises Deviation where it is wrong.

        Where accuracy alone is lost the search goes on: something worse may be found.
        """
        if self.result.ratio is None or verdict.ratio > self.result.ratio:
            self.result.ratio = verdict.ratio
        if verdict.band in self.demanded:
            self.result.worsen(verdict.band)
            return
        if self.latest is not None:
            self.suspects.append(dataclasses.replace(self.latest, band=verdict.band))
        shown = described(self.subject, case, self.result.level, what, k, verdict, got, answer, options=self.options)
        if verdict.band == "loose":
            self.keep(verdict.band, shown["message"], shown)
        else:
            self.fail(verdict.band, shown["message"], shown)

    def fail(self, outcome: str, message: str, shown: dict[str, Any] | None = None, cause: str = "") -> None:
        """Records a failing case and raises Deviation."""
        self.result.cause = cause
        self.keep(outcome, message, shown)
        raise Deviation(message)

    def keep(self, outcome: str, message: str, shown: dict[str, Any] | None) -> None:
        """Takes over a case that is worse than what is known, or as bad and no larger."""
        worse = self.result.worsen(outcome)
        known = self.result.counterexample
        as_bad = outcome == self.result.outcome and shown is not None
        if shown is not None and self.caller.printed:
            shown["printed"] = self.caller.printed
        if worse or known is None or (as_bad and size(shown or known) <= size(known)):
            self.result.message, self.result.counterexample = message, shown

    def note(self, text: str) -> None:
        if text not in self.result.notes:
            self.result.notes.append(text)

    def finished(self) -> Result:
        """The result, with an outcome even where nothing could be judged."""
        if not self.result.outcome:
            self.result.outcome = "unsupported" if self.result.notes else "not_provided"
        self._name_the_cause()
        if said := self.caller.printed.strip():
            self.note(f"{self.operation.name} printed, in the end: {said.splitlines()[-1][:200]}")
        if self.result.cases and (fixed := self._not_taken()):
            self.note(f"{self.operation.name} does not take {', '.join(fixed)}: checked at the default only")
        return self.result

    def _name_the_cause(self) -> None:
        """What the failing cases most resemble: the first of them, which is often large, and the last, the smallest."""
        suspects = [s for s in self.suspects if s.band == self.result.outcome]
        if suspects and self.naming and not self.result.cause:
            chosen = suspects[:1] if suspects[0] is suspects[-1] else [suspects[0], suspects[-1]]
            self.result.cause = ": ".join(part for part in named(chosen) if part)

    def _not_taken(self) -> list[str]:
        """The attributes that the function lacks and that no convention declares."""
        declared = self.subject.conventions.get(self.operation.name, {})
        varied = [
            n for n, a in self.operation.attributes.items() if a.kind == "layout" or (a.kind != "form" and a.examples)
        ]
        return [n for n in varied if not self.takes(n) and n not in declared]


def size(shown: dict[str, Any]) -> int:
    """How many numbers a counterexample's inputs hold."""
    return sum(int(a["of"]) for a in shown["inputs"].values())


class _Recorded:
    """Counts a case and turns a fault in the call into the result's outcome."""

    def __init__(self, examination: Examination, case: Case, what: str) -> None:
        self.examination, self.case, self.what = examination, case, what

    def __enter__(self) -> None:
        self.examination.result.cases += 1

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if not isinstance(error, Fault):
            return False
        e = self.examination
        if error.outcome in ("unsupported", "not_provided"):
            e.result.cases -= 1
            e.result.worsen(error.outcome)
            e.note(error.message)
            return True
        level, message = e.result.level, error.message
        shown = described(e.subject, self.case, level, self.what, 0, None, None, None, message, e.options)
        e.fail(error.outcome, error.message, shown, error.cause)
        return True
