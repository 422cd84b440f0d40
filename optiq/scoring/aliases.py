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
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        names = tuple(name.strip() for name in line.split("|"))
        if line and line[0] != "#":
            found.update((_key(name), names) for name in names)
    return found


def _key(name: str) -> str:
    return re.sub(r"^the ", "", folded(name.strip(" .").translate(_SUBSCRIPTS)))


_OF_A_KIND = re.compile(r"(?:(Mount|Mt\.?)|(Lake)|(River))\s+([A-Z][\w'’-]+)", re.IGNORECASE)
_KINDS = (
    re.compile(r"\b(?:mountains?|peak|summit|volcano)\b", re.IGNORECASE),
    re.compile(r"\blakes?\b", re.IGNORECASE),
    re.compile(r"\brivers?\b", re.IGNORECASE),
)


def without_its_kind(reference: str, said: str) -> str | None:
    """``Kilimanjaro`` of ``Mount Kilimanjaro`` where ``said``, question and answer, is of a mountain; else None."""
    found = _OF_A_KIND.fullmatch(reference.strip(" ."))
    if found is None or reference.strip(" .") in said:
        return None
    kind = next(place for place in range(3) if found[place + 1])
    return found[4] if _KINDS[kind].search(said) else None


@lru_cache(maxsize=2048)
def other_names(reference: str, asked: str = "") -> tuple[str, ...]:
    """What else the thing ``reference`` is called; nothing where ``asked``, the question, is for a name of it."""
    if len(reference) > 50 or not (names := _names().get(_key(reference))) or _ASKS_FOR_A_NAME.search(asked):
        return ()
    written = _FORMULA.fullmatch(reference.strip(" .").translate(_SUBSCRIPTS)) is not None
    if written and len(asked.split()) < _FEWEST_WORDS:
        return ()  # perhaps it asks for the formula
    low = folded(asked)
    return tuple(name for name in names if _key(name) != _key(reference) and folded(name) not in low)


def is_called(answer: str, name: str) -> bool:
    """Whether ``name`` stands in ``answer`` as all of a name: not ``Leonardo of Pisa`` for ``Leonardo``."""
    return re.search(rf"{re.escape(name)}\s+(?:of|da|de|di|the|van|von)\s+[A-Z]", answer) is None


def another_known(answer: str, reference: str) -> bool:
    """Whether both are known names, of two things: ``Republic of China``, ``China``."""
    mine, theirs = (_names().get(_key(text)) if len(text) < 60 else None for text in (answer, reference))
    return mine is not None and theirs is not None and mine != theirs
