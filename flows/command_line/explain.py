"""`optiq explain`: why this plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from flows.command_line.asked import OneQuestion, read_asked
from flows.command_line.screen import counted, figure, note, say, say_json, shortened, table
from flows.declaration import Option
from flows.flow_requests import Json, Planned

if TYPE_CHECKING:
    from optiq.estimation import Estimate
    from optiq.planning import PlannedQuestion, Planning
    from optiq.questions.question import Question, Weights

SHOWN = 5
LONGEST = 72
"""Characters of a past question that are shown."""


class Explain(OneQuestion, Planned):
    """`optiq explain`."""

    svg: Annotated[Path | None, Option("Write a drawing of the plan as SVG.", "FILE")] = None


def explain(request: Explain, json: Json = False) -> None:
    """Say why this plan: the frontier, where each estimate comes from, what the budget rules out.

    Example:  optiq explain "What is the capital of Norway?" --max-latency 1
    """
    from flows.command_line.present import (
        ESTIMATE_COLUMNS,
        bounds_line,
        estimate_cells,
        frontier_table,
        planned_object,
        provenance_rows,
        topics_line,
        would_do,
    )
    from optiq.errors import InputError
    from optiq.files.atomic import replacing
    from optiq.files.output_place import check_output, tell_replaced
    from optiq.planning import decide_planner
    from optiq.planning.choose import rank, unsafe
    from optiq.planning.left_out import compared_with
    from optiq.plans.drawing_svg import draw_svg
    from tasks.session import begin_home, open_session

    asked = read_asked(
        request.question, request.budget, request.topic, request.option, request.settings.reading
    )
    if len(asked.questions) != 1:
        raise InputError(
            "explain takes one question", "Give its text; `optiq plan FILE --frontier` is for files."
        )
    if request.svg is not None:
        check_output(request.svg)
        tell_replaced(request.svg)
    begin_home(request.settings, request.home())
    session = open_session(
        replace(request.settings, energy="predicted"), serve=not request.names_pool
    )  # nothing runs that could be metered
    if about := session.describe():
        note(about)
    session.tell_new_topics(asked.questions)
    planned = session.planning.plan(session.with_about(session.with_topics(asked.questions))[0])
    shown = planned.choice.chosen or planned.choice.nearest
    if request.svg is not None and shown is not None:
        with replacing(request.svg) as temporary:
            temporary.write_text(draw_svg(shown.plan), encoding="utf-8")
        note(f"drawn: {request.svg}")
    if json:
        say_json(planned_object(planned, session.planning, with_frontier=True))
        return
    choice, budget = planned.choice, planned.question.budget
    planning = session.planning
    used = planning.weights
    say(f"question   {planned.question.text}")
    say(f"form       {planned.question.kind.shown}")
    say(f"topics     {topics_line(planned.question)}")
    say(f"budget     {budget.describe()}")
    if line := bounds_line(request.settings, planned.frontier):
        say(f"confidence {line}")
    say(f"weights    {used.describe()}")
    say(f"pool       {', '.join(planning.pool)}; blender {planning.blender or 'none'}")
    operations = planning.operations(planned.question).max_operations
    decision = decide_planner(planning.planner, len(planning.pool), bool(planning.blender), operations)
    say(f"search     {decision.planner}, up to {counted(operations, 'operation')}: {decision.reason}")
    if operations < planning.max_operations:
        say(
            f"bound      {operations} of {planning.max_operations} operations within the budget ({planning.bound})"
        )
    say(f"statistics snapshot {session.statistics.snapshot_id}")
    if planning.neighbours is not None:
        _show_neighbours(planning, planned.question)
    frontier_table(
        planned,
        f"Frontier: {counted(len(planned.frontier), 'plan')} that no other plan beats in every respect "
        "(QoA: quality of the answer, 0 to 1)",
    )
    if choice.chosen is not None:
        say(f"chosen     {choice.chosen.plan.expression}")
        say(f"because    {_of_so_many(planned)} {_why(planned, used)}")
        if model := compared_with(choice.chosen):
            say(f"           {_compared(choice.chosen, model, planning.gain_probability)}")
    else:
        say(f"infeasible {choice.reason}")
        say(f"would do   {would_do(choice)}")
    if refused := unsafe(planned.frontier, budget):
        say(
            f"refused    {counted(len(refused), 'plan')} that would keep the limits as expected, but not surely; the "
            f"best is {refused[0].plan.expression}"
        )
    if shown is None:
        return
    shown = planning.explain(planned.question, shown)
    say()
    say(shown.plan.drawing())
    say()
    table(
        ["node", "model", "figure", "estimated from"],
        provenance_rows(shown),
        title="Where the estimates come from",
    )
    ranked = rank(choice.feasible, used)
    if len(ranked) > 1:
        by_weights = used.worth_usd is None
        table(
            ["plan", *ESTIMATE_COLUMNS, "loss" if by_weights else "yield"],
            (
                [item.plan.expression, *estimate_cells(item), figure(loss if by_weights else -loss)]
                for item, loss in ranked[:6]
            ),
            title="The chosen plan and its runners-up "
            + (
                "(loss 0: best in everything)"
                if by_weights
                else "(yield: QoA − cost / worth of a right answer)"
            ),
            right=range(1, 2 + len(ESTIMATE_COLUMNS)),
        )


def _of_so_many(planned: PlannedQuestion) -> str:
    """Out of how many plans of the frontier one was chosen; limits are named only where there are any."""
    from optiq.planning.left_out import over_limits, why_left_out
    from optiq.questions.question import Budget

    budget = planned.question.budget
    left_out = why_left_out(planned.frontier, planned.choice, budget)
    within = [
        why for one, why in zip(planned.frontier, left_out, strict=True) if not over_limits(one, budget)
    ]
    told = f"of {counted(len(within), 'plan')}" + ("" if budget == Budget() else " within the limits")
    unsure = len(within) - within.count("")
    return f"{told}, {unsure} of them without a sure gain," if unsure else told


def _why(planned: PlannedQuestion, used: Weights) -> str:
    if used.first == "qoa":
        return "it is the best answer, or as good and cheaper"
    if used.first is not None:
        return "it is the cheapest"
    return "the weights prefer it" if used.worth_usd is None else "it yields most for what it costs"


def _compared(chosen: Estimate, model: str, probability: float) -> str:
    if chosen.plan.models == (model,):
        return (
            f"the best model alone over all topics: no plan is better with a probability of {probability:.0%}"
        )
    return (
        f"with a probability of {probability:.0%} it is as good as {model}, the best model alone over all topics, "
        "or better"
    )


def _show_neighbours(planning: Planning, question: Question) -> None:
    """The past questions most like this one with what models made of them, and the shift of each model's figure.

    One line where past questions say nothing.
    """
    shifts = planning.shifts([question])[0]
    nearest = planning.nearest(question, SHOWN)
    if shifts is None or not nearest:
        say("neighbours none: no past questions that tell models apart; figures are those of the topics")
        return
    models = [model for model in planning.pool if any(model in dict(one.qoa) for one in nearest)]
    table(
        ["past question", "alike", *models],
        (
            [
                shortened(one.text, LONGEST),
                f"{one.likeness:.2f}",
                *(figure(dict(one.qoa).get(model)) for model in models),
            ]
            for one in nearest
        ),
        title=f"The past questions most like this one, and the QoA of models on them ({shifts.n} are heard)",
        right=range(1, 2 + len(models)),
    )
    say("neighbours " + ", ".join(f"{model} {shifts.of(model):+.3f}" for model in planning.pool))
    say()
