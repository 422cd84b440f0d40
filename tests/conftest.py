"""No test touches a user's files, talks to a telemetry service, or prints a server's log."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Before anything imports Prefect: its settings are read once.
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="optiq-tests-prefect-")
os.environ["PREFECT_LOGGING_LEVEL"] = "CRITICAL"
os.environ["PREFECT_SERVER_LOGGING_LEVEL"] = "CRITICAL"
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="optiq-tests-cache-")
os.environ.pop("PREFECT_API_URL", None)

import pytest  # the settings above come first
from hypothesis import settings

from tests.small_disk import mounted

# How long an example takes depends on what else the machine does: no test fails for it.
settings.register_profile("optiq", deadline=None, print_blob=True)
settings.load_profile("optiq")

# A shell starts what runs in the background with Ctrl-C ignored, and children inherit it: tests press it all the same.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def only_what_this_test_gave():
    """Things that a test hands over, such as scripted servers, are known by name as long as it runs."""
    from optiq.extensions import built_in
    from optiq.extensions.registry import Registry

    registries = [one for one in vars(built_in).values() if isinstance(one, Registry)]
    before = [dict(registry._given) for registry in registries]
    yield
    for registry, given in zip(registries, before, strict=True):
        registry._given.clear()
        registry._given.update(given)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 128 MB."""
    with mounted(tmp_path / "disk") as disk:
        yield disk
