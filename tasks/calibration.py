"""A calibration in this process: what was asked for, what may be tried, what has been learned so far."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optiq.calibration import calibration_plans
from optiq.calibration.learner import Learner, Standing
from optiq.configuration import Settings
from optiq.errors import InputError
from optiq.execution import Predicted, Shared, Work
from optiq.execution.ledger import Ledger
from optiq.plans.plan import Plan
from optiq.questions.metric import COST, ENERGY, METRICS
from optiq.questions.question import Budget, Question
from optiq.questions.question_file import read_questions
from tasks.account import Account
from tasks.answers import executor_of
from tasks.run_state import open_responses, show
from tasks.session import Session, new_run_id, open_session
from tasks.tally import Tally
from tasks.trials import landed_answers, landed_outcomes, open_learner
from warehouse.executed import executed_plans

_COST, _ENERGY = METRICS.index(COST), METRICS.index(ENERGY)
ROUNDS = 8
"""So often the outcomes are looked at before the rest is chosen, if a limit says how much may be run."""

_LEAST_ROUND = 8


@dataclass(frozen=True)
class CalibrationRequest:
    """What `optiq calibrate` was asked for. Limits are None where there is none."""

    file: str
    settings: Settings
    budget: Budget = field(default_factory=Budget)
    topic: str | None = None
    plans: tuple[str, ...] = ()
    per_question: int | None = None
    singles_only: bool = False
    cache: bool = True
    max_executions: int | None = None
    max_total_cost_usd: float | None = None
    max_total_energy_j: float | None = None
    label: str | None = None

    def same(self) -> dict[str, Any]:
        """What tells this calibration from others, whatever it may spend."""
        names = ("budget", "topic", "plans", "per_question", "singles_only", "max_executions")
        settings = {
            "models": self.settings.models,
            "seed": self.settings.seed,
            "server": self.settings.server,
        }
        return {name: getattr(self, name) for name in names} | settings


@dataclass
class Calibration:
    """The state of one calibration. ``work`` holds the questions in the learner's order."""

    run_id: str
    wanted: CalibrationRequest
    session: Session
    questions: list[Question]
    learner: Learner
    skipped: int
    without_reference: int
    before: list[Standing]
    shared: Shared
    tally: Tally
    started: float = field(default_factory=time.time)
    begun: int = 0
    rounds: int = 0
    counts: dict[str, float] = field(default_factory=dict)
    tried: list[int] = field(default_factory=list)
    over_limit: str | None = None
    too_dear: dict[int, str] = field(default_factory=dict)
    """Arms of which one execution may take more than is left of a total, with the reason."""
    account: Account | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    unlabelled: bool = False
    answers: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of questions without references, by question_id what each model said."""

    @property
    def left(self) -> int:
        """How many executions may still be run."""
        possible = int(self.learner.left.sum())
        most = self.wanted.max_executions
        return possible if most is None else max(min(most - self.begun, possible), 0)

    def next_round(self) -> list[int]:
        """Places of the executions to run next; empty when all is done or a limit is reached."""
        if self.shared.control.stopping or self.over_limit or not self.left:
            return []
        per_question = self.wanted.per_question
        size = min(self._round_size(), self.left)
        chosen = self.learner.next_batch(size, *self._limits(), per_question)
        if not chosen and self.too_dear:
            self.over_limit = next(iter(self.too_dear.values()))
        self.learner.begun(chosen)
        if per_question is not None:
            self._close_full_questions(per_question)
        self.begun += len(chosen)
        self.rounds += bool(chosen)
        return chosen

    def work(self, places: Sequence[int]) -> list[Work]:
        """The executions at ``places``, with what is expected of them."""
        trials, figures = self.learner.trials, self.learner.figures()
        found = []
        for arm, question in trials.pairs[list(places)].tolist():
            expected = [None if math.isnan(value) else float(value) for value in figures[arm]]
            found.append(Work(self.questions[question], self.learner.plan(arm), Predicted(*expected)))
        return found

    def _round_size(self) -> int:
        most = 2 * self.wanted.settings.chunk_size
        if not self.limited:
            return most
        expected = float(self.left)
        figures = self.learner.figures()
        spent = self.shared.ledger.spent
        for limit, gone, column in (
            (self.wanted.max_total_cost_usd, spent.cost_usd, _COST),
            (self.wanted.max_total_energy_j, spent.energy_j, _ENERGY),
        ):
            known = figures[~np.isnan(figures[:, column]), column]
            if limit is not None and len(known) and known.mean() > 0:
                expected = min(expected, (limit - gone) / float(known.mean()))
        asked = self.wanted.max_executions
        share = (expected + self.begun if asked is None else min(asked, expected + self.begun)) / ROUNDS
        return int(min(max(share, _LEAST_ROUND), most))

    @property
    def limited(self) -> bool:
        """Whether not everything is to be run."""
        wanted = self.wanted
        limits = (wanted.max_executions, wanted.max_total_cost_usd, wanted.max_total_energy_j)
        return any(limit is not None for limit in limits)

    def _limits(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Which arms may be run at all, and what each takes of the total limit that is set (cost first)."""
        wanted, figures = self.wanted, self.learner.figures()
        allowed, spend = np.ones(len(figures), dtype=bool), None
        spent = self.shared.ledger.spent
        for limit, gone, column in (
            (wanted.max_total_energy_j, spent.energy_j, _ENERGY),
            (wanted.max_total_cost_usd, spent.cost_usd, _COST),
        ):
            if limit is not None:
                allowed &= ~np.isnan(figures[:, column]) & (gone < limit)
                spend = np.nan_to_num(figures[:, column], nan=math.inf)
        allowed[list(self.too_dear)] = False
        return allowed, spend

    def _close_full_questions(self, per_question: int) -> None:
        """Leave out what is left of questions on which enough plans have begun."""
        pairs = self.learner.trials.pairs
        begun = np.bincount(pairs[~self.learner.left, 1], minlength=len(self.questions))
        self.learner.forget(np.flatnonzero(begun[pairs[:, 1]] >= per_question).tolist())


