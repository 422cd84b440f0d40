"""`optiq answer` beside a loop that one writes by hand with the official client: questions per second, CPU, memory.

    python benchmarks/executor.py                           all tables, about ten minutes
    python benchmarks/executor.py throughput --questions 3000 --slots 8,32,128
    python benchmarks/executor.py throughput --peers PYTHON and litellm, langchain, inspect_ai, of an environment that
                                                            has them (pip install litellm langchain-openai inspect_ai)
    python benchmarks/executor.py limited                   a server that takes 600 calls a minute
    python benchmarks/executor.py memory --questions 100000

A local server without models (`model_server.py`, a process of its own) answers in 50 ms, so many calls at once as it
has slots. The loop is told how many these are; `optiq answer` is not. Ratios are of runs in turns, in one command.
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
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DELAY_S = 0.05
MODEL = "phi4:14b"
DIALECTS = ("openai", "ollama")
PEERS = {"litellm": "litellm", "langchain": "langchain_openai", "inspect_ai": "inspect_ai"}


@contextlib.contextmanager
def model_server(delay_s: float, slots: int = 0, per_minute: int = 0) -> Iterator[str]:
    """A server in a process of its own; its address."""
    given = {"delay": delay_s, "models": MODEL, "slots": slots, "per-minute": per_minute}
    options = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, str(HERE / "model_server.py"), *options]
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


def prompts(number: int) -> list[str]:
    """What the loops ask: the questions of the file, with our instruction."""
    ask = "Answer in one to five words.\nQuestion: Which city has number {:06d} in the list?"
    return [ask.format(i) for i in range(number)]


def ask_openai(url: str) -> Callable[[str], Awaitable[Any]]:
    """With OpenAI's own client."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)

    def ask(prompt: str) -> Awaitable[Any]:
        message: Any = [{"role": "user", "content": prompt}]
        return client.chat.completions.create(
            model=MODEL, messages=message, temperature=0, max_tokens=32, seed=0
        )

    return ask


def ask_ollama(url: str) -> Callable[[str], Awaitable[Any]]:
    """With Ollama's own client."""
    import ollama

    client = ollama.AsyncClient(url, trust_env=False)
    options = {"temperature": 0, "num_predict": 32, "seed": 0}

    def ask(prompt: str) -> Awaitable[Any]:
        return client.chat(MODEL, [{"role": "user", "content": prompt}], options=options, think=False)

    return ask


def ask_litellm(url: str) -> Callable[[str], Awaitable[Any]]:
    """With litellm."""
    import litellm

    more = {"api_base": f"{url}/v1", "api_key": "none", "temperature": 0, "max_tokens": 32, "seed": 0}

    def ask(prompt: str) -> Awaitable[Any]:
        return litellm.acompletion(
            model=f"openai/{MODEL}", messages=[{"role": "user", "content": prompt}], **more
        )

    return ask


def ask_langchain(url: str) -> Callable[[str], Awaitable[Any]]:
    """With langchain."""
    from langchain_openai import ChatOpenAI

    chat: Any = ChatOpenAI(
        model=MODEL, base_url=f"{url}/v1", api_key="none", temperature=0, max_tokens=32, seed=0
    )
    return lambda prompt: chat.ainvoke(prompt)


def ask_inspect_ai(url: str) -> Callable[[str], Awaitable[Any]]:
    """With inspect_ai."""
    from inspect_ai.model import GenerateConfig, get_model

    config = GenerateConfig(temperature=0, max_tokens=32, seed=0, max_connections=512)
    model: Any = get_model(
        f"openai/{MODEL}", base_url=f"{url}/v1", api_key="none", config=config, responses_api=False
    )
    return lambda prompt: model.generate(prompt)


def loop(kind: str, url: str, number: int, slots: int) -> dict[str, Any]:
    """``slots`` workers, each asking one question after the other."""
    make = globals()[f"ask_{kind}"]

    async def everything() -> dict[str, Any]:
        ask = make(url)

        async def worker(todo: Iterator[str]) -> None:
            for prompt in todo:
                await ask(prompt)

        async def all_of(asked: list[str]) -> None:
            todo = iter(asked)
            await asyncio.gather(*(worker(todo) for _ in range(slots)))

        await all_of(prompts(40))
        started, cpu = time.perf_counter(), time.process_time()
        await all_of(prompts(number))
        return {"seconds": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}

    return asyncio.run(everything())


def whole_run(dialect: str, url: str, number: int) -> dict[str, Any]:
    """`optiq answer` on a file, in this process: seconds, CPU seconds, peak memory."""
    from flows.answer_questions import answer_questions
    from tasks.orchestration import start

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own, as people do it: what a refresh imports is none of the run's memory.
        command = [sys.executable, "-m", "flows.command_line.main", "init", "--perfdb", str(folder / "home")]
        subprocess.run(command, check=True, capture_output=True)
        base = url if dialect == "ollama" else f"{url}/v1"
        same = {"server": dialect, "server_url": base, "perfdb": str(folder / "home"), "fresh": True}
        few, many = (str(question_file(folder, n)) for n in (40, number))
        start(answer_questions, file=few, output=str(folder / "warm.csv"), **same)
        forget_what_was_found()
        started, cpu = time.perf_counter(), time.process_time()
        summary = start(answer_questions, file=many, output=str(folder / "out.csv"), **same)
        return {
            "answered": summary["answered"],
            "seconds": time.perf_counter() - started,
            "cpu_s": time.process_time() - cpu,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "at_once": summary["at_once"],
        }


