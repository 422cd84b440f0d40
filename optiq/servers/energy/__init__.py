"""Measured energy: what device counters say that calls on this machine took (optional extra ``energy``).

Counters see devices, not calls, so what can be attributed is this: between two moments at which a call began
or ended, the energy that the devices took is shared equally by the calls in flight (:mod:`.metered`). Over a run
the shares add up to what the devices took while anything was in flight, idle power included; a single share is
as coarse as the counter (NVML updates every 20 to 100 ms). A call that loaded its model, and any call on another
machine, has no measured energy: theirs is predicted from tokens and rates. ``energy_source`` says which.
"""

from optiq.servers.energy.counters import EnergyCounter, open_counter
from optiq.servers.energy.metered import MeteredServer, metered

__all__ = ["EnergyCounter", "MeteredServer", "metered", "open_counter"]
