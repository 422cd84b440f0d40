"""Prompt templates, one text file each (Opti-Q, section 5, Prompt Design), and how they are filled.

``<set>_<kind>.txt`` puts a question of that kind, for each of the prompt sets of :mod:`.prompt_set`;
``context.txt`` is the context prompt before a predecessor's output, ``blend.txt`` the blending prompt before
the outputs of several. They are kept short: each token is paid for in every call, and very small models
follow short prompts better.
"""

from __future__ import annotations

import re
from functools import cache

BARE = "bare"
PROMPT_NAMES = ("zero-shot", "few-shot", "cot", "baseline", BARE)
"""The names of the prompt sets."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_PLACES = ("question", "outputs", "examples", "answer")


@cache
def template(name: str) -> str:
    """The text of ``<name>.txt`` in this folder, without the line end that closes the file."""
    from importlib import resources

    return resources.files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8").removesuffix("\n")


def fill(text: str, **values: str) -> str:
    """``text`` with each ``{name}`` replaced by its value.

    Values are data: braces, placeholders and backslashes in them stay as they are, because the template is
    read once and what was put in is not read again.
    """
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], text)


@cache
def fixed_chars(text: str, names: tuple[str, ...] = _PLACES) -> int:
    """Characters of a template that are there whatever is put in."""
    return len(fill(text, **dict.fromkeys(names, "")))
