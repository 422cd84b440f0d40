"""The page of `optiq view`: every answer of a run, or of two runs row by row."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from optiq.errors import InputError, OptiqError
from optiq.files.atomic import replacing
from optiq.plans.plan import Plan
from optiq.questions.metric import METRICS
from optiq.report import sections
from optiq.report.answers_page import AnswersPage, Column, Pick, render_answers
from optiq.report.page import Tile
from optiq.report.text import clean, count, number, usd
from tasks.one_answer import Askings
from tasks.reporting import check_page
from tasks.run_answers import RunAnswers, answers_of, is_wrong, judge_line, misses
from warehouse.home import Home
from warehouse.run_answers import calls_of, executions_of_run

SHORT = 120
"""Characters of a text that the table shows, and that its filters look at."""
LONGEST = 20_000
"""Characters of a text in the drawer."""
_MOST_DRAWINGS = 300

_COLUMNS = (
    Column("id", "id"),
    Column("question", "question", grow=4),
    Column("answer", "answer", wide=True, grow=3),
    Column("reference", "reference", wide=True, grow=2),
    Column("qoa", "QoA", "number"),
    Column("loss", "loss", "number", wide=True),
    Column("cost_usd", "cost", "usd", wide=True),
    Column("latency_s", "latency", "seconds", wide=True),
    Column("confidence", "sure", "number", wide=True),
    Column("status", "status", "choice", wide=True),
    Column("topic", "topic", "choice", wide=True),
    Column("form", "form", "choice", wide=True),
    Column("plan", "plan", "choice", wide=True, grow=2),
)
_PICKS = (
    Pick("all"),
    Pick("wrong", "loss", True, "wrong"),
    Pick("dear", "cost_usd", True),
    Pick("slow", "latency_s", True),
    Pick("low confidence", "confidence"),
)
_TWO_COLUMNS = (
    Column("id", "id"),
    Column("question", "question", grow=4),
    Column("answer", "answer before", wide=True, grow=3),
    Column("answer_after", "answer after", wide=True, grow=3),
    Column("reference", "reference", wide=True, grow=2),
    Column("qoa", "QoA before", "number"),
    Column("qoa_after", "QoA after", "number"),
    Column("change", "change", "number"),
    Column("cost_change", "cost change", "usd", wide=True),
    Column("latency_change", "latency change", "seconds", wide=True),
    Column("plan", "plan before", "choice", wide=True, grow=2),
    Column("plan_after", "plan after", "choice", wide=True, grow=2),
    Column("topic", "topic", "choice", wide=True),
)
_TWO_PICKS = (
    Pick("all"),
    Pick("better", "change", True, "better"),
    Pick("worse", "change", False, "worse"),
    Pick("dearer", "cost_change", True, "dearer"),
    Pick("another answer", "", False, "differs"),
    Pick("another plan", "", False, "replanned"),
)


def view_page(home: Home, run: str, against: str | None = None) -> str:
    """The page as HTML. ``against`` is the later of two runs: then one row per question that both have.

    Raises
    ------
    InputError
        if the two runs have no question in common.
    """
    first = answers_of(home, run)
    if against is None:
        return render_answers(_one(home, first))
    return render_answers(_two(home, first, answers_of(home, against)))


def write_view(home: Home, output: str, run: str, against: str | None = None) -> int:
    """Write the page whole or not at all; its bytes."""
    check_page(output)
    text = view_page(home, run, against)
    with replacing(Path(output)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return len(text.encode())


def _one(home: Home, answers: RunAnswers) -> AnswersPage:
    frame = answers.frame.with_columns(wrong=is_wrong().fill_null(False))
    found = misses(answers)
    rows: dict[str, Sequence[Any]] = {
        "id": _texts(frame["question_id"], 60),
        **{name: _texts(frame[name], SHORT) for name in ("question", "reference", "topic", "form", "plan")},
        "answer": _texts(_said(frame), SHORT),
        **{name: _figures(frame[name]) for name in ("qoa", "loss", "cost_usd", "latency_s", "confidence")},
        "status": frame["status"].to_list(),
        "wrong": frame["wrong"].cast(pl.Int8).to_list(),
    }
    notices = [f"{n:,} {kind}" for kind, n in found["kinds"]]
    file = answers.about.get("file")
    return AnswersPage(
        f"Answers to {clean(str(file).rsplit('/', 1)[-1], 80)}"
        if file
        else f"Run {clean(answers.run_id, 80)}",
        f"Run {clean(answers.run_id, 80)}",
        _tiles(answers, found),
        _COLUMNS,
        _PICKS,
        rows,
        (
            {
                "id": clean(row["question_id"] or "", 200),
                "question": clean(row["question"] or "(its text is not known)", LONGEST),
                "facts": _of_question(row),
                "sides": [side],
                "commands": [_command(answers, row)],
            }
            for row, side in zip(frame.iter_rows(named=True), _sides(home, answers), strict=True)
        ),
        _drawings(frame["plan_key"]),
        [f"{found['wrong']:,} missed: {'; '.join(notices)}."] if found["wrong"] else [],
    )


def _two(home: Home, before: RunAnswers, after: RunAnswers) -> AnswersPage:
    """One row per question of both, by its text; each side keeps its own place among the details."""
    old, new = (
        part.frame.with_row_index("place")
        .drop_nulls("question")
        .unique("question", keep="last", maintain_order=True)
        for part in (before, after)
    )
    both = old.join(new, on="question", suffix="_after", maintain_order="left").with_columns(
        change=pl.col("qoa_after") - pl.col("qoa"),
        cost_change=pl.col("cost_usd_after") - pl.col("cost_usd"),
        latency_change=pl.col("latency_s_after") - pl.col("latency_s"),
    )
    if both.is_empty():
        raise InputError(
            f"runs {before.run_id} and {after.run_id} have no question in common",
            "Give two runs of the same questions; `optiq runs list` shows all.",
        )
    both = both.with_columns(
        better=(pl.col("change") > 0).fill_null(False),
        worse=(pl.col("change") < 0).fill_null(False),
        dearer=(pl.col("cost_change") > 0).fill_null(False),
        differs=pl.col("answer").ne_missing(pl.col("answer_after")),
        replanned=pl.col("plan_key").ne_missing(pl.col("plan_key_after")),
    )
    texts = ("question", "reference", "topic", "plan", "plan_after")
    rows: dict[str, Sequence[Any]] = {
        "id": _texts(both["question_id"], 60),
        **{name: _texts(both[name], SHORT) for name in texts},
        "answer": _texts(_said(both), SHORT),
        "answer_after": _texts(_said(both, "_after"), SHORT),
        **{
            name: _figures(both[name])
            for name in ("qoa", "qoa_after", "change", "cost_change", "latency_change")
        },
        **{
            name: both[name].cast(pl.Int8).to_list()
            for name in ("better", "worse", "dearer", "differs", "replanned")
        },
    }
    sides = [list(_sides(home, part, name)) for part, name in ((before, "before"), (after, "after"))]
    better, worse = int(both["better"].sum()), int(both["worse"].sum())
    judged = both.drop_nulls("change")
    return AnswersPage(
        "Two runs row by row",
        f"Before: {clean(before.run_id, 60)}. After: {clean(after.run_id, 60)}",
        [
            Tile("Questions of both", count(both.height), f"{count(judged.height)} judged in both"),
            Tile("Better", count(better), f"{count(worse)} worse"),
            Tile("Quality (QoA)", number(_mean(judged, "qoa_after"), 2), f"before {number(_mean(judged, 'qoa'), 2)}"),
            Tile("Spend", usd(_sum(after.frame, "spent_usd")), f"before {usd(_sum(before.frame, 'spent_usd'))}"),
        ],
        _TWO_COLUMNS,
        _TWO_PICKS,
        rows,
        (
            {
                "id": clean(row["question_id"] or "", 200),
                "question": clean(row["question"], LONGEST),
                "facts": _of_question(row),
                "sides": [sides[0][row["place"]], sides[1][row["place_after"]]],
                "commands": [_command(before, row), _command(after, {"question_id": row["question_id_after"]})],
            }
            for row in both.iter_rows(named=True)
        ),
        _drawings(pl.concat([both["plan_key"], both["plan_key_after"]])),
    )  # fmt: skip


def _tiles(answers: RunAnswers, found: Mapping[str, Any]) -> list[Tile]:
    frame = answers.frame
    counts = dict(frame["status"].value_counts().iter_rows())
    others = [f"{n:,} {name}" for name in ("infeasible", "failed", "invalid") if (n := counts.get(name))]
    saved, judged = _sum(frame, "saved_usd"), _sum(frame, "judge_usd")
    notes = [f"{usd(saved)} more came from the cache"] if saved else []
    notes += [f"{usd(judged)} of it for the judge"] if judged else []
    return [
        Tile("Answered", f"{counts.get('answered', 0):,} of {frame.height:,}", ", ".join(others) or "none failed"),
        Tile("Quality (QoA)", number(found["qoa"], 2), f"{count(found['judged'], 'judged answer')}"),
        Tile("Spend", usd(_sum(frame, "spent_usd")), "; ".join(notes)),
        Tile("Latency, median", f"{number(_median(frame, 'latency_s'))} s", ""),
    ]  # fmt: skip


def _of_question(row: Mapping[str, Any]) -> list[list[str]]:
    return [
        ["reference", clean(row["reference"], LONGEST) if row["reference"] is not None else ""],
        ["topic", clean(row["topic"] or "", 80)],
        ["form", clean(row["form"] or "", 40)],
    ]


def _command(answers: RunAnswers, row: Mapping[str, Any]) -> str:
    return clean(f"optiq show {answers.run_id} {shlex.quote(str(row['question_id']))}", 300)


def _sides(home: Home, answers: RunAnswers, name: str = "") -> Iterator[dict[str, Any]]:
    """What the drawer shows of each answer of a run, in the order of its rows."""
    executions = executions_of_run(home, answers.run_id)
    calls: dict[str, list[dict[str, Any]]] = {}
    wanted = ["execution_id", "node", "model", "prompt_tokens", "output_tokens", "latency_s", "cost_usd"]
    wanted += ["cached", "error", "output", "thinking", "prompt_chars", "attempts", "subplan_qoa"]
    for call in calls_of(home, executions["execution_id"]).select(wanted).iter_rows(named=True):
        calls.setdefault(call["execution_id"], []).append(call)
    by_question: dict[str, list[dict[str, Any]]] = {}
    for one in executions.iter_rows(named=True):
        by_question.setdefault(one["question_id"], []).append(one)
    askings = Askings(home, answers, executions)
    with_folder = bool(answers.about)
    for row in answers.frame.iter_rows(named=True):
        made = by_question.get(row["question_id"], [])
        if not with_folder:
            made = [one for one in made if one["execution_id"] == row["execution_id"]]
        yield {
            "name": name,
            "facts": _of_answer(row),
            "figures": [
                [metric.title, *(sections.figure(metric.name, row[f"{of}{metric.name}"]) for of in ("predicted_", ""))]
                for metric in METRICS
            ],
            "executions": [
                _execution(one, calls.get(one["execution_id"], []), askings, row) for one in made
            ],
        }  # fmt: skip


def _of_answer(row: Mapping[str, Any]) -> list[list[str]]:
    where = "this very question" if row["best_from"] == "question" else f"topic {row['best_topic']}"
    return [
        ["answer", clean(row["answer"], LONGEST) if row["answer"] is not None else f"– ({row['status']})"],
        ["note", clean(row["error"] or "", 600)],
        ["sure", "" if row["confidence"] is None else number(row["confidence"], 2)],
        [
            "better",
            f"{clean(row['best_plan'], 160)}: QoA {number(row['best_qoa'], 2)} on {clean(where, 80)}"
            if row["loss"]
            else "",
        ],
        ["spent", "" if row["spent_usd"] is None else usd(row["spent_usd"])],
        ["judge", clean(judge_line(row), 200)],
    ]


def _execution(
    one: Mapping[str, Any], calls: Sequence[Mapping[str, Any]], askings: Askings, row: Mapping[str, Any]
) -> dict[str, Any]:
    plan = Plan.parse(one["plan"])
    outputs = {call["node"]: call["output"] or "" for call in calls}
    scores = {key.removeprefix("score_"): one[key] for key in one if key.startswith("score_")}
    told = ", ".join(f"{key} {number(value)}" for key, value in scores.items() if value is not None)
    return {
        "plan": clean(plan.expression, 400),
        "facts": [
            ["scores", told],
            ["by", clean(one["qoa_metric"] or "", 60)],
            ["prompts", clean(one["prompt"] or "", 200)],
            ["error", clean(one["error"] or "", 600)],
        ],
        "calls": [
            _call(call, plan, outputs, askings.prompt(row, plan, call["node"], outputs)) for call in calls
        ],
    }


def _call(
    call: Mapping[str, Any], plan: Plan, outputs: Mapping[int, str], prompt: str | None
) -> dict[str, Any]:
    reads = plan.predecessors(call["node"])
    tokens = " → ".join(
        "–" if call[name] is None else f"{call[name]:,}" for name in ("prompt_tokens", "output_tokens")
    )
    parts = [f"{tokens} tokens", f"{number(call['latency_s'])} s", usd(call["cost_usd"])]
    parts += ["from the cache"] if call["cached"] else []
    parts += [f"{call['attempts']} attempts"] if (call["attempts"] or 1) > 1 else []
    parts += [f"QoA here {number(call['subplan_qoa'], 2)}"] if call["subplan_qoa"] is not None else []
    sent = call["prompt_chars"]
    other = (
        ""
        if prompt is None or sent in (None, len(prompt))
        else f" (made again; {sent:,} characters were sent)"
    )
    return {
        "title": f"node {call['node']}: {clean(call['model'], 120)}"
        + (f", reads {', '.join(map(str, reads))}" if reads else ""),
        "figures": " · ".join(parts),
        "prompt": None if prompt is None else clean(prompt, LONGEST),
        "prompt_title": f"prompt{other}",
        "thinking": clean(call["thinking"] or "", LONGEST),
        "output": clean(call["output"] or "", LONGEST),
        "error": clean(call["error"] or "", 600),
    }


def _drawings(keys: pl.Series) -> dict[str, str]:
    """The most used plans as SVG, by their expression as the page writes it."""
    found = {}
    most = keys.drop_nulls().value_counts(sort=True)[keys.name].head(_MOST_DRAWINGS)
    for key in most:
        try:
            plan = Plan.from_key(key)
        except OptiqError:
            continue
        if plan.k <= sections.LARGEST_DRAWING:
            found[clean(plan.expression, 400)] = sections.drawing(plan)
    return found


def _said(frame: pl.DataFrame, suffix: str = "") -> pl.Series:
    """The answer, or why there is none."""
    return frame.select(
        pl.coalesce(
            f"answer{suffix}", pl.concat_str([f"status{suffix}", f"error{suffix}"], separator=": ", ignore_nulls=True)
        )
    ).to_series()  # fmt: skip


def _texts(column: pl.Series, longest: int) -> list[str | None]:
    return [
        None if text is None else clean(" ".join(text[: 4 * longest].split()), longest) for text in column
    ]


def _figures(column: pl.Series) -> list[float | None]:
    """Five digits are more than a page shows."""
    return [None if value is None else float(f"{value:.5g}") for value in column]


def _sum(frame: pl.DataFrame, name: str) -> float | None:
    known = frame[name].drop_nulls()
    return float(known.sum()) if known.len() else None


def _mean(frame: pl.DataFrame, name: str) -> float | None:
    value: Any = frame[name].mean()
    return value


def _median(frame: pl.DataFrame, name: str) -> float | None:
    value: Any = frame[name].median()
    return value
