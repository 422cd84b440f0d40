"""Log probabilities in every form in which servers give them."""

import math

import pytest

from optiq.servers.likelihood import likelihood_of


@pytest.mark.parametrize(
    ("told", "mean", "least"),
    [
        ({"content": [{"token": "Os", "logprob": -1.0}, {"token": "lo", "logprob": -3.0}]}, -2.0, -3.0),
        ([{"token": "Oslo", "logprob": -0.5}], -0.5, -0.5),
        ({"token_logprobs": [None, -1.0, -2.0], "tokens": ["a", "b", "c"]}, -1.5, -2.0),
        ([{"logprob": -math.inf}, {"logprob": 0.0}], -50.0, -100.0),
        ([{"logprob": 0.3}, {"logprob": "-1"}, {"logprob": True}, {"logprob": math.nan}, {}, 7], None, None),
        (
            {"content": [{"token": "B", "logprob": -0.7}, {"token": "", "logprob": -5.3}]},
            -0.7,
            -0.7,
        ),  # the end
        (
            {"content": [{"token": "", "logprob": -2.0}, {"token": "é", "logprob": 0.0}]},
            -1.0,
            -2.0,
        ),  # a part of "é"
        (None, None, None),
        ("none", None, None),
        ({"content": None}, None, None),
        ([], None, None),
    ],
)
def test_mean_and_least(told, mean, least):
    assert likelihood_of(told) == (mean, least)
