"""Models that nobody described: sizes and families out of names, and guesses that give way to figures."""

import math
from dataclasses import replace

import pytest
from catalogs import SHAPE, build, figures, record

from optiq.estimation.catalog import Catalog
from optiq.estimation.guesses import (
    Probe,
    billions_in,
    ends_like,
    family_of,
    guessed_rows,
    known_as,
    maybe_known_as,
    thinks,
)
from optiq.estimation.shrunk import Shrunk
from optiq.prompts.output_lengths import TYPICAL_OUTPUT_TOKENS, Longest
from optiq.servers.protocol import ServedModel
from optiq.statistics.snapshot import NAN, Statistics


@pytest.mark.parametrize(
    ("name", "billions", "family", "thinker"),
    [
        ("llama3.2:3b", 3, "llama", False),
        ("deepseek-r1:8b", 8, "deepseek", True),
        ("smollm2:135m", 0.135, "smollm", False),
        ("Qwen/Qwen2.5-7B-Instruct-GGUF", 7, "qwen", False),
        ("mixtral:8x7b", 47.6, "mixtral", False),
        ("qwen3:30b-a3b", 30, "qwen", False),
        ("gemma3n:e4b", 4, "gemma", False),
        ("gpt-oss:20b", 20, "gpt", True),
        ("tiny-helper", None, "tiny", False),
        ("o3", None, "o", True),
        ("phi3.5", None, "phi", False),
        ("v1b2", None, "v", False),
        ("7", None, "", False),
    ],
)
def test_names_say_size_family_and_whether_a_model_thinks(name, billions, family, thinker):
    assert billions_in(name) == (None if billions is None else pytest.approx(billions))
    assert (family_of(name)[: len(family)], thinks(name)) == (family, thinker)


@pytest.mark.parametrize(
    ("name", "sure", "maybe"),
    [
        ("phi4:14b:latest", "phi4:14b", None),
        ("microsoft/phi4:14b", "phi4:14b", None),
        ("phi4-14b-q4_K_M", "phi4:14b", None),
        ("Phi4-14B-Instruct.gguf", "phi4:14b", None),
        ("phi3:14b", None, "phi4:14b"),
        ("phi4:7b", None, None),
        ("mistral", None, None),
    ],
)
def test_another_name_of_known_weights_is_taken_where_it_is_sure_and_asked_about_where_it_may_be(
    name, sure, maybe
):
    known = ("phi4:14b", "mistral:7b", "mistral:22b")
    assert (known_as(name, known), maybe_known_as(name, known)) == (sure, maybe)


def guessed(known: Statistics, *served: ServedModel, local: bool = True, **probes: Probe) -> Statistics:
    return known.with_guesses(guessed_rows(known, served, local, probes))


def test_a_model_that_nobody_described_can_be_planned_and_says_that_it_is_guessed():
    known = guessed(build(figures("phi4:14b", qoa=0.7)), ServedModel("new", parameters=8_000_000_000))
    assert known.models == ("new", "phi4:14b")
    catalog = Catalog(known, "*", "open", SHAPE, None)
    for metric in ("cost_usd", "latency_s", "energy_j"):
        value, source = catalog.lone("new", metric)
        assert value > 0
        assert "guess: speed by its size, 8B parameters by the server" in source
        assert "guess: usual length" in source
    value, source = Shrunk(known).on(catalog).alone("new")
    assert 0 < value < 0.7
    assert "guess: 8B parameters by the server; as phi4:14b" in source
    assert catalog.lone("phi4:14b", "cost_usd").source == "prior: test"


def test_money_is_not_guessed_for_hosted_models():
    known = guessed(build(), ServedModel("hosted"), local=False)
    catalog = Catalog(known, "*", "open", SHAPE, None)
    assert math.isnan(catalog.lone("hosted", "cost_usd").value)
    assert catalog.lone("hosted", "latency_s").value > 0


