"""Without a Prefect server the wiring of a flow runs directly, and no flow run is made."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from optiq.errors import InputError, OptiqError
from tasks.orchestration import inside_flow_run, map_over, refuse_settings_of_folder, run, start
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


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("file", "content", "refused"),
    [
        (".env", "OPENAI_API_KEY=mine\n", ""),
        (".env", "PREFECT_API_URL=http://127.0.0.1:4200/api\n", ""),
        (".env", "PREFECT_API_URL=https://other.example/api\n", "names a Prefect server"),
        (".env", "export prefect_api_url = 'https://other.example/api'\n", "names a Prefect server"),
        (".env", "PREFECT_LOGGING_SETTINGS_PATH=log.yml\n", "sets PREFECT_LOGGING_SETTINGS_PATH"),
        ("prefect.toml", '[api]\nurl = "http://localhost:4200/api"\n', ""),
        ("prefect.toml", '[api]\nurl = "http://localhost.example/api"\n', "names a Prefect server"),
        ("prefect.toml", '[logging]\nconfig_path = "log.yml"\n', "sets logging.config_path"),
        ("prefect.toml", "[api", "cannot be read"),
        ("prefect.toml", '[server]\nanalytics_enabled = false\n[logging]\nlevel = "DEBUG"\n', ""),
        ("pyproject.toml", (ROOT / "pyproject.toml").read_text(), ""),
        ("pyproject.toml", '[project]\nname = "x"\n', ""),
        ("pyproject.toml", '[tool."pr\\u0065fect".client]\ncustom_headers = {a = "b"}\n', "custom_headers"),
        ("pyproject.toml", "tool = 1\n", ""),
    ],
)
def test_a_file_of_the_folder_does_not_send_prefect_elsewhere_or_run_code(
    file: str, content: str, refused: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect reads such files wherever it is started, with the keys that the environment holds."""
    monkeypatch.delitem(sys.modules, "prefect.settings", raising=False)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / file).write_text(content)
    if not refused:
        refuse_settings_of_folder()
        return
    with pytest.raises(InputError, match=refused):
        refuse_settings_of_folder()
    if "names" in refused:  # whoever runs the command may allow it
        monkeypatch.setenv("PREFECT_API_URL", "https://other.example/api")
        refuse_settings_of_folder()
