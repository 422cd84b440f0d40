"""Modules that a person names for their functions and classes: those of the current folder are found."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType


def own_module(name: str) -> ModuleType:
    """Import the module ``name``: one of the current folder goes before an installed one.

    Only while it is imported. What it imports later is found in the folder, too, but other files of the folder then
    take the place of no package that the rest of the process asks for.
    """
    folder = str(Path.cwd())
    if folder in sys.path:
        return importlib.import_module(name)
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)
        sys.path.append(folder)
