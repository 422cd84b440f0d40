"""Hypothesis strategies: random wirings and plans."""

from hypothesis import strategies as st

from optiq.plans.plan import Plan


@st.composite
def wirings(draw: st.DrawFn, max_k: int = 6) -> tuple[int, tuple[tuple[int, int], ...]]:
    """A single-sink DAG as (k, edges) with nodes in a topological order, the sink last."""
    k = draw(st.integers(1, max_k))
    edges: set[tuple[int, int]] = set()
    for i in range(k - 1):
        readers = draw(st.sets(st.integers(i + 1, k - 1), min_size=1))
        edges |= {(i, j) for j in readers}
    return k, tuple(sorted(edges))


@st.composite
def plans(
    draw: st.DrawFn, models: tuple[str, ...] = ("a", "b", "c"), blender: str = "z", max_k: int = 5
) -> Plan:
    """A plan whose blend nodes carry ``blender``."""
    k, edges = draw(wirings(max_k=max_k))
    names = [
        blender if sum(j == v for _, j in edges) > 1 else draw(st.sampled_from(models)) for v in range(k)
    ]
    return Plan.of(names, edges)
