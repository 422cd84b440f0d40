"""Which form of answer a question asks for, where nobody says it: documented rules, the first that fits.

1. With options: ``multi`` if the question asks for all that apply or the reference names several, else ``choice``.
2. ``code`` if the question leaves a function or class to be written (:mod:`optiq.questions.code_stub`) and says nothing
   beside it, or nothing that asks to explain and the like, or ends in a question mark.
3. With a reference: ``json`` if that is a JSON object or a list of objects, ``code`` if it is fenced or has a line that
   only programs have, ``long`` from 26 words or several lines; if the question orders more than its reference shows
   (:func:`optiq.questions.long_requests.orders_a_text`), ``code`` for a program, else ``long``; else ``open``.
4. Without: ``json`` if the question asks for JSON, ``code`` if it asks to write a program, ``long`` if it asks to
   explain, describe, summarise and the like, or for sentences (:mod:`optiq.questions.long_requests`); else ``open``.

``number`` is never inferred: a figure is a short answer as well, and is judged as one.
"""

from __future__ import annotations

import re

from optiq.files.others_text import parse_json
from optiq.questions.code_stub import leaves_a_brace_open, stub_in
from optiq.questions.long_requests import asks_for_long, orders_a_text
from optiq.questions.question import Kind

LONG_WORDS = 26
"""Words from which on a reference is a long answer."""

_JSON_ASKED = re.compile(
    r"\b(?:as|in|valid|return|output|respond with|only)\s+(?:a\s+|an\s+|valid\s+|one\s+)*json\b|"
    r"\bjson\s+(?:object|array|list|format|document|only)\b",
    re.IGNORECASE,
)
_PROGRAM = (
    r"(?:function|program|script|regex|regular expression|class|method|code|(?:sql\s+)?query|unit tests?)"
)
_LANGUAGE = (
    r"(?:python|javascript|typescript|java|c\+\+|c#|rust|golang|sql|bash|ruby|php|kotlin|swift|haskell)"
)
_CODE_ORDER = (
    rf"\b(?:write|implement|create|give|complete|refactor|fix|show)\b[^.?!\n]{{0,60}}?\b{_PROGRAM}\b"
    rf"(?:\s+(?:that|which|to|for|in|using|called|named|with|of|returning)\b|\s+`|\s+\w+\(|[.:?!]|$)"
)
_CODE_ORDERED = re.compile(_CODE_ORDER, re.IGNORECASE)
_CODE_ASKED = re.compile(rf"{_CODE_ORDER}|\b{_LANGUAGE}[^.?!\n]{{0,20}}?\b{_PROGRAM}\b", re.IGNORECASE)
# To look for words that a search needs takes a tenth of its time, and most questions have none of them.
_OF_PROGRAMS = (
    "function", "program", "script", "regex", "regular expression", "class", "method", "code", "query", "unit test"
)  # fmt: skip
_FENCE = re.compile(r"^\s*(?:```|~~~)", re.MULTILINE)
_CODE_LINE = re.compile(
    r"^\s*(?:def \w+\(.*\)\s*(?:->.*)?:|class \w+.*:|import \w+|from \w[\w.]* import |"
    r"assert .*(?:==|\w\()|#include\s*<|function \w+\(|"
    r"(?:public|private|static) .*[({]|(?:const|let|var) \w+ =|select\b.+\bfrom\b)",
    re.MULTILINE | re.IGNORECASE,
)


def inferred_form(question: str, reference: object) -> Kind:
    """The form of a question without options, by the rules above."""
    if _is_left_to_write(question):
        return Kind.CODE
    if reference is None or not str(reference).strip():
        return _asked_for(question)
    if isinstance(reference, dict):
        return Kind.JSON
    return _given(question, str(reference))


def _is_left_to_write(question: str) -> bool:
    if leaves_a_brace_open(question):
        return True
    stub = stub_in(question)
    return stub is not None and not (stub.prose.endswith("?") or asks_for_long(stub.prose))


def _given(question: str, reference: str) -> Kind:
    if _is_json(reference):
        return Kind.JSON
    if _FENCE.search(reference) or _CODE_LINE.search(reference):
        return Kind.CODE
    lines = [line for line in reference.splitlines() if line.strip()]
    if len(reference.split()) >= LONG_WORDS or len(lines) > 1:
        return Kind.LONG
    if not orders_a_text(question, reference):
        return Kind.OPEN
    return Kind.CODE if _CODE_ORDERED.search(question) else Kind.LONG


def _is_json(text: str) -> bool:
    """Whether it is a JSON object or a list of objects: a list of texts is a list of references."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        value = parse_json(text)
    except ValueError:
        return False
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(one, dict) for one in value)
    )


def _asked_for(question: str) -> Kind:
    said = question.casefold()
    if "json" in said and _JSON_ASKED.search(question):
        return Kind.JSON
    if any(word in said for word in _OF_PROGRAMS) and _CODE_ASKED.search(question):
        return Kind.CODE
    return Kind.LONG if asks_for_long(question) else Kind.OPEN
