"""Thoughts are told from answers by the marks that models set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.text.thinking import split_thinking

HARMONY = (
    "<|channel|>analysis<|message|>Norway.<|end|><|start|>assistant<|channel|>final<|message|>Oslo<|return|>"
)


@pytest.mark.parametrize(
    ("text", "answer", "thinking"),
    [
        ("Oslo", "Oslo", ""),
        ("", "", ""),
        ("<think>Norway.</think>\n\nOslo", "Oslo", "Norway."),
        ("<think>\n\n</think>\n\nOslo", "Oslo", ""),
        ("<THOUGHT>one</THOUGHT> <reasoning>two</reasoning>Oslo", "Oslo", "one\ntwo"),
        ("Norway.</think>Oslo", "Oslo", "Norway."),
        ("<think>Norway, and its", "", "Norway, and its"),
        ("[THINK]Norway.[/THINK]Oslo", "Oslo", "Norway."),
        ("◁think▷Norway.◁/think▷Oslo", "Oslo", "Norway."),
        (HARMONY, "Oslo", "Norway."),
        ("<|start|>assistant<|channel|>final<|message|>Oslo", "Oslo", ""),
        ("<|channel|>analysis<|message|>Norway, and its", "", "Norway, and its"),
        ("analysisNorway.assistantfinalOslo", "Oslo", "Norway."),
        ("<seed:think>Norway.</seed:think>Oslo", "Oslo", "Norway."),
        ("<inner_thoughts>Norway.</inner_thoughts>Oslo", "Oslo", "Norway."),
        ("<|START_THINKING|>Norway.<|END_THINKING|>Oslo", "Oslo", "Norway."),
        ("<|begin_of_thought|>Norway.<|end_of_thought|>Oslo", "Oslo", "Norway."),
        ("<unused94>thought\nNorway.<unused95>Oslo", "Oslo", "Norway."),
        ("<scratchpad>Norway.</scratchpad>Oslo", "Oslo", "Norway."),
        ("Thinking...\nNorway.\n...done thinking.\n\nOslo", "Oslo", "Norway."),
        ("```thinking\nNorway.\n```\nOslo", "Oslo", "Norway."),
        ("Well. <think>Norway.</think>Oslo", "Well. Oslo", "Norway."),
        ("an <analysis>of variance</analysis>", "an <analysis>of variance</analysis>", ""),
        ("analysis of variance", "analysis of variance", ""),
        ("The tag <think> opens it", "The tag <think> opens it", ""),
    ],
)
def test_answer_and_thinking(text, answer, thinking):
    assert split_thinking(text) == (answer, thinking)


@given(st.text())
def test_any_text_can_be_split_and_an_answer_has_no_thinking_left(text):
    answer, _ = split_thinking(text)
    assert split_thinking(answer)[1] == ""


@pytest.mark.parametrize(
    "text", ["<think>" * 30_000, "\n" * 200_000 + "think", "<think>a</think>" * 300 + "Oslo"]
)
def test_a_long_text_of_marks_is_split(text):
    assert split_thinking(text)[0] in ("", text, "Oslo")
