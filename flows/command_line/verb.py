"""A function of requests as a verb of the command line: its options, and its help under headings."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
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
    return made, {one.name: one for one in taken}


def _told(kind: Any, declared: Mapping[str, Parameter]) -> Any:
    """A kind of command whose help says of each option what the declaration says."""

    class Told(kind):  # type: ignore[misc]
        """With options under headings, and lists that may be given in parts."""

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, _joined(args))  # type: ignore[no-any-return]

        def format_options(self, ctx: Any, formatter: Any) -> None:
            headed: dict[str, list[tuple[str, str]]] = {"Arguments": []}
            general: list[tuple[str, str]] = []
            for shown in self.get_params(ctx):
                section = general
                if one := declared.get(shown.name or ""):
                    shown.help = one.described()
                    heading = "Arguments" if isinstance(one.about, Argument) else one.panel
                    section = headed.setdefault(heading, []) if heading else general
                section += filter(None, [shown.get_help_record(ctx)])
            for heading, records in {**headed, "Options": general}.items():
                if records:
                    with formatter.section(heading):
                        formatter.write_dl(records)
            if hasattr(self, "format_commands"):
                self.format_commands(ctx, formatter)

    return Told


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
