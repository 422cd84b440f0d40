"""What the demo came to: quality, predicted against observed, and what single models would have scored."""

from __future__ import annotations

from pathlib import Path

import sql
from flows.command_line.screen import figure, say, table
from optiq.configuration import Settings
from optiq.files.tables import read_table
from warehouse.find_home import find_home
from warehouse.query import query


def summarise(answers: str) -> None:
    """Print the summary of an answers file whose run has been published."""
    rows = read_table(Path(answers))
    run_id = rows["run_id"].drop_nulls()[0]
    perfdb = find_home(Settings.load().home).perfdb
    total = query(perfdb, sql.read("queries/run_summary"), {"run_id": run_id}).row(0, named=True)
    say()
    say(f"{total['n_answered']} of {rows.height} questions answered, mean QoA {figure(total['qoa'])}")
    table(
        ["mean per question", "predicted", "observed"],
        [
            ["cost USD", figure(total["predicted_cost_usd"]), figure(total["cost_usd"])],
            ["latency s", figure(total["predicted_latency_s"]), figure(total["latency_s"])],
            [
                "energy J (observed: tokens × rate)",
                figure(total["predicted_energy_j"]),
                figure(total["energy_j"]),
            ],
            ["QoA", figure(total["predicted_qoa"]), figure(total["qoa"])],
        ],
        right=(1, 2),
    )
    plans = query(perfdb, sql.read("queries/run_plans"), {"run_id": run_id})
    table(
        ["plans that were chosen", "questions", "QoA", "cost USD", "latency s"],
        ([row[0], row[1], *map(figure, row[2:])] for row in plans.iter_rows()),
        right=range(1, 5),
    )
    singles = query(perfdb, sql.read("queries/run_singles"), {"run_id": run_id})
    table(
        ["each single model on the same questions", "questions", "QoA", "cost USD", "latency s"],
        ([row[0], row[1], *map(figure, row[2:])] for row in singles.iter_rows()),
        right=range(1, 5),
    )
