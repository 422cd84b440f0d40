"""Answers as words: what counts as the same, and what counts as named."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Collection
from difflib import SequenceMatcher
from functools import lru_cache

from optiq.scoring.chemical import compounds
from optiq.scoring.common_nouns import other_thing, part_of_a_phrase
from optiq.scoring.denial import affirmed, denies
from optiq.scoring.figures import digits_of, figures_in
from optiq.scoring.formulas import formula_of, same_formula, segments
from optiq.scoring.names import longer_name
from optiq.scoring.numbers import numeric_equality
from optiq.scoring.opposites import alike, opposed
from optiq.scoring.plain_text import plain
from optiq.scoring.roles import same_roles
from optiq.scoring.roman import roman_value
from optiq.scoring.units import DEGREES

_ARTICLES = {"a", "an", "the"}
# A number keeps its sign, decimals and fraction; a word the signs that tell C, C++ and C# apart.
_TOKEN = re.compile(r"(?<![\w.,])[-−]\d+(?:\.\d+)?|\d+(?:[./]\d+)+|\w+(?:\+\+|#)?|%")
_THOUSANDS = re.compile(r"(?<=\d)[,'’\u00a0\u202f](?=\d{3}(?!\d))")
_OTHER_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ة": "ه", "ى": "ي"}
)
_VERSION = re.compile(r"\bversion\s+(?=\d)|\bv\.?\s?(?=\d+\.\d)")
_PREFIXED = re.compile(r"\b(non|anti|un|in|dis|pre|post|semi|sub|super|co|mis|ex)-(?=[a-z])", re.IGNORECASE)
"""``Non-metal`` is ``nonmetal``."""
_WHOLE = {
    "mon": "monday", "tue": "tuesday", "tues": "tuesday", "wed": "wednesday", "thu": "thursday", "thur": "thursday",
    "thurs": "thursday", "fri": "friday", "jan": "january", "feb": "february", "apr": "april", "aug": "august",
    "mar": "march", "jun": "june", "jul": "july", "sep": "september",
    "sept": "september", "oct": "october", "nov": "november", "dec": "december", "mt": "mount", "dr": "doctor",
    "ft": "fort", "jr": "junior", "sr": "senior", "prof": "professor",
}  # fmt: skip
"""What abbreviations stand for."""
_SAINT = re.compile(r"\bSt\b\.?(?=\s+[A-Z])")
_STATES = (
    (
        re.compile(r"\b(?:USA\b|U\.\s?S\.(?:\s?A\.)?|United States of America\b)|\A\W*US(?=\W*\Z)"),
        "United States",
    ),
    (re.compile(r"\b(?:UK\b|U\.\s?K\.)"), "United Kingdom"),
)
_VERSUS = re.compile(r"(?<=\w)\.?\s(?:v\.?|versus|vs\.)\s(?=[A-Z])")
_NO_ONE = re.compile(r"\bno[ -]one\b", re.IGNORECASE)
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-‐‑](?=[^\W\d_])")
_ARROW = re.compile(r"-{1,3}>|={1,3}>|[⟶⇒]")
_BEFORE_A_DIGIT = re.compile(r"(?<=[A-Z])[ -](?=\d)")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")
# Signs that say something by themselves: 5 < 6, 5°, x^2, 1:2, $5.
_MEANING = re.compile(r"[<>|≤≥=≠±√∞×÷+^°‰%$€£¥₹₽₩]|(?<=\d)[:/](?=\d)|(?<=[A-Z0-9a-z])[-−](?=$|[\s,.;)])")


def _arrows(text: str) -> str:
    return _ARROW.sub("→", text) if ">" in text or not text.isascii() else text


def _spelled(text: str) -> str:
    """``text`` with the prefixes of words joined to them and ``St.`` before a name as ``Saint``."""
    if "U" in text:
        for pattern, name in _STATES:
            text = pattern.sub(name, text)
    if "-" in text:
        text = _PREFIXED.sub(r"\1", text)
    if " v" in text:
        text = _VERSUS.sub(" vs ", text)
    if "one" in text:
        text = _NO_ONE.sub("nobody", text)
    return _SAINT.sub("Saint", text) if "St" in text else text


@lru_cache(maxsize=8192)
def normalise(text: str) -> str:
    """Lower case without accents, punctuation, articles and extra space: what exact match compares."""
    folded = _spelled(text).casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKD", folded)
        folded = (
            "".join(c for c in folded if not unicodedata.combining(c)).casefold().translate(_OTHER_LETTERS)
        )
    folded = _VERSION.sub("", folded)
    folded = _APOSTROPHE.sub("", _THOUSANDS.sub("", folded))
    tokens = [_WHOLE.get(token) or token.replace("−", "-") for token in _TOKEN.findall(folded)]
    return (
        " ".join(token for token in tokens if token not in _ARTICLES)
        or " ".join(tokens)
        or folded.strip()
        or text.strip()
    )


def exact_match(answer: str, reference: str) -> float:
    """1.0 if both are the same once normalised, else 0.0. An empty answer never matches, nor do other signs."""
    answer, reference = (_arrows(text) for text in (answer, reference))
    same = bool(answer.strip()) and normalise(answer) == normalise(reference)
    if not same and ("-" in answer or "-" in reference):  # e-mail
        same = normalise(_HYPHEN.sub("", answer)) == normalise(_HYPHEN.sub("", reference)) != ""
    if not same and any(c.isdigit() for c in reference):  # HTML 5
        same = (
            normalise(_BEFORE_A_DIGIT.sub("", answer)) == normalise(_BEFORE_A_DIGIT.sub("", reference)) != ""
        )
    if not same and not (answer.isascii() and reference.isascii()):  # Zuerich
        same = normalise(answer.translate(_UMLAUTS)) == normalise(reference.translate(_UMLAUTS)) != ""
    if not same and 1 in (len(answer.strip(" .")), len(reference.strip(" ."))):
        same = _greek(answer) == _greek(reference) != ""
    return float(same and _MEANING.findall(answer) == _MEANING.findall(reference))


def _greek(text: str) -> str:
    """The name of the Greek letter that ``text`` is, in Latin letters: ``π`` and ``Pi`` as ``pi``."""
    bare = text.strip(" .")
    if len(bare) != 1:
        return bare.casefold()
    name = unicodedata.name(bare, "")
    return name.rpartition(" ")[2].casefold() if name.startswith("GREEK") else ""


def same_signs(answer: str, reference: str) -> bool | None:
    """Whether both are the same signs, ``==``, ``≤``; None unless both are of signs alone."""
    if any(c.isalnum() for c in answer + reference):
        return None
    one, other = (
        re.sub(r"[\s\"'`*]|(?<=[^.])\.$", "", text).replace("<=", "≤").replace(">=", "≥").replace("!=", "≠")
        for text in (answer, reference)
    )
    return one == other


_LABELLED_NUMBER = re.compile(
    r"\W*(?:(?:isbn|issn|ean|iban|tel|phone|no|number|id)\b[\w:. -]{0,12}?)?(\d[\d -]{6,}[\dXx])\W*", re.I
)


def same_long_number(answer: str, reference: str) -> bool:
    """Whether both are one number of many digits, with or without hyphens: ``ISBN 978-3-16-148410-0``."""
    found = [_LABELLED_NUMBER.fullmatch(text) for text in (answer, reference)]
    if not all(found) or not any("-" in match[1] for match in found if match):
        return False
    one, other = (re.sub(r"[ -]", "", match[1]).upper() for match in found if match)
    return one == other and len(one) >= 8


def same_text(answer: str, reference: str) -> bool:
    """Whether both are one text but for white space, composed letters and an end stop."""
    one, other = (
        " ".join(unicodedata.normalize("NFC", text).split()).rstrip(" .") for text in (answer, reference)
    )
    return bool(one) and one == other


# --- words and figures ---------------------------------------------------------------------------------

_STOP = "|"
_WORD = re.compile(r"\w+(?:\+\+|#|[+-](?=$|[\s,.;:)!?]))?|[,;:()?!.\n]")
_SIGNED = ("+", "#", "-")
_NAMED = re.compile(r"(?:^|[\s(])[A-Z][\w'’.-]*\s$")
_LETTER_NAME = re.compile(
    r"(?<![\w.'’])[B-HJ-Z](?![\w.'’+#])|(?<=\bis )[B-HJ-Z](?=\.\W*\Z)|(?<=\w )[AI](?=$|[.,;:!?)])|^[A-Z]$|"
    r"^A(?= [a-z]+ [B-Z](?![\w'’]))"
)
"""A letter that names something; ``Carol S.`` has an initial."""


_INITIALS = re.compile(r"\b(?:[A-Z]\.\s?){2,}(?![a-z])")
"""``U.S.A.`` is ``USA``, ``J. K. Rowling`` is ``JK Rowling``."""
_NUMBERED = re.compile(r"\b(?:no\.|number|nr\.)\s*(?=\d)|№\s*(?=\d)", re.IGNORECASE)
"""``Engine No. 9`` is ``Engine Number 9``."""


_HYPHENED_NUMBER = re.compile(r"([^\W\d_]{5,})-(\d+)")


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """Folded words without articles; what tells names apart (figures, numerals, letters) begins with ``#``.

    ``Louis XIV``, ``Louis 14`` and ``Louis the Fourteenth`` have the same words. ``|`` stands for punctuation.
    """
    read = _spelled(_NUMBERED.sub("", plain(text)))
    read = _INITIALS.sub(lambda m: re.sub(r"[.\s]", "", m[0]) + " ", read)
    found, at = [], 0
    for figure in figures_in(read):
        found += _plain_words(read, at, figure.start)
        if figure.kind == "number" and not figure.bound:
            kinds = {"degree" if unit.what in DEGREES else unit.what for unit in figure.units}
            unit = " ".join(sorted(kinds))
            factor = figure.units[0].factor if figure.units else 1
            found.append(f"#{digits_of(figure.value, factor)}{unit}")
        elif hyphened := _HYPHENED_NUMBER.fullmatch(read[figure.start : figure.end]):
            found += [hyphened[1].casefold(), f"#{float(hyphened[2]):.12g}"]  # COVID-19
        else:
            found.append(
                "#" + re.sub(r"[\s,]+", "", figure.code or read[figure.start : figure.end].casefold())
            )
        at = figure.end
    found += _plain_words(read, at, len(read))
    return tuple(found)


def _plain_words(text: str, start: int, end: int) -> list[str]:
    found = []
    for match in _WORD.finditer(text, start, end):
        word = match[0]
        if not word[0].isalnum() and word != "_":
            found.append(_STOP)
            continue
        value = None
        if word.isupper() and _NAMED.search(text, max(0, match.start() - 30), match.start()):
            stands_last = re.compile(r"\s*(?:$|[.,;:!?)\n]|(?:of|and|was|is|in)\b)").match(text, match.end())
            value = roman_value(word, 1 if stands_last else 2)
        if value is not None:
            found.append(f"#{value}")
        elif len(word) == 1 and _LETTER_NAME.match(text, match.start()):
            found.append(f"#{word.casefold()}")
        else:
            parts = [part for part in normalise(word).split() if part not in _ARTICLES]
            if word[-1] in "+-" and not word.endswith("++") and parts:
                parts[-1] += word[-1]  # AB+ and AB-, Na+ and Na
            found += [f"#{part}" if part[-1] in _SIGNED else part for part in parts]  # C++ is not C
    return found


def designators(text: str) -> Counter[str]:
    """What tells names apart in ``text``: figures, numerals and single letters."""
    return Counter(word for word in words_of(text) if word.startswith("#"))


_COMPARED = re.compile(r"(?<=[\w)])\s*([<>≤≥≠])\s*(?=[\w(+-])")


def _compared(text: str) -> list[str]:
    """The signs of inequality between the terms of ``text``."""
    text = plain(text)
    return [] if text.isascii() and "<" not in text and ">" not in text else _COMPARED.findall(text)


_OVER = re.compile(r"(?<![\w/])(\w+)\s?/\s?(\w+)(?![\w/])")


def _turned_over(answer: str, reference: str) -> bool:
    """Whether ``answer`` has ``dx/dy`` where the reference has ``dy/dx``."""
    if "/" not in answer or "/" not in reference:
        return False
    mine, theirs = (set(_OVER.findall(text.casefold())) for text in (answer, reference))
    return bool(theirs - mine) and {(b, a) for a, b in theirs - mine} <= mine


_LOGIC = re.compile("[≠∩∪→←↔⇒⇔¬∧∨∀∃∉⊂⊆⊃⊕]")
_DENYING_SIGNS = frozenset("≠¬∉")


def logic_equality(answer: str, reference: str) -> float | None:
    """Of signs of logic and sets: 0.0 if the answer has others or, with an arrow, others sides; None without such."""
    if answer.isascii() and reference.isascii() and ">" not in answer and ">" not in reference:
        return None
    signs = [Counter(_LOGIC.findall(_arrows(text))) for text in (answer, reference)]
    if not signs[1]:
        return 0.0 if _DENYING_SIGNS & signs[0].keys() else None
    if signs[0] != signs[1]:
        return 0.0
    said, wanted = (
        re.sub(r"[\s$.]", "", _arrows(plain(text).translate(_SUBSCRIPTS))) for text in (answer, reference)
    )
    if wanted in said:
        return float(said == wanted) or None
    return 0.0 if {*signs[1]} & {*"→←⇒⊂⊆⊃¬"} else None


def containment(answer: str, reference: str) -> float:
    """1.0 if the answer names the reference: has all its words, in any order, and figures beside the same words.

    So ``It was Wood, Carol S.`` names ``Carol S. Wood``. What it denies (``not Oslo``, ``Oslo is wrong``) it does
    not name, unless the reference is a denial as well; nor does it with a figure more (``Elizabeth II`` for
    ``Elizabeth``) or as one of several (``Rome or Paris``, ``Rome and Paris``).
    """
    if not answer.strip() or _compared(answer) != _compared(reference):
        return 0.0
    said = answer if denies(reference) else affirmed(answer)
    if _UNBROKEN.search(reference):
        return _named_unbroken(said, reference)
    given = words_of(said)
    wanted = _without_title([word for word in words_of(reference) if word != _STOP], given)
    if any(word in ("no", "number") for word in given):  # Symphony No. 9, for the Ninth Symphony
        given = tuple(word for word in given if word not in ("no", "number"))
    if not wanted or not {*wanted} <= {*given} or Counter(wanted) - Counter(given):
        return 0.0
    if names_others(said, reference) or other_name(answer, reference) or lacking(answer, reference):
        return 0.0
    if roles_agree(answer, reference) is False or concludes_otherwise(said, reference):
        return 0.0
    if len(given) > len(wanted) and _more_than(said, reference):
        return 0.0
    pairs = set(itertools.pairwise(given))
    for one, two in itertools.pairwise(wanted):
        if (one[0] == "#") != (two[0] == "#") and (one, two) not in pairs and (two, one) not in pairs:
            return 0.0
    last, following = wanted[-1], {two for one, two in pairs if one == wanted[-1]}
    more = following and all(word.startswith("#") for word in following)
    return float(not (more and not last.startswith("#")))


_SO_THAT = re.compile(
    r"[,;.]\s+(?:so|therefore|thus|hence|which\s+means(?:\s+that)?)\b,?\s+([^.;\n]+)\W*\Z", re.IGNORECASE
)


def concludes_otherwise(answer: str, reference: str) -> bool:
    """Whether ``answer`` comes to something else of the kind: ``Today is Tuesday, so tomorrow is Wednesday``."""
    found = _SO_THAT.search(answer)
    wanted = words_of(reference)
    if found is None or len(wanted) > 2:
        return False
    concluded = words_of(found[1])
    return not {*wanted} <= {*concluded} and opposed(concluded, wanted)


def named_but_for_what_was_asked(answer: str, reference: str, asked: str) -> bool:
    """Whether ``answer`` lacks of the reference only words of the question: ``igneous``, asked for a type of rock."""
    wanted, given = (
        [w for w in words_of(text) if w != _STOP and w not in _SMALL_WORDS] for text in (reference, answer)
    )
    missing = [word for word in wanted if word not in given]
    if not missing or not given or not {*given} < {*wanted} or len(wanted) > _SHORT_REFERENCE:
        return False
    known = {word for word in words_of(asked) if word != _STOP}
    return (
        all(word[0] != "#" and any(_alike(word, other) for other in known) for word in missing)
        and not {*given} <= known
    )


def _more_than(answer: str, reference: str) -> bool:
    """Whether what ``answer`` says has words beside the reference that may make another of it."""
    return (
        other_thing(answer, reference)
        or longer_name(answer, reference)
        or part_of_a_phrase(answer, reference)
        or part_of_a_phrase(reference, answer)
    )


_LACKED = re.compile(
    r"\b(?:no|without|zero|lacks?|lacking|(?:free|devoid|absence|lack)\s+of)\s+(?:any\s+|an?\s+|the\s+)?(?=\w)",
    re.IGNORECASE,
)
"""``It contains no iron``."""


def lacking(answer: str, reference: str) -> bool:
    """Whether ``answer`` says that there is none of what a reference in small letters names."""
    wanted = reference.strip(" .").casefold()
    if not wanted[:1].islower() or _LACKED.match(wanted) or wanted != reference.strip(" ."):
        return False
    said = answer.casefold()
    named = sum(said.startswith(wanted, match.end()) for match in _LACKED.finditer(said))
    named += said.count(f"{wanted}-free")
    return 0 < named == said.count(wanted)


def taken_back(answer: str, reference: str) -> bool:
    """Whether ``answer`` names the reference only to deny it."""
    if lacking(answer, reference):
        return True
    if _UNBROKEN.search(reference):
        wanted_text = "".join(unicodedata.normalize("NFKC", reference).casefold().split()).strip("。.,、!！")
        return bool(wanted_text) and wanted_text in "".join(
            unicodedata.normalize("NFKC", answer).casefold().split()
        )
    said = affirmed(answer)
    if said == answer or denies(reference):
        return False
    wanted = Counter(word for word in words_of(reference) if word != _STOP)
    return bool(wanted) and not wanted - Counter(words_of(answer)) and bool(wanted - Counter(words_of(said)))


def roles_agree(answer: str, reference: str) -> bool | None:
    """Whether ``answer`` gives those in ``reference`` (``Chile beat Peru``) the same roles; None if nothing tells."""
    wanted = words_of(reference)
    if len(wanted) < 3 or denies(answer) != denies(reference) or _LIST_SIGN.search(reference):
        return None
    given, wanted = (tuple(w for w in words_of(text) if w != _STOP) for text in (affirmed(answer), reference))
    return same_roles(given, wanted)


_LIST_SIGN = re.compile(r"[,;|\n]")
_ASKS_WHETHER = re.compile(
    r"\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|must)\b",
    re.IGNORECASE,
)


_ASIDE = frozenset(
    ["is", "are", "was", "were", "do", "does", "did", "has", "have", "had", "can", "could", "will", "would", "should",
     "may", "might", "must", "yes", "it", "be"]
)  # fmt: skip


_TRUE_OR_FALSE = re.compile(
    r"\A\W*(?:is\s+(?:it|this)\s+)?true\s+or\s+false\b\W*(?:that\s+)?|\W*\b(?:is\s+(?:it|this)\s+)?true\s+or\s+false\W*\Z",
    re.IGNORECASE,
)
"""``True or false: the sun is a star.``"""


def restated(asked: str, answer: str) -> bool | None:
    """Whether ``answer`` says all of a question for yes or no over again (True), or denies it; None if neither.

    ``The Pacific is larger than the Atlantic``, asked whether it is.
    """
    stated = _TRUE_OR_FALSE.sub("", asked)
    if stated == asked and not _ASKS_WHETHER.match(asked):
        return None
    asked = stated
    wanted = {word for word in words_of(asked) if word != _STOP} - _ASIDE - _SMALL_WORDS
    given = {word for word in words_of(answer) if word != _STOP} - _ASIDE - _SMALL_WORDS
    if not wanted or not wanted <= given | {"not"} or _ALTERNATIVE.search(asked):
        return None
    # In another order it may say the opposite: the Atlantic is larger than the Pacific.
    order = [word for word in words_of(answer) if word in wanted]
    if order != [word for word in words_of(asked) if word in wanted]:
        return None
    return not denies(answer)


_SHORT_REFERENCE = 5
_SMALL_WORDS = frozenset(
    [
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "by",
        "and",
        "or",
        "is",
        "are",
        "was",
        "were",
        "it",
        "its",
        "his",
        "her",
        "their",
        "with",
        "from",
        "as",
    ]
)


def shares_no_word(answer: str, reference: str) -> bool:
    """Whether a short reference and the answer each have words that the other has nothing like, or a term is cut short.

    Between those a cosine tells names and terms of one kind (``Lake Huron``, ``Lake Michigan``) from nothing.
    """
    if _more_than(answer, reference):
        return True
    mine, theirs = (
        [w for w in words_of(text) if w != _STOP and w not in _SMALL_WORDS] for text in (answer, reference)
    )
    if _UNBROKEN.search(reference):
        return True
    if not mine or not theirs or len(theirs) > _SHORT_REFERENCE or _initials(answer, reference):
        return False
    if {*theirs} < {*mine} and _OF_NAMES.fullmatch(reference) and _OF_NAMES.fullmatch(answer):
        return not {*mine} - {*theirs} <= _TITLES  # Oxford Brookes University, for University of Oxford
    if {*mine} < {*theirs} and reference == reference.casefold():
        return True  # whale for blue whale
    return any(not any(_alike(w, v) for v in mine) for w in theirs) and any(
        not any(_alike(w, v) for v in theirs) for w in mine
    )


def same_state(answer: str, reference: str) -> bool:
    """Whether both are names of one country: ``Burma``, ``Myanmar``."""
    one, other = (text.strip(" .").casefold() for text in (answer, reference))
    return one != other and alike(one, other) and _a_state(frozenset([one]))


def acronym(one: str, other: str) -> bool:
    """Whether one is the initials of the other, two at least: ``WHO``, ``World Health Organization``."""
    short, long = sorted((one.strip(" ."), other.strip(" .")), key=len)
    plain_words = not any(word.isupper() or not word.isalpha() for word in re.findall(r"\w+", long))
    return sum(c.isalpha() for c in short) > 1 and plain_words and _initials(short, long)


_HEIRS = re.compile(r",?\s+(?:Jr|Sr)\.?\Z")


def _initials(one: str, other: str) -> bool:
    """``EU`` and ``European Union``."""
    short, long = sorted((one.strip(" ."), _HEIRS.sub("", other.strip())), key=len)
    letters = re.sub(r"[^\w]", "", short)
    words = re.findall(r"\w+", long)
    firsts = {
        "".join(w[0] for w in words).upper(),
        "".join(w[0] for w in words if w[0].isupper()),
        "".join(c for c in long if c.isupper()),
    }
    return letters.isupper() and len(words) > 1 and letters in firsts


@lru_cache(maxsize=8192)
def _alike(one: str, other: str) -> bool:
    """Whether two words are spelled alike: inflected (``increases``), or another spelling (``Kiyosi``)."""
    if one == other:
        return True
    if len(one) > 2 and len(other) > 2 and (one == f"{other}s" or other == f"{one}s"):
        return True
    if "#" in (one[0], other[0]) or min(len(one), len(other)) < 4:
        return False
    if inflected(one, other) or alike(one, other):
        return True
    if one.startswith(other) or other.startswith(one):
        return False  # Dominica, Dominican
    # Niger and Nigeria, mitosis and meiosis, methanol and ethanol are spelled alike, too.
    return one[0] == other[0] and SequenceMatcher(None, one, other, autojunk=False).ratio() >= 0.9


_LATIN_PLURALS = (
    ("um", "a"),
    ("on", "a"),
    ("us", "i"),
    ("sis", "ses"),
    ("a", "ae"),
    ("ix", "ices"),
    ("ex", "ices"),
)
_ENDINGS = frozenset(["", "s", "es", "ies", "y", "ed", "d", "e", "ing", "ly", "ation", "ion"])


@lru_cache(maxsize=8192)
def inflected(one: str, other: str) -> bool:
    """``increases`` and ``increasing``: one stem of four letters and more, with endings of a verb or a plural."""
    for end, plural in _LATIN_PLURALS:
        for singular, several in ((one, other), (other, one)):
            if (
                len(singular) > 5
                and singular.endswith(end)
                and several == singular.removesuffix(end) + plural
            ):
                return True
    pairs = enumerate(zip(one, other, strict=False))
    stem = next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
    ends = [(one[cut:], other[cut:]) for cut in range(max(4, stem - 1), stem + 1)]
    return any({*pair} <= _ENDINGS and {*pair} != {"", "e"} for pair in ends)


_ANOTHER = frozenset(
    ["north", "south", "east", "west", "northern", "southern", "eastern", "western", "new", "equatorial",
     "upper", "lower", "democratic", "vice", "deputy", "blue", "white", "black", "red", "little", "lesser",
     "inner", "outer"]
)  # fmt: skip
"""Words before a name that make another of it: ``West Virginia`` is not ``Virginia``."""

_MODELS = frozenset(["pro", "max", "plus", "mini", "ultra", "lite", "turbo", "air", "se", "xl"])
"""Words behind the number of a product that make another one of it: ``iPhone 15 Pro``."""

_DEPUTIES = frozenset(
    ["vice", "deputy", "sans", "former", "lieutenant", "brigadier", "assistant", "associate", "acting", "interim",
     "under", "non", "anti", "pseudo", "fake", "failed", "attempted"]
)  # fmt: skip

_UNBROKEN = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_UNBROKEN_DENIAL = re.compile("(?:不是|并非|並非|而非|没有|沒有|[不没沒未无無]|ไม่ใช่)$")
_UNBROKEN_DENIED = re.compile(
    "^(?:(?:并|並)?(?:不|非|没|沒)(?!仅|僅|但|只|过|過|同)|では(?:な|あり)|じゃ(?:な|あり)|[이가은는]?아[니닙닌])"
)
_UNBROKEN_AND_BEFORE = re.compile("[^\\W\\d_](?:和|与|與|及|、|と|및)$")
_UNBROKEN_AND_AFTER = re.compile("(?:和|与|與|及|、|と|및|와|과|하고)[^\\W\\d_]")
_UNBROKEN_OR = re.compile("或|还是|還是|または|あるいは|또는|หรือ")


def _named_unbroken(answer: str, reference: str) -> float:
    """Of scripts without spaces: whether the reference stands in the answer, undenied and alone."""
    said, wanted = ("".join(unicodedata.normalize("NFKC", t).casefold().split()) for t in (answer, reference))
    wanted = wanted.strip("。.,、!！")
    place = said.rfind(wanted)
    if place < 0 or not wanted or (_UNBROKEN_OR.search(said) and not _UNBROKEN_OR.search(wanted)):
        return 0.0
    before, after = said[:place], said[place + len(wanted) :]
    if _UNBROKEN_AND_BEFORE.search(before) or _UNBROKEN_AND_AFTER.match(after):
        return 0.0
    if (wanted[0].isdigit() and before[-1:].isdigit()) or (wanted[-1].isdigit() and after[:1].isdigit()):
        return 0.0
    return float(not _UNBROKEN_DENIAL.search(before) and not _UNBROKEN_DENIED.search(after))


_TITLES = frozenset(
    ["king", "queen", "emperor", "empress", "tsar", "czar", "pope", "president", "sir", "dame", "lord", "lady",
    "dr", "doctor", "mr", "mrs", "ms",
     "prof", "professor", "saint", "st", "prince", "princess", "sultan", "captain", "general", "chancellor", "senator",
     "number", "no", "nr"]
)  # fmt: skip
"""Words that a name can go without: ``Queen Elizabeth II`` is ``Elizabeth II``, ``Symphony No. 9`` ``Symphony 9``."""


def _without_title(words: list[str], other: Collection[str]) -> list[str]:
    kept = [word for word in words if word not in _TITLES]
    return kept if len(kept) > 1 and not any(word in _TITLES for word in other) else words


_COLONIAL = re.compile(
    r"(?:American|British|French|Danish|Dutch|Spanish|Portuguese|Baja|Papua)\s+[A-Z][\w-]+\Z"
)
_OFFSET = re.compile(r"\b(?:UTC|GMT)\s?([+−-])\s?\d")
_WITHIN = re.compile(r"([^,\d]+),\s+([A-Z][^,\d]+)")
"""``Kansas City, Missouri``."""
_HEIR = re.compile(r"([A-Z][\w'’-]+),?\s+(?:Jr|Sr)\.?\s*$")
_PARTICLES = frozenset(
    ["da", "de", "del", "della", "di", "du", "von", "van", "al", "el", "la", "le", "bin", "ibn"]
)
_ACRONYM = re.compile(r"[A-Z]{2,}")
_INITIAL = re.compile(r"\b([A-Z])\.(?=\s)|(?<=[a-z] )([A-Z])(?= [A-Z])")
_NAME = re.compile(r"[A-Z][\w'’-]+(?:\s+(?:[A-Z]\.?|[A-Z][\w'’-]+|de|von|van|da|al|bin))*\s+[A-Z][\w'’-]+")


_RELATED = (
    r"(?:near(?:by|\s+to)?|close\s+to|next\s+to|adjacent\s+to|outside(?:\s+of)?|beyond|beside|opposite|bordering|"
    r"(?:north|south|east|west)(?:ern|[- ]?(?:east|west))?\s+of|off\s+the\s+coast\s+of|neighbou?ring|"
    r"neighbou?rs?\s+of|besides|apart\s+from|aside\s+from|similar\s+to|after\s+leaving|on\s+the\s+border\s+(?:of|with))"
)
_BEFORE_A_NAME = re.compile(
    rf"\b(?:{_RELATED}|(?:second|third|next|runner-up)\b[^.;,]{{0,30}}\b(?:after|to|behind))\s+(?:the\s+)?\Z",
    re.IGNORECASE,
)
"""``Near Lima``, ``north of Lima``, ``second after Lima``: somewhere else."""
_IN_AN_ASIDE = re.compile(
    r"[A-Z][\w'’-]+,\s+(?:an?|the|his|her|once|formerly)\s+(?:\w+\s+){0,2}(?:rival|friend|student|pupil|teacher|contemporary|follower|"
    r"successor|predecessor|neighbou?r|colleague|assistant|disciple|mentor|enemy|admirer|fan|critic|imitator|biographer|ally|opponent|son|daughter|wife|husband|brother|sister|cousin|"
    r"nephew|niece)\s+(?:of|to)\s+\Z"
)
"""``Michelangelo, a rival of``."""


def _beside_it(answer: str, reference: str) -> bool:
    """Whether ``answer`` has ``reference`` only to say where or who something else is, or what it is more than."""
    if " than " in answer and _only_compared(answer, reference):
        return True
    if not reference[:1].isupper():
        return False
    places = [match.span() for match in re.finditer(re.escape(reference), answer)]
    return bool(places) and all(
        _BEFORE_A_NAME.search(answer, max(0, start - 60), start)
        or _KIN.match(answer, end)
        or _aside_about(answer, start, end)
        or (_SOMETHING_OF.search(answer, 0, start) and _IS_A_NAME.match(answer, end))
        for start, end in places
    )


_SOMETHING_OF = re.compile(
    r"\A\W*the\s+(?:\w+\s+){0,2}(?!city|town|country|state|island|kingdom|republic|province|village|county|empire|house|name)\w+\s+"
    r"(?:of|to)\s+(?:the\s+)?\Z",
    re.IGNORECASE,
)
_IS_A_NAME = re.compile(r"\s+(?:is|was)\s+(?:the\s+)?[A-Z]")
"""``The enemy of Tesla was Edison``."""
_THAN = re.compile(r"\bthan\s+(?:(?:that|those)\s+of\s+)?(?:an?\s+|the\s+|any\s+)?\Z", re.IGNORECASE)
_NOTHING_MORE = re.compile(
    r"\b(?:no|nothing|nobody|none|never|few|little|no\s+one|not|rather|other)\b", re.IGNORECASE
)


def _only_compared(answer: str, reference: str) -> bool:
    """Whether ``reference`` is only what something else is more or less than: ``Silver conducts better than gold``."""
    if _NOTHING_MORE.search(answer) or "than" in reference:
        return False
    places = [
        match.start() for match in re.finditer(rf"(?<!\w){re.escape(reference)}(?!\w)", answer, re.IGNORECASE)
    ]
    return bool(places) and all(_THAN.search(answer, max(0, place - 30), place) for place in places)


_SAID_BEFORE = re.compile(r"\b(?:by|is|was|were|named|called)\s+(?:[A-Z][\w'’.-]*\s+)*\Z")


def _aside_about(text: str, start: int, end: int) -> bool:
    """Whether what stands at ``start`` to ``end`` only says who somebody else is."""
    aside = _IN_AN_ASIDE.search(text, max(0, start - 80), start)
    if aside is None:
        return False
    if aside.start() <= 2 and text[end:].strip(" .!*") == "":
        return True  # Edison, the rival of Tesla
    ends = text[end:].strip(" .!*") == ""
    return text[end : end + 1] == "," or (ends and _SAID_BEFORE.search(text, 0, aside.start()) is not None)


_KIN = re.compile(
    r"['’]s\s+(?:\w+\s+){0,2}?(?:sister|brother|father|mother|wife|husband|widow|son|daughter|nephew|niece|uncle|aunt|cousin|"
    r"grand\w+|teacher|student|pupil|assistant|successor|predecessor|rival|colleague|friend|secretary|agent|publisher|"
    r"biographer|mentor|boss|neighbou?rs?)\b",
    re.IGNORECASE,
)
"""``Jane Austen's sister``: somebody else."""