def forget_what_was_found() -> None:
    """How many calls are worth it is found anew, as in a command of its own."""
    from optiq.execution import limits

    limits._shared.clear()


def in_a_process(*arguments: str, python: str = sys.executable) -> dict[str, Any]:
    """Run one measurement of this file in a fresh process of ``python``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OLLAMA_")}
    environment["PYTHONPATH"] = str(HERE.parent)
    done = subprocess.run(
        [python, __file__, *arguments], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def peers_in(python: str) -> list[str]:
    """Those that an environment has."""
    found = f"import importlib.util as u; print(*[n for n, m in {PEERS!r}.items() if u.find_spec(m)])"
    return subprocess.run([python, "-c", found], capture_output=True, text=True, check=True).stdout.split()


def throughput(
    number: int, every_slots: list[int], rounds: int, dialects: list[str], peers: str | None
) -> None:
    """The same calls by hand and through `optiq answer`, in turns, the best of each.

    ``peers`` is the python of an environment that has them; they speak OpenAI's dialect.
    """
    others = peers_in(peers) if peers else []
    print(f"{number} questions, a server that answers in {DELAY_S * 1000:.0f} ms, best of {rounds}")
    print("dialect  slots  by            questions/s  share  CPU ms/question  ratio  calls at once")
    for dialect in dialects:
        for slots in every_slots:
            same = ("--questions", str(number), "--slots", str(slots))
            kinds = [dialect, "optiq", *(others if dialect == "openai" else [])]
            found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
            for _ in range(rounds):
                for kind in kinds:
                    what = ("_run", dialect) if kind == "optiq" else ("_loop", kind)
                    python = (peers if kind in others else None) or sys.executable
                    found[kind].append(in_a_process(*what, *same, python=python))
            seconds = {kind: min(run["seconds"] for run in runs) for kind, runs in found.items()}
            cpu = {kind: min(run["cpu_s"] for run in runs) for kind, runs in found.items()}
            for kind in kinds:
                name = f"{dialect} client" if kind == dialect else kind
                at_once = found[kind][-1].get("at_once", {}).get(MODEL, "")
                print(
                    f"{dialect:8s} {slots:5d}  {name:14s} {number / seconds[kind]:10.0f}  "
                    f"{seconds[dialect] / seconds[kind]:5.0%}  {cpu[kind] * 1000 / number:15.2f}  "
                    f"{cpu[kind] / cpu[dialect]:5.2f}  {at_once}",
                    flush=True,
                )


def limited(number: int, per_minute: int) -> None:
    """A server that takes so many calls a minute and refuses what is beyond."""
    run = in_a_process("_run", "openai", "--questions", str(number), "--per-minute", str(per_minute))
    minutes = -(-number // per_minute)
    # The first calls of a minute come at once: what counts is when the last minute's were done.
    least_s = (minutes - 1) * 60 + DELAY_S
    print(
        f"{number} questions, {per_minute} a minute: {run['answered']} answered in {run['seconds']:.1f} s; "
        f"at best {least_s:.1f} s: {least_s / run['seconds']:.1%}"
    )


def memory(numbers: list[int]) -> None:
    """Peak resident memory of the process by size of the file."""
    for number in numbers:
        row = in_a_process("_run", "ollama", "--questions", str(number), "--delay", "0")
        print(
            f"{number:7d} questions: peak {row['peak_mb']:6.0f} MB, {row['seconds']:6.1f} s, {row['answered']} answered"
        )


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="?", default="all")
    parser.add_argument("kind", nargs="?")
    parser.add_argument("--questions", type=int)
    parser.add_argument("--delay", type=float, default=DELAY_S)
    parser.add_argument("--slots", default="8,32,128")
    parser.add_argument("--per-minute", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dialects", default=",".join(DIALECTS))
    parser.add_argument(
        "--peers", help="the python of an environment that has litellm, langchain, inspect_ai"
    )
    given = parser.parse_args()
    slots = [int(text) for text in given.slots.split(",")]
    if given.what == "_run":
        held = 0 if len(slots) > 1 else slots[0]
        with model_server(given.delay, held, given.per_minute) as url:
            print(json.dumps(whole_run(given.kind, url, given.questions)))
    elif given.what == "_loop":
        with model_server(given.delay, slots[0]) as url:
            print(json.dumps(loop(given.kind, url, given.questions, slots[0])))
    if given.what in ("all", "throughput"):
        throughput(given.questions or 3000, slots, given.rounds, given.dialects.split(","), given.peers)
    if given.what in ("all", "limited"):
        limited(given.questions or 1500, given.per_minute or 600)
    if given.what in ("all", "memory"):
        memory([given.questions] if given.questions else [1_000, 10_000, 100_000])


if __name__ == "__main__":
    main()
