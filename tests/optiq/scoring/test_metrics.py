"""Metrics by name: what each gives, which one is the quality, and what becomes of one that fails."""

import json
import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.configuration import Settings
from optiq.errors import ConfigurationError, OptiqWarning, UnknownName
from optiq.extensions.built_in import QUALITY_METRICS
from optiq.questions.question import Kind, Question
from optiq.scoring import score
from optiq.scoring.metrics import DEFAULTS, Metrics, metric_named

ASKED = Question("1", "Which?")


def raises(answer, reference, question):
    raise RuntimeError("no luck")


def seven(answer, reference, question):
    return 7


def nan(answer, reference, question):
    return math.nan


def words(answer, reference, question):
    return "good"


def length(answer, reference, question):
    return min(len(answer) / len(reference), 1.0)


def about(kind, reference="Oslo"):
    options = ("Rome", "Oslo") if kind.has_options else ()
    return Question("1", "Which?", options=options, kind=kind, reference="B" if options else reference)


@pytest.mark.parametrize(
    ("name", "answer", "reference", "value"),
    [
        ("exact", "The Oslo!", "oslo", 1.0),
        ("exact", "in Oslo", "Oslo", 0.0),
        ("numeric", "about 5 km", "5000 m", 1.0),
        ("numeric", "Oslo", "Oslo", None),
        ("containment", "It is Oslo.", "Oslo", 1.0),
        ("containment", "It is not Oslo.", "Oslo", 0.0),
        ("set-overlap", "red, blue", "blue, red, green", 2 / 3),
        ("set-overlap", "red", "red", 1.0),
        ("token-f1", "the cat sat", "cat sat down", 0.8),
        ("token-f1", "dog", "cat", 0.0),
        ("rouge-l", "one two three four", "one three four five", 0.75),
        ("rouge-l", "", "one", 0.0),
        ("rouge-l", "Москва", "Москва", 1.0),
        ("rouge-l", "-5", "5", 0.0),
        ("rouge-l", "C++", "C#", 0.0),
        ("rouge-l", "東京タワーは赤い", "東京タワーは青い", 0.875),
        ("token-f1", "赤い東京タワー", "東京タワーは赤い", 14 / 15),
        ("json-match", '{"a": 1, "b": 2}', '{"a": 1, "b": 3}', 0.5),
        ("rule", "Oslo, not Bergen", "Oslo", 1.0),
        ("judge", "Oslo", "Oslo", None),
        ("tests", "def twice(x):\n    return 2 * x", "assert twice(4) == 8", 1.0),
        ("tests", "def twice(x):\n    return x", "assert twice(4) == 8", 0.0),
        ("tests", "not python", "assert True", 0.0),
    ],
)
def test_what_a_metric_gives(name, answer, reference, value):
    found = metric_named(name)(answer, reference, ASKED)
    assert found == (None if value is None else pytest.approx(value))


@given(
    st.text(max_size=60),
    st.text(max_size=60),
    st.sampled_from(["token-f1", "rouge-l", "set-overlap", "exact"]),
)
def test_a_text_is_as_good_as_itself_and_no_value_leaves_its_range(one, other, name):
    metric = metric_named(name)
    assert 0.0 <= metric(one, other, ASKED) <= 1.0
    assert metric(one, other, ASKED) == metric(other, one, ASKED)
    if any(c.isalnum() for c in one):
        assert metric(one, one, ASKED) == 1.0


