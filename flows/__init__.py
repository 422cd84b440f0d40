"""Prefect flows and the command line.

What this sets holds before anything here imports Prefect: no telemetry, and files that are their owner's alone.
"""

import os

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

if os.environ.get("PREFECT__FLOW_RUN_ID"):  # a process that a worker made for one run of a flow
    from optiq.files.private import keep_private

    keep_private()
