"""Files that gzip packed: what kind of file is inside, and its bytes, as long as it does not swell beyond belief."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from optiq.errors import InputError
from optiq.files.limits import check_unpacked

PACKED = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")
"""What people pack: text. Parquet and spreadsheets are packed in themselves."""
_GZ = ".gz"
# Logs shrink 5 to 50 times; gzip ends at about 1000. What swells more than this is no log.
_MOST_SWOLLEN = 300
_ALWAYS_STREAMED = 256 * 1024 * 1024


def suffix_of(path: Path) -> str:
    """How the name of ``path`` ends, in lower case; ``questions.csv.gz`` ends like the file inside, ``.csv``."""
    suffix = path.suffix.lower()
    if suffix == _GZ and (inside := Path(path.stem).suffix.lower()) in PACKED:
        return inside
    return suffix


def is_gzip(path: Path) -> bool:
    """Whether the first bytes of ``path`` are those of gzip."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def check_streamed(path: Path, n_bytes: int) -> None:
    """:class:`~optiq.errors.InputError` if ``n_bytes`` are too many for ``path``, of which few are kept at a time."""
    if n_bytes > max(_ALWAYS_STREAMED, _MOST_SWOLLEN * path.stat().st_size):
        raise InputError(f"{path} unpacks to more than {_MOST_SWOLLEN} times its size", "Is it a log at all?")


@contextmanager
def open_unpacked(
    path: Path, check: Callable[[Path, int], None] = check_unpacked, *, named_so: bool = False
) -> Iterator[BinaryIO]:
    """The bytes of ``path``, unpacked if gzip packed it (``named_so``: and if its name says so).

    ``check`` is asked (path, bytes so far) and raises where they are too many. :class:`~optiq.errors.InputError` also
    where the file is cut off or damaged.
    """
    if not is_gzip(path) or (named_so and path.suffix.lower() != _GZ):
        with path.open("rb") as file:
            yield file
        return
    with path.open("rb") as file, gzip.GzipFile(fileobj=file) as unpacked:
        yield cast(BinaryIO, io.BufferedReader(_Checked(path, cast(BinaryIO, unpacked), check), 1 << 20))


class _Checked(io.RawIOBase):
    def __init__(self, path: Path, unpacked: BinaryIO, check: Callable[[Path, int], None]) -> None:
        self._path, self._unpacked, self._check = path, unpacked, check

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._unpacked.seek(offset, whence)

    def tell(self) -> int:
        return self._unpacked.tell()

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._unpacked.read(len(buffer))
        except (EOFError, zlib.error, OSError) as fault:
            raise InputError(
                f"{self._path} cannot be unpacked: {fault}", "Copy it again: it is cut off or damaged."
            ) from None
        self._check(self._path, self._unpacked.tell())
        buffer[: len(data)] = data
        return len(data)
