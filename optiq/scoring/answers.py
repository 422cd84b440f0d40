"""The answer that a model's output holds: an option letter, several, or a short text.

Rules, not guesses: an output that names no option keeps its own words as the answer, and scores 0. So does
a refusal. The golden cases are in `tests/optiq/scoring/answer_cases.json` and `output_cases.jsonl`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from optiq.plans.plan import Plan
from optiq.questions.question import Kind, Question
from optiq.scoring.choices import option_letters
from optiq.scoring.denial import affirmed, refuses, truth_of
from optiq.scoring.forms import formed_answer
from optiq.scoring.outputs import (
    affirms,
    both_ends,
    code_to_use,
    conclusion,
    final_statement,
    last_step,
    last_verdict,
    spoken,
    thought_aloud,
    what_was_asked,
    without_greeting,
    without_verdict,
    worked_out,
)

__all__ = ["node_answer", "open_answer", "option_letters", "parse_answer"]

_PREFIX = re.compile(
    r"^ans(?:\.\s*[:=]?|\s*[:=])\s*(?=\S)|^(?:(?:final|correct|short|the|my)\s+)*answers?\s*(?:is\b\s*:?|[:=])\s*|^(?:a|ans)\s*[:=]\s*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<!\\)[.!?](?=\s+[\"'“‘(*_]*[A-Z0-9])|[。！？](?=.)|\.(?=\s+[^\W\d_a-z])")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(.])(?:[A-Z]|St|Mt|Ft|Dr|Mr|Ms|Mrs|Jr|Sr|Lt|Col|Gen|Gov|Sen|Rep|Rev|Prof|Capt|vs|cf|ca|No|Nos|approx|Vol|"
    r"Art|Fig|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Approx|Ans|e\.g|i\.e|U\.S|a\.m|p\.m|B\.C|A\.D)$"
)
_LIST_MARK = re.compile(
    r"^\s*(?:[-*•‣▪–]\s+|\(?\d{1,2}[.)]\s+(?=[^\W\d_]|\*)"
    r"(?!(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zäû]*\s+\d)|>\s*)+",
    re.IGNORECASE,
)
# "36. I hope this helps" is no list.
_AFTERWARDS = re.compile(
    r"^\s*\d{1,2}\.\s+(?:I|We|You|This|That|It|Hope|Let|If|Please|The|There|So|Thus|Because)\b"
)
_FOOTNOTE = re.compile(r"(?<=[^\W\d_]{3})\s?\[\^?\d{1,3}\](?=$|[\s.,;])")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_HEDGE = re.compile(
    r",?(?<!\s)\s*\(?(?:although|though|but|however,?)\s+i(?:['’]m|\s+am|\s+can\s?not|\s+can['’]?t|\s+could\s+not|\s+do\s+not|\s+don['’]?t)\b[^.!?\n]*",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"\n[^\w\n]*(?:(?:please\s+)?(?:let\s+me\s+know|feel\s+free)|(?:i\s+)?hope\s+(?:this|that|it)|if\s+you(?:['’]d|\s+(?:have|need|want|would))|"
    r"is\s+there\s+anything|(?:do|would)\s+you\s+(?:have|like|want|need))\b[^\n]*\Z",
    re.IGNORECASE,
)
"""``Let me know if you need more``, as a last line."""
_ARROW = re.compile(r"^(?:[=-]+>|[→⇒➜➔∴])\s*(?=\S)")
_HEADING_LINE = re.compile(r"^\s*#{1,6}\s+\S")
_FENCE_LINE = re.compile(r"^\s*```")
_LINK = re.compile(r"!?\[([^\[\]]+)\]\([^()\s]+\)")
_HTML = re.compile(
    r"</?(?:b|i|em|strong|p|br|span|div|u|code|sup|sub|ul|ol|li|h[1-6])\b[^<>]*>", re.IGNORECASE
)
_ASKED_FIRST = re.compile(
    r"([^.?!\n:,]{1,30})\?\s+((?!or\b|maybe\b|perhaps\b|possibly\b|not\b|i\b|it\b|hmm|let\b|well\b)[^.?!\n,]{1,30})[.!]?",
    re.IGNORECASE,
)
"""``12? 13.``: not what it asks itself."""
_DELETED = re.compile(r"~~.+?~~")
_EMPHASIS = re.compile(r"(?<!\w)(\*\*|__|\*|_|`)(?=\S)(.+?)(?<=\S)\1(?!\w)")
_MATHS = re.compile(r"^\$([^$]+)\$$|^\\\((.+)\\\)$|^\\\[(.+)\\\]$")
_TEXT_MACRO = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox)\{([^{}]*)\}")
_FRACTION = re.compile(r"(\d?)\\[dt]?frac\{(\d+)\}\{(\d+)\}")
_MARKUP = re.compile(r"[*_`~\[<$\\#\"'“‘「«]")
_RESULT_BELOW = re.compile(r"(?<=[\w)])[ \t]*\n\s*=\s*(?=\S)")
"""``5 + 7`` on one line, ``= 12`` on the next."""
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
_SHORT_ITEM = 5
_BARE_ITEM = re.compile(r"[^\W\d_][\w'’-]*(?: [\w'’-]+){0,2}")
_END_MARKS = " .,;:。"


def parse_answer(question: Question, output: str) -> str:
    """The answer in ``output``: a letter (``B``), letters (``A, C``) or text; empty if there is nothing."""
    if question.kind in (Kind.LONG, Kind.CODE, Kind.JSON):
        return formed_answer(question.kind, output)
    if not question.kind.has_options:
        return open_answer(output, question.text)
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


def open_answer(output: str, asked: str = "") -> str:
    """What the output states as its answer, else what it concludes, else its first sentence with words.

    Of several sentences the one that has all words of the question ``asked`` goes before one that leads up to it.

    Without thoughts, greetings, headings, ``Answer:``, a verdict on another answer, markup and end stop. A list of
    short items is one answer, with commas. A refusal keeps its words.
    """
    text = _CLOSING.sub("", spoken(both_ends(output)))
    stated = final_statement(text)
    if stated is not None and not any(character.isalnum() for character in stated):
        return stated.partition("\n")[0].strip(" .*_`\"'")  # of signs alone: ] } ]
    if stated is not None:
        # "Answer: Sure! The final answer is …" states within what it states.
        stated = _HEDGE.sub("", without_greeting(stated))
        return _first_answer(last_step(stated) or stated)
    whole, text = text, without_greeting(without_verdict(without_greeting(text)))
    if refused := _refusal(text):
        return refused
    if (asked_first := _ASKED_FIRST.fullmatch(text.strip())) and truth_of(asked_first[2]) is None:
        return _first_answer(asked_first[2])
    if code := code_to_use(text):
        return code.strip()
    return _first_answer(
        worked_out(text)
        or last_verdict(text)
        or conclusion(text)
        or thought_aloud(whole)
        or what_was_asked(text, asked)
        or text
    )


def _refusal(text: str) -> str | None:
    """The words of a refusal: its line, or its sentence where more than a few words stand before it."""
    if not refuses(text):
        return None
    lines = [line for line in text.splitlines() if any(c.isalnum() for c in line)]
    if not lines:
        return None
    if refuses(lines[0]):
        first = _first_sentence(lines[0])
        short = len(first.split()) <= 3 and not refuses(first) and not first.rstrip().endswith("?")
        question = lines[0][len(first) : len(first) + 1] == "?"
        return None if short and not question and first != lines[0] else _clean(lines[0])
    if len(_clean(lines[0]).split()) <= 3:
        return None
    return next((_clean(line) for line in lines if refuses(line)), None)


def _first_answer(text: str) -> str:
    text = _RESULT_BELOW.sub(" = ", text)
    lines = _without_table([line for line in text.strip().splitlines() if not _FENCE_LINE.match(line)])
    lines = [line for line in lines if any(character.isalnum() for character in line)]
    if items := _short_items(lines):
        return items
    for place, line in enumerate(lines):
        last = place == len(lines) - 1
        if not last and (_HEADING_LINE.match(line) or line.rstrip(" *_").endswith((":", "："))):
            continue
        bare = line if _AFTERWARDS.match(line) else _LIST_MARK.sub("", line)
        cleaned = _PREFIX.sub("", _unwrap(bare), count=1)
        cleaned = _ARROW.sub("", _unwrap(cleaned))
        if any(character.isalnum() for character in cleaned):
            return _clean(_first_affirmed(cleaned))
    return ""


def _first_affirmed(text: str) -> str:
    """The first sentence of ``text``, or the second where the first only denies what the second says.

    ``Porto is not the capital. The capital is Lisbon``; but ``It does not`` is an answer.
    """
    first = _first_sentence(text)
    rest = text[len(first) :].lstrip(".!?。 ")
    if not rest or any(c.isalnum() for c in affirmed(first)) or truth_of(first) is not None:
        return first
    second = _first_sentence(rest)
    shared = {*_LONG_WORD.findall(first.casefold())} & {*_LONG_WORD.findall(second.casefold())}
    return second if shared and affirmed(second) == second else first


def _without_table(lines: list[str]) -> list[str]:
    """The rows of a table as lines with commas, without its head."""
    rule = next((place for place, line in enumerate(lines) if "|" in line and _TABLE_RULE.match(line)), None)
    if rule is None or rule == 0:
        return lines
    rows = [
        ", ".join(cell.strip() for cell in line.strip().strip("|").split("|")) for line in lines[rule + 1 :]
    ]
    return [*lines[: rule - 1], *rows]


def _short_items(lines: list[str]) -> str:
    """Lines that are all marked items of a few words, joined by commas; empty if they are something else."""
    plain = [line.strip() for line in lines]
    if (
        3 <= len(plain) <= 12
        and len({*plain}) == len(plain)
        and all(_BARE_ITEM.fullmatch(line) for line in plain)
    ):
        return ", ".join(plain)
    marked = [line for line in lines if _LIST_MARK.match(line) and not line.lstrip().startswith(">")]
    before = lines[: len(lines) - len(marked)]
    if len(marked) < 2 or marked != lines[len(before) :] or len(before) > 1:
        return ""
    if before and not before[0].rstrip(" *_").endswith(":"):
        return ""
    items = [_clean(_unwrap(_LIST_MARK.sub("", line))) for line in marked]
    return ", ".join(items) if all(0 < len(item.split()) <= _SHORT_ITEM for item in items) else ""


def _clean(text: str) -> str:
    text = _FOOTNOTE.sub("", text)
    return _unwrap(_unwrap(text.strip()).rstrip(_END_MARKS)).rstrip(_END_MARKS).strip()


def _unwrap(text: str) -> str:
    """Without markup, and without quotation marks if they come in a pair around it all."""
    text = text.strip()
    if not _MARKUP.search(text):
        return text
    text = _HTML.sub("", _LINK.sub(r"\1", _DELETED.sub("", text)))
    text = re.sub(r"^\s*#{1,6}\s+", "", text).strip()
    if not re.fullmatch(r"_+|\*+", text):
        text = re.sub(r"^(?:\*+|_{2,}|`+)(?=\s)|(?<=\s)(?:\*+|_{2,})$", "", text).strip()
    for _ in range(3):
        text = _EMPHASIS.sub(r"\2", text)
    text = re.sub(r"^(?:\*{2,}|_{2,}|`)+|(?:\*{2,}|_{2,}|`)+$", "", text).strip()
    text = _FRACTION.sub(lambda m: f"{m[1] and m[1] + ' '}{m[2]}/{m[3]}", _TEXT_MACRO.sub(r"\1", text))
    stop = "." if text.endswith("$.") else ""
    if maths := _MATHS.match(text.removesuffix(stop) if stop else text):
        text = next(part for part in maths.groups() if part is not None).strip()
    for left, right in ('""', "''", "“”", "‘’", "「」", "«»"):
        if len(text) > 1 and text[0] == left and text[-1] == right and left not in text[1:-1]:
            text = text[1:-1].strip()
    return text


def _first_sentence(text: str) -> str:
    """Up to the first stop that ends a sentence, unlike those in ``St. Petersburg``, ``J. K.``, ``3.14``."""
    for match in _SENTENCE_END.finditer(text):
        start = match.start()
        if match[0] != "." or not _ABBREVIATION.search(text, max(0, start - 10), start):
            return text[:start]
    return text
