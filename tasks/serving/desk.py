"""What requests are answered with: a session for each name on the published snapshot, taken up anew when it changes."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import warnings
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from optiq.configuration import Settings
from optiq.endpoint.answering import Ready
from optiq.endpoint.asked import OURS, Asked
from optiq.endpoint.metrics import Metrics
from optiq.endpoint.profiles import BUILT_IN, Profile
from optiq.errors import OptiqError, OptiqWarning, UnknownName
from optiq.execution import Shared
from optiq.execution.calling import Retries
from optiq.execution.executor import Executor
from optiq.execution.health import ModelHealth
from optiq.execution.trace import Execution
from optiq.questions.question import Budget, Question
from tasks.journal import Journal
from tasks.session import Session, new_run_id, open_session, price_change
from warehouse.find_home import find_home
from warehouse.home import Home

RETRIES = Retries(attempts=3, first_s=0.2, longest_s=5.0, patience_s=5.0)
"""Somebody waits: what does not pass soon is said."""

REST_S = 30.0
"""A model that failed again and again is left alone for so long."""

LATEST = 50
"""Requests on the page."""

REMEMBERED, REMEMBERED_TEXTS = 20_000, 1_000
"""Executions whose plan is known, and whose answer is known, when feedback comes."""

_TOPICS_KEPT = 4096


@dataclass(frozen=True)
class Seen:
    """A request as the page shows it."""

    at: datetime
    name: str
    plan: str
    status: str
    cost_usd: float | None
    wall_s: float | None
    execution_id: str


@dataclass
class Snapshot:
    """The sessions on one published file."""

    modified_ns: int
    prices_at: datetime | None = None
    ready: dict[str, Ready] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)


class ServingDesk:
    """The :class:`~optiq.endpoint.app.Desk` of a home.

    ``note`` is told what people should know. Sessions are opened in a thread, one at a time; what is in flight keeps
    the one that it began with.
    """

    def __init__(
        self, settings: Settings, budget: Budget, store: str, metrics: Metrics, note: Callable[[str], None]
    ) -> None:
        self.settings, self.store = settings, store
        self.home: Home = find_home(settings.home)
        self.run_id = f"serve-{new_run_id()}"
        self.journal = Journal(self.home, self.run_id, "serving")
        self.latest: deque[Seen] = deque(maxlen=LATEST)
        self.scores: OrderedDict[str, float] = OrderedDict()
        self.remembered: OrderedDict[str, str] = OrderedDict()
        self.answers: OrderedDict[str, Execution] = OrderedDict()
        self.shared = Shared(health=ModelHealth(rest_s=REST_S))
        self.show: Callable[[], str] = str
        profiles = {profile.name: profile for profile in (*BUILT_IN, *settings.profiles)}
        self.profiles = {OURS: Profile(""), **{f"{OURS}/{name}": one for name, one in profiles.items()}}
        self._budget, self._metrics, self._note = budget, metrics, note
        self._lock = threading.Lock()
        self._topics = ThreadPoolExecutor(1, thread_name_prefix="optiq-topics")
        self._warned: set[str] = set()
        self._now = Snapshot(0)

    def open(self) -> None:
        """Take up the published snapshot; an :class:`OptiqError` if there is none, or no model server."""
        self._now = self._taken_up(list(self._now.ready))

    def names(self) -> list[str]:
        """What is planned, then the served models."""
        session = self._now.sessions.get(OURS)
        return [*self.profiles, *sorted(session.served if session else ())]

    async def ready(self, name: str) -> Ready:
        """By the name of a profile (``optiq/support``, or ``support``), or of a served model."""
        snapshot = self._now
        if OURS not in snapshot.ready:
            await asyncio.to_thread(self.open)
            snapshot = self._now
        profile = name if name in self.profiles else None
        if profile is None and name in snapshot.ready[OURS].served:
            profile = OURS
        if profile is None and f"{OURS}/{name}" in self.profiles:
            profile = f"{OURS}/{name}"
        if profile is None:
            raise UnknownName(
                f"there is no model {name[:200]!r}", f"Ask for one of {', '.join(self.names()[:30])}."
            )
        if profile not in snapshot.ready:
            await asyncio.to_thread(self._open_profile, snapshot, profile)
        return snapshot.ready[profile]

    def fault(self) -> str | None:
        """Why nothing can be answered now."""
        session = self._now.sessions.get(OURS)
        if session is None or session.server is None:
            return "no snapshot was taken up yet"
        return session.server.health()

    def look(self) -> bool:
        """Take up what was published since; says whether there was something. What cannot be used is left alone."""
        if self.home.mirrored:
            self.home.fetch("perfdb.duckdb")
        modified_ns = self._modified_ns()
        if modified_ns == 0 or (modified_ns == self._now.modified_ns and not self._repriced()):
            return False
        try:
            self._now = self._taken_up(list(self._now.ready))
        except OptiqError as fault:
            self._note(f"warning: the new snapshot is not taken up: {fault}")
            self._now.modified_ns = modified_ns
            return False
        self._metrics.snapshots.inc()
        return True

    def _repriced(self) -> bool:
        """Whether a price has changed by its hours or days since the snapshot was taken up."""
        try:
            return bool(self._now.sessions) and price_change(self.home) != self._now.prices_at
        except OptiqError:  # what is published cannot be used: the earlier one stays
            return False

    def record(self, execution: Execution, asked: Asked) -> None:
        """To the journal, and to what the page shows."""
        store = asked.store or self.store
        if _RANK[store] > _RANK[self.store]:
            store = self.store  # a client may ask for less to be stored, not for more
        try:
            self.journal.append(execution, store)
        except OSError as fault:  # the answer was paid for: it is given all the same
            self._metrics.unwritten.inc()
            self._say_once(f"warning: traces cannot be written: {fault}")
        name, plan = execution.execution_id, execution.plan
        _remember(self.remembered, name, plan.key, REMEMBERED)
        if execution.answer is not None and len(execution.answer) < 20_000:
            kept = replace(execution, calls=[])
            _remember(self.answers, name, kept, REMEMBERED_TEXTS)
        self.latest.append(
            Seen(
                execution.started_at,
                asked.model,
                plan.expression,
                execution.status,
                execution.cost_usd,
                execution.wall_s,
                name,
            )
        )

    async def feedback(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Lands as a late score."""
        from tasks.serving.late_scores import late_score

        name = given["execution_id"]
        known = self.remembered.get(name), self.answers.get(name)
        row = await asyncio.to_thread(late_score, self.home, given, *known)
        self.journal.append_score(row)
        _remember(self.scores, row["execution_id"], row["qoa"], LATEST * 20)
        return {"execution_id": row["execution_id"], "qoa": row["qoa"]}

    def trouble(self, fault: OptiqError) -> None:
        """Said once."""
        self._say_once(f"warning: {fault}")

    def page(self) -> str:
        """The page at ``/``."""
        return self.show()

    def session(self) -> Session | None:
        """The session of the default name."""
        return self._now.sessions.get(OURS)

    def _modified_ns(self) -> int:
        try:
            return self.home.perfdb.stat().st_mtime_ns
        except OSError:
            return 0

    def _taken_up(self, names: list[str]) -> Snapshot:
        snapshot = Snapshot(self._modified_ns())
        for name in dict.fromkeys([OURS, *names]):
            self._open_profile(snapshot, name)
        snapshot.prices_at = price_change(self.home)
        return snapshot

    def _open_profile(self, snapshot: Snapshot, name: str) -> None:
        with self._lock, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", OptiqWarning)
            if name in snapshot.ready:
                return
            profile = self.profiles[name]
            settings = _settings(self.settings, profile)
            session = open_session(settings)
            ready = self._ready(name, profile, session)
            snapshot.sessions[name] = session
            snapshot.ready[name] = ready
        for one in caught:
            if issubclass(one.category, OptiqWarning):
                self._say_once(f"warning: {one.message}")

    def _say_once(self, said: str) -> None:
        if said not in self._warned and len(self._warned) < 1000:
            self._warned.add(said)
            self._note(said)

    def _ready(self, name: str, profile: Profile, session: Session) -> Ready:
        assert session.server is not None
        statistics = session.statistics
        executor = Executor(
            session.server,
            self.run_id,
            statistics,
            snapshot_id=statistics.snapshot_id,
            timeout_s=session.settings.timeout_s,
            seed=session.settings.seed,
            retries=RETRIES,
            shared=self.shared,
            prompts=session.planning.prompts,
            operators=session.planning.operators,
        )
        return Ready(
            name,
            session.planning,
            executor,
            session.server,
            self._topics_of(session),
            frozenset(session.served),
            session.settings.prompt,
            self._budget.override(profile.budget),
            profile.topic,
            session.settings.max_output_tokens,
            dict(session.settings.features),
        )

    def _topics_of(self, session: Session) -> Callable[[str], Any]:
        """What texts are about, by the session's topic model, in a thread of its own; the latest are kept."""
        kept: OrderedDict[bytes, tuple[tuple[str, float], ...]] = OrderedDict()

        async def topics(text: str) -> tuple[tuple[str, float], ...]:
            if session.topic_model is None:
                return ()
            key = hashlib.blake2b(text.encode(), digest_size=16).digest()
            if key not in kept:
                loop = asyncio.get_running_loop()
                found = await loop.run_in_executor(self._topics, session.with_topics, [Question("q", text)])
                _remember(kept, key, found[0].topics, _TOPICS_KEPT)
            return kept[key]

        return topics


_RANK = {"no": 0, "hash": 1, "yes": 2}


def _settings(settings: Settings, profile: Profile) -> Settings:
    """The settings with those of a profile in their place."""
    own = {
        name: value
        for name in ("models", "blender", "prompt", "weights", "max_operations", "max_output_tokens")
        if (value := getattr(profile, name)) is not None
    }
    return replace(settings, **own)


def _remember(kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)
