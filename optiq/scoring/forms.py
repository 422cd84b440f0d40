"""Answers that are more than a fact: the text of a long answer, the program, the JSON value in an output.

An output that holds no program or JSON keeps its own words, and is judged as they stand.
"""

from __future__ import annotations

import json
import re
from typing import Any

from optiq.files.others_text import too_deep
from optiq.questions.question import Kind
from optiq.scoring.outputs import spoken
from optiq.text.thinking import split_thinking

_MARK = re.compile(
    r"^\s*(?:#+\s*)?(?:\*\*)?(?:final\s+)?answer(?:\*\*)?\s*:(?:\*\*)?[ \t]*\n?", re.IGNORECASE | re.MULTILINE
)
_GREETING = re.compile(
    r"^(?:sure|certainly|of course|absolutely|great question|here(?:'s| is| are)\b[^\n:]*)[^\n]{0,120}?[:!.]\s*\n+",
    re.IGNORECASE,
)
_FENCED = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_FENCE_LINE = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*$", re.MULTILINE)
# A program defines something; how it is called is shown beside it.
_DEFINES = re.compile(
    r"^\s*(?:async\s+)?(?:def|class|function|func|fn|const|let|var|public|private|static|import|from|#include|create|select|struct|interface|type)\b",
    re.MULTILINE | re.IGNORECASE,
)
_OPENING = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder()


def formed_answer(kind: Kind, output: str) -> str:
    """The answer of ``kind`` (``long``, ``code`` or ``json``) in ``output``."""
    if kind is Kind.CODE:
        return _code(output)
    if kind is Kind.JSON:
        value = json_in(spoken(output))
        return _stated(output) if value is None else json.dumps(value[0], ensure_ascii=False)
    return _stated(output)


def _stated(output: str) -> str:
    """All that is said, after the last ``Answer:`` if there is one, without a greeting."""
    text = spoken(output)
    marks = list(_MARK.finditer(text))
    if marks and text[marks[-1].end() :].strip():
        text = text[marks[-1].end() :]
    return _GREETING.sub("", text.strip(), count=1).strip()


def _code(output: str) -> str:
    """The longest fenced block, if there is one: models show how to run a program after it."""
    said, _ = split_thinking(output)
    fences = list(_FENCE_LINE.finditer(said))
    if (
        len(fences) % 2
        and fences[0][0].strip() in ("```", "~~~")
        and _DEFINES.search(said[: fences[0].start()])
    ):
        return said[: fences[0].start()].strip("\n")  # the template has opened the first fence
    blocks = [found[2].strip("\n") for found in _FENCED.finditer(said)]
    blocks = [block for block in blocks if _DEFINES.search(block)] or blocks
    return max(blocks, key=len) if any(blocks) else _stated(output)


_MOST_OPENINGS = 1000
"""Brackets that open no JSON after which a text is read no further: each costs its length."""


def json_in(text: str) -> tuple[Any] | None:
    """The largest JSON object or list in ``text``, in a tuple; None if there is none."""
    best: tuple[int, Any] | None = None
    place = failed = 0
    while failed < _MOST_OPENINGS and (found := _OPENING.search(text, place)) is not None:
        try:
            value, end = _DECODER.raw_decode(text, found.start())
        except ValueError:
            place, failed = found.end(), failed + 1
            continue
        except RecursionError:  # and so is what begins at each of the next thousand brackets
            return None
        if too_deep(value):  # whoever compares it goes down into it
            return None
        if best is None or end - found.start() > best[0]:
            best = end - found.start(), value
        place = end
    return None if best is None else (best[1],)


def same_fields(answer: str, reference: str) -> float:
    """The share of the fields of two JSON values that agree, 0 to 1; a field that only one has does not.

    A field is a path to a value that is no object or list. Numbers are compared as numbers. What is no JSON agrees
    in nothing.
    """
    told, right = json_in(answer), json_in(reference)
    if told is None or right is None:
        return 0.0
    ours, theirs = dict(_fields(told[0])), dict(_fields(right[0]))
    paths = {*ours, *theirs}
    return sum(path in ours and path in theirs and _equal(ours[path], theirs[path]) for path in paths) / len(
        paths
    )


def _fields(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    if not isinstance(value, dict | list) or not value:
        return [(path, value)]
    items: Any = value.items() if isinstance(value, dict) else enumerate(value)
    return [field for name, part in items for field in _fields(part, (*path, name))]


def _equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, str) and isinstance(theirs, str):
        return ours.strip().casefold() == theirs.strip().casefold()
    return bool(ours == theirs)
