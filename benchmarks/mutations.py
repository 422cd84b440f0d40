"""Would the tests notice? Small changes of meaning in the code of a room, and whether the room's own tests fail.

    python -m benchmarks.mutations execution --sample 60 --seed 1
    python -m benchmarks.mutations execution --files optiq/execution/ledger.py optiq/execution/limits.py
    python -m benchmarks.mutations execution --sample 60 --seed 1 --numbers 7 12   # these of the sample again

Each change is one token: an operator, a comparison, ``and`` and ``or``, a number (units and thresholds among them),
``min`` and ``max``, a sign, a condition that is turned round, a guard that is never taken, a string that is a key.
Left alone is what no test should notice: annotations, docstrings, decorators, imports, ``__repr__``, logging, texts of
errors, f-strings, `strict` of `zip` and `encoding` of files (checks on ourselves). A copy of the tree is changed,
never the tree. The same seed over the same files draws the same changes; tests that hang count as failed.

The share counts all changes that were drawn. Some of those that pass change nothing that anybody could see: they are
shown with the others, for a person to judge.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib
import io
import itertools
import json
import math
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import tokenize
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
COPIED = ["optiq", "warehouse", "tasks", "flows", "sql", "tests", "benchmarks", "examples", "deployments"]
# What every run would import again; libraries that start threads are left to the runs.
PRELOADED = ["pytest", "hypothesis.strategies", "numpy", "polars", "httpx"]
PLUGINS = ["pytest_timeout", "_hypothesis_pytestplugin"]  # looking for others takes longer than most tests
MEMORY_BYTES = 8 << 30  # of one run: a changed loop may fill it
# A run may take so many times as long as one without a change, and so much more, before it counts as hanging.
PATIENCE, GRACE_S = 6, 30
HANGS = "no end in sight"

PAIRS = [
    ("==", "!="),
    ("and", "or"),
    ("+", "-"),
    ("*", "/"),
    ("&", "|"),
    ("<<", ">>"),
    ("+=", "-="),
    ("*=", "/="),
]
PAIRS += [
    ("|=", "&="),
    ("is", "is not"),
    ("in", "not in"),
    ("break", "continue"),
    ("min", "max"),
    ("any", "all"),
]
PAIRS += [
    ("floor", "ceil"),
    ("minimum", "maximum"),
    ("argmin", "argmax"),
    ("fmin", "fmax"),
    ("nanmin", "nanmax"),
]
SWAPS = {one: [other] for pair in PAIRS for one, other in (pair, pair[::-1])}
SWAPS |= {
    "<": ["<=", ">"],
    "<=": ["<", ">"],
    ">": [">=", "<"],
    ">=": [">", "<"],
    "//": ["*"],
    "%": ["*"],
    "**": ["*"],
}
LOGGERS = {"log", "logger", "logging", "_log", "_logger", "warnings"}
KEY = re.compile(r"[\w.*+/:-]{1,40}")


@dataclass(frozen=True, slots=True)
class Change:
    """``old`` in the bytes ``start:end`` of a file becomes ``new``."""

    file: str
    line: int
    start: int
    end: int
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.old}  →  {self.new or '(nothing)'}"

    def applied(self, source: bytes) -> bytes:
        """The changed file."""
        return source[: self.start] + self.new.encode() + source[self.end :]


class Places:
    """Where a file can be changed: ``found`` has the changes possible at each place."""

    def __init__(self, path: Path) -> None:
        self.found: list[list[Change]] = []
        self._file, self._source = str(path.relative_to(ROOT)), path.read_bytes()
        lines = self._source.splitlines(keepends=True)
        self._lines = [0, *itertools.accumulate(map(len, lines))]
        self._tokens = [
            (self._lines[row - 1] + len(lines[row - 1].decode()[:column].encode()), text)
            for kind, text, (row, column), _, _ in tokenize.tokenize(io.BytesIO(self._source).readline)
            if kind in (tokenize.OP, tokenize.NAME) and text not in "()"
        ]
        tree = ast.parse(self._source)
        self._before = ast.dump(tree)
        self._visit(tree, False)

    def _visit(self, node: Any, quiet: bool) -> None:
        """Note the changes at ``node`` and below; ``quiet``: texts are prose."""
        inside = list(ast.iter_child_nodes(node))
        match node:
            case (
                ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.arg() | ast.Expr(value=ast.Constant())
            ):
                return
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                inside = [] if node.name in ("__repr__", "__str__") else [node.args, *node.body]
            case ast.ClassDef():
                inside = node.body
            case ast.AnnAssign():
                inside = [node.value] if node.value else []
            case ast.Assign(targets=[ast.Name(id=name)]) if name == "__all__" or _is_type(node):
                return
            case ast.keyword(arg="strict" | "encoding"):
                return
            case ast.Raise():
                quiet = True
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name)) | ast.Name(id=name)):
                if name in LOGGERS:
                    return
                quiet = quiet or name in ("re", "cast", "TypeVar")
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                return
            case ast.If() | ast.IfExp() | ast.While():
                leaves = isinstance(node, ast.If) and not node.orelse
                if leaves and isinstance(node.body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break):
                    self._replace(node.test, ["False"])
                self._turn(node.test)
            case ast.comprehension():
                for test in node.ifs:
                    self._turn(test)
            case ast.Compare() | ast.BoolOp():
                parts = node.values if isinstance(node, ast.BoolOp) else [node.left, *node.comparators]
                for left, right in itertools.pairwise(parts):
                    self._operator(left, right)
            case ast.BinOp() if not _is_text(node.left) and not _is_text(node.right):
                self._operator(node.left, node.right)
            case ast.AugAssign() if not _is_text(node.value):
                self._operator(node.target, node.value)
            case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
                start = self._start(node)
                sign = "+" if isinstance(node.op, ast.USub) else ""
                self._add(start, start + (4 if isinstance(node.op, ast.Not) else 1), [sign])
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in SWAPS:
                self._add(self._end(node) - len(name), self._end(node), SWAPS[name])
            case ast.Break() | ast.Continue():
                self._replace(node, SWAPS[type(node).__name__.lower()])
            case ast.Constant(value=bool(value)):
                self._replace(node, [str(not value)])
            case ast.Constant(value=int(value)):
                others = [value + 1, value - 1, value * 10] if value >= 60 else [value + 1, value - 1]
                self._replace(node, [str(other) for other in others if other >= 0])
            case ast.Constant(value=float(value)):
                self._replace(node, [repr(value * 2), repr(value / 10)] if value else ["1.0"])
            case ast.Constant(value=str(value)) if not quiet and KEY.fullmatch(value):
                text = self._source[self._start(node) : self._end(node)].decode()
                self._replace(node, [f"{text[:-1]}_{text[-1]}"])
        for child in inside:
            self._visit(child, quiet)

    def _turn(self, test: ast.expr) -> None:
        """``not`` before a condition that is no comparison: those are changed themselves."""
        if isinstance(test, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            self._add(self._start(test), self._start(test), ["not "])

    def _operator(self, left: ast.expr, right: ast.expr) -> None:
        """Change what stands between two operands."""
        start, end = self._end(left), self._start(right)
        between = [(place, text) for place, text in self._tokens if start <= place < end]
        place, text = between[-1]
        self._add(between[0][0], place + len(text), SWAPS.get(" ".join(text for _, text in between), []))

    def _replace(self, node: ast.AST, new: list[str]) -> None:
        self._add(self._start(node), self._end(node), new)

    def _add(self, start: int, end: int, new: list[str]) -> None:
        line = self._source.count(b"\n", 0, start) + 1
        old = self._source[start:end].decode()
        changes = [Change(self._file, line, start, end, old, text) for text in new]
        if changes := [change for change in changes if self._differs(change.applied(self._source))]:
            self.found.append(changes)

    def _differs(self, source: bytes) -> bool:
        try:
            return ast.dump(ast.parse(source)) != self._before
        except SyntaxError:
            return False

    def _start(self, node: Any) -> int:
        return self._lines[node.lineno - 1] + int(node.col_offset)

    def _end(self, node: Any) -> int:
        return self._lines[node.end_lineno - 1] + int(node.end_col_offset)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_type(node: ast.Assign) -> bool:
    """Whether a name for a type is made: nothing but names, subscripts and ``|``, at the top of a file."""
    parts = (ast.Name, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Constant, ast.expr_context)
    return (
        node.col_offset == 0
        and isinstance(node.value, ast.Subscript | ast.BinOp)
        and all(isinstance(part, (*parts, ast.BinOp, ast.BitOr)) for part in ast.walk(node.value))
    )


def drawn(files: Sequence[Path], sample: int, seed: int) -> list[Change]:
    """So many changes, at places that all have the same chance; in the order of files and lines."""
    places = [choices for path in sorted(files) for choices in Places(path).found]
    chance = random.Random(seed)
    taken = chance.sample(places, min(sample, len(places)))
    return sorted((chance.choice(choices) for choices in taken), key=lambda c: (c.file, c.start, c.new))


class Watch:
    """A pytest plugin: which test failed first, how long files took; no time is spent to make examples smaller."""

    def __init__(self) -> None:
        self.failed: str | None = None
        self.seconds: dict[str, float] = defaultdict(float)

    def pytest_configure(self) -> None:
        """After conftest has set its profile."""
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutations", settings(), phases=phases, database=None, print_blob=False)
        settings.load_profile("mutations")

    def pytest_runtest_logreport(self, report: Any) -> None:
        """One phase of one test."""
        self.seconds[report.nodeid.partition("::")[0]] += report.duration
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        """A file that cannot be imported."""
        if report.failed and self.failed is None:
            self.failed = report.nodeid


@dataclass(slots=True)
class Run:
    """What came of one run of the tests: why it failed (None: it did not), and how long it took."""

    failed: str | None
    seconds: float
    by_file: dict[str, float] = field(default_factory=dict)


def run_tests(copy: Path, tests: Sequence[str], limit_s: float = math.inf) -> Run:
    """Run ``tests`` of ``copy`` until the first fails, in a process of their own that ends after ``limit_s``."""
    began = time.monotonic()
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        _in_child(copy, tests, writing)
    os.setpgid(child, child)
    os.close(writing)
    late = False
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None and not late:
        time.sleep(0.05)
        late = time.monotonic() - began > limit_s
    os.killpg(child, signal.SIGKILL)  # with what it may have left running
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seconds = time.monotonic() - began
    with os.fdopen(reading, encoding="utf-8") as pipe:
        told = "" if late else pipe.read()
    if not told:
        return Run(HANGS if late else f"the process ended with {code}", seconds)
    watch = json.loads(told)
    failed = watch.pop("failed") or (f"pytest ended with {code}" if code else None)
    return Run(failed, seconds, **watch)


def _in_child(copy: Path, tests: Sequence[str], writing: int) -> None:
    """Become a pytest of the copied tree; never returns."""
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        os.chdir(copy)
        sys.path[:] = [str(copy), *(entry for entry in sys.path if entry not in ("", str(ROOT)))]
        for name in [name for name in sys.modules if name.partition(".")[0] in COPIED]:
            del sys.modules[name]
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        import pytest

        watch = Watch()
        options = [
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "--hypothesis-seed=0",
            "--timeout=0",
            "--tb=no",
            "--no-header",
        ]
        options += [option for name in PLUGINS for option in ("-p", name)]
        code = int(pytest.main([*options, *tests], plugins=[watch]))
        told = {"failed": watch.failed, "by_file": watch.seconds}
        os.write(writing, json.dumps(told).encode())
        os._exit(code)
    finally:
        os._exit(3)


def in_order(tests: Sequence[str], change: Change, copy: Path, seconds: dict[str, float]) -> list[str]:
    """Test files that name the changed module first, then the quick ones."""
    module = change.file.removesuffix(".py").replace("/", ".")

    def rank(test: str) -> tuple[bool, float, str]:
        return module not in (copy / test).read_text(encoding="utf-8"), seconds.get(test, 0.0), test

    return sorted(tests, key=rank)


def results(
    changes: dict[int, Change], tests: Sequence[str], copy: Path
) -> Iterator[tuple[int, Change, Run]]:
    """Each change with what the tests made of it."""
    first = run_tests(copy, tests)
    if first.failed:
        raise SystemExit(f"The tests fail as it is ({first.failed}): nothing can be learned from them.")
    for number, change in changes.items():
        ordered = in_order(tests, change, copy, first.by_file)
        run = run_changed(number, change, ordered, copy, first.seconds)
        if run.failed == HANGS:  # or other work holds all up: what the tests take now decides
            run = run_changed(number, change, ordered, copy, run_tests(copy, tests).seconds)
        yield number, change, run


def run_changed(number: int, change: Change, tests: Sequence[str], copy: Path, usual_s: float) -> Run:
    """Run the tests of the copy with one change in it, and take the change back."""
    path = copy / change.file
    source, times = path.read_bytes(), path.stat()
    try:
        path.write_bytes(change.applied(source))
        os.utime(path, (number, number))  # bytecode of the file as it was is told by its time and size
        return run_tests(copy, tests, usual_s * PATIENCE + GRACE_S)
    finally:
        path.write_bytes(source)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def difference(change: Change) -> str:
    """The change as a diff with two lines around it."""
    source = (ROOT / change.file).read_bytes()
    before, after = source.decode().splitlines(), change.applied(source).decode().splitlines()
    lines = difflib.unified_diff(before, after, change.file, change.file, n=2, lineterm="")
    return "\n".join(list(lines)[2:])


def main() -> None:
    """Draw, run, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mutations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("room", help="a folder of optiq/")
    parser.add_argument("--sample", type=int, default=60, help="how many changes (default 60)")
    parser.add_argument("--seed", type=int, default=1, help="which changes (default 1)")
    parser.add_argument("--files", nargs="+", type=Path, help="only changes in these files")
    parser.add_argument("--tests", nargs="+", help="files of tests other than those in tests/optiq/ROOM")
    parser.add_argument("--numbers", nargs="+", type=int, help="only these of the sample")
    parser.add_argument("--list", action="store_true", help="print the sample and run nothing")
    given = parser.parse_args()
    room = ROOT / "optiq" / given.room
    if not room.is_dir():
        parser.error(f"optiq/ has no room {given.room!r}")
    files = [(Path.cwd() / path).resolve() for path in given.files or []]
    files = files or [path for path in room.rglob("*.py") if path.name != "__init__.py"]
    changes = dict(enumerate(drawn(files, given.sample, given.seed), start=1))
    changes = {n: c for n, c in changes.items() if not given.numbers or n in given.numbers}
    if given.list:
        print(*(f"{number:3} {change}" for number, change in changes.items()), sep="\n")
        return
    tests = given.tests or sorted(
        str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "optiq" / given.room).rglob("test_*.py")
    )
    for name in PRELOADED + PLUGINS:
        importlib.import_module(name)
    noticed: dict[str, list[bool]] = defaultdict(list)
    survivors: list[tuple[int, Change]] = []
    with tempfile.TemporaryDirectory(prefix="optiq-mutations-") as folder:
        copy = Path(folder) / ROOT.name
        copy.mkdir()
        for name in COPIED:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, copy / name)
        for number, change, run in results(changes, tests, copy):
            noticed[change.file].append(run.failed is not None)
            if run.failed is None:
                survivors.append((number, change))
            told = "PASSES" if run.failed is None else run.failed.rpartition("/")[2]
            print(f"{number:3} {run.seconds:5.1f} s  {change}  {told}", flush=True)
    for number, change in survivors:
        print(f"\n{number} {change.file}\n{difference(change)}")
    print(f"\n{given.room}, seed {given.seed}: noticed, drawn, share")
    every = [one for found in noticed.values() for one in found]
    for name, found in [*sorted(noticed.items()), ("all", every)]:
        print(f"{sum(found):5} {len(found):5} {100 * sum(found) / len(found):5.0f} %  {name}")


if __name__ == "__main__":
    main()
