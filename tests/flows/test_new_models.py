"""Somebody else's models: a real llama.cpp server of a model that nobody described, in an empty folder."""

import json
from pathlib import Path

import polars as pl
import pytest

from flows.command_line.main import run
from optiq.errors import OptiqNote
from tests.llama_server import llama_server


@pytest.fixture(scope="module")
def llama_url():
    """Where SmolLM2 answers under a name of somebody's own."""
    with llama_server("smollm2:135m", "our-helper") as address:
        yield f"{address}/v1"


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OPTIQ_HOME", "OPTIQ_CONFIG", "OPTIQ_SERVER", "OPTIQ_MODELS", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_command_answers_a_file_and_every_number_says_where_it_came_from(llama_url, empty_folder, capsys):
    pl.DataFrame({"question": ["What is the capital of Italy?", "What is 2 plus 3?"]}).write_csv("q.csv")
    where = ["--server", "openai", "--server-url", llama_url]
    with pytest.warns(OptiqNote) as notes:
        assert run(["answer", "q.csv", "-o", "a.parquet", *where]) == 0
    told = " ".join(str(note.message) for note in notes)
    assert "PerfDB made" in told
    assert "nobody described our-helper: figures are guessed" in told
    answers = pl.read_parquet("a.parquet")
    assert answers["status"].to_list() == ["answered"] * 2
    assert answers["predicted_cost_usd"].null_count() == 0
    assert list((empty_folder / ".optiq" / "landing").glob("priors-guessed-*"))

    capsys.readouterr()
    assert run(["explain", "What is the capital of France?", *where]) == 0
    sources = capsys.readouterr().out
    assert "guess: speed by a probe of 2 calls" in sources
    assert "guess: 0.135B parameters by the server" in sources

    assert run(["models", "--json", *where]) == 0
    ours = next(row for row in json.loads(capsys.readouterr().out) if row["model"] == "our-helper")
    assert {"qoa_open", "seconds_per_output_token", "usd_per_output_token"} <= set(ours["guessed"])

    assert run(["refresh"]) == 0
    assert "0 published figures merged, 2 figures guessed, " in capsys.readouterr().out
    assert run(["models", "add", "our-helper", "--usd-per-m-in", "0.1", "--usd-per-m-out", "0.4"]) == 0
    capsys.readouterr()
    assert run(["models", "--json", *where]) == 0
    ours = next(row for row in json.loads(capsys.readouterr().out) if row["model"] == "our-helper")
    assert ours["usd_per_output_token"] == pytest.approx(4e-7)
    assert not {"seconds_per_output_token", "usd_per_output_token"} & set(ours["guessed"])
    assert "qoa_open" in ours["guessed"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no figure is given"),
        (("--usd-per-m-in", "-1"), "--usd-per-m-in"),
        (("--usd-per-m-in", "1e6"), "is it a price per million tokens?"),
        (("--like", "nobody"), "no figures for 'nobody'"),
        (("--qoa", "70"), "--qoa"),
    ],
)
def test_figures_that_cannot_be_are_refused(optiq, arguments, said):
    done = optiq("models", "add", "m", *arguments)
    assert done.code == 2
    assert said in done.err
