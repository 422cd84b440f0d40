"""Outputs held to the letters of a question's options, in the ways that servers take it.

llama.cpp takes a grammar; Ollama a JSON schema (``format``); OpenAI-compatible servers ``response_format``,
whose schema must be an object. Whatever the way, the text that comes back is ``B``, or ``A, C``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from optiq.files.others_text import parse_json
from optiq.servers.protocol import GenerateRequest

_MOST_JSON_TOKENS = 12
_SCAFFOLDS = ('{"answer":["', '{"answer":"', '["', '"')
_LETTER = re.compile(r'"([A-Z])(?:"|\Z)')
_CUT_ANSWER = re.compile(r'\s*(?:\{\s*"answer"\s*:\s*)?"([A-Z])"?\s*')


def fits_json(request: GenerateRequest) -> bool:
    """Whether the output may be long enough for the JSON around a letter."""
    cap = request.max_output_tokens
    return cap is None or cap + request.letters_room >= _MOST_JSON_TOKENS


def schema(request: GenerateRequest) -> dict[str, Any]:
    """The JSON schema of a letter, or of a list of letters."""
    letter = {"type": "string", "enum": list(request.letters)}
    if not request.several_letters:
        return letter
    return {"type": "array", "items": letter, "minItems": 1, "maxItems": len(request.letters)}


def response_format(request: GenerateRequest) -> dict[str, Any]:
    """The same in an object, as OpenAI's API wants it."""
    whole = {
        "type": "object",
        "properties": {"answer": schema(request)},
        "required": ["answer"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": whole}}


def grammar(letters: Sequence[str], several: bool) -> str:
    """The GBNF grammar of one letter, or of several in order, none twice: ``A, C``."""
    if not several:
        return 'root ::= " "? (' + " | ".join(f'"{letter}"' for letter in letters) + ")"
    rules = ['root ::= " "? s0']
    for place, letter in enumerate(letters):
        rest = f"s{place + 1}"
        more = f' (", " {rest})? | {rest}' if place + 1 < len(letters) else ""
        rules.append(f's{place} ::= "{letter}"{more}')
    return "\n".join(rules)


def read_letters(text: str, request: GenerateRequest) -> tuple[str, bool]:
    """``text`` as the letters that it says in JSON, else as it is; and whether it said nothing else.

    JSON that was cut counts as far as it goes; where that is to no letter, nothing was said.
    """
    letters = plain_letters(text, request)
    if letters is not None:
        return letters, True
    bare = "".join(text.split())
    return ("", False) if bare and any(whole.startswith(bare) for whole in _SCAFFOLDS) else (text, False)


def are_letters(text: str, request: GenerateRequest) -> bool:
    """Whether ``text`` is what :func:`grammar` allows."""
    found = text.strip().split(", ")
    return all(part in request.letters for part in found) and (len(found) == 1 or request.several_letters)


def plain_letters(text: str, request: GenerateRequest) -> str | None:
    """The letters in the JSON that a server gave, as ``A, C``; None if it is something else.

    JSON that was cut off counts as far as it goes.
    """
    try:
        value = parse_json(text)
    except ValueError:
        found = _LETTER.findall(text) if text.lstrip()[:1] in ("[", "{") else []
        if not request.several_letters:
            cut = _CUT_ANSWER.fullmatch(text)
            found = [cut[1]] if cut else []
        value = found or None
    if isinstance(value, dict):
        value = value.get("answer")
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(item in request.letters for item in found):
        return None
    if len(found) > 1 and not request.several_letters:
        return None
    return ", ".join(sorted(set(found)))
