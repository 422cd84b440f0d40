"""How sure one can be of an answer: isotonic blocks, their intervals, and which signal speaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from optiq.estimation.confidence import FEWEST, Block, Confidences, Row, calibrated, told_apart
from optiq.plans.plan import Plan

PAIRS = st.lists(st.tuples(st.floats(-9, 0), st.booleans()), min_size=FEWEST, max_size=120)


@given(PAIRS)
def test_blocks_hold_all_answers_and_more_of_the_signal_never_means_less(pairs):
    signal, right = [list(column) for column in zip(*pairs, strict=True)]
    blocks = calibrated(signal, right)
    if len(set(signal)) < 2 or len(set(right)) < 2:
        assert blocks == []
        return
    assert sum(block.n for block in blocks) == len(signal)
    assert sum(block.right for block in blocks) == sum(right)
    assert [block.least for block in blocks] == sorted({block.least for block in blocks})
    assert all(block.n >= 10 for block in blocks)
    for block in blocks:
        probability, low, high = block.confidence
        assert 0 < low < probability < high < 1


@given(PAIRS)
def test_how_well_a_signal_tells_apart_is_counted_over_all_pairs(pairs):
    signal, right = [list(column) for column in zip(*pairs, strict=True)]
    good = [x for x, r in zip(signal, right, strict=True) if r]
    bad = [x for x, r in zip(signal, right, strict=True) if not r]
    wins = sum((g > b) + (g == b) / 2 for g in good for b in bad)
    wanted = wins / (len(good) * len(bad)) if good and bad else 0.5
    assert told_apart(signal, right) == pytest.approx(wanted)


def test_below_fifty_judged_answers_nothing_is_said():
    signal, right = [-i / 10 for i in range(60)], [i < 30 for i in range(60)]
    assert calibrated(signal[: FEWEST - 1], right[: FEWEST - 1]) == []
    assert len(calibrated(signal, right)) == 2


def test_agreement_speaks_before_a_models_own_words_and_the_lowest_block_takes_what_is_lower():
    rows = [
        Row("a", "open", "logprob_mean", -3.0, 0.2, 0.1, 0.3),
        Row("a", "open", "logprob_mean", -1.0, 0.8, 0.7, 0.9),
        Row("*", "open", "agreement", 0.0, 0.5, 0.4, 0.6),
    ]
    known, single, chain = Confidences(rows), Plan.of(["a"]), Plan.of(["b", "a"], [(0, 1)])

    def said(plan, task="open", **seen):
        found = known.of(plan, task, seen)
        return found and found.probability

    assert [said(single, logprob_mean=x) for x in (-9.0, -3.0, -1.5, -1.0, -0.1)] == [0.2, 0.2, 0.2, 0.8, 0.8]
    assert said(chain, logprob_mean=-0.1, agreement=1.0) == 0.5
    assert said(chain, logprob_mean=-0.1, agreement=None) == 0.8
    assert said(single, logprob_mean=None) is None
    assert said(single, task="long", logprob_mean=-0.1) is None
    assert said(Plan.of(["b"]), logprob_mean=-0.1) is None


def test_a_blocks_interval_leaves_five_per_cent_on_either_side_of_jeffreys_posterior():
    probability, low, high = Block(0.0, 10, 7).confidence
    assert probability == pytest.approx(7.5 / 11)
    assert beta.cdf([low, high], 7.5, 3.5) == pytest.approx([0.05, 0.95])
