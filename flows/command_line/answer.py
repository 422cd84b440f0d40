"""`optiq answer`: plan and answer a question file."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Annotated, Any

from flows.command_line.consent import Consent, predicted
from flows.command_line.screen import counted, figure, for_no_answer, note, say, say_json, table, usd
from flows.command_line.show import say_misses
from flows.declaration import Option
from flows.flow_requests import AnswerQuestions, Json
from optiq.errors import OptiqError
from optiq.questions.metric import BY_NAME, COST


def answer(
    request: AnswerQuestions,
    consent: Consent,
    shards: Annotated[
        int | None, Option("Answer in N pieces on the workers of a Prefect server.", "N", least=1)
    ] = None,
    json: Json = False,
) -> int:
    """Plan and answer a question file; one answer row per input row, in input order.

    The same command again goes on where it stopped: after Ctrl-C, a crash or a limit. A finished run is
    taken as it is unless PerfDB has been refreshed since.

    Exit code 0: every question is answered; 1: one failed, was invalid, or no plan was within its limits; 2: misuse;
    130: interrupted. A dry run says what would happen; 1 if no row is a question.

    Example:  optiq answer examples/questions.csv -o answers.csv --max-latency 3
    """
    from flows.command_line.progress import progress

    if consent.dry_run:
        found = _forecast(request)
        _show_bill(found, json)
        return 0 if found["plans"] else 1  # as a run that asks nothing
    _ = request.written  # before anybody is asked for money
    if not consent.given_for(lambda: _forecast(request), _bill_line):
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    with progress():
        summary = _run(request, shards)
    from tasks.beyond_limits import beyond_line
    from tasks.run_answers import answers_of, misses

    answers = None
    with suppress(OptiqError):  # nothing was asked, or it is on another machine
        answers = answers_of(request.home(), summary["run_id"])
    if json:
        say_json({**summary, "misses": None if answers is None else misses(answers)})
    else:
        if summary["stopped"]:
            note(summary["stopped"])
        say(_closing_line(summary))
        _say_why_left_out(summary)
        if beyond := beyond_line(summary["beyond_limits"]):
            say(beyond)
        if answers is not None:
            say_misses(answers)
    return 0 if summary["answered"] == summary["questions"] else 1


def _run(request: AnswerQuestions, shards: int | None) -> dict[str, Any]:
    """On this machine, or on the workers of a Prefect server."""
    from tasks.orchestration import start

    if shards is None:
        from flows.answer_questions import answer_questions

        return start(answer_questions, **request.given())
    from flows.answer_sharded import answer_questions_sharded

    return start(answer_questions_sharded, **request.given(), shards=shards)


def _forecast(request: AnswerQuestions) -> dict[str, Any]:
    from tasks.forecast import forecast
    from tasks.same_run import questions_of_run
    from tasks.session import open_session

    questions = questions_of_run(
        request.file, request.output, request.budget, request.topic, request.settings
    )
    session = open_session(replace(request.settings, probe=False), executes=True)  # a dry run asks nothing
    return asdict(forecast(session, questions.rows[: request.limit], request.options))


def _show_bill(found: Mapping[str, Any], json: bool) -> None:
    """Plan mix and bill."""
    if json:
        say_json(found)
        return
    asked = found["questions"] - found["invalid"]
    if not asked:
        say(f"nothing to ask, as no row is a question: {found['invalid']} invalid; {found['why_invalid']}")
        return
    if not found["plans"]:
        say(f"nothing would be asked: {_left_out(found)}")
        _say_why_left_out(found)
        return
    table(["plan", "questions"], found["plans"], right=[1])
    if found["planned"] < asked:
        say(f"scaled up from {found['planned']} of {asked} questions")
    if found["bought"]:
        (total, buys), (half, less), (double, more) = (_bought(one, asked) for one in found["bought"])
        say(f"a total of {total} {buys}; half of it ({half}) {less}; twice as much ({double}) {more}")
    say(f"forms of the answers: {', '.join(f'{name} {n}' for name, n in found['forms'])}")
    say(_bill_line(found))
    _say_why_left_out(found)


def _say_why_left_out(found: Mapping[str, Any]) -> None:
    for what in ("invalid", "infeasible"):
        if why := found[f"why_{what}"]:
            say(f"{what}, the first one: {why}")


def _bought(one: Mapping[str, Any], asked: int) -> tuple[str, str]:
    """A total, and what it buys: a mean QoA says nothing of the questions that it leaves out."""
    metric = BY_NAME[one["metric"]]
    total = usd(one["total"]) if metric is COST else f"{figure(one['total'])} {metric.unit}"
    if one["answered"] is None:
        return total, f"buys a mean QoA of {figure(one['qoa'])}"
    at = "" if one["qoa"] is None else f" at a mean QoA of {figure(one['qoa'])}"
    return total, f"answers {one['answered']} of {asked}{at}"


def _bill_line(found: Mapping[str, Any]) -> str:
    loading = f" and {figure(found['load_s'])} s to load models" if found["load_s"] is not None else ""
    return (
        f"{_left_out(found)}; {predicted(found)}, "
        f"{figure(found['latency_s'])} s of model time{loading}, mean QoA {figure(found['qoa'])}"
    )


def _left_out(found: Mapping[str, Any]) -> str:
    return (
        f"{counted(found['questions'], 'question')}, {found['infeasible'] + found['over_total']} infeasible"
        + (f" ({found['over_total']} beyond the total)" if found["over_total"] else "")
        + (f", {counted(found['invalid'], 'invalid row')}" if found["invalid"] else "")
    )


def _closing_line(summary: Mapping[str, Any]) -> str:
    """What a run came to, in one line."""
    return (
        f"{summary['answered']} answered, {summary['infeasible']} infeasible, {summary['failed']} failed, "
        f"{summary['invalid']} invalid; {counted(summary['calls'], 'call')}, {summary['cached']} cached; "
        f"{usd(summary['cost_usd'])}{for_no_answer(summary.get('unanswered_usd'))}, {summary['seconds']:.1f} s; "
        f"run {summary['run_id']}, answers in {summary['output']}"
    )
