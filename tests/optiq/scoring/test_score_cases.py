"""Golden cases: references, answers, and whether they agree; and what must hold of all of them.

In `score_cases.csv` rules decide, in `likeness_cases.csv` meaning.
"""

import csv
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from optiq.questions.question import Question
from optiq.scoring import denial, numeric_equality, score, score_many
from optiq.scoring.denial import affirmed, refuses, truth_of
from optiq.scoring.figures import figures_in
from optiq.scoring.opposites import opposed
from optiq.scoring.plain_text import plain
from optiq.scoring.roman import roman_value
from optiq.scoring.text import words_of
from optiq.scoring.units import _NAMES, _symbols, units_of

with Path(__file__).with_name("score_cases.csv").open(encoding="utf-8", newline="") as file:
    CASES = [(row["reference"], row["answer"], float(row["right"])) for row in csv.DictReader(file)]
with Path(__file__).with_name("likeness_cases.csv").open(encoding="utf-8", newline="") as file:
    LIKENESS = [(row["reference"], row["answer"], row["right"] == "1") for row in csv.DictReader(file)]
SHORT = st.text(max_size=40)


def qoa(answer, reference, asked="Which?"):
    return score(Question("1", asked, reference=reference), answer).qoa


@pytest.fixture(scope="module")
def judged():
    found = score_many([(Question("1", "Which?", reference=wanted), said) for wanted, said, _ in CASES])
    return [scores.qoa for scores in found]


@pytest.mark.parametrize("place", range(len(CASES)), ids=[f"{a}={b}"[:60] for a, b, _ in CASES])
def test_whether_an_answer_is_right(judged, place):
    assert judged[place] == CASES[place][2]


@pytest.mark.parametrize(("wanted", "said", "right"), [case for case in CASES if case[2] == 0])
def test_a_wrong_answer_stays_wrong_whatever_stands_around_it(monkeypatch, wanted, said, right):
    monkeypatch.setattr("optiq.scoring.judging.cosines", lambda pairs: [0.9] * len(pairs))
    for around in ("{}.", " {} ", "{}\n"):
        assert qoa(around.format(said), wanted) == 0.0


@pytest.mark.parametrize(("wanted", "said", "right"), LIKENESS)
def test_what_a_likeness_decides_stays_on_its_side_however_alike_the_words_are(
    monkeypatch, wanted, said, right
):
    monkeypatch.setattr("optiq.scoring.judging.cosines", lambda pairs: [0.9] * len(pairs))
    assert (qoa(said, wanted) >= 0.5) is right


@pytest.mark.parametrize("reference", sorted({wanted for wanted, _, _ in CASES}))
def test_a_reference_is_its_own_answer(monkeypatch, reference):
    monkeypatch.setattr("optiq.scoring.judging.cosines", lambda pairs: [0.9] * len(pairs))
    assert qoa(reference, reference) == 1.0


def test_any_of_several_references_will_do():
    both = '["Amsterdam", "The Hague"]'
    assert [qoa(said, both) for said in ("The Hague", "Amsterdam", "Amsterdam or Utrecht")] == [1.0, 1.0, 0.0]
    assert qoa("1815", '["1814", "1815"]') == 1.0


def test_percent_is_understood_from_the_question():
    assert qoa("50", "50%", "What percentage of them?") == qoa("50%", "50", "How many percent?") == 1.0
    assert qoa("50", "50%") == qoa("50%", "50") == 0.0


def test_a_sum_that_is_only_repeated_is_not_worked_out():
    asked = "What is 2 to the power of 10?"
    assert qoa("2 to the power of 10", "1024", asked) == 0.0
    assert qoa("2^10 = 1024", "1024", asked) == qoa("1024", "1024", asked) == 1.0
    assert qoa("15% of 200", "30", "What is 15% of 200?") == 0.0
    assert qoa("1/2", "1/2", "Which is larger, 1/2 or 1/3?") == 1.0


def test_a_statement_that_is_said_over_again_is_called_true():
    for asked in ("True or false: the sun is a star.", "The sun is a star. True or false?"):
        assert (
            qoa("The sun is a star.", "true", asked) == qoa("The sun is not a star.", "false", asked) == 1.0
        )
        assert (
            qoa("The sun is not a star.", "true", asked) == qoa("The sun is a star.", "false", asked) == 0.0
        )


# --- figures -------------------------------------------------------------------------------------------

WHOLE = st.integers(-(10**12), 10**12)
FORMS = ["{}", "{:,}", "about {}", "{} of them", "It is {:,}.", "**{}**", "{}.0", "x = {}"]


@given(WHOLE, WHOLE, st.sampled_from(FORMS), st.sampled_from(["{}", "{:,}", "{}.0"]))
def test_a_number_equals_itself_in_every_form_and_no_other(one, other, said, wanted):
    assert numeric_equality(said.format(one), wanted.format(other)) == float(one == other)


