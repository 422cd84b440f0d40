"""A file that is copied while others work: whole at the end of the block, or the fault is said there. And a copy made
over an older one that nobody needs any more: the same file, with as little written as differs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.files import copying as of_copies
from optiq.files.copying import copy, copy_apart, copying, take_over

MB = 1024 * 1024


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


_sizes = st.sampled_from([0, 1, 1000, MB // 4 - 1, MB // 4, MB // 4 + 1, MB // 2, MB, MB + 7])


@given(_sizes, _sizes, st.lists(st.integers(0, MB), max_size=5))
def test_a_copy_over_any_older_file_is_the_file(
    tmp_path_factory: pytest.TempPathFactory, size: int, older: int, changed: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("copies")
    content = bytearray(b"content " * (size // 8 + 1))[:size]
    before = bytearray(b"content " * (older // 8 + 1))[:older]
    for place in changed:
        if place < older:
            before[place] = 0
    (folder / "source").write_bytes(content)
    (folder / "target").write_bytes(before)
    copy(folder / "source", folder / "target")
    assert (folder / "target").read_bytes() == content


def test_only_what_differs_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(8 * MB) + b"new at the end")
    target.write_bytes(bytes(3 * MB) + b"other" + bytes(5 * MB - 5))
    written: list[int] = []

    def write(file: int, data: memoryview, start: int) -> int:
        written.append(len(data))
        return _pwrite(file, data, start)

    _pwrite = os.pwrite
    monkeypatch.setattr(of_copies, "_shares_blocks", lambda *_: False)  # as on most file systems
    monkeypatch.setattr(os, "pwrite", write)
    copy(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert sum(written) < MB


def test_a_copy_to_disk_has_the_mode_of_the_file(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"content")
    source.chmod(0o444)
    target.write_bytes(b"before")
    copy_apart(source, target)
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"content", 0o444)


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_file_that_nobody_reads_is_taken_over_with_the_mode_of_a_new_one(
    tmp_path: Path, umask: int
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"content")
    old.chmod(0o444)
    before = os.umask(umask)
    try:
        assert take_over(old, new)
    finally:
        os.umask(before)
    assert (old.exists(), new.read_bytes(), new.stat().st_mode & 0o777) == (False, b"content", 0o666 & ~umask)


_READER = """
import mmap, sys
opened = open(sys.argv[1], "rb")
held = mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ)
opened.close()
print("open", flush=True)
sys.stdin.read()
"""


def test_what_another_process_reads_stays_what_it_was(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"content")
    command = [sys.executable, "-c", _READER, str(old)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        assert not take_over(old, new)
        reader.communicate("")
    assert (old.read_bytes(), new.exists()) == (b"content", False)
    assert take_over(old, new)


def test_what_this_process_reads_stays_what_it_was(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"content")
    with old.open("rb"):
        assert not take_over(old, new)
    assert old.read_bytes() == b"content"


def test_a_file_with_another_name_stays_as_backups_link_it(tmp_path: Path) -> None:
    old, backup, new = tmp_path / "old", tmp_path / "backup", tmp_path / "new"
    old.write_bytes(b"content")
    os.link(old, backup)
    assert not take_over(old, new)
    assert (old.read_bytes(), new.exists()) == (b"content", False)


def test_a_link_is_no_file_of_ours(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"content")
    (tmp_path / "old").symlink_to(tmp_path / "elsewhere")
    assert not take_over(tmp_path / "old", tmp_path / "new")
    assert (tmp_path / "old").is_symlink()
