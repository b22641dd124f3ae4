"""What convolution and pooling are: linear, local, equivariant, and their own adjoints."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from itertools import product

import numpy as np
import sympy
from sympy import Expr, Integer, Piecewise, Sum, floor

from fiducial.spec.calculus import adjoint
from fiducial.spec.demonstrations.written_out import entries, numbers_in, zeros
from fiducial.spec.evaluate import evaluate
from fiducial.spec.language import array, indices, name_of, size, whole
from fiducial.spec.normal_form import canonical, unfolded
from fiducial.spec.numbers.ball_numbers import BallNumbers
from fiducial.spec.numbers.rounding import Rounding
from fiducial.spec.operation import Definition
from fiducial.spec.system import System

x, w, b, y, padded = map(array, "x w b y padded".split())


def _output(definition: Definition) -> tuple[Expr, Expr]:
    lhs = definition.system.outputs[0]
    return lhs, definition.system.equations[lhs]


def _with(system: System, expression: Expr, name: str, change: Callable[[Expr], Expr]) -> Expr:
    """The expression in the inputs, each element of one array replaced."""
    found = unfolded(expression, system)
    return found.replace(lambda e: isinstance(e, sympy.Indexed) and name_of(e) == name, change)


def linear_in(name: str) -> Callable[[Definition], list[Expr]]:
    """f(s a + t a') - s f(a) - t f(a') for the output without its bias, in one of its arrays."""

    def show(definition: Definition) -> list[Expr]:
        lhs, rhs = _output(definition)
        bias = [term for term in sympy.Add.make_args(rhs) if term.has(b)]
        mapped = rhs - sympy.Add(*bias)
        s, t = sympy.symbols("s t", real=True)
        other = array("other")
        both = _with(definition.system, mapped, name, lambda e: s * e + t * other[e.indices])
        second = _with(definition.system, mapped, name, lambda e: other[e.indices])
        return [both - s * unfolded(mapped, definition.system) - t * second]

    return show


def equivariant(definition: Definition) -> list[Expr]:
    """The padded array moved by whole strides: the output moves by as many windows."""
    lhs, rhs = _output(definition)
    windows = [i for i in indices(lhs) if str(i).startswith("p")]
    steps = [whole(f"m{k}") for k in range(len(windows))]
    strides = [size(f"stride{k}") for k in range(len(windows))]

    def moved(e: Expr) -> Expr:
        lead, places = e.indices[: -len(windows)], e.indices[-len(windows) :]
        return padded[(*lead, *(a + s * m for a, s, m in zip(places, strides, steps, strict=True)))]

    shifted = rhs.replace(lambda e: isinstance(e, sympy.Indexed) and name_of(e) == "padded", moved)
    return [canonical(shifted) - canonical(rhs.xreplace({p: p + m for p, m in zip(windows, steps, strict=True)}))]


def adjoint_is_convolution(definition: Definition) -> list[Expr]:
    """At stride 1, the adjoint slides the kernel, reversed, over the padded cotangent."""
    lhs, rhs = _output(definition)
    windows = [i for i in indices(lhs) if str(i).startswith("p")]
    plain = {size(f"stride{k}"): Integer(1) for k in range(len(windows))}
    inputs = tuple(i for i in definition.system.inputs if name_of(i) != "x")
    source = next(e for e in definition.system.equations if name_of(e) == "padded")
    system = System((source, *inputs), {lhs: rhs.xreplace(plain)}, (lhs,))
    derived = adjoint(system)
    gradient = derived.equations[derived.declared()["dpadded"]]
    kernel = next(e for e in inputs if name_of(e) == "w")
    a = indices(source)[-len(windows) :]
    r = indices(kernel)[-len(windows) :]
    at = [a[k] - size(f"dilation{k}") * r[k] for k in range(len(windows))]
    inside = sympy.And(*((0 <= place) & (place < p.upper + 1) for place, p in zip(at, windows, strict=True)))
    n, g, c = indices(source)[:3]
    o = indices(kernel)[1]
    slid = Piecewise((array("dy")[(n, g, o, *at)], inside), (0, True)) * w[(g, o, c, *r)]
    claimed = Sum(slid, o, *r)
    sizes = {"N": 1, "G": 1, "C": 1, "O": 2}
    sizes |= {f"{letter}{k}": n for k in range(len(windows)) for letter, n in (("H", 3), ("R", 2), ("dilation", 1))}
    sizes |= {f"P{k}": 2 for k in range(len(windows))} | {f"padding{k}": 0 for k in range(len(windows))}
    both = System(derived.inputs, {array("left")[indices(source)]: gradient, array("right")[indices(source)]: claimed},
                  (array("left")[indices(source)],))  # fmt: skip
    found = entries(both, sizes)
    return zeros(found["left"] - found["right"])


def fewer_parameters(definition: Definition) -> list[Expr]:
    """A convolution's weights and biases, whatever the image; a dense layer between the same arrays has n m + m."""
    system = definition.system
    own = sympy.Add(*(numbers_in(lhs) for lhs in system.inputs if name_of(lhs) in ("w", "b")))
    into, out = (numbers_in(lhs) for lhs in (system.inputs[0], system.outputs[0]))
    batch = size("N")
    dense = (into / batch) * (out / batch) + out / batch
    places = {size("G"): 1, size("C"): 3, size("O"): 64, **{size(f"{n}{k}"): v for k in range(3)
              for n, v in (("R", 3), ("H", 32), ("P", 30))}}  # fmt: skip
    dimensions = len(indices(system.inputs[0])) - 3
    fixed = {1: (640, 186_240), 2: (1_792, 177_004_800), 3: (5_248, 169_871_040_000)}[dimensions]
    return [own.subs(places) - fixed[0], dense.subs(places) - fixed[1]]


