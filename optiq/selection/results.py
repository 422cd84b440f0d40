"""What a selection found: ranked, with intervals, to print, to keep, to deploy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from optiq.errors import InfeasibleError, InputError
from optiq.files.atomic import replacing
from optiq.files.chart_file import check_picture, write_chart
from optiq.files.parquet import write_parquet
from optiq.selection.evidence import Evidence, mean_of_known
from optiq.selection.intervals import lowest_means
from optiq.selection.protocol import Problem, Ranking
from optiq.selection.space import Space


@dataclass(frozen=True)
class SelectionResult:
    """``finished`` is False if the search was stopped before its method had enough. ``about`` says how it was run."""

    problem: Problem
    method: str
    evidence: Evidence
    ranking: Ranking
    finished: bool = True
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def best(self) -> dict[str, str]:
        """The model of each role. :class:`~optiq.errors.InfeasibleError` if nothing may be deployed."""
        if not self.ranking.order:
            raise InfeasibleError(
                "no combination that was run meets what was asked",
                "Look at the column `standing` of the results; relax a limit or the floor, or give more examples.",
            )
        return self.problem.space.assignment(self.ranking.order[0])

    @property
    def frontier(self) -> list[int]:
        """Combinations that no other beats in accuracy, cost and latency at once; unknown figures beat nobody.

        Nor does who was run on fewer examples beat who was run on more: a lucky mean is none. Of all that were run and
        not eliminated, limits or not: it shows what a limit costs.
        """
        evidence = self.evidence
        figures = np.stack([-evidence.accuracy, evidence.mean_cost_usd, evidence.mean_latency_s], axis=1)
        worked = evidence.counts > evidence.failed.sum(axis=1)
        seen = [c for c in np.flatnonzero(worked).tolist() if not self.ranking.eliminated[c]]
        values = np.where(np.isnan(figures), np.inf, figures)
        # Priced nowhere at all: the frontier is over what is known.
        keep = []
        for c in seen:
            rivals = values[[d for d in seen if d != c and evidence.counts[d] >= evidence.counts[c]]]
            beaten = ((rivals <= values[c]).all(axis=1) & (rivals < values[c]).any(axis=1)).any()
            if not beaten:
                keep.append(c)
        return keep

    def frame(self) -> pl.DataFrame:
        """One row per combination, the best first; then by accuracy. Unknown figures are null.

        ``behind`` is how much more accurate the chosen one was on the very examples that this one was run on,
        ``behind_low`` the lower end of its 95 % interval on new examples.
        """
        evidence, ranking, space = self.evidence, self.ranking, self.problem.space
        places = {c: place for place, c in enumerate(ranking.order, start=1)}
        accuracy = np.nan_to_num(evidence.accuracy, nan=-1.0)
        rest = sorted((c for c in range(len(space)) if c not in places), key=lambda c: (-accuracy[c], c))
        frontier, unmet = set(self.frontier), self.problem.objective.unmet(evidence)
        ahead = self._ahead()
        behind, behind_low = mean_of_known(ahead), lowest_means(ahead)
        rows = []
        for c in [*ranking.order, *rest]:
            rows.append(
                {
                    "rank": places.get(c),
                    **{f"role_{role}": model for role, model in space.assignment(c).items()},
                    "accuracy": _figure(evidence.accuracy[c]),
                    "accuracy_low": _figure(ranking.low[c]) if evidence.counts[c] else None,
                    "accuracy_high": _figure(ranking.high[c]) if evidence.counts[c] else None,
                    "cost_usd": _figure(evidence.mean_cost_usd[c]),
                    "latency_s": _figure(evidence.mean_latency_s[c]),
                    "runs": int(evidence.counts[c]),
                    "failed": int(evidence.failed[c].sum()),
                    "behind": _figure(behind[c]),
                    "behind_low": _figure(behind_low[c]),
                    "on_frontier": c in frontier,
                    "standing": self._standing(c, places.get(c), unmet[c]),
                }
            )
        return pl.DataFrame(rows, infer_schema_length=None)

    def _ahead(self) -> np.ndarray:
        """The chosen one's scores less each one's, (combinations, examples); NaN where not both were run."""
        score = self.evidence.score
        if not self.ranking.order:
            return np.full_like(score, np.nan)
        return score[self.ranking.order[0]] - score

    def _standing(self, c: int, place: int | None, unmet: str | None) -> str:
        if place == 1:
            return "chosen"
        if place is not None:
            return "in the running" if self.evidence.counts[c] < self.problem.n_examples else "ranked"
        if self.ranking.eliminated[c]:
            return "eliminated"
        return unmet or ("below the floor" if self.ranking.floor is not None else "not comparable")

    def write_table(self, path: str | Path) -> None:
        """The ranked table as CSV or Parquet, by suffix."""
        with replacing(path) as temporary:
            if Path(path).suffix == ".parquet":
                write_parquet(self.frame(), temporary)
            else:
                self.frame().write_csv(temporary)

    def deployable(self) -> str:
        """What to deploy, as YAML: the model of each role, and what it stands on."""
        import yaml  # type: ignore[import-untyped]

        best = self.best
        c = self.ranking.order[0]
        content = {
            "models": best,
            "accuracy": _figure(self.evidence.accuracy[c]),
            "accuracy_95": [_figure(self.ranking.low[c]), _figure(self.ranking.high[c])],
            "cost_usd": _figure(self.evidence.mean_cost_usd[c]),
            "latency_s": _figure(self.evidence.mean_latency_s[c]),
            "examples": int(self.evidence.counts[c]),
            "objective": self.problem.objective.describe(),
            "floor": self.ranking.floor,
            "method": self.method,
            "seed": self.problem.seed,
            "finished": self.finished,
            **json.loads(json.dumps(dict(self.about), default=str)),
        }
        return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))

    def write_yaml(self, path: str | Path) -> None:
        """:meth:`deployable` as a file."""
        text = self.deployable()
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def write_plot(self, path: str | Path) -> None:
        """Accuracy against cost (latency where no cost is known) as SVG or PNG, by suffix."""
        _draw_frontier(self.frame(), self.problem.space, path)


def _figure(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _draw_frontier(frame: pl.DataFrame, space: Space, path: str | Path) -> None:
    """Write the plot of a result's frame; SVG or PNG by suffix.

    Without any known cost the axis is latency; :class:`~optiq.errors.InputError` if there is neither.
    """
    check_picture(path)
    axis = next((name for name in ("cost_usd", "latency_s") if frame[name].is_not_null().any()), None)
    if axis is None:
        raise InputError("neither cost nor latency is known, so there is no frontier to draw", "Give prices.")
    title = "USD per example" if axis == "cost_usd" else "seconds per example"
    drawn = _chart(frame.filter(pl.col(axis).is_not_null()), space, axis, title)
    write_chart(drawn.to_dict(), path)


def _chart(frame: pl.DataFrame, space: Space, axis: str, title: str) -> Any:
    import altair as alt

    names = pl.concat_str([pl.col(f"role_{role}") for role in space.roles], separator=" → ")
    shown = (
        pl.when(pl.col("standing") == "chosen")
        .then(pl.lit("chosen"))
        .when(pl.col("on_frontier"))
        .then(pl.lit("frontier"))
        .otherwise(pl.lit("other"))
    )
    rows = frame.with_columns(combination=names, shown=shown).to_dicts()
    scale = alt.Scale(type="log") if frame[axis].min() > 0 else alt.Scale()  # type: ignore[operator]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X(f"{axis}:Q", title=title, scale=scale),
        color=alt.Color(
            "shown:N",
            title=None,
            scale=alt.Scale(domain=["chosen", "frontier", "other"], range=["#c2410c", "#1d4ed8", "#9ca3af"]),
        ),
    )
    kept = [row for row in rows if row["shown"] != "other"]
    bars = base.mark_rule(opacity=0.5).encode(y="accuracy_low:Q", y2="accuracy_high:Q")
    points = base.mark_point(filled=True, size=70).encode(
        y=alt.Y("accuracy:Q", title="accuracy (95 % interval)", scale=alt.Scale(zero=False)),
    )
    labels = (
        alt.Chart(alt.Data(values=kept))
        .mark_text(align="left", dx=7, dy=-7, fontSize=10)
        .encode(x=f"{axis}:Q", y="accuracy:Q", text="combination:N")
    )
    return alt.layer(bars, points, labels).properties(width=640, height=400)
