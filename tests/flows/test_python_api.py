"""`optiq.open`: frames in and out; planners, estimators, metrics and servers as objects."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import polars as pl
import pytest

import optiq
from optiq.errors import InputError, OptiqError
from optiq.estimation.paper import Paper
from optiq.planning.planners.exact import ExactPlanner
from optiq.plans.plan import Plan
from optiq.servers import ServedModel
from tests.optiq.fake_server import FakeServer

MODELS = ["gemma3:270m", "smollm2:135m"]
ASKED = pl.DataFrame(
    {
        "question": ["Who wrote Hamlet?", "What is the capital of Norway?", ""],
        "reference": ["Shakespeare", "Oslo", None],
    }
)


class Served(FakeServer):
    """A fake, for speed, that says what it serves."""

    def list_models(self) -> list[ServedModel]:
        return [ServedModel(name) for name in MODELS]


def served() -> Served:
    return Served(lambda request: "Oslo" if "Norway" in request.prompt else "Shakespeare", latency_s=0.1)


@pytest.fixture
def opened(home: Path) -> optiq.open:
    return optiq.open(home, models=MODELS, topic="*", probe=False)


def test_plans_come_as_a_frame_one_row_per_question(opened) -> None:
    found = opened.plan(ASKED, max_latency=3)
    assert found["status"].to_list() == ["planned", "planned", "invalid"]
    assert Plan.parse(found["plan"][0]).models == ("gemma3:270m",)
    assert found["predicted_cost_usd"][0] > 0
    assert found["plan"][2] is None
    assert opened.plan("Who?", min_qoa=0.99)["reason"][0]
    every = opened.plan(["Who?", "Where?"], frontier=True)
    assert every["chosen"].sum() == 2
    assert every.height > 2
    with pytest.raises(InputError, match="no question is given"):
        opened.plan(ASKED.head(0))


def test_questions_may_be_a_file_and_options_are_those_of_the_command(opened, tmp_path) -> None:
    ASKED.write_csv(tmp_path / "mine.csv")
    for file in (str(tmp_path / "mine.csv"), tmp_path / "mine.csv"):
        assert opened.plan(file).height == 3
    for given, said in (
        ({"max_cots": 1}, "'max_cots' is no option here"),
        ({"max_cost": "much"}, "--max-cost is 'much'"),
        ({"planner": "oracle"}, "--planner is 'oracle'"),
    ):
        with pytest.raises(OptiqError, match=said):
            opened.plan("Who?", **given)
    with pytest.raises(InputError, match="cannot be used"):
        opened.explain("")


def test_an_explanation_shows_frontier_and_plan(opened) -> None:
    found = opened.explain("Who wrote Hamlet & <b>?")
    assert found.frontier["chosen"].sum() == 1
    assert found.sources["node"].to_list() == [0] * found.sources.height
    assert str(found.plan) in repr(found)
    page = found._repr_html_()
    assert page.count("<svg") == 2
    assert found.plan._repr_html_() in page
    none = opened.explain("Who?", min_qoa=0.99)
    assert (none.plan, none.sources.height) == (None, 0)
    assert "infeasible" in repr(none)
    assert "infeasible" in none._repr_html_()


def test_given_plans_are_estimated(opened) -> None:
    found = opened.estimate(ASKED.head(1), [Plan.of(["phi4:14b"]), "phi4:14b → gemma3:27b"])
    assert found["plan_key"].to_list() == ["1:0:phi4:14b", "2:1:phi4:14b>gemma3:27b"]
    assert opened.estimate("Who?", "phi4:14b").height == 1


def test_answer_trace_and_learn_with_a_server_of_ones_own(opened, tmp_path) -> None:
    server = served()
    answers = opened.answer(ASKED, server=server)
    assert answers["answer"].to_list() == ["Shakespeare", "Oslo", None]
    assert answers["status"].to_list() == ["answered", "answered", "invalid"]
    asked = len(server.requests)
    assert asked >= 2
    traced = opened.trace()
    assert set(traced["qoa"]) == {1.0}
    assert traced["calls"].list.len().to_list() == traced["n_calls"].to_list()
    assert {call["output"] for call in traced["calls"].explode()} == {"Shakespeare", "Oslo"}
    assert opened.trace(answers["run_id"][0][:12]).height == 2
    opened.answer(ASKED, server=server, output=tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").exists()
    assert len(server.requests) == asked  # they are kept
    assert opened.refresh()["n_executions_new"] >= 2
    assert opened.sql("select count(*) as n from executions where topic = $t", t="*")["n"][0] >= 0
    assert "prefect" not in sys.modules or not sys.modules["prefect"].settings.get_current_settings().api.url


def test_calibrate_runs_plans_and_evaluate_replays_them(opened) -> None:
    labelled = pl.DataFrame(
        {"question": [f"What is the capital of Norway, {i}?" for i in range(12)], "reference": "Oslo"}
    )
    summary = opened.calibrate(labelled, server=served(), singles_only=True, cache=False)
    assert summary["executions"] == 24
    opened.refresh()
    lines = opened.evaluate(policies=["best-single", "oracle"], folds=2)
    assert lines.height == 2
    assert "qoa" in " ".join(lines.columns)
    traces = opened.sql("from executions limit 0")
    assert traces.height == 0


class Counting(ExactPlanner):
    """An exact planner that says that it was asked."""

    name = "counting"
    asked = 0

    def frontier(self, task):
        type(self).asked += 1
        return super().frontier(task)


class Doubting(Paper):
    """The paper's estimator under a name of its own."""


def test_planner_estimator_and_metric_may_be_classes_and_functions(opened) -> None:
    one = opened.plan("Who?", planner=Counting, estimator=Doubting)
    other = opened.plan("Who?", planner=Counting(), estimator="paper")
    assert Counting.asked >= 2
    assert one.equals(other)
    assert opened.plan("Who?", planner="counting", estimator="paper").equals(one)

    def half(*_: object) -> float:
        return 0.5

    answers = opened.answer(ASKED.head(2), server=served(), metric=half)
    assert answers["observed_qoa"].to_list() == [0.5, 0.5]


def test_the_event_loop_goes_on_meanwhile(opened) -> None:
    async def both() -> tuple[pl.DataFrame, int]:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.001)
                turns += 1

        other = asyncio.create_task(turn())
        found = await opened.answer_async(ASKED, server=served())
        explained = await opened.explain_async("Who?")
        other.cancel()
        assert explained.plan is not None
        return found, turns

    found, turns = asyncio.run(both())
    assert found["status"].to_list() == ["answered", "answered", "invalid"]
    assert turns > 1


def test_an_empty_folder_is_enough_and_a_named_place_must_be_there(
    home, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPTIQ_HOME")
    assert optiq.open(models=MODELS, topic="*").plan("Who?").height == 1
    with pytest.raises(OptiqError, match="optiq init"):
        optiq.open(tmp_path / "there", models=MODELS).plan("Who?")
    assert optiq.open(tmp_path / "there", create=True, models=MODELS, topic="*").plan("Who?").height == 1


def test_types_are_told_to_checkers() -> None:
    assert (Path(optiq.__file__).parent / "py.typed").is_file()
    assert optiq.open("nowhere").plan_async.__doc__
