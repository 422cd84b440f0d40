"""Nothing but what was asked for is on stdout, also in processes that DuckDB takes for a person's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.home import Home

OPENED = {
    "reading": "from warehouse.connection import reading\nopened = reading(Path(sys.argv[1]))",
    "writing": "from warehouse.connection import writing\n"
    "opened = writing(Path(sys.argv[2]) / 'new.duckdb', Path(sys.argv[2]) / 'spill')",
    "comparing": "from warehouse.archive import _both\nopened = _both(Path(sys.argv[1]), Path(sys.argv[1]))",
}
# A bar is drawn for what takes longer than 2 s.
SLOW = """
import sys, threading
from pathlib import Path
{opened}
with opened as connection:
    threading.Timer(3.0, connection.interrupt).start()
    try:
        connection.execute("select sum(sqrt(a.range * b.range + 1)) from range(300000) a, range(300000) b").fetchall()
    except Exception as ended:
        print(type(ended).__name__)
"""


@pytest.mark.parametrize("opened", OPENED)
def test_a_slow_statement_draws_no_bar_into_a_pipe(home: Home, tmp_path: Path, opened: str) -> None:
    code = SLOW.format(opened=OPENED[opened])
    done = subprocess.run(
        [sys.executable, "-c", code, str(home.perfdb), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("InterruptException\n", "", 0)
