"""What an HTTP status and the words with it mean: a fault of the moment, of the request, of the key, of the model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from optiq.errors import (
    AnswerLate,
    AnswerLost,
    ModelNotServed,
    RateLimited,
    RequestRefused,
    ServerBusy,
    ServerError,
    TransientServerError,
)
from optiq.servers.replies import storable
from optiq.servers.usage import part

# Worth another try: time-out, conflict, too early, and every 5xx but "not implemented".
_PASSING = {408, 409, 425}
# A gateway gave up on a server that may have gone on; 529 is "overloaded".
_KINDS = {408: AnswerLate, 502: AnswerLost, 503: ServerBusy, 504: AnswerLate, 529: ServerBusy}
_LONG_S = 60.0
"""A pause that is longer is said: nobody waits for it."""
# Malformed, too large, not understood, refused by law.
_OF_THE_REQUEST = {400, 413, 414, 422, 431, 451}
_TOO_LONG = re.compile(
    r"context.{0,3}(?:length|size|window)|maximum context|exceed_context|"
    r"(?:prompt|input|request) is too (?:long|large)|"
    r"too many (?:input |prompt )?tokens|input length exceeds",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content.?(?:filter|policy|management)|moderation|flagged|safety (?:system|filter)|responsible.?ai",
    re.IGNORECASE,
)


def words_of(body: Any, text: str) -> str:
    """What a body says in words: the message of its error, else how it begins."""
    for place in (("error", "message"), ("error",), ("message",), ("detail",), ("detail", 0, "msg")):
        said = part(body, *place)
        if isinstance(said, str) and said:
            return storable(said)
    return storable(text)


def status_fault(
    server: str, model: str, status: int, message: str, headers: Mapping[str, str], missing_remedy: str
) -> ServerError:
    """The error that an HTTP status means. 404 is read as "no such model"."""
    said = f"{server} answered {status} for {model}: {message[:300] or 'no reason given'}"
    if _TOO_LONG.search(message) and status != 429:
        return RequestRefused(said, "Shorten the question, or take a model with a longer context.")
    if _FILTERED.search(message) and status not in (401, 404, 429):
        return RequestRefused(said, "A content filter refuses this question; another model may not.")
    if status == 404:
        return ModelNotServed(f"{server} has no model {model!r}", missing_remedy)
    if status == 429 or status in _PASSING or (status >= 500 and status != 501):
        kind = RateLimited if status == 429 else _KINDS.get(status, TransientServerError)
        pause_s = retry_after_s(headers)
        if pause_s is None or pause_s <= _LONG_S:
            return kind(said, retry_after_s=pause_s)
        remedy = "Ask again then, or take another server."
        return kind(f"{said}; it wants no call for {pause_s:.0f} s", remedy, retry_after_s=pause_s)
    if status in (401, 403):
        # What the server says here may repeat the key.
        return ServerError(f"{server} answered {status}: the key is missing or refused", "Check the API key.")
    if status in _OF_THE_REQUEST:
        return RequestRefused(said, "The server does not take this request: check the question.")
    return ServerError(said, "The request cannot succeed as it is: check the model and the address.")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The Retry-After header, seconds or a date (RFC 9110, 10.2.3), as seconds from now; None if absent.

    "Now" is the server's own ``Date`` where it tells one: clocks differ, and jump.
    """
    value = headers.get("retry-after")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        moment = _moment(value)
    if moment is None:
        return None
    return max(0.0, (moment - (_moment(headers.get("date")) or datetime.now(UTC))).total_seconds())


def _moment(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
