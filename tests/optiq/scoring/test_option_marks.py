"""Marks of options in other scripts, and options that are left when all others are ruled out."""

from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.scoring.answers import option_letters
from optiq.scoring.choices import _named_in
from optiq.scoring.option_marks import letter_by_mark

OPTIONS = ["Rome", "Paris", "Madrid", "Lisbon"]


@pytest.mark.parametrize(
    ("mark", "letter"),
    [
        ("Б", "B"),
        ("г", "D"),
        ("γ", "C"),
        ("ب", "B"),
        ("③", "C"),
        ("나", "B"),
        ("乙", "B"),
        ("А", "A"),
        ("С", "C"),
    ],
)
def test_a_mark_of_another_script_stands_for_its_place(mark, letter):
    assert letter_by_mark(mark, 4) == letter
    assert option_letters(f"({mark})", OPTIONS) == (letter,)


@pytest.mark.parametrize("mark", ["В", "Е", "я", "5", "⑨", "B", "城", ""])
def test_a_mark_of_two_readings_or_of_no_option_stands_for_none(mark):
    assert letter_by_mark(mark, 4) is None


@given(st.characters(), st.integers(2, 26))
def test_any_character_is_a_letter_of_an_option_or_none(mark, n_options):
    assert letter_by_mark(mark, n_options) in (None, *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:n_options])


@pytest.mark.parametrize(
    ("output", "letters"),
    [
        ("A is wrong. C is wrong. D is wrong.", "B"),
        ("A, B and D can be ruled out.", "C"),
        ("A is wrong. C is wrong.", ""),
        ("A, B, C and D are all incorrect.", ""),
    ],
)
def test_the_one_option_that_is_left_is_chosen(output, letters):
    assert "".join(option_letters(output, OPTIONS)) == letters


@given(
    st.lists(
        st.sampled_from(["sea", "lion", "sea lion", "a sea lion", "red"]), min_size=2, max_size=5, unique=True
    ),
    st.lists(st.sampled_from(["a", "sea", "lion", "red", "is"]), max_size=12),
)
def test_options_that_a_text_names_are_those_outside_of_longer_ones(
    options: list[str], words: list[str]
) -> None:
    """Against the definition: a place counts unless it lies inside a longer option that occurs there."""
    places = {
        (start, start + len(option.split()), option)
        for option in options
        for start in range(len(words))
        if words[start : start + len(option.split())] == option.split()
    }
    outer = {
        option
        for start, end, option in places
        if not any(s <= start and end <= e and e - s > end - start for s, e, _ in places)
    }
    wanted = tuple(sorted(ascii_uppercase[options.index(option)] for option in outer))
    assert _named_in(" ".join(words), options) == wanted
