"""Convolution and pooling, in any number of spatial dimensions: windows that slide over padded arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy
from sympy import Integer, KroneckerDelta, Piecewise, Sum, floor

from fiducial.spec.demonstrations import convolution as shown
from fiducial.spec.language import Expr, Greatest, array, index, natural, size, whole
from fiducial.spec.layouts import Attributes
from fiducial.spec.operation import REAL, WINDOWS, Attribute, Definition, choice, define, form, labels, operation
from fiducial.spec.patterns import Pattern
from fiducial.spec.theorems import Gradient, Identity, Shown

N, G, C, O = map(size, "NGCO")
n, g, c, o = (index(*p) for p in zip("ngco", (N, G, C, O), strict=True))
x, w, b, y, padded = map(array, "x w b y padded".split())
ARITHMETIC = "Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016"
BOOK = "Goodfellow, Bengio and Courville, Deep Learning, 2016, 9"
STEPS: dict[str, Any] = {"stride": Attribute("layout", 1), "padding": Attribute("layout", 0)}


def output_size(length: Expr, window: Expr, stride: Expr, padding: Expr, dilation: Expr) -> Expr:
    """How many windows fit."""
    return floor((length + 2 * padding - dilation * (window - 1) - 1) / stride) + 1


class Windows:
    """The symbols of windows in some spatial dimensions: sizes H, R, P; positions h, r, p; a in the padded array."""

    def __init__(self, dimensions: int) -> None:
        self.axes = range(dimensions)
        self.H, self.R, self.P = ([size(f"{letter}{k}") for k in self.axes] for letter in "HRP")
        self.stride, self.dilation = ([size(f"{word}{k}") for k in self.axes] for word in ("stride", "dilation"))
        self.padding = [natural(f"padding{k}") for k in self.axes]
        self.h, self.r, self.p = ([index(f"{letter}{k}", length) for k, length in enumerate(lengths)]
                                  for letter, lengths in (("h", self.H), ("r", self.R), ("p", self.P)))  # fmt: skip
        self.a = [index(f"a{k}", self.H[k] + 2 * self.padding[k]) for k in self.axes]

    def inside(self, at: list[Expr]) -> Any:
        """Whether a position of the padded array lies in the array itself."""
        return sympy.And(*((self.padding[k] <= at[k]) & (at[k] < self.padding[k] + self.H[k]) for k in self.axes))

    def pad(self, lead: tuple[Expr, ...], fill: Expr) -> dict[Expr, Expr]:
        """The padded array's equation."""
        own = x[(*lead, *(self.a[k] - self.padding[k] for k in self.axes))]
        return {padded[(*lead, *self.a)]: Piecewise((own, self.inside(self.a)), (fill, True))}

    def at(self, dilated: bool = True) -> list[Expr]:
        """Where position r of window p lies in the padded array."""
        steps = self.dilation if dilated else [Integer(1)] * len(self.axes)
        return [self.stride[k] * self.p[k] + steps[k] * self.r[k] for k in self.axes]

    def sizes(self, dilated: bool = True) -> dict[str, tuple[str, Expr]]:
        steps = self.dilation if dilated else [Integer(1)] * len(self.axes)
        return {f"P{k}": (f"H{k}", output_size(self.H[k], self.R[k], self.stride[k], self.padding[k], steps[k]))
                for k in self.axes}  # fmt: skip

    def pooled_sizes(self) -> dict[str, tuple[str, Expr]]:
        """As ``sizes``; and no window lies in the padding alone: there is room for half of it at least."""
        room = {f"room{k}": (f"R{k}", self.R[k] - 2 * self.padding[k] + 2) for k in self.axes}
        return {**room, **self.sizes(dilated=False)}


