"""Spans of Langfuse's SDK: its attributes of an observation, by the names of OpenTelemetry's conventions.

Its usage is either that of an OpenAI body or Langfuse's own, whose parts are apart: ``input`` leaves cached tokens out,
``output`` those of thoughts, and ``total`` is the sum of all. A cost of 0 is that of a call that failed, or of a model
whose price nobody knows. Scores are sent apart; they name the span.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from optiq.formats.chat import text_of, usage_of
from optiq.formats.json_stream import loads
from optiq.formats.source import Source

_OBSERVATION = "langfuse.observation."
_TYPE = f"{_OBSERVATION}type"
_EXPECTED = "langfuse.experiment.item.expected_output"


def is_observation(attributes: Mapping[str, Any]) -> bool:
    """Whether Langfuse's SDK wrote the span."""
    return _TYPE in attributes


def translated(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes with those of the conventions that an observation of Langfuse says in its own words."""
    told = {name.removeprefix(_OBSERVATION): value for name, value in attributes.items()}
    kind = told.get("type")
    found: dict[str, Any] = {"gen_ai.operation.name": "chat" if kind == "generation" else str(kind)}
    if model := told.get("model.name"):
        found["gen_ai.request.model"] = model
    if messages := _messages(told.get("input"), "user"):
        found["gen_ai.input.messages"] = messages
    if answers := _messages(told.get("output"), "assistant"):
        found["gen_ai.output.messages"] = answers
    parameters = _structured(told.get("model.parameters"))
    if isinstance(parameters, dict):
        found["gen_ai.request.max_tokens"] = parameters.get("max_tokens")
    if isinstance(reason := _structured(told.get("metadata.finish_reason")), str):
        found["gen_ai.response.finish_reasons"] = [reason]
    return {**attributes, **found, **_usage(_structured(told.get("usage_details")))}


def cost_of(attributes: Mapping[str, Any]) -> float | None:
    """USD that the call cost; None where nobody knows."""
    parts = _numbers(_structured(attributes.get(f"{_OBSERVATION}cost_details")))
    cost = parts.get("total", sum(parts.values()))
    return float(cost) if cost > 0 else None


def expected(attributes: Mapping[str, Any]) -> str | None:
    """The right answer, where the span belongs to an item of an experiment."""
    value = attributes.get(_EXPECTED)
    structured = _structured(value)
    return structured if isinstance(structured, str) else value if isinstance(value, str) else None


def error_of(attributes: Mapping[str, Any]) -> str | None:
    """Why the call failed, by its level; None if it did not."""
    if attributes.get(f"{_OBSERVATION}level") != "ERROR":
        return None
    return str(attributes.get(f"{_OBSERVATION}status_message") or "the observation ended in an error")


def is_score(record: Mapping[str, Any]) -> bool:
    """Whether a record is a score as Langfuse's interface takes and gives it."""
    return {"name", "value", "traceId"} <= record.keys() and (
        "dataType" in record or "observationId" in record
    )


def scores_in(source: Source) -> Iterator[tuple[str, str, Any]]:
    """(span, name, value) of the scores of observations in a file; those of whole traces name no span."""
    for _, value, _ in source.objects():
        if isinstance(value, dict) and is_score(value) and value.get("observationId"):
            score = value.get("value")
            yield (
                str(value["observationId"]),
                str(value["name"]),
                bool(score) if _is_boolean(value) else score,
            )


def _is_boolean(score: Mapping[str, Any]) -> bool:
    return score.get("dataType") == "BOOLEAN" and score.get("value") in (0, 1)


def _usage(usage: Any) -> dict[str, Any]:
    if isinstance(usage, dict) and {"prompt_tokens", "completion_tokens"} & usage.keys():
        counts = usage_of(usage)
        prompt, cached = counts["prompt_tokens"], counts["cached_tokens"]
        output, thought = counts["output_tokens"], counts["thinking_tokens"]
    else:
        parts = _numbers(usage)
        total = parts.pop("total", None)
        read = {name: value for name, value in parts.items() if "input" in name}
        written = {name: value for name, value in parts.items() if "output" in name}
        prompt, output = sum(read.values()), sum(written.values())
        if total is not None and total == parts.get("input", 0) + parts.get("output", 0) != prompt + output:
            prompt, output = parts.get("input", 0), parts.get("output", 0)
        cached = sum(value for name, value in read.items() if "cached" in name or "cache_read" in name)
        thought = sum(value for name, value in written.items() if "reasoning" in name)
    found = {
        "gen_ai.usage.input_tokens": prompt,
        "gen_ai.usage.cache_read.input_tokens": cached,
        "gen_ai.usage.output_tokens": output,
        "gen_ai.usage.reasoning.output_tokens": thought,
    }
    return {name: value for name, value in found.items() if value}


def _numbers(parts: Any) -> dict[str, float]:
    return {
        name: value
        for name, value in (parts.items() if isinstance(parts, dict) else ())
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    }


def _messages(value: Any, role: str) -> list[dict[str, Any]]:
    """What was asked or answered as messages: JSON text of messages, of one, or a text of its own."""
    structured = _structured(value)
    if isinstance(structured, list) and structured and all(isinstance(one, dict) for one in structured):
        return [one for one in structured if "content" in one or "parts" in one]
    if isinstance(structured, dict):
        if isinstance(structured.get("messages"), list):
            return _messages(structured["messages"], role)
        if "role" in structured or text_of(structured.get("content")) is not None:
            return [structured]
    if value in (None, ""):
        return []
    told = structured if isinstance(structured, str) else value
    return [
        {"role": role, "content": told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)}
    ]


def _structured(value: Any) -> Any:
    """A value that may be written as JSON text; itself where that is none."""
    if not isinstance(value, str):
        return value
    try:
        return loads(value)
    except (ValueError, RecursionError):
        return value