_OF_NAMES = re.compile(r"\W*(?:the\s+)?[A-Z][\w'’.-]*(?:\s+(?:of|the|and|&|[A-Z][\w'’.-]*))+\W*")


def _another(given: tuple[str, ...], wanted: tuple[str, ...], named: bool) -> bool:
    """Whether one of both has a word before a name that makes another of it, and the other one lacks it."""
    words = _ANOTHER if named else _DEPUTIES
    for mine, theirs in ((given, wanted), (wanted, given)):
        for one, two in itertools.pairwise(mine):
            if one in words and one not in theirs and two in theirs:
                return True
    return False


def _models(words: tuple[str, ...]) -> set[tuple[str, str]]:
    return {(one, two) for one, two in itertools.pairwise(words) if one.startswith("#") and two in _MODELS}


def other_name(answer: str, reference: str) -> bool:
    """Whether two names differ: other initials, one last name with another first name, ``West Virginia``."""
    mine, theirs = ({one or two for one, two in _INITIAL.findall(text)} for text in (answer, reference))
    if mine and theirs and mine != theirs:
        return True
    answer, reference = answer.strip().strip(" ."), reference.strip().strip(" .")
    if _another(words_of(answer), words_of(reference), reference[:1].isupper()):
        return True
    if compounds(words_of(answer), words_of(reference)):
        return True
    if _models(words_of(answer)) != _models(words_of(reference)) or _beside_it(answer, reference):
        return True
    if _ACRONYM.fullmatch(answer) and _ACRONYM.fullmatch(reference) and answer != reference:
        return True  # HTTPS, for HTTP
    if _ACRONYM.fullmatch(reference) and re.fullmatch(rf"(?:the\s+)?{reference}\s+[A-Z][a-z]+", answer):
        return True  # MIT Press, for MIT
    if len(reference.split()) == 1 and reference[:1].isupper() and _COLONIAL.match(answer):
        return answer.endswith(reference)  # American Samoa, for Samoa
    within = [_WITHIN.fullmatch(text) for text in (answer, reference)]
    if (
        within[1]
        and not within[0]
        and normalise(answer) == normalise(within[1][2]) != normalise(within[1][1])
    ):
        return True  # Italy, for Rome, Italy
    if all(within) and (places := [normalise(match[1]) for match in within if match])[0] == places[1]:
        tails = [words_of(match[2]) for match in within if match]
        return not {*tails[0]} & {*tails[1]} and min(len(match[2]) for match in within if match) > 2
    if _turned_over(answer, reference):
        return True
    offsets = [_OFFSET.findall(text) for text in (answer, reference)]
    if all(offsets) and {*offsets[0]} != {*offsets[1]}:
        return True  # UTC-1, for UTC+1
    parts = reference.casefold().split("-")
    if len(parts) > 1 and reference[:1].isupper() and answer.casefold() in parts:
        return True  # Guinea, for Guinea-Bissau
    if (heir := _HEIR.search(reference)) and normalise(heir[1]) not in words_of(answer):
        return True  # Martin Luther, for Martin Luther King Jr.
    if not (_NAME.fullmatch(answer) and _NAME.fullmatch(reference)):
        return False
    one, other = (
        [w for w in text.split() if w.casefold().rstrip(".") not in _TITLES] for text in (answer, reference)
    )
    if len(one) < 2 or len(other) < 2 or {one[0].casefold(), other[0].casefold()} & _PARTICLES:
        return False
    return normalise(one[-1]) == normalise(other[-1]) and one[0][0] != other[0][0]


