"""Addresses of model servers, and numbers that the environment gives for them."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from optiq.errors import ConfigurationError


def split_url(url: str, meaning: str) -> SplitResult:
    """``url`` in its parts; :class:`ConfigurationError` if it is no http(s) address of a host."""
    remedy = f"Give {meaning} such as http://127.0.0.1:11434."
    refuse_secrets(url, meaning)
    try:
        parts = urlsplit(url)
        _ = parts.port  # read to be checked
    except ValueError as fault:
        raise ConfigurationError(f"{meaning} {url!r} is no address: {fault}", remedy) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{meaning} {shown(parts)!r} is no http or https address", remedy)
    return parts


_SECRET = re.compile(
    r"key|token|secret|passw|pwd|credential|auth|bearer|(?:^|[^a-z])(?:sig|signature|sas|pass|user|code)(?:$|[^a-z])"
)


def refuse_secrets(url: str, meaning: str) -> None:
    """:class:`ConfigurationError` if ``url`` holds a user, a password, or a key in its query.

    An address is stored with runs and shown; what opens a door is not. It is not repeated here either.
    """
    after = (url.partition("://")[2] if "://" in url else url).lstrip("/")
    authority = re.split(r"[/?#\\]", after, maxsplit=1)[0]
    query = re.split(r"[?#;]", after)[1:]
    names = [name.lower() for name, _ in parse_qsl("&".join(query), keep_blank_values=True)]
    if "@" in authority or "%40" in authority or any(_SECRET.search(name) for name in names):
        raise ConfigurationError(
            f"{meaning} holds a user, a password or a key",
            "Leave it out: keys belong into the environment, such as OPTIQ_OPENAI_API_KEY.",
        )


_USER = re.compile(r"(?<=:)(/+)[^/\s?#]+(?=@)")
_USER_AND_PASSWORD = re.compile(r"(?<![^\s/@'\"])[^\s/:@'\"]+:[^\s/@'\"]+(?=@)")
_GIVEN = re.compile(r"([?&#;])([^=&#;\s]+)=([^&#;\s]+)")


def without_secrets(text: str) -> str:
    """``text`` with what opens a door blotted out of the addresses in it, such as those given where a file belongs."""
    text = _USER_AND_PASSWORD.sub("…", text)
    if ":/" not in text:
        return text

    def blotted(found: re.Match[str]) -> str:
        name = unquote(found[2]).lower()
        return f"{found[1]}{found[2]}=…" if _SECRET.search(name) else found[0]

    return _GIVEN.sub(blotted, _USER.sub(r"\1…", text))


def shown(parts: SplitResult) -> str:
    """The address as people see it, without anything before an ``@``."""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@lru_cache(maxsize=1024)
def is_loopback(host: str | None) -> bool:
    """Whether ``host`` is this machine, so that no proxy may stand between."""
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables of a process whose requests to this machine go through no proxy."""
    given = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if given.strip() == "*":
        return dict(environment)
    names = [name for name in map(str.strip, given.split(",")) if name]
    local = ",".join(dict.fromkeys((*names, "127.0.0.1", "localhost")))
    return {**environment, "NO_PROXY": local, "no_proxy": local}


def number_from(variable: str) -> int | None:
    """A whole number from 1 up in an environment variable; None if it holds none."""
    value = os.environ.get(variable, "")
    return int(value) if value.isdigit() and int(value) > 0 else None
