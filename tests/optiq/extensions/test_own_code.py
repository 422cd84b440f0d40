"""A module that a person names is found in the current folder; the folder's other files take no package's place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from optiq.extensions.own_code import own_module


def test_a_named_module_is_the_folders_and_later_imports_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ours_by_name.py").write_text("import ours_beside\nwhat = ours_beside.what\n")
    (tmp_path / "ours_beside.py").write_text("what = 'ours'\n")
    (tmp_path / "this.py").write_text("raise ImportError('of the folder')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one not in ("", str(tmp_path))])
    for name in ("ours_by_name", "ours_beside", "this"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert own_module("ours_by_name").what == "ours"
    assert sys.path[-1] == str(tmp_path)
    before = list(sys.path)
    import this  # Python's own, although the folder has one

    assert this.__file__ is not None
    assert Path(this.__file__).parent != tmp_path
    assert own_module("ours_beside").what == "ours"
    assert sys.path == before
