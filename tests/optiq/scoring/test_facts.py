"""Numbers and dates in answers: the same value in other words is the same, another value is not."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.scoring import date_equality, numeric_equality

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
    ("41", "between 40 and 42", None),
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
]


@pytest.mark.parametrize(("answer", "reference", "equal"), NUMBERS)
def test_numbers(answer, reference, equal):
    assert numeric_equality(answer, reference) == equal


@pytest.mark.parametrize(("answer", "reference", "equal"), DATES)
def test_dates(answer, reference, equal):
    assert date_equality(answer, reference) == equal


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
