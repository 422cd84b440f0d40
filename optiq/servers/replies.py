"""What a model server sends, made what the trace says: whatever stands in its fields, of whatever type.

Answers come as text, as a list of blocks, as a number or as an object; thinking in fields of many names, in blocks, or
in the text itself. A text is one that can be stored: what is no character becomes U+FFFD.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from optiq.servers.usage import counted, part
from optiq.text.thinking import split_thinking

_THINKING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
_TEXT_FIELDS = ("text", "content", "output_text", "value")
_MOST_WORD = 200


def storable(text: str) -> str:
    """``text`` with pairs of surrogates joined and lone ones replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def word(value: Any) -> str | None:
    """A name or reason in a few words; None where there is none."""
    if value is None or value == "":
        return None
    return storable(value if isinstance(value, str) else json.dumps(value))[:_MOST_WORD]


def answer_and_thinking(content: Any, message: Any = None) -> tuple[str, str]:
    """The text of ``content``, whatever it is, and what was thought: in it, or in the fields of its ``message``."""
    text, in_blocks = _of_blocks(content)
    answer, in_text = split_thinking(text)
    thoughts = [in_blocks, in_text]
    for name in _THINKING_FIELDS:
        if (told := part(message, name)) and not any(thoughts):
            thoughts = ["".join(_of_blocks(told))]
    return storable(answer), storable("\n".join(filter(None, thoughts)))


def _of_blocks(content: Any) -> tuple[str, str]:
    """Text and thinking of a value: of a list, those of its blocks one after the other."""
    if content is None or isinstance(content, str):
        return content or "", ""
    if isinstance(content, list):
        found = [_of_blocks(block) for block in content]
        return "".join(text for text, _ in found), "".join(thinking for _, thinking in found)
    if not isinstance(content, Mapping):
        return json.dumps(content), ""
    kind = str(content.get("type") or "")
    if "think" in kind or "reason" in kind:
        fields = ("thinking", "reasoning", "summary", *_TEXT_FIELDS)
        return "", "".join("".join(_of_blocks(content.get(name))) for name in fields)
    for name in _TEXT_FIELDS:
        if name in content:
            return _of_blocks(content[name])
    return ("", "") if kind else (json.dumps(content), "")


def billed_output(usage: Any, prompt_tokens: int | None, thought: bool) -> tuple[int | None, int | None]:
    """Tokens of an output with its thinking, as they are billed, and those of the thinking alone.

    OpenAI counts thinking among ``completion_tokens``; others beside them, some of them in the total only.
    ``thought``: thinking came with the output.
    """
    output = counted(part(usage, "completion_tokens"))
    thinking = counted(part(usage, "completion_tokens_details", "reasoning_tokens"))
    if thinking is None:
        thinking = counted(part(usage, "reasoning_tokens"))
    total = counted(part(usage, "total_tokens"))
    beside = 0
    if total is not None and prompt_tokens is not None and output is not None:
        beside = total - prompt_tokens - output
    if thinking is None and thought and beside > 0:
        thinking = beside
    if thinking is not None and output is not None and (beside == thinking or output < thinking):
        output += thinking
    return output, thinking
