"""Without a Prefect server the wiring of a flow runs directly, and no flow run is made."""

from __future__ import annotations

import pytest

from optiq.errors import OptiqError
from tasks.orchestration import inside_flow_run, map_over, run, start
from tests.optiq.scripted_http import closed_port, scripted_server


def test_without_a_server_no_flow_run_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect import flow, task

    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    seen = []

    @task
    def double(number: int, plus: int) -> int:
        seen.append(inside_flow_run())
        return 2 * number + plus

    @flow
    def wiring() -> list[int]:
        return [run(double, 1, plus=0), *map_over(double, [3, 2], plus=1)]

    assert start(wiring) == [2, 7, 5]
    assert seen == [False] * 3


@pytest.mark.parametrize("there", [False, True], ids=["nobody there", "somebody else"])
def test_a_prefect_server_that_cannot_be_used_is_one_line(there: bool) -> None:
    from prefect import flow
    from prefect.settings import PREFECT_API_URL, temporary_settings

    @flow
    def wiring() -> None:
        raise AssertionError("it is not begun")

    with scripted_server() as fake:
        url = f"{fake.url}/api" if there else f"http://127.0.0.1:{closed_port()}/api"
        with temporary_settings({PREFECT_API_URL: url}), pytest.raises(OptiqError) as told:
            start(wiring)
    assert told.value.message.startswith(f"the Prefect server at {url} cannot be used: ")
    assert "PREFECT_API_URL" in told.value.remedy
