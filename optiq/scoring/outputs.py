r"""What of a model's output is meant as its answer: thoughts, greetings, run-ons and verdicts told apart from it.

Outputs come with thoughts in tags, as reasoning that ends in ``Answer: …``, ``#### 42`` or ``\boxed{42}``, as JSON,
with a next question that the model made up, or as a bare verdict on the answer that it was shown (``Correct.``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from optiq.files.others_text import parse_json
from optiq.scoring.plain_text import latex
from optiq.text.thinking import split_thinking

_SOLUTION = re.compile(
    r"<\|(?:begin_of_solution|START_RESPONSE)\|>(.*?)(?:<\|(?:end_of_solution|END_RESPONSE)\|>|\Z)", re.DOTALL
)
_TURN_END = re.compile(
    r"(?<=\S)\s*(?:<\|(?:im_end|eot_id|endoftext|end|return|eot|end_of_text|im_start|call|user)\|>|</s>|<end_of_turn>|<eos>|"
    r"<\|end▁of▁sentence\|>|<｜end▁of▁sentence｜>|\[/?INST\]).*",
    re.DOTALL,
)
_ASKED_TURN = re.compile(r"\A\s*(?:<s>)?\s*\[INST\].*?\[/INST\]\s*", re.DOTALL)
_TOKENS = re.compile(
    r"<\|start_header_id\|>\w+<\|end_header_id\|>|<\|[^<>|\n]{1,40}\|>|<(?:bos|start_of_turn|pad|s)>(?:model\n)?|\[INST\]"
)
_RUN_ON = re.compile(r"(?<=\S)\s*\n\W{0,20}(?:next question|question|user|human|q)\s*\d*\s*:", re.IGNORECASE)
_FENCE = re.compile(r"\A```[\w+-]*[ \t]*\n?(.*?)\n?```\s*\Z", re.DOTALL)
_FENCED = re.compile(r"```[\w+-]*[ \t]*\n(.*?)\n?```", re.DOTALL)

_KIND_OF_ANSWER = r"(?:(?:the|my|final|correct|right|best|short|overall|direct)\s+)*"
_NOUN = r"(?:answer|answers|solution|result|conclusion)"
_LINE_MARK = re.compile(
    rf"^[^\w\n]*(?:(?:so|thus|hence|therefore)\W+)?{_KIND_OF_ANSWER}(?:answers?|result|final result|solution)\**\s*"
    r"(?:(?:is|are)\b\**\s*:?|[:=])\**[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(
    rf"^[ \t]*(?:#{{1,6}}[ \t]*|\*\*|__|[\[【])?[ \t]*{_KIND_OF_ANSWER}{_NOUN}[ \t]*:?[ \t]*(?:\*\*|"
    rf"__|[\]】])?[ \t]*:?[ \t]*#*[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_INLINE_MARK = re.compile(
    r"(?<=[.!?])\s+(?:(?:final\s+)?answer|conclusion)\s*:\s*|"
    r"\b(?:the|my|final|our)\s+(?:(?:final|correct|right|best|short|overall|end)\s+)*"
    r"(?:answers?|results?|solution|correct\s+(?:option|choice)s?)\s*(?:(?:is|are)\b\s*:?|would\s+be\b|should\s+be\b|must\s+be\b|:)\s*",
    re.IGNORECASE,
)
_DOUBTED = re.compile(
    r"\b(?:whether|if|not\s+(?:say|know|sure)|(?:ca|do)n['’]?t\s+\w+)\s+(?:that\s+)?$", re.IGNORECASE
)
"""``I cannot say whether the answer is …``: states none."""
_FOREIGN_MARK = re.compile(
    r"(?:答案(?:是|为|為)?\s*[:：]?|答えは|答え\s*[:：]|정답(?:은|:)?|답(?:은|:)|\b(?:la|die|a|o|il)?\s*(?:respuesta|réponse|antwort|risposta|"
    r"resposta|ответ|svaret|odpowiedź)\s*(?:(?:es|est|ist|lautet|è|é|er|är|to)\b\s*:?|[:：—-]))\s*",
    re.IGNORECASE,
)
_HASHES = re.compile(r"^[ \t]*####[ \t]*(?=[^\s#])", re.MULTILINE)
_TAGGED = re.compile(
    r"<(answer|final_answer|final|result|response|output|solution)>\s*(.*?)\s*(?:</\1>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*\{")
_CONCLUSION = re.compile(
    r"(?:^|(?<=[.!?\n$])\s*)(?:therefore|thus|hence|in conclusion|to conclude|in summary|"
    r"so in the end|in total|altogether|"
    r"finally)\b,?\s+(?=\S)|"
    r"(?:^|(?<=[.!?\n])\s*)(?:i(?:['’]d|\s+would|['’]ll|\s+will)\s+(?:say|go\s+with|choose|pick|guess)|my\s+(?:best\s+)?(?:guess|choice|pick)\s+is)\s+"
    r"(?:it\s+is\s+|it['’]s\s+)?(?=\S)|"
    r"(?:^|(?<=[.!?\n])\s*)so,?\s+(?=(?:it|the|he|she|they|there|that|we|i)\b)",
    re.IGNORECASE,
)
# "The answer is not known": words after the mark that begin no answer.
_NO_ANSWER = re.compile(
    r"\W*(?:based|because|given|that\b|not\b|correct|right|wrong|as\s+follows|below|above|unclear|unknown|clear|yours|"
    r"in\s+the\s+(?:text|context|passage))\b",
    re.IGNORECASE,
)

_CORRECT = r"(?:correct|right|accurate|true)"
_AFFIRMED = re.compile(
    rf"\W*(?:(?:yes|indeed)\W+)?(?:correct|right|accurate|agreed|confirmed|i\s+agree|that'?s\s+{_CORRECT}|"
    rf"(?:that|this|it)\s+is\s+{_CORRECT}|"
    rf"(?:the|your|this|that)\s+(?:(?:other|given|previous|provided|above)\s+)*answer\s+(?:above\s+)?is\s+{_CORRECT})\W*",
    re.IGNORECASE,
)
_VERDICT_BEFORE = re.compile(
    r"\A\W*(?:correct|incorrect|that'?s\s+(?:in)?correct)\s*[.:,;!–-]+\s*(?=\S)", re.IGNORECASE
)
_POLITE = (
    r"(?:sure(?:\s+thing)?|certainly|of\s+course|absolutely|definitely|okay|ok|alright|all\s+right|great|gladly|hello|hi|hey|"
    r"good\s+(?:morning|day|evening|afternoon)(?!,)|hi\s+there|hello\s+there|greetings|no\s+problem|you\s+got\s+it|good\s+question|great\s+question|"
    r"(?:that['’]?s|that\s+is|what)\s+an?\s+(?:\w+\s+)?question|interesting\s+question|thanks?(?:\s+you)?(?:\s+for\s+[^.!\n]*)?|"
    r"(?:happy|glad|pleased)\s+to\s+(?:help|assist|answer)[^.!:\n]*|(?:yes,?\s+)?i\s+can\s+(?:help|assist|answer)\b[^.!:\n]*|"
    r"i(?:['’]?d|\s+would|['’]?ll|\s+will|['’]?m|\s+am)\s+(?:be\s+)?(?:happy|glad|pleased|delighted|love)\s+to\s+[^.!:\n]*|"
    r"i\s+can\s+(?:certainly\s+|definitely\s+)?(?:help|assist|answer)\b[^.!:\n]*|let\s+me\s+(?:help|think|see|answer|explain|solve|work|compute|calculate|check|count|find|do)\b[^.!:\n]*|"
    r"let['’]?s\s+(?:see|think|solve|break|work|go|find|look|start|begin|consider|analy[sz]e)\b[^.!:\n]*|here\s+(?:is|are|you\s+go|it\s+is)\b[^.!:\n]*(?=[:.!\n]|\Z)|"
    r"here['’]s\b[^.!:\n]*(?=[:.!\n])|as\s+requested|understood|got\s+it|hmm+|well|right\s+away|"
    r"natürlich|selbstverständlich|gerne?|klar|sehr\s+gerne?|claro(?:\s+que\s+sí)?|por\s+supuesto|con\s+gusto|bien\s+sûr|certainement|avec\s+plaisir|"
    r"i\s+appreciate\b[^.!:\n]*|"
    r"certo|certamente|volentieri|com\s+certeza|natuurlijk|oczywiście|конечно|разумеется|tabii(?:\s+ki)?|当然(?:可以)?|好的|もちろん(?:です)?|물론(?:이죠|입니다)?)"
)
_GREETING = re.compile(
    rf"\A[\s*_>#¡]*{_POLITE}[*_]*\s*(?:[.!:…！。：]+|，|[,–—-](?=\s)|(?=\n))[*_]*\s*(?=\S)", re.IGNORECASE
)
_RESTATED = re.compile(
    r"\A\W*+(?:question\s*:?\s*)?(?=[^.!?\n]*?\w[^\w.!?\n]+\w+[^\w.!?\n]+\w)[^.!?\n]*\?[*_\"”]*+\s*+"
    r"(?!(?:is|are|was|were)\b)(?=\S)",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"\A\W*(?:(?:the|this|your)\s+question\s+(?:asks|is\s+asking|is)|you\s+(?:asked|are\s+asking|want\s+to\s+know)|(?:we|i)\s+(?:need|have|want|are\s+asked|am\s+asked|"
    r"were\s+asked)\s+to\b)[^.!?\n]*[.!?:\n]\s*(?=\S)",
    re.IGNORECASE,
)
_ASKED_AND_ANSWERED = re.compile(
    r"\A\W*(?:Q|user|human)\s*\d*\s*[:.][^\n]*\n+\W*(?:A|assistant|ai|bot)\s*\d*\s*[:.]\s*(?=\S)",
    re.IGNORECASE,
)
_CONFIRMED = re.compile(
    r"\A\W*(?:is|was)\s+(?:it|this|that|the\s+answer)\s+([^.?!\n]{1,60})\?\s*(?:yes|yeah|correct|indeed)\W*\Z",
    re.IGNORECASE,
)
"""``Is it Oslo? Yes``."""
_REJECTED_FIRST = re.compile(
    r"\A[^.?!\n]{1,60}\?\s*(?:no|nope|wrong|incorrect|false)\b[\s,.!:—–-]*(?=\w)", re.IGNORECASE
)
_DENIED_FIRST = re.compile(
    r"\A\W*(?:Not\s+(?:[A-Z]\w+[ .!]+){1,3}|(?i:yes|no|true|false)\?\s+|"
    r"(?i:it|that|this|the\s+answer)\s+(?:is|was)(?:\s+not|n['’]t)\s+[^.!?\n]{1,60}[.!]\s+"
    r"(?=(?i:it|that|this|the\s+answer|rather|instead)\b[^.!?\n]*\b(?:is|was)\s+(?!not\b)))(?=\w)"
)
"""``Not Cusco. Lima``, ``Yes? No``."""
_CORRECTION = re.compile(
    r"(?:(?<=(?:…|\.)\s)no(?=,)|\b(?:no,?\s+wait|wait,?\s+no|wait|scratch\s+that|correction|let\s+me\s+correct\s+(?:that|myself)|i\s+meant?|sorry,\s+i\s+meant?))\b"
    r"[\s,:.!–—-]+(?:(?:that|this|it)(?:['’]?s|\s+is|\s+was)\s+(?:wrong|not\s+right|incorrect)[\s,.!:–—-]+)?(?=\w)",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"\A\W*(?:(?:assistant|ai|bot|model|response|output)\s*:|(?:assistant|model)\s*\n)\s*(?=\S)",
    re.IGNORECASE,
)
_ANSWER_KEYS = (
    "answer", "final_answer", "finalanswer", "final answer", "answers", "letter", "letters", "option", "options",
    "choice",
    "choices", "result", "response", "output", "solution", "value", "prediction", "text", "selected", "correct_answer",
)  # fmt: skip


LONGEST_READ = 5_000
"""Characters at either end of an output in which a short answer is looked for: it opens an output or ends it."""


def both_ends(output: str) -> str:
    """``output``, or its beginning and its end if it is very long; thoughts are left out first."""
    if len(output) <= 2 * LONGEST_READ:
        return output
    said, _ = split_thinking(output)
    return said if len(said) <= 2 * LONGEST_READ else f"{said[:LONGEST_READ]}\n{said[-LONGEST_READ:]}"


def spoken(output: str) -> str:
    """``output`` without thoughts, special tokens and a code fence around it, and up to the next made-up question."""
    text, _ = split_thinking(latex(output))
    if found := _SOLUTION.search(text):
        text = found[1]
    text = _TOKENS.sub("", _TURN_END.sub("", _ASKED_TURN.sub("", text, count=1))).strip()
    if fenced := _FENCE.match(text):
        text = fenced[1].strip()
    run_on = _RUN_ON.search(text)
    return text[: run_on.start()] if run_on else text


def without_greeting(text: str) -> str:
    """``text`` without what is said before the answer: greetings, its role, the question over again."""
    text = _ASKED_AND_ANSWERED.sub("", _ROLE.sub("", text, count=1), count=1)
    if confirmed := _CONFIRMED.match(text):
        return confirmed[1]
    for _ in range(4):
        shorter = _GREETING.sub("", text, count=1)
        if shorter == text and not _BOX.search(text[:40]):
            shorter = _DENIED_FIRST.sub("", _REJECTED_FIRST.sub("", text, count=1), count=1)
            shorter = (
                _ASKED.sub("", _RESTATED.sub("", text, count=1), count=1) if shorter == text else shorter
            )
        if shorter == text or not any(character.isalnum() for character in shorter):
            break
        text = shorter
    corrections = list(_CORRECTION.finditer(text))
    return text[corrections[-1].end() :] if corrections else text


def statements(text: str) -> Iterator[str]:
    r"""What ``text`` states as its answer, in a tag, a box, after ``####``, a heading or ``the answer is``: last first.

    The last one counts, because models correct themselves. What is stated runs to the end of the tag or of the text.
    """
    if (value := json_answer(text)) is not None:
        yield value
        return
    found: list[tuple[int, str]] = []
    found += [(match.start(), match[2]) for match in _TAGGED.finditer(text)]
    found += _boxed(text)
    found += [(match.start(), text[match.end() :].partition("\n")[0]) for match in _HASHES.finditer(text)]
    for pattern in (_LINE_MARK, _HEADING, _INLINE_MARK, _FOREIGN_MARK):
        found += [
            (match.end(), text[match.end() :].strip())
            for match in pattern.finditer(text)
            if not _DOUBTED.search(text, max(0, match.start() - 80), match.start())
        ]
    for _, stated in sorted(found, key=lambda item: -item[0]):
        if says_something(stated) and not _NO_ANSWER.match(stated):
            yield stated


_OF_SIGNS = re.compile(
    r"[\s.*_`\"']*[][(){}<>+=/%^√∞≤≥≠←→↑↓×÷-](?:[\s.]*[][(){}<>+=/%^√∞≤≥≠←→↑↓×÷-])*[\s.*_`\"']*"
)
"""An answer without a letter or a figure: ``] } ]``, ``<=``."""


def says_something(text: str) -> bool:
    """Whether ``text`` has letters or figures, or is an answer of signs by its first line."""
    return any(character.isalnum() for character in text) or bool(
        _OF_SIGNS.fullmatch(text.partition("\n")[0])
    )


def final_statement(text: str) -> str | None:
    """What ``text`` states last as its answer; None if it states none."""
    return next(statements(text), None)


_STEP = re.compile(r"(?:^|(?<=[.!?\n]))\s*(?:\*\*)?step\s+\d+\s*[:.)–-]+(?:\*\*)?\s*", re.IGNORECASE)
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9$€£(\\])|\n+")
_RESULT = re.compile(
    r"\b(?:now\s+(?:has|have|is|are)|left|remain\w*|in\s+total|altogether|in\s+all|total(?:s|ed)?)\b",
    re.IGNORECASE,
)
_EQUATION = re.compile(
    r"[-+*/×÷x^]\s*[$€£]?[\d.,]+\s*(?:%\s*)?(?:[A-Za-z]+\s*){0,2}(?:=|\bis\b|\bequals\b)\s*[$€£]?-?[\d.,]+(?:\s+[A-Za-z]+){0,4}\W*\Z"
)
_CHECKED = re.compile(r"\W*(?:check|verif|proof|indeed|because|since|note|e\.g|for example)", re.IGNORECASE)


_SINCE = re.compile(
    r"\W*(?:since|because|as)\b[^,]*,\s*(?:so\s+|then\s+)?([A-Za-z]\s*=\s*-?[\d.,/]+)\W*", re.IGNORECASE
)
"""``Since x is positive, x = 5``."""
_SOLVED = re.compile(
    r"=[^=,;\n]{1,40}[,;]\s*(?:(?:and\s+)?(?:so|thus|hence|therefore|then|giving)\s+)?([A-Za-z]\s*=\s*-?[\d.,/]+)\W*\Z"
)
"""``2x = 6, x = 3``."""
_ENDS_SOLVED = re.compile(r":\s*([A-Za-z]\s*=\s*-?[\d.,/]+)\W*\Z")
"""``Divide by 2: x = 5``."""
_RESULT_OF_AN_EQUATION = re.compile(r"=\s*[$€£]?(\d[\d.,]*?)\W*\Z")
_VALUE_OF_A_LETTER = re.compile(r"\W*([A-Za-z]\s*=\s*-?[\d.,/]+)\W*")
"""``x = 4`` as the last line of a calculation."""
_BOLD_LINE = re.compile(r"\*\*([^*\n]{1,60})\*\*[.!]?")


def last_step(text: str) -> str | None:
    """The last of the steps that ``text`` numbers (``Step 1: …``), if there are several and it has a figure."""
    steps = _STEP.split(text.strip())
    if len(steps) < 3 or not any(character.isdigit() for character in steps[-1]):
        return None
    concluded = list(_CONCLUSION.finditer(steps[-1]))
    return _bold_end(text) or (steps[-1][concluded[-1].end() :] if concluded else steps[-1]).strip()


def _bold_end(text: str) -> str | None:
    """What a last line in bold says, where the first one tells more and no other line is in bold."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if len(lines) < 2 or not (last := _BOLD_LINE.fullmatch(lines[-1])) or _CHECKED.match(last[1]):
        return None
    told = len(lines[0].split()) > 4 or _STEP.match(lines[0]) or lines[0].startswith("#")
    return last[1].strip() if told and not any(map(_BOLD_LINE.fullmatch, lines[:-1])) else None


