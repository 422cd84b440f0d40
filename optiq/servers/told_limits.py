"""What a server says of its limits with its answers: how many requests and tokens are left, and until when.

Read are ``x-ratelimit-remaining-requests`` and ``-tokens`` with ``x-ratelimit-reset-…``, as OpenAI names them and most
hosted servers repeat them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping

_KINDS = ("requests", "tokens")
_LONGEST_S = 120.0
"""A reset that is further away is a limit by the hour or day: the server itself will say when it holds."""
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


class ToldLimits:
    """What is left, as last said, less what was begun since; from any thread. Times are those of a monotonic clock."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def heard(self, headers: Mapping[str, str], now_s: float) -> None:
        """Take up what the headers of an answer say; what cannot be read says nothing."""
        for kind in _KINDS:
            left = headers.get(f"x-ratelimit-remaining-{kind}")
            if left is None:
                continue
            reset_s = duration_s(headers.get(f"x-ratelimit-reset-{kind}"))
            with self._lock:
                if reset_s is None or reset_s > _LONGEST_S or not left.strip().isdigit() or len(left) > 15:
                    self._left.pop(kind, None)
                else:
                    self._left[kind] = (float(left), now_s + reset_s)

    def wait_s(self, tokens: int, now_s: float) -> float:
        """Seconds until a call of so many tokens may be begun."""
        if not self._left:
            return 0.0
        wanted = {"requests": 1.0, "tokens": float(tokens)}
        with self._lock:
            short = (until for kind, (left, until) in self._left.items() if left < wanted[kind])
            return max((until - now_s for until in short), default=0.0)

    def begun(self, tokens: int, now_s: float) -> None:
        """A call of so many tokens is begun; what was said of a time that is over holds no more."""
        if not self._left:
            return
        with self._lock:
            taken = {"requests": 1, "tokens": tokens}
            self._left = {
                kind: (left - taken[kind], until)
                for kind, (left, until) in self._left.items()
                if until > now_s
            }


def duration_s(text: str | None) -> float | None:
    """``6m0s``, ``120ms`` or ``12`` (seconds) in seconds; None for what is none."""
    told = (text or "").strip()
    parts = _DURATION.findall(told)
    if parts and "".join(number + unit for number, unit in parts) == told:
        return sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    return float(told) if re.fullmatch(r"\d{1,9}(\.\d+)?", told) else None
