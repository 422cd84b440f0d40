"""The options that a model's output chooses, by rules that are tried in order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from string import ascii_uppercase

from optiq.files.others_text import parse_json
from optiq.questions.option_letters import bare_options, folded, letters_of
from optiq.scoring.aliases import other_names
from optiq.scoring.common_nouns import other_thing
from optiq.scoring.dates import date_equality
from optiq.scoring.denial import affirmed, denies, refuses, truth_named, truth_of
from optiq.scoring.figures import digits_of, figures_in
from optiq.scoring.formulas import formula_of, same_formula
from optiq.scoring.names import longer_name
from optiq.scoring.numbers import concludes, figure_of, numeric_equality
from optiq.scoring.opposites import alike
from optiq.scoring.option_marks import letter_by_mark
from optiq.scoring.outputs import both_ends, json_answer, spoken, statements, without_greeting
from optiq.scoring.plain_text import plain
from optiq.scoring.text import compares, containment, formula_equality, inflected, other_name, roles_agree

Letters = tuple[str, ...]
Rule = Callable[[str, Sequence[str], bool], Letters]

_WRAPPING = "*_`\"'“”‘’「」[] \t$"
_JOINED = r"(?:\s*[,;/&+]\s*(?:and\s+|or\s+)?|\s+(?:and(?:\s+also)?|or|nor|as\s+well\s+as|plus)\s+)"
_ONE = r"(?:options?\s+|choices?\s+|letters?\s+)?\(?[A-Z]\)?(?![\w'’])"
_SEVERAL = rf"{_ONE}(?:{_JOINED}{_ONE}){{0,25}}"
# "not A, B" chooses B; "not A, C or D" chooses none of them.
_ALL_OF = rf"{_ONE}(?:(?:\s*[,/]\s*{_ONE})*\s*,?\s*(?:and|or|nor|&|/)\s+{_ONE})*"
_LEADING_LETTER = re.compile(
    r"(?:\(?([a-z])\)|\(?([A-Z])(?:\)|\.(?=\s|$)|:(?=\s|$)|\s*[-–]\s|(?=,?\s+(?:because|since|as\s+(?:it|the))\b)))"
)
# "Option A", "Options A & C", "A is the correct answer", "A and C are right".
_DECLARED = re.compile(
    rf"(?<!not )\b(?:options?|choices?|letters?|answers?|"
    rf"(?i:antwort|réponse|respuesta|risposta|resposta|opción|opzione|opção|вариант|ответ))\s+({_SEVERAL})|"
    rf"(?<![\w'’])({_SEVERAL})\s+(?:is|are|seems?|looks?|would\s+be)\s+(?:both\s+|all\s+|also\s+|likewise\s+)?(?:the\s+)?(?:most\s+)?"
    r"(?:correct|right|best|true|accurate|answers?|likely|appropriate)\b"
)
_SAID_NOT = (
    r"(?:not|except(?:\s+for)?|excluding|but\s+not|rather\s+than|instead\s+of|unlike|neither|nor|rul(?:es?|ed|ing)\s+out|"
    r"eliminat(?:e|es|ed|ing)|exclud(?:e|es|ed|ing)|dismiss(?:es|ed|ing)?|discard(?:s|ed|ing)?|reject(?:s|ed|ing)?|"
    r"everything\s+but|all\s+but|anything\s+but|(?:is|are)n['’]?t|nicht|pas|no\s+es|non\s+è|不是|并非|不选)"
)
_DENIED = re.compile(rf"(?:\b|(?<=[\u3040-\u9fff]))(?i:{_SAID_NOT})\s+(?:either\s+|both\s+)?({_ALL_OF})")
_NAMED_AS_ANSWER = re.compile(
    r"\b(?:final\s+|correct\s+|right\s+|best\s+)*(?:ans|answers?|options?|choices?)\s*(?:\b(?:is|are|would\s+be|should\s+be)\b\s*:?|[:=])|"
    r"\b(?:final(?:ly)?|therefore|thus|hence|so|conclusion)\s*:",
    re.IGNORECASE,
)
_COMPLEMENT = re.compile(
    rf"\W*(?i:(?:it\s+is\s+|it['’]s\s+|the\s+answer\s+is\s+|(?:all|everything|anything|any|every\s+option|all\s+options|all\s+of\s+them)\s+)?"
    rf"(?:not|neither|except(?:\s+for)?|but(?:\s+not)?))\s+(?:either\s+)?({_ONE}(?:,?\s+(?:or|nor|and)\s+(?:not\s+)?{_ONE}|,\s*not\s+{_ONE})*)\W*"
)
_VERDICTS = re.compile(
    r"^[^\w\n]*(?:option\s+)?\(?([A-Z])\b[^\n]*?(?:\b(true|yes|correct|right|false|no|incorrect|wrong|not\s+(?:true|correct|right))\b|([✓✔✅☑])|([✗✘❌☒×]))\W*$",
    re.IGNORECASE | re.MULTILINE,
)
_CHECKED = re.compile(r"^[ \t]*[-*]?[ \t]*\[([xX✓✔ ])\]\s*(.+)$", re.MULTILINE)
_ALL = re.compile(
    r"\W*(?:all|everything|every\s+(?:option|one|choice|answer)|all\s+(?:of\s+)?(?:the\s+)?(?:above|these|them|options|choices|four|five|three|listed)(?:\s+are\s+(?:correct|right|true))?)\W*",
    re.IGNORECASE,
)
_RANGE = re.compile(r"([A-Z])\s*(?:-|–|to|through)\s*([A-Z])")
_BRACKETED_LETTER = re.compile(r"\(([A-Z])\)|\b([A-Z])\)")
_LONE_LETTER = re.compile(r"(?<![\w'’.-])([A-Z])(?![\w'’+#]|\.\w|-\w)")
_LETTER_LIST = re.compile(
    r"\(?([A-Z])\)?(?:(?:\s*[,;/&+]\s*(?:and\s+|then\s+)?|\s+(?:and(?:\s+also)?|as\s+well\s+as|plus|then)\s+|\s+)"
    r"\(?[A-Z]\)?(?=[\s,;.&)/+]|$))*",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?<![\w])[-+−]?\d+(?:[.,]\d+|[ \u00a0\u202f]\d{3}(?!\d))*|\w+(?:\+\+|#)?")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_CONTRAST = re.compile(
    r"(?<!\s)\s*(?:,\s*)?\b(?:(?<=\w )over(?=\s+[A-Z])|while|whereas|although|though|but|unlike|"
    r"rather than|instead of|not|as opposed to)\b",
    re.I,
)
_CONCLUDED = re.compile(
    r"(?:\b(?:so|thus|therefore|hence|leaving|leaves|must be|choose|choosing|pick|go with|select|i['’]d say)\b|"
    r"[→⇒]|\belimination[^.:\n]*:)",
    re.I,
)
# What a lone letter stands behind is its name, unless it is one of these.
_BEFORE_LETTER = re.compile(r"([\w'’-]+)\s+\*{0,2}$")
_NAMING = frozenset(
    [
        "vitamin",
        "vitamins",
        "hepatitis",
        "type",
        "types",
        "group",
        "class",
        "grade",
        "plan",
        "team",
        "section",
        "figure",
        "appendix",
        "schedule",
        "blood",
        "strain",
        "virus",
        "protein",
        "factor",
        "planet",
        "gate",
        "exhibit",
        "language",
        "influenza",
        "part",
        "phase",
        "category",
        "model",
        "point",
        "line",
        "node",
        "point",
        "vertex",
        "set",
        "box",
        "formula",
        "drug",
        "complex",
        "side",
        "chapter",
        "building",
        "unit",
        "zone",
        "level",
        "room",
        "bus",
        "route",
        "hormone",
        "receptor",
        "omega",
    ]
)


_WRONG_ONES = re.compile(
    r"\b(?:incorrect|wrong|false|not\s+correct)(?:\s+(?:options?|answers?|choices?|ones?|statements?))?\s*(?:[:=]|\b(?:is|are)\b)\s*"
    rf"{_SEVERAL}(?=\W*(?:\n|\.|;|\Z))",
    re.IGNORECASE,
)
_ORDINALS = (
    "first 1st 1 one", "second 2nd 2 two", "third 3rd 3 three", "fourth 4th 4 four", "fifth 5th 5 five",
    "sixth 6th 6 six",
)  # fmt: skip
_BY_PLACE = re.compile(
    r"(?:(?:(?:i\s+(?:think|believe|guess)\s+)?(?:it\s+is|it['’]s)|the\s+answer\s+is|i\s+(?:choose|pick|would\s+(?:choose|pick)))\s+)?(?:the\s+)?(?:(?:option|choice|answer|number|no\.?|#)\s*(?P<number>[1-9]|one|two|three|four|five|six)|"
    r"(?P<place>first|second|third|fourth|fifth|sixth|last|1st|2nd|3rd|4th|5th|6th)(?:\s+(?:option|choice|one|answer))?|(?P<bare>[1-9]))",
    re.IGNORECASE,
)
_ONLY = re.compile(r"^(?:only|just)\s+|(?<!\s)\s+(?:only|alone)$", re.IGNORECASE)
_OPTION_BEFORE = re.compile(r"^(?:the\s+)?(?:options?|choices?|letters?)\s+", re.IGNORECASE)
_ABOVE = re.compile(
    r"(none|neither|all|both)(?:\s+of)?(?:\s+(?:the|these|them|those|above|options?|choices|answers|listed|given|mentioned|is|are|correct|right))*",
    re.IGNORECASE,
)
_ALL_BUT_WRONG = re.compile(
    rf"\W*(?i:(?:everything|all|anything|all\s+options|the\s+others?)\s+(?:except(?:\s+for)?|but|other\s+than|besides))\s+({_ONE}(?:\s+(?:or|nor|and)\s+{_ONE})*)\s+"
    r"(?i:(?:is|are)\s+(?:wrong|incorrect|false|not\s+\w+))\W*"
)
_ALL_BUT_TEXTS = re.compile(
    r"\W*(?:everything|all(?:\s+of\s+(?:them|these))?|all\s+options|any(?:thing|\s+of\s+them)?)\s+(?:except(?:\s+for)?|but|other\s+than|besides)"
    r"\s+([^.;!?\n]+?)\W*",
    re.IGNORECASE,
)
_IT_IS = re.compile(
    r"^\W*(?:it|this|that|the\s+(?:correct\s+|right\s+)?answer)(?:['’]s|\s+(?:is|was|must\s+be|would\s+be|should\s+be))\s+(?:the\s+|an?\s+)?",
    re.IGNORECASE,
)


_EXPLAINED_LETTER = re.compile(
    r"(?<![\w'’])([A-Z])\s*\((?![A-Z]\)|\W*(?:yes|no|true|false|correct|incorrect|right|wrong)\W*\))[^()\n]{2,60}\)"
)


def option_letters(output: str, options: Sequence[str], several: bool = False) -> Letters:
    """The letters of the options that ``output`` chooses, in order; at most one unless ``several``.

    Tried in this order: the whole output is a letter, letters or an option's text, as JSON too; the last "the
    answer is …"; verdicts by line (``A: true``); a first or last line that is a choice by itself; a letter that opens
    the first line (``B) …``); "option B", "B is correct"; figures; yes or no; option texts that occur in it, or that it
    is part of; bracketed letters; lone capitals. A rule that finds several where one is asked for finds none. What the
    output denies it does not choose. A refusal chooses nothing unless it states an answer.
    """
    spoke = spoken(both_ends(output)).strip("*_`\"' \n")
    spoke = re.sub(r"\*\*|__", "", spoke)  # bold letters
    spoke = _WRONG_ONES.sub(" ", _spaced(spoke))
    if narrowed := _BUT_ONLY.search(spoke):
        spoke = narrowed[1]
    text = without_greeting(spoke).strip("*_`\"' \n")
    if several:  # A (red) and C (blue)
        spoke, text = (_EXPLAINED_LETTER.sub(r"\1", read) for read in (spoke, text))
    options = bare_options(tuple(options))
    if not several and _lists_all(text, options):
        return ()
    rules: list[Rule] = [
        _whole, _json, _stated, _same_formula, _complement, _verdicts, _own_line, _first_said, _leading, _declared,
        _figures, _truth, _unchanged, _concluded, _texts, _ends_in, _named, _contrasted, _without_asides, _part_of_one,
        _inflection, _these_are, _eliminated, _bracketed, _lone, _by_place,
    ]  # fmt: skip
    for tried in dict.fromkeys((spoke, text)):
        if (found := _whole(tried, options, several)) and (several or len(found) == 1):
            return found
    refused = refuses(text) and not _is_option(text, options)
    for rule in (*rules[:3], _unknown) if refused else rules:
        found = rule(spoke if rule is _eliminated else text, options, several)  # Not Oslo and not Bern
        if found and several:
            also = " ".join(one or two for one, two in _ALSO.findall(affirmed(text)))
            return _among((*found, *re.findall(r"(?<![A-Za-z])[A-Z](?![A-Za-z])", also)), options)
        if found and len(found) == 1:
            return found
        if rule is _figures and not found and _all_figures(tuple(options)) and figures_in(plain(text)):
            return ()  # another figure than those to choose from
    return ()


_BUT_ONLY = re.compile(rf"\b(?:but|actually|wait|no)\b[^.\n]{{0,200}}\bonly\s+({_SEVERAL})\W*\Z")
"""``A, B, but actually only A``."""


def _lists_all(text: str, options: Sequence[str]) -> bool:
    """Whether ``text`` is the list of all options and no more."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return len(lines) == len(options) > 1 and all(
        (match := _LEADING_LETTER.match(line))
        and (match[1] or match[2]).upper() == letter
        and folded(line[match.end() :]) == folded(option)
        for line, letter, option in zip(lines, ascii_uppercase, options, strict=False)
    )


