"""OpenTelemetry GenAI spans: OTLP as JSON (one request a file or a line) and what the SDKs' console exporters print.

``input_tokens`` include cached ones. A stream without usage has no tokens at all. There is no cost and no right answer.
Names of attributes are those of the current conventions, with those that they replaced.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from optiq.formats.chat import asked_in, count, text_of
from optiq.formats.json_stream import loads
from optiq.formats.protocol import Answer, Item, NoAnswer, Refused, Role, Wanted
from optiq.formats.source import Source, shown

_TEXT = ("chat", "text_completion", "completion", "generate_content", "responses")
_EVENT = "gen_ai.client.inference.operation.details"


class OpenTelemetry:
    """Reads spans."""

    name = "otel"
    title = "OpenTelemetry GenAI spans (OTLP JSON, SDK JSON)"
    tried_on = (
        "opentelemetry-instrumentation-openai-v2 2.4b0, opentelemetry-instrumentation-openai 0.49.0, 0.62.4"
    )

    def recognises(self, source: Source) -> Role | None:
        """OTLP by resourceSpans, spans of an SDK by context and attributes."""
        for head in source.heads:
            if "resourceSpans" in head or "resource_spans" in head:
                return Role.ANSWERS
            if {"context", "attributes", "start_time"} <= head.keys() and "parent_id" in head:
                return Role.ANSWERS
            if (
                "resourceLogs" in head
                or "resource_logs" in head
                or {"body", "attributes", "severity_number"} <= head.keys()
            ):
                return Role.BESIDE
        return None

    def read(self, source: Source, wanted: Wanted) -> Iterator[Item]:
        """One answer per span that asked a model for text."""
        told = _messages_beside(self, source)
        number = 0
        for place, value, content in source.objects():
            if isinstance(value, str):
                yield Refused(place, value, content)
                continue
            spans = list(_spans(value))
            if not spans:
                yield NoAnswer("records without spans (metrics, logs)")
            for span in spans:
                number += 1
                try:
                    yield _item(place, span, told)
                except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as fault:
                    yield Refused(place, f"not a span as OpenTelemetry writes it: {fault!r}", shown(span))


def _spans(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    resources = value.get("resourceSpans", value.get("resource_spans"))
    if not isinstance(resources, list):
        if "attributes" in value and ("context" in value or "spanId" in value):
            yield value
        return
    for resource in resources:
        for scope in resource.get("scopeSpans", resource.get("scope_spans")) or ():
            yield from scope.get("spans") or ()


def _attributes(value: Any) -> dict[str, Any]:
    """Attributes as a dict: an SDK has it, OTLP a list of key and typed value."""
    if isinstance(value, dict):
        return value
    return {
        one["key"]: _typed(one.get("value")) for one in value or () if isinstance(one, dict) and "key" in one
    }


def _typed(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        return value
    kind, held = next(iter(value.items()))
    kind = kind.replace("_v", "V")
    if kind == "intValue":
        return int(held)
    if kind == "arrayValue":
        return [_typed(one) for one in (held or {}).get("values") or ()]
    if kind == "kvlistValue":
        return {one["key"]: _typed(one.get("value")) for one in (held or {}).get("values") or ()}
    return held


def _item(number: int, span: Mapping[str, Any], told: Mapping[str, Mapping[str, Any]]) -> Item:
    attributes = _attributes(span.get("attributes"))
    operation = attributes.get("gen_ai.operation.name") or attributes.get("llm.request.type")
    model = attributes.get("gen_ai.request.model") or attributes.get("gen_ai.response.model")
    if operation not in _TEXT or not model:
        return NoAnswer("spans that ask no model for text (tools, agents, embeddings, HTTP)")
    context = span["context"] if isinstance(span.get("context"), dict) else {}
    trace = str(context.get("trace_id") or span.get("traceId") or span.get("trace_id") or "")
    name = str(context.get("span_id") or span.get("spanId") or span.get("span_id") or "")
    trace, name = trace.removeprefix("0x"), name.removeprefix("0x")
    for event in span.get("events") or ():
        attributes = (
            {**_attributes(event.get("attributes")), **attributes}
            if event.get("name") == _EVENT
            else attributes
        )
    attributes = {**told.get(name, {}), **attributes}
    began = _time(span.get("start_time", span.get("startTimeUnixNano")))
    ended = _time(span.get("end_time", span.get("endTimeUnixNano")))
    seconds = (ended - began).total_seconds() if began and ended else None
    output, finish, thought = _output(attributes)
    finishes = attributes.get("gen_ai.response.finish_reasons")
    if isinstance(finishes, list | tuple) and finishes:
        finish = finishes[0]
    prompt = count(attributes.get("gen_ai.usage.input_tokens", attributes.get("gen_ai.usage.prompt_tokens")))
    cached = attributes.get(
        "gen_ai.usage.cache_read.input_tokens", attributes.get("gen_ai.usage.cache_read_input_tokens")
    )
    cells: dict[str, Any] = {"run_id": trace or None, "question": _question(attributes), "started_at": began}
    cap = attributes.get("gen_ai.request.max_tokens")
    call: dict[str, Any] = {
        "answered_model": attributes.get("gen_ai.response.model"),
        "server": attributes.get("server.address"),
        "started_at": began,
        "max_output_tokens": count(cap),
    }
    answer = Answer(number, ("otel", trace, name), str(model), cells, call, labels=attributes)
    status = span.get("status") or {}
    code = status.get("status_code", status.get("code"))
    if code in ("ERROR", "STATUS_CODE_ERROR", "StatusCode.ERROR", 2) or attributes.get("error.type"):
        kind = str(attributes.get("error.type") or "").removeprefix("<class '").removesuffix("'>")
        said = [one for one in (kind, status.get("description") or status.get("message")) if one]
        cells |= {"status": "failed", "error": ": ".join(map(str, said)) or "the span ended in an error"}
        call["error"] = cells["error"]
        return answer
    cells["answer"] = output
    call |= {
        "prompt_tokens": prompt,
        "cached_tokens": cached if isinstance(cached, int) and prompt and cached <= prompt else None,
        "output_tokens": count(
            attributes.get("gen_ai.usage.output_tokens", attributes.get("gen_ai.usage.completion_tokens"))
        ),
        "thinking_tokens": count(
            attributes.get(
                "gen_ai.usage.reasoning.output_tokens", attributes.get("gen_ai.usage.reasoning_tokens")
            )
        ),
        "latency_s": seconds if seconds and seconds > 0 else None,
        "output": output,
        "thinking": thought,
        "finish_reason": finish,
    }
    return answer


def _time(value: Any) -> datetime.datetime | None:
    """ISO text of an SDK, or nanoseconds since 1970 (in JSON as text)."""
    if isinstance(value, str) and not value.isdecimal():
        return datetime.datetime.fromisoformat(value)
    nanoseconds = int(value or 0)
    if nanoseconds <= 0:
        return None
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(
        microseconds=nanoseconds / 1000
    )


def _structured(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return loads(value)
    except (ValueError, RecursionError):
        return None


def _question(attributes: Mapping[str, Any]) -> str | None:
    messages = _structured(attributes.get("gen_ai.input.messages"))
    if messages:
        return asked_in(messages)
    users = [
        key
        for key in attributes
        if key.startswith("gen_ai.prompt.") and key.endswith(".role") and attributes[key] == "user"
    ]
    numbered = [(int(key.split(".")[2]), key) for key in users if key.split(".")[2].isdecimal()]
    if numbered:
        return text_of(attributes.get(max(numbered)[1].replace(".role", ".content")))
    return None


def _output(attributes: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """(text, reason of the end, thought) of the first message that was written."""
    messages = _structured(attributes.get("gen_ai.output.messages"))
    if isinstance(messages, list) and messages and isinstance(messages[0], dict):
        parts = messages[0].get("parts", messages[0].get("content"))
        thoughts = [
            part.get("content")
            for part in parts or ()
            if isinstance(part, dict) and part.get("type") in ("reasoning", "thinking")
        ]
        thought = "\n".join(one for one in thoughts if isinstance(one, str)) or None
        return text_of(parts), messages[0].get("finish_reason"), thought
    text = attributes.get("gen_ai.completion.0.content")
    return (
        (text if isinstance(text, str) else None),
        attributes.get("gen_ai.completion.0.finish_reason"),
        None,
    )


def _messages_beside(form: OpenTelemetry, source: Source) -> dict[str, dict[str, Any]]:
    """Span → attributes of the log records that hold its messages, from files that were given with this one."""
    found: dict[str, dict[str, Any]] = {}
    for path in source.given:
        other = Source(path)
        if path == source.path or form.recognises(other) is not Role.BESIDE:
            continue
        for _, value, _ in other.objects():
            if not isinstance(value, dict):
                continue
            resources = value.get("resourceLogs", value.get("resource_logs"))
            records = [value] if resources is None else [
                record
                for resource in resources
                for scope in resource.get("scopeLogs", resource.get("scope_logs")) or ()
                for record in scope.get("logRecords", scope.get("log_records")) or ()
            ]  # fmt: skip
            for record in records:
                name = str(record.get("spanId", record.get("span_id")) or "").removeprefix("0x")
                if name:
                    found.setdefault(name, {}).update(_attributes(record.get("attributes")))
    return found
