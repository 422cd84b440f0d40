"""`optiq explain`: why this plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.command_line.options import (
    Blender,
    BoundOperations,
    Confidence,
    Estimator,
    Examples,
    Json,
    MaxCost,
    MaxEnergy,
    MaxLatency,
    MaxOperations,
    MinQoA,
    Models,
    Neighbours,
    PerfDBHome,
    PlannerName,
    Prompt,
    Seed,
    Server,
    ServerURL,
    Topic,
    WeightsText,
)


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("explain")(explain)


def explain(
    question: Annotated[str, typer.Argument(metavar='"QUESTION"', help="One question.")],
    option: Annotated[
        list[str] | None, typer.Option("--option", help="A choice; give it once per choice.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write a drawing of the plan as SVG.")
    ] = None,
    max_cost: MaxCost = None,
    max_latency: MaxLatency = None,
    max_energy: MaxEnergy = None,
    min_qoa: MinQoA = None,
    weights: WeightsText = None,
    confidence: Confidence = None,
    planner: PlannerName = None,
    estimator: Estimator = None,
    neighbours: Neighbours = None,
    max_operations: MaxOperations = None,
    bound_operations: BoundOperations = None,
    models: Models = None,
    blender: Blender = None,
    topic: Topic = None,
    server: Server = None,
    server_url: ServerURL = None,
    perfdb: PerfDBHome = None,
    seed: Seed = None,
    prompt: Prompt = None,
    examples: Examples = None,
    json: Json = False,
) -> None:
    """Say why this plan: the frontier, where each estimate comes from, what the budget rules out.

    Example:  optiq explain "What is the capital of Norway?" --max-latency 1
    """
    flags = locals()
    from flows.command_line.asked import read_asked
    from flows.command_line.neighbours_screen import show_neighbours
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
    from flows.command_line.screen import figure, note, say, say_json, table
    from flows.parameters import budget_of, settings_of
    from optiq.errors import InputError
    from optiq.files.atomic import check_place, replacing
    from optiq.planning import decide_planner
    from optiq.planning.choose import rank
    from optiq.plans.drawing_svg import draw_svg
    from tasks.session import open_session

    settings = settings_of(flags)
    asked = read_asked(question, budget_of(flags), topic, option)
    if len(asked.questions) != 1:
        raise InputError(
            "explain takes one question", "Give its text; `optiq plan FILE --frontier` is for files."
        )
    if svg is not None:
        check_place(svg)
    session = open_session(settings, serve=models is None)
    if about := session.describe():
        note(about)
    session.check_topics(asked.questions)
    planned = session.planning.plan(session.with_topics(asked.questions)[0])
    shown = planned.choice.chosen or planned.choice.nearest
    if svg is not None and shown is not None:
        with replacing(svg) as temporary:
            temporary.write_text(draw_svg(shown.plan), encoding="utf-8")
    if json:
        say_json(planned_object(planned, session.planning, with_frontier=True))
        return
    choice, budget = planned.choice, planned.question.budget
    planning = session.planning
    used = planning.weights
    say(f"question   {planned.question.text}")
    say(f"topics     {topics_line(planned.question.topics)}")
    say(f"budget     {budget.describe()}")
    if line := bounds_line(settings.confidence):
        say(f"confidence {line}")
    say(f"weights    {used.describe()}")
    say(f"pool       {', '.join(planning.pool)}; blender {planning.blender or 'none'}")
    operations = planning.operations(planned.question).max_operations
    decision = decide_planner(planning.planner, len(planning.pool), bool(planning.blender), operations)
    say(f"search     {decision.planner}, up to {operations} operations: {decision.reason}")
    if operations < planning.max_operations:
        say(
            f"bound      {operations} of {planning.max_operations} operations within the budget ({planning.bound})"
        )
    say(f"statistics snapshot {session.statistics.snapshot_id}")
    if planning.neighbours is not None:
        show_neighbours(planning, planned.question)
    frontier_table(
        planned, f"Frontier: {len(planned.frontier)} plans that no other plan beats in every respect"
    )
    if choice.chosen is not None:
        say(f"chosen     {choice.chosen.plan.expression}")
        why = "the weights prefer it" if used.worth_usd is None else "it yields most for what it costs"
        say(f"because    of {len(choice.feasible)} plans within the limits {why}")
    else:
        say(f"infeasible {choice.reason}")
        say(f"would do   {would_do(choice)}")
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
            ["plan", *ESTIMATE_COLUMNS, "weighted loss" if by_weights else "yield"],
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
            right=range(1, 6),
        )
