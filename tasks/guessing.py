"""Models that nobody described: what is guessed of them, and the two calls that say how fast they are.

Guesses are made anew for each session from what the server says; only the guessed quality lands for the refresh, so
that few judged answers do not stand alone. Speeds are observed in every run and need no guess after that.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from optiq.errors import InputError, OptiqError, UnknownName
from optiq.estimation.catalog import Catalog
from optiq.estimation.guesses import Probe
from optiq.files.atomic import replacing
from optiq.plans.plan import Plan
from optiq.prompts.prompt_set import ZERO_SHOT
from optiq.questions.question import Question
from optiq.servers import ModelServer
from optiq.servers.protocol import GenerateRequest, Generation
from optiq.statistics.snapshot import ANY_TASK, ANY_TOPIC, FIGURES, GUESS, ModelFigures, Statistics
from warehouse.home import Home, usable

if TYPE_CHECKING:
    from optiq.planning.pipeline import Planning

MOST_PROBED = 4
"""More models than this are probed only where somebody asks for it: each has to be loaded."""

_SHORT = "What is the capital of Italy?"
_LONG = (
    "Read the list and then name three of its rivers in one sentence: the Rhine, the Danube, the Elbe, the Oder, "
    "the Loire, the Ebro, the Po, the Tiber, the Thames, the Shannon, the Vistula, the Volga, the Don, the Dnieper, "
    "the Garonne, the Seine, the Rhone, the Douro, the Tagus, the Guadiana, the Neva and the Daugava."
)
_OUTPUT_TOKENS = 32
_READ_SHARE = 0.3
"""Of the time of an output token a prompt token takes, where a server tells only the whole time."""
_RATES = ("usd_per_prompt_token", "usd_per_output_token")


def read_probes(home: Home) -> dict[str, Probe]:
    """What probes showed so far, by model; none where the file is not there or is no such file."""
    try:
        found: dict[str, Any] = json.loads((home.path / "probes.json").read_text(encoding="utf-8"))
        return {name: _read(row) for name, row in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _read(row: Mapping[str, Any]) -> Probe:
    known: dict[str, Any] = {key: math.nan if value is None else value for key, value in row.items()}
    return Probe(**known)


def probe_models(home: Home, server: ModelServer, names: Sequence[str], timeout_s: float) -> dict[str, Probe]:
    """Two calls of each of ``names``, one after the other; keeps and returns what they showed.

    A model that does not answer is left out, with what the server said.

    Raises
    ------
    PerfDBError
        if the home cannot be written.
    """

    async def everything() -> dict[str, Probe]:
        try:
            return {name: found for name in names if (found := await _probe(server, name, timeout_s))}
        finally:
            await server.disconnect()

    import asyncio  # slow to import, and few sessions probe

    found = asyncio.run(everything())
    if found:
        known = read_probes(home) | found
        rows = {
            name: {key: None if value != value else value for key, value in asdict(probe).items()}
            for name, probe in sorted(known.items())
        }
        home.create()
        with usable(home), replacing(home.path / "probes.json") as temporary:
            temporary.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return found


async def _probe(server: ModelServer, name: str, timeout_s: float) -> Probe | None:
    """The second call counts: the first one may have loaded the model."""
    answers: list[Generation] = []
    for prompt in (ZERO_SHOT.ask(Question("probe", _SHORT)), _LONG):
        request = GenerateRequest(
            name, prompt, _OUTPUT_TOKENS, timeout_s=timeout_s, many_lines=prompt == _LONG
        )
        try:
            answers.append(await server.generate(request))
        except Exception:  # a reply that nobody can read is none: the model is left out
            return None
    last = answers[-1]
    output, whole = last.output_tokens, last.latency_s
    if not output or not whole:
        return None
    prompt_tokens = last.prompt_tokens or len(_LONG) / 4
    read = max(prompt_tokens - (last.cached_tokens or 0), 1)
    if last.prompt_s and last.output_s:
        # what the server does not count belongs to the call: it goes with the tokens
        lost = max(whole / (last.prompt_s + last.output_s), 1.0)
        prompt_s, output_s = last.prompt_s / read * lost, last.output_s / output * lost
    else:
        output_s = whole / (output + _READ_SHARE * read)
        prompt_s = _READ_SHARE * output_s
    chars = len(_LONG) / prompt_tokens if last.prompt_tokens else math.nan
    length = answers[0].output_tokens
    shown = math.nan if length is None else float(length)
    return Probe(name, prompt_s, output_s, chars, shown, f"{datetime.now(UTC):%Y-%m-%d}")


def guessed_prices(statistics: Statistics, asked: Iterable[tuple[Question, Plan]]) -> tuple[str, ...]:
    """The models of the plans whose price is a guess for their question, by name: no bill of theirs is a bound."""
    scopes = {
        (model, topic, question.kind)
        for question, plan in asked
        for model in plan.models
        for topic in question.topic_names or (ANY_TOPIC,)
    }
    guessed = {
        model
        for model, topic, kind in scopes
        if any(statistics.guessed(model, topic, kind, rate) for rate in _RATES)
    }
    return tuple(sorted(guessed))


def guessed_lengths(planning: Planning, asked: Iterable[tuple[Question, Plan]]) -> tuple[str, ...]:
    """The forms of answers, as they are called, whose length is guessed of a model of their plans."""
    scopes = {
        (question.kind, model, topic): question
        for question, plan in asked
        for model in plan.models
        for topic in question.topic_names or (ANY_TOPIC,)
    }
    guessed = {
        kind.shown
        for (kind, model, topic), question in scopes.items()
        if Catalog(planning.statistics, topic, kind, planning.shape(question), None).guesses_length(model)
    }
    return tuple(sorted(guessed))


def land_guesses(home: Home, known: Statistics, statistics: Statistics, names: Sequence[str]) -> None:
    """Land the guessed quality of ``names`` that PerfDB (``known``) knows nothing of, as a start for what is judged.

    In a home that cannot be written nothing lands.
    """
    from warehouse.ingestion.priors import PRIOR_COLUMNS, TASKS
    from warehouse.landing import land

    figures: list[ModelFigures] = []
    for name in sorted(set(names) - set(known.models)):
        figures += [
            row
            for task in TASKS
            if (row := statistics.giver(name, "*", task, "qoa")) is not None and GUESS in row.provenance
        ]
    if not figures:
        return
    frame = pl.DataFrame(
        {
            "model": [row.model for row in figures],
            "topic": [row.task for row in figures],
            "metric": ["qoa"] * len(figures),
            "value": [row.qoa for row in figures],
            "source": [row.provenance for row in figures],
            "as_of": [None] * len(figures),
            "row_number": list(range(1, len(figures) + 1)),
        },
        schema=PRIOR_COLUMNS,
    )
    try:
        land(home, "priors", frame, "guessed")
    except (OSError, OptiqError):
        return


def add_model(home: Home, name: str, figures: Mapping[str, float], like: str | None) -> int:
    """Land figures that a person gives of a model; with ``like`` all that is known of that one. How many landed.

    Raises
    ------
    InputError
        if nothing is given, ``like`` is not known, or a figure cannot be one.
    """
    from warehouse.ingest import ingest_priors
    from warehouse.statistics import load_statistics

    rows: list[dict[str, object]] = []
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    if like is not None:
        known = load_statistics(home.perfdb)
        found = [row for row in known.rows(like) if row.topic == ANY_TOPIC]
        if not found:
            raise UnknownName(
                f"PerfDB has no figures for {like!r}", f"Known models: {', '.join(known.models)}."
            )
        for row in found:
            values = {key: getattr(row, key) for key in FIGURES if not math.isnan(getattr(row, key))}
            rows.append({"model": name, "topic": row.task, **values, "source": f"as {like}, says a person"})
    if figures:
        rows.append({"model": name, "topic": ANY_TASK, **figures, "source": "given by a person"})
    if not rows:
        raise InputError(
            "no figure is given", "Give --usd-per-m-in and --usd-per-m-out, --qoa or --like MODEL."
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "models-add.jsonl"
        path.write_text("".join(json.dumps({**row, "as_of": today}) + "\n" for row in rows), encoding="utf-8")
        report = ingest_priors(home, [path])
    for reasons in report.reasons.values():
        raise InputError(f"{name}: {reasons[0].reason}", "Give a figure that can be one.")
    return report.n_landed