def dense_is_not_equivariant(definition: Definition) -> list[Expr]:
    """A counterexample: y = (x_0, 0). Moving x = (1, 0) to (0, 1) makes y zero, and does not move it to (0, 1)."""
    weights = np.array([[1, 0], [0, 0]])
    y_of, moved = np.array([1, 0]) @ weights, np.array([0, 1]) @ weights
    return [Integer(int(y_of[0])) - 1, Integer(int(moved[0])), Integer(int(moved[1])), Integer(int(y_of[1]))]


def counts_windows(definition: Definition) -> list[Expr]:
    """The formula against counting: 1,844 combinations of length, kernel, stride, padding and dilation."""
    formula = definition.system.equations[definition.system.outputs[0]]
    names = (whole("size"), size("kernel_size"), size("stride"), whole("padding"), size("dilation"))
    found = []
    ranges = (range(1, 12), range(1, 5), range(1, 5), range(4), (1, 2, 3))
    for length, window, stride, padding, dilation in product(*ranges):
        room = length + 2 * padding - dilation * (window - 1)
        if room > 0:
            value = formula.xreplace(dict(zip(names, map(Integer, (length, window, stride, padding, dilation)),
                                              strict=True)))  # fmt: skip
            found.append(value - len(range(0, room, stride)))
    return [Integer(sum(e != 0 for e in found)), Integer(len(found)) - CASES]


CASES = 1844


def room_for_the_last_window(definition: Definition) -> list[Expr]:
    """With what is left of the room written as stride q + rest: the formula is q + 1 for every 0 <= rest < stride."""
    q, stride = sympy.symbols("q stride", integer=True, positive=True)
    found = []
    for steps in range(1, 9):
        for rest in range(steps):
            value = floor((stride * q + rest) / stride).subs(stride, steps) + 1
            found.append(value - (q + 1))
    return found


def pooling_is_locally_invariant(definition: Definition) -> list[Expr]:
    """One bright pixel: wherever it is in a window, the pooled image is the same; in the next window it is not."""
    sizes = {"N": 1, "C": 1, "H0": 4, "H1": 4, "R0": 2, "R1": 2, "P0": 2, "P1": 2, "stride0": 2, "stride1": 2}
    sizes |= {"padding0": 0, "padding1": 0}
    images = []
    for place in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 2)):
        image = np.zeros((1, 1, 4, 4), dtype=int)
        image[(0, 0, *place)] = 1
        images.append(entries(definition.system, sizes, x=image)["y"])
    moved = Integer(int(images[4][0, 0, 1, 1]) - 1) + Integer(int(images[4][0, 0, 0, 0]))
    return [*(e for image in images[1:4] for e in zeros(image - images[0])), moved]


def padding_of_max_pooling(definition: Definition) -> list[Expr]:
    """At the border of an image of -1: padding with -inf leaves -1, padding with 0 would give 0."""
    sizes = {"N": 1, "C": 1, "H0": 2, "H1": 2, "R0": 2, "R1": 2, "P0": 2, "P1": 2, "stride0": 2, "stride1": 2}
    sizes |= {"padding0": 1, "padding1": 1}
    image = np.full((1, 1, 2, 2), -1)
    own = entries(definition.system, sizes, x=image)["y"]
    source = next(e for e in definition.system.equations if name_of(e) == "padded")
    rule = definition.system.equations[source].subs(-sympy.oo, 0)
    zeroed = System(definition.system.inputs, {**definition.system.equations, source: rule}, definition.system.outputs)
    return [*zeros(own + 1), *zeros(entries(zeroed, sizes, x=image)["y"])]


def ties_are_sets(definition: Definition) -> list[Expr]:
    """A window of four equal elements and a cotangent of 1: each gradient is the whole set [0, 1]."""
    sizes = {"N": 1, "C": 1, "H0": 2, "H1": 2, "R0": 2, "R1": 2, "P0": 1, "P1": 1, "stride0": 2, "stride1": 2}
    numbers = BallNumbers(Rounding.enclosure())
    arrays = {"x": numbers.data(np.full((1, 1, 2, 2), 3.0)), "dy": numbers.data(np.ones((1, 1, 1, 1)))}
    found = evaluate(adjoint(definition.system), numbers, arrays, {**sizes, "padding0": 0, "padding1": 0}, {})["dx"]
    low, high = found.mid - found.rad, found.mid + found.rad
    just_the_set = (low <= 0) & (high >= 1) & (high - low < 1 + 2.0**-40)
    return [Integer(int(np.sum(~just_the_set)))]


def hands_out_everything(definition: Definition) -> list[Expr]:
    """Two windows that share half of their elements, in all 720 orders of six numbers: the choice is one of order."""
    images = np.array(list(itertools.permutations(range(6))), dtype=float).reshape(-1, 1, 2, 3)
    sizes = {"N": len(images), "C": 1, "H0": 2, "H1": 3, "R0": 2, "R1": 2, "P0": 1, "P1": 2, "stride0": 1, "stride1": 1}
    numbers = BallNumbers(Rounding.enclosure())
    cotangents = np.tile([3.0, 5.0], (len(images), 1)).reshape(-1, 1, 1, 2)
    arrays = {"x": numbers.data(images), "dy": numbers.data(cotangents)}
    found = evaluate(adjoint(definition.system), numbers, arrays, {**sizes, "padding0": 0, "padding1": 0}, {})["dx"]
    # Whole numbers that balls enclose: within a half they are certain.
    off = np.abs(found.mid.sum(axis=(1, 2, 3)) - 8) + found.rad.sum(axis=(1, 2, 3))
    return [Integer(int(np.sum(~(off < 0.5))))]
