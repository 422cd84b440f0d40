"""Marks that options have in other scripts than the Latin one: ``Б``, ``ب``, ``γ``, ``③``, ``나``.

Options are lettered A, B, C, … in prompts; models that answer in another script count in its own letters all the same.
"""

from __future__ import annotations

import unicodedata
from string import ascii_uppercase

_ALPHABETS = (
    "абвгдежз",
    "αβγδεζηθ",
    "אבגדהוזח",
    "가나다라마바사아",
    "ㄱㄴㄷㄹㅁㅂㅅㅇ",
    "甲乙丙丁戊己庚辛",
    "アイウエオカキク",
    "イロハニホヘト",
    "กขคงจฉชซ",
    "कखगघङचछज",
    "ابجدهوزح",
    "أبجدهوزح",
)
_LIKE_LATIN = {"а": "A", "с": "C"}
"""Cyrillic letters that look like a Latin one which no place in their alphabet contradicts."""
_TWO_READINGS = frozenset("ве")
"""``В`` is the third letter, and looks like B: of such nobody knows which was meant."""


def letter_by_mark(mark: str, n_options: int) -> str | None:
    """The Latin letter of the option that ``mark`` stands for among ``n_options``; None if it is no such mark."""
    if unicodedata.category(mark[:1] or " ") == "So":  # Ⓑ
        plain = unicodedata.normalize("NFKC", mark).strip("()").upper()
        return plain if plain in ascii_uppercase[:n_options] and len(plain) == 1 else None
    mark = mark.casefold()
    if len(mark) != 1 or mark.isascii() or mark in _TWO_READINGS:
        return None
    places = {alphabet.index(mark) for alphabet in _ALPHABETS if mark in alphabet}
    if mark in _LIKE_LATIN:
        places = {ascii_uppercase.index(_LIKE_LATIN[mark])}
    elif unicodedata.category(mark) == "No" and (number := unicodedata.numeric(mark, 0)) >= 1:
        places = {int(number) - 1}  # ③, ❸, ⑶
    if len(places) != 1 or (place := places.pop()) >= n_options:
        return None
    return ascii_uppercase[place]
