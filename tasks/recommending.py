"""The pool that chemistry recommends among models that are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optiq.errors import InputError

if TYPE_CHECKING:
    from optiq.chemistry.recommend import Recommendation

WORD = "recommended"
SIZE = 3
"""Models in a recommended pool where no size is asked for."""


def recommended_size(models: Sequence[str] | None) -> int | None:
    """The size that ``recommended`` or ``recommended:3`` asks for; None if ``models`` are names of models.

    Raises
    ------
    InputError
        if the size is no whole number from 1 up, or other models are named beside it.
    """
    if not models or all(name.partition(":")[0] != WORD for name in models):
        return None
    _, colon, size = models[0].partition(":")
    if len(models) > 1 or (colon and (not size.isdecimal() or int(size) < 1)):
        raise InputError(
            f"--models is {','.join(models)}", f"Give {WORD}, {WORD}:{SIZE}, or names of models alone."
        )
    return int(size) if colon else SIZE


def recommended_pool(perfdb: Path, offered: Sequence[str], size: int) -> tuple[tuple[str, ...], str]:
    """The recommended ``size`` of the models ``offered``, and one line that says why.

    Models without grades are not recommended. Where chemistry recommends none, the most accurate are taken.

    Raises
    ------
    InputError
        if PerfDB has no graded answers of two of the models.
    """
    if len(offered) <= size:
        return tuple(offered), f"pool: all {len(offered)} models at hand"
    from warehouse.chemistry import load_chemistry  # slow to import, and few ask for it

    pool = load_chemistry(perfdb)
    graded = [name for name in offered if name in pool.models]
    if len(graded) < 2:
        raise InputError(
            f"{len(graded)} of the models at hand ({', '.join(offered)}) was graded: none can be recommended",
            "Run `optiq calibrate` or `optiq review`, then `optiq refresh`; or name the models with --models.",
        )
    pool = pool.among(graded)
    size = min(size, len(graded))
    found: Recommendation = pool.choose("chemistry", size)
    how = "recommended by chemistry"
    if not found.models:
        found, how = pool.choose("best", size), f"the most accurate ({found.reason})"
    certain, pairs = pool.certain_within(found.models)
    return found.models, (
        f"pool {how}: {', '.join(found.models)} ({certain} of {pairs} pairs beyond noise, {pool.n_trials} trials)"
    )
