"""What a genetic search does to genomes, change by change, and which of them it keeps."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from catalogs import SHAPE, build, figures

from optiq.planning.planners.genomes import Genomes
from optiq.planning.planners.nsga2 import _children, _Estimated, _finite, _survivors, _tournaments
from optiq.planning.task import PlanningTask, planning_task
from optiq.plans.plan import Plan
from optiq.questions.question import Budget

PAIRS = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def task(blender: str | None = "z", k: int = 4, **values: object) -> PlanningTask:
    known = build(*(figures(name, qoa=0.2 + 0.1 * i) for i, name in enumerate("abcz")))
    return planning_task(known, ["Art"], "open", SHAPE, list("abc"), blender, k, **values)  # type: ignore[arg-type]


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(1)


def genome(size: int, edges: str = "", models: tuple[int, ...] = ()) -> list[int]:
    """Edges as ``01 12``."""
    bits = [int(f"{i}{j}" in edges.split()) for i, j in PAIRS]
    return [size, *bits, *models, *[0] * (4 - len(models))]


def edges_of(row: np.ndarray) -> set[tuple[int, int]]:
    return {pair for pair, bit in zip(PAIRS, row[1:7].tolist(), strict=True) if bit and pair[1] < row[0]}


def test_random_genomes_are_of_all_sizes_edges_and_models(draw: np.random.Generator) -> None:
    rows = Genomes(task()).random(500, draw)
    assert rows.shape == (500, 1 + 6 + 4)
    assert set(rows[:, 0].tolist()) == {1, 2, 3, 4}
    for column in rows[:, 1:7].T:
        assert set(column.tolist()) == {0, 1}
    for column in rows[:, 7:].T:
        assert set(column.tolist()) == {0, 1, 2}


def test_children_end_as_the_other_parent_in_edges_and_in_models(draw: np.random.Generator) -> None:
    one, other = np.full((300, 11), 1), np.full((300, 11), 2)
    children = Genomes(task()).crossed(one, other, 1.0, draw)
    assert (children[:, 0] == np.repeat([1, 2], 300)).all(), "the size is that of the parent it starts as"
    first, second = np.split(children, 2)
    assert (first + second == 3).all(), "what one child gets the other gives"
    cuts = []
    for columns in (first[:, 1:7], first[:, 7:]):
        assert (columns[:, 0] == 1).all()
        assert (columns[:, -1] == 2).all()
        assert (np.diff(columns, axis=1) >= 0).all(), "one cut"
        cuts.append((columns == 1).sum(axis=1))
    assert {(a, b) for a, b in zip(*map(np.ndarray.tolist, cuts), strict=True)} == {
        (a, b) for a in range(1, 6) for b in range(1, 4)
    }


def test_so_many_pairs_are_crossed_as_is_asked_for(draw: np.random.Generator) -> None:
    one, other = np.full((2000, 11), 1), np.full((2000, 11), 2)
    changed = (Genomes(task()).crossed(one, other, 0.3, draw)[:2000] != one).any(axis=1)
    assert changed.mean() == pytest.approx(0.3, abs=0.05)
    narrow = Genomes(task(k=2))  # one edge: nothing to cut
    rows = narrow.crossed(np.full((50, 4), 1), np.full((50, 4), 2), 1.0, draw)
    assert (rows[:50, :3] == 1).all()
    assert (rows[:50, 3] == 2).all()


def test_each_change_comes_at_its_own_probability(draw: np.random.Generator) -> None:
    genomes = Genomes(task())
    rows = np.array([genome(3, "01 12", (0, 1, 2))] * 3000)
    assert (genomes.mutated(rows, (0.0, 0.0, 0.0), draw) == rows).all()
    found = genomes.mutated(rows, (0.3, 0.1, 0.0), draw)
    grown = found[:, 0] == 4
    assert grown.mean() == pytest.approx(0.1, abs=0.03)
    flipped = (found[~grown, 1:7] != rows[~grown, 1:7]).any(axis=1)
    assert flipped.mean() == pytest.approx(0.3, abs=0.04)


def test_one_edge_among_the_nodes_that_there_are_is_flipped(draw: np.random.Generator) -> None:
    genomes = Genomes(task())
    for size, pairs in ((1, []), (2, PAIRS[:1]), (3, [(0, 1), (0, 2), (1, 2)]), (4, PAIRS)):
        rows = np.array([genome(size, "01", (0,) * size)] * 300)
        found = genomes.mutated(rows, (1.0, 0.0, 0.0), draw)
        changed = found != rows
        assert (changed.sum(axis=1) == min(len(pairs), 1)).all()
        assert {PAIRS[i] for i in np.flatnonzero(changed[:, 1:7].any(axis=0))} == set(pairs)
        shares = changed[:, 1:7].mean(axis=0)
        assert shares[shares > 0] == pytest.approx(1 / max(len(pairs), 1), abs=0.12), "any edge alike"


def test_one_model_of_the_nodes_that_there_are_is_drawn_anew(draw: np.random.Generator) -> None:
    rows = np.array([genome(3, "01 12", (0, 0, 0))] * 300)
    found = Genomes(task()).mutated(rows, (0.0, 0.0, 1.0), draw)
    assert (found[:, :7] == rows[:, :7]).all()
    assert ((found[:, 7:] != 0).sum(axis=1) <= 1).all()
    assert {(int(v), int(m)) for row in found for v, m in enumerate(row[7:]) if m} == {
        (v, m) for v in range(3) for m in (1, 2)
    }


def test_a_new_node_leaves_the_others_as_they_were(draw: np.random.Generator) -> None:
    genomes = Genomes(task())
    rows = np.array([genome(3, "01 12", (1, 2, 1))] * 400)
    places, linked = set(), []
    for row in genomes.mutated(rows, (0.0, 1.0, 0.0), draw):
        assert row[0] == 4
        edges, models = edges_of(row), row[7:].tolist()
        fitting = []
        for place in range(4):
            old = [v for v in range(4) if v != place]
            same = {(i, j) for i, j in edges if place not in (i, j)} == {(old[0], old[1]), (old[1], old[2])}
            if same and [models[v] for v in old] == [1, 2, 1]:
                fitting.append(place)
        assert fitting, "the three others are still a chain of the same models"
        if len(fitting) == 1:
            (place,) = fitting
            places.add(place)
            others = {i + j - place for i, j in edges if place in (i, j)}
            assert place < 3 or 2 in others, "a new last node reads the old answer"
            linked.append(len(others - {2}) / 2 if place == 3 else len(others) / 3)
    assert places == {0, 1, 2, 3}
    assert np.mean(linked) == pytest.approx(0.5, abs=0.1)
    full = np.array([genome(4, "01 12 23", (1, 2, 1, 0))])
    assert (genomes.mutated(full, (0.0, 1.0, 0.0), draw) == full).all(), "there is no room for more"


def test_models_under_blends_are_drawn_and_no_others(draw: np.random.Generator) -> None:
    rows = np.array([genome(4, "02 12 23", (1, 1, 1, 1))] * 100)
    found = Genomes(task()).refilled(rows, draw)
    assert (np.delete(found, 9, axis=1) == np.delete(rows, 9, axis=1)).all()
    assert set(found[:, 9].tolist()) == {0, 1, 2}
    assert (rows[:, 9] == 1).all(), "those that were given stay as they are"


@pytest.mark.parametrize(
    ("blender", "given", "plan"),
    [
        ("z", genome(1, "01 12", (2,)), Plan.of([*"c"])),
        ("z", genome(3, "01 12", (0, 1, 2)), Plan.of([*"abc"], [(0, 1), (1, 2)])),
        ("z", genome(3, "", (0, 1, 2)), Plan.of([*"abz"], [(0, 2), (1, 2)])),
        ("z", genome(3, "01", (0, 1, 2)), Plan.of([*"abc"], [(0, 1), (1, 2)])),
        ("z", genome(3, "01 02", (0, 1, 2)), Plan.of([*"abz"], [(0, 1), (0, 2), (1, 2)])),
        ("z", genome(2, "01 12 03", (1, 0, 2, 2)), Plan.of([*"ba"], [(0, 1)])),
        (None, genome(3, "02 12", (0, 1, 2)), Plan.of([*"abc"], [(0, 1), (1, 2)])),
    ],
)
def test_a_genome_is_read_as_the_plan_that_it_comes_closest_to(
    blender: str | None, given: list[int], plan: Plan
) -> None:
    genomes = Genomes(task(blender))
    for _ in range(2):  # the second time it is remembered
        (found,), (shape,) = genomes.mended(np.array([given]))
        assert genomes.plan(found, shape) == plan


def test_what_belongs_to_no_node_and_the_model_under_a_blend_is_0() -> None:
    genomes = Genomes(task())
    (blend, chain), _ = genomes.mended(
        np.array([genome(3, "02 12 23", (1, 2, 2, 2)), genome(2, "01 13", (2, 1, 1))])
    )
    assert blend.tolist() == genome(3, "02 12", (1, 2, 0, 0))
    assert chain.tolist() == genome(2, "01", (2, 1, 0, 0))


def test_tournaments_are_won_by_less_violation_then_rank_then_room(draw: np.random.Generator) -> None:
    strength = np.array([[0, 0, -5], [0, 0, -1], [0, 1, -9], [0.5, 0, 0], [2.0, 0, 0]])  # the best first
    winners = _tournaments(strength, 4000, draw)
    shares = np.bincount(winners, minlength=5) / 4000
    assert shares == pytest.approx([9 / 25, 7 / 25, 5 / 25, 3 / 25, 1 / 25], abs=0.04)


def survivors(losses: list[list[float]], violation: list[float], n: int) -> tuple[list[int], np.ndarray]:
    estimated = SimpleNamespace(losses=np.array(losses).T, violation=np.array(violation))
    kept, strength = _survivors(estimated, np.arange(len(violation)), n)  # type: ignore[arg-type]
    return kept.tolist(), strength


def test_fronts_survive_first_the_last_one_where_there_is_room_around_then_what_misses_least() -> None:
    line = [[0.0, 9.0], [1.0, 8.0], [2.0, 7.0], [8.0, 1.0], [9.0, 0.0]]
    points = [*line, [9.0, 9.0], [0.0, 0.0], [0.0, 0.0]]
    violation = [0.0] * 6 + [2.0, 1.0]
    kept, strength = survivors(points, violation, 8)
    assert kept[5:] == [5, 7, 6]
    assert sorted(kept[:5]) == [0, 1, 2, 3, 4]
    assert strength[:, 0].tolist() == [0.0] * 6 + [1.0, 2.0]
    assert strength[:6, 1].tolist() == [0.0] * 5 + [1.0]
    room = dict(zip(kept[:5], -strength[:5, 2], strict=True))
    assert room[1] < room[2] <= room[3] < room[0] == room[4] == np.inf
    kept, strength = survivors(points, violation, 4)
    assert set(kept) == {0, 4, 3, 2}
    assert len(strength) == 4
    assert survivors(points, [1.0] * 7 + [0.5], 2)[0] == [7, 0]
    assert sorted(survivors(points, violation, 5)[0]) == [0, 1, 2, 3, 4]
    assert survivors(points, violation, 6)[0][5] == 5, "the one that is left goes to the next front"


def test_infinity_is_put_beyond_all_that_is_known() -> None:
    points = np.array([[1.0, np.inf], [3.0, np.inf], [np.inf, np.inf]])
    assert _finite(points).tolist() == [[1.0, 1.0], [3.0, 1.0], [7.0, 1.0]]


def test_plans_are_met_once_and_no_more_than_wanted() -> None:
    estimated = _Estimated(Genomes(task(budget=Budget(min_qoa=0.4))), 10)
    genomes = estimated.genomes
    rows, shapes = genomes.mended(np.array([genome(1, "", (m,)) for m in (0, 1, 0, 2)]))
    assert estimated.meet(rows, shapes, 2) == 2
    assert estimated.estimate().tolist() == [0, 1]
    assert estimated.estimate().tolist() == []
    assert estimated.meet(rows, shapes, 5) == 1, "one is new"
    assert estimated.estimate().tolist() == [2]
    assert estimated.n_plans == 3
    assert estimated.judged[-1, :3] == pytest.approx([0.2, 0.3, 0.4])
    assert estimated.violation[:3] == pytest.approx([0.5, 0.25, 0.0])
    assert [e.plan.models for e in estimated.frontier()] == [("c",)], "all cost the same"


def test_a_generation_brings_so_many_new_plans(
    draw: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optiq.planning.planners.nsga2.ROUNDS", 50)
    genomes = Genomes(task())
    estimated = _Estimated(genomes, 100)
    estimated.meet(*genomes.mended(genomes.random(40, draw)), 7)
    population = estimated.estimate()
    strength = np.zeros((7, 3))
    children = _children(genomes, estimated, population, strength, 9, 0.9, (0.3, 0.1, 0.3), draw)
    assert children.tolist() == list(range(7, 16))
    still = _children(genomes, estimated, population, strength, 9, 0.0, (0.0, 0.0, 0.0), draw)
    assert still.tolist() == [], "children that are their parents are nothing new"
