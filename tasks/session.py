"""What an interactive command or a chunk of a batch works with: statistics, server, pool, topics.

No Prefect here: `optiq plan` and `optiq ask` use it as it is.
"""

from __future__ import annotations

import difflib
import os
import secrets
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from optiq.configuration import Settings
from optiq.errors import OptiqNote, OptiqWarning
from optiq.estimation.confidence import Confidences
from optiq.estimation.estimator import Estimator, make_estimator
from optiq.estimation.guesses import guessed_rows, known_as, maybe_known_as, undescribed, unpriced
from optiq.estimation.looks import Looks
from optiq.estimation.past_questions import QuestionFigures
from optiq.estimation.server_figures import NamedModel, with_named
from optiq.estimation.variant_figures import with_variants
from optiq.planning import Planning, choose_blender, choose_pool, new_topics
from optiq.plans.plan import Plan
from optiq.prompts.variants import Variant
from optiq.questions.question import FOUND, SHIPPED, About, Question
from optiq.servers.configured import ConfiguredServer
from optiq.servers.pool import prices_at, served_name
from optiq.servers.protocol import ModelServer, ServedModel
from optiq.statistics.snapshot import ModelFigures, Statistics
from tasks.guessing import MOST_PROBED, land_guesses, probe_models, read_probes
from tasks.operators import Names, operators_of
from tasks.prompting import check_examples
from tasks.recommending import recommended_pool, recommended_size
from warehouse.confidence import load_confidence
from warehouse.connection import readings_together
from warehouse.find_home import find_home
from warehouse.found_topics import load_found_topics
from warehouse.home import Home
from warehouse.neighbours import load_looks, load_past_questions
from warehouse.priors import published_rows
from warehouse.statistics import load_statistics as read_statistics
from warehouse.topics import load_topic_model

if TYPE_CHECKING:
    from optiq.text.topics import TopicModel
    from optiq.text.topics.bertopic import SupervisedBertopic
    from optiq.text.topics.found import FoundTopics


def shared_server(settings: Settings, *, genfuser: bool = False) -> ModelServer:
    """The process's one client of the model server of ``settings``, so that its limits hold everywhere.

    ``genfuser``: with the blender of its own that may be set, and metered if that is.
    """
    more = (settings.genfuser, settings.energy) if genfuser else (None, "predicted")
    return _open(settings.server, settings.server_url, *more, settings.concurrency, settings.servers)


@lru_cache(maxsize=8)
def _open(
    name: str,
    url: str | None,
    genfuser: str | None,
    energy: str,
    concurrency: int | None,
    configured: tuple[ConfiguredServer, ...],
) -> ModelServer:
    from optiq.servers import open_server  # slow to import, and a session with a pool needs no server

    return open_server(
        name, url, genfuser=genfuser, energy=energy, concurrency=concurrency, configured=configured
    )


@lru_cache(maxsize=4)
def _statistics(perfdb: str, modified_ns: int) -> Statistics:
    return read_statistics(Path(perfdb))


@lru_cache(maxsize=4)
def _topic_model(perfdb: Path, modified_ns: int) -> TopicModel | SupervisedBertopic | None:
    return load_topic_model(perfdb)


@lru_cache(maxsize=2)
def _found(perfdb: Path, modified_ns: int) -> FoundTopics | None:
    return load_found_topics(perfdb)


@lru_cache(maxsize=4)
def _with_variants(
    perfdb: str,
    modified_ns: int,
    variants: tuple[Variant, ...],
    guesses: tuple[ModelFigures, ...],
    named: tuple[NamedModel, ...],
    prices_at: datetime | None,
) -> Statistics:
    published = _statistics(perfdb, modified_ns)
    if prices_at is not None:
        published = published.at(prices_at)
    known = with_named(published.with_guesses(guesses), named)
    return with_variants(known, variants)


def load_statistics(
    home: Home,
    variants: tuple[Variant, ...] = (),
    guesses: tuple[ModelFigures, ...] = (),
    named: tuple[NamedModel, ...] = (),
) -> Statistics:
    """The published statistics, read once per published file and process.

    ``variants`` have figures even if they were never run; ``guesses`` stand where there is no figure; ``named`` are
    models as servers call and price them.
    """
    modified_ns = home.perfdb.stat().st_mtime_ns if home.perfdb.exists() else 0
    now = price_change(home)
    return _with_variants(str(home.perfdb), modified_ns, variants, guesses, named, now)