def _spaced(text: str) -> str:
    """Letters apart from scripts without spaces and as ASCII has them: ``选Ｂ`` as ``选 B``, ``A和C`` as ``A, C``."""
    text = _FOREIGN_AND.sub(", ", text)
    if text.isascii():
        return text
    text = "".join(chr(ord(c) - 0xFEE0) if "\uff01" <= c <= "\uff5e" else c for c in text)
    text = re.sub(r"(?<=[A-Z])[和与及跟、と](?=[A-Z](?![A-Za-z]))", ", ", text)
    return re.sub(
        rf"(?<={_UNSPACED.pattern})(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?={_UNSPACED.pattern})", " ", text
    )


_FOREIGN_AND = re.compile(
    r"(?<![\w'’][A-Z])(?<=[A-Z])\s+(?:und|et|y|e|en|och|og|ja|i|oraz|ve|és|și|và|dan|и|і)\s+(?=[A-Z](?![\w'’]))"
)
"""``A und C``, ``A et C``."""


_UNKNOWN = re.compile(
    r"\b(?:can\s?not|can['’]t|(?:not|im)\s?possible|unable)\b.*\b(?:determin|tell|know|say|answer|infer|conclude|decide)|\b(?:not\s+enough|insufficient)\b|"
    r"\b(?:unknown|unclear|undetermined|unanswerable)\b|\bnot\s+(?:given|stated|mentioned|specified|known)\b|\bno\s+info",
    re.IGNORECASE,
)


