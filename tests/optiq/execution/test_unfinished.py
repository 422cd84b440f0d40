"""What is said of the end of an answer."""

from datetime import UTC, datetime

import pytest

from optiq.execution.trace import Call
from optiq.execution.unfinished import why_unfinished
from optiq.plans.plan import Plan
from optiq.questions.question import Kind, Question
from optiq.scoring.answers import parse_answer


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
    found = why_unfinished(call, Kind.LONG, output or "")
    assert (found is None) if words is None else found.startswith((f"{words};", f"{words},"))


@pytest.mark.parametrize(
    ("kind", "output", "reasons", "cut"),
    [
        ("open", "The bridge will be replaced because the old", False, True),
        ("open", "Guten Morgen, mein", False, True),
        ("open", "- red\n- yellow\n- blu", False, True),
        ("open", "Oslo\n\nOslo is the capital of", False, False),
        ("open", "It is Oslo. It lies on a", False, False),
        ("open", "First, find the country. It lies in the", True, True),
        ("open", "It is in Norway.\nAnswer: Oslo\nQuestion: What is", True, False),
        ("open", "It is in Norway.\nAnswer: New", True, True),
        ("number", "The answer is 12", False, True),
        ("number", "12 km. The road from", False, False),
        ("choice", "B. Oslo is the capital of", False, False),
        ("choice", "Of these cities the capital", False, True),
        ("choice", "A is wrong, because", True, True),
        ("multi", "A, B", False, True),
        ("code", "def f(x):\n    return", False, True),
        ("json", '{"name": "Ad', False, True),
    ],
)
def test_a_cut_is_told_where_the_answer_may_lack_its_end(kind, output, reasons, cut):
    kind = Kind(kind)
    options = ("Rome", "Oslo", "Bern") if kind.has_options else ()
    asked = Question("1", "Which is it?", options=options, kind=kind)
    call = Call(0, "a", datetime.now(UTC), Plan.of(["a"]), 10, 32)
    call.finish_reason, call.output = "length", output
    answer = parse_answer(asked, output)
    found = why_unfinished(call, kind, answer, reasons=reasons)
    assert (found is not None) is cut, answer
    call.finish_reason = "stop"
    assert why_unfinished(call, kind, answer, reasons=reasons) is None
