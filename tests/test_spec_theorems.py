"""Every claim of the catalogue is proved, and false claims are not."""

import pytest
import sympy
from sympy import Integer, KroneckerDelta, Max, Piecewise, Rational, Sum, Symbol, exp, log, tanh

from fiducial.spec.catalogue import CATALOGUE
from fiducial.spec.language import Greatest, array, index, other, positive, scalar, size
from fiducial.spec.normal_form import canonical, is_zero, unfolded
from fiducial.spec.operation import REAL, Definition, define
from fiducial.spec.prove import BY_ENTRY, derivatives, proofs, stable_form, stable_gradients, variants
from fiducial.spec.theorems import Gradient, Identity, Invariance, Jacobian, Maximum, Shown
from fiducial.spec.witness import witnessed

I, K, N = map(size, "IKN")
i, k, l, n = (index(*p) for p in zip("ikln", (I, K, K, N), strict=True))
a, e, p, x, y, z, S = map(array, "a e p x y z S".split())
dp, dy = array("dp"), array("dy")
v = Symbol("v", real=True)
L, dL = scalar("L"), scalar("dL")


@pytest.mark.parametrize("name", CATALOGUE)
def test_everything_that_an_operation_claims_is_proved(name):
    found = list(proofs(CATALOGUE[name]))
    assert [f"{proof.statement} ({proof.how})" for proof in found if not proof.holds] == []
    definitions = [CATALOGUE[name].definition(v) for v in variants(CATALOGUE[name])]
    differentiable = [d for d in definitions if d.system.differentiable and not d.system.described]
    for row in (*BY_ENTRY, "every gradient has its input's shape"):
        assert sum(proof.statement.endswith(row) for proof in found) == len(differentiable)


SOFTMAX = CATALOGUE["softmax"].default_definition()
SIGMOID = CATALOGUE["sigmoid"].default_definition()
AFFINE = CATALOGUE["affine"].default_definition()
W, b = array("W"), array("b")
d, m = index("d", size("D")), index("m", size("M"))
BUMP = exp(-v) / (1 + exp(-v)) ** 2

FALSE = [
    (SOFTMAX, Identity("sums to two", Sum(p[n, k], k), Integer(2))),
    (SOFTMAX, Identity("sums to one over the rows", Sum(p[n, k], n), Integer(1))),
    (SOFTMAX, Identity("its squares sum to one", Sum(p[n, k] ** 2, k), Integer(1))),
    (SOFTMAX, Invariance("a shift by columns", p[n, k], {x[n, k]: x[n, k] + a[k]})),
    (SOFTMAX, Invariance("a scaling", p[n, k], {x[n, k]: x[n, k] * a[n]})),
    (SOFTMAX, Jacobian("without the second term", p[n, k], x[n, l], p[n, k] * KroneckerDelta(k, l))),
    (SOFTMAX, Jacobian("the wrong sign", p[n, k], x[n, l], p[n, k] * (p[n, l] - KroneckerDelta(k, l)))),
    (SOFTMAX, Gradient("the wrong sign", x[n, k], p[n, k] * (Sum(dp[n, l] * p[n, l], l) - dp[n, k]))),
    (SOFTMAX, Gradient("without the sum", x[n, k], p[n, k] * dp[n, k])),
    (SOFTMAX, Gradient("without p in the sum", x[n, k], p[n, k] * (dp[n, k] - Sum(dp[n, l], l)))),
    (SOFTMAX, Gradient("a thousandth off", x[n, k],
                       Rational(1001, 1000) * p[n, k] * (dp[n, k] - Sum(dp[n, l] * p[n, l], l)))),
    (SIGMOID, Gradient("the wrong sign", x[i], -dy[i] * y[i] * (1 - y[i]))),
    (SIGMOID, Gradient("s (1 + s)", x[i], dy[i] * y[i] * (1 + y[i]))),
    (SIGMOID, Gradient("of the input instead of the output", x[i], dy[i] * x[i] * (1 - x[i]))),
    (SIGMOID, Identity("odd", 1 / (1 + exp(x[i])), -y[i])),
    (SIGMOID, Maximum("0.3", BUMP, v, Rational(3, 10), Rational(0))),
    (SIGMOID, Maximum("0.2, which it exceeds", BUMP, v, Rational(1, 5), Rational(0))),
    (SIGMOID, Maximum("elsewhere", BUMP, v, Rational(1, 4), Rational(1))),
    (SIGMOID, Maximum("refutes the truth", BUMP, v, Rational(1, 4), Rational(0), refutes=(Rational(1, 4),))),
    (AFFINE, Gradient("not transposed", W[d, m], Sum(x[n, d] * array("dz")[n, m], m))),
    (AFFINE, Gradient("the mean", b[m], Sum(array("dz")[n, m], n) / N)),
    (SIGMOID, Shown("one is nothing", lambda definition: [Integer(0), Integer(1)])),
    (CATALOGUE["amax"].default_definition(),
     Identity("hands out twice the cotangent", Sum(array("dx")[n, k], k), 2 * dy[n])),
    (CATALOGUE["norm"].default_definition(), Gradient("not divided", x[n, k], dy[n] * x[n, k])),
    (CATALOGUE["mean"].default_definition(),
     Identity("deviations from the sum", Sum(x[n, k] - K * y[n], k), Integer(0))),
    (CATALOGUE["softmax_cross_entropy"].default_definition(),
     Gradient("y - t for any targets", x[n, k], dL / N * (p[n, k] - array("t")[n, k]))),
]  # fmt: skip


