"""simonw/llm: its ``logs.db``. Calls are in ``turns`` of newer versions and in ``responses`` of older ones; both count.

The same prompt and answer twice are two turns over one pair of messages. A failed call leaves no row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.formats.chat import count, usage_of
from optiq.formats.json_stream import loads
from optiq.formats.protocol import Answer, Item, NoAnswer, Role, Wanted
from optiq.formats.source import Source

_PARTS = "select type, text, payload from parts where message_hash = ? order by position"
_FRAGMENT = "select content from fragments where id = ?"
_MESSAGE = "select role, parent_hash from messages where hash = ?"
_FRAGMENTS_OF_PROMPT = """
    select content from prompt_fragments join fragments on fragments.id = fragment_id
    where response_id = ? order by "order"
"""
_PROMPT_BEFORE = """
    select id, prompt from responses where conversation_id = ? and id < ? and prompt <> '' order by id desc limit 1
"""


class LlmLogs:
    """Reads the database of llm."""

    name = "llm"
    title = "logs.db of llm"
    tried_on = "0.27.1, 0.30, 0.31, 0.36"

    def recognises(self, source: Source) -> Role | None:
        """A SQLite file that has the tables of llm's log, by the names in its schema."""
        if not source.is_sqlite:
            return None
        schema = source.beginning
        tables = (b'"responses"', b"[responses]", b'"turns"', b"[turns]")
        return Role.ANSWERS if any(name in schema for name in tables) else None

    def read(self, source: Source, wanted: Wanted) -> Iterator[Item]:
        """One answer per call."""
        with source.on_disk() as path:
            yield from _rows(path, source.path)


def _rows(path: Path, called: Path) -> Iterator[Item]:
    connection = None
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        tables = {
            name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
        }
        number = 0
        for table, read in (("turns", _turn), ("responses", _response)):
            if table in tables:
                for row in connection.execute(f"select * from {table} order by id"):  # noqa: S608 - of two names
                    number += 1
                    yield read(number, dict(row), connection)
        if number == 0:
            yield NoAnswer("a log without calls")
    except sqlite3.Error as fault:
        raise InputError(
            f"{called} cannot be read as a SQLite database: {fault}",
            "It is cut off, damaged or in use: copy it again.",
        ) from None
    finally:
        if connection is not None:
            connection.close()


def _turn(number: int, row: dict[str, Any], connection: sqlite3.Connection) -> Answer:
    asked = row.get("parent_message_hash")
    # What a tool gave is no question: that is the message of the user before it.
    seen = set()
    while message := connection.execute(_MESSAGE, (asked,)).fetchone():
        if message["role"] != "tool" or not message["parent_hash"] or asked in seen:
            break
        seen.add(asked)  # hashes make no circle, but what a damaged file says may
        asked = _before(message["parent_hash"], connection)
    question, _ = _texts(asked, connection)
    answer, thought = _texts(row.get("tip_message_hash"), connection)
    return _answer(number, row, question, answer, thought)


def _before(called: str, connection: sqlite3.Connection) -> str:
    """The message that a message which called tools replied to, else that message itself."""
    message = connection.execute(_MESSAGE, (called,)).fetchone()
    return message["parent_hash"] if message and message["parent_hash"] else called


def _texts(message: Any, connection: sqlite3.Connection) -> tuple[str | None, str | None]:
    """(text, thought) of a message. A text that holds fragments refers to them and has no text of its own."""
    texts, thoughts = [], []
    for part in connection.execute(_PARTS, (message,)).fetchall():
        if part["type"] == "reasoning" and part["text"]:
            thoughts.append(part["text"])
        elif part["type"] == "text":
            references = _object(part["payload"]).get("text_ref")
            whole = _resolved(references, connection) if isinstance(references, list) else part["text"]
            if whole is not None:
                texts.append(whole)
    return "\n".join(texts) if texts else None, "\n".join(thoughts) or None


def _resolved(references: list[Any], connection: sqlite3.Connection) -> str:
    pieces = []
    for one in references:
        if isinstance(one, dict) and "fragment" in one:
            found = connection.execute(_FRAGMENT, (one["fragment"],)).fetchone()
            pieces.append(found[0] if found and isinstance(found[0], str) else "")
        elif isinstance(one, dict) and isinstance(one.get("literal"), str):
            pieces.append(one["literal"])
    return "".join(pieces)


def _response(number: int, row: dict[str, Any], connection: sqlite3.Connection) -> Answer:
    question = _prompt(row["id"], row.get("prompt"), connection)
    if question is None and row.get("conversation_id"):  # the reply to what tools gave
        before = connection.execute(_PROMPT_BEFORE, (row["conversation_id"], row["id"])).fetchone()
        question = _prompt(before["id"], before["prompt"], connection) if before else None
    return _answer(number, row, question, row.get("response"), row.get("reasoning"))


def _prompt(response: Any, prompt: str | None, connection: sqlite3.Connection) -> str | None:
    """The prompt with the fragments before it, as it went to the model."""
    try:
        fragments = [text for (text,) in connection.execute(_FRAGMENTS_OF_PROMPT, (response,))]
    except sqlite3.OperationalError:  # versions before 0.24 have no fragments
        fragments = []
    return "\n".join(text for text in [*fragments, prompt] if text) or None


def _answer(
    number: int, row: dict[str, Any], question: str | None, answer: str | None, thought: str | None
) -> Answer:
    details, response = _object(row.get("token_details")), _object(row.get("response_json"))
    options = _object(row.get("options_json"))
    usage = usage_of(
        {**details, "prompt_tokens": row.get("input_tokens"), "completion_tokens": row.get("output_tokens")}
    )
    cap = options.get("max_tokens")
    duration = row.get("duration_ms")
    choices = response.get("choices")
    finish = response.get("finish_reason")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        finish = choices[0].get("finish_reason", finish)
    call: dict[str, Any] = {
        **usage,
        "answered_model": row.get("resolved_model") or response.get("model"),
        "latency_s": duration / 1000 if isinstance(duration, int | float) and duration > 0 else None,
        "output": answer,
        "thinking": thought or None,
        "finish_reason": finish if isinstance(finish, str) else None,
        "max_output_tokens": count(cap),
    }
    cells = {
        "run_id": row.get("thread_id") or row.get("conversation_id"),
        "question": question,
        "answer": answer,
        "started_at": row.get("datetime_utc"),
    }
    return Answer(
        number, ("llm", row["id"]), row.get("model"), cells, call, labels={"task": row.get("model")}
    )


def _object(text: Any) -> dict[str, Any]:
    if not isinstance(text, str):
        return {}
    try:
        value = loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
