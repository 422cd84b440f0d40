"""Which addresses get the keys of the environment.

An ``optiq.toml`` in the current folder comes with whatever was unpacked there. It may say which server to ask, but not
where the keys of the person go who runs the command: an address in it that is not this machine's gets none, unless that
person has allowed it, in a file of their own or by a flag or variable that names it. One of this machine gets the usual
key, as local proxies want it, but not where another person listens, and not what a variable holds that the file picked.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from optiq.errors import ConfigurationError, OptiqWarning
from optiq.files.others_text import parse_toml
from optiq.servers.addresses import is_loopback
from optiq.servers.listeners import another_person_listens

_PORTS = {"http": 80, "https": 443}
_lock = threading.Lock()
_distrusted: dict[tuple[str, str, int | None], str] = {}
_nearby: dict[tuple[str, str, int | None], str] = {}
"""Addresses of this machine that such a file names: they may get keys, but may be a tunnel's or another person's."""
_said: set[tuple[str, str, int | None]] = set()


def users_file(environ: Mapping[str, str] | None = None) -> Path:
    """The person's own file, which allows addresses: ``trusted_servers = ["https://llm.example"]``."""
    environ = os.environ if environ is None else environ
    base = environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "optiq" / "config.toml"


def allowed(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """What the person's own file allows; :class:`ConfigurationError` if it cannot be read."""
    path = users_file(environ)
    try:
        told = parse_toml(path.read_text(encoding="utf-8")).get("trusted_servers", [])
    except FileNotFoundError:
        return ()
    except (ValueError, OSError) as fault:
        raise ConfigurationError(
            f"{path} cannot be read as TOML: {fault}", "Mend the file or remove it."
        ) from None
    if not isinstance(told, list) or not all(isinstance(url, str) for url in told):
        raise ConfigurationError(
            f"trusted_servers in {path} is {told!r}", 'Give a list, such as ["https://llm.example"].'
        )
    return tuple(told)


def distrust(url: str, origin: str, environ: Mapping[str, str] | None = None) -> None:
    """``url`` stands in a file of the current folder (``origin`` says where): it gets no keys, unless it is allowed."""
    environ = os.environ if environ is None else environ
    place = _place(url)
    if place is None:
        return
    variables = ("OPTIQ_SERVER_URL", "OPTIQ_OPENAI_BASE_URL", "OPENAI_BASE_URL", "OPTIQ_HOME")
    named = [environ[name] for name in variables if environ.get(name)]
    if place not in {_place(own) for own in (*named, *allowed(environ))}:
        with _lock:
            (_nearby if is_loopback(place[1]) else _distrusted)[place] = origin


def trust(url: str) -> None:
    """The person named ``url``: whatever files say of it too, it may have keys."""
    with _lock:
        for known in (_distrusted, _nearby):
            known.pop(_place(url) or ("", "", None), None)


def may_be_named(url: str, environ: Mapping[str, str] | None = None) -> bool:
    """Whether a file of the current folder may name ``url``: it is this machine's, or the person allows it."""
    place = _place(url)
    return place is not None and (is_loopback(place[1]) or place in {_place(own) for own in allowed(environ)})


def distrusted(url: str) -> str | None:
    """Where the file stands that names ``url`` and is not to be trusted with keys; None if they may go there."""
    return _distrusted.get(_place(url) or ("", "", None))


def environments_key(url: str, *variables: str) -> str:
    """The key for ``url`` that the first of ``variables`` holds; empty, with one warning, if it is not to go there."""
    key = next((os.environ[name] for name in variables if os.environ.get(name)), "")
    place = _place(url)
    if not key or place is None:
        return key
    if place in _distrusted:
        why = f"it comes from {_distrusted[place]}"
    elif place in _nearby and another_person_listens(place[2] or 0):
        why = f"{_nearby[place]} names it, and another user of this machine listens there"
    else:
        return key
    _say_once(place, f"gets no key from the environment, as {why}")
    return ""


def named_key(url: str, variable: str) -> str:
    """The key for ``url`` in a variable that a configuration names: as :func:`environments_key`.

    A file of the current folder does not choose the variable for an address of this machine: who listens there may be
    another person, or a tunnel.
    """
    place = _place(url)
    if place in _nearby and os.environ.get(variable):
        assert place is not None, "what a file names has a place"
        _say_once(place, f"is not sent what ${variable} holds, as {_nearby[place]} picked it")
        return ""
    return environments_key(url, variable)


def _say_once(place: tuple[str, str, int | None], what: str) -> None:
    with _lock:
        new = place not in _said
        _said.add(place)
    if new:
        port = "" if place[2] in (None, _PORTS.get(place[0])) else f":{place[2]}"
        allow = f"to allow it, give it with --server-url or list it in trusted_servers of {users_file()}"
        warnings.warn(f"{place[0]}://{place[1]}{port} {what}; {allow}", OptiqWarning, stacklevel=3)


def _place(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port, or the bucket of a store; None for what is no URL."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if not parts.scheme or not host:
        return None
    scheme = parts.scheme.lower()
    return scheme, host, port or _PORTS.get(scheme)
