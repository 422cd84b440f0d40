"""The measurements, one function per table."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev

from benchmarks.planners.catalogs import BLENDER, SHAPE, synthetic
from benchmarks.planners.quality import hypervolume_share, inverted_distance
from benchmarks.planners.timing import timed
from optiq.estimation import Estimate, PromptShape
from optiq.estimation.estimator import make_estimator
from optiq.planning import BatchItem, Planner, PlanningTask, make_planner, plan_batch, planning_task
from optiq.planning.candidates import find_candidates
from optiq.planning.lines import lines_of_space
from optiq.planning.planners.dynamic_programming import DynamicProgrammingPlanner
from optiq.planning.planners.hill_climbing import HillClimbingPlanner
from optiq.planning.planners.nsga2 import NSGA2Planner
from optiq.questions.question import Budget, Weights
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import Statistics

Row = Sequence[object]


@dataclass(frozen=True)
class Setting:
    """What is planned over."""

    statistics: Statistics
    models: tuple[str, ...]
    topics: tuple[str, ...]

    def task(self, topic: str, k: int, seed: int = 0) -> PlanningTask:
        """The planning task of one topic."""
        return planning_task(self.statistics, [topic], "open", SHAPE, self.models, BLENDER, k, seed=seed)


def speeds(setting: Setting, largest_k: int) -> Iterator[Row]:
    """What | CPU s | wall s | to reach. Times of a topic once its space is known; the first topic apart."""
    exact = make_planner("exact")
    for k in range(1, largest_k + 1):
        goal = {5: "0.02", 6: "0.5"}.get(k, "")
        yield from _exact_speed(exact, setting, k, f"exact, k={k}, {len(setting.models)} models", goal)
    ten = tuple(f"m{i}" for i in range(10))
    larger = Setting(synthetic(ten, 5), ten, synthetic(ten, 5).topics)
    yield from _exact_speed(exact, larger, 5, "exact, k=5, 10 models (synthetic)", "0.2")
    yield from _batch_speed(setting, min(5, largest_k))
    yield ("first plan in a fresh process, k=3", "", f"{_first_plan(3):.2f}", "3")
    yield ("first plan in a fresh process, k=5", "", f"{_first_plan(5):.2f}", "3")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield (f"memory of all of the above, up to k={largest_k}", "", f"{peak:.0f} MB", "500 MB")


def _exact_speed(exact: Planner, setting: Setting, k: int, name: str, goal: str) -> Iterator[Row]:
    first = timed(lambda: exact.frontier(setting.task(setting.topics[0], k)))
    runs = []
    for topic in setting.topics[1:6]:
        task = setting.task(topic, k)
        exact.frontier(task)  # once, so that the topic's look-ups are made
        runs.append(timed(lambda task=task: exact.frontier(task), 5 if k < 6 else 3))
    yield (f"{name}: first topic", f"{first.cpu_s:.4f}", f"{first.wall_s:.4f}", "")
    cpu, wall = mean(r.cpu_s for r in runs), mean(r.wall_s for r in runs)
    yield (f"{name}: a known topic", f"{cpu:.4f}", f"{wall:.4f}", goal)
    if k >= 5:
        fresh = [timed(lambda t=topic: exact.frontier(setting.task(t, k))) for topic in setting.topics[6:9]]
        if fresh:
            cpu, wall = mean(r.cpu_s for r in fresh), mean(r.wall_s for r in fresh)
            yield (f"{name}: a new topic", f"{cpu:.4f}", f"{wall:.4f}", "")


def _batch_speed(setting: Setting, k: int) -> Iterator[Row]:
    draw = random.Random(1)
    items = [
        BatchItem(
            ((draw.choice(setting.topics), 1.0),),
            "open",
            PromptShape(
                int(draw.lognormvariate(5.5, 0.6)), SHAPE.base_chars, SHAPE.context_chars, SHAPE.blend_chars
            ),
            Budget(max_cost_usd=draw.choice([None, 3e-5, 5e-5]), max_latency_s=draw.choice([None, 40.0])),
            Weights(),
        )
        for _ in range(10_000)
    ]
    lengths = [item.shape.question_chars for item in items]

    def sets() -> list[object]:
        tasks = [setting.task(topic, k) for topic in setting.topics]
        return [
            find_candidates(lines_of_space(task, min(lengths), max(lengths), moved=False)) for task in tasks
        ]

    made = timed(sets, 2)
    yield (
        f"shared sets of {len(setting.topics)} topics, k={k}",
        f"{made.cpu_s:.2f}",
        f"{made.wall_s:.2f}",
        "2",
    )
    whole = timed(lambda: plan_batch(setting.statistics, items, setting.models, BLENDER, k), 2)
    rest = max(whole.cpu_s - made.cpu_s, 1e-6)
    yield (f"10,000 questions planned, k={k}, sets included", f"{whole.cpu_s:.2f}", f"{whole.wall_s:.2f}", "")
    yield ("questions per CPU second after the sets", f"{len(items) / rest:,.0f}", "", "20,000")
    yield from _moved_speed(setting, items, (3, k))


def _moved_speed(setting: Setting, items: list[BatchItem], operations: tuple[int, ...]) -> Iterator[Row]:
    """The same questions, each moved by neighbours of its own: by 0.1 for all models and 0.05 for each, typically."""
    draw = random.Random(2)
    shrunk = make_estimator("shrunk", setting.statistics)
    moved = []
    for item in items:
        common = draw.gauss(0, 0.1)
        by_model = tuple(
            (name, round(common + draw.gauss(0, 0.05), 3))
            for name in dict.fromkeys([*setting.models, BLENDER])
        )
        moved.append(replace(item, shifts=Shifts(50, by_model)))
    for k in operations:
        for what, asked in (("without neighbours", items), ("each with its neighbours", moved)):
            whole = timed(lambda asked=asked, k=k: plan_batch(shrunk, asked, setting.models, BLENDER, k))
            yield (
                f"10,000 questions planned, k={k}, shrunk, {what}",
                f"{whole.cpu_s:.2f}",
                f"{whole.wall_s:.2f}",
                "",
            )


def _first_plan(k: int) -> float:
    """Wall seconds of a fresh process that imports, builds a small snapshot and plans."""
    script = (
        "from benchmarks.planners.catalogs import synthetic, SHAPE, BLENDER\n"
        "from optiq.planning import plan_frontier\n"
        "names = ('m1', 'm2', 'm3', 'm4', 'm5')\n"
        f"plan_frontier(synthetic(names, 1), ['topic 00'], 'open', SHAPE, names, BLENDER, {k})\n"
    )
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", script], check=True)
    return time.perf_counter() - started


def comparison(setting: Setting, sizes: Iterable[int], seeds: int = 3) -> Iterator[Row]:
    """k | planner | CPU s | HV % | IGD, as in the paper's Table 5: means over topics, ± over topics and seeds.

    The reference frontier is the exact one. Hill climbing gets the time that NSGA-II took on the same task.
    """
    for k in sizes:
        results: dict[str, list[tuple[float, float, float]]] = {}
        for topic in setting.topics:
            task = setting.task(topic, k)
            exact = timed(lambda task=task: make_planner("exact").frontier(task), 2)
            _note(results, "exact", exact.cpu_s, exact.result, exact.result)
            for name, planner in (
                ("dp", DynamicProgrammingPlanner()),
                ("dp + Δ", DynamicProgrammingPlanner("delta")),
            ):
                if k > 5 and name == "dp":
                    continue  # a million plans, one by one
                found = timed(lambda planner=planner, task=task: planner.frontier(task))
                _note(results, name, found.cpu_s, found.result, exact.result)
            for seed in range(seeds):
                seeded = setting.task(topic, k, seed)
                found = timed(lambda seeded=seeded: NSGA2Planner().frontier(seeded))
                _note(results, "nsga2", found.cpu_s, found.result, exact.result)
                for name, delta in (("hill-climbing", None), ("hill-climbing + Δ", 0.05)):
                    climber = HillClimbingPlanner(restarts=10**9, delta=delta, time_limit_s=found.wall_s)
                    climbed = timed(lambda climber=climber, seeded=seeded: climber.frontier(seeded))
                    _note(results, name, climbed.cpu_s, climbed.result, exact.result)
        for name, rows in results.items():
            yield (
                k,
                name,
                *(
                    _spread(column, digits)
                    for column, digits in zip(zip(*rows, strict=True), (3, 2, 4), strict=True)
                ),
            )


def prunings(setting: Setting, k: int) -> Iterator[Row]:
    """Pruning | parameter | CPU s | HV %, as in the paper's Table 4: means over topics."""
    planners: list[tuple[str, float, DynamicProgrammingPlanner]] = [
        ("none", 0.0, DynamicProgrammingPlanner())
    ]
    for value in (0.01, 0.02, 0.05, 0.10, 0.20):
        planners.append(("epsilon", value, DynamicProgrammingPlanner("epsilon", epsilon=value)))
        planners.append(("delta", value, DynamicProgrammingPlanner("delta", delta=value)))
    for name, value, planner in planners:
        rows = []
        for topic in setting.topics:
            task = setting.task(topic, k)
            exact = make_planner("exact").frontier(task)
            found = timed(lambda planner=planner, task=task: planner.frontier(task))
            rows.append((found.cpu_s, hypervolume_share(found.result, exact)))
        yield (name, value or "", *(_spread(column, 2) for column in zip(*rows, strict=True)))


def _note(
    results: dict[str, list[tuple[float, float, float]]],
    name: str,
    seconds: float,
    found: Sequence[Estimate],
    exact: Sequence[Estimate],
) -> None:
    quality = (
        (hypervolume_share(found, exact), inverted_distance(found, exact)) if found else (0.0, float("nan"))
    )
    results.setdefault(name, []).append((seconds, *quality))


def _spread(values: Sequence[float], digits: int) -> str:
    spread = stdev(values) if len(values) > 1 else 0.0
    return f"{mean(values):.{digits}f} ± {spread:.{digits}f}"
