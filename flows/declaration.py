"""What a verb or a flow takes, declared once: from it come the options of a verb and the parameters of a flow.

A declaration is a :class:`Request`; requests inherit the groups of options that they share, and settings come from
:mod:`optiq.configuration`. A verb and its flow are functions of one request::

    class Copy(Request):
        file: Annotated[str, Argument("What to copy.", "FILE")]
        times: Annotated[int, Option("How often.", "N", least=1)] = 1

    @wiring
    @taking_parameters
    def copy(request: Copy) -> None: ...

Prefect then sees ``copy(file: str, times: int = 1)`` with descriptions, Click ``optiq copy FILE --times N``.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, wraps
from types import MappingProxyType
from typing import (
    Annotated,
    Any,
    ClassVar,
    NamedTuple,
    TypeVar,
    dataclass_transform,
    get_args,
    get_type_hints,
)

from optiq.configuration import SETTINGS, Settings, listed
from optiq.errors import InputError
from optiq.questions.question import parse_number

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Option:
    """How an option is shown and read; its type, name and default are those of what it annotates.

    ``flag`` is how it is written, if not like its name; ``short`` another way. Numbers are from ``least`` up to
    ``most``. ``help`` may hold ``{names}``: there stand the ``choices``. ``otherwise`` says in words what holds where
    nothing is given, if not the default; ``setting`` is what it overrides. ``common`` options are those that ``--help``
    shows of a verb that has many.
    """

    help: str
    metavar: str | None = None
    flag: str = ""
    short: str = ""
    otherwise: str = ""
    least: float = 0.0
    most: float = math.inf
    choices: Callable[[], Sequence[str]] | None = None
    setting: str = ""
    common: bool = False


class Argument(Option):
    """An option that is given by its place."""


class Parameter(NamedTuple):
    """One parameter of a verb or flow. ``default`` is ``inspect.Parameter.empty`` where it must be given."""

    name: str
    kind: Any
    about: Option
    default: Any
    panel: str = ""
    together: str = ""

    @property
    def flag(self) -> str:
        """How it is written on the command line: ``--max-cost``."""
        return (self.about.flag or f"--{self.name.replace('_', '-')}").split("/")[0]

    def described(self) -> str:
        """Its help and default; names that other packages may add to are looked up now."""
        about, default = self.about, self.about.otherwise
        if not default and self.default not in (None, False, inspect.Parameter.empty):
            default = self.flag if self.default is True else str(self.default)
        text = about.help.replace("{names}", listed(about.choices())) if about.choices else about.help
        return f"{text}  [default: {default}]" if default else text

    def read(self, value: Any) -> Any:
        """A number from what was given; anything else, and what a setting reads, as it is.

        Raises
        ------
        InputError
            that names the flag whose value cannot be used.
        """
        of = {self.kind, *get_args(self.kind)}
        if value is None or self.about.setting or not of & {int, float}:
            return value
        whole = int in of
        number = parse_number(
            value, self.flag, "a whole number, such as 5" if whole else "a number, such as 0.5"
        )
        if (whole and number != int(number)) or not self.about.least <= number <= self.about.most:
            what = "whole number" if whole else "number"
            to = "up" if math.isinf(self.about.most) else f"up to {self.about.most:g}"
            leave = ", or leave it out" if self.default is None else ""
            raise InputError(
                f"{self.flag} is {number:g}", f"Give a {what} from {self.about.least:g} {to}{leave}."
            )
        return int(number) if whole else number


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Request:
    """What a verb or flow was asked for: one frozen record of flat fields, each with an :class:`Option`.

    A command takes few of the many there are, so that the fields of a class are read when it is first used.

    A subclass may take all settings of a group (``settings="planning"``), optional numbers that are named elsewhere
    (``numbers``), and be shown under a heading (``panel``); where only common options are shown, those with a group's
    words (``together``) are one line.
    Whatever is made of the fields is made at once, so that misuse is said before anything is started.
    """

    panel: ClassVar[str] = ""
    together: ClassVar[str] = ""

    def __init_subclass__(
        cls,
        settings: str = "",
        numbers: Mapping[str, Option] | None = None,
        panel: str = "",
        together: str = "",
    ) -> None:
        cls.panel, cls.together = panel, together
        added = {name: Annotated[float | None, about] for name, about in (numbers or {}).items()}
        for one in SETTINGS.values():
            if settings and one.group == settings:
                default = one.otherwise or ("" if one.default is None else str(one.default))
                about = Option(
                    one.help,
                    one.metavar,
                    one.flag,
                    otherwise=default,
                    choices=one.choices,
                    setting=one.name,
                    common=one.common,
                )
                added[one.parameter] = Annotated[one.kind | None, about]  # type: ignore[assignment]
        cls.__annotations__ = {**vars(cls).get("__annotations__", {}), **added}
        for name in added:
            setattr(cls, name, None)

    def __init__(self, **given: Any) -> None:
        for one in self.parameters():
            value = given.pop(one.name, one.default)
            if value is inspect.Parameter.empty:
                raise TypeError(f"{one.name} must be given")
            self.__dict__[one.name] = one.read(value)
        if given:
            raise TypeError(f"{type(self).__name__} takes no {listed([*given])}")
        for kind in reversed(type(self).__mro__):
            for name, made in vars(kind).items():
                if isinstance(made, cached_property):
                    getattr(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a request is not changed: {name}")

    @classmethod
    @cache
    def parameters(cls) -> tuple[Parameter, ...]:
        """The parameters: its own before those of its groups, required ones first."""
        hints = get_type_hints(cls, include_extras=True)
        found: dict[str, Parameter] = {}
        for kind in cls.__mro__:
            for name in vars(kind).get("__annotations__", {}):
                if name not in found and _about(hints[name]) is not None:
                    default = getattr(cls, name, inspect.Parameter.empty)
                    found[name] = _parameter(name, hints[name], default, vars(kind))
        return _required_first(found.values())

    @cached_property
    def settings(self) -> Settings:
        """The settings of the command: the given ones on top of variables and file."""
        given = [(one.about.setting, getattr(self, one.name)) for one in self.parameters()]
        return Settings.load({setting: value for setting, value in given if setting})

    def given(self) -> dict[str, Any]:
        """The fields by name, as a flow takes them."""
        return {one.name: getattr(self, one.name) for one in self.parameters()}


def taking_parameters(function: Callable[..., R]) -> Callable[..., R]:
    """A flow of one request as one of flat parameters, described in its docstring as Prefect reads it."""
    made, taken = flattened(function, lambda one: one.kind)
    told = "".join(f"\n    {one.name}: {one.described()}" for one in taken)
    made.__doc__ = f"{inspect.getdoc(function)}\n\nArgs:{told}\n"
    return made


def flattened(
    function: Callable[..., R], kind_of: Callable[[Parameter], Any]
) -> tuple[Callable[..., R], tuple[Parameter, ...]]:
    """``function`` with the fields of its requests as parameters of their own, annotated by ``kind_of``.

    Parameters that are no requests stay; of those, what has an :class:`Option` is read and annotated too.
    """
    hints = get_type_hints(function, include_extras=True)
    parts: dict[str, Sequence[Parameter]] = {}
    shown: list[inspect.Parameter] = []
    for name, own in inspect.signature(function).parameters.items():
        kind = hints[name]
        if isinstance(kind, type) and issubclass(kind, Request):
            parts[name] = kind.parameters()
        elif _about(kind) is not None:
            parts[name] = [_parameter(name, kind, own.default)]
        else:
            shown.append(own.replace(annotation=kind))
    taken = _required_first(one for part in parts.values() for one in part)
    place = inspect.Parameter.POSITIONAL_OR_KEYWORD
    shown += [
        inspect.Parameter(one.name, place, default=one.default, annotation=kind_of(one)) for one in taken
    ]
    signature = inspect.Signature(shown, return_annotation=hints.get("return"))

    @wraps(function)
    def flat(*args: Any, **kwargs: Any) -> R:
        given = signature.bind(*args, **kwargs).arguments
        for name, part in parts.items():
            values = {one.name: given.pop(one.name) for one in part if one.name in given}
            kind = hints[name]
            if _about(kind) is None:
                given[name] = kind(**values)
            elif values:
                given[name] = part[0].read(values[name])
        return function(**given)

    flat.__signature__ = signature  # type: ignore[attr-defined]
    flat.__annotations__ = {one.name: one.annotation for one in shown}
    return flat, taken


def _parameter(
    name: str, hint: Any, default: Any, group: Mapping[str, Any] = MappingProxyType({})
) -> Parameter:
    shown = (group.get("panel", ""), group.get("together", ""))
    return Parameter(name, get_args(hint)[0], _about(hint) or Option(""), default, *shown)


def _about(hint: Any) -> Option | None:
    """The option that an annotation holds."""
    return next((one for one in get_args(hint)[1:] if isinstance(one, Option)), None)


def _required_first(parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    return tuple(sorted(parameters, key=lambda one: one.default is not inspect.Parameter.empty))
