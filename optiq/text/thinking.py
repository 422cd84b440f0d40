"""What a model thought before it answered, told from the answer by the marks that it sets in its own output.

=================================================  =======================================
``<think>…</think>Oslo``                           Qwen, DeepSeek-R1 and most others
``…</think>Oslo``                                  where the template has opened the tag
``[THINK]…[/THINK]Oslo``                           Magistral
``◁think▷…◁/think▷Oslo``                           Kimi
``<seed:think>…``                                  Seed-OSS
``<|START_THINKING|>…<|END_THINKING|>``            Command A
``<|begin_of_thought|>…<|end_of_thought|>``        Sky-T1, OpenThinker
``<unused94>…<unused95>``                          MedGemma
``Thinking...…...done thinking.``                  what Ollama's own shell prints
``<scratchpad>``, ``<inner_thoughts>``, …          where a prompt asks for it
``<details type="reasoning">``, fenced thinking    front ends
``<|channel|>analysis<|message|>…``                gpt-oss (the Harmony format): its channel
``…<|channel|>final<|message|>Oslo``               ``final`` is the answer, the others are not
=================================================  =======================================

A thought that is opened and closed counts wherever it stands, one that is only opened at the start alone: a text may
speak of a tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAME = r"(?:\w+:)?(?:(?!start_|end_|begin_)[a-z]+_)?(?:think(?:ing)?|thoughts?|reasoning)(?:_content)?"
# Words for it that a text can have as tags of its own: at the start only.
_OTHER_NAME = (
    r"(?:reflection|analysis|scratch_?pad|(?:inner_)?monologue|rationale|cot|chain_of_thought|planning)"
)
_MARKS = tuple(
    (re.compile(start, re.IGNORECASE), re.compile(end, re.IGNORECASE), anywhere)
    for start, end, anywhere in (
        (rf"<\|?{_NAME}\b[^<>|]*\|?>", rf"<\|?/{_NAME}\s*\|?>", True),
        (rf"<{_OTHER_NAME}\b[^<>]*>", rf"</{_OTHER_NAME}\s*>", False),
        (r"\[(?:THINK(?:ING)?|THOUGHTS?|REASONING)\]", r"\[/(?:THINK(?:ING)?|THOUGHTS?|REASONING)\]", True),
        (r"◁think▷", r"◁/think▷", True),
        (r"<\|(?:begin_of_thought|START_THINKING)\|>", r"<\|(?:end_of_thought|END_THINKING)\|>", True),
        (r"<\|thinking\|>", r"<\|end_thinking\|>", True),
        (r"<unused94>(?:thought\s)?", r"<unused95>", True),
        (r"<details\b[^<>]*\breasoning\b[^<>]*>", r"</details>", True),
        (rf"<details\b[^<>]*>\s*<summary>[^<>]{{0,30}}{_NAME}[^<>]{{0,30}}</summary>", r"</details>", True),
        (r"```(?:thinking|thoughts?|reasoning)\n", r"```", False),
        (r"Thinking\.\.\.\s*\n", r"\.\.\.\s?done thinking\.?", False),
    )
)
"""How a thought begins and ends, and whether it can stand after the start of a text."""

_CLOSED_ONLY = tuple(
    end for _, end, _ in _MARKS if end.pattern not in ("```", "</details>", rf"</{_OTHER_NAME}\s*>")
)
_LOOKS = re.compile(
    r"think|thought|reason|reflect|analysis|scratch|monologue|rationale|cot|planning|unused9", re.IGNORECASE
)
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>")
_HARMONY = re.compile(r"<\|(?:start|end|return|call|message|channel|constrain)\|>")
_ROLE = re.compile(r"<\|start\|>\s*\w+|\A\s*assistant\s*\Z")
# What is left of Harmony where a server lets no special token out.
_BARE_HARMONY = re.compile(r"\s*analysis(?=[A-Z0-9\W])(.*?)assistantfinal(.*)\Z", re.DOTALL)


def split_thinking(text: str) -> tuple[str, str]:
    """``text`` as answer and thinking, either may be empty. Thinking that was cut off leaves no answer."""
    if "<|channel|>" in text:
        return _channels(text)
    if not _LOOKS.search(text):
        return text, ""
    if bare := _BARE_HARMONY.match(text):
        return bare[2].strip(), bare[1].strip()
    thoughts: list[str] = []
    rest = text
    while (opened := _opening(rest)) is not None:
        start, end, closes = opened
        closed = closes.search(rest, end)
        if closed is None:
            return "", _joined(thoughts, rest[end:])
        thoughts.append(rest[end : closed.start()])
        rest = rest[:start] + rest[closed.end() :]
    closings = [match for closes in _CLOSED_ONLY for match in closes.finditer(rest)]
    if closings:
        last = max(closings, key=lambda match: match.end())
        thoughts.append(rest[: last.start()])
        rest = rest[last.end() :]
    return (rest.strip(), _joined(thoughts)) if thoughts else (text, "")


def _opening(text: str) -> tuple[int, int, re.Pattern[str]] | None:
    """Where the next thought begins, what closes it; a thought after the start counts only if it is closed."""
    at = len(text) - len(text.lstrip())
    for begins, ends, _ in _MARKS:
        if (match := begins.match(text, at)) is not None:
            return match.start(), match.end(), ends
    found = [
        (match.start(), match.end(), ends)
        for begins, ends, anywhere in _MARKS
        if anywhere and (match := begins.search(text)) is not None and ends.search(text, match.end())
    ]
    return min(found, default=None, key=lambda item: item[0])


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
