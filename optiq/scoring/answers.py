"""The answer that a model's output holds: an option letter, several, or a short text.

Rules, not guesses: an output that names no option keeps its own words as the answer, and scores 0. So does
a refusal. The golden cases are in `tests/optiq/scoring/answer_cases.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from optiq.plans.plan import Plan
from optiq.questions.option_letters import letters_of
from optiq.questions.question import Kind, Question
from optiq.scoring.forms import formed_answer
from optiq.scoring.outputs import affirms, final_statement, refuses, spoken, without_verdict

# "The answer is C", "Answer: (B)", "correct option = D". The last one counts: models correct themselves.
_STATED = re.compile(
    r"\b(?:final\s+|correct\s+|right\s+|best\s+)*(?:answers?|options?|choices?)\s*"
    r"(?:\b(?:is|are|would\s+be|should\s+be)\b\s*:?|[:=])",
    re.IGNORECASE,
)
_LEADING_LETTER = re.compile(r"(?:\(?([a-z])\)|\(?([A-Z])(?:\)|\.(?=\s|$)|:(?=\s|$)|\s*[-–]\s))")
# "Option A", "A is the correct answer".
_DECLARED = re.compile(
    r"(?<!not )\b(?:option|choice|letter|answer)\s+\(?([A-Z])\b(?!['’])|"
    r"(?<![\w'’])\(?([A-Z])\)?\s+(?:is|are|seems|looks)\s+(?:the\s+)?(?:most\s+)?"
    r"(?:correct|right|best|true|accurate|answer)\b"
)
_DENIED = re.compile(r"\b(?i:not|except|excluding|but\s+not|rather\s+than)\s+(?:option\s+)?\(?[A-Z]\b\)?")
_ALL = re.compile(r"\W*all\s+(?:of\s+)?(?:the\s+)?(?:above|these|them|options|four|five)\W*", re.IGNORECASE)
_RANGE = re.compile(r"([A-Z])\s*(?:-|–|to|through)\s*([A-Z])")
_BRACKETED_LETTER = re.compile(r"\(([A-Z])\)|\b([A-Z])\)")
_LONE_LETTER = re.compile(r"(?<![\w'’.-])([A-Z])(?![\w'’]|\.\w)")
_LETTER_LIST = re.compile(
    r"\(?([A-Z])\)?(?:(?:\s*[,;/&+]\s*(?:and\s+)?|\s+and\s+|\s+)\(?[A-Z]\)?(?=[\s,;.&)/+]|$))*", re.IGNORECASE
)
_PREFIX = re.compile(
    r"^(?:(?:final|correct|short|the|my)\s+)*answers?\s*(?:is\s*:?|[:=])\s*|^(?:a|ans)\s*[:=]\s*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?](?=\s+[\"'“‘(]?[A-Z])")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(.])(?:[A-Z]|St|Mt|Ft|Dr|Mr|Ms|Mrs|Jr|Sr|Lt|Col|Gen|Gov|Sen|Rep|Rev|Prof|Capt|vs|cf|ca)$"
)
_WORD = re.compile(r"(?<![\w])[-+−]?\d+(?:[.,]\d+|[ \u00a0\u202f]\d{3}(?!\d))*|\w+")
_WRAPPING = "*_`\"'“”‘’ \t"


def parse_answer(question: Question, output: str) -> str:
    """The answer in ``output``: a letter (``B``), letters (``A, C``) or text; empty if there is nothing."""
    if question.kind in (Kind.LONG, Kind.CODE, Kind.JSON):
        return formed_answer(question.kind, output)
    if not question.kind.has_options:
        return open_answer(output)
    letters = option_letters(output, question.options, several=question.kind is Kind.MULTI)
    return ", ".join(letters) if letters else open_answer(output)


def node_answer(question: Question, plan: Plan, node: int, outputs: Mapping[int, str | None]) -> str:
    """The answer of ``node``, given the outputs of all nodes.

    A bare "Correct." answers nothing by itself: it means what the node was shown. That is its predecessor's
    answer, or the one that all of several predecessors gave.
    """
    output = outputs.get(node) or ""
    if affirms(output):
        shown = {node_answer(question, plan, before, outputs) for before in plan.predecessors(node)} - {""}
        own = option_letters(output, question.options, several=question.kind is Kind.MULTI)
        if len(shown) == 1 and not own:
            return shown.pop()
    return parse_answer(question, output)


def open_answer(output: str) -> str:
    """What the output states as its answer, else the first sentence of the first line with words.

    Without thoughts, ``Answer:``, a verdict on another answer, markup and end stop. A refusal keeps its words.
    """
    text = spoken(output)
    stated = final_statement(text)
    if stated is None and refuses(text):
        return _unwrap(text.partition("\n")[0]).rstrip(" .,;:")
    return _first_answer(stated or without_verdict(text))


def _first_answer(output: str) -> str:
    for line in output.strip().splitlines():
        text = _unwrap(line)
        text = _unwrap(_PREFIX.sub("", text, count=1))
        if not any(character.isalnum() for character in text):
            continue
        return _unwrap(_first_sentence(text)).rstrip(" .,;:")
    return ""


def option_letters(output: str, options: Sequence[str], several: bool = False) -> tuple[str, ...]:
    """The letters of the options that ``output`` chooses, in order; at most one unless ``several``.

    Tried in this order: the whole output is a letter, letters or an option's text, as JSON too; the last "the
    answer is …"; a letter that opens the first line (``B) …``); "option B", "B is correct"; option texts that
    occur in it; its only number, if one option has that number; bracketed letters; lone capitals. A rule that
    finds several where one is asked for finds none. A refusal chooses nothing unless it states an answer.
    """
    text = spoken(output).strip("*_`\"' \n")
    rules = [_whole, _json, _stated, _leading, _declared, _texts, _number, _bracketed, _lone]
    for rule in rules[:3] if refuses(text) else rules:
        found = rule(text, options, several)
        if found and (several or len(found) == 1):
            return found
    return ()


def _whole(text: str, options: Sequence[str], several: bool) -> tuple[str, ...]:
    bare = text.rstrip(". ")
    if not bare or "\n" in bare or bare.startswith("["):
        return ()
    if _WORD.fullmatch(bare) and bare[-1].isdigit() and bare not in options:  # 5,5 is no list of two
        return _number(bare, options, several)
    if found := letters_of(bare, options):
        return found
    if several and _ALL.fullmatch(bare):
        return tuple(ascii_uppercase[: len(options)])
    if several and (span := _RANGE.fullmatch(bare)) and span[1] < span[2]:
        inside = [letter for letter in ascii_uppercase if span[1] <= letter <= span[2]]
        return _ordered(inside) if inside[-1] in ascii_uppercase[: len(options)] else ()
    return ()


def _json(text: str, options: Sequence[str], several: bool) -> tuple[str, ...]:
    """``"B"``, ``["A", "C"]``, ``{"answer": "B"}``."""
    if text[:1] not in ("{", "["):
        return ()
    try:
        value = json.loads(text)
    except ValueError:
        return ()
    if isinstance(value, dict):
        value = next(
            (value[name] for name in ("answer", "answers", "letter", "letters", "option") if name in value),
            None,
        )
    return letters_of(value, options) if isinstance(value, str | list) else ()


def _stated(text: str, options: Sequence[str], several: bool) -> tuple[str, ...]:
    if boxed := re.findall(r"\\boxed\{(?:\\text\{)?([^{}]+)\}", text):
        return _whole(str(boxed[-1]).strip(), options, several)
    end = len(text)
    for match in reversed(list(_STATED.finditer(text))):
        rest = text[match.end() : end].strip().lstrip("*").strip().partition("\n")[0].strip(_WRAPPING)
        end = match.start()
        if found := _whole(rest, options, several) or _list_at_start(rest, options, several):
            return found
        if found := _leading(rest, options, several) or _texts(rest, options, several):
            return found
    return ()


def _leading(text: str, options: Sequence[str], several: bool) -> tuple[str, ...]:
    """``B) Paris``: the first line of a choice, every line of several."""
    lines = [line.strip(_WRAPPING + "-•") for line in text.splitlines() if line.strip()]
    if several and len(lines) == 1:
        return _list_at_start(lines[0], options, several)
    found = []
    for line in lines if several else lines[:1]:
        match = _LEADING_LETTER.match(line)
        letter = (match[1] or match[2]).upper() if match else ""
        if letter and letter in ascii_uppercase[: len(options)]:
            found.append(letter)
    return _ordered(found)


def _declared(text: str, options: Sequence[str], several: bool) -> tuple[str, ...]:
    return _among([one or two for one, two in _DECLARED.findall(text)], options)


def _list_at_start(text: str, options: Sequence[str], several: bool) -> tuple[str, ...]:
    """``A, C and D because …``. A lone capital counts unless it opens a word group (``A dog``)."""
    match = _LETTER_LIST.match(text)
    if not match or (match.end() < len(text) and text[match.end()].isalnum()):
        return ()
    letters = re.findall(r"(?<![A-Za-z])[A-Z](?![A-Za-z])", match[0])
    if letters in (["A"], ["I"]) and re.match(r"\s+[a-z]", text[match.end() :]):
        return ()
    return _ordered(letters) if set(letters) <= set(ascii_uppercase[: len(options)]) else ()


def _texts(text: str, options: Sequence[str], several: bool) -> tuple[str, ...]:
    """Options whose text occurs as whole words, but for those that lie inside a longer one that occurs."""
    folded = _words(text)
    spans: list[tuple[int, int, int]] = []
    for place, option in enumerate(options):
        words = _words(option).strip()
        start = folded.find(f" {words} ") if words else -1
        while start >= 0:
            spans.append((start, start + len(words) + 2, place))
            start = folded.find(f" {words} ", start + 1)
    outer = [
        place
        for start, end, place in spans
        if not any(s <= start and end <= e and e - s > end - start for s, e, _ in spans)
    ]
    return _ordered([ascii_uppercase[place] for place in outer])


def _number(text: str, options: Sequence[str], several: bool) -> tuple[str, ...]:
    """``500`` chooses ``500 m``, if no other option has that number and the output no other number."""
    numbers = _numbers(text)
    if len(numbers) != 1:
        return ()
    return _ordered([ascii_uppercase[i] for i, option in enumerate(options) if _numbers(option) == numbers])


def _bracketed(text: str, options: Sequence[str], several: bool) -> tuple[str, ...]:
    text = _DENIED.sub(" ", text)
    return _among([one or two for one, two in _BRACKETED_LETTER.findall(text)], options)


def _lone(text: str, options: Sequence[str], several: bool) -> tuple[str, ...]:
    # "A" and "I" are words too: they count only where nothing follows that a word would need.
    text = _DENIED.sub(" ", text)
    found = [
        match[1]
        for match in _LONE_LETTER.finditer(text)
        if match[1] not in "AI" or not re.match(r"\s+(?!or\b|and\b)[a-z]", text[match.end() :])
    ]
    return _among(found, options)


def _among(letters: list[str], options: Sequence[str]) -> tuple[str, ...]:
    return _ordered([letter for letter in letters if letter in ascii_uppercase[: len(options)]])


def _ordered(letters: list[str]) -> tuple[str, ...]:
    return tuple(sorted(set(letters)))


def _words(text: str) -> str:
    """Casefolded words with one space between and around, so that ``in`` finds whole words."""
    return f" {' '.join(_plain_number(word) for word in _WORD.findall(text.casefold()))} "


def _numbers(text: str) -> set[str]:
    return {
        _plain_number(word)
        for word in _WORD.findall(text)
        if word[-1].isdigit() and word.lstrip("-+−")[0].isdigit()
    }


def _plain_number(word: str) -> str:
    """``1,000`` and ``1 000`` as ``1000``, ``5.50`` and ``5,5`` as ``5.5``; other words stay as they are.

    A comma before three last digits parts thousands; any other single comma is a decimal one.
    """
    if not word.lstrip("-+−")[:1].isdigit():
        return word
    number = re.sub(r"[ \u00a0\u202f]", "", word).replace("−", "-").lstrip("+")
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", number):
        number = number.replace(",", "")
    elif re.fullmatch(r"-?\d+,\d+", number):
        number = number.replace(",", ".")
    if re.fullmatch(r"-?\d+\.\d+", number):
        number = number.rstrip("0").rstrip(".")
    return number


def _unwrap(text: str) -> str:
    """Without surrounding markup, and without quotation marks if they come in a pair around it all."""
    text = text.strip().strip("*_`").strip()
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", text)
    for left, right in ('""', "''", "“”", "‘’"):
        if len(text) > 1 and text[0] == left and text[-1] == right and left not in text[1:-1]:
            text = text[1:-1].strip()
    return text


def _first_sentence(text: str) -> str:
    """Up to the first stop that ends a sentence, unlike those in ``St. Petersburg``, ``J. K.``, ``3.14``."""
    for match in _SENTENCE_END.finditer(text):
        before = text[: match.start()]
        if match[0] != "." or not _ABBREVIATION.search(before):
            return before
    return text
