"""The pool that a command about chemistry is about: from PerfDB as refreshed, or computed for the occasion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from optiq.chemistry.chem_e import USED_FROM
from optiq.chemistry.cost import ORDERS
from optiq.chemistry.pool import PoolChemistry
from optiq.errors import InputError
from warehouse.chemistry import history_trials, load_chemistry, load_trials
from warehouse.find_home import find_home


@dataclass(frozen=True)
class PoolRequest:
    """Which trials, which models, and by which readings of the paper."""

    home: str
    topic: str | None = None
    among: tuple[str, ...] = ()
    order: str = "quality"
    used_from: float = USED_FROM
    history: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class OpenedPool:
    """The pool's chemistry; models that were left out because there are too many; what is no trial of a file."""

    pool: PoolChemistry
    left_out: tuple[str, ...] = ()
    passed_over: str | None = None


def open_pool(asked: PoolRequest) -> OpenedPool:
    """The pool that is asked for.

    Raises
    ------
    OptiqError
        in one line: no PerfDB, no grades, unknown topic or model, one model, or too many.
    """
    if asked.order not in ORDERS:
        raise InputError(f"--order is {asked.order!r}", f"Give {' or '.join(ORDERS)}.")
    perfdb = find_home(asked.home).perfdb
    usual = (asked.order, asked.used_from, asked.seed) == ("quality", USED_FROM, 0)
    if asked.history is None and usual and not asked.among:
        return OpenedPool(load_chemistry(perfdb, asked.topic))
    if asked.history is not None:
        given = history_trials(Path(asked.history), asked.topic, asked.among)
    else:
        given = load_trials(perfdb, asked.topic)
        if asked.among:
            given = given.among(asked.among)
    found = given.chemistry(
        order="penalty" if asked.order == "penalty" else "quality",
        used_from=asked.used_from,
        seed=asked.seed,
    )
    return OpenedPool(found, given.left_out, given.passed_over)


def names_in(text: str | None, flag: str) -> tuple[str, ...]:
    """Names separated by commas; none if nothing was given. :class:`InputError` if nothing is in it."""
    if text is None:
        return ()
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise InputError(f"{flag} names no model", "Give model names separated by commas.")
    return names
