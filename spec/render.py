"""Equations as text: one line each, sums as Sum_k, in the words of the textbook."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from fiducial.spec.language import Expr
from fiducial.spec.system import System


class _Plain(StrPrinter):
    def _reduction(self, word: str, e: Any) -> str:
        bound = ",".join(str(limits[0]) for limits in e.limits)
        return f"{word}_{bound} {self.parenthesize(e.function, sympy.printing.precedence.PRECEDENCE['Mul'])}"

    def _print_Sum(self, e: Any) -> str:
        return f"({self._reduction('Sum', e)})"

    def _print_Greatest(self, e: Any) -> str:
        return f"({self._reduction('Max', e)})"

    def _print_KroneckerDelta(self, e: Any) -> str:
        return f"[{self._print(e.args[0])} = {self._print(e.args[1])}]"

    def _print_Piecewise(self, e: Any) -> str:
        cases = []
        for value, condition in e.args:
            when = "otherwise" if condition == sympy.true else f"if {self._print(condition)}"
            cases.append(f"{self._print(value)} {when}")
        return "{" + "; ".join(cases) + "}"

    def _print_Indexed(self, e: Any) -> str:
        return f"{e.base.label}[{','.join(map(self._print, e.indices))}]"

    def _print_Equality(self, e: Any) -> str:
        return f"{self._print(e.lhs)} = {self._print(e.rhs)}"

    def _print_Mod(self, e: Any) -> str:
        return f"{self._print(e.args[0])} mod {self._print(e.args[1])}"

    def _print_Share(self, e: Any) -> str:
        return f"share({self._print(e.args[0])} of {self._print(e.args[1])})"


class _Latex(LatexPrinter):
    def _print_Idx(self, e: Any) -> str:
        return str(self._print(e.label))

    def _print_Greatest(self, e: Any) -> str:
        bound = ",".join(self._print(limits[0]) for limits in e.limits)
        return rf"\max_{{{bound}}} {self._print(e.function)}"

    def _print_Sum(self, e: Any) -> str:
        bound = ",".join(self._print(limits[0]) for limits in e.limits)
        return rf"\sum_{{{bound}}} {self.parenthesize(e.function, 50)}"

    def _print_Share(self, e: Any) -> str:
        return rf"\partial_{{{self._print(e.args[0])}}} {self._print(e.args[1])}"

    def _print_log1p(self, e: Any) -> str:
        return rf"\operatorname{{log1p}}\left({self._print(e.args[0])}\right)"

    def _print_expm1(self, e: Any) -> str:
        return rf"\operatorname{{expm1}}\left({self._print(e.args[0])}\right)"


def plain(e: Expr) -> str:
    """One line of text."""
    return str(_Plain().doprint(e))


def latex(e: Expr) -> str:
    """LaTeX source."""
    return str(_Latex().doprint(e))


def equations(system: System, form: Any = plain) -> list[str]:
    """The system's equations, one line each."""
    joint = " &= " if form is latex else " = "
    return [f"{form(lhs)}{joint}{form(rhs)}" for lhs, rhs in system.equations.items()]