def price_change(home: Home) -> datetime | None:
    """When one of the published prices last changed by its hours or days; None if none ever does."""
    modified_ns = home.perfdb.stat().st_mtime_ns if home.perfdb.exists() else 0
    return _statistics(str(home.perfdb), modified_ns).price_change(datetime.now(UTC))


def named_models(
    server: ModelServer | None, served: Sequence[str], mentioned: Iterable[str]
) -> tuple[NamedModel, ...]:
    """What models are called beside their own names, and what servers take for them.

    Of what was ``mentioned`` those are meant that are served under another name.
    """
    if server is None:
        return ()
    found = {}
    for name in {part for told in mentioned for part in (told, told.rpartition("+")[0])} - {"", *served}:
        if (like := served_name(server, served, name)) is not None:
            found[name] = NamedModel(name, like, prices_at(server, name))
    for name in served:
        if prices := prices_at(server, name):
            found[name] = NamedModel(name, name, prices)
    return tuple(found[name] for name in sorted(found))


@dataclass(frozen=True, slots=True)
class Offered:
    """Models as their server describes them, and whether it runs them here: guesses are made of that."""

    models: tuple[ServedModel, ...] = ()
    on_this_machine: bool = False


def guesses_for(
    home: Home, server: ModelServer | None, served: Sequence[ServedModel]
) -> tuple[ModelFigures, ...]:
    """What is published of ``served`` models that PerfDB does not know, what is guessed of them, and of lengths."""
    return _guesses(home, Offered(tuple(served), server is not None and server.on_this_machine))


def _guesses(home: Home, offered: Offered) -> tuple[ModelFigures, ...]:
    local = offered.on_this_machine
    guessed = guessed_rows(load_statistics(home), offered.models, local, read_probes(home))
    return (*published_rows(offered.models, local), *guessed)


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


@lru_cache(maxsize=2)
def _confidence(perfdb: Path, modified_ns: int) -> Confidences:
    return load_confidence(perfdb)


_ALIKE = 0.8  # as a topic and its misspelling: at the usual 0.6, misc would be music


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
    served: tuple[str, ...] = ()
    """What the server offers, where it was asked."""
    offered: Offered = Offered()
    """What it says of the models that plans are made of."""

    def describe(self) -> str | None:
        """Where the models answer, and which pool was recommended, in one line; None if there is nothing to say."""
        told = [None if self.server is None else self.server.describe(), self.recommended]
        return "; ".join(line for line in told if line) or None

    @property
    def statistics(self) -> Statistics:
        """The published statistics that plans stand on."""
        return self.planning.statistics

    @property
    def confidence(self) -> Confidences:
        """How sure one can be of answers, as calibrated at the last refresh."""
        return _confidence(self.home.perfdb, self.home.perfdb.stat().st_mtime_ns)

    def land_guesses(self) -> None:
        """The guessed quality of models that PerfDB does not know lands: the next refresh learns from there."""
        names = [*self.planning.pool, *filter(None, [self.planning.blender])]
        land_guesses(self.home, load_statistics(self.home), self.statistics, names)

    def tell_new_topics(self, questions: Sequence[Question]) -> None:
        """Warn of topics that PerfDB does not know: these questions are planned on figures for any topic."""
        new = new_topics(questions, self.statistics)
        if not new:
            return
        asked = sum(not set(new).isdisjoint(question.topic_names) for question in questions)
        one = new[0] if len(new) == 1 else ""
        close = difflib.get_close_matches(one, self.statistics.topics, n=1, cutoff=_ALIKE)
        warnings.warn(
            f"{asked} of {len(questions)} questions have topics that PerfDB does not know "
            f"({', '.join(new[:5])}{', …' if len(new) > 5 else ''}): planned on figures for any topic"
            + (f"; is it {close[0]}?" if close else ""),
            OptiqWarning,
            stacklevel=2,
        )

    @cached_property
    def topic_model(self) -> TopicModel | SupervisedBertopic | None:
        """What says which topics questions have; None if nothing was learned yet."""
        if not self.home.perfdb.exists():
            return None
        return _topic_model(self.home.perfdb, self.home.perfdb.stat().st_mtime_ns)

    def with_topics(self, questions: Sequence[Question]) -> list[Question]:
        """The questions, each with topics: those given, else those that the published topic model assigns."""
        missing = [i for i, question in enumerate(questions) if not question.topics]
        found = list(questions)
        if not missing:
            return found
        model = self.topic_model
        if model is None:
            return found
        assigned = model.assign([questions[i].text for i in missing])
        for i, topics in zip(missing, assigned, strict=True):
            found[i] = replace(found[i], topics=tuple(topics), topics_inferred=True)
        return found

    def with_about(self, questions: Sequence[Question]) -> list[Question]:
        """The questions; those without topics with what they are about: a topic that was found, else a shipped one.

        Nothing is said of a question that is far from all topics, or without the embedding.
        """
        from optiq.text.word_vectors import available

        found = list(questions)
        missing = [i for i, question in enumerate(questions) if not question.topics]
        if not missing or not available():
            return found
        from optiq.text.topics.found import NO_TOPIC
        from optiq.text.topics.shipped import shipped_topics

        model = self._found_topics
        by, source = (shipped_topics(), SHIPPED) if model is None else (model, FOUND)
        assigned = by.assign([questions[i].text for i in missing])
        for i, (topic, _) in zip(missing, assigned, strict=True):
            found[i] = replace(found[i], about=None if topic == NO_TOPIC else About(topic, source))
        return found

    @cached_property
    def _found_topics(self) -> FoundTopics | None:
        if not self.home.perfdb.exists():
            return None
        return _found(self.home.perfdb, self.home.perfdb.stat().st_mtime_ns)


