"""Runs that asked nothing, as all was beyond a limit: they are over, say why, and a higher limit goes on."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest


def flags(server, *more: str) -> tuple[str, ...]:
    where = ("--server", "ollama", "--server-url", server.url)
    return ("answer", "questions.csv", "-o", "answers.csv", *where, *more)


def test_what_a_total_leaves_unasked_has_an_outcome_wherever_the_run_is_shown(
    model_server, questions, optiq
) -> None:
    questions(4)
    server = model_server("--models", "phi4:14b")
    said = optiq(*flags(server, "--max-total-cost", "1e-12"))
    assert "0 answered, 4 infeasible" in said.out
    assert "no question was answered" in said.out
    (listed,) = json.loads(optiq("runs", "list", "--json").out)
    assert (listed["status"], listed["infeasible"], listed["done"]) == ("done", 4, 4)
    told = optiq("runs", "show", "last").out
    assert "4 infeasible" in told
    assert "0 not asked" in told
    reasons = pl.read_csv("answers.csv")["error"].to_list()
    assert all("max_total_cost" in reason for reason in reasons)
    shown = json.loads(optiq("show", "last", "--json").out)["rows"]
    assert [(row["status"], row["error"]) for row in shown] == [("infeasible", why) for why in reasons]
    assert "max_total_cost" in optiq("show", "last", "q2").out

    # Another snapshot is published meanwhile: what was left is asked in the same run all the same.
    assert optiq("models", "add", "other", "--qoa", "0.1").code == 0
    more = json.loads(optiq(*flags(server, "--max-total-cost", "1", "--json")).out)
    assert (more["run_id"], more["asked"], more["answered"]) == (listed["run_id"], 4, 4)
    (listed,) = json.loads(optiq("runs", "list", "--json").out)
    assert (listed["status"], listed["answered"], listed["infeasible"]) == ("done", 4, 0)


@pytest.mark.parametrize(
    ("limit", "named"), [("--max-total-cost", "max_total_cost = "), ("--max-latency", "max_latency_s")]
)
def test_a_report_of_nothing_says_so_and_which_limit_to_raise(
    model_server, questions, optiq, limit: str, named: str
) -> None:
    questions(2)
    assert optiq(*flags(model_server("--models", "phi4:14b"), limit, "1e-12")).code == 1
    optiq("refresh")
    done = optiq("report", "-o", "page.html")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "no model was asked" in line
    assert "2 infeasible" in line
    assert named in line
    assert "Raise that limit" in line
    assert not Path("page.html").exists()