@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=7))
def test_rouge_l_is_that_of_all_common_subsequences(one, other):
    def longest(left, right):
        if not left or not right:
            return 0
        if left[0] == right[0]:
            return 1 + longest(left[1:], right[1:])
        return max(longest(left[1:], right), longest(left, right[1:]))

    one, other = ([f"w{c}" for c in text] for text in (one, other))
    shared = longest(one, other)
    wanted = 2 * shared / (len(one) + len(other)) if shared else 0.0
    assert metric_named("rouge-l")(" ".join(one), " ".join(other), ASKED) == pytest.approx(wanted)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_form_has_a_metric_that_is_named(kind):
    assert DEFAULTS[kind] in QUALITY_METRICS.names()
    reference = '{"a": 1}' if kind is Kind.JSON else "Oslo"
    found = score(about(kind, reference), "B" if kind.has_options else reference)
    assert (found.metric, found.qoa) == (DEFAULTS[kind], 1.0)


def test_all_scores_are_kept_and_the_one_that_was_named_counts():
    metrics = Metrics((("long", "rouge-l"),))
    found = score(about(Kind.LONG, "one two three four"), "one three four five", metrics)
    assert (found.metric, found.qoa) == ("rouge-l", 0.75)
    assert set(json.loads(found.written)) == {"cosine", "token-f1", "rouge-l"}
    assert score(about(Kind.OPEN), "Oslo", metrics).metric == "rule"


def test_a_metric_of_no_form_counts_for_every_form_but_those_with_their_own():
    metrics = Metrics((("", "exact"), ("short", "containment")))
    assert [metrics.of(kind) for kind in (Kind.OPEN, Kind.LONG, Kind.JSON)] == [
        "containment",
        "exact",
        "exact",
    ]


def test_a_function_of_ones_own_is_a_metric():
    found = score(about(Kind.OPEN, "Oslo"), "Os", Metrics((("", f"{__name__}:length"),)))
    assert (found.qoa, found.others) == (
        0.5,
        {"rule": pytest.approx(found.others["rule"]), found.metric: 0.5},
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("raises", "raised RuntimeError: no luck"),
        ("seven", "gave 7, not"),
        ("nan", "gave nan"),
        ("words", "'good'"),
    ],
)
def test_a_metric_that_fails_leaves_answers_unjudged_and_says_so_once(name, why):
    metrics = Metrics((("", f"{__name__}:{name}"),))
    with pytest.warns(OptiqWarning, match=why) as said:
        found = [score(about(Kind.OPEN), "Oslo", metrics) for _ in range(3)]
    assert [one.qoa for one in found] == [None] * 3
    assert len(said) == 1


def test_programs_are_not_run_unless_it_is_allowed():
    program, checks = "open('made', 'w')", "assert True"
    asked = Question("1", "Write it", kind=Kind.CODE, reference=checks)
    with pytest.warns(OptiqWarning, match="nobody allowed"):
        assert score(asked, program, Metrics((("", "tests"),))).qoa is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert score(asked, program, Metrics((("", "tests"),), runs_programs=True)).qoa == 1.0


def test_a_program_has_no_keys_and_no_folder_of_ours(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    checks = "import os\nassert 'OPENAI_API_KEY' not in os.environ\n"
    checks += "assert sorted(os.listdir()) == ['program.py', 'tests.py']"
    assert metric_named("tests")("", checks, ASKED) == 1.0
    assert metric_named("tests")("x = bytearray(3 << 30)", "assert True", ASKED) == 0.0


@pytest.mark.parametrize(
    ("given", "fault", "says"),
    [
        ("rouge", UnknownName, "Did you mean 'rouge-l'"),
        ("essay=rouge-l", ConfigurationError, "the form 'essay'"),
        ("long=", ConfigurationError, "names no metric"),
        ("judge", ConfigurationError, "--judge MODEL"),
    ],
)
def test_a_metric_that_cannot_be_is_refused(given, fault, says):
    with pytest.raises(fault, match=says):
        Settings.load({"metric": [given]}, {})


@pytest.mark.parametrize("name", ["nowhere_at_all:metric", f"{__name__}:nothing", f"{__name__}:ASKED"])
def test_a_function_that_cannot_be_imported_is_refused(name):
    with pytest.raises(ConfigurationError):
        Settings.load({"metric": [name]}, {}).metrics.check()
