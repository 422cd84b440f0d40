"""Outputs as models really write them, and the answer that each holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.questions.question import Kind, Question
from optiq.scoring.answers import open_answer, option_letters, parse_answer
from optiq.scoring.denial import affirmed

CITIES = ("Rome", "Paris", "Madrid", "New York")
NUMBERS = ("5", "50", "500", "5.5")
NESTED = ("Denmark", "Kingdom of Denmark", "Norway", "None of these")

OPEN = [
    ("Oslo", "Oslo"),
    ("  Oslo.\n", "Oslo"),
    ("Answer: Oslo", "Oslo"),
    ("The answer is Oslo.", "Oslo"),
    ("The answer is: **Oslo**", "Oslo"),
    ("A: Oslo", "Oslo"),
    ("Final answer: Oslo\nBecause …", "Oslo"),
    ('"Oslo"', "Oslo"),
    ("\n\nOslo\nQuestion: What is the capital of Sweden?", "Oslo"),
    ("Oslo. It lies on a fjord.", "Oslo"),
    ("Au. Gold is a metal.", "Au"),
    ("St. Petersburg. It was once called Leningrad.", "St. Petersburg"),
    ("J. K. Rowling", "J. K. Rowling"),
    ("George R. R. Martin. He is American.", "George R. R. Martin"),
    ("3.14", "3.14"),
    ("About 3.14. Pi goes on.", "About 3.14"),
    ("1,000 km", "1,000 km"),
    ("-5", "-5"),
    ("It's 5 p.m. in Oslo", "It's 5 p.m. in Oslo"),
    ('"Hamlet" and "Macbeth"', '"Hamlet" and "Macbeth"'),
    ("Really? No", "Really"),
    ("東京", "東京"),
    ("", ""),
    ("   \n ", ""),
    ("...", ""),
    ("```\nOslo\n```", "Oslo"),
]

CHOICE = [
    ("B", CITIES, "B"),
    ("b", CITIES, "B"),
    ("(B)", CITIES, "B"),
    ("B.", CITIES, "B"),
    ("**B**", CITIES, "B"),
    ("B) Paris", CITIES, "B"),
    ("B. Paris is the capital of France.", CITIES, "B"),
    ("B - Paris", CITIES, "B"),
    ("Paris", CITIES, "B"),
    ("paris.", CITIES, "B"),
    ("The answer is B", CITIES, "B"),
    ("The answer is (B).", CITIES, "B"),
    ("The correct answer is option B", CITIES, "B"),
    ("The answer is Paris, the capital of France.", CITIES, "B"),
    ("Answer: B", CITIES, "B"),
    ("The answer is A. No: the answer is B.", CITIES, "B"),
    ("I would rule out (A). Final answer: (B)", CITIES, "B"),
    ("It is New York of course", CITIES, "D"),
    ("I choose (C) here", CITIES, "C"),
    ("I think C fits best", CITIES, "C"),
    ("A dog barks", CITIES, None),
    ("The answer is a city", CITIES, None),
    ("Rome or Paris", CITIES, None),
    ("London", CITIES, None),
    ("E", CITIES, None),
    ("", CITIES, None),
    ("50", NUMBERS, "B"),
    ("5.5", NUMBERS, "D"),
    ("It is 500 metres", NUMBERS, "C"),
    ("The Kingdom of Denmark", NESTED, "B"),
    ("None of these", NESTED, "D"),
    ("J", tuple("qwertyuiop"), "J"),
]

MULTI = [
    ("A, C", CITIES, ("A", "C")),
    ("C and A", CITIES, ("A", "C")),
    ("AC", CITIES, ("A", "C")),
    ("(A) and (C)", CITIES, ("A", "C")),
    ("A) Rome\nC) Madrid", CITIES, ("A", "C")),
    ("- A. Rome\n- C. Madrid", CITIES, ("A", "C")),
    ("The correct answers are A, B and D.", CITIES, ("A", "B", "D")),
    ("Answer: A, C because both are capitals", CITIES, ("A", "C")),
    ("Rome and Madrid", CITIES, ("A", "C")),
    ("The options are Rome, Paris; both right", CITIES, ("A", "B")),
    ("B", CITIES, ("B",)),
    ("no idea", CITIES, ()),
]


@pytest.mark.parametrize(("output", "answer"), OPEN)
def test_open_answers(output, answer):
    assert open_answer(output) == answer


@pytest.mark.parametrize(("output", "options", "letter"), CHOICE)
def test_one_option(output, options, letter):
    assert option_letters(output, options) == ((letter,) if letter else ())


@pytest.mark.parametrize(("output", "options", "letters"), MULTI)
def test_several_options(output, options, letters):
    assert option_letters(output, options, several=True) == letters


def test_an_output_that_names_no_option_keeps_its_words():
    question = Question("1", "Which city?", options=CITIES, kind=Kind.CHOICE)
    assert parse_answer(question, "London, I believe.") == "London, I believe"
    assert parse_answer(question, "(C) Madrid") == "C"


@given(
    st.text(max_size=200), st.lists(st.text(min_size=1, max_size=10), min_size=2, max_size=10), st.booleans()
)
def test_any_output_is_read_without_a_fault(output, options, several):
    letters = option_letters(output, options, several)
    assert list(letters) == sorted(set(letters))
    assert set(letters) <= set("ABCDEFGHIJ"[: len(options)])
    assert several or len(letters) <= 1
    assert open_answer(output) == open_answer(output).strip()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Bonn used to be it, but now it is Berlin.", "Berlin"),
        ("In Germany, Bonn used to be it, but now it is Berlin.", "Berlin"),
        ("Sydney is often mistaken for it, but it is Canberra.", "Canberra"),
        ("Hear this: Sydney is often mistaken for it, but it is Canberra.", "Canberra"),
    ],
)
def test_what_was_or_is_mistaken_is_denied_from_its_clause_on(text, left):
    kept = affirmed(text)
    assert left in kept
    assert not any(city in kept for city in ("Bonn", "Sydney"))


def test_a_clause_without_an_end_is_read_once():
    """From each of its letters on it would take minutes, which the limit of a test ends."""
    words = "oslo " * 40_000
    assert affirmed(words) == words


@pytest.mark.parametrize(
    ("asked", "output", "answer"),
    [
        (
            "What is the capital of Norway?",
            "Norway lies in the north of Europe. The capital of Norway is Oslo.",
            "The capital of Norway is Oslo",
        ),
        ("What is the capital of Norway?", "Oslo. The capital of Norway is old.", "Oslo"),
        (
            "Who painted the Mona Lisa?",
            "It was painted by Leonardo in Florence. The Mona Lisa was painted in 1503.",
            "It was painted by Leonardo in Florence",
        ),
        ("Translate 'good morning'.", "Good morning, my friend.", "Good morning, my friend"),
    ],
)
def test_the_sentence_that_says_what_was_asked_is_the_answer(asked, output, answer):
    assert parse_answer(Question("1", asked), output) == answer