def _unknown(text: str, options: Sequence[str], several: bool) -> Letters:
    """``Cannot tell from the text`` for ``Not enough info``: the one option that says that nobody can know."""
    alike = [
        a
        for a, option in zip(ascii_uppercase, options, strict=False)
        if refuses(option) or _UNKNOWN.search(option)
    ]
    impersonal = _UNKNOWN.search(text) and not re.search(r"\b(?:I|my|sorry)\b", text)
    return (alike[0],) if not several and len(alike) == 1 and impersonal else ()


def _is_option(text: str, options: Sequence[str]) -> bool:
    return any(refuses(option) and _texts(text, [option], False) for option in options)


_EVERY = {"none": False, "neither": False, "all": True, "both": True}


def _whole(text: str, options: Sequence[str], several: bool) -> Letters:
    bare = text.strip(_WRAPPING).rstrip(".。!, ").strip(_WRAPPING)
    if not bare or "\n" in bare or (text.lstrip().startswith("[") and "," in text):
        return ()
    if mark := letter_by_mark(bare.strip("().:、。 "), len(options)):
        return (mark,)
    if _WORD.fullmatch(bare) and bare[-1].isdigit() and bare not in options:  # 5,5 is no list of two
        return _figures(bare, options, several)
    if found := letters_of(bare, options) or letters_of(_OPTION_BEFORE.sub("", _ONLY.sub("", bare)), options):
        return found
    only = [i for i, option in enumerate(options) if folded(_ONLY.sub("", option)) == folded(bare)]
    if len(only) == 1:  # II, for "II only"
        return (ascii_uppercase[only[0]],)
    if above := _ABOVE.fullmatch(bare):
        alike = [
            i
            for i, option in enumerate(options)
            if (other := _ABOVE.fullmatch(option.strip(" .")))
            and _EVERY[other[1].casefold()] is _EVERY[above[1].casefold()]
        ]
        if len(alike) == 1:
            return (ascii_uppercase[alike[0]],)
    if several and _ALL.fullmatch(bare):
        return tuple(ascii_uppercase[: len(options)])
    if several and (span := _RANGE.fullmatch(bare)) and span[1] < span[2]:
        inside = [letter for letter in ascii_uppercase if span[1] <= letter <= span[2]]
        return _ordered(inside) if inside[-1] in ascii_uppercase[: len(options)] else ()
    return ()


