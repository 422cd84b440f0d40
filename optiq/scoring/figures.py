"""Figures in a text: numbers with sign, magnitude and unit, ranges, times, and what is spelled with digits.

A figure is read whole or not at all: ``70k`` is 70,000, ``COVID-19``, ``1.0.6`` and ``+1 555 123 4567`` are codes that
equal only themselves, and so is a number that something touches which nobody understood (``70z``, ``2 + 2``).
Values are exact fractions; number words are read by text2num, units by Pint (:mod:`.units`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache

from optiq.scoring.plain_text import plain as plain
from optiq.scoring.units import DEGREES, SIGN_OF_DEGREES, Unit, currency_of, units_of

# --- figures -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a text at ``start`` to ``end``.

    ``kind`` is ``number`` (with ``value``, the place of its last digit as ``quantum``, what ``units`` it can have and
    the ``noun`` that it counts), ``range`` (``parts``), or ``code``, ``time``, … which equal by ``code``
    alone. ``bound`` is ``<``, ``>``, ``≤``, ``≥`` or empty. ``otherwise``: what it is if it has a unit
    (``300K`` in kelvins).
    """

    kind: str
    start: int
    end: int
    value: Fraction = Fraction(0)
    quantum: Fraction = Fraction(0)
    units: tuple[Unit, ...] = ()
    attached: bool = False
    noun: str = ""
    bound: str = ""
    code: str = ""
    parts: tuple[Figure, ...] = field(default=())
    before: str = ""
    otherwise: tuple[Figure, ...] = field(default=())
    ordinal: bool = False


