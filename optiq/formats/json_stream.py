"""JSON that is larger than memory: the elements of one list in a document, one after the other.

Python's own scanner reads each value; around it stands only the way to the list. Unlike the fast parsers of events it
takes NaN and whole numbers of any size, which programs write.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from optiq.errors import InputError

_CHUNK = 1 << 20
_SPACE = " \t\n\r"


def _finite(word: str) -> None:
    """NaN and Infinity are no figures: nothing is known."""


_DECODER = json.JSONDecoder(parse_constant=_finite)


def loads(text: str) -> Any:
    """The value in ``text``; NaN and Infinity are None. ``ValueError`` or ``RecursionError`` if there is none."""
    return _DECODER.decode(text)


class JsonStream:
    """Reads a document from ``file``; no value above ``longest`` bytes is held. ``path`` names it in messages."""

    def __init__(self, path: Path, file: BinaryIO, longest: int) -> None:
        self._path, self._file, self._longest = path, file, longest
        self._text, self._at, self._ended = "", 0, False
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def values(self, *path: str) -> Iterator[Any]:
        """The elements of the list at ``path`` (keys from the outermost object).

        Without a path: the elements of the outermost list, or the values that follow one another. Nothing if there is
        no such list.

        Raises
        ------
        InputError
            where the document is cut off or no JSON; what came before is given.
        """
        if not path and self._peek() != "[":
            while self._peek():
                yield self._value()
            return
        if path and not self._enter(path):
            return
        if self._peek() != "[":
            return
        self._at += 1
        if self._peek() == "]":
            return
        while True:
            yield self._value()
            if (next_one := self._peek()) == "]":
                return
            if next_one != ",":
                raise self._fault("a comma is missing" if next_one else "it is cut off")
            self._at += 1

    def value(self, *path: str) -> Any:
        """The value at ``path``; None if there is none."""
        return self._value() if self._enter(path) else None

    def first_keys(self) -> dict[str, Any]:
        """Keys of the outermost object (or of the first of a list) with their values, as far as they can be read."""
        found: dict[str, Any] = {}
        try:
            if self._peek() == "[":
                self._at += 1
            for key in self._keys():
                found[key] = ...
                found[key] = self._value()
        except InputError:
            pass
        return found

    def _enter(self, path: tuple[str, ...]) -> bool:
        """Go to the value at ``path``; values before it are read past. Whether there is one."""
        for name in path:
            for key in self._keys():
                if key == name:
                    break
                self._value()
            else:
                return False
        return True

    def _keys(self) -> Iterator[str]:
        """The keys of the object that stands next, each time before its value."""
        if self._peek() != "{":
            return
        self._at += 1
        while self._peek() != "}":
            key = self._value()
            if not isinstance(key, str) or self._peek() != ":":
                raise self._fault("a key is missing" if self._peek() else "it is cut off")
            self._at += 1
            yield key
            if self._peek() == ",":
                self._at += 1
            elif self._peek() != "}":
                raise self._fault("a comma is missing" if self._peek() else "it is cut off")
        self._at += 1

    def _peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more(_CHUNK):
                return ""

    def _value(self) -> Any:
        """The value that stands next."""
        self._peek()
        wanted = _CHUNK
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                # A number that ends with what is read so far may go on.
                if end < len(self._text) or self._ended or self._text[end - 1] in '}]"':
                    self._at = end
                    return value
            except (ValueError, RecursionError) as fault:
                if self._ended or isinstance(fault, RecursionError):
                    at = getattr(fault, "pos", 0)
                    cut = "Unterminated" in str(fault) or at >= len(self._text) - 1
                    raise self._fault("it is cut off" if cut else str(fault)) from None
            if len(self._text) - self._at > self._longest:
                raise self._fault(f"a value is larger than {self._longest:,} bytes, or no JSON")
            self._more(wanted)
            wanted *= 2

    def _more(self, wanted: int) -> bool:
        """Read on; whether there was more."""
        if self._ended:
            return False
        data = self._file.read(wanted)
        self._ended = not data
        self._text = self._text[self._at :] + self._decode(data, not data)
        self._at = 0
        if self._text.startswith("\ufeff"):
            self._at = 1
        return bool(data)

    def _fault(self, why: str) -> InputError:
        return InputError(
            f"{self._path} is not valid JSON: {why}", "Is it still being written, or cut off? Give it whole."
        )
