"""The keys of the environment go where the person who runs the command lets them go, and not where a file says."""

from __future__ import annotations

import os
import socket
import warnings
from pathlib import Path

import pytest

from optiq.configuration import Settings
from optiq.errors import ConfigurationError, InputError, OptiqWarning
from optiq.servers import listeners, trust
from optiq.servers.openai import OpenAIServer
from warehouse.find_home import find_home

KEY = "the-key-of-a-person"
THERE = "https://llm.example:8443/v1"


@pytest.fixture(autouse=True)
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that came from elsewhere, with a file that names a server; and a person with a key."""
    monkeypatch.setattr(trust, "_distrusted", {})
    monkeypatch.setattr(trust, "_nearby", {})
    monkeypatch.setattr(trust, "_said", set())
    for name in (
        "OPTIQ_CONFIG",
        "OPTIQ_SERVER_URL",
        "OPTIQ_OPENAI_BASE_URL",
        "OPENAI_BASE_URL",
        "OPTIQ_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "unpacked"
    folder.mkdir()
    (folder / "optiq.toml").write_text(f'server = "openai"\nserver_url = "{THERE}"\n')
    monkeypatch.chdir(folder)
    return folder


def key_sent(flags: dict[str, str] | None = None) -> str:
    settings = Settings.load(flags)
    return OpenAIServer(settings.server_url)._key


def allow(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config" / "optiq" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_a_file_in_the_current_folder_gets_no_key_and_that_is_said_once(tmp_path: Path) -> None:
    with pytest.warns(OptiqWarning, match="gets no key from the environment") as said:
        assert [key_sent() for _ in range(2)] == ["", ""]
    assert len(said) == 1
    assert "\n" not in str(said[0].message)
    assert KEY not in str(said[0].message)


@pytest.mark.parametrize(
    "way", ["flag", "variable", "config variable", "base variable", "own file", "key given"]
)
def test_whoever_runs_the_command_may_allow_it(way: str, tmp_path: Path, unpacked: Path, monkeypatch) -> None:
    flags = None
    if way == "flag":
        flags = {"server_url": THERE}
    elif way == "variable":
        monkeypatch.setenv("OPTIQ_SERVER_URL", THERE)
    elif way == "config variable":
        monkeypatch.setenv("OPTIQ_CONFIG", str(unpacked / "optiq.toml"))
    elif way == "base variable":
        monkeypatch.setenv("OPENAI_BASE_URL", "https://LLM.example:8443/other")
    elif way == "own file":
        allow(tmp_path, 'trusted_servers = ["https://llm.example:8443"]\n')
    else:
        Settings.load()
        assert OpenAIServer(THERE, "another")._key == "another"
        return
    assert key_sent(flags) == KEY


@pytest.mark.parametrize(
    "other",
    [
        "https://llm.example", "http://llm.example:8443", "https://llm.example.evil.example:8443",
        "https://evil.example/https://llm.example:8443", "https://xllm.example:8443",
    ],
)  # fmt: skip
def test_what_is_allowed_is_that_address_and_no_other(other: str, tmp_path: Path) -> None:
    allow(tmp_path, f'trusted_servers = ["{other}"]\n')
    with pytest.warns(OptiqWarning, match="gets no key"):
        assert key_sent() == ""


def test_this_machine_is_trusted(unpacked: Path) -> None:
    (unpacked / "optiq.toml").write_text('server_url = "http://127.0.0.1:8000/v1"\n')
    assert key_sent() == KEY


def test_a_flag_that_names_another_server_does_not_open_the_one_in_the_file() -> None:
    assert key_sent({"server_url": "https://mine.example/v1"}) == KEY
    with pytest.warns(OptiqWarning, match="gets no key"):
        assert OpenAIServer(THERE)._key == ""


def test_a_store_that_such_a_file_names_is_not_opened_with_keys(unpacked: Path, monkeypatch) -> None:
    (unpacked / "optiq.toml").write_text('home = "s3://somebody/home"\n')
    settings = Settings.load()
    with pytest.raises(InputError, match="is a store that home in optiq"):
        find_home(settings.home)


@pytest.mark.parametrize(
    "content", ["trusted_servers = ", 'trusted_servers = "all"', "trusted_servers = [1]"]
)
def test_an_own_file_that_cannot_be_read_says_so(content: str, tmp_path: Path) -> None:
    allow(tmp_path, content)
    with pytest.raises(ConfigurationError, match=r"config\.toml"):
        Settings.load()


@pytest.mark.parametrize("means_it", [False, True])
def test_a_file_does_not_pick_the_variable_that_an_address_of_this_machine_is_sent(
    means_it: bool, tmp_path: Path, unpacked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who listens there may be another person, or the end of a tunnel."""
    here = "http://127.0.0.1:18181"
    (unpacked / "optiq.toml").write_text(
        f'[servers.near]\ndialect = "openai"\nurl = "{here}/v1"\nkey_env = "A_SECRET"\n'
    )
    monkeypatch.setenv("A_SECRET", KEY)
    if means_it:
        allow(tmp_path, f'trusted_servers = ["{here}"]\n')
    Settings.load()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        sent = [trust.named_key(f"{here}/v1", "A_SECRET") for _ in range(2)]
        assert trust.environments_key(f"{here}/v1", "OPENAI_API_KEY") == KEY
    told = [str(one.message) for one in said]
    assert sent == ([KEY, KEY] if means_it else ["", ""])
    assert len(told) == (0 if means_it else 1)
    assert all(f"{here} is not sent what $A_SECRET holds, as" in one and KEY not in one for one in told)


@pytest.mark.parametrize("names_it", ["file", "flag"])
def test_an_address_of_this_machine_where_another_person_listens_gets_no_key(
    names_it: str, unpacked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = "http://127.0.0.1:18182/v1"
    monkeypatch.setattr(trust, "another_person_listens", lambda port: port == 18182)
    if names_it == "flag":
        assert key_sent({"server_url": here}) == KEY
        return
    (unpacked / "optiq.toml").write_text(f'server = "openai"\nserver_url = "{here}"\n')
    with pytest.warns(OptiqWarning, match="another user of this machine listens there") as said:
        assert key_sent() == ""
    assert KEY not in str(said[0].message)


def test_who_listens_is_read_from_the_systems_tables() -> None:
    rows = [
        "   0: 0100007F:4706 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 5 1 0",
        "   1: 0100007F:4706 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1002        0 6 1 0",
        "   2: 00000000000000000000000000000000:4706 "
        "00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1003        0 7 1 0",
        "   3: 0100007F:4707 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1004        0 8 1 0",
        "cut short",
    ]
    assert listeners._listening(0x4706, rows) == [1001, 1003]
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        own.listen()
        port = own.getsockname()[1]
        assert not listeners.another_person_listens(port)
        if Path("/proc/net/tcp").exists():
            assert listeners._listening(port, listeners._rows()) == [os.getuid()]
