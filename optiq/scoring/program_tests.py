"""Whether a program that a model wrote passes its tests: run apart, with limits, and only if somebody allows it.

The program and then its tests run in a Python of their own: without this process's environment (keys), in an empty
folder that is deleted, with limits on time, memory, files and processes. That keeps an honest program from doing harm
by accident. It is no prison: whoever runs programs of models that they do not trust needs a container around it.

Tests that are only defined are called, as the harness that they were written for does: ``check(candidate)`` of
HumanEval (Chen et al., 2021, https://arxiv.org/abs/2107.03374) with the function that the question asks for, functions
``test_…`` without arguments, and cases of ``unittest``. Where the question leaves a function to be written
(:mod:`optiq.questions.code_stub`), a program may be its body only, or lack what stands before it.
"""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
from contextlib import suppress
from pathlib import Path

from optiq.questions.code_stub import parsed, stub_in
from optiq.questions.option_cells import list_or_record

SECONDS = 10
_MEMORY = 1 << 30
_FILE = 1 << 20

_PASSED = 93
"""What the process ends with once the tests have: a program may end it by itself before, with 0."""

_RUNNER = f"""
import os, resource, sys, traceback, types
for what, most in ((resource.RLIMIT_CPU, {SECONDS}), (resource.RLIMIT_AS, {_MEMORY}), (resource.RLIMIT_FSIZE, {_FILE}),
                   (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 32)):
    resource.setrlimit(what, (most, most))
module = sys.modules["__main__"] = types.ModuleType("__main__")

def run(name):
    with open(name, encoding="utf-8") as file:
        exec(compile(file.read(), name, "exec"), module.__dict__)

try:
    run("program.py")
except SystemExit:
    pass  # a script that ends itself has defined what is tested
try:
    run("tests.py")
except SystemExit as end:  # unittest.main() ends so; a tested function must not
    files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(end.__traceback__)]
    if end.code or "program.py" in files:
        raise
os._exit({_PASSED})
"""


class NothingTested(ValueError):
    """What a reference gives as tests checks nothing: whatever the program, they would pass."""


def passes(program: str, tests: str, question: str = "") -> float:
    """1.0 if ``tests`` end well after ``program``, an answer to ``question``, within the limits, else 0.0.

    Raises
    ------
    NothingTested
        if the tests run no assertion and call nothing, are no Python, or do not tell which function they check.
    """
    program = completed(program, question)
    tests = called(tests, program, question)
    with tempfile.TemporaryDirectory(prefix="optiq-program-") as folder:
        for name, text in (("program.py", program), ("tests.py", tests)):
            (Path(folder) / name).write_text(f"{text}\n", encoding="utf-8", errors="replace")
        running = subprocess.Popen(
            [sys.executable, "-I", "-c", _RUNNER],
            cwd=folder,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return float(running.wait(SECONDS) == _PASSED)
        except subprocess.TimeoutExpired:
            return 0.0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)  # what it started, too
            running.wait()


def completed(program: str, question: str) -> str:
    """``program`` behind what the stub of ``question`` has before it, or as the body of that, if it is only a body."""
    stub = stub_in(question)
    if stub is None:
        return program
    tree = parsed(program)
    if tree is not None and stub.name in _defined(tree):
        whole = f"{stub.head}\n\n{program}" if stub.head else program
        return program if parsed(whole) is None else whole
    # Answers lose the indentation of their first line.
    bodies = (textwrap.indent(textwrap.dedent(program), stub.indent), f"{stub.indent}{program.lstrip()}")
    for body in bodies:
        if parsed(whole := f"{stub.code}\n{body}") is not None:
            return whole
    return program


def called(tests: str, program: str, question: str) -> str:
    """``tests`` with calls of what they only define; :class:`NothingTested` if nothing is checked even so."""
    tests = _joined(tests)
    tree = parsed(tests)
    if tree is None:
        raise NothingTested("the tests are no Python")
    names = {
        one.func.id for one in _run(tree) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)
    }
    calls = []
    for one in tree.body:
        if isinstance(one, ast.FunctionDef) and one.name not in names:
            if one.name == "check" and len(one.args.args) == 1:
                calls.append(f"check({_candidate(program, question)})")
            elif one.name.startswith("test") and _needs_nothing(one.args):
                calls.append(f"{one.name}()")
        elif isinstance(one, ast.ClassDef) and any("TestCase" in ast.unparse(base) for base in one.bases):
            calls.append("import unittest; unittest.main()")
    if any("unittest.main" in ast.unparse(one) for one in _run(tree) if isinstance(one, ast.Call)):
        calls = [call for call in calls if "unittest" not in call]
    if not calls and not any(isinstance(one, ast.Assert | ast.Raise | ast.Call) for one in _run(tree)):
        raise NothingTested("the tests run no assertion and call nothing")
    return "\n".join([tests, *dict.fromkeys(calls)])


def _joined(tests: str) -> str:
    """Tests as one program: a list of texts, as MBPP has them, line by line."""
    found = list_or_record(tests)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        return tests
    return "\n".join(found)


def _candidate(program: str, question: str) -> str:
    """The function that ``check`` is to be called with."""
    if (stub := stub_in(question)) is not None:
        return stub.name
    tree = parsed(program)
    found = [] if tree is None else _defined(tree, classes=False)
    named = [name for name in found if re.search(rf"\b{name}\b", question)]
    if len(found) > 1 and len(named) != 1:
        raise NothingTested(
            "the tests check a candidate, and nothing says which function of the program that is"
        )
    # Of a program that defines none, whatever is called fails.
    return (named or found or ["candidate"])[0]


def _defined(tree: ast.Module, *, classes: bool = True) -> list[str]:
    """The functions that ``tree`` defines, and the ``classes``."""
    found = []
    for one in tree.body:
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) or (
            classes and isinstance(one, ast.ClassDef)
        ):
            found.append(one.name)
        elif isinstance(one, ast.Assign) and isinstance(one.value, ast.Lambda):
            found += [name.id for name in one.targets if isinstance(name, ast.Name)]
    return list(dict.fromkeys(found))


def _run(tree: ast.AST) -> list[ast.AST]:
    """The nodes of ``tree`` that run when it does: without what functions, methods and lambdas do when called."""
    found: list[ast.AST] = []
    for one in ast.iter_child_nodes(tree):
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found += [one, *_run(one)]
    return found


def _needs_nothing(arguments: ast.arguments) -> bool:
    positional = [*arguments.posonlyargs, *arguments.args]
    return len(positional) == len(arguments.defaults) and None not in arguments.kw_defaults
