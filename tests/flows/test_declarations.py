"""What verbs and flows take: declared once, and therefore the same in flags, parameters, settings and variables."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any

import click
import pytest

from flows.command_line.main import VERBS as VERB_TABLE
from flows.command_line.main import command_line
from flows.declaration import Argument, Option, Request, flattened, taking_parameters
from optiq.configuration import SETTINGS, Settings
from optiq.errors import InputError

PLANNING = [one for one in SETTINGS.values() if one.group in ("pool", "planning")]
PLANNING_VERBS = ("plan", "ask", "explain", "estimate", "answer", "calibrate", "evaluate")
PROMPTING_VERBS = ("plan", "ask", "explain", "estimate", "answer", "calibrate")
VERBS = (
    *("init", "models", "ingest", "refresh", "report", "plan", "estimate", "evaluate", "explain", "ask", "answer"),
    *("show", "view", "calibrate", "select", "chemistry", "recommend", "review", "score", "sql", "up", "down"),
    *("runs list", "serve", "serve keys add", "serve keys list", "serve keys remove"),
    *("runs show", "cache show", "cache clear", "snapshots", "snapshots diff", "snapshots restore"),
    *("models add", "models probe", "models list", "models show", "runs", "cache", "cache list", "snapshots list"),
    *("snapshots show", "config", "collect", "export"),
)  # fmt: skip

LIMITS = {"max_cost": float, "max_latency": float, "max_energy": float, "min_qoa": float}
COLUMNS = {"columns": list[str], "reference_index": int}
QUESTIONS = {**COLUMNS, "form": str, "template": str}
PLANS = {
    **QUESTIONS,
    "weights": str, "prefer": str, "cheapest": bool,
    "confidence": float, "caution": float, "safe_limits": bool, "gain_probability": float,
    "planner": str, "estimator": str, "neighbours": bool,
    "looks": bool, "max_operations": int,
    "bound_operations": str, "models": str, "blender": str, "topic": str, "seed": int, "perfdb": str,
}  # fmt: skip
SERVED = {
    "server": str, "server_url": str, "concurrency": int, "prompt": str, "examples": str,
    "constrain": bool, "stop_loops": bool, "max_output_tokens": int,
    "system": str, "temperature": float,
    "probe": bool,
}  # fmt: skip
SPENT = {"max_total_cost": float, "max_total_energy": float, "chunk_size": int}
ANSWER = {
    "ask_person_below": float,
    **LIMITS, **PLANS, **SERVED, **SPENT, "limit": int, "fail_after": int, "max_total_time": float,
    "total_cost_for_qoa": float, "explore": str, "with_questions": bool,
}  # fmt: skip
QUALITY = {"metric": list[str], "run_programs": bool}
JUDGING = {**QUALITY, "judge": str, "judge_itself": bool}
FLOWS: dict[str, dict[str, Any]] = {
    "answer_questions:answer_questions": {
        "file": str, "output": str, **ANSWER, **JUDGING, "retry_errors": False, "fresh": False, "cache": True,
    },
    "answer_sharded:answer_questions_sharded": {
        "file": str, "output": str, **ANSWER, **JUDGING, "retry_errors": False, "fresh": False, "cache": True,
        "shards": 8, "silence": 120.0, "attempts": 3,
    },
    "calibrate_models:calibrate_models": {
        "file": str, **LIMITS, **PLANS, **SERVED, **SPENT, **JUDGING, "plans": list[str], "per_question": int,
        "singles_only": False, "max_executions": int, "cache": True, "label": str,
    },
    "evaluate_policies:evaluate_policies": {
        **LIMITS, **{name: kind for name, kind in PLANS.items() if name not in ("topic", *QUESTIONS)},
        "traces": list[str], "policies": list[str], "folds": 5, "repeats": 1, "since": str, "until": str,
        "run": str, "prompt": str, "max_questions": int, "embedding": True, "output": str, "report": str,
    },
    "select_models:select_models": {
        "file": str, **QUESTIONS, "agent": str, "plan": str, "workflow": str, "roles": list[str], "models": str,
        "metric": str, "method": str, "options": list[str], "objective": str, "floor": float, "cost_weight": float,
        "latency_weight": float, "max_cost": float, "max_latency": float, "min_accuracy": float,
        "agent_field": str, "model_factory": str, "repeat_temperature": float,
        "max_total_cost": float, "unknown_prices": str, "fresh": False, "resume": False, "timeout": float,
        "combinations_at_once": int, "examples_at_once": int,
        "calls_at_once": int, "advisor": str, "task": str, "table": str, "deploy": str, "profiles": str, "plot": str,
        "server": str, "server_url": str, "concurrency": int, "probe": bool, "perfdb": str, "seed": int, "cache": True,
    },
    "review_answers:review_answers": {
        "file": str, "models": str, "topic": str, **QUESTIONS, "limit": int, "server": str, "server_url": str,
        "concurrency": int, "probe": bool, "perfdb": str, "seed": int, "cache": True,
    },
    "score_answers:score_answers": {
        "answers": str, "references": str, "output": str, "perfdb": str, **COLUMNS, **QUALITY,
    },
    "refresh_perfdb:refresh_perfdb": {
        "perfdb": str, "keep": int, "half_life_days": float, "distrust_drifted": bool, "topic_model": str,
        "accept": list[str], "full_gate": False,
    },
    "ingest:ingest_prices": {
        "price_file": str, "perfdb": str, "table": "genai-prices", "provider": str, "price_of": list[str],
    },
    "ingest:ingest_traces": {
        "files": list[str], "perfdb": str, "format": str, "score": str, "maps": list[str], "model": str, "topic": str,
        "topic_from": str, "columns": list[str], "dry_run": False,
    },
}  # fmt: skip
"""Parameters that deployments and schedules out there give: name and type, or the default where it is not None."""

REQUIRED = {"file", "answers", "references", "files"}


@pytest.mark.parametrize("entry", FLOWS)
def test_flows_keep_their_parameters_and_prefect_sees_types_and_descriptions(entry: str) -> None:
    module, _, name = entry.partition(":")
    flow = getattr(importlib.import_module(f"flows.{module}"), name)
    parameters = inspect.signature(flow.fn).parameters
    must = REQUIRED - ({"file"} if "resume" in parameters else set())  # what goes on knows its file
    assert set(parameters) == set(FLOWS[entry])
    for parameter, expected in FLOWS[entry].items():
        kind = expected if isinstance(expected, type) or expected == list[str] else type(expected)
        found = parameters[parameter]
        shown = flow.parameters.properties[parameter]
        assert shown["description"].strip()
        if parameter in must:
            assert (found.annotation, found.default) == (kind, inspect.Parameter.empty)
        elif kind is not expected:
            assert (found.annotation, found.default) == (kind, expected)
        else:
            assert (found.annotation, found.default) == (kind | None, None)
            assert {"type": "null"} in shown["anyOf"]
    assert set(flow.parameters.required) == must & set(parameters)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, optiq) -> None:
    shown = optiq(*verb.split(), "--help")
    assert shown.code == 0, shown.err
    assert "Example:  optiq " in shown.out
    assert "{names}" not in shown.out


@pytest.mark.parametrize("verb", PLANNING_VERBS)
def test_planning_verbs_take_all_planning_options(verb: str, optiq) -> None:
    shown = optiq(verb, "--help-all").out
    assert [one.flag for one in PLANNING if one.flag not in shown] == []
    assert "dp, exact, hill-climbing or nsga2" in " ".join(shown.split()).replace("hill- ", "hill-")
    assert ("--min-qoa" in shown) == (verb != "estimate")


@pytest.mark.parametrize("verb", PROMPTING_VERBS)
def test_verbs_that_ask_take_all_options_of_asking(verb: str, optiq) -> None:
    shown = optiq(verb, "--help-all").out
    assert [flag for flag in ("--prompt", "--examples", "--constrain") if flag not in shown] == []


def test_a_setting_has_a_key_a_variable_and_a_flag(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"planner": "dp", "estimator": "paper", "neighbours": "off", "looks": "off"}
    given |= {"max_operations": "2", "seed": "3"}
    given |= {
        "bound_operations": "none",
        "weights": "qoa=1",
        "confidence": "0.9",
        "caution": "0.5",
        "safe_limits": "off",
        "gain_probability": "0.9",
        "models": "a,b",
        "blender": "b",
    }
    assert {one.name for one in PLANNING} - {"prefer", "cheapest"} <= {*given}  # they are weights, too
    for name, value in given.items():
        default = getattr(Settings(), name)
        (tmp_path / "optiq.toml").write_text(f'{name} = "{value}"\n')
        read = getattr(Settings.load({}, {}), name)
        assert read != default
        (tmp_path / "optiq.toml").unlink()
        assert getattr(Settings.load({}, {f"OPTIQ_{name.upper()}": value}), name) == read
        assert getattr(Settings.load({name: value}, {}), name) == read
    with pytest.raises(InputError, match=r"--planner is 'oracle'\. Give dp, exact"):
        Settings.load({"planner": "oracle"}, {})


FIRST = {
    "answer": {
        "FILE",
        "--output",
        "--max-cost",
        "--max-total-cost",
        "--prefer",
        "--models",
        "--server",
        "--limit",
    }
    | {"--dry-run", "--fresh"},
    "plan": {"--limit", "--frontier", "--mean-cost", "--max-cost", "--prefer", "--models", "--server"},
    "select": {
        "--agent",
        "--plan",
        "--workflow",
        "--role",
        "--models",
        "--server",
        "--method",
        "--objective",
    },
}


@pytest.mark.parametrize("verb", FIRST)
def test_help_begins_with_ten_options_and_help_all_has_every_one(verb: str, optiq) -> None:
    short, whole = (optiq(verb, flag).out for flag in ("--help", "--help-all"))
    lines = [line for line in short.splitlines() if re.match(r"  (-|[A-Z]+.* <str>)", line)]
    assert len([line for line in lines if "--help" not in line]) <= 10
    assert {name for name in FIRST[verb] if name not in short} == set()
    assert "--perfdb" not in short
    module, _, name = {"select": "flow_requests:SelectModels", "plan": "command_line.plan:Plan"}.get(
        verb, "flow_requests:AnswerQuestions"
    ).partition(":")
    declared = getattr(importlib.import_module(f"flows.{module}"), name).parameters()
    assert [
        one.flag for one in declared if not isinstance(one.about, Argument) and one.flag not in whole
    ] == []
    assert "Planning:" in whole


def test_a_verb_of_few_options_shows_them_all(optiq) -> None:
    assert "--timeout" in optiq("sql", "--help").out
    assert optiq("sql", "--help-all").code == 0


def test_verbs_of_things_that_are_listed_list_them_bare(optiq) -> None:
    for group in ("models", "runs", "cache", "snapshots"):
        assert optiq(group).out == optiq(group, "list").out != ""
        assert optiq(group, "show", "--help").code == 0


def _leaf(words: list[str], arguments: list[str]) -> dict[str, Any]:
    """What the command at the end of ``words`` is given, each command before it having parsed the rest of the line."""
    context = command_line().make_context("optiq", [*words, *arguments])
    for _ in words:
        command = context.command
        assert isinstance(command, click.Group)
        name, part, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert part is not None
        context = part.make_context(name, rest, parent=context)
    return context.params


def _parts(table: dict[str, Any], words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for word, told in table.items():
        if isinstance(told, dict):
            yield from _parts(told, (*words, word))
        elif word and words:
            yield (*words, word)


def _flags(words: Sequence[str]) -> dict[str, click.Parameter]:
    command: click.Command = command_line()
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word) or command
    return {one.opts[0]: one for one in command.params if isinstance(one, click.Option) and one.expose_value}


@pytest.mark.parametrize("words", [words for words in _parts(VERB_TABLE) if VERB_TABLE[words[0]].get("")])
def test_an_option_that_a_group_has_too_reaches_the_part_that_it_is_given_to(
    words: tuple[str, ...], optiq
) -> None:
    shared = {flag: one for flag, one in _flags(words).items() if flag in _flags(words[:1])}
    assert "--perfdb" in shared
    given = {flag: "" if one.is_flag else "7" for flag, one in shared.items()}
    line = [text for flag, value in given.items() for text in (flag, value) if text]
    needed = ["x"] * {"restore": 1, "probe": 1, "add": 1, "remove": 1}.get(words[-1], 0)
    needed = ["x"] if words in (("models", "show"), ("runs", "show")) else needed
    for arguments in ([*needed, *line], [*line, *needed]):
        found = _leaf([*words], arguments)
        assert {flag: found[one.name] for flag, one in shared.items()} == {
            flag: value or True for flag, value in given.items()
        }
    for flag, value in given.items():
        refused = optiq(words[0], flag, *filter(None, [value]), *words[1:], *needed)
        assert refused.code == 2
        assert f"{flag} belongs after '{words[1]}'" in refused.err


def test_lists_given_in_parts_are_one_list() -> None:
    line = ["Who?", "--models", "a,b", "--server=x", "--models=c", "--server", "y", "--server-url", "u"]
    found = _leaf(["plan"], line)
    assert (found["models"], found["server"], found["server_url"]) == ("a,b,c", "x,y", "u")
    assert _leaf(["plan"], ["Who?"])["models"] is None
    assert _leaf(["models", "probe"], ["n", "--server", "x", "--server", "y"])["server"] == "x,y"


@pytest.mark.parametrize("verb", VERBS)
def test_a_value_given_twice_is_said_and_none_is_taken_silently(verb: str) -> None:
    context = click.Context(command_line())
    for part in verb.split():
        context = click.Context(context.command.get_command(context, part), context, part)
    for one in context.command.params:
        if isinstance(one, click.Option) and not one.is_flag:
            for flag in one.opts:
                given = [flag, "1", one.opts[0], "1"]
                if one.multiple:
                    assert context.command.make_parser(context).parse_args(args=given)[0][one.name] == [
                        "1",
                        "1",
                    ]
                    continue
                with pytest.raises(click.UsageError, match=f"{one.opts[0]} takes one value, and 2 are given"):
                    context.command.parse_args(context, given)


def test_one_thing_is_shown(optiq) -> None:
    assert "MMLU-Pro" in optiq("models", "show", "phi4:14b").out
    assert "`optiq models` lists" in optiq("models", "show", "nobody").err
    assert "checks passed" in optiq("snapshots", "show").out
    assert json.loads(optiq("snapshots", "show", "1", "--json").out)["counts"]["models"] == 7
    assert "Kept are" in optiq("snapshots", "show", "99").err


def test_config_says_what_holds_and_where_it_came_from(optiq, tmp_path, monkeypatch) -> None:
    (tmp_path / "optiq.toml").write_text(
        'planner = "dp"\nprefer = "cheap"\n[servers.far]\ndialect = "openai"\nkey_env = "FAR_KEY"\n'
    )
    monkeypatch.setenv("OPTIQ_PLANNER", "nsga2")
    monkeypatch.setenv("FAR_KEY", "sekret")
    told = optiq("config", "--json")
    rows = {row["setting"]: (row["value"], row["from"]) for row in json.loads(told.out)["settings"]}
    assert rows["planner"] == ("nsga2", "$OPTIQ_PLANNER")
    assert rows["weights"] == ("cost 0.6, latency 0.05, energy 0.05, QoA 0.3", "prefer in optiq.toml")
    assert rows["servers"] == (["far"], "servers in optiq.toml")
    assert rows["chunk_size"] == (25, "default")
    assert set(rows) == set(SETTINGS)
    shown = optiq("config").out
    assert "$FAR_KEY set" in shown
    assert "sekret" not in shown + told.out
    assert [one.name for one in SETTINGS.values() if not one.help] == []


def test_examples_of_settings_are_good(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = [one.example for one in SETTINGS.values() if one.example]
    examples.sort(key=lambda text: text.startswith("["))  # in a file, tables come last
    (tmp_path / "optiq.toml").write_text("\n".join(examples))
    settings = Settings.load({}, {})
    assert all(getattr(settings, one.name) for one in SETTINGS.values() if one.example)


def test_plan_takes_the_first_questions_of_a_file(optiq, tmp_path) -> None:
    (tmp_path / "q.csv").write_text("question\nWho?\nWhere?\nWhen?\n")
    shown = optiq("plan", "q.csv", "--limit", "2", "--models", "phi4:14b", "--topic", "*")
    assert "2 questions, snapshot" in shown.out


class Group(Request, panel="Together", settings="seed"):
    """A group."""

    most: Annotated[float | None, Option("Most.", "USD", most=1)] = None


class Copy(Group):
    """A request of its own field and a group."""

    file: Annotated[str, Argument("What.", "FILE")]
    times: Annotated[int, Option("How often.", "N", least=1)] = 1

    @cached_property
    def twice(self) -> int:
        """Made at once."""
        if self.times > 5:
            raise InputError("too often", "Less.")
        return 2 * self.times


def test_a_request_is_read_whole_and_misuse_is_said_at_once() -> None:
    made: Callable[..., Any] = taking_parameters(lambda_of(Copy))
    assert str(inspect.signature(made)).startswith(
        "(file: str, times: int = 1, most: float | None = None, seed:"
    )
    assert made("a", times="3", most="0.5", seed="7") == ("a", 3, 0.5, 6, 7)
    assert made(file="a") == ("a", 1, None, 2, 0)
    for given, said in (
        ({"times": "0"}, "--times is 0. Give a whole number from 1 up"),
        ({"times": "2.5"}, "--times is 2.5"),
        ({"times": "nan"}, "--times is 'nan'"),
        ({"times": "6"}, "too often"),
        ({"most": "-1"}, "--most is -1. Give a number from 0 up to 1, or leave it out"),
        ({"most": "much"}, "--most is 'much', not a number"),
        ({"seed": "-1"}, "--seed is -1"),
    ):
        with pytest.raises(InputError, match=said):
            made(file="a", **given)
    assert "Args:\n    file: What.\n    times: How often.  [default: 1]" in str(made.__doc__)


def test_options_beside_a_request_are_read_too() -> None:
    def function(request: Copy, n: Annotated[int, Option("N.", least=2)] = 4) -> tuple[str, int]:
        return request.file, n

    hints = {"request": Copy, "n": Annotated[int, Option("N.", least=2)], "return": tuple}
    function.__annotations__ = hints
    made, taken = flattened(function, lambda one: one.kind)
    assert [one.name for one in taken] == ["file", "times", "most", "seed", "n"]
    assert (made(file="a"), made(file="a", n="3")) == (("a", 4), ("a", 3))
    with pytest.raises(InputError, match="--n is 1"):
        made(file="a", n=1)


def lambda_of(kind: type) -> Callable[..., Any]:
    """A function of one request."""

    def function(request: Any) -> Any:
        return request.file, request.times, request.most, request.twice, request.settings.seed

    function.__annotations__ = {"request": kind, "return": tuple}
    return function


def test_one_is_singular(optiq, home, tmp_path) -> None:
    from flows.command_line.screen import counted

    assert [counted(n, "plan") for n in (0, 1, 2)] == ["0 plans", "1 plan", "2 plans"]
    single = ("--models", "phi4:14b", "--max-operations", "1", "--topic", "*")
    assert "1 question, snapshot" in optiq("plan", "Who?", *single).out
    assert "1 estimate, snapshot" in optiq("estimate", "Who?", "--plans", "phi4:14b", "--topic", "*").out
    shown = optiq("explain", "Who?", *single).out
    assert "up to 1 operation: 1 plan is all there is" in shown
    assert "Frontier: 1 plan that no other plan beats" in shown
    assert "because    of 1 plan it is" in shown
    limited = optiq("explain", "Who?", *single, "--max-latency", "1000").out
    assert "because    of 1 plan within the limits it is" in limited
