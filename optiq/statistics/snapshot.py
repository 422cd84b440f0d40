"""What an estimator knows: figures of single models and records of measured plans (PerfDB, section 3.2).

A :class:`Statistics` is one published snapshot, read once and never changed. Figures that are not known are
NaN. What cannot be a figure is mended here, once, with an :class:`~optiq.errors.OptiqWarning` that names it:
a QoA outside 0 to 1 is clipped, a negative or infinite figure counts as missing.
"""

from __future__ import annotations

import datetime
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from optiq.errors import InputError, OptiqWarning
from optiq.plans.plan import Plan
from optiq.questions.question import NEXT_TASK, TASKS, Kind
from optiq.statistics.price_steps import PriceStep, dearest, depends, in_force, last_change

NAN = math.nan
ANY_TOPIC = "*"
ANY_TASK = "*"
GUESS = "guess: "
"""How the provenance of a figure begins that nobody gave or measured."""
_TASKS_AS_TOPICS = ("open", "choice")
"""Tasks that figures of old say in the place of the topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFigures:
    """Rates and expectations of one model on one topic and task (``*``: any of them); NaN is unknown.

    A task in the place of the topic is read as that task on any topic. An unknown ``usd_per_call`` counts as
    no fixed part, an unknown ``usd_per_cached_prompt_token`` is that of any prompt token. Plans are estimated without
    it, as nobody knows what a cache will hold; bills are made with it. ``provenance`` reads like ``prior: models.dev``
    or ``observed n=12``. Where the price depends on the length of the prompt, the hour or the day, ``price_steps`` say
    how, and the rates in USD are those of the dearest hour and a short prompt.
    """

    model: str
    topic: str = ANY_TOPIC
    task: str = ANY_TASK
    usd_per_call: float = NAN
    usd_per_prompt_token: float = NAN
    usd_per_cached_prompt_token: float = NAN
    usd_per_output_token: float = NAN
    seconds_per_prompt_token: float = NAN
    seconds_per_output_token: float = NAN
    joules_per_prompt_token: float = NAN
    joules_per_output_token: float = NAN
    output_tokens: float = NAN
    chars_per_token: float = NAN
    qoa: float = NAN
    n_observations: int = 0
    provenance: str = ""
    price_steps: tuple[PriceStep, ...] = ()

    def priced(self, prompt_tokens: float | None, when: datetime.datetime) -> ModelFigures:
        """With the rates in USD of a call with so many tokens of prompt at that moment."""
        if not self.price_steps:
            return self
        step = in_force(self.price_steps, when, prompt_tokens or 0)
        return replace(self, price_steps=(), **(step.rates if step else {}))

    def dearest(self, prompt_tokens: float, when: datetime.datetime) -> ModelFigures:
        """With the highest rates in USD that a call with up to so many tokens of prompt may have from ``when`` on."""
        if not self.price_steps:
            return self
        return replace(self, price_steps=(), **dearest(self.price_steps, when, prompt_tokens))


FIGURES = tuple(f.name for f in fields(ModelFigures) if f.type == "float")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The measured means of one plan on one topic and task; NaN is not measured.

    ``task`` is ``open``, ``choice`` or, for published means that do not say it, ``*``. ``n_questions`` counts the
    distinct questions behind the QoA (0: not known). ``mean_question_chars`` is the mean length of the questions
    behind it (characters), NaN if unknown;
    the ``var_…`` are the variances of single executions (of a metric in its unit squared).
    """

    plan: Plan
    topic: str
    task: str = ANY_TASK
    n_observations: int = 1
    n_questions: int = 0
    cost_usd: float = NAN
    latency_s: float = NAN
    energy_j: float = NAN
    qoa: float = NAN
    output_tokens: float = NAN
    mean_question_chars: float = NAN
    var_question_chars: float = NAN
    var_cost_usd: float = NAN
    var_latency_s: float = NAN
    var_energy_j: float = NAN
    var_qoa: float = NAN
    provenance: str = ""

    @property
    def files(self) -> str:
        """`` from a.jsonl`` if it was observed in files that a person gave, else nothing."""
        _, said, files = self.provenance.partition(", from ")
        return f" from {files}" if said else ""


RECORDED = tuple(f.name for f in fields(Record) if f.type == "float")


