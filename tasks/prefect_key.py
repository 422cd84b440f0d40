"""The key of the Prefect server that `optiq up` starts for a home: made once, in a file that its owner alone reads."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from filelock import FileLock

from optiq.files.process_identity import ProcessIdentity

VARIABLE = "PREFECT_API_AUTH_STRING"


def key_file(home: Path) -> Path:
    """Where the key of a home's server is."""
    return home / "prefect" / "auth"


def make_key(home: Path) -> str:
    """The key; made if there is none."""
    path = key_file(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name("auth.lock")):
        if path.exists() and (key := path.read_text(encoding="ascii").strip()):
            path.chmod(0o600)
            return key
        key = f"optiq:{secrets.token_urlsafe(32)}"
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(number, "w", encoding="ascii") as file:
            file.write(key)
        path.chmod(0o600)
    return key


def use_key() -> None:
    """Give this process the key of the server that ``PREFECT_API_URL`` names, if a home at hand started it.

    Once that server is gone, anybody may listen at its address: then nobody is told the key.
    """
    url = os.environ.get("PREFECT_API_URL")
    if not url or os.environ.get(VARIABLE):
        return
    home = os.environ.get("OPTIQ_HOME") or ".optiq"
    if "://" in home:
        return
    try:
        path = Path(home).expanduser()
        told = json.loads((path / "prefect" / "running.json").read_text(encoding="utf-8"))
        server = ProcessIdentity.parse(told["server"])
        if told["api_url"].rstrip("/") == url.rstrip("/") and server is not None and server.is_running():
            os.environ[VARIABLE] = key_file(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return  # the server says that it wants a key
