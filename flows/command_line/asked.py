"""What was asked: one question on the command line, or a file of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from flows.declaration import Argument, Option, Request
from optiq.errors import InputError
from optiq.questions.form import inferred_form
from optiq.questions.question import Budget, Kind, Question
from optiq.questions.reading import AS_IT_IS, Reading

if TYPE_CHECKING:
    from optiq.questions.question_file import QuestionFile

Options = Annotated[list[str] | None, Option("A choice; give it once per choice.", "TEXT", flag="--option")]


class OneQuestion(Request):
    """One question."""

    question: Annotated[str, Argument("One question.", '"QUESTION"')]
    option: Options = None


class FileOrQuestion(Request):
    """A question file, or one question."""

    asked: Annotated[str, Argument("A question file, or one question.", 'FILE|"QUESTION"')]


def is_file(argument: str) -> bool:
    """Whether the argument means a file: it exists, or it is one word that ends like a table."""
    from optiq.files.tables import is_named_like_table

    return is_named_like_table(argument) or (len(argument) < 4096 and Path(argument).is_file())


def read_asked(
    argument: str,
    budget: Budget,
    topic: str | None,
    options: list[str] | None = None,
    reading: Reading = AS_IT_IS,
) -> QuestionFile:
    """The questions of a file, or the one question given as text, with the command's limits and topic."""
    from optiq.questions.question_file import QuestionFile, Row, read_questions

    if is_file(argument):
        if options:
            raise InputError(
                "--option goes with one question, not with a file", "Put options into the file's column."
            )
        asked = read_questions(Path(argument), budget, reading)
        return asked if topic is None else asked.with_topic(topic)
    if not argument.strip():
        raise InputError(
            "the question is empty", 'Give a question, such as "What is the capital of Norway?".'
        )
    choices = tuple(options or ())
    if len(choices) == 1:
        raise InputError("one --option makes no choice", "Give --option at least twice, or not at all.")
    form = Kind(reading.form) if reading.form else inferred_form(argument, None)
    kind = Kind.CHOICE if choices else form
    question = Question(
        "1",
        argument.strip(),
        topics=((topic, 1.0),) if topic else (),
        options=choices,
        kind=kind,
        budget=budget,
    )
    return QuestionFile("command line", (Row(1, "1", question, None),))
