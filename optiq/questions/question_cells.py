"""Cells of a question file: options, kind, reference and topics, from typed columns or from JSON text.

Each function takes the raw cell and returns what a :class:`~optiq.questions.question.Question` holds, or raises
:class:`~optiq.errors.InputError` with what the cell says and what it should.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from optiq.errors import InputError
from optiq.files.others_text import parse_json
from optiq.questions.form import inferred_form
from optiq.questions.option_cells import (
    Labelled,
    answers_of_record,
    labelled_options,
    list_or_record,
    parts_between_bars,
)
from optiq.questions.option_letters import MOST_OPTIONS, bare_options, is_list, letters_of
from optiq.questions.question import Kind
from optiq.questions.worked_solutions import answer_of_solution

# Names that priors and statistics use for "any topic" and for the task.
RESERVED_TOPICS = ("*", "open", "choice")

# Smaller figures keep their exponent: 1.6e-19.
_LEAST_WRITTEN_OUT = 1e-9

_KINDS = tuple(kind.value for kind in Kind)
_SEVERAL_ASKED = re.compile(
    r"\b(select|choose|check|mark|pick|tick|name) all\b|\ball (that|which) apply\b", re.IGNORECASE
)
_OPTIONS_EXAMPLE = 'Write a JSON list such as ["a","b"], or a|b.'
_TOPICS_EXAMPLE = 'Write a name, ["a","b"], or [{"topic":"a","weight":0.7},{"topic":"b","weight":0.3}].'


def text_in(value: Any, name: str) -> str:
    """``value`` of column ``name`` as trimmed text, as a person writes it; empty if missing.

    Whole numbers are without decimal point, small ones without exponent, days without a time, bytes are UTF-8.
    """
    if isinstance(value, str):
        return value.strip()
    if value is None or value != value:
        return ""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise InputError(f"{name} is {short(value)}, not UTF-8 text", f"Give {name} as text.") from None
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, list | dict):
        raise InputError(f"{name} is {short(value)}, not text", f"Give {name} as one text.")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a column of whole numbers with gaps is often stored as floats
    if isinstance(value, float) and _LEAST_WRITTEN_OUT <= abs(value) < 1:
        return format(Decimal(str(value)), "f")
    return str(value)


def row_names(values: Sequence[Any]) -> list[str]:
    """The id of each row of a file: as given, else the number of the row, as no given id is.

    ``values`` are the cells of the column question_id; rows count from 1.
    """
    given = [json.dumps(v) if isinstance(v, list | dict) else text_in(v, "question_id") for v in values]
    taken, names = set(given), []
    for number, name in enumerate(given, start=1):
        free = name or str(number)
        while not name and free in taken:
            free = f"row {number}" if free == str(number) else f"{free}'"
        names.append(free)
    return names


def options_in(value: Any) -> tuple[str, ...]:
    """The options in their order, without letters of their own; none for a missing cell or an empty list."""
    return options_and_labels_in(value)[0]


def options_and_labels_in(value: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The options in their order, and what the file calls each, if it calls them anything."""
    if (found := labelled_options(value)) is None:
        raise InputError(f"options is {short(value)}, not a list", _OPTIONS_EXAMPLE)
    return bare_options(_texts_of(found)), found.labels


def _texts_of(found: Labelled) -> tuple[str, ...]:
    if not found.options:
        return ()
    options = tuple(
        "" if isinstance(item, list | dict) else text_in(item, "options") for item in found.options
    )
    if not all(options):
        raise InputError(f"option {options.index('') + 1} is empty or no text", _OPTIONS_EXAMPLE)
    if len(options) < 2:
        raise InputError("there is only 1 option", "Give at least 2, or no options for an open question.")
    if len(options) > MOST_OPTIONS:
        raise InputError(f"there are {len(options)} options", f"Give at most {MOST_OPTIONS}, one per letter.")
    return options