_DIGITS = re.compile(
    r"\d{1,3}(?:[ ]\d{3})+(?![\d])(?![ -]?\d)(?:[.,]\d+(?!\d))?|\d+(?:[.,]\d+|['’_]\d{3}(?!\d))*|(?<![\d.])[.,]\d+"
)
_EXPONENT = re.compile(
    r"[eE]([+-]?\d{1,4})(?![\w.]\w)(?!\w)|\s*[×xX*·]\s*10\s*(?:\^|\*\*)\s*[({]?\s*([+-]?\d{1,4})[)}]?(?!\d)"
)
_POWER = re.compile(r"\s*(?:\^|\*\*)\s*[({]?\s*([+-]?\d{1,4})[)}]?(?![\w.]\d)|\s(squared|cubed)\b")
_MULTIPLE = re.compile(r"\b(?:twice|thrice|double|triple|half(?:\s+of)?|square\s+of)\s+$", re.IGNORECASE)
"""``Twice 42`` is not 42."""
_OVER = re.compile(r"\s?/\s?(\d+)(?![\d.,]*\d)(?!\s?/)")
_MIXED = re.compile(r"[ -](?:and )?(\d+)/(\d+)(?![\d/])")
_MAGNITUDES = {
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "quadrillion": 10**15,
    "dozen": 12, "score": 20, "gross": 144, "lakh": 10**5, "crore": 10**7, "mil": 10**6, "mln": 10**6, "mn": 10**6,
    "mio": 10**6, "bn": 10**9, "bln": 10**9, "tn": 10**12, "trn": 10**12, "k": 10**3, "K": 10**3, "M": 10**6,
    "MM": 10**6, "万": 10**4, "萬": 10**4, "만": 10**4, "亿": 10**8, "億": 10**8, "억": 10**8, "千": 10**3, "천": 10**3,
    "百": 100,
    "B": 10**9, "T": 10**12,
}  # fmt: skip
_MAGNITUDE = re.compile(
    r"[\s-]?(?:((?i:hundred|thousand|million|billion|trillion|quadrillion|dozen|score|lakh|crore|mln|mio|bln))s?\b|((?i:gross))(?=\W*\Z)|([万萬亿億千百만억천])"
    r"|(mil|mn|bn|tn|trn|k|K|M|MM|B|T)(?![\w/^²³·*]|\s?/))\.?",
)
_MONEY_MAGNITUDE = re.compile(r"\s?([mbkt])(?![\w/^])")
_MONEY_MAGNITUDES = {"m": 10**6, "b": 10**9, "k": 10**3, "t": 10**12}
_DECADE = re.compile(r"\d{1,3}0['’]?s\b(?!\s*[/·])(?<=\d{3}0s)")
_WORD_BEFORE = re.compile(r"([^\W\d_][\w'’.-]*)[\s(]$")
_ERA = re.compile(r"\s?(?:(b\.?\s?c\.?(?:\s?e\.?)?)|a\.?\s?d\.?|c\.?\s?e\.?)(?!\w)", re.IGNORECASE)
_OTHER_ERA = re.compile(r"\s?(AH|BP|AM(?=\W*\Z)|AUC)\b")
"""Years of the Hijra, before present, of the world, of Rome: ``1500 AH``."""
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b", re.IGNORECASE)
_UNIT_WORD = (
    r"(?:(?:US|AU|CA|NZ|[ACR])[$]|"
    r"light[- ]years?\b|[^\W\d_]+(?:\^?-?[1-9](?![\d.,]*\d))?|[%‰°¢][CFK]?\b|[%‰°¢$€£¥₹₽₩₿](?!\d)|['\"′″])"
)
_UNIT = re.compile(
    rf"[\s-]?({_UNIT_WORD}(?:\s?[/·*]\s?{_UNIT_WORD}|-(?=(?:hour|second|met[er]|pound|year)){_UNIT_WORD}|"
    rf"\s(?:per\s|an?\s)?{_UNIT_WORD}){{0,4}}"
    rf"(?:\s?/\s?\({_UNIT_WORD}(?:\s?[·*]\s?{_UNIT_WORD}|\s{_UNIT_WORD}){{0,3}}\))?)"
)
"""``km/h``, ``J/(mol·K)``."""
_BETWEEN_UNITS = re.compile(r"(?<=[a-z])-(?=[a-z])")
_EACH = re.compile(
    r"(?:\s?/\s?|\s+(?:per|each|every|for\s+each)\s+)([^\W\d_]+)|"
    r"\s+an?\s+(hour|day|night|week|month|year|minute|second|piece|person|head|kilo\w*|pound|barrel|share|gallon|litre|liter)\b",
    re.IGNORECASE,
)
_OF_WHAT = re.compile(
    r"\s+of\s+(?:(?:the|all|its|their|his|her|our|your|a|an|us|total|world['’]s)\s+)*([^\W\d_]+)"
)
_PART_OF = re.compile(r"\s+of\s+(?:an?|one)(?=\s)", re.IGNORECASE)
"""``Three quarters of an hour``."""
_NOUN = re.compile(r"[\s-]([^\W\d_]+)")
_FUNCTION = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "in",
        "at",
        "on",
        "and",
        "or",
        "from",
        "to",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "it",
        "he",
        "she",
        "they",
        "we",
        "there",
        "that",
        "this",
        "these",
        "those",
        "for",
        "with",
        "by",
        "as",
        "but",
        "so",
        "then",
        "than",
        "who",
        "which",
        "when",
        "where",
        "while",
        "since",
        "because",
        "if",
        "not",
        "no",
        "per",
        "each",
        "every",
        "all",
        "only",
        "total",
        "totals",
        "altogether",
        "overall",
        "approximately",
        "about",
        "around",
        "would",
        "will",
        "has",
        "have",
        "had",
        "do",
        "does",
        "did",
        "can",
        "could",
        "may",
        "might",
        "i",
        "you",
        "its",
        "their",
        "his",
        "her",
        "our",
        "my",
        "your",
        "also",
        "exactly",
        "or",
        "between",
        "during",
        "after",
        "before",
        "until",
        "under",
        "over",
        "above",
        "below",
        "within",
        "without",
        "into",
        "out",
        "up",
        "down",
        "off",
        "through",
        "being",
        "left",
        "remaining",
        "more",
        "less",
        "fewer",
        "plus",
        "minus",
        "times",
        "divided",
        "combined",
        "respectively",
        "today",
        "now",
    ]
)
_BOUND = re.compile(
    r"(?:\b(?P<least>at least|no (?:less|fewer) than|not less than|(?:a )?minimum(?: of)?|(?<!\d )(?<!\d)min\.?)|"
    r"\b(?P<over>more than|over|above|greater than|exceeding|upwards of)|"
    r"\b(?P<most>at most|no more than|not more than|up to|(?:a )?maximum(?: of)?|max\.?)|"
    r"\b(?P<under>less than|under|below|fewer than)|(?P<sign>>=|<=|(?<![=-])[<>]|[≤≥]))\s*$",
    re.IGNORECASE,
)
_BOUND_AFTER = re.compile(
    r"(?:\s+(?:or|and)\s+(?:more|over|above|greater|older|higher|up|upwards|later|longer)\b|\+(?![\d\w]))()|"
    r"\s+(?:or|and)\s+(?:less|fewer|under|below|younger|lower|smaller|earlier|shorter)\b",
    re.IGNORECASE,
)
_ROUGHLY = re.compile(
    r"(?:\b(?:about|around|approximately|approx\.?|roughly|circa|ca?\.|some|nearly|almost|an estimated|"
    r"estimated)|[~≈≃])\s*$",
    re.IGNORECASE,
)
_SIGN = re.compile(r"(?:(?P<sign>[+-])\s?|\b(?P<word>minus|negative|plus|positive)\s+)$", re.IGNORECASE)
_MARGIN = re.compile(r"(?:±|\+/-|\+-)\s?$")
_CURRENCY = re.compile(r"(?P<sign>[-+]\s?)?(?P<money>(?:US|CA|AU|NZ|[ACR])?[$]|[€£¥₹₽₩₿₺₪]|\b[A-Z]{3})\s?$")
_BELOW_ZERO = re.compile(
    r"\s*(?:degrees?\s+)?below(?:\s+(?:zero|0|freezing)\b|\W*\Z)|\s+in\s+the\s+red\b", re.IGNORECASE
)
_TIME = re.compile(
    r"(?<![\d:.,])(?P<h>[01]?\d|2[0-4])(?:(?::|h(?=\d\d(?!\s?m)))(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?|\.(?P<d>[0-5]\d)(?=\s?[ap]\.?\s?m\b))?"
    r"(?P<half>\s?(?:[ap]\.?\s?m\b\.?|o['’]?\s?clock(?:\s+in\s+the\s+(?P<part>morning|afternoon|evening)|\s+at\s+night)?)|"
    r"(?(m)\s+in\s+the\s+(?P<then>morning|afternoon|evening)|\s+in\s+the\s+(?P<bare>morning|afternoon|evening)(?=\W*\Z)))?"
    r"(?![\d:])(?P<zone>\s(?:UTC|GMT|EST|EDT|CST|CDT|MST|MDT|PST|PDT|CET|CEST|BST)\b)?",
    re.IGNORECASE,
)
_NOON = re.compile(r"\b(?:12\s+)?(noon|midday|midnight)\b", re.IGNORECASE)
_CODE = re.compile(
    r"\+?\(?\d+\)?(?:[ .-]\(?\d+\)?){2,}(?![\d.]*\w)|(?<![\w.,'])[\w]*[^\W\d_][\w]*(?:[-./][\w]+)*-?|"
    r"(?<![\w.])v?\d+(?:\.\d+){2,}[\w.-]*"
)
_VERSION = re.compile(
    r"\b(?:v|ver\.?|version|release|python|php|java|chapter|section|article)\s*$", re.IGNORECASE
)
_VERSION_WORDS = ("v", "ver", "version", "release")
_JOIN = re.compile(
    r"\s*(?P<dash>-|up\s+to|to|through|thru|until|till|\.\.\.?)\s*|\s*(?P<ratio>:)\s*|\s*(?P<pm>±|\+/-)\s*|,?\s+(?P<or>or)\s+",
    re.I,
)
_OPERATOR = re.compile(
    r"\s*(?:[+*×÷^/]|\bplus\b|\bminus\b|\btimes\b|\bdivided by\b|\bx\b|(?<=\s)-(?=\s))\s*$", re.I
)
_OPENS = re.compile(r"[(+]?(?<![^\W_])\w*\d|[.,]?\d|\b(?:12\s)?(?:noon|midday|midnight)\b", re.IGNORECASE)
_LOOKS = re.compile(r"\d|\b(?:noon|midday|midnight)\b", re.IGNORECASE)


