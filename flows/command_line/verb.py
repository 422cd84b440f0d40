"""A function of requests as a verb of the command line: its options, and its help under headings."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Annotated, Any, cast, get_args

import typer
from typer.core import TyperCommand, TyperGroup

from flows.declaration import Argument, Parameter, flattened


def add_verbs(app: typer.Typer, verbs: Mapping[str, Any]) -> None:
    """Add verbs to a command line: by name the ``module:function`` of each, or a table of its parts.

    In such a table stands under the empty name what is done without a part.
    """
    for name, verb in verbs.items():
        if isinstance(verb, str):
            made, declared = _declared(_function(verb))
            app.command(name, cls=_told(TyperCommand, declared))(made)
            continue
        parts = {part: told for part, told in verb.items() if part}
        if itself := verb.get(""):
            made, declared = _declared(_function(itself))
            group = typer.Typer(
                invoke_without_command=True, rich_markup_mode=None, cls=_told(TyperGroup, declared)
            )
            group.callback()(made)
        else:
            module = inspect.getmodule(_function(next(iter(parts.values()))))
            group = typer.Typer(help=inspect.getdoc(module), no_args_is_help=True)
        add_verbs(group, parts)
        app.add_typer(group, name=name)


def _function(told: str) -> Callable[..., Any]:
    module, _, name = told.partition(":")
    return cast(Callable[..., Any], getattr(importlib.import_module(f"flows.command_line.{module}"), name))


def _declared(function: Callable[..., Any]) -> tuple[Callable[..., Any], dict[str, Parameter]]:
    made, taken = flattened(function, _as_typed)
    return _command(made), {one.name: one for one in taken}


_FEW = 12
"""A verb of at most so many options shows them all."""


def _show_all(context: typer.Context, wanted: bool) -> None:
    if wanted:
        context.command.whole = True  # type: ignore[attr-defined]
        print(context.get_help())
        raise typer.Exit


_ALL = Annotated[
    bool, typer.Option("--help-all", help="Show every option.", callback=_show_all, is_eager=True)
]


def _command(made: Callable[..., Any]) -> Callable[..., Any]:
    """A function as Typer takes it. Of a verb that has parts it is what is done where none is named."""

    @wraps(made)
    def alone(context: typer.Context, help_all: bool = False, **given: Any) -> Any:
        return made(**given) if context.invoked_subcommand is None else None

    own = inspect.signature(made)
    place = inspect.Parameter.POSITIONAL_OR_KEYWORD
    context = inspect.Parameter("context", place, annotation=typer.Context)
    every = inspect.Parameter("help_all", place, annotation=_ALL, default=False)
    alone.__signature__ = own.replace(parameters=[context, *own.parameters.values(), every])  # type: ignore[attr-defined]
    alone.__annotations__ = {"context": typer.Context, **made.__annotations__, "help_all": _ALL}
    return alone


_FEW = 12
"""A verb of at most so many options shows them all."""


def _without_a_part(made: Callable[..., Any]) -> Callable[..., Any]:
    """What a verb of several parts does where none is named."""

    @wraps(made)
    def alone(context: typer.Context, **given: Any) -> Any:
        return made(**given) if context.invoked_subcommand is None else None

    own = inspect.signature(made)
    place = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    alone.__signature__ = own.replace(parameters=[place, *own.parameters.values()])  # type: ignore[attr-defined]
    alone.__annotations__ = {"context": typer.Context, **made.__annotations__}
    return alone


def _told(kind: Any, declared: Mapping[str, Parameter]) -> Any:
    """A kind of command whose help says of each option what the declaration says."""

    class Told(kind):  # type: ignore[misc]
        """With the options that people need first, all of them under headings, and lists given in parts."""

        whole = False

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, _joined(args))  # type: ignore[no-any-return]

        def format_options(self, ctx: Any, formatter: Any) -> None:
            shown = self.get_params(ctx)
            short = not self.whole and len(declared) > _FEW
            for one in shown:
                if told := declared.get(one.name or ""):
                    one.help = told.described()
                elif one.name == "help_all" and short:
                    one.help = f"Show all {len(declared)}, under headings."
            sections = _first(shown, declared, ctx) if short else _by_panel(shown, declared, ctx)
            for heading, records in sections.items():
                if records:
                    with formatter.section(heading):
                        formatter.write_dl(records)
            if hasattr(self, "format_commands"):
                self.format_commands(ctx, formatter)

    return Told


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


def _joined(given: list[str]) -> list[str]:
    """``given`` with one of each of these lists: of an option given twice only the last would hold, without a word."""
    values: dict[str, list[str]] = {}
    rest: list[str] = []
    left = iter(given)
    for argument in left:
        name, equals, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *left]
        elif name in _LISTS and (equals or (value := next(left, ""))):
            values.setdefault(name, []).append(value)
        else:
            rest.append(argument)
    return [*(f"{name}={','.join(told)}" for name, told in values.items()), *rest]


def _as_typed(one: Parameter) -> Any:
    """A parameter as Typer takes it. Numbers come as text: what cannot be read is said by the declaration."""
    about, kind = one.about, one.kind
    kinds = {kind, *get_args(kind)}
    if kinds & {int, float}:
        kind = str if one.default is inspect.Parameter.empty else str | None
    if isinstance(about, Argument):
        return Annotated[kind, typer.Argument(metavar=about.metavar)]
    flag = about.flag or one.flag
    if bool in kinds and one.default is not False and "/" not in flag:
        flag = f"{flag}/--no-{flag[2:]}"
    names = [flag, about.short] if about.short else [flag]
    return Annotated[kind, typer.Option(*names, metavar=about.metavar, show_default=False)]
