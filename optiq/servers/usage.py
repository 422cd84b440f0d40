"""Counts of tokens and times as model servers tell them, made what the trace says: a number that somebody counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

_MOST_TOKENS = 10**7  # more than any context holds; PerfDB believes no more
_MOST_S = 3600.0
_OBJECT = (dict, Mapping)  # dict first: asking an abstract class takes ten times as long


def part(whole: Any, *path: str | int) -> Any:
    """What stands at ``path`` of a JSON value; None where there is nothing."""
    for step in path:
        if isinstance(whole, _OBJECT):
            whole = whole.get(step)
        elif isinstance(whole, list) and isinstance(step, int) and -len(whole) <= step < len(whole):
            whole = whole[step]
        else:
            return None
    return whole


def counted(value: Any) -> int | None:
    """A number of tokens; None where nobody counted: absent, 0 or less, no whole number, or beyond belief."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST_TOKENS:
        return None
    return int(value) if value == int(value) else None


def seconds(value: Any, per_second: float = 1000.0) -> float | None:
    """A time in seconds from one in milliseconds (or ``per_second``); None for what is no time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value / per_second if 0 <= value <= _MOST_S * per_second else None


def worked(body: Any) -> tuple[float | None, float | None]:
    """Seconds that a server in OpenAI's dialect read the prompt for, and wrote, where it says so in a way of its own.

    llama.cpp's ``timings`` in milliseconds, Cerebras' ``time_info``, or Groq's among ``usage``.
    """
    timings = part(body, "timings")
    if timings is not None:
        return seconds(part(timings, "prompt_ms")), seconds(part(timings, "predicted_ms"))
    times = part(body, "time_info") or part(body, "usage")
    return seconds(part(times, "prompt_time"), 1), seconds(part(times, "completion_time"), 1)


def counted_so_far(timings: Any) -> dict[str, int]:
    """The usage of an answer that was ended before its end, from what llama.cpp tells with each token."""
    read, cached = (none_or_counted(part(timings, name)) for name in ("prompt_n", "cache_n"))
    written = counted(part(timings, "predicted_n"))
    usage = {} if read is None else {"prompt_tokens": read + (cached or 0)}
    return usage if written is None else {**usage, "completion_tokens": written}


def idle_s(latency_s: float, load_s: float | None, *worked_s: float | None) -> float | None:
    """What is left of ``latency_s`` when a server has told what it loaded, read and wrote for: its queue, and the way.

    None where it does not tell all that it worked for.
    """
    told = [part_s for part_s in worked_s if part_s is not None]
    return max(latency_s - (load_s or 0.0) - sum(told), 0.0) if len(told) == len(worked_s) else None


def cached_tokens(usage: Any, timings: Any, prompt_tokens: int | None) -> int | None:
    """How many of the prompt's tokens the server took from its prompt cache; None where it does not say.

    OpenAI's ``usage.prompt_tokens_details.cached_tokens``, or llama.cpp's ``timings``: ``cache_n``, and without it
    what ``prompt_n``, the tokens that ``prompt_ms`` was spent on, leaves of the prompt.
    """
    if prompt_tokens is None:
        return None
    told = none_or_counted(part(usage, "prompt_tokens_details", "cached_tokens"))
    if told is None:
        told = none_or_counted(part(timings, "cache_n"))
    if told is None and (read := none_or_counted(part(timings, "prompt_n"))) is not None:
        told = prompt_tokens - read
    return None if told is None else min(max(told, 0), prompt_tokens)


class SeenPrompts:
    """The latest prompts of each model: whether a server that does not say so had a good part of one in its cache."""

    def __init__(self, most: int = 16) -> None:
        self._latest: dict[str, deque[str]] = {}
        self._most = most

    def fresh(self, model: str, prompt: str) -> bool:
        """Whether less than half of ``prompt`` begins as a prompt that ``model`` read lately; it is kept as one."""
        latest = self._latest.setdefault(model, deque(maxlen=self._most))
        half = prompt[: (len(prompt) + 1) // 2]
        fresh = not any(earlier.startswith(half) for earlier in latest)
        latest.append(prompt)
        return fresh


def none_or_counted(value: Any) -> int | None:
    """A number of tokens that may be none of them: 0 is a count here."""
    return 0 if value == 0 and not isinstance(value, bool) else counted(value)
