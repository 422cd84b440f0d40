"""OpenTelemetry GenAI spans: OTLP as JSON (one request a file or a line) and what the SDKs' console exporters print.

``input_tokens`` include cached ones. A stream without usage has no tokens at all. There is no cost and no right answer.
Names of attributes are those of the current conventions, with those that they replaced, OpenInference's and Langfuse's.
Langfuse's spans may tell a cost, and a right answer; its scores are in files of their own.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from optiq.formats import langfuse_spans
from optiq.formats.chat import count
from optiq.formats.protocol import Answer, Item, NoAnswer, Refused, Role, Wanted
from optiq.formats.source import Source, shown
from optiq.formats.span_messages import asked, structured, written

_TEXT = ("chat", "text_completion", "completion", "generate_content", "responses")
_DETAILS = "gen_ai.client.inference.operation.details"
_MODEL = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name")
_ANSWERED = ("gen_ai.response.model", "llm.model_name")
_PROMPT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_CACHED = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
)
_OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
_THOUGHT = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
)


class OpenTelemetry:
    """Reads spans."""

    name = "otel"
    title = "OpenTelemetry GenAI spans (OTLP JSON, SDK JSON)"
    tried_on = (
        "opentelemetry-instrumentation-openai-v2 2.1b0, 2.4b0, opentelemetry-instrumentation-openai 0.40.14, 0.49.0, "
        "0.62.4, openinference-instrumentation-openai 0.1.66, langfuse 3.15.0, 5.0.4"
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
                or langfuse_spans.is_score(head)
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
                    yield from _items(place, span, told)
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


@dataclass(slots=True)
class _Told:
    """What other files say of a span: attributes and events by name of log records, scores."""

    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    scores: dict[str, Any] = field(default_factory=dict)


_NOTHING = _Told()


def _items(number: int, span: Mapping[str, Any], told: Mapping[str, _Told]) -> Iterator[Item]:
    """An answer for each that the model wrote (``n``), or why there is none."""
    attributes = _attributes(span.get("attributes"))
    if langfuse_spans.is_observation(attributes):
        attributes = langfuse_spans.translated(attributes)
    model = _request_model(attributes)
    if not model or not _asks_for_text(attributes):
        yield NoAnswer("spans that ask no model for text (tools, agents, embeddings, HTTP)")
        return
    context = span["context"] if isinstance(span.get("context"), dict) else {}
    trace = str(context.get("trace_id") or span.get("traceId") or span.get("trace_id") or "")
    name = str(context.get("span_id") or span.get("spanId") or span.get("span_id") or "")
    trace, name = trace.removeprefix("0x"), name.removeprefix("0x")
    beside = told.get(name, _NOTHING)
    events = [*_events_within(span), *beside.events]
    for event, content in events:
        if event == _DETAILS:
            attributes = {**content, **attributes}
    attributes = {**beside.attributes, **attributes}
    began = _time(span.get("start_time", span.get("startTimeUnixNano")))
    ended = _time(span.get("end_time", span.get("endTimeUnixNano")))
    seconds = (ended - began).total_seconds() if began and ended else None
    cells: dict[str, Any] = {
        "run_id": trace or None,
        "question": asked(attributes, events),
        "reference": langfuse_spans.expected(attributes),
        "started_at": began,
    }
    call: dict[str, Any] = {
        "answered_model": _first(attributes, _ANSWERED),
        "server": attributes.get("server.address"),
        "started_at": began,
        "max_output_tokens": count(attributes.get("gen_ai.request.max_tokens")),
    }
    identity = ("otel", trace, name)
    if (error := _error(span, attributes)) is not None:
        cells |= {"status": "failed", "error": error}
        yield Answer(number, identity, str(model), cells, {**call, "error": error}, labels=attributes)
        return
    call |= {
        **_usage(attributes),
        "cost_usd": langfuse_spans.cost_of(attributes),
        "latency_s": seconds if seconds and seconds > 0 else None,
    }
    answers = written(attributes, events) or [{"output": None, "finish_reason": None}]
    finishes = attributes.get("gen_ai.response.finish_reasons")
    if len(answers) > 1:  # the usage is that of all of them together
        call |= {"output_tokens": None, "thinking_tokens": None, "cost_usd": None}
    for place, answer in enumerate(answers):
        if isinstance(finishes, list | tuple) and place < len(finishes):
            answer["finish_reason"] = finishes[place]
        yield Answer(
            number,
            (*identity, place) if place else identity,
            str(model),
            {**cells, "answer": answer["output"]},
            {**call, **answer},
            scores=beside.scores,
            score=next(iter(beside.scores), None),
            labels=attributes,
        )


def _request_model(attributes: Mapping[str, Any]) -> Any:
    """The model that was asked for: of OpenInference in its parameters, ``llm.model_name`` is the one that answered."""
    parameters = attributes.get("llm.invocation_parameters")
    if "gen_ai.request.model" not in attributes and parameters:
        asked_for = structured(parameters)
        if isinstance(asked_for, dict) and isinstance(asked_for.get("model"), str):
            return asked_for["model"]
    return _first(attributes, _MODEL)


def _asks_for_text(attributes: Mapping[str, Any]) -> bool:
    """By the operation, where there is one; else by tokens or texts that were written."""
    operation = attributes.get("gen_ai.operation.name") or attributes.get("llm.request.type")
    if operation is not None:
        return operation in _TEXT
    if kind := attributes.get("openinference.span.kind"):
        return bool(kind == "LLM")
    return any(
        name in attributes for name in (*_OUTPUT, "gen_ai.output.messages", "gen_ai.completion.0.content")
    )


def _error(span: Mapping[str, Any], attributes: Mapping[str, Any]) -> str | None:
    if (told := langfuse_spans.error_of(attributes)) is not None:
        return told
    status = span.get("status") or {}
    code = status.get("status_code", status.get("code"))
    if code not in ("ERROR", "STATUS_CODE_ERROR", "StatusCode.ERROR", 2) and not attributes.get("error.type"):
        return None
    kind = str(attributes.get("error.type") or "").removeprefix("<class '").removesuffix("'>")
    said = [one for one in (kind, status.get("description") or status.get("message")) if one]
    return ": ".join(map(str, said)) or "the span ended in an error"


def _usage(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Tokens by the names of a call; more cached ones than the prompt has are not within it, so they are added."""
    prompt, cached = count(_first(attributes, _PROMPT)), _first(attributes, _CACHED)
    cached = int(cached) if isinstance(cached, int | float) and cached >= 0 and prompt is not None else None
    return {
        "prompt_tokens": prompt + cached if prompt and cached and cached > prompt else prompt,
        "cached_tokens": cached,
        "output_tokens": count(_first(attributes, _OUTPUT)),
        "thinking_tokens": count(_first(attributes, _THOUGHT)),
    }


def _first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)


def _events_within(span: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for event in span.get("events") or ():
        content = _attributes(event.get("attributes"))
        inner = structured(content.get("gen_ai.event.content"))
        yield str(event.get("name")), inner if isinstance(inner, dict) else content


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


def _messages_beside(form: OpenTelemetry, source: Source) -> dict[str, _Told]:
    """Span → what log records (its messages) and scores say of it, from files that were given with this one."""
    found: dict[str, _Told] = {}
    for path in source.given:
        other = Source(path)
        if path == source.path or form.recognises(other) is not Role.BESIDE:
            continue
        for name, score, value in langfuse_spans.scores_in(other):
            found.setdefault(name, _Told()).scores[score] = value
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
                if not name:
                    continue
                attributes = _attributes(record.get("attributes"))
                event = record.get("event_name") or record.get("eventName") or attributes.get("event.name")
                body = record.get("body")
                if isinstance(body, dict) and {"kvlistValue", "kvlist_value"} & body.keys():
                    body = _typed(body)
                span = found.setdefault(name, _Told())
                span.attributes.update(attributes)
                if event and isinstance(body, dict):
                    span.events.append((str(event), body))
    return found
