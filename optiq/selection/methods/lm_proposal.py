"""LM proposal: a language model names a shortlist; only that is run (AgentOpt, section 5.2)."""

from __future__ import annotations

import json

import numpy as np

from optiq.errors import InputError, OptiqError
from optiq.selection.evidence import Evidence, Run
from optiq.selection.methods.base import Method
from optiq.selection.protocol import Problem


class LMProposal(Method):
    """Asks the problem's advisor for up to ``shortlist`` combinations and evaluates them in full, ``rounds`` times.

    It is told what the roles are asked, what models cost, what earlier selections and the rounds before have found.

    What it knows of models may not hold for roles: of 81 combinations for HotpotQA the published run chose one
    with 34 % where 74 % was to be had.
    """

    name = "lm-proposal"

    def __init__(self, problem: Problem, shortlist: int = 3, rounds: int = 1) -> None:
        super().__init__(problem)
        if problem.advisor is None:
            raise InputError(
                "lm-proposal needs a language model to ask",
                "Name one with --advisor, or choose another method.",
            )
        if shortlist < 1 or rounds < 1:
            raise InputError(f"shortlist {shortlist}, rounds {rounds}", "Give whole numbers from 1 up.")
        self.shortlist, self.rounds = int(shortlist), int(rounds)
        self._proposed: list[int] = []
        self._asked = 0

    def ask(self, evidence: Evidence) -> list[Run]:
        """The shortlists, each asked for once."""
        while True:
            if runs := self.fresh(evidence, self._proposed, self.problem.order):
                return runs
            if self._asked == self.rounds:
                return []
            self._asked += 1
            self._proposed += self._propose(evidence)

    def prompt(self, evidence: Evidence) -> str:
        """What the advisor is asked."""
        space, known = self.space, self.problem.known
        roles = "\n".join(
            f"- {role}: {', '.join(models)}"
            for role, models in zip(space.roles, space.candidates, strict=True)
        )
        example = json.dumps([dict(zip(space.roles, space.combinations[0], strict=True))])
        told = []
        if known is not None:
            told += [f"Role {name} {text}" for name, text in known.roles.items()]
            told += [f"Model {name}: {text}" for name, text in known.models.items()]
            told += [f"Found earlier: {line}" for line in known.past]
        told += [f"Found now: {line}" for line in self._results(evidence)]
        return (
            f"An agent has these roles; each takes one of the models named after it.\n{roles}\n"
            f"Task: {self.problem.task or 'not described'}\nGoal: {self.problem.objective.describe()}\n"
            + "".join(f"{line}\n" for line in told)
            + f"Propose up to {self.shortlist} assignments that are worth testing, the most promising first. "
            f"Answer with a JSON list of objects only, such as {example}"
        )

    def _results(self, evidence: Evidence) -> list[str]:
        """What was run of combinations so far."""
        lines = []
        for place in np.flatnonzero(evidence.counts).tolist():
            cost, latency = evidence.mean_cost_usd[place], evidence.mean_latency_s[place]
            lines.append(
                f"{self.space.describe(place)}: accuracy {evidence.accuracy[place]:.2f} on "
                f"{evidence.counts[place]} examples"
                + ("" if np.isnan(cost) else f", {cost:.3g} USD")
                + ("" if np.isnan(latency) else f", {latency:.3g} s")
            )
        return lines

    def _propose(self, evidence: Evidence) -> list[int]:
        assert self.problem.advisor is not None
        answer = self.problem.advisor(self.prompt(evidence))
        found = [place for item in _objects_in(answer) if (place := self._place(item)) is not None]
        new = [place for place in dict.fromkeys(found) if place not in self._proposed]
        chosen = new[: self.shortlist]
        if not chosen and not self._proposed:
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