def _json(text: str, options: Sequence[str], several: bool) -> Letters:
    """``"B"``, ``["A", "C"]``, ``{"answer": "B"}``."""
    if judged := _judged(text):
        letters = ascii_uppercase[: len(options)]
        return _ordered([k for k, holds in judged.items() if holds]) if set(judged) <= set(letters) else ()
    value = json_answer(text)
    if value is None:
        return ()
    numbered = re.search(r'"(?:option|choice)"\s*:\s*"?[1-9]\b', text)
    return letters_of(value, options) or (_by_place(value, options, False) if numbered else ())


def _judged(text: str) -> dict[str, bool]:
    """``{"A": true, "B": false}``; empty if it is something else."""
    if "{" not in text:
        return {}
    try:
        value = parse_json(text[text.index("{") : text.rindex("}") + 1])
    except ValueError:
        return {}
    if isinstance(value, dict) and len(value) > 1 and all(isinstance(v, bool) for v in value.values()):
        return {str(k).strip().upper(): v for k, v in value.items()}
    return {}


def _stated(text: str, options: Sequence[str], several: bool) -> Letters:
    marks = reversed(list(_NAMED_AS_ANSWER.finditer(text)))
    for stated in (*statements(text), *(text[mark.end() :] for mark in marks)):
        rest = re.sub(r"\\(?:text|mathrm|textbf|mathbf)\{([^{}]*)\}", r"\1", stated).strip()
        items = [line.strip(_WRAPPING + "-•*") for line in rest.split("\n\n")[0].splitlines()]
        if several and len(items) > 1 and all(chosen := [_whole(item, options, True) for item in items]):
            return _ordered([letter for letters in chosen for letter in letters])
        rest = rest.lstrip("*").strip().partition("\n")[0].strip(_WRAPPING)
        rest = re.sub(r"^(?:definitely|clearly|therefore|thus|probably|likely|both|:)\s+", "", rest)
        found = _whole(rest, options, several) or _list_at_start(rest, options, several)
        if not found:
            found = _leading(rest, options, several) or _declared(rest, options, several)
        if not found:
            found = (
                _figures(rest, options, several)
                or _truth(rest, options, several)
                or _texts(rest, options, several)
            )
        if not found:
            found = _concluded(rest, options, several) or _part_of_one(rest, options, several)
        if found and (several or len(found) == 1):
            return found
    return ()


def _same_formula(text: str, options: Sequence[str], several: bool) -> Letters:
    """``x^{-1}`` for ``1/x``: where text and options are formulas, the one of the same values."""
    bare = text.strip(_WRAPPING + ".")
    if several or not _HAS_SIGNS.search(bare) or (meant := formula_of(bare)) is None:
        return ()
    same = [i for i, option in enumerate(options) if (f := formula_of(option)) and same_formula(f, meant)]
    return (ascii_uppercase[same[0]],) if len(same) == 1 else ()


_HAS_SIGNS = re.compile(r"[\^/\\(=]")
_ONLY_WRONG = re.compile(
    rf"\W*(?:only\s+)?({_SEVERAL})\s+(?i:(?:is|are)\s+(?:the\s+only\s+)?(?:wrong|incorrect|false|untrue)(?:\s+(?:ones?|options?|answers?|statements?))?"
    r"(?:[,;.]?\s+(?:and|but|while)?\s*(?:all\s+)?(?:the\s+)?(?:rest|others?|remaining)(?:\s+\w+)?\s+(?:is|are)\s+(?:right|correct|true))?)\W*"
)
"""``C is the only wrong one``."""
_ALSO = re.compile(
    rf"(?:\A|[.;\n]\s*)(?i:also|and|plus|additionally|furthermore|as\s+well\s+as),?\s+({_ONE})(?=\s*(?:[.;,!\n]|\Z))|"
    rf"({_ONE})\s+(?i:also|too|as\s+well)(?=\s*(?:[.;!\n]|\Z))"
)
"""``A. Also B. And D``."""


def _complement(text: str, options: Sequence[str], several: bool) -> Letters:
    """``Not B or D``, ``All except B``: the others."""
    if kept := _ALL_BUT_WRONG.fullmatch(text.strip()):
        return _among(re.findall(r"(?<![A-Za-z])[A-Z](?![A-Za-z])", kept[1]), options)
    match = _COMPLEMENT.fullmatch(text.strip())
    if several and (wrong := _ONLY_WRONG.fullmatch(text.strip())):
        out = set(re.findall(r"(?<![A-Za-z])[A-Z](?![A-Za-z])", wrong[1]))
        return _among((a for a in ascii_uppercase if a not in out), options)
    if match is None and (others := _ALL_BUT_TEXTS.fullmatch(text.strip())):
        left_out = {*_named_in(others[1], options)}
        return tuple(a for a in ascii_uppercase[: len(options)] if a not in left_out) if left_out else ()
    if match is None:
        return ()
    out = set(re.findall(r"(?<![A-Za-z])[A-Z](?![A-Za-z])", match[1]))
    letters = ascii_uppercase[: len(options)]
    return tuple(letter for letter in letters if letter not in out) if out <= set(letters) else ()