def test_figures_and_probes_come_before_guesses():
    served = ServedModel("a", parameters=10**9)
    known = guessed(build(figures("a", qoa=NAN)), served, a=Probe("a", 1.0, 2.0))
    assert known.figures("a", "*", "open").seconds_per_output_token == 0.002
    assert known.guessed("a", "*", "open", "qoa")
    assert not known.guessed("a", "*", "open", "output_tokens")
    asked = guessed(build(), served, a=Probe("a", 1.0, 2.0, output_tokens=40.0))
    assert asked.figures("a", "*", "open").seconds_per_output_token == 2.0
    assert asked.figures("a", "*", "open").output_tokens == (TYPICAL_OUTPUT_TOKENS["open"] + 40) / 2


def test_the_provenance_of_a_row_with_several_is_that_of_the_figure():
    told = "observed n=3 (output_tokens); prior: guess: small; as b (qoa, usd_per_call); prior: c (chars_per_token)"
    known = build(figures("a", provenance=told))
    sources = {
        name: known.source("a", "*", "open", [name]) for name in ("output_tokens", "qoa", "chars_per_token")
    }
    assert sources == {
        "output_tokens": "observed n=3",
        "qoa": "prior: guess: small; as b",
        "chars_per_token": "prior: c",
    }
    assert known.guessed("a", "*", "open", "qoa")
    assert not known.guessed("a", "*", "open", "output_tokens")


@pytest.mark.parametrize(
    ("row", "recorded", "tokens"),
    [
        (figures("a", output_tokens=20.0), None, 20),  # within the cap
        (
            figures("a", output_tokens=420.0),
            None,
            TYPICAL_OUTPUT_TOKENS["open"],
        ),  # published of other answers
        (figures("a", output_tokens=420.0, n_observations=9), None, 12),  # observed of other forms
        (figures("a", output_tokens=420.0, task="open", n_observations=9), None, 132),  # observed: it thinks
        (figures("a", output_tokens=420.0, task="open"), None, 132),  # published of such answers
        (figures("a", output_tokens=NAN), 25.0, 25),
        (figures("a", output_tokens=NAN), 4000.0, 132),
    ],
)
def test_outputs_are_expected_to_be_as_long_as_they_may_get(row, recorded, tokens):
    rows = [row] if recorded is None else [row, record("a", "*", output_tokens=recorded)]
    shape = replace(SHAPE, longest=Longest(32, 100))
    known = build(*rows)
    assert Catalog(known, "*", "open", shape, None).output_tokens("a") == tokens
    mine = replace(SHAPE, longest=Longest(32, 100), longest_of=(("a", Longest(8, 0)),))
    assert Catalog(known, "*", "open", mine, None).output_tokens("a") <= 8


@pytest.mark.parametrize(
    ("row", "tokens"),
    [
        (figures("a", output_tokens=12.0), TYPICAL_OUTPUT_TOKENS["long"]),  # published of facts
        (figures("a", output_tokens=200.0), 200),
        (figures("a", output_tokens=12.0, task="long"), 12),  # published of such answers
        (figures("a", output_tokens=12.0, n_observations=9), TYPICAL_OUTPUT_TOKENS["long"]),  # of other forms
        (figures("a", output_tokens=12.0, task="long", n_observations=9), 12),  # observed
    ],
)
def test_what_was_published_of_facts_says_nothing_of_long_answers(row, tokens):
    shape = replace(SHAPE, longest=Longest(1024, 0))
    assert Catalog(build(row), "*", "long", shape, None).output_tokens("a") == tokens


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("ollama:chat:qwen2.5:14b", "qwen2.5:14b"),
        ("openrouter/qwen2.5:14b", "qwen2.5:14b"),
        ("ollama:chat:qwen2.5-14b-instruct", "qwen2.5:14b"),
        ("openai:gpt-4o", None),
        ("ollama:chat:qwen2.5:7b", None),
        ("qwen2.5:14b", None),
        ("chat:", None),
    ],
)
def test_names_of_tools_end_like_models(name: str, like: str | None) -> None:
    assert ends_like(name, {"qwen2.5:14b", "phi4:14b"}) == like
