"""A real OpenAI-compatible server on this machine: llama.cpp with SmolLM2, as people run it."""

import pytest

from tests.llama_server import llama_server


@pytest.fixture(scope="session")
def llama_url():
    """Its address; it lists one model, and answers without a key."""
    with llama_server("smollm2:135m") as address:
        yield address


@pytest.fixture(scope="session")
def gemma_url():
    """The same with Gemma, which has no chat template of its own."""
    with llama_server("gemma3:270m") as address:
        yield address
