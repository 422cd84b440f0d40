"""Files of plans: one plan a row, as JSON, expression or key."""

from __future__ import annotations

from pathlib import Path

from optiq.errors import InputError, PlanError
from optiq.files.tables import read_table
from optiq.plans.plan import Plan


def read_plans(path: str | Path) -> list[Plan]:
    """The distinct plans in column ``plan`` of ``path``, in file order.

    Raises
    ------
    InputError
        if the file cannot be read, has no column ``plan``, or a row holds no plan.
    """
    frame = read_table(Path(path))
    if "plan" not in frame.columns and {"models", "edges"} <= set(frame.columns):
        values = frame.select("models", "edges").to_dicts()
    elif "plan" in frame.columns:
        values = frame["plan"].to_list()
    else:
        found = ", ".join(frame.columns) or "none"
        raise InputError(
            f"{path} has no column `plan` (its columns: {found})",
            'Give one plan a row, such as {"models": ["a", "b"], "edges": [[0, 1]]}.',
        )
    plans: dict[str, Plan] = {}
    for number, value in enumerate(values, start=1):
        try:
            plan = Plan.parse(value)
        except PlanError as fault:
            raise PlanError(f"{path} row {number}: {fault.message}", fault.remedy) from None
        plans.setdefault(plan.key, plan)
    if not plans:
        raise InputError(f"{path} holds no plan", "Give one plan a row.")
    return list(plans.values())
