"""A real OpenAI-compatible server on this machine: llama.cpp with an embedded model, as people run it."""

from collections.abc import Iterator
from contextlib import contextmanager

from optiq.servers.embedded_models import EMBEDDED_MODELS


@contextmanager
def llama_server(model: str, alias: str | None = None) -> Iterator[str]:
    """Its address; it lists one model, under ``alias`` if that is given, and answers without a key."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(EMBEDDED_MODELS[model].locate())
    if alias is not None:
        params.model_alias = {alias}
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