_FORMULA = re.compile(
    r"(?:the )?square root of|\)\s*[,;]\s*\(|^\W*\d*\|[^|]+\|\W*$|"
    r"^\s*[\[(][^\[\]()]*\d[^\[\]()]*,[^\[\]()]+[\])]\s*$|[=^√∑∫π∞∪<>≤≥\\]|\binfinity\b|"
    r"\w\([^()]*\)|\b(?:sin|cos|tan|log|ln|exp)\b|"
    r"(?<![A-Za-z'’.])(?!m/s|n/a)[a-z]\s?[/^*+]\s?[a-z](?![A-Za-z'’])|"
    r"\b\d*[a-z]\s*[-+*/]\s*\d|\d\s*[-+*/]\s*\d*[a-z](?![A-Za-z])|\d[ixyzn]\b|(?<![A-Za-z0-9])[A-Za-z0-9]{1,2}!"
)


_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SQUARE_ROOT = re.compile(
    r"\\?sqrt\s*(?:\((\w+)\)|\{(\w+)\}|(?=\())|(?:the )?square root of (\w+)", re.IGNORECASE
)


def _formula(text: str) -> str:
    text = _SQUARE_ROOT.sub(lambda m: f"√{m[1] or m[2] or m[3] or ''}", text)
    text = re.sub(r"\\?(?<![a-z])pi(?![a-z])", "π", text, flags=re.IGNORECASE)
    text = _arrows(text.translate(_SUBSCRIPTS))
    text = re.sub(r"[\s$*·×{}]+", "", plain(re.sub(r"\bor\b|\band\b", ",", text))).strip(".,;:")
    parts = text.split(",")
    # Solutions in any order; a pair in brackets has one.
    return ",".join(sorted(parts)) if len(parts) > 1 and all("=" in part for part in parts) else text


