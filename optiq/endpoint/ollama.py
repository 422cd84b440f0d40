"""Ollama's dialect: chat and generate, streamed as lines of JSON unless told not to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from optiq.endpoint.answering import Answered
from optiq.endpoint.asked import OURS, Asked, check_schema, read_asked, refuse, switch, whole_number
from optiq.endpoint.dialect import choices_of
from optiq.endpoint.refusals import Refusal
from optiq.files.compact_json import compact
from optiq.files.others_text import parse_json
from optiq.servers.conversing import plain_text
from optiq.servers.usage import part

_READ = ("model", "messages", "prompt", "system", "images", "suffix", "template", "context", "raw", "stream")
_RENAMED = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "stop": "stop",
    "num_predict": "max_tokens",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
_NO_CAP = (-1, -2)
"""As much as the model likes, and as its context has room for: the caps of the server and of limits hold."""
_NOT_OURS = ("suffix", "template", "context", "raw")


class Ollama:
    """``POST /api/chat``, and with ``generate`` ``POST /api/generate``."""

    media_type = "application/x-ndjson"

    def __init__(self, generate: bool = False) -> None:
        self._generate = generate

    def read(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Asked:
        """Options that OpenAI's API has too go to the model under its names, others as they are."""
        options = {
            name: value for name, value in body.items() if name not in (*_READ, "options", "format", OURS)
        }
        given = body.get("options")
        if given is not None and not isinstance(given, Mapping):
            raise Refusal(400, "options is no object", "Give options by name.", param="options")
        own = dict(given or {})
        whole_number(own, "num_predict", 1, besides=_NO_CAP)
        if own.get("num_predict") in _NO_CAP:
            del own["num_predict"]
        for theirs, ours in _RENAMED.items():
            if own.get(theirs) is not None:
                options[ours] = own.pop(theirs)
        if own:
            options["options"] = own
        if shape := body.get("format"):
            if shape != "json":
                check_schema(shape, "format")
            options["response_format"] = (
                {"type": "json_object"}
                if shape == "json"
                else {"type": "json_schema", "json_schema": {"name": "answer", "schema": shape}}
            )
        messages = self._prompt(body) if self._generate else _messages(body.get("messages"))
        return read_asked(body, messages, options, headers, stream=switch(body, "stream", True))

    def _prompt(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        refuse(body, _NOT_OURS, "is of one model's raw text", "Leave it out, or ask Ollama itself.")
        prompt = body.get("prompt")
        if not isinstance(prompt, str) or not prompt:
            raise Refusal(400, "prompt is no text", "Give a text.", param="prompt")
        said = [{"role": "user", "content": prompt, "images": body.get("images")}]
        if isinstance(system := body.get("system"), str) and system:
            said.insert(0, {"role": "system", "content": system})
        return _messages(said)

    def reply(self, answered: Answered) -> dict[str, Any]:
        """The whole answer with its counts."""
        choice = choices_of(answered)[0]
        line = self._line(answered.asked, choice.get("message") or {})
        return {**line, **_logprobs(choice), **_end(answered, choice)}

    def stream(self, asked: Asked) -> OllamaLines:
        return OllamaLines(asked, self)

    def refusal(self, refusal: Refusal) -> dict[str, Any]:
        return {"error": str(refusal), **({OURS: refusal.more} if refusal.more else {})}

    def _line(self, asked: Asked, message: Mapping[str, Any], done: bool = True) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line: dict[str, Any] = {"model": asked.model, "created_at": now, "done": done}
        text, thought = plain_text(message.get("content")), plain_text(message.get("reasoning_content"))
        if self._generate:
            return {**line, "response": text, **({"thinking": thought} if thought else {})}
        said: dict[str, Any] = {"role": "assistant", "content": text}
        if thought:
            said["thinking"] = thought
        if isinstance(calls := message.get("tool_calls"), list) and calls:
            said["tool_calls"] = [_call(call) for call in calls]
        return {**line, "message": said}


class OllamaLines:
    """Lines of JSON; the last one has the counts and ``optiq``."""

    def __init__(self, asked: Asked, dialect: Ollama) -> None:
        self._asked, self._dialect = asked, dialect
        self._began = False
        self._last: Mapping[str, Any] = {}

    def piece(self, chunk: Mapping[str, Any]) -> Iterable[bytes]:
        for choice in chunk.get("choices") or ():
            self._began = True
            if choice.get("finish_reason"):
                self._last = choice
            delta = choice.get("delta") or {}
            said = any(delta.get(name) for name in ("content", "reasoning_content", "tool_calls"))
            if said or _logprobs(choice):
                yield _bytes({**self._dialect._line(self._asked, delta, False), **_logprobs(choice)})

    def end(self, answered: Answered) -> Iterable[bytes]:
        choice = choices_of(answered)[0]
        if not self._began:
            line = self._dialect._line(self._asked, choice.get("message") or {}, False)
            yield _bytes({**line, **_logprobs(choice)})
        yield _bytes({**self._dialect._line(self._asked, {}), **_end(answered, self._last or choice)})

    def fault(self, refusal: Refusal) -> Iterable[bytes]:
        yield _bytes({"error": str(refusal)})


def _messages(given: Any) -> Any:
    """Messages with their pictures as OpenAI writes them."""
    if not isinstance(given, list):
        return given
    found = []
    for one in given:
        if not isinstance(one, Mapping):
            return given
        message = {name: value for name, value in one.items() if name != "images"}
        if isinstance(one.get("images"), list) and one["images"]:
            pictures = [
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
                for data in one["images"]
            ]
            message["content"] = [{"type": "text", "text": str(one.get("content") or "")}, *pictures]
        found.append(message)
    return found


def _logprobs(choice: Mapping[str, Any]) -> dict[str, Any]:
    """The log probabilities of a choice or a piece, where there are any, as Ollama has them."""
    told = part(choice, "logprobs", "content")
    return {"logprobs": told} if isinstance(told, list) and told else {}


def _call(call: Any) -> dict[str, Any]:
    arguments = part(call, "function", "arguments")
    if isinstance(arguments, str):
        try:
            arguments = parse_json(arguments)
        except ValueError:
            arguments = {}
    return {"function": {"name": part(call, "function", "name"), "arguments": arguments or {}}}


def _end(answered: Answered, choice: Mapping[str, Any]) -> dict[str, Any]:
    """What the end of an answer says: why, tokens, and nanoseconds; what nobody measured is left out."""
    usage, last = answered.usage() or {}, answered.last
    counts = {
        "total_duration": None if last.wall_s is None else int(last.wall_s * 1e9),
        "prompt_eval_count": usage.get("prompt_tokens"),
        "eval_count": usage.get("completion_tokens"),
    }
    for name, of in (
        ("load_duration", "load_s"),
        ("prompt_eval_duration", "prompt_s"),
        ("eval_duration", "output_s"),
    ):
        parts = [getattr(call, of) for call in last.calls]
        if parts and None not in parts:
            counts[name] = int(sum(parts) * 1e9)
    told = {name: value for name, value in counts.items() if value is not None}
    return {
        "done": True,
        "done_reason": choice.get("finish_reason") or "stop",
        **told,
        OURS: answered.about(),
    }


def _bytes(line: Mapping[str, Any]) -> bytes:
    return compact(line) + b"\n"