class Statistics:
    """One snapshot of PerfDB. Make it with :meth:`build`; it is not changed afterwards.

    ``snapshot_id`` names it; ``models`` are all models with figures or single-model records, ``topics`` all
    topics by name, both sorted. ``prices_at`` is the moment whose prices plans are estimated by (None: now).
    """

    def __init__(
        self,
        snapshot_id: str,
        figures: Mapping[tuple[str, str, str], ModelFigures],
        records: Mapping[tuple[str, str], Mapping[str, Record]],
        prices_at: datetime.datetime | None = None,
    ) -> None:
        self.snapshot_id = snapshot_id
        self.prices_at = prices_at
        self._figures = dict(figures)
        self._records = {scope: dict(rows) for scope, rows in records.items()}
        singles = {
            r.plan.models[0] for rows in self._records.values() for r in rows.values() if r.plan.k == 1
        }
        named = {topic for _, topic, _ in self._figures} | {topic for topic, _ in self._records}
        self.models: tuple[str, ...] = tuple(sorted({model for model, _, _ in self._figures} | singles))
        self.topics: tuple[str, ...] = tuple(sorted(named - {ANY_TOPIC, "", *_TASKS_AS_TOPICS}))
        self.known_topics: frozenset[str] = frozenset({*self.topics, ANY_TOPIC})
        self._guesses: dict[tuple[str, str], list[ModelFigures]] = {}
        self.derived: dict[object, Any] = {}
        """What estimators worked out from this snapshot; it lives as long, and is not pickled."""

    @classmethod
    def build(
        cls, snapshot_id: str, figures: Iterable[ModelFigures], records: Iterable[Record]
    ) -> Statistics:
        """Check, mend and index ``figures`` and ``records``.

        Rows for the same model, topic and task complete each other, the one on more observations first; records
        of the same plan, topic and task are pooled by their numbers of observations. Warns (:class:`OptiqWarning`) of
        what had to be mended.
        """
        faults: dict[str, list[str]] = {}
        by_model: dict[tuple[str, str, str], list[ModelFigures]] = {}
        for row in figures:
            mended = _mend_figures(row, faults)
            by_model.setdefault((mended.model, mended.topic, mended.task), []).append(mended)
        by_plan: dict[tuple[str, str], dict[str, list[Record]]] = {}
        stepped = {row.model for rows in by_model.values() for row in rows if row.price_steps}
        for record in records:
            fine = _mend_record(record, faults)
            if stepped and any(name.partition("+")[0] in stepped for name in fine.plan.models):
                fine = replace(fine, cost_usd=NAN, var_cost_usd=NAN)  # paid at other prices than today's
            by_plan.setdefault((fine.topic, fine.task), {}).setdefault(fine.plan.key, []).append(fine)
        _warn(faults)
        return cls(
            snapshot_id,
            {key: _complete(sorted(rows, key=_most_observed)) for key, rows in sorted(by_model.items())},
            {
                scope: {key: _pool(rows[key]) for key in sorted(rows)}
                for scope, rows in sorted(by_plan.items())
            },
        )

    def rows(self, model: str) -> list[ModelFigures]:
        """The rows of figures of ``model``, one per topic and task that has any, in their order."""
        if "rows" not in self.derived:
            found: dict[str, list[ModelFigures]] = {}
            for row in self._figures.values():
                found.setdefault(row.model, []).append(row)
            self.derived["rows"] = found
        return list(self.derived["rows"].get(model, ()))

    def at(self, when: datetime.datetime) -> Statistics:
        """The same snapshot with the prices that hold at ``when``."""
        found = Statistics(self.snapshot_id, self._figures, self._records, when)
        return found.with_guesses(row for rows in self._guesses.values() for row in rows)

    def price_change(self, when: datetime.datetime) -> datetime.datetime | None:
        """When a price last changed by its hours or days, up to ``when``; None if none ever does."""
        timed = [step for row in self._figures.values() for step in row.price_steps if step.timed]
        return last_change(timed, when) if timed else None

    def records_of(self, key: str) -> list[Record]:
        """The records of the plan with that key, one per topic and task that has one."""
        return [rows[key] for rows in self._records.values() if key in rows]

    def with_rows(self, rows: Iterable[ModelFigures]) -> Statistics:
        """The same snapshot with ``rows`` in the place of those of the same model, topic and task."""
        given = {(row.model, row.topic, row.task): row for row in rows}
        found = Statistics(
            self.snapshot_id, dict(sorted((self._figures | given).items())), self._records, self.prices_at
        )
        return found.with_guesses(row for rows in self._guesses.values() for row in rows)

    def with_guesses(self, rows: Iterable[ModelFigures]) -> Statistics:
        """The same snapshot with guesses (any topic) where there is no figure; of several the first."""
        found = Statistics(self.snapshot_id, self._figures, self._records, self.prices_at)
        found._guesses = {scope: list(known) for scope, known in self._guesses.items()}
        for row in rows:
            found._guesses.setdefault((row.model, row.task), []).append(row)
        found.models = tuple(sorted({*self.models, *(model for model, _ in found._guesses)}))
        return found

    def guessed(self, model: str, topic: str, kind: Kind | str, name: str) -> bool:
        """Whether the figure called ``name`` is a guess, with nothing observed of it."""
        giver = self.giver(model, topic, kind, name)
        return giver is not None and is_guess(giver, name)

    def usual_length(self, model: str, kind: Kind | str) -> float:
        """The output tokens that are guessed of answers of this form; NaN where nobody guessed."""
        giver = _giver(self._guesses.get((model, _task(kind)), ()), "output_tokens")
        return NAN if giver is None else giver.output_tokens

    def figures(self, model: str, topic: str, kind: Kind | str) -> ModelFigures:
        """The figures of ``model``, each from the first row that has it.

        Rows are asked in this order: topic and task, topic (of any task), task (on any topic), any; guesses. After each
        task comes the one whose figures stand in for it.

        An unknown model has no figure (all NaN, ``n_observations`` 0). ``n_observations`` is that of the
        first row that gave anything.
        """
        rows = self._rows(model, topic, kind)
        merged = _complete(rows) if rows else ModelFigures(model=model, topic=topic)
        return replace(merged, topic=topic)

    def source(self, model: str, topic: str, kind: Kind | str, names: Iterable[str]) -> str:
        """Where the figures called ``names`` come from: the provenance of the rows that give them."""
        found: list[str] = []
        rows = self._rows(model, topic, kind)
        for name in names:
            giver = _giver(rows, name)
            if giver and (told := _told_of(giver, name)) and told not in found:
                found.append(told)
        return "; ".join(found)

    def giver(self, model: str, topic: str, kind: Kind | str, name: str) -> ModelFigures | None:
        """The row that the figure called ``name`` comes from; None if it is unknown."""
        return _giver(self._rows(model, topic, kind), name)

    def records(self, topic: str, kind: Kind | str | None = None) -> Mapping[str, Record]:
        """The records of ``topic`` by plan_key, in key order; empty for a topic that nobody knows.

        For questions of a ``kind``: of each plan the record of its task, else the one that says no task. The
        record of another task does not stand in, facts for figures aside: choosing an option is another skill than
        writing an answer. Without a kind the records of all tasks are pooled, one that says no task counting only if
        it is alone.
        """
        key = "records", topic, "" if kind is None else _task(kind)
        if key not in self.derived:
            rows = dict(self._records.get((topic, ANY_TASK), {}))
            if kind is not None:
                task = _task(kind)
                for said in filter(None, (NEXT_TASK.get(task), task)):
                    rows |= self._records.get((topic, said), {})
            else:
                together: dict[str, list[Record]] = {}
                for each in TASKS:
                    for name, record in self._records.get((topic, each), {}).items():
                        together.setdefault(name, []).append(record)
                rows |= {name: _pool(found) for name, found in together.items()}
            self.derived[key] = {name: rows[name] for name in sorted(rows)}
        return MappingProxyType(self.derived[key])

    def _rows(self, model: str, topic: str, kind: Kind | str) -> list[ModelFigures]:
        task = _task(kind)
        topics = dict.fromkeys([topic or ANY_TOPIC, ANY_TOPIC])
        tasks = [task, *filter(None, [NEXT_TASK.get(task)]), ANY_TASK]
        scopes = [(name, said) for name in topics for said in tasks]
        rows = [row for scope in scopes if (row := self._figures.get((model, *scope)))]
        if self._guesses:
            rows += [row for said in tasks for row in self._guesses.get((model, said), ())]
        return rows

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "derived": {}}

    def __repr__(self) -> str:
        count = sum(map(len, self._records.values()))
        return (
            f"Statistics({self.snapshot_id!r}: {len(self.models)} models, {len(self.topics)} topics, "
            f"{count} records)"
        )


