"""What pyproject.toml cannot say: in a wheel the rooms stand inside the package `optiq`.

In the checkout they are folders of their own, as people read them, and imported by their names. Installed, such general
names (`tasks`, `sql`, …) would take those of other packages' and be taken by theirs, so a wheel holds `optiq.tasks`,
`optiq.sql`, … instead, with the imports written so. Nothing else of the sources changes, and no line moves.
"""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOMS = ("warehouse", "sql", "tasks", "flows", "deployments")
_NAMES = "|".join(ROOMS)
_FROM = re.compile(rf"^(\s*from )({_NAMES})(?=[. ])", re.MULTILINE)
_IMPORT = re.compile(rf"^(\s*)import ({_NAMES})$", re.MULTILINE)
_NAMED = re.compile(rf"([\"'])({_NAMES})\.(?=[a-z_]+[.\"'])")
_ENTRY = re.compile(rf"^(\s*entrypoint: )({_NAMES})\.", re.MULTILINE)


def inside(text: str) -> str:
    """A module's text with rooms named as they are inside ``optiq``."""
    text = _IMPORT.sub(r"\1from optiq import \2", _FROM.sub(r"\1optiq.\2", text))
    return _NAMED.sub(r"\1optiq.\2.", text)


def left_outside(text: str) -> list[str]:
    """Imports and dotted names that still name a room from outside."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in ROOMS]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found += [node.module] if node.module.split(".")[0] in ROOMS else []
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += re.findall(rf"^(?:{_NAMES})\.[a-z_.]+$", node.value)
    return found


class Inside(build_py):
    """Builds the packages, then puts the rooms inside."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        built = Path(self.build_lib)
        for room in ROOMS:
            target = built / "optiq" / room
            shutil.rmtree(target, ignore_errors=True)
            if (built / room).exists():
                (built / room).rename(target)
        for path in (built / "optiq").rglob("*.py"):
            text = inside(path.read_text(encoding="utf-8"))
            if found := left_outside(text):
                raise SystemExit(f"{path} names {', '.join(found)}, which an installation does not have")
            path.write_text(text, encoding="utf-8")
        deployments = built / "optiq" / "deployments" / "prefect.yaml"
        deployments.write_text(
            _ENTRY.sub(r"\1optiq.\2.", deployments.read_text(encoding="utf-8")), encoding="utf-8"
        )


setup(cmdclass={"build_py": Inside})
