"""A file that is copied while others work: whole at the end of the block, or the fault is said there."""

from __future__ import annotations

from pathlib import Path

import pytest

from optiq.files.copying import copying


def test_the_copy_is_whole_at_the_end_of_the_block(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * 50_000)
    target.write_bytes(b"longer than nothing")
    with copying(source, target):
        pass
    assert target.read_bytes() == source.read_bytes()


def test_what_the_system_refuses_is_said_at_the_end_of_the_block(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")
    reached = False
    with (
        pytest.raises(FileNotFoundError, match="no such folder"),
        copying(source, tmp_path / "no such folder" / "a"),
    ):
        reached = True
    assert reached


def test_a_fault_in_the_block_comes_through(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")
    with pytest.raises(ZeroDivisionError), copying(source, tmp_path / "target"):
        raise ZeroDivisionError
