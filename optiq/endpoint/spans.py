"""OpenTelemetry spans of requests and calls, by the conventions for generative models; nothing without its SDK.

Set up as any program: ``opentelemetry-instrument optiq serve …`` (packages of the extra ``otel``).
"""

from __future__ import annotations

import importlib.util
from datetime import datetime
from functools import cache
from typing import Any

from optiq.endpoint.asked import Asked
from optiq.execution.trace import ANSWERED, Call, Execution


@cache
def _has_sdk() -> bool:
    return importlib.util.find_spec("opentelemetry.sdk") is not None


def _tracer() -> Any:
    """Ours; None where nobody listens."""
    if not _has_sdk():
        return None
    from opentelemetry import trace

    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return None  # nobody has set one up
    return trace.get_tracer("optiq")


def record_spans(execution: Execution, asked: Asked) -> None:
    """A span of the plan, with one of each call in it, at the times at which they were."""
    tracer = _tracer()
    if tracer is None:
        return
    from opentelemetry import trace
    from opentelemetry.trace import Status, StatusCode

    about = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "optiq",
        "gen_ai.request.model": asked.model,
        "optiq.plan": execution.plan.expression,
        "optiq.execution_id": execution.execution_id,
        "optiq.snapshot_id": execution.snapshot_id or "",
        "optiq.cost_usd": execution.cost_usd,
    }
    whole = tracer.start_span(
        f"chat {asked.model}", attributes=_known(about), start_time=_ns(execution.started_at)
    )
    if execution.status != ANSWERED:
        whole.set_status(Status(StatusCode.ERROR))
    inside = trace.set_span_in_context(whole)
    for call in execution.calls:
        part = tracer.start_span(
            f"chat {call.model}",
            context=inside,
            kind=trace.SpanKind.CLIENT,
            attributes=_known(_of_call(call)),
            start_time=_ns(call.started_at),
        )
        if call.error is not None:
            part.set_status(Status(StatusCode.ERROR))
        part.end(_ns(call.started_at) + int(1e9 * (call.latency_s or 0.0)))
    whole.end(_ns(execution.started_at) + int(1e9 * (execution.wall_s or 0.0)))


def _of_call(call: Call) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": call.server or "",
        "gen_ai.request.model": call.model,
        "gen_ai.response.model": call.answered_model,
        "gen_ai.usage.input_tokens": call.prompt_tokens,
        "gen_ai.usage.output_tokens": call.output_tokens,
        "gen_ai.response.finish_reasons": None if call.finish_reason is None else [call.finish_reason],
        "optiq.node": call.node,
        "optiq.cost_usd": call.cost_usd,
    }


def _known(about: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in about.items() if value is not None}


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1e9)
