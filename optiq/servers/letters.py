"""Outputs held to the letters of a question's options, in the ways that servers take it.

llama.cpp takes a grammar; Ollama a JSON schema (``format``); OpenAI-compatible servers ``response_format``,
whose schema must be an object. Whatever the way, the text that comes back is ``B``, or ``A, C``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from optiq.servers.protocol import GenerateRequest

_MOST_JSON_TOKENS = 12
_LETTER = re.compile(r'"([A-Z])"')


def fits_json(request: GenerateRequest) -> bool:
    """Whether the output may be long enough for the JSON around a letter."""
    return request.max_output_tokens is None or request.max_output_tokens >= _MOST_JSON_TOKENS


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


def plain_letters(text: str, request: GenerateRequest) -> str | None:
    """The letters in the JSON that a server gave, as ``A, C``; None if it is something else.

    A list that was cut off counts as far as it goes.
    """
    try:
        value = json.loads(text)
    except ValueError:
        value = _LETTER.findall(text) if request.several_letters and text.lstrip()[:1] in ("[", "{") else None
    if isinstance(value, dict):
        value = value.get("answer")
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(item in request.letters for item in found):
        return None
    if len(found) > 1 and not request.several_letters:
        return None
    return ", ".join(sorted(set(found)))
