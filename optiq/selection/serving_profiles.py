"""What was chosen, as profiles of `optiq serve`: each role a name that the agent asks for in place of its model's.

The block of a selection stands between two comments of a TOML file, so that it can be written anew and all else stays.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from optiq.errors import InputError
from optiq.files.atomic import replacing
from optiq.selection.results import SelectionResult
from optiq.selection.subjects import Subject, role_topic


def profile_name(subject: Subject, role: str) -> str:
    """``agent.planner`` for the planner of ``agent.py:Agent``, ``fact-check.claim`` for a stage of that workflow."""
    parts = (Path(subject.name.partition(":")[0]).stem or "agent", role)
    return ".".join(re.sub(r"[^\w-]+", "-", part) for part in parts)


def serving_profiles(result: SelectionResult, subject: Subject) -> str:
    """A table ``[profiles."SUBJECT.ROLE"]`` for each role: one call of the chosen model, under the role's topic.

    Raises
    ------
    InfeasibleError
        if nothing was chosen.
    """
    tables = []
    for role, model in result.best.items():
        lines = [
            f"[profiles.{json.dumps(profile_name(subject, role))}]",
            f"models = {json.dumps([model], ensure_ascii=False)}",
            "max_operations = 1",
        ]
        if (topic := role_topic(subject, role)) is not None:
            lines.append(f"topic = {json.dumps(topic, ensure_ascii=False)}")
        tables.append("\n".join(lines))
    return "\n\n".join(tables) + "\n"


def check_profiles(path: str | Path, subject: Subject, roles: tuple[str, ...]) -> None:
    """:class:`InputError` before anything is spent if the profiles could not be written to ``path``."""
    if subject.topic is None:
        raise InputError(
            "a plan is no set of roles that an application asks for one by one",
            "Give --profiles for an agent or a workflow; `--deploy` writes the models of a plan.",
        )
    if Path(path).suffix != ".toml":
        raise InputError(f"{path} is no TOML file", "Such as --profiles optiq.toml.")
    names = [profile_name(subject, role) for role in roles]
    if len(set(names)) < len(names):
        raise InputError(f"two roles would have one profile: {', '.join(names)}", "Rename one.")
    _with_block(Path(path), subject, "".join(f"[profiles.{json.dumps(name)}]\n" for name in names))


def write_profiles(path: str | Path, result: SelectionResult, subject: Subject) -> None:
    """Put the profiles into the file, in place of those that an earlier selection for this subject has written."""
    text = _with_block(Path(path), subject, serving_profiles(result, subject))
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _with_block(path: Path, subject: Subject, block: str) -> str:
    begin, end = (f"# {word} of what `optiq select` chose for {subject.name}\n" for word in ("begin", "end"))
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"{path} cannot be read: {fault}", "Name another file.") from None
    whole = begin + block + end
    if begin in text and end in text.partition(begin)[2]:
        before, _, rest = text.partition(begin)
        made = before + whole + rest.partition(end)[2]
    else:
        made = (text.rstrip("\n") + "\n\n" if text.strip() else "") + whole
    try:
        tomllib.loads(made)
    except tomllib.TOMLDecodeError as fault:
        raise InputError(
            f"{path} with the profiles would be no TOML: {fault}",
            "Mend the file, or rename its profiles of these names.",
        ) from None
    return made
