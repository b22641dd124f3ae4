"""Nodes of a computational graph, and the linear algebra of layers."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Abs, Function, Heaviside, Integer, KroneckerDelta, Max, Piecewise, Rational, Sum, sign, sqrt

from fiducial.spec.calculus import adjoint
from fiducial.spec.language import Expr, Greatest, array, index, integers, positive, size
from fiducial.spec.layouts import Broadcast, Direct, Elementwise, Lookup, Matmul, NewAxis, Over
from fiducial.spec.normal_form import unfolded
from fiducial.spec.operation import REAL, ROWS, Attribute, Definition, count, define, labels, operation
from fiducial.spec.theorems import Gradient, Identity, Shown

B, D, I, J, K, M, N, V = map(size, "B D I J K M N V".split())
b_, i, j, k, l, m, n = (index(*p) for p in zip("b i j k l m n".split(), (B, I, J, K, K, M, N), strict=True))
d, v = index("d", D), index("v", V)
a, b, c, s, t, W, x, y, z = map(array, "a b c s t W x y z".split())
dy, dz = array("dy"), array("dz")
BOOK = "Saito, Deep Learning from Scratch 2, 2019, 1.3.4"
AXIS = Attribute("layout", -1)
AXES: dict[str, Any] = {"axis": Attribute("layout", None), "keepdims": Attribute("layout", False)}
ARRAY_API = "Python array API standard 2024.12"


@operation(
    en="Addition node: the sum of two arrays, element by element.",
    ko="덧셈 노드: 두 배열을 원소별로 더한다.",
    layout=Broadcast(), source=BOOK,
)  # fmt: skip
def add() -> Definition:
    return define(
        {x[i]: REAL, y[i]: REAL},
        {z[i]: x[i] + y[i]},
        theorems=[Gradient("passes the cotangent on to x", x[i], dz[i]), Gradient("and to y", y[i], dz[i])],
    )


@operation(
    en="Subtraction node: the difference of two arrays, element by element.",
    ko="뺄셈 노드: 두 배열을 원소별로 뺀다.",
    layout=Broadcast(), source=BOOK,
)  # fmt: skip
def subtract() -> Definition:
    return define({x[i]: REAL, y[i]: REAL}, {z[i]: x[i] - y[i]})


@operation(
    en="Multiplication node: the product of two arrays, element by element.",
    ko="곱셈 노드: 두 배열을 원소별로 곱한다.",
    layout=Broadcast(), source=BOOK,
)  # fmt: skip
def multiply() -> Definition:
    return define(
        {x[i]: REAL, y[i]: REAL},
        {z[i]: x[i] * y[i]},
        theorems=[
            Gradient("swaps its inputs", x[i], dz[i] * y[i]),
            Gradient("swaps its inputs", y[i], dz[i] * x[i]),
            Shown("the notes' apple: two apples at 100 with 10 % tax cost 220; backward 1 -> 1.1 -> 2.2", _apple),
        ],
    )


def _apple(definition: Definition) -> list[Expr]:
    """Two multiplication nodes: apples = price * number, paid = apples * tax; node by node, exactly."""
    price, number, tax = Integer(100), Integer(2), Rational(11, 10)
    gradients = adjoint(definition.system).equations

    def node(left: Expr, right: Expr, cotangent: Expr) -> tuple[Expr, Expr, Expr]:
        at = {x[i]: left, y[i]: right, dz[i]: cotangent}
        value = definition.system.equations[z[i]].xreplace(at)
        return value, gradients[array("dx")[i]].xreplace(at), gradients[dy[i]].xreplace(at)

    apples = node(price, number, Integer(0))[0]
    paid, d_apples, d_tax = node(apples, tax, Integer(1))
    _, d_price, d_number = node(price, number, d_apples)
    expected = (220, Rational(11, 10), 200, Rational(22, 10), 110)
    return [got - want for got, want in zip((paid, d_apples, d_tax, d_price, d_number), expected, strict=True)]


@operation(
    en="Division node: the quotient of two arrays, element by element.",
    ko="나눗셈 노드: 두 배열을 원소별로 나눈다.",
    layout=Broadcast(), source=BOOK,
)  # fmt: skip
def divide() -> Definition:
    return define(
        {x[i]: REAL, y[i]: REAL},
        {z[i]: x[i] / y[i]},
        # z is x / y already: y squared would overflow.
        gradients={y[i]: -dz[i] * z[i] / y[i]},
        theorems=[Gradient("quotient rule", y[i], -dz[i] * z[i] / y[i])],
    )


@operation(
    en="Matrix product: rows times columns, over stacks of matrices.",
    ko="행렬곱: 행과 열의 내적으로, 여러 행렬에 한꺼번에 적용한다.",
    layout=Matmul(), source=f"{BOOK}; {ARRAY_API}, matmul",
)  # fmt: skip
def matmul() -> Definition:
    left, right, out = array("a"), array("b"), array("c")
    return define(
        {left[n, i, k]: REAL, right[n, k, j]: REAL},
        {out[n, i, j]: Sum(left[n, i, k] * right[n, k, j], k)},
        theorems=[Gradient("cotangent times the other, transposed", left[n, i, k],
                           Sum(array("dc")[n, i, j] * right[n, k, j], j))],
    )  # fmt: skip


@operation(
    en="Sum node: adds the elements along axes.",
    ko="합 노드: 축을 따라 원소를 모두 더한다.",
    layout=Over(several=True, keepdims=True), source=BOOK, **AXES,
)  # fmt: skip
def sum() -> Definition:
    return define(
        {x[n, k]: REAL},
        {y[n]: Sum(x[n, k], k)},
        theorems=[
            Gradient("every summand gets the cotangent: the adjoint of sum is repeat", x[n, k], dy[n]),
            Shown("sum and repeat are adjoint to each other: <Sum x, y> = <x, Repeat y>", _sum_and_repeat),
        ],
    )


def _sum_and_repeat(definition: Definition) -> list[Expr]:
    summed = unfolded(y[n], definition.system)
    return [Sum(summed * b[n], n) - Sum(x[n, k] * b[n], n, k)]


@operation(
    en="Mean: the sum along axes over the number of elements.",
    ko="평균: 축을 따라 더한 값을 원소의 개수로 나눈다.",
    layout=Over(several=True, keepdims=True), source=f"{ARRAY_API}, mean", **AXES,
)  # fmt: skip
def mean() -> Definition:
    return define(
        {x[n, k]: REAL},
        {y[n]: Sum(x[n, k], k) / K},
        theorems=[Identity("deviations from the mean sum to zero", Sum(x[n, k] - y[n], k), Integer(0))],
    )


@operation(
    en="Maximum: the greater of two arrays, element by element.",
    ko="최댓값: 두 배열 중 큰 값을 원소별로 고른다.",
    layout=Broadcast(), source=f"{ARRAY_API}, maximum",
)  # fmt: skip
def maximum() -> Definition:
    difference = Heaviside(x[i] - y[i])
    return define(
        {x[i]: REAL, y[i]: REAL},
        {z[i]: Max(x[i], y[i])},
        gradients={x[i]: dz[i] * difference, y[i]: dz[i] * Heaviside(y[i] - x[i])},
        theorems=[
            Identity("the gradients share the whole cotangent", array("dx")[i] + array("dy")[i], dz[i], law=True)
        ],
    )


@operation(
    en="Greatest element: the maximum along axes.",
    ko="최대 원소: 축을 따라 가장 큰 원소를 고른다.",
    layout=Over(several=True, keepdims=True), source=f"{ARRAY_API}, max", **AXES,
)  # fmt: skip
def amax() -> Definition:
    return define(
        {x[n, k]: REAL},
        {y[n]: Greatest(x[n, k], k)},
        theorems=[Identity("the gradient hands out the whole cotangent", Sum(array("dx")[n, k], k), dy[n], law=True)],
    )


@operation(
    en="Repeat node: n copies stacked along a new axis.",
    ko="반복 노드: 새 축을 따라 n개의 복사본을 쌓는다.",
    layout=NewAxis(), source=BOOK, n=count(3, 1, 4), axis=Attribute("layout", 0),
)  # fmt: skip
def repeat() -> Definition:
    r = index("r", size("n"))
    copies, before, after = array("y"), index("a", size("A")), b_
    return define(
        {x[before, after]: REAL},
        {copies[before, r, after]: x[before, after]},
        theorems=[Gradient("the adjoint of repeat is sum", x[before, after], Sum(dy[before, r, after], r))],
    )


@operation(
    en="Branch node: n copies of one array, each used elsewhere.",
    ko="분기 노드: 한 배열을 n개로 복제하여 여러 곳에서 쓴다.",
    layout=Elementwise(), source=BOOK, n=Attribute("choice", 2, (3,)),
)  # fmt: skip
def branch(n: int) -> Definition:
    copies = [array(f"y{r}")[i] for r in range(n)]
    return define(
        {x[i]: REAL},
        dict.fromkeys(copies, x[i]),
        outputs=copies,
        theorems=[Gradient("the adjoint of branch is a sum", x[i], sympy.Add(*(array(f"dy{r}")[i] for r in range(n)))),
                  Shown("chain rule: d f(g(x))/dx = f'(g(x)) g'(x) for undefined f and g", _chain_rule)],
    )  # fmt: skip


def _chain_rule(definition: Definition) -> list[Expr]:
    """On undefined functions: the adjoint of the staged system u = g(x), y = f(u) against SymPy's own derivative."""
    f, g, u = Function("f"), Function("g"), array("u")
    staged = define({x[i]: REAL}, {u[i]: g(x[i]), y[i]: f(u[i])}).system
    gradient = unfolded(adjoint(staged).declared()["dx"], adjoint(staged))
    point = sympy.Symbol("p", real=True)
    direct = f(g(point)).diff(point).xreplace({point: x[i]})
    return [(gradient / dy[i] - direct).doit()]


