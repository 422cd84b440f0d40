"""How a question file is read, where it is not as it says itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """``columns`` are pairs of our name and the file's; ``form`` is that of questions that name none.

    ``template`` makes the question of a row of its other columns: ``Translate to {language}: {text}``. What is in
    braces and one word must be a column; ``{{`` and ``}}`` are braces.
    """

    columns: tuple[tuple[str, str], ...] = ()
    form: str | None = None
    template: str | None = None


AS_IT_IS = Reading()
