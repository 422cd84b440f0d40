"""Variants from the command line: in the pool, planned over, run on real models, learned apart, listed."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

GEMMA, SHORT, COT = "gemma3:270m", "gemma3:270m+short", "gemma3:270m+cot"
CONFIGURATION = f"""
server = "embedded"
max_operations = 1
[variants."{SHORT}"]
model = "{GEMMA}"
max_output_tokens = 2
"""
QUESTIONS = ("What is the capital of France?", "Which city lies on the Seine?")
APART = """
select calls.model, answered_model, digest is not null as has_digest, prompt, max(calls.max_output_tokens) as cap,
    max(calls.output_tokens) as longest, count(*) as n
from calls inner join executions using (execution_id)
group by all order by calls.model
"""


@pytest.fixture
def configured(home: Path, tmp_path: Path) -> Path:
    (tmp_path / "optiq.toml").write_text(CONFIGURATION)
    # Choices are scored without a model.
    rows = [{"question": text, "options": ["Oslo", "Paris"], "reference": "B"} for text in QUESTIONS]
    file = tmp_path / "labelled.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_a_model_and_its_variants_are_learned_apart(configured: Path, optiq) -> None:
    pool = ("--models", f"{GEMMA},{SHORT}")
    first = optiq("calibrate", configured, "--singles-only", *pool, "--json")
    assert first.code == 0, first.err
    reasoned = optiq("calibrate", configured, "--prompt", "cot", "--plan", GEMMA, "--models", GEMMA, "--json")
    assert reasoned.code == 0, reasoned.err
    assert {row["plan"] for row in json.loads(reasoned.out)["work"]} == {COT}
    assert optiq("refresh").code == 0

    table = {row["model"]: row for row in json.loads(optiq("sql", APART, "--json").out)}
    assert set(table) == {GEMMA, SHORT, COT}
    assert {row["n"] for row in table.values()} == {2}
    assert all(row["answered_model"] == GEMMA and row["has_digest"] for row in table.values())
    assert (table[SHORT]["cap"], table[SHORT]["longest"] <= 2) == (2, True)
    assert table[COT]["prompt"].startswith("cot@")
    assert table[COT]["longest"] > table[GEMMA]["longest"]

    listed = {row["model"]: row for row in json.loads(optiq("models", "--json").out)}
    assert listed[SHORT]["variant_of"] == listed[COT]["variant_of"] == GEMMA
    assert (listed[COT]["prompt"], listed[SHORT]["max_output_tokens"], listed[COT]["served"]) == (
        "cot",
        2,
        True,
    )
    names = list(listed)
    assert names[names.index(GEMMA) :][:3] == [GEMMA, COT, SHORT], "variants stand under their model"
    for name in ("usd_per_prompt_token", "usd_per_output_token"):
        assert listed[COT][name] == listed[SHORT][name] == listed[GEMMA][name], "prices of the served model"

    pool = ("--models", f"{GEMMA},{SHORT},{COT}", "--frontier", "--json")
    [planned] = json.loads(optiq("plan", "What is H2O?", "--weights", "cost=1", *pool).out)
    assert planned["chosen"]["plan"]["models"] == [SHORT], "the shortest where cost is what matters"
    [dear] = json.loads(optiq("estimate", "What is H2O?", "--plans", COT, "--json").out)
    assert dear["predicted_cost_usd"] > 1.5 * planned["chosen"]["predicted_cost_usd"]

    Path("open.csv").write_text("question\nWhat is the capital of Spain?\n")
    answered = optiq("answer", "open.csv", "-o", "answers.parquet", "--weights", "cost=1",
                     "--models", f"{GEMMA},{SHORT}")  # fmt: skip
    assert answered.code == 0, answered.err
    assert pl.read_parquet("answers.parquet")["plan_key"].to_list() == [f"1:0:{SHORT}"]


def test_variants_are_in_the_pool_and_may_blend(configured: Path, optiq) -> None:
    asked = ("explain", "What is H2O?", "--json")
    [planned] = [
        json.loads(optiq(*asked, "--max-operations", "3", "--blender", SHORT, "--weights", "qoa=1").out)
    ]
    used = {model for plan in planned["frontier"] for model in plan["plan"]["models"]}
    assert used <= {GEMMA, SHORT, "smollm2:135m"}
    told = optiq("explain", "What is H2O?", "--blender", SHORT)
    assert f"pool       {GEMMA}, {SHORT}, smollm2:135m; blender {SHORT}" in told.out
    assert f"as {GEMMA} (variant)" in optiq("explain", "What is H2O?", "--models", SHORT).out


def test_other_prompts_are_names_of_their_own(configured: Path, optiq) -> None:
    told = optiq("explain", "What is H2O?", "--prompt", "cot")
    assert f"pool       {COT}, {SHORT}, smollm2:135m+cot; blender {COT}" in told.out, told.err
    [plain] = json.loads(optiq("estimate", "What is H2O?", "--plans", GEMMA, "--json").out)
    [reasoned] = json.loads(optiq("estimate", "What is H2O?", "--plans", COT, "--json").out)
    assert reasoned["predicted_cost_usd"] > 2 * plain["predicted_cost_usd"], "even before it was run"


@pytest.mark.parametrize(
    ("table", "arguments", "said"),
    [
        ('[variants.x]\nmodel = "nobody"', (), "'nobody', which is not served here"),
        ('[variants."gemma3:270m"]\nmodel = "smollm2:135m"', (), "the name of a served model"),
        ('[variants.x]\nmodel = "nobody"', ("--models", "x"), "'nobody', which is not served here"),
        ('[variants.x]\nmodel = "gemma3:270m"\nprompt = "few-shot"', (), "no examples"),
        ('[variants.x]\nmodel = "gemma3:270m"\nmax_output_tokens = 0', (), "whole number from 1 up"),
        ("", ("--examples", "labelled.jsonl"), "examples are for few-shot prompts"),
        (
            "",
            ("--models", f"{GEMMA}+nonsense"),
            "'nonsense', which there are not. Prompt sets are zero-shot, few-shot",
        ),
        ("", ("--blender", f"{GEMMA}+magic"), "'magic', which there are not. Prompt sets are"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    configured: Path, optiq, table: str, arguments: tuple[str, ...], said: str
) -> None:
    Path("optiq.toml").write_text(f'server = "embedded"\n{table}\n')
    result = optiq("ask", "What is H2O?", "--topic", "*", *arguments)
    assert result.code == 2
    assert said in result.err
    assert "Traceback" not in result.err


def test_a_variant_that_is_not_wanted_does_not_stand_in_the_way(configured: Path, optiq) -> None:
    Path("optiq.toml").write_text('server = "embedded"\n[variants.x]\nmodel = "nobody"\n')
    assert optiq("ask", "What is H2O?", "--topic", "*", "--models", GEMMA).code == 0
    assert optiq("models").code == 0
