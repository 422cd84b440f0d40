"""What the executor adds to the calls themselves: throughput, CPU per question, memory.

    python benchmarks/executor.py                       all three, about ten minutes
    python benchmarks/executor.py throughput --questions 3000

A local server without models (`model_server.py`, a process of its own) answers in Ollama's dialect.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SLOTS = 32
DELAY_S = 0.05
MODEL = "phi4:14b"


@contextlib.contextmanager
def model_server(delay_s: float) -> Iterator[str]:
    """A server in a process of its own; its address."""
    command = [sys.executable, str(HERE / "model_server.py"), "--delay", str(delay_s), "--models", MODEL]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def question_file(folder: Path, number: int) -> Path:
    """A CSV of different questions."""
    path = folder / f"questions-{number}.csv"
    with path.open("w") as file:
        file.write("question_id,question\n")
        file.writelines(f'{i},"Which city has number {i:06d} in the list?"\n' for i in range(number))
    return path


def bare_loop(url: str, number: int, clients: int = 1) -> float:
    """Seconds that the official client takes for ``number`` calls, ``SLOTS`` at a time.

    ``clients`` 1 is how one writes it first; with ``SLOTS`` each has one connection, as in `optiq answer`.
    """
    import ollama

    from optiq.questions.question_file import read_questions

    with tempfile.TemporaryDirectory() as folder:
        prompts = [
            row.question.text
            for row in read_questions(question_file(Path(folder), number)).rows
            if row.question
        ]

    async def everything() -> float:
        all_clients = [ollama.AsyncClient(url, trust_env=False) for _ in range(clients)]
        todo = iter(prompts)

        async def worker(number: int) -> None:
            client = all_clients[number % clients]
            for prompt in todo:
                await client.chat(
                    MODEL,
                    [{"role": "user", "content": prompt}],
                    options={"temperature": 0, "num_predict": 32, "seed": 0},
                    think=False,
                )

        started = time.perf_counter()
        await asyncio.gather(*(worker(number) for number in range(SLOTS)))
        return time.perf_counter() - started

    return asyncio.run(everything())


def whole_run(url: str, number: int, folder: Path) -> dict[str, Any]:
    """`optiq answer` on a file, in this process: seconds, CPU seconds, peak memory."""
    from flows.answer_questions import answer_questions
    from tasks.orchestration import start
    from warehouse.home import Home
    from warehouse.refresh import init

    home = folder / "home"
    if not home.exists():
        init(Home(home))
    source = question_file(folder, number)
    parameters = {"server": "ollama", "server_url": url, "perfdb": str(home), "fresh": True}
    start(
        answer_questions, file=str(question_file(folder, 40)), output=str(folder / "warm.csv"), **parameters
    )
    started, cpu = time.perf_counter(), time.process_time()
    summary = start(answer_questions, file=str(source), output=str(folder / f"{number}.csv"), **parameters)
    return {
        "questions": number,
        "answered": summary["answered"],
        "seconds": time.perf_counter() - started,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_a_process(*arguments: str) -> dict[str, Any]:
    """Run one measurement of this file in a fresh process."""
    environment = {**os.environ, "OLLAMA_NUM_PARALLEL": str(SLOTS), "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(
        [sys.executable, __file__, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return json.loads(done.stdout.splitlines()[-1])


def throughput(number: int) -> None:
    """The same calls bare and through `optiq answer`, in turns, the best of three each."""
    same = ("--questions", str(number), "--delay", str(DELAY_S))
    bare, many, ours = [], [], []
    for _ in range(3):
        bare.append(in_a_process("_bare", *same)["seconds"])
        many.append(in_a_process("_bare", *same, "--clients", str(SLOTS))["seconds"])
        ours.append(in_a_process("_run", *same)["seconds"])
    fastest, with_many, own = min(bare), min(many), min(ours)
    print(
        f"{number} questions, a server that answers in {DELAY_S * 1000:.0f} ms, {SLOTS} slots, best of three"
    )
    for name, seconds in (
        ("bare asyncio loop, official client", fastest),
        ("the same, a client per slot", with_many),
        ("optiq answer", own),
    ):
        print(f"  {name:36s} {number / seconds:6.0f} questions/s  {fastest / seconds:5.0%} of the first")


def overhead(number: int) -> None:
    """CPU of planning, tracing and orchestration: the whole run without what the client library takes."""
    # With a client per slot, as the run has: what that saves is no merit of planning, tracing and orchestration.
    bare = in_a_process("_bare", "--questions", str(number), "--delay", "0", "--clients", str(SLOTS))
    ours = in_a_process("_run", "--questions", str(number), "--delay", "0")
    ms = 1000 / number
    print(f"{number} questions: CPU per question")
    print(f"  whole run        {ours['cpu_s'] * ms:6.2f} ms")
    print(f"  client library   {bare['cpu_s'] * ms:6.2f} ms")
    print(f"  the rest         {(ours['cpu_s'] - bare['cpu_s']) * ms:6.2f} ms")


def memory(numbers: list[int]) -> None:
    """Peak resident memory of the process by size of the file."""
    for number in numbers:
        row = in_a_process("_run", "--questions", str(number), "--delay", "0")
        print(
            f"{number:7d} questions: peak {row['peak_mb']:6.0f} MB, {row['seconds']:6.1f} s, {row['answered']} answered"
        )


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="?", default="all")
    parser.add_argument("--questions", type=int)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--clients", type=int, default=1)
    given = parser.parse_args()
    if given.what == "_run":
        with model_server(given.delay) as url, tempfile.TemporaryDirectory() as folder:
            print(json.dumps(whole_run(url, given.questions, Path(folder))))
    elif given.what == "_bare":
        with model_server(given.delay) as url:
            bare_loop(url, 40)
            cpu = time.process_time()
            seconds = bare_loop(url, given.questions, given.clients)
            print(json.dumps({"seconds": seconds, "cpu_s": time.process_time() - cpu}))
    if given.what in ("all", "throughput"):
        throughput(given.questions or 3000)
    if given.what in ("all", "overhead"):
        overhead(given.questions or 10_000)
    if given.what in ("all", "memory"):
        memory([given.questions] if given.questions else [1_000, 10_000, 100_000])


if __name__ == "__main__":
    main()