_HELD = dict.fromkeys(["true", "yes", "correct", "right", "✓", "✔", "✅", "☑"], True) | dict.fromkeys(
    ["false", "no", "incorrect", "wrong", "✗", "✘", "❌", "☒", "×"], False
)
_WORDS_OF_VERDICT = "|".join(sorted(_HELD, key=len, reverse=True))
_SHORT_VERDICT = re.compile(
    rf"\W*?(?P<mark>[✓✔✅☑✗✘❌☒×])\s*(?P<marked>[^\n:]+)|\W*(?P<what>[^\n:.;,–—-]+?)\s*(?:[:–—-]|\bis\b|)\s*"
    rf"(?P<word>{_WORDS_OF_VERDICT})(?!\w)\W*",
    re.IGNORECASE,
)
_MARKED_LETTER = re.compile(r"(?<![\w'’])([A-Z])[):.]?[ \t]*([✓✔✅☑✗✘❌☒])")
_LETTER_AFTER = re.compile(r"([✓✔✅☑✗✘❌☒])[ \t]*\(?([A-Z])(?![\w'’])")
_INLINE_VERDICTS = re.compile(
    rf"\W*(?:\(?[A-Z](?:[):.=-]+\s*|\s*\()(?:{_WORDS_OF_VERDICT}|[01])(?!\w)[\s,;.)]*){{2,}}", re.IGNORECASE
)
_MARK_FIRST = re.compile(r"\s*[✓✔✅☑✗✘❌☒]")
_NEXT_VERDICT = re.compile(r"[\n.;,]+")
_LONGEST_VERDICT = 300
"""Characters: what is longer says more than whether an option holds."""


def _verdict_each(text: str, options: Sequence[str]) -> dict[str, bool]:
    """``A: yes, B: no``, ``Red is true. Blue is false``, ``✓ A``: by letter, if at least two parts are nothing else."""
    if _MARK_FIRST.match(text):
        marked = {letter: _HELD[mark] for mark, letter in _LETTER_AFTER.findall(text)}
    else:
        marked = {letter: _HELD[mark] for letter, mark in _MARKED_LETTER.findall(text)}
    if len(marked) > 1 and set(marked) <= set(ascii_uppercase[: len(options)]):
        return marked
    if (inline := _INLINE_VERDICTS.fullmatch(text)) is not None:
        each = re.findall(
            rf"([A-Z])(?:[):.=-]+\s*|\s*\()({_WORDS_OF_VERDICT}|[01])(?!\w)", inline[0], re.IGNORECASE
        )
        judged = {letter.upper(): word == "1" or _HELD.get(word.casefold(), False) for letter, word in each}
        if len(judged) > 1 and set(judged) <= set(ascii_uppercase[: len(options)]):
            return judged
    judged = {}
    for part in _NEXT_VERDICT.split(text):
        match = _SHORT_VERDICT.fullmatch(part.strip()) if len(part) <= _LONGEST_VERDICT else None
        named = match and letters_of(
            _OPTION_BEFORE.sub("", (match["marked"] or match["what"]).strip(_WRAPPING + "()")), options
        )
        if match and named and len(named) == 1:
            judged[named[0]] = _HELD[(match["mark"] or match["word"]).casefold()]
    return judged if len(judged) > 1 else {}


def _verdicts(text: str, options: Sequence[str], several: bool) -> Letters:
    """``A: True``, ``B: False``, in lines or in one; or boxes that are ticked."""
    if judged := _verdict_each(text, options):
        return _ordered([letter for letter, holds in judged.items() if holds])
    if boxes := _CHECKED.findall(text):
        chosen = [_one_named(line, options) for mark, line in boxes if mark.strip()]
        return _ordered([letter for letter in chosen if letter]) if len(boxes) > 1 else ()
    found = _VERDICTS.findall(text)
    judged = {
        letter.upper(): bool(tick) or word.casefold() in ("true", "yes", "correct", "right")
        for letter, word, tick, _ in found
    }
    if len(judged) < 2 or not set(judged) <= set(ascii_uppercase[: len(options)]):
        return ()
    return _ordered([letter for letter, holds in judged.items() if holds])


def _one_named(line: str, options: Sequence[str]) -> str | None:
    found = _leading(line, options, False) or _texts(line, options, False) or _whole(line, options, False)
    return found[0] if len(found) == 1 else None


def _own_line(text: str, options: Sequence[str], several: bool) -> Letters:
    """The first or the last line, if it is a choice and nothing more; of the two the last."""
    lines = [line.strip().strip("-•* ") for line in text.splitlines() if any(c.isalnum() for c in line)]
    if len(lines) < 2 or (several and all(_LEADING_LETTER.match(line) for line in lines[:2])):
        return ()
    wholes = [_whole(line, options, several) for line in lines]
    if all(wholes) and several:
        return _ordered([letter for found in wholes for letter in found])
    if all(wholes):
        return ()  # a list of options
    if several and len(first := list(itertools.takewhile(bool, wholes))) > 1:
        return _ordered([letter for found in first for letter in found])
    return wholes[-1] if len(wholes[-1]) == 1 or (several and wholes[-1]) else wholes[0]


def _first_said(text: str, options: Sequence[str], several: bool) -> Letters:
    """``Oslo. Bern is in Switzerland``: the first sentence, if it is a choice and nothing more."""
    stop = "。" if "。" in text and ". " not in text else ". "
    first, _, rest = text.partition(stop)
    if (
        not rest
        or "\n" in first
        or re.match(r"\W*(?:no|wait|actually|sorry|but|however|not)\b", rest, re.IGNORECASE)
    ):
        return ()
    return _whole(first, options, several) if len(first) > 1 or stop == "。" else ()


_NOT_THAT_ONE = re.compile(rf",\s*(?:but\s+)?not\s+{_ONE}\s*,")
"""``A, not B, and C``."""


def _leading(text: str, options: Sequence[str], several: bool) -> Letters:
    """``B) Paris``: the first line of a choice, every line of several."""
    lines = [line.strip(_WRAPPING + "-•") for line in text.splitlines() if line.strip()]
    if several and len(lines) == 1:
        opening = _list_at_start(_NOT_THAT_ONE.sub(",", lines[0]), options, several)
        declared = _declared(text, options, several)
        return declared if {*opening} < {*declared} else opening
    found = []
    for line in lines if several else lines[:1]:
        match = _LEADING_LETTER.match(line)
        letter = (match[1] or match[2]).upper() if match else ""
        if letter and letter in ascii_uppercase[: len(options)]:
            if several and affirmed(line[match.end() :] if match else line).strip() == "" and len(line) > 2:
                continue
            found.append(letter)
    return _ordered(found)