def worked_out(text: str) -> str | None:
    """The last step of a calculation that names no answer: of ``Step 1: …``, of equations, of a story."""
    if step := last_step(text) or _bold_end(text):
        return step
    sentences = [part for part in _SENTENCES.split(text.strip()) if any(c.isalnum() for c in part)]
    if len(sentences) < 2 or not re.search(r"\d", sentences[-1]):
        return None
    if (ends := _ENDS_SOLVED.search(sentences[-1])) and re.search(r"[A-Za-z]\s*=\s*-?\d", sentences[-2]):
        return ends[1]
    if since := _SINCE.fullmatch(sentences[-1]):
        return since[1]
    if _CHECKED.match(sentences[-1]):
        return None
    if solved := _SOLVED.search(sentences[-1]):
        return solved[1]
    if (named := _VALUE_OF_A_LETTER.fullmatch(sentences[-1])) and any("=" in part for part in sentences[:-1]):
        return named[1]
    counted = all(re.search(r"\d", part) or _EQUATION.search(part) for part in (sentences[0], sentences[-2]))
    if counted and _EQUATION.search(sentences[-1]):
        return sentences[-1]
    result = _RESULT_OF_AN_EQUATION.search(sentences[-2])
    if (
        result
        and len(sentences) > 2
        and re.search(rf"(?<![\d.,]){re.escape(result[1])}(?![\d.,]*\d)", sentences[-1])
    ):
        return sentences[-1]
    told = len(sentences) > 2 and sum(bool(re.search(r"\d", part)) for part in sentences[:-1]) > 1
    return sentences[-1] if told and _RESULT.search(sentences[-1]) else None


