"""The real BERTopic, fitted once: importing it is what takes the time."""

import pytest

from optiq.errors import InputError
from optiq.text.topics.bertopic import SupervisedBertopic, fit_bertopic

TEXTS = [
    "Which city is the capital of Chile?",
    "What is the longest river of Europe?",
    "On which continent does Mongolia lie?",
    "Who composed the opera Carmen?",
    "How many strings does a cello have?",
    "Which band recorded the album Abbey Road?",
]
LABELS = ["geography"] * 3 + ["music"] * 3


@pytest.fixture(scope="module")
def model():
    return fit_bertopic(TEXTS, LABELS)


def test_it_keeps_the_given_topics(model):
    capital, song, code = model.assign(
        ["What is the capital of Peru?", "Who composed the opera Tosca?", "def f(x): return x"]
    )
    assert (capital[0][0], song[0][0], code) == ("geography", "music", ())


def test_words(model):
    assert "capital" in model.words["geography"]
    assert "opera" in model.words["music"]


def test_saved_without_pickles_and_read_again(model, tmp_path, capfd):
    model.save(tmp_path)
    assert capfd.readouterr() == ("", "")
    assert {path.suffix for path in tmp_path.rglob("*.*")} == {".npz", ".json", ".safetensors"}
    again = SupervisedBertopic.load(tmp_path)
    assert again.assign(TEXTS) == model.assign(TEXTS)
    assert again.words == model.words
    assert again.bertopic is None


def test_faults(model, tmp_path):
    with pytest.raises(InputError, match="no BERTopic model"):
        SupervisedBertopic.load(tmp_path)
    with pytest.raises(InputError, match="too few"):
        fit_bertopic(["Who?"], ["a"])
    model.save(tmp_path)
    with pytest.raises(InputError, match="on disk already"):
        SupervisedBertopic.load(tmp_path).save(tmp_path / "copy")
