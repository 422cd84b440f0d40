"""Keys of clients: whoever has one may ask, within its limits. At rest are only their hashes.

A key is drawn at random (256 bits), so that one round of SHA-256 hides it: nobody can try them all.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from optiq.errors import ConfigurationError, InputError, UnknownName
from optiq.files.atomic import replacing

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key. Limits that are None do not hold."""

    name: str
    sha256: str
    max_cost_per_day: float | None = None
    requests_per_minute: int | None = None
    created_at: str = ""


class Keys:
    """The keys in a file, which other processes may change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._keys: tuple[Key, ...] = ()

    def every(self) -> tuple[Key, ...]:
        """All keys, by name.

        Raises
        ------
        ConfigurationError
            if the file cannot be read: nobody is let in by a damaged one.
        """
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._keys = None, ()
            return ()
        stamp = stat.st_mtime_ns, stat.st_ino
        if stamp != self._stamp:
            try:
                rows = json.loads(self._path.read_text(encoding="utf-8"))
                self._keys = tuple(sorted((Key(**row) for row in rows), key=lambda key: key.name))
            except PermissionError:
                raise ConfigurationError(
                    f"{self._path} may not be read", "Keys are for who serves: ask the owner of the file."
                ) from None
            except (OSError, ValueError, TypeError) as fault:
                raise ConfigurationError(
                    f"{self._path} cannot be read: {fault}", "Restore it, or remove it and add the keys anew."
                ) from None
            self._stamp = stamp
        return self._keys

    def of(self, secret: str) -> Key | None:
        """The key that a client shows; all are compared, each in constant time."""
        shown, found = _hash(secret), None
        for key in self.every():
            if hmac.compare_digest(key.sha256, shown):
                found = key
        return found

    def add(
        self, name: str, max_cost_per_day: float | None = None, requests_per_minute: int | None = None
    ) -> str:
        """A new key; what is returned is shown once and kept nowhere.

        Raises
        ------
        InputError
            for a name that there is already, or that is none.
        """
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{name!r} is no name of a key", "Give up to 64 letters, digits, dots and dashes."
            )
        secret = f"optiq-{secrets.token_urlsafe(32)}"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._alone():
            if any(key.name == name for key in self.every()):
                raise InputError(f"there is a key {name!r}", "Remove it first, or give another name.")
            self._write([*self.every(), Key(name, _hash(secret), max_cost_per_day, requests_per_minute, now)])
        return secret

    def remove(self, name: str) -> None:
        """Take a key back. :class:`~optiq.errors.UnknownName` if there is none of that name."""
        with self._alone():
            left = [key for key in self.every() if key.name != name]
            if len(left) == len(self.every()):
                raise UnknownName(f"there is no key {name!r}", "`optiq serve keys list` shows them.")
            self._write(left)

    def _alone(self) -> filelock.BaseFileLock:
        """The lock of whoever changes the keys: two at once would write what the other has not seen."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(f"{self._path}.lock")

    def _write(self, keys: list[Key]) -> None:
        rows: list[dict[str, Any]] = [asdict(key) for key in keys]
        with replacing(self._path) as temporary:
            temporary.touch(0o600)
            temporary.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