_THINKS_ALOUD = re.compile(
    r"\A\W*(?:(?:ok(?:ay)?|hmm+|well|alright|right|so|now)\b[\s,.…]*)*let(?:['’]?s|\s+me|\s+us)\s+(?:think|see|recall|remember|work|consider|figure)"
    r"\b[^.!?\n…]*[.!?…\n]",
    re.IGNORECASE,
)


def thought_aloud(text: str) -> str | None:
    """The last sentence of a text that opens with ``let me think`` and goes on thinking; None of other texts."""
    if not _THINKS_ALOUD.match(text):
        return None
    sentences = [part for part in _SENTENCES.split(text.strip()) if any(c.isalnum() for c in part)]
    return sentences[-1] if len(sentences) > 2 else None


_CODE_TO_USE = re.compile(
    r"\A\W*(?:(?:you|one)\s+(?:can|should|would)\s+|(?:just|simply)\s+)*(?:use|run|type|try|execute|call|enter|press|write|invoke)\s+"
    r"(?:the\s+)?(?:(?:command|method|function|keyword|operator|statement|shortcut)\s+)?`([^`\n]+)`"
    r"(?:\s+(?:command|method|function|keyword|operator|statement|shortcut))?\W*\Z",
    re.IGNORECASE,
)


def code_to_use(text: str) -> str | None:
    """``git commit`` of "Run `git commit`."; None of other texts."""
    found = _CODE_TO_USE.match(text)
    return found[1] if found else None


