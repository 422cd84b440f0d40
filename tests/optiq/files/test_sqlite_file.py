"""Processes that make the same SQLite file at the same moment all get it."""

from __future__ import annotations

import threading
from pathlib import Path

from optiq.files.sqlite_file import open_shared


def test_many_make_the_same_file_at_once(tmp_path: Path) -> None:
    faults: list[Exception] = []
    for number in range(40):
        together = threading.Barrier(6)

        def make(path: Path, together: threading.Barrier) -> None:
            together.wait()
            try:
                open_shared(path, "create table if not exists t (x integer)").execute(
                    "insert into t values (1)"
                )
            except Exception as fault:
                faults.append(fault)

        path = tmp_path / f"{number}.sqlite"
        threads = [threading.Thread(target=make, args=(path, together)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        count = open_shared(path, "").execute("select count(*) from t").fetchone()[0]
        assert (faults, count) == ([], 6)