@readings_together()
def open_session(
    settings: Settings,
    *,
    serve: bool = True,
    plans: Iterable[Plan] = (),
    executes: bool = False,
    home: Home | None = None,
    described: Offered | None = None,
) -> Session:
    """Open PerfDB and the model server and settle pool and blender.

    With ``serve`` False and a pool given, no server is contacted: planning then needs none. The pool
    ``recommended`` (or ``recommended:3``) is chosen among the models that are served. ``plans`` that are to be
    run may name variants that are not in the pool. Served models that nobody described are guessed
    (:mod:`optiq.estimation.guesses`). A session that ``executes`` may ask a few of them on this machine how fast they
    are, and starts PerfDB where nobody named one and there is none. ``home`` is taken in place of that of the settings.
    Where no server is asked, ``described`` is what one said before.

    Raises
    ------
    OptiqError
        if PerfDB or the server cannot be used, or a model is not known.
    """
    home = find_home(settings.home) if home is None else home
    if executes:
        begin_home(settings, home)
    check_examples(settings)
    if settings.metric:
        settings.metrics.check()
    server = None
    served = None
    offers: list[ServedModel] = []
    size = recommended_size(settings.models)
    if serve or size or not settings.models:
        server = shared_server(settings, genfuser=True)
        offers = server.list_models()
        served = [model.name for model in offers]
        if executes:
            _probe_the_unknown(settings, home, server, offers)
    if server is not None or described is None:
        described = Offered(tuple(offers), server is not None and server.on_this_machine)
    guesses = _guesses(home, described)
    plans = list(plans)
    mentioned = [*(settings.models or ()), *(name for plan in plans for name in plan.models)]
    mentioned += [settings.blender or "", *(variant.model for variant in settings.variants)]
    named = named_models(server, served or (), mentioned)
    aliases = [one.name for one in named if one.name not in (served or ())]
    known = load_statistics(home, guesses=guesses, named=named).models
    names = Names(settings, known, None if served is None else [*served, *aliases], aliases)
    wanted = None if size or not settings.models else names.wanted(settings.models)
    offered = names.offered() if wanted is None else wanted
    blender = None if settings.blender is None else names.wanted((settings.blender,))[0]
    also = [name for plan in plans for name in names.own_plan(plan).models]
    variants = names.variants([*(offered or ()), *also, *([] if blender is None else [blender])])
    statistics = load_statistics(home, variants, guesses, named)
    estimator = make_estimator(settings.estimator, statistics)
    callable_names = None if served is None else {*served, *aliases, *(variant.name for variant in variants)}
    pool, reason = choose_pool(statistics, offered if wanted is None else callable_names, wanted), None
    if size:
        pool, reason = recommended_pool(home.perfdb, pool, size)
    blender = choose_blender(statistics, pool, blender)
    _say_what_is_guessed(home, statistics, pool, offers)
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
        safe_limits=settings.safe_limits,
        gain_probability=settings.gain_probability,
        operators=operators_of([v for v in variants if v.name in {*pool, *also, blender}], settings, home),
        max_output_tokens=settings.max_output_tokens,
        neighbours=neighbours_of(settings, home, estimator),
        looks=looks_of(settings, home, estimator),
    )
    planned = {*pool, blender, *(variant.model for variant in variants)}
    described = replace(described, models=tuple(one for one in described.models if one.name in planned))
    return Session(settings, home, planning, server, names, reason, tuple(served or ()), described)


