"""A home in a store, for many machines: each has a mirror of it, a folder like any other home.

The store is an object store (``s3://bucket/home``, ``gs://``, ``abfs://``, through fsspec and its packages) or a
folder that is mounted everywhere (``file:///mnt/home``). It holds the same files as a home on one machine, so
that one can be copied into the other. The mirror is a cache keyed by the URL; it is never a source of truth:

- **PerfDB is pulled** when it has changed, under a temporary name, then renamed.
- **What a run writes is pushed** as soon as it is written (landed traces, run folders), file by file and in the
  order written; each file has one writer, and appears whole or not at all.
- **A refresh** fetches what has landed, works on this machine, and pushes in an order that leaves the store
  right at any moment: first the new snapshot, then PerfDB, then it removes the landed files, which PerfDB knows
  by then. If another machine has published meanwhile, nothing is pushed: the landed files wait for the next one.

A key that would lead out of the folder (``..``, absolute, odd separators) is passed over where it is listed, and
refused where it is read, written or removed.

Locks (one refresh, one process per run) hold on a machine, not across machines, nor are caches of responses
shared: stores have no locks to rely on. Nothing here asks for, keeps or shows a key: the store's own package
finds it in its environment.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import uuid
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from optiq.errors import InputError, OptiqWarning, PerfDBError
from optiq.files.inside import inside, stays_inside
from optiq.files.private import read_only
from optiq.files.sqlite_file import open_shared
from optiq.servers.trust import distrusted, users_file
from warehouse.home import Home

OBJECT_STORES = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "az": "adlfs",
    "memory": "fsspec",
}
"""Protocols whose uploads appear whole or not at all, with the package that speaks each."""

_PUBLISHED = "perfdb.duckdb"
# What tells one content of a file from another, of what stores say about files.
_VERSION_FIELDS = (
    "size",
    "ETag",
    "etag",
    "md5Hash",
    "content_md5",
    "mtime",
    "ino",
    "LastModified",
    "updated",
)


def open_mirror(url: str) -> Mirror:
    """The mirror of the home at ``url`` on this machine, with PerfDB up to date.

    Raises
    ------
    InputError
        if the URL cannot be used, its package is not installed, or the store cannot be reached.
    """
    protocol = url.split("://", 1)[0].lower()
    if re.search(r"://[^/]*(@|%40)", url) or "?" in url or "#" in url:
        raise InputError(
            "the URL of the home holds a user, a password or a signature",
            "Leave it out: the store's package finds its keys in the environment or its own files.",
        )
    if protocol in OBJECT_STORES and (origin := distrusted(url)) is not None:
        raise InputError(
            f"the home is a store that {origin} names, and the keys of the environment would open it",
            f"To allow it, give it with --perfdb or $OPTIQ_HOME, or list it in trusted_servers of {users_file()}.",
        )
    if protocol not in OBJECT_STORES and protocol not in ("file", "local"):
        known = ", ".join(f"{name}://" for name in ("file", *OBJECT_STORES))
        raise InputError(f"a home cannot be at {url}", f"Give a folder, or a URL that begins with {known}.")
    name = re.sub(r"[^A-Za-z0-9]+", "-", url)[-40:].strip("-")
    folder = _mirrors() / f"{name}-{hashlib.sha256(url.rstrip('/').encode()).hexdigest()[:12]}"
    mirror = Mirror(folder, url.rstrip("/"))
    mirror.create()
    mirror.pull()
    return mirror


@dataclass(frozen=True, slots=True)
class Mirror(Home):
    """The mirror of the home at ``url``."""

    url: str = ""

    @property
    def address(self) -> str:
        return self.url

    @property
    def mirrored(self) -> bool:
        return True

    def pull(self) -> None:
        """Bring PerfDB up to date; not while a refresh of this machine is about to publish its own."""
        try:
            with FileLock(self.lock, timeout=0):
                self.fetch(_PUBLISHED)
        except Timeout:
            return  # what is here is complete

    def fetch(self, part: str) -> None:
        with self._reached() as (store, root):
            store.invalidate_cache()
            there = _listing(store, root, part)
            known = self._record.versions(part)
            for name, version in there.items():
                if known.get(name) != version or not self._place(name).exists():
                    self._download(store, root, name, version)
            for name in known.keys() - there.keys():
                self._place(name).unlink(missing_ok=True)
                self._record.remove([name])

    def share(self, *files: Path) -> None:
        with self._reached() as (store, root):
            for file in files:
                try:
                    self._upload(store, root, self._name(file))
                except FileNotFoundError:
                    if file.exists():  # it is the store that has no place for it
                        raise
                    # another process has bundled it meanwhile, and shared that

    def forget(self, *files: Path) -> None:
        with self._reached() as (store, root):
            self._remove(store, root, [self._name(file) for file in files])

    def settle(self, part: str) -> None:
        known = self._record.versions(part)
        for path in sorted((self.path / part).rglob("*")):
            if path.is_file() and not path.name.startswith(".") and path.suffix != ".lock":
                name = self._name(path)
                if name not in known and "sqlite" not in path.name:
                    self.share(path)

    @contextmanager
    def publishing(self) -> Iterator[None]:
        with self._reached() as (store, root):
            for part in (_PUBLISHED, "landing", "snapshots"):
                self.fetch(part)
            before = _listing(store, root, _PUBLISHED).get(_PUBLISHED)
            mark = _mark(self.perfdb)
            # Until it is pushed, what is published here is not what is published: a kill leaves no record.
            self._record.remove([_PUBLISHED])
        yield
        with self._reached() as (store, root):
            if _mark(self.perfdb) != mark:
                store.invalidate_cache()
                if _listing(store, root, _PUBLISHED).get(_PUBLISHED) != before:
                    raise PerfDBError(
                        f"another machine has published to {self.url} meanwhile",
                        "Nothing is lost: what has landed waits for the next refresh.",
                    )
                self._follow(store, root, "snapshots", removed=False)
                self._upload(store, root, _PUBLISHED)
            elif before is not None:
                self._record.write(_PUBLISHED, before)
            for part in ("landing", "snapshots"):
                self._follow(store, root, part, removed=True)

    def _follow(self, store: Any, root: str, part: str, *, removed: bool) -> None:
        """Push files of a folder that the store does not have; with ``removed`` take away what is gone here."""
        self.settle(part)
        if removed:
            known = self._record.versions(part)
            self._remove(store, root, [name for name in known if not (self.path / name).exists()])

    def _download(self, store: Any, root: str, name: str, version: str) -> None:
        target = self._place(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
        try:
            store.get_file(f"{root}/{name}", str(temporary))
            if name == _PUBLISHED or name.startswith("snapshots/"):
                read_only(temporary)
            temporary.replace(target)
            self._record.write(name, version)
        except FileNotFoundError:
            pass  # removed since it was listed
        finally:
            temporary.unlink(missing_ok=True)

    def _upload(self, store: Any, root: str, name: str) -> None:
        place, target = self._place(name), f"{root}/{name}"
        if self.url.split("://", 1)[0].lower() in OBJECT_STORES:
            store.put_file(str(place), target)
        else:
            folder, _, last = target.rpartition("/")
            temporary = f"{folder}/.{last}-{uuid.uuid4().hex}"
            try:
                store.put_file(str(place), temporary)
                Path(temporary).replace(target)
            finally:
                with suppress(FileNotFoundError):
                    Path(temporary).unlink()
        store.invalidate_cache()
        found = _listing(store, root, name).get(name)
        if found is not None:
            self._record.write(name, found)

    def _remove(self, store: Any, root: str, names: list[str]) -> None:
        for name in names:
            self._place(name)  # what is not in the home is not removed
        keys = [f"{root}/{name}" for name in names]
        # many in one request; a key that is a pattern would take others with it
        together = [key for key in keys if not re.search(r"[*?\[]", key)]
        try:
            if together:
                store.rm(together)
        except Exception:  # one of them is gone already, or the store knows no such request
            together = []
        for key in set(keys).difference(together):
            with suppress(FileNotFoundError):
                store.rm_file(key)
        self._record.remove(names)

    def _name(self, file: Path) -> str:
        try:
            return file.relative_to(self.path).as_posix()
        except ValueError:
            return file.as_posix()  # which is no place in the home, and refused as one

    def _place(self, name: str) -> Path:
        return inside(self.path, name, "the store's key")

    @property
    def _record(self) -> MirrorRecord:
        return _record_of(self.path)

    @contextmanager
    def _reached(self) -> Iterator[tuple[Any, str]]:
        """The store and the home's path in it; faults of the store become :class:`InputError`."""
        import fsspec  # type: ignore[import-untyped]

        protocol = self.url.split("://", 1)[0].lower()
        options = {"auto_mkdir": True} if protocol in ("file", "local") else {}
        try:
            store, root = fsspec.core.url_to_fs(self.url, **options)
            yield store, root.rstrip("/")
        except ImportError:
            package = OBJECT_STORES.get(protocol, "fsspec")
            raise InputError(
                f"{protocol}:// needs the package {package}", f"Install it: pip install {package}."
            ) from None
        except (InputError, PerfDBError):
            raise
        except Exception as fault:
            if isinstance(fault, OSError) or type(fault).__module__.split(".")[0] in _OF_STORES:
                # Of the message only the kind of fault: others may hold what nobody should read.
                raise InputError(
                    f"the home at {self.url} cannot be used: {_kind(fault)}",
                    "Check the address, the store's keys in the environment, and the network.",
                ) from None
            raise


