"""Which prompts a run uses: one of five sets, with a version that is the hash of its content.

=============  ====================================================================================
set            prompt
=============  ====================================================================================
``bare``       the question as it stands: for prompts of one's own (``--template``)
``baseline``   the bare instruction
``zero-shot``  the instruction with the form of the answer (the default, as in the paper)
``few-shot``   the same after some labelled questions with their answers
``cot``        asks for reasoning first (chain of thought), and for ``Answer: …`` on the last line
=============  ====================================================================================

Outputs of different prompts are different things: another quality, another length, another bill. The name and
version of the set are recorded with every execution (``executions.prompt``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from string import ascii_uppercase

from optiq.errors import UnknownName
from optiq.prompts import BARE, PROMPT_NAMES, fill, template
from optiq.questions.option_letters import letters_of
from optiq.questions.question import Kind, Question
from optiq.questions.question_cells import accepted

SHOTS = 3
"""Examples in a few-shot prompt."""

REASONING_TOKENS = 224
"""Room for reasoning in an output of ``cot``, on top of that for the answer."""

_LONGEST_EXAMPLE_CHARS = 600


def question_text(question: Question) -> str:
    """The question, and its options as lettered lines."""
    lines = [question.text.strip()]
    lines += [
        f"{letter}. {option}" for letter, option in zip(ascii_uppercase, question.options, strict=False)
    ]
    return "\n".join(lines)


@dataclass(frozen=True)
class PromptSet:
    """One prompt set. ``examples`` (few-shot only) are labelled questions in the order of preference.

    ``system`` stands before everything that models are asked, in the same message: not every server takes one apart.

    Raises
    ------
    UnknownName
        for a name that is not in ``PROMPT_NAMES``.
    """

    name: str = "zero-shot"
    examples: tuple[Question, ...] = ()
    system: str = ""

    def __post_init__(self) -> None:
        if self.name not in PROMPT_NAMES:
            raise UnknownName(
                f"there is no prompt set {self.name!r}", f"Choose one of {', '.join(PROMPT_NAMES)}."
            )

    @cached_property
    def version(self) -> str:
        """Eight hexadecimal digits of the SHA-256 of all texts and examples of the set."""
        names = [f"{self._stem}_{kind.value}" for kind in Kind] + ["context", "blend"]
        if self.name == "few-shot":
            names.append("few_shot_example")
        parts = [template(name) for name in names]
        parts += [example for kind in Kind for example in self._shown(kind)]
        parts += [self.system] if self.system else []
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]

    @cached_property
    def label(self) -> str:
        """``name@version``, as recorded with executions."""
        return f"{self.name}@{self.version}"

    @property
    def reasoning_tokens(self) -> int:
        """How much longer an output may get than the answer itself."""
        return REASONING_TOKENS if self.name == "cot" else 0

    def ask(self, question: Question) -> str:
        """The prompt that puts ``question`` by itself."""
        asked = fill(
            self._template(question), question=question_text(question), examples=self._before(question)
        )
        return self._opening + asked

    def base_chars(self, question: Question) -> int:
        """Characters of :meth:`ask` that are not the question's own."""
        if self.examples or question.kind not in self._around:
            around = fill(self._template(question), question="", examples=self._before(question))
            self._around[question.kind] = len(self._opening) + len(around)
        return self._around[question.kind]

    @cached_property
    def _around(self) -> dict[Kind, int]:
        """Without examples it is the same for all questions of a kind."""
        return {}

    def instruction(self, question: Question) -> str:
        """What the prompt asks for, without the question: the first line of the template; nothing if bare."""
        return "" if self.name == BARE else self._template(question).partition("\n")[0]

    @property
    def _opening(self) -> str:
        return f"{self.system}\n\n" if self.system else ""

    @property
    def _stem(self) -> str:
        return self.name.replace("-", "_")

    def _template(self, question: Question) -> str:
        return template(f"{self._stem}_{question.kind.value}")

    def _before(self, question: Question) -> str:
        """The examples before a question of this kind: never the question itself."""
        return "".join(self._shown(question.kind, _plain(question.text)))

    def _shown(self, kind: Kind, asked: str | None = None) -> list[str]:
        found = []
        for plain, text in self._by_kind.get(kind, ()):
            if plain != asked:
                found.append(text)
            if len(found) == SHOTS:
                break
        return found

    @cached_property
    def _by_kind(self) -> dict[Kind, list[tuple[str, str]]]:
        found: dict[Kind, list[tuple[str, str]]] = {}
        for example in self.examples:
            text = fill(
                template("few_shot_example") + "\n", question=question_text(example), answer=_answer(example)
            )
            found.setdefault(example.kind, []).append((_plain(example.text), text))
        return found


ZERO_SHOT = PromptSet()


def draw_examples(labelled: Iterable[Question], seed: int) -> tuple[Question, ...]:
    """Labelled questions in an order that depends on ``seed`` and the questions alone.

    Left out are questions without a usable reference, with more than 600 characters, and with a text that
    comes twice (which of two references is right?).
    """
    by_text: dict[str, list[Question]] = {}
    for question in labelled:
        by_text.setdefault(_plain(question.text), []).append(question)
    usable = [
        same[0]
        for same in by_text.values()
        if len({_answer(question) for question in same}) == 1
        and _answer(same[0])
        and len(question_text(same[0])) <= _LONGEST_EXAMPLE_CHARS
    ]

    def rank(question: Question) -> str:
        return hashlib.sha256(json.dumps([seed, question_text(question)]).encode()).hexdigest()

    # All that a prompt can need: those shown, and one more in place of the question itself.
    drawn = sorted(usable, key=rank)
    return tuple(q for kind in Kind for q in [q for q in drawn if q.kind is kind][: SHOTS + 1])


def _answer(question: Question) -> str:
    """The reference as an answer is asked for: letters, or the text on one line; empty if it is unusable."""
    reference = " ".join((question.reference or "").split())
    if not question.kind.has_options:
        return accepted(reference)[0]
    return ", ".join(letters_of(reference, question.options))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
