"""`optiq ask`: plan and answer one question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flows.command_line.asked import OneQuestion, read_asked
from flows.command_line.screen import figure, note, say, say_json, usd
from flows.flow_requests import Cache, Json, Planned
from optiq.errors import InputError

if TYPE_CHECKING:
    from optiq.questions.question_file import Row
    from tasks.session import Session


class Ask(OneQuestion, Planned, Cache):
    """`optiq ask`."""


def ask(request: Ask, json: Json = False) -> int:
    """Plan and answer one question; the run is recorded for the next refresh.

    Example:  optiq ask "What is the capital of Norway?"
    """
    from flows.command_line.present import answer_object
    from optiq.plans.plan import Plan
    from optiq.questions.answer_file import answer_text
    from tasks.session import open_session

    asked = read_asked(
        request.question, request.budget, request.topic, request.option, request.settings.reading
    )
    if len(asked.rows) != 1 or len(asked.questions) != 1:
        raise InputError("ask takes one question", "Give its text; `optiq answer FILE -o OUT` is for files.")
    session = open_session(request.settings, executes=True)
    session.tell_new_topics(asked.questions)
    note(session.describe() or "")
    row = _answer(session, asked.rows, request.cache)
    if json:
        say_json(answer_object(row, asked.questions[0]))
    elif row["status"] == "answered":
        text = answer_text(row["answer"], asked.questions[0])
        say(row["answer"] if text == row["answer"] else f"{row['answer']}  {text}")
        if row["error"]:
            note(row["error"])
        found = " (from the cache)" if row["cached_calls"] and not row["calls"] else ""
        note(
            f"plan{found} {Plan.parse(row['plan']).expression}: observed {figure(row['observed_latency_s'])} s "
            f"(predicted {figure(row['predicted_latency_s'])}), {usd(row['observed_cost_usd'])} "
            f"(predicted {usd(row['predicted_cost_usd'])}), predicted QoA {figure(row['predicted_qoa'])}"
        )
    else:
        note(f"{row['status']}: {row['error']}")
    return 0 if row["status"] == "answered" else 1


def _answer(session: Session, rows: Sequence[Row], cache: bool) -> dict[str, Any]:
    """Plan and execute the one row and land its traces; its row of an answers file, with bookkeeping.

    In a home that cannot be written, such as somebody else's, the question is answered all the same.
    """
    from optiq.errors import OptiqError
    from optiq.execution import Shared, traces_frame
    from tasks.answers import answer_rows
    from tasks.run_state import open_responses
    from tasks.session import new_run_id
    from warehouse.bundles import bundle_small
    from warehouse.landing import land_traces

    run_id = new_run_id()
    responses = None
    if cache:
        try:
            responses = open_responses(session.home)
        except (OSError, OptiqError) as fault:
            note(f"warning: outputs are not kept: {fault}")
    try:
        found = answer_rows(session, rows, run_id, Shared(responses=responses))
        try:
            if found.executions:
                session.land_guesses()
                land_traces(session.home, traces_frame(found.executions))
                bundle_small(session.home)
            if responses is not None:
                responses.delivered(f"{run_id}/{row.question_id}" for row in rows)
        except (OSError, OptiqError) as fault:
            note(f"warning: the run is not recorded, so the next refresh learns nothing from it: {fault}")
    finally:
        if responses is not None:
            responses.close()
    return found.rows[0]