def _task(kind: Kind | str) -> str:
    return kind.task if isinstance(kind, Kind) else Kind(kind).task


def is_guess(row: ModelFigures, name: str) -> bool:
    """Whether the figure called ``name`` of a row is a guess, with nothing observed of it."""
    return _told_of(row, name).removeprefix("prior: ").startswith(GUESS)


def _told_of(row: ModelFigures, name: str) -> str:
    """The provenance of one figure: that of a row may be several, each with the figures that it is of in brackets."""
    for part in row.provenance.split("); "):
        told, _, of = part.rpartition(" (")
        if name in of.rstrip(")").split(", "):
            return told
    return row.provenance


def _giver(rows: Iterable[ModelFigures], name: str) -> ModelFigures | None:
    return next((row for row in rows if not math.isnan(getattr(row, name))), None)


def _most_observed(row: ModelFigures) -> tuple[int, str]:
    return -row.n_observations, row.provenance


def _complete(rows: list[ModelFigures]) -> ModelFigures:
    """The first row with its gaps filled from the later ones."""
    values: dict[str, Any] = {
        name: next((v for row in rows if not math.isnan(v := getattr(row, name))), NAN) for name in FIGURES
    }
    provenance = "; ".join(dict.fromkeys(row.provenance for row in rows if row.provenance))
    priced = _giver(rows, "usd_per_prompt_token")
    steps = priced.price_steps if priced and depends(priced.price_steps) else ()
    return replace(rows[0], provenance=provenance, price_steps=steps, **values)


