"""Topics are learned from labelled questions, weighted, withheld from what is foreign, and stored safely."""

import numpy as np
import pytest

from optiq.errors import InputError
from optiq.text.topics import TopicModel
from optiq.text.topics.weights import LEAST_SHARE, MOST_TOPICS, softmax, weighted_topics
from optiq.text.topics.words import topic_words

LABELLED = [
    ("Which city is the capital of Chile?", "geography"),
    ("What is the longest river of Europe?", "geography"),
    ("On which continent does Mongolia lie?", "geography"),
    ("Which country borders both Spain and Italy?", "geography"),
    ("Who composed the opera Carmen?", "music"),
    ("How many strings does a cello have?", "music"),
    ("Which band recorded the album Abbey Road?", "music"),
    ("What does a conductor lead?", "music"),
    ("What do koalas eat?", "animals"),
    ("Which bird lays the largest egg?", "animals"),
    ("How long does an elephant carry its calf?", "animals"),
    ("Which insects live in hives?", "animals"),
]
ASKED = [
    ("What is the capital of Peru?", "geography"),
    ("Which sea lies south of Turkey?", "geography"),
    ("Who wrote the song Imagine?", "music"),
    ("Which instrument did Louis Armstrong play?", "music"),
    ("Which mammal lays eggs?", "animals"),
    ("How fast can a falcon dive?", "animals"),
]


@pytest.fixture(scope="module")
def model():
    return TopicModel.fit(*zip(*LABELLED, strict=True))


def test_questions_not_seen_before_get_their_topic(model):
    assigned = model.assign([text for text, _ in ASKED])
    assert [topics[0][0] for topics in assigned] == [topic for _, topic in ASKED]


def test_weights_sum_to_one_heaviest_first(model):
    for topics in model.assign([text for text, _ in LABELLED + ASKED]):
        weights = [weight for _, weight in topics]
        assert sum(weights) == pytest.approx(1)
        assert weights == sorted(weights, reverse=True)
        assert len(weights) <= MOST_TOPICS


def test_a_question_between_two_topics_counts_for_both(model):
    (topics,) = model.assign(["Which birds sing like a musical instrument?"])
    assert {name for name, _ in topics} == {"animals", "music"}


def test_what_is_far_from_every_topic_gets_none(model):
    assert model.assign(["def f(x): return x + 1", "for (;;) sum += a[i++];"]) == [(), ()]


def test_no_texts(model):
    assert model.assign([]) == []


def test_the_batch_does_not_change_the_topics(model):
    texts = [text for text, _ in ASKED]
    assert [model.assign([text])[0] for text in texts] == model.assign(texts)


def test_what_it_learned_can_be_read(model):
    assert model.topics == ("animals", "geography", "music")
    assert model.counts == (4, 4, 4)
    assert "capital" in model.words["geography"]
    assert "the" not in model.words["geography"]
    np.testing.assert_allclose(np.linalg.norm(model.centroids, axis=1), 1, atol=1e-6)


def test_names_that_tell_nothing_are_not_used(model):
    misnamed = {"geography": "music", "music": "animals", "animals": "geography"}
    wrong = TopicModel.fit([text for text, _ in LABELLED], [misnamed[topic] for _, topic in LABELLED])
    assert model.name_weight > 0
    assert wrong.name_weight == 0
    assert wrong.assign(["Which city is the capital of Peru?"])[0][0][0] == "music"


def test_stored_and_read_again(model, tmp_path):
    model.save(tmp_path / "new" / "folder")
    again = TopicModel.load(tmp_path / "new" / "folder")
    assert again.to_bytes() == model.to_bytes()
    assert (again.topics, again.counts, again.words) == (model.topics, model.counts, model.words)
    texts = [text for text, _ in ASKED]
    assert again.assign(texts) == model.assign(texts)


def test_the_order_of_questions_does_not_matter(model):
    again = TopicModel.fit(*zip(*reversed(LABELLED), strict=True))
    assert again.assign([text for text, _ in ASKED]) == model.assign([text for text, _ in ASKED])


def test_one_topic_is_enough():
    assert TopicModel.fit(["What is the capital of Chile?"], ["geography"]).assign(["Capital of Peru?"]) == [
        (("geography", 1.0),)
    ]


@pytest.mark.parametrize(("texts", "labels"), [([], []), (["Who?"], [" "]), ([" "], ["a"])])
def test_nothing_to_learn_from(texts, labels):
    with pytest.raises(InputError, match="no question has a topic"):
        TopicModel.fit(texts, labels)


def test_a_missing_model_and_a_damaged_one(model, tmp_path):
    with pytest.raises(InputError, match="no topic model"):
        TopicModel.load(tmp_path)
    for data in (b"", b"PK", model.to_bytes()[:-100], b"not an archive at all", np.zeros(3).tobytes()):
        (tmp_path / "topics.npz").write_bytes(data)
        with pytest.raises(InputError, match="cannot be read"):
            TopicModel.load(tmp_path)


def test_shares_too_small_are_left_out_and_the_rest_scaled():
    shares = np.array([[0.5, 0.25, 0.2, 0.05], [0.9, 0.1, 0.0, 0.0], [0.15, 0.15, 0.1, 0.1]])
    names = ["d", "c", "b", "a"]
    many, one, flat = weighted_topics(shares, np.ones(3), names)
    assert dict(many) == pytest.approx({"d": 0.5 / 0.95, "c": 0.25 / 0.95, "b": 0.2 / 0.95})
    assert one == (("d", 1.0),)
    assert flat == (("c", 1.0),), f"the best is kept below {LEAST_SHARE} too; ties go by name"


def test_softmax_rows_sum_to_one():
    np.testing.assert_allclose(softmax(np.array([[0.9, 0.1], [-1.0, -1.0]])).sum(axis=1), 1)


def test_words_are_those_that_others_do_not_use():
    words = topic_words(
        ["red apple, red cherry", "red sky 1900", "deep sea"], ["fruit", "nature", "nature"], 2
    )
    assert words == {"fruit": ["apple", "cherry"], "nature": ["deep", "sea"]}
