"""Scores as tables: what counts as the same, how sets overlap, and which score is the QoA."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.questions.question import Kind, Question
from optiq.scoring import Scores, containment, exact_match, jaccard, judging, normalise, score, score_many
from optiq.scoring.text import roles_agree
from optiq.text import embedding

SAME = [
    ("Oslo", "oslo"),
    ("The Nile", "Nile"),
    ("São Paulo", "Sao Paulo"),
    ("  William   Shakespeare. ", "william shakespeare"),
    ("carbon-dioxide", "carbon dioxide"),
    ("1,000,000", "1000000"),
    ("O'Brien", "O’Brien"),
    ("the United States of America", "United States of America"),
    ("Straße", "strasse"),
    ("−5", "-5"),
    ("¿Qué?", "que"),
    ("Zürich", "ZÜRICH"),
    ("an apple", "Apple"),
    ("a", "A."),
    ("???", " ??? "),
]
DIFFERENT = [
    ("Oslo", "Bergen"),
    ("5", "-5"),
    ("3.14", "314"),
    ("1/2", "12"),
    ("C", "C++"),
    ("C#", "C"),
    ("5%", "5"),
    ("1945", "45"),
    ("", ""),
    ("  ", "Oslo"),
    ("1,5", "15"),
    ("the", "a"),
    ("?", "!"),
]
SETS = [("AC", "AC", 1.0), ("A", "AC", 0.5), ("ABC", "AC", 2 / 3), ("B", "AC", 0.0), ("", "AC", 0.0)]


def question(kind, reference, options=("Rome", "Paris", "Madrid", "New York")):
    return Question(
        "1", "Which?", options=options if kind != "open" else (), kind=Kind(kind), reference=reference
    )


@pytest.mark.parametrize(("left", "right"), SAME)
def test_the_same_but_for_spelling(left, right):
    assert exact_match(left, right) == exact_match(right, left) == 1.0


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_not_the_same(left, right):
    assert exact_match(left, right) == exact_match(right, left) == 0.0


@pytest.mark.parametrize(("chosen", "right", "overlap"), SETS)
def test_option_sets_overlap(chosen, right, overlap):
    assert jaccard(chosen, right) == pytest.approx(overlap)


@pytest.mark.parametrize(
    ("kind", "answer", "reference", "scores"),
    [
        ("choice", "B", "B", Scores(exact=1.0, jaccard=1.0, qoa=1.0)),
        ("choice", "A", "B", Scores(exact=0.0, jaccard=0.0, qoa=0.0)),
        ("choice", "Paris", "B", Scores(exact=1.0, jaccard=1.0, qoa=1.0)),
        ("choice", "B", "Paris", Scores(exact=1.0, jaccard=1.0, qoa=1.0)),
        ("choice", "London", "B", Scores(exact=0.0, jaccard=0.0, qoa=0.0)),
        ("choice", "", "B", Scores(exact=0.0, jaccard=0.0, qoa=0.0)),
        ("multi", "A, C", "A, C", Scores(exact=1.0, jaccard=1.0, qoa=1.0)),
        ("multi", "A", "A, C", Scores(exact=0.0, jaccard=0.5, qoa=0.5)),
        ("multi", "no idea", "A, C", Scores(exact=0.0, jaccard=0.0, qoa=0.0)),
        ("open", "", "Oslo", Scores(exact=0.0, contained=0.0, qoa=0.0)),
        ("open", "", "1905", Scores(exact=0.0, contained=0.0, numeric=0.0, date=0.0, qoa=0.0)),
        ("open", None, "Oslo", Scores()),
        ("choice", None, "B", Scores()),
        ("open", "Oslo", None, Scores()),
    ],
)
def test_the_qoa_of_each_kind(kind, answer, reference, scores):
    assert score(question(kind, reference), answer) == scores


def test_open_answers_without_the_words_of_the_reference_are_graded_by_meaning():
    asked = question("open", "Norway's capital")
    same, near, far = score_many(
        [(asked, "Norways capital."), (asked, "capital of Norway"), (asked, "a banana")]
    )
    assert (same.exact, same.qoa) == (1.0, 1.0)
    assert near.exact == near.contained == 0.0
    assert near.qoa == near.cosine
    assert 0 <= far.qoa < near.qoa < 1


@pytest.mark.parametrize(
    ("answer", "reference", "qoa"),
    [
        ("The city of Oslo", "Oslo", 1.0),
        ("1904", "1905", 0.0),
        ("5 May 1821", "1821", 1.0),
        ("1,200", "1200", 1.0),
        ("December 29", "21 November", 0.0),
        ("21 December", "21 November", 0.0),
        ("52nd minute", "52", 1.0),
    ],
)
def test_short_facts_are_right_or_wrong_whatever_their_cosine(monkeypatch, answer, reference, qoa):
    monkeypatch.setattr(judging, "cosines", lambda pairs: [0.8] * len(pairs))  # what a wrong year gets
    judged = score(question("open", reference), answer)
    assert (judged.cosine, judged.qoa) == (0.8, qoa)


def test_only_open_answers_with_words_have_a_meaning_to_compare(monkeypatch):
    seen = []
    monkeypatch.setattr(judging, "cosines", lambda pairs: seen.extend(pairs) or [0.25] * len(pairs))
    judged = score_many(
        [
            (question("open", "Oslo"), "Bergen"),
            (question("open", "Oslo"), " "),
            (question("open", "Oslo"), None),
            (question("open", None), "Bergen"),
            (question("choice", "B"), "Paris"),
            (question("open", "Rome"), "Athens"),
        ]
    )
    assert seen == [("Bergen", "Oslo"), ("Athens", "Rome")]
    assert [scores.cosine for scores in judged] == [0.25, None, None, None, None, 0.25]
    assert [scores.qoa for scores in judged] == pytest.approx([0.1225, 0.0, None, None, 1.0, 0.1225])


def test_the_scores_are_columns_of_a_trace():
    columns = Scores(
        exact=1.0, jaccard=0.5, cosine=0.4, contained=0.3, numeric=0.2, date=0.1, qoa=0.9
    ).columns()
    assert columns == {
        "score_exact": 1.0,
        "score_jaccard": 0.5,
        "score_cosine": 0.4,
        "score_contained": 0.3,
        "score_numeric": 0.2,
        "score_date": 0.1,
    }


def test_the_better_reading_of_a_bare_year_counts():
    judged = score(question("open", "1821"), "May 1821")
    assert (judged.date, judged.numeric, judged.qoa) == (1.0, 0.0, 1.0)
    judged = score(question("open", "1200"), "1,200")
    assert (judged.date, judged.numeric, judged.qoa) == (0.0, 1.0, 1.0)


def test_cosines_are_those_of_unit_vectors():
    same, other = judging.cosines([("a red house", "a red house"), ("a red house", "stock exchange")])
    assert same == pytest.approx(1.0, abs=1e-3)
    assert -1 <= other < 0.6
    assert judging.cosines([]) == []


def test_a_meaning_is_worth_no_more_than_the_same_words(monkeypatch):
    monkeypatch.setattr(judging, "cosines", lambda pairs: [1.0000001] * len(pairs))
    assert score(question("open", "Kiyoshi Itô"), "Kiyosi Ito").qoa == 1.0


def test_opposite_meanings_are_not_worth_less_than_nothing(monkeypatch):
    monkeypatch.setattr(judging, "cosines", lambda pairs: [-0.2] * len(pairs))  # rare in earnest
    graded = score(question("open", "Oslo"), "Bergen")
    assert (graded.cosine, graded.qoa) == (-0.2, 0.0)


def test_without_the_embedding_package_nothing_is_guessed(monkeypatch):
    monkeypatch.setattr(embedding, "available", lambda: False)
    assert score(question("open", "Oslo"), "Oslo").qoa == 1.0
    assert score(question("open", "Oslo"), "Bergen") == Scores(exact=0.0, contained=0.0)
    assert score(question("open", "1905"), "1904").qoa == 0.0
    assert score(question("choice", "B"), "B").qoa == 1.0


@pytest.mark.parametrize(
    ("answer", "reference", "named"),
    [
        ("It was Wood, Carol S.", "Carol S. Wood", 1.0),
        ("Manchester United and Arsenal", "Arsenal and Manchester United", 1.0),
        ("Manchester City and Arsenal", "Arsenal and Manchester United", 0.0),
        ("It is not Oslo", "Oslo", 0.0),
        ("Oslo, not Bergen", "Oslo", 1.0),
        ("it isn't", "not", 0.0),
        ("never", "Never", 1.0),
        *(
            (f"It {denial} Oslo", "Oslo", 0.0)
            for denial in ("isn't", "wasn't", "aren't", "weren't", "was never")
        ),
        ("neither Oslo, nor Bergen", "Oslo", 0.0),
        ("neither Bergen nor Oslo", "Bergen", 0.0),
        ("nor Oslo", "Oslo", 0.0),
        ("It is Oslo and Oslo", "Oslo Oslo Oslo", 0.0),
        ("Oslo", "", 0.0),
        ("Osloer", "Oslo", 0.0),
        ("", "Oslo", 0.0),
    ],
)
def test_an_answer_names_the_reference(answer, reference, named):
    assert containment(answer, reference) == named


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing_more(text):
    assert normalise(normalise(text)) == normalise(text)


@given(st.sets(st.sampled_from("ABCD")), st.sets(st.sampled_from("ABCD")))
def test_jaccard_is_a_symmetric_score(left, right):
    assert 0 <= jaccard(left, right) == jaccard(right, left) <= 1
    assert (jaccard(left, right) == 1) == (left == right != set())


# Of these letters there is no relation, which parts its sides: in another order "cats chase mice" says another thing.
@given(st.lists(st.text(alphabet="bcfghk", min_size=1, max_size=5), min_size=1, max_size=6), st.randoms())
def test_an_answer_that_has_the_reference_in_any_order_names_it(words, chance):
    shuffled = [*words, "indeed"]
    chance.shuffle(shuffled)
    assert containment(" ".join(shuffled), " ".join(words)) == 1.0


NAMES = st.sampled_from(["Chile", "Peru", "Ghana", "Malta", "Kenya"])
RELATIONS = [
    "beat",
    "is older than",
    "invaded",
    "bought",
    "flows into",
    "is the capital of",
    "depends on",
    "exceeds",
]


@given(NAMES, NAMES, st.sampled_from(RELATIONS), st.sampled_from(["{}", "{}.", "I think {}.", "In fact {}"]))
def test_what_is_related_keeps_its_role(one, other, relation, said):
    right, exchanged = said.format(f"{one} {relation} {other}"), said.format(f"{other} {relation} {one}")
    wanted = f"{one} {relation} {other}"
    assert containment(right, wanted) == 1.0
    assert containment(exchanged, wanted) == float(one == other)


@given(NAMES, NAMES)
def test_the_voice_and_the_converse_change_sides(one, other):
    wanted = f"{one} beat {other}"
    for same in (f"{other} was beaten by {one}", f"{other} lost to {one}", f"{one} defeated {other}"):
        exchanged = same.replace(one, "?").replace(other, one).replace("?", other)
        assert roles_agree(same, wanted) is (None if one == other else True)
        assert roles_agree(exchanged, wanted) is (None if one == other else False)
