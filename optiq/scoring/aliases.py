"""Names of one thing: ``Czechia`` and ``Czech Republic``, ``clavicle`` and ``collarbone``, ``CO2`` and its name.

A formula and a name are one thing only where the question asks for neither: of carbon dioxide the formula is CO2.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files

from optiq.questions.option_letters import folded

_ASKS_FOR_A_NAME = re.compile(
    r"\b(?:formula|symbols?|abbreviat\w*|acronym|initials|stands?\s+for|(?:an)?other\s+(?:name|word|term)|also\s+(?:known|called)|"
    r"synonym|called|common\s+name|scientific\s+name|chemical\s+name|name\s+(?:of|for)|translat\w*|in\s+(?:latin|german|french|english)|"
    r"medical\s+term|term\s+for|word\s+for|formerly|former\s+name|old\s+name|renamed)\b",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d*|\([A-Z][A-Za-z\d]*\)\d*){2,}|[A-Z]\d")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_FEWEST_WORDS = 4
"""Words of a question from which on it says what it asks for."""


@cache
def _names() -> dict[str, tuple[str, ...]]:
    lines = files("optiq.scoring").joinpath("aliases.txt").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        names = tuple(name.strip() for name in line.split("|"))
        if line and line[0] != "#":
            found.update((_key(name), names) for name in names)
    return found


def _key(name: str) -> str:
    return re.sub(r"^the ", "", folded(name.strip(" .").translate(_SUBSCRIPTS)))


@lru_cache(maxsize=2048)
def other_names(reference: str, asked: str = "") -> tuple[str, ...]:
    """What else the thing ``reference`` is called; nothing where ``asked``, the question, is for one of its names."""
    if len(reference) > 50 or not (names := _names().get(_key(reference))) or _ASKS_FOR_A_NAME.search(asked):
        return ()
    written = _FORMULA.fullmatch(reference.strip(" .").translate(_SUBSCRIPTS)) is not None
    if written and len(asked.split()) < _FEWEST_WORDS:
        return ()  # perhaps it asks for the formula
    low = folded(asked)
    return tuple(name for name in names if _key(name) != _key(reference) and folded(name) not in low)
