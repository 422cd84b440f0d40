"""How answers are read out of outputs, beside the filters of lm-evaluation-harness, on the outputs that it ships.

    pip download --no-deps lm_eval==0.4.13 && unzip lm_eval-*.whl -d lm_eval_files
    python -m benchmarks.answer_filters lm_eval_files/lm_eval/tasks --library PYTHON

Its tasks show models worked answers to questions (``fewshot_config``). They are outputs as models are taught to write
them, and their last sentence says which answer is right. Each is read as it stands; followed by a question that the
model made up; and without its last sentence. ``PYTHON`` is the interpreter of an environment that has ``lm_eval``:
its own filter classes read the same outputs, with the patterns of the task (strict) and the loose ones beside them.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml  # type: ignore[import-untyped]

from optiq.questions.question import Kind, Question
from optiq.scoring import judging, score
from optiq.scoring.answers import parse_answer

NUMBER, LETTER, WORD = "gsm8k", "mmlu", "bbh"
STRICT = {
    NUMBER: r"The answer is (\-?[0-9\.\,]+).",
    LETTER: r"((?<=The answer is )(.*)(?=.)|(?<=the answer is )(.*)(?=.)|"
    r"(?<=The answer: )(.*)(?=.)|(?<=The final answer: )(.*)(?=.))",
    WORD: r"(?<=the answer is )(.*)(?=.)",
}
LOOSE = {
    NUMBER: r"(-?[$0-9.,]{2,})|(-?[0-9]+)",
    LETTER: r"(\([A-Z]\))",
    WORD: r"(?<=the answer is )(.*)(?=.)",
}
"""As in the tasks' files of version 0.4.13: gsm8k-cot.yaml, mmlu/flan_cot_fewshot, bbh/cot_fewshot."""
MADE_UP = {
    NUMBER: "\n\nQ: A box has 3 rows of 4 eggs. How many eggs are there?\nA: 3 * 4 = 12. The answer is 12.",
    LETTER: "\n\nQ: Which is a fish? (A) eel (B) owl\nA: Let's think step by step. An eel swims. The answer is (A).",
    WORD: "\n\nQ: Is 3 even?\nA: Let's think step by step. 3 is odd. So the answer is no.",
}
_LAST = re.compile(r"\s*(?:So |Therefore,? |Hence,? )?[Tt]he answer is ((?:(?!\. ).)+?)\.?\s*\Z", re.DOTALL)
_OPTION = re.compile(r"\(([A-Z])\)\s*(.*?)(?=\s*\([A-Z]\)|\s*\Z)", re.DOTALL)
_READ = """
import json, sys
from lm_eval.filters.extraction import MultiChoiceRegexFilter, RegexFilter
asked, alike = [json.loads(line) for line in sys.stdin], {}
for place, (pattern, group, output, choices) in enumerate(asked):
    kind = MultiChoiceRegexFilter if choices and group >= 0 else RegexFilter
    alike.setdefault((kind, pattern, group), []).append(place)
found = {}
for (kind, pattern, group), places in alike.items():  # each call makes a table of all punctuation
    read = kind(regex_pattern=pattern, group_select=group).apply(
        [[asked[place][2]] for place in places], [{"choices": asked[place][3]} for place in places]
    )
    found.update(zip(places, (one[0] for one in read)))
for place in range(len(asked)):
    print(json.dumps(found[place]), flush=True)
"""


class Case(NamedTuple):
    """An ``output`` for a task of ``kind``, the right answer and the options of the question, if it has some."""

    kind: str
    output: str
    right: str
    options: tuple[str, ...]


class _Loader(yaml.SafeLoader):
    """Reads the tasks' files without the functions that they name."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def samples(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The kind of task and each worked answer of it."""
    paths = {
        NUMBER: [folder / "gsm8k" / "gsm8k-cot.yaml"],
        LETTER: sorted((folder / "mmlu" / "flan_cot_fewshot").glob("mmlu_*.yaml")),
        WORD: sorted((folder / "bbh" / "cot_fewshot").glob("[a-z]*.yaml")),
    }
    for kind, files in paths.items():
        for path in files:
            read = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
            for sample in read.get("fewshot_config", {}).get("samples", []):
                yield kind, sample


def cases(folder: Path, way: str) -> list[Case]:
    """The outputs ``as written``, with a question ``made up`` behind, or ``unfinished``, without the last sentence."""
    found = []
    for kind, sample in samples(folder):
        asked, output = str(sample.get("question") or sample.get("input")), str(sample["target"])
        last = _LAST.search(output)
        if last is None:
            continue
        options = tuple(text.strip() for _, text in _OPTION.findall(asked.partition("Options:")[2] or asked))
        lettered = re.fullmatch(r"\(([A-Z])\)", last[1].strip()) is not None
        options = options if lettered and len(options) > 1 else ()
        if way == "made up":
            output += MADE_UP[kind]
        elif way == "unfinished":
            output = output[: last.start()]
        right = last[1].strip().strip("()") if options else last[1].strip()
        found.append(Case(kind, output, right, options))
    return found


def ours(case: Case) -> bool:
    """Whether Opti-Q reads the right answer."""
    kind = Kind.CHOICE if case.options else Kind.OPEN
    asked = Question("1", "Which is it?", kind=kind, options=case.options, reference=case.right)
    return (score(asked, parse_answer(asked, case.output)).qoa or 0.0) >= 0.5


def theirs(python: str, read: list[Case], strict: bool) -> list[bool]:
    """What the filters of the harness make of them, compared as its tasks do: without case, ``$``, commas and stops."""
    patterns = STRICT if strict else LOOSE
    asked = [
        [patterns[c.kind], 0 if strict or c.kind == LETTER else -1, c.output, list(c.options) if not strict else []]
        for c in read
    ]  # fmt: skip
    lines = "".join(json.dumps(one) + "\n" for one in asked)
    done = subprocess.run([python, "-c", _READ], input=lines, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.split("\n") if line]
    return [_bare(said) == _bare(c.right) for said, c in zip(found, read, strict=True)]


def _bare(text: str) -> str:
    return re.sub(r"[$,()\s]", "", text).rstrip(".").casefold()


def main() -> None:
    """Print a table: right answers by task, way of ending and reader; with ``--wrong``, first what we read wrongly."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", type=Path)
    parser.add_argument("--library", metavar="PYTHON", required=True)
    parser.add_argument("--wrong", action="store_true")
    flags = parser.parse_args()
    judging.cosines = lambda pairs: [0.0] * len(pairs)  # type: ignore[assignment]  # what is read is right, or not
    rows = []
    for way in ("as written", "made up", "unfinished"):
        read = cases(flags.tasks, way)
        judged = {
            "ours": [ours(case) for case in read],
            "strict": theirs(flags.library, read, strict=True),
            "loose": theirs(flags.library, read, strict=False),
        }
        for kind in (NUMBER, LETTER, WORD):
            right = Counter(
                name for name, found in judged.items() for case, one in zip(read, found, strict=True)
                if one and case.kind == kind
            )  # fmt: skip
            of = sum(case.kind == kind for case in read)
            rows.append(f"| {kind} | {way} | {of} | {right['ours']} | {right['strict']} | {right['loose']} |")
        if flags.wrong:
            for case, right_one in zip(read, judged["ours"], strict=True):
                if not right_one:
                    print(f"{way}\t{case.kind}\t{case.right!r}\t{case.options}\t{case.output[-200:]!r}")
    print("| outputs of | they are | in all | Opti-Q right | strict filter | loose filter |")
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
