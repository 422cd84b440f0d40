"""A file of unlabelled questions, from its first topics to those that were found in it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from optiq.errors import OptiqWarning
from optiq.extensions.built_in import SERVERS
from optiq.servers import ServedModel
from tests.optiq.fake_server import FakeServer
from tests.unlabelled_questions import questions

ASKED = questions(54)
OPERA = "Which composer wrote the opera Carmen?"


class Served(FakeServer):
    """A model that knows no metals. No real one: 216 answers would take minutes."""

    def list_models(self) -> list[ServedModel]:
        return [ServedModel("phi4:14b")]


@pytest.fixture
def oslo(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    server = Served(lambda request: "No idea" if "metal" in str(request.prompt) else "Oslo")
    monkeypatch.setitem(SERVERS._given, "knows-no-metals", lambda *_: server)
    return ("--server", "knows-no-metals", "--models", "phi4:14b", "--max-operations", "1")


def test_unlabelled_questions_get_topics_that_are_found_again(
    optiq, oslo: tuple[str, ...], tmp_path: Path
) -> None:
    pl.DataFrame({"question": ASKED, "reference": "Oslo"}).write_csv("q.csv")
    dry = optiq("answer", "q.csv", "-o", "a.csv", *oslo, "--dry-run", "--json")
    # the first file has topics that are shipped, and plans do not hear them
    first = json.loads(optiq("explain", OPERA, *oslo, "--json").out)
    assert (first["topics"], first["topics_from"], first["about"]) == ([], "shipped", "music")
    assert (
        "about music, of the shipped topics; figures for any topic are used"
        in optiq("explain", OPERA, *oslo).out
    )
    done = optiq("answer", "q.csv", "-o", "a.csv", *oslo)
    assert (dry.code, done.code) == (0, 0), done.err
    rows = pl.read_csv("a.csv", columns=["status", "topics"])
    assert rows["status"].unique().to_list() == ["answered"]
    told = dict(zip(ASKED, rows["topics"].to_list(), strict=True))
    assert json.loads(told[OPERA]) == [{"topic": "music", "weight": 1.0}]
    shown = optiq("show", "last").out
    assert "54 of" in shown, shown

    assert optiq("refresh").code == 0
    second = json.loads(optiq("explain", OPERA, *oslo, "--json").out)
    assert (second["topics"], second["topics_from"]) == ([], "found")
    assert "opera" in second["about"]
    assert f"about {second['about']}, found in past questions" in optiq("explain", OPERA, *oslo).out
    told_by_sql = optiq(
        "sql", "SELECT topic FROM question_topics WHERE question LIKE '%opera Carmen%'", "--json"
    ).out
    assert second["about"] in told_by_sql
    worst = json.loads(optiq("sql", "FROM misses_by_found_topic LIMIT 1", "--json").out)
    assert worst[0]["missed"] > 0.9 > worst[0]["missed_elsewhere"]
    assert (
        json.loads(optiq("explain", "What is it?", *oslo, "--topic", "geography", "--json").out)[
            "topics_from"
        ]
        == "person"
    )
    # the same file again: as before, with the topics that were found
    assert optiq("answer", "q.csv", "-o", "b.csv", *oslo).code == 0
    again = pl.read_csv("b.csv", columns=["topics"])["topics"].to_list()
    place = ASKED.index(OPERA)
    assert json.loads(again[place]) == [{"topic": second["about"], "weight": 1.0}]


def test_a_topic_that_perfdb_does_not_know_counts_alike_dry_and_run(
    optiq, oslo: tuple[str, ...], tmp_path: Path
) -> None:
    rows = [{"question": f"Which is number {n}?", "topic": "knitting" if n % 2 else None} for n in range(8)]
    known = {"question": "What is the capital of Peru?", "topic": "geography", "reference": "Oslo"}
    pl.DataFrame([known]).write_csv("known.csv")
    assert optiq("answer", "known.csv", "-o", "known-answers.csv", *oslo).code == 0
    assert optiq("refresh").code == 0
    pl.DataFrame([*rows, {"question": "", "topic": None}]).write_csv("q.csv")
    said = r"4 of 8 questions have topics that PerfDB does not know \(knitting\): planned on figures for any topic"
    with pytest.warns(OptiqWarning, match=said):
        dry = json.loads(optiq("answer", "q.csv", "-o", "a.csv", *oslo, "--dry-run", "--json").out)
    with pytest.warns(OptiqWarning, match=said):
        done = json.loads(optiq("answer", "q.csv", "-o", "a.csv", *oslo, "--json").out)
    assert (dry["planned"], done["answered"]) == (8, 8)
    for name in ("questions", "invalid", "infeasible"):
        assert dry[name] == done[name]
