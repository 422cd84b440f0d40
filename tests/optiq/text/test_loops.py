"""Texts that go round in circles are seen, and no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.text.loops import COPIES, LEAST_CHARS, LoopWatch, loop_at_end

SENTENCE = "The heart pumps blood through the body. "
PARAGRAPH = "".join(f"Step {n} is to stir the dough until it is smooth. " for n in range(20))


def by_trying_all(text):
    """Every block is tried, the shortest first."""
    for block in range(1, len(text) // COPIES + 1):
        span = max(COPIES * block, LEAST_CHARS)
        tail = text[-span:]
        if len(tail) == span and all(tail[i] == tail[i - block] for i in range(block, span)):
            return block
    return None


@given(
    st.text("abc \n", max_size=60),
    st.text("abc \n", min_size=1, max_size=150),
    st.integers(1, 40),
    st.text("abc \n", max_size=3),
)
def test_what_is_found_is_what_trying_all_blocks_finds(before, block, copies, after):
    text = before + block * copies + after
    assert loop_at_end(text) == by_trying_all(text)


@pytest.mark.parametrize(
    ("text", "block"),
    [
        (SENTENCE * 8, len(SENTENCE)),
        ("Once upon a time. " + SENTENCE * 8 + SENTENCE[:17], len(SENTENCE)),
        (PARAGRAPH * 3, len(PARAGRAPH)),
        ('{"a": 1,' + "\n" * 300, 1),
        ("".join(f"{n}. Stir the dough until it is smooth.\n" for n in range(8, 20)), 35),
        ("".join(f"{n}. Stir the dough {n} times.\n" for n in range(8, 40)), None),
        (", ".join(map(str, range(1, 400))), None),
        (SENTENCE * 3, None),  # said three times, and not for long
        (PARAGRAPH * 2, None),
        (PARAGRAPH, None),
        ("|---|---|---|---|---|\n" * 5, None),
        ("-" * 120, None),
        (SENTENCE * 8 + "So it goes on, all life long.", None),
        ("", None),
    ],
)
def test_loops_and_what_is_none(text, block):
    assert loop_at_end(text) == block


@pytest.mark.parametrize("size", [1, 4, 50, 1000])
def test_a_text_that_comes_in_pieces_is_ended_soon_after_it_has_gone_round(size):
    text = "A long beginning that says something else. " * 3 + PARAGRAPH + SENTENCE * 100
    watch = LoopWatch()
    heard = 0
    for at in range(0, len(text), size):
        heard += size
        if watch.heard(text[at : at + size]):
            break
    closed = len(text) - 100 * len(SENTENCE) + LEAST_CHARS
    assert closed - len(SENTENCE) < heard < closed + max(size, 64) + 64


def test_a_text_that_says_something_new_is_never_ended():
    watch = LoopWatch()
    assert not any(watch.heard(f"Item {n} is {n * n}. ") for n in range(2000))