@operation(
    en="Norm: the Euclidean length along an axis.",
    ko="노름: 축을 따라 잰 유클리드 길이이다.",
    layout=Over(), source="Higham 2002, 6; numpy.linalg.norm", axis=AXIS,
)  # fmt: skip
def norm() -> Definition:
    q, r = array("q"), array("r")
    scale, widest = positive("scale"), Greatest(Abs(x[n, k]), k)
    return define(
        {x[n, k]: REAL},
        {y[n]: sqrt(Sum(x[n, k] ** 2, k))},
        # The length is the same for every scale > 0: near the greatest element nothing overflows or underflows.
        stable={q[n, k]: x[n, k] / scale[n], r[n]: sqrt(Sum(q[n, k] ** 2, k)), y[n]: scale[n] * r[n]},
        shifts={scale[n]: Piecewise((widest, widest > 0), (1, True))},
        # At the origin, any element of the unit ball.
        gradients={x[n, k]: dy[n] * Piecewise((q[n, k] / r[n], r[n] > 0), (sign(q[n, k]), True))},
        theorems=[Gradient("the unit vector", x[n, k], dy[n] * x[n, k] / y[n])],
    )


@operation(
    en="Affine layer: a linear map and a shift, x W + b.",
    ko="어파인 계층: 선형 변환에 편향을 더한 x W + b이다.",
    layout=Direct(), source=f"{BOOK}, eq. 1.3-1.4 and 1.16", biases=[ROWS],
)  # fmt: skip
def affine() -> Definition:
    return define(
        {x[n, d]: REAL, W[d, m]: REAL, b[m]: REAL},
        {z[n, m]: Sum(x[n, d] * W[d, m], d) + b[m]},
        theorems=[
            Gradient("dx = dz W^T", x[n, d], Sum(dz[n, m] * W[d, m], m)),
            Gradient("dW = x^T dz", W[d, m], Sum(x[n, d] * dz[n, m], n)),
            Gradient("db = sum of dz over the batch", b[m], Sum(dz[n, m], n)),
            Shown("a stack of affine layers without an activation is one affine layer", _stack),
        ],
    )


