"""Is the length of long answers foreseen after twenty of them? On real models, in this process or served by llama.cpp.

    python -m benchmarks.long_answers --server embedded --model smollm2:135m
    python -m benchmarks.long_answers --server llama.cpp --model gemma3:270m

Each model is asked to "Explain in three paragraphs …" in a PerfDB of its own: ``--learnt`` subjects, then a refresh,
then others whose cost and length were predicted before they were asked. One line for each part: how many outputs ended
by themselves, because they went round in circles, or at their cap, whether the answers hold all that was said, and what
was predicted of length and cost beside what was observed. The learnt ones were predicted from usual lengths, the others
from what was seen.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
_SUBJECTS = """
how photosynthesis works; how vaccines protect people; why the seasons change; how a bicycle stays
upright; what causes earthquakes; how the heart pumps blood; why the sea is salty; how bread rises; what
inflation is; how a refrigerator cools; why leaves turn red in autumn; how elections work; what a black
hole is; how soap cleans; why people sleep; how rivers form valleys; what money is for; how sound
travels; why metals rust; how a book is printed; how bees make honey; what the French Revolution changed;
how batteries store energy; why the sky is blue; how glaciers move; what a democracy is; how the eye
sees; why volcanoes erupt; how cheese is made; how the internet finds a page; why birds migrate; what the
Renaissance was; how a piano makes sound; why plants need water; how planes fly; what DNA does; how
clouds form; why iron is strong; how taxes are spent; what Rome left behind
"""
SUBJECTS = [" ".join(subject.split()) for subject in _SUBJECTS.split(";")]


def questions(path: Path, subjects: list[str]) -> Path:
    """A question file of these subjects."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["question", "topic"])
        writer.writerows([f"Explain in three paragraphs {subject}.", "essays"] for subject in subjects)
    return path


@contextmanager
def served(server: str, model: str) -> Iterator[None]:
    """The settings under which ``model`` is asked: in this process, or on a llama.cpp server that this starts."""
    if server == "embedded":
        os.environ["OPTIQ_SERVER"] = "embedded"
        yield
        return
    sys.path.insert(0, str(HERE.parent))
    from tests.llama_server import llama_server

    with llama_server(model, model) as address:
        os.environ["OPTIQ_SERVER"] = "openai"
        os.environ["OPTIQ_SERVER_URL"] = f"{address}/v1"
        yield


def foreseen_tokens(model: str, text: str) -> float:
    """Output tokens that are predicted of the answer to ``text``."""
    from optiq.configuration import Settings
    from optiq.estimation.catalog import Catalog
    from optiq.questions.question import Kind, Question
    from tasks.session import open_session

    planning = open_session(Settings.load({})).planning
    question = Question("1", text, kind=Kind.LONG)
    return Catalog(
        planning.statistics, "essays", question.kind, planning.shape(question), None
    ).output_tokens(model)


def report(part: str, tokens: float, answers: Path, home: Path) -> None:
    """One line of the answers of a part: predicted beside observed."""
    import duckdb
    import polars as pl

    from optiq.servers.protocol import LOOPED

    rows = pl.read_csv(answers, infer_schema_length=None)
    with duckdb.connect(str(home / "perfdb.duckdb"), read_only=True) as connection:
        calls = connection.sql(
            "select question, calls.output, calls.finish_reason, calls.output_tokens from calls "
            "inner join executions using (execution_id) where calls.output_tokens is not null"
        ).pl()
    said = rows.join(calls, on="question", how="inner")
    lengths = said["output_tokens"].to_list()
    ended = said["finish_reason"].to_list()
    # What is taken off an output is a greeting or "Answer:", so nearly all letters of it are in its cell.
    whole = sum(
        len(answer or "") >= 0.9 * len(output.strip())
        for answer, output in said.select("answer", "output").iter_rows()
    )
    told, paid = (float(rows[f"{name}_cost_usd"].sum()) for name in ("predicted", "observed"))
    mean = statistics.fmean(lengths)
    print(
        f"  {part:<8} {len(lengths)}/{rows.height} answered; ended by themselves {ended.count('stop')}, for repeating "
        f"themselves {ended.count(LOOPED)}, at the cap {ended.count('length')}; whole text in the cell {whole}; "
        f"{mean:.0f} tokens ({min(lengths)} to {max(lengths)}), predicted {tokens:.0f} "
        f"({max(tokens / mean, mean / tokens):.2f} apart); {paid * 1e6:.2f} µUSD, predicted {told * 1e6:.2f} "
        f"({max(told / paid, paid / told):.2f} apart)",
        flush=True,
    )


def main() -> int:
    """Ask, refresh, ask others, and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--server", choices=("embedded", "llama.cpp"), default="embedded")
    parser.add_argument("--model", choices=("smollm2:135m", "gemma3:270m"), default="smollm2:135m")
    parser.add_argument("--learnt", type=int, default=20)
    parser.add_argument("--others", type=int, default=20)
    given = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))
    os.environ.setdefault("OPTIQ_TIMEOUT_S", "1800")
    from flows.command_line.main import run

    with tempfile.TemporaryDirectory() as scratch, served(given.server, given.model):
        folder, home = Path(scratch), Path(scratch) / "home"
        os.environ["OPTIQ_HOME"] = str(home)
        if run(["init"]):
            return 1
        print(f"{given.model}, {given.server}", flush=True)
        parts = {"learnt": SUBJECTS[: given.learnt], "others": SUBJECTS[given.learnt :][: given.others]}
        for part, subjects in parts.items():
            asked = questions(folder / f"{part}.csv", subjects)
            tokens = foreseen_tokens(given.model, f"Explain in three paragraphs {subjects[0]}.")
            answers = folder / f"{part}_answers.csv"
            run(["answer", str(asked), "-o", str(answers), "--models", given.model])
            if run(["refresh"]):
                return 1
            report(part, tokens, answers, home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
