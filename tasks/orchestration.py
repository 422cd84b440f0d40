"""One wiring for both ways of running: under a Prefect server, or directly in this process.

A flow (:func:`wiring`) calls its steps (:func:`step`) through :func:`run` and :func:`map_over`. Inside a Prefect flow
run they become task runs (with retries, states and logs); outside they are plain calls, because a temporary Prefect
server costs 6 to 15 seconds per command and keeps no lasting record, and importing Prefect alone takes two.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import cached_property, partial, update_wrapper
from pathlib import Path
from typing import Any

from optiq.errors import InputError, OptiqError
from optiq.files.others_text import parse_toml
from optiq.servers import trust
from optiq.servers.addresses import past_proxies
from tasks.prefect_key import use_key

_LOOK_S = 0.2
_HARMLESS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED",
    "PREFECT_LOGGING_LEVEL",
    "server.analytics_enabled",
    "logging.level",
}
"""Settings of Prefect that may stand in a file of the current folder: they send nothing anywhere and run nothing."""


class Step:
    """A function, which inside a Prefect flow run is a task run. ``options`` are those of ``prefect.task``."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self.fn = function
        self._options = options
        update_wrapper(self, function)  # type: ignore[arg-type]

    @cached_property
    def task(self) -> Any:
        """As Prefect knows it. Results are our own business: nothing is cached or kept by Prefect."""
        from prefect import task
        from prefect.cache_policies import NO_CACHE

        return task(cache_policy=NO_CACHE, persist_result=False, **self._options)(self.fn)