def tuple_equality(answer: str, reference: str) -> float | None:
    """1.0 if the answer has the items of ``(3, 4)`` in that order; None unless the reference is such a tuple."""
    wanted = _TUPLE.fullmatch(reference.strip())
    if wanted is None:
        return None
    said = list(_TUPLE.finditer(affirmed(answer)))
    if not said and re.search(r"[\[(].*,.*\]|\[.*,.*[\])]", answer):
        return 0.0  # [0, 9) is an interval
    items = [part.strip().strip("$") for part in (said[-1][1] if said else answer).strip(" .").split(",")]
    right = [part.strip() for part in wanted[1].split(",")]
    if len(items) != len(right):
        return 0.0
    return float(
        all(
            numeric_equality(one, other) == 1.0 or normalise(one) == normalise(other) != ""
            for one, other in zip(items, right, strict=True)
        )
    )


_TUPLE = re.compile(r"\(\s*([^()]+?(?:,[^()]+)+)\)")


_INEQUALITY = re.compile(
    r"\)\s*[,;]\s*\(|[A-Za-z)]\s*(?:[<>≤≥]|\\[lg]eq?\b)|(?:[<>≤≥]|\\[lg]eq?\b)\s*[A-Za-z(]"
)


def compares(reference: str) -> bool:
    """Whether ``reference`` is an inequality with a letter in it, or several tuples: rather formula than figure."""
    return _INEQUALITY.search(reference) is not None and formula_of(reference) is not None


