"""What servers count, made numbers that somebody counted."""

import math

import pytest

from optiq.servers.usage import SeenPrompts, cached_tokens, counted, idle_s, seconds, worked

NOBODY_COUNTED = [None, 0, -3, True, False, "12", 1.5, math.nan, math.inf, 10**12, [], {}]


@pytest.mark.parametrize("value", NOBODY_COUNTED, ids=repr)
def test_nobody_counted(value):
    assert counted(value) is None


def test_a_count_is_a_whole_number_from_1_up():
    assert [counted(value) for value in (1, 7.0, 10**6)] == [1, 7, 10**6]


def test_times_are_in_seconds():
    assert (seconds(250), seconds(2.5e8, 1e9), seconds(0)) == (0.25, 0.25, 0.0)
    assert [seconds(value) for value in (None, "3", -1, math.nan, True)] == [None] * 5


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"timings": {"prompt_ms": 250, "predicted_ms": 500}}, (0.25, 0.5)),
        ({"usage": {"queue_time": 3.0, "prompt_time": 0.25, "completion_time": 0.5}}, (0.25, 0.5)),
        (
            {"usage": {"prompt_tokens": 3}, "time_info": {"prompt_time": 0.25, "completion_time": 0.5}},
            (0.25, 0.5),
        ),
        ({"timings": {"prompt_ms": 250}}, (0.25, None)),
        ({"usage": {"prompt_tokens": 3}}, (None, None)),
        ({"usage": None, "time_info": "?"}, (None, None)),
    ],
    ids=["llama.cpp", "groq", "cerebras", "reading alone", "nothing", "nonsense"],
)
def test_what_servers_worked_for_a_call_is_read_in_their_ways(body, expected):
    assert worked(body) == expected


def test_what_is_left_of_a_call_when_all_the_work_is_told():
    assert idle_s(2.0, 0.5, 0.25, 0.75) == 0.5
    assert idle_s(2.0, None, 0.25, 0.75) == 1.0
    assert idle_s(2.0, None, 0.25, None) is None, "the server does not say how long it wrote"
    assert idle_s(1.0, None, 0.75, 0.75) == 0.0


@pytest.mark.parametrize(
    ("usage", "timings", "expected"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 31}}, {}, 31),
        ({"prompt_tokens_details": {"cached_tokens": 0}}, {}, 0),
        ({"prompt_tokens_details": None}, {"cache_n": 12, "prompt_n": 28}, 12),
        ({}, {"prompt_n": 9}, 31),
        ({"prompt_tokens_details": {"cached_tokens": 99}}, {}, 40),
        ({"prompt_tokens_details": {"cached_tokens": -2}}, {}, None),
        ({"prompt_tokens_details": "?"}, {"prompt_n": "?"}, None),
        (None, {}, None),
    ],
)
def test_tokens_of_the_prompt_cache(usage, timings, expected):
    assert cached_tokens(usage, timings, 40) == expected
    assert cached_tokens(usage, timings, None) is None


def test_a_prompt_that_begins_as_a_late_one_is_not_fresh():
    seen = SeenPrompts(most=2)
    assert seen.fresh("a", "Once upon a time")
    assert not seen.fresh("a", "Once upon a time")
    assert not seen.fresh("a", "Once upon another one")
    assert seen.fresh("b", "Once upon a time")
    assert seen.fresh("a", "Another beginning")
    assert seen.fresh("a", "Something else")
    assert seen.fresh("a", "Once upon a time"), "long ago"
