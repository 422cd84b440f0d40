#!/usr/bin/env bash
# lm-eval 0.4.13: with an API model, every repeat of a question is asked with the same seed.
# Expected: `repeats: 3` with do_sample and a temperature gives three samples of the model's answers, for pass@k,
#           maj@k or a spread.
# Seen: the client writes one constant "seed": 1234 into every request, whatever the repeat. A server that honours the
#       seed (llama.cpp, vLLM, OpenAI as far as it can) answers three times alike: here the three samples of each
#       question are equal, although the server draws its answers anew for each seed.
# Hurts: pass@k and majority votes from API models are those of one sample; repeats in a samples file look like
#        independent evidence on a model's spread and are not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "lm-eval[api]==0.4.13"
cd "$folder"
mkdir tasks
printf '{"question": "Name a river.", "answer": "Rhine"}\n{"question": "Name a tree.", "answer": "oak"}\n' > questions.jsonl
cat > tasks/rivers.yaml <<YAML
task: rivers
dataset_path: json
dataset_kwargs: {data_files: {test: $folder/questions.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
repeats: 3
generation_kwargs: {do_sample: true, temperature: 0.8, until: ["\n"], max_gen_toks: 8}
metric_list: [{metric: exact_match}]
YAML
cat > server.py <<'PYTHON'
import json, random
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Model(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("requests.jsonl", "a") as log:
            log.write(json.dumps({"seed": asked.get("seed"), "temperature": asked.get("temperature")}) + "\n")
        seed = asked.get("seed")  # what is drawn depends on it, and on nothing else
        text = "answer %d" % random.Random(seed).randrange(10**9)
        reply = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}]}
        body = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
print(server.server_address[1], flush=True)
server.serve_forever()
PYTHON
venv/bin/python server.py > port & server=$!
trap 'kill $server; rm -rf "$folder"' EXIT
until [ -s port ]; do sleep 0.1; done
HF_HOME=$folder/hf HF_HUB_OFFLINE=1 venv/bin/lm_eval run --model local-chat-completions \
    --model_args "model=m,base_url=http://127.0.0.1:$(cat port)/v1/chat/completions,num_concurrent=1,tokenizer_backend=None" \
    --tasks rivers --include_path tasks --apply_chat_template --log_samples --output_path out > log.txt 2>&1 || { tail -20 log.txt; exit 1; }
venv/bin/python - <<'PYTHON'
import json
from importlib.metadata import version
from pathlib import Path

asked = [json.loads(line) for line in open("requests.jsonl")]
[samples] = Path("out").rglob("samples_*.jsonl")
texts = [json.loads(line)["resps"][0] for line in open(samples)]
print("lm-eval", version("lm_eval"), "asked with", asked)
print("samples of each question:", texts)
assert len(asked) == 6 and {a["seed"] for a in asked} == {1234} and {a["temperature"] for a in asked} == {0.8}
assert all(len(t) == 3 and len(set(t)) == 1 for t in texts)
PYTHON
