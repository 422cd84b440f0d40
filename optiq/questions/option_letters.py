"""Options are lettered A, B, C, …; references to them come as letters, lists or the option's own text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from string import ascii_uppercase
from typing import Any

from optiq.questions.option_cells import list_or_record

MOST_OPTIONS = len(ascii_uppercase)

_MARKED = re.compile(r"\(?([A-Za-z])[).:]\s*(.*)", re.DOTALL)
_BETWEEN_LETTERS = re.compile(r"\s*(?:[,;/&+|]|\band\b)\s*|\s+", re.IGNORECASE)
_BETWEEN_TEXTS = (re.compile(r"\s*[;|\n]\s*"), re.compile(r"\s*,\s*"))


_BRACKETED = re.compile(r"\[\s*([^\[\]]+?)\s*\]|\(\s*([^()]+?)\s*\)")
_LONGEST_BRACKETED = 4000
_DASHES = re.compile("[‐‑‒–—―−]")


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """``text`` without what two spellings of an option differ in: case, composed letters, accents, dashes, spaces."""
    text = unicodedata.normalize("NFKD", text.strip().casefold().replace("’", "'"))
    text = "".join(character for character in text if not unicodedata.combining(character)).replace("ł", "l")
    return " ".join(_DASHES.sub("-", text).split())


@lru_cache(maxsize=1024)
def bare_options(options: tuple[str, ...]) -> tuple[str, ...]:
    """The options without letters of their own: ``A) Rome``, ``B) Paris`` as ``Rome``, ``Paris``."""
    marked = [re.fullmatch(r"\s*\(?([A-Za-z])[).:]\s*(\S.*)", option, re.DOTALL) for option in options]
    own = all(m and m[1].upper() == letter for m, letter in zip(marked, ascii_uppercase, strict=False))
    return tuple(m[2].strip() for m in marked if m) if own else options


def letters_of(reference: Any, options: Sequence[str]) -> tuple[str, ...]:
    """The letters of the options that ``reference`` names, in order; empty if it names something else.

    Read as letters are ``B``, ``b``, ``(B)``, ``B.``, ``B) Paris``, ``A, C``, ``A and C``, ``AC``; as
    options, the text of one, or of several between ``;`` or commas; and lists of these, also as JSON, Python or NumPy
    print them. An option that is a list itself (``[1, 2]``) is its own text.
    Capital letters come first: with the options ``B`` and ``A``, the reference ``A`` is the first option.
    """
    if not isinstance(reference, list | tuple):
        text = str(reference).strip()
        if found := _one(text, options):
            return (found,)
        if (items := _list(text)) is None:
            return _several(text, options)
    else:
        items = list(reference)
    if items and all(isinstance(item, bool) for item in items):  # whether each option is right
        right = zip(ascii_uppercase, items, strict=False) if len(items) == len(options) else ()
        return tuple(letter for letter, holds in right if holds)
    return _ordered([_one(str(item).strip(), options) for item in items if item is not None])


def is_list(reference: Any, options: Sequence[str]) -> bool:
    """Whether ``reference`` is a list of options, or text of one, and no option itself."""
    if isinstance(reference, str):
        return _list(reference) is not None and _one(reference.strip(), options) is None
    return isinstance(reference, list | tuple)


def _list(text: str) -> list[Any] | None:
    value = list_or_record(text, sets=True)
    return value if isinstance(value, list) else None


def _one(text: str, options: Sequence[str]) -> str | None:
    """The letter of the one option that ``text`` names."""
    letters = ascii_uppercase[: len(options)]
    if len(text) == 1 and text in letters:
        return text
    if text in options:
        return letters[list(options).index(text)]
    for known in (options, bare_options(tuple(options))):
        for fold in (_composed, folded, _squeezed, _without_umlauts, _without_marks):
            same = [fold(option) for option in known]
            if same.count(fold(text)) == 1:
                return letters[same.index(fold(text))]
    if len(text) == 1 and text.upper() in letters:
        return text.upper()
    marked = _MARKED.fullmatch(text)
    if marked and marked[1].upper() in letters:
        place = letters.index(marked[1].upper())
        if folded(marked[2]) in ("", folded(options[place])):
            return letters[place]
    return None


def _squeezed(text: str) -> str:
    """``co-operate`` as ``cooperate``, ``ice cream`` as ``icecream``."""
    return re.sub(r"(?<=[^\W\d])[-\s'’.]+(?=[^\W\d])", "", folded(text))


_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def _without_umlauts(text: str) -> str:
    """``Köln`` as ``koeln``."""
    return folded(_composed(text).translate(_UMLAUTS))


def _without_marks(text: str) -> str:
    """``**Oslo**`` and ```Oslo``` as ``oslo``."""
    return folded(text).strip("*_`") or folded(text)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip()).casefold()


def _several(text: str, options: Sequence[str]) -> tuple[str, ...]:
    letters = ascii_uppercase[: len(options)]
    if (inside := _BRACKETED.fullmatch(text)) and len(text) <= _LONGEST_BRACKETED:
        text = inside[1] or inside[2]  # [A, C], as a list without quotation marks
    if text.isupper() and set(text) <= set(letters) and len(set(text)) == len(text):
        return tuple(sorted(text))
    parts = [part for part in _BETWEEN_LETTERS.split(text) if part]
    if (
        len(parts) <= MOST_OPTIONS
        and not text.endswith("+")
        and all(len(part.strip("().:")) == 1 for part in parts)
    ):
        return _ordered([_one(part, options) for part in parts])
    for separator in _BETWEEN_TEXTS:
        parts = [part for part in separator.split(text) if part]
        found = _ordered([_one(part, options) for part in parts]) if len(parts) <= MOST_OPTIONS else ()
        if found:
            return found
    return ()


def _ordered(found: Sequence[str | None]) -> tuple[str, ...]:
    return () if None in found else tuple(sorted({letter for letter in found if letter}))
