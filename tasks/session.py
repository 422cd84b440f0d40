"""What an interactive command or a chunk of a batch works with: statistics, server, pool, topics.

No Prefect here: `optiq plan` and `optiq ask` use it as it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from optiq.configuration import Settings
from optiq.estimation.estimator import Estimator, make_estimator
from optiq.estimation.looks import Looks
from optiq.estimation.past_questions import QuestionFigures
from optiq.estimation.variant_figures import with_variants
from optiq.planning import Planning, choose_blender, choose_pool, topic_fault
from optiq.plans.plan import Plan
from optiq.prompts.variants import Variant
from optiq.questions.question import Question
from optiq.servers import ModelServer, open_server
from optiq.statistics.snapshot import Statistics
from tasks.operators import Names, operators_of
from tasks.prompting import check_examples
from tasks.recommending import recommended_pool, recommended_size
from warehouse.find_home import find_home
from warehouse.home import Home
from warehouse.neighbours import load_looks, load_past_questions
from warehouse.statistics import load_statistics as read_statistics
from warehouse.topics import load_topic_model

if TYPE_CHECKING:
    from optiq.text.topics import TopicModel
    from optiq.text.topics.bertopic import SupervisedBertopic


@lru_cache(maxsize=8)
def shared_server(
    name: str, url: str | None, genfuser: str | None = None, energy: str = "predicted"
) -> ModelServer:
    """The process's one client of a model server, so that its limits hold everywhere.

    With ``genfuser`` a blender of its own stands beside it; ``energy`` says whether calls are measured.
    """
    return open_server(name, url, genfuser=genfuser, energy=energy)


@lru_cache(maxsize=4)
def _statistics(perfdb: str, modified_ns: int) -> Statistics:
    return read_statistics(Path(perfdb))


@lru_cache(maxsize=4)
def _topic_model(perfdb: Path, modified_ns: int) -> TopicModel | SupervisedBertopic | None:
    return load_topic_model(perfdb)


@lru_cache(maxsize=4)
def _with_variants(perfdb: str, modified_ns: int, variants: tuple[Variant, ...]) -> Statistics:
    return with_variants(_statistics(perfdb, modified_ns), variants)


def load_statistics(home: Home, variants: tuple[Variant, ...] = ()) -> Statistics:
    """The published statistics, read once per published file and process.

    ``variants`` have figures even if they were never run.
    """
    modified_ns = home.perfdb.stat().st_mtime_ns if home.perfdb.exists() else 0
    return _with_variants(str(home.perfdb), modified_ns, variants)


@lru_cache(maxsize=2)
def _neighbours(perfdb: Path, modified_ns: int, estimator: Estimator) -> QuestionFigures | None:
    past = load_past_questions(perfdb)
    return None if past is None else QuestionFigures(past, estimator)


def neighbours_of(settings: Settings, home: Home, estimator: Estimator) -> QuestionFigures | None:
    """What past questions say of new ones; None where they say nothing, or are not to be asked."""
    if settings.neighbours == "off" or not estimator.hears_neighbours or not home.perfdb.exists():
        return None
    return _neighbours(home.perfdb, home.perfdb.stat().st_mtime_ns, estimator)


@lru_cache(maxsize=2)
def _looks(perfdb: Path, modified_ns: int) -> Looks | None:
    return load_looks(perfdb)


def looks_of(settings: Settings, home: Home, estimator: Estimator) -> Looks | None:
    """What the looks of questions say of their costs; None where that is nothing, or is not to be heard."""
    if not settings.looks or not estimator.hears_neighbours or not home.perfdb.exists():
        return None
    return _looks(home.perfdb, home.perfdb.stat().st_mtime_ns)


@dataclass(frozen=True)
class Session:
    """Settings with everything opened that planning needs. ``server`` is None where none was asked for."""

    settings: Settings
    home: Home
    planning: Planning
    server: ModelServer | None
    names: Names
    """What models are called in plans."""
    recommended: str | None = None
    """Where the pool was recommended: which one, and why."""

    def describe(self) -> str | None:
        """Where the models answer, and which pool was recommended, in one line; None if there is nothing to say."""
        told = [None if self.server is None else self.server.describe(), self.recommended]
        return "; ".join(line for line in told if line) or None

    @property
    def statistics(self) -> Statistics:
        """The published statistics that plans stand on."""
        return self.planning.statistics

    def check_topics(self, questions: Sequence[Question]) -> None:
        """:class:`~optiq.errors.UnknownName` for the first topic that PerfDB does not know."""
        for question in questions:
            fault = topic_fault(question, self.statistics)
            if fault is not None:
                raise fault

    def with_topics(self, questions: Sequence[Question]) -> list[Question]:
        """The questions, each with topics: those given, else those that the published topic model assigns."""
        missing = [i for i, question in enumerate(questions) if not question.topics]
        found = list(questions)
        if not missing:
            return found
        model = _topic_model(self.home.perfdb, self.home.perfdb.stat().st_mtime_ns)
        if model is None:
            return found
        assigned = model.assign([questions[i].text for i in missing])
        for i, topics in zip(missing, assigned, strict=True):
            found[i] = replace(found[i], topics=tuple(topics), topics_inferred=True)
        return found


def open_session(settings: Settings, *, serve: bool = True, plans: Iterable[Plan] = ()) -> Session:
    """Open PerfDB and the model server and settle pool and blender.

    With ``serve`` False and a pool given, no server is contacted: planning then needs none. The pool
    ``recommended`` (or ``recommended:3``) is chosen among the models that are served. ``plans`` that are to be
    run may name variants that are not in the pool.

    Raises
    ------
    OptiqError
        if PerfDB or the server cannot be used, or a model is not known.
    """
    home = find_home(settings.home)
    check_examples(settings)
    server = None
    served = None
    size = recommended_size(settings.models)
    if serve or size or not settings.models:
        server = shared_server(settings.server, settings.server_url, settings.genfuser, settings.energy)
        served = [model.name for model in server.list_models()]
    names = Names(settings, load_statistics(home).models, served)
    wanted = None if size or not settings.models else names.wanted(settings.models)
    offered = names.offered() if wanted is None else wanted
    blender = None if settings.blender is None else names.wanted((settings.blender,))[0]
    also = [name for plan in plans for name in names.own_plan(plan).models]
    variants = names.variants([*(offered or ()), *also, *([] if blender is None else [blender])])
    statistics = load_statistics(home, variants)
    estimator = make_estimator(settings.estimator, statistics)
    callable_names = None if served is None else {*served, *(variant.name for variant in variants)}
    pool, reason = choose_pool(statistics, offered if wanted is None else callable_names, wanted), None
    if size:
        pool, reason = recommended_pool(home.perfdb, pool, size)
    blender = choose_blender(statistics, pool, blender)
    planning = Planning(
        estimator,
        pool,
        blender,
        settings.planner,
        settings.max_operations,
        settings.weights,
        settings.seed,
        settings.bound_operations,
        confidence=settings.confidence,
        caution=settings.caution,
        operators=operators_of([v for v in variants if v.name in {*pool, *also, blender}], settings, home),
        neighbours=neighbours_of(settings, home, estimator),
        looks=looks_of(settings, home, estimator),
    )
    return Session(settings, home, planning, server, names, reason)


def open_planning(settings: Settings, models: Sequence[str]) -> Session:
    """A session that estimates plans of ``models`` and contacts no server.

    Raises
    ------
    UnknownName
        if PerfDB has no figures for one of them.
    """
    home = find_home(settings.home)
    names = Names(settings, load_statistics(home).models, None)
    also = [] if settings.blender is None else [settings.blender]
    variants = names.variants([*models, *also])
    statistics = load_statistics(home, variants)
    estimator = make_estimator(settings.estimator, statistics)
    pool = choose_pool(statistics, None, models)
    planning = Planning(
        estimator,
        pool,
        choose_blender(statistics, pool, settings.blender),
        seed=settings.seed,
        confidence=settings.confidence,
        caution=settings.caution,
        operators=operators_of(variants, settings, home),
        neighbours=neighbours_of(settings, home, estimator),
        looks=looks_of(settings, home, estimator),
    )
    return Session(settings, home, planning, None, names)


def new_run_id() -> str:
    """Sorts by time; the tail keeps runs of one second apart."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
