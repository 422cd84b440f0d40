"""Numbers in answers: whether the number that an answer states is that of the reference."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from optiq.scoring.dates import is_calendar_date
from optiq.scoring.denial import affirmed
from optiq.scoring.figures import Figure, figures_in, same_figure
from optiq.scoring.languages import number_in_words
from optiq.scoring.plain_text import plain
from optiq.scoring.roman import roman_value
from optiq.scoring.units import DEGREES

_AROUND = " .,;:!?\"'()[]{}*`~≈$"
_MOST_WORDS = 3
_LEADING = re.compile(
    r"(?:\b(?:about|around|approximately|approx\.?|roughly|circa|ca?|between|from|the|exactly|a total of|magnitude|"
    r"ratio of|nearly|almost|"
    r"at least|at most|more than|less than|over|under|up to|no more than|no less than|fewer than|no fewer than)\b\.?|"
    r"[~≈<>≤≥=]|[a-z]\s?[=<>≤≥]|\s)*",
    re.IGNORECASE,
)
_EQUALS = re.compile(
    r"=|≈|(?<=[\w)])\s*(?:→|⇒|->)\s*(?=[-$€£]?\d)|\b(?:equals|is equal to|makes)\b|"
    r"(?<=\d)\s+(?:is|are|gives)\s+(?=[-$€£]?\d)(?![-$€£\d.,]+\s*(?:%|percent|times|of\b))"
)
_EXPRESSION = re.compile(r"[\s(]*[\d.,]+\s*[-+*/×÷^]\s*[\d.,]+(?:\s*[-+*/×÷^]\s*[\d.,]+)*[\s).]*\Z")
_CONDITION = re.compile(r"\b(?:when|if|where|because|since)\b.*", re.DOTALL)
_CONCLUDES = re.compile(
    r"\b(?:so|therefore|thus|hence|in total|(?:a|the) total(?: of| is)?|altogether|in all|answer is|result is|"
    r"which (?:is|makes|gives)|giving|that (?:is|gives)|(?:to|we|you|i) (?:get|obtain)|yields|result(?:s|ing) in|"
    r"comes to|(?<!the )left(?=[\s.,!]*\Z)|remain(?:s|ing)?(?=[\s.,!]*\Z)|"
    r"leaving|in other words|that makes|for a total of|final(?:ly)?)\b|(?<!\()\bi\.e\.",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\b(?:then|minus|plus|add(?:ing)?|subtract(?:ing)?|multipl\w+|divid\w+)\b[^.;\n]*?\b(?:giving|gives?|leaving|leaves|makes?|making|to\s+get|yields?|"
    r"equals)\s+(?=[-$€£]?\d)",
    re.IGNORECASE,
)
_TOTAL = re.compile(r"total|altogether|in all|left|remain", re.IGNORECASE)
_COUNTED_BEFORE = re.compile(r"[-$€£]*\d[\d.,]*(?:\s+[^\W\d]+){0,2}\s+\Z")
_BEFORE_YEAR = re.compile(r"\b(?:in|since|of|until|from|by|after|before)\s*$", re.IGNORECASE)
_NOT_THEN = re.compile(r"\b(?:before|after|prior\s+to|(?:earlier|later)\s+than|until)\s+(?:the\s+year\s+)?$")
_LISTED = re.compile(r"\s*(?:,|;|/|&|,?\s*and|,?\s*or)\s*", re.IGNORECASE)
# Capitalised words that open a sentence and name nothing.
_NO_NAME = frozenset(
    [
        "about",
        "around",
        "there",
        "the",
        "in",
        "is",
        "it",
        "its",
        "answer",
        "total",
        "result",
        "approximately",
        "over",
        "nearly",
        "almost",
        "only",
        "exactly",
        "just",
        "all",
        "of",
        "from",
        "at",
        "so",
        "thus",
        "hence",
        "therefore",
        "minus",
        "negative",
        "plus",
        "they",
        "he",
        "she",
        "we",
        "i",
        "you",
        "that",
        "this",
        "these",
        "those",
        "was",
        "were",
        "has",
        "had",
        "have",
        "between",
        "roughly",
        "some",
        "up",
        "an",
        "a",
        "and",
        "or",
        "but",
        "no",
        "yes",
        "number",
        "final",
        "equals",
        "is",
        "sum",
        "value",
        "by",
        "with",
        "for",
        "on",
        "to",
        "after",
        "before",
        "since",
        "during",
        "until",
        "altogether",
        "circa",
        "under",
        "above",
        "below",
        "approx",
        "each",
        "usd",
        "eur",
        "gbp",
        "every",
        "than",
    ]
)


_PARTS_OF_PI = re.compile(r"\d*\s?(?:π|\\?\bpi\b)(?:\s?/\s?\d+)?(?![\w/])(?!\s*rad)", re.IGNORECASE)


def numeric_equality(answer: str, reference: str, asked: str = "") -> float | None:
    """1.0 if the answer's number is the reference's, else 0.0; None unless the reference is a number.

    A reference is a number (a range, a time of day) if it is one figure with at most three words behind it, and no
    day. Of the answer counts what it affirms: what an equation or a conclusion ends in, else the first figure that can
    be meant. Years after ``in`` or ``since``, figures of another dimension and those of a name (``Apollo 13``) are
    passed over; one of several (``4 or 5``, ``3, 4``) is not the answer. Known units are converted. An answer with more
    decimals than the reference is rounded to its. ``asked``: the question; one for percent makes 50 of 50 %.
    """
    wanted = figure_of(reference)
    if wanted is None or is_calendar_date(reference):
        return None
    if "=" in reference:
        named, said = (_LETTER_NAMED.search(plain(text)) for text in (reference, answer))
        if named and said and named[1].casefold() != said[1].casefold():
            return 0.0  # y = 5, for x = 5
    if "=" in answer and not _solves(answer, reference, asked):
        return 0.0  # 2x = 5, for 5
    if sides := _sides(reference):
        directions = _sides(answer)
        if directions and sides != directions:
            return 0.0  # 40° S, for 40° N
    if (
        wanted.kind == "number"
        and not wanted.units
        and "." in wanted.code
        and _ASKS_FOR_A_VERSION.search(asked)
        and (stated := _stated(affirmed(plain(answer)), wanted)) is not None
    ):
        return float(stated.code.lstrip("v") == wanted.code)  # 3.10 is not 3.1
    if wanted.before == "±":
        answer = re.sub(r"\b[a-z]\s*=\s*", "", answer)
    if wanted.value < 0 and (fallen := _FALLEN.fullmatch(answer)):
        answer = f"-{fallen[1] or fallen[2] or fallen[3]}"  # down 3.5 %
    if "-" in answer or "−" in answer:
        answer = _BOTH_SIGNS.sub(_both_signs, answer)
    if "=" in answer and _SEVERAL_VALUES.search(answer):
        return 0.0
    if (number := number_in_words(answer)) is not None:
        answer = str(number)
    text = affirmed(plain(_NO_ONE.sub("nobody", answer)))
    if any(unit.what in DEGREES or unit.what.startswith("angle") for unit in wanted.units):
        text = plain(_PARTS_OF_PI.sub(r"\g<0> rad", text))
    if (value := roman_value(answer.strip(_AROUND))) is not None:
        return float(wanted.kind == "number" and not wanted.units and wanted.value == value)
    if "≈" in text and "=" in text:  # x = 1/3 ≈ 0.33
        exact = _stated(text[: text.index("≈")], wanted)
        if exact is not None and same_figure(exact, wanted, asked):
            return 1.0
    found = _stated(text, wanted)
    return float(found is not None and same_figure(found, wanted, asked))


_NO_ONE = re.compile(r"\bno one\b", re.IGNORECASE)
_LETTER_NAMED = re.compile(r"(?<![\w'’*^/+-])(?<![-+*/^]\s)([A-Za-z])\s*=\s*-?[\d.,/]+\W*\Z")


def _solves(answer: str, reference: str, asked: str) -> bool:
    """Whether ``answer`` does not end in an equation that is not solved yet, which nobody asked for."""
    left = _NOT_SOLVED.search(answer)
    if left is None:
        return True
    wanted = re.sub(r"\s", "", left[1])
    return any(wanted in re.sub(r"\s", "", text) for text in (asked, reference.partition("=")[0]))


_NOT_SOLVED = re.compile(
    r"(?<![\w^*/+=-])(?<![=+*/^-]\s)(-?\d+(?:\.\d+)?\s*[a-z]|[a-z]\s*(?:[-+*/^]|\*\*)\s*\d+(?:\.\d+)?|[a-z][²³]|-?\d+(?:\.\d+)?\s*[a-z]\s*[-+]\s*\d+)"
    r"\s*=\s*-?[\d.,/]+\W*\Z"
)
"""``2x = 5``, ``x + 1 = 5``: an equation that is not solved yet."""
_COMPASS = re.compile(r"(?:°|\bdegrees?)[\d.'′\"″\s]*(N|S|E|W|north|south|east|west)(?!\w)", re.IGNORECASE)


def _sides(text: str) -> list[str]:
    """The sides of the compass behind degrees."""
    return (
        [side[0].upper() for side in _COMPASS.findall(text)] if "°" in text or "egree" in text.lower() else []
    )


_ASKS_FOR_A_VERSION = re.compile(r"\b(?:version|release)\b", re.IGNORECASE)
_BOTH_SIGNS = re.compile(
    r"\A\W*?[+]?(\d+(?:[./]\d+)?)(?:,?\s+(?:or|and)|,)\s+[-−]\1\W*\Z|"
    r"\A\W*?[-−](\d+(?:[./]\d+)?)(?:,?\s+(?:or|and)|,)\s+[+]?\2\W*\Z"
)
"""``3 or -3``."""
_FALLEN = re.compile(
    r"\W*(?:(?:it\s+)?(?:is\s+|was\s+)?(?:down|fell|dropped|declined|decreased|shrank)(?:\s+by)?\s+([\d.,]+\s?(?:%|percent))|"
    r"(?:an?\s+)?(?:decline|drop|decrease|fall|reduction)\s+of\s+([\d.,]+\s?(?:%|percent))|"
    r"(?:an?\s+)?([\d.,]+\s?(?:%|percent))\s+(?:decline|drop|decrease|fall|reduction))\W*",
    re.IGNORECASE,
)
_SEVERAL_VALUES = re.compile(
    r"(?<![\w'’*^/+-])([A-Za-z])\s*=\s*(-?[\d.,/]*\d)\s*(?:,|;|,?\s*\b(?:or|and)\b)\s*[A-Za-z]\s*=\s*(?!\2(?![\d.,/]*\d))"
    r"-?[\d.,/]+\W*\Z"
)
"""``x = 5 or x = -5``."""
_COMPLEX = re.compile(r"\d\s*[-+]\s*(?:\d+(?:\.\d+)?)?i\b|\di\b")
_FACTORIAL = re.compile(r"\W*\d+!\W*")


_OF_LETTERS = re.compile(
    r"(?<![A-Za-z])[A-Za-z]\s*[-+*/^·](?!\w{3})|[-+*/^·]\s*\d*[A-Za-z](?![A-Za-z])|\d[a-z](?![A-Za-z])"
)


def concludes(text: str) -> bool:
    """Whether ``text`` has an equation, or words that lead to a result."""
    return bool(_EQUALS.search(text) or _CONCLUDES.search(text))


@lru_cache(maxsize=8192)
def figure_of(reference: str) -> Figure | None:
    """The figure that ``reference`` is."""
    if (value := roman_value(reference.strip(_AROUND))) is not None:
        return Figure("number", 0, len(reference), Fraction(value), Fraction(1))
    if re.fullmatch(r"\s*[\[({].*,.*[\])}]\s*", reference):
        return None  # (3, 4), [0, 1]
    if _COMPLEX.search(reference) or _FACTORIAL.fullmatch(reference):
        return None  # 3 + 4i, 5!
    reference = _BOTH_SIGNS.sub(_both_signs, reference)
    if (number := number_in_words(reference)) is not None:
        reference = str(number)
    text = _CONDITION.sub("", plain(reference)).strip(' .,;:!?"()[]{}*`')
    if text.count("(") > text.count(")"):
        text += ")"  # J/(mol·K)
    if text.count("=") > 1 and re.search(r",|;|\bor\b|\band\b", text):
        return None  # several solutions
    if "=" in text:
        left, _, text = text.rpartition("=")
        if _OF_LETTERS.search(left):
            return None  # a + 3z = 0 is an equation
        text = text.strip()
    found = figures_in(text)
    if len(found) != 1 or not _LEADING.fullmatch(text[: found[0].start]):
        return None
    figure = found[0]
    if figure.kind == "code" and figure.before != "±":
        return None
    if figure.kind == "range" and any(part.kind == "code" for part in figure.parts):
        return None  # 3x - 2
    return figure if len(re.findall(r"\w+", text[figure.end :])) <= _MOST_WORDS else None


def _stated(text: str, wanted: Figure) -> Figure | None:
    """The figure that ``text`` states as its answer."""
    for part in _conclusions(text):
        candidates = [figure for figure in figures_in(part) if _can_be_meant(part, figure, wanted)]
        if not candidates:
            continue
        first, others = candidates[0], candidates[1:]
        if others and _TWO_COUNTS.fullmatch(part) and first.noun != others[0].noun:
            return None
        if (
            others
            and _LISTED.fullmatch(part[first.end : others[0].start])
            and not same_figure(others[0], first)
        ):
            return None
        return first
    return None


_TWO_COUNTS = re.compile(r"\W*[\d.,]+\s+[^\W\d]+\s*(?:,|and|&)\s*[\d.,]+\s+[^\W\d]+\W*")
"""``42 apples and 3 pears``."""


def _both_signs(match: re.Match[str]) -> str:
    return f"±{match[1] or match[2]}"


def _conclusions(text: str) -> list[str]:
    """Parts of ``text`` in the order in which they can hold its answer."""
    parts = []
    said = _CONDITION.sub("", text)
    if ends := list(_EQUALS.finditer(said)):
        tail = said[ends[-1].end() :]
        if later := list(_GOES_ON.finditer(tail)):
            parts.append(tail[later[-1].end() :])  # 6 × 7 = 42, then subtract 2, giving 40
        # "7 = 3 + 4", "36 (= 6 × 6)": the result stands on the left
        turned = _EXPRESSION.match(tail) and figures_in(said[: ends[0].start()])
        parts.append(said[: ends[0].start()] if turned else tail)
    for mark in reversed(list(_CONCLUDES.finditer(text))):
        if _TOTAL.search(mark[0]) and (counted := _COUNTED_BEFORE.search(text, 0, mark.start())):
            parts.append(counted[0])  # $64 in total ($5 each)
        elif re.search(r"\d", text[mark.end() :]):
            parts.append(text[mark.end() :])
        elif _TOTAL.search(mark[0]) and (before := figures_in(text[: mark.start()])):
            parts.append(text[before[-1].start : mark.start()])
    return [part for part in parts if re.search(r"\d|noon|midnight", part)] or [text]


def _can_be_meant(text: str, figure: Figure, wanted: Figure) -> bool:
    plain_number = figure.kind == "number" and not figure.units and figure.quantum == 1
    like_a_year = plain_number and 1000 <= figure.value < 2200 and not 1000 <= wanted.value < 2200
    if like_a_year and _BEFORE_YEAR.search(text[: figure.start]):
        return False
    if plain_number and 1000 <= figure.value < 2200 and _NOT_THEN.search(text[: figure.start].casefold()):
        return False
    if figure.units and wanted.units and figure.kind == "number":
        kinds = {unit.what for unit in figure.units}
        if not any(
            unit.what in kinds or not {unit.what, *kinds}.isdisjoint(DEGREES) for unit in wanted.units
        ):
            return False
    if figure.kind == "code" and any(c.isalpha() for c in figure.code) and not re.match(r"v?\d", figure.code):
        return False
    name = figure.before
    if figure.units and not figure.attached:
        return True  # "Rod planted Sphere 3 hours ago": no name is measured
    bare = re.split("['’]", name.casefold().rstrip("."), maxsplit=1)[0]  # "It's 5"
    if wanted.noun and bare == wanted.noun:
        return True  # Form 1040, for 1040 form
    return not (name[:1].isupper() and bare not in _NO_NAME)
