"""Whatever a model server answers, a client gets an answer in its dialect: never a fault of ours."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.endpoint.answering import Answered
from optiq.endpoint.app import DIALECTS
from optiq.endpoint.conversation import Heard
from optiq.execution.trace import ANSWERED, Call, Execution
from optiq.files.compact_json import compact
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers.conversing import StreamedAnswer

FIELDS = [
    "content",
    "role",
    "reasoning_content",
    "tool_calls",
    "refusal",
    "function",
    "name",
    "arguments",
    "id",
    "index",
]
# What a client may see of a message in its own dialect, where servers put other things.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=8,
)
MESSAGES = st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=6)


def choice(name, message):
    return st.fixed_dictionaries({name: message}, optional={"index": ANYTHING, "finish_reason": ANYTHING})


BODIES = st.fixed_dictionaries({}, optional={
    "choices": st.lists(choice("message", MESSAGES) | ANYTHING, max_size=3), "usage": ANYTHING, "model": ANYTHING
})  # fmt: skip
CHUNKS = st.fixed_dictionaries({}, optional={
    "choices": st.lists(choice("delta", MESSAGES) | ANYTHING, max_size=2) | ANYTHING, "usage": ANYTHING
})  # fmt: skip


def answered(path, heard):
    said = {
        "/v1/responses": {"input": "Why?"},
        "/v1/completions": {"prompt": "Why?"},
        "/api/generate": {"prompt": "Why?"},
    }.get(path, {"messages": [{"role": "user", "content": "Why?"}]})
    asked = DIALECTS[path].read({"model": "optiq", **said}, {})
    plan, now = Plan.of(["a"]), datetime.now(UTC)
    execution = Execution(Question("q", "Why?"), plan, "run", now, status=ANSWERED, answer="So.")
    execution.calls = [Call(0, "a", now, plan, 4, output="So.")]
    return Answered(asked, [execution], heard)


@pytest.mark.parametrize("path", DIALECTS)
@settings(max_examples=100)
@given(body=BODIES)
def test_a_whole_answer(path, body):
    dialect, heard = DIALECTS[path], Heard()
    heard.whole(body)
    found = answered(path, heard)
    assert compact(dialect.reply(found))
    assert b"".join(dialect.stream(found.asked).end(found))


@pytest.mark.parametrize("path", DIALECTS)
@settings(max_examples=100)
@given(chunks=st.lists(CHUNKS, max_size=4))
def test_a_stream(path, chunks):
    dialect = DIALECTS[path]
    sent = []
    heard = Heard(lambda chunk: sent.extend(stream.piece(chunk)))
    found = answered(path, heard)
    stream = dialect.stream(found.asked)
    told = StreamedAnswer(heard, "the server")
    for chunk in chunks:
        told.chunk(chunk)
    sent.extend(stream.end(found))
    assert b"".join(sent)
