"""Data as it is: rows, pairs, structured references and contexts reach agents and metrics whole."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.errors import InputError
from optiq.questions.reading import Reading
from optiq.selection.api import ModelSelector
from optiq.selection.examples import read_examples
from optiq.selection.metrics import make_metric

ONE = {"role": ["a"]}
CALLS = [
    {"id": "w", "prompt": "Weather in Paris?", "ground_truth": [{"weather": {"city": ["Paris", "paris"]}}]},
    {"id": "t", "prompt": "What time is it?", "ground_truth": [{"time": {}}]},
]
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def run(agent, data, metric="exact", **more):
    made = ModelSelector(agent, ONE, data, metric, method="brute-force", **more)
    return made.select().evidence.score[0].tolist()


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["q", "context", "n"]), values, min_size=1), min_size=1, max_size=4
    )
)
def test_rows_reach_agent_and_metric_whole(rows: list[dict]) -> None:
    data = [{**row, "reference": {"place": i}} for i, row in enumerate(rows)]
    examples = read_examples(data)
    assert [dict(example.row) for example in examples.kept] == data
    assert [example.expected for example in examples.kept] == [row["reference"] for row in data]
    columns = {name for row in rows for name in row}
    assert [example.given for example in examples.kept] == [dict(row) for row in rows]
    for name in columns:
        found = read_examples(data, agent_field=name).kept
        assert [example.given for example in found] == [row.get(name) for row in rows]


def test_json_lines_keep_the_keys_that_each_row_has(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(map(json.dumps, CALLS)) + "\n", encoding="utf-8")
    reading = Reading(columns=(("reference", "ground_truth"),))

    def agent(row: dict, models: dict) -> list:
        assert "ground_truth" not in row
        return [{"weather": {"city": "Paris"}}] if "Weather" in row["prompt"] else [{"time": {"zone": "utc"}}]

    def calls_match(output: list, row: dict) -> bool:
        [[name, arguments]] = output[0].items()
        wanted = row["ground_truth"][0].get(name)
        return wanted is not None and set(arguments) == set(wanted)

    assert run(agent, path, calls_match, reading=reading) == [1.0, 0.0]
    assert run(
        agent, path, lambda expected, output: list(expected[0]) == list(output[0]), reading=reading
    ) == [1, 1]
    assert run(lambda prompt, models: CALLS[1]["ground_truth"], path, reading=reading, field="prompt") == [
        0.0,
        1.0,
    ]


def test_contexts_of_a_search_reach_the_metric_without_a_reference() -> None:
    rows = [
        {"question": "Who?", "contexts": ["Ada wrote it.", "It rained."]},
        {"question": "Why?", "contexts": []},
    ]

    async def faithful(answer: str, row: dict) -> float:
        return float(any(answer in text for text in row["contexts"]))

    assert run(lambda row, models: row["contexts"][0][:3] if row["contexts"] else "?", rows, faithful) == [
        1.0,
        0.0,
    ]


class Plain:
    """Agents of every kind: all say the capital in capitals."""

    def __init__(self, models: dict) -> None:
        assert models == {"role": "a"}

    def run(self, city: str) -> str:
        return city.upper()


class Later(Plain):
    async def run(self, city: str) -> str:  # type: ignore[override]
        return city.upper()


class Static:
    def __init__(self, models: dict) -> None:
        """Takes none."""

    @staticmethod
    def run(city: str) -> str:
        return city.upper()


async def function(city: str, models: dict) -> str:
    return city.upper()


def made_by_factory(models: dict):
    return Plain(models)


def function_by_factory(models: dict):
    return lambda city: city.upper()


@pytest.mark.parametrize("agent", [Plain, Later, Static, function, made_by_factory, function_by_factory])
def test_an_agent_is_a_class_a_function_or_what_a_factory_makes(agent: object) -> None:
    pairs = [("rome", "ROME"), ("oslo", "nowhere")]
    assert run(agent, pairs, lambda expected, actual: expected == actual) == [1.0, 0.0]


def test_models_may_be_objects_of_the_users() -> None:
    class Client:
        def __init__(self, name: str) -> None:
            self.name = name

    def agent(given: str, models: dict) -> str:
        assert isinstance(models["role"], Client)
        return models["role"].name.split("#")[0]

    assert run(agent, [("who", "a")], make_model=Client) == [1.0]


def test_what_a_run_changes_in_its_row_the_next_does_not_see() -> None:
    def agent(row: dict, models: dict) -> int:
        row["seen"].append(1)
        return len(row["seen"])

    made = ModelSelector(agent, {"role": ["a", "b"]}, [({"seen": []}, 1)], "exact", method="brute-force")
    assert made.select().evidence.score.tolist() == [[1.0], [1.0]]


def test_rows_that_are_no_questions_are_set_aside_with_their_reason_or_left_to_the_users_metric() -> None:
    rows = [
        {"question": "2+2?", "options": ["3", "4"], "reference": "B"},
        {"question": "3+3?", "options": ["5", "6"], "reference": "Z"},
        {"question": "4+4?", "reference": None},
    ]
    found = read_examples(rows)
    assert [example.question.reference for example in found.kept] == ["B"]
    assert [reason.split(":")[0] for reason in found.set_aside] == ["the data row 2", "3"]
    assert len(read_examples(rows, as_questions=False, needs_reference=False).kept) == 3
    with pytest.raises(InputError, match="no example with a reference answer; 1: no reference"):
        read_examples([{"question": "why?"}])


@pytest.mark.parametrize(
    ("data", "more", "message"),
    [
        ([{"question": "why?", "reference": "x"}], {"agent_field": "text"}, "no column 'text'"),
        (
            [{"question": "why?", "reference": "x"}],
            {"reading": Reading(columns=(("reference", "gold"),))},
            "no column 'gold'",
        ),
        (["why?"], {}, "an example is str"),
        ([("a", "b", "c")], {}, "an example is tuple"),
    ],
)
def test_what_is_no_data_is_refused(data: list, more: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_examples(data, **more)


def test_frames_pairs_and_rows_are_the_same_data() -> None:
    rows = [{"question": "Say a", "reference": "a"}, {"question": "Say b", "reference": "b"}]
    asked = [e.question for e in read_examples(rows).kept]
    assert [e.question for e in read_examples(pl.DataFrame(rows)).kept] == asked
    assert [e.question for e in read_examples(asked).kept] == asked
    assert [e.given for e in read_examples([("Say a", "a")]).kept] == ["Say a"]


def test_the_content_of_an_example_is_the_same_in_every_process() -> None:
    class Thing:
        """Its repr has an address."""

    first, again = (read_examples([({"thing": Thing(), "deep": {("a", 1): 2}}, 1)]).kept[0] for _ in range(2))
    assert first.content == again.content
    assert first.content != read_examples([({"thing": 1}, 1)]).kept[0].content


@pytest.mark.parametrize(
    "metric",
    [
        lambda expected, actual: expected == actual,
        lambda expected, actual, row: row["reference"] == actual == expected,
        lambda output, row: row["reference"] == output,
        lambda expected, actual, example: example["reference"] == actual,
        lambda expected, actual, strict=True: expected == actual,
    ],
)
def test_a_metric_takes_what_its_parameters_name(metric: object) -> None:
    [example] = read_examples([{"text": "x", "reference": {"a": [1]}}]).kept
    assert make_metric(metric).judge(example, {"a": [1]}) == 1.0
    assert make_metric(metric).judge(example, {"a": [2]}) == 0.0
    assert make_metric("exact").judge(example, {"a": [1]}) == 1.0