def per_axis(words: Mapping[str, str], dimensions: int, **more: str) -> Callable[[Attributes], dict[str, int]]:
    """The layout's integers: attributes that are one number or one for each axis; ``more`` are single numbers."""

    def known(attributes: Attributes) -> dict[str, int]:
        found = {more[name]: int(attributes[name]) for name in more}
        for name, symbol in words.items():
            value = attributes.get(name, 1 if name != "padding" else 0)
            value = attributes["kernel_size"] if value is None else value  # a pooling's stride
            values = value if isinstance(value, tuple | list) else (value,) * dimensions
            found |= {f"{symbol}{k}": int(v) for k, v in enumerate(values)}
        return found

    return known


def _lengths(letter: str, *lengths: int) -> dict[str, int]:
    return {f"{letter}{k}": n for k, n in enumerate(lengths)}


# --- convolution ---


def _convolution(dimensions: int, bias: str) -> Definition:
    k = Windows(dimensions)
    out = y[(n, g, o, *k.p)]
    total = Sum(padded[(n, g, c, *k.at())] * w[(g, o, c, *k.r)], c, *k.r)
    inputs = {x[(n, g, c, *k.h)]: REAL, w[(g, o, c, *k.r)]: REAL, b[g, o]: REAL}
    if bias == "none":
        del inputs[b[g, o]]
    return define(
        inputs,
        {**k.pad((n, g, c), Integer(0)), out: total + b[g, o] if bias == "given" else total},
        sizes=k.sizes(),
        theorems=_statements(k) if bias == "given" else (),
    )


def _statements(k: Windows) -> list[Any]:
    dy, weight = array("dy")[(n, g, o, *k.p)], w[(g, o, c, *k.r)]
    flip = [length - 1 - r for length, r in zip(k.R, k.r, strict=True)]
    flipped = Sum(padded[(n, g, c, *(s * p + d * (length - 1 - r) for s, p, d, length, r in zip(
        k.stride, k.p, k.dilation, k.R, k.r, strict=True)))] * w[(g, o, c, *flip)], c, *k.r)  # fmt: skip
    places = sympy.Mul(*(KroneckerDelta(at, h + pad) for at, h, pad in zip(k.at(), k.h, k.padding, strict=True)))
    return [
        Identity("is cross-correlation: convolution with the kernel reversed along every axis", y[(n, g, o, *k.p)],
                 flipped + b[g, o], reversed=tuple(k.r)),
        Gradient("an input element gets a cotangent from each window that holds it (locality)", x[(n, g, c, *k.h)],
                 Sum(dy * weight * places, o, *k.p, *k.r)),
        Gradient("a weight meets every window: correlation of the input with the cotangent", weight,
                 Sum(dy * padded[(n, g, c, *k.at())], n, *k.p)),
        Gradient("db = sum of dy over batch and places", b[g, o], Sum(dy, n, *k.p)),
        Shown("linear in the input, but for the bias", shown.linear_in("x")),
        Shown("linear in the kernel", shown.linear_in("w")),
        Shown("translation equivariance: moving the padded input by m strides moves the output by m",
              shown.equivariant),
        Shown("the adjoint of a convolution is a convolution: at stride 1, of the padded cotangent with the kernel "
              "reversed", shown.adjoint_is_convolution),
        Shown("parameters do not grow with the image: (3 channels, 64 kernels of 3, length 32) against a dense layer",
              shown.fewer_parameters),
        Shown("a fully connected layer is not translation equivariant: a counterexample",
              shown.dense_is_not_equivariant),
    ]  # fmt: skip


