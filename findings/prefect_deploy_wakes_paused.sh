#!/usr/bin/env bash
# Prefect 3.8.8: to deploy again wakes what a person paused.
# Expected: deploying a flow again updates its code and settings; a pause and a schedule that was turned off stay, as
#           nothing in the call speaks of them.
# Seen: after the second deploy of the same flow under the same name, the deployment is no longer paused and its
#       schedule is active.
# Hurts: nightly jobs paused during an incident or a migration: the next deploy from CI runs them again the same night.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi<0.151' 'sqlalchemy<2.1'
export PREFECT_HOME="$folder/home" DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_LOGGING_LEVEL=ERROR
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS=150
cat > "$folder/night.py" <<'PYTHON'
from prefect import flow


@flow
def night(): ...
PYTHON
cd "$folder"
cat > "$folder/twice.py" <<'PYTHON'
import contextlib, io
from importlib.metadata import version
from pathlib import Path
from night import night
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.schedules import Cron


def deploy():
    source = night.from_source(source=str(Path(__file__).parent), entrypoint="night.py:night")
    with contextlib.redirect_stdout(io.StringIO()):
        return source.deploy(
            name="nightly", work_pool_name="local", schedule=Cron("0 2 * * *"), print_next_steps=False, ignore_warnings=True
        )


with get_client(sync_client=True) as client:
    client.create_work_pool(WorkPoolCreate(name="local", type="process"))
    states = []
    for step in ("deployed", "paused", "deployed again"):
        if step == "paused":
            client.update_deployment_schedule(deployment, client.read_deployment(deployment).schedules[0].id, active=False)
            client.pause_deployment(deployment)
        else:
            deployment = deploy()
        now = client.read_deployment(deployment)
        states.append((step, now.paused, [schedule.active for schedule in now.schedules]))
print("prefect", version("prefect"), "(step, paused, active schedules):", states)
assert states == [("deployed", False, [True]), ("paused", True, [False]), ("deployed again", False, [True])]
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/twice.py" 2> "$folder/log" || { tail -n 3 "$folder/log"; exit 1; }