def _declared(text: str, options: Sequence[str], several: bool) -> Letters:
    said = affirmed(_DENIED.sub(" ", text))
    known = {word for option in options for word in _words(option).split()}
    lists = [
        match[1] or match[2]
        for match in _DECLARED.finditer(said)
        if match[1] or not _part_of_name(said, match.start(2), known)
    ]
    letters = [letter for found in lists for letter in re.findall(r"(?<![A-Za-z])[A-Z](?![A-Za-z])", found)]
    return _among(letters, options)


def _list_at_start(text: str, options: Sequence[str], several: bool) -> Letters:
    """``A, C and D because …``. A lone capital counts unless it opens a word group (``A dog``)."""
    match = _LETTER_LIST.match(text)
    if not match or (
        match.end() < len(text) and (text[match.end()].isalnum() or text[match.end()] in "'’+#")
    ):
        return ()
    if re.match(
        r"\s+(?:is|are|was|were|can|cannot|does|seems?)\s+(?:both\s+)?(?:not|wrong|incorrect|false|be\s+ruled)\b",
        text[match.end() :],
    ):
        return ()
    letters = re.findall(r"(?<![A-Za-z])[A-Z](?![A-Za-z])", match[0])
    if letters in (["A"], ["I"]) and re.match(r"\s+[a-z]", text[match.end() :]):
        return ()
    return _ordered(letters) if set(letters) <= set(ascii_uppercase[: len(options)]) else ()


def _all_figures(options: tuple[str, ...]) -> bool:
    return all(figure_of(option) is not None for option in options)


def _figures(text: str, options: Sequence[str], several: bool) -> Letters:
    """``500`` chooses ``500 m``, if no other option has that figure and the output states no other."""
    if not _all_figures(tuple(options)):
        return ()
    said = plain(affirmed(text))
    if several:
        figures = [part for figure in figures_in(said) for part in (figure.parts or (figure,))]
        equal = [
            [i for i, option in enumerate(options) if numeric_equality(said[f.start : f.end], option)]
            for f in figures
        ]
        return _ordered([ascii_uppercase[one[0]] for one in equal if len(one) == 1])
    found = [i for i, option in enumerate(options) if compares(option) and formula_equality(text, option)]
    if not found:
        found = [i for i, option in enumerate(options) if numeric_equality(text, option)]
    said_figures = figures_in(said)
    named = {
        i
        for i, option in enumerate(options)
        if any(numeric_equality(said[f.start : f.end], option) for f in said_figures)
    }
    if len(named) > 1 and not concludes(said):
        return ()  # it names several
    return _ordered([ascii_uppercase[i] for i in found])


def _truth(text: str, options: Sequence[str], several: bool) -> Letters:
    """Yes or no, where those are the options."""
    truths = [truth_named(option) for option in options]
    if len(options) > 3 or sorted(map(str, truths)) not in (["False", "True"], ["False", "None", "True"]):
        return ()
    said = truth_of(text)
    if said is None:
        said = truth_of(re.split(r"(?<=[.!?])\s", text.strip())[0])
    return () if said is None else (ascii_uppercase[truths.index(said)],)


_SAME_AS_BEFORE = re.compile(
    r"\b(?:stay|remain|keep|is|be)(?:s|ed)?\s+(?:about\s+|roughly\s+|exactly\s+)?(?:the\s+same|constant|unchanged|unaffected|stable)\b|"
    r"\bno\s+(?:change|effect|difference)\b|\b(?:does|do|did|will|would)(?:\s+not|n['’]t)\s+change\b|\b(?:won['’]t|unchanged|unaffected)\b|"
    r"\A(?:the\s+)?(?:same|constant)\W*\Z",
    re.IGNORECASE,
)


def _unchanged(text: str, options: Sequence[str], several: bool) -> Letters:
    """``It does not change`` for ``stay the same``, where the other options say what it could do."""
    same = [i for i, option in enumerate(options) if _SAME_AS_BEFORE.search(option.strip())]
    if len(same) != 1 or len(options) > 4 or not _SAME_AS_BEFORE.search(text):
        return ()
    others = [option for place, option in enumerate(options) if place not in same]
    return () if _inflection(text, others, False) else (ascii_uppercase[same[0]],)


def _concluded(text: str, options: Sequence[str], several: bool) -> Letters:
    """What follows the last ``so``, ``therefore``, ``leaving``."""
    marks = list(_CONCLUDED.finditer(text))
    if not marks:
        return ()
    rest = text[marks[-1].end() :].strip(_WRAPPING + ",:")
    if not several and len(found := _texts(rest, options, several)) == 1:
        return found
    rest = re.sub(r"^(?:with|for|it\s+is|is|the\s+answer\s+is|only|just|option)\s+", "", rest)
    return _whole(rest.partition("\n")[0], options, several) or _list_at_start(rest, options, several)


_DENIED_BEFORE = re.compile(r"(?:不是|并非|並非|而非|非|不选|不選|ไม่ใช่)$")


_CONTRASTS = re.compile(
    r"(?:despite|in\s+spite|while|whereas|although|though|even\s+though|if|unless)\b", re.IGNORECASE
)


def _texts(text: str, options: Sequence[str], several: bool) -> Letters:
    """Options whose text occurs as whole words, but for those that lie inside a longer one that occurs."""
    keeps = any(denies(option) or refuses(option) or _CONTRASTS.match(option) for option in options)
    said = text if keeps else affirmed(text)
    return _not_of_others(_named_in(said, options), said, options, several)


_IS = re.compile(r"(?:\b(?:is|equals|was|are)|=)\s+(?:the\s+|an?\s+)?", re.IGNORECASE)
_MISTAKE = re.compile(r"\b(?:mistake|wrong|incorrect|confus\w+|than|trap|distractor|guess)\b", re.IGNORECASE)


