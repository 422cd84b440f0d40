"""How answers are checked by the test set of Math-Verify, beside what Math-Verify itself says of it.

    git clone https://github.com/huggingface/Math-Verify
    python -m benchmarks.answer_checking Math-Verify/tests --library PYTHON

Read are the pairs of a reference, an output and whether they agree that its tests are parametrised with (as literals:
nothing of the files is run). ``PYTHON`` is the interpreter of an environment that has ``math-verify[antlr4_13_2]``.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from optiq.questions.question import Question
from optiq.scoring import score
from optiq.scoring.answers import open_answer, parse_answer

_ASK = """
import json, sys
from math_verify import parse, verify
for line in sys.stdin:
    gold, said = json.loads(line)
    try:
        print(int(verify(parse(gold), parse(said))), flush=True)
    except Exception:
        print(0, flush=True)
"""


def cases_of(folder: Path) -> Iterator[tuple[str, str, bool]]:
    """Reference, output and whether they agree."""
    for path in sorted(folder.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "parametrize"):
                continue
            try:
                names, rows = (ast.literal_eval(argument) for argument in node.args[:2])
            except ValueError:
                continue
            if not isinstance(names, str) or not isinstance(rows, list):
                continue
            columns = [name.strip() for name in names.split(",")]
            agree = "expected" if "expected" in columns else "result"
            if not {"gold", "pred", agree} <= {*columns} or {"strict", "allow_set_relation_comp"} & {
                *columns
            }:
                continue
            for row in rows:
                named = dict(zip(columns, row, strict=True))
                yield named["gold"], named["pred"], bool(named[agree])


def ours(reference: str, output: str) -> bool:
    """Whether Opti-Q takes ``output`` for right."""
    whole = re.fullmatch(r"\$+([^$]*)\$+", reference.strip())
    wanted = whole[1].strip() if whole and "\\boxed" not in reference else reference
    if len(wanted) > 60 or "\\boxed" in wanted:  # an output, too
        wanted = open_answer(wanted)
    asked = Question("1", "What is it?", reference=wanted)
    return (score(asked, parse_answer(asked, output)).qoa or 0.0) >= 0.5


def theirs(python: str, cases: list[tuple[str, str, bool]]) -> list[bool]:
    """What Math-Verify says of them, as it is set by default."""
    lines = "".join(json.dumps([gold, said]) + "\n" for gold, said, _ in cases)
    done = subprocess.run([python, "-c", _ASK], input=lines, capture_output=True, text=True, check=True)
    return [line == "1" for line in done.stdout.split()]


def main() -> None:
    """Print a table; with ``--wrong``, first what was judged wrongly."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--library", metavar="PYTHON")
    parser.add_argument("--wrong", action="store_true")
    flags = parser.parse_args()
    cases = list(cases_of(flags.folder))
    started = time.process_time()
    said = [ours(gold, output) for gold, output, _ in cases]
    took = (time.process_time() - started) / len(cases) * 1000
    if flags.wrong:
        for (gold, output, right), ruled in zip(cases, said, strict=True):
            if ruled != right:
                sys.stdout.write(
                    f"{'wrong as right' if ruled else 'right as wrong'}\t{gold!r}\t{output[-150:]!r}\n"
                )
    judges = {f"Opti-Q ({took:.1f} ms CPU each)": said}
    if flags.library:
        judges["Math-Verify"] = theirs(flags.library, cases)
    print("| judge | as the tests say | right taken for wrong | wrong taken for right |\n|---|---|---|---|")
    for name, found in judges.items():
        pairs = Counter((right, one) for (_, _, right), one in zip(cases, found, strict=True))
        agreed = pairs[True, True] + pairs[False, False]
        print(f"| {name} | {agreed} of {len(cases)} | {pairs[True, False]} | {pairs[False, True]} |")


if __name__ == "__main__":
    main()
