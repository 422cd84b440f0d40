"""Topologies: published counts, and the definition of the connectivity map by brute force."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_strategies import wirings

from optiq.errors import InputError
from optiq.plans.enumeration import canonical_maps, connectivity_maps, count_plans, predecessor_masks
from optiq.plans.topology import canonical_orders, edges_of_map, map_of_edges, renumber, topology


@pytest.mark.parametrize(("k", "count"), list(enumerate([1, 1, 3, 16, 164, 3341, 138101], start=1)))
def test_canonical_topologies_are_as_many_as_published(k: int, count: int) -> None:
    assert len(connectivity_maps(k)) == count


@pytest.mark.parametrize(("k", "count"), list(enumerate([5, 25, 165, 1750, 32905, 1082496], start=1)))
def test_plans_of_five_models_and_a_blender(k: int, count: int) -> None:
    assert count_plans(k, 5) == count


@pytest.mark.parametrize(("k", "count"), list(enumerate([10, 100, 1155, 18325, 478610], start=1)))
def test_plans_of_ten_models_and_a_blender(k: int, count: int) -> None:
    assert count_plans(k, 10) == count


def test_the_counting_polynomials_are_burnsides() -> None:
    """Assignments of a topology that an automorphism fixes have one model per cycle of its free nodes."""
    for k in range(1, 7):
        for n_models in (1, 2, 3, 7):
            total = 0
            for number in connectivity_maps(k):
                shape = topology(k, int(number))
                fixed = sum(n_models ** _cycles(order, shape.free_nodes) for order in shape.automorphisms)
                total += fixed // len(shape.automorphisms)
            assert count_plans(k, n_models) == total


def _cycles(order: tuple[int, ...], nodes: tuple[int, ...]) -> int:
    left, count = set(nodes), 0
    while left:
        node, count = left.pop(), count + 1
        while order[node] in left:
            node = order[node]
            left.remove(node)
    return count


def test_plans_of_seven_operations_and_one_model_are_the_topologies() -> None:
    assert count_plans(7, 1) == 138101


def test_without_a_blender_only_chains_remain() -> None:
    assert [count_plans(k, 3, blender=False) for k in (1, 2, 3)] == [3, 9, 27]


@given(wirings(max_k=6))
def test_the_map_is_the_largest_over_all_topological_orders(
    wiring: tuple[int, tuple[tuple[int, int], ...]],
) -> None:
    k, edges = wiring
    numbers = [
        map_of_edges(k, renumber(edges, order))
        for order in permutations(range(k))
        if all(order.index(i) < order.index(j) for i, j in edges)
    ]
    number, orders = canonical_orders(k, edges)
    assert number == max(numbers)
    assert len(orders) == numbers.count(number)


@given(wirings(max_k=7), st.randoms())
def test_relabelling_keeps_the_map(wiring: tuple[int, tuple[tuple[int, int], ...]], random) -> None:
    k, edges = wiring
    order = list(range(k))
    random.shuffle(order)
    relabelled = tuple(sorted((order[i], order[j]) for i, j in edges))
    assert canonical_orders(k, relabelled)[0] == canonical_orders(k, edges)[0]


def test_generated_maps_are_what_one_graph_at_a_time_gives() -> None:
    for number in connectivity_maps(5):
        assert canonical_orders(5, edges_of_map(5, int(number)))[0] == number
    maps = connectivity_maps(6)
    assert (canonical_maps(predecessor_masks(6, maps)) == maps).all()


def test_a_diamond_shares_one_ancestor() -> None:
    diamond = topology(4, canonical_orders(4, ((0, 1), (0, 2), (1, 3), (2, 3)))[0])
    assert diamond.shared == ((), (), (), ((0, 1),))
    assert diamond.closures[3] == (0, 1, 2, 3)
    assert len(diamond.automorphisms) == 2


def test_nested_blends_are_flattened_as_a_view() -> None:
    # nodes 0 and 1 into blend 2; 2 and 3 into blend 4
    nested = topology(5, canonical_orders(5, ((0, 2), (1, 2), (2, 4), (3, 4)))[0])
    assert len(nested.leaves[4]) == 3
    assert len(nested.predecessors[4]) == 2


@pytest.mark.parametrize("k", [0, -1, 8, 100, True, "3"])
def test_sizes_that_are_not_supported_are_refused(k: object) -> None:
    with pytest.raises(InputError):
        connectivity_maps(k)  # type: ignore[arg-type]
