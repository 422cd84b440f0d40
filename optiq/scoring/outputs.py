"""What of a model's output is meant as its answer: thoughts, run-ons, verdicts and refusals told apart.

Outputs come as thoughts in tags, as reasoning that ends in ``Answer: …``, with a next question that the
model made up, as a bare verdict on the answer that it was shown (``Correct.``), or as a refusal.
"""

from __future__ import annotations

import re

_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
# Where the template opens the tag, the output only closes it.
_THOUGHT_BEFORE = re.compile(r"\A.*</(?:think|thinking|thought|reasoning)>", re.DOTALL | re.IGNORECASE)
_RUN_ON = re.compile(r"(?<=\S)\s*\n\W*(?:question|user|human|q)\s*\d*\s*:", re.IGNORECASE)
_FENCE = re.compile(r"\A```\w*\n(.*?)\n?```\s*\Z", re.DOTALL)

_BOXED = re.compile(r"\\boxed\{(?:\\text\{)?([^{}]+)\}")
_LINE_MARK = re.compile(
    r"^\W*(?:(?:so|thus|hence|therefore)\W+)?(?:(?:the|my|final|correct|right|best|short)\s+)*answer\**\s*"
    r"(?:is\b\**\s*:?|[:=])\**[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_INLINE_MARK = re.compile(
    r"\b(?:the|my|final)\s+(?:(?:final|correct|right|best)\s+)*answer\s+(?:is\b\s*:?|would\s+be\b|should\s+be\b)\s*",
    re.IGNORECASE,
)
# "The answer is not known": words after the mark that begin no answer.
_NO_ANSWER = re.compile(
    r"\W*(?:based|because|given|that|not|correct|right|wrong|as\s+follows|unclear|unknown)\b", re.IGNORECASE
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
_REFUSED = re.compile(
    r"""\W*(?:
        sorry\b | i\s+apologi[sz]e | unfortunately\b | as\s+an\s+ai\b | as\s+a\s+(?:large\s+)?language\s+model |
        i(?:\s+am|['’]m)\s+(?:sorry|unable|not\s+able|not\s+sure|not\s+certain|unsure) |
        i\s+(?:can\s?not|can['’]t|could\s+not|couldn['’]t|do\s+not|don['’]t)\s+
            (?:answer|know|determine|provide|find|have|verify|say|tell|help|assist|recall) |
        (?:since|as)\s+i\s+(?:do\s+not|don['’]t)\s+have | i\s+have\s+no\s+(?:information|idea|knowledge) |
        there\s+is\s+(?:no|not\s+enough|insufficient)\s+(?:information|context|data) | no\s+idea\b |
        (?:insufficient|not\s+enough)\s+(?:information|context|data) |
        (?:it\s+|this\s+|that\s+)?(?:can\s?not|can['’]t)\s+be\s+(?:determined|answered) |
        (?:unknown|n/a|not\s+known|not\s+specified|\(no\ answer\))\W*\Z
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def spoken(output: str) -> str:
    """``output`` without thoughts in tags, without a code fence around it, and up to the next made-up question."""
    text = _THOUGHT.sub("", output)
    text = _THOUGHT_BEFORE.sub("", text).strip()
    if fenced := _FENCE.match(text):
        text = fenced[1].strip()
    run_on = _RUN_ON.search(text)
    return text[: run_on.start()] if run_on else text


def final_statement(text: str) -> str | None:
    """What the last ``Answer: …``, ``the answer is …`` or ``\\boxed{…}`` states; None if there is none.

    The last one counts, because models correct themselves.
    """
    if boxed := _BOXED.findall(text):
        return str(boxed[-1]).strip()
    marks = sorted(
        [*_LINE_MARK.finditer(text), *_INLINE_MARK.finditer(text)], key=lambda mark: mark.end(), reverse=True
    )
    for mark in marks:
        rest = text[mark.end() :].strip()
        if any(character.isalnum() for character in rest) and not _NO_ANSWER.match(rest):
            return rest
    return None


def affirms(output: str) -> bool:
    """Whether ``output`` only says that the answer it was shown is right."""
    return bool(_AFFIRMED.fullmatch(spoken(output)))


def without_verdict(text: str) -> str:
    """``Correct. It is Oslo`` as ``It is Oslo``; a verdict alone stays."""
    return _VERDICT_BEFORE.sub("", text, count=1)


def refuses(output: str) -> bool:
    """Whether ``output`` begins by saying that there will be no answer."""
    return bool(_REFUSED.match(spoken(output)))
