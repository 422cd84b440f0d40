#!/usr/bin/env bash
# llm 0.36: the table of responses in logs.db exists and stays empty.
# Expected: a logged prompt is a row of `responses`, the table that every query and tool for these logs reads.
# Seen: the table is still made, with all its columns, but the call is a row of `turns`, its texts lie in `parts`;
#       `select … from responses` succeeds and finds nothing.
# Hurts: whoever reads usage or past answers out of llm's database: no error, no rows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check llm==0.36
export LLM_USER_PATH="$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
import llm, sqlite_utils
from llm.migrations import migrate

class Scripted(llm.Model):
    model_id = "scripted"

    def execute(self, prompt, stream, response, conversation):
        response.set_usage(input=3, output=2)
        yield "answer"

response = Scripted().prompt("question")
response.text()
database = sqlite_utils.Database(memory=True)
migrate(database)
response.log_to_db(database)
seen = {name: database[name].count for name in ("responses", "turns", "parts")}
print("llm", version("llm"), seen)
assert "input_tokens" in database["responses"].columns_dict
assert seen == {"responses": 0, "turns": 1, "parts": 2}
PYTHON
