"""`optiq show`: the answers of a run, and one of them node by node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from flows.command_line.screen import counted, figure, say, say_json, shortened, table, usd
from flows.declaration import Argument, Option
from flows.flow_requests import Json, Place
from optiq.errors import InputError
from optiq.plans.plan import Plan
from optiq.questions.metric import BY_LIMIT, METRICS

if TYPE_CHECKING:
    from tasks.run_answers import RunAnswers

_LONGEST = 60
_ORDERS = {
    None: "in the order of the file",
    "wrong": "wrong or without an answer, those first where the best known plan would have gained most",
    "dear": "the dearest first",
    "slow": "the slowest first",
    "low-confidence": "the least certain first",
}


def show(
    place: Place,
    run: Annotated[str, Argument("A run, or how its name begins; `last`.", "[RUN]")] = "last",
    question: Annotated[
        str | None, Argument("One question: its id, or how its text begins.", "[QUESTION]")
    ] = None,
    wrong: Annotated[bool, Option("Wrong answers and those that never came.")] = False,
    dear: Annotated[bool, Option("The dearest.")] = False,
    slow: Annotated[bool, Option("The slowest.")] = False,
    low_confidence: Annotated[bool, Option("The least certain.")] = False,
    limit: Annotated[int, Option("So many answers.", "N", least=1)] = 10,
    json: Json = False,
) -> None:
    """The answers of a run; with a question, its prompts and outputs node by node, its scores, and why this plan.

    No refresh is needed. `loss` is how much better the best known plan would have been: what another plan was seen to
    yield on the same question, else what the best measured one yields on its topic.

    Example:  optiq show last --wrong
    """
    from tasks.run_answers import PICKS, answers_of

    given = [pick for pick, wanted in zip(PICKS, (wrong, dear, slow, low_confidence), strict=True) if wanted]
    if len(given) > 1 or (given and question is not None):
        flags = " and ".join(f"--{pick}" for pick in given) + (" and a question" if question else "")
        raise InputError(f"{flags} are given together", "Give one of them.")
    answers = answers_of(place.home(), run)
    if question is not None:
        from tasks.one_answer import one_answer

        found = one_answer(place.home(), answers, question)
        say_json(found) if json else _show_one(found)
        return
    pick = given[0] if given else None
    rows = answers.picked(pick)
    if json:
        say_json({**_head(answers), "rows": rows.head(limit).to_dicts()})
        return
    say_misses(answers, told=False)
    if rows.is_empty():
        say(f"no answer to show: {_ORDERS[pick]}")
        return
    say(f"{min(limit, rows.height)} of {counted(rows.height, 'answer')}, {_ORDERS[pick]}")
    table(
        ["id", "question", "answer", "reference", "QoA", "loss", "cost", "s", "sure", "plan"],
        (_cells(row) for row in rows.head(limit).iter_rows(named=True)),
        right=range(4, 9),
    )
    first = rows["question_id"][0]
    say(f"one of them, node by node:  optiq show {answers.run_id} {_as_argument(first)}")


def say_misses(answers: RunAnswers, told: bool = True) -> None:
    """How good a run was, its worst kinds of miss, and with ``told`` the command that shows them."""
    from tasks.beyond_limits import beyond_line
    from tasks.run_answers import misses

    found = misses(answers)
    if found["judged"]:
        of = counted(found["judged"], "judged answer")
        say(f"mean QoA {figure(found['qoa'])} over {of} (QoA: quality of an answer, 0 to 1)")
    elif "answered" not in answers.frame["status"]:
        say("no question was answered")
    elif given := answers.frame["reference"].count():
        say(
            f"no answer was judged, though {counted(given, 'question')} had a reference: the metric gave no figure; "
            "`optiq score` judges them by another --metric"
        )
    else:
        say("no answer was judged: the questions had no references; `optiq score` takes them later")
    if found["wrong"]:
        kinds = "; ".join(f"{n} {kind}" for kind, n in found["kinds"])
        say(f"{found['wrong']} of {counted(answers.frame.height, 'question')} missed: {kinds}")
    if most := [f"{what} {shortened(value, 60)} ({n} of {of})" for what, value, n, of in found["most_on"]]:
        say(f"more often than elsewhere: {', '.join(most)}")
    if not told and (beyond := beyond_line(_beyond(answers))):  # a run that has just ended said so
        say(beyond)
    if told:
        pick = " --wrong" if found["wrong"] else ""
        say(f"see them:  optiq show {answers.run_id}{pick}    as a page:  optiq view {answers.run_id}")


def _beyond(answers: RunAnswers) -> dict[str, int]:
    """How many answers went beyond which limit, as the run noted it at its end."""
    return answers.about.get("beyond_limits") or {}


def _head(answers: RunAnswers) -> dict[str, Any]:
    from tasks.run_answers import misses

    found = {**misses(answers), "beyond_limits": _beyond(answers)}
    return {"run_id": answers.run_id, "questions": answers.frame.height, **found}


def _cells(row: Mapping[str, Any]) -> list[Any]:
    said = row["answer"] if row["status"] == "answered" else f"{row['status']}: {row['error']}"
    return [
        row["question_id"],
        shortened(row["question"] or "", _LONGEST),
        shortened(said or "", _LONGEST),
        shortened(row["reference"] or "", 30),
        figure(row["qoa"], 2),
        figure(row["loss"], 2),
        usd(row["cost_usd"]),
        figure(row["latency_s"], 2),
        figure(row["confidence"], 2),
        shortened(row["plan"] or "", 48),
    ]


def _as_argument(name: str) -> str:
    import shlex

    return shlex.quote(name)


def _show_one(found: Mapping[str, Any]) -> None:
    if found["status"] == "invalid":  # no question came of the row: nothing was planned, asked or judged
        say(
            f"row        {found['question_id']} of run {found['run_id']} is invalid: it holds no usable question"
        )
        say(f"why        {found['error']}")
        return
    say(f"question   {found['question'] or '(its file has changed, and nobody was asked)'}")
    for number, text in enumerate(found["options"]):
        say(f"           {chr(65 + number)}) {text}")
    limits = [_limit(name, v, found) for name, v in found["limits"].items() if v is not None]
    say(
        f"of         run {found['run_id']}, id {found['question_id']}; topic {found['topic']}; "
        f"{found['form'] or 'form not known'}"
    )
    say(f"limits     {', '.join(limits) or 'none'}")
    say(f"answer     {found['answer'] if found['answer'] is not None else '– (' + found['status'] + ')'}")
    if found["reference"] is not None:
        say(f"reference  {found['reference']}")
    if found["error"]:
        say(f"note       {found['error']}")
    sure = "" if found["confidence"] is None else f"; probably right: {found['confidence']:.0%}"
    say(f"QoA        {figure(found['qoa'])}" + sure)
    if found["loss"]:
        where = "this very question" if found["best_from"] == "question" else f"topic {found['best_topic']}"
        say(f"better     {found['best_plan']}: QoA {figure(found['best_qoa'])} on {where}")
    if found["spent_usd"] is not None:
        saved = (
            f"; {found['n_cached']} of {counted(found['n_calls'], 'call')} from the cache"
            if found["n_cached"]
            else ""
        )
        say(f"spent      {usd(found['spent_usd'])}{saved}")
    if found["judge_calls"]:
        from tasks.run_answers import judge_line

        say(f"judge      {judge_line(found)}")
    why_not = found["why"].get("unknown") or "the question file is gone or has changed"
    for number, execution in enumerate(found["executions"], start=1):
        of = f" {number} of {len(found['executions'])}" if len(found["executions"]) > 1 else ""
        _show_execution(execution, of, why_not)
    if found["tried"]:
        table(
            ["plan", "times", "QoA", "cost", "s", "answer"],
            ([one["plan"], one["n"], figure(one["qoa"], 2), usd(one["cost_usd"]), figure(one["latency_s"], 2),
              shortened(one["answer"] or "–", _LONGEST)] for one in found["tried"]),
            title="What plans did on this very question, in all runs",
            right=range(1, 5),
        )  # fmt: skip
    _show_why(found["why"])


def _limit(name: str, limit: float, found: Mapping[str, Any]) -> str:
    """A limit on the question, and what the answer took where that is more: limits bind what is predicted."""
    metric, took = BY_LIMIT[name], found.get(BY_LIMIT[name].name)
    beyond = metric.is_resource and took is not None and took > limit
    return f"{metric.flag} {figure(limit)}" + (
        f" (the answer went beyond: {figure(took)} {metric.unit})" if beyond else ""
    )


def _show_execution(execution: Mapping[str, Any], of: str, why_not: str) -> None:
    from flows.command_line.present import ESTIMATE_COLUMNS, metric_cell

    plan = Plan.parse(execution["plan"])
    say()
    say(f"plan{of}   {execution['expression']}")
    say(plan.drawing())
    for call in execution["calls"]:
        say()
        reads = f", reads {', '.join(map(str, call['reads']))}" if call["reads"] else ""
        say(f"── node {call['node']} {call['model']}{reads} · {_figures(call)}")
        if call["prompt"] is None:
            say(f"prompt: {call['prompt_chars']} characters, not known here: {why_not}")
        else:
            other = (
                ""
                if call["prompt_as_sent"]
                else f" (made again; {call['prompt_chars']} characters were sent)"
            )
            say(f"prompt{other}:")
            _indented(call["prompt"])
        if call["thinking"]:
            say("thought:")
            _indented(call["thinking"])
        if call["error"]:
            say(f"error: {call['error']}")
        else:
            say("output:")
            _indented(call["output"] or "(empty)")
    say()
    if execution["scores"]:
        by = f"; {execution['qoa_metric']} is the QoA" if execution["qoa_metric"] else ""
        scored = ", ".join(f"{name} {figure(value)}" for name, value in execution["scores"].items())
        say(f"scores     {scored}{by}")
    table(
        ["", *ESTIMATE_COLUMNS],
        [
            [
                "predicted",
                *(metric_cell(metric, execution[f"predicted_{metric.name}"]) for metric in METRICS),
            ],
            ["observed", *(metric_cell(metric, execution[metric.name]) for metric in METRICS)],
        ],
        right=range(1, 1 + len(METRICS)),
    )


def _figures(call: Mapping[str, Any]) -> str:
    parts = [
        f"{_count(call['prompt_tokens'])} → {_count(call['output_tokens'])} tokens",
        f"{figure(call['latency_s'])} s",
        usd(call["cost_usd"]),
    ]
    parts += ["from the cache"] if call["cached"] else []
    parts += [f"{call['attempts']} attempts"] if (call["attempts"] or 1) > 1 else []
    parts += [f"QoA here {figure(call['subplan_qoa'])}"] if call["subplan_qoa"] is not None else []
    return " · ".join(parts)


def _count(number: int | None) -> str:
    return "–" if number is None else str(number)


def _indented(text: str) -> None:
    for line in text.splitlines():
        say(f"    {line}")


def _show_why(why: Mapping[str, Any]) -> None:
    from flows.command_line.present import ESTIMATE_COLUMNS, metric_cell

    if "unknown" in why:
        say(f"why this plan: not known here ({why['unknown']})")
        return
    left_out = f", {why['left_out']} left out" if why["left_out"] else ""
    title = (
        f"Why: of {counted(why['to_choose_from'], 'plan')} to choose from{left_out} ({why['budget']}), "
        f"preferred by {why['weights']}; snapshot {why['snapshot_id']}"
    )
    if why["to_choose_from"] == 0:
        title = f"Why: {why['infeasible']}"
    table(
        ["plan", *ESTIMATE_COLUMNS, ""],
        (
            [
                one["plan"],
                *(metric_cell(metric, one[metric.name]) for metric in METRICS),
                "chosen" if one["chosen"] else one["left_out"],
            ]
            for one in why["plans"]
        ),
        title=title,
        right=range(1, 1 + len(METRICS)),
    )
