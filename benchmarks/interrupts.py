"""How soon commands end after Ctrl-C, and what they say then: ``python -m benchmarks.interrupts [COMMAND...]``.

Each is begun on a copy of one home, told to stop (SIGINT) in the middle of its work, and should end within 2 seconds
with a word on how to go on. The model server takes a second for an answer, so that calls are in flight.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.refresh.traces import land_generated
from warehouse.home import Home
from warehouse.refresh import init

ROOT = Path(__file__).parents[1]
OPTIQ = [sys.executable, "-m", "optiq"]
AT_MODELS = ["--models", "mistral:7b,phi4:14b", "--topic", "*"]
LONG_SQL = "select sum(a.range * b.range) from range(10000000) a, range(1000000) b"
COMMANDS: dict[str, tuple[list[str], float]] = {
    "answer": (["answer", "questions.csv", "-o", "answers.csv", *AT_MODELS, "--no-probe"], 8),
    "calibrate": (["calibrate", "questions.csv", "--max-executions", "300", *AT_MODELS], 8),
    "select": (
        ["select", "questions.csv", "--plan", "answerer", "--models", "mistral:7b,phi4:14b"],
        8,
    ),
    "sql": (["sql", LONG_SQL], 3),
    "refresh, begun": (["refresh"], 4),
    "refresh, later": (["refresh"], 9),
    "serve": (["serve", "--port", "0"], 8),
    "view": (["view", "last", "--no-browser"], 8),
    "view, begun": (["view", "last", "--no-browser"], 1.5),
}
"""Each command, and after how many seconds it is stopped."""
PATIENCE_S = 60


def main() -> None:
    """Print a line for each command: seconds from the signal to the end, exit code, last words."""
    wanted = sys.argv[1:] or list(COMMANDS)
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "start"
        start.mkdir()
        init(Home(start / ".optiq"))
        rows = "".join(f"What is number {n}?,{n}\n" for n in range(400))
        (start / "questions.csv").write_text(f"question,reference\n{rows}")
        with subprocess.Popen(
            [sys.executable, str(ROOT / "benchmarks" / "model_server.py"), "--delay", "1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
            variables = {
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "OPTIQ_SERVER": "ollama",
                "OPTIQ_SERVER_URL": url,
            }
            once = ["answer", "questions.csv", "-o", "first.csv", "--limit", "10", *AT_MODELS]
            subprocess.run([*OPTIQ, *once], cwd=start, env=variables, capture_output=True, check=True)
            land_generated(Home(start / ".optiq"), 60_000, seed=0)
            for name in wanted:
                place = Path(folder) / name.replace(", ", "-")
                shutil.copytree(start, place)
                print(stopped(name, place, variables), flush=True)
            server.terminate()


def stopped(name: str, place: Path, variables: dict[str, str]) -> str:
    """What came of one command that was told to stop."""
    command, after_s = COMMANDS[name]
    with subprocess.Popen(
        [*OPTIQ, *command],
        cwd=place,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        time.sleep(after_s)
        if process.poll() is not None:
            return f"{name}: had ended by itself: {((process.stderr and process.stderr.read()) or '')[-200:]}"
        process.send_signal(signal.SIGINT)
        told = time.monotonic()
        try:
            _, words = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return f"{name}: had not ended after {PATIENCE_S} s"
        last = (words.strip().splitlines() or ["(no word)"])[-1]
        return f"{name}: {time.monotonic() - told:.1f} s, exit code {process.returncode}: {last}"


if __name__ == "__main__":
    main()