def _stack(definition: Definition) -> list[Expr]:
    """(x W1 + b1) W2 + b2 = x (W1 W2) + (b1 W2 + b2), for all sizes."""
    w2, b2 = array("U"), array("c")
    first = definition.system.equations[z[n, m]]
    stacked = Sum(first * w2[m, k], m) + b2[k]
    product, shift = Sum(W[d, m] * w2[m, k], m), Sum(b[m] * w2[m, k], m) + b2[k]
    return [stacked - (Sum(x[n, d] * product, d) + shift)]


@operation(
    en="One-hot encoding: the row with a 1 at each label and 0 elsewhere.",
    ko="원핫 인코딩: 레이블 자리만 1이고 나머지는 0인 행이다.",
    layout=Direct(), source="Goodfellow et al. 2016, 5.1.3", num_classes=count(5, 3),
)  # fmt: skip
def one_hot() -> Definition:
    names, classes = integers("labels"), size("num_classes")
    q = index("k", classes)
    return define(
        {names[n]: labels("num_classes")},
        {y[n, q]: KroneckerDelta(q, names[n])},
        theorems=[],
    )


@operation(
    en="Embedding: the rows of a table at given positions, that is one-hot rows times the table.",
    ko="임베딩: 표에서 주어진 위치의 행을 뽑으며, 원핫 행렬과 표의 곱과 같다.",
    layout=Lookup(), source=f"{BOOK.replace('1.3.4', '4.1')}", biases=[ROWS],
)  # fmt: skip
def embedding() -> Definition:
    at = integers("indices")
    return define(
        {W[v, d]: REAL, at[i]: labels("V")},
        {y[i, d]: W[at[i], d]},
        theorems=[
            Identity("one-hot rows times the table", y[i, d], Sum(KroneckerDelta(v, at[i]) * W[v, d], v)),
            Gradient("repeated positions accumulate", W[v, d], Sum(KroneckerDelta(v, at[i]) * dy[i, d], i)),
        ],
    )
