"""What is said of the end of a long output."""

from datetime import UTC, datetime

import pytest

from optiq.execution.trace import Call
from optiq.execution.unfinished import why_unfinished
from optiq.plans.plan import Plan


@pytest.mark.parametrize(
    ("reason", "output", "words"),
    [
        ("stop", "So it ends.", None),
        ("stop", "And so on. " * 50, None),
        (None, "And so on. " * 50, None),
        ("repetition", "And so on. " * 50, "a repeated itself word for word and was ended after 90 tokens"),
        ("length", "And so on. " * 50, "a repeated itself word for word up to the cap of 200 tokens"),
        ("length", "And then there was", "the answer was cut at the cap of 200 tokens"),
        ("MAX_TOKENS", None, "the answer was cut at the cap of 200 tokens"),
    ],
)
def test_an_end_that_is_none_is_told_with_what_to_do(reason, output, words):
    call = Call(0, "a", datetime.now(UTC), Plan.of(["a"]), 10, 200)
    call.finish_reason, call.output, call.output_tokens = reason, output, 90
    found = why_unfinished(call)
    assert (found is None) if words is None else found.startswith((f"{words};", f"{words},"))