def kind_in(value: Any, question: str, options: tuple[str, ...], reference: Any) -> Kind:
    """The kind (form) as given, or inferred (:mod:`optiq.questions.form`)."""
    name = text_in(value, "kind").lower()
    if name and name not in (*_KINDS, "short"):
        remedy = f"Kinds are {', '.join(_KINDS)}; leave it out to have it inferred."
        raise InputError(f"kind is {short(value)}", remedy)
    if name and Kind(name).has_options and not options:
        raise InputError(f"kind is {name}, but there are no options", "Give options, or set kind to open.")
    if name and not Kind(name).has_options and options:
        raise InputError(f"kind is {name}, but there are options", "Leave out one of the two.")
    if name:
        return Kind(name)
    if not options:
        one = reference if _has_bars(reference) else max(_several(reference), key=len, default=reference)
        one = answer_of_solution(one) if isinstance(one, str) else one
        return inferred_form(question, None if answers_of_record(reference) == [] else one)
    several = (
        _SEVERAL_ASKED.search(question)
        or is_list(reference, options)
        or len(letters_of(reference, options)) > 1
    )
    return Kind.MULTI if several else Kind.CHOICE


def reference_in(value: Any, options: tuple[str, ...], kind: Kind) -> str | None:
    """The gold answer: text as given for open questions, otherwise letters such as ``B`` or ``A, C``.

    Several accepted answers to an open question (a list, JSON text of one, ``a|b``) are JSON text of a list, which
    :func:`accepted` reads.

    A reference that names no option is refused: whatever the answer, it would score 0.
    """
    if kind is Kind.JSON and isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list) and len(value) < 2:
        value = value[0] if value else None
    if answers_of_record(value) == []:
        return None  # nobody can answer it
    if isinstance(value, str) and kind in (Kind.OPEN, Kind.NUMBER):
        value = _member_of_one(answer_of_solution(value))
    takes_several = kind in (Kind.OPEN, Kind.NUMBER) or (kind is Kind.LONG and not _has_bars(value))
    if takes_several and (several := _several(value)):
        return several[0] if len(several) == 1 else json.dumps(several, ensure_ascii=False)
    reference = value if isinstance(value, list) and options else text_in(value, "reference")
    if not reference:
        return None
    if isinstance(reference, str) and not kind.has_options:
        return reference
    letters = letters_of(reference, options)
    if not letters:
        last = chr(ord("A") + len(options) - 1)
        remedy = f"Give a letter from A to {last}, or the option's text"
        read = list_or_record(value) if isinstance(value, str) else value
        members = read if isinstance(read, list) and read else [read]
        counted = all(str(one).strip().removesuffix(".0").isdigit() for one in members)
        remedy += "; a number that counts options: --reference-index 0 (or 1)." if counted else "."
        raise InputError(f"reference is {short(value)}, which names no option", remedy)
    if kind is Kind.CHOICE and len(letters) > 1:
        remedy = "Give one, or set kind to multi."
        raise InputError(f"reference names {len(letters)} options, but kind is choice", remedy)
    return ", ".join(letters)


_OF_ONE = re.compile(r"\s*\[\s*(?:(True|False)|None|nan|''|\"\")\s*\]\s*")


def _member_of_one(text: str) -> str | None:
    """``True`` of ``[True]``, as pandas prints it; None of a list of a gap; else the text."""
    found = _OF_ONE.fullmatch(text)
    return text if found is None else found[1]


def accepted(reference: str) -> tuple[str, ...]:
    """The answers to an open question that ``reference`` accepts: one, or those of a JSON list."""
    if not reference.startswith("["):
        return (reference,)
    return tuple(_several(reference)) or (reference,)


def _has_bars(value: Any) -> bool:
    """Whether several references could only be told apart by bars, which long texts have for other reasons."""
    return isinstance(value, str) and not value.lstrip().startswith(("[", "{"))


def _several(value: Any) -> list[str]:
    """The members of a list, of JSON text of one, or of ``a|b``; empty if ``value`` is one answer."""
    items = list_or_record(value, sets=True) if isinstance(value, str) else value
    if isinstance(items, dict | list) and (told := answers_of_record(items)) is not None:
        return list(dict.fromkeys(told))
    if isinstance(items, dict):
        return []
    if (
        isinstance(value, str)
        and isinstance(items, list)
        and not any(isinstance(item, str) for item in items)
    ):
        return []  # [1, 2] is one answer
    if isinstance(items, str):
        items = parts_between_bars(items)
    if not isinstance(items, list) or any(isinstance(item, list | dict) for item in items):
        return []
    texts = [text_in(item, "reference") for item in items]
    return list(dict.fromkeys(text for text in texts if text))


def topics_in(value: Any) -> tuple[tuple[str, float], ...]:
    """(topic, weight) with weights that sum to 1, from a name, a list of names, or a list of records."""
    if isinstance(value, str):
        return _topics_of_text(value)
    return _weighted(value if isinstance(value, list) else [value])


