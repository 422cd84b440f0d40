"""What a client is told that gets no answer: status, and an error in the form of OpenAI's API."""

from __future__ import annotations

import re
from typing import Any

from optiq.errors import (
    AnswerLost,
    ConfigurationError,
    InfeasibleError,
    InputError,
    ModelNotServed,
    OptiqError,
    PerfDBError,
    RateLimited,
    RequestRefused,
    ServerError,
    UnknownName,
)

_ADDRESS = re.compile(r" at https?://[^\s,;()]+")
"""How faults of a model server name its address; their remedy is then one for whoever runs it."""


class Refusal(OptiqError):
    """A request that gets no answer. ``kind`` and ``code`` are OpenAI's ``type`` and ``code``, ``param`` the field."""

    def __init__(
        self,
        status: int,
        message: str,
        remedy: str = "",
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message, remedy)
        self.status, self.kind, self.code, self.param = status, kind, code, param
        self.retry_after_s = retry_after_s
        self.more = more or {}

    def body(self) -> dict[str, Any]:
        """The error as OpenAI writes it; what we add stands under ``optiq``."""
        error = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        return {"error": error, **({"optiq": self.more} if self.more else {})}

    @property
    def headers(self) -> dict[str, str]:
        """When to come back, if that would help; the end of the connection, where not all of the request was read."""
        if self.status in (408, 413):
            return {"connection": "close"}
        if self.retry_after_s is None:
            return {}
        return {"retry-after": str(max(1, round(self.retry_after_s)))}


def without_addresses(text: str) -> str:
    """``text`` without the addresses of model servers in it."""
    return _ADDRESS.sub("", text)


def refusal_of(fault: Exception) -> Refusal:
    """What a client is told of a fault."""
    if isinstance(fault, Refusal):
        return fault
    if not isinstance(fault, OptiqError):
        return Refusal(500, f"a fault of Optiq itself: {type(fault).__name__}", kind="server_error")
    if isinstance(
        fault, PerfDBError | ConfigurationError
    ):  # where our files are is no matter of who asks, either
        why = "a file that requests are answered with cannot be used now"
        told = "Whoever runs this server is told why."
        return Refusal(503, why, told, kind="server_error", code="not_ready", retry_after_s=5)
    said = fault.message, fault.remedy
    if isinstance(fault, ServerError):  # where the model servers are is no matter of who asks
        said = without_addresses(fault.message), "" if _ADDRESS.search(fault.message) else fault.remedy
    if isinstance(fault, UnknownName | ModelNotServed):
        return Refusal(404, *said, code="model_not_found", param="model")
    if isinstance(fault, InfeasibleError):
        return Refusal(422, *said, code="no_plan_within_limits")
    if isinstance(fault, InputError):
        return Refusal(400, *said)
    if isinstance(fault, RequestRefused):
        long = "context" in fault.message or "too long" in fault.message
        return Refusal(400, *said, code="context_length_exceeded" if long else "refused_by_model_server")
    if isinstance(fault, RateLimited):
        return Refusal(
            429,
            *said,
            kind="rate_limit_error",
            code="rate_limit_exceeded",
            retry_after_s=fault.retry_after_s or 1,
        )
    if isinstance(fault, AnswerLost):
        return Refusal(502, *said, kind="server_error", code="answer_lost")
    if isinstance(fault, ServerError):
        return Refusal(502, *said, kind="server_error", code="model_server_failed")
    return Refusal(500, *said, kind="server_error")
