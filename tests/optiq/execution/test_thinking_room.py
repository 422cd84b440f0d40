"""Models that think get room for it once they are seen to; what is empty says why."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fake_server import FakeServer

from optiq.errors import RequestRefused
from optiq.execution import Executor, Retries, Shared, Work
from optiq.execution.accounting import PriceList
from optiq.execution.ledger import Ledger
from optiq.execution.responses import ResponseStore
from optiq.execution.thinking_room import why_empty
from optiq.execution.trace import Call
from optiq.plans.plan import Plan
from optiq.prompts.output_lengths import THINKING_TOKENS
from optiq.questions.question import Question
from optiq.servers.protocol import Generation

PRICES = PriceList({"a": (1.0, 2.0)})
SINGLE = Plan.of(["a"])


class Thinker(FakeServer):
    """Thinks for 300 tokens; a lower cap cuts it."""

    async def generate(self, request):
        done = await super().generate(request)
        most = request.max_output_tokens
        if most < 300:
            return replace(done, text="", thinking="north", output_tokens=most, finish_reason="length")
        return replace(done, thinking="north", output_tokens=300, thinking_tokens=298)


def work(*names):
    return [Work(Question(name, f"Where is {name}?"), SINGLE) for name in names]


def run(server, items, **options):
    return Executor(server, "r", PRICES, retries=Retries(first_s=0.001), **options).run(items, concurrency=1)


def test_a_cap_that_went_into_thoughts_is_raised_once_and_paid_for():
    server, ledger = Thinker(lambda r: "Oslo"), Ledger(max_cost_usd=1.0)
    first, second = run(server, work("one", "two"), shared=Shared(ledger=ledger))
    roomy = 32 + THINKING_TOKENS
    assert [request.max_output_tokens for request in server.requests] == [32, roomy, roomy]
    assert (first.answer, second.answer) == ("Oslo", "Oslo")
    call = first.calls[0]
    assert (call.output, call.thinking, call.thinking_tokens, call.attempts) == ("Oslo", "north", 298, 2)
    assert call.cost_usd == pytest.approx(10e-6 + 600e-6)
    assert call.lost.cost_usd == pytest.approx(10e-6 + 64e-6)
    assert ledger.spent.cost_usd == pytest.approx(2 * call.cost_usd + call.lost.cost_usd)


def test_what_was_cut_is_found_again_and_asked_once(tmp_path):
    with_store = [Shared(ResponseStore(tmp_path / "calls.sqlite")) for _ in range(2)]
    server = Thinker(lambda r: "Oslo")
    for shared in with_store:
        assert run(server, work("one"), shared=shared)[0].answer == "Oslo"
    assert len(server.requests) == 2


def test_a_cap_that_was_given_holds_and_is_named():
    (done,) = run(Thinker(lambda r: "Oslo"), work("one"), max_output_tokens=100)
    assert done.status == "failed"
    assert "thinking used up the cap of 100 tokens (finish_reason length)" in done.error
    assert "set --max-output-tokens" in done.error


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"finish_reason": "content_filter"}, "content filter held it back"),
        ({"refusal": "I will not"}, "refuses: I will not"),
        ({"finish_reason": "length"}, "cut at the cap of 32 tokens"),
        ({"finish_reason": "stop", "thinking": "north"}, "only thought (finish_reason stop"),
        ({}, "gives no finish_reason"),
    ],
)
def test_an_empty_answer_says_why(told, said):
    call = Call(0, "a", datetime.now(UTC), SINGLE, 10, 32, **told)
    assert said in why_empty(call)


def test_refused_requests_never_take_a_model_out():
    def say(request):
        return RequestRefused("too long") if "long" in request.prompt else "Oslo"

    shared = Shared()
    done = run(FakeServer(say), work("long1", "long2", "long3", "long4", "short"), shared=shared)
    assert [e.status for e in done] == ["failed"] * 4 + ["answered"]
    assert not shared.health.out


def test_what_nobody_counted_draws_its_upper_bound():
    ledger = Ledger(max_cost_usd=0.002)
    server = FakeServer(lambda r: "Oslo", prompt_tokens=0, output_tokens=0)
    done = run(server, work(*map(str, range(60))), shared=Shared(ledger=ledger))
    assert {e.calls[0].cost_usd for e in done if e.calls} == {None}
    most = max(len(request.prompt.encode()) + 128 + 2 * 32 for request in server.requests) * 1e-6
    assert len(server.requests) == pytest.approx(0.002 / most, abs=1)
    lost = sum(call.lost.cost_usd for e in done for call in e.calls)
    assert lost == pytest.approx(ledger.spent.cost_usd), "a session that goes on knows it"


def test_an_answer_is_on_disk_before_its_slot_is_given_on(tmp_path):
    store = ResponseStore(tmp_path / "calls.sqlite")
    kept = []

    class OneSlot(FakeServer):
        async def generate(self, request):
            kept.append(len(store))
            return await super().generate(request)

    run(OneSlot(lambda r: "Oslo", model_slots=1, slots=1), work(*"abcdef"), shared=Shared(store))
    assert kept == list(range(6))


def test_an_odd_generation_of_another_package_is_storable():
    odd = Generation(
        ["Os", {"type": "text", "text": "lo\ud83d"}],
        "a",
        None,
        "s",
        1.0,
        datetime.now(UTC),
        output_tokens=1.5,
    )
    assert (odd.text, odd.answered_model, odd.output_tokens) == ("Oslo\ufffd", "a", None)
