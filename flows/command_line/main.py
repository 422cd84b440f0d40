"""The root of the command line: it only registers verbs and turns faults into one line and an exit code."""

from __future__ import annotations

import os
import sys
import threading
from typing import Annotated

import typer

from flows.command_line import (
    answer,
    ask,
    cache,
    calibrate,
    chemistry,
    estimate,
    evaluate,
    explain,
    ingest,
    init,
    models,
    plan,
    recommend,
    refresh,
    report,
    review,
    runs,
    score,
    select,
    snapshots,
    sql,
    up,
)
from optiq.errors import OptiqError

# Typer carries a Click of its own and names only some of its exceptions; this one is their base.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="optiq",
    help="Plan before you execute: answer questions with several language models under hard limits.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"optiq {version('optiq')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Options of the command itself."""


for _verb in (
    init,
    models,
    ingest,
    refresh,
    report,
    plan,
    estimate,
    evaluate,
    explain,
    ask,
    answer,
    calibrate,
    select,
    chemistry,
    recommend,
    review,
    runs,
    score,
    cache,
    snapshots,
    sql,
    up,
):
    _verb.register(app)


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


def run(arguments: list[str]) -> int:
    """Run one command in this process and return its exit code."""
    command = typer.main.get_command(app)
    try:
        result = command.main(args=arguments, prog_name="optiq", standalone_mode=False)
    except UsageError as fault:
        context = getattr(fault, "ctx", None)
        if type(fault).__name__ == "NoArgsIsHelpError":
            print(context.get_help() if context else fault)
            return 2
        verb = context.command_path if context else "optiq"
        _fail(f"{fault.format_message()} See `{verb} --help`.")  # type: ignore[attr-defined]
        return 2
    except typer.Exit as stop:
        if stop.exit_code == 130:  # what Typer makes of Ctrl-C
            _fail("interrupted")
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        _fail("interrupted")
        return 130
    except OptiqError as fault:
        _fail(str(fault))
        return fault.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return result if isinstance(result, int) else 0


def _fail(message: str) -> None:
    from flows.command_line.screen import printable

    print(f"error: {printable(message)}", file=sys.stderr)


if __name__ == "__main__":
    main()
