"""A function or class that a question begins and leaves to be written, such as the prompts of HumanEval.

A stub is code at the end of the question or in a fence of its own: imports and helpers first, last a ``def`` or
``class`` of Python with no more than its docstring (``pass``, ``...`` and imports are nothing, too).
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

_FENCED = re.compile(
    r"^[ \t]*(```|~~~)[\w+-]*[ \t]*\n(?P<code>.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_CODE_BEGINS = re.compile(r"^(?:import \w|from [\w.]+ import |(?:async )?def \w|class \w|@\w)", re.MULTILINE)
_OPEN_BRACE = re.compile(
    r"(?:^|\n)[ \t]*(?:(?:export|public|private|protected|static|async|pub|template|const|final|inline|virtual)\b.*|"
    r"(?:function|func|fn|fun|def|class|struct|interface|impl)\b.*|[\w:<>,*&\[\]]+[ \t]+\w+[ \t]*\([^\n]*\).*)\{\s*\Z"
)
"""The last line of a stub in a language with braces: a header whose brace is left open."""
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Stub:
    """``code`` ends in the definition of ``name``, ``head`` before it; its body is indented by ``indent``.

    ``prose`` is what the question says around it.
    """

    name: str
    head: str
    code: str
    indent: str
    prose: str


def stub_in(question: str) -> Stub | None:
    """The Python stub that ``question`` leaves to be written, with the ``prose`` around it; None without one."""
    if "def " not in question and "class " not in question:
        return None
    if (fenced := _FENCED.search(question)) is not None:
        return _read(fenced["code"].rstrip(), f"{question[: fenced.start()]}\n{question[fenced.end() :]}")
    begins = _CODE_BEGINS.search(question)
    if begins is None:
        return None
    return _read(question[begins.start() :].rstrip(), question[: begins.start()])


def leaves_a_brace_open(question: str) -> bool:
    """Whether ``question`` ends in the header of a function or class of a language with braces."""
    return question.rstrip().endswith("{") and _OPEN_BRACE.search(question) is not None


def parsed(code: str) -> ast.Module | None:
    """``code`` as Python; None if it is none, as a ``return`` outside of a function."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what models write: invalid escapes
            compile(code, "program", "exec", dont_inherit=True)
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _read(code: str, prose: str) -> Stub | None:
    tree = parsed(code)
    if tree is None:  # not even a docstring
        tree = parsed(f"{code}\n{_indent_below(code)}pass\n")
    if tree is None or not tree.body:
        return None
    last = tree.body[-1]
    if not isinstance(last, _DEFINITIONS):
        return None
    open_body = _left_open(last)
    if open_body is None:
        return None
    begins = min([last.lineno, *(one.lineno for one in last.decorator_list)])
    head = "\n".join(code.splitlines()[: begins - 1]).rstrip()
    return Stub(last.name, head, code, " " * open_body[0].col_offset, prose.strip())


def _indent_below(code: str) -> str:
    """How far a body below the last line is indented: as a comment there, or four more than a header."""
    last = code.splitlines()[-1] if code else ""
    before = last[: len(last) - len(last.lstrip())]
    return before if last.lstrip().startswith("#") else f"{before}    "


def _left_open(definition: Definition) -> list[ast.stmt] | None:
    """The body that does nothing: of the definition or, in a class, of its last method; None if it does something."""
    last = definition.body[-1]
    if isinstance(definition, ast.ClassDef) and isinstance(last, _DEFINITIONS):
        return _left_open(last)
    return definition.body if all(_does_nothing(one) for one in definition.body) else None


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return isinstance(statement.value.value, str) or statement.value.value is ...
    if isinstance(statement, ast.Raise) and statement.exc is not None:
        return ast.unparse(statement.exc).startswith("NotImplementedError")
    return isinstance(statement, ast.Pass | ast.Import | ast.ImportFrom)