@given(st.integers(1, 999), st.integers(-30, 30), st.integers(1, 999), st.integers(-30, 30))
def test_powers_of_ten(one, power, other, its_power):
    said, wanted = one * 10 ** (power + 40), other * 10 ** (its_power + 40)
    same = said == wanted
    assume(same or abs(said - wanted) * 50 > wanted)  # 297e2 is rounded to 3e4
    for said in (f"{one}e{power}", f"{one} × 10^{power}", f"${one} \\times 10^{{{power}}}$"):
        assert numeric_equality(said, f"{other}e{its_power}") == float(same)


UNITS = [
    "m",
    "km",
    "mm",
    "g",
    "kg",
    "s",
    "hours",
    "L",
    "mL",
    "W",
    "kWh",
    "°C",
    "K",
    "$",
    "€",
    "GB",
    "Gb",
    "m/s",
    "km/h",
]


@given(st.integers(1, 500), st.sampled_from(UNITS), st.sampled_from(UNITS))
def test_one_number_of_two_units_is_two_things(value, one, other):
    assert numeric_equality(f"{value} {one}", f"{value} {other}") == float(one == other)


@given(st.integers(-999, 999), st.integers(-999, 999), st.sampled_from(UNITS))
def test_equality_is_symmetric_in_one_unit(one, other, unit):
    left, right = f"{one} {unit}", f"{other} {unit}"
    assert numeric_equality(left, right) == numeric_equality(right, left) == float(one == other)


@given(st.integers(1, 10**6), st.sampled_from("zqwxy#_"), st.text("abcxyz0189", max_size=3))
def test_what_touches_a_number_and_is_not_understood_makes_it_another(value, sign, rest):
    assert numeric_equality(f"{value}{sign}{rest}", str(value)) in (0.0, 1.0)
    if not (rest == "" and sign in "#_"):
        assert numeric_equality(f"{value}{sign}{rest}", str(value)) == 0.0


@given(st.integers(1, 400), st.integers(1, 400))
def test_ranges_equal_ranges_and_no_number(one, other):
    span = f"between {one} and {other}"
    assert numeric_equality(f"{one}–{other}", span) == numeric_equality(span, span) == 1.0
    assert numeric_equality(str(one), span) == numeric_equality(span, str(one)) == 0.0


@given(st.integers(1, 3999))
def test_roman_numerals(value):
    parts = ["", *"I II III IV V VI VII VIII IX".split()]  # noqa: SIM905
    places = [
        "".join({"I": ones, "V": fives, "X": tens}[c] for c in parts[value // 10**place % 10])
        for place, (ones, fives, tens) in enumerate(["IVX", "XLC", "CDM", "M--"])
    ]
    assert roman_value("".join(reversed(places)), least=1) in (value, None)
    assert words_of(f"Pope Pius {''.join(reversed(places))}")[-1] in (
        f"#{value}",
        "".join(reversed(places)).lower(),
    )


@pytest.mark.parametrize("name", [*_NAMES, *_symbols()])
def test_every_unit_that_is_listed_is_known(name):
    assert units_of(name)


# --- denials, refusals, opposites ----------------------------------------------------------------------


@given(SHORT)
def test_any_text_is_read_without_a_fault(text):
    figures_in(plain(text))
    words_of(text)
    refuses(text)
    assert truth_of(text) in (True, False, None)
    assert len(affirmed(text)) == len(text)


SAID_NOT = (
    "nobody|neither|nor|wait|scratch|that|i|mean|was|were|now|today|formerly|previously|once|opposite|of|is"
)
SAID_NOT += "|often|confused|many|think|but|it|could|would|if|unless|followed|by|despite|while|though|whereas|;|?|(|no"
SAID_NOT += "|never|not|doubt|false|wrong|to|say|incorrect|myth|used|be|until|Oslo|Bergen|1905|capital|,|."


@given(st.lists(st.sampled_from(SAID_NOT.split("|")), min_size=1, max_size=10))
def test_only_texts_that_may_deny_are_looked_through(words):
    text = " ".join(words)
    denying = any(pattern.search(text) for pattern in (*denial._SAID_NOT, denial._CONTRASTED))
    assert denial._MAY_DENY.search(text) or not denying


@given(SHORT, SHORT)
def test_any_answer_has_a_quality(answer, reference):
    assert (
        0 <= numeric_equality(answer, reference) <= 1
        if numeric_equality(answer, reference) is not None
        else True
    )


@pytest.mark.parametrize(
    "pair", [("hot", "cold"), ("legal", "illegal"), ("useful", "useless"), ("import", "export")]
)
def test_opposites_go_both_ways(pair):
    assert opposed({pair[0]}, {pair[1]})
    assert opposed({pair[1]}, {pair[0]})
    assert not opposed({pair[0]}, {pair[0]})