def open_calibration_state(wanted: CalibrationRequest) -> Calibration:
    """Read the labelled questions and settle what may be tried, leaving out what was run before.

    Where no question has a reference, single models are tried on all: their agreement says how good they are.

    Raises
    ------
    InputError
        if there is no question, or total limits are set and no model in reach has a price.
    """
    asked = read_questions(wanted.file, wanted.budget, wanted.settings.reading)
    if wanted.topic is not None:
        asked = asked.with_topic(wanted.topic)
    labelled = [question for question in asked.questions if question.reference is not None]
    unlabelled = not labelled
    if unlabelled:  # what models make of the same questions says how good they are
        labelled = list(asked.questions)
        if not labelled:
            raise InputError(f"{wanted.file} has no question", "Fill the column `question`.")
    given = [Plan.parse(plan) for plan in wanted.plans]
    session = open_session(wanted.settings, plans=given, executes=True)
    questions = session.with_topics(labelled)
    if given:
        plans = [session.names.own_plan(plan) for plan in given]
    else:
        operations = 1 if wanted.singles_only or unlabelled else wanted.settings.max_operations
        plans = calibration_plans(session.planning.pool, session.planning.blender, operations)
    done = executed_plans(session.home, [question.text for question in questions])
    learner = open_learner(
        session, questions, [plans] * len(questions), landed_outcomes(session.home, questions)
    )
    pairs = learner.trials.pairs
    known = [
        place
        for place, (arm, question) in enumerate(pairs.tolist())
        if (questions[question].text, learner.plan(arm).key) in done
    ]
    learner.begun(known)
    _check_prices(wanted, learner)
    ledger = Ledger(wanted.max_total_cost_usd, wanted.max_total_energy_j)
    tally = Tally(0, 0, ledger, wanted.max_total_cost_usd, wanted.max_total_energy_j)
    found = Calibration(
        new_run_id(),
        wanted,
        session,
        questions,
        learner,
        len(known),
        len(asked.rows) - len(labelled),
        learner.standings(),
        Shared(ledger=ledger, observer=tally),
        tally,
        unlabelled=unlabelled,
    )
    if unlabelled:
        found.answers.update(landed_answers(session.home, questions))
    if wanted.per_question is not None:
        found._close_full_questions(wanted.per_question)
    return found


def begin(calibration: Calibration) -> None:
    """Open cache and ledger and show the calibration to who watches; known from now on by its ``run_id``.

    :class:`~optiq.errors.InputError` if another process is at the same calibration.
    """
    calibration.session.land_guesses()
    wanted = calibration.wanted
    limits = wanted.max_total_cost_usd, wanted.max_total_energy_j
    account = Account(calibration.session.home, "calibration", wanted.file, wanted.same(), *limits)
    calibration.account, calibration.shared.ledger = account, account.ledger
    if calibration.wanted.cache:
        calibration.shared.responses = open_responses(calibration.session.home)
    calibration.tally = Tally(calibration.left, 0, calibration.shared.ledger, *limits)
    calibration.shared.observer = calibration.tally
    _open[calibration.run_id] = calibration
    show(calibration.tally)


def state_of(run_id: str) -> Calibration:
    """A calibration that was begun in this process."""
    return _open[run_id]


def close(run_id: str, *, ended: bool = False) -> None:
    """The session is over: give everything back. Does nothing the second time.

    ``ended``: it was not interrupted, and the same command would be another calibration.
    """
    calibration = _open.pop(run_id, None)
    if calibration is not None:
        calibration.tally.finish()
        if calibration.shared.responses is not None:
            calibration.shared.responses.close()
        if calibration.account is not None:
            calibration.account.close(ended=ended)


_open: dict[str, Calibration] = {}


def most_usd(calibration: Calibration, places: Sequence[int]) -> float:
    """What output caps allow ``places`` to cost at the very most; NaN if a price is unknown."""
    executor = executor_of(calibration.session, calibration.run_id, Shared())
    known: dict[tuple[int, int], float] = {}
    for work, pair in zip(
        calibration.work(places), calibration.learner.trials.pairs[list(places)].tolist(), strict=True
    ):
        known[pair[0], pair[1]] = executor.most(work).cost_usd
    return math.fsum(known.values())


def _check_prices(wanted: CalibrationRequest, learner: Learner) -> None:
    figures = learner.trials.predicted
    for limit, column, flag, what in (
        (wanted.max_total_cost_usd, _COST, "--max-total-cost", "price"),
        (wanted.max_total_energy_j, _ENERGY, "--max-total-energy", "energy"),
    ):
        if limit is not None and len(figures) and np.isnan(figures[:, column]).all():
            raise InputError(
                f"{flag} is set, and the {what} of every plan is unknown",
                "Add figures with `optiq ingest priors FILE`, or limit --max-executions instead.",
            )
