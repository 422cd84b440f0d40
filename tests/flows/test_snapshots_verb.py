"""`optiq snapshots`: list, compare, restore."""

from __future__ import annotations

import json
from pathlib import Path


def test_snapshots_are_listed_compared_and_restored(optiq, tmp_path: Path) -> None:
    rows = "model,topic,usd_per_output_token,qoa,source,as_of\nnew:1b,*,0.000001,0.5,a paper,2026-01-01\n"
    (tmp_path / "new.csv").write_text(rows)
    optiq("ingest", "priors", "new.csv")
    optiq("refresh")
    listed = json.loads(optiq("snapshots", "--json").out)
    assert [row["snapshot_id"][:6] for row in listed] == ["000002", "000001"]
    assert [row["published"] for row in listed] == [True, False]
    differs = json.loads(optiq("snapshots", "diff", "--json").out)
    assert {row["model"] for row in differs["figures"]} == {"new:1b"}
    assert "new:1b" in optiq("snapshots", "diff", "1", "2").out

    restored = optiq("snapshots", "restore", "1")
    assert restored.code == 0
    assert "0 executions and 2 published figures" in restored.out
    assert "--keep-later" in restored.out
    assert optiq("sql", "select 1 from models where model = 'new:1b'", "--json").out.strip() == "[]"
    assert optiq("snapshots", "restore", "2").out.splitlines() == [
        f"published again: {listed[0]['snapshot_id']}"
    ]
    assert len(json.loads(optiq("sql", "select 1 from models where model = 'new:1b'", "--json").out)) == 1


def test_what_is_later_can_be_landed_again(optiq, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("model,qoa\nnew:1b,0.5\n")
    optiq("ingest", "priors", "new.csv")
    optiq("refresh")
    assert "1 file landed again" in optiq("snapshots", "restore", "1", "--keep-later").out
    optiq("refresh")
    assert len(json.loads(optiq("sql", "select 1 from models where model = 'new:1b'", "--json").out)) == 1


def test_a_snapshot_that_is_not_kept(optiq) -> None:
    result = optiq("snapshots", "restore", "77")
    assert result.code == 2
    assert "'77'" in result.err