_LATEX_NAME = re.compile(
    r"\\[A-Za-z]+|\{[bpvB]?matrix\}|\{array\}|(?:the )?square root of|\binfinity\b", re.IGNORECASE
)
_LONG_WORD = re.compile(r"[A-Za-z]{5,}")


_SUM = re.compile(
    r"\w\s*[-+*/×÷^]\s*\w|\b(?:to the power|times|plus|minus|divided by)\b|\d\s*%\s+of\b", re.IGNORECASE
)


def only_repeats(answer: str, asked: str) -> bool:
    """Whether ``answer`` is a sum that the question asks for, not worked out: ``2 to the power of 10``."""
    said = normalise(answer)
    return _SUM.search(answer) is not None and bool(said) and f" {said} " in f" {normalise(asked)} "


def calculated(answer: str, reference: str) -> bool:
    r"""Whether ``answer`` is the number ``reference`` in LaTeX or brackets: ``\\frac3{3}``, ``(9+1)``."""
    written = segments(answer)[0]
    if not re.search(r"\\[a-z]|\([^()]*\d[^()]*\)", written) or re.search(
        r"[A-Za-z]{3}", _LATEX_NAME.sub("", written)
    ):
        return False
    found, wanted = formula_of(written), formula_of(reference)
    return found is not None and wanted is not None and same_formula(found, wanted)


