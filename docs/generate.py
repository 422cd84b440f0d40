"""Writes the pages of docs/ that are made from the code: `python docs/generate.py` after a change of what they say.

commands.md from the verbs, configuration.md from the settings, python.md from the docstrings, index.md from the README.
A test holds them equal to what this makes.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from flows.command_line.main import VERBS  # noqa: E402 - this script runs without an installation, too
from flows.declaration import Argument, Parameter, flattened  # noqa: E402
from optiq.configuration import IN_FILES, SETTINGS, Setting  # noqa: E402

MADE = "<!-- Made by docs/generate.py. -->\n\n"


def pages() -> dict[str, str]:
    """The pages by name."""
    return {
        "index.md": index(),
        "commands.md": commands(),
        "configuration.md": configuration(),
        "python.md": python(),
    }


def index() -> str:
    """The README as the first page of the site."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return MADE + re.sub(
        r"\[([^\]]+)\]\(examples/([^)]+)\)", r"\1 (`examples/\2`)", text.replace("](docs/", "](")
    )


def commands() -> str:
    """Every command with its options."""
    parts = [
        f"{MADE}# Commands\n\n`optiq COMMAND --help` shows the options that people need, `--help-all` every one.\n"
    ]
    for name, function in _verbs("optiq", VERBS):
        _, taken = flattened(function, lambda one: one.kind)
        parts.append(f"## {name}\n\n{_text(function)}\n")
        rows = [f"| `{_shown(one)}` | {_cell(one.described())} |" for one in taken]
        if rows:
            parts.append("\n".join(["| | |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def configuration() -> str:
    """`optiq.toml`, key by key."""
    parts = [
        MADE + "# Configuration\n\n"
        "`optiq.toml` in the current folder (or the file that `$OPTIQ_CONFIG` names) is overridden by variables, "
        "those by flags. `optiq config` shows what holds and where it came from. Keys of model servers are no "
        "settings: they are read from the environment (`OPENAI_API_KEY`, or the `key_env` of a server), never stored "
        "and never shown ([security](security.md)).\n"
    ]
    groups: dict[str, list[Setting]] = {}
    for one in SETTINGS.values():
        groups.setdefault("Only in the file" if one.name in IN_FILES else "Settings", []).append(one)
    for heading, settings in groups.items():
        parts.append(f"## {heading}\n")
        for one in settings:
            default = one.otherwise or ("none" if one.default in (None, ()) else f"`{_default(one)}`")
            ways = [f"`{one.name}`"]
            if one.name not in IN_FILES:
                ways.append(f"`$OPTIQ_{one.name.upper()}`")
            if one.group:
                ways.append(f"`{one.flag}`")
            text = one.help.replace("{names}", ", ".join(one.choices())) if one.choices else one.help
            parts.append(f"### {one.name}\n\n{text} Default: {default}. Given by {', '.join(ways)}.\n")
            if one.example:
                parts.append(f"```toml\n{one.example}\n```\n")
    return "\n".join(parts)


def python() -> str:
    """The Python API: the home, and the names of the library."""
    import optiq

    module = importlib.import_module("flows.python_api")
    parts = [
        f"{MADE}# Python\n\n{_dedented(module.__doc__)}\n",
        "## optiq.open\n",
        _entry("optiq.open", module.open),
    ]
    for kind in (module.Home, module.Explanation):
        parts.append(f"## {kind.__name__}\n\n{_dedented(kind.__doc__)}\n")
        for name, member in vars(kind).items():
            if name.startswith("_") or name.endswith("_async"):
                continue
            if isinstance(member, property):
                if member.__doc__:
                    parts.append(f"**{name}**: {_dedented(member.__doc__)}\n")
            elif callable(member):
                parts.append(_entry(f"{kind.__name__}.{name}", member))
    parts.append(
        "Each method of `Home` has a twin for programs with an event loop: `plan_async`, `answer_async`, ….\n\n"
        "## The library\n\nThe optimizer alone, without PerfDB: figures and records in, plans out.\n"
    )
    for name in optiq.__all__:
        if name != "open":
            thing = getattr(optiq, name)
            parts.append(
                f"- `optiq.{name}`: {' '.join((inspect.getdoc(thing) or '').split(chr(10) * 2)[0].split())}"
            )
    return "\n".join(_plain(part) for part in parts) + "\n"


def _verbs(before: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, told in table.items():
        full = f"{before} {name}".rstrip()
        if isinstance(told, str):
            module, _, function = told.partition(":")
            yield full, getattr(importlib.import_module(f"flows.command_line.{module}"), function)
        else:
            yield from _verbs(full, told)


def _text(function: Callable[..., Any]) -> str:
    text = inspect.getdoc(function) or ""
    about, _, example = text.partition("Example:")
    return f"{about.strip()}\n\n```\n{' '.join(example.split())}\n```"


def _shown(one: Parameter) -> str:
    if isinstance(one.about, Argument):
        return one.about.metavar or one.name
    flag = one.about.flag or one.flag
    return " ".join(filter(None, [one.about.short and f"{one.about.short},", flag, one.about.metavar]))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _default(one: Setting) -> str:
    value = one.default
    return (
        value.describe()
        if hasattr(value, "describe")
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )


def _entry(name: str, function: Callable[..., Any]) -> str:
    taken = str(inspect.signature(function)).replace("'", "")
    return f"### {name}\n\n```python\n{name}{taken}\n```\n\n{_dedented(inspect.getdoc(function))}\n"


def _dedented(text: str | None) -> str:
    text = inspect.cleandoc(text or "")
    text = re.sub(r"^(\w+)\n-+$", r"\n*\1*\n", text, flags=re.MULTILINE)
    return re.sub(r"^::\n|(?<=:):$", "", text, flags=re.MULTILINE)


def _plain(text: str) -> str:
    """Without the roles of reStructuredText."""
    return re.sub(r"(?<!`)``(?!`)", "`", re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text))


if __name__ == "__main__":
    for name, text in pages().items():
        (ROOT / "docs" / name).write_text(text, encoding="utf-8")
