"""Input and output of OpenAI's Batch and of ``vllm run-batch``, so that `optiq answer` stands in for them.

Read are the documented fields of a line: custom_id, method, url, and in the body model, messages, prompt or input (with
instructions), max_tokens, max_completion_tokens or max_output_tokens, temperature. What would change the answer and is
not kept (tools, several choices, a response format, logprobs) makes the line a failed request, as a server would
say it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.files.atomic import replacing
from optiq.files.packed import suffix_of
from optiq.formats.chat import text_of
from optiq.formats.source import Source
from optiq.questions.question import Wishes

CHAT, TEXT, RESPONSES = URLS = ("/v1/chat/completions", "/v1/completions", "/v1/responses")
ANY_MODEL = ("optiq", "auto")
"""Names of a request that leave the model to the plan."""
_NOT_KEPT = (
    "tools", "functions", "response_format", "logprobs", "audio", "guided_json", "guided_regex", "previous_response_id",
    "conversation", "background",
)  # fmt: skip


def is_batch_input(path: str | Path) -> bool:
    """Whether the lines of a file are requests of a batch."""
    path = Path(path)
    if suffix_of(path) not in (".jsonl", ".ndjson") or not path.is_file():
        return False
    heads = Source(path).heads
    return bool(heads) and all("custom_id" in head and "body" in head for head in heads)


def read_requests(path: str | Path) -> list[tuple[str, str, Wishes | None, str | None]]:
    """(custom_id, what is asked, wishes, why it cannot be answered) of each line.

    A chat is planned as one text: its system prompts, then earlier messages with who said them, then the last one; the
    model that is asked first is told its messages (``Wishes.messages``). A line that is
    no request is named by its number.
    """
    found: list[tuple[str, str, Wishes | None, str | None]] = []
    seen: dict[str, int] = {}
    for number, line, _ in Source(Path(path)).objects():
        name = f"line {number}"
        try:
            if isinstance(line, str):
                raise InputError(line, "Write one JSON object per line.")
            given = line.get("custom_id")
            if not isinstance(given, str) or not given:
                raise InputError("there is no custom_id", "Give each request its own.")
            if given in seen:
                raise InputError(
                    f"custom_id {given!r} is that of line {seen[given]} too", "Give each its own."
                )
            name, seen[given] = given, number
            text, wishes = _request(line)
            found.append((name, text, wishes, None))
        except InputError as fault:
            found.append((name, "", None, f"{path} line {number}: {fault}"))
    return found


def _request(line: Mapping[str, Any]) -> tuple[str, Wishes]:
    url, body = line.get("url"), line.get("body")
    if url not in URLS:
        raise InputError(f"url is {str(url)[:80]!r}", f"Answered are {', '.join(URLS)}.")
    if not isinstance(body, dict):
        raise InputError("body is no JSON object", "Give model and messages.")
    for name in _NOT_KEPT:
        if body.get(name):
            raise InputError(f"{name} is not answered here", "Leave it out.")
    if body.get("n") not in (None, 1):
        raise InputError(f"n is {body['n']!r}: one answer is given", "Leave it out.")
    messages = _messages(url, body)
    text = body.get("prompt") if url == TEXT else _said(messages)
    if (
        url == RESPONSES
        and isinstance(body.get("text"), dict)
        and body["text"].get("format", {}).get("type", "text") != "text"
    ):
        raise InputError("text.format is not answered here", "Leave it out.")
    if not isinstance(text, str) or not text.strip():
        raise InputError("there is nothing asked", "Give messages with texts, or a prompt.")
    model = body.get("model")
    caps = ("max_output_tokens",) if url == RESPONSES else ("max_completion_tokens", "max_tokens")
    cap = next((body[name] for name in caps if body.get(name) is not None), None)
    temperature = body.get("temperature", 0.0)
    if cap is not None and (isinstance(cap, bool) or not isinstance(cap, int) or cap < 1):
        raise InputError(f"max_tokens is {str(cap)[:40]!r}", "Give a whole number from 1 up.")
    if temperature is None or isinstance(temperature, bool) or not isinstance(temperature, int | float):
        temperature = 0.0
    if not 0 <= temperature <= 2:
        raise InputError(f"temperature is {temperature}", "Give a number from 0 to 2.")
    wanted = model if isinstance(model, str) and model not in ANY_MODEL else None
    chat = (
        json.dumps(messages, ensure_ascii=False) if isinstance(messages, list) and len(messages) > 1 else None
    )
    return text, Wishes(wanted, cap, float(temperature), chat, None if url == CHAT else url)


def _messages(url: Any, body: Mapping[str, Any]) -> Any:
    """The messages of a chat, or those that a request for a response stands for."""
    if url != RESPONSES:
        return body.get("messages")
    given, rules = body.get("input"), body.get("instructions")
    found = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(found, list) or not all(
        isinstance(one, dict) and one.get("type", "message") == "message" for one in found
    ):
        raise InputError("input is no text and no list of messages", "Only texts are answered.")
    spoken = [{"role": one.get("role"), "content": _parts(one.get("content"))} for one in found]
    return [{"role": "system", "content": rules}, *spoken] if isinstance(rules, str) and rules else spoken


def _parts(content: Any) -> Any:
    """``input_text`` of a response as ``text`` of a chat."""
    if not isinstance(content, list):
        return content
    return [
        {**part, "type": "text"}
        if isinstance(part, dict) and part.get("type") in ("input_text", "output_text")
        else part
        for part in content
    ]


def _said(messages: Any) -> str:
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        raise InputError("messages is no list of messages", 'Give [{"role": "user", "content": "…"}].')
    system, spoken = [], []
    for one in messages:
        text = text_of(one.get("content"))
        if text is None or (isinstance(one["content"], list) and len(one["content"]) > text.count("\n") + 1):
            raise InputError("a message has something else than text", "Only texts are answered.")
        if one.get("role") in ("system", "developer"):
            system.append(text)
        else:
            spoken.append((str(one.get("role") or "user"), text))
    if not spoken:
        raise InputError("there is no message of a user", 'Give one with "role": "user".')
    if len(spoken) == 1:
        return "\n\n".join([*system, spoken[0][1]])
    history = [f"{role.capitalize()}: {text}" for role, text in spoken]
    return "\n\n".join([*system, *history, "Assistant:"])


def write_responses(
    rows: Iterable[Mapping[str, Any]], path: str | Path, urls: Mapping[str, str] | None = None
) -> None:
    """Write a row of an answers file per line as a batch's output: whole or not at all. ``urls``: what was asked, by
    id; left out: a chat.

    The answer stands in ``response.body`` as a chat completion, why there is none in ``error``; our own columns are
    under ``optiq``.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for number, row in enumerate(rows):
            url = (urls or {}).get(row["question_id"], CHAT)
            file.write(json.dumps(_response(number, row, url), ensure_ascii=False, default=str) + "\n")


