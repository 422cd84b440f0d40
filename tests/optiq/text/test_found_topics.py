"""Topics found by the real BERTopic, and those that are shipped."""

from __future__ import annotations

import random

import pytest

from optiq.errors import InputError
from optiq.text.topics import found
from optiq.text.topics.found import FAR, FoundTopics, find_topics, n_topics_of
from optiq.text.topics.shipped import shipped_topics
from tests.unlabelled_questions import THEMES, questions

TEXTS = questions(54)


@pytest.fixture(scope="module")
def model() -> tuple[FoundTopics, list[int]]:
    return find_topics(TEXTS)


def test_each_topic_is_of_one_theme(model: tuple[FoundTopics, list[int]]) -> None:
    topics, places = model
    assert len(topics.topics) == len(set(topics.topics)) == n_topics_of(len(TEXTS)) == 5
    assert places.count(-1) <= FAR * len(TEXTS) + 1
    for place in range(5):
        themes = [number // 54 for number, own in enumerate(places) if own == place]
        assert max(map(themes.count, themes)) >= 0.95 * len(themes)
        assert topics.counts[place] == len(themes)
    assert {"opera", "patient", "chemical"} <= {word for words in topics.words for word in words[:5]}


def test_the_order_of_questions_does_not_matter(model: tuple[FoundTopics, list[int]]) -> None:
    order = list(range(len(TEXTS)))
    random.Random(3).shuffle(order)
    again, places = find_topics([TEXTS[row] for row in order])
    assert again.to_bytes() == model[0].to_bytes()
    assert places == [model[1][row] for row in order]


def test_questions_are_assigned_as_they_were_found(model: tuple[FoundTopics, list[int]]) -> None:
    topics, places = model
    told = [topic for topic, _ in FoundTopics.from_bytes(topics.to_bytes()).assign(TEXTS)]
    expected = ["*" if place < 0 else topics.topics[place] for place in places]
    # centroids are kept in single precision: only what lies on the edge may be told otherwise
    assert sum(a != b for a, b in zip(told, expected, strict=True)) <= 1
    new = topics.assign(
        [
            "Which conductor recorded the opera Norma with an orchestra?",
            "Which vaccine does a patient with gout get?",
        ]
    )
    assert "opera" in topics.words[topics.topics.index(new[0][0])]
    assert "patient" in topics.words[topics.topics.index(new[1][0])]
    assert topics.assign([]) == []


def test_what_has_no_words_is_found_in_too() -> None:
    sums = [f"{a} + {b} = ?" for a in range(15) for b in range(15)]
    topics, places = find_topics(sums)
    assert len(places) == len(sums)
    assert all(topics.topics)


def test_too_few_questions_and_no_bertopic_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="199 questions are too few"):
        find_topics(TEXTS[:199])
    monkeypatch.setattr(
        found, "bertopic_available", lambda: False
    )  # stands for an installation without the extra
    with pytest.raises(InputError, match="not installed"):
        find_topics(TEXTS)
    with pytest.raises(InputError, match="cannot be read"):
        FoundTopics.from_bytes(b"no archive")


def test_shipped_topics_tell_what_questions_are_about() -> None:
    told = [
        topic
        for topic, _ in shipped_topics().assign(
            [
                "Which composer wrote the opera Carmen?",
                "Write a python function that sorts a list of strings.",
                "A patient has chest pain and a fever. Which drug should the doctor give?",
                "Which team won the football world cup in 1998?",
                "What is the acceleration of a ball with a mass of 2 kg under a force of 10 newton?",
                "",
            ]
        )
    ]
    assert told == ["music", "programming", "medicine", "sport", "physics", "*"]
    # each question is told the same, whatever is asked with it
    every = questions(5)
    together = shipped_topics().assign(every)
    assert together == [shipped_topics().assign([text])[0] for text in every]
    assert len(THEMES) == 4