_NAMED_VALUE = re.compile(
    r"\s*(?:\\frac\{[A-Z]+\}\{[A-Z]+\}|[A-Z]{2,3}|[A-Za-z](?:_\{?\w+\}?)?|[A-Za-z]\([a-z]\))\s*=\s*([^=,;]+)"
)


def _named_values(reference: str) -> str | None:
    """``(4, 5)`` of ``AB = 4, CD = 5``, ``(5, 2), (7, 2)`` of ``p = 5, q = 2; p = 7, q = 2``; None of anything else."""
    groups = []
    for group in reference.strip(" $.").split(";"):
        found = [_NAMED_VALUE.fullmatch(part) for part in group.split(",")]
        if not all(found) or (
            len(found) > 1 and len({part.partition("=")[0] for part in group.split(",")}) == 1
        ):
            return None
        groups.append(f"({', '.join(match[1].strip() for match in found if match)})")
    return ", ".join(groups)


_MINUS_TERM = re.compile(
    r"\A[\s$(]*[-−–]\s?(?=\d*[a-zA-Z](?![A-Za-z])|\\|√|π|(?:sin|cos|tan|log|ln|exp|sqrt)\b)"
)
_ORDER = re.compile(r"(?:\\mathcal\{O\}|O)\s*\((.+)\)")
"""``O(n log n)``, which is as well written ``n log n``."""
_ORDER_WITHIN = re.compile(r"(?<![A-Za-z\\])(?:\\mathcal\{O\}|O)\s*\((?:[^()]|\([^()]*\))+\)")
_OF_A_DERIVATIVE = re.compile(
    r"\A(?:[^=]{0,80}\s)?\W{0,9}"
    r"(?:[a-z]['′’]+(?:\([a-z]\))?|d[a-z]?\s?/\s?d[a-z]|\\d?frac\{d[a-z]?\}\{d[a-z]\})\s*=\s*",
    re.IGNORECASE,
)
"""``f'(x) = ``, ``dy/dx = ``."""