def _layout(dimensions: int) -> Pattern:
    spatial, window = (" ".join(f"{letter}{k}" for k in range(dimensions)) for letter in "hr")

    def structure(N: int, c: int, o: int, groups: int, h: int, r: int, **attributes: Any) -> dict[str, Any]:
        # Lengths differ from axis to axis, so that exchanged axes are seen.
        windows = [max(r - k % 2, 1) for k in range(dimensions)]
        places = {**_lengths("h", *range(h, h + dimensions)), **_lengths("r", *windows)}
        plain = {"stride": 1, "padding": 0, "dilation": 1}
        return {"n": N, "c": c, "o": o, "groups": groups, **places, **plain, **attributes}

    mixed = tuple(range(1, dimensions + 1))
    return Pattern(
        read=(f"n (G c) {spatial}", f"(G o) c {window}", "(G o)"),
        written={"y": f"n (G o) {' '.join(f'p{k}' for k in range(dimensions))}"},
        structures=(
            structure(2, 3, 2, 1, 5, 3), structure(2, 2, 3, 2, 5, 3, padding=1), structure(1, 1, 1, 1, 4, 2, stride=2),
            structure(2, 1, 2, 3, 6, 3, dilation=2), structure(1, 2, 1, 1, 6, 3, stride=2, padding=2, dilation=2),
            structure(3, 1, 1, 2, 4, 1, stride=3), structure(1, 2, 2, 1, 7, 2, stride=mixed, padding=mixed[::-1]),
            structure(1, 1, 2, 1, 3, 3, padding=2, stride=2),
        ),
        large=structure(*((8, 3, 4, 2, 9, 3) if dimensions < 3 else (2, 2, 2, 2, 4, 2)), stride=2, padding=1),
        tiny=(structure(2, 1, 2, 1, 3, 2), structure(1, 2, 1, 2, 3, 2, stride=2, padding=1, dilation=1)),
        known=per_axis({"stride": "stride", "padding": "padding", "dilation": "dilation"}, dimensions, groups="G"),
        longer=dimensions == 1,
    )  # fmt: skip


CONVOLUTION: dict[str, Any] = {
    "source": f"{BOOK}.1, eq. 9.6; {ARITHMETIC}", **STEPS, "dilation": Attribute("layout", 1),
    "groups": Attribute("layout", 1), "bias": form("given", "none"), "biases": WINDOWS,
}  # fmt: skip


@operation(
    en="1-d convolution: a window of weights slides along a sequence (as cross-correlation).",
    ko="1차원 합성곱: 가중치의 창을 수열 위에서 밀며 내적한다(교차 상관).",
    layout=_layout(1), **CONVOLUTION,
)  # fmt: skip
def conv1d(bias: str) -> Definition:
    return _convolution(1, bias)


@operation(
    en="2-d convolution: a window of weights slides over an image (as cross-correlation).",
    ko="2차원 합성곱: 가중치의 창을 이미지 위에서 밀며 내적한다(교차 상관).",
    layout=_layout(2), **CONVOLUTION,
)  # fmt: skip
def conv2d(bias: str) -> Definition:
    return _convolution(2, bias)


@operation(
    en="3-d convolution: a window of weights slides through a volume (as cross-correlation).",
    ko="3차원 합성곱: 가중치의 창을 입체 위에서 밀며 내적한다(교차 상관).",
    layout=_layout(3), **CONVOLUTION,
)  # fmt: skip
def conv3d(bias: str) -> Definition:
    return _convolution(3, bias)


@operation(
    en="Convolution's output size: how many windows fit into a padded length.",
    ko="합성곱 출력 크기: 패딩을 더한 길이에 들어가는 창의 개수이다.",
    layout=Pattern(
        read=("",),
        structures=({}, {"kernel_size": 3, "stride": 2}, {"kernel_size": 2, "padding": 1}, {"kernel_size": 5,
                    "stride": 3, "padding": 4, "dilation": 2}, {"kernel_size": 4, "stride": 2, "dilation": 3}),
        large={"kernel_size": 3, "stride": 2, "padding": 1},
        tiny=({"kernel_size": 3, "stride": 2, "padding": 1}, {"kernel_size": 2, "dilation": 3}),
        known=lambda a: {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1, **a},
    ),
    source=ARITHMETIC, kernel_size=Attribute("layout", 1), **STEPS, dilation=Attribute("layout", 1),
)  # fmt: skip
def conv_output_size() -> Definition:
    length, result = whole("size"), whole("output")
    formula = output_size(length, size("kernel_size"), size("stride"), whole("padding"), size("dilation"))
    return define(
        {length: labels("40", low=12)},
        {result: formula},
        theorems=[
            Shown("counts the windows that fit: every combination of small lengths, kernels and steps",
                  shown.counts_windows),
            Shown("a rest of the room too small for a stride is left over", shown.room_for_the_last_window),
        ],
    )  # fmt: skip


