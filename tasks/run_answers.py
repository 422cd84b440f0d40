"""The answers of a run as people look at them: what was asked, answered and spent, and how good the choices were."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import polars as pl

from optiq.configuration import SETTINGS, Settings
from optiq.errors import InputError, OptiqError, UnknownName
from optiq.plans.plan import Plan
from optiq.questions.metric import METRIC_NAMES
from optiq.questions.question import Budget, Kind
from optiq.questions.question_file import QuestionFile, read_questions
from optiq.report.text import usd
from tasks.run_folder import RunFolder, hash_of
from tasks.run_report import one_run
from warehouse.home import Home
from warehouse.run_answers import best_known, executions_of_run, known_runs

WRONG = 0.5
"""An answer of less quality is called wrong."""
PICKS = ("wrong", "dear", "slow", "low-confidence")

_FROM_EXECUTION = (
    "question",
    "reference",
    "kind",
    "qoa_metric",
    "judge",
    "prompt",
    "execution_id",
    "n_calls",
    "n_cached",
)


@dataclass(frozen=True)
class RunAnswers:
    """A run with one row per question (per execution, where its folder is not here).

    ``frame`` has question_id, status, question, answer, reference, form, topic, qoa, confidence, plan (an expression),
    plan_key, cost_usd, latency_s, energy_j (observed), the same predicted_…, spent_usd (what was paid) and saved_usd
    (what cached calls had cost), judge (JSON), judge_calls and judge_usd (in what was paid), best_plan, best_qoa,
    best_from, best_topic (whose statistics that is of) and loss: how much better the best known plan would have been
    (:func:`warehouse.run_answers.best_known`), error, execution_id and snapshot_id.
    ``about`` is the record of its folder, empty without one.
    """

    run_id: str
    about: Mapping[str, Any]
    frame: pl.DataFrame

    @property
    def judged(self) -> pl.DataFrame:
        """The rows whose quality is known."""
        return self.frame.drop_nulls("qoa")

    @property
    def qoa(self) -> float | None:
        """Mean quality of the judged answers."""
        mean: Any = self.judged["qoa"].mean()
        return mean

    def picked(self, pick: str | None) -> pl.DataFrame:
        """The rows that somebody asks for (:data:`PICKS`), the worst first; for None all, as they were asked."""
        if pick is None:
            return self.frame
        if pick == "wrong":
            wrong = self.frame.filter(is_wrong())
            return wrong.sort("loss", "qoa", descending=[True, False], nulls_last=True, maintain_order=True)
        column, most = {
            "dear": ("cost_usd", True), "slow": ("latency_s", True), "low-confidence": ("confidence", False)
        }[pick]  # fmt: skip
        return self.frame.drop_nulls(column).sort(column, descending=most, maintain_order=True)


def find_run(home: Home, name: str) -> tuple[str, dict[str, Any]]:
    """The run that is, or begins like, ``name`` (``last``: the latest), and what its folder says of it.

    Runs without a folder here are those of which only executions are known: calibrations, traces of elsewhere.

    Raises
    ------
    UnknownName
        if there is none, or more than one.
    """
    with suppress(UnknownName):
        record = one_run(home, name)
        return record["run_id"], record
    others = known_runs(home)
    found = others[:1] if name == "last" else [run for run in others if run.startswith(name)]
    found = [name] if name in others else found
    if len(found) != 1:
        return one_run(home, name)["run_id"], {}  # says what is wrong with the name
    return found[0], {}


def answers_of(home: Home, name: str) -> RunAnswers:
    """All answers of a run, merged or not."""
    run_id, about = find_run(home, name)
    executions = executions_of_run(home, run_id)
    if about:
        frame = _rows(home, run_id, about, executions)
    else:
        given = executions.select(
            *(
                "question_id",
                "status",
                "answer",
                "plan",
                "plan_key",
                "topic",
                "error",
                "snapshot_id",
                "agreement",
            ),
            *_FROM_EXECUTION,
            *("qoa", "spent_usd", "saved_usd"),
            *(pl.col(name).alias(f"observed_{name}") for name in METRIC_NAMES if name != "qoa"),
            *(f"predicted_{name}" for name in METRIC_NAMES),
        )
        frame = given.with_columns(
            pl.lit(None, pl.Float64).alias("confidence"),
            pl.lit(None, pl.String).alias("about"),
            pl.lit(None, pl.Int64).alias("attempts"),
            pl.lit(None, pl.Int64).alias("judge_calls"),
            pl.lit(None, pl.Float64).alias("judge_usd"),
        )
    if frame.is_empty():
        raise InputError(f"run {run_id} has no answer yet", "Wait until some of its questions are done.")
    return RunAnswers(run_id, about, _with_best(home, frame, models_of(about)))


def settings_of(about: Mapping[str, Any]) -> Settings:
    """The settings that a run was planned with, as far as its folder tells and they can still be read."""
    found = {}
    for name, value in (about.get("settings") or {}).items():
        about_it = SETTINGS.get(name)
        if about_it is None or value is None or name in ("servers", "features", "profiles"):
            continue
        with suppress(OptiqError, ValueError, TypeError):
            found[name] = about_it.reads(value, name)
    return Settings(**found)


def questions_of(about: Mapping[str, Any]) -> QuestionFile | None:
    """The questions of a run, if its file is still what it was."""
    file, digest = about.get("file"), about.get("file_sha256")
    with suppress(OSError, OptiqError):
        if file is not None and hash_of(file) == digest:
            asked = read_questions(file, Budget(**(about.get("budget") or {})), settings_of(about).reading)
            return asked if about.get("topic") is None else asked.with_topic(about["topic"])
    return None


def _rows(home: Home, run_id: str, about: Mapping[str, Any], executions: pl.DataFrame) -> pl.DataFrame:
    """Rows as the run recorded them, with what only its executions know."""
    done = RunFolder(home, run_id).outcomes()
    topic = pl.col("topics").list.sort().list.eval(
        pl.element().sort_by(pl.element().struct.field("weight"), descending=True, maintain_order=True)
    ).list.first().struct.field("topic")  # fmt: skip
    last = executions.select(
        "question_id", *_FROM_EXECUTION, "saved_usd", known="qoa", wanted="topic"
    ).unique("question_id", keep="last", maintain_order=True)
    frame = done.join(last, on="question_id", how="left", maintain_order="left").with_columns(
        qoa=pl.when(pl.col("status") == "answered").then(pl.coalesce("known", "observed_qoa")),
        topic=pl.coalesce("wanted", topic),
        about=topic,
    )
    if frame["question"].null_count() and (asked := questions_of(about)) is not None:
        texts = {
            row.question_id: (row.question.text, row.question.reference, row.question.kind.value)
            for row in asked.rows
            if row.question is not None
        }
        names = frame["question_id"].to_list()
        of_file = [texts.get(name, (None, None, None)) for name in names]
        frame = frame.with_columns(
            pl.coalesce(name, pl.Series([each[place] for each in of_file], dtype=pl.String)).alias(name)
            for place, name in enumerate(("question", "reference", "kind"))
        )
    return frame


def _with_best(home: Home, frame: pl.DataFrame, models: Iterable[str]) -> pl.DataFrame:
    """With the best known plan of each question; plans as expressions, under the names that people see."""
    forms = {kind.value: kind.shown for kind in Kind}
    plans = {text: _expression(text) for text in frame["plan"].drop_nulls().unique()}
    frame = frame.with_columns(
        pl.col("plan").replace_strict(plans, default=None, return_dtype=pl.String),
        form=pl.col("kind").replace_strict(forms, default=pl.col("kind")),
        topic=pl.col("topic").fill_null("*"),
    )
    frame = with_best_known(home, frame, models)
    # An answer that never came is worth nothing where others were judged.
    worth = pl.when(pl.col("status") == "answered").then("qoa").when(pl.col("qoa").count() > 0).then(0.0)
    return frame.select(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row"),
        *("question_id", "status", "question", "answer", "reference", "form"),
        # what it is about, where its statistics are those of any topic
        pl.when(pl.col("topic") == "*").then(pl.coalesce("about", "topic")).otherwise("topic").alias("topic"),
        pl.col("topic").alias("best_topic"),
        *("qoa", "confidence"),
        *("plan", "plan_key"),
        *(pl.col(f"observed_{name}").alias(name) for name in METRIC_NAMES if name != "qoa"),
        *(f"predicted_{name}" for name in METRIC_NAMES),
        *("judge", "judge_calls", "judge_usd"),
        *("spent_usd", "saved_usd", "n_calls", "n_cached", "attempts", "qoa_metric", "prompt"),
        *("best_plan", "best_qoa", "best_from"),
        (pl.col("best_qoa") - worth).clip(lower_bound=0.0).round(6).alias("loss"),
        *("error", "execution_id", "snapshot_id"),
    )


def models_of(about: Mapping[str, Any]) -> list[str]:
    """The models of a run; empty where its record does not name them."""
    return [*(about.get("pool") or ()), *filter(None, [about.get("blender")])]


def with_best_known(home: Home, executions: pl.DataFrame, models: Iterable[str]) -> pl.DataFrame:
    """Executions with best_plan, best_qoa and best_from of ``models`` (:func:`warehouse.run_answers.best_known`)."""
    tasks = {kind.value: kind.task for kind in Kind}
    asked = executions.drop_nulls(["execution_id", "question", "plan_key"]).select(
        *("execution_id", "question", "topic"),
        pl.col("kind").replace_strict(tasks, default="open").alias("task"),
        "plan_key",
    )
    return executions.join(
        best_known(home, asked, models), on="execution_id", how="left", maintain_order="left"
    )


def _expression(plan: str) -> str:
    try:
        return Plan.parse(plan).expression
    except OptiqError:
        return plan


def judge_line(row: Mapping[str, Any]) -> str:
    """Who graded an answer, and what that added to its bill; empty where no judge was asked."""
    if not row["judge_calls"]:
        return ""
    who = json.loads(row["judge"])["model"] if row["judge"] else "asked for a grade"
    many = f"{row['judge_calls']} calls" if row["judge_calls"] > 1 else "1 call"
    return f"{who}: {many}, {usd(row['judge_usd'])} of what was spent"


def is_wrong() -> pl.Expr:
    """Of a row: a wrong answer, or none."""
    return pl.col("status").is_in(["failed", "infeasible", "invalid"]) | (pl.col("qoa") < WRONG)


def misses(answers: RunAnswers) -> dict[str, Any]:
    """How good a run was, and what kinds of miss it has, the most frequent first.

    ``qoa`` and ``judged``; ``wrong`` rows; ``kinds``: (what happened, how many) of these; ``most_on``: where wrong
    answers are more frequent than elsewhere, as (what, its value, wrong ones, of so many).
    """
    wrong = answers.frame.filter(is_wrong())
    seen_here = pl.col("best_from") == "question"
    kind = (
        pl.when(pl.col("status") == "failed").then(pl.lit("failed"))
        .when(pl.col("status") == "infeasible").then(pl.lit("no plan within the limits"))
        .when(pl.col("status") == "invalid").then(pl.lit("invalid"))
        .when(seen_here & (pl.col("best_qoa") >= WRONG)).then(pl.lit("wrong, and another plan got it right"))
        .when(seen_here).then(pl.lit("wrong, as with every plan that was tried on it"))
        .when(pl.col("best_from") == "topic").then(pl.lit("wrong, and another plan does better on the topic"))
        .otherwise(pl.lit("wrong, and no better plan is known"))
    )  # fmt: skip
    kinds = wrong.group_by(kind.alias("kind")).len().sort("len", "kind", descending=[True, False])
    return {
        "qoa": answers.qoa,
        "judged": answers.judged.height,
        "wrong": wrong.height,
        "kinds": [list(row) for row in kinds.iter_rows()],
        "most_on": _most_on(answers.frame),
    }


def _most_on(frame: pl.DataFrame) -> list[list[Any]]:
    """Of topics, forms and plans the one that has most wrong answers beyond its share."""
    found = []
    of_all = frame.select(is_wrong().fill_null(False).mean()).item() or 0.0
    for what in ("topic", "form", "plan"):
        groups = (
            frame.drop_nulls(what)
            .group_by(what)
            .agg(wrong=is_wrong().fill_null(False).sum().cast(pl.Int64), n=pl.len().cast(pl.Int64))
            .with_columns(beyond=pl.col("wrong") - of_all * pl.col("n"))
            .filter(pl.col("beyond") >= 1)
            .sort("beyond", what, descending=[True, False])
        )
        found += [[what, row[0], row[1], row[2]] for row in groups.head(1).iter_rows()]
    return found