def formula_equality(answer: str, reference: str) -> float | None:
    """1.0 if the answer has the formula of the reference, spaces apart; None unless the reference is one."""
    signs = [_MINUS_TERM.match(text) for text in (answer, reference)]
    if bool(signs[0]) != bool(signs[1]):
        pairs = zip((answer, reference), signs, strict=True)
        unsigned = {re.sub(r"[\s$.]", "", text[sign.end() :] if sign else text) for text, sign in pairs}
        if len(unsigned) == 1:
            return 0.0  # -x, for x
    if (
        not _FORMULA.search(reference)
        or len(reference.split()) > 12
        or _LONG_WORD.search(_LATEX_NAME.sub(" ", reference))
    ):
        return None
    if (values := _named_values(reference)) and "=" not in answer:
        bare = answer.strip(" $.")
        found, wanted_values = formula_of(bare if bare[:1] == "(" else f"({bare})"), formula_of(values)
        return float(found is not None and wanted_values is not None and same_formula(found, wanted_values))
    if "=" not in reference:
        answer = _OF_A_DERIVATIVE.sub("", answer)
    orders = [_ORDER.fullmatch(text.strip(" $.")) for text in (answer, reference)]
    if orders[1] and not orders[0] and (named := _ORDER_WITHIN.search(affirmed(answer))):
        answer = named[0]  # It runs in O(n log n) time
        orders[0] = _ORDER.fullmatch(answer)
    if not all(orders) and not re.search(r"[ΩΘω]|\\(?:Omega|Theta|omega)", answer):
        answer, reference = (
            order[1] if order else text for order, text in zip(orders, (answer, reference), strict=True)
        )
    said, wanted = (_formula(text) for text in (answer, reference))
    if said == wanted:
        return 1.0
    if (meant := formula_of(reference)) is not None:
        said_last = affirmed(answer).strip(" .").rpartition(" ")[2]
        tried = [*segments(affirmed(answer)), *([said_last] if re.search(r"[\^/\\]", said_last) else [])]
        alike = (formula_of(text) for text in tried)
        return float(any(found is not None and same_formula(found, meant) for found in alike))
    place = said.rfind(wanted)
    if place < 0 or not wanted:
        return 0.0
    before, after = said[:place][-1:], said[place + len(wanted) :][:1]
    return float(
        not (
            (before and before in "+-*/^(0123456789)") or (after and (after.isalnum() or after in "+-*/^(="))
        )
    )


_ASIDE_WITH_A_FIGURE = re.compile(r"(.*[^\W\d_]{3})\s+\([^()]*\d[^()]*\)\s*")


