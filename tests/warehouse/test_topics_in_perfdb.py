"""The topic model is part of a snapshot and is fitted again only when its questions have changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optiq.plans.plan import Plan
from optiq.text.topics import TopicModel
from warehouse import topics
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.topics import load_topic_model

A = Plan.of(["smollm2:135m"])
PLACES = ["Norway", "Peru", "Japan", "Kenya", "Canada", "Spain", "India", "Chile", "Egypt", "Poland", "Cuba"]
METALS = [
    "gold",
    "iron",
    "zinc",
    "lead",
    "copper",
    "tin",
    "silver",
    "nickel",
    "cobalt",
    "mercury",
    "platinum",
]


def rows(traces: Any, start: int, places: list[str], metals: list[str]) -> list[dict[str, Any]]:
    asked = [("geography", f"What is the capital of {place}?") for place in places]
    asked += [("chemistry", f"What is the chemical symbol of {metal}?") for metal in metals]
    return [
        traces.execution(A, start + i, topic=topic, question=question, topic_given=True)
        for i, (topic, question) in enumerate(asked)
    ]


def learned_from(home: Home) -> list[tuple[str, int]]:
    return query(home.perfdb, "select learned_from, n_questions from topic_models").rows()


def test_topics_are_learned_from_labelled_questions(home: Home, traces: Any) -> None:
    assert load_topic_model(home.perfdb) is None
    land_traces(home, traces(*rows(traces, 0, PLACES[:10], METALS[:10])))
    refresh(home, full_gate=False)
    model = load_topic_model(home.perfdb)
    assert model is not None
    assert model.topics == ("chemistry", "geography")
    assert model.assign(["What is the capital of Portugal?"])[0][0][0] == "geography"
    assert query(home.perfdb, "select topic, n_questions from topics order by topic").rows() == [
        ("chemistry", 10),
        ("geography", 10),
    ]
    first = learned_from(home)
    # One more of twenty questions is not worth a fit; a new topic is.
    land_traces(home, traces(*rows(traces, 100, PLACES[10:], [])))
    refresh(home, full_gate=False)
    assert learned_from(home) == first
    music = {"topic": "music", "question": "Who composed the Ninth Symphony?", "topic_given": True}
    land_traces(home, traces(traces.execution(A, 200, **music)))
    refresh(home, full_gate=False)
    assert learned_from(home)[0][1] == 22


def test_the_topic_model_can_be_bertopic(home: Home, traces: Any) -> None:
    land_traces(home, traces(*rows(traces, 0, PLACES[:10], METALS[:10])))
    refresh(home, full_gate=False, topic_model="bertopic")
    model = load_topic_model(home.perfdb)
    assert model is not None
    assert model.assign(["What is the capital of Portugal?"])[0][0][0] == "geography"
    assert query(home.perfdb, "select kind, n_questions from topic_models").rows() == [("bertopic", 20)]
    words = dict(query(home.perfdb, "select topic, words from topics").rows())
    assert "symbol" in words["chemistry"]
    # Another kind is reason enough to learn again.
    assert refresh(home, full_gate=False).published
    assert query(home.perfdb, "select kind from topic_models")["kind"].to_list() == ["centroid"]


def test_topics_that_are_learned_again_embed_only_new_questions(home: Home, traces: Any) -> None:
    land_traces(home, traces(*rows(traces, 0, PLACES[:5], METALS[:5])))
    refresh(home, full_gate=False)
    vectors = "select question, vector from labelled_questions order by digest"
    before = dict(query(home.perfdb, vectors).rows())
    land_traces(home, traces(*rows(traces, 100, PLACES[5:], METALS[5:])))
    refresh(home, full_gate=False)
    after = dict(query(home.perfdb, vectors).rows())
    assert len(after) == 22
    assert before.items() <= after.items()
    learned = query(home.perfdb, "select question, topic from labelled_questions order by topic, digest")
    whole = TopicModel.fit(learned["question"].to_list(), learned["topic"].to_list())
    model = load_topic_model(home.perfdb)
    assert isinstance(model, TopicModel)
    np.testing.assert_allclose(model.centroids, whole.centroids, atol=1e-6)
    assert model.words == whole.words


def test_a_night_makes_vectors_of_so_many_questions_and_the_next_of_others(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "MOST_NEW", 12)
    land_traces(home, traces(*rows(traces, 0, PLACES, METALS[:3])))
    vectors = "select topic, count(*) from labelled_questions where vector is not null group by topic order by topic"
    learned = []
    for night in range(3):
        refresh(home, full_gate=False)
        learned.append(query(home.perfdb, "select topic, n_questions from topics order by topic").rows())
        assert query(home.perfdb, vectors).rows() == learned[-1]
        land_traces(home, traces(traces.execution(A, 500 + night, question="Who?", topic_given=False)))
    assert learned[0] == [("chemistry", 3), ("geography", 9)], "no topic waits for another's questions"
    assert learned[1:] == [[("chemistry", 3), ("geography", 11)]] * 2


def test_questions_that_wait_are_learned_when_a_quarter_is_new(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "MOST_NEW", 12)
    monkeypatch.setattr(topics, "ENOUGH", 6)
    land_traces(home, traces(*rows(traces, 0, PLACES, METALS)))
    vectors = "select count(*) from labelled_questions where vector is not null"

    def vectors_after_a_night() -> int:
        refresh(home, full_gate=False)
        (n,) = query(home.perfdb, vectors).rows()[0]
        assert learned_from(home)[0][1] == n, "what has a vector is learned from"
        return int(n)

    assert vectors_after_a_night() == 12
    land_traces(home, traces(*rows(traces, 100, ["Malta", "Ghana"], ["radium", "argon", "neon"])))
    assert vectors_after_a_night() == 12, "five of 27 are new"
    land_traces(home, traces(*rows(traces, 200, ["Nepal", "Qatar"], [])))
    assert vectors_after_a_night() == 12, "seven of 29"
    land_traces(home, traces(*rows(traces, 300, ["Benin"], [])))
    assert vectors_after_a_night() == 24, "eight of 30"
    land_traces(home, traces(*rows(traces, 400, [], ["xenon"])))
    assert vectors_after_a_night() == 24