_OF_STORES = ("botocore", "aiobotocore", "s3fs", "gcsfs", "google", "azure", "adlfs", "aiohttp", "fsspec")


def _kind(fault: Exception) -> str:
    text = fault.strerror if isinstance(fault, OSError) and fault.strerror else None
    return text or type(fault).__name__


def _listing(store: Any, root: str, part: str) -> dict[str, str]:
    """Names of the files in ``part`` of the home (or of that file), with what tells their content."""
    try:
        found = store.find(f"{root}/{part}", detail=True)
    except FileNotFoundError:
        return {}
    base = store._strip_protocol(root)
    names = {path.removeprefix(f"{base}/"): _version(info) for path, info in found.items()}
    odd = sorted(name for name in names if not stays_inside(name))
    if odd:
        warnings.warn(
            f"{_counted(odd)} of the store {'is' if len(odd) == 1 else 'are'} passed over, as no file of a home is "
            f"called so: {', '.join(map(repr, odd[:3]))}",
            OptiqWarning,
            stacklevel=2,
        )
    return {
        name: version
        for name, version in names.items()
        if name not in odd and not name.rpartition("/")[2].startswith(".")
    }


def _counted(keys: list[str]) -> str:
    return "1 key" if len(keys) == 1 else f"{len(keys)} keys"


