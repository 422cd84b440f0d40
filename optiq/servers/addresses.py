"""Addresses of model servers, and numbers that the environment gives for them."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import SplitResult, urlsplit

from optiq.errors import ConfigurationError


def split_url(url: str, meaning: str) -> SplitResult:
    """``url`` in its parts; :class:`ConfigurationError` if it is no http(s) address of a host."""
    remedy = f"Give {meaning} such as http://127.0.0.1:11434."
    try:
        parts = urlsplit(url)
        _ = parts.port  # read to be checked
    except ValueError as fault:
        raise ConfigurationError(f"{meaning} {url!r} is no address: {fault}", remedy) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{meaning} {shown(parts)!r} is no http or https address", remedy)
    return parts


def shown(parts: SplitResult) -> str:
    """The address without user and password: these never reach a screen, a log or an error."""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def is_loopback(host: str | None) -> bool:
    """Whether ``host`` is this machine, so that no proxy may stand between."""
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def number_from(variable: str) -> int | None:
    """A whole number from 1 up in an environment variable; None if it holds none."""
    value = os.environ.get(variable, "")
    return int(value) if value.isdigit() and int(value) > 0 else None
