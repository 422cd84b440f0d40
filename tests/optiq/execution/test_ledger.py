"""The ledger of a run against a list that a person would keep: what is reserved, what is spent, who waits."""

import asyncio
import math
from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.execution.ledger import Amount, Hold, Ledger, LimitReached

MANY = 1e9


@dataclass
class Entry:
    """A question in the list: what it has set aside and what calls in flight have drawn of it."""

    most: Amount
    left: Amount = field(default_factory=Amount)
    drawn: list[Amount] = field(default_factory=list)
    state: str = "waiting"  # → open → closed, or refused


class Book:
    """The oracle: whole numbers in lists, added up from the beginning each time."""

    def __init__(self, limit: Amount, spent: Amount) -> None:
        self.limit, self.spendings, self.entries = limit, [spent], []

    @property
    def spent(self) -> Amount:
        return sum(self.spendings, Amount())

    @property
    def committed(self) -> Amount:
        reserved = [e.left for e in self.entries if e.state == "open"]
        return sum([*reserved, *(d for e in self.entries for d in e.drawn)], self.spent)

    def fits(self, amount: Amount, beside: Amount) -> bool:
        whole = beside + amount
        return whole.cost_usd <= self.limit.cost_usd and whole.energy_j <= self.limit.energy_j

    def serve(self) -> None:
        """All who wait ask again, in the order in which they came."""
        for entry in self.entries:
            if entry.state != "waiting":
                continue
            if self.fits(entry.most, self.committed):
                entry.state, entry.left = "open", entry.most
            elif not self.fits(entry.most, self.spent) or not any(e.state == "open" for e in self.entries):
                entry.state = "refused"

    def draw(self, entry: Entry, most: Amount) -> bool:
        more = Amount(
            max(most.cost_usd - entry.left.cost_usd, 0), max(most.energy_j - entry.left.energy_j, 0)
        )
        if more != Amount() and not self.fits(more, self.committed):
            return False
        entry.left = entry.left + more - most
        entry.drawn.append(most)
        return True


async def turns(number: int = 4) -> None:
    """Let all who were woken go on."""
    for _ in range(number):
        await asyncio.sleep(0)


whole = st.integers(0, 9)
amounts = st.builds(Amount, whole, whole)
steps = st.tuples(st.sampled_from(["reserve", "reserve", "draw", "settle", "close"]), whole, amounts)


@settings(max_examples=150)
@given(st.integers(0, 25), st.integers(0, 25), amounts, st.lists(steps, max_size=25))
def test_it_says_what_the_list_says(max_usd, max_j, before, does):
    """Reservations, calls that cost less or more than drawn, ends: the same sums and the same waiting as the list."""

    async def everything():
        ledger, book = Ledger(max_usd, max_j, before), Book(Amount(max_usd, max_j), before)
        asked: list[asyncio.Task] = []
        taken: dict[int, list[Hold]] = defaultdict(list)
        for what, which, amount in does:
            opened = [n for n, e in enumerate(book.entries) if e.state == "open"]
            if what == "reserve":
                asked.append(asyncio.ensure_future(ledger.reserve(amount)))
                book.entries.append(Entry(amount))
            elif opened:
                number = opened[which % len(opened)]
                entry, reservation = book.entries[number], asked[number].result()
                if what == "draw" and not book.draw(entry, amount):
                    with pytest.raises(LimitReached):
                        reservation.draw(amount)
                elif what == "draw":
                    taken[number].append(reservation.draw(amount))
                    assert taken[number][-1].amount == amount
                elif what == "settle" and entry.drawn:
                    drawn, hold = entry.drawn.pop(), taken[number].pop()
                    used = Amount(min(drawn.cost_usd, amount.cost_usd), min(drawn.energy_j, amount.energy_j))
                    book.spendings.append(used)
                    reservation.settle(hold, used)
                elif what == "close" and not entry.drawn:
                    entry.state = "closed"
                    reservation.close()
                else:
                    continue
            if what != "draw":
                await turns()
                book.serve()
            states = ["waiting" if not t.done() else "refused" if t.exception() else "in" for t in asked]
            assert states == [{"open": "in", "closed": "in"}.get(e.state, e.state) for e in book.entries]
            assert ledger.committed == book.committed
            assert ledger.spent == book.spent
            assert before.cost_usd > max_usd or ledger.committed.cost_usd <= max_usd
            assert before.energy_j > max_j or ledger.committed.energy_j <= max_j
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(everything())


def reserve(ledger: Ledger, most: Amount):
    """Reserve where nothing is in flight: at once or not at all."""
    return asyncio.run(asyncio.wait_for(ledger.reserve(most), 10))


def test_amounts_add_and_subtract_by_unit():
    assert Amount(5.0, 70.0) + Amount(2.0, 30.0) == Amount(7.0, 100.0)
    assert Amount(5.0, 70.0) - Amount(2.0, 30.0) == Amount(3.0, 40.0)


@pytest.mark.parametrize(
    ("most", "refused"),
    [
        (Amount(3.0, 40.0), None),
        (Amount(3.001, 40.0), "max_total_cost = 5 USD leaves 3 USD, and the plan may take up to 3.001 USD"),
        (Amount(3.0, 40.1), "max_total_energy = 100 J leaves 40 J, and the plan may take up to 40.1 J"),
        (Amount(math.nan, 1.0), "max_total_cost is set, and the price of a model in the plan is unknown"),
        (Amount(1.0, math.nan), "max_total_energy is set, and the energy of a model in the plan is unknown"),
    ],
)
def test_what_is_left_can_be_reserved_to_the_last_cent_and_joule(most, refused):
    ledger = Ledger(5.0, 100.0, spent=Amount(2.0, 60.0))
    if refused is None:
        reserve(ledger, most)
        assert ledger.committed == Amount(5.0, 100.0)
        return
    with pytest.raises(LimitReached) as fault:
        reserve(ledger, most)
    assert str(fault.value) == refused
    assert ledger.committed == Amount(2.0, 60.0)


