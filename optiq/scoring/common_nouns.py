"""Common nouns beside others: a sea lion is no lion and a heart attack no heart, a human heart is a heart.

What stands directly before or behind a noun is understood if it describes (``wild``, ``African``, ``renal``), says
what the noun is (``the element carbon``, ``oxygen gas``), or is a word of grammar. Anything else may make another thing
of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

_WORD = r"[^\W\d_][\w'’-]*"
_OPENS = (
    r"(?:\A\W*|[,;:.(]\s*|\b(?:an?|the|of|is|are|was|were|be|some|its|their|his|her|called|named|"
    r"(?:an?|the)\s+\w+(?:ed|al|ic|ous))\s+)"
)
_BEFORE = re.compile(rf"{_OPENS}({_WORD})[\s-]+\Z", re.IGNORECASE)
_BARE = re.compile(r"(?:\A\W*|\b(?:an?|the|is|are|was|were)\s+)\Z", re.IGNORECASE)
_AFTER = re.compile(rf"[\s-]+({_WORD})\W*\Z")
_TERM = re.compile(r"[^\W\d_]+(?:[ -][^\W\d_]+){0,2}")

_GRAMMAR = frozenset(
    """
    indeed a an the of in on at by to for from with without and or but not no nor as is are was were be been being has
    have had do does did can could will would shall should may might must it its he she his her him they their
    them we our you your i my me this that these those there here then than so such very too also only just even
    still both either neither each every all any some many much most more less few several other another same
    own about around over under between into through during before after until since because while if when where
    which who whose what how why yes called named like via per up down out off one two three four five six seven
    eight nine ten first second third last next new make makes made use uses using contains contain produces
    el la los las un una unos es son era lo le les de del der die das den dem ein eine einen ist sind war il gli uno
    è sono o os as um uma é são est sont était c'est du des une het een это un' l'
    produce means mean becomes become remains remain need needs want wants get gets got having
    """.split()  # noqa: SIM905
)
_DESCRIBES = frozenset(
    """
    big large small tiny little huge great giant common wild domestic adult young old male female human normal
    pure plain simple single whole entire famous main major minor own long short tall high low good bad best
    largest biggest smallest highest fastest oldest longest tallest living dead real true ancient modern
    ordinary average typical red orange yellow green blue purple violet pink brown black white grey gray silver
    golden liquid solid gaseous raw cooked boiled fried fresh clean dirty wet warm cool free
    molten frozen boiling
    """.split()  # noqa: SIM905
)
_SAYS_WHAT = frozenset(
    """
    element metal gas liquid solid planet word letter colour color term animal plant organ hormone vitamin
    protein enzyme language process number verb noun substance compound mineral disease season month sport
    country city concept phenomenon force bone gland method atom molecule ion particle cell species breed tissue
    crystal family group class type kind name device machine instrument tool game dance fruit vegetable tree
    flower fish bird insect mammal symbol material system theory unit currency drink food dish creature monster
    """.split()  # noqa: SIM905
)
_CONSISTS = frozenset(
    ["gas", "atom", "molecule", "cell", "ion", "particle", "species", "tissue", "crystal", "colour", "color", "element",
     "metal", "animal", "hormone", "protein", "word", "letter", "side", "direction"]
)  # fmt: skip
"""Words behind a noun that leave it what it is: ``oxygen gas``, ``carbon atoms``."""
_SHADES = frozenset(["dark", "light", "pale", "bright", "deep", "vivid", "soft", "sky", "navy"])
_COLOURS = frozenset(
    [
        "red",
        "orange",
        "yellow",
        "green",
        "blue",
        "purple",
        "violet",
        "pink",
        "brown",
        "grey",
        "gray",
        "turquoise",
    ]
)
_NOT_REAL = frozenset(
    """
    artificial synthetic fake false mock imitation faux virtual electronic hypothetical fictional imaginary former
    potential plastic wooden ceramic electric robotic vegan vegetarian
    """.split()  # noqa: SIM905
)
"""Words that say that something is none."""
_ADJECTIVE = re.compile(
    r".{3,}(?:al|ial|an|ian|ic|ous|ive|ful|ish|ese|ed|able|ible|less|ent|ant|ern|ary|ine|like|sized)"
)
_NO_ADJECTIVE = frozenset(
    """
    animal mineral crystal coral medal pedal metal signal hospital festival music garlic plastic traffic comic
    magic arsenic attic fabric ocean caravan guardian olive jellyfish goldfish catfish vegetable parent student
    elephant president giant servant accident garden forest lantern pattern library canary calendar ant event
    percent continent cement pavement monument instrument document government tenant merchant plant restaurant
    engine machine magazine medicine vaccine turbine limousine routine discipline gasoline caffeine chlorine iodine
    porcupine valentine submarine
    finish polish radish rubbish seed weed speed infrared hundred
    """.split()  # noqa: SIM905
)


_ARTICLE = re.compile(r"^(?:an?|[Tt]he)\s+(?=\w)")


def other_thing(answer: str, reference: str, known: bool = False) -> bool:
    """Whether ``answer`` names the noun ``reference`` only as a part of what may be, if ``known`` is, another thing."""
    wanted = _ARTICLE.sub("", reference.strip(" ."))
    if not _TERM.fullmatch(wanted) or wanted.isupper():
        return False
    # "Sea Lion" may be a lion in small letters; "Mount Everest" is Everest.
    places = [at for at in _places_of(wanted, answer) if wanted.islower() or answer[at].islower()]
    beside = _made_another if known else _beside
    return bool(places) and all(beside(answer, at, at + len(wanted)) for at in places)


_OWNS = re.compile(r"['’]s\s+\w")


def _places_of(term: str, text: str) -> Iterator[int]:
    """Where ``term`` stands as whole words in ``text``, whatever its case."""
    low, term = text.lower(), term.lower()
    if len(low) != len(text):
        return
    at = low.find(term)
    while at >= 0:
        end = at + len(term)
        around = low[at - 1 : at] + low[end : end + 1]
        if not any(c.isalnum() or c in "_'’" for c in around) or _OWNS.match(low, end):
            yield at
        at = low.find(term, at + 1)


def _beside(text: str, start: int, end: int) -> bool:
    if _OWNS.match(text, end):
        return True  # the lion's share
    before = _BEFORE.search(text, max(0, start - 60), start)
    shade = before is not None and before[1].casefold() in _SHADES and text[start:end].casefold() in _COLOURS
    if before and not shade and (text[start - 1] == "-" or not _understood(before[1])):
        return True  # blue-green, great-grandfather
    if before and _another_thing(before[1].casefold(), text[start:end].casefold()):
        return True
    after = _AFTER.match(text, end) if _BARE.search(text, max(0, start - 10), start) else None
    if after is None or (text[end - 1] == "s" and not after[1].endswith("s")):
        return False  # dogs bark
    low = after[1].casefold()
    return not (
        low in _CONSISTS or low.removesuffix("s") in _CONSISTS or (low in _GRAMMAR or low.endswith("ly"))
    )


@cache
def _other_things() -> dict[str, frozenset[str]]:
    """Words that describe, and nouns of which they make another thing: white gold, red panda, dry ice."""
    lines = files("optiq.scoring").joinpath("other_things.txt").read_text(encoding="utf-8").splitlines()
    found = (line.split() for line in lines if line and not line.startswith("#"))
    return {word: frozenset(nouns) for word, *nouns in found}


def _made_another(text: str, start: int, end: int) -> bool:
    before = _BEFORE.search(text, max(0, start - 60), start)
    return before is not None and _another_thing(before[1].casefold(), text[start:end].casefold())


def _another_thing(word: str, noun: str) -> bool:
    return word in _NOT_REAL or noun in _other_things().get(word, ())


_HEAD = re.compile(
    rf"\A\W*(?:(?:it|this|that)(?:['’]s|\s+is|\s+was)\s+)?(?:an?\s+|the\s+)?((?:{_WORD}\s+){{1,3}})of\s+(?:an?\s+|the\s+)?",
    re.IGNORECASE,
)
_OF_A_STATE = frozenset(
    """
    university city battle siege treaty republic kingdom state states commonwealth principality union province
    island town county duchy grand people's people’s islamic federal socialist bolivarian plurinational united
    country nation continent region because due process phenomenon force act concept
    municipality lot kind sort type form piece bit drop amount variety area field use name word part
    """.split()  # noqa: SIM905
)


def part_of_a_phrase(answer: str, reference: str) -> bool:
    """Whether ``answer`` is no more than something of the reference: ``Gulf of Mexico``, ``the speed of light``."""
    head = _HEAD.match(answer)
    if head is None or answer[head.end() :].strip(" .!").casefold() != reference.strip(" .").casefold():
        return False
    words = head[1].casefold().split()
    named = reference[:1].isupper()
    known = all(word in _OF_A_STATE or (not named and _understood(word)) for word in words)
    return not known and not (words[-1].endswith("ed") and len(words[-1]) > 5)


def _understood(word: str) -> bool:
    low = word.casefold()
    if low.endswith(("'s", "’s", "s'", "s’")):
        return word[0].isupper()  # Earth's gravity, fool's gold
    if low in _GRAMMAR or low in _DESCRIBES or low.endswith("ly"):
        return True
    if low in _SAYS_WHAT or low.removesuffix("s") in _SAYS_WHAT or low.removesuffix("es") in _SAYS_WHAT:
        return True
    return low not in _NO_ADJECTIVE and len(low) > 5 and _ADJECTIVE.fullmatch(low) is not None
