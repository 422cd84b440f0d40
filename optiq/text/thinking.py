"""What a model thought before it answered, told from the answer by the marks that it sets in its own output.

============================================  =======================================
``<think>…</think>Oslo``                      Qwen, DeepSeek-R1 and most others
``…</think>Oslo``                             where the template has opened the tag
``[THINK]…[/THINK]Oslo``                      Magistral
``◁think▷…◁/think▷Oslo``                      Kimi
``<|channel|>analysis<|message|>…``           gpt-oss (the Harmony format): its channel
``…<|channel|>final<|message|>Oslo``          ``final`` is the answer, the others are not
============================================  =======================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORDS = r"(?:seed:|antml:)?(?:think|thinking|thought|thoughts|reasoning|reflection)"
_OPEN = rf"(?:<\|?{_WORDS}\|?>|\[{_WORDS}\]|◁think▷)"
_CLOSE = rf"(?:<\|?/{_WORDS}\|?>|\[/{_WORDS}\]|◁/think▷)"
_BEGINS = re.compile(rf"\s*{_OPEN}", re.IGNORECASE)
_ENDS = re.compile(_CLOSE, re.IGNORECASE)
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>")
_HARMONY = re.compile(r"<\|(?:start|end|return|call|message|channel|constrain)\|>")
_ROLE = re.compile(r"<\|start\|>\s*\w+|\A\s*assistant\s*\Z")
# What is left of Harmony where a server lets no special token out.
_BARE_HARMONY = re.compile(r"\s*analysis(?=[A-Z\W])(.*?)assistantfinal(.*)\Z", re.DOTALL)


def split_thinking(text: str) -> tuple[str, str]:
    """``text`` as answer and thinking, either may be empty. Thinking that was cut off leaves no answer."""
    if "<|channel|>" in text:
        return _channels(text)
    if bare := _BARE_HARMONY.match(text):
        return bare[2].strip(), bare[1].strip()
    thoughts: list[str] = []
    while opened := _BEGINS.match(text):
        closed = _ENDS.search(text, opened.end())
        if closed is None:
            return "", _joined(thoughts, text[opened.end() :])
        thoughts.append(text[opened.end() : closed.start()])
        text = text[closed.end() :]
    if not thoughts and (closed := _ENDS.search(text)) is not None:
        thoughts.append(text[: closed.start()])
        text = text[closed.end() :]
    return (text.strip(), _joined(thoughts)) if thoughts else (text, "")


def _channels(text: str) -> tuple[str, str]:
    first, *parts = _CHANNEL.split(text)
    said = [("final", first), *zip(parts[::2], parts[1::2], strict=True)]
    plain = [(name, _HARMONY.sub("", _ROLE.sub("", part)).strip()) for name, part in said]
    return (
        _joined(part for name, part in plain if name == "final"),
        _joined(part for name, part in plain if name != "final"),
    )


def _joined(parts: Iterable[str], *more: str) -> str:
    return "\n".join(part.strip() for part in [*parts, *more] if part.strip())
