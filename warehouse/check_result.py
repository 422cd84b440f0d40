"""What one check of the quality gate found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: ``n_bad_rows`` rows were found, ``example`` is the first as JSON.

    A ``relative`` check compares the night with what was known: ``told`` says in Markdown what is off and what can be
    done, ``file`` is the landed file with most of the rows. It is ``accepted`` if it found something that a person
    lets through.
    """

    name: str
    tool: str
    n_bad_rows: int
    example: str | None = None
    relative: bool = False
    accepted: bool = False
    told: str = ""
    file: str = ""

    @property
    def passed(self) -> bool:
        return self.n_bad_rows == 0

    @property
    def refuses(self) -> bool:
        """Whether nothing may be published because of it."""
        return not (self.passed or self.accepted)
