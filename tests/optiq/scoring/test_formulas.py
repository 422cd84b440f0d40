"""Formulas: the same however they are written, and no other; checked against Python's own arithmetic."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.scoring.formulas import formula_of, same_formula


def same(one, other):
    left, right = formula_of(one), formula_of(other)
    assert left is not None, one
    assert right is not None, other
    assert same_formula(left, right) == same_formula(right, left)
    return same_formula(left, right)


SAME = [
    ("x+1", "1 + x"),
    (r"\frac{x+1}{2}", "0.5(1+x)"),
    ("(x+1)(x-1)", "x^2 - 1"),
    (r"\sqrt2", "2^{1/2}"),
    (r"\sqrt[3]{8}", "2"),
    ("x = 3 or x = -3", "±3"),
    (r"\{1 \pm \sqrt{5}, -2\}", r"\{-2, 1-\sqrt 5, 1+\sqrt5\}"),
    (r"x \geq 5", "5 <= x"),
    ("f(2) < f(1) < f(4)", "f(4) > f(1) > f(2)"),
    (r"2 \sin b \cos a", r"2\cos a\sin b"),
    ("2x + 2y = 4", "x + y = 2"),
    (r"\frac94\pi", "9π/4"),
    (r"[-1,-\frac12) \cup (0,\infty)", r"(0, \infty) ∪ [-1, -1/2)"),
    (r"\begin{pmatrix} 0 & 3 \\ 0 & -1 \end{pmatrix}", r"\begin{bmatrix}0&3\\0&-1\end{bmatrix}"),
    ("x = 5 + 5 + 1 = 11", "x = 11"),
    ("3 + 4i", "4i + 3"),
    (r"\log_2 8", "3"),
    (r"\sin^2 x + \cos^2 x", "1"),
    (r"|{-3}|", "3"),
    (r"\binom{5}{2}", "10"),
    ("5!", "120"),
    ("√2", "1.414"),
    (
        r"\begin{pmatrix}1 & 2 \\ 3 & 4\end{pmatrix} \begin{pmatrix}0 & 1 \\ 1 & 0\end{pmatrix}",
        r"\begin{pmatrix}2 & 1 \\ 4 & 3\end{pmatrix}",
    ),
    (r"2\begin{pmatrix}1 & 2\end{pmatrix}", r"\begin{pmatrix}2 & 4\end{pmatrix}"),
    (r"1 \leq |z| < \frac32", r"(-\frac32, -1] \cup [1, \frac32)"),
    ("|x| < 2", "(-2, 2)"),
]
OTHER = [
    ("x+1", "x-1"),
    ("(0, 1)", "[0, 1)"),
    ("(1, 2)", "(2, 1)"),
    (r"\{1, 2\}", r"\{1, 2, 3\}"),
    ("x > 5", "x < 5"),
    ("x > 5", "x ≥ 5"),
    (r"\infty", r"-\infty"),
    ("e^2", "2e"),
    ("3 + 4i", "3 - 4i"),
    ("y = 2x + 3", "y = 2x - 3"),
    (r"\log_2 8", r"\log_3 8"),
    ("204_5", "204"),
    ("√2", "1.4"),
    ("x_1", "x_2"),
    ("0", "0.001"),
    (
        r"\begin{pmatrix}1 & 2 \\ 3 & 4\end{pmatrix} \begin{pmatrix}0 & 1 \\ 1 & 0\end{pmatrix}",
        r"\begin{pmatrix}0 & 1 \\ 1 & 0\end{pmatrix} \begin{pmatrix}1 & 2 \\ 3 & 4\end{pmatrix}",
    ),
    ("|x| = 5", "5"),
    ("|x| < 2", "x < 2"),
    (r"1 \leq |z| < \frac32", r"[-\frac32, -1] \cup [1, \frac32]"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_ways_to_write_one(one, other):
    assert same(one, other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_two_formulas(one, other):
    assert not same(one, other)


@st.composite
def polynomials(draw):
    """Coefficients by the powers of two letters, as a dictionary."""
    powers = st.tuples(st.integers(0, 3), st.integers(0, 2))
    return draw(st.dictionaries(powers, st.integers(-9, 9).filter(bool), min_size=1, max_size=4))


def written(terms, style):
    parts = []
    for (x, y), factor in terms:
        if style == "latex":
            parts.append(rf"\left({factor}\right) x^{{{x}}} \cdot y^{{{y}}}")
        else:
            parts.append(f"({factor})*" + "*".join(["x"] * x + ["y"] * y + ["1"]))
    return " + ".join(parts)


@given(polynomials(), polynomials(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_polynomials_are_the_same_if_their_coefficients_are(one, other, chance):
    terms = list(other.items())
    chance.shuffle(terms)
    assert same(written(one.items(), "latex"), written(terms, "plain")) == (one == other)


@given(st.integers(-99, 99), st.integers(1, 99), st.integers(-99, 99), st.integers(1, 99))
def test_fractions(a, b, c, d):
    assert same(rf"\frac{{{a}}}{{{b}}}", f"{c}/{d}") == (Fraction(a, b) == Fraction(c, d))


@given(
    st.text(alphabet=r"\{}()[]^_frac sqrtpm0123456789.,xyzi+-*/=<>|!∪π∞&$%", max_size=40)
    | st.text(max_size=30)
)
def test_any_text_is_read_or_none(text):
    found = formula_of(text)
    assert found is None or same_formula(found, found) in (True, False)


@pytest.mark.parametrize(
    "text", ["9^9^9^9", "99!!!!", "((((" * 200 + "1", r"\frac{" * 100, "2^{2^{2^{2^{2^2}}}}", "1/0"]
)
def test_what_would_take_for_ever_is_none(text):
    assert formula_of(text) is None


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [("|x|", "x", False), (r"\sqrt{x^2}", "|x|", True), ("|x - 1|", "|1 - x|", True), ("|x|^2", "x^2", True),
     ("abs(x)", "-x", False), (r"\ln(x^2)", r"2 \ln x", True)],
)  # fmt: skip
def test_an_absolute_value_is_not_what_stands_in_it(one, other, equal):
    assert same(one, other) is equal
