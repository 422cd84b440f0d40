"""SQLite files of money and of answers on a full disk: said in the project's own words, and nothing is forgotten."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from optiq.endpoint.spending import NOBODY, Spending
from optiq.errors import OptiqError, OptiqWarning
from optiq.execution.ledger import Amount, Ledger
from optiq.selection.evidence import Outcome
from optiq.selection.store import Response, Store
from tests.small_disk import fill, make_room

MANY = 2000
"""So many rows that what SQLite keeps ready for the next ones does not do."""


def test_what_clients_spent_is_written_when_there_is_room(small_disk: Path) -> None:
    spending = Spending(small_disk / "serving")
    names = [f"client-{number}" for number in range(MANY)]
    fill(small_disk, 0)
    for name in names:
        spending.client(None).note(0.25)
        spending.note(name, 0.5)
    for _ in range(2):
        with pytest.raises(OptiqError, match=r"clients\.sqlite cannot be written: .*\. Check the disk"):
            spending.flush()
    make_room(small_disk)
    told = spending.today([])
    assert told[NOBODY] == (0.25 * MANY, 0.0)
    assert {told[name] for name in names} == {(0.5, 0.0)}
    spending.close()


def test_the_files_are_closed_although_the_last_of_it_cannot_be_written(small_disk: Path) -> None:
    spending = Spending(small_disk / "serving")
    fill(small_disk, 0)
    for number in range(MANY):
        spending.note(f"client-{number}", 0.5)
    with pytest.raises(OptiqError, match="cannot be written"):
        spending.close()
    held = [file.readlink() for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    assert not [file for file in held if file.is_relative_to(small_disk)]


def test_a_ledger_says_so_and_goes_on(small_disk: Path) -> None:
    ledger = Ledger(1.0, path=small_disk / "ledger.sqlite")

    def draw() -> None:
        for _ in range(MANY):
            reservation = asyncio.run(ledger.reserve(Amount(1e-5)))
            reservation.draw(Amount(1e-5), "a call of " + "x" * 500)

    fill(small_disk, 0)
    with pytest.raises(OptiqError, match=r"ledger\.sqlite cannot be written"):
        draw()
    make_room(small_disk)
    before = ledger.committed.cost_usd
    asyncio.run(ledger.reserve(Amount(0.25)))
    assert ledger.committed.cost_usd == pytest.approx(before + 0.25)
    ledger.close()


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(small_disk: Path) -> None:
    store = Store(small_disk / "kept.sqlite")
    fill(small_disk, 0)
    with pytest.warns(OptiqWarning, match=r"an answer is not kept: .*kept\.sqlite cannot be written"):
        store.keep_response("a", Response(200, {}, b"x" * 2**20, 0.5))
    told = Outcome(1.0, 0.1, 0.5, "x" * 2**20, None, 1, False, None)
    with pytest.raises(OptiqError, match="the same command goes on"):
        store.keep_outcome("a", told)
    make_room(small_disk)
    store.keep_outcome("a", told)
    assert store.outcome("a") == told
    assert store.response("a") is None
    store.close()
