"""From files of other tools to a plan, as a new user goes: ingest, refresh, report; then a question of that kind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Command = Callable[..., Any]

MODELS = {"alpha:1b": 0.25, "beta:3b": 0.5, "gamma:7b": 1.0}
REAL = Path(__file__).parent.parent / "warehouse/real_files"


def questions() -> Iterator[tuple[str, int]]:
    for number in range(12):
        yield f"Tom has {number} books and buys 3 more. How many does he have?", number + 3


def lm_eval_folders(folder: Path) -> None:
    """Samples of three models, made from a row that lm-eval wrote."""
    (real,) = (REAL / "lm_eval/smollm2").glob("samples_mini_sums*")
    sample = json.loads(real.read_text(encoding="utf-8").splitlines()[0])
    for model, share in MODELS.items():
        place = folder / model.replace(":", "__")
        place.mkdir(parents=True)
        rows = []
        for number, (question, gold) in enumerate(questions()):
            right = number < 12 * share
            rows.append(
                {
                    **sample,
                    "doc_id": number,
                    "doc": {"question": question, "answer": f"#### {gold}"},
                    "target": f"#### {gold}",
                    "resps": [[f"It is {gold if right else 0}."]],
                    "exact_match": float(right),
                }
            )
        text = "\n".join(map(json.dumps, rows))
        (place / "samples_sums_2026-11-29T04-49-24.052435.jsonl").write_text(text + "\n", encoding="utf-8")
        results = {"results": {"sums": {"exact_match,strict-match": share}}, "configs": {"sums": {}}}
        results |= {"model_name": model, "date": 1795927711.5, "n-shot": {"sums": 0}}
        (place / "results_2026-11-29T04-49-24.052435.json").write_text(json.dumps(results), encoding="utf-8")


def promptfoo_results(path: Path) -> None:
    """Results of the three models, made from a row that promptfoo wrote."""
    whole = json.loads((REAL / "promptfoo/results.json").read_text(encoding="utf-8"))
    row = whole["results"]["results"][0]
    rows = []
    for model, share in MODELS.items():
        for number in range(12):
            right = number < 12 * share
            rows.append(
                {
                    **row,
                    "id": f"{model}-{number}",
                    "provider": {"id": f"openai:chat:{model}", "label": ""},
                    "vars": {"question": f"What is the capital of country {number}?"},
                    "score": float(right),
                    "success": right,
                }
            )
    whole["results"]["results"] = rows
    path.write_text(json.dumps(whole), encoding="utf-8")


def test_three_commands_to_a_report_and_plans_that_name_the_files(
    home: Path, optiq: Command, tmp_path: Path
) -> None:
    shutil.rmtree(home)  # a new user has none
    lm_eval_folders(tmp_path / "evaluations")
    promptfoo_results(tmp_path / "evaluations/promptfoo.json")
    maps = [part for model in MODELS for part in ("--map", f"openai:chat:{model}={model}")]
    landed = optiq("ingest", "traces", "evaluations", *maps)
    assert "72 rows landed, 0 rows set aside" in landed.out
    assert "72 executions" in optiq("refresh").out
    assert optiq("report", "-o", "page.html").code == 0
    assert (tmp_path / "page.html").stat().st_size > 10_000
    asked = ["Ann has 4 books and buys 9 more. How many does she have?", "--models", ",".join(MODELS)]
    (plan,) = json.loads(optiq("plan", *asked, "--max-operations", "1", "--json").out)
    assert plan["chosen"]["plan"]["models"] == ["gamma:7b"]
    (source,) = [row["source"] for row in plan["chosen"]["provenance"] if row["metric"] == "qoa"]
    assert source == "shrunk n=24 from promptfoo.json, samples_sums_2026-11-29T04-49-24.052435.jsonl"


def test_prices_of_a_table_land_with_their_source_and_old_ones_are_told(
    home: Path, optiq: Command, tmp_path: Path
) -> None:
    told = optiq("ingest", "prices", "--price-of", "llama3.1:8b", "--price-of", "gpt-4o-mini")
    assert "gpt-4o-mini: 0.15/0.6 USD per million tokens, genai-prices" in told.out
    assert "llama3.1:8b: not sure, name a provider (--provider)" in told.out
    assert "3 figures landed" in told.out, "prompt, cached and output tokens"
    trace = {"model": "mistral:7b", "topic": "history", "qoa": 1, "calls": [{"output": "1066"}]}
    (tmp_path / "traces.jsonl").write_text(json.dumps(trace) + "\n", encoding="utf-8")
    assert optiq("ingest", "traces", "traces.jsonl").code == 0
    refreshed = optiq("refresh")
    assert "prices older than 90 days: mistral:7b 2026-01-01" in refreshed.err
    row = json.loads(optiq("sql", "--json", "select * from priors where model = 'gpt-4o-mini'").out)[0]
    assert row["source"].startswith("genai-prices ")


def test_a_flag_of_another_kind_of_file_is_misuse(home: Path, optiq: Command) -> None:
    refused = optiq("ingest", "priors", "x.csv", "--provider", "openrouter")
    assert refused.code == 2
    assert "--provider is for prices, not for priors" in refused.err


def test_a_model_named_wrongly_is_named_again(optiq) -> None:
    """As long as the file waits, and after a refresh with what is said then: nothing is lost silently."""
    folder = str(REAL / "lm_eval" / "dummy")
    models = "SELECT DISTINCT plan_key FROM executions"
    assert optiq("ingest", "traces", folder).code == 0
    anew = optiq("ingest", "traces", folder, "--model", "llama3.2:3b")
    assert anew.code == 0, anew.err
    assert "0 rows landed" not in anew.out
    again = optiq("ingest", "traces", folder, "--model", "llama3.2:3b")
    assert (again.code, "1 file already known" in again.out) == (0, True)
    assert optiq("refresh").code == 0
    assert json.loads(optiq("sql", models, "--json").out) == [{"plan_key": "1:0:llama3.2:3b"}]

    late = optiq("ingest", "traces", folder, "--model", "phi4:14b")
    assert late.code == 1
    assert "had no effect" in late.out
    # what it says to do does it
    assert optiq("snapshots", "restore", "1").code == 0
    assert optiq("ingest", "traces", folder, "--model", "phi4:14b").code == 0
    assert optiq("refresh").code == 0
    assert json.loads(optiq("sql", models, "--json").out) == [{"plan_key": "1:0:phi4:14b"}]
