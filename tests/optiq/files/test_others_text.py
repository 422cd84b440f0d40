"""Text of others that its parser gives up on is a ValueError: a line for a person, and no end of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from optiq.configuration import Settings
from optiq.errors import ConfigurationError, InputError
from optiq.files.others_text import DEEPEST, parse_json, parse_toml, parse_yaml
from optiq.questions.question import Kind, Question
from optiq.scoring.answers import parse_answer
from optiq.scoring.forms import same_fields
from optiq.selection.stages import read_workflow

DEEP = "[" * 20_000 + "]" * 20_000
STAGES = 'stages: [{name: s, prompt: "{question}"}]\n'
NAMED = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join(f'*{old}' for _ in range(9))}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_text_that_is_too_deep_is_a_value_error() -> None:
    for parse in (parse_json, parse_yaml):
        for depth in (DEEPEST + 1, 500, 20_000):
            with pytest.raises(ValueError, match="lists and records inside one another"):
                parse("[" * depth + "]" * depth)
        assert parse("[" * DEEPEST + "]" * DEEPEST) == eval("[" * DEEPEST + "]" * DEEPEST)  # noqa: S307
    with pytest.raises(ValueError, match="lists and records inside one another"):
        parse_toml(f"a = {DEEP}")
    wide = "[" + ",".join(["[1]"] * 1000) + "]"
    assert parse_json(wide) == parse_json(wide.encode()) == [[1]] * 1000


@pytest.mark.parametrize("output", [DEEP, '{"a":' * 5000 + "1" + "}" * 5000, "```json\n" + DEEP + "\n```"])
@pytest.mark.parametrize("kind", list(Kind))
def test_an_answer_of_a_model_that_is_too_deep_is_an_answer(output: str, kind: Kind) -> None:
    options = ("Oslo", "Lima") if kind in (Kind.CHOICE, Kind.MULTI) else ()
    assert isinstance(parse_answer(Question("q", text="Where?", kind=kind, options=options), output), str)


def test_an_answer_that_is_too_deep_agrees_with_nothing() -> None:
    deep = '{"a": ' * 900 + "1" + "}" * 900
    assert same_fields(deep, deep) == 0
    assert same_fields('{"a": [1]}', '{"a": [1]}') == 1


@pytest.mark.parametrize(
    "text", [f"a = {DEEP}", "retries = " + "9" * 5000, "a = [", "max_cost = 1\nmax_cost = 2"]
)
def test_a_configuration_that_cannot_be_read_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "optiq.toml").write_text(text)
    with pytest.raises(ConfigurationError, match="cannot be read as TOML"):
        Settings.load(environ={"OPTIQ_CONFIG": str(tmp_path / "optiq.toml")})


@pytest.mark.parametrize(
    "text",
    [
        f"name: w\nstages: {DEEP}",
        "name: 2026-13-45\n" + STAGES,
        "name: " + "9" * 5000 + "\n" + STAGES,
        NAMED + "name: *i\n" + STAGES,
        NAMED + 'stages: [{name: *i, prompt: "{question}"}]\n',
        "a: &a [*a]\n" + STAGES,
    ],
)
def test_a_workflow_that_cannot_be_read_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(text)
    with pytest.raises(InputError, match="cannot be read as YAML"):
        read_workflow(tmp_path / "w.yaml")


def test_a_text_of_a_workflow_may_be_repeated(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(
        'stages:\n  - {name: a, prompt: &p "Think: {question}"}\n  - {name: b, prompt: *p}\n'
    )
    assert [stage.prompt for stage in read_workflow(tmp_path / "w.yaml").stages] == ["Think: {question}"] * 2
