"""A home of PerfDB for programs and notebooks: what the commands do, with Polars frames in and out.

::

    home = optiq.open()                               # $OPTIQ_HOME or .optiq
    home.plan(questions, max_latency=3)               # questions: a frame, a file, a list of texts, or one text
    home.explain("What is the capital of Norway?")    # a notebook draws the frontier and the plan
    answers = await home.answer_async(questions)

Options are those of the commands, with underscores: ``max_total_cost``, ``prefer``, ``models``, … What can be asked for
by name (``planner``, ``estimator``, ``metric``, ``server``) may be given as it is: a planner or a server, a class, a
function. No Prefect server is asked or started.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import warnings
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from flows.flow_requests import (
    AnswerQuestions,
    CalibrateModels,
    EvaluatePolicies,
    Planned,
    RefreshPerfDB,
)
from optiq.errors import InputError
from optiq.extensions.built_in import ESTIMATORS, PLANNERS, QUALITY_METRICS, SERVERS
from optiq.questions.question import Budget

if TYPE_CHECKING:
    import polars as pl

    from flows.declaration import Request
    from optiq.planning import PlannedQuestion, Planning
    from optiq.plans.plan import Plan
    from optiq.questions.question_file import QuestionFile

Questions: TypeAlias = "pl.DataFrame | str | Path | Iterable[str]"
"""A frame with a column ``question`` (and those of a question file), a file, one text, or several."""

P = ParamSpec("P")
R = TypeVar("R")


def open(home: str | Path | None = None, *, create: bool = False, **options: Any) -> Home:
    """The home of PerfDB at ``home``, else at ``$OPTIQ_HOME``, else at ``.optiq``; ``options`` hold for all it does.

    In a folder where nothing is yet PerfDB is made with published figures when it is needed; one that is named must be
    there, or is made now with ``create``.

    Raises
    ------
    OptiqError
        for an option that cannot be used, as soon as something is done with it.
    """
    _warn_in_one_line()
    if create:
        from warehouse.find_home import find_home
        from warehouse.refresh import init

        if not (place := find_home(home)).perfdb.exists():
            init(place)
    return Home(None if home is None else str(home), options)


@cache
def _warn_in_one_line() -> None:
    """Warnings of ours are for people, in notebooks too: no place in the code stands before them."""
    from flows.command_line.main import in_one_line

    warnings.formatwarning = in_one_line(warnings.formatwarning)


def _twin(
    method: Callable[Concatenate[Home, P], R],
) -> Callable[Concatenate[Home, P], Coroutine[Any, Any, R]]:
    """The same for programs with an event loop, which goes on meanwhile."""

    @wraps(method)
    async def twin(self: Home, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(method, self, *args, **kwargs)

    twin.__doc__ = f"As :meth:`{method.__name__}`, without holding up the event loop."
    return twin


@dataclass(frozen=True)
class Explanation:
    """Why this plan. A notebook shows the frontier as a chart, the plan as a drawing, and the frontier's figures.

    ``frontier`` has one row per plan that no other beats: plan (an expression), figures, whether it is chosen.
    ``sources`` says of the chosen plan, node by node, what each figure is estimated from.
    """

    planned: PlannedQuestion
    planning: Planning

    @property
    def plan(self) -> Plan | None:
        """The chosen plan; None where no plan is within the limits (``planned.choice.reason`` says why)."""
        chosen = self.planned.choice.chosen
        return None if chosen is None else chosen.plan

    @property
    def frontier(self) -> pl.DataFrame:
        import polars as pl

        from optiq.questions.metric import METRIC_NAMES

        rows = [
            {
                "plan": one.plan.expression,
                **{f"predicted_{name}": getattr(one, name) for name in METRIC_NAMES},
                "chosen": one.plan == self.plan,
            }
            for one in self.planned.frontier
        ]
        figures = {f"predicted_{name}": pl.Float64 for name in METRIC_NAMES}
        return pl.DataFrame(rows, schema={"plan": pl.String, **figures, "chosen": pl.Boolean}).fill_nan(None)

    @property
    def sources(self) -> pl.DataFrame:
        import polars as pl

        chosen = self.planned.choice.chosen
        told = () if chosen is None else self.planning.explain(self.planned.question, chosen).provenance
        return pl.DataFrame([source._asdict() for source in told])

    def chart(self, metric: str = "cost_usd") -> dict[str, Any]:
        """The frontier against ``metric``, as a Vega-Lite specification."""
        import polars as pl

        from optiq.report.charts import quality_against

        points = self.frontier.select(
            "plan",
            pl.col(f"predicted_{metric}").alias("value"),
            pl.col("predicted_qoa").alias("qoa"),
            pl.when("chosen").then(pl.lit("chosen")).otherwise(pl.lit("frontier")).alias("series"),
            pl.lit(None, pl.Int64).alias("n"),
        ).drop_nulls(["value", "qoa"])
        return quality_against(metric, points, ["frontier", "chosen"])

    def __repr__(self) -> str:
        if self.plan is None:
            return f"infeasible: {self.planned.choice.reason}"
        return f"{self.plan.expression}\n\n{self.plan.drawing()}\n\n{self.frontier}"

    def _repr_html_(self) -> str:
        from markupsafe import escape

        from optiq.files.chart_file import svg_of

        if self.plan is None:
            return f"<p>infeasible: {escape(self.planned.choice.reason)}</p>"
        drawn = f"<p>{escape(self.plan.expression)}</p>{self.plan.svg()}"
        with suppress(ModuleNotFoundError):  # an install without charts: the table below says the same
            drawn = svg_of(self.chart()) + drawn
        return drawn + self.frontier._repr_html_()


class Home:
    """What can be done with a PerfDB. Made by :func:`optiq.open`; nothing is opened before it is needed."""

    def __init__(self, path: str | None, options: dict[str, Any]) -> None:
        self._path = path
        self._options = options

    def __repr__(self) -> str:
        from warehouse.find_home import find_home

        return f"optiq.open({str(find_home(self._path).path)!r})"

    def plan(self, questions: Questions, *, frontier: bool = False, **options: Any) -> pl.DataFrame:
        """The chosen plan of each question, in order; nothing is executed.

        Returns
        -------
        question_id, status (``planned``, ``infeasible``, ``invalid``), plan (JSON), plan_key, predicted_cost_usd,
        predicted_latency_s, predicted_energy_j, predicted_qoa, reason. With ``frontier`` one row per plan of the
        frontier, of which one is ``chosen``.
        """
        import polars as pl

        from optiq.questions.metric import METRIC_NAMES

        asked, planned, _ = self._planned(questions, frontier, options)
        rows: list[dict[str, Any]] = []
        for row in asked.rows:
            found = planned.get(row.question_id) if row.question is not None else None
            if found is None:
                rows.append({"question_id": row.question_id, "status": "invalid", "reason": row.error})
                continue
            choice = found.choice
            told = {
                "question_id": row.question_id,
                "status": choice.status,
                "reason": choice.reason or None,
            }
            shown = found.frontier if frontier else tuple(filter(None, [choice.chosen]))
            for one in shown:
                chosen = choice.chosen is not None and one.plan == choice.chosen.plan
                rows.append({**told, **one.to_dict(), "plan": one.plan.to_json(), "chosen": chosen})
            if not shown:
                rows.append(told)
        schema = {
            **dict.fromkeys(("question_id", "status", "plan", "plan_key"), pl.String),
            **{f"predicted_{name}": pl.Float64 for name in METRIC_NAMES},
            "reason": pl.String,
            **({"chosen": pl.Boolean} if frontier else {}),
        }
        return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)

    def explain(self, question: str, **options: Any) -> Explanation:
        """Why the plan of one question: frontier, drawing, and where each figure comes from."""
        asked, planned, planning = self._planned([question], True, options)
        if not planned:
            raise InputError(f"the question cannot be used: {asked.rows[0].error}", "Give its text.")
        return Explanation(next(iter(planned.values())), planning)

    def estimate(
        self, questions: Questions, plans: Plan | str | Iterable[Plan | str], **options: Any
    ) -> pl.DataFrame:
        """What given plans would cost and yield: one row per question and plan. No model server is asked.

        Plans are objects, expressions (``"a → b"``) or JSON.
        """
        from optiq.planning import estimate_rows, estimates_frame
        from optiq.plans.plan import Plan
        from tasks.session import begin_home, open_planning

        request = self._request(Planned, options)
        begin_home(request.settings, request.home())
        given = [plans] if isinstance(plans, Plan | str) else list(plans)
        chosen = [one if isinstance(one, Plan) else Plan.parse(one) for one in given]
        with _asked_file(questions) as file:
            asked = _read(file, request, Budget())
        session = open_planning(request.settings, sorted({model for plan in chosen for model in plan.models}))
        return estimates_frame(estimate_rows(session.planning, session.with_topics(asked.questions), chosen))

    def answer(
        self, questions: Questions, *, output: str | Path | None = None, **options: Any
    ) -> pl.DataFrame:
        """Plan and answer; one row per question, in order, as in an answers file (``status``, ``answer``, ``plan``, …).

        With ``output`` the answers are a file too, and the same call again goes on with the same run.
        """
        from flows.answer_questions import answer_questions
        from optiq.files.tables import read_table

        with _asked_file(questions) as file, tempfile.TemporaryDirectory(prefix="optiq-") as folder:
            place = Path(folder) / "answers.parquet" if output is None else Path(output)
            request = self._request(AnswerQuestions, {**options, "file": str(file), "output": str(place)})
            answer_questions.fn(**request.given())
            return read_table(place)

    def calibrate(self, questions: Questions, **options: Any) -> dict[str, Any]:
        """Try plans on labelled questions where knowing more would change plans; :meth:`refresh` learns from it."""
        from flows.calibrate_models import calibrate_models

        with _asked_file(questions) as file:
            request = self._request(CalibrateModels, {**options, "file": str(file)})
            summary: dict[str, Any] = calibrate_models.fn(**request.given())
        return summary

    def evaluate(self, traces: pl.DataFrame | None = None, **options: Any) -> pl.DataFrame:
        """Would planning have paid? One row per policy, replayed on ``traces`` or on what PerfDB recorded."""
        import polars as pl

        from flows.evaluate_policies import evaluate_policies
        from optiq.files.parquet import write_parquet

        with tempfile.TemporaryDirectory(prefix="optiq-") as folder:
            if traces is not None:
                write_parquet(traces, Path(folder) / "traces.parquet")
                options = {**options, "traces": [f"{folder}/traces.parquet"]}
            request = self._request(EvaluatePolicies, options)
            return pl.DataFrame(evaluate_policies.fn(**request.given())["lines"], infer_schema_length=None)

    def trace(self, run: str = "last") -> pl.DataFrame:
        """The executions of a run, each with its ``calls``, in the order of their start; of any run by its name."""
        import polars as pl

        from tasks.run_answers import find_run
        from warehouse.find_home import find_home
        from warehouse.run_answers import calls_of, executions_of_run

        home = find_home(self._path)
        executions = executions_of_run(home, find_run(home, run)[0])
        calls = calls_of(home, executions["execution_id"])
        nested = calls.group_by("execution_id", maintain_order=True).agg(
            calls=pl.struct(pl.exclude("execution_id"))
        )
        return executions.join(nested, on="execution_id", how="left", maintain_order="left")

    def refresh(self, **options: Any) -> dict[str, Any]:
        """Merge what has landed since, recompute the statistics and publish a new snapshot."""
        from flows.refresh_perfdb import refresh_perfdb

        report: dict[str, Any] = refresh_perfdb.fn(**self._request(RefreshPerfDB, options).given())
        return report

    def sql(self, statement: str, **parameters: Any) -> pl.DataFrame:
        """The result of one SELECT on PerfDB, with values for its ``$names``."""
        from warehouse.find_home import find_home
        from warehouse.query import query

        return query(find_home(self._path).perfdb, statement, parameters or None)

    plan_async = _twin(plan)
    explain_async = _twin(explain)
    estimate_async = _twin(estimate)
    answer_async = _twin(answer)
    calibrate_async = _twin(calibrate)
    evaluate_async = _twin(evaluate)
    trace_async = _twin(trace)
    refresh_async = _twin(refresh)
    sql_async = _twin(sql)

    def _planned(
        self, questions: Questions, frontier: bool, options: dict[str, Any]
    ) -> tuple[QuestionFile, dict[str, PlannedQuestion], Planning]:
        from tasks.session import begin_home, open_session

        request = self._request(Planned, options)
        begin_home(request.settings, request.home())
        with _asked_file(questions) as file:
            asked = _read(file, request, request.budget)
        session = open_session(request.settings, serve=not request.names_pool)
        every = session.planning.plan_all(session.with_topics(asked.questions), frontier)
        return asked, {one.question.question_id: one for one in every}, session.planning

    def _request(self, kind: type[Request], options: dict[str, Any]) -> Any:
        """The options of this home that ``kind`` takes, and those given now, all of which it must take."""
        known = {one.name for one in kind.parameters()}
        if unknown := sorted(set(options) - known):
            close = ", ".join(sorted(known))
            raise InputError(f"{unknown[0]!r} is no option here", f"Known: {close}.")
        given = {name: value for name, value in self._options.items() if name in known} | options
        for name, registry in (("planner", PLANNERS), ("estimator", ESTIMATORS), ("server", SERVERS)):
            if given.get(name) is not None:
                given[name] = registry.give(_made(name, given[name]))
        if (metric := given.get("metric")) is not None:
            metrics = metric if isinstance(metric, list | tuple) else [metric]
            given["metric"] = [QUALITY_METRICS.give(one) for one in metrics]
        if isinstance(given.get("models"), list | tuple):
            given["models"] = ",".join(given["models"])
        if self._path is not None:
            given["perfdb"] = self._path
        return kind(**given)


_made_of: dict[int, tuple[Any, Any]] = {}


def _made(name: str, thing: Any) -> Any:
    """What a registry holds: of a planner or server that is there already a function, each time the same."""
    if isinstance(thing, str | type) or name == "estimator" or not hasattr(thing, _PART[name]):
        return thing
    if id(thing) not in _made_of:

        def made(*_: Any) -> Any:
            return thing

        made.__name__ = str(getattr(thing, "name", None) or type(thing).__name__)
        _made_of[id(thing)] = (thing, made)  # which keeps it, and with it its id
    return _made_of[id(thing)][1]


_PART = {"planner": "frontier", "server": "list_models"}
"""What tells the thing from a function that makes one."""


def _read(file: Path, request: Any, budget: Budget) -> QuestionFile:
    from optiq.questions.question_file import read_questions

    asked = read_questions(file, budget, request.settings.reading)
    return asked if request.topic is None else asked.with_topic(request.topic)


@contextmanager
def _asked_file(questions: Questions) -> Iterator[Path]:
    """A file of the questions, for as long as it is read."""
    import polars as pl

    from optiq.files.tables import is_named_like_table

    if isinstance(questions, Path) or (isinstance(questions, str) and is_named_like_table(questions)):
        yield Path(questions)
        return
    if isinstance(questions, str):
        questions = [questions]
    if not isinstance(questions, pl.DataFrame):
        questions = pl.DataFrame({"question": list(questions)}, schema={"question": pl.String})
    if questions.is_empty():
        raise InputError("no question is given", "Give a frame with a row per question.")
    with tempfile.TemporaryDirectory(prefix="optiq-") as folder:
        file = Path(folder) / "questions.jsonl"
        lines = (json.dumps(row, ensure_ascii=False, default=str) for row in questions.iter_rows(named=True))
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        yield file
