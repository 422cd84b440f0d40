"""Agents on the SDKs that people use: each call is seen, attributed, overridden and priced, or said to be unseen.

The table of docs/agents.md is what came out here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
UNSEEN = "socket"


@pytest.fixture(scope="module")
def rows(client_python: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the script in the clients' environment says of each SDK."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [str(client_python), str(HERE / "sdk_agents.py")],
        capture_output=True,
        text=True,
        env={**kept, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path_factory.mktemp("agents"),
        timeout=800,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_every_call_is_seen_attributed_overridden_and_priced(rows: list[dict[str, Any]]) -> None:
    looked_at = {row.pop("sdk"): row for row in (dict(row) for row in rows)}
    unseen = looked_at.pop(UNSEEN)
    good = {"right": [1.0] * 4, "errors": {}}
    good |= dict.fromkeys(("seen", "attributed", "overridden", "priced"), True)
    assert {name: row for name, row in looked_at.items() if {n: row[n] for n in good} != good} == {}
    assert unseen["right"] == [1.0] * 4
    assert not unseen["seen"]
    assert not unseen["priced"], "what nobody saw is not free"
    assert unseen["unseen"] == 4


def test_the_page_has_what_came_out(rows: list[dict[str, Any]]) -> None:
    page = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| ([^|]+?) \| (yes|no) \| (yes|no) \| (yes|no) \| (yes|no) \|", page, re.MULTILINE)
    marks = ("seen", "attributed", "overridden", "priced")
    came = [(row["sdk"], *("yes" if row[mark] else "no" for mark in marks)) for row in rows]
    assert told == came
