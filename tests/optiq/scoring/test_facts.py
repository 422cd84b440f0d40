"""Numbers and dates in answers: the same value in other words is the same, another value is not."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.scoring import date_equality, numeric_equality
from optiq.scoring.dates import is_calendar_date

NUMBERS = [
    ("168", "168", 1.0),
    ("There are 168 of them", "168", 1.0),
    ("In 1999, 41 people", "41", 1.0),
    ("41 years", "41", 1.0),
    ("forty-one", "41", 1.0),
    ("four", "4 years.", 1.0),
    ("48 months", "4 years.", 1.0),
    ("four hundred and five thousand", "405,000", 1.0),
    ("1.5 million", "1,500,000", 1.0),
    ("74 500 km²", "74,500 km2", 1.0),
    ("7.45 million hectares", "74,500 km2", 1.0),
    ("74,500 square kilometers", "74,500 km2", 1.0),
    ("86,900 sq km", "74,500 km2", 0.0),
    ("3.1 miles", "5 km", 1.0),
    ("5 kg", "5 km", 0.0),
    ("3.14159", "3.14", 1.0),
    ("3.1", "3.14", 0.0),
    ("2.4", "2", 0.0),
    ("-5", "5", 0.0),
    ("minute 52", "52nd minute", 1.0),
    ("$12.50", "12.5 dollars", 1.0),
    ("12 %", "12 percent", 1.0),
    ("nobody knows", "41", 0.0),
    ("41", "1.0.6.1", None),
    ("41", "Apollo 11", None),
    ("41", "41 people lived in this old house", None),
    ("41", "between 40 and 42", 0.0),
    ("41", "about 41", 1.0),
    ("41", "41 men lived here", 1.0),
    ("41", "41 men lived here then", None),
    ("in 1999, since 2010, it had 41", "41", 1.0),
    ("in 1000", "1000", 1.0),
    ("in 2199", "2199", 1.0),
    ("in 1999 it had 2200 of them", "2200", 1.0),
    ("in 1999 it had 999 of them", "999", 1.0),
    ("40 kg and 5 km", "5 km", 1.0),
    ("3.13 miles", "5 km", 0.0),
    ("5000 m", "5.1 km", 0.0),
    ("3.145 or so", "3.14", 0.0),
    ("1.5 million", "1.5", 0.0),
    ("1.54 million", "1.5 million", 0.0),
    ("−5", "-5", 1.0),
    ("2,5", "25", 0.0),
    ("five", "5.0", 1.0),
    ("one hundred", "100", 1.0),
    ("a hundred", "100", 1.0),
    ("a million", "1,000,000", 1.0),
    ("3 trillion", "3000 billion", 1.0),
    ("2 hundred", "200", 1.0),
    ("7 men", "7 women", 0.0),
    ("3 thousands", "3000", 1.0),
    ("60 seconds", "60", 1.0),
    ("21 December", "21 November", None),
]
DATES = [
    ("16 December 2010", "December 16, 2010", 1.0),
    ("It was on Dec. 16th, 2010.", "December 16, 2010", 1.0),
    ("2010-12-16", "December 16, 2010", 1.0),
    ("16/12/2010", "December 16, 2010", 1.0),
    ("12/16/2010", "December 16, 2010", 1.0),
    ("the 16th of December, 2010", "December 16, 2010", 1.0),
    ("September 29, 2010", "December 16, 2010", 0.0),
    ("2010", "December 16, 2010", 0.0),
    ("December 2010", "December 16, 2010", 0.0),
    ("December 16, 2010", "December 2010", 1.0),
    ("July 2002", "August 2002", 0.0),
    ("21 November 1999", "21 November", 1.0),
    ("5 May 1821", "1821", 1.0),
    ("in 1821, after 1815", "1821", 1.0),
    ("1884", "1886", 0.0),
    ("no idea", "1886", 0.0),
    ("1886", "Oslo", None),
    ("1886", "the war of 1886", None),
    ("May", "May Britt Moser", None),
    ("31 December 2010", "2010-12-31", 1.0),
    ("12/31/2010", "2010-12-31", 1.0),
    ("2010", "2010-12-32", None),
    ("2010", "2010-13-01", None),
    ("2010", "2010-00-01", None),
    ("2010", "0 May 2010", None),
    ("1 January 2010", "2010-01-01", 1.0),
    ("in March of 1999, then in 2010", "2010", 0.0),
    ("1 May 1821", "5 May 1821", 0.0),
    ("(16 December 2010)", "16 Dec 2010", 1.0),
    ("16 December 2010", "on 16 December 2010", None),
    ("May the 5th of 1821", "5 May 1821", 1.0),
    ("May of 1821", "May 1821", 1.0),
    ("Sept 1821", "September 1821", 1.0),
]


@pytest.mark.parametrize(("answer", "reference", "equal"), NUMBERS)
def test_numbers(answer, reference, equal):
    assert numeric_equality(answer, reference) == equal


@pytest.mark.parametrize(("answer", "reference", "equal"), DATES)
def test_dates(answer, reference, equal):
    assert date_equality(answer, reference) == equal


MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]


@pytest.mark.parametrize("number", range(1, 13))
def test_months_go_by_name_short_name_and_number(number):
    name = MONTHS[number - 1]
    for said in (f"5 {name} 1821", f"{name[:3]}. 5, 1821", f"1821-{number:02}-05"):
        assert date_equality(said, f"1821-{number:02}-05") == 1.0
        assert date_equality(said, f"1821-{number % 12 + 1:02}-05") == 0.0
    assert is_calendar_date(f"5 {name}")
    assert is_calendar_date(f"{name} 1821.")
    assert not is_calendar_date("1821")
    assert not is_calendar_date(f"in {name} 1821 or so")


# What is one and the same, by the definitions of the units.
SAME = [
    ("10 mm", "1 cm"),
    ("100 centimetres", "1 metre"),
    ("1000 metres", "1 kilometer"),
    ("2.54 cm", "1 inch"),
    ("30.48 cm", "1 foot"),
    ("12 inches", "1 ft"),
    ("1609.344 m", "1 mile"),
    ("1000000 m2", "1 km²"),
    ("100 hectares", "1 sq km"),
    ("4046.856 square metres", "1 acre"),
    ("640 acres", "1 square mile"),
    ("2.59 km²", "1 mi2"),
    ("10000 sqm", "1 ha"),
    ("1000 mg", "1 gram"),
    ("1000 g", "1 kg"),
    ("1000 kilograms", "1 tonne"),
    ("453.592 g", "1 pound"),
    ("1000 ms", "1 second"),
    ("60 seconds", "1 min"),
    ("60 minutes", "1 hour"),
    ("24 hours", "1 day"),
    ("7 days", "1 week"),
    ("30.44 days", "1 month"),
    ("12 months", "1 year"),
    ("365 days", "1 year"),
    ("12 %", "12 percent"),
]


@pytest.mark.parametrize(("said", "wanted"), SAME)
def test_units_of_one_kind_are_converted(said, wanted):
    assert numeric_equality(said, wanted) == numeric_equality(wanted, said) == 1.0
    value, unit = said.split(maxsplit=1)
    assert numeric_equality(f"{float(value) * 1.02} {unit}", wanted) == 0.0


@pytest.mark.parametrize(("one", "other"), [("m", "m2"), ("kg", "s"), ("m", "%"), ("ha", "h"), ("lb", "ft")])
def test_units_of_different_kinds_are_never_the_same(one, other):
    assert numeric_equality(f"1 {one}", f"1 {other}") == 0.0


ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
ONES += " eighteen nineteen"
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


def in_words(number):
    """A whole number as it is read out."""
    for scale, name in ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"), (100, "hundred")):
        if number >= scale:
            rest = number % scale
            join = " and " if 0 < rest < 100 else " "
            return f"{in_words(number // scale)} {name}" + (f"{join}{in_words(rest)}" if rest else "")
    if number < 20:
        return ONES.split()[number]
    return TENS.split()[number // 10 - 2] + (f"-{ONES.split()[number % 10]}" if number % 10 else "")


@given(st.integers(0, 2 * 10**9) | st.integers(0, 120), st.integers(0, 120))
def test_numbers_are_read_in_words(number, other):
    assert numeric_equality(in_words(number), str(number)) == 1.0
    assert numeric_equality(in_words(number), str(other)) == float(number == other)


@pytest.mark.parametrize("number", [*range(21), *range(30, 100, 10), 1200, 1205, 10**12])
def test_each_number_word(number):
    words = {1200: "twelve hundred", 1205: "twelve hundred and five", 10**12: "one trillion"}
    assert numeric_equality(f"{words.get(number) or in_words(number)} of them", str(number)) == 1.0


FORMS = [
    "%d %B %Y",
    "%B %d, %Y",
    "%b. %d, %Y",
    "%Y-%m-%d",
    "%d/%m/%Y",
    "on the %dth of %B %Y",
    "it was %B %d %Y.",
]
DAYS = st.dates(datetime.date(1000, 1, 1), datetime.date(2999, 12, 31))


@given(DAYS, DAYS, st.sampled_from(FORMS), st.sampled_from(FORMS[:4]))
def test_a_date_is_the_same_in_every_form_and_no_other(one, other, said, wanted):
    same = date_equality(one.strftime(said), other.strftime(wanted))
    ambiguous = "/" in said and (one.day, one.month) == (other.month, other.day) and one.year == other.year
    assert same == float(one == other or ambiguous)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(["{}", "about {:,} of them", "{:.2f}"]))
def test_a_number_is_the_same_in_every_form_and_no_other(one, other, said):
    for wanted in ("{}", "{:,}", "{} people"):
        assert numeric_equality(said.format(one), wanted.format(other)) == float(one == other)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_judged(answer, reference):
    assert numeric_equality(answer, reference) in (None, 0.0, 1.0)
    assert date_equality(answer, reference) in (None, 0.0, 1.0)
