"""FrugalGPT*: a learned cascade under a per-question budget (section 6.1).

A list of up to three models is asked in turn until a scorer believes the answer. The scorer is a ridge
regression on the model, how its answer looks and whether an earlier model said the same; list and threshold are
those that would have done best on the history within the limits.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from optiq.errors import InputError
from optiq.estimation.likeness import surface
from optiq.evaluation.outcomes import FloatArray, Outcomes
from optiq.evaluation.policies.affordable import Expected, fits
from optiq.evaluation.policies.votes import vote
from optiq.evaluation.replay import Decision, Held, Setting, observe

THRESHOLDS = (0.2, 0.35, 0.5, 0.65, 0.8)
LONGEST = 3
MODELS = 4
"""Lists are made of the four best models: their number grows with the cube."""

_UNSURE = ("i don't", "i do not", "not sure", "unknown", "cannot", "sorry", "unable", "no information")


class Cascade:
    """Ask models in turn until an answer is believed."""

    def learn(self, history: Outcomes, setting: Setting) -> None:
        if not history.answers:
            raise InputError("a cascade looks at answers, and the traces hold none", "Leave frugalgpt out.")
        self.setting, self.history = setting, history
        self.expected = Expected(history, setting, history.singles)
        quality = self.expected.qualities(history.questions)
        self.by_task: dict[str, tuple[tuple[int, ...], float]] = {}
        self._fit_scorer()
        held = Held(history)
        figures = self.expected.figures(history.questions)
        for task in sorted({asked.kind.task for asked in history.questions}):
            rows = [q for q, asked in enumerate(history.questions) if asked.kind.task == task]
            mean = quality[rows[0]]
            best = sorted(history.singles.tolist(), key=lambda p: (-mean[p], p))[:MODELS]
            cache = self._scores(held, rows, best)
            found = []
            for n in range(1, LONGEST + 1):
                for order in permutations(best, n):
                    for threshold in THRESHOLDS if n > 1 else THRESHOLDS[:1]:
                        made = [self._cascade(held, q, order, threshold, figures[q], cache) for q in rows]
                        outcome = np.array([observe(history, q, d) for q, d in zip(rows, made, strict=True)])
                        gain = np.nan_to_num(outcome[:, -1]).mean()
                        found.append((gain, -np.nan_to_num(outcome[:, 0]).mean(), order, float(threshold)))
            self.by_task[task] = max(found, key=lambda row: row[:2])[2:]

    def decide(self, held: Held) -> list[Decision]:
        figures = self.expected.figures(held.questions)
        found = []
        for q, asked in enumerate(held.questions):
            order, threshold = self.by_task.get(asked.kind.task, next(iter(self.by_task.values())))
            found.append(self._cascade(held, q, order, threshold, figures[q], {}))
        return found

    def _cascade(
        self,
        held: Held,
        q: int,
        order: tuple[int, ...],
        threshold: float,
        figures: FloatArray,
        cache: dict[tuple[int, int, int], float],
    ) -> Decision:
        called: list[int] = []
        believed: list[float] = []
        recorded = set(held.candidates(q).tolist())
        for p in order:
            rows = figures[[*called, p]]
            if p not in recorded or not fits(rows.sum(axis=0), self.setting.budget):
                continue
            earlier = called[-1] if called else -1
            if (q, p, earlier) not in cache:
                cache[q, p, earlier] = self._believe(held, q, p, earlier)
            called.append(p)
            believed.append(cache[q, p, earlier])
            if believed[-1] >= threshold:
                break
        if not called:
            return Decision(None)
        last = called[-1] if believed[-1] >= threshold else called[int(np.argmax(believed))]
        return Decision(last, tuple(called), in_turn=True)

    def _scores(self, held: Held, rows: list[int], best: list[int]) -> dict[tuple[int, int, int], float]:
        return {
            (q, p, earlier): self._believe(held, q, p, earlier)
            for q in rows
            for p in best
            for earlier in (-1, *best)
            if earlier != p
        }

    def _believe(self, held: Held, q: int, p: int, earlier: int) -> float:
        return float(self._looks(held, q, p, earlier) @ self._coefficients)

    def _looks(self, held: Held, q: int, p: int, earlier: int) -> FloatArray:
        asked = held.questions[q]
        answer = held.run(q, p).answer or ""
        said = vote(answer, asked.kind)
        before = vote(held.run(q, earlier).answer, asked.kind) if earlier >= 0 else None
        model = np.zeros(len(self._columns))
        if p in self._columns:
            model[self._columns[p]] = 1.0
        looks = [
            np.log1p(len(answer)),
            float(any(word in answer.casefold() for word in _UNSURE)),
            float(said is None),
            float(any(c.isdigit() for c in answer)),
            float(before is not None and said == before),
            float(before is not None and said != before),
            *surface(asked.text)[:3],
        ]
        task = float(asked.kind.task == "choice")
        return np.concatenate([model * (1 - task), model * task, looks])

    def _fit_scorer(self) -> None:
        """Ridge regression on every judged single answer, alone and after one other."""
        self._columns = {p: i for i, p in enumerate(self.history.singles.tolist())}
        held = Held(self.history)
        rows, target = [], []
        for q in range(len(self.history.questions)):
            able = [p for p in self.history.scored(q).tolist() if p in self._columns]
            for p in able:
                for earlier in (-1, *(o for o in able if o != p)):
                    rows.append(self._looks(held, q, p, earlier))
                    target.append(self.history.qoa[q, p])
        x, y = np.array(rows), np.array(target)
        self._coefficients: FloatArray = np.linalg.solve(x.T @ x + 5 * np.eye(x.shape[1]), x.T @ y)
