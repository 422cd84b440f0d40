"""LM proposal: a language model names a shortlist; only that is run (AgentOpt, section 5.2)."""

from __future__ import annotations

import json

from optiq.errors import InputError, OptiqError
from optiq.selection.evidence import Evidence, Run
from optiq.selection.methods.base import Method
from optiq.selection.protocol import Problem


class LMProposal(Method):
    """Asks the problem's advisor for up to ``shortlist`` combinations and evaluates them in full.

    What it knows of models may not hold for roles: of 81 combinations for HotpotQA the published run chose one
    with 34 % where 74 % was to be had.
    """

    name = "lm-proposal"

    def __init__(self, problem: Problem, shortlist: int = 3) -> None:
        super().__init__(problem)
        if problem.advisor is None:
            raise InputError(
                "lm-proposal needs a language model to ask",
                "Name one with --advisor, or choose another method.",
            )
        if shortlist < 1:
            raise InputError(f"shortlist is {shortlist}", "Give a whole number from 1 up.")
        self.shortlist = int(shortlist)
        self._proposed: list[int] | None = None

    def ask(self, evidence: Evidence) -> list[Run]:
        """The shortlist, asked for once."""
        if self._proposed is None:
            self._proposed = self._propose()
        return self.fresh(evidence, self._proposed, self.problem.order)

    def prompt(self) -> str:
        """What the advisor is asked."""
        space = self.space
        roles = "\n".join(
            f"- {role}: {', '.join(models)}"
            for role, models in zip(space.roles, space.candidates, strict=True)
        )
        example = json.dumps([dict(zip(space.roles, space.combinations[0], strict=True))])
        return (
            f"An agent has these roles; each takes one of the models named after it.\n{roles}\n"
            f"Task: {self.problem.task or 'not described'}\nGoal: {self.problem.objective.describe()}\n"
            f"Propose up to {self.shortlist} assignments that are worth testing, the most promising first. "
            f"Answer with a JSON list of objects only, such as {example}"
        )

    def _propose(self) -> list[int]:
        assert self.problem.advisor is not None
        answer = self.problem.advisor(self.prompt())
        found = [place for item in _objects_in(answer) if (place := self._place(item)) is not None]
        chosen = list(dict.fromkeys(found))[: self.shortlist]
        if not chosen:
            raise OptiqError(
                f"the advisor proposed no combination that exists; it said {answer[:120]!r}",
                "Ask a stronger model with --advisor, or choose another method.",
            )
        return chosen

    def _place(self, item: object) -> int | None:
        if not isinstance(item, dict):
            return None
        return self.space.places.get(tuple(str(item.get(role)) for role in self.space.roles))


def _objects_in(text: str) -> list[object]:
    """All JSON objects in ``text``, wherever they stand in it."""
    found: list[object] = []
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        try:
            item, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            at += 1
            continue
        found.append(item)
        at = end
    return found