# --- pooling ---

h0, h1 = "h0", "h1"


def _pool(structures: tuple[dict[str, Any], ...], large: dict[str, Any], tiny: tuple[dict[str, Any], ...]) -> Pattern:
    words = {"kernel_size": "R", "stride": "stride", "padding": "padding"}
    return Pattern(("n c h0 h1",), {}, structures, large, tiny, per_axis(words, 2))


def _images(N: int, c: int, h: int, **attributes: Any) -> dict[str, Any]:
    return {"n": N, "c": c, "h0": h, "h1": h + 1, "stride": None, "padding": 0, **attributes}


POOLING: dict[str, Any] = {
    "layout": _pool(
        (_images(2, 3, 4, kernel_size=2), _images(1, 1, 5, kernel_size=3, stride=1),
         _images(2, 1, 5, kernel_size=3, stride=2, padding=1), _images(1, 2, 4, kernel_size=(2, 3), padding=(1, 0)),
         _images(1, 1, 3, kernel_size=1), _images(2, 2, 4, kernel_size=2, stride=3),
         _images(1, 1, 4, kernel_size=(4, 2), stride=(1, 2), padding=1)),
        _images(8, 4, 8, kernel_size=3, stride=2, padding=1),
        (_images(1, 2, 2, kernel_size=2), _images(1, 1, 3, kernel_size=2, stride=2, padding=1)),
    ),
    "kernel_size": Attribute("layout", 2), "stride": Attribute("layout", None), "padding": Attribute("layout", 0),
    "biases": WINDOWS,
}  # fmt: skip


@operation(
    en="Max pooling: the greatest element of each window.",
    ko="최대 풀링: 창마다 가장 큰 원소를 고른다.",
    source=f"{BOOK}.3; {ARITHMETIC}", **POOLING,
)  # fmt: skip
def max_pool2d() -> Definition:
    k = Windows(2)
    return define(
        {x[n, c, k.h[0], k.h[1]]: REAL},
        {**k.pad((n, c), -sympy.oo), y[n, c, k.p[0], k.p[1]]: Greatest(padded[(n, c, *k.at(dilated=False))], *k.r)},
        sizes=k.pooled_sizes(),
        theorems=[
            Shown("locally invariant: a bright pixel may move within its window", shown.pooling_is_locally_invariant),
            Shown("ties are sets: each may take anything from nothing to the whole cotangent", shown.ties_are_sets),
            Shown("pads with -inf: 0 would win over negative numbers at the border", shown.padding_of_max_pooling),
            Identity(
                "the gradient hands out the whole cotangent",
                Sum(array("dx")[n, c, k.h[0], k.h[1]], *k.h),
                Sum(array("dy")[n, c, k.p[0], k.p[1]], *k.p),
                law=True,
                shown=shown.hands_out_everything,
            ),
        ],
    )


@operation(
    en="Average pooling: the mean of each window.",
    ko="평균 풀링: 창마다 원소의 평균을 구한다.",
    source=f"{BOOK}.3; {ARITHMETIC}", count_include_pad=choice(True, False), **POOLING,
)  # fmt: skip
def avg_pool2d(count_include_pad: bool) -> Definition:
    k, counted = Windows(2), array("counted")
    at = k.at(dilated=False)
    total = Sum(padded[(n, c, *at)], *k.r)
    own = {counted[k.p[0], k.p[1]]: Sum(Piecewise((1, k.inside(at)), (0, True)), *k.r)}
    divisor = k.R[0] * k.R[1] if count_include_pad else counted[k.p[0], k.p[1]]
    return define(
        {x[n, c, k.h[0], k.h[1]]: REAL},
        {**k.pad((n, c), Integer(0)), **({} if count_include_pad else own), y[n, c, k.p[0], k.p[1]]: total / divisor},
        sizes=k.pooled_sizes(),
        theorems=[Shown("translation equivariance: moving the padded input by m strides moves the output by m",
                        shown.equivariant)] if count_include_pad else [],
    )  # fmt: skip
