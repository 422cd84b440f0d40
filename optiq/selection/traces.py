"""Runs of a selection as traces, so that planning learns from them.

A plan's runs are executions like any other. Those of an agent or workflow have prompts of their own: their traces
say so (``prompt``), and stand under a topic of their own, so that nobody's plans are judged by them.

A plan has at most seven nodes (:data:`optiq.plans.topology.MAX_OPERATIONS`: the wirings of more are not counted).
Of what has more roles each call lands alone, as a plan of one model under a topic of its role: what models cost and
how long they take there is learned, how good the whole is is not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cache

from optiq.execution import score_executions
from optiq.execution.accounting import settle, total
from optiq.execution.trace import ANSWERED, FAILED, Call, Execution
from optiq.plans.plan import Plan
from optiq.plans.topology import MAX_OPERATIONS
from optiq.questions.question import Kind
from optiq.scoring import Scores
from optiq.selection.recording import CallRecord, Recorder, total_tokens
from optiq.selection.runtime import Ran
from optiq.selection.space import Space
from optiq.selection.subjects import Subject


def executions_of(runs: Sequence[Ran], subject: Subject, space: Space, run_id: str) -> list[Execution]:
    """One execution per run that was made (not of those found in the store), in order.

    A plan's answers are judged as all are (:mod:`optiq.scoring`), others by the selection's metric. A failed run
    has no score. Of subjects with more roles than a plan may have nodes, one trace per call that was made.
    """
    wiring = cache(lambda combination: subject.wiring(space.assignment(combination)))
    executions: list[Execution] = []
    for ran in runs:
        recorder = ran.made.recorder
        if recorder is None:
            found = list(ran.made.executions)
            if too_many_roles(space):
                found = [e for e in found if not all(call.cached for call in e.calls)]
        elif too_many_roles(space):
            found = _calls_alone(ran, recorder, subject, run_id)
        else:
            found = [_execution(ran, recorder, subject, *wiring(ran.run.combination), run_id)]
        if subject.topic is not None and not too_many_roles(space) and ran.outcome.error is None:
            found[0].scores = Scores(qoa=ran.outcome.score)
        executions += found
    if subject.topic is None:
        score_executions(executions)
    return executions


def too_many_roles(space: Space) -> bool:
    """Whether its combinations are no plans, and calls land one by one."""
    return len(space.roles) > MAX_OPERATIONS


def _execution(
    ran: Ran, recorder: Recorder, subject: Subject, plan: Plan, nodes: dict[str, int], run_id: str
) -> Execution:
    """The run of an agent as an execution of the plan that its roles are taken to be."""
    execution = Execution(
        dataclasses.replace(ran.question, topics=((str(subject.topic), 1.0),), topics_inferred=False),
        plan,
        run_id,
        recorder.started_at,
        status=FAILED if ran.outcome.error else ANSWERED,
        answer=ran.made.answer,
        error=ran.outcome.error,
        wall_s=ran.made.wall_s,
        prompt=subject.prompt,
    )
    for role, node in sorted(nodes.items(), key=lambda item: item[1]):
        mine = [call for call in recorder.calls if call.role == role]
        if mine:
            execution.calls.append(_call(mine, node, plan, recorder))
    settle(execution)
    execution.cost_usd, execution.latency_s = ran.outcome.cost_usd, ran.outcome.latency_s
    return execution


def _calls_alone(ran: Ran, recorder: Recorder, subject: Subject, run_id: str) -> list[Execution]:
    """The calls that were made (found ones landed when they were), each as an execution of one model, not judged."""
    executions = []
    for number, call in enumerate(recorder.calls):
        if call.cached or call.role is None:
            continue
        plan = Plan.of([call.model], [])
        question = dataclasses.replace(
            ran.question,
            question_id=f"{ran.question.question_id}/{call.role}/{number}",
            topics=((f"{subject.topic}/{call.role}", 1.0),),
            topics_inferred=False,
            options=(),
            kind=Kind.OPEN,
            reference=None,
        )
        execution = Execution(
            question,
            plan,
            run_id,
            recorder.started_at,
            status=FAILED if call.error else ANSWERED,
            answer=call.output,
            error=call.error,
            wall_s=call.ended_s - call.started_s,
            prompt=subject.prompt,
        )
        execution.calls.append(_call([call], 0, plan, recorder))
        settle(execution)
        executions.append(execution)
    return executions


def _call(calls: Sequence[CallRecord], node: int, plan: Plan, recorder: Recorder) -> Call:
    """All calls of one role as one: figures add up, the last text and fault count."""
    answered = [call for call in calls if call.error is None]
    # Bounds are no counts that anybody should learn from.
    prompt, output = total_tokens(calls) if answered and all(c.counted for c in answered) else (None, None)
    return Call(
        node,
        plan.models[node],
        recorder.started_at,
        plan.subplan(node),
        sum(call.prompt_chars for call in answered or calls),
        answered_model=answered[-1].model if answered else None,
        prompt_tokens=prompt,
        output_tokens=output,
        cost_usd=total(call.cost_usd if call.counted else None for call in answered),
        latency_s=total(call.latency_s for call in answered),
        output=answered[-1].output if answered else None,
        error=None if answered else calls[-1].error,
        cached=bool(answered) and all(call.cached for call in answered),
        attempts=len(calls),
    )
