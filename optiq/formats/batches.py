"""OpenAI Batch and ``vllm run-batch``: the output's answers, joined with the input's questions by ``custom_id``.

OpenAI keeps no order and puts failed requests into a second file; vLLM writes one file in the input's order. A batch
has no latencies, and its price is half the list's, which no line says: neither is known.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from optiq.errors import InputError
from optiq.execution.identity import execution_id
from optiq.formats.chat import asked_in, choices_of, error_in, usage_of
from optiq.formats.protocol import Answer, Item, NoAnswer, Refused, Remark, Role, Wanted
from optiq.formats.source import Source, shown

_NO_CHAT = ("embeddings", "score", "rerank", "moderations", "audio", "images", "videos")


class Batches:
    """Reads output and error files of a batch."""

    name = "openai-batch"
    title = "OpenAI Batch and vllm run-batch files"
    tried_on = "OpenAI's documented fields, vLLM 0.11's source, bodies of llama.cpp"

    def recognises(self, source: Source) -> Role | None:
        """Output lines have a response or an error, input lines a method and a body."""
        for head in source.heads:
            if "custom_id" in head:
                if "response" in head or "error" in head:
                    return Role.ANSWERS
                if "body" in head:
                    return Role.BESIDE
        return None

    def read(self, source: Source, wanted: Wanted) -> Iterator[Item]:
        """One answer per line and choice."""
        asked = self._asked(source)
        if not asked:
            raise InputError(
                f"{source.path} has answers without their questions",
                "Give the batch's input file as well: it holds the questions, by custom_id.",
            )
        unasked = 0
        seen: dict[str, int] = {}
        for number, row, content in source.objects():
            if isinstance(row, str):
                yield Refused(number, row, content)
                continue
            name = row.get("custom_id")
            if not isinstance(name, str) or not ("response" in row or "error" in row):
                yield Refused(number, "a line without custom_id, or without response and error", shown(row))
                continue
            if name in seen:
                yield Refused(number, f"custom_id {name!r} is that of line {seen[name]} too", shown(row))
                continue
            seen[name] = number
            url, body = asked.get(name, ("", {}))
            unasked += name not in asked
            if any(word in url for word in _NO_CHAT):
                yield NoAnswer("requests for something else than text (embeddings, images, …)")
                continue
            if isinstance(ours := row.get("optiq"), dict) and ours.get("status") in ("invalid", "infeasible"):
                yield NoAnswer("requests that Optiq did not ask a model")
                continue
            try:
                yield from _answers(number, name, row, body)
            except (ValueError, TypeError, KeyError, AttributeError, IndexError) as fault:
                yield Refused(number, f"not a line as a batch has it: {fault!r}", shown(row))
        if unasked:
            yield Remark("no input file has the custom_id: the question is not known", unasked)

    def _asked(self, source: Source) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """custom_id → (url, body) of the input that has most of the ids of this output; given ones first."""
        ids = set()
        for _, row, _ in source.objects():
            if isinstance(row, dict) and isinstance(row.get("custom_id"), str):
                ids.add(row["custom_id"])
        best: dict[str, tuple[str, Mapping[str, Any]]] = {}
        given = [path for path in source.given if path != source.path]
        for path in dict.fromkeys([*given, *source.beside()]):
            other = Source(path)
            try:
                if not path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson", ".json", ".txt")):
                    continue
                if self.recognises(other) is not Role.BESIDE:
                    continue
                found = {
                    row["custom_id"]: (str(row.get("url") or ""), row["body"])
                    for _, row, _ in other.objects()
                    if isinstance(row, dict)
                    and row.get("custom_id") in ids
                    and isinstance(row.get("body"), dict)
                }
            except (InputError, OSError):
                continue
            if len(found) > len(best):
                best = found
        return best


def _answers(number: int, name: str, row: dict[str, Any], asked: Mapping[str, Any]) -> Iterator[Answer]:
    response = row["response"] if isinstance(row.get("response"), dict) else {}
    body = response["body"] if isinstance(response.get("body"), dict) else {}
    status = response.get("status_code")
    model = asked.get("model") or body.get("model")
    messages = asked.get("messages", asked.get("input", asked.get("prompt")))
    created = body.get("created", body.get("created_at"))
    cells: dict[str, Any] = {"question_id": name, "question": asked_in(messages)}
    if isinstance(created, int | float) and not isinstance(created, bool) and 0 < created < 1e11:
        cells["started_at"] = datetime.datetime.fromtimestamp(created, datetime.UTC)
    cap = asked.get("max_completion_tokens", asked.get("max_tokens", asked.get("max_output_tokens")))
    call: dict[str, Any] = {
        "answered_model": body.get("model"),
        "max_output_tokens": cap if isinstance(cap, int) and cap > 0 else None,
    }
    identity = ("openai-batch", row.get("id") or body.get("id") or response.get("request_id"), name)
    labels = asked.get("metadata") if isinstance(asked.get("metadata"), dict) else {}
    if isinstance(ours := row.get("optiq"), dict) and isinstance(ours.get("plan_key"), str):
        # Written by `optiq answer`: the trace of the run has this id, so that it counts once.
        cells["plan"], cells["run_id"] = ours["plan_key"], ours.get("run_id")
        cells["execution_id"] = execution_id(str(ours.get("run_id")), name, ours["plan_key"], 1)
    error = error_in(row.get("error")) or error_in(body.get("error"))
    choices = choices_of(body)
    if error is None and isinstance(status, int) and status != 200:
        error = f"HTTP {status}"
    if error is None and not choices:
        error = "the response has no body" if not body else "the response has no answer"
    if error is not None:
        cells |= {"status": "failed", "error": error}
        yield Answer(number, identity, model, cells, {**call, "error": error}, labels=labels or {})
        return
    usage = usage_of(body.get("usage"))
    if len(choices) > 1:  # the usage is that of all choices together
        usage |= {"output_tokens": None, "thinking_tokens": None}
    for place, choice in enumerate(choices):
        yield Answer(
            number,
            (*identity, place),
            model,
            {**cells, "answer": choice["output"]},
            {**call, **usage, **choice},
            labels=labels or {},
        )