_ELSEWHERE = ("question_id", "answer", "prompt_tokens", "output_tokens", "finish_reason")


def _response(number: int, row: Mapping[str, Any], url: str) -> dict[str, Any]:
    run = str(row.get("run_id") or "run")
    told = {name: value for name, value in row.items() if name not in _ELSEWHERE and value is not None}
    tokens = row.get("prompt_tokens"), row.get("output_tokens")
    usage = None
    if tokens[0] is not None and tokens[1] is not None:
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        usage = dict(zip(names, (*tokens, tokens[0] + tokens[1]), strict=True))
    line: dict[str, Any] = {"id": f"batch_req_{run}_{number}", "custom_id": row["question_id"]}
    if row["status"] != "answered":
        error = {"code": row["status"], "message": row.get("error") or row["status"]}
        return {**line, "response": None, "error": error, "optiq": told}
    models = json.loads(row["plan"])["models"] if row.get("plan") else []
    body = _body(url, f"{run}-{number}", models[-1] if models else "optiq", row, usage)
    response = {"status_code": 200, "request_id": f"{run}-{number}", "body": body}
    return {**line, "response": response, "error": None, "optiq": told}


def _body(
    url: str, name: str, model: str, row: Mapping[str, Any], usage: dict[str, int] | None
) -> dict[str, Any]:
    """The body of an answer: of a chat, of a text, or a response."""
    now, finish = int(time.time()), row.get("finish_reason") or "stop"
    if url == RESPONSES:
        said = {"type": "output_text", "text": row["answer"], "annotations": []}
        message = {
            "id": f"msg_{name}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [said],
        }
        counted = usage and dict(
            zip(("input_tokens", "output_tokens", "total_tokens"), usage.values(), strict=True)
        )
        cut = finish == "length"
        return {
            "id": f"resp_{name}",
            "object": "response",
            "created_at": now,
            "status": "incomplete" if cut else "completed",
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "error": None,
            "model": model,
            "output": [message],
            "usage": counted,
        }
    choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": finish}
    if url == TEXT:
        choice["text"] = row["answer"]
    else:
        choice["message"] = {"role": "assistant", "content": row["answer"]}
    kind = ("cmpl", "text_completion") if url == TEXT else ("chatcmpl", "chat.completion")
    return {
        "id": f"{kind[0]}-{name}",
        "object": kind[1],
        "created": now,
        "model": model,
        "choices": [choice],
        "usage": usage,
    }
