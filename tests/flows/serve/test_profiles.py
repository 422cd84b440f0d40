"""Profiles of `optiq.toml`: limits, pools, prompts and weights of their own; and plans of several calls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from optiq.configuration import Settings
from optiq.errors import ConfigurationError
from tests.flows.serve.reading import landed
from warehouse.ingest import ingest_statistics
from warehouse.refresh import refresh

TOML = """
[profiles.support]
max_cost = 0.0001
models = ["mistral:7b", "phi4:14b"]
prompt = "cot"
weights = "cost=0.1,qoa=0.9"

[profiles.blends]
weights = {latency = 1}
prompt = "zero-shot"

[profiles.cheap]
models = ["phi4:14b"]

[features]
images = ["phi4:14b"]
"""
USER = {"role": "user", "content": "What is the capital of Norway?"}


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a file with profiles."""
    file = tmp_path / "optiq.toml"
    file.write_text(TOML)
    monkeypatch.setenv("OPTIQ_CONFIG", str(file))
    found = Settings.load()
    monkeypatch.delenv("OPTIQ_CONFIG")
    return found


def test_profiles_are_asked_for_by_name(serve, configured) -> None:
    with serve(settings=configured) as endpoint:
        names = [one["id"] for one in endpoint.client.get("/v1/models").json()["data"]]
        assert {"optiq/support", "optiq/blends", "optiq/cheap"} < set(names)
        body = endpoint.ask(model="optiq/support").json()
        assert set(body["optiq"]["plan"]["models"]) <= {"phi4:14b+cot", "mistral:7b+cot"}
        sent = endpoint.behaviour.last["messages"]
        assert sent[0]["content"] != USER["content"]  # it asks for reasoning
        assert USER["content"] in sent[0]["content"]
        assert endpoint.ask(model="support").json()["optiq"]["plan"] == body["optiq"]["plan"]
        assert endpoint.ask(model="optiq/cheap").json()["optiq"]["plan"]["models"] == ["phi4:14b+bare"]
        refused = endpoint.ask(model="support", optiq={"max_cost_usd": 1e-9})
        assert refused.status_code == 422
    assert set(landed(endpoint.home)["prompt"].str.split("@").list.first()) == {"cot", "bare"}


def test_a_plan_of_several_calls_keeps_the_conversation_and_streams_its_last_node(serve, configured) -> None:
    """A blend is the fastest that is known: both models are told the conversation, the blender what they said."""
    history = [{"role": "system", "content": "Be brief."}, USER]
    with serve(settings=replace(configured, estimator="paper")) as endpoint:
        file = endpoint.home.path.parent / "known.csv"
        plan = '"{""models"": [""mistral:7b"", ""phi4:14b"", ""gemma3:27b""], ""edges"": [[0, 2], [1, 2]]}"'
        file.write_text(f"topic,plan,n_observations,cost_usd,latency_s,energy_j,qoa,source,as_of\n"
                        f"*,{plan},500,0.0001,1.0,1.0,0.99,a paper,2026-01-01\n")  # fmt: skip
        ingest_statistics(endpoint.home, [file])
        refresh(endpoint.home, full_gate=False)
        endpoint.until(lambda: "optiq_snapshots_total 1.0" in endpoint.client.get("/metrics").text)
        asked = {"model": "optiq/blends", "messages": history}
        whole = endpoint.client.post("/v1/chat/completions", json=asked).json()
        assert whole["optiq"]["plan"]["models"] == ["mistral:7b", "phi4:14b", "gemma3:27b"]
        sent = endpoint.behaviour.last
        assert sent["model"] == "gemma3:27b"
        assert sent["messages"][0] == history[0]
        assert "mistral:7b: w" in sent["messages"][1]["content"]
        assert USER["content"] in sent["messages"][1]["content"]
        *chunks, done = endpoint.events(**asked)
        assert done == "[DONE]"
        text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
        assert text == whole["choices"][0]["message"]["content"]
        assert whole["usage"]["prompt_tokens"] > len(sent["messages"][1]["content"]) // 4
        # tools are a single call's
        single = endpoint.client.post(
            "/v1/chat/completions", json={**asked, "tools": [{"type": "function", "function": {"name": "f"}}]}
        ).json()
        assert len(single["optiq"]["plan"]["models"]) == 1
    rows = landed(endpoint.home)
    assert [len(calls) for calls in rows["calls"]] == [3, 3, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[profiles.x]\nmax_prize = 1\n', "max_prize"),
        ('[profiles.x]\nmax_cost = "dear"\n', "max_cost"),
        ("[profiles.x]\nmin_qoa = 60\n", "min_qoa"),
        ('[profiles.x]\nprompt = "rude"\n', "rude"),
        ('[profiles.x]\nweights = "cost=2"\n', "weights"),
        ("[profiles.x]\nmax_operations = 0\n", "max_operations"),
        ('[profiles."a/b"]\nmax_cost = 1\n', "a/b"),
        ("profiles = 3\n", "profiles"),
        ('[features]\nimages = "llava"\n', "features"),
    ],
)  # fmt: skip
def test_profiles_that_cannot_be_used(tmp_path: Path, monkeypatch, text, said) -> None:
    (tmp_path / "optiq.toml").write_text(text)
    monkeypatch.setenv("OPTIQ_CONFIG", str(tmp_path / "optiq.toml"))
    with pytest.raises(ConfigurationError, match=said):
        Settings.load()


def test_profiles_change_no_run(configured) -> None:
    assert replace(configured, profiles=(), features=()) == Settings()
