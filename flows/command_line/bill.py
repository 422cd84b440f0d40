"""The predicted bill of a run: shown, or asked about before it is spent."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flows.command_line.screen import figure, note, say, say_json, table
from flows.parameters import settings_of
from flows.run_options import options_of
from optiq.errors import InputError
from optiq.questions.question import Budget
from tasks.forecast import Forecast, forecast

ASK_ABOVE_USD = 1.0


def show_bill(file: str, budget: Budget, parameters: Mapping[str, Any], json: bool) -> None:
    """Print plan mix and bill."""
    found = _forecast(file, budget, parameters)
    if json:
        say_json(asdict(found))
        return
    table(["plan", "questions"], found.plans, right=[1])
    if found.planned < found.questions:
        say(f"scaled up from {found.planned} of {found.questions} questions")
    say(bill_line(found))


def bill_line(found: Forecast) -> str:
    """The forecast in one line."""
    loading = f" and {figure(found.load_s)} s to load models" if found.load_s is not None else ""
    return (
        f"{found.questions} questions, {found.infeasible} infeasible; predicted {figure(found.cost_usd)} USD "
        f"({figure(found.low_usd)} to {figure(found.high_usd)} in 95 of 100 runs, at most "
        f"{figure(found.most_usd)} by output caps), {figure(found.energy_j)} J, "
        f"{figure(found.latency_s)} s of model time{loading}, mean QoA {figure(found.qoa)}"
    )


def confirmed(file: str, budget: Budget, parameters: Mapping[str, Any], above_usd: float | None) -> bool:
    """Whether the run may spend what it is predicted to.

    A person is asked at a terminal. Without one, a bill above a given limit is refused; where no limit was
    given, a script is taken to know what it does.
    """
    terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if above_usd is None and not terminal:
        return True
    threshold = ASK_ABOVE_USD if above_usd is None else above_usd
    found = _forecast(file, budget, parameters)
    if found.cost_usd is not None and found.cost_usd <= threshold:
        return True
    if found.cost_usd is None and above_usd is None:
        return True  # unpriced models, such as those on this machine
    note(bill_line(found))
    if not terminal:
        raise InputError(
            f"the predicted bill of {figure(found.cost_usd)} USD is above {figure(threshold)}",
            "Give --yes to spend it, or a higher --confirm-above.",
        )
    note("Go on? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _forecast(file: str, budget: Budget, parameters: Mapping[str, Any]) -> Forecast:
    from optiq.questions.question_file import read_questions
    from tasks.session import open_session

    options = options_of(parameters)
    questions = read_questions(file, budget)
    if parameters.get("topic") is not None:
        questions = questions.with_topic(parameters["topic"])
    return forecast(open_session(settings_of(parameters)), questions.rows[: options.limit])
