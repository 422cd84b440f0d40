"""A function of requests as a verb of the command line: its options, and its help under headings."""

from __future__ import annotations

import importlib
import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, cast, get_args, get_origin

import click
from click.core import ParameterSource

from flows.declaration import Argument, Parameter, flattened

_FEW = 12
"""A verb of at most so many options shows them all."""


def verb(name: str, told: Any) -> click.Command:
    """The verb called ``name``: ``told`` is its ``module:function``, or a table of its parts."""
    return _Verb(name, *_function(told)) if isinstance(told, str) else Verbs(name, told)


def _function(told: str) -> tuple[Callable[..., Any], Sequence[Parameter]]:
    module, _, name = told.partition(":")
    return flattened(
        getattr(importlib.import_module(f"flows.command_line.{module}"), name), lambda one: one.kind
    )


class _Told(click.Command):
    """A command whose help says of each option what the declaration says.

    The options that people need are shown first, all of them under headings.
    """

    declared: Mapping[str, Parameter]
    whole = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As Click does; but that it takes the last of two values and forgets the first is no answer to a person."""
        if not ctx.resilient_parsing:
            given = Counter(self.make_parser(ctx).parse_args(args=list(args))[2])
            for one, times in given.items():
                if isinstance(one, click.Option) and times > 1 and not (one.is_flag or one.multiple):
                    raise click.UsageError(
                        f"{one.opts[0]} takes one value, and {times} are given: leave one.", ctx
                    )
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        shown = self.get_params(ctx)
        short = not self.whole and len(self.declared) > _FEW
        for one in shown:
            if told := self.declared.get(one.name or ""):
                one.help = told.described()  # type: ignore[attr-defined]
            elif one.name == "help_all" and short:
                one.help = f"Show all {len(self.declared)}, under headings."  # type: ignore[attr-defined]
        sections = _first(shown, self.declared, ctx) if short else _by_panel(shown, self.declared, ctx)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


class _Verb(_Told):
    """A function as a command."""

    def __init__(self, name: str, function: Callable[..., Any], taken: Sequence[Parameter]) -> None:
        self.declared = {one.name: one for one in taken}
        super().__init__(
            name, callback=function, params=[*map(_as_clicked, taken), _ALL], help=inspect.getdoc(function)
        )


class Verbs(_Told, click.Group):
    """A table of verbs, each of which is imported when it is asked for.

    What is done where none is named stands in it under the empty name.
    """

    def __init__(
        self, name: str, table: Mapping[str, Any], params: Sequence[click.Parameter] = (), help: str = ""
    ) -> None:
        self.table = {part: told for part, told in table.items() if part}
        self.declared = {}
        function: Callable[..., Any] | None = None
        if itself := table.get(""):
            function, taken = _function(itself)
            self.declared = {one.name: one for one in taken}
            params, help = [*map(_as_clicked, taken), _ALL], inspect.getdoc(function) or ""
        super().__init__(
            name,
            invoke_without_command=function is not None,
            no_args_is_help=function is None,
            params=list(params),
            help=help or inspect.getdoc(self._first_module()),
        )
        # Click looks here only for what may have been meant by a name that there is not
        self.commands = dict.fromkeys(self.table)  # type: ignore[assignment]
        self.callback = self._alone(function) if function else None

    def _first_module(self) -> Any:
        told = next(iter(self.table.values()))
        return importlib.import_module(f"flows.command_line.{told.partition(':')[0]}")

    def _alone(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def alone(**given: Any) -> Any:
            context = click.get_current_context()
            if context.invoked_subcommand is None:
                return function(**given)
            _refuse_before(context, context.invoked_subcommand)
            return None

        return alone

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        told = self.table.get(cmd_name)
        return None if told is None else verb(cmd_name, told)


def _refuse_before(context: click.Context, part: str) -> None:
    """Options of the group itself before one of its parts would reach nobody."""
    for one in context.command.params:
        if context.get_parameter_source(one.name or "") is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{one.opts[0]} belongs after {part!r}.", context)


def _show_all(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        cast(_Told, context.command).whole = True
        click.echo(context.get_help())
        context.exit()


_ALL = click.Option(
    ["--help-all"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_all,
    help="Show every option.",
)


def _first(shown: Sequence[Any], declared: Mapping[str, Parameter], ctx: Any) -> dict[str, list[Any]]:
    """Arguments and common options; those of a group that says what they are together are one line."""
    records: dict[str, list[Any]] = {"Arguments": [], "Options": []}
    groups: dict[str, list[str]] = {}
    for one in shown:
        record, told = one.get_help_record(ctx), declared.get(one.name or "")
        if record is None:
            continue
        if told is None:
            records["Options"].append(record)
        elif isinstance(told.about, Argument):
            records["Arguments"].append(record)
        elif told.about.common and told.together:
            flags = groups.setdefault(told.together, [])
            if not flags:
                records["Options"].append((flags, told.together))
            flags.append(record[0])
        elif told.about.common:
            records["Options"].append(record)
    records["Options"] = [
        (flags if isinstance(flags, str) else ", ".join(flags), text) for flags, text in records["Options"]
    ]
    return records


def _by_panel(shown: Sequence[Any], declared: Mapping[str, Parameter], ctx: Any) -> dict[str, list[Any]]:
    """Every option under its heading; those of none come last."""
    headed: dict[str, list[Any]] = {"Arguments": []}
    general: list[Any] = []
    for one in shown:
        told = declared.get(one.name or "")
        if told is None and one.name == "help_all" and len(declared) <= _FEW:
            continue
        heading = "" if told is None else "Arguments" if isinstance(told.about, Argument) else told.panel
        section = headed.setdefault(heading, []) if heading else general
        section += filter(None, [one.get_help_record(ctx)])
    return {**headed, "Options": general}


_LISTS = ("--server", "--server-url", "--models")
"""Options whose value is a list with commas: given again, they add to it."""


def _as_clicked(one: Parameter) -> click.Parameter:
    """A parameter as Click takes it. Numbers come as text: what cannot be read is said by the declaration."""
    about, kinds = one.about, {one.kind, *get_args(one.kind)}
    several = any(get_origin(kind) is list for kind in kinds)
    needed = one.default is inspect.Parameter.empty
    more: dict[str, Any] = {"metavar": about.metavar, "required": needed}
    if not needed:
        more["default"] = one.default
    choices = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum)), None)
    if choices is not None:
        more["type"] = click.Choice([choice.value for choice in choices])
        more["callback"] = lambda _, __, value: value and choices(value)
    elif Path in kinds:
        more["type"] = click.Path(path_type=Path)
    elif bool in kinds:
        more["is_flag"] = True
    else:
        more["type"] = str
    if several:  # nothing given is nothing, and no empty list that would override a setting
        more["callback"] = lambda _, __, values: list(values) or None
    joined = one.flag in _LISTS and not isinstance(about, Argument)
    if joined:
        more["callback"] = lambda _, __, values: ",".join(values) if values else None
    if isinstance(about, Argument):
        return click.Argument([one.name], nargs=-1 if several else 1, **more)
    flag = about.flag or one.flag
    if bool in kinds and one.default is not False and "/" not in flag:
        flag = f"{flag}/--no-{flag[2:]}"
    return click.Option([one.name, flag, *filter(None, [about.short])], multiple=several or joined, **more)
