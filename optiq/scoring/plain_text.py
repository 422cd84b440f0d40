r"""A text as one types it: LaTeX, typographic signs, superscripts and number words as digits and ASCII signs.

``$\frac{1}{2}$`` is ``1/2``, ``10²³`` ``10^23``, ``2½`` ``2 1/2``, ``−3`` ``-3`` and ``twelve hundred and five``
``1205`` (text2num reads the words). Scales that a figure stands before stay words: ``1.5 million``.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache

from optiq.scoring.languages import in_english
from optiq.scoring.roman import roman_value

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾", "0123456789+-()")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾]+")
_VULGAR = re.compile("(\\d?)([¼-¾⅐-⅞↉])")
_LATEX: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<=\d),\\!\s*(?=\d{3})"), ","),
    (re.compile(r"(?<=\d)\s*\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r" \1/\2"),
    (re.compile(r"\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r"\1/\2"),
    (re.compile(r"\\[dtc]?frac\s*(\d)\s*(\d)"), r"\1/\2"),
    (
        re.compile(
            r"\\(?:text|mathrm|mathbf|textbf|textnormal|mbox|operatorname|textit|boxed|mathit|rm)\s*\{([^{}]*)\}"
        ),
        r"\1",
    ),
    (re.compile(r"\\(?:times|cdot)(?![a-zA-Z])"), "×"),
    (re.compile(r"\^\s*\{?\s*\\(?:circ|degree)\s*\}?|\\degree"), "°"),
    (re.compile(r"\\(?:approx|sim)(?![a-zA-Z])"), "≈"),
    (re.compile(r"\\pm(?![a-zA-Z])"), "±"),
    (re.compile(r"\\leq?(?![a-zA-Z])"), "≤"),
    (re.compile(r"\\geq?(?![a-zA-Z])"), "≥"),
    (re.compile(r"\\[,;:! ()\[\]]|\\q?quad(?![a-zA-Z])|(?<=\d)~(?=\D)"), " "),
    (re.compile(r"\\(?:left|right|displaystyle)(?![a-zA-Z])"), ""),
    (re.compile(r"\\([%$&#_{}])"), r"\1"),
    (re.compile(r"\{,\}"), ","),
)
_LOST_LETTER = re.compile(r"\x0c(?=rac\b|rac\{|orall)|\x08(?=oxed|egin|inom)")
_ESCAPED_TWICE = re.compile(
    r"(?<!\\)\\\\(?=(?:boxed|[dt]?frac|left|right|sqrt|text|pi|cdot|times|infty|cup|begin|end)(?![A-Za-z]))"
)
_OF_LINES = re.compile(r"(\\\[|\$\$)\s*([^$]{1,300}?)\s*(\\\]|\$\$)")
_SPACED_COMMA = re.compile(r"(?<=\d)\s*\{\s*,\s*\}\s*(?=\d{3})")


def latex(text: str) -> str:
    r"""``text`` as it was meant: ``\\frac`` and a form feed with ``rac`` as ``\frac``, a formula on one line."""
    if "\\" not in text and "$$" not in text and "{" not in text:
        return text
    text = _LOST_LETTER.sub(lambda m: "\\f" if m[0] == "\x0c" else "\\b", text)
    text = _SPACED_COMMA.sub("{,}", _ESCAPED_TWICE.sub(lambda _: "\\", text))
    return _OF_LINES.sub(lambda m: f"{m[1]}{' '.join(m[2].split())}{m[3]}", text)


_MATHS = re.compile(r"(?<!\d)\$([^$\n]+)\$(?!\d)")
_SIGNS = str.maketrans("−‒–—‐‑⁄\u2060\u00a0\u202f\u2009\u2007", "------/ \u0020\u0020\u0020\u0020")
# Scripts without spaces: "是36个" has a figure. Magnitudes and parts of a date stay where they are.
_SCRIPT = "[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_BESIDE_A_SCRIPT = re.compile(
    rf"(?<={_SCRIPT})(?<![年月第])(?=[-+]?\d)|(?<=\d)(?![年月日万萬亿億千百만억천時时分秒点])(?={_SCRIPT})"
)
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", ord("µ"): "μ"}

_SCALE = r"(?:hundred|thousand|million|billion|trillion)s?"
_WORD = (
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    r"seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|first|third|fourth|fifth|"
    r"sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|(?:thir|four|fif|six|seven|eigh|nine)teenth|"
    rf"(?:twen|thir|for|fif|six|seven|eigh|nine)tieth|hundredth|thousandth|{_SCALE})"
)
# "second" is a unit as often as a number: alone it counts only before what is counted.
_SECOND = r"second(?=\s+(?:place|century|world|war|day|of|president|king|month|floor)\b)"
_SECOND_ALONE = re.compile(r"\A\W*(?:the\s+)?second\W*\Z", re.IGNORECASE)
_ONE_UNIT = re.compile(
    r"\A\W*an?\s+(?=(?:second|minute|hour|day|week|month|year|decade|century|kilo\w+|mile|metre|meter|litre|liter|gram|dollar|euro)\W*\Z)",
    re.IGNORECASE,
)
_NUMBER_WORDS = re.compile(
    rf"\b(?:{_WORD}|{_SECOND})(?:(?:[\s-]+|\s+and\s+|\s+point\s+){_WORD}|(?<=y)[\s-]second)*s?\b",
    re.IGNORECASE,
)
_SCALES_FIRST = re.compile(rf"{_SCALE}(?:\s+{_SCALE})*\b", re.IGNORECASE)
_COUNTED = re.compile(r"(?:\d\s?-?|\bhalf\s(?:an?\s)?|quarter\s(?:of\s)?(?:an?\s)?)$", re.IGNORECASE)
_PARTS = {"half": 2, "third": 3, "3rd": 3, "quarter": 4, "fourth": 4}
_PART = r"(half|third|3rd|quarter|fourth|\d+th)"
_SEVERAL_PARTS = re.compile(rf"\b(\d+)[ -]{_PART}s\b", re.IGNORECASE)
_ONE_PART = re.compile(
    rf"\b(?:1|an?)[ -]{_PART}\b(?!\s+(?:place|time|party|person|of an? (?:century|dozen)))", re.IGNORECASE
)
_HALF_OF = re.compile(
    r"\bhalf (?:of )?(?:an? )?(?=dozen|hundred|thousand|million|billion|[a-z]+$)", re.IGNORECASE
)
# What a whole text says: "half", "1 in 5", "ten to five".
_HALF_ALONE = re.compile(
    r"\A\W*(?:exactly |about |around )?half(?: of (?:them|it|all)| the [a-z]+)?\W*\Z", re.IGNORECASE
)
_ONE_IN_SO_MANY = re.compile(
    r"\A(\W*(?:about |around )?)(\d+) (?:in|out of)(?: every)? (\d+)(\W*)\Z", re.IGNORECASE
)
_TO_THE_HOUR = re.compile(
    r"(\A\W*(?:at |it is |it's )?)(five|ten|twenty|twenty[- ]five) (past|to) "
    r"(?=(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\W*\Z)",
    re.IGNORECASE,
)
_PARTS_OF = re.compile(r"(?<=\d/\d) of (?:an? |1 )?(?=million|billion|thousand|hundred)", re.IGNORECASE)
_BAKERS_DOZEN = re.compile(r"\b(?:an? )?baker['’]?s['’]? dozen\b", re.IGNORECASE)
_NAMED_NUMBERS = (
    (re.compile(r"\b(?:an? )?googol\b", re.IGNORECASE), "10^100"),
    (re.compile(r"\A\W*(?:an?|one) gross\W*\Z", re.IGNORECASE), "144"),
    (re.compile(r"\b(?:an?|one) fortnight\b", re.IGNORECASE), "14 days"),
)
_QUARTER_OF_A_YEAR = re.compile(r"\b([1-4])(?:st|nd|rd|th) quarter(?: of)? (?=[12]\d{3}\b)", re.IGNORECASE)
_SELDOM = re.compile(r"googol|gross|fortnight|0[xb]|/\s?-\d", re.IGNORECASE)
_OTHER_BASE = re.compile(r"\A\W*0(?:x([0-9a-f]{1,15})|b([01]{1,60}))\W*\Z", re.IGNORECASE)
_OVER_A_NEGATIVE = re.compile(r"(?<![\d/.-])(\d+)\s?/\s?-(\d+)(?![\d/.])")
_MINUTES_OF_ARC = re.compile(
    r"(?<![\d.])(\d{1,3})°\s?(\d{1,2})\s?['′](?:\s?(\d{1,2}(?:\.\d+)?)\s?(?:[\"″]|''))?"
)
_TIMES_TEN = re.compile(r"(?<=\d) times (?=10\^)")
_PLUS_MINUS = re.compile(r"\+\s?/\s?-|\bplus[- ](?:or|/)[- ]minus\s+")
_WORLD_WAR = (
    (re.compile(r"\bWW\s?(II?|[12])\b"), r"World War \1"),
    (re.compile(r"\b(?:first|1st) world war\b", re.IGNORECASE), "World War 1"),
    (re.compile(r"\b(?:second|2nd) world war\b", re.IGNORECASE), "World War 2"),
)
_IN_RADIANS = re.compile(
    r"(?<!\d)(\d*)\s?[*·]?\s?(?:π|\\?\bpi\b)\s?(?:/\s?(\d+))?\s?(?:radians?|rads?)\b", re.IGNORECASE
)
_OVER_IN_WORDS = re.compile(r"\A(\W*-?\d+) over (\d+\W*)\Z", re.IGNORECASE)
_ROMAN_CENTURY = re.compile(r"\b([IVX]{1,6})(?:th|e)?\s+(?=centur)")
_THE_SECOND = re.compile(r"(?<=[a-z] the )Second\b")
"""``Ramses the Second``."""
_PART_OF_TEN = re.compile(
    r"(?<!the )\b(?:one|(?<![\d.,])1) (hundred|thousand|million|billion|trillion)th\b", re.IGNORECASE
)
"""``one billionth``, not ``the one hundredth``."""
_CHAPTER = re.compile(
    r"\b(chapter|section|article|volume|book|part|act|scene|phase|stage|class|type|level|episode|season)(?P<s>\s)([IVXLC]+)\b"
    r"(?!['’])",
    re.IGNORECASE,
)
_TWICE = re.compile(r"\A(\W*)(once|twice|thrice)(\W*)\Z", re.IGNORECASE)
_TIMES = {"once": 1, "twice": 2, "thrice": 3}
_HAN_NUMBER = re.compile(
    r"\A(\W*)([〇零一二两兩三四五六七八九十百千万萬亿億]+)((?:个|個|人|年|月|日|岁|歳|只|次|つ|本|名)?\W*)\Z"
)
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_AND_PART = re.compile(r"(?<=\d) and (?=\d/\d)")
_SCALE_VALUES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ONE_SCALE = re.compile(rf"\ban?\s+(?={_SCALE}\b|dozen\b|score\b)", re.IGNORECASE)
_QUARTER_OF = re.compile(
    r"\b(?:a |1/4 )?quarter of (?:an? )?|\b1/4 of (?:an? )?(?=million|billion)", re.IGNORECASE
)
_PAST = re.compile(
    r"\b(?:(half|quarter|1/4)|(\d\d?) minutes|(\d\d?)) (past|to) (\d|1[0-2])(?!\d)(?(3)(?=\s*(?:[ap]\.?m|"
    r"o.?clock|in the)))",
    re.IGNORECASE,
)
_HOURS_AND_MINUTES = re.compile(
    r"\b(\d+)\s?h(?:rs?)?\s?(\d+)\s?m(?:in)?\b|\b(\d+)\s?m(?:in)?\s?(\d+)\s?s(?:ec)?\b"
)
_ONE_AND_A_HALF = re.compile(r"\b(?:an?|1) ([a-z]+) and 1/2\b", re.IGNORECASE)
_FEET_AND_INCHES = re.compile(r"(?<![\d.])(\d+)\s?['’′]\s?(\d+(?:\.\d+)?)\s?(?:[\"”″]|'')")
_TO_THE_POWER = re.compile(
    r"(?<!\s)\s+(?:raised )?to the (?:power (?:of )?)?(?:(minus|negative)\s+|(-))?"
    r"(\d+)(?:(?:st|nd|rd|th)(?: power)?)?(?!\w)",
    re.IGNORECASE,
)


# What any of these rules could find something in.
_WRITTEN_BESIDE = re.compile(r"\d\s?[hm]\w*\s?\d|\d\s?['’′]|\d over \d|\d(?:th|rd)s?\b", re.IGNORECASE)
_WRITTEN_WORD = re.compile(rf"{_WORD}s?|second|half|quarters?|an?|dozen|score", re.IGNORECASE)
_EACH_WORD = re.compile(r"\w+")


@lru_cache(maxsize=8192)
def _is_written(word: str) -> bool:
    return _WRITTEN_WORD.fullmatch(word) is not None


def _written_out(text: str) -> bool:
    return (
        any(map(_is_written, _EACH_WORD.findall(text)))
        or "to the" in text.casefold()
        or _WRITTEN_BESIDE.search(text) is not None
    )


_OFTEN = {"once": "1", "twice": "2", "thrice": "3", "one": "1"}
_SO_OFTEN = re.compile(
    r"\b(?:(once|twice|thrice)|(\w+)\s+times?)\s+(?:an?|per|each|every)\s+(second|minute|hour|day|night|week|month|quarter|year|decade)\b",
    re.IGNORECASE,
)
"""``Twice a week``, ``two times per week``."""


def _so_often(match: re.Match[str]) -> str:
    word = match[1] or match[2]
    return f"{_OFTEN.get(word.casefold(), word)} times a {match[3]}"


_DECADES = {"thi": 3, "for": 4, "fif": 5, "six": 6, "sev": 7, "eig": 8, "nin": 9}
_DECADE_IN_WORDS = re.compile(
    r"\b(the\s+(?:(?:early|late|mid|roaring|swinging)[\s-]+)?)(thirties|forties|fifties|sixties|seventies|eighties|nineties)\b",
    re.IGNORECASE,
)
"""``The sixties``, which without a century are those of the last one; the twenties may be ours."""


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """``text`` with digits and ASCII signs for whatever else writes numbers; words stay as they are."""
    if "\\" in text or "{,}" in text:
        text = latex(text)
        for pattern, new in _LATEX:
            text = pattern.sub(new, text)
    if text.count("$") > 1:
        text = _MATHS.sub(r"\1", text)
    if not text.isascii():
        text = _VULGAR.sub(lambda m: f"{m[1]} {unicodedata.normalize('NFKC', m[2])}".strip(), text)
        text = _SUPERSCRIPT.sub(lambda m: f"^{m[0].translate(_SUPERSCRIPTS)}", text)
        text = (
            unicodedata.normalize("NFC", text).translate(_SIGNS).translate(_FULL_WIDTH).translate(_SUBSCRIPTS)
        )
        text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
        text = _BESIDE_A_SCRIPT.sub(" ", _HAN_NUMBER.sub(lambda m: f"{m[1]}{_of_han(m[2])}{m[3]}", text))
    low = text.casefold()
    if "+" in text or "plus" in low:
        text = _PLUS_MINUS.sub("±", text)
    text = in_english(text)
    if "°" in text:
        text = _MINUTES_OF_ARC.sub(_in_decimals, text)
    if _SELDOM.search(text):
        text = _OVER_A_NEGATIVE.sub(r"-\1/\2", text)
        text = _OTHER_BASE.sub(lambda m: str(int(m[1] or m[2], 16 if m[1] else 2)), text)
        for pattern, new in _NAMED_NUMBERS:
            text = pattern.sub(new, text)
    # What a rule cannot do without is looked for first: most texts have none of it.
    if "WW" in text or "world" in low:
        for pattern, new in _WORLD_WAR:
            text = pattern.sub(new, text)
    if " in " in low or " out of " in low:
        text = _ONE_IN_SO_MANY.sub(r"\1\2/\3\4", text)
    if "ce" in low or "times" in low:
        text = _SO_OFTEN.sub(_so_often, text)
    if "ce" in low:
        text = _TWICE.sub(lambda m: f"{m[1]}{_TIMES[m[2].casefold()]} times{m[3]}", text)
    if "π" in text or "pi" in low:
        text = _IN_RADIANS.sub(_in_degrees, text)
    if any(c in text for c in "IVXLC"):
        text = _ROMAN_CENTURY.sub(
            lambda m: f"{roman_value(m[1], 1) or m[1]}th ", _CHAPTER.sub(_chapter, text)
        )
    if "th" in low:
        text = _PART_OF_TEN.sub(lambda m: f"1/{_SCALE_VALUES[m[1].casefold()]}", text)
    if "ties" in low:
        text = _DECADE_IN_WORDS.sub(lambda m: f"{m[1] or ''}19{_DECADES[m[2].casefold()[:3]]}0s", text)
    if "Second" in text:
        text = _THE_SECOND.sub("2nd", text)
    if not _written_out(text):
        return text
    text = _TO_THE_HOUR.sub(r"\1\2 minutes \3 ", _BAKERS_DOZEN.sub("13", _HALF_ALONE.sub("1/2", text)))
    text = _NUMBER_WORDS.sub(_in_digits, _ONE_UNIT.sub("1 ", _SECOND_ALONE.sub("2nd", text)))
    text = _ONE_IN_SO_MANY.sub(r"\1\2/\3\4", _QUARTER_OF_A_YEAR.sub(r"Q\1 ", text))
    text = _SEVERAL_PARTS.sub(lambda m: f"{m[1]}/{_part(m[2])}", text)
    text = _ONE_PART.sub(lambda m: f"1/{_part(m[1])}", text)
    text = _HOURS_AND_MINUTES.sub(_spelled_out, _PAST.sub(_clock, text))
    text = _QUARTER_OF.sub("1/4 ", _ONE_AND_A_HALF.sub(r"1 1/2 \1", text))
    text = _FEET_AND_INCHES.sub(r"\1 ft \2 in", text)
    text = _AND_PART.sub(" ", _HALF_OF.sub("1/2 ", text))
    text = _TO_THE_POWER.sub(lambda m: f"^{'-' if m[1] or m[2] else ''}{m[3]}", _ONE_SCALE.sub("1 ", text))
    return _OVER_IN_WORDS.sub(r"\1/\2", _TIMES_TEN.sub(" × ", _PARTS_OF.sub(" ", text)))


def _clock(match: re.Match[str]) -> str:
    """``quarter to 4`` as ``3:45``."""
    part, minutes, bare, side, hour = match.groups()
    past = int(minutes or bare or (30 if part.lower() == "half" else 15))
    if not 0 < past < 60:
        return match[0]
    return f"{hour}:{past:02}" if side.lower() == "past" else f"{(int(hour) - 2) % 12 + 1}:{60 - past:02}"


def _in_decimals(match: re.Match[str]) -> str:
    """``40°30'`` as ``40.5°``."""
    degrees = int(match[1]) + int(match[2]) / 60 + float(match[3] or 0) / 3600
    return f"{degrees:.6f}".rstrip("0").rstrip(".") + "°"


