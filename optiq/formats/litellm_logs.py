"""LiteLLM: what its loggers write of each call (the standard logging payload), and its proxy's spend logs.

Payloads are what buckets and generic loggers are given, as a list or as lines; spend logs are the proxy's table
``LiteLLM_SpendLogs`` as CSV or JSON, or what ``/spend/logs`` answers. The two tell the same of a call, under other
names, so that a call in both is one.

A cost of 0 is that of a model without a price. An answer from LiteLLM's cache repeats the tokens of the first call.
``response_time`` of a stream ends with its first token: latency is the end less the start. A table has texts only
where the proxy was told to store prompts.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterator, Mapping
from typing import Any

from optiq.errors import InputError
from optiq.formats.chat import asked_in, choices_of, count, error_in, usage_of
from optiq.formats.json_stream import loads
from optiq.formats.protocol import Answer, Item, NoAnswer, Refused, Role, Wanted
from optiq.formats.source import LONGEST_LINE, Source, shown

_PAYLOAD = {"call_type", "response_cost", "startTime", "endTime", "model"}
_SPEND = {"request_id", "call_type", "spend", "startTime", "endTime", "model"}
_TEXT = {
    *("completion", "acompletion", "text_completion", "atext_completion", "responses", "aresponses"),
    *("anthropic_messages", "aanthropic_messages", "generate_content", "agenerate_content"),
    *("generate_content_stream", "agenerate_content_stream"),
}
"""Types of calls that ask for text. Older spend logs give a failed call none: what was asked tells."""
_JSON = ("metadata", "messages", "response", "proxy_server_request", "request_tags")


class LiteLlm:
    """Reads logged calls."""

    name = "litellm"
    title = "LiteLLM logs (standard logging payloads, spend logs)"
    tried_on = "1.80.5 (spend logs), 1.108.7"

    def recognises(self, source: Source) -> Role | None:
        """Calls by what each has; a page of spend logs by its first row; a table by its first line."""
        if any(head.keys() >= _PAYLOAD or head.keys() >= _SPEND for head in source.heads):
            return Role.ANSWERS
        return Role.ANSWERS if _is_page(source) or _is_table(source) else None

    def read(self, source: Source, wanted: Wanted) -> Iterator[Item]:
        """An answer for each that a call brought."""
        rows = (
            _table(source) if _is_table(source) else source.objects(*(("data",) if _is_page(source) else ()))
        )
        for number, row, content in rows:
            if isinstance(row, str):
                yield Refused(number, row, content)
                continue
            try:
                yield from _items(number, row)
            except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as fault:
                yield Refused(number, f"not a call as LiteLLM logs it: {fault!r}", shown(row))


def _is_page(source: Source) -> bool:
    data = source.heads[0].get("data") if source.heads else None
    first = data[0] if isinstance(data, list) and data else None
    return isinstance(first, dict) and first.keys() >= _SPEND


def _is_table(source: Source) -> bool:
    first = source.beginning[:4096].decode("utf-8-sig", "replace").split("\n", 1)[0]
    return "request_id" in first and {name.strip('"\r ') for name in first.split(",")} >= _SPEND


def _table(source: Source) -> Iterator[tuple[int, dict[str, Any] | str, str | None]]:
    with source.open() as file:
        reader = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), strict=True)
        before = csv.field_size_limit(LONGEST_LINE)
        try:
            for number, row in enumerate(reader, 1):
                if None in row or None in row.values():
                    yield number, "the line has other columns than the first one", shown(row)
                else:
                    yield number, dict(row), None
        except (csv.Error, UnicodeDecodeError) as fault:
            raise InputError(f"{source.path} is no CSV: {fault}", "Export the table again.") from None
        finally:
            csv.field_size_limit(before)


def _items(number: int, row: Mapping[str, Any]) -> Iterator[Item]:
    row = {**row, **{name: _structured(row.get(name)) for name in _JSON}}
    metadata = row["metadata"] if isinstance(row["metadata"], dict) else {}
    asked = row["proxy_server_request"] if isinstance(row["proxy_server_request"], dict) else {}
    if row["call_type"] not in _TEXT and (row["call_type"] or not {"messages", "prompt"} & asked.keys()):
        yield NoAnswer("calls that ask no model for text (embeddings, images, health checks)")
        return
    began, ended = _time(row["startTime"]), _time(row["endTime"])
    parameters = row["model_parameters"] if isinstance(row.get("model_parameters"), dict) else asked
    cells: dict[str, Any] = {
        "run_id": row.get("session_id") or row.get("trace_id") or None,
        "question": asked_in(
            row["messages"] or asked.get("messages") or asked.get("input") or asked.get("prompt")
        ),
        "started_at": began,
    }
    call: dict[str, Any] = {
        "server": row.get("api_base") or None,
        "started_at": began,
        "max_output_tokens": count(parameters.get("max_completion_tokens") or parameters.get("max_tokens")),
    }
    failed = row.get("status") == "failure" or metadata.get("status") == "failure"
    identity = _identity(row, began, failed)
    model = row["model"] if isinstance(row["model"], str) and row["model"] else None
    labels = {**{key: value for key, value in metadata.items() if isinstance(value, str)}, "tag": _tag(row)}
    if failed:
        error = error_in(row.get("error_str")) or error_in(_message(row, metadata)) or "the call failed"
        yield Answer(
            number, identity, model, {**cells, "status": "failed", "error": error}, {**call, "error": error},
            labels=labels,
        )  # fmt: skip
        return
    if str(row.get("cache_hit")).lower() == "true":
        call["cached"] = True
    else:
        call |= _usage(row, metadata)
        call["cost_usd"] = _cost(row.get("response_cost", row.get("spend")))
        seconds = (ended - began).total_seconds() if began and ended else None
        call["latency_s"] = seconds if seconds and seconds > 0 else None
    body = row["response"] if isinstance(row["response"], dict) else {}
    answers = choices_of(body) or [{"output": row["response"] if isinstance(row["response"], str) else None}]
    if len(answers) > 1:  # usage and cost are those of all of them together
        call |= {"output_tokens": None, "thinking_tokens": None, "cost_usd": None}
    for place, answer in enumerate(answers):
        yield Answer(
            number,
            (*identity, place) if place else identity,
            model,
            {**cells, "answer": answer["output"]},
            {**call, **answer},
            labels=labels,
        )


def _identity(row: Mapping[str, Any], began: datetime.datetime | None, failed: bool) -> tuple[object, ...]:
    """Of payload and table alike. The retries of a request share its id; some servers number their answers anew."""
    if name := row.get("litellm_call_id"):
        return ("litellm", name, failed, row.get("model_id"))
    second = int(began.timestamp()) if began else None
    return ("litellm", row.get("id") or row.get("request_id"), failed, row.get("model_id"), second)


def _usage(row: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Tokens by the names of a call: of the usage, else the counts of the row, which say nothing of cached ones."""
    body = row["response"] if isinstance(row["response"], dict) else {}
    told = metadata.get("usage_object") or body.get("usage")
    if isinstance(told, dict) and (found := usage_of(told))["prompt_tokens"]:
        return found
    return {
        "prompt_tokens": count(row.get("prompt_tokens")),
        "output_tokens": count(row.get("completion_tokens")),
    }


def _cost(value: Any) -> float | None:
    if isinstance(value, str):
        value = float(value or 0)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and value > 0 else None


def _message(row: Mapping[str, Any], metadata: Mapping[str, Any]) -> Any:
    told = row.get("error_information") or metadata.get("error_information")
    return (told.get("error_message") or told.get("error_class")) if isinstance(told, dict) else told


def _tag(row: Mapping[str, Any]) -> Any:
    """The first tag that a person gave: those of the client's program are LiteLLM's own."""
    tags = row["request_tags"] if isinstance(row["request_tags"], list) else []
    return next((tag for tag in tags if isinstance(tag, str) and not tag.startswith("User-Agent:")), None)


def _time(value: Any) -> datetime.datetime | None:
    """Seconds since 1970 of a payload, or the table's time, which is UTC and need not say so."""
    if value in (None, ""):
        return None
    if isinstance(value, int | float):
        return datetime.datetime.fromtimestamp(value, datetime.UTC)
    time = datetime.datetime.fromisoformat(value)
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def _structured(value: Any) -> Any:
    """A value of a JSON column, which is text in a table; itself where that is none."""
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    try:
        return loads(value)
    except (ValueError, RecursionError):
        return value
