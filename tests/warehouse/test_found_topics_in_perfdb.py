"""What questions without a topic are about, from night to night."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

import warehouse.found_topics as found_topics
from optiq.errors import OptiqNote
from optiq.plans.plan import Plan
from tests.unlabelled_questions import questions
from warehouse.found_topics import load_found_topics
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh

SMALL, LARGE = Plan.of(["smollm2:135m"]), Plan.of(["phi4:14b"])


def land(home: Home, traces: Any, texts: list[str], start: int = 0, **changes: Any) -> list[str]:
    """Land both models' answers, the small one's wrong on metals, and refresh; returns what the refresh told."""
    rows = []
    for number, text in enumerate(texts, start):
        for which, plan in enumerate((SMALL, LARGE)):
            about = {"topic": "*", "topics": [], "question": text, **changes}
            wrong = plan is SMALL and "metal" in text
            rows.append(traces.execution(plan, 2 * number + which, 0.0 if wrong else 1.0, **about))
    land_traces(home, traces(*rows))
    told: list[str] = []
    refresh(home, on_step=told.append)
    return told


def topics_of(home: Home) -> dict[str, str]:
    return dict(query(home.perfdb, "select question, topic from question_topics").iter_rows())


@pytest.fixture(scope="module")
def with_topics(fresh_home: Home, copy_of: Callable[[Home], Home], traces: Any) -> Home:
    """216 questions of four themes, refreshed."""
    home = copy_of(fresh_home)
    told = land(home, traces, questions(54))
    assert "topics are looked for" in told
    return home


def test_below_200_questions_shipped_topics_are_told(home: Home, traces: Any) -> None:
    assert "topics are looked for" not in land(home, traces, questions(49))
    assert load_found_topics(home.perfdb) is None
    told = query(
        home.perfdb, "select source, count(*) n, count(distinct topic) topics from question_topics group by 1"
    )
    assert told.rows()[0][:2] == ("shipped", 196)
    assert topics_of(home)["Which composer wrote the opera Carmen?"] == "music"


def test_topics_are_found_from_200_on_and_reported(with_topics: Home) -> None:
    perfdb = with_topics.perfdb
    model = load_found_topics(perfdb)
    assert model is not None
    current = query(
        perfdb, "select topic, n_questions, words from found_topics where is_current order by topic"
    )
    assert sorted(model.topics) == current["topic"].to_list()
    assert current["n_questions"].sum() >= 0.95 * 216
    assert query(perfdb, "select distinct kind from found_topic_changes")["kind"].to_list() == ["born"]
    told = topics_of(with_topics)
    assert len(told) == 216
    by_source = query(perfdb, "select source, count(*) from question_topics group by 1").rows()
    assert by_source == [("found", 216)]
    # the small model misses on metals alone, and the views say so
    metals = {told[text] for text in questions(54, ("metals",))} - {"*"}
    worst = query(perfdb, "from misses_by_found_topic")
    assert set(worst.filter(pl.col("missed") > pl.col("missed_elsewhere"))["topic"]) - {"*"} == metals
    best = query(perfdb, "from model_quality_by_found_topic where place = 1 and topic <> '*'")
    assert dict(
        best.filter(pl.col("topic").is_in(metals)).select("topic", "model").iter_rows()
    ) == dict.fromkeys(metals, "phi4:14b")
    small = query(perfdb, "from model_quality_by_found_topic where model = 'smollm2:135m' and topic <> '*'")
    assert set(small.filter(pl.col("qoa") < pl.col("qoa_elsewhere"))["topic"]) == metals
    # statistics know nothing of them
    assert query(perfdb, "select distinct topic from plan_statistics")["topic"].to_list() == ["*"]


def test_a_topic_keeps_its_name_over_the_nights(with_topics: Home, copy_of: Any, traces: Any) -> None:
    home = copy_of(with_topics)
    before = topics_of(home)
    names = set(before.values()) - {"*"}
    # a few more are assigned as they come
    new = [f"Which composer wrote the opera {name}?" for name in ("Nabucco", "Alzira", "Ernani")]
    told = land(home, traces, new, 1000)
    assert "topics are looked for" not in told
    assert {text: topics_of(home)[text] for text in before} == before
    # a quarter more, of another theme: found again
    sky = [
        f"How far is the planet {a} from the star {b} in the galaxy?" for a in "ABCDEFG" for b in range(10)
    ]
    assert "topics are looked for" in land(home, traces, sky, 2000)
    after = topics_of(home)
    same = [text for text in before if before[text] != "*" and after[text] != "*"]
    assert sum(before[text] == after[text] for text in same) >= 0.7 * len(same)
    assert len(names & set(after.values())) >= 4
    (last,) = query(home.perfdb, "select max(ingestion) from found_topic_changes").rows()[0]
    changes = query(
        home.perfdb, "select kind, topic, other from found_topic_changes where ingestion = $n", {"n": last}
    )
    known = set(query(home.perfdb, "select topic from found_topics")["topic"])
    gone = set(changes.filter(pl.col("kind").is_in(["gone", "merged"]))["topic"])
    fresh = set(changes.filter(pl.col("kind").is_in(["born", "split"]))["topic"])
    assert gone <= names
    assert not fresh & names
    assert fresh | gone | names == known
    current = set(query(home.perfdb, "select topic from found_topics where is_current")["topic"])
    assert current == (names - gone) | fresh
    assert {after[text] for text in sky} & fresh


def test_the_order_of_nights_files_changes_no_topic(with_topics: Home, home: Home, traces: Any) -> None:
    land(home, traces, questions(54)[::-1])
    assert topics_of(home) == topics_of(with_topics)


def test_a_topic_that_a_person_gave_wins(with_topics: Home, copy_of: Any, traces: Any) -> None:
    home = copy_of(with_topics)
    text = questions(1)[0]
    assert text in topics_of(home)
    land(home, traces, [text], 1000, topic="geography", topic_given=True)
    assert text not in topics_of(home)
    # also when it is asked without one again
    land(home, traces, [text], 2000)
    assert text not in topics_of(home)


def test_without_bertopic_a_line_says_that_nobody_looks(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # stands for an installation without the extra
    monkeypatch.setattr(found_topics, "bertopic_available", lambda: False)
    with pytest.warns(OptiqNote, match="are not looked for: BERTopic is not installed"):
        land(home, traces, questions(54))
    assert set(query(home.perfdb, "select source from question_topics")["source"]) == {"shipped"}


def test_the_latest_questions_are_kept(home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found_topics, "MOST", 20)
    land(home, traces, questions(4))
    land(home, traces, questions(4, start=4), 100)
    kept = topics_of(home)
    assert len(kept) == 20
    assert set(questions(4, start=4)) <= set(kept)
    assert query(home.perfdb, "select n_known from question_topics_basis").rows() == [(32,)]


def test_a_topic_given_earlier_counts_whatever_space_stands_around_the_question(
    home: Home, traces: Any
) -> None:
    land(home, traces, ["Who was Bach?  "], topic="music", topics=["music"], topic_given=True)
    land(home, traces, [" Who was Bach?", "Who was Grieg?"], start=10)
    assert set(topics_of(home)) == {"Who was Grieg?"}
