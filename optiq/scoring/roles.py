"""Who does what to whom: ``Peru beat Chile`` has all words of ``Chile beat Peru`` and says the opposite.

A relation (a verb, a comparison, a preposition) parts a sentence in two sides. What stands on the other side of it has
another role, unless the voice has changed, too (``Peru was beaten by Chile``), or the relation is the converse one
(``Peru lost to Chile``), or says the same both ways (``Chile borders Peru``). ``is`` may be turned as a whole
(``The capital of France is Paris``), not in part.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

_FEWEST, _MOST = 3, 40
_COPULA = frozenset(["is", "are", "was", "were", "be", "am", "been"])
_BOTH_WAYS = frozenset(
    """
    and or with between both each either neither marry marries married
    border borders meet meets met equal equals equivalent
    same similar different differ differs parallel perpendicular adjacent near close next opposite sibling siblings
    cousin cousins friend friends neighbor neighbors neighbour neighbours twin twins colleague colleagues rival rivals
    partner partners spouse tie tied drew draw draws distance intersects touches adjoins congruent synonymous synonym
    antonym anagram inverse reciprocal independent joined merged related ratio versus vs times plus like
    resembles
    """.split()  # noqa: SIM905
)
"""Words of relations that hold both ways, or that join things of one role."""
_SMALL = frozenset(
    """
    it its his her their he she they that this which who as by at has have had did does do will would can could than of
    to into from in on for not no very much also s
    """.split()  # noqa: SIM905
)


@cache
def _relations() -> dict[str, list[tuple[int, int]]]:
    """Word → the relations that it stands for: number of the line, and 0 or, for a converse, 1."""
    found: dict[str, list[tuple[int, int]]] = {}
    lines = files("optiq.scoring").joinpath("relations.txt").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(line for line in lines if line and not line.startswith("#")):
        for side, words in enumerate(line.split("|")):
            for word in words.split():
                found.setdefault(word, []).append((number, side))
    return found


def _is_relation(word: str) -> bool:
    return word in _relations() or word in _COPULA or (len(word) > 4 and word.endswith(("ed", "s")))


def _turned(one: str, other: str) -> bool | None:
    """Whether ``other`` is the converse of the relation ``one``; None if it is another one."""
    if one == other:
        return False
    mine, theirs = (dict(_relations().get(word, ())) for word in (one, other))
    shared = mine.keys() & theirs.keys()
    if shared:
        return all(mine[number] != theirs[number] for number in shared)
    stems = [word.removesuffix("s").removesuffix("ed").removesuffix("e") for word in (one, other)]
    return False if stems[0] == stems[1] and len(stems[0]) > 2 else None


def _plurals_around(words: Sequence[str]) -> bool:
    """``parasites harm hosts``: what stands between two plurals is a verb."""
    return len(words) == _FEWEST and all(
        len(word) > 3 and word.endswith("s") for word in (words[0], words[-1])
    )


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


def _sides(words: Sequence[str], at: int) -> tuple[set[str], set[str]]:
    """What stands before and behind the relation at ``at``, but for small words and figures."""
    before, after = (
        {_singular(w) for w in part if w not in _SMALL and w not in _COPULA and not w[1:2].isdigit()}
        for part in (words[:at], words[at + 1 :])
    )
    return before, after


def same_roles(answer: Sequence[str], reference: Sequence[str]) -> bool | None:
    """Whether the answer, which has the things that the reference relates, gives them the same roles.

    None where nothing tells: other things, no relation, or words in the same order. Both are words of
    :func:`optiq.scoring.text.words_of`, without punctuation.
    """
    if not (_FEWEST <= len(reference) <= _MOST and _FEWEST <= len(answer) <= _MOST):
        return None
    given = {_singular(word) for word in answer}
    if len({_singular(word) for word in reference} & given) < 2 or not _BOTH_WAYS.isdisjoint(reference):
        return None
    verdict: bool | None = None
    for at in range(1, len(reference) - 1):
        if not (_is_relation(reference[at]) or _plurals_around(reference)):
            continue
        found = [
            _agree(answer, place, reference, at, turned)
            for place, word in enumerate(answer)
            if (turned := _turned(reference[at], word)) is not None
        ]
        if not found or None in found:
            continue
        if not any(found):
            return False
        verdict = True
    return verdict


def _agree(answer: Sequence[str], place: int, reference: Sequence[str], at: int, turned: bool) -> bool | None:
    """Whether both sides of one relation are those of the other; None where they are neither the same nor exchanged."""
    (before, after), (first, last) = _sides(reference, at), _sides(answer, place)
    if not before or not after:
        return None
    gone, come = before - first, after - last
    straight = before <= first and after <= last
    exchanged = bool(gone) and bool(come) and gone <= last and come <= first
    if not straight and not exchanged:
        return None
    if reference[at] in _COPULA:
        return None if straight or (gone == before and come == after) else False
    passive = [
        tuple(words[here + 1 : here + 2]) == ("by",) for words, here in ((reference, at), (answer, place))
    ]
    from_the_other_side = (passive[0] != passive[1]) != turned
    word = reference[at]
    if straight and not from_the_other_side:
        return True if word != answer[place] and word in _relations() else None  # Chile defeated Peru
    known = word in _relations() or word.endswith("ed")
    if not known and not (gone == before and come == after):
        return None  # a plural, perhaps
    return exchanged and from_the_other_side
