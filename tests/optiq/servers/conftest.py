"""A real OpenAI-compatible server on this machine: llama.cpp with SmolLM2, as people run it."""

import pytest

from optiq.servers.embedded_models import EMBEDDED_MODELS


@pytest.fixture(scope="session")
def llama_url():
    """Its address; it lists one model, and answers without a key."""
    yield from _served("smollm2:135m")


@pytest.fixture(scope="session")
def gemma_url():
    """The same with Gemma, which has no chat template of its own."""
    yield from _served("gemma3:270m")


def _served(name):
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(EMBEDDED_MODELS[name].locate())
    params.n_ctx = 2048
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.n_threads_http = 2
    params.n_gpu_layers = 0
    params.verbosity = 0
    params.port = 0
    params.hostnames = ["127.0.0.1"]
    params.ui = False
    server = xllamacpp.Server(params)
    yield server.listening_address
    del server
