"""How a question file is read, where it is not as it says itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """``columns`` are pairs of our name and the file's; ``form`` is that of questions that name none."""

    columns: tuple[tuple[str, str], ...] = ()
    form: str | None = None


AS_IT_IS = Reading()