@pytest.mark.parametrize("definition, theorem", FALSE, ids=lambda part: getattr(part, "name", ""))
def test_a_false_statement_is_not_proved(definition, theorem):
    proof = theorem.prove(definition)
    assert not proof.holds, proof


@pytest.mark.parametrize("definition, theorem", FALSE, ids=lambda part: getattr(part, "name", ""))
def test_either_witness_alone_rejects_it(definition, theorem):
    """Not both depend on one mistake: the exact proof fails, and so does Arb where it is asked."""
    how = theorem.prove(definition).how
    if isinstance(theorem, Maximum):
        return
    assert how.startswith("NOT exact")
    assert isinstance(theorem, Shown) or "Arb DISAGREES" in how


def softmax_with(stable, shifts=None, gradients=None) -> Definition:
    return define({x[n, k]: REAL}, {p[n, k]: exp(x[n, k]) / Sum(exp(x[n, l]), l)}, stable=stable, shifts=shifts,
                  gradients=gradients)  # fmt: skip


SHIFT = {a[n]: Greatest(x[n, k], k)}
WRONG_FORMS = {
    "shifted below only": ({e[n, k]: exp(x[n, k] - a[n]), S[n]: Sum(exp(x[n, l]), l), p[n, k]: e[n, k] / S[n]}, SHIFT),
    "summed over the rows": ({e[n, k]: exp(x[n, k] - a[n]), S[k]: Sum(e[n, k], n), p[n, k]: e[n, k] / S[k]}, SHIFT),
    "doubled": ({e[n, k]: exp(x[n, k]), S[n]: Sum(e[n, k], k), p[n, k]: 2 * e[n, k] / S[n]}, None),
    "the shift kept": ({z[n, k]: x[n, k] + a[n], p[n, k]: exp(z[n, k]) / Sum(exp(x[n, l]), l)}, SHIFT),
}


@pytest.mark.parametrize("name", WRONG_FORMS)
def test_a_wrong_stable_form_is_not_proved(name):
    stable, shifts = WRONG_FORMS[name]
    (proof,) = stable_form(softmax_with(stable, shifts))
    assert not proof.holds


def test_the_right_stable_form_is_proved():
    stable = {e[n, k]: exp(x[n, k] - a[n]), S[n]: Sum(e[n, k], k), p[n, k]: e[n, k] / S[n]}
    (proof,) = stable_form(softmax_with(stable, SHIFT))
    assert proof.holds


@pytest.mark.parametrize("gradient, right", [
    (p[n, k] * (dp[n, k] - Sum(dp[n, l] * p[n, l], l)), True),
    (p[n, k] * (dp[n, k] * Sum(other(l, k) * p[n, l], l) - Sum(other(l, k) * dp[n, l] * p[n, l], l)), True),
    (p[n, k] * (dp[n, k] * Sum(other(l, k) * p[n, l], l) - Sum(dp[n, l] * p[n, l], l)), False),
    (p[n, k] * (dp[n, k] - Sum(dp[n, l] * p[n, k], l)), False),
])  # fmt: skip
def test_a_stable_gradient_is_proved_where_it_is_right(gradient, right):
    definition = softmax_with(None, gradients={x[n, k]: gradient})
    (proof,) = stable_gradients(definition)
    assert proof.holds is right
    assert next(iter(derivatives(definition))).holds is right


