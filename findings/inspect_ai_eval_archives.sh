#!/usr/bin/env bash
# inspect_ai 0.3.285 writes .eval logs that are ZIP files which Python before 3.14 cannot read.
# Expected: the documented format is a ZIP of JSON files: zipfile and json read it.
# Seen: the archive opens and lists its members, but each is compressed with Zstandard (method 93): zipfile of Python 3.11
#       to 3.13 raises NotImplementedError on the first read. inspect_ai itself, or a Zstandard package, is needed.
# Hurts: whoever collects past evaluations without the whole of inspect_ai and its dependencies.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check inspect_ai==0.3.285
cd "$folder"
venv/bin/python - <<'PYTHON'
from importlib.metadata import version
from pathlib import Path

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import read_eval_log
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

task = Task(dataset=[Sample("question", target="answer")], solver=generate(), scorer=includes())
eval(task, model="mockllm/model", log_dir="logs", display="none")
path = next(Path("logs").glob("*.eval"))
print("inspect_ai", version("inspect_ai"), "reads", len(read_eval_log(str(path)).samples), "sample")
path.rename("log.eval")
PYTHON
venv/bin/python - <<'PYTHON' # inspect_ai teaches the zipfile of its own process this method, so another one looks
import platform, zipfile

archive = zipfile.ZipFile("log.eval")
methods = {member.compress_type for member in archive.infolist()}
try:
    refused = None
    archive.read("header.json")
except NotImplementedError as error:
    refused = str(error)
print("Python", platform.python_version(), "methods", methods, "zipfile:", refused)
assert methods == {93} and refused is not None
PYTHON
