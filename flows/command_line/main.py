"""The root of the command line: the table of verbs; faults become one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from flows.command_line.verb import Verbs
from optiq.errors import OptiqError, OptiqNote, OptiqWarning
from optiq.files.private import private_files

VERBS: dict[str, Any] = {
    "init": "init:init",
    "models": {
        "": "models:models",
        "list": "models:models",
        "show": "models:show",
        "add": "models:add",
        "probe": "models:probe",
    },
    "ingest": "ingest:ingest",
    "refresh": "refresh:refresh",
    "report": "report:report",
    "plan": "plan:plan",
    "estimate": "estimate:estimate",
    "evaluate": "evaluate:evaluate",
    "explain": "explain:explain",
    "ask": "ask:ask",
    "answer": "answer:answer",
    "show": "show:show",
    "view": "view:view",
    "collect": "collect:collect",
    "calibrate": "calibrate:calibrate",
    "select": "select:select",
    "chemistry": "chemistry:chemistry",
    "recommend": "chemistry:recommend",
    "review": "review:review",
    "runs": {"": "runs:list_runs", "list": "runs:list_runs", "show": "runs:show"},
    "score": "score:score",
    "cache": {"": "cache:listing", "list": "cache:listing", "show": "cache:show", "clear": "cache:clear"},
    "snapshots": {
        "": "snapshots:listing",
        "list": "snapshots:listing",
        "show": "snapshots:show",
        "diff": "snapshots:diff",
        "restore": "snapshots:restore",
    },
    "sql": "sql:sql",
    "export": "export:export",
    "serve": {
        "": "serve:serve",
        "keys": {"add": "serve_keys:add", "list": "serve_keys:list_keys", "remove": "serve_keys:remove"},
    },
    "config": "config:config",
    "up": "up:up",
    "down": "up:down",
}
"""Every verb: the module beside this one and the function. One of several parts has a table of them; what it does
without a part stands under the empty name."""


def _say_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"optiq {version('optiq')}")
        context.exit()


def command_line() -> click.Group:
    """The verbs; those that are not asked for are not imported."""
    version = click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_say_version,
        help="Print the version.",
    )
    told = "Plan before you execute: answer questions with several language models under hard limits."
    root = Verbs("optiq", VERBS, [version], told)
    root.context_settings = {"help_option_names": ["-h", "--help"]}
    return root


def main() -> None:
    """Entry point of the ``optiq`` script. Exit code 0 done, 1 failed, 2 misused, 130 interrupted."""
    code = run(sys.argv[1:])
    if any(thread.name.startswith("optiq-run") for thread in threading.enumerate()):
        # Runs of a user's agent that were given up. Threads that it started may hold up the end for as long as it
        # hangs: this process is done.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def in_one_line(usual: Callable[..., str]) -> Callable[..., str]:
    """How warnings are written: ours in one line, all others as usual."""

    def line(message: Any, category: type[Warning], *place: Any, **more: Any) -> str:
        from flows.command_line.screen import printable

        if issubclass(category, OptiqNote):
            return f"{printable(message)}\n"
        if issubclass(category, OptiqWarning):
            return f"warning: {printable(message)}\n"
        return usual(message, category, *place, **more)

    return line


@contextmanager
def one_line_warnings() -> Iterator[None]:
    """Warnings are for people: one line, without the place in the code, unless Python is asked for more (-W)."""
    usual = warnings.formatwarning
    said: set[str] = set()

    def of_others(message: Any, category: type[Warning], *place: Any, **more: Any) -> str:
        if sys.warnoptions:
            return usual(message, category, *place, **more)
        from flows.command_line.screen import printable

        return f"warning: {' '.join(printable(message).split())} ({category.__name__})\n"

    line = in_one_line(of_others)

    def once(message: Any, category: type[Warning], *place: Any, **more: Any) -> str:
        """A file may be read in several places of one command: what is wrong with it is said once."""
        text = line(message, category, *place, **more)
        if issubclass(category, OptiqWarning) and not issubclass(category, OptiqNote):
            if text in said:
                return ""
            said.add(text)
        return text

    warnings.formatwarning = once
    try:
        yield
    finally:
        warnings.formatwarning = usual


def run(arguments: list[str]) -> int:
    """Run one command in this process and return its exit code."""
    with one_line_warnings(), private_files():
        return _run(arguments)


_NO_ROOM = "Make room, then try again: the same command goes on."
_NO_RIGHT = "Check the permissions, or give another place."
_OF_THE_DISK = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: _NO_ROOM,
    errno.EROFS: _NO_RIGHT,
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
}
"""What the system refuses wherever a command writes, and what a person can do about it."""


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["help"]:  # as with other tools
        arguments = [*arguments[1:], "--help"]
    command = command_line()
    try:
        with command.make_context("optiq", list(arguments)) as context:
            result = command.invoke(context)
    except click.exceptions.NoArgsIsHelpError as fault:
        print(fault.format_message())
        return 2
    except click.UsageError as fault:
        verb = fault.ctx.command_path if fault.ctx else "optiq"
        _fail(f"{fault.format_message()}{_example(fault)} See `{verb} --help`.")
        return 2
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except KeyboardInterrupt as stop:
        _fail(str(stop) or "interrupted")
        return 130
    except RuntimeError as fault:
        if str(fault) != "Query interrupted":  # what DuckDB makes of Ctrl-C
            raise
        _fail("interrupted")
        return 130
    except OptiqError as fault:
        _fail(str(fault))
        return fault.exit_code
    except ModuleNotFoundError as fault:
        from optiq.extensions.extras import how_to_install

        remedy = how_to_install(fault.name)
        if remedy is None:
            raise
        _fail(f"{fault.name} is not installed. {remedy}")
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as fault:
        if fault.errno not in _OF_THE_DISK:
            raise
        where = f"{fault.filename}: " if fault.filename else ""
        _fail(f"{where}{fault.strerror}. {_OF_THE_DISK[fault.errno]}")
        return 1
    return result if isinstance(result, int) else 0


def _example(fault: click.UsageError) -> str:
    """How the verb is called, for who left out an argument or gave one that it cannot be."""
    about = isinstance(fault, click.BadParameter) and isinstance(fault.param, click.Argument) and fault.ctx
    _, found, example = (about.command.help or "" if about else "").partition("Example:")
    return f" For example: {example.strip().splitlines()[0]}." if found else ""


def _fail(message: str) -> None:
    from flows.command_line.screen import printable
    from optiq.servers.addresses import without_secrets

    print(f"error: {printable(without_secrets(message))}", file=sys.stderr)


if __name__ == "__main__":
    main()
