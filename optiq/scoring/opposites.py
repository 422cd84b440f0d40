"""Words of which only one can be right: opposites, days, colours, elements. A cosine calls them alike."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache, lru_cache
from importlib.resources import files

_PREFIXES = ("un", "in", "im", "il", "ir", "dis", "non", "anti", "mis", "de", "counter")
_PAIRS = (
    ("hyper", "hypo"), ("pre", "post"), ("inter", "intra"), ("over", "under"), ("up", "down"), ("in", "ex"),
    ("im", "ex"),
    ("macro", "micro"), ("maxi", "mini"), ("endo", "exo"), ("homo", "hetero"), ("mono", "poly"), ("in", "out"),
    ("pro", "anti"), ("en", "dis"), ("as", "des"), ("ac", "de"), ("uni", "bi"), ("bi", "tri"), ("cis", "trans"),
    ("infra", "ultra"), ("intro", "extro"), ("a", "de"), ("max", "min"), ("north", "south"), ("east", "west"),
    ("fore", "hind"), ("ab", "ad"), ("ef", "af"), ("di", "tri"), ("iso", "aniso"), ("sub", "super"), ("inner", "outer"),
)  # fmt: skip


def opposed(one: Collection[str], other: Collection[str]) -> bool:
    """Whether two answers differ in a word that rules out the other's. Words are in lower case."""
    one, other = ({word for word in words if word[0] != "#" and word != "|"} for words in (one, other))
    left, right = one - other, other - one
    if not left or not right:
        return _negated(left, right or other) or _negated(right, left or one)
    sets = _members()
    for word in left:
        for number, member in sets.get(word, {}).items():
            for rival in right:
                theirs = sets.get(rival, {}).get(number)
                if theirs is not None and not theirs & member:
                    return True
        if any(_prefixed(word, rival) for rival in right):
            return True
    return False


def alike(one: str, other: str) -> bool:
    """Whether both words stand for one member of a set: ``fell`` and ``falls``."""
    mine, theirs = (_members().get(word, {}) for word in (one, other))
    return any(mine[number] & theirs[number] for number in mine.keys() & theirs.keys())


def _negated(words: Collection[str], others: Collection[str]) -> bool:
    return any(_prefixed(word, other) for word in words for other in others)


@lru_cache(maxsize=8192)
def _prefixed(one: str, other: str) -> bool:
    """``legal`` and ``illegal``, ``careful`` and ``careless``, ``hypertension`` and ``hypotension``."""
    short, long = sorted((one, other), key=len)
    prefix = long[: -len(short)].rstrip("-") if long.endswith(short) else None
    if len(short) > 3 and (prefix in _PREFIXES or (prefix == "a" and len(short) > 5)):
        return True
    if (
        {one.removesuffix("ful"), one.removesuffix("less")}
        & {
            other.removesuffix("ful"),
            other.removesuffix("less"),
        }
        and one != other
        and one.endswith(("ful", "less"))
        and other.endswith(("ful", "less"))
    ):
        return True
    return any(
        (
            one.startswith(a)
            and other.startswith(b)
            and one[len(a) :] == other[len(b) :]
            and len(one) > len(a) + 2
        )
        or (
            one.startswith(b)
            and other.startswith(a)
            and one[len(b) :] == other[len(a) :]
            and len(one) > len(b) + 2
        )
        for a, b in _PAIRS
    )


@cache
def _members() -> dict[str, dict[int, frozenset[int]]]:
    """Word → set → the places in it that the word stands for."""
    found: dict[str, dict[int, frozenset[int]]] = {}
    lines = files("optiq.scoring").joinpath("opposites.txt").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(line for line in lines if line and not line.startswith("#")):
        for place, member in enumerate(line.split("|")):
            for word in member.split():
                places = found.setdefault(word, {}).get(number, frozenset())
                found[word][number] = places | {place}
    return found
