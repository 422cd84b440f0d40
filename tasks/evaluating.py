"""Tasks of an evaluation: read recorded executions, replay policies on them, publish what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from optiq.configuration import Settings
from optiq.questions.question import Budget
from tasks.artifacts import markdown_artifact, shown, table_artifact
from tasks.orchestration import inside_flow_run, step

if TYPE_CHECKING:
    import polars as pl

    from optiq.evaluation import Outcomes
    from optiq.evaluation.coverage import Coverage
    from warehouse.evidence import Evidence, Part


@dataclass(frozen=True)
class Read:
    """What an evaluation stands on: outcomes, what they cover, and where they are from."""

    outcomes: Outcomes
    coverage: Coverage
    evidence: Evidence
    part: Part


@step
def read_outcomes(traces: list[str] | None, home: str, part: Part, folds: int) -> Read:
    """The judged executions of the files, or else of PerfDB.

    Raises :class:`~optiq.errors.InputError` where nothing could be compared.
    """
    from optiq.evaluation.coverage import check_enough, coverage_of
    from optiq.evaluation.outcomes import Outcomes
    from warehouse.find_home import find_home
    from warehouse.judged import read_judged
    from warehouse.recorded import read_evidence

    evidence = read_evidence(traces, part) if traces else read_judged(find_home(home), part)
    outcomes = Outcomes.from_traces(evidence.table)
    check_enough(outcomes, folds, evidence.source)
    return Read(outcomes, coverage_of(outcomes), evidence, part)


@step
def replay_policies(
    read: Read,
    policies: list[str] | None,
    budget: Budget,
    settings: Settings,
    folds: int,
    repeats: int,
    neighbours: bool = True,
) -> pl.DataFrame:
    """One row per policy, repeat and question on which several plans were run; ``opti-q`` as ``settings`` plan."""
    from optiq.evaluation.coverage import comparable
    from optiq.evaluation.policies import default_policies, make_policies
    from optiq.evaluation.policies.registry import as_planned
    from optiq.evaluation.replay import Setting, replay
    from warehouse.published import published_qualities

    wanted = ["best-single", *(policies or default_policies(read.outcomes))]
    specs = list(dict.fromkeys(as_planned(spec, settings) for spec in wanted))
    setting = Setting(budget, settings.confidence, settings.seed, published_qualities(), neighbours)
    return replay(read.outcomes, make_policies(specs), setting, folds, repeats, comparable(read.outcomes))


@step
def publish_evaluation(
    read: Read,
    frame: pl.DataFrame,
    budget: Budget,
    how: Mapping[str, Any],
    output: str | None,
    report: str | None,
) -> dict[str, Any]:
    """The summary; rows written to ``output``, a page to ``report``; artifacts of a flow run."""
    import polars as pl

    from optiq.evaluation.comparison import compare
    from optiq.files.tables import write_table

    lines = compare(frame, seed=how["seed"])
    summary: dict[str, Any] = {
        **{name: value for name, value in asdict(read.coverage).items() if name != "plans"},
        "plans": len(read.outcomes.plans),
        "told": read.coverage.told(),
        "source": read.evidence.source,
        "window": read.part.told(),
        "prompt": read.evidence.prompt,
        "left_out": [one._asdict() for one in read.evidence.left_out],
        "limits": budget.describe(),
        **how,
        "lines": [
            {
                **_flat(asdict(one.line)),
                "same_questions": one.together,
                "unrecorded": one.unrecorded,
                "best_single_qoa": _none(one.reference_qoa),
            }
            for one in lines
        ],
    }
    if output is not None:
        texts = [(asked.question_id, asked.text) for asked in read.outcomes.questions]
        named = pl.DataFrame(texts, schema=["question_id", "question"], orient="row")
        write_table(frame.join(named, on="question_id", how="left", maintain_order="left"), output)
        summary["output"] = output
    if report is not None:
        from optiq.report.evaluation_page import evaluation_page
        from tasks.reporting import write_page

        write_page(evaluation_page(lines, frame, read.coverage, summary, budget), report)
        summary["report"] = report
    if inside_flow_run():
        _artifacts(summary)
    return summary


def _artifacts(summary: Mapping[str, Any]) -> None:
    """What a Prefect server shows: a summary, the table, and where the page is."""
    from pathlib import Path

    from prefect.artifacts import create_link_artifact

    from tasks.evaluation_markdown import as_markdown

    markdown_artifact(
        key="policy-evaluation-summary",
        markdown=as_markdown(summary),
        description="Would planning have paid?",
    )
    table_artifact(
        key="policy-evaluation",
        table=list(summary["lines"]),
        description="What policies would have cost and yielded. The oracle saw the outcomes: it is a bound.",
    )
    if "report" in summary:
        create_link_artifact(
            key="policy-evaluation-report",
            link=Path(summary["report"]).resolve().as_uri(),
            link_text=shown(summary["report"]),
            description="The page with charts, on the machine of the worker.",
        )


def _flat(line: dict[str, Any]) -> dict[str, Any]:
    """A flat line; unknown figures are None. Intervals become three columns each."""
    flat: dict[str, Any] = {}
    for name, value in line.items():
        if name in ("qoa", "versus"):
            mean, low, high = value
            stem = "qoa" if name == "qoa" else "qoa_above_best_single"
            flat |= {stem: mean, f"{stem}_low": low, f"{stem}_high": high}
        else:
            flat[name] = value
    return {name: _none(value) for name, value in flat.items()}


def _none(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