_LEADS_TO_IT = re.compile(
    r"\A\W*(?:because\s+of|due\s+to|owing\s+to|caused\s+by|through|(?:the\s+)?(?:process|force|phenomenon|act|concept|practice)\s+of)\s+(?:the\s+)?",
    re.IGNORECASE,
)


def without_lead(reference: str) -> str | None:
    """``gravity`` of ``because of gravity``, ``friction`` of ``the force of friction``; None of anything else."""
    found = _LEADS_TO_IT.match(reference)
    return reference[found.end() :] if found else None


def without_aside(reference: str) -> str | None:
    """``nitrogen`` of ``nitrogen (78%)``; None without such an aside."""
    found = _ASIDE_WITH_A_FIGURE.fullmatch(reference)
    return found[1] if found else None


_BETWEEN_ITEMS = re.compile(
    r"\s*(?:(?<!\d),|,(?!\d{3}(?!\d))|[;\n]|\band\b|&|•|\s/\s)\s*(?:\band\b\s*)?", re.IGNORECASE
)
_MATHS = re.compile(r"(?<![\w$])\$ ?([^$\s][^$\n]*?) ?\$(?=[\s,.;)\"]|$)")
_ALTERNATIVE = re.compile(r"\bor\b|\beither\b", re.IGNORECASE)
_INTRODUCED = re.compile(
    r"^[^:]*:\s+|^.*?\b(?:are|were|is|includes?|have|has|named|namely|contains?|comprises?|consists?\s+of)\b:?\s+(?:(?:composed|made(?:\s+up)?|formed)\s+(?:of|by|from)\s+)?",
    re.IGNORECASE,
)
_JOINED = re.compile(r"\band\b|&|;|\n|•")
_SHORT_ITEM, _SHORT_ANSWER = 4, 14


_OF_ONE_LETTER = re.compile(r"\s*([a-z])\s*=\s*(?=[-−\d])")
_BETWEEN = re.compile(r"^.*\bbetween\s+", re.IGNORECASE)
_WHO_IT_IS = re.compile(
    r"\s*(?:an?|the|his|her|son|daughter|king|queen)\s+(?:\w+\s+){0,2}(?:of|to|from|by)\b", re.IGNORECASE
)
_CLAUSE = re.compile(r"\w\s+(?:is|are|was|were)\s+\w")


@lru_cache(maxsize=8192)
def items_of(text: str) -> tuple[frozenset[str], ...]:
    """The members of an enumeration (``red, green and blue``), each as its words; empty if it is none."""
    text = (_MATHS.sub(r"\1", text) if "$" in text else text).strip(" .!{}")
    parts = [part for part in _BETWEEN_ITEMS.split(text) if part and part.strip()]
    if len(parts) > 1 and ": " not in parts[1]:  # "The primes are 2, 3 and 5"
        parts[0] = _BETWEEN.sub("", _INTRODUCED.sub("", parts[0]))
    if any(_CLAUSE.search(part) for part in parts[1:]):
        return ()  # "Lisbon; Porto is second"
    if len(parts) > 2 and _WHO_IT_IS.match(parts[1]) and not _WHO_IT_IS.match(parts[0]):
        return ()  # "Plato, a pupil of Socrates, wrote it"
    if len(parts) < 2 or any(len(part.split()) > _SHORT_ITEM for part in parts):
        return ()
    letters = [_OF_ONE_LETTER.match(part) for part in parts]
    if all(letters) and len({match[1] for match in letters if match}) == 1:  # x = 1 and x = 4
        parts = [part[match.end() :] for part, match in zip(parts, letters, strict=True) if match]
    bare = [re.sub(r"^(?:and\b|\W)+\s*|:\s.*", "", part) for part in parts]  # "red: warm" is red
    return tuple(frozenset(words_of(part)) - {_STOP} for part in bare)


def same_items(answer: str, reference: str) -> bool:
    """Whether both are enumerations of the same members, in any order."""
    if "," in reference and not re.search(r"[A-Za-z]{3}", reference):  # 21, 16 or 11: solutions
        reference = _ALTERNATIVE.sub(",", reference)
    given, wanted = items_of(affirmed(answer)), items_of(reference)
    return len(wanted) > 1 and set(given) == set(wanted) and not _ALTERNATIVE.search(answer)


_SOLUTIONS = re.compile(r"\s*\d+(?:,\d+)+ or \d+\s*")


def solutions_in_one_line(answer: str, reference: str) -> bool:
    """Whether ``answer`` has all of the solutions ``21,16 or 11``, which are no decimals."""
    return _SOLUTIONS.fullmatch(reference.replace("$", "")) is not None and same_items(answer, reference)


def _a_state(words: frozenset[str]) -> bool:
    """Whether ``words`` name a country: what stands behind a city and its region."""
    return (
        words == {"united", "states"}
        or words == {"united", "kingdom"}
        or opposed(words, {"peru", "france"} - words)
    )


_PERHAPS_TWICE = re.compile(
    r"\b(?:maybe|perhaps|possibly|probably|(?:could|might|may)\s+be)\b[^.!?\n]*[,;.]\s*(?:or\s+|it\s+)?"
    r"(?:maybe|perhaps|possibly|or|(?:could|might|may)(?:\s+also)?\s+be)\b",
    re.IGNORECASE,
)
"""``Maybe Oslo, maybe Bergen``."""


def names_others(answer: str, reference: str) -> bool:
    """Whether ``answer`` names others beside what the reference names."""
    if _PERHAPS_TWICE.search(answer):
        return True
    if (
        _ALTERNATIVE.search(answer)
        and not _ALTERNATIVE.search(reference)
        and len(answer.split()) <= _SHORT_ANSWER
    ):
        return True
    given, wanted = items_of(answer), items_of(reference)
    if not given:
        # "iron" for "iron and zinc"
        alone = frozenset(words_of(answer)) - {_STOP}
        return (
            len(wanted) > 1
            and alone in wanted
            and (
                len(wanted) > 2 or _JOINED.search(reference) is not None or reference == reference.casefold()
            )
        )
    # "red, green" is a list; "Oslo, Norway" says where.
    joined = _JOINED.search(reference) is not None or reference == reference.casefold()
    if len(wanted) >= 2 and (joined or len(wanted) >= 3):
        return set(given) != set(wanted)
    # "Oslo, Norway" says where; "Oslo and Bergen", "Oslo, Bergen, Trondheim" name others.
    several = re.search(r"\band\b|&|;|\n|•", answer) is not None or len(given) >= 3
    alone = frozenset(words_of(reference)) - {_STOP}
    if len(wanted) == 2 and several and set(wanted) < set(given):
        return not any(_a_state(item) for item in set(given) - set(wanted)) or any(map(_a_state, wanted))
    return alone in given and (several or any(opposed(alone, item) for item in given))