def step(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Make a function a :class:`Step`."""
    return partial(step, **options) if function is None else Step(function, options)


class Wiring:
    """A flow: ``fn`` is its wiring; everything else is the Prefect flow's, which is made when it is asked for.

    Deployments name the flows of ``flows/``: to Prefect, this is one of its own.
    """

    def __init__(self, function: Callable[..., Any], workers: int | None, options: dict[str, Any]) -> None:
        self.fn = function
        self._workers, self._options = workers, options
        update_wrapper(self, function)

    @cached_property
    def flow(self) -> Any:
        """As Prefect knows it; ``workers`` task runs at once."""
        from prefect import flow
        from prefect.task_runners import ThreadPoolTaskRunner

        options = dict(self._options)
        if self._workers is not None:
            options["task_runner"] = ThreadPoolTaskRunner(self._workers)
        return flow(**options)(self.fn)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.flow(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.flow, name)

    @property
    def __class__(self) -> type:
        """A flow's, where Prefect is there to ask."""
        return type(self.flow) if "prefect.flows" in sys.modules else Wiring

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise TypeError("a flow stays one")


def wiring(function: Callable[..., Any] | None = None, *, workers: int | None = None, **options: Any) -> Any:
    """Make a function of flat parameters a flow."""
    if function is None:
        return partial(wiring, workers=workers, **options)
    return Wiring(function, workers, options)


def inside_flow_run() -> bool:
    """Whether the caller runs inside a Prefect flow run."""
    if "prefect.context" not in sys.modules:
        return False
    from prefect.context import FlowRunContext

    return FlowRunContext.get() is not None


def log(text: str) -> None:
    """Log ``text`` with the Prefect run that it happens in; outside one it is nobody's business."""
    if inside_flow_run():
        from prefect import get_run_logger

        get_run_logger().info(text)


def warn(text: str) -> None:
    """:func:`log` what a person should look at."""
    if inside_flow_run():
        from prefect import get_run_logger

        get_run_logger().warning(text)


def run(step: Step, *args: Any, **kwargs: Any) -> Any:
    """The result of one step."""
    return step.task(*args, **kwargs) if inside_flow_run() else step.fn(*args, **kwargs)


def map_over(step: Step, items: Iterable[Any], *, workers: int = 1, **same: Any) -> list[Any]:
    """The results of ``step(item, **same)`` for every item, in the order of the items.

    Outside a flow run ``workers`` items are worked on at once; inside, as many as the flow's task runner
    takes. Ctrl-C calls off what is in flight and is raised when all workers have put down their work.
    """
    if not inside_flow_run():
        return _in_threads(partial(step.fn, **same), list(items), workers)
    from prefect import unmapped

    futures = step.task.map(list(items), **{name: unmapped(value) for name, value in same.items()})
    try:
        return [future.result() for future in futures]
    except KeyboardInterrupt:
        _call_off()
        raise


def _in_threads(work: Callable[[Any], Any], items: list[Any], workers: int) -> list[Any]:
    with ThreadPoolExecutor(max(min(workers, len(items)), 1), thread_name_prefix="optiq-chunk") as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            # In short waits: a signal that another thread takes does not end the main thread's wait for a lock.
            while (turn := wait(futures, _LOOK_S, FIRST_EXCEPTION)).not_done:
                for future in turn.done:
                    future.result()  # what failed is said at once
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            _call_off()
            raise


def _call_off() -> None:
    from tasks.run_state import interrupt_all  # it brings all that a run needs, which a refresh does not

    interrupt_all("interrupted")


def start(flow: Wiring, **parameters: Any) -> Any:
    """Run a flow on the configured Prefect server, or its wiring directly where there is none."""
    if not has_server():
        return flow.fn(**parameters)
    _check_server()
    return flow(**parameters)


def _check_server() -> None:
    """An :class:`OptiqError` if the server cannot be used: Prefect would say so in a hundred lines."""
    import httpx
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        try:
            client.api_version()
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
            raise unusable(fault) from None


def unusable(fault: Exception) -> OptiqError:
    """What is said of a Prefect server that does not answer, or not to us."""
    from prefect.settings import get_current_settings

    return OptiqError(
        f"the Prefect server at {get_current_settings().api.url} cannot be used: {type(fault).__name__}",
        "Start it, or check PREFECT_API_URL and PREFECT_API_AUTH_STRING; without PREFECT_API_URL none is needed.",
    )


def has_server() -> bool:
    """Whether Prefect is told of a server. Prefect itself is asked only where one of its settings is found."""
    if not _may_have_server():
        return False
    refuse_settings_of_folder()
    os.environ.update(past_proxies(os.environ))
    use_key()
    from prefect.settings import get_current_settings

    return bool(get_current_settings().api.url)


def refuse_settings_of_folder() -> None:
    """Before Prefect reads its settings: those in files of the current folder are not trusted.

    They come with whatever was unpacked there, and Prefect would send the environment's keys where they say, and run
    what they name (a configuration of its log names classes). The address of a server may stand there, if it is this
    machine's or one that the person allows.

    Raises
    ------
    InputError
        naming the file and the setting.
    """
    if "prefect.settings" in sys.modules:
        return  # they were read, and not by us
    for file, name, value in _settings_of_folder():
        if name in _HARMLESS:
            continue
        if name in ("PREFECT_API_URL", "api.url"):
            if os.environ.get("PREFECT_API_URL") or trust.may_be_named(str(value)):
                continue
            raise InputError(
                f"{file} in this folder names a Prefect server that is not this machine's",
                f"If you mean it, set PREFECT_API_URL, or list it in trusted_servers of {trust.users_file()}.",
            )
        raise InputError(
            f"{file} in this folder sets {name} of Prefect, which could run code or send keys elsewhere",
            "If you mean it, set it in the environment or in a profile of Prefect, and not in a file of the folder.",
        )


def _settings_of_folder() -> Iterator[tuple[str, str, Any]]:
    """File, name and value of each setting that Prefect would read from the current folder."""
    for line in _text(Path(".env")).splitlines():
        before, _, value = line.partition("=")
        name = before.strip().removeprefix("export").strip(" \t'\"").upper()
        if name.startswith("PREFECT_"):
            yield ".env", name, value.strip(" \t'\"")
    for file, above in (("prefect.toml", ()), ("pyproject.toml", ("tool", "prefect"))):
        try:
            told: Any = parse_toml(_text(Path(file)))
        except ValueError:
            raise InputError(
                f"{file} in this folder cannot be read, and Prefect would", "Mend the file or remove it."
            ) from None
        for key in above:
            told = told.get(key, {}) if isinstance(told, dict) else {}
        yield from ((file, name, value) for name, value in _flat(told))


def _flat(told: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(told, dict):
        yield above, told
        return
    for name, value in told.items():
        yield from _flat(value, f"{above}.{name}" if above else name)


def _may_have_server() -> bool:
    """Whether anything that Prefect reads its settings from may name a server."""
    if os.environ.get("PREFECT_API_URL") or "prefect.context" in sys.modules:
        return True
    home = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect")
    profiles = Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml")
    told = {profiles: "PREFECT_API_URL", Path(".env"): "PREFECT_API_URL", Path("prefect.toml"): "url"}
    told |= {home / "prefect.toml": "url"}
    return any(name.lower() in _text(path).lower() for path, name in told.items()) or _project_names_server()


def _project_names_server() -> bool:
    """Whether ``pyproject.toml`` here sets Prefect's address; settings of Prefect that do not are no server."""
    project = _text(Path("pyproject.toml"))
    if "tool.prefect" not in project.replace('"', "").replace("'", ""):
        return False
    try:
        return "url" in str(tomllib.loads(project)["tool"]["prefect"]).lower()
    except (tomllib.TOMLDecodeError, KeyError):
        return True  # Prefect says what is wrong with it


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    except OSError:
        return ""
