"""Limits per minute: as set, as a server's headers say, as its refusals show; in a time of our own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.execution.rates import Rates
from optiq.servers.told_limits import ToldLimits, duration_s


class Time:
    """A clock that stands until it is waited for."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def begin(rates, clock, tokens=0):
    """Wait for a turn; the moment it came."""
    while (wait_s := rates.wait_s(tokens)) > 0:
        clock.now_s += wait_s
    return clock.now_s


@settings(max_examples=50)
@given(
    st.integers(1, 20) | st.none(),
    st.integers(1, 500) | st.none(),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 200)), max_size=60),
)
def test_no_minute_holds_more_than_was_allowed(requests, most_tokens, calls):
    clock = Time()
    rates = Rates(requests, most_tokens, clock=clock)
    begun = []
    for gap_s, tokens in calls:
        clock.now_s += gap_s
        begun.append((begin(rates, clock, tokens), tokens))
    for start_s, _ in begun:
        inside = [tokens for at_s, tokens in begun if start_s <= at_s < start_s + 59.999]
        assert requests is None or len(inside) <= requests
        assert most_tokens is None or sum(inside) <= most_tokens or len(inside) == 1


def test_what_is_allowed_is_used():
    clock = Time()
    rates = Rates(600, clock=clock)
    for _ in range(3000):
        begin(rates, clock)
    assert clock.now_s - 1000 == pytest.approx(240), "600 at once, and then 600 a minute"


class ByTheMinute:
    """A server that takes 600 calls a minute, all at once or one after the other, and refuses what is beyond."""

    def __init__(self, clock, at_once):
        self.clock, self.at_once = clock, at_once
        self.left, self.since_s, self.refused = at_once, clock(), 0

    def ask(self):
        passed_s = self.clock() - self.since_s
        if self.at_once < 600:
            self.left, self.since_s = min(self.left + passed_s * 10, self.at_once), self.clock()
        elif passed_s >= 60:
            self.left, self.since_s = 600, self.since_s + passed_s // 60 * 60
        if self.left < 1:
            self.refused += 1
            return False
        self.left -= 1
        return True

    @property
    def reset_s(self):
        if self.at_once < 600:
            return (1 - self.left) / 10
        return self.since_s + 60 - self.clock()


@pytest.mark.parametrize("says", ["nothing", "retry-after", "headers"])
@pytest.mark.parametrize("at_once", [1, 10, 600])
def test_a_limit_of_600_a_minute_is_used_and_no_call_is_lost(at_once, says):
    clock, told = Time(), ToldLimits()
    rates, server, done = Rates(told=told, clock=clock), ByTheMinute(clock, at_once), 0
    while clock.now_s < 1600:
        begin(rates, clock)
        taken = server.ask()
        done += taken
        if says == "headers":
            left = {"x-ratelimit-remaining-requests": str(int(server.left))}
            told.heard({**left, "x-ratelimit-reset-requests": f"{server.reset_s * 1000:.0f}ms"}, clock.now_s)
        if taken:
            rates.answered()
            clock.now_s += 0.02
        else:
            rates.refused(server.reset_s if says == "retry-after" else None)
    assert done >= 0.95 * 6000
    assert says == "nothing" or server.refused <= 0.01 * done or at_once < 600


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1), ("6m0s", 360), ("120ms", 0.12), ("1h2m3.5s", 3723.5), ("12", 12), ("0.5", 0.5), ("", None),
        (None, None), ("soon", None), ("1s!", None), ("-3", None), ("s", None), ("9" * 40, None),
    ],
)  # fmt: skip
def test_durations_as_servers_write_them(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    ("headers", "tokens", "wait_s"),
    [
        ({}, 5, 0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2s"}, 5, 2),
        ({"x-ratelimit-remaining-requests": "0"}, 5, 0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "24h"}, 5, 0),
        ({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-reset-requests": "2s"}, 5, 0),
        ({"x-ratelimit-remaining-tokens": "4", "x-ratelimit-reset-tokens": "3"}, 5, 3),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "3"}, 5, 0),
        ({"x-ratelimit-remaining-tokens": "many", "x-ratelimit-reset-tokens": "3"}, 5, 0),
    ],
)
def test_what_headers_say_is_waited_for(headers, tokens, wait_s):
    clock, told = Time(), ToldLimits()
    told.heard(headers, clock.now_s)
    assert Rates(told=told, clock=clock).wait_s(tokens) == pytest.approx(wait_s)


def test_what_is_left_is_counted_down_until_it_is_said_anew():
    clock, told = Time(), ToldLimits()
    rates = Rates(told=told, clock=clock)
    told.heard({"x-ratelimit-remaining-requests": "2", "x-ratelimit-reset-requests": "30s"}, clock.now_s)
    assert [begin(rates, clock) - 1000 for _ in range(4)] == [0, 0, 30, 30]