def _ends_in(text: str, options: Sequence[str], several: bool) -> Letters:
    """``The derivative of x^2 is 2x``: of one sentence that names several options, the one that it ends in."""
    said = text.strip(_WRAPPING + ".!")
    marks = list(_IS.finditer(said))
    if several or not marks or re.search(r"[\n;!?]|\.\s", said) or _MISTAKE.search(said) or denies(said):
        return ()
    last = folded(said[marks[-1].end() :].strip(_WRAPPING + "."))
    return tuple(a for a, option in zip(ascii_uppercase, options, strict=False) if folded(option) == last)


_ARTICLE = re.compile(r"^(?:an?|[Tt]he)\s+")


def _not_of_others(letters: Letters, text: str, options: Sequence[str], several: bool) -> Letters:
    """Without options whose words ``text`` has only in the name of something else: ``sea lion``, ``New Mexico``."""
    # Who tells more than two words means the option: "a flu virus" is the virus of the options.
    told = len(_IT_IS.sub("", _ARTICLE.sub("", text)).split()) > 2
    named = ((letter, options[ascii_uppercase.index(letter)]) for letter in letters)
    return tuple(
        letter
        for letter, option in named
        if not (" " not in _ARTICLE.sub("", option) and other_thing(text, option, known=told))
        and (several or not (longer_name(text, option) or other_name(text, option)))
    )


def _named_in(kept: str, options: Sequence[str]) -> Letters:
    """Options whose text occurs in ``kept``, denied or not."""
    said, unbroken = _words(kept), "".join(folded(kept).split())
    spans: list[tuple[int, int, int]] = []
    for place, option in enumerate(options):
        unspaced = _UNSPACED.search(option) is not None
        words = "".join(folded(option).split()) if unspaced else _words(option).strip()
        if not words:
            continue
        where = unbroken if unspaced else said
        wanted = words if unspaced else f" {words} "
        start = where.find(wanted)
        while start >= 0:
            if not (unspaced and _DENIED_BEFORE.search(where[max(start - 9, 0) : start])):
                spans.append((start, start + len(wanted), place))
            start = where.find(wanted, start + 1)
    outer, reached, last = [], -1, (-1, -1)
    for start, end, place in sorted(spans, key=lambda span: (span[0], -span[1])):
        if (start, end) == last or end > reached:  # none of those that begin before it goes on as far
            outer.append(place)
            last = (start, end)
        reached = max(reached, end)
    return _ordered([ascii_uppercase[place] for place in outer])


def _named(text: str, options: Sequence[str], several: bool) -> Letters:
    """Options that the text names in other words: ``Louis the Sixteenth``, ``44 BCE``, ``x²``."""

    def names(option: str) -> bool:
        if (roles := roles_agree(text, option)) is not None:
            return roles
        also = other_names(option, "which of these options is it")
        return 1.0 in (
            containment(text, option), date_equality(text, option), formula_equality(text, option),
            *(containment(text, name) for name in also),
        )  # fmt: skip

    return _ordered([ascii_uppercase[i] for i, option in enumerate(options) if names(option)])


_GOES = re.compile(
    r"\bg(?:o|oes|oing|one)\s+(?:(up)|down)\b|\bwent\s+(?:(up)|down)\b|\bgets?\s+(?:(bigger|larger|higher)|smaller|lower)\b",
    re.IGNORECASE,
)
"""``It goes down``."""


def _inflection(text: str, options: Sequence[str], several: bool) -> Letters:
    """``It decreases`` for ``decrease``: of a short answer, the options of whose words it has forms."""
    said = _words(
        _GOES.sub(lambda m: "increases" if any(m.groups()) else "decreases", affirmed(text))
    ).split()
    if len(said) > 8:
        return ()
    words = [_words(option).split() for option in options]
    for same in (inflected, alike):
        holds = [
            letter
            for letter, option in zip(ascii_uppercase, words, strict=False)
            if option and all(any(word == w or same(word, w) for w in said) for word in option)
        ]
        if holds:
            return _not_of_others(_ordered(holds), text, options, several)
    return ()


def _by_place(text: str, options: Sequence[str], several: bool) -> Letters:
    """``The second option``; a bare number only where no option has a figure."""
    if any(figures_in(plain(option)) for option in options):
        return ()
    if several and len(parts := re.split(r"\s*(?:,|&|\band\b)\s*", text.strip(_WRAPPING + ".!"))) > 1:
        each = [_by_place(part, options, False) for part in parts if part]
        return _ordered([letter for found in each for letter in found]) if all(each) else ()
    match = _BY_PLACE.fullmatch(_MARK_BEFORE.sub("", text).strip(_WRAPPING + ".!()"))
    if match is None:
        return ()
    word = (match["number"] or match["place"] or match["bare"]).casefold()
    place = (
        len(options) - 1
        if word == "last"
        else next(i for i, names in enumerate([*_ORDINALS, "7", "8", "9"]) if word in names.split())
    )
    return (ascii_uppercase[place],) if place < len(options) else ()


_MARK_BEFORE = re.compile(
    r"\A\W*(?:the\s+)?(?:correct|right|best)?\s*(?:answer|option|choice)\s*[:=]\s*(?=\d)", re.IGNORECASE
)
_BUT_IS = re.compile(
    r",?\s+(?:but|however,?|yet)\s+(?!not\b)([^.;\n]*?\b(?:is|are|was)\b[^.;\n]*)", re.IGNORECASE
)


