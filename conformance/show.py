"""``list``, ``show`` and ``prove``: the specification as text."""

from __future__ import annotations

import time
from typing import Any

from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.derived import gradient_system
from fiducial.spec.operation import Definition, Operation
from fiducial.spec.prove import proofs
from fiducial.spec.relations import Relation
from fiducial.spec.render import equations, latex, plain
from fiducial.spec.system import System


def listing() -> str:
    """Every operation, by family: its call, its sentence, its theorems."""
    lines: list[str] = []
    for family in dict.fromkeys(o.family for o in CATALOGUE.values()):
        lines += [family, ""]
        for o in (o for o in CATALOGUE.values() if o.family == family):
            lines.append(f"  {call(o)}")
            lines.append(f"      {o.en}")
            lines += [f"      - {t.statement}" for t in o.default_definition().theorems]
        lines.append("")
    return "\n".join(lines).rstrip()


def call(o: Operation) -> str:
    """The operation's signature."""
    names = [str(getattr(x, "base", x)) for x in o.default_definition().system.inputs]
    keywords = [f"{n}={o.attributes[n].default!r}" for n in o.passed]
    return f"{o.name}({', '.join([*names, *(['*'] if keywords else []), *keywords])})"


def page(name: str, latex: bool = False) -> str:
    """The study text of one operation."""
    o = CATALOGUE[name]
    lines = [call(o), f"  {o.en}", f"  {o.ko}", f"  source: {o.source}", ""]
    if o.attributes:
        lines += ["attributes", *(_attribute(n, a) for n, a in o.attributes.items()), ""]
    for attributes in _shown_variants(o):
        definition = o.definition({**o.defaults, **attributes})
        title = ", ".join(f"{k}={v}" for k, v in attributes.items())
        lines += [f"--- {title} ---", ""] if title else []
        lines += _sections(definition, latex)
    return "\n".join(lines).rstrip()


def _shown_variants(o: Operation) -> list[dict[str, Any]]:
    """The default, and each other value of a choice."""
    others: list[dict[str, Any]] = [{}]
    for name, a in o.attributes.items():
        if a.kind in ("choice", "form") and name != "reduction":
            others += [{name: value} for value in a.examples]
    return others


def _attribute(name: str, a: Any) -> str:
    also = f"  (also tried: {', '.join(map(repr, a.examples))})" if a.examples else ""
    return f"  {name} = {a.default!r}{also}"


def _sections(definition: Definition, in_latex: bool) -> list[str]:
    form = latex if in_latex else plain

    def block(title: str, system: System) -> list[str]:
        rows = equations(system, form)
        if in_latex:
            rows = [r"\begin{align*}", *(f"{row} \\\\" for row in rows), r"\end{align*}"]
        return [title, *(f"  {row}" for row in rows), ""]

    if definition.relation is not None:
        lines = [*block("residuals", System((), definition.relation.equations, ())), *_tests(definition.relation, form)]
    elif definition.sampling is not None:
        lines = [f"distribution: {definition.sampling.cdf}", ""]
    else:
        lines = block("definition", definition.system)
    if definition.stable is not definition.system:
        lines += block("stable form (proved equal)", definition.stable)
    if definition.system.differentiable and definition.relation is None:
        derived = gradient_system(definition)
        own = {k: v for k, v in derived.equations.items() if k not in definition.stable.equations}
        lines += block("adjoint (derived; in a stable form where one is given)",
                       System(derived.inputs, own, (), derived.constants) if own else derived)  # fmt: skip
    if definition.theorems:
        lines += ["theorems (proved: fiducial prove)", *(f"  - {t.statement}" for t in definition.theorems), ""]
    return lines


def _tests(relation: Relation, form: Any) -> list[str]:
    """What the outputs must satisfy, with ulp = 2 u."""
    accepted = [f"  {r.name}: {form(r.error)} <= {r.threshold:g} ulp {form(r.scale)}" for r in relation.residuals]
    certified = [f"  {c.name}: threshold {c.threshold:g}; exact values from Arb" for c in relation.certified]
    return ["accepted (ulp = 2 u)", *accepted, *certified, ""]


def prove(name: str | None) -> int:
    """Prints each proof as it is made; 1 when one fails."""
    failed = total = 0
    started = time.perf_counter()
    for o in [CATALOGUE[name]] if name else CATALOGUE.values():
        print(o.name)
        before = time.perf_counter()
        for proof in proofs(o):
            now = time.perf_counter()
            verdict = "proved" if proof.holds else "FAILED"
            print(f"  {verdict} {now - before:6.2f} s  {proof.statement}\n{'':19}{proof.how}")
            failed, total, before = failed + (not proof.holds), total + 1, now
    print(f"{total - failed} of {total} statements proved in {time.perf_counter() - started:.1f} s")
    return 1 if failed else 0