def test_a_gradient_that_is_wrong_on_one_side_of_a_kink_is_not_proved():
    for below, right in ((Integer(0), True), (Rational(1, 100), False)):
        slope = Piecewise((1, x[i] > 0), (below, True))
        definition = define({x[i]: REAL}, {y[i]: Max(x[i], 0)}, gradients={x[i]: dy[i] * slope})
        (proof,) = stable_gradients(definition)
        assert proof.holds is right


def test_the_zero_test_knows_what_is_zero():
    c = positive("c")
    zeros = [
        Sum(x[n, k], k) - Sum(x[n, l], l),
        Sum(x[n, k] * y[n], k) - y[n] * Sum(x[n, k], k),
        Sum(Integer(3), k) - 3 * K,
        Sum(KroneckerDelta(k, l) * x[n, l], l) - x[n, k],
        tanh(x[n, k]) - (1 - exp(-2 * x[n, k])) / (1 + exp(-2 * x[n, k])),
        log(c[k] * c[l]) - log(c[k]) - log(c[l]),
        sympy.Abs(x[n, k]) - Max(x[n, k], -x[n, k]),
    ]
    assert [zero for zero in zeros if not is_zero(zero)] == []


def test_the_zero_test_does_not_see_zeros_that_are_none():
    almost = [
        Sum(x[n, k], k) - Sum(x[k, n], k),
        Sum(x[n, k] ** 2, k) - Sum(x[n, k], k) ** 2,
        Sum(Integer(3), k) - 3 * N,
        KroneckerDelta(k, l) * x[n, l],
        tanh(x[n, k]) - x[n, k],
        sympy.Abs(x[n, k]) - x[n, k],
        exp(x[n, k] + 1) - exp(x[n, k]),
        Sum(exp(x[n, k]), k) - exp(Sum(x[n, k], k)),
        Sum(x[n, k] * x[n, l], k, l) - Sum(x[n, k] ** 2, k),
    ]
    assert [some for some in almost if is_zero(some)] == []


def test_a_substitution_does_not_capture_an_index():
    """y[n] stands under a sum over k, and is one itself."""
    system = define({x[n, k]: REAL}, {y[n]: Sum(x[n, k], k), L: Sum(y[n] ** 2, n)}).system
    written = unfolded(Sum(y[n] * x[n, k], k), system)
    assert is_zero(written - Sum(x[n, l], l) ** 2)
    assert not is_zero(written - Sum(x[n, l] ** 2, l))


def test_canonical_sums_look_the_same():
    assert canonical(Sum(x[n, k] * y[k], k)) == canonical(Sum(y[l] * x[n, l], l))


def test_the_second_witness_sees_a_small_difference():
    system = SIGMOID.system
    assert witnessed(SIGMOID, system, x[i], x[i]).holds
    assert not witnessed(SIGMOID, system, x[i], x[i] + Rational(1, 10**40)).holds
    assert not witnessed(SIGMOID, system, log(-exp(x[i])), log(-exp(x[i]))).holds  # no number is no agreement


def test_hypotheses_are_used_and_are_needed():
    definition = CATALOGUE["softmax_cross_entropy"].default_definition()
    formula = dL / N * (p[n, k] - array("q")[n, k])
    one = [(Sum(array("t")[n, k], k), Integer(1))]
    assert Gradient("y - q", x[n, k], formula, one).prove(definition).holds
    assert not Gradient("y - q", x[n, k], formula).prove(definition).holds


def test_a_statement_can_be_read():
    theorem = Identity("sums to one", Sum(p[n, k], k), Integer(1))
    assert theorem.statement.replace(", ", ",") == "sums to one: (Sum_k p[n,k]) = 1"
    assert "given" in Gradient("y - q", x[n, k], p[n, k], [(Sum(x[n, k], k), Integer(1))]).statement