def _version(info: dict[str, Any]) -> str:
    told = [f"{name}={info[name]}" for name in _VERSION_FIELDS if info.get(name) is not None]
    if len(told) < 2:
        told.append(f"created={info.get('created')}")
    return " ".join(told)


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _mirrors() -> Path:
    """The folder with all mirrors of this machine's user."""
    given = os.environ.get("OPTIQ_MIRRORS")
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(caches) / "optiq" / "homes"


@lru_cache(maxsize=16)
def _record_of(folder: Path) -> MirrorRecord:
    return MirrorRecord(folder / "mirror.sqlite")


_TABLE = "create table if not exists files (name text primary key, version text not null) without rowid"


class MirrorRecord:
    """What a mirror knows of its store: which version of which file it has.

    A small SQLite file beside the mirrored files; several threads and processes may use it.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = open_shared(path, _TABLE)

    def versions(self, part: str) -> dict[str, str]:
        """The version of the file ``part``, or of all files in the folder of that name."""
        statement = "select name, version from files where name = ? or substr(name, 1, ?) = ?"
        with self._lock:
            rows = self._connection.execute(statement, (part, len(part) + 1, f"{part}/")).fetchall()
        return dict(rows)

    def write(self, name: str, version: str) -> None:
        """This version of the file is here and in the store."""
        with self._lock:
            self._connection.execute("insert or replace into files values (?, ?)", (name, version))

    def remove(self, names: Iterable[str]) -> None:
        """The store has no such files, or other ones."""
        with self._lock:
            self._connection.executemany("delete from files where name = ?", ((name,) for name in names))