def _in_degrees(match: re.Match[str]) -> str:
    """``3π/4 radians`` as ``135 degrees``."""
    degrees = Fraction(180 * int(match[1] or 1), int(match[2] or 1) or 1)
    return f"{degrees} degrees"


def _chapter(match: re.Match[str]) -> str:
    number = roman_value(match[3], 1) if match[3].isupper() else None
    return match[0] if number is None else f"{match[1]}{match['s']}{number}"


def _of_han(text: str) -> int:
    """``一百二十三`` as 123, ``二〇二一`` as 2021."""
    if not any(character in _HAN_SCALES for character in text):
        return int("".join(str(_han_digit(character)) for character in text))
    total = part = digit = 0
    for character in text:
        scale = _HAN_SCALES.get(character)
        if scale is None:
            digit = _han_digit(character)
        elif scale >= 10**4:
            total, part, digit = (total + part + digit) * scale, 0, 0
        else:
            part, digit = part + (digit or 1) * scale, 0
    return total + part + digit


def _han_digit(character: str) -> int:
    return int(unicodedata.numeric("二" if character in "两兩" else character))


def _spelled_out(match: re.Match[str]) -> str:
    hours, minutes, of_minutes, seconds = match.groups()
    return f"{hours} h {minutes} min" if hours else f"{of_minutes} min {seconds} s"


def _part(word: str) -> int:
    word = word.casefold()
    return _PARTS.get(word) or int(word.removesuffix("th"))


def _in_digits(match: re.Match[str]) -> str:
    words, kept = match[0], ""
    scales = _SCALES_FIRST.match(words)
    if scales and _COUNTED.search(match.string[max(0, match.start() - 14) : match.start()]):
        kept, words = scales[0], words[scales.end() :]
        if not words:
            return kept
    if scales and not kept and scales.end() == len(words):
        return words  # "a million", "millions": a scale by itself is read with what stands before it
    from text_to_num import alpha2digit

    digits = alpha2digit(words.lower().replace("-", " "), "en", threshold=0.0)
    if year := re.fullmatch(r"(1\d|20) (\d\d)", digits):
        digits = year[1] + year[2]
    return kept + digits