_LAST_VERDICT = re.compile(r"[.!?\n][\s*_\"'(]*(yes|no|true|false)[.!*_\"')]*\s*\Z", re.IGNORECASE)
"""``It is a myth. No.``"""


def last_verdict(text: str) -> str | None:
    """The yes or no that ``text`` ends in, as a sentence by itself."""
    found = _LAST_VERDICT.search(text, max(0, len(text) - 40))
    return found[1] if found and len(text.split()) > _FEW_WORDS else None


_FEW_WORDS = 5


def conclusion(text: str) -> str | None:
    """What follows the last ``therefore`` that opens a sentence; None without one, or after a short first sentence."""
    first = re.split(r"[.!?\n]", text.strip(), maxsplit=1)[0]
    if len(first.split()) < 4:
        return None
    found = list(_CONCLUSION.finditer(text))
    rest = text[found[-1].end() :].strip() if found else ""
    return rest if any(character.isalnum() for character in rest) else None


_ASKING = frozenset(
    """
    what which when where whose whom many much does name tell give explain briefly answer question short word words
    sentence please that this there have been were with from into your following
    """.split()  # noqa: SIM905
)
_ASKED_WORD = re.compile(r"[^\W_]{4,}|\d+")
_OF_WHAT_WAS_NAMED = re.compile(
    r"\W*(?:it|he|she|they|this|that|these|those|yes|no|true|false)\b", re.IGNORECASE
)


