"""The files in examples/ say what their README says, and topics learned from one fit the other."""

from collections import Counter
from itertools import cycle
from pathlib import Path

import pytest

from optiq.files.tables import read_table
from optiq.questions.question import Kind
from optiq.questions.question_file import read_questions
from optiq.text.topics import TopicModel

EXAMPLES = Path(__file__).parents[2] / "examples"
TOPICS = ("geography", "science", "history", "literature", "music", "animals")


@pytest.mark.parametrize(
    ("name", "n_questions"), [("questions_calibrate.csv", 30), ("questions.csv", 30), ("choice.jsonl", 10)]
)
def test_every_row_is_a_question_with_a_reference(name, n_questions):
    file = read_questions(EXAMPLES / name)
    assert file.invalid == []
    assert len(file.questions) == n_questions
    assert all(question.reference for question in file.questions)


def test_no_question_is_in_two_files():
    texts = [
        question.text
        for name in ("questions_calibrate.csv", "questions.csv", "choice.jsonl")
        for question in read_questions(EXAMPLES / name).questions
    ]
    assert len(set(texts)) == len(texts) == 70


def test_topics_are_balanced_and_take_turns():
    labelled = read_questions(EXAMPLES / "questions_calibrate.csv").questions
    assert [question.topic_names for question in labelled] == [
        (t,) for t, _ in zip(cycle(TOPICS), labelled, strict=False)
    ]
    assert all(question.topics == () for question in read_questions(EXAMPLES / "questions.csv").questions)


def test_kinds():
    kinds = Counter(question.kind for question in read_questions(EXAMPLES / "choice.jsonl").questions)
    assert kinds == {Kind.CHOICE: 8, Kind.MULTI: 2}


def test_topics_of_the_calibration_file_fit_the_others():
    labelled = read_questions(EXAMPLES / "questions_calibrate.csv").questions
    model = TopicModel.fit([q.text for q in labelled], [q.topic_names[0] for q in labelled])
    asked = read_questions(EXAMPLES / "questions.csv").questions
    first = [
        topics[0][0] if topics else None for topics in model.assign([question.text for question in asked])
    ]
    right = sum(found == topic for found, topic in zip(first, cycle(TOPICS), strict=False))
    assert right >= 28


def test_each_prior_has_a_source_and_a_date():
    priors = read_table(EXAMPLES / "priors.csv")
    assert priors["source"].null_count() == priors["as_of"].null_count() == 0
    assert set(priors["model"]) == {"llama3.1:8b"}
