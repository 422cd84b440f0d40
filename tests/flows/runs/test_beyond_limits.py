"""Answers that went beyond a limit on their question are counted: limits bind the plan, by what is predicted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from optiq.questions.metric import BY_LIMIT, RESOURCES
from optiq.questions.question import Budget, Question
from optiq.questions.question_file import Row
from tasks.beyond_limits import beyond_limits, beyond_line
from tests.flows.runs.conftest import ModelServer

FIGURE = st.none() | st.sampled_from([0.0, 1.0, 2.0, 3.0])
OUTCOME = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["answered", "failed", "invalid"]),
        **{metric.limit: FIGURE for metric in RESOURCES},
        **{f"observed_{metric.name}": FIGURE for metric in RESOURCES},
    }
)


@given(st.lists(OUTCOME, max_size=6))
def test_an_answer_is_beyond_a_limit_that_its_own_figure_is_above(outcomes: list[dict[str, Any]]) -> None:
    schema = {"row_number": pl.Int64(), "status": pl.String()}
    schema |= {f"observed_{metric.name}": pl.Float64() for metric in RESOURCES}
    rows, answers, expected = [], [], dict.fromkeys((metric.limit for metric in RESOURCES), 0)
    for number, outcome in enumerate(outcomes, start=1):
        limits = {metric.limit: outcome[metric.limit] for metric in RESOURCES}
        question = (
            None if outcome["status"] == "invalid" else Question(str(number), "?", budget=Budget(**limits))
        )
        rows.append(Row(number, str(number), question, None))
        answers.append({name: {**outcome, "row_number": number}[name] for name in schema})
        for name, limit in limits.items():
            took = outcome[f"observed_{BY_LIMIT[name].name}"]
            if outcome["status"] == "answered" and None not in (limit, took) and took > limit:
                expected[name] += 1
    found = beyond_limits(rows, pl.DataFrame(answers, schema=schema, orient="row"))
    assert found == {name: n for name, n in expected.items() if n}
    assert (beyond_line(found) == "") == (not found)


def test_a_run_and_its_answers_say_what_took_longer(
    optiq: Callable[..., Any], model_server: Callable[..., ModelServer], tmp_path: Path
) -> None:
    (planned,) = json.loads(
        optiq("plan", "Who is slow?", "--models", "mistral:7b", "--max-operations", "1", "--json").out
    )
    limit = 1.5 * planned["chosen"]["predicted_latency_s"]
    server = model_server("--models", "mistral:7b", "--delay", str(limit + 0.2))  # so long at the least
    (tmp_path / "q.csv").write_text(f"question,max_latency_s\nWho is slow?,{limit}\nWho is free?,\n,\n")
    command = ["answer", "q.csv", "-o", "a.csv", "--models", "mistral:7b", "--max-operations", "1"]
    command += ["--no-safe-limits", "--server", "ollama", "--server-url", server.url]
    done = optiq(*command)
    assert "1 took longer than --max-latency" in done.out, done.err
    assert json.loads(optiq("show", "last", "--json").out)["beyond_limits"] == {"max_latency_s": 1}
    assert "1 took longer than --max-latency" in optiq("show").out
    assert "the answer went beyond" in optiq("show", "last", "Who is slow").out
    assert "the answer went beyond" not in optiq("show", "last", "Who is free").out
