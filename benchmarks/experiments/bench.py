"""Where an experiment on live models runs: a home, a question file, and what it has spent."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from flows.flow_requests import AnswerQuestions
from optiq.errors import OptiqError
from optiq.questions.question import Question
from tasks.run_folder import RunFolder
from tasks.session import Session, open_session
from warehouse.home import Home


@dataclass
class Bench:
    """A home, a question file, and what was spent so far."""

    home: Home
    file: Path
    folder: Path
    questions: list[Question]
    common: dict[str, Any]
    max_total_cost_usd: float | None = None
    spent_usd: float = 0.0
    answers: dict[str, pl.DataFrame] = field(default_factory=dict)

    def session(self) -> Session:
        """What the product plans with."""
        given = {**self.common, "perfdb": str(self.home.path)}
        return open_session(AnswerQuestions(file=str(self.file), output="", **given).settings)

    def answer(self, name: str, perfdb: Home | None = None, **parameters: Any) -> pl.DataFrame:
        """The answers of one run of the product; ``name`` is that of its answers file."""
        from flows.answer_questions import answer_questions
        from flows.command_line.progress import progress
        from flows.command_line.screen import note
        from optiq.files.tables import read_table
        from tasks.orchestration import start

        path = self.folder / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        given = {**self.common, **parameters, "perfdb": str((perfdb or self.home).path)}
        if self.max_total_cost_usd is not None:
            given["max_total_cost"] = max(self.max_total_cost_usd - self.spent_usd, 0.0)
        note(f"== {name}")
        with progress():
            summary = start(answer_questions, file=str(self.file), output=str(path), **given)
        self.spent_usd += summary["cost_usd"] or 0.0
        table = read_table(path)
        # a question that a spending limit left over has a row in the answers, but none that is settled
        settled = RunFolder(perfdb or self.home, summary["run_id"]).rows().height
        if settled < summary["questions"]:
            told = table.filter(pl.col("status") != "answered")["error"].drop_nulls()
            reason = summary["stopped"] or (told[0] if len(told) else "unfinished")
            raise OptiqError(
                f"{name} is not done: {reason} ({self.spent_usd:.3g} USD spent in all)",
                "The same command goes on; a limit on what it may spend has to be higher.",
            )
        self.answers[name] = table
        return table
