"""What other files call our columns: what is not read but looks like one of ours is pointed out with the flag."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Sequence
from string import ascii_lowercase, digits

import polars as pl

from optiq.errors import InputError, OptiqWarning
from optiq.questions.metric import LIMITS, METRICS
from optiq.questions.parts import holds_chats, keys_of_records
from optiq.questions.reading import COLUMNS, Reading

_OFTEN = {
    "question": (
        "prompt",
        "query",
        "problem",
        "instruction",
        "input",
        "text",
        "questions",
        "question_text",
        "question_stem",
        "stem",
        "goal",
        "ctx",
        "statement",
        "sentence",
    ),
    "options": ("choices", "alternatives", "candidates", "endings"),
    "reference": (
        "answer",
        "answers",
        "gold",
        "target",
        "label",
        "expected",
        "ideal",
        "ground_truth",
        "solution",
        "correct",
        "references",
        "answerkey",
        "answer_key",
        "answer_idx",
        "answer_index",
        "answer_number",
        "correct_answer",
        "correct_answers",
        "best_answer",
        "possible_answers",
        "correct_option",
        "correct_idx",
        "final_decision",
        "cop",
        "gold_answer",
    ),
    "topic": ("category", "subject", "subject_name", "domain", "topics", "tag"),
    "question_id": ("id", "qid", "uid", "idx"),
}
"""What other files call our columns, the likeliest first."""

_READ_BESIDE = ("context", "passage", "paragraph", "article", "document", "story")
"""What other files call a text that the question is about."""

_ONE_OPTION = re.compile(
    r"(?P<stem>(?:op|opt|option|choice|answer|ending|candidate|sol)s?[ _-]?|)(?P<label>[a-z]|\d)", re.I
)
"""What other files call columns of one option each."""

_LOOKS_LIKE_A_LIMIT = re.compile(
    f"(max|min)_?(price|usd|time|quality|{'|'.join(f'{m.word}|{m.noun}' for m in METRICS)})", re.I
)


def check_columns(frame: pl.DataFrame, source: str, reading: Reading) -> None:
    """Warn (:class:`~optiq.errors.OptiqWarning`) of columns that are not read but look like ours.

    :class:`~optiq.errors.InputError` if there are no questions, or a column looks like a limit but is none: a limit
    that is read past would be money spent against the user's will.
    """
    filled = [name for name in frame.columns if frame[name].null_count() < frame.height]
    found = _found(frame, filled, asked_whole=reading.template is not None)
    if "question" not in frame.columns:
        raise InputError(
            f"{source} has no column 'question'; its columns are {', '.join(map(repr, frame.columns)) or 'none'}",
            "Name the column that holds the questions 'question', or say which it is: --column question=NAME."
            + _other_questions(frame, filled, found),
        )
    if reading.template is None and (keys := keys_of_records(frame["question"])):
        flags = [f"--column {shlex.quote(f'{ours}={name}')}" for ours, name in found.items() if "." in name]
        part = "Read a part of them" + (
            f": {' '.join(flags)}." if flags else ", such as --column question=question.text."
        )
        raise InputError(
            f"the questions of {source} are no texts, but records of {', '.join(keys)}",
            f"{part} To ask them whole: --template '{{question}}'.",
        )
    for ours, name in found.items():
        if ours not in frame.columns and name not in COLUMNS:
            several = "," in name
            what = f"the columns {name} of {source} are" if several else f"the column {name!r} of {source} is"
            holds = "they hold" if several else "it holds"
            _warn(
                f"{what} not read; if {holds} what we call {ours!r}, add --column {shlex.quote(f'{ours}={name}')}"
            )
    if reading.template is None and (beside := [name for name in filled if name.lower() in _READ_BESIDE]):
        template = shlex.quote(f"{{{beside[0]}}} {{question}}")
        _warn(
            f"the column {beside[0]!r} of {source} is not read; if questions are about it, add --template {template}"
        )
    for name in frame.columns:
        if name not in LIMITS and _LOOKS_LIKE_A_LIMIT.match(name):
            raise InputError(
                f"{source} has a column {name!r}, which is no limit",
                f"Limits are {', '.join(LIMITS)}: rename or drop it.",
            )


def _found(frame: pl.DataFrame, filled: Sequence[str], asked_whole: bool) -> dict[str, str]:
    """Our names, and what the file may call them: a column, a part of one, or several of one option each."""
    by_name = {_plain(name): name for name in reversed(filled)}
    found = {}
    for ours, often in _OFTEN.items():
        if names := [by_name[name] for name in (ours, *often) if name in by_name]:
            found[ours] = names[0]
    nested = [name for name in filled if not (asked_whole and name == "question")]
    for ours in ("question", "options"):  # a column 'question' may hold records
        if found.get(ours, "question") == "question" and (part := _found_part(frame, nested, ours)):
            found[ours] = part
    if "options" not in frame.columns and (several := _columns_of_options(filled)):
        found["options"] = ",".join(several)
    return found


def _found_part(frame: pl.DataFrame, filled: Sequence[str], ours: str) -> str:
    """The part of a record that may be ``ours``: questions are in one that is called so itself, options anywhere."""
    wanted = (ours, *_OFTEN[ours])
    parts = {
        _plain(key): f"{name}.{key}"
        for name in reversed(filled)
        if (ours == "options" or _plain(name) in wanted) and _may_hold_records(frame[name])
        for key in keys_of_records(frame[name])
        if "." not in key
    }
    return next((parts[name] for name in wanted if name in parts), "")


def _may_hold_records(column: pl.Series) -> bool:
    first = column.drop_nulls().first()
    return isinstance(first, dict) or (isinstance(first, str) and first.lstrip().startswith("{"))


def _plain(name: str) -> str:
    return re.sub(r"[ -]+", "_", name.strip()).lower()


def _other_questions(frame: pl.DataFrame, filled: Sequence[str], found: dict[str, str]) -> str:
    """What may hold the questions instead."""
    if chats := [name for name in filled if holds_chats(frame[name])]:
        return f" Or read the chats in {chats[0]!r}: --column {shlex.quote(f'messages={chats[0]}')}"
    if "question" in found:
        return f" Or read {found['question']!r}: --column {shlex.quote('question=' + found['question'])}"
    return ""


def _columns_of_options(columns: Sequence[str]) -> list[str]:
    """The columns that may hold an option each: two or more whose labels follow on each other, from the first one.

    Two without a word before their labels may be anything.
    """
    stems: dict[str, list[tuple[str, str]]] = {}
    for name in columns:
        if told := _ONE_OPTION.fullmatch(name.strip()):
            stems.setdefault(told["stem"].lower(), []).append((told["label"].lower(), name))
    for stem, found in stems.items():
        labels = "".join(label for label, _ in found)
        if len(labels) > (1 if stem else 2) and any(
            every.startswith(labels) for every in (ascii_lowercase, digits, digits[1:])
        ):
            return [name for _, name in found]
    return []


def _warn(text: str) -> None:
    warnings.warn(text, OptiqWarning, stacklevel=5)
