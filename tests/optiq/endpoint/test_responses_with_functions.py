"""Functions in OpenAI's responses: asked for, called, answered, in one piece and as a stream of events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from optiq.endpoint.answering import Answered
from optiq.endpoint.asked import Asked
from optiq.endpoint.conversation import Heard
from optiq.endpoint.openai_responses import OpenAIResponses
from optiq.endpoint.refusals import Refusal
from optiq.execution.trace import ANSWERED, Call, Execution
from optiq.plans.plan import Plan
from optiq.questions.question import Question

DIALECT = OpenAIResponses()
LOOK_UP = {"type": "function", "name": "look_up", "parameters": {"type": "object"}, "strict": True}
CALLS = [
    {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"city":"Oslo"}'}},
    {"id": "c2", "type": "function", "function": {"name": "look_up", "arguments": '{"city":"Bergen"}'}},
]


def read(**body: Any) -> Asked:
    return DIALECT.read({"model": "optiq", **body}, {})


def answered(message: dict[str, Any]) -> Answered:
    """An answer that is this message of the chat API."""
    plan, heard = Plan.of(["a"]), Heard()
    call = Call(0, "a", datetime.now(UTC), plan, 5, prompt_tokens=7, output_tokens=2, output="")
    heard.whole({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})
    execution = Execution(Question("q", "?"), plan, "r", datetime.now(UTC), ANSWERED, calls=[call])
    return Answered(read(input="?"), [execution], heard)


def test_functions_go_to_the_model_as_the_chat_api_has_them() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": "{}", "id": "fc_1"}
    items = [
        {"role": "user", "content": "Which is larger?"},
        call,
        {**call, "call_id": "c2"},
        {"type": "function_call_output", "call_id": "c1", "output": "700,000"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [{"type": "input_text", "text": "290,000"}],
        },
    ]
    asked = read(input=items, tools=[LOOK_UP], tool_choice={"type": "function", "name": "look_up"})
    assert asked.needs == ("tools",)
    assert asked.options["tools"] == [
        {"type": "function", "function": {k: v for k, v in LOOK_UP.items() if k != "type"}}
    ]
    assert asked.options["tool_choice"] == {"type": "function", "function": {"name": "look_up"}}
    assert [one["role"] for one in asked.messages] == ["user", "assistant", "tool", "tool"]
    assert [one["id"] for one in asked.messages[1]["tool_calls"]] == ["c1", "c2"]
    assert asked.messages[2] == {"role": "tool", "tool_call_id": "c1", "content": "700,000"}
    assert "290,000" in asked.messages[3]["content"]


@pytest.mark.parametrize(
    "wrong",
    [{"tools": [{"type": "web_search"}]}, {"tools": "look_up"}, {"tools": [None]},
     {"input": [{"type": "function_call_output", "output": "x"}]}, {"background": True}],
)  # fmt: skip
def test_what_is_not_served_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as told:
        read(**{"input": "?", **wrong})
    assert told.value.status == 400


@pytest.mark.parametrize("text", ["", "Let me see."])
def test_calls_are_items_of_the_output(text: str) -> None:
    body = DIALECT.reply(answered({"role": "assistant", "content": text or None, "tool_calls": CALLS}))
    found = Response.model_validate(body)
    assert found.output_text == text
    calls = [item for item in found.output if item.type == "function_call"]
    assert [(one.call_id, json.loads(one.arguments)["city"]) for one in calls] == [
        ("c1", "Oslo"),
        ("c2", "Bergen"),
    ]


@pytest.mark.parametrize("text", ["", "Let me see."])
@pytest.mark.parametrize("streams", [True, False])
def test_events_add_up_to_the_response(text: str, streams: bool) -> None:
    stream, sent = DIALECT.stream(read(input="?")), []
    if streams:
        deltas: list[dict[str, Any]] = [{"content": piece} for piece in text.split(" ") if piece]
        for at, call in enumerate(CALLS):
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            deltas.append({"tool_calls": [{"index": at, "id": call["id"], "function": {"name": name}}]})
            for half in (arguments[:5], arguments[5:]):
                deltas.append({"tool_calls": [{"index": at, "function": {"arguments": half}}]})
        for delta in deltas:
            sent += stream.piece({"choices": [{"index": 0, "delta": delta}]})
    sent += stream.end(answered({"role": "assistant", "content": text, "tool_calls": CALLS}))
    told = [TypeAdapter(ResponseStreamEvent).validate_json(data.split(b"data: ")[1]) for data in sent]
    assert [event.sequence_number for event in told] == list(range(len(told)))
    whole = told[-1].response
    calls = [item for item in whole.output if item.type == "function_call"]
    assert [one.call_id for one in calls] == ["c1", "c2"]
    assert whole.output_text == (text.replace(" ", "") if streams else text)
    for at, item in enumerate(whole.output):
        pieces = [e.delta for e in told if e.type.endswith("delta") and e.output_index == at]
        assert {e.item_id for e in told if e.type.endswith("delta") and e.output_index == at} == {item.id}
        assert "".join(pieces) == (item.arguments if item.type == "function_call" else whole.output_text)
        assert sum(e.type == "response.output_item.done" and e.output_index == at for e in told) == 1