@lru_cache(maxsize=4096)
def _topics_of_text(text: str) -> tuple[tuple[str, float], ...]:
    value = list_or_record(text)
    return _weighted(value if isinstance(value, list) else [value])


def _weighted(entries: list[Any]) -> tuple[tuple[str, float], ...]:
    weights: dict[str, float] = {}
    for entry in entries:
        name, weight = _topic(entry)
        if name:
            weights[name] = weights.get(name, 0.0) + weight
    total = sum(weights.values())
    return tuple((name, weight / total) for name, weight in weights.items())


def _topic(entry: Any) -> tuple[str, float]:
    # Text again inside a list: a column with names in one row and records in another.
    record = list_or_record(entry) if isinstance(entry, str) else entry
    weight: Any = 1.0
    if isinstance(record, dict):
        if not record.get("topic"):
            raise InputError(f"topic is {short(record)}, without a name", _TOPICS_EXAMPLE)
        record, weight = record["topic"], record.get("weight")
        weight = 1.0 if weight is None else weight
    name = text_in(record, "topic")
    if name.startswith(("[", "{")):
        raise InputError(f"topic is {short(name)}, which is not valid JSON", _TOPICS_EXAMPLE)
    if name in RESERVED_TOPICS:
        raise InputError(f"topic {name!r} is reserved", "Leave the cell empty to have the topic inferred.")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < float("inf"):
        raise InputError(f"topic {name!r} has the weight {short(weight)}", "Give weights above 0.")
    return name, float(weight)


def short(value: Any) -> str:
    """``value`` for a one-line message."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…{shown[-1]}"


def schema_in(value: Any) -> str | None:
    """A JSON schema as text; None for a missing cell. :class:`InputError` for what is no schema."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    remedy = 'Give a JSON schema, such as {"type": "object", "properties": {"name": {"type": "string"}}}.'
    try:
        read = parse_json(value) if isinstance(value, str) else value
    except ValueError:
        raise InputError(f"schema is {short(value)}, no JSON", remedy) from None
    if not isinstance(read, dict):
        raise InputError(f"schema is {short(value)}, no JSON object", remedy)
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(read)
    except SchemaError as fault:
        raise InputError(f"schema is none: {fault.message[:100]}", remedy) from None
    return json.dumps(read, ensure_ascii=False)


def looks_like_schema(value: Any) -> bool:
    """Whether a cell is a JSON schema by its looks: an object that says a type."""
    try:
        read = parse_json(value) if isinstance(value, str) else value
    except ValueError:
        return False
    return isinstance(read, dict) and not {"type", "properties", "$schema", "anyOf", "oneOf"}.isdisjoint(read)


class Chat(NamedTuple):
    """What is asked in a chat, and the answer that it ends with, if it does; both empty for what is no chat."""

    asked: str
    answer: str | None = None


_ROLES = {
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
}


def chat_in(value: Any) -> Chat:
    """A chat (a list of messages with ``role`` and ``content``, or ``from`` and ``value``; or JSON text of one) as the
    text that a model is asked.

    One message of a user is asked as it stands; of several each has its role before it, and what a system says
    stands first. What the model says at the end is no question.
    """
    try:
        messages = parse_json(value) if isinstance(value, str) else value
    except ValueError:
        return Chat("")
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        return Chat("")
    said = [(_role(one), _content(one.get("content", one.get("value")))) for one in messages]
    said = [(role, text) for role, text in said if text]
    answer = said.pop()[1] if said and said[-1][0] == "assistant" else None
    system = [text for role, text in said if role in ("system", "developer")]
    turns = [(role, text) for role, text in said if role not in ("system", "developer")]
    if not turns:
        return Chat("")
    if len(turns) == 1:
        return Chat("\n\n".join([*system, turns[0][1]]), answer)
    return Chat("\n\n".join([*system, *(f"{role}: {text}" for role, text in turns)]), answer)


def _role(message: dict[str, Any]) -> str:
    role = str(message.get("role") or message.get("from") or "user")
    return _ROLES.get(role, role)


def _content(value: Any) -> str:
    """The text of a message: a text, or parts of which some are text."""
    if isinstance(value, list):
        parts = [part.get("text") for part in value if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str)).strip()
    return value.strip() if isinstance(value, str) else ""
