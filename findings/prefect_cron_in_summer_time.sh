#!/usr/bin/env bash
# Prefect 3.8.8: a nightly cron at 02:30 runs at 01:30 on the night the clocks go forward.
# Expected: 02:30 does not exist that night; a cron runs it right after the gap (cronsim 2.8, which Prefect uses: 03:00)
#           or not at all. Never before its time.
# Seen: Europe/Berlin on 2026-03-29 and America/New_York on 2026-03-08 are scheduled for 01:30, an hour before
#       the time that the rule names.
# Hurts: nightly jobs that wait for something that is finished at two.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi<0.151' 'sqlalchemy<2.1' cronsim==2.8
export PREFECT_HOME="$folder/prefect" PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import prefect
from cronsim import CronSim
from prefect.server.schemas.schedules import CronSchedule

def nights(zone, day):
    rule = CronSchedule(cron="30 2 * * *", timezone=zone)
    return [str(date)[:16] for date in asyncio.run(rule.get_dates(2, start=datetime.fromisoformat(day)))]

berlin = nights("Europe/Berlin", "2026-03-28T00:00+00:00")
york = nights("America/New_York", "2026-03-07T00:00+00:00")
rule = CronSim("30 2 * * *", datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin")))
plain = str(next(rule))[:16]
print("prefect", prefect.__version__, berlin, york, "cronsim:", plain)
assert berlin == ["2026-03-28 02:30", "2026-03-29 01:30"]
assert york == ["2026-03-07 02:30", "2026-03-08 01:30"]
assert plain == "2026-03-29 03:00"
PYTHON