def _contrasted(text: str, options: Sequence[str], several: bool) -> Letters:
    """``Paris is the capital of France, while Rome is that of Italy``: what stands before the contrast."""
    if several:
        return ()
    first = re.split(r"[\n;]|[.!](?=\s)", text, maxsplit=1)[0]
    if (turned := _BUT_IS.search(first)) and re.search(r"\b(?:is|are|was)\W+[^.;\n]{1,60}\Z", turned[1]):
        _, _, last = re.split(r"\b(is|are|was)\b", turned[1])[-3:]
        if found := _texts(last, options, False):
            return found  # Zurich is larger, but the capital is Bern
    before = _CONTRAST.split(first, maxsplit=1)[0]
    if before == first or before.rstrip().endswith("?"):
        return ()
    rest = text[len(first) :]
    return _texts(before, options, False) if not _texts(rest, options, False) else ()


_ASIDES = re.compile(
    r",?\s+(?:since|because)\b[^.;\n]*|,\s+(?:an?|the)\s+\w+(?:\s\w+)?\s+(?:of|to|from|than|by|for)\s+[^,.;\n]+",
    re.IGNORECASE,
)


def _without_asides(text: str, options: Sequence[str], several: bool) -> Letters:
    """``Mozart, a friend of Haydn``, ``Mozart, because Bach was dead``: what stands apart from reasons and asides."""
    bare = _ASIDES.sub("", text)
    return () if several or bare == text else _texts(bare, options, False)


def _part_of_one(text: str, options: Sequence[str], several: bool) -> Letters:
    """A few words that lie in one option alone: ``Hepatitis C`` for ``Hepatitis C virus``."""
    said = _words(_IT_IS.sub("", text))
    a_letter = len(said.strip()) < 2 and said.strip().upper() in ascii_uppercase[: len(options)]
    if several or not 1 <= len(said.split()) <= 6 or a_letter or denies(text):
        return ()
    holds = [ascii_uppercase[place] for place, option in enumerate(options) if said in _words(option)]
    return tuple(holds) if len(holds) == 1 else ()


_RULED_OUT = re.compile(
    rf"(?<![\w'’])({_SEVERAL})\s+(?i:(?:is|are|can\s+(?:all\s+)?be|could\s+be|must\s+be|were|was)\s+(?:all\s+|both\s+|clearly\s+)?"
    r"(?:not|wrong|incorrect|false|out|eliminated|excluded|ruled\s+out|discarded|dismissed|rejected)|"
    r"(?:is|are)n['’]t|(?:can\s?not|can['’]t)\s+be)\b|"
    rf"(?i:\b(?:(?:it|the\s+answer)\s+)?(?:can\s?not|can['’]t|is\s+not|isn['’]t)\s+(?:be\s+)?)({_SEVERAL})(?=\W*(?:[.;\n]|\Z))"
)


def _eliminated(text: str, options: Sequence[str], several: bool) -> Letters:
    """``A is wrong. C is wrong``: the one option that is left when all others were ruled out by their letters."""
    letters = ascii_uppercase[: len(options)]
    out = {
        letter for found in _RULED_OUT.findall(text) for letter in re.findall(r"\b[A-Z]\b", "".join(found))
    }
    out |= {letter for found in _DENIED.findall(text) for letter in re.findall(r"\b[A-Z]\b", found)}
    out |= {*_named_in(text, options)} - {*_named_in(affirmed(text), options)}
    left = tuple(letter for letter in letters if letter not in out)
    return left if not several and len(left) == 1 and out <= set(letters) else ()


_THESE_ARE = re.compile(rf"^([^\n.;]*?)\b(?:is|are)\s+({_SEVERAL})(?=\s*(?:[.;]|$))")
_WRONG = re.compile(r"wrong|incorrect|false|\bnot\b|n['’]t\b|\bno\b|exclud|eliminat", re.IGNORECASE)


def _these_are(text: str, options: Sequence[str], several: bool) -> Letters:
    """``The fruits are A and C; B and D are vegetables``: of several, those that a sentence ends in."""
    match = _THESE_ARE.search(text) if several else None
    if match is None or _WRONG.search(match[1]):
        return ()
    return _among(re.findall(r"(?<![A-Za-z])[A-Z](?![A-Za-z])", match[2]), options)


def _bracketed(text: str, options: Sequence[str], several: bool) -> Letters:
    said = affirmed(_DENIED.sub(" ", text))
    return _among([one or two for one, two in _BRACKETED_LETTER.findall(said)], options)


def _lone(text: str, options: Sequence[str], several: bool) -> Letters:
    # "A" and "I" are words too: they count only where nothing follows that a word would need.
    said = affirmed(_DENIED.sub(" ", text))
    known = {word for option in options for word in _words(option).split()}
    found = []
    for match in _LONE_LETTER.finditer(said):
        if match[1] in "AI" and re.match(r"\s+(?!or\b|and\b)[a-z]", said[match.end() :]):
            continue
        if not _part_of_name(said, match.start(), known):
            found.append(match[1])
    return _among(found, options)


def _part_of_name(text: str, start: int, known: Collection[str]) -> bool:
    """Whether the letter at ``start`` belongs to what stands before it: ``Plan B``, ``Grade A``."""
    before = _BEFORE_LETTER.search(text, max(0, start - 60), start)
    word = before[1] if before else ""
    named = word[:1].isupper() and len(word) > 1 and before is not None and before.start() > 0
    return named or word.casefold() in _NAMING or word.casefold() in known


def _among(letters: Iterable[str], options: Sequence[str]) -> Letters:
    return _ordered([letter for letter in letters if letter in ascii_uppercase[: len(options)]])


def _ordered(letters: Iterable[str]) -> Letters:
    return tuple(sorted(set(letters)))


def _words(text: str) -> str:
    """Folded words with one space between and around, so that ``in`` finds whole words."""
    return f" {' '.join(_plain_number(word) for word in _WORD.findall(folded(text)))} "


def _plain_number(word: str) -> str:
    """``1,000`` and ``1 000`` as ``1000``, ``5.50`` and ``5,5`` as ``5.5``; other words stay as they are."""
    if not word.lstrip("-+−")[:1].isdigit():
        return word
    found = figures_in(plain(word))
    return digits_of(found[0].value) if len(found) == 1 and found[0].kind == "number" else word
