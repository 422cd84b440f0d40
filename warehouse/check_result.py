"""What one check of the quality gate found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: ``n_bad_rows`` rows were found, ``example`` is the first as JSON."""

    name: str
    tool: str
    n_bad_rows: int
    example: str | None = None

    @property
    def passed(self) -> bool:
        return self.n_bad_rows == 0
