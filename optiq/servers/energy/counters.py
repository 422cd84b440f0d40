"""The energy counters of this machine: GPUs by NVML or AMD SMI, CPUs and their memory by RAPL, through Zeus."""

from __future__ import annotations

import importlib.util
import threading
from typing import Any, Protocol

from optiq.errors import ConfigurationError

SOURCES = ("auto", "measured", "predicted")
INSTALL_REMEDY = (
    'Install pip install "optiq[energy]" on a machine with NVML or readable RAPL, or set energy to auto.'
)

_opening = threading.Lock()
"""Zeus makes its device managers on first use, which two threads must not do at once."""


class EnergyCounter(Protocol):
    """Joules since some moment in the past; never falls."""

    def read(self) -> float:
        """All devices together, joules. Raises whatever the driver raises."""
        ...

    def describe(self) -> str:
        """Which devices, for people."""
        ...


class ZeusCounter:
    """The sum of the counters of ``gpus`` and ``cpus``, Zeus's device managers; None where there is none."""

    def __init__(self, gpus: Any | None, cpus: Any | None) -> None:
        self._gpus, self._cpus = gpus, cpus
        count = len(gpus) if gpus is not None else 0
        self._gpu_places = [i for i in range(count) if gpus.supports_get_total_energy_consumption(i)]  # type: ignore[union-attr]
        self._cpu_places = list(range(len(cpus))) if cpus is not None else []

    def __len__(self) -> int:
        return len(self._gpu_places) + len(self._cpu_places)

    def read(self) -> float:
        """Joules of all devices."""
        millijoules = 0.0
        for place in self._gpu_places:
            assert self._gpus is not None
            millijoules += self._gpus.get_total_energy_consumption(place)
        for place in self._cpu_places:
            assert self._cpus is not None
            found = self._cpus.get_total_energy_consumption(place)
            millijoules += found.cpu_mj + (found.dram_mj or 0.0)
        return millijoules / 1000

    def describe(self) -> str:
        return f"{len(self._gpu_places)} GPUs and {len(self._cpu_places)} CPU packages"


def open_counter(source: str = "auto") -> EnergyCounter | None:
    """The counters of this machine; None where there are none, or with ``source`` ``predicted``.

    Raises
    ------
    ConfigurationError
        with ``source`` ``measured`` if nothing can be measured; it says why.
    """
    if source == "predicted":
        return None
    if importlib.util.find_spec("zeus") is None:
        found, why = None, "the package zeus is not installed"
    else:
        with _opening:
            found, why = _from_zeus()
    if found is None and source == "measured":
        raise ConfigurationError(f"energy cannot be measured here: {why}", INSTALL_REMEDY)
    return found


def _from_zeus() -> tuple[ZeusCounter | None, str]:
    """The counters that answer, or why none does."""
    import logging

    from zeus.device import get_cpus, get_gpus  # type: ignore
    from zeus.exception import ZeusBaseError  # type: ignore

    logging.getLogger("zeus").setLevel(logging.CRITICAL)
    managers: list[Any | None] = []
    reasons = []
    for find in (get_gpus, get_cpus):
        try:
            managers.append(find())
        except (ZeusBaseError, OSError) as fault:
            managers.append(None)
            reasons.append(" ".join(str(fault).split()))
    counter = ZeusCounter(*managers)
    if not len(counter):
        return None, "; ".join(reasons) or "no device has an energy counter"
    try:
        counter.read()
    except (ZeusBaseError, OSError) as fault:
        return None, " ".join(str(fault).split())
    return counter, ""
