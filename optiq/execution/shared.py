"""What all executors of one run share, in whatever thread they work."""

from __future__ import annotations

from dataclasses import dataclass, field

from optiq.execution.control import Control
from optiq.execution.flights import Flights
from optiq.execution.health import ModelHealth
from optiq.execution.ledger import Ledger
from optiq.execution.limits import CallLimits
from optiq.execution.observer import Observer, Silent
from optiq.execution.responses import ResponseStore
from optiq.servers.protocol import Generation


@dataclass
class Shared:
    """Kept responses, calls in flight, the spend, the health of models, who watches, and the stop switch.

    ``responses`` None: nothing is kept, and nothing is shared between calls. ``slots`` bound the calls in flight
    of this run, below what the server takes.
    """

    responses: ResponseStore | None = None
    flights: Flights[Generation] = field(default_factory=Flights)
    ledger: Ledger = field(default_factory=Ledger)
    health: ModelHealth = field(default_factory=ModelHealth)
    observer: Observer = field(default_factory=Silent)
    control: Control = field(default_factory=Control)
    slots: CallLimits | None = None
