"""Deployment runs on whatever workers a Prefect work pool has: start, look at, give up, cancel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from optiq.errors import InputError
from tasks.orchestration import unusable

WAITING, WORKING, ENDED, CANCELLED, BROKEN = "waiting", "working", "ended", "cancelled", "broken"
_STATES = {"SCHEDULED": WAITING, "PAUSED": WAITING, "COMPLETED": ENDED, "CANCELLED": CANCELLED}
_STATES |= dict.fromkeys(("PENDING", "RUNNING", "CANCELLING"), WORKING)


@dataclass(frozen=True, slots=True)
class FlowRunState:
    """A flow run at one moment: ``waiting`` for a worker, ``working``, ``ended`` well, ``cancelled`` by a person,
    or ``broken``: failed or crashed.
    """

    kind: str
    state_id: str = ""
    message: str = ""


class FlowRuns(Protocol):
    """What the coordinator of a sharded run needs of an orchestrator."""

    def start(self, key: str, name: str, parameters: Mapping[str, Any], delay_s: float = 0.0) -> str:
        """Start a run and return its id; the same ``key`` again is the same run."""

    def look(self, flow_run_id: str) -> FlowRunState:
        """How it stands."""

    def give_up(self, flow_run_id: str, why: str) -> None:
        """Say that it has crashed, so that nobody waits for it."""

    def cancel(self, flow_run_id: str) -> None:
        """Ask its worker to stop it, or take it back if nobody has begun it."""


class DeploymentRuns:
    """Runs of one deployment on the configured Prefect server."""

    def __init__(self, deployment: str, tag: str) -> None:
        import httpx
        from prefect.client.orchestration import get_client
        from prefect.exceptions import ObjectNotFound
        from prefect.settings import get_current_settings

        if not get_current_settings().api.url:
            raise InputError(
                "shards need a Prefect server", "Start one with `optiq up`, and set PREFECT_API_URL to it."
            )
        self._client = get_client(sync_client=True)
        self._tag = tag
        try:
            self._deployment = self._client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            raise InputError(
                f"the Prefect server has no deployment {deployment!r}",
                "Deploy with `prefect --no-prompt deploy --all --prefect-file deployments/prefect.yaml`.",
            ) from None
        except httpx.HTTPError as fault:
            raise unusable(fault) from None

    def start(self, key: str, name: str, parameters: Mapping[str, Any], delay_s: float = 0.0) -> str:
        from prefect.states import Scheduled

        when = datetime.now(UTC) + timedelta(seconds=delay_s)
        flow_run = self._client.create_flow_run_from_deployment(
            self._deployment.id,
            parameters=dict(parameters),
            name=name,
            tags=[self._tag],
            idempotency_key=key,
            state=Scheduled(scheduled_time=when),
        )
        return str(flow_run.id)

    def look(self, flow_run_id: str) -> FlowRunState:
        import httpx
        from prefect.exceptions import ObjectNotFound

        try:
            state = self._client.read_flow_run(UUID(flow_run_id)).state
        except ObjectNotFound:
            return FlowRunState(BROKEN, message="the Prefect server knows the run no more")
        except httpx.HTTPError:  # the server is away for a moment: the run may be well
            return FlowRunState(WAITING)
        if state is None:
            return FlowRunState(WAITING)
        kind = _STATES.get(state.type.value, BROKEN)
        return FlowRunState(kind, str(state.id), " ".join((state.message or state.name or "").split())[:300])

    def give_up(self, flow_run_id: str, why: str) -> None:
        from prefect.states import Crashed

        self._client.set_flow_run_state(UUID(flow_run_id), Crashed(message=why), force=True)

    def cancel(self, flow_run_id: str) -> None:
        from prefect.states import Cancelled, Cancelling

        kind = self.look(flow_run_id).kind
        if kind in (WAITING, WORKING):
            state: Any = Cancelled() if kind == WAITING else Cancelling()
            self._client.set_flow_run_state(UUID(flow_run_id), state)