def begin_home(settings: Settings, home: Home) -> None:
    """Make the PerfDB of a folder where nothing is yet; one that somebody named must be there."""
    if home.perfdb.exists() or settings.home != Settings().home or os.environ.get("OPTIQ_HOME"):
        return
    from warehouse.refresh import init

    made = init(home)
    _tell(f"PerfDB made: {home.perfdb} ({made.n_priors_new} published figures)")


def _probe_the_unknown(
    settings: Settings, home: Home, server: ModelServer, offers: Sequence[ServedModel]
) -> None:
    """Two calls of each wanted model of this machine whose speed nobody knows, if they are few."""
    named = None if settings.models is None else {name.rpartition("+")[0] or name for name in settings.models}
    if recommended_size(settings.models):
        named = None
    wanted = [m for m in offers if named is None or m.name in named or m.name in (settings.models or ())]
    probes = read_probes(home)
    missing = [m.name for m in undescribed(load_statistics(home), wanted) if m.name not in probes]
    if not missing or not settings.probe or not server.on_this_machine:
        return
    if len(missing) > MOST_PROBED:
        _tell(f"{len(missing)} models are new here: `optiq models probe` asks each twice how fast it is")
        return
    found = probe_models(home, server, missing, settings.timeout_s)
    if found:
        _tell(f"asked {', '.join(found)} twice each to see how fast they are (--no-probe leaves it out)")


def _say_what_is_guessed(
    home: Home, statistics: Statistics, pool: Sequence[str], offers: Sequence[ServedModel]
) -> None:
    """One line on models that nobody described, and one on those without a price."""
    known = load_statistics(home).models
    offered = {model.name for model in offers}
    new = [name for name in pool if name in offered and name not in known]
    if new:
        _tell(f"nobody described {', '.join(new)}: figures are guessed (`optiq models` shows them)")
    for name in new:
        if (like := known_as(name, known)) is not None:
            _tell(f"{name} is taken for {like}, by its name")
        elif (like := maybe_known_as(name, known)) is not None:
            _tell(f"is {name} the model {like}? Then `optiq models add {name} --like {like}`")
    for name in unpriced(statistics, new):
        _tell(
            f"{name} has no price: a limit on cost leaves it out; "
            f"`optiq models add {name} --usd-per-m-in … --usd-per-m-out …` prices it"
        )


def _tell(line: str) -> None:
    warnings.warn(line, OptiqNote, stacklevel=3)


def open_planning(settings: Settings, models: Sequence[str]) -> Session:
    """A session that estimates plans of ``models`` and contacts no server.

    Raises
    ------
    UnknownName
        if PerfDB has no figures for one of them.
    """
    home = find_home(settings.home)
    guesses = guesses_for(home, None, ())
    names = Names(settings, load_statistics(home).models, None)
    also = [] if settings.blender is None else [settings.blender]
    variants = names.variants([*models, *also])
    statistics = load_statistics(home, variants, guesses)
    estimator = make_estimator(settings.estimator, statistics)
    pool = choose_pool(statistics, None, models)
    planning = Planning(
        estimator,
        pool,
        choose_blender(statistics, pool, settings.blender),
        seed=settings.seed,
        confidence=settings.confidence,
        caution=settings.caution,
        safe_limits=settings.safe_limits,
        gain_probability=settings.gain_probability,
        operators=operators_of(variants, settings, home),
        max_output_tokens=settings.max_output_tokens,
        neighbours=neighbours_of(settings, home, estimator),
        looks=looks_of(settings, home, estimator),
    )
    return Session(settings, home, planning, None, names)


def new_run_id() -> str:
    """Sorts by time; the tail keeps runs of one second apart."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