@lru_cache(maxsize=4096)
def figures_in(text: str) -> tuple[Figure, ...]:
    """The figures of a :func:`plain` text, in order."""
    if not _LOOKS.search(text):
        return ()
    return tuple(_joined(text, list(_single_figures(text))))


def _single_figures(text: str) -> Iterator[Figure]:
    at = 0
    while (opens := _OPENS.search(text, at)) is not None:
        at = opens.start()
        found = next(
            (figure for read in (_code_at, _time_at, _number_at) if (figure := read(text, at))), None
        )
        if found is None or found.end <= at:
            at += 1
            continue
        yield found
        at = found.end


def _time_at(text: str, at: int) -> Figure | None:
    if noon := _NOON.match(text, at):
        return Figure("time", at, noon.end(), code="0:00:" if noon[1].lower() == "midnight" else "12:00:")
    if not text[at].isdigit() or (match := _TIME.match(text, at)) is None:
        return None
    if match["m"] is None and match["half"] is None:
        return None
    if at and (text[at - 1].isalnum() or text[at - 1] in ":/"):
        return None
    hour, minute, half = (
        int(match["h"]) % 24,
        match["m"] or match["d"] or "00",
        (match["half"] or "").strip().lower(),
    )
    part = match["part"] or match["then"] or match["bare"] or ("night" if "night" in half else "")
    marked = ""
    if half.startswith(("a", "p")) or part:
        if hour > 12 or hour == 0:
            marked = half
        hour = hour % 12 + (12 if half.startswith("p") or part in ("afternoon", "evening", "night") else 0)
    elif hour <= 12:
        marked = (
            "?0" if match["h"][0] == "0" and hour else "?"
        )  # of which half of the day nobody says, or 08:45
    if half.startswith("o"):
        marked += "o"
    second = f":{match['s']}" if match["s"] and match["s"] != "00" else ""
    return Figure(
        "time",
        at,
        match.end(),
        code=f"{hour}:{minute}{second}:{marked}{(match['zone'] or '').strip().upper()}",
    )


def _code_at(text: str, at: int) -> Figure | None:
    """Digits inside a word (``COVID-19``, ``B12``, ``1.0.6``), or in three groups and more (a telephone number)."""
    if at and (text[at - 1].isalnum() or text[at - 1] == "_"):
        return None
    character = text[at]
    if not (character.isalnum() or character in "+("):
        return None
    match = _CODE.match(text, at)
    if match is None or not any(c.isdigit() for c in match[0]):
        return None
    found = match[0].rstrip("-.")
    if character.isdigit() or character in "+(":
        if found[0].isdigit() and not re.fullmatch(r"[\d .()+-]+", found):
            return None  # 70k, 5km, 3rd: a number with what touches it
        if _is_number(found) or re.fullmatch(r"[12]?\d{3}-\d\d?-\d\d?", found):
            return None
        if re.fullmatch(r"\d+\.\d+ ?- ?\d+(?:\.\d+)?|\d+ ?- ?\d+\.\d+", found):
            return None  # 0.1-0.2
        if " - " in found or len(re.findall(r"\d+", found)) < 3:
            return None
    digits = (
        re.sub(r"(?<=[a-z])-(?=\d)", "", found.casefold())
        if any(c.isalpha() for c in found)
        else re.sub(r"[ ()+-]", "", found)
    )
    return Figure("code", at, at + len(found), code=digits)


def _is_number(text: str) -> bool:
    match = _DIGITS.fullmatch(text)
    return match is not None and _value(text) is not None


