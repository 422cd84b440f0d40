"""What a local Prefect server is told: the deployments of the file, what a person paused, and which runs are dead.

`prefect deploy` does the deploying; it would wake what a person paused and keep what the file no longer has.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]

from optiq.files.atomic import replacing

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

DEPLOYMENTS = Path(__file__).parents[1] / "deployments" / "prefect.yaml"
HEARTBEAT_S = 30
DEAD_AFTER_S = 90.0
ZOMBIES = "optiq: a run without a sign of life has crashed"


@contextmanager
def told(api_url: str, key: str) -> Iterator[SyncPrefectClient]:
    """A client of the server, which wants its ``key``."""
    from prefect.client.orchestration import SyncPrefectClient

    with SyncPrefectClient(api_url, auth_string=key) as client:
        yield client


def deploy(client: SyncPrefectClient, folder: Path, prefect: Callable[..., None]) -> None:
    """Deploy all of the file as a person left it, and take away what `optiq up` deployed and the file lacks.

    ``folder`` is for notes; ``prefect`` runs a command of Prefect. Runs will work in the current folder.
    """
    wanted = yaml.safe_load(DEPLOYMENTS.read_text(encoding="utf-8"))
    there = {
        _key(one.name, one.entrypoint or ""): one
        for one in client.read_deployments()
        if _ours(one.entrypoint)
    }
    asked = folder / "prefect.yaml"
    # Said here, as `prefect` itself works elsewhere: it would import what the current folder holds.
    where = {"prefect.deployments.steps.set_working_directory": {"directory": str(Path.cwd())}}
    told = as_left(wanted, there) | {"pull": [where]}
    asked.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    prefect("--no-prompt", "deploy", "--all", "--prefect-file", str(asked))
    keys = {_key(one["name"], one["entrypoint"]) for one in wanted["deployments"]}
    note = folder / "deployed.json"
    deployed = json.loads(note.read_text(encoding="utf-8")) if note.exists() else list(there)
    for key in deployed:
        if key not in keys and key in there:
            client.delete_deployment(there[key].id)
    with replacing(note) as temporary:
        temporary.write_text(json.dumps(sorted(keys)), encoding="utf-8")


def as_left(wanted: dict[str, Any], there: dict[str, DeploymentResponse]) -> dict[str, Any]:
    """The file's content, with paused what is paused on the server and inactive the schedules that are.

    A schedule that the server has not, because the file changed, is inactive if all of its deployment's are.
    """
    left = deepcopy(wanted)
    for one in left["deployments"]:
        known = there.get(_key(one["name"], one["entrypoint"]))
        if known is None:
            continue
        if known.paused:
            one["paused"] = True
        active = {getattr(each.schedule, "cron", None): each.active for each in known.schedules}
        for schedule in one.get("schedules", ()):
            if active and not active.get(schedule.get("cron"), any(active.values())):
                schedule["active"] = False
    return left


def mark_dead(client: SyncPrefectClient, pool: str) -> list[str]:
    """Say of runs of ``pool`` whose process is gone that they have crashed; returns their names.

    Without a server nobody could say so, and they would stay Running for ever.
    """
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
        WorkPoolFilter,
        WorkPoolFilterName,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    kinds = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    unfinished = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=kinds)))
    here = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))
    dead = []
    for run in client.read_flow_runs(flow_run_filter=unfinished, work_pool_filter=here):
        if _is_gone(run.infrastructure_pid):
            why = "Its process ended with the worker, or with the machine."
            client.set_flow_run_state(run.id, Crashed(message=why), force=True)
            dead.append(run.name)
    return dead


def watch_for_dead(client: SyncPrefectClient) -> None:
    """Have the server itself say that a run has crashed whose heartbeats end. One that is there is left as it is."""
    from prefect.client.schemas.objects import StateType
    from prefect.events import EventTrigger
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import AutomationCore, Posture

    if client.read_automations_by_name(ZOMBIES):
        return
    beat = "prefect.flow-run.heartbeat"
    ends = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}
    trigger = EventTrigger(
        match={"prefect.resource.id": ["prefect.flow-run.*"]},
        for_each={"prefect.resource.id"},
        after={beat},
        expect={beat, *ends},
        posture=Posture.Proactive,
        within=timedelta(seconds=DEAD_AFTER_S),
    )
    action = ChangeFlowRunState(
        name="Crashed",
        state=StateType.CRASHED,
        message=f"No sign of life for {DEAD_AFTER_S:g} s: its process or its worker has died.",
        force=False,
    )
    client.create_automation(AutomationCore(name=ZOMBIES, trigger=trigger, actions=[action]))


def _key(name: str, entrypoint: str) -> str:
    """What a deployment is known by: its flow's function and its name, wherever the flow stands."""
    return f"{re.split('[:.]', entrypoint)[-1]}/{name}"


def _ours(entrypoint: str | None) -> bool:
    return "flows" in re.split("[./]", entrypoint or "")[:2]  # inside `optiq`, where it is installed


def _is_gone(infrastructure: str | None) -> bool:
    """Whether a process, written as pid or host:pid, has ended; None never began. Of other machines nobody knows."""
    if infrastructure is None:
        return True
    host, _, pid = infrastructure.rpartition(":")
    if host not in ("", socket.gethostname()) or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    command = Path(f"/proc/{pid}/cmdline")  # another program may have its number by now
    return command.exists() and b"prefect" not in command.read_bytes()
