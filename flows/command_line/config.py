"""`optiq config`: what holds, and where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flows.command_line.screen import say, say_json, table
from flows.flow_requests import Json

if TYPE_CHECKING:
    from optiq.configuration import Settings


def config(json: Json = False) -> None:
    """Show every setting that holds here, and where it comes from: a variable, optiq.toml, or nowhere (default).

    Flags go before both. Keys of model servers are settings nowhere: it is only said whether their variables are set.

    Example:  optiq config
    """
    import os

    from optiq.configuration import SETTINGS, Settings, key_variables, origins

    settings, given = Settings.load(), origins()
    if "prefer" in given:
        given.setdefault("weights", given["prefer"])
    found = [
        {
            "setting": name,
            "value": _plain(getattr(settings, name)),
            "otherwise": _held(settings) if name == "confidence" else one.otherwise,
            "from": given.get(name, "default"),
            "help": one.help.replace("{names}", ", ".join(one.choices()) if one.choices else ""),
        }
        for name, one in SETTINGS.items()
    ]
    keys = {name: "set" if os.environ.get(name) else "not set" for name in key_variables(settings)}
    if json:
        say_json({"settings": found, "keys": keys})
        return
    rows = [[row["setting"], _cut(_shown(row["value"])) or row["otherwise"], row["from"]] for row in found]
    rows.sort(key=lambda row: row[2] == "default")  # what somebody said comes first
    table(["setting", "value", "from"], rows)
    say("keys       " + ", ".join(f"${name} {state}" for name, state in keys.items()) + " (never shown)")
    say("docs/configuration.md says what each is for; a flag of a command goes before what stands here")


def _held(settings: Settings) -> str:
    """How limits hold where nobody gave a confidence: another setting says it."""
    from optiq.questions.question import LIKELY

    if settings.caution or not settings.safe_limits:
        return "none: limits hold for expected figures"
    return f"{LIKELY:g} where runs tell how much figures scatter (safe_limits)"


def _plain(value: Any) -> Any:
    """A value as a file would say it: of tables the names."""
    if hasattr(value, "describe"):
        return value.describe()
    if isinstance(value, tuple):
        return [getattr(one, "name", one) for one in value]
    return value


_LONGEST = 400


def _cut(text: str) -> str:
    """The beginning of a value that fills more than a screen's few lines; with --json it is whole."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(one) if isinstance(one, str) else "=".join(map(str, one)) for one in value)
    return "" if value is None else str(value)