def what_was_asked(text: str, asked: str) -> str | None:
    """The first later sentence with all words of the question, if the first one only leads up to it; else None.

    ``Norway lies in Europe. The capital of Norway is Oslo.``
    """
    sentences = [part for part in _SENTENCES.split(text.strip()) if any(c.isalnum() for c in part)]
    if (
        len(sentences) < 2
        or len(sentences[0].split()) <= _FEW_WORDS
        or _OF_WHAT_WAS_NAMED.match(sentences[0])
    ):
        return None
    wanted = _asked_words(asked) - _ASKING
    if len(wanted) < 2 or wanted <= _asked_words(sentences[0]):
        return None
    return next((part for part in sentences[1:] if wanted <= _asked_words(part)), None)


def _asked_words(text: str) -> set[str]:
    return {word.removesuffix("s") for word in _ASKED_WORD.findall(text.casefold())}


def json_answer(text: str) -> str | None:
    """The answer in JSON that ``text`` is, or holds in a fence: ``{"answer": "Oslo"}``, ``["a", "b"]``; else None."""
    for candidate in (text.strip(), *(match[1].strip() for match in reversed(list(_FENCED.finditer(text))))):
        if candidate[:1] in "{[" and candidate[-1:] in "}]" and candidate:
            value = _read(candidate)
            if value is not None:
                return _value_in(value)
    embedded = re.findall(r"\{[^{}]*\}", text)
    for candidate in reversed(embedded):
        value = _read(candidate)
        if isinstance(value, dict) and (known := _known_key(value)) is not None:
            return _written(value[known])
    if cut := re.match(
        r"""\s*(?:```\w*\s*)?\{.*?["'](?:final_)?answer["']\s*:\s*["']?([^"'\n}]+)""", text, re.DOTALL
    ):
        return cut[1].strip()
    return None