def _pool(rows: list[Record]) -> Record:
    """One record for several of the same plan and topic: means weighted by observations, the first's task."""
    if len(rows) == 1:
        return rows[0]
    values: dict[str, Any] = {}
    for name in RECORDED:
        known = [(max(row.n_observations, 1), getattr(row, name)) for row in rows]
        known = [(n, value) for n, value in known if not math.isnan(value)]
        total = sum(n for n, _ in known)
        values[name] = math.fsum(n * value for n, value in known) / total if known else NAN
    return replace(
        rows[0],
        n_observations=sum(row.n_observations for row in rows),
        n_questions=sum(row.n_questions for row in rows),
        provenance="; ".join(dict.fromkeys(row.provenance for row in rows if row.provenance)),
        **values,
    )


def _mend_figures(row: ModelFigures, faults: dict[str, list[str]]) -> ModelFigures:
    if not isinstance(row.model, str) or not row.model:
        raise InputError(f"figures for the model {row.model!r}", "Name the model.")
    where = f"{row.model} on {row.topic}"
    changed: dict[str, Any] = {name: _mend(getattr(row, name), name, where, faults) for name in FIGURES}
    if changed["chars_per_token"] == 0:
        faults.setdefault("chars_per_token 0 counts as missing", []).append(where)
        changed["chars_per_token"] = NAN
    if row.topic in _TASKS_AS_TOPICS and row.task == ANY_TASK:
        changed |= {"topic": ANY_TOPIC, "task": row.topic}
    return replace(row, n_observations=max(int(row.n_observations), 0), **changed)


def _mend_record(record: Record, faults: dict[str, list[str]]) -> Record:
    given = [getattr(record, name) for name in RECORDED]
    if record.n_observations >= 0 and all(map(_is_fine, given)) and not record.qoa > 1:
        return record  # nearly all are fine, and copying each would take most of the time
    where = f"plan {record.plan.key} on {record.topic}"
    changed: dict[str, Any] = {
        name: _mend(value, name, where, faults) for name, value in zip(RECORDED, given, strict=True)
    }
    return replace(record, n_observations=max(int(record.n_observations), 0), **changed)


def _is_fine(value: float | None) -> bool:
    """Whether ``value`` is a float that is not known, or finite and not negative."""
    return type(value) is float and (value != value or 0 <= value < math.inf)


def _mend(value: float | None, name: str, where: str, faults: dict[str, list[str]]) -> float:
    number = NAN if value is None else float(value)
    if math.isnan(number):
        return NAN
    if name == "qoa" and not 0 <= number <= 1 and math.isfinite(number):
        faults.setdefault("qoa outside 0 to 1 is clipped", []).append(f"{where} ({number:g})")
        return min(max(number, 0.0), 1.0)
    if number < 0 or math.isinf(number):
        faults.setdefault(f"negative or infinite {name} counts as missing", []).append(
            f"{where} ({number:g})"
        )
        return NAN
    return number


def _warn(faults: dict[str, list[str]]) -> None:
    for fault, places in faults.items():
        shown = ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
        warnings.warn(f"{fault}: {shown}", OptiqWarning, stacklevel=3)
