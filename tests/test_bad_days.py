"""docs/bad-days.md lists bad days with the test of each: the tests that it names are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
ROW = re.compile(r"^\| (.+) \| (.+) \| `([\w/.]+)::(\w+)` \|$", re.MULTILINE)


def test_every_bad_day_has_its_test() -> None:
    rows = ROW.findall((TESTS.parent / "docs" / "bad-days.md").read_text(encoding="utf-8"))
    assert len({day for day, *_ in rows}) == len(rows) >= 60
    for _, _, path, name in rows:
        functions = ast.walk(ast.parse((TESTS / path).read_text(encoding="utf-8")))
        assert name in {one.name for one in functions if isinstance(one, ast.FunctionDef)}, (path, name)
