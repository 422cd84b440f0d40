"""Texts that go round in circles: at temperature 0 a small model that said something three times says it for ever.

A penalty on repeated tokens would change texts that repeat nothing, too. So nothing is forbidden: a text that has
gone round often enough is ended.
"""

from __future__ import annotations

import re

COPIES = 3
LEAST_CHARS = 300
_LONGEST = 8000  # of which the longest block that is found is a third
_NEEDLE = 24
_LOOK_EVERY = 64
_LIST_NUMBER = re.compile(r"^[ \t]*\d+[.):][ \t]+", re.MULTILINE)


def loop_at_end(text: str) -> int | None:
    """Characters of the block that the end of ``text`` repeats word for word; None if it repeats none.

    There must be three copies of it, over 300 characters together: a line of dashes, a refrain or a table of zeros is
    shorter. The numbers of a list are no difference, and do not count.
    """
    text = _LIST_NUMBER.sub("", text[-_LONGEST:])
    end = len(text)
    needle = text[-_NEEDLE:]
    at = end - len(needle)
    while (at := text.rfind(needle, 0, at + len(needle) - 1)) >= 0:
        block = end - len(needle) - at
        span = max(COPIES * block, LEAST_CHARS)
        if span > end:
            return None
        if text.startswith(text[end - span : end - block], end - span + block):
            return block
    return None


class LoopWatch:
    """Hears a text piece by piece; looks now and then whether it goes round in circles."""

    def __init__(self) -> None:
        self._tail = ""
        self._unseen = 0

    def heard(self, piece: str) -> bool:
        """Whether the text goes round in circles with this piece."""
        self._tail = (self._tail + piece)[-_LONGEST:]
        self._unseen += len(piece)
        if self._unseen < _LOOK_EVERY:
            return False
        self._unseen = 0
        return loop_at_end(self._tail) is not None
