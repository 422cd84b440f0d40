"""How a question file is read, where it is not as it says itself."""

from __future__ import annotations

from dataclasses import dataclass

from optiq.questions.metric import LIMITS

ASKED = ("question_id", "question", "topic", "options", "kind", "form", "reference", "schema")
"""Columns of a question file."""
COLUMNS = (*ASKED, *LIMITS)
CHATS = "messages"
"""The column of chats, which may stand in place of the questions."""


@dataclass(frozen=True, slots=True)
class Reading:
    """``columns`` are pairs of our name and the file's (of options several, with commas; a part of a record with dots:
    ``question.stem``); ``form`` is that of questions that name none. With a ``reference_index`` the references to
    options are their numbers, counted from it (0 or 1).

    ``template`` makes the question of a row of its other columns: ``Translate to {language}: {text}``. What is in
    braces and one word must be a column, ``{context.text}`` is a part of one; ``{{`` and ``}}`` are braces.
    """

    columns: tuple[tuple[str, str], ...] = ()
    form: str | None = None
    template: str | None = None
    reference_index: int | None = None


AS_IT_IS = Reading()
