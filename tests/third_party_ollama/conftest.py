"""Third-party servers of Ollama's API, each in front of a real llama.cpp, in an environment of their own."""

import os
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.llama_server import llama_server
from tests.own_environment import interpreter_of

ROOT = Path(__file__).parents[2]
LOCK = Path(__file__).with_name("requirements.lock")
PLACE = ROOT / ".venv-third-party"

# Its console script is broken: it was built from a package "src" and installed without it.
OPENAI_PROXY = """
import sys, sysconfig, types
package = types.ModuleType("src")
package.__path__ = [sysconfig.get_path("purelib")]
sys.modules["src"] = package
import uvicorn
from src.main import app
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""


@dataclass(frozen=True)
class Served:
    """A running server: address, its name for the model, and whether it counts real tokens.

    ``faithful`` tells what each does otherwise than Ollama: ollama-openai-proxy streams parts without the
    message that the API requires, and lets llama.cpp answer for models that nobody serves.
    """

    url: str
    model: str
    counts_tokens: bool
    faithful: bool


@pytest.fixture(scope="session")
def third_party_python():
    """The interpreter of the servers' environment."""
    return interpreter_of(PLACE, LOCK)


@pytest.fixture(scope="session")
def llama():
    """A real OpenAI-compatible server, and its name for the model: llama.cpp with SmolLM2."""
    with llama_server("smollm2:135m", "smol") as address:
        yield address


@pytest.fixture(scope="session", params=["ollama-openai-proxy", "ollama-proxy-plus"])
def served(request, third_party_python, llama, tmp_path_factory):
    """Each third-party server in turn."""
    folder, port = tmp_path_factory.mktemp("proxy"), free_port()
    if request.param == "ollama-openai-proxy":
        command = [third_party_python, "-c", OPENAI_PROXY, str(port)]
        variables = {"OPENAI_API_BASE_URL": f"{llama}/v1", "OPENAI_API_KEY": "none", "LOG_LEVEL": "ERROR"}
        found = Served(f"http://127.0.0.1:{port}", "smol", True, False)
    else:
        command = [
            third_party_python,
            "-m",
            "ollama_proxy",
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        variables = {
            "PROVIDERS_LOCAL_API_KEY": "none",
            "PROVIDERS_LOCAL_BASE_URL": f"{llama}/v1",
            "EXTRA_MODELS": "local/smol",
        }
        found = Served(f"http://127.0.0.1:{port}", "local/smol", False, True)
    with running(command, variables, folder, found.url):
        yield found


@contextmanager
def running(command, variables, folder, url):
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=environ | variables, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 200
        while not answers(url):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"no answer: {log.read_text()}"
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def answers(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/api/tags", timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
