"""One wiring for both ways of running: under a Prefect server, or directly in this process.

A flow calls its steps through :func:`run` and :func:`map_over`. Inside a Prefect flow run they become task
runs (with retries, states and logs); outside they are plain calls, because a temporary Prefect server costs
6 to 15 seconds per command and keeps no lasting record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from tasks.run_state import interrupt_all

_LOOK_S = 0.2


def inside_flow_run() -> bool:
    """Whether the caller runs inside a Prefect flow run."""
    from prefect.context import FlowRunContext

    return FlowRunContext.get() is not None


def run(task: Any, *args: Any, **kwargs: Any) -> Any:
    """The result of one step."""
    return task(*args, **kwargs) if inside_flow_run() else task.fn(*args, **kwargs)


def map_over(task: Any, items: Iterable[Any], *, workers: int = 1, **same: Any) -> list[Any]:
    """The results of ``task(item, **same)`` for every item, in the order of the items.

    Outside a flow run ``workers`` items are worked on at once; inside, as many as the flow's task runner
    takes. Ctrl-C calls off what is in flight and is raised when all workers have put down their work.
    """
    if not inside_flow_run():
        return _in_threads(partial(task.fn, **same), list(items), workers)
    from prefect import unmapped

    futures = task.map(list(items), **{name: unmapped(value) for name, value in same.items()})
    try:
        return [future.result() for future in futures]
    except KeyboardInterrupt:
        interrupt_all("interrupted")
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
            interrupt_all("interrupted")
            raise


def start(flow: Any, **parameters: Any) -> Any:
    """Run a flow on the configured Prefect server, or its wiring directly where there is none."""
    from prefect.settings import get_current_settings

    return flow(**parameters) if get_current_settings().api.url else flow.fn(**parameters)
