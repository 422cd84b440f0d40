"""Verbs that write where they are told have one rule: what is there is named before it is replaced, or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optiq.errors import OptiqNote
from optiq.files.tables import read_table

VERBS = {
    "export": (["export", "OUT.csv"], "OUT.csv"),
    "sql": (["sql", "select 1 as one", "-o", "OUT.jsonl"], "OUT.jsonl"),
    "estimate": (["estimate", "Why?", "--plans", "mistral:7b", "-o", "OUT.csv"], "OUT.csv"),
    "report": (["report", "--snapshot", "current", "-o", "OUT.html"], "OUT.html"),
    "explain": (["explain", "Why?", "--models", "mistral:7b", "--svg", "OUT.svg"], "OUT.svg"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_there_is_named_and_what_is_none_of_ours_is_left(verb: str, optiq, tmp_path: Path) -> None:
    arguments, name = VERBS[verb]
    first = optiq(*arguments)
    assert first.code == 0, first.err
    with pytest.warns(OptiqNote, match=f"{name} is there and will be replaced"):
        again = optiq(*arguments)
    assert again.code == 0, again.err
    (tmp_path / name).write_bytes(b"\0 mine \0")
    refused = optiq(*arguments)
    assert refused.code == 2
    assert "holds something else than its name says" in refused.err
    assert (tmp_path / name).read_bytes() == b"\0 mine \0"


def test_nothing_is_written_into_a_home_or_over_what_is_read(optiq, home: Path, tmp_path: Path) -> None:
    before = (home / "perfdb.duckdb").stat().st_mtime_ns
    for arguments in (
        ["sql", "select 1 as one", "-o", home / "landing" / "traces-x.parquet"],
        ["export", home / "probes.json"],
    ):
        done = optiq(*arguments)
        assert done.code == 2
        assert "is in a home of PerfDB" in done.err
    assert not list((home / "landing").glob("traces-x*"))
    assert (home / "perfdb.duckdb").stat().st_mtime_ns == before
    (tmp_path / "questions.csv").write_text("question\nWhy?\n")
    done = optiq("estimate", "questions.csv", "--plans", "mistral:7b", "-o", "questions.csv")
    assert (done.code, "is a file that this command reads" in done.err) == (2, True)
    assert (tmp_path / "questions.csv").read_text() == "question\nWhy?\n"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".tsv", ".xlsx"])
def test_sql_takes_values_and_writes_every_kind_that_its_help_names(suffix: str, optiq, home) -> None:
    assert suffix in optiq("sql", "--help").out
    statement = "SELECT i, $word AS word FROM range(9) AS r(i) WHERE i >= $least"
    done = optiq("sql", statement, "--param", "word=a=b", "--param", "$least=7", "-o", f"out{suffix}")
    assert done.code == 0, done.err
    assert [(int(i), word) for i, word in read_table(f"out{suffix}").rows()] == [(7, "a=b"), (8, "a=b")]
    shown = optiq("sql", statement, "--param", "word=x", "--param", "least=8", "--json")
    assert json.loads(shown.out) == [{"i": 8, "word": "x"}]
