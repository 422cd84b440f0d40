"""Plans: canonical form, reading and writing, and precise messages for what is not a plan."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_strategies import plans

from optiq.errors import PlanError
from optiq.plans.plan import Plan


@given(plans(max_k=7), st.randoms())
def test_isomorphic_plans_are_equal(plan: Plan, random) -> None:
    order = list(range(plan.k))
    random.shuffle(order)
    models = [""] * plan.k
    for v, model in enumerate(plan.models):
        models[order[v]] = model
    again = Plan.of(models, [(order[i], order[j]) for i, j in plan.edges])
    assert again == plan
    assert again.key == plan.key


ODD_NAMES = (
    ">",
    "a",
    "a>",
    ">a",
    "a > b",
    "a >",
    "a->b",
    "→",
    'a"b',
    '"a"',
    "a, b; c",
    "blend(",
    "b(c)d",
    "2:1:a",
)
ODD_NAMES += ("{a}", "[a]", "\\", "a\\>b", "a%3Eb", "g(x>y)", "1=a")


@given(plans(max_k=7) | plans(models=ODD_NAMES, blender="> -> >", max_k=5))
def test_every_way_to_write_a_plan_reads_back(plan: Plan) -> None:
    assert Plan.parse(plan.to_json()) == plan
    assert Plan.parse(plan.to_dict()) == plan
    assert Plan.parse(plan.key) == plan
    assert Plan.from_key(plan.key) == plan
    if not plan.expression.startswith("1="):  # a listing is for people only
        assert Plan.parse(plan.expression) == plan


def test_keys_of_names_without_an_arrow_are_what_they_were() -> None:
    assert Plan.of(["a%3E", "b\\", "c d"], [(0, 1), (1, 2)]).key == r"3:5:a%3E>b\>c d"
    assert Plan.of(["a>", ">b"], [(0, 1)]).key == "2:1:a >> >b"


@given(plans(max_k=6))
def test_subplans_are_canonical_and_end_at_the_same_model(plan: Plan) -> None:
    for v in range(plan.k):
        part = plan.subplan(v)
        assert part.k == len(plan.closure(v))
        assert part.models[part.sink] == plan.models[v]
        assert Plan.of(part.models, part.edges) == part
    assert plan.subplan(plan.sink) == plan


def test_the_papers_figure_2_plan() -> None:
    # blend L1 and L2, blend that with L3, then refine with L4
    plan = Plan.of(["L1", "L2", "B", "L3", "B", "L4"], [(0, 2), (1, 2), (2, 4), (3, 4), (4, 5)])
    assert plan.expression == "blend(blend(L1, L2; B), L3; B) → L4"
    assert plan.level == 3


@pytest.mark.parametrize(
    ("text", "level"),
    [("a", 0), ("a → b", 1), ("a → b → c", 1), ("blend(a, b; c)", 1), ("blend(a → b, c; d)", 2),
     ("blend(a, b; c) → d", 2), ("blend(blend(a, b; c), d; c)", 2), ("a → blend(b, c; d)", 2)],
)  # fmt: skip
def test_level_is_operator_nesting_depth(text: str, level: int) -> None:
    assert Plan.parse(text).level == level


@pytest.mark.parametrize(
    ("models", "edges", "says"),
    [
        ([], [], "without models"),
        ("abc", [], "not a list"),
        (["a", ""], [[0, 1]], "node 1"),
        (["a", 3], [[0, 1]], "node 1"),
        (["a "], [], "cannot name a model"),
        (["a\nb"], [], "cannot name a model"),
        (["a", "b"], [[0, 1], [1, 0]], "cycle through nodes 0, 1"),
        (["a", "b", "c", "d"], [[0, 1], [1, 2], [2, 1], [2, 3]], "cycle through nodes 1, 2"),
        (["a", "b"], [], "several sinks, nodes 0, 1"),
        (["a", "b", "c"], [[0, 1]], "several sinks, nodes 1, 2"),
        (["a", "b"], [[0, 2]], "node 2"),
        (["a", "b"], [[-1, 1]], "node -1"),
        (["a", "b"], [[0, 0], [0, 1]], "to itself"),
        (["a", "b"], [[0, 1], [0, 1]], "given twice"),
        (["a", "b"], [[0]], "not a pair"),
        (["a", "b"], [[0, 1.0]], "whole number"),
        (["a", "b"], [[False, True]], "whole number"),
        (["a", "b"], "01", "not a list of pairs"),
        (["a"] * 8, [[v, v + 1] for v in range(7)], "8 nodes is larger than supported"),
    ],
)
def test_what_is_not_a_plan_is_named(models: list, edges: list, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        Plan.of(models, edges)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "empty"),
        ("{", "not JSON"),
        ("[" * 50_000, "not JSON"),
        ("[1, 2]", "not an object"),
        ('{"edges": []}', "without 'models'"),
        ('{"models": ["a"], "colour": 1}', "no field 'colour'"),
        ('{"models": {"a": 1}}', "not a list of names"),
        ('{"models": ["a", "b"], "edges": 5}', "not a list of pairs"),
        ("blend(a; b)", "blend of one"),
        ("blend(a, b", "expected ';'"),
        ("a → ", "expected a model"),
        ("a b", "unexpected 'b'"),
        ("3:3:a>b", "2 models for 3 nodes"),
        ("2:7:a>b", "too large"),
        ("2:0:a>b", "several sinks"),
        (17, "cannot be a int"),
        (None, "NoneType"),
    ],
)
def test_what_cannot_be_read_is_named(value: object, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        Plan.parse(value)  # type: ignore[arg-type]


def test_huge_plans_fail_fast() -> None:
    with pytest.raises(PlanError, match="larger than supported"):
        Plan.of(["a"] * 10_000, [(v, v + 1) for v in range(9_999)])
    text = json.dumps({"models": ["a"] * 10_000, "edges": [[v, v + 1] for v in range(9_999)]})
    with pytest.raises(PlanError, match="at most 7 nodes"):
        Plan.parse(text * 5)
    with pytest.raises(PlanError, match="edge"):
        Plan.of(["a", "b"], ((0, 1) for _ in range(10**9)))


def test_the_blender_is_checked_by_name() -> None:
    plan = Plan.parse("blend(a, b; c)")
    assert plan.check_blender("c") is plan
    with pytest.raises(PlanError, match="blends with 'c', but the blender is 'd'"):
        plan.check_blender("d")
    with pytest.raises(PlanError, match="no blender"):
        plan.check_blender(None)
    assert Plan.parse("a → b").check_blender(None).k == 2


def test_a_drawing_shows_every_flow() -> None:
    plan = Plan.of(["mistral:7b", "phi4:14b", "qwen2.5:14b", "gemma3:27b"], [(0, 1), (1, 3), (2, 3)])
    assert plan.drawing().splitlines() == [
        "●           mistral:7b",
        "╰──●        phi4:14b",
        "   │  ●     qwen2.5:14b",
        "   ╰──┴──◆  gemma3:27b   (blends)",
    ]


def test_a_line_that_skips_columns_has_a_place_in_each() -> None:
    from optiq.plans.drawing_svg import columns_of

    plan = Plan.of(["a", "b", "c", "z"], [(0, 1), (1, 2), (2, 3), (0, 3)])
    columns = columns_of(plan)
    assert [[place.node for place in column if place.edge is None] for column in columns] == [
        [0],
        [1],
        [2],
        [3],
    ]
    assert [[place.edge for place in column if place.edge] for column in columns] == [
        [],
        [(0, 3)],
        [(0, 3)],
        [],
    ]


@given(plans(max_k=7))
def test_no_two_boxes_of_a_picture_overlap(plan: Plan) -> None:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(plan.svg())
    width, height = (float(root.attrib[name]) for name in ("width", "height"))
    boxes = [e.attrib for e in root.iter() if e.tag.endswith("rect") and e.attrib["height"] == "36"]
    corners = [(float(b["x"]), float(b["y"]), float(b["width"]), float(b["height"])) for b in boxes]
    assert len(corners) == plan.k
    for n, (x, y, w, h) in enumerate(corners):
        assert x >= 4
        assert y >= 4
        assert x + w <= width - 4
        assert y + h <= height - 4
        assert all(abs(x - x2) >= w or abs(y - y2) > h for x2, y2, _, _ in corners[:n])


def test_the_svg_is_well_formed_and_escapes_names() -> None:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(Plan.parse('{"models": ["a<b", "c&d"], "edges": [[0, 1]]}').svg())
    assert "c&d" in "".join(root.itertext())
    assert len([e for e in root.iter() if e.tag.endswith("rect")]) == 3
