"""A file of another tool: its bytes (unpacked, within bounds), its beginning, its lines and its JSON values."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from optiq.errors import InputError
from optiq.files.packed import check_streamed, is_gzip, open_unpacked
from optiq.formats.json_stream import JsonStream, loads

LONGEST_LINE = 32 * 1024 * 1024
"""Longest line, and largest JSON value, that is read: above it memory would not be bounded."""
_HEAD = 2 * 1024 * 1024
_LINES_OF_HEAD = 20
_SHOWN = 2_000


@dataclass(frozen=True)
class Source:
    """A file and those beside it: ``given`` are the others that were named with it."""

    path: Path
    given: Sequence[Path] = field(default=(), repr=False)

    @cached_property
    def is_gzip(self) -> bool:
        """Whether it is packed by gzip, by its first bytes."""
        return is_gzip(self.path)

    @property
    def is_zip(self) -> bool:
        """Whether it is a ZIP archive, or the beginning of one."""
        return self.beginning[:4] == b"PK\x03\x04"

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a SQLite database."""
        return self.beginning.startswith(b"SQLite format 3\x00")

    @cached_property
    def beginning(self) -> bytes:
        """The first two million bytes, unpacked; of JSON lines the first line at least."""
        with self.open() as file:
            try:
                data = file.read(_HEAD)
                more = self._is_called_lines and b"\n" not in data
                return data + file.readline(LONGEST_LINE) if more else data
            except InputError:
                return b""  # reading it says why

    @cached_property
    def heads(self) -> list[dict[str, Any]]:
        """The JSON objects that the file begins with, keys as far as they are in the beginning.

        Of JSON lines the first few, of a list of objects the first; of a long object, what comes first in it. A value
        that is cut off by the end of the beginning is ``...``.
        """
        text = self.beginning.decode("utf-8-sig", "replace")
        if self.is_lines:
            found = []
            for line in text.split("\n", _LINES_OF_HEAD)[:_LINES_OF_HEAD]:
                if line.strip() and isinstance(value := _or_none(line), dict):
                    found.append(value)
            return found or [_first_keys(text)]
        return [_first_keys(text)]

    @property
    def _is_called_lines(self) -> bool:
        return self.path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson"))

    @cached_property
    def is_lines(self) -> bool:
        """Whether each line is a JSON value of its own."""
        lines = self.beginning.decode("utf-8-sig", "replace").split("\n", _LINES_OF_HEAD)
        whole = [line for line in lines[:_LINES_OF_HEAD] if line.strip()]
        if len(whole) == 1 and len(lines) == 1:  # one long line: its beginning says
            return self._is_called_lines
        return any(isinstance(_or_none(line), dict) for line in whole[:2])

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes of the file, unpacked; ``InputError`` where it swells beyond belief or is cut off."""
        with open_unpacked(self.path, check_streamed) as file:
            yield file

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """The file itself, or an unpacked copy that is thrown away: for what is read from its end."""
        if not self.is_gzip:
            yield self.path
            return
        with tempfile.NamedTemporaryFile() as copy, self.open() as packed:
            while data := packed.read(1 << 20):
                copy.write(data)
            copy.flush()
            yield Path(copy.name)

    def lines(self) -> Iterator[tuple[int, bytes | str]]:
        """Lines that are not blank, with their numbers; for one that is too long, a reason instead."""
        with self.open() as file:
            if file.read(3) != b"\xef\xbb\xbf":
                file.seek(0)
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) <= LONGEST_LINE:
                    if line.strip():
                        yield number, line
                    continue
                length = len(line)
                while not line.endswith(b"\n") and (line := file.readline(LONGEST_LINE)):
                    length += len(line)
                yield number, f"the line has {length:,} bytes; {LONGEST_LINE:,} are read at most"

    def objects(self, *path: str) -> Iterator[tuple[int, dict[str, Any] | str, str | None]]:
        """(number, object or why there is none, what stands there) of each JSON object.

        Of JSON lines each line; else each element of the list at ``path`` (or, without one, of the list that the file
        is, or of the objects that follow one another).
        """
        if self.is_lines and not path:
            for number, raw in self.lines():
                if isinstance(raw, str):
                    yield number, raw, None
                    continue
                yield number, *_object(raw)
            return
        number = 0
        with self.open() as file:
            for value in JsonStream(self.path, file, LONGEST_LINE).values(*path):
                number += 1
                if isinstance(value, dict):
                    yield number, value, None
                else:
                    yield number, "the entry is not a JSON object", shown(value)

    def value(self, *path: str) -> Any:
        """The JSON value at ``path``, read no further than that; None if there is none."""
        with self.open() as file:
            return JsonStream(self.path, file, LONGEST_LINE).value(*path)

    def beside(self) -> list[Path]:
        """The files that may complete this one: those in its folder first, sorted, then those given with it."""
        folder = sorted(path for path in self.path.parent.iterdir() if path.is_file())
        return [path for path in dict.fromkeys([*folder, *self.given]) if path != self.path]


def shown(value: Any) -> str:
    """The beginning of a value, for people."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)[:_SHOWN]
    except (RecursionError, ValueError):
        return "nested too deeply to be shown"


def _object(raw: bytes) -> tuple[dict[str, Any] | str, str | None]:
    told = raw[:_SHOWN].decode("utf-8", "replace")
    try:
        value = loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return "the line is not UTF-8 text", told
    except (ValueError, RecursionError) as fault:
        cut = "" if raw.endswith(b"\n") else " (the last line is cut off: is the file still being written?)"
        return f"the line is not valid JSON: {fault}{cut}", told
    return (value, None) if isinstance(value, dict) else ("the line is not a JSON object", told)


def _or_none(text: str) -> Any:
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return None


def _first_keys(text: str) -> dict[str, Any]:
    """Key → value of the first object in ``text``, as far as it goes."""
    stream = JsonStream(Path("head"), io.BytesIO(text.encode("utf-8", "replace")), _HEAD)
    return stream.first_keys()