def _read(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        pass
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return value if isinstance(value, dict | list) else None


def _known_key(value: dict[Any, Any]) -> Any:
    by_name = {str(key).casefold(): key for key in value}
    return next((by_name[name] for name in _ANSWER_KEYS if name in by_name), None)


def _value_in(value: Any) -> str | None:
    if isinstance(value, dict):
        known = _known_key(value)
        if known is None:
            return _written(next(iter(value.values()))) if len(value) == 1 else None
        return _written(value[known])
    if isinstance(value, list) and value and all(isinstance(item, str | int | float) for item in value):
        return _written(value)
    return None


def _written(value: Any) -> str | None:
    if isinstance(value, dict):
        return _value_in(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        parts = [_written(item) for item in value]
        return ", ".join(part for part in parts if part) or None
    return None if value is None else str(value)


def _braced(text: str, start: int) -> str:
    """What stands between the brace before ``start`` and the one that closes it."""
    depth = 1
    for place in range(start, min(len(text), start + _LONGEST_BOX)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place].strip()
    return text[start : start + _LONGEST_BOX].strip()


_LONGEST_BOX = 1_000
_BETWEEN_BOXES = re.compile(
    r"(?:[\s,;$&\\()\[\]]|\\q?quad\b|\\text\{[^{}]{0,20}\}|\b(?:and|or)\b|\+{2,}|[A-Za-z](?:_\{?\w+\}?)?\s*=)*|"
    r"\s*\w+\s+and\s+"
)
_PERCENT_AFTER = re.compile(r"\}\s*\$?\s*(?:\\?%|percent\b|per cent\b|pct\b)")


def _boxed(text: str) -> list[tuple[int, str]]:
    r"""What boxes hold and where; ``\boxed{1} and \boxed{2}`` are one answer."""
    found: list[tuple[int, str]] = []
    end = -1
    for match in _BOX.finditer(text):
        if match.start() < end:
            continue
        inside = _braced(text, match.end())
        if end >= 0 and _BETWEEN_BOXES.fullmatch(text, end, match.start()):
            found[-1] = (found[-1][0], f"{found[-1][1]}, {inside}")
        else:
            found.append((match.start(), inside))
        end = text.find(inside, match.end()) + len(inside) + 1
        if inside.isdigit() and _PERCENT_AFTER.match(text, end - 1):
            found[-1] = (found[-1][0], f"{found[-1][1]}%")
    return found


def affirms(output: str) -> bool:
    """Whether ``output`` only says that the answer it was shown is right."""
    return bool(_AFFIRMED.fullmatch(spoken(output)))


def without_verdict(text: str) -> str:
    """``Correct. It is Oslo`` as ``It is Oslo``; a verdict alone stays."""
    return _VERDICT_BEFORE.sub("", text, count=1)
