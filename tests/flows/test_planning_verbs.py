"""What `plan`, `estimate`, `explain`, `models`, `init` and `sql` print, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from optiq.errors import OptiqNote

PAPER = ("--models", "mistral:7b,phi4:14b,gemma3:27b", "--blender", "gemma3:27b", "--topic", "geography")
QUERIES = Path(__file__).parent.parent.parent / "sql" / "queries"
PEOPLES_QUERIES = sorted(
    path.name
    for path in QUERIES.glob("*.sql")
    if "$" not in path.read_text()
    and not {"asked", "wanted"} & set(path.read_text().split())
    and not path.name.startswith("snapshot_diff")
)
HAMLET = "Who wrote the play 'Hamlet'?"


def test_plan_json_has_the_documented_shape(optiq) -> None:
    result = optiq("plan", HAMLET, *PAPER, "--json", "--frontier")
    (planned,) = json.loads(result.out)
    assert result.code == 0
    assert planned["question_id"] == "1"
    assert planned["status"] == "planned"
    assert planned["topics"] == [{"topic": "geography", "weight": 1.0}]
    for plan in (planned["chosen"], *planned["frontier"]):
        assert set(plan) == {
            "plan",
            "plan_key",
            "predicted_cost_usd",
            "predicted_latency_s",
            "predicted_energy_j",
            "predicted_qoa",
            "provenance",
        }
        assert {"models", "edges"} == set(plan["plan"])
        assert plan["provenance"]
    assert planned["chosen"] in planned["frontier"]


def test_limits_and_weights_change_the_choice(optiq) -> None:
    best = json.loads(optiq("plan", HAMLET, *PAPER, "--weights", "qoa=1", "--json").out)[0]["chosen"]
    cheap = json.loads(optiq("plan", HAMLET, *PAPER, "--weights", "cost=1", "--json").out)[0]["chosen"]
    assert best["predicted_qoa"] > cheap["predicted_qoa"]
    assert best["predicted_cost_usd"] > cheap["predicted_cost_usd"]
    limit = str((best["predicted_cost_usd"] + cheap["predicted_cost_usd"]) / 2)
    limited = json.loads(
        optiq("plan", HAMLET, *PAPER, "--weights", "qoa=1", "--max-cost", limit, "--json").out
    )
    assert limited[0]["chosen"]["predicted_cost_usd"] <= float(limit)


def test_with_a_confidence_bounds_are_shown_and_hold_the_limits(optiq, monkeypatch) -> None:
    plain = json.loads(optiq("plan", HAMLET, *PAPER, "--weights", "qoa=1", "--json").out)[0]["chosen"]
    assert not any(name.startswith(("bound_", "confidence")) for name in plain)
    sure = ("--weights", "qoa=1", "--confidence", "0.9")
    chosen = json.loads(optiq("plan", HAMLET, *PAPER, *sure, "--json").out)[0]["chosen"]
    assert chosen["confidence"] == 0.9
    for metric in ("cost_usd", "latency_s", "energy_j"):
        assert chosen[f"bound_{metric}"] > chosen[f"predicted_{metric}"]
    assert chosen["bound_qoa"] < chosen["predicted_qoa"]
    told = {row["metric"]: row["source"] for row in chosen["provenance"]}
    assert "default" in told["bound_cost_usd"]  # nothing ran in a fresh PerfDB

    limit = str(chosen["bound_cost_usd"])
    kept = json.loads(optiq("plan", HAMLET, *PAPER, *sure, "--max-cost", limit, "--json").out)[0]["chosen"]
    assert kept == chosen
    less = str((chosen["bound_cost_usd"] + chosen["predicted_cost_usd"]) / 2)
    other = json.loads(optiq("plan", HAMLET, *PAPER, *sure, "--max-cost", less, "--json").out)[0]["chosen"]
    assert other["bound_cost_usd"] <= float(less)
    monkeypatch.setenv("OPTIQ_CONFIDENCE", "0.9")
    assert "confidence 0.9" in optiq("plan", HAMLET, *PAPER, "--weights", "qoa=1").out
    assert "bound_latency_s" in optiq("explain", HAMLET, *PAPER).out


def test_a_limit_that_only_expected_figures_meet_names_the_confidence(optiq) -> None:
    flags = ("--models", "phi4:14b", "--max-operations", "1")
    (plain,) = json.loads(optiq("plan", HAMLET, *flags, "--json").out)
    limit = str(1.1 * plain["chosen"]["predicted_cost_usd"])
    result = optiq("plan", HAMLET, *flags, "--max-cost", limit, "--confidence", "0.95", "--json")
    (planned,) = json.loads(result.out)
    assert planned["status"] == "infeasible"
    assert "lower --confidence, or leave it out" in planned["reason"]


def test_estimates_have_bounds(optiq, tmp_path: Path) -> None:
    out = tmp_path / "estimates.csv"
    flags = ("--plans", "phi4:14b", "--confidence", "0.8")
    assert optiq("estimate", HAMLET, *flags, "-o", str(out)).code == 0
    (row,) = pl.read_csv(out).to_dicts()
    assert row["confidence"] == 0.8
    assert row["bound_cost_usd"] > row["predicted_cost_usd"]
    assert "≤" in optiq("estimate", HAMLET, *flags).out


def test_a_mean_cost_over_a_file_names_the_worth_that_keeps_it(optiq, tmp_path: Path) -> None:
    asked = [HAMLET, "What is the capital of Norway, and which kings lived there before 1905?" * 8]
    (tmp_path / "two.csv").write_text("question\n" + "\n".join(f'"{text}"' for text in asked) + "\n")
    file = str(tmp_path / "two.csv")

    def costs(*flags: str) -> list[float]:
        planned = json.loads(optiq("plan", file, *PAPER, *flags, "--json").out)
        return [item["chosen"]["predicted_cost_usd"] for item in planned]

    cheap, dear = costs("--weights", "cost=1"), costs("--weights", "qoa=1")
    mean = (sum(cheap) + sum(dear)) / 4
    kept = costs("--mean-cost", str(mean))
    assert sum(cheap) <= sum(kept) <= 2 * mean
    said = optiq("plan", file, *PAPER, "--mean-cost", str(mean)).out
    worth = said.split("is kept by --weights ")[1].split()[0]
    # what the worth leaves of the total is spent, too
    assert all(least <= cost for least, cost in zip(costs("--weights", worth), kept, strict=True))
    assert float(said.split("(reached: ")[1].split()[0]) == pytest.approx(sum(kept) / 2, rel=1e-3)
    both = optiq("plan", file, *PAPER, "--mean-cost", str(mean), "--weights", "qoa=1")
    assert (both.code, both.err.count("\n")) == (2, 1)
    assert "both given" in both.err
    low = optiq("plan", file, *PAPER, "--mean-cost", "1e-12")
    assert (low.code, low.err.count("\n")) == (2, 1)
    assert "even the cheapest plans cost" in low.err


def test_the_same_plan_twice(optiq) -> None:
    first = optiq("plan", HAMLET, *PAPER, "--json", "--frontier").out
    assert optiq("plan", HAMLET, *PAPER, "--json", "--frontier").out == first


def test_estimate_gives_one_row_per_question_and_plan(optiq, tmp_path: Path) -> None:
    (tmp_path / "two.csv").write_text("question,topic\nWho wrote Hamlet?,\nWhat is H2O?,\n")
    plans = [
        '{"models": ["phi4:14b", "mistral:7b"], "edges": [[0, 1]]}',
        "mistral:7b → phi4:14b",
        "gemma3:27b",
    ]
    (tmp_path / "plans.jsonl").write_text("".join(json.dumps({"plan": plan}) + "\n" for plan in plans))
    result = optiq("estimate", "two.csv", "--plans", "plans.jsonl", "-o", "estimates.parquet", "--topic", "*")
    frame = pl.read_parquet("estimates.parquet")
    assert result.code == 0
    assert frame["question_id"].to_list() == ["1"] * 3 + ["2"] * 3
    assert frame["plan_key"].n_unique() == 3
    assert frame["predicted_qoa"].is_between(0, 1).all()
    assert json.loads(frame["provenance"][0])[0].keys() == {"node", "metric", "source"}


def test_estimate_of_a_bad_plan_names_file_and_row(optiq, tmp_path: Path) -> None:
    (tmp_path / "plans.csv").write_text(
        'plan\nmistral:7b\n"{""models"": [""a"", ""b""], ""edges"": [[0,1],[1,0]]}"\n'
    )
    result = optiq("estimate", HAMLET, "--plans", "plans.csv")
    assert result.code == 2
    assert "plans.csv row 2" in result.err


def test_explain_shows_plan_frontier_and_sources(optiq) -> None:
    result = optiq("explain", HAMLET, *PAPER, "--max-latency", "60", "--weights", "qoa=1")
    assert result.code == 0
    for words in (
        "geography",
        "latency ≤ 60 s",
        "Frontier:",
        "chosen",
        "Where the estimates come from",
        "prior",
    ):
        assert words in result.out


def test_explain_says_what_would_do_when_nothing_fits(optiq) -> None:
    result = optiq("explain", HAMLET, *PAPER, "--max-cost", "0.000000001")
    assert "infeasible max_cost_usd" in result.out
    assert "would do" in result.out


def test_a_question_cannot_drive_the_terminal(optiq) -> None:
    result = optiq("explain", "Who is \x1b]0;pwned\x07 [red]this[/red]?", *PAPER)
    assert "\x1b" not in result.out
    assert "[red]this[/red]" in result.out


def test_models_lists_known_and_served(optiq) -> None:
    listed = {row["model"]: row for row in json.loads(optiq("models", "--server", "embedded", "--json").out)}
    assert listed["phi4:14b"]["served"] is False
    assert listed["smollm2:135m"]["served"] is True
    assert 0 < listed["smollm2:135m"]["usd_per_output_token"] < 1e-6


@pytest.mark.parametrize(
    "verb",
    [
        ("plan", HAMLET),
        ("explain", HAMLET),
        ("estimate", HAMLET, "--plans", "phi4:14b"),
        ("models", "--server", "embedded"),
        ("models", "show", "phi4:14b"),
    ],
)
def test_what_plans_makes_the_perfdb_of_an_empty_folder_and_of_no_other(
    verb: tuple[str, ...], home: Path, optiq, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = () if verb[0] in ("estimate", "models") else ("--models", "phi4:14b")
    monkeypatch.setenv("OPTIQ_HOME", "elsewhere")
    refused = optiq(*verb, *models)
    assert refused.code == 1
    assert "optiq init" in refused.err
    assert not Path("elsewhere").exists()
    monkeypatch.delenv("OPTIQ_HOME")
    with pytest.warns(OptiqNote, match="PerfDB made"):
        done = optiq(*verb, *models)
    assert done.code == 0, done.err
    assert ("prior: " if verb[:2] == ("models", "show") else "phi4:14b") in done.out
    assert Path(".optiq/perfdb.duckdb").is_file()


def test_init_twice_changes_nothing(optiq, home: Path) -> None:
    before = (home / "perfdb.duckdb").read_bytes()
    result = optiq("init")
    assert "there already" in result.out
    assert (home / "perfdb.duckdb").read_bytes() == before


def test_sql_prints_and_exports(optiq) -> None:
    statement = "select model, count(*) as n from priors group by all order by all"
    printed = json.loads(optiq("sql", statement, "--json").out)
    assert len(printed) == 7
    optiq("sql", statement, "-o", "priors.csv")
    assert pl.read_csv("priors.csv")["n"].sum() == sum(row["n"] for row in printed)


@pytest.mark.parametrize("name", PEOPLES_QUERIES)
def test_queries_for_people_run(optiq, name: str) -> None:
    result = optiq("sql", str(QUERIES / name), "--json")
    assert result.code == 0, result.err
    assert isinstance(json.loads(result.out), list)


def test_a_query_file_that_is_not_there(optiq) -> None:
    assert optiq("sql", "nowhere.sql").code == 2


def test_ingested_priors_are_published_by_a_refresh(optiq, tmp_path: Path) -> None:
    rows = "model,topic,usd_per_output_token,qoa,source,as_of\n"
    rows += "new:1b,*,0.000001,0.5,a paper,2026-01-01\nnew:1b,art,,1.5,a paper,2026-01-01\n"
    (tmp_path / "new.csv").write_text(rows)
    first = optiq("ingest", "priors", "new.csv")
    assert "2 figures landed, 1 row set aside" in first.out
    assert "1 file already known" in optiq("ingest", "priors", "new.csv").out
    assert "2 published figures merged, 1 row set aside" in optiq("refresh").out
    quarantined = json.loads(optiq("sql", "select file, row_number, reason from quarantine", "--json").out)
    assert quarantined[0]["file"] == "new.csv"
    assert quarantined[0]["row_number"] == 2
    assert "nothing new" in optiq("refresh").out


def test_config_says_how_limits_hold_where_no_confidence_is_given(optiq, monkeypatch) -> None:
    def shown() -> str:
        return next(line for line in optiq("config").out.splitlines() if line.split()[:1] == ["confidence"])

    assert "0.95 where runs tell how much figures scatter (safe_limits)" in shown()
    monkeypatch.setenv("OPTIQ_SAFE_LIMITS", "false")
    assert "none: limits hold for expected figures" in shown()
    monkeypatch.setenv("OPTIQ_CONFIDENCE", "0.9")
    assert "0.9" in shown()


def test_explain_draws_the_plan_as_svg(optiq, tmp_path: Path) -> None:
    result = optiq("explain", HAMLET, *PAPER, "--weights", "qoa=1", "--svg", "plan.svg")
    assert result.code == 0
    assert result.err.count("drawn: plan.svg") == 1
    root = ElementTree.parse(tmp_path / "plan.svg").getroot()
    assert root.tag.endswith("svg")
    assert "".join(root.itertext()).count("gemma3:27b") >= 1
    assert optiq("explain", HAMLET, *PAPER, "--svg", "no/folder/plan.svg").code == 2


def test_sql_shows_the_size_of_blobs_and_vectors(optiq, tmp_path: Path) -> None:
    statement = "select 'abc'::blob as model, range(384)::double[384] as centre, range(9)::double[] as list"
    shown = optiq("sql", statement).out
    assert "<3 bytes>" in shown
    assert "<384 floats>" in shown
    assert "<9 floats>" in shown
    assert optiq("sql", "select 'abc'::blob as model", "-o", tmp_path / "x.csv").code == 0
    assert "<3 bytes>" in (tmp_path / "x.csv").read_text()