def test_a_limit_of_nothing_allows_what_is_free():
    reserve(Ledger(0.0, 0.0), Amount())
    reserve(Ledger(0.0), Amount(0.0, 5.0))
    with pytest.raises(LimitReached, match="leaves 0 USD"):
        reserve(Ledger(0.0), Amount(1e-9))


def test_what_was_overspent_before_leaves_nothing_and_not_less():
    with pytest.raises(LimitReached, match="leaves 0 USD"):
        reserve(Ledger(5.0, spent=Amount(7.0)), Amount(0.01))


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({"max_cost_usd": 1.0}, Amount(1.0, MANY)),
        ({"max_cost_usd": 1.0}, Amount(1.0, math.nan)),
        ({"max_energy_j": 1.0}, Amount(MANY, 1.0)),
        ({"max_energy_j": 1.0}, Amount(math.nan, 1.0)),
        ({}, Amount(math.nan, math.nan)),
        ({}, Amount(5.0, 7.0)),
    ],
)
def test_only_what_is_limited_is_held(limits, most):
    """An unknown figure is refused where it is limited; elsewhere it counts as nothing."""
    ledger = Ledger(**limits)
    assert ledger.limited == bool(limits)
    reservation = reserve(ledger, most)
    counted = Amount(*(0.0 if math.isnan(figure) else figure for figure in (most.cost_usd, most.energy_j)))
    assert ledger.committed == (counted if limits else Amount())
    hold = reservation.draw(most)
    assert hold.amount == (counted if limits else Amount()), "nothing is held where nothing is limited"
    reservation.settle(hold, most)
    reservation.close()
    assert ledger.committed == ledger.spent == counted


def test_one_limit_holds_without_the_other():
    with pytest.raises(LimitReached, match="max_total_energy = 1 J"):
        reserve(Ledger(max_energy_j=1.0), Amount(0.0, 2.0))
    with pytest.raises(LimitReached, match="max_total_cost = 1 USD"):
        reserve(Ledger(max_cost_usd=1.0), Amount(2.0, 0.0))


def test_sums_of_floats_do_not_refuse_the_last_tenth():
    ledger = Ledger(0.3, 0.3)
    for _ in range(3):  # 0.1 + 0.1 + 0.1 > 0.3
        reservation = reserve(ledger, Amount(0.1, 0.1))
        reservation.settle(reservation.draw(Amount(0.1, 0.1)), Amount(0.1, 0.1))
    with pytest.raises(LimitReached):
        reserve(ledger, Amount(1e-9))
    with pytest.raises(LimitReached):
        reserve(Ledger(1000.0), Amount(1000.0 * (1 + 1e-10)))


def test_rounding_leaves_no_crumbs_when_all_is_over():
    ledger = Ledger(1.0, 1.0)
    reservations = [reserve(ledger, Amount(most, most)) for most in (0.1, 0.2, 0.3)]
    for reservation in reservations:
        assert ledger.committed != Amount()
        reservation.close()
    assert ledger.committed == Amount()
    assert Ledger(1.0).spent == Amount()


def test_a_call_draws_more_than_was_set_aside_while_there_is_room():
    ledger = Ledger(10.0, 10.0)
    reservation = reserve(ledger, Amount(4.0, 4.0))
    assert reservation.draw(Amount(3.0, 1.0)).amount == Amount(3.0, 1.0)
    assert ledger.committed == Amount(4.0, 4.0), "it was set aside before"
    assert reservation.draw(Amount(2.0, 1.0)).amount == Amount(2.0, 1.0)
    assert ledger.committed == Amount(5.0, 4.0), "one USD was left, and one is added"
    reservation.draw(Amount(0.0, 3.0))
    assert ledger.committed == Amount(5.0, 5.0), "two joules were left, and one is added"
    with pytest.raises(LimitReached):
        reservation.draw(Amount(5.5, 0.0))
    with pytest.raises(LimitReached, match="price"):
        reservation.draw(Amount(math.nan, 0.0))
    with pytest.raises(LimitReached, match="energy"):
        reservation.draw(Amount(0.0, math.nan))
    assert ledger.committed == Amount(5.0, 5.0), "what was refused changed nothing"
    reservation.close()
    assert ledger.committed == Amount(5.0, 5.0), "what was drawn and not settled may be billed"


def test_who_is_called_off_while_waiting_keeps_no_place():
    async def everything():
        ledger = Ledger(1.0)
        first = await ledger.reserve(Amount(1.0))
        given_up, patient = (asyncio.ensure_future(ledger.reserve(Amount(1.0))) for _ in range(2))
        await turns()
        given_up.cancel()
        await turns()
        assert (given_up.cancelled(), patient.done()) == (True, False)
        first.close()
        await asyncio.wait_for(patient, 10)
        assert ledger.committed == Amount(1.0)

    asyncio.run(everything())


def test_a_waiting_loop_that_was_closed_hinders_nobody():
    ledger = Ledger(1.0)
    first = reserve(ledger, Amount(1.0))
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(ledger.reserve(Amount(1.0)))
    loop.run_until_complete(turns())
    waiting._log_destroy_pending = False
    loop.close()
    first.close()
    assert ledger.committed == Amount()
