"""Answers as words: what counts as the same, and what counts as named."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_ARTICLES = {"a", "an", "the"}
# A number keeps its sign, decimals and fraction; a word the signs that tell C, C++ and C# apart.
_TOKEN = re.compile(r"(?<![\w.,])[-−]\d+(?:\.\d+)?|\d+(?:[./]\d+)+|\w+(?:\+\+|#)?|%")
_THOUSANDS = re.compile(r"(?<=\d)[,'’\u00a0\u202f](?=\d{3}(?!\d))")
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")
_DENIAL = {"not", "isnt", "wasnt", "arent", "werent", "never", "neither", "nor"}


def normalise(text: str) -> str:
    """Lower case without accents, punctuation, articles and extra space: what exact match compares."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    folded = "".join(c for c in folded if not unicodedata.combining(c)).casefold()
    folded = _APOSTROPHE.sub("", _THOUSANDS.sub("", folded))
    tokens = [token.replace("−", "-") for token in _TOKEN.findall(folded)]
    return " ".join(token for token in tokens if token not in _ARTICLES) or " ".join(tokens) or folded.strip()


def exact_match(answer: str, reference: str) -> float:
    """1.0 if both are the same once normalised, else 0.0. An empty answer never matches."""
    return float(bool(answer.strip()) and normalise(answer) == normalise(reference))


def containment(answer: str, reference: str) -> float:
    """1.0 if the normalised answer has every word of the reference, in any order, else 0.0.

    So ``It was Wood, Carol S.`` names ``Carol S. Wood``. A denial before it (``not Oslo``) names nothing, unless
    the reference is one as well.
    """
    given, wanted = normalise(answer).split(), normalise(reference).split()
    if not answer.strip() or not wanted or Counter(wanted) - Counter(given):
        return 0.0
    before = given[: next(place for place, word in enumerate(given) if word in wanted)]
    return float(not _DENIAL & set(before))
