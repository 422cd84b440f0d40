"""Variants in `optiq.toml`: what is read, and what is refused in one line with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from optiq.configuration import Settings
from optiq.errors import ConfigurationError
from optiq.prompts.variants import (
    Variant,
    check_names,
    check_served,
    find_variant,
    read_variants,
    with_prompt,
)

GOOD = """
models = ["phi4:14b", "phi4:14b+short"]
[variants."phi4:14b+short"]
model = "phi4:14b"
max_output_tokens = 64
[variants.careful]
model = "phi4:14b"
prompt = "cot"
"""


def load(tmp_path: Path, text: str, **environ: str) -> Settings:
    (tmp_path / "optiq.toml").write_text(text)
    return Settings.load({}, {"OPTIQ_CONFIG": str(tmp_path / "optiq.toml"), **environ})


def test_what_the_file_says(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    assert settings.variants == (
        Variant("careful", "phi4:14b", "cot"),
        Variant("phi4:14b+short", "phi4:14b", "zero-shot", 64),
    )
    assert settings.models == ("phi4:14b", "phi4:14b+short")


def test_only_the_file_has_variants(tmp_path: Path) -> None:
    assert load(tmp_path, "seed = 1", OPTIQ_VARIANTS="x").variants == ()


def test_settings_cross_to_another_machine_as_plain_values(tmp_path: Path) -> None:
    from dataclasses import asdict

    settings = load(tmp_path, GOOD)
    assert Settings.load({"variants": asdict(settings)["variants"]}, {}).variants == settings.variants


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ('[variants.x]\nprompt = "cot"', "names no model"),
        ('[variants.x]\nmodel = "a"\nprompt = "magic"', "Give one of zero-shot"),
        ('[variants.x]\nmodel = "a"\nmax_output_tokens = 0', "whole number from 1 up"),
        ('[variants.x]\nmodel = "a"\nmax_output_tokens = -3', "whole number from 1 up"),
        ('[variants.x]\nmodel = "a"\nmax_output_tokens = 1.5', "whole number from 1 up"),
        ('[variants.x]\nmodel = "a"\nmax_output_tokens = true', "whole number from 1 up"),
        ('[variants.x]\nmodel = "a"\nmax_output_token = 3', "Did you mean 'max_output_tokens'"),
        ('[variants.x]\nmodel = "a"\ntemperature = 1', "Known: model, prompt, max_output_tokens"),
        ('[variants.x]\nmodel = "x"', "the name of its model"),
        ('[variants.x]\nmodel = "a"\n[variants.y]\nmodel = "x"', "a variant of the variant 'x'"),
        ('[variants."a+cot"]\nmodel = "a"', "is not what its name says"),
        ('[variants."a+cot"]\nmodel = "b"\nprompt = "cot"', "Give it another name"),
        ('[variants."a+cot"]\nmodel = "a"\nprompt = "cot"\nmax_output_tokens = 9', "Give it another name"),
        ('[variants."a, b"]\nmodel = "a"', "no plan can hold"),
        ('[variants."a > b"]\nmodel = "a"', "no plan can hold"),
        ('[variants]\nx = "a"', 'Such as [variants."phi4:14b+short"]'),
        ('variants = "x"', 'Such as [variants."phi4:14b+short"]'),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, tables: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as fault:
        load(tmp_path, tables)
    assert said in str(fault.value)
    assert "optiq.toml" in str(fault.value)
    assert "\n" not in str(fault.value)


def test_names_and_models_are_held_against_the_server() -> None:
    variants = read_variants({"x": {"model": "a"}}, "variants")
    check_names(variants, {"a"})
    check_served(variants, {"a"})
    with pytest.raises(ConfigurationError, match="the name of a served model"):
        check_names(variants, {"a", "x"})
    with pytest.raises(ConfigurationError, match="not served here") as fault:
        check_served(variants, {"b"})
    assert "Served models: b" in fault.value.remedy


def test_a_model_with_a_prompt_needs_no_configuration() -> None:
    assert find_variant("a+cot", (), {"a"}) == Variant("a+cot", "a", "cot")
    assert find_variant("a+short+cot", (), {"a"}) is None, "no variant of a variant"
    assert find_variant("a+magic", (), {"a"}) is None
    assert find_variant("a+zero-shot", (), {"a"}) is None, "that is the model itself"
    assert find_variant("b+cot", (), {"a"}) is None
    own = Variant("a+short", "b")
    assert find_variant("a+short", (own,), {"a", "b"}) == own
    assert read_variants({"a+cot": {"model": "a", "prompt": "cot"}}, "variants") == (
        Variant("a+cot", "a", "cot"),
    )
    assert with_prompt("a", "zero-shot") == "a"
    assert with_prompt("a", "cot") == "a+cot"