_WRITTEN = (
    # Groups of three by blanks or apostrophes; by commas, in India by twos; by points, two groups or with a comma.
    (re.compile(r"\d{1,3}(?: \d{3})+(?:[.,]\d+)?|\d{1,3}(?:'\d{3})+(?:[.,]\d+)?"), " '", ","),
    (re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|[1-9]\d?(?:,\d\d)+,\d{3}(?:\.\d+)?"), ",", ""),
    (re.compile(r"[1-9]\d{0,2}(?:\.\d{3}){2,}(?:,\d+)?|[1-9]\d{0,2}(?:\.\d{3})+,\d+"), ".", ","),
    (re.compile(r"\d*,\d+"), "", ","),
    (re.compile(r"\d*\.\d+"), "", ""),
)
"""How digits are grouped: what parts the groups, and the decimal comma, if it is one."""


def _value(digits: str) -> tuple[Fraction, Fraction] | None:
    """Value and last place of digits with grouping and a decimal sign; None if they are no number."""
    if len(digits) > 400:
        return None
    if digits.isascii() and digits.isdigit():
        return Fraction(int(digits)), _ONE
    text = digits.replace("’", "'").replace("_", "'")
    for pattern, groups, comma in _WRITTEN:
        if pattern.fullmatch(text):
            for sign in groups:
                text = text.replace(sign, "")
            text = text.replace(comma, ".") if comma else text
            break
    else:
        return None
    places = len(text.partition(".")[2])
    return Fraction(int(text.replace(".", "")), 10**places), Fraction(1, 10**places)


_ONE = Fraction(1)
_LETTERS_AFTER = re.compile(r"[^\W\d_]+(?!\w)")
_REST = re.compile(r"[^\s,;]*")


def _number_at(text: str, at: int) -> Figure | None:
    match = _DIGITS.match(text, at)
    if match is None:
        return None
    start, end = match.start(), match.end()
    read = _value(match[0])
    if read is None:
        return Figure("code", start, end, code=match[0])
    value, quantum = read
    before = text[:start]
    sign, start, money, bound, name = _before(before, start)
    if name is not None:  # part of a word or a name: technetium-99m
        if name[-1:] == "-" and (more := _LETTERS_AFTER.match(text, end)):
            return Figure(
                "code", start, more.end(), code=f"{name}{match[0]}{more[0]}".casefold(), before=name
            )
        joined = name[:-1] if name[-1:] == "-" and name[:-1].isalpha() else name
        return Figure("code", start, end, code=f"{joined}{match[0]}".casefold(), before=name)
    if decade := _DECADE.match(text, match.start()):
        return Figure("code", start, decade.end(), code=decade[0].replace("'", "").casefold())
    understood = True
    if scientific := _EXPONENT.match(text, end):
        power = int(scientific[1] or scientific[2])
        if abs(power) > 400:
            return Figure("code", start, scientific.end(), code=text[start : scientific.end()])
        value, quantum, end = value * Fraction(10) ** power, quantum * Fraction(10) ** power, scientific.end()
    elif raised := _POWER.match(text, end):
        power = int(raised[1] or (2 if raised[2] == "squared" else 3))
        understood = abs(power) <= 400 and value < 10**6 and not (value == 0 and power < 0)
        value, end = (value**power if understood else value), raised.end()
    elif quantum == 1 and (over := _OVER.match(text, end)):
        if int(over[1]) == 0:
            understood = False
        else:
            value, quantum = Fraction(value, int(over[1])), Fraction(0)
        end = over.end()
    elif quantum == 1 and (mixed := _MIXED.match(text, end)) and int(mixed[2]):
        value, quantum, end = value + Fraction(int(mixed[1]), int(mixed[2])), Fraction(0), mixed.end()
    if ordinal := _ORDINAL.match(text, end):
        end = ordinal.end()
    scaled, unscaled = False, (value, quantum)
    kelvins: tuple[Unit, ...] = ()
    while magnitude := _MAGNITUDE.match(text, end):
        word = magnitude[1] or magnitude[2] or magnitude[3] or magnitude[4]
        # "5 T", "5 K", "5 B", "5 M" with a blank are as well teslas, kelvins, bytes: of those only M is read.
        if magnitude[2] in ("T", "K", "B") and text[end] == " " and not money:
            break
        if scaled and magnitude[2]:
            break
        if word in ("K", "M") and not scaled:
            kelvins = units_of(word)
        scale = _MAGNITUDES[word.lower() if len(word) > 2 else word]
        value, quantum, scaled, end = value * scale, quantum * scale, True, magnitude.end()
        if text[end - 1 : end] == "." and text[end : end + 1].isspace():
            end -= 1
        if mixed := _MIXED.match(text, end):
            value, end = value + scale * Fraction(int(mixed[1]), int(mixed[2])), mixed.end()
    if money and not scaled and (magnitude := _MONEY_MAGNITUDE.match(text, end)):
        value, quantum, end = value * _MONEY_MAGNITUDES[magnitude[1]], Fraction(0), magnitude.end()
    units, unit_end, attached = _unit_at(text, end)
    if ordinal and units and not text[end:unit_end].strip().casefold().startswith("centur"):
        units, unit_end, attached = (), end, False  # 3rd grade
    if not units and not quantum and (part := _PART_OF.match(text, end)):
        units, unit_end, attached = _unit_at(text, part.end())
    if money:
        if units and not any(unit.what == money[0].what for unit in units) and unit_end > end:
            attached_currency = any(unit.what.startswith("money") for unit in units)
            units, unit_end = ((), unit_end) if attached_currency else (money, end)
        else:
            units, unit_end = money, max(end, unit_end if units else end)
    end = max(end, unit_end)
    if not units and quantum == 1 and (often := _TIMES_EACH.match(text, end)):
        units, end = _frequency(often), often.end()
    if units and (each := _EACH.match(text, end)) and units[0].what.startswith("money"):
        units, end = _rates(units, each), each.end()
    if below := _BELOW_ZERO.match(text, end):
        sign, end = -sign, below.end()
    if era := _OTHER_ERA.match(text, end):
        return Figure("code", start, era.end(), code=f"{_tight(text[start:end])}{era[1].casefold()}")
    if era := _ERA.match(text, end):
        if era[1]:
            return Figure("code", start, era.end(), code=f"{_tight(text[start:end])}bc")
        end = era.end()
    if limit := _BOUND_AFTER.match(text, end):
        bound, end = "≤" if limit[1] is None else "≥", limit.end()
    noun = ""
    if not understood or (end < len(text) and _touches(text, end)):
        rest = _REST.match(text, end)
        end = rest.end() if rest else end
        return Figure("code", start, end, code=text[start:end].casefold())
    if (counted := _NOUN.match(text, end)) and not units:
        noun = _singular(counted[1])
    elif units and units[0].what == "share" and (whole := _OF_WHAT.match(text, end)):
        noun = _singular(whole[1])
    other: tuple[Figure, ...] = ()
    if kelvins and not units:
        other = (Figure("number", start, end, sign * unscaled[0], unscaled[1], kelvins),)
    word = _WORD_BEFORE.search(text, max(0, start - 30), start)
    return Figure(
        "number", start, end, sign * value, quantum, units, attached and bool(units), noun, bound,
        code=match[0], before=word[1] if word else "", otherwise=other, ordinal=ordinal is not None,
    )  # fmt: skip


def _touches(text: str, end: int) -> bool:
    """Whether something at ``end`` is one with the figure before it."""
    character = text[end]
    after = text[end + 1 : end + 2]
    if character.isalnum() or character in "_^!√" or (character in "/#@&\\|<>~§" and after.isalnum()):
        return character != "!" or not (not after or after.isspace() or after in "!?\"')")
    return character == "-" and after.isalpha() and not _NOUN.match(text, end)


def _before(before: str, start: int) -> tuple[int, int, tuple[Unit, ...], str, str | None]:
    """Sign, start, currency and bound before a number; last the name that it is part of, if so."""
    sign, bound = 1, ""
    money: tuple[Unit, ...] = ()
    if not before:
        return sign, start, money, bound, None
    tail = before[-40:]
    if version := _VERSION.search(tail):
        name = version[0].strip().casefold().rstrip(".")
        return sign, start - len(version[0]), money, bound, "v" if name in _VERSION_WORDS else f"{name} "
    if (currency := _CURRENCY.search(tail)) and (money := currency_of(currency["money"])):
        start = start - (len(tail) - currency.start("money"))
        tail = tail[: currency.start("money")]
    last = tail[-1:]
    if last and (
        last.isalpha()
        or last in "_#"
        or (last == "." and tail[-2:-1].isalnum() and not tail[-2:-1].isdigit())
    ):
        word = re.search(r"[\w.#]+$", tail)
        if word and word[0] == "#":
            return sign, start - 1, money, bound, None
        if word and last != ".":
            return sign, start - len(word[0]), money, bound, word[0]
    if multiple := _MULTIPLE.search(tail):
        return sign, start - len(multiple[0]), money, bound, multiple[0].casefold()
    if found := _SIGN.search(tail):
        head = tail[: found.start()]
        if found["sign"] and head[-1:] in ("+", "-", "±"):
            return sign, start - len(found[0]) - 1, money, bound, head[-1] + found[0]
        operand = re.search(r"[\d)%]\s*$", head)
        glued = found["sign"] and head and (head[-1].isalnum())
        if glued and head[-1].isalpha():
            word = re.search(r"[\w.]+$", head)
            return (
                sign,
                start - len(word[0]) - 1 if word else start,
                money,
                bound,
                f"{word[0]}-" if word else "-",
            )
        if not operand and not (
            found["sign"] == "-" and found[0].endswith(" ") and head.strip(" (*\"'=:≈~<>≤≥")
        ):
            sign = (
                -1 if (found["sign"] == "-" or (found["word"] or "").lower() in ("minus", "negative")) else 1
            )
            start -= len(found[0])
            tail = head
    if (margin := _MARGIN.search(tail)) and not re.search(r"[\d)%°\w]\s*$", tail[: margin.start()]):
        return 1, start - len(margin[0]), money, bound, "±"
    if rough := _ROUGHLY.search(tail):
        tail = tail[: rough.start()]
    if limit := _BOUND.search(tail):
        words = {"least": "≥", "over": ">", "most": "≤", "under": "<"}
        drawn = limit["sign"]
        bound = {">=": "≥", "<=": "≤"}.get(drawn, drawn) if drawn else words[str(limit.lastgroup)]
    return sign, start, money, bound, None


def _unit_at(text: str, end: int) -> tuple[tuple[Unit, ...], int, bool]:
    """The longest unit at ``end``: what it can be, where it ends, and whether it is attached."""
    match = _UNIT.match(text, end)
    if match is None:
        return (), end, False
    attached = not match[0][0].isspace()
    phrase = match[1]
    cut = len(phrase)
    while cut:
        tried = phrase[:cut].rstrip()
        stop = match.start(1) + len(tried)
        whole = not (text[stop : stop + 1].isalnum() and tried[-1:].isalnum())
        # A blank and "in", "a", "as", "at" are words; so is "m" only if nothing was meant by it.
        if (
            whole
            and not (
                tried in ("in", "a", "as", "at", "d", "st") and not attached and _word_follows(text, stop)
            )
            and (units := units_of(_BETWEEN_UNITS.sub(" ", tried)))
        ):
            return units, stop, attached
        shorter = max(phrase.rfind(c, 0, cut - 1) for c in " /·*'\"") if cut > 1 else 0
        if cut > 1 and phrase[cut - 1].isdigit() and phrase[cut - 2 : cut - 1].isalpha():
            shorter = max(shorter, cut - 1)
        cut = max(shorter, 0)
    return (), end, False


_TIMES_EACH = re.compile(
    r"\s+times?\s+(?:a\s+(second|minute|hour|day|week|month|year|decade)|(hourly|daily|weekly|monthly|yearly|annually))\b",
    re.IGNORECASE,
)
"""``3 times a day``, ``3 times daily``."""
_OFTEN = {
    "hourly": "hour",
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "yearly": "year",
    "annually": "year",
}


def _frequency(often: re.Match[str]) -> tuple[Unit, ...]:
    each = units_of((often[1] or _OFTEN[often[2].casefold()]).casefold())
    return (Unit("times in a time", 1 / each[0].factor),)


def _rates(units: tuple[Unit, ...], each: re.Match[str]) -> tuple[Unit, ...]:
    """Money for each of something: ``$5 an hour``, ``€3/kg``."""
    word = each[1] or each[2]
    measures = units_of(word)
    if not measures:
        return tuple(Unit(f"{unit.what} per {_singular(word)}", unit.factor) for unit in units)
    return tuple(
        Unit(f"{unit.what} per {measures[0].what}", unit.factor / measures[0].factor) for unit in units
    )


def _word_follows(text: str, end: int) -> bool:
    return re.compile(r"\s+\w").match(text, end) is not None


def _singular(word: str) -> str:
    low = word.casefold()
    if low in _FUNCTION or low.endswith("ly"):
        return ""
    low = _SAME_NOUN.get(low, low)
    if len(low) > 4 and low.endswith("ies"):
        return low[:-3] + "y"
    if low.endswith(("ches", "shes", "sses", "xes")):
        return low[:-2]
    return low[:-1] if low.endswith("s") and not low.endswith("ss") and len(low) > 3 else low


_SAME_NOUN = {"people": "person", "persons": "person", "individuals": "person", "inhabitants": "person",
              "residents": "person", "children": "child", "men": "man", "women": "woman", "feet": "foot",
              "mice": "mouse", "teeth": "tooth", "kids": "child"}  # fmt: skip


def _joined(text: str, found: list[Figure]) -> Iterator[Figure]:
    """Ranges, ratios and alternatives as one; ``2 hours 30 minutes`` summed; terms of a sum as codes."""
    at = 0
    while at < len(found):
        figure, at = found[at], at + 1
        while at < len(found):
            between = text[figure.end : found[at].start]
            after = found[at]
            if summed := _summed(figure, after, between):
                figure, at = summed, at + 1
                continue
            join = _JOIN.fullmatch(between)
            opened = re.search(r"\bbetween\s+$", text[max(0, figure.start - 10) : figure.start], re.I)
            if figure.kind != "range" and (join or (opened and re.fullmatch(r"\s+and\s+", between))):
                figure, at = _range(figure, after, join), at + 1
                continue
            if _OPERATOR.fullmatch(between) or (figure.kind == "range" and join):
                figure, at = (
                    Figure("code", figure.start, after.end, code=_tight(text[figure.start : after.end])),
                    at + 1,
                )
                continue
            # "5-3" reads -3 as the second number.
            if between == "" and after.kind == "number" and text[after.start] in "-+":
                positive = replace(after, value=-after.value if text[after.start] == "-" else after.value)
                if text[after.start] == "-" and figure.kind == "number":
                    figure, at = _range(figure, positive, None), at + 1
                    continue
            break
        yield figure


def _tight(text: str) -> str:
    return re.sub(r"\s+", "", text.casefold())


def _summed(one: Figure, two: Figure, between: str) -> Figure | None:
    if (
        one.kind != "number"
        or two.kind != "number"
        or not re.fullmatch(r"\s*(?:,|and|,\s*and)?\s*", between, re.I)
    ):
        return None
    if not one.units or not two.units or one.bound or two.bound or two.value < 0:
        return None
    pairs = [
        (a, b)
        for a in one.units
        for b in two.units
        if a.what == b.what and a.factor > b.factor and not a.offset
    ]
    if not pairs or (between.strip() and not between.strip().startswith(("and", ","))):
        return None
    big, small = pairs[0]
    ratio = Fraction(big.factor / small.factor).limit_denominator(10**6)
    sign = -1 if one.value < 0 else 1
    value = one.value * ratio + sign * two.value
    return replace(
        one, end=two.end, value=value, quantum=two.quantum, units=(small,), noun="", attached=False
    )


def _range(one: Figure, two: Figure, join: re.Match[str] | None) -> Figure:
    kind = "range"
    if join is not None:
        kind = "either" if join["or"] else "ratio" if join["ratio"] else "margin" if join["pm"] else "range"
    shared = two.units and not (kind == "either" and two.units[0].what == "share")  # not of 3/8 or 37.5%
    if one.kind == two.kind == "number" and not one.units and shared:
        one = replace(one, units=two.units, noun="")
    if join is not None and (join["dash"] or "").casefold().startswith("up"):
        two = replace(two, bound="")
    if one.kind == "number" and two.kind == "number" and not one.noun:
        one = replace(one, noun=two.noun)
    if kind in ("range", "either") and one.kind == two.kind == "number":
        one = _of_one_magnitude(one, two)
    if (
        kind == "range"
        and re.fullmatch(r"[12]\d{3}", one.code)
        and re.fullmatch(r"\d\d?", two.code)
        and not two.units
    ):
        century = 10 ** len(two.code)  # 1914-18
        if two.value > one.value % century:
            two = replace(two, value=one.value - one.value % century + two.value)
    return Figure(kind, one.start, two.end, parts=(one, two))


def _of_one_magnitude(one: Figure, two: Figure) -> Figure:
    """The first of ``1 to 2 million`` in millions, too; ``500 to 1 million`` says what it says."""
    written = [_value(figure.code) for figure in (one, two)]
    if not written[0] or not written[1] or written[0][0] != abs(one.value) or not written[1][0]:
        return one
    scale = abs(two.value) / written[1][0]
    if scale < 1000 or written[0][0] >= written[1][0]:
        return one
    return replace(one, value=one.value * scale, quantum=one.quantum * scale)


def digits_of(value: Fraction, factor: float = 1) -> str:
    """``value`` times ``factor`` to twelve digits; whole where no float is as large."""
    try:
        return f"{float(value) * factor:.12g}"
    except OverflowError:
        return str(value * Fraction(factor))


# --- equality ------------------------------------------------------------------------------------------

_CLOSE = Fraction(1, 100)
"""Between units figures are rounded: 5 km are 3.1 miles. A wanted figure is only rounded to if it is as exact."""

_ROUNDED = Fraction(105, 10_000)
"""How far an answer with more decimals than the reference may be from it: 3.14159 for 3.14, not 0.54 for 0.5."""


def same_figure(found: Figure, wanted: Figure, asked: str = "") -> bool:
    """Whether ``found`` says what the reference ``wanted`` says. ``asked``: the question, which may ask for percent."""
    if found.kind == "time" and wanted.kind == "time":
        return _same_time(found.code, wanted.code)
    if {found.kind, wanted.kind} == {"time", "number"}:
        clock, lasting = (found, wanted) if found.kind == "time" else (wanted, found)
        return any(
            _same_amount(read, lasting, read.units[0], unit)
            for read in _durations(clock)
            for unit in lasting.units
        )
    if found.kind == "either" != wanted.kind and (
        same_figure(found.parts[0], found.parts[1]) or same_figure(found.parts[1], found.parts[0])
    ):  # 3/8, or 37.5 %
        return any(same_figure(part, wanted, asked) for part in found.parts)
    if found.kind != "number" or wanted.kind != "number":
        alike = {found.kind, wanted.kind} <= {"range", "ratio"}  # 3:1, 3-1 and 3 to 1
        if found.parts and wanted.parts and (found.kind == wanted.kind or alike):
            pairs = list(zip(found.parts, wanted.parts, strict=True))
            if found.kind == "either" and not all(same_figure(a, b) for a, b in pairs):
                pairs = list(zip(found.parts[::-1], wanted.parts, strict=True))
            return all(same_figure(a, b) for a, b in pairs)
        one, other = (re.sub(r"^v(?=\d)", "", figure.code) for figure in (found, wanted))
        versions = (
            "." in one
            and {found.kind, wanted.kind} == {"code", "number"}
            and not (found.units or wanted.units)
        )
        return (found.kind == wanted.kind or versions) and bool(one) and one == other
    if (found.otherwise and _of_one_kind(found.otherwise[0], wanted)) or (
        wanted.otherwise and _of_one_kind(wanted.otherwise[0], found)
    ):
        return same_figure(_otherwise(found), _otherwise(wanted), asked)
    if found.bound != wanted.bound:
        return False
    if found.noun and wanted.noun and found.noun != wanted.noun:
        return False
    cardinal = wanted if found.ordinal else found
    if found.ordinal != wanted.ordinal and (cardinal.units or cardinal.noun):
        return False  # 2nd, 2 seconds, 2 men
    if re.fullmatch(r"0\d+", wanted.code) and wanted.code != found.code and not (found.units or wanted.units):
        return False  # 007 is a code
    if not (found.units and wanted.units):
        return _same_but_for_a_unit(found, wanted, asked)
    return any(_same_amount(found, wanted, a, b, asked) for a in found.units for b in wanted.units)


_ASKS_FOR_HEAT = re.compile(
    r"temperature|celsius|fahrenheit|kelvin|°\s?[CF]\b|\b(?:hot|cold|warm|cool|heat|boil|freez|melt|fever|oven|bak|thermo)",
    re.IGNORECASE,
)


def _of_one_kind(one: Figure, other: Figure) -> bool:
    return any(a.what == b.what for a in one.units for b in other.units)


def _otherwise(figure: Figure) -> Figure:
    return figure.otherwise[0] if figure.otherwise else figure


def _same_but_for_a_unit(found: Figure, wanted: Figure, asked: str) -> bool:
    units = found.units or wanted.units
    if units and units[0].what == "share":
        share, bare = (found, wanted) if found.units else (wanted, found)
        in_percent = re.search(r"percent|per cent|%|what share", asked, re.I) is not None
        if in_percent and _same_value(found, wanted):
            return True
        factor = Fraction(str(units[0].factor))
        moved = replace(share, value=share.value * factor, quantum=share.quantum * factor)
        return _same_value(moved, bare) if found.units else _same_value(bare, moved)
    if units and units[0].what.startswith("money") and units[0].factor != 1 and " per " not in units[0].what:
        return False
    if found.units and found.attached and not wanted.units and any(u.what in ("temperature",) for u in units):
        return False  # 70K, 70C: a thousand, a name?
    if found.attached and not wanted.units and units == units_of("b"):
        return False  # 70b: bits, billions?
    if (found.units and wanted.noun and not found.noun) or (found.noun and wanted.units and not wanted.noun):
        return False
    return _same_value(found, wanted)


def _same_amount(found: Figure, wanted: Figure, a: Unit, b: Unit, asked: str = "") -> bool:
    open_ones = [unit for unit in (a, b) if unit.what in DEGREES]
    if len(open_ones) == 2:
        return _same_value(found, wanted)
    if open_ones:
        other = b if a.what in DEGREES else a
        if other.what.startswith("angle"):
            turned = Unit(other.what, math.pi / 180)
            return _same_amount(
                found, wanted, turned if a.what in DEGREES else a, turned if b.what in DEGREES else b
            )
        heat = other.what == "temperature" and (
            open_ones[0].what != SIGN_OF_DEGREES or _ASKS_FOR_HEAT.search(asked) is not None
        )
        return (heat or abs(other.factor - math.pi / 180) < 1e-9) and _same_value(found, wanted)
    if a.what != b.what:
        return False
    if (a.factor, a.offset) == (b.factor, b.offset):
        return _same_value(found, wanted)
    value = (found.value * Fraction(a.factor) + Fraction(a.offset) - Fraction(b.offset)) / Fraction(b.factor)
    if abs(value - wanted.value) <= (abs(wanted.value) + abs(Fraction(b.offset))) / 10**9:
        return True
    if _decimal(Fraction(a.factor / b.factor).limit_denominator(10**12)) and a.offset == b.offset:
        return False  # kilometres and metres convert without rounding
    if abs(value - wanted.value) > abs(wanted.value) * _CLOSE:
        return False
    if abs(value - wanted.value) <= abs(wanted.value) / 10**4:
        return True
    back = (wanted.value * Fraction(b.factor) + Fraction(b.offset) - Fraction(a.offset)) / Fraction(a.factor)
    return _rounds(back, found) or (wanted.quantum <= abs(wanted.value) * _CLOSE and _rounds(value, wanted))


def _decimal(ratio: Fraction) -> bool:
    return re.fullmatch(r"10*/10*", f"{ratio.numerator}/{ratio.denominator}") is not None


def _rounds(value: Fraction, to: Figure) -> bool:
    return bool(to.quantum) and abs(value - to.value) <= to.quantum / 2


def _same_value(found: Figure, wanted: Figure) -> bool:
    """Equal, or rounded where one side is an unending fraction or has more decimals than the reference."""
    if found.value == wanted.value:
        return True
    apart = abs(found.value - wanted.value)
    for fraction, decimal in ((wanted, found), (found, wanted)):
        if not fraction.quantum and 0 < decimal.quantum <= Fraction(1, 100) and _unending(fraction.value):
            return apart <= decimal.quantum / 2
    if wanted.value.denominator == 1 and wanted.code.endswith(".0"):
        return False  # 2.0, as a table writes 2
    finer = 0 < found.quantum < wanted.quantum and (
        wanted.quantum < 1 or (wanted.quantum > 1000 and found.quantum != 1)
    )
    if wanted.quantum < 1 or finer:
        return finer and apart < wanted.quantum / 2 and apart <= abs(wanted.value) * _ROUNDED
    return False


def _unending(value: Fraction) -> bool:
    """Whether no decimal is ``value``: of 1/3, not of 1/8."""
    return 10**64 % value.denominator != 0


def _durations(clock: Figure) -> list[Figure]:
    """``3:15`` as 3 h 15 min and as 3 min 15 s; none of a time that says which half of the day it is."""
    time, _, marks = clock.code.rpartition(":")
    parts = [int(part) for part in time.split(":")]
    if marks.strip("0") != "?" or len(parts) > 3:
        return []
    seconds = [sum(part * 60 ** (len(parts) - 1 - place) for place, part in enumerate(parts))]
    if len(parts) == 2:
        seconds.append(seconds[0] * 60)
    return [
        replace(clock, kind="number", value=Fraction(s), quantum=_ONE, units=units_of("s")) for s in seconds
    ]


def _same_time(found: str, wanted: str) -> bool:
    one, other = found.rsplit(":", 1), wanted.rsplit(":", 1)
    zones = {mark.strip("?0o") for mark in (one[1], other[1])} - {""}
    if len(zones) > 1:
        return False
    if one[0] == other[0]:
        return True
    if "?" in other[1] and "0" not in other[1]:  # the reference does not say which half of the day
        hour, rest = one[0].split(":", 1)
        if int(hour) == 0:
            return False  # 12:00 is noon
        return f"{(int(hour) - 1) % 12 + 1}:{rest}" == other[0]
    return False
