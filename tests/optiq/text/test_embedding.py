"""The real MiniLM model, as installed."""

import subprocess
import sys

import numpy as np

from optiq.text.embedding import DIMENSIONS, available, embed
from optiq.text.topics.bertopic import sentence_model


def test_rows_are_unit_vectors_in_float32():
    vectors = embed(["What is the capital of Norway?", "", "naïve café ☕"])
    assert vectors.shape == (3, DIMENSIONS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_rows():
    assert embed([]).shape == (0, DIMENSIONS)


def test_like_meanings_lie_closer_than_unlike_ones():
    city, capital, element = embed(
        ["Paris is in France.", "The French capital is Paris.", "Iron is a metal."]
    )
    assert city @ capital > 0.7 > 0.3 > city @ element


def test_one_text_and_many_are_embedded_as_sentence_transformers_embeds_them():
    texts = [
        "What is the capital of France?",
        "x",
        "",
        "Zürich, naïve café 東京 🙂 " * 30,
        "Question? " * 400,
        *(f"Who was number {i} of the list?" for i in range(40)),
    ]
    many = embed(texts)
    np.testing.assert_allclose(many, sentence_model().encode(texts, normalize_embeddings=True), atol=2e-6)
    np.testing.assert_allclose(np.concatenate([embed([text]) for text in texts]), many, atol=2e-6)


def test_the_model_is_installed_here():
    assert available()


def test_importing_is_light_and_embedding_prints_nothing():
    program = (
        "import sys; import optiq.text.embedding as e; assert 'torch' not in sys.modules; "
        "assert e.embed(['one']).shape == (1, 384); "
        "assert e.embed(['one'] * 20).shape == (20, 384); assert 'torch' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
